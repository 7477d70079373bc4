//! What a save changed in a skill: diagnostics that are new or gone, properties of tool schemas that were added, removed
//! or changed. Two readings in, the difference out. Shown by the workbench.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::diagnostic::Diagnostic;

/// Diagnostics of the later reading that the earlier one did not have, and the other way round. One that only moved, or
/// that only tells other numbers, is the same.
pub fn diagnostics(before: &[Diagnostic], after: &[Diagnostic]) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let exact = |found: &Diagnostic| found.message.clone();
    let without_numbers =
        |found: &Diagnostic| found.message.split(|c: char| c.is_ascii_digit()).collect::<String>();
    let (gone, new) = unmatched(before.iter().collect(), after.iter().collect(), exact);
    let (gone, new) = unmatched(gone, new, without_numbers);
    let owned = |found: Vec<&Diagnostic>| found.into_iter().cloned().collect();
    (owned(new), owned(gone))
}

/// What is left of both sides when each that has its like on the other side is taken out.
fn unmatched<'a>(
    before: Vec<&'a Diagnostic>,
    after: Vec<&'a Diagnostic>,
    text: impl Fn(&Diagnostic) -> String,
) -> (Vec<&'a Diagnostic>, Vec<&'a Diagnostic>) {
    type Key<'a> = (&'a Path, &'static str, String);
    let key = |found: &'a Diagnostic| -> Key<'a> { (&found.file, found.code, text(found)) };
    let mut waiting: HashMap<Key<'a>, usize> = HashMap::new();
    for found in &before {
        *waiting.entry(key(found)).or_default() += 1;
    }
    let mut take = |found: &&'a Diagnostic| match waiting.get_mut(&key(found)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    let new: Vec<_> = after.into_iter().filter(|found| take(found)).collect();
    // The last ones are left: of several alike it makes no difference to a reader.
    let mut gone: Vec<_> = before
        .into_iter()
        .rev()
        .filter(|found| match waiting.get_mut(&key(found)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
        .collect();
    gone.reverse();
    (gone, new)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Added,
    Removed,
    Changed,
}

/// One change of a tool's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    pub kind: Kind,
    pub tool: String,
    /// `None`: the tool as a whole.
    pub property: Option<String>,
    /// What it is, or how it changed.
    pub what: String,
}

/// A tool by its name, with its JSON Schema.
pub type Named<'a> = (&'a str, &'a Value);

/// Tools and properties that differ, in the order of the later reading; what was removed comes last.
pub fn schemas(before: &[Named<'_>], after: &[Named<'_>]) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    let tool = |kind, name: &str, schema: &Value| {
        let count = schema["properties"].as_object().map_or(0, serde_json::Map::len);
        let what = if count == 1 { "1 parameter".to_owned() } else { format!("{count} parameters") };
        SchemaChange { kind, tool: name.to_owned(), property: None, what }
    };
    for (name, schema) in after {
        match before.iter().find(|(known, _)| known == name) {
            Some((_, old)) => properties(name, old, schema, &mut changes),
            None => changes.push(tool(Kind::Added, name, schema)),
        }
    }
    for (name, schema) in before.iter().filter(|(name, _)| after.iter().all(|(known, _)| known != name)) {
        changes.push(tool(Kind::Removed, name, schema));
    }
    changes
}

fn properties(tool: &str, before: &Value, after: &Value, changes: &mut Vec<SchemaChange>) {
    if before == after {
        return;
    }
    let told = changes.len();
    let none = serde_json::Map::new();
    let of = |schema: &'_ Value| schema["properties"].as_object().unwrap_or(&none).clone();
    let (old, new) = (of(before), of(after));
    let mut push = |kind, name: &str, what: String| {
        let (tool, property) = (tool.to_owned(), Some(name.to_owned()));
        changes.push(SchemaChange { kind, tool, property, what });
    };
    for (name, property) in &new {
        let required = is_required(after, name);
        match old.get(name) {
            None => push(Kind::Added, name, summary(property, required)),
            Some(was) => {
                let differs = difference(was, property, is_required(before, name), required);
                if !differs.is_empty() {
                    push(Kind::Changed, name, differs.join("; "));
                }
            }
        }
    }
    for (name, property) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        push(Kind::Removed, name, summary(property, is_required(before, name)));
    }
    if changes.len() == told {
        let what = "the schema as a whole: see it as JSON".to_owned();
        changes.push(SchemaChange { kind: Kind::Changed, tool: tool.to_owned(), property: None, what });
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
}

fn summary(property: &Value, required: bool) -> String {
    let kind = property["type"].as_str().unwrap_or("any");
    if required { format!("{kind}, required") } else { kind.to_owned() }
}

