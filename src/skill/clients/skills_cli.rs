//! The `skills` command of vercel-labs: version 1.5.18 on npm, `dist/cli.mjs`, read 2026-11-25.
//!
//! It reads front matter with `yaml` 2.9 and passes a skill by without a message whenever anything is not as it expects.

use serde_json::Value as Json;

use super::Verdict;
use super::javascript::{self, Fault};
use super::subject::Subject;

/// What the rules here were taken from, and when.
pub(super) const BASIS: &str = "skills 1.5.18 on npm, 2026-11-25";

pub(super) fn verdict(subject: &Subject) -> Verdict {
    let Ok((text, replaced)) = subject.lossy() else { return refuses("there is no readable SKILL.md") };
    let Some(yaml) = front_matter(text) else {
        return refuses("no front matter: the file must begin with a line `---` and have another below");
    };
    let fields = match javascript::fields(yaml).or_else(|fault| with_empty_keys(yaml).ok_or(fault)) {
        Ok(fields) => fields,
        Err(Fault::Broken { message, .. }) => return refuses(&format!("invalid YAML: {message}")),
        Err(Fault::TooLarge(message)) => return Verdict::not_judged(&message),
    };
    let text = |field: &str| match fields.get(field) {
        Some(Json::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Json::Null | Json::String(_)) => Err(format!("there is no {field}")),
        Some(other) => Err(format!("the {field} is {}, not text", kind(other))),
    };
    let (name, description) = match (text("name"), text("description")) {
        (Ok(name), Ok(description)) => (name, description),
        (Err(reason), _) | (_, Err(reason)) => return refuses(&reason),
    };
    if fields.get("metadata").and_then(|metadata| metadata.get("internal")) == Some(&Json::Bool(true)) {
        return refuses("`metadata.internal` is true: hidden unless INSTALL_INTERNAL_SKILLS is set");
    }
    let mut changes = Vec::new();
    if replaced {
        changes.push("bytes that are not UTF-8 become U+FFFD".to_owned());
    }
    for (field, text) in [("name", name), ("description", description)] {
        let removed = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
        let written = yaml.contains(removed) && text.contains('\u{fffd}');
        if written || text.contains(removed) {
            changes.push(format!("control characters in the {field} are removed"));
        }
        if text.trim().contains(['\n', '\r']) {
            changes.push(format!("line ends in the {field} become spaces"));
        }
    }
    Verdict::with(changes)
}

fn refuses(reason: &str) -> Verdict {
    Verdict::refuses([reason.to_owned()])
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

/// The fields where lines begin with `: `, which that library takes for pairs with an empty key.
fn with_empty_keys(yaml: &str) -> Option<Json> {
    let line = |line: &str| match line.trim_start().strip_prefix(": ") {
        Some(value) => format!("\"\": {value}\n"),
        None => format!("{line}\n"),
    };
    let spelled: Vec<String> = yaml.lines().map(line).collect();
    javascript::fields(&spelled.concat()).ok()
}

/// What `^---\r?\n([\s\S]*?)\r?\n---\r?\n?` finds: the closing fence may go on.
fn front_matter(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("---")?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
    let yaml = &rest[..rest.find("\n---")?];
    Some(yaml.strip_suffix('\r').unwrap_or(yaml))
}
