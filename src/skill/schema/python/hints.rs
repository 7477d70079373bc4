//! Annotations of parameters: what type they name.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::Kind;
use super::calls::Arguments;
use super::classes::last;
use super::click::Item;
use super::eval::children;
use super::interpret::Interpreter;
use super::value::Value;

/// Most levels of an annotation.
const MAX_LEVELS: usize = 8;

/// A type.
#[derive(Debug)]
pub(super) struct Hint<'t> {
    pub(super) kind: Kind,
    pub(super) choices: Vec<Json>,
    pub(super) list: bool,
    /// Length of a tuple.
    pub(super) together: Option<usize>,
    /// `typer.Option(…)` or `typer.Argument(…)` in `Annotated[…]`: whether it is an option.
    pub(super) marker: Option<(bool, Arguments<'t>)>,
    /// `typer.Context`, which is no argument.
    pub(super) context: bool,
}

impl<'t> Hint<'t> {
    fn of(kind: Kind) -> Self {
        Self { kind, choices: Vec::new(), list: false, together: None, marker: None, context: false }
    }

    /// Without an annotation the default tells.
    pub(super) fn of_default(default: Option<&Value<'t>>) -> Self {
        Hint::of(match default.and_then(Value::to_json) {
            Some(Json::Bool(_)) => Kind::Boolean,
            Some(Json::Number(number)) if number.is_f64() => Kind::Number,
            Some(Json::Number(_)) => Kind::Integer,
            _ => Kind::Text,
        })
    }
}

impl<'t> Interpreter<'t> {
    pub(super) fn hint(&mut self, node: Node<'t>, level: usize) -> Hint<'t> {
        if level >= MAX_LEVELS {
            return Hint::of(Kind::Text);
        }
        match node.kind() {
            "type" | "parenthesized_expression" => match node.named_child(0) {
                Some(inner) => self.hint(inner, level + 1),
                None => Hint::of(Kind::Text),
            },
            "generic_type" => {
                let parts = children(node);
                let parameters = parts.get(1).map(|list| children(*list)).unwrap_or_default();
                self.generic(parts.first().copied(), &parameters, level)
            }
            "subscript" => {
                let mut cursor = node.walk();
                let parameters: Vec<Node<'t>> =
                    node.children_by_field_name("subscript", &mut cursor).collect();
                self.generic(node.child_by_field_name("value"), &parameters, level)
            }
            // `str | None`
            "union_type" | "binary_operator" => self.union(&children(node), level),
            "identifier" | "attribute" => {
                let value = self.eval(node);
                self.hint_of(&value, level)
            }
            _ => Hint::of(Kind::Text),
        }
    }

    fn hint_of(&mut self, value: &Value<'t>, level: usize) -> Hint<'t> {
        match value {
            Value::Class(class) => {
                let members = self.classes.all[*class].members.clone().unwrap_or_default();
                let choices: Vec<Json> = members.iter().filter_map(Value::to_json).collect();
                Hint { choices, ..Hint::of(Kind::Text) }
            }
            Value::Name(name) => match last(name) {
                "int" => Hint::of(Kind::Integer),
                "float" => Hint::of(Kind::Number),
                "bool" => Hint::of(Kind::Boolean),
                "Context" | "CallbackParam" => Hint { context: true, ..Hint::of(Kind::Text) },
                "list" | "List" | "Sequence" | "set" => Hint { list: true, ..Hint::of(Kind::Text) },
                _ => Hint::of(Kind::Text),
            },
            // A name for a longer type.
            Value::Hint(node) => self.hint(*node, level + 1),
            // `Colour = Literal["red", "green"]`
            Value::List(values) => {
                let choices = values.items.iter().filter_map(Value::to_json).collect();
                Hint { choices, ..Hint::of(Kind::Text) }
            }
            _ => Hint::of(Kind::Text),
        }
    }

    fn union(&mut self, parts: &[Node<'t>], level: usize) -> Hint<'t> {
        let none = |node: &Node<'t>| self.text(*node) == "None";
        match parts.iter().find(|part| !none(part)) {
            Some(part) => self.hint(*part, level + 1),
            None => Hint::of(Kind::Text),
        }
    }

    /// `Optional[X]`, `List[X]`, `Annotated[X, …]` and their like.
    fn generic(&mut self, base: Option<Node<'t>>, parameters: &[Node<'t>], level: usize) -> Hint<'t> {
        let (Some(base), Some(first)) = (base, parameters.first()) else { return Hint::of(Kind::Text) };
        let base = self.eval(base);
        match base.as_name().map(last).unwrap_or_default() {
            "Optional" | "Union" => self.union(parameters, level),
            "list" | "List" | "Sequence" | "Iterable" | "set" | "Set" => {
                let inner = self.hint(*first, level + 1);
                Hint { list: true, ..inner }
            }
            "tuple" | "Tuple" if parameters.get(1).is_some_and(|second| self.text(*second) == "...") => {
                let inner = self.hint(*first, level + 1);
                Hint { list: true, ..inner }
            }
            "tuple" | "Tuple" => {
                let inner: Vec<Hint<'t>> =
                    parameters.iter().map(|part| self.hint(*part, level + 1)).collect();
                let kind = inner[0].kind;
                let kind = if inner.iter().all(|part| part.kind == kind) { kind } else { Kind::Text };
                Hint { together: Some(inner.len()), ..Hint::of(kind) }
            }
            "Literal" => {
                let values = parameters.iter().map(|part| {
                    let inner =
                        if part.kind() == "type" { part.named_child(0).unwrap_or(*part) } else { *part };
                    self.eval(inner)
                });
                let choices: Vec<Json> = values.filter_map(|value| value.to_json()).collect();
                Hint { choices, ..Hint::of(Kind::Text) }
            }
            "Annotated" => {
                let mut hint = self.hint(*first, level + 1);
                for part in &parameters[1..] {
                    let inner =
                        if part.kind() == "type" { part.named_child(0).unwrap_or(*part) } else { *part };
                    let value = self.eval(inner);
                    if let Some(Item::Marker { option, arguments }) = self.click_item(&value) {
                        hint.marker = Some((*option, arguments.clone()));
                    }
                }
                hint
            }
            _ => Hint::of(Kind::Text),
        }
    }
}
