//! Values as far as they are known without running anything.

use serde_json::Value as Json;
use tree_sitter::Node;

#[derive(Debug, Clone, Default)]
pub(super) enum Value<'t> {
    #[default]
    Unknown,
    Json(Json),
    /// List, tuple or set.
    List(Vec<Value<'t>>),
    /// Keys and values, in order.
    Dict(Vec<(Value<'t>, Value<'t>)>),
    /// Members of an enumeration: name and value.
    Enum(Vec<(String, Json)>),
    /// One member.
    Member(String, Json),
    Function(Node<'t>),
    /// Something known by its dotted name only: `int`, `pathlib.Path`, `argparse.SUPPRESS`.
    Name(String),
    /// Numbers in [`super::argparse::Parsers`].
    Parser(usize),
    Subparsers(usize),
    /// A parser seen through a group: parser, group when exclusive.
    Group(usize, Option<usize>),
    /// What `json.load(sys.stdin)` gives.
    Stdin,
}

impl<'t> Value<'t> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Value::Json(Json::String(text.into()))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Json(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Json(json) => json.as_bool(),
            _ => None,
        }
    }

    /// JSON, when all of it is known.
    pub(super) fn to_json(&self) -> Option<Json> {
        match self {
            Value::Json(json) | Value::Member(_, json) => Some(json.clone()),
            Value::List(items) => {
                items.iter().map(Value::to_json).collect::<Option<Vec<_>>>().map(Json::Array)
            }
            Value::Dict(pairs) => {
                let pairs =
                    pairs.iter().map(|(key, value)| Some((key.as_str()?.to_owned(), value.to_json()?)));
                pairs.collect::<Option<serde_json::Map<_, _>>>().map(Json::Object)
            }
            _ => None,
        }
    }

    /// What a loop over the value gives; `None` when that is not known.
    pub(super) fn items(&self) -> Option<Vec<Value<'t>>> {
        match self {
            Value::List(items) => Some(items.clone()),
            Value::Dict(pairs) => Some(pairs.iter().map(|(key, _)| key.clone()).collect()),
            Value::Enum(members) => {
                Some(members.iter().map(|(name, value)| Value::Member(name.clone(), value.clone())).collect())
            }
            Value::Json(Json::String(text)) if text.len() <= 64 => {
                Some(text.chars().map(|c| Value::text(c.to_string())).collect())
            }
            _ => None,
        }
    }
}
