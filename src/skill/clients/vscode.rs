//! VS Code with Copilot: microsoft/vscode, `promptSyntax/service/promptsServiceImpl.ts` (`computeSkillDiscoveryInfo`) at
//! commit 00eacc9 and `promptSyntax/promptFileParser.ts` at 01a5990, read 2026-11-25.
//!
//! Its YAML parser is its own and recovers from errors; what it makes of broken YAML is not told here. It once warned of
//! keys that it does not know (#294520); they never kept a skill from loading.

use serde_json::Value as Json;

use super::Verdict;
use super::javascript::{self, Fault};
use super::subject::Subject;

/// What the rules here were taken from, and when.
pub(super) const BASIS: &str = "microsoft/vscode at 00eacc9, 2026-11-25";

/// In UTF-16 units, as everything in that program.
const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;

pub(super) fn verdict(subject: &Subject) -> Verdict {
    let Ok((text, replaced)) = subject.lossy() else {
        return Verdict::refuses(["there is no readable SKILL.md".to_owned()]);
    };
    let mut changes = Vec::new();
    if replaced {
        changes.push("bytes that are not UTF-8 become U+FFFD".to_owned());
    }
    let Some(header) = header(text) else {
        changes.push(format!(
            "there is no header: named `{}` by its folder, without a description",
            subject.folder
        ));
        return Verdict::changed(changes);
    };
    let fields = match javascript::fields(&header) {
        Ok(fields) => fields,
        Err(Fault::Broken { message, .. }) => {
            changes.push(format!("the header has errors, by which fields can be lost: {message}"));
            return Verdict::changed(changes);
        }
        Err(Fault::TooLarge(message)) => return Verdict::not_judged(&message),
    };
    let folder = &subject.folder;
    match fields.get("name").and_then(Json::as_str).filter(|name| !name.is_empty()) {
        None => {
            changes.push(format!("Agent skill file missing name attribute, using folder name \"{folder}\""));
        }
        Some(name) => {
            let name = shorten(&without_tags(name), MAX_NAME);
            if name != *folder {
                changes.push(format!(
                    "Agent skill name \"{name}\" does not match folder name \"{folder}\", using folder name"
                ));
            }
        }
    }
    match fields.get("description").and_then(Json::as_str).filter(|text| !text.is_empty()) {
        None => changes.push("there is no description: the model does not learn of the skill".to_owned()),
        Some(text) => {
            let plain = without_tags(text);
            if plain != text {
                changes.push("Agent skill description contains XML tags, removed".to_owned());
            }
            if shorten(&plain, MAX_DESCRIPTION) != plain {
                changes
                    .push(format!("Agent skill description exceeds {MAX_DESCRIPTION} characters, truncated"));
            }
        }
    }
    Verdict::with(changes)
}

/// The lines between the first and the next that are `---` and blanks; up to the end where there is no other.
fn header(text: &str) -> Option<String> {
    // Its decoder drops a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let is_fence = |line: &&str| line.trim_end() == "---";
    let mut lines = text.split('\n');
    lines.next().filter(is_fence)?;
    let inside: Vec<&str> = lines.take_while(|line| !is_fence(line)).collect();
    Some(inside.join("\n"))
}

/// The text without what `<[^>]+>` matches.
fn without_tags(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('<') {
        match rest[at + 1..].find('>') {
            Some(0) => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
            Some(length) => {
                out.push_str(&rest[..at]);
                rest = &rest[at + length + 2..];
            }
            None => break,
        }
    }
    out + rest
}

fn shorten(text: &str, most: usize) -> String {
    let mut units = 0;
    text.chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= most
        })
        .collect()
}
