//! Takes one grant out of the text of a policy file, or puts narrower ones in its place. As in [`super::edit`] all else
//! stays as it is, to the byte, and the result is read back before it is given out.

use std::path::Path;

use super::edit::{EditError, add_grant, quote};
use super::load::{Places, parse};
use super::model::{Permission, Policy};
use super::remedy::Remedy;
use crate::skill::Severity;
use crate::yaml::{self, Node};

/// Where a grant stands: its list, line and column (1-based).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub permission: Permission,
    pub line: usize,
    pub column: usize,
}

/// `text` without the grant at `spot`. A list that would be empty goes too, and what would be empty around it, unless a
/// comment would be lost with it: only one on the grant's own line goes with the grant.
pub fn remove_grant(text: &str, spot: Spot, file: &Path, places: &Places) -> Result<String, EditError> {
    let before = sound(text, file, places)?;
    let document = yaml::parse(text).unwrap_or_default();
    let found = document.root.as_ref().and_then(|root| find(root, spot));
    let Some((root, index)) = document.root.as_ref().zip(found) else { return Err(gone(spot)) };
    let wanted = without(before, spot.permission, index).digest();
    let careful = careful_cuts(text, root, spot.permission, index);
    let edited = cuts(text, root, spot.permission, index).into_iter().chain(careful).find(|edited| {
        let after = parse(edited, file, places);
        !after.has_errors() && after.policy.digest() == wanted && keeps_comments(text, edited, spot.line)
    });
    edited.ok_or(EditError::Fixed(spot.line, spot.permission.name()))
}

/// `text` with `narrower` in place of the grant at `spot`.
pub fn replace_grant(
    text: &str,
    spot: Spot,
    narrower: &[Remedy],
    file: &Path,
    places: &Places,
) -> Result<String, EditError> {
    let removed = remove_grant(text, spot, file, places);
    let before = sound(text, file, places)?;
    let document = yaml::parse(text).unwrap_or_default();
    let root = document.root.as_ref();
    let Some((root, index)) = root.zip(root.and_then(|root| find(root, spot))) else {
        return Err(gone(spot));
    };
    let mut wanted = without(before, spot.permission, index);
    for remedy in narrower {
        let alone = add_grant("", remedy, file, places)?;
        wanted = wanted.merged(parse(&alone, file, places).policy);
    }
    // At the same place, when it is the same list.
    let same_list = narrower.iter().all(|remedy| remedy.permission == spot.permission.name());
    if let Some(edited) = in_place(text, root, spot.permission, index, narrower).filter(|_| same_list) {
        let after = parse(&edited, file, places);
        if !after.has_errors() && after.policy.digest() == wanted.digest() {
            return Ok(edited);
        }
    }
    narrower.iter().try_fold(removed?, |text, remedy| add_grant(&text, remedy, file, places))
}

fn sound(text: &str, file: &Path, places: &Places) -> Result<Policy, EditError> {
    let loaded = parse(text, file, places);
    match loaded.diagnostics.iter().find(|found| found.severity == Severity::Error) {
        Some(found) => Err(EditError::Broken { line: found.span.line, message: found.message.clone() }),
        None => Ok(loaded.policy),
    }
}

fn gone(spot: Spot) -> EditError {
    EditError::Gone(spot.line, spot.permission.name())
}

fn list(root: &Node, permission: Permission) -> Option<(&Node, &Node)> {
    root.get("permissions")?.get_pair(permission.name())
}

fn find(root: &Node, spot: Spot) -> Option<usize> {
    let (_, list) = list(root, spot.permission)?;
    let at = |item: &Node| (item.span.line, item.span.column) == (spot.line, spot.column);
    list.as_sequence()?.iter().position(at)
}

