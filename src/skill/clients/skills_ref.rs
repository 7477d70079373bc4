//! The reference validator: skills-ref 0.1.1 on PyPI (agentskills/agentskills), read and run 2026-11-25.
//!
//! All of its findings are errors. Its messages are repeated to the letter, in its order; `tests/skills_ref` compares
//! them with the library.

use unicode_normalization::UnicodeNormalization;

use super::strict_yaml::{self, Refusal, Value};
use super::subject::{Subject, Trouble};
use super::{Verdict, python};

/// What the rules here were taken from, and when.
pub(super) const BASIS: &str = "skills-ref 0.1.1 on PyPI, 2026-11-25";

const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;
const MAX_COMPATIBILITY: usize = 500;

/// The fields that may be there, sorted.
const FIELDS: [&str; 6] = ["allowed-tools", "compatibility", "description", "license", "metadata", "name"];

pub(super) fn verdict(subject: &Subject) -> Verdict {
    // SKILL.md is preferred; what is not there, or is a link to nothing, is looked for as skill.md.
    let file = match &subject.file {
        Err(Trouble::Missing | Trouble::Dangling) => subject.lower_case.as_ref(),
        _ => Some(&subject.file),
    };
    let text = match file {
        Some(Ok(text)) => text,
        Some(Err(trouble)) => return crash(exception(trouble)),
        None => return Verdict::refuses(["Missing required file: SKILL.md".to_owned()]),
    };
    match validate(&python::universal_newlines(text), &subject.folder) {
        Ok(errors) if errors.is_empty() => cut_short(text),
        Ok(errors) => Verdict::refuses(errors),
        Err(Refusal::Message(message)) => Verdict::refuses([message]),
        Err(Refusal::Exception(exception)) => crash(exception),
    }
}

fn crash(exception: &str) -> Verdict {
    Verdict::refuses([format!("crashes with {exception}")])
}

/// What reading such a file raises.
fn exception(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::NotUtf8 { .. } => "UnicodeDecodeError",
        Trouble::Folder => "IsADirectoryError",
        Trouble::Unreadable(_) => "PermissionError",
        Trouble::Missing | Trouble::Dangling => "FileNotFoundError",
        Trouble::Special => "OSError",
    }
}

/// The text is valid; it may still have been split inside a value, which nothing tells.
fn cut_short(text: &str) -> Verdict {
    let text = python::universal_newlines(text);
    let closing = text[3..].find("---").map_or(text.len(), |at| at + 3);
    let line = text[..closing].matches('\n').count() + 1;
    let is_fence = text[..closing].ends_with('\n')
        && text[closing + 3..].lines().next().is_none_or(|rest| rest.trim().is_empty());
    if is_fence {
        return Verdict::loads();
    }
    Verdict::changed([format!(
        "front matter ends at the `---` inside line {line}; the rest of it is read as body"
    )])
}

/// The validator's errors, or the single one of its parser.
fn validate(text: &str, folder: &str) -> Result<Vec<String>, Refusal> {
    let message = |text: &str| Err(Refusal::Message(text.to_owned()));
    let Some(rest) = text.strip_prefix("---") else {
        return message("SKILL.md must start with YAML frontmatter (---)");
    };
    let Some((yaml, _)) = rest.split_once("---") else {
        return message("SKILL.md frontmatter not properly closed with ---");
    };
    let value = strict_yaml::load(yaml).map_err(|refusal| match refusal {
        Refusal::Message(text) => Refusal::Message(format!("Invalid YAML in frontmatter: {text}")),
        exception @ Refusal::Exception(_) => exception,
    })?;
    let Some(Value::Mapping(fields)) = value else {
        return message("SKILL.md frontmatter must be a YAML mapping");
    };
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let mut errors = Vec::new();
    errors.extend(unexpected(&fields));
    match field("name") {
        None => errors.push("Missing required field in frontmatter: name".to_owned()),
        Some(value) => name(value, folder, &mut errors),
    }
    match field("description") {
        None => errors.push("Missing required field in frontmatter: description".to_owned()),
        Some(value) => match filled(value) {
            None => errors.push("Field 'description' must be a non-empty string".to_owned()),
            Some(text) => errors.extend(too_long("Description", text, MAX_DESCRIPTION)),
        },
    }
    match field("compatibility") {
        None => {}
        Some(Value::Text(text)) => errors.extend(too_long("Compatibility", text, MAX_COMPATIBILITY)),
        Some(_) => errors.push("Field 'compatibility' must be a string".to_owned()),
    }
    Ok(errors)
}

fn filled(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if !python::strip(text).is_empty() => Some(text),
        _ => None,
    }
}

fn too_long(what: &str, text: &str, most: usize) -> Option<String> {
    let length = text.chars().count();
    (length > most).then(|| format!("{what} exceeds {most} character limit ({length} chars)"))
}

fn unexpected(fields: &[(String, Value)]) -> Option<String> {
    let mut extra: Vec<&str> =
        fields.iter().map(|(key, _)| key.as_str()).filter(|key| !FIELDS.contains(key)).collect();
    if extra.is_empty() {
        return None;
    }
    extra.sort_unstable();
    let allowed: Vec<String> = FIELDS.into_iter().map(python::repr).collect();
    let (extra, allowed) = (extra.join(", "), allowed.join(", "));
    Some(format!("Unexpected fields in frontmatter: {extra}. Only [{allowed}] are allowed."))
}

fn name(value: &Value, folder: &str, errors: &mut Vec<String>) {
    let Some(text) = filled(value) else {
        return errors.push("Field 'name' must be a non-empty string".to_owned());
    };
    let name: String = python::strip(text).nfkc().collect();
    let length = name.chars().count();
    if length > MAX_NAME {
        errors.push(format!("Skill name '{name}' exceeds {MAX_NAME} character limit ({length} chars)"));
    }
    if name != name.to_lowercase() {
        errors.push(format!("Skill name '{name}' must be lowercase"));
    }
    if name.starts_with('-') || name.ends_with('-') {
        errors.push("Skill name cannot start or end with a hyphen".to_owned());
    }
    if name.contains("--") {
        errors.push("Skill name cannot contain consecutive hyphens".to_owned());
    }
    if !name.chars().all(|c| c == '-' || python::is_alnum(c)) {
        errors.push(format!(
            "Skill name '{name}' contains invalid characters. Only letters, digits, and hyphens are allowed."
        ));
    }
    if folder.nfkc().collect::<String>() != name {
        errors.push(format!("Directory name '{folder}' must match skill name '{name}'"));
    }
}
