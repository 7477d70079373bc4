//! Findings about a policy file that is sound, but asks for more than it needs. Used by `skilldeck check`, never by a
//! run: nothing of this keeps a policy from being put in force.
//!
//! Only what holds on every machine is said. So a path is missing when it is missing in the skill itself; another one
//! may exist elsewhere.

use std::path::Path;

use super::load::{Loaded, Places, parse};
use super::model::{Grant, Host, NetRule, Permission, Policy, RunRule};
use super::programs;
use crate::skill::rules::{self, Rule};
use crate::skill::{Diagnostic, Edit, Fix, Span};
use crate::yaml::{self, Node};

/// What is wrong with the text of a policy file, and what it asks for in vain.
pub fn diagnose(text: &str, file: &Path, places: &Places) -> Vec<Diagnostic> {
    let loaded = parse(text, file, places);
    let more = review(text, &loaded, file, places);
    let mut all = loaded.diagnostics;
    all.extend(more);
    all.sort_by_key(|found| (found.span.start, found.severity));
    all
}

fn review(text: &str, loaded: &Loaded, file: &Path, places: &Places) -> Vec<Diagnostic> {
    // With an error some items have no grant, and nothing is in force anyway.
    if loaded.has_errors() {
        return Vec::new();
    }
    let Ok(document) = yaml::parse(text) else { return Vec::new() };
    let skill = file.parent().unwrap_or(Path::new("/"));
    let reviewer = Reviewer { policy: &loaded.policy, skill, places };
    let mut found = Vec::new();
    for permission in Permission::ALL {
        let Some(list) = document.root.as_ref().and_then(|root| list(root, permission)) else { continue };
        let items = list.as_sequence().unwrap_or_default();
        for (at, item) in items.iter().enumerate() {
            let Some((rule, message, help)) = reviewer.item(permission, at) else { continue };
            let unneeded = rule == rules::POLICY_UNNEEDED;
            let fix = removal(text, list, items, at).filter(|_| unneeded);
            found.push(diagnostic(rule, file, item.span, message, help, fix));
        }
    }
    found
}

fn list(root: &Node, permission: Permission) -> Option<&Node> {
    let (_, permissions) = root.get_pair("permissions")?;
    permissions.get_pair(permission.name()).map(|(_, list)| list)
}

fn diagnostic(
    rule: Rule,
    file: &Path,
    span: Span,
    message: String,
    help: &str,
    fix: Option<Edit>,
) -> Diagnostic {
    let fix = fix.map(|edit| Fix { title: "remove the grant".to_owned(), edits: vec![edit] });
    let (severity, code) = (rule.severity, rule.code);
    Diagnostic { severity, code, file: file.to_owned(), span, message, help: help.to_owned(), fix }
}

struct Reviewer<'a> {
    policy: &'a Policy,
    skill: &'a Path,
    places: &'a Places,
}

