//! What PyYAML's safe loader makes of a tree: the types of YAML 1.1 (`no` is a boolean, `0777` a number in base 8), merge
//! keys, and what it refuses. Most validators of front matter are built on it.
//!
//! JSON has no form for three things: dates, and numbers without end, stay the text that was written; a key that is no
//! text becomes the text that Python's `json` makes of it.

use std::borrow::Cow;

use serde_json::{Map, Number, Value as Json};

use super::parse::{self, Aliases};
use super::scalar11::{Kind, boolean, float, implicit, int, is_date};
use super::{Document, Node, Start, Style, Value, YamlError, YamlErrorKind, strict};

const PREFIX: &str = "tag:yaml.org,2002:";

/// Read a document as PyYAML does: aliases are expanded, what it refuses is an error.
pub fn parse_at(text: &str, start: Start) -> Result<Document, YamlError> {
    /// Each means reading the text once more.
    const MOST_COMMENTS: usize = 16;
    let mut blanked = Cow::Borrowed(text);
    let mut left = MOST_COMMENTS;
    let document = loop {
        match parse::parse_with(&blanked, start, Aliases::Expanded) {
            Ok(document) => break document,
            Err(error) if error.kind == YamlErrorKind::CommentTouches && left > 0 => {
                left -= 1;
                let without = without_comment(&blanked, error.offset - start.offset).ok_or(error)?;
                blanked = Cow::Owned(without);
            }
            Err(error) => return Err(error),
        }
    };
    strict::check(&blanked, start, &document)?;
    Ok(document)
}

/// PyYAML takes a comment right behind a value in quotes or brackets; here it is replaced by blanks, which keeps all places.
fn without_comment(text: &str, at: usize) -> Option<String> {
    let from = at + text.get(at..)?.find('#')?;
    let to = text[from..].find(['\n', '\r']).map_or(text.len(), |end| from + end);
    Some(format!("{}{}{}", &text[..from], " ".repeat(to - from), &text[to..]))
}

/// The value of a node.
pub fn value(node: &Node) -> Result<Json, YamlError> {
    match &node.value {
        Value::Scalar { text, style } => scalar(node, text, *style),
        Value::Sequence(items) => {
            expect(node, &["seq"])?;
            items.iter().map(value).collect::<Result<_, _>>().map(Json::Array)
        }
        Value::Mapping(_) => {
            expect(node, &["map", "set"])?;
            let is_set = node.tag.as_deref().is_some_and(|tag| tag.ends_with("2002:set"));
            let mut map = Map::new();
            for (key, item) in pairs(node)? {
                let item = value(item)?;
                map.insert(self::key(key)?, if is_set { Json::Null } else { item });
            }
            Ok(Json::Object(map))
        }
    }
}

/// The pairs of a mapping, those first that it takes over by merge keys (`<<`); of two with the same key the later counts.
pub fn pairs(node: &Node) -> Result<Vec<(&Node, &Node)>, YamlError> {
    let (mut merged, mut own) = (Vec::new(), Vec::new());
    for (key, item) in node.as_mapping().unwrap_or_default() {
        if !is_plain(key, "<<") {
            own.push((key, item));
            continue;
        }
        match &item.value {
            Value::Mapping(_) => merged.extend(pairs(item)?),
            Value::Sequence(items) if items.iter().all(|item| item.as_mapping().is_some()) => {
                // Of several the first counts.
                for item in items.iter().rev() {
                    merged.extend(pairs(item)?);
                }
            }
            _ => return Err(refused(item, "only mappings can be merged (`<<`)", "merge a mapping")),
        }
    }
    merged.append(&mut own);
    Ok(merged)
}

/// A key as JSON has it.
pub fn key(node: &Node) -> Result<String, YamlError> {
    if node.text().is_none() {
        let help = "write a text as key; put text in double braces (`{{…}}`) in quotes";
        return Err(refused(node, "a list or mapping stands as key", help));
    }
    if is_plain(node, "=") {
        return Ok("=".to_owned());
    }
    Ok(match value(node)? {
        Json::String(text) => text,
        other => other.to_string(),
    })
}

fn is_plain(node: &Node, text: &str) -> bool {
    node.text() == Some(text) && node.style() == Some(Style::Plain) && node.tag.is_none()
}

fn expect(node: &Node, tags: &[&str]) -> Result<(), YamlError> {
    match node.tag.as_deref() {
        None | Some("!" | "") => Ok(()),
        Some(tag) if tag.strip_prefix(PREFIX).is_some_and(|tag| tags.contains(&tag)) => Ok(()),
        Some(tag) => Err(tagged(node, tag)),
    }
}

fn tagged(node: &Node, tag: &str) -> YamlError {
    refused(node, &format!("the tag `{tag}` does not fit here, or is not known"), "remove the tag")
}

fn refused(node: &Node, message: &str, help: &str) -> YamlError {
    YamlError {
        kind: YamlErrorKind::Syntax,
        message: message.to_owned(),
        help: help.to_owned(),
        line: node.span.line,
        column: node.span.column,
        offset: node.span.start,
    }
}

fn scalar(node: &Node, text: &str, style: Style) -> Result<Json, YamlError> {
    let as_text = || Json::String(text.to_owned());
    let kind = match node.tag.as_deref() {
        Some("!" | "") => implicit(text),
        None if style == Style::Plain => implicit(text),
        None => Kind::Text,
        Some(tag) => match tag.strip_prefix(PREFIX) {
            Some("str") => Kind::Text,
            Some("null") => Kind::Null,
            Some("bool") => Kind::Bool,
            Some("int") => Kind::Int,
            Some("float") => Kind::Float,
            Some("timestamp") => Kind::Date,
            _ => return Err(tagged(node, tag)),
        },
    };
    let read = match kind {
        Kind::Text => Some(as_text()),
        Kind::Null => Some(Json::Null),
        Kind::Bool => boolean(text).map(Json::Bool),
        Kind::Int => int(text).map(Json::Number),
        // Without end, or not a number: text.
        Kind::Float => float(text).map(|number| Number::from_f64(number).map_or_else(as_text, Json::Number)),
        Kind::Date => is_date(text).then(as_text),
        Kind::Special => None,
    };
    let quote = || {
        refused(
            node,
            &format!("`{text}` means something else to YAML, and cannot be read"),
            "put it in quotes",
        )
    };
    read.ok_or_else(quote)
}
