//! What a converter (`type=…`) makes of a text.

use tree_sitter::Node;

use super::super::Kind;
use super::eval::children;
use super::interpret::Interpreter;
use super::value::Value;

/// Most levels of functions and nodes of a function that are looked into.
const MAX_LEVELS: usize = 4;
const MAX_NODES: usize = 2000;

impl<'t> Interpreter<'t> {
    /// The kind of an argument by its converter and choices.
    pub(super) fn kind(&mut self, converter: Option<&Value<'t>>, choices: &[serde_json::Value]) -> Kind {
        match converter {
            None | Some(Value::Json(serde_json::Value::Null)) => {
                let numbers = !choices.is_empty() && choices.iter().all(serde_json::Value::is_i64);
                if numbers { Kind::Integer } else { Kind::Text }
            }
            Some(Value::Class(_)) => {
                let numbers = !choices.is_empty() && choices.iter().all(serde_json::Value::is_i64);
                if numbers { Kind::Integer } else { Kind::Text }
            }
            Some(converter) => self.converter_kind(converter, 0),
        }
    }

    fn converter_kind(&mut self, converter: &Value<'t>, level: usize) -> Kind {
        match converter {
            Value::Name(name) => match name.as_ref() {
                "int" => Kind::Integer,
                "float" | "decimal.Decimal" | "fractions.Fraction" => Kind::Number,
                "json.loads" | "ast.literal_eval" => Kind::Json,
                _ => Kind::Text,
            },
            Value::Function(node, _) | Value::Method(node, ..) => self.function_kind(*node, level),
            Value::Object(object) => match self.object_attribute(*object, "__call__") {
                Some(method) => self.converter_kind(&method, level),
                None => Kind::Text,
            },
            Value::Partial(partial) => {
                let (function, given) = self.partial(*partial);
                // `partial(int, base=16)` reads other texts than numbers.
                if matches!(function, Value::Name(_)) && given {
                    Kind::Text
                } else {
                    self.converter_kind(&function, level)
                }
            }
            _ => Kind::Text,
        }
    }

    /// A function that hands its argument itself to `int` and returns the number takes whole numbers; one that
    /// takes the text apart first (`10MB`) takes texts.
    fn function_kind(&mut self, function: Node<'t>, level: usize) -> Kind {
        let parameters = function.child_by_field_name("parameters").map(children).unwrap_or_default();
        let mut names = parameters.into_iter().filter_map(|parameter| match parameter.kind() {
            "identifier" => Some(self.text(parameter)),
            "typed_parameter" => parameter.named_child(0).map(|inner| self.text(inner)),
            _ => parameter.child_by_field_name("name").map(|inner| self.text(inner)),
        });
        let Some(name) = names.rfind(|name| !matches!(*name, "self" | "cls")) else {
            return Kind::Text;
        };
        let Some(body) = function.child_by_field_name("body") else { return Kind::Text };
        if level >= MAX_LEVELS {
            return Kind::Text;
        }
        let context = Context { name, body, level };
        if function.kind() == "lambda" {
            return self.result_kind(body, &context, 0).unwrap_or(Kind::Text);
        }
        let mut kinds = Vec::new();
        for node in within(body) {
            if node.kind() == "return_statement" {
                match node.named_child(0) {
                    Some(value) if value.kind() != "none" => kinds.push(self.result_kind(value, &context, 0)),
                    _ => {}
                }
            }
        }
        let Some(kinds) = kinds.into_iter().collect::<Option<Vec<Kind>>>() else { return Kind::Text };
        match kinds.as_slice() {
            [] => Kind::Text,
            [first, rest @ ..] if rest.iter().all(|kind| kind == first) => {
                // Which words mean yes, the function says.
                let text = self.text(body).to_lowercase();
                let takes_words = text.contains("\"true\"") || text.contains("'true'");
                if *first == Kind::Boolean && !takes_words { Kind::Text } else { *first }
            }
            all if all.iter().all(|kind| matches!(kind, Kind::Integer | Kind::Number)) => Kind::Number,
            _ => Kind::Text,
        }
    }

    /// The kind of a result, when it is made of the whole argument.
    fn result_kind(&mut self, node: Node<'t>, context: &Context<'t>, depth: usize) -> Option<Kind> {
        if depth > 8 {
            return None;
        }
        match node.kind() {
            "true" | "false" | "comparison_operator" | "not_operator" => Some(Kind::Boolean),
            "integer" => Some(Kind::Integer),
            "float" => Some(Kind::Number),
            "parenthesized_expression" | "unary_operator" => {
                let inner = node.child_by_field_name("argument").or_else(|| node.named_child(0))?;
                self.result_kind(inner, context, depth + 1)
            }
            "identifier" => {
                let name = self.text(node);
                if name == context.name && !self.assigns(context.body, name) {
                    return Some(Kind::Text);
                }
                let value = within(context.body).into_iter().rev().find_map(|node| {
                    let left = node.child_by_field_name("left")?;
                    let assigned = matches!(node.kind(), "assignment") && self.text(left) == name;
                    assigned.then(|| node.child_by_field_name("right"))?
                })?;
                self.result_kind(value, context, depth + 1)
            }
            "binary_operator" | "conditional_expression" => {
                let parts = children(node);
                let (first, second) = (parts.first()?, parts.last()?);
                let first = self.result_kind(*first, context, depth + 1)?;
                let second = self.result_kind(*second, context, depth + 1)?;
                match (first, second) {
                    (first, second) if first == second => Some(first),
                    (Kind::Integer | Kind::Number, Kind::Integer | Kind::Number) => Some(Kind::Number),
                    _ => None,
                }
            }
            "call" => {
                let function = node.child_by_field_name("function")?;
                let arguments = children(node.child_by_field_name("arguments")?);
                let first = *arguments.first()?;
                if function.kind() == "identifier"
                    && matches!(self.text(function), "max" | "min" | "abs" | "round")
                {
                    return arguments.iter().find_map(|a| self.result_kind(*a, context, depth + 1));
                }
                // `int(text, 16)` reads other texts than numbers.
                let base = arguments.get(1).map(|base| self.text(*base));
                if base.is_some_and(|base| !matches!(base, "0" | "10" | "base=0" | "base=10")) {
                    return None;
                }
                let direct = self.is_argument(first, context.name);
                let function = self.eval(function);
                direct
                    .then(|| self.converter_kind(&function, context.level + 1))
                    .filter(|kind| *kind != Kind::Text)
            }
            _ => None,
        }
    }

    fn assigns(&self, body: Node<'t>, name: &str) -> bool {
        within(body).into_iter().any(|node| {
            let left = node.child_by_field_name("left").filter(|_| node.kind() == "assignment");
            left.is_some_and(|left| self.text(left) == name)
        })
    }

    /// `text`, or `text.strip()`.
    fn is_argument(&self, node: Node<'t>, name: &str) -> bool {
        let text = self.text(node);
        text.strip_prefix(name)
            .is_some_and(|rest| matches!(rest, "" | ".strip()" | ".lower()" | ".strip().lower()"))
    }
}

struct Context<'t> {
    /// The argument.
    name: &'t str,
    body: Node<'t>,
    level: usize,
}

/// All nodes below, those of inner functions excepted.
fn within(body: Node<'_>) -> Vec<Node<'_>> {
    let mut found = vec![body];
    let mut at = 0;
    while at < found.len() && found.len() < MAX_NODES {
        let inner = children(found[at]);
        found.extend(
            inner.into_iter().filter(|node| !matches!(node.kind(), "function_definition" | "lambda")),
        );
        at += 1;
    }
    found
}