/// Each keyword that differs, with both values where they are short.
fn difference(before: &Value, after: &Value, was_required: bool, is_required: bool) -> Vec<String> {
    let mut differs = Vec::new();
    match (was_required, is_required) {
        (false, true) => differs.push("now required".to_owned()),
        (true, false) => differs.push("no longer required".to_owned()),
        _ => {}
    }
    let none = serde_json::Map::new();
    let (old, new) = (before.as_object().unwrap_or(&none), after.as_object().unwrap_or(&none));
    for key in new.keys().chain(old.keys().filter(|key| !new.contains_key(*key))) {
        match (old.get(key), new.get(key)) {
            (was, is) if was == is => {}
            (Some(_), Some(_)) if key == "description" => differs.push("description".to_owned()),
            (was, is) => differs.push(format!("{key} {} → {}", short(was), short(is))),
        }
    }
    differs
}

fn short(value: Option<&Value>) -> String {
    const MOST: usize = 40;
    let text = match value {
        None => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::{Severity, Span};
    use super::*;
    use serde_json::json;

    fn found(code: &'static str, line: usize, message: &str) -> Diagnostic {
        let span = Span { line, column: 1, end_line: line, end_column: 2, start: 0, end: 0 };
        Diagnostic {
            severity: Severity::Error,
            code,
            file: "/s/SKILL.md".into(),
            span,
            message: message.into(),
            help: String::new(),
            fix: None,
        }
    }

    fn lines(found: &[Diagnostic]) -> Vec<(&'static str, usize)> {
        found.iter().map(|found| (found.code, found.span.line)).collect()
    }

    #[test]
    fn what_moved_or_counts_otherwise_is_no_change() {
        let before =
            [found("a", 3, "x is wrong"), found("long", 9, "the body has 501 lines"), found("gone", 4, "y")];
        let after =
            [found("new", 1, "z"), found("a", 30, "x is wrong"), found("long", 9, "the body has 502 lines")];
        let (new, gone) = diagnostics(&before, &after);
        assert_eq!((lines(&new), lines(&gone)), (vec![("new", 1)], vec![("gone", 4)]));
        let (new, gone) = diagnostics(&after, &after);
        assert!(new.is_empty() && gone.is_empty());
    }

    #[test]
    fn of_several_alike_only_the_difference_is_told() {
        let same = |line| found("a", line, "x");
        let (new, gone) = diagnostics(&[same(1), same(2), same(3)], &[same(5)]);
        assert_eq!((new.len(), gone.len()), (0, 2));
        let (new, gone) = diagnostics(&[same(1)], &[same(1), same(2)]);
        assert_eq!((lines(&new), gone.len()), (vec![("a", 2)], 0));
        let (new, gone) = diagnostics(&[found("a", 1, "x")], &[found("a", 1, "other words")]);
        assert_eq!((new.len(), gone.len()), (1, 1));
    }

    #[test]
    fn properties_are_told_one_by_one() {
        let before = json!({"properties": {
            "city": {"type": "string", "description": "old"},
            "days": {"type": "string", "default": 3},
            "out": {"type": "string"},
        }, "required": ["out"]});
        let after = json!({"properties": {
            "city": {"type": "string", "description": "new"},
            "days": {"type": "integer", "enum": [1, 2]},
            "unit": {"type": "string"},
        }, "required": ["unit", "days"]});
        let told = schemas(&[("report", &before), ("old", &before)], &[("report", &after), ("more", &after)]);
        let told: Vec<_> = told
            .iter()
            .map(|c| (c.kind, format!("{}.{}: {}", c.tool, c.property.as_deref().unwrap_or("*"), c.what)))
            .collect();
        assert_eq!(
            told,
            [
                (Kind::Changed, "report.city: description".to_owned()),
                (
                    Kind::Changed,
                    "report.days: now required; type string → integer; enum none → [1,2]; default 3 → none"
                        .into()
                ),
                (Kind::Added, "report.unit: string, required".into()),
                (Kind::Removed, "report.out: string, required".into()),
                (Kind::Added, "more.*: 3 parameters".into()),
                (Kind::Removed, "old.*: 3 parameters".into()),
            ]
        );
    }

    #[test]
    fn a_change_beside_the_properties_is_not_silent() {
        let schema = |more: bool| json!({"properties": {"a": {}}, "additionalProperties": more});
        let told = schemas(&[("t", &schema(true))], &[("t", &schema(false))]);
        assert_eq!((told.len(), told[0].property.as_deref()), (1, None));
        assert!(schemas(&[("t", &schema(true))], &[("t", &schema(true))]).is_empty());
    }
}
