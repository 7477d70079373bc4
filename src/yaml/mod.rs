//! YAML with places: a small tree in which every key and value knows its line and column.
//!
//! The one reader of YAML in this program: front matter ([`crate::skill`]), `policy.yaml`
//! ([`crate::policy`]) and cases go through [`parse()`]. It is made for foreign text: size, nesting and the
//! number of nodes are bounded, aliases are refused (by [`pyyaml`] expanded within these bounds), and duplicate keys stay in the
//! tree so that the caller can point at both.

mod breaks;
mod parse;
pub mod pyyaml;
mod scalar;
mod scalar11;
mod strict;

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

pub use crate::skill::diagnostic::Span;
pub use parse::{MAX_BYTES, MAX_DEPTH, MAX_NODES, Start, parse, parse_at};

/// One YAML document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// `None` for a text that holds nothing but blanks and comments.
    pub root: Option<Node>,
    /// All comments, in order, without the `#`.
    pub comments: Vec<Comment>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    pub text: String,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: Value,
    /// From the first to the last character of the value; quotes and brackets included, the line break
    /// after a block scalar not.
    pub span: Span,
    /// Written in flow style (`[a, b]`, `{a: b}`).
    pub flow: bool,
    /// An explicit tag, as in `!!str 12` (full form: `tag:yaml.org,2002:str`).
    pub tag: Option<String>,
    /// Carries an anchor (`&name`).
    pub anchored: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar {
        text: String,
        style: Style,
    },
    Sequence(Vec<Node>),
    /// Pairs in the order of the file, duplicates included.
    Mapping(Vec<(Node, Node)>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The text is not YAML that this reader takes. Line and column are 1-based.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct YamlError {
    pub kind: YamlErrorKind,
    pub message: String,
    /// What to do about it.
    pub help: String,
    pub line: usize,
    pub column: usize,
    /// Byte offset into the file.
    pub offset: usize,
}

/// What sort of error, for callers that offer a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum YamlErrorKind {
    /// `: ` inside an unquoted value.
    UnquotedColon,
    Tab,
    /// An alias (`*name`), or a value that begins with `*`.
    Alias,
    UnclosedQuote,
    /// A comment right behind a value, without a blank.
    CommentTouches,
    /// A bound was reached: size, nesting or number of nodes.
    TooLarge,
    Syntax,
}

impl YamlError {
    /// The place as an empty span.
    pub fn span(&self) -> Span {
        Span {
            line: self.line,
            column: self.column,
            end_line: self.line,
            end_column: self.column,
            start: self.offset,
            end: self.offset,
        }
    }
}

impl Node {
    /// What a reader of an error message calls this node.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Sequence(_) => "list",
            Value::Mapping(_) => "mapping",
            Value::Scalar { .. } => kind_of(&self.to_json()),
        }
    }

    /// The characters of a scalar, whatever its type.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn style(&self) -> Option<Style> {
        match &self.value {
            Value::Scalar { style, .. } => Some(*style),
            _ => None,
        }
    }

    /// A scalar that *is* a string by the rules of YAML 1.2: `12`, `true` and `~` are not.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if self.to_json().is_string() => Some(text),
            _ => None,
        }
    }

    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_mapping(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Mapping(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar { .. }) && self.to_json().is_null()
    }

    /// The value under `key`; the last one when the key is there twice.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.get_pair(key).map(|(_, value)| value)
    }

    /// Key and value under `key`; the last pair when the key is there twice.
    pub fn get_pair(&self, key: &str) -> Option<(&Node, &Node)> {
        let pairs = self.as_mapping()?;
        pairs.iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(k, v)| (k, v))
    }

    /// Keys of this mapping that are there more than once: (first, again), in the order of the file.
    pub fn duplicates(&self) -> Vec<(&Node, &Node)> {
        let mut first: HashMap<&str, &Node> = HashMap::new();
        let mut found = Vec::new();
        for (key, _) in self.as_mapping().unwrap_or_default() {
            let Some(text) = key.text() else { continue };
            match first.get(text) {
                Some(before) => found.push((*before, key)),
                None => {
                    first.insert(text, key);
                }
            }
        }
        found
    }

    /// All [`duplicates`](Self::duplicates) of this node and of everything below it.
    pub fn all_duplicates(&self) -> Vec<(&Node, &Node)> {
        let mut found = self.duplicates();
        match &self.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => found.extend(items.iter().flat_map(Node::all_duplicates)),
            Value::Mapping(pairs) => {
                found.extend(pairs.iter().flat_map(|(_, value)| value.all_duplicates()));
            }
        }
        found
    }

    /// How many nodes this is, and how many levels of collections.
    fn extent(&self) -> (usize, usize) {
        let add = |(nodes, depth): (usize, usize), node: &Node| {
            let (more, deep) = node.extent();
            (nodes + more, depth.max(deep + 1))
        };
        match &self.value {
            Value::Scalar { .. } => (1, 0),
            Value::Sequence(items) => items.iter().fold((1, 1), add),
            Value::Mapping(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).fold((1, 1), add),
        }
    }

    /// The value by the rules of the YAML 1.2 core schema (`no` is a string, `0x1f` a number).
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar { text, style } => scalar::resolve(text, *style, self.tag.as_deref()),
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(pairs) => {
                let mut map = Map::new();
                for (key, value) in pairs {
                    let key = key.text().map_or_else(|| key.to_json().to_string(), str::to_owned);
                    map.insert(key, value.to_json());
                }
                Json::Object(map)
            }
        }
    }
}

/// What a reader of an error message calls a value.
pub fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "text",
        Json::Array(_) => "list",
        Json::Object(_) => "mapping",
    }
}

#[cfg(test)]
mod tests;
