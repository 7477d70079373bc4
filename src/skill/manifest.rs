//! From the YAML of front matter to the [`Manifest`], with every departure from the specification.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value as Json;

use super::diagnostic::{Edit, Span};
use super::findings::Findings;
use super::model::{Field, Manifest};
use super::rules::{self, Rule};
use crate::yaml::{Node, Start, YamlError, YamlErrorKind, kind_of, pyyaml};

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
    match fields(source, start, findings) {
        Ok(manifest) => manifest,
        Err(error) => {
            report_error(text, &error, findings);
            recover(text, range, findings)
        }
    }
}

fn fields(source: &str, start: Start, findings: &mut Findings) -> Result<Manifest, YamlError> {
    let document = pyyaml::parse_at(source, start)?;
    let Some(root) = document.root else { return Ok(Manifest::default()) };
    if root.as_mapping().is_none() {
        let message = format!("the front matter is a {}, not `key: value` lines", root.kind());
        findings.add(rules::NOT_MAPPING, root.span, message, "write `name: …` and `description: …`");
        return Ok(Manifest::default());
    }
    let pairs = pyyaml::pairs(&root)?;
    let read = pairs.iter().map(|(key, value)| {
        let name = Field { value: pyyaml::key(key)?, span: key.span };
        Ok((name, Field { value: pyyaml::value(value)?, span: value.span }))
    });
    let mut manifest = Manifest { fields: read.collect::<Result<_, YamlError>>()?, ..Manifest::default() };
    manifest.fields.shrink_to_fit();
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
    let mut seen = HashSet::new();
    for (at, (key, value)) in pairs.into_iter().enumerate() {
        let (name, json) = (manifest.fields[at].0.value.clone(), manifest.fields[at].1.value.clone());
        if seen.insert(name.clone()) {
            known_key(key, &name, findings);
        }
        take(&mut manifest, &name, value, &json, findings);
    }
    Ok(manifest)
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

fn take(manifest: &mut Manifest, name: &str, value: &Node, json: &Json, findings: &mut Findings) {
    match name {
        "name" => {
            let allowed = value.text().filter(|_| !json.is_null());
            if allowed.is_some() && !json.is_string() {
                mistyped(rules::NAME_TYPE, name, value, json, findings);
            } else if value.text().is_none() {
                let message = format!("the name is a {}", kind_of(json));
                findings.add(rules::NAME_TYPE, value.span, message, "write it as plain text");
            }
            manifest.name = allowed.map(|text| text_field(text, value.span));
        }
        "description" => {
            if let Some(text) = value.text() {
                if !json.is_null() && !json.is_string() {
                    mistyped(rules::DESCRIPTION_TYPE, name, value, json, findings);
                }
                let given = Some(text).filter(|_| !json.is_null());
                manifest.description = given.map(|text| text_field(text, value.span));
            } else {
                let message = format!("the description is a {}", kind_of(json));
                findings.add(rules::DESCRIPTION_TYPE, value.span, message, "write it as one text");
                let items =
                    json.as_array().map(|items| items.iter().filter_map(Json::as_str).collect::<Vec<_>>());
                manifest.description = items.map(|items| text_field(&items.join(" "), value.span));
            }
        }
        "license" => manifest.license = optional_text(name, value, json, findings),
        "compatibility" => {
            manifest.compatibility = optional_text(name, value, json, findings);
            if let Some(field) = &manifest.compatibility {
                let length = field.value.chars().count();
                if length == 0 || length > 500 {
                    let message = format!("compatibility has {length} characters");
                    let help = "say in 1 to 500 characters what the skill needs, or leave it out";
                    findings.add(rules::COMPATIBILITY_LENGTH, value.span, message, help);
                }
            }
        }
        "metadata" => metadata(value, json, findings),
        "allowed-tools" => manifest.allowed_tools = allowed_tools(value, json, findings),
        _ => {}
    }
}

fn text_field(text: &str, span: Span) -> Field<String> {
    Field { value: text.trim().to_owned(), span }
}

/// A plain scalar that YAML reads as a number or a boolean where text belongs: quoting makes it text.
fn mistyped(rule: Rule, name: &str, value: &Node, json: &Json, findings: &mut Findings) {
    let text = value.text().unwrap_or_default();
    let message = format!("`{}` is a {} to YAML, not text", shown(text), kind_of(json));
    let edit = Edit { start: value.span.start, end: value.span.end, text: quoted(text) };
    let fix = (format!("quote the {name}"), vec![edit]);
    findings.add_fix(rule, value.span, message, "put it in quotes", fix);
}

fn optional_text(name: &str, value: &Node, json: &Json, findings: &mut Findings) -> Option<Field<String>> {
    let Some(text) = value.text() else {
        let message = format!("`{name}` is a {}, not text", kind_of(json));
        findings.add(rules::FIELD_TYPE, value.span, message, "write it as one text");
        return None;
    };
    if !json.is_string() && !json.is_null() {
        mistyped(rules::FIELD_TYPE, name, value, json, findings);
    }
    Some(text_field(text, value.span))
}

fn metadata(value: &Node, json: &Json, findings: &mut Findings) {
    let Some(pairs) = value.as_mapping() else {
        if !json.is_null() {
            let message = format!("`metadata` is a {}, not a mapping", kind_of(json));
            findings.add(rules::FIELD_TYPE, value.span, message, "write `key: value` lines below it");
        }
        return;
    };
    let other = |(key, value): &'_ (Node, Node)| {
        let kind =
            pyyaml::value(value).ok().filter(|value| !value.is_string()).map(|value| kind_of(&value))?;
        Some((key.text().unwrap_or("?").to_owned(), value.span, kind))
    };
    let other: Vec<(String, Span, &str)> = pairs.iter().filter_map(other).collect();
    if let Some((key, span, kind)) = other.first() {
        let more = if other.len() > 1 { format!(" (and {} more)", other.len() - 1) } else { String::new() };
        let message = format!("metadata `{}` is a {kind}{more}", shown(key));
        findings.add(rules::METADATA_VALUE, *span, message, "the specification has text values only");
    }
}

/// `Bash(git:*) Read`, with commas or as a list too.
fn allowed_tools(value: &Node, json: &Json, findings: &mut Findings) -> Option<Field<Vec<String>>> {
    let tools = match (value.text(), value.as_sequence()) {
        (Some(text), _) => split_tools(text),
        (_, Some(items)) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
        _ => {
            let message = format!("`allowed-tools` is a {}", kind_of(json));
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
        YamlErrorKind::CommentTouches | YamlErrorKind::Syntax => rules::YAML_SYNTAX,
    };
    let line = findings.lines().range(findings.lines().line(error.offset));
    if error.kind == YamlErrorKind::Tab
        && text[error.offset..].starts_with('\t')
        && !text[line.start..error.offset].trim().is_empty()
    {
        let tab = error.offset..error.offset + 1;
        let edit = Edit { start: tab.start, end: tab.end, text: " ".into() };
        let (span, message, help) = (findings.lines().span(tab), &*error.message, &*error.help);
        return findings.add_fix(rule, span, message, help, ("write a space", vec![edit]));
    }
    let offset = if error.kind == YamlErrorKind::Tab { tab_at(text, error.offset) } else { error.offset };
    let width =
        text[offset..].chars().next().filter(|c| !c.is_control() || *c == '\t').map_or(0, char::len_utf8);
    let span = findings.lines().span(offset..offset + width);
    let (message, help) = (error.message.clone(), error.help.clone());
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
