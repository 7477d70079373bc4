//! The value of an expression, as far as it is known.

use serde_json::{Number, Value as Json};
use tree_sitter::Node;

use super::interpret::Interpreter;
use super::value::Value;

/// Longest list and text that is worked out.
const MAX_ITEMS: usize = 1000;
const MAX_TEXT: usize = 16 * 1024;

impl<'t> Interpreter<'t> {
    /// Evaluate an expression. Calls are followed ([`Interpreter::call`]).
    pub(super) fn eval(&mut self, node: Node<'t>) -> Value<'t> {
        if !self.enter() {
            return Value::Unknown;
        }
        let value = self.eval_inner(node);
        self.leave();
        value
    }

    fn eval_inner(&mut self, node: Node<'t>) -> Value<'t> {
        match node.kind() {
            "string" => Value::text(self.string(node)),
            "concatenated_string" => {
                let parts = children(node).into_iter().map(|part| self.string(part));
                Value::text(parts.collect::<String>())
            }
            "integer" => integer(&self.text(node).replace('_', "")),
            "float" => {
                let number = self.text(node).replace('_', "").parse().ok().and_then(Number::from_f64);
                number.map_or(Value::Unknown, |number| Value::Json(Json::Number(number)))
            }
            "true" => Value::Json(Json::Bool(true)),
            "false" => Value::Json(Json::Bool(false)),
            "none" => Value::Json(Json::Null),
            "parenthesized_expression" | "await" | "expression_list" if node.named_child_count() == 1 => {
                children(node).first().map_or(Value::Unknown, |inner| self.eval(*inner))
            }
            "list" | "tuple" | "set" | "expression_list" => self.sequence(node),
            "dictionary" => self.dictionary(node),
            "unary_operator" => self.negation(node),
            "binary_operator" => self.sum(node),
            "conditional_expression" | "boolean_operator" => {
                // Either side may be taken; look into all for parsers. `sys.stdin.read() or "{}"` still is the input.
                let values: Vec<_> = children(node).into_iter().map(|part| self.eval(part)).collect();
                let input = |value: &Value<'_>| match value {
                    Value::Name(name) => name.starts_with("sys.stdin"),
                    Value::Stdin | Value::Parser(_) => true,
                    _ => false,
                };
                values.into_iter().find(input).unwrap_or_default()
            }
            "list_comprehension" | "generator_expression" | "set_comprehension" => self.comprehension(node),
            "identifier" => self.lookup(self.text(node)),
            "attribute" => self.attribute(node),
            "subscript" => self.subscript(node),
            "call" => self.call(node),
            "named_expression" => {
                let value =
                    node.child_by_field_name("value").map_or(Value::Unknown, |value| self.eval(value));
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name, value.clone());
                }
                value
            }
            _ => Value::Unknown,
        }
    }

    fn sequence(&mut self, node: Node<'t>) -> Value<'t> {
        let mut items = Vec::new();
        for child in children(node).into_iter().take(MAX_ITEMS) {
            if child.kind() == "list_splat" {
                let inner = children(child).first().map_or(Value::Unknown, |inner| self.eval(*inner));
                match inner.items() {
                    Some(inner) => items.extend(inner),
                    None => return Value::Unknown,
                }
            } else if child.kind() != "comment" {
                items.push(self.eval(child));
            }
        }
        items.truncate(MAX_ITEMS);
        Value::List(items)
    }

    fn dictionary(&mut self, node: Node<'t>) -> Value<'t> {
        let mut pairs = Vec::new();
        for pair in children(node).into_iter().take(MAX_ITEMS).filter(|child| child.kind() == "pair") {
            let (Some(key), Some(value)) =
                (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
            else {
                continue;
            };
            pairs.push((self.eval(key), self.eval(value)));
        }
        Value::Dict(pairs)
    }

    fn negation(&mut self, node: Node<'t>) -> Value<'t> {
        let value = node.child_by_field_name("argument").map_or(Value::Unknown, |value| self.eval(value));
        let minus = node.child_by_field_name("operator").is_some_and(|sign| sign.kind() == "-");
        match value {
            Value::Json(Json::Number(number)) if minus => {
                let negative = number.as_i64().and_then(i64::checked_neg).map(Number::from);
                let negative = negative.or_else(|| number.as_f64().and_then(|n| Number::from_f64(-n)));
                negative.map_or(Value::Unknown, |number| Value::Json(Json::Number(number)))
            }
            _ => Value::Unknown,
        }
    }

    /// Sums of texts and of lists, products of whole numbers (`60 * 60`).
    fn sum(&mut self, node: Node<'t>) -> Value<'t> {
        let side = |this: &mut Self, name: &str| {
            node.child_by_field_name(name).map_or(Value::Unknown, |side| this.eval(side))
        };
        let (left, right) = (side(self, "left"), side(self, "right"));
        let operator = node.child_by_field_name("operator").map(|operator| operator.kind());
        match (operator, left, right) {
            (Some("+"), Value::List(mut left), Value::List(right)) => {
                left.extend(right);
                left.truncate(MAX_ITEMS);
                Value::List(left)
            }
            (Some(operator), Value::Json(left), Value::Json(right)) => arithmetic(operator, &left, &right),
            _ => Value::Unknown,
        }
    }

    /// `[x for x in LIST]`, `[m.value for m in Enum]`.
    fn comprehension(&mut self, node: Node<'t>) -> Value<'t> {
        let clause = children(node).into_iter().find(|child| child.kind() == "for_in_clause");
        let filtered = children(node).iter().any(|child| child.kind() == "if_clause");
        let parts = clause.and_then(|clause| {
            let body = node.child_by_field_name("body")?;
            Some((body, clause.child_by_field_name("left")?, clause.child_by_field_name("right")?))
        });
        let Some((body, left, right)) = parts.filter(|_| !filtered) else { return Value::Unknown };
        let Some(items) = self.eval(right).items() else { return Value::Unknown };
        let mut values = Vec::new();
        for item in items.into_iter().take(MAX_ITEMS) {
            self.bind(left, item);
            values.push(self.eval(body));
        }
        Value::List(values)
    }

    fn attribute(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = (node.child_by_field_name("object"), node.child_by_field_name("attribute"));
        let (Some(object), Some(attribute)) = parts else { return Value::Unknown };
        let name = self.text(attribute);
        match self.eval(object) {
            Value::Member(member, value) => match name {
                "value" => Value::Json(value),
                "name" => Value::text(member),
                _ => Value::Unknown,
            },
            Value::Enum(members) => {
                let found = members.into_iter().find(|(member, _)| member == name);
                found.map_or(Value::Unknown, |(member, value)| Value::Member(member, value))
            }
            // `self.parser`, `Config.CHOICES`, `argparse.SUPPRESS`: known by the whole dotted name.
            _ => self.lookup(self.text(node)),
        }
    }

    fn subscript(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = (node.child_by_field_name("value"), node.child_by_field_name("subscript"));
        let (Some(object), Some(key)) = parts else { return Value::Unknown };
        let (object, key) = (self.eval(object), self.eval(key));
        match (object, key) {
            (Value::Stdin, Value::Json(Json::String(key))) => {
                self.stdin_key(&key, None, true, node);
                Value::Unknown
            }
            (Value::Dict(pairs), key) => {
                let wanted = key.to_json();
                let found =
                    pairs.into_iter().find(|(known, _)| wanted.is_some() && known.to_json() == wanted);
                found.map_or(Value::Unknown, |(_, value)| value)
            }
            (Value::List(items), Value::Json(Json::Number(at))) => {
                at.as_u64().and_then(|at| items.get(at as usize).cloned()).unwrap_or_default()
            }
            _ => Value::Unknown,
        }
    }

    /// The characters of a string; what f-strings put in is worked out where it is known, else left as written.
    fn string(&mut self, node: Node<'t>) -> String {
        let start = node.child(0).map_or("", |start| self.text(start)).to_lowercase();
        let raw = start.contains('r');
        let mut out = String::new();
        for part in children(node) {
            match part.kind() {
                "string_content" => {
                    let text = self.text(part);
                    out.push_str(&if raw { text.to_owned() } else { unescaped(text) });
                }
                "interpolation" => {
                    let inner = part.child_by_field_name("expression").map(|inner| self.eval(inner));
                    match inner.and_then(|value| value.to_json()) {
                        Some(Json::String(text)) => out.push_str(&text),
                        Some(value) => out.push_str(&value.to_string()),
                        None => out.push_str(self.text(part)),
                    }
                }
                _ => {}
            }
            if out.len() > MAX_TEXT {
                break;
            }
        }
        out
    }
}

/// Named children, without comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

fn integer(text: &str) -> Value<'static> {
    let lower = text.to_lowercase();
    let parsed = match lower.get(..2) {
        Some("0x") => i64::from_str_radix(&lower[2..], 16),
        Some("0o") => i64::from_str_radix(&lower[2..], 8),
        Some("0b") => i64::from_str_radix(&lower[2..], 2),
        _ => lower.parse(),
    };
    parsed.map_or(Value::Unknown, |number| Value::Json(Json::from(number)))
}

fn arithmetic(operator: &str, left: &Json, right: &Json) -> Value<'static> {
    if let (Some(left), Some(right), "+") = (left.as_str(), right.as_str(), operator) {
        return if left.len() + right.len() <= MAX_TEXT {
            Value::text(format!("{left}{right}"))
        } else {
            Value::Unknown
        };
    }
    let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) else { return Value::Unknown };
    let result = match operator {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "**" => u32::try_from(right).ok().and_then(|power| left.checked_pow(power)),
        "<<" => u32::try_from(right).ok().filter(|by| *by < 62).and_then(|by| left.checked_mul(1 << by)),
        _ => None,
    };
    result.map_or(Value::Unknown, |number| Value::Json(Json::from(number)))
}

/// Python's escapes in texts.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\n') | None => {}
            Some(quote @ ('\\' | '\'' | '"')) => out.push(quote),
            Some(letter @ ('x' | 'u' | 'U')) => {
                let count = match letter {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = chars.clone().take(count).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                if let Some(code) = code.filter(|_| digits.len() == count) {
                    out.push(code);
                    chars.nth(count - 1);
                }
            }
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}
