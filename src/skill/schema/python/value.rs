//! Values as far as they are known without running anything.

use std::rc::Rc;

use serde_json::Value as Json;
use tree_sitter::Node;

/// Most values within a list or dictionary, all levels counted, and most levels.
const MAX_SIZE: usize = 5_000;
const MAX_LEVELS: usize = 16;

/// What is known of a value. Whatever can refer to other values without end stands in a table of the interpreter
/// and is a number here, so that values are cheap to copy and have bounded depth.
#[derive(Debug, Clone, Default)]
pub(super) enum Value<'t> {
    #[default]
    Unknown,
    Json(Json),
    /// List, tuple or set.
    List(Rc<List<'t>>),
    Dict(Rc<Dict<'t>>),
    /// A member of an enumeration.
    Member(Rc<Member>),
    /// A function or lambda, and the scope that it was defined in.
    Function(Node<'t>, usize),
    /// A method or function with its first argument bound.
    Method(Node<'t>, usize, Box<Value<'t>>),
    /// Numbers in the tables of the interpreter.
    Class(usize),
    Object(usize),
    Partial(usize),
    /// `super()` in a method of a class: the object, and the class whose parents are meant.
    Super(usize, usize),
    /// Something known by its full dotted name only: `int`, `pathlib.Path`, `argparse.SUPPRESS`.
    Name(Rc<str>),
    /// Numbers in [`super::tree::Tree`].
    Parser(usize),
    Subparsers(usize),
    /// A parser seen through a group: parser, group when exclusive.
    Group(usize, Option<usize>),
    /// `parser.add_argument` as a value of its own.
    Bound(usize, Option<usize>, Rc<str>),
    /// A decorator or type of click or typer: number in [`super::click::Click`].
    Click(usize),
    /// A number in [`super::typer::Apps`].
    App(usize),
    /// A type that is written with brackets: `Annotated[int, …]`.
    Hint(Node<'t>),
    /// What `json.load(sys.stdin)` gives.
    Stdin,
}

#[derive(Debug)]
pub(super) struct List<'t> {
    pub(super) items: Vec<Value<'t>>,
    extent: Extent,
}

#[derive(Debug)]
pub(super) struct Dict<'t> {
    /// In order.
    pub(super) pairs: Vec<(Value<'t>, Value<'t>)>,
    extent: Extent,
}

#[derive(Debug)]
pub(super) struct Member {
    /// Class of the enumeration.
    pub(super) class: usize,
    pub(super) name: String,
    pub(super) value: Json,
}

/// How large a value is.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    size: usize,
    levels: usize,
}

impl Extent {
    fn of<'v, 't: 'v>(values: impl Iterator<Item = &'v Value<'t>>) -> Self {
        let mut all = Extent { size: 1, levels: 1 };
        for value in values {
            let inner = match value {
                Value::List(list) => list.extent,
                Value::Dict(dict) => dict.extent,
                _ => Extent { size: 1, levels: 0 },
            };
            all.size = all.size.saturating_add(inner.size);
            all.levels = all.levels.max(inner.levels + 1);
        }
        all
    }

    fn fits(self) -> bool {
        self.size <= MAX_SIZE && self.levels <= MAX_LEVELS
    }
}

impl<'t> Value<'t> {
    pub(super) const NONE: Value<'static> = Value::Json(Json::Null);

    pub(super) fn text(text: impl Into<String>) -> Self {
        Value::Json(Json::String(text.into()))
    }

    pub(super) fn name(name: impl AsRef<str>) -> Self {
        Value::Name(Rc::from(name.as_ref()))
    }

    /// A list; unknown when it would be too large.
    pub(super) fn list(items: Vec<Value<'t>>) -> Self {
        let extent = Extent::of(items.iter());
        if extent.fits() { Value::List(Rc::new(List { items, extent })) } else { Value::Unknown }
    }

    /// A dictionary; unknown when it would be too large.
    pub(super) fn dict(pairs: Vec<(Value<'t>, Value<'t>)>) -> Self {
        let extent = Extent::of(pairs.iter().flat_map(|(key, value)| [key, value]));
        if extent.fits() { Value::Dict(Rc::new(Dict { pairs, extent })) } else { Value::Unknown }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Json(Json::String(text)) => Some(text),
            Value::Member(member) => member.value.as_str(),
            _ => None,
        }
    }

    pub(super) fn as_name(&self) -> Option<&str> {
        if let Value::Name(name) = self { Some(name) } else { None }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        if let Value::Json(json) = self { json.as_bool() } else { None }
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        if let Value::Json(json) = self { json.as_i64() } else { None }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Value::Json(Json::Null))
    }

    /// Whether Python takes it for true; `None` when that is not known.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Value::Json(Json::Null) => Some(false),
            Value::Json(Json::Bool(value)) => Some(*value),
            Value::Json(Json::Number(number)) => number.as_f64().map(|number| number != 0.0),
            Value::Json(Json::String(text)) => Some(!text.is_empty()),
            Value::List(list) => Some(!list.items.is_empty()),
            Value::Dict(dict) => Some(!dict.pairs.is_empty()),
            Value::Unknown | Value::Name(_) | Value::Stdin | Value::Json(_) => None,
            _ => Some(true),
        }
    }

    /// JSON, when all of it is known.
    pub(super) fn to_json(&self) -> Option<Json> {
        match self {
            Value::Json(json) => Some(json.clone()),
            Value::Member(member) => Some(member.value.clone()),
            Value::List(list) => {
                list.items.iter().map(Value::to_json).collect::<Option<Vec<_>>>().map(Json::Array)
            }
            Value::Dict(dict) => {
                let pairs = dict.pairs.iter();
                let pairs = pairs.map(|(key, value)| Some((key.as_str()?.to_owned(), value.to_json()?)));
                pairs.collect::<Option<serde_json::Map<_, _>>>().map(Json::Object)
            }
            _ => None,
        }
    }

    /// The same value of a list, dictionary or text, for a key or an index.
    pub(super) fn at(&self, key: &Value<'t>) -> Value<'t> {
        let index = |length: usize| {
            let at = key.as_int()?;
            let at = if at < 0 { at.checked_add(i64::try_from(length).ok()?)? } else { at };
            usize::try_from(at).ok()
        };
        match self {
            Value::Dict(dict) => {
                let wanted = key.to_json();
                let same = |known: &Value<'t>| wanted.is_some() && known.to_json() == wanted;
                let found = dict.pairs.iter().rev().find(|(known, _)| same(known));
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            }
            Value::List(list) => {
                index(list.items.len()).and_then(|at| list.items.get(at).cloned()).unwrap_or_default()
            }
            Value::Json(Json::String(text)) if text.len() <= 4096 => {
                let found = index(text.chars().count()).and_then(|at| text.chars().nth(at));
                found.map_or(Value::Unknown, |found| Value::text(found.to_string()))
            }
            _ => Value::Unknown,
        }
    }

    /// A dictionary with one key set.
    pub(super) fn with(&self, key: Value<'t>, value: Value<'t>) -> Value<'t> {
        let Value::Dict(dict) = self else { return Value::Unknown };
        let Some(wanted) = key.to_json() else { return Value::Unknown };
        let mut pairs = dict.pairs.clone();
        match pairs.iter_mut().find(|(known, _)| known.to_json().as_ref() == Some(&wanted)) {
            Some(known) => known.1 = value,
            None => pairs.push((key, value)),
        }
        Value::dict(pairs)
    }
}
