//! Claude Code: the CHANGELOG of anthropics/claude-code, copy of 2026-08-22. Its loader is not public.
//!
//! Every field is optional and nothing is refused: 2.1.51 takes a description that is a list, 2.1.69 descriptions with
//! colons, 2.1.239 a byte order mark; 2.1.186 loads the body without metadata when the YAML is malformed; 2.1.105 cuts
//! what the listing shows.

use serde_json::Value as Json;

use super::Verdict;
use super::javascript::{self, Fault};
use super::subject::{Subject, Trouble};
use crate::yaml::YamlErrorKind;

/// What the rules here were taken from, and when.
pub(super) const BASIS: &str = "the CHANGELOG of Claude Code up to 2.1.239, 2026-08-22";

/// Most characters of description and `when_to_use` in the listing (2.1.105).
const LISTING: usize = 1536;

pub(super) fn verdict(subject: &Subject) -> Verdict {
    let (text, replaced) = match subject.lossy() {
        Ok(read) => read,
        Err(Trouble::Unreadable(reason)) => {
            return Verdict::refuses([format!("SKILL.md cannot be read: {reason}")]);
        }
        Err(_) => return Verdict::refuses(["there is no SKILL.md".to_owned()]),
    };
    let mut changes = Vec::new();
    if replaced {
        // Not documented; it is what its runtime does.
        changes.push("bytes that are not UTF-8 become U+FFFD".to_owned());
    }
    match front_matter(text) {
        None => changes.push("there is no front matter: the whole file is body, without metadata".to_owned()),
        Some(yaml) if yaml.contains(javascript::is_unprintable) => {
            changes.push(
                "control characters stand in the front matter; what becomes of them is not known".to_owned(),
            );
        }
        Some(yaml) => match fields(yaml) {
            Ok(fields @ (Json::Object(_) | Json::Null)) => changes.extend(cut(&fields)),
            Ok(_) => changes
                .push("front matter is not a mapping: the body is loaded with empty metadata".to_owned()),
            Err(Fault::Broken { .. }) => {
                changes.push("malformed YAML: the body is loaded with empty metadata".to_owned());
            }
            Err(Fault::TooLarge(message)) => return Verdict::not_judged(&message),
        },
    }
    Verdict::with(changes)
}

fn front_matter(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_end() == "---")?;
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some(&text[first.len()..end]);
        }
        end += line.len();
    }
    None
}

/// The fields, with values quoted that hold `: ` where that is what is wrong.
fn fields(source: &str) -> Result<Json, Fault> {
    match javascript::fields(source) {
        Err(Fault::Broken { kind: YamlErrorKind::UnquotedColon, .. }) => {
            javascript::fields(&quote_colons(source))
        }
        other => other,
    }
}

/// Put the plain values of `key: value` lines in quotes in which another `: ` stands.
fn quote_colons(source: &str) -> String {
    let quoted = source.lines().map(|line| match line.split_once(": ") {
        Some((key, value))
            if value.contains(": ")
                && !value.trim_start().starts_with(['"', '\'', '[', '{', '|', '>', '#']) =>
        {
            format!("{key}: {}\n", Json::from(value.trim()))
        }
        _ => format!("{line}\n"),
    });
    quoted.collect()
}

fn cut(fields: &Json) -> Option<String> {
    let length = |field: &str| match fields.get(field) {
        Some(Json::String(text)) => text.chars().count(),
        Some(Json::Array(items)) => {
            items.iter().filter_map(Json::as_str).map(|text| text.chars().count() + 1).sum()
        }
        _ => 0,
    };
    let shown = length("description") + length("when_to_use");
    (shown > LISTING)
        .then(|| format!("description and when_to_use have {shown} characters; the listing shows {LISTING}"))
}
