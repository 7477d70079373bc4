//! From the YAML of front matter to the [`Manifest`], with every departure from the specification.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value as Json;

use super::diagnostic::{Edit, Span};
use super::findings::Findings;
use super::model::{Field, Manifest};
use super::rules::{self, Rule};
use crate::yaml::{self, Node, Start, YamlError, YamlErrorKind};

/// The six fields of the open specification.
pub const FIELDS: [&str; 6] =
    ["name", "description", "license", "compatibility", "metadata", "allowed-tools"];

/// Fields that one client adds, and the client that reads them.
const VENDOR_FIELDS: &[(&str, &str)] = &[
    ("when_to_use", "Claude Code"),
    ("argument-hint", "Claude Code and VS Code"),
    ("arguments", "Claude Code"),
    ("disable-model-invocation", "Claude Code, VS Code and Cursor"),
    ("user-invocable", "Claude Code and VS Code"),
    ("disallowed-tools", "Claude Code"),
    ("model", "Claude Code"),
    ("effort", "Claude Code"),
    ("context", "Claude Code and VS Code"),
    ("agent", "Claude Code"),
    ("background", "Claude Code"),
    ("hooks", "Claude Code"),
    ("paths", "Claude Code and Cursor"),
    ("shell", "Claude Code"),
    ("display-name", "Claude Code"),
    ("default-enabled", "Claude Code"),
    ("fallback", "Claude Code"),
    ("entry_point", "SkillLite"),
    ("requires_elevated_permissions", "SkillLite"),
    ("capabilities", "SkillLite"),
    ("input_schema", "skilldeck"),
];

/// Read the front matter at `range` of `text`.
pub fn read(text: &str, range: Range<usize>, findings: &mut Findings) -> Manifest {
    let source = &text[range.clone()];
    if let Some(at) = source.find("---") {
        let at = range.start + at;
        let span = findings.lines().span(at..at + 3);
        findings.add(
            rules::DASHES_IN_VALUE,
            span,
            "`---` stands inside the front matter",
            "write it another way (an em dash, or two hyphens)",
        );
    }
    let start = Start { line: findings.lines().line(range.start), offset: range.start };
    let document = match yaml::parse_at(source, start) {
        Ok(document) => document,
        Err(error) => {
            report_error(text, &error, findings);
            return recover(text, range, findings);
        }
    };
    let Some(root) = document.root else { return Manifest::default() };
    let Some(pairs) = root.as_mapping() else {
        let message = format!("the front matter is a {}, not `key: value` lines", root.kind());
        findings.add(rules::NOT_MAPPING, root.span, message, "write `name: …` and `description: …`");
        return Manifest::default();
    };
    let duplicates = root.all_duplicates();
    if duplicates.is_empty() {
        serde_yaml_clients(source, &root, findings);
    }
    for (first, again) in duplicates {
        let key = shown(again.text().unwrap_or_default());
        let message = format!("`{key}` is already there on line {}", first.span.line);
        findings.add(rules::DUPLICATE_KEY, again.span, message, "remove one of the two");
    }
    anchors(&root, findings);
    let mut manifest = Manifest { fields: pairs.iter().map(field).collect(), ..Manifest::default() };
    let mut seen = HashSet::new();
    for (key, value) in pairs {
        let name = key.text().unwrap_or_default();
        if seen.insert(name) {
            known_key(key, name, findings);
        }
        take(&mut manifest, name, value, findings);
    }
    manifest
}

/// What the clients will see that read front matter through serde_yaml (Codex, SkillLite): asked of that very library,
/// because it refuses a few things that other readers take, such as emoji written as surrogate pairs.
fn serde_yaml_clients(source: &str, root: &Node, findings: &mut Findings) {
    let Err(error) = serde_yaml::from_str::<serde_yaml::Value>(source) else { return };
    let message =
        format!("clients that read YAML with serde_yaml refuse this: {}", shown(&error.to_string()));
    let help = "write it in another way; Codex and SkillLite are such clients";
    findings.add(rules::SERDE_YAML, root.span, message, help);
}

fn field((key, value): &(Node, Node)) -> (Field<String>, Field<Json>) {
    let name = key.text().map_or_else(|| key.to_json().to_string(), str::to_owned);
    (Field { value: name, span: key.span }, Field { value: value.to_json(), span: value.span })
}

fn known_key(key: &Node, name: &str, findings: &mut Findings) {
    if FIELDS.contains(&name) {
        return;
    }
    let (message, help) = match VENDOR_FIELDS.iter().find(|(field, _)| *field == name) {
        Some((_, client)) => (
            format!("`{name}` is read by {client} only"),
            "other clients ignore it; the reference validator refuses it".to_owned(),
        ),
        None => match nearest_field(name) {
            Some(field) => (format!("unknown field `{}`", shown(name)), format!("is `{field}` meant?")),
            None => (
                format!("unknown field `{}`", shown(name)),
                "put fields of your own under `metadata`".to_owned(),
            ),
        },
    };
    findings.add(rules::UNKNOWN_KEY, key.span, message, help);
}