/// Rule, message and help.
type Remark = (Rule, String, &'static str);

fn unneeded(message: String) -> Remark {
    (rules::POLICY_UNNEEDED, message, "remove it; a shorter request is approved sooner")
}

impl Reviewer<'_> {
    /// What is to say about the grant at this place of its list.
    fn item(&self, permission: Permission, at: usize) -> Option<Remark> {
        let policy = self.policy;
        match permission {
            Permission::Read => self.read(policy.read.get(at)?, at),
            Permission::Write => self.write(policy.write.get(at)?, at),
            Permission::Net => covered(&policy.net, at, net_covers),
            Permission::Run => covered(&policy.run, at, run_covers),
            Permission::Env => covered(&policy.env, at, |wide, narrow| wide == narrow),
        }
    }

    fn read(&self, grant: &Grant<std::path::PathBuf>, at: usize) -> Option<Remark> {
        let (path, written) = (&grant.value, &grant.written);
        if path.starts_with(self.skill) {
            if path.symlink_metadata().is_err() {
                let message = format!("`{written}` does not exist in the skill");
                return Some((rules::POLICY_MISSING_PATH, message, "make it, or correct the path"));
            }
            let stays = path.canonicalize().is_ok_and(|real| real.starts_with(self.skill));
            return stays
                .then(|| unneeded(format!("`{written}`: a run reads the skill's own folder anyway")));
        }
        if crate::skill::interpreter::is_system(path) {
            return Some(unneeded(format!("`{written}`: every run reads the system's folders")));
        }
        let wider = self.policy.write.iter().find(|write| path_covers(&write.value, path));
        if let Some(write) = wider {
            return Some(unneeded(format!("`{written}` is granted by write `{}` already", write.written)));
        }
        covered(&self.policy.read, at, |wide, narrow| path_covers(wide, narrow))
            .or_else(|| self.outside(grant))
    }

    fn write(&self, grant: &Grant<std::path::PathBuf>, at: usize) -> Option<Remark> {
        let covers = |wide: &std::path::PathBuf, narrow: &std::path::PathBuf| {
            // A grant around the skill does not open the skill itself.
            let opens = !narrow.starts_with(self.skill) || wide.starts_with(self.skill);
            // What is not there yet is made for its own grant.
            wide == narrow || (opens && narrow.exists() && path_covers(wide, narrow))
        };
        covered(&self.policy.write, at, covers).or_else(|| self.outside(grant))
    }

    fn outside(&self, grant: &Grant<std::path::PathBuf>) -> Option<Remark> {
        let workspace = &self.places.workspace;
        let inside = grant.value.starts_with(self.skill)
            || grant.value.starts_with(workspace)
            || workspace.canonicalize().is_ok_and(|workspace| grant.value.starts_with(workspace));
        let message = format!("`{}` is outside of the skill and of the workspace", grant.written);
        let help = "say in a comment what it is needed for, or use `${workspace}`";
        (!inside).then_some((rules::POLICY_OUTSIDE, message, help))
    }
}

/// Whether another grant of the list covers this one. Of two that cover each other the later one is not needed.
fn covered<T>(list: &[Grant<T>], at: usize, covers: impl Fn(&T, &T) -> bool) -> Option<Remark> {
    let grant = list.get(at)?;
    let wide = list.iter().enumerate().find(|(other, wide)| {
        *other != at
            && covers(&wide.value, &grant.value)
            && (*other < at || !covers(&grant.value, &wide.value))
    });
    wide.map(|(_, wide)| match (&grant.written, &wide.written) {
        (written, other) if written == other => unneeded(format!("`{written}` is there twice")),
        (written, other) => unneeded(format!("`{written}` is granted by `{other}` already")),
    })
}

/// As written and with all links resolved.
fn path_covers(wide: &Path, narrow: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    narrow.starts_with(wide) && real(narrow).starts_with(real(wide))
}

fn net_covers(wide: &NetRule, narrow: &NetRule) -> bool {
    if wide == narrow {
        return true;
    }
    let Host::Name(name) = &narrow.host else { return false };
    if name.starts_with('*') {
        return false;
    }
    if narrow.ports.is_empty() {
        return wide.ports.is_empty() && wide.covers(name, None);
    }
    narrow.ports.iter().all(|port| wide.covers(name, Some(*port)))
}

fn run_covers(wide: &RunRule, narrow: &RunRule) -> bool {
    match (wide, narrow) {
        (RunRule::Group(group), RunRule::Program(program)) => programs::group(group.trim_start_matches('@'))
            .is_some_and(|members| members.contains(&program.as_str())),
        _ => wide == narrow,
    }
}

