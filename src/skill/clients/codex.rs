//! OpenAI Codex: openai/codex, `codex-rs/core-skills/src/loader.rs` at commit 033d1d0, read 2026-11-25.
//!
//! It reads front matter with `serde_yaml` into typed fields; unknown keys are ignored. What it refuses it lists with one
//! message.

use ::serde::Deserialize;

use super::Verdict;
use super::serde::{Unread, read};
use super::subject::{Subject, Trouble};

/// What the rules here were taken from, and when.
pub(super) const BASIS: &str = "openai/codex at 033d1d0, 2026-11-25";

const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;

#[derive(Debug, Deserialize)]
#[serde(rename = "SkillFrontmatter")]
struct FrontMatter {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename = "SkillFrontmatterMetadata")]
struct Metadata {
    #[serde(default, rename = "short-description")]
    short_description: Option<String>,
}

pub(super) fn verdict(subject: &Subject) -> Verdict {
    // The scan passes these by without a message.
    if subject.folder.starts_with('.') {
        return refuses("folders whose name begins with `.` are not searched");
    }
    if subject.linked && !matches!(subject.file, Err(Trouble::Folder)) {
        return refuses("a SKILL.md that is a symbolic link is ignored");
    }
    let text = match &subject.file {
        Ok(text) => text,
        Err(Trouble::NotUtf8 { .. }) => {
            return refuses("failed to read file: stream did not contain valid UTF-8");
        }
        Err(Trouble::Unreadable(reason)) => return refuses(&format!("failed to read file: {reason}")),
        Err(_) => return refuses("there is no file named exactly SKILL.md"),
    };
    match load(text, &subject.folder) {
        Ok(changes) => Verdict::with(changes),
        Err(Unread::Refused(message)) => refuses(&message),
        Err(Unread::TooLarge(message)) => Verdict::not_judged(&message),
    }
}

fn refuses(reason: &str) -> Verdict {
    Verdict::refuses([reason.to_owned()])
}

/// What it changes, or the message with which it refuses.
fn load(text: &str, folder: &str) -> Result<Vec<String>, Unread> {
    let yaml = front_matter(text)
        .ok_or_else(|| Unread::Refused("missing YAML frontmatter delimited by ---".to_owned()))?;
    let fields: FrontMatter = read(&yaml).map_err(|unread| match unread {
        Unread::Refused(message) => Unread::Refused(format!("invalid YAML: {message}")),
        too_large @ Unread::TooLarge(_) => too_large,
    })?;
    let mut changes = Vec::new();
    let mut name = single_line("name", fields.name, &mut changes);
    if name.is_empty() {
        name = single_line("name", Some(folder.to_owned()), &mut Vec::new());
        changes.push(format!("there is no name; the folder's is taken: `{name}`"));
    }
    let description = single_line("description", fields.description, &mut changes);
    check_length("name", &name, MAX_NAME)?;
    check_length("description", &description, MAX_DESCRIPTION)?;
    let short = single_line("metadata.short-description", fields.metadata.short_description, &mut changes);
    if !short.is_empty() {
        check_length("metadata.short-description", &short, MAX_DESCRIPTION)?;
    }
    Ok(changes)
}

/// The lines between the first line and the next that are `---` but for blanks.
fn front_matter(text: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.next().filter(|line| line.trim() == "---")?;
    let mut found = Vec::new();
    for line in lines {
        if line.trim() == "---" {
            return (!found.is_empty()).then(|| found.join("\n"));
        }
        found.push(line);
    }
    None
}

/// A text with every run of white space made one space.
fn single_line(field: &str, text: Option<String>, changes: &mut Vec<String>) -> String {
    let text = text.unwrap_or_default();
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined != text.trim() {
        changes.push(format!("line ends and runs of blanks in `{field}` become single spaces"));
    }
    joined
}

fn check_length(field: &str, text: &str, most: usize) -> Result<(), Unread> {
    if text.is_empty() {
        return Err(Unread::Refused(format!("missing field `{field}`")));
    }
    if text.chars().count() > most {
        return Err(Unread::Refused(format!("invalid {field}: exceeds maximum length of {most} characters")));
    }
    Ok(())
}