fn nearest_field(name: &str) -> Option<&'static str> {
    let plain = name.to_lowercase().replace(['_', ' '], "-");
    FIELDS.into_iter().find(|field| super::text::distance(&plain, field) <= 2)
}

fn take(manifest: &mut Manifest, name: &str, value: &Node, findings: &mut Findings) {
    match name {
        "name" => {
            let allowed = value.text().filter(|_| !value.is_null());
            if allowed.is_some() && value.as_str().is_none() {
                mistyped(rules::NAME_TYPE, name, value, findings);
            } else if value.text().is_none() {
                let message = format!("the name is a {}", value.kind());
                findings.add(rules::NAME_TYPE, value.span, message, "write it as plain text");
            }
            manifest.name = allowed.map(|text| text_field(text, value.span));
        }
        "description" => {
            if let Some(text) = value.text() {
                if !value.is_null() && value.as_str().is_none() {
                    mistyped(rules::DESCRIPTION_TYPE, name, value, findings);
                }
                let given = Some(text).filter(|_| !value.is_null());
                manifest.description = given.map(|text| text_field(text, value.span));
            } else {
                let message = format!("the description is a {}", value.kind());
                findings.add(rules::DESCRIPTION_TYPE, value.span, message, "write it as one text");
                let joined = value.to_json();
                let items =
                    joined.as_array().map(|items| items.iter().filter_map(Json::as_str).collect::<Vec<_>>());
                manifest.description = items.map(|items| text_field(&items.join(" "), value.span));
            }
        }
        "license" => manifest.license = optional_text(name, value, findings),
        "compatibility" => {
            manifest.compatibility = optional_text(name, value, findings);
            if let Some(field) = &manifest.compatibility {
                let length = field.value.chars().count();
                if length == 0 || length > 500 {
                    let message = format!("compatibility has {length} characters");
                    let help = "say in 1 to 500 characters what the skill needs, or leave it out";
                    findings.add(rules::COMPATIBILITY_LENGTH, value.span, message, help);
                }
            }
        }
        "metadata" => metadata(value, findings),
        "allowed-tools" => manifest.allowed_tools = allowed_tools(value, findings),
        _ => {}
    }
}

fn text_field(text: &str, span: Span) -> Field<String> {
    Field { value: text.trim().to_owned(), span }
}

/// A plain scalar that YAML reads as a number or a boolean where text belongs: quoting makes it text.
fn mistyped(rule: Rule, name: &str, value: &Node, findings: &mut Findings) {
    let text = value.text().unwrap_or_default();
    let message = format!("`{}` is a {} to YAML, not text", shown(text), value.kind());
    let edit = Edit { start: value.span.start, end: value.span.end, text: quoted(text) };
    let fix = (format!("quote the {name}"), vec![edit]);
    findings.add_fix(rule, value.span, message, "put it in quotes", fix);
}

fn optional_text(name: &str, value: &Node, findings: &mut Findings) -> Option<Field<String>> {
    let Some(text) = value.text() else {
        let message = format!("`{name}` is a {}, not text", value.kind());
        findings.add(rules::FIELD_TYPE, value.span, message, "write it as one text");
        return None;
    };
    if value.as_str().is_none() && !value.is_null() {
        mistyped(rules::FIELD_TYPE, name, value, findings);
    }
    Some(text_field(text, value.span))
}

fn metadata(value: &Node, findings: &mut Findings) {
    let Some(pairs) = value.as_mapping() else {
        if !value.is_null() {
            let message = format!("`metadata` is a {}, not a mapping", value.kind());
            findings.add(rules::FIELD_TYPE, value.span, message, "write `key: value` lines below it");
        }
        return;
    };
    let other: Vec<&(Node, Node)> = pairs.iter().filter(|(_, value)| value.as_str().is_none()).collect();
    if let Some((key, first)) = other.first() {
        let more = if other.len() > 1 { format!(" (and {} more)", other.len() - 1) } else { String::new() };
        let message = format!("metadata `{}` is a {}{more}", shown(key.text().unwrap_or("?")), first.kind());
        findings.add(rules::METADATA_VALUE, first.span, message, "the specification has text values only");
    }
}

/// `Bash(git:*) Read`, with commas or as a list too.
fn allowed_tools(value: &Node, findings: &mut Findings) -> Option<Field<Vec<String>>> {
    let tools = match (value.text(), value.as_sequence()) {
        (Some(text), _) => split_tools(text),
        (_, Some(items)) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
        _ => {
            let message = format!("`allowed-tools` is a {}", value.kind());
            findings.add(
                rules::FIELD_TYPE,
                value.span,
                message,
                "write the tools as one text, with spaces between",
            );
            return None;
        }
    };
    Some(Field { value: tools, span: value.span })
}

fn split_tools(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let parts = text.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c == ',' || c.is_whitespace())
    });
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn anchors(node: &Node, findings: &mut Findings) {
    if node.anchored {
        let span = findings.lines().span(node.span.start..node.span.start);
        findings.add(rules::ANCHOR, span, "an anchor (`&name`) stands here", "remove it, or quote the value");
        return;
    }
    for (key, value) in node.as_mapping().unwrap_or_default() {
        anchors(key, findings);
        anchors(value, findings);
    }
    for item in node.as_sequence().unwrap_or_default() {
        anchors(item, findings);
    }
}