/// The edit that takes an item out of its list, when others stay and no comment goes with it.
fn removal(text: &str, list: &Node, items: &[Node], at: usize) -> Option<Edit> {
    let span = items.get(at)?.span;
    if items.len() < 2 {
        return None;
    }
    let (start, end) = if list.flow {
        match items.get(at + 1) {
            Some(next) => (span.start, next.span.start),
            None => (items.get(at - 1)?.span.end, span.end),
        }
    } else {
        let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
        let end = text[span.end..].find('\n').map_or(text.len(), |end| span.end + end + 1);
        // The item alone on its line.
        (text[start..span.start].trim() == "-" && text[span.end..end].trim().is_empty())
            .then_some((start, end))?
    };
    let removed = text.get(start..end)?;
    (!removed.contains('#')).then(|| Edit { start, end, text: String::new() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::load::FILE_NAME;
    use super::*;
    use crate::skill::apply;

    /// Code, the text it is about, and the text with the fix, for a policy of the skill `/…/w/demo`.
    fn review(policy: &str) -> Vec<(&'static str, String, Option<String>)> {
        let dir = tempfile::tempdir().unwrap();
        let skill = dir.path().canonicalize().unwrap().join("w/demo");
        fs::create_dir_all(skill.join("data/deep")).unwrap();
        fs::create_dir_all(skill.join("../other/deep")).unwrap();
        std::os::unix::fs::symlink(skill.join("../other"), skill.join("link")).unwrap();
        let workspace = skill.join("..").canonicalize().unwrap();
        let places = Places { workspace, home: Some("/nowhere/ada".into()) };
        let found = diagnose(policy, &skill.join(FILE_NAME), &places);
        let told = found.into_iter().map(|found| {
            let fixed = found.fix.map(|fix| apply(policy, &fix.edits).unwrap());
            (found.code, policy[found.span.start..found.span.end].to_owned(), fixed)
        });
        told.collect()
    }

    #[test]
    fn grants_that_change_nothing() {
        let table = [
            ("read: [./data]", "./data"),
            ("read: ['.']", "'.'"),
            ("read: [/usr/share/dict]", "/usr/share/dict"),
            ("read: [../other, ../other/deep]", "../other/deep"),
            ("read: [../other/deep, ../other]", "../other/deep"),
            ("read: [../other, ../other/]", "../other/"),
            ("{read: [../other/deep], write: [../other]}", "../other/deep"),
            ("write: [./data, ./data/deep]", "./data/deep"),
            ("net: [\"*.example.org\", \"api.example.org:443\"]", "\"api.example.org:443\""),
            ("net: [\"a.org:80,443\", \"a.org:80\"]", "\"a.org:80\""),
            ("run: [sort, \"@coreutils\"]", "sort"),
            ("env: [A, B, A]", "A"),
        ];
        for (permissions, wanted) in table {
            let found = review(&format!("permissions:\n  {permissions}\n"));
            assert_eq!(found.len(), 1, "{permissions}: {found:?}");
            assert_eq!((found[0].0, found[0].1.as_str()), ("policy-unneeded", wanted), "{permissions}");
        }
    }

    #[test]
    fn grants_that_are_needed() {
        for permissions in [
            "write: [./data, ./data/new]",
            "write: [\"${workspace}\", ./data]",
            "read: [./link]",
            "net: [\"a.org:443\", \"a.org:80\", \"10.0.0.0/8\", \"10.1.0.0/16\"]",
            "run: [git, \"@coreutils\"]",
            "read: [\"${workspace}\"]",
            "env: [LANG, PATH]",
        ] {
            assert_eq!(review(&format!("permissions:\n  {permissions}\n")), [], "{permissions}");
        }
        let denied = "deny: {read: [./data]}\n";
        assert_eq!(review(denied), [], "what is denied was never granted");
        let broken = review("permissions: {env: [A, A], read: [5]}\n");
        assert_eq!(broken.iter().map(|found| found.0).collect::<Vec<_>>(), ["policy-value"]);
    }

    #[test]
    fn paths_outside_and_paths_that_are_missing() {
        let codes = |policy: &str| review(policy).into_iter().map(|found| found.0).collect::<Vec<_>>();
        assert_eq!(codes("permissions: {read: [~/notes]}"), ["policy-outside"]);
        assert_eq!(codes("permissions: {write: [../../x]}"), ["policy-outside"]);
        assert_eq!(codes("permissions: {read: [./gone]}"), ["policy-missing-path"]);
        assert_eq!(codes("permissions: {read: [../gone]}"), [] as [&str; 0], "another machine may have it");
    }

    #[test]
    fn an_unneeded_grant_is_taken_out_and_nothing_else() {
        let fixed = |policy: &str| review(policy).remove(0).2;
        assert_eq!(
            fixed("permissions:\n  env: [A, A]  # why\n").unwrap(),
            "permissions:\n  env: [A]  # why\n"
        );
        assert_eq!(
            fixed("permissions: {run: [cat, \"@coreutils\"]}").unwrap(),
            "permissions: {run: [\"@coreutils\"]}"
        );
        assert_eq!(
            fixed("permissions:\n  env:\n  - A\n  - A\n  - B\n").unwrap(),
            "permissions:\n  env:\n  - A\n  - B\n"
        );
        // A comment is somebody's words.
        assert_eq!(fixed("permissions:\n  env:\n  - A\n  - A # twice\n"), None);
        assert_eq!(fixed("permissions:\n  read: [./data]\n"), None, "the list would be empty");
    }
}
