//! SkillLite: EXboys/skilllite, `crates/skilllite-core/src/skill/metadata.rs` at commit b57e289, read 2026-11-25.
//!
//! Front matter goes through `serde_yaml` into typed fields; only an empty name is an error of its own.

use ::serde::Deserialize;

use super::Verdict;
use super::serde::{Unread, read};
use super::subject::{Subject, Trouble};

/// What the rules here were taken from, and when.
pub(super) const BASIS: &str = "EXboys/skilllite at b57e289, 2026-11-25";

/// The fields it knows, by the types it gives them: another type is an error.
#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "a field is read to be refused when it has another type")]
struct FrontMatter {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    compatibility: Option<String>,
    #[serde(default)]
    entry_point: Option<String>,
    #[serde(default)]
    metadata: Option<serde_json::Value>,
    #[serde(default, rename = "allowed-tools")]
    allowed_tools: Option<String>,
    #[serde(default)]
    requires_elevated_permissions: Option<bool>,
    #[serde(default)]
    capabilities: Vec<String>,
}

pub(super) fn verdict(subject: &Subject) -> Verdict {
    let text = match &subject.file {
        Ok(text) => text,
        Err(Trouble::Missing | Trouble::Dangling) => return refuses("SKILL.md not found in directory"),
        Err(_) => return refuses("Failed to read SKILL.md"),
    };
    let Some(yaml) = front_matter(text) else { return refuses("No YAML front matter found in SKILL.md") };
    let (yaml, joined) = join_continuations(yaml);
    match read::<FrontMatter>(&yaml) {
        Err(Unread::TooLarge(message)) => Verdict::not_judged(&message),
        Err(Unread::Refused(message)) => refuses(&format!("Failed to parse YAML front matter: {message}")),
        Ok(fields) if fields.name.is_empty() => refuses("Skill name is required in SKILL.md"),
        Ok(_) if joined > 0 => {
            Verdict::changed([format!("{joined} line(s) that begin with `: ` are joined to the line above")])
        }
        Ok(_) => Verdict::loads(),
    }
}

fn refuses(reason: &str) -> Verdict {
    Verdict::refuses([reason.to_owned()])
}

/// What `^---\s*\n(.*?)\n---` finds, `.` being any character: the closing fence may go on.
fn front_matter(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("---")?;
    // `\s*` takes all blanks; `\n` is the last line end among them, or an earlier one if a fence follows that directly.
    let blanks = &rest[..rest.len() - rest.trim_start().len()];
    let last = blanks.rfind('\n')?;
    let yaml = &rest[last + 1..];
    if let Some(end) = yaml.find("\n---") {
        return Some(&yaml[..end]);
    }
    let before = blanks[..last].rfind('\n').filter(|_| yaml.starts_with("---"))?;
    Some(&rest[before + 1..last])
}

/// Replace `\n(\s+):(\s+)` by a space. Returns the text and how often.
fn join_continuations(yaml: &str) -> (String, usize) {
    let (mut out, mut rest, mut count) = (String::new(), yaml, 0);
    while let Some(at) = rest.find('\n') {
        let behind = &rest[at + 1..];
        let blank = behind.trim_start();
        let value = blank.strip_prefix(':').map(|value| (value, value.trim_start()));
        match value {
            Some((value, text)) if blank.len() < behind.len() && text.len() < value.len() => {
                out.push_str(&rest[..at]);
                out.push(' ');
                rest = text;
                count += 1;
            }
            _ => {
                out.push_str(&rest[..=at]);
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    (out, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_what_its_pattern_matches() {
        assert_eq!(front_matter("---\na: b\n---\nx"), Some("a: b"));
        assert_eq!(front_matter("---  \r\na: b\r\n---"), Some("a: b\r"));
        assert_eq!(front_matter("---\n\n\na: b\n---x"), Some("a: b"));
        assert_eq!(front_matter("---\n\n---"), Some(""));
        assert_eq!(front_matter("---\n\n  \n---"), Some("  "));
        assert_eq!(front_matter("---\n\n\n---\n---"), Some("---"));
        assert_eq!(front_matter("---\n\n  a: b"), None);
        assert_eq!(front_matter("---\n---"), None);
        assert_eq!(front_matter("--- a: b\n---"), None);
    }

    #[test]
    fn lines_that_begin_with_a_colon_are_joined() {
        assert_eq!(join_continuations("a: b\n  : c\n  : d\ne: f"), ("a: b c d\ne: f".to_owned(), 2));
        assert_eq!(join_continuations("a: b\n: c\n  :d"), ("a: b\n: c\n  :d".to_owned(), 0));
    }
}