fn report_error(text: &str, error: &YamlError, findings: &mut Findings) {
    let rule = match error.kind {
        YamlErrorKind::UnquotedColon => rules::YAML_COLON,
        YamlErrorKind::Tab => rules::YAML_TAB,
        YamlErrorKind::Alias => rules::YAML_ALIAS,
        YamlErrorKind::UnclosedQuote => rules::YAML_QUOTE,
        YamlErrorKind::TooLarge => rules::YAML_TOO_LARGE,
        YamlErrorKind::Syntax => rules::YAML_SYNTAX,
    };
    let offset = if error.kind == YamlErrorKind::Tab { tab_at(text, error.offset) } else { error.offset };
    let width =
        text[offset..].chars().next().filter(|c| !c.is_control() || *c == '\t').map_or(0, char::len_utf8);
    let span = findings.lines().span(offset..offset + width);
    let (message, help) = (error.message.clone(), error.help.clone());
    let line = findings.lines().range(findings.lines().line(error.offset));
    let tabs = if error.kind == YamlErrorKind::Tab { indenting_tabs(text, offset) } else { Vec::new() };
    if !tabs.is_empty() {
        return findings.add_fix(rule, span, message, help, ("indent with spaces", tabs));
    }
    let quotable = matches!(rule.code, "yaml-unquoted-colon" | "yaml-alias" | "yaml-syntax");
    match key_value(&text[line.clone()]).filter(|_| quotable) {
        Some((key, at)) if !text[line.start + at..line.end].starts_with(['"', '\'', '[', '{', '|', '>']) => {
            let value = text[line.start + at..line.end].trim_end();
            let edit =
                Edit { start: line.start + at, end: line.start + at + value.len(), text: quoted(value) };
            findings.add_fix(rule, span, message, help, (format!("quote the {key}"), vec![edit]));
        }
        _ => findings.add(rule, span, message, help),
    }
}

/// The first tab in an indentation from `offset` on; the parser names the value it stands in.
fn tab_at(text: &str, offset: usize) -> usize {
    let mut start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    for line in text[start..].split_inclusive('\n').take(1000) {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indentation].find('\t') {
            return start + tab;
        }
        start += line.len();
    }
    offset
}

/// Edits that make two spaces of each tab in the indentation of the front matter's lines, from that of `offset` on.
fn indenting_tabs(text: &str, offset: usize) -> Vec<Edit> {
    let mut start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let mut edits = Vec::new();
    for line in text[start..].split_inclusive('\n').take_while(|line| line.trim_end() != "---").take(1000) {
        let indentation = line.bytes().enumerate().take_while(|(_, byte)| matches!(byte, b' ' | b'\t'));
        edits.extend(indentation.filter(|(_, byte)| *byte == b'\t').map(|(at, _)| Edit {
            start: start + at,
            end: start + at + 1,
            text: "  ".into(),
        }));
        start += line.len();
    }
    edits
}

/// Name and description by their lines alone, so that a skill with broken YAML is still listed under its name.
fn recover(text: &str, range: Range<usize>, findings: &Findings) -> Manifest {
    let mut manifest = Manifest::default();
    let (first, last) = (findings.lines().line(range.start), findings.lines().line(range.end));
    for line in first..=last {
        let at = findings.lines().range(line);
        let Some((key, offset)) = key_value(&text[at.clone()]) else { continue };
        let value = text[at.start + offset..at.end].trim().trim_matches(['"', '\'']);
        let field = Field { value: value.to_owned(), span: findings.lines().span(at.start + offset..at.end) };
        let key_span = findings.lines().span(at.start..at.start + key.len());
        let json = Field { value: Json::String(value.to_owned()), span: field.span };
        manifest.fields.push((Field { value: key.to_owned(), span: key_span }, json));
        match key {
            "name" if !value.is_empty() => manifest.name = Some(field),
            "description" if !value.is_empty() => manifest.description = Some(field),
            _ => {}
        }
    }
    manifest
}

/// `key` and the offset of the value, for a line `key: value` that begins in the first column.
fn key_value(line: &str) -> Option<(&str, usize)> {
    let (key, rest) = line.split_once(':')?;
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let value = rest.trim_start();
    (plain && !key.is_empty() && (rest.len() != value.len() || rest.is_empty()))
        .then(|| (key, line.len() - value.len()))
}

/// A YAML scalar in quotes, on one line.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(['\\', '"', '\n', '\r', '\t']) {
        format!("'{}'", text.replace('\'', "''").replace(['\n', '\r', '\t'], " "))
    } else {
        format!("\"{text}\"")
    }
}

/// A foreign text in a message: one line, not too long.
pub(super) fn shown(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(60).collect();
    if text.chars().nth(60).is_some() { format!("{plain}…") } else { plain }
}
