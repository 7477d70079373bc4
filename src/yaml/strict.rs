//! What PyYAML refuses although YAML 1.2 allows it, found by places: tabs between tokens, question marks and leading colons
//! in flow collections, an anchor's name twice, characters that are not printable.

use std::collections::HashSet;
use std::ops::Range;

use super::breaks::{BREAKS, is_space};
use super::{Document, Node, Start, Style, Value, YamlError, YamlErrorKind};

/// Check a document that begins at `start` of its file and was read from `text`.
pub(super) fn check(text: &str, start: Start, document: &Document) -> Result<(), YamlError> {
    let check = Check { text, start };
    if let Some((at, c)) = text.char_indices().find(|(_, c)| !is_printable(*c)) {
        let message = format!("the character U+{:04X} is not allowed in YAML", u32::from(c));
        return Err(check.error(at, YamlErrorKind::Syntax, message, "remove it"));
    }
    let mut scalars = Vec::new();
    if let Some(root) = &document.root {
        check.node(root, false, &mut scalars)?;
    }
    let comments = document.comments.iter().map(|comment| comment.span.start..comment.span.end);
    let offset = |range: Range<usize>| range.start - start.offset..range.end - start.offset;
    let mut taken: Vec<Range<usize>> = scalars.into_iter().chain(comments).map(offset).collect();
    taken.sort_by_key(|range| range.start);
    check.between(&taken)
}

/// The characters that a YAML 1.1 stream consists of.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Longest key without a question mark.
const MAX_KEY: usize = 1024;

/// Whether an item stands in its collection, and not where an alias leads to.
fn holds(collection: &Node, item: &Node) -> bool {
    (collection.span.start..=collection.span.end).contains(&item.span.start)
}

struct Check<'a> {
    text: &'a str,
    start: Start,
}

impl Check<'_> {
    /// Look at a node; `flow`: it stands in a flow collection. Collects where scalars are.
    fn node(&self, node: &Node, flow: bool, scalars: &mut Vec<Range<usize>>) -> Result<(), YamlError> {
        match &node.value {
            Value::Scalar { style, .. } => {
                let mut range = node.span.start..node.span.end;
                let written = self.text.get(range.start - self.start.offset..range.end - self.start.offset);
                let written = written.unwrap_or_default();
                match style {
                    Style::Plain if flow && (written.contains('?') || written.starts_with(':')) => {
                        let message =
                            "`?` or a leading `:` has a meaning of its own in a list or mapping in brackets";
                        let at = range.start - self.start.offset;
                        return Err(self.error(
                            at,
                            YamlErrorKind::Syntax,
                            message.into(),
                            "put the value in quotes",
                        ));
                    }
                    Style::Plain if !flow && written.trim_end_matches(is_space).contains(BREAKS) => {
                        let message =
                            "U+0085, U+2028 and U+2029 end a line to readers of YAML 1.1".to_owned();
                        let at = range.start - self.start.offset;
                        return Err(self.error(
                            at,
                            YamlErrorKind::Syntax,
                            message,
                            "put the value in quotes, or remove it",
                        ));
                    }
                    // A tab ends a plain scalar.
                    Style::Plain if written.contains('\t') => {
                        range.end = range.start + written.find('\t').unwrap_or(0);
                    }
                    _ => {}
                }
                scalars.push(range);
            }
            Value::Sequence(items) => {
                for item in items.iter().filter(|item| holds(node, item)) {
                    self.node(item, flow || node.flow, scalars)?;
                }
            }
            Value::Mapping(pairs) => {
                for (key, value) in pairs.iter().filter(|(key, _)| holds(node, key)) {
                    self.key(key)?;
                    self.node(key, flow || node.flow, scalars)?;
                    self.node(value, flow || node.flow, scalars)?;
                }
            }
        }
        Ok(())
    }

    /// A key that is not there, has several lines or is very long needs a question mark.
    fn key(&self, key: &Node) -> Result<(), YamlError> {
        let (at, end) = (key.span.start - self.start.offset, key.span.end - self.start.offset);
        let written = self.text.get(at..end).unwrap_or_default();
        let absent = key.text() == Some("") && key.style() == Some(Style::Plain) && key.tag.is_none();
        let message = if absent && !key.anchored {
            "there is no key before `:`"
        } else if key.text().is_some()
            && (written.contains(['\n', '\r']) || written.chars().nth(MAX_KEY).is_some())
        {
            "a key has more than one line, or more than 1024 characters"
        } else {
            return Ok(());
        };
        if self.text.get(..at).unwrap_or_default().trim_end().ends_with('?') {
            return Ok(());
        }
        Err(self.error(
            at,
            YamlErrorKind::Syntax,
            message.to_owned(),
            "write a short key on one line, or quote the value",
        ))
    }

    /// Look at what lies between scalars and comments: indicators, anchors, tags, white space.
    fn between(&self, taken: &[Range<usize>]) -> Result<(), YamlError> {
        let mut anchors = HashSet::new();
        let ends = taken.iter().map(|range| range.start).chain([self.text.len()]);
        let mut from = 0;
        for (number, to) in ends.enumerate() {
            let gap = self.text.get(from..to).unwrap_or_default();
            if let Some(at) = gap.find('\t') {
                let message =
                    "a tab stands between two parts of the YAML; several readers refuse it".to_owned();
                return Err(self.error(from + at, YamlErrorKind::Tab, message, "write a space"));
            }
            for (at, _) in gap.match_indices('&') {
                let behind = &gap[at + 1..];
                let length = behind.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
                let (name, behind) = behind.split_at(length.unwrap_or(behind.len()));
                let mut behind = behind.chars();
                let ends = match behind.next() {
                    // `&name: value`: the anchor of an empty key.
                    Some(':') => behind.next().is_none_or(char::is_whitespace),
                    next => next.is_none_or(|c| c.is_whitespace() || ",]}".contains(c)),
                };
                let (message, help) = if name.is_empty() || !ends {
                    (
                        "an anchor's name consists of letters and digits".to_owned(),
                        "write another, or quote the value",
                    )
                } else if anchors.insert(name) {
                    continue;
                } else {
                    (format!("the anchor `&{name}` is there twice"), "give each a name of its own")
                };
                return Err(self.error(from + at, YamlErrorKind::Syntax, message, help));
            }
            from = from.max(taken.get(number).map_or(to, |range| range.end));
        }
        Ok(())
    }

    fn error(&self, at: usize, kind: YamlErrorKind, message: String, help: &str) -> YamlError {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        YamlError {
            kind,
            message,
            help: help.to_owned(),
            line: self.start.line + before.replace("\r\n", "\n").matches(['\n', '\r']).count(),
            column: before[line..].chars().count() + 1,
            offset: self.start.offset + at,
        }
    }
}