fn without(mut policy: Policy, permission: Permission, index: usize) -> Policy {
    match permission {
        Permission::Read => drop(policy.read.remove(index)),
        Permission::Write => drop(policy.write.remove(index)),
        Permission::Net => drop(policy.net.remove(index)),
        Permission::Run => drop(policy.run.remove(index)),
        Permission::Env => drop(policy.env.remove(index)),
    }
    policy
}

/// The text with the item cut out, and with more and more of what is around it.
fn cuts(text: &str, root: &Node, permission: Permission, index: usize) -> Vec<String> {
    let Some((_, list)) = list(root, permission) else { return Vec::new() };
    let items = list.as_sequence().unwrap_or_default();
    let mut cuts = Vec::new();
    let item_spans: Vec<_> = items.iter().map(|item| (item.span.start, item.span.end)).collect();
    if items.len() > 1 {
        cuts.extend(cut(text, &item_spans, index, list.flow));
        return cuts;
    }
    // The last of its list: the list goes, and then the mapping that holds nothing else.
    let permissions = root.get("permissions");
    for (mapping, name) in [(permissions, permission.name()), (Some(root), "permissions")] {
        let Some(mapping) = mapping else { continue };
        let pairs = mapping.as_mapping().unwrap_or_default();
        let spans: Vec<_> = pairs.iter().map(|(key, value)| (key.span.start, end_of(value))).collect();
        let Some(at) = pairs.iter().position(|(key, _)| key.as_str() == Some(name)) else { continue };
        if pairs.len() > 1 || (name == "permissions" && !mapping.flow) {
            cuts.extend(cut(text, &spans, at, mapping.flow));
        }
    }
    cuts
}

/// Where a value ends: a block list has no end of its own.
fn end_of(node: &Node) -> usize {
    let last = match (node.flow, node.as_sequence(), node.as_mapping()) {
        (false, Some(items), _) => items.last().map(end_of),
        (false, _, Some(pairs)) => pairs.last().map(|(key, value)| end_of(value).max(key.span.end)),
        _ => None,
    };
    last.unwrap_or(node.span.end)
}

/// Without one of several parts: between brackets with its comma, else with its lines.
fn cut(text: &str, parts: &[(usize, usize)], at: usize, flow: bool) -> Option<String> {
    let (start, end) = *parts.get(at)?;
    let (from, to) = if flow {
        match (parts.get(at + 1), at.checked_sub(1).map(|before| parts[before])) {
            (Some((next, _)), _) => (start, *next),
            (None, Some((_, before))) => (before, end),
            (None, None) => (start, end),
        }
    } else {
        let from = text.get(..start)?.rfind('\n').map_or(0, |end| end + 1);
        (from, text.get(end..)?.find('\n').map_or(text.len(), |length| end + length + 1))
    };
    Some([text.get(..from)?, text.get(to..)?].concat())
}

/// For lists with comments in them: the item's own line, or an empty list in place of the last item.
fn careful_cuts(text: &str, root: &Node, permission: Permission, index: usize) -> Vec<String> {
    let Some((key, list)) = list(root, permission) else { return Vec::new() };
    let items = list.as_sequence().unwrap_or_default();
    let Some(span) = items.get(index).map(|item| item.span) else { return Vec::new() };
    let line = own_line(text, span.start, span.end);
    let without_line = line.and_then(|(from, to)| Some([text.get(..from)?, text.get(to..)?].concat()));
    if items.len() > 1 {
        // The comma before the item goes with it, though a comment stands before the comma.
        let from = text.get(..span.start).and_then(|before| Some(before.trim_end().strip_suffix(',')?.len()));
        let without_comma = from.map(|from| [&text[..from], &text[span.end..]].concat());
        return without_line.into_iter().chain(without_comma).collect();
    }
    let emptied = if list.flow {
        [&text[..span.start], &text[span.end..]].concat()
    } else {
        let colon = text[key.span.end..].find(':').map_or(key.span.end, |colon| key.span.end + colon + 1);
        let Some((from, to)) = line.filter(|(from, _)| *from >= colon) else { return Vec::new() };
        [&text[..colon], " []", &text[colon..from], &text[to..]].concat()
    };
    // The list goes with its last item where that is all that stands on its lines.
    let block = root.get("permissions").is_some_and(|permissions| !permissions.flow);
    let whole = own_line(text, key.span.start, end_of(list)).filter(|_| block);
    let whole = whole.and_then(|(from, to)| Some([text.get(..from)?, text.get(to..)?].concat()));
    whole.into_iter().chain([emptied]).collect()
}

