//! Writes one grant into the text of a policy file. Comments, order, style and line ends stay as they are, to the
//! byte: the text is edited by span, and the result is read back before it is given out.

use std::path::Path;

use similar::{Algorithm, TextDiff};

use super::load::{Loaded, Places, parse};
use super::model::{Permission, Policy};
use super::remedy::Remedy;
use crate::yaml::{self, Node, Value};

/// Why a grant cannot be written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    #[error("the policy file has an error at line {line}: {message}; correct it first")]
    Broken { line: usize, message: String },
    #[error("`{0}` cannot be granted: {1}")]
    Value(String, String),
    #[error("line {0} is written in a way that cannot be extended safely; add `{1}` by hand")]
    Shape(usize, String),
    #[error("line {0} is written in a way that cannot be changed safely; take one item of `{1}` out by hand")]
    Fixed(usize, &'static str),
    #[error("line {0} does not grant that {1} any more; look again")]
    Gone(usize, &'static str),
}

/// What [`add_grant`] would change, as a unified diff without its header; empty when it is granted already.
pub fn draft(text: &str, remedy: &Remedy, file: &Path, places: &Places) -> Result<String, EditError> {
    Ok(diff(text, &add_grant(text, remedy, file, places)?))
}

/// A change of a policy file, as a unified diff without its header.
pub fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before, after);
    diff.unified_diff().context_radius(2).to_string()
}

/// `text` with `remedy` added. An empty text gives a whole new file. `file` is where the text is, or will be:
/// relative paths are relative to its folder. A grant that is there already changes nothing.
pub fn add_grant(text: &str, remedy: &Remedy, file: &Path, places: &Places) -> Result<String, EditError> {
    let before = parse(text, file, places);
    if let Some(d) = before.diagnostics.iter().find(|d| d.severity == crate::skill::Severity::Error) {
        return Err(EditError::Broken { line: d.span.line, message: d.message.clone() });
    }
    let Some(permission) = Permission::from_name(&remedy.permission) else {
        return Err(EditError::Value(remedy.permission.clone(), "no such permission".to_owned()));
    };
    let fresh = parse(&new_file(permission, &remedy.add), file, places);
    if let Some(d) = fresh.diagnostics.iter().find(|d| d.severity == crate::skill::Severity::Error) {
        return Err(EditError::Value(remedy.add.clone(), d.message.clone()));
    }
    let wanted = before.policy.clone().merged(fresh.policy);
    if same(&wanted, &before.policy) {
        return Ok(text.to_owned());
    }
    let (at, inserted) = insertion(text, permission, &remedy.add);
    let mut edited = text.to_owned();
    edited.insert_str(at, &inserted);
    // The proof of the edit: the new text grants exactly the old and the new.
    let after: Loaded = parse(&edited, file, places);
    if after.has_errors() || !same(&after.policy, &wanted) {
        let line = text[..at].matches('\n').count() + 1;
        return Err(EditError::Shape(line, format!("{permission}: [{}]", quote(&remedy.add))));
    }
    Ok(edited)
}

fn same(one: &Policy, other: &Policy) -> bool {
    one.digest() == other.digest()
}

fn new_file(permission: Permission, value: &str) -> String {
    format!("permissions:\n  {permission}: [{}]\n", quote(value))
}

/// Where to insert, and what.
fn insertion(text: &str, permission: Permission, value: &str) -> (usize, String) {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let value = quote(value);
    let document = yaml::parse(text).unwrap_or_default();
    let Some(root) = document.root.filter(|root| !root.is_null()) else {
        return append(text, newline, &format!("permissions:{newline}  {permission}: [{value}]"));
    };
    let Some((key, permissions)) = root.get_pair("permissions") else {
        if root.flow {
            return into_flow(text, &root, &format!("permissions: {{{permission}: [{value}]}}"));
        }
        let indent = " ".repeat(root.span.column - 1);
        let lines = format!("{indent}permissions:{newline}{indent}  {permission}: [{value}]");
        return append(text, newline, &lines);
    };
    if permissions.is_null() {
        return after_key(text, key, newline, &format!("{}  {permission}: [{value}]", indent_of(key)));
    }
    match permissions.get_pair(permission.name()) {
        None if permissions.flow => into_flow(text, permissions, &format!("{permission}: [{value}]")),
        None => {
            let line = format!("{}{permission}: [{value}]", indent_of(permissions));
            after_line(text, permissions.span.end, newline, &line)
        }
        Some((key, list)) if list.is_null() => (end_of_key(text, key), format!(" [{value}]")),
        Some((_, list)) if list.flow => into_flow(text, list, &value),
        Some((_, list)) => {
            // The last item tells where the dashes stand; the list's own span begins elsewhere when they are not
            // indented below the key.
            let end_item = list.as_sequence().and_then(<[Node]>::last).unwrap_or(list);
            let line = &text[text[..end_item.span.start].rfind('\n').map_or(0, |end| end + 1)..];
            let indent = &line[..line.len() - line.trim_start_matches(' ').len()];
            after_line(text, end_item.span.end, newline, &format!("{indent}- {value}"))
        }
    }
}

fn indent_of(node: &Node) -> String {
    " ".repeat(node.span.column - 1)
}

/// Behind the last item of `[…]` or `{…}`, or between the brackets when there is none.
fn into_flow(text: &str, node: &Node, item: &str) -> (usize, String) {
    let last = match &node.value {
        Value::Sequence(items) => items.last().map(|item| item.span.end),
        Value::Mapping(pairs) => pairs.last().map(|(key, value)| value.span.end.max(key.span.end)),
        Value::Scalar { .. } => None,
    };
    match last {
        Some(end) => (end.min(text.len()), format!(", {item}")),
        None => (node.span.start + 1, item.to_owned()),
    }
}

/// Behind the colon of a key.
fn end_of_key(text: &str, key: &Node) -> usize {
    text[key.span.end..].find(':').map_or(key.span.end, |colon| key.span.end + colon + 1)
}

fn after_key(text: &str, key: &Node, newline: &str, line: &str) -> (usize, String) {
    after_line(text, end_of_key(text, key), newline, line)
}

/// A line of its own after the line that holds `offset`.
fn after_line(text: &str, offset: usize, newline: &str, line: &str) -> (usize, String) {
    match text[offset..].find('\n') {
        Some(end) => (offset + end + 1, format!("{line}{newline}")),
        None => (text.len(), format!("{newline}{line}")),
    }
}

fn append(text: &str, newline: &str, lines: &str) -> (usize, String) {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    (text.len(), format!("{gap}{lines}{newline}"))
}

/// A YAML scalar that reads back as exactly `value`.
pub(super) fn quote(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "._/-~+".contains(c))
        && !value.starts_with(['-', '~', '+']);
    let is_text =
        || yaml::parse(value).is_ok_and(|d| d.root.is_some_and(|root| root.as_str() == Some(value)));
    if plain && is_text()
        || value.starts_with("~/")
            && value[1..].chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
    {
        return value.to_owned();
    }
    serde_json::Value::String(value.to_owned()).to_string()
}