/// The line of a part of the text, when nothing else stands on it but a comment behind it.
fn own_line(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let from = text.get(..start)?.rfind('\n').map_or(0, |end| end + 1);
    let to = text.get(end..)?.find('\n').map_or(text.len(), |length| end + length + 1);
    let (before, after) = (text.get(from..start)?.trim(), text.get(end..to)?.trim());
    let after = after.strip_prefix(',').map_or(after, str::trim_start);
    (matches!(before, "" | "-") && (after.is_empty() || after.starts_with('#'))).then_some((from, to))
}

/// Whether every comment of `before` is still there, in its order, but for one on `line`.
fn keeps_comments(before: &str, after: &str, line: usize) -> bool {
    fn comments(text: &str) -> impl Iterator<Item = (usize, &str)> {
        let lines = text.lines().enumerate();
        lines.filter_map(|(at, line)| Some((at + 1, line.get(line.find('#')?..)?.trim_end())))
    }
    let mut left = comments(after).map(|(_, comment)| comment);
    comments(before).filter(|(at, _)| *at != line).all(|(_, comment)| left.any(|other| other == comment))
}

fn in_place(
    text: &str,
    root: &Node,
    permission: Permission,
    index: usize,
    narrower: &[Remedy],
) -> Option<String> {
    let (_, list) = list(root, permission)?;
    let span = list.as_sequence()?.get(index)?.span;
    let values: Vec<String> = narrower.iter().map(|remedy| quote(&remedy.add)).collect();
    let between = if list.flow {
        ", ".to_owned()
    } else {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let line = text.get(text.get(..span.start)?.rfind('\n').map_or(0, |end| end + 1)..span.start)?;
        format!("{newline}{line}")
    };
    Some([text.get(..span.start)?, &values.join(&between), text.get(span.end..)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places { workspace: "/w".into(), home: Some("/home/ada".into()) }
    }

    /// Without the grant that is written like this, which stands in the list of a permission.
    fn removed(text: &str, permission: Permission, written: &str) -> Result<String, EditError> {
        remove_grant(text, spot(text, permission, written), Path::new("/w/a/policy.yaml"), &places())
    }

    fn spot(text: &str, permission: Permission, written: &str) -> Spot {
        let at = text.find(written).unwrap();
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        Spot { permission, line, column }
    }

    #[test]
    fn one_of_several_goes_alone() {
        let table = [
            ("permissions:\n  read: [./a, ./b]  # why\n", "./a", "permissions:\n  read: [./b]  # why\n"),
            ("permissions:\n  read: [./a, ./b]\n", "./b", "permissions:\n  read: [./a]\n"),
            (
                "permissions:\n  # above\n  read:\n  - ./a  # one\n  - ./b\n# below\n",
                "./a",
                "permissions:\n  # above\n  read:\n  - ./b\n# below\n",
            ),
            (
                "permissions:\r\n  read:\r\n    - './a'\r\n    - ./b\r\n",
                "./b",
                "permissions:\r\n  read:\r\n    - './a'\r\n",
            ),
        ];
        for (text, written, expected) in table {
            assert_eq!(removed(text, Permission::Read, written).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_would_be_empty_goes_too() {
        let table = [
            ("# mine\npermissions:\n  read: [./a]\n  run: [git]\n", "# mine\npermissions:\n  run: [git]\n"),
            (
                "# mine\npermissions:\n  read:\n    - ./a\n  run: [git]\n",
                "# mine\npermissions:\n  run: [git]\n",
            ),
            ("# mine\npermissions:\n  read: [./a]\nlimits: {wall: 5s}\n", "# mine\nlimits: {wall: 5s}\n"),
            ("permissions: {read: [./a], run: [git]}\n", "permissions: {run: [git]}\n"),
            ("permissions: {run: [git], read: [./a]}\n", "permissions: {run: [git]}\n"),
            ("{permissions: {read: [./a]}, limits: {wall: 5s}}\n", "{limits: {wall: 5s}}\n"),
            ("# mine\npermissions: {read: [./a]}\n", "# mine\n"),
        ];
        for (text, expected) in table {
            assert_eq!(removed(text, Permission::Read, "./a").as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn comments_stay_but_for_one_on_the_line_of_the_grant() {
        let table = [
            (
                "permissions:\n  read:\n    # one\n    - ./b\n    # two\n    - ./a # own\n",
                "permissions:\n  read:\n    # one\n    - ./b\n    # two\n",
            ),
            (
                "permissions:\n  read: [\n    ./a, # own\n    # of b\n    ./b,\n  ]\n",
                "permissions:\n  read: [\n    # of b\n    ./b,\n  ]\n",
            ),
            (
                "permissions:\n  read: # of the list\n    # why\n    - ./a\n  run: [git]\n",
                "permissions:\n  read: [] # of the list\n    # why\n  run: [git]\n",
            ),
            ("permissions:\n  # why\n  read: [./a]\n", "permissions:\n  # why\n"),
            ("permissions: # all\n  read: [./a] # own\n", "permissions: # all\n"),
            ("permissions:\n  read: [ # why\n    ./a ]\n", "permissions:\n  read: [ # why\n     ]\n"),
        ];
        for (text, expected) in table {
            assert_eq!(removed(text, Permission::Read, "./a").as_deref(), Ok(expected), "{text}");
        }
        let between = removed("permissions:\n  read: [./b # b\n    , ./a]\n", Permission::Read, "./a");
        assert_eq!(between, Ok("permissions:\n  read: [./b # b\n    ]\n".to_owned()));
    }

    #[test]
    fn narrower_grants_come_in_its_place() {
        let file = Path::new("/w/a/policy.yaml");
        let replaced = |text: &str, with: &[(Permission, &str)]| {
            let with: Vec<Remedy> = with.iter().map(|(to, add)| Remedy::new(*to, *add)).collect();
            replace_grant(text, spot(text, Permission::Write, "./a"), &with, file, &places()).unwrap()
        };
        let text = "permissions:\n  write:\n    - ./a  # why\n    - ./b\n";
        let two = [(Permission::Write, "./a/x.txt"), (Permission::Write, "./a/y z")];
        assert_eq!(
            replaced(text, &two),
            "permissions:\n  write:\n    - ./a/x.txt\n    - \"./a/y z\"  # why\n    - ./b\n"
        );
        assert_eq!(
            replaced("permissions: {write: [./a, ./b]}", &two),
            "permissions: {write: [./a/x.txt, \"./a/y z\", ./b]}"
        );
        assert_eq!(
            replaced("permissions:\n  write: [./a]\n", &[(Permission::Read, "./a")]),
            "permissions:\n  read: [./a]\n"
        );
    }

    #[test]
    fn a_grant_that_has_moved_is_not_guessed() {
        let text = "permissions:\n  read: [./a, ./b]\n";
        let spot = Spot { permission: Permission::Read, line: 2, column: 3 };
        let error = remove_grant(text, spot, Path::new("/w/a/policy.yaml"), &places()).unwrap_err();
        assert_eq!(error, EditError::Gone(2, "read"));
        let broken = "permissions: {read: [5, ./a]}\n";
        assert!(matches!(removed(broken, Permission::Read, "./a"), Err(EditError::Broken { .. })));
    }
}
