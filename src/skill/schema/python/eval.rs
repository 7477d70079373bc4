//! The value of an expression, as far as it is known.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::interpret::Interpreter;
use super::operators::{integer, number};
use super::value::Value;

/// Longest list and text that is worked out.
pub(super) const MAX_ITEMS: usize = 1000;
pub(super) const MAX_TEXT: usize = 16 * 1024;

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
            "string" | "concatenated_string" => self.string_literal(node),
            "integer" => integer(&self.text(node).replace('_', "")),
            "float" => number(self.text(node).replace('_', "").parse().ok()),
            "true" => Value::Json(Json::Bool(true)),
            "false" => Value::Json(Json::Bool(false)),
            "none" => Value::NONE,
            "ellipsis" => Value::name("..."),
            "parenthesized_expression" | "await" => {
                children(node).first().map_or(Value::Unknown, |inner| self.eval(*inner))
            }
            "list" | "tuple" | "set" | "expression_list" => self.sequence(node),
            "dictionary" => self.dictionary(node),
            "unary_operator" => self.negation(node),
            "not_operator" => {
                let inner = node.child_by_field_name("argument").map(|inner| self.eval(inner));
                let truth = inner.and_then(|inner| inner.truth());
                truth.map_or(Value::Unknown, |truth| Value::Json((!truth).into()))
            }
            "binary_operator" => {
                let operator = node.child_by_field_name("operator").map_or("", |operator| operator.kind());
                let (left, right) = (self.side(node, "left"), self.side(node, "right"));
                self.binary(operator, &left, &right)
            }
            "boolean_operator" => self.either(node),
            "comparison_operator" => self.comparison(node),
            "conditional_expression" => {
                let parts = children(node);
                let [then, condition, other] = parts[..] else { return Value::Unknown };
                match self.eval(condition).truth() {
                    Some(true) => self.eval(then),
                    Some(false) => self.eval(other),
                    None => {
                        let (then, other) = (self.eval(then), self.eval(other));
                        Self::input_of([then, other])
                    }
                }
            }
            "list_comprehension"
            | "generator_expression"
            | "set_comprehension"
            | "dictionary_comprehension" => self.comprehension(node),
            "identifier" => self.lookup(self.text(node)),
            "attribute" => self.attribute(node),
            "subscript" => self.subscript(node),
            "call" => self.call(node),
            "lambda" => Value::Function(node, self.scope),
            "named_expression" => {
                let value = self.side(node, "value");
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name, value.clone());
                }
                value
            }
            _ => Value::Unknown,
        }
    }

    pub(super) fn side(&mut self, node: Node<'t>, name: &str) -> Value<'t> {
        node.child_by_field_name(name).map_or(Value::Unknown, |side| self.eval(side))
    }

    /// `a or b`, `a and b`. `sys.stdin.read() or "{}"` still is the input.
    fn either(&mut self, node: Node<'t>) -> Value<'t> {
        let operator = node.child_by_field_name("operator").map_or("", |operator| operator.kind());
        let left = self.side(node, "left");
        match left.truth() {
            Some(truth) if truth == (operator == "or") => left,
            Some(_) => self.side(node, "right"),
            None => {
                let right = self.side(node, "right");
                // The value of an environment variable is not known; what holds without it is.
                let unset = matches!(left.as_name(), Some("os.getenv()" | "os.environ.get()"));
                if unset && operator == "or" { right } else { Self::input_of([left, right]) }
            }
        }
    }

    fn input_of(values: [Value<'t>; 2]) -> Value<'t> {
        let input = |value: &Value<'_>| match value {
            Value::Name(name) => name.starts_with("sys.stdin"),
            Value::Stdin | Value::Parser(_) => true,
            _ => false,
        };
        values.into_iter().find(input).unwrap_or_default()
    }

    fn sequence(&mut self, node: Node<'t>) -> Value<'t> {
        let mut items = Vec::new();
        for child in children(node).into_iter().take(MAX_ITEMS) {
            if child.kind() == "list_splat" {
                let inner = child.named_child(0).map_or(Value::Unknown, |inner| self.eval(inner));
                match self.items(&inner) {
                    Some(inner) => items.extend(inner),
                    None => return Value::Unknown,
                }
            } else {
                items.push(self.eval(child));
            }
        }
        items.truncate(MAX_ITEMS);
        Value::list(items)
    }

    fn dictionary(&mut self, node: Node<'t>) -> Value<'t> {
        let mut dict = Vec::new();
        for child in children(node).into_iter().take(MAX_ITEMS) {
            if child.kind() == "dictionary_splat" {
                let inner = child.named_child(0).map_or(Value::Unknown, |inner| self.eval(inner));
                let Value::Dict(inner) = inner else { return Value::Unknown };
                dict.extend(inner.pairs.iter().cloned());
            } else {
                let (key, value) = (self.side(child, "key"), self.side(child, "value"));
                dict.push((key, value));
            }
        }
        Value::dict(dict)
    }

    /// `[x for x in LIST if x]`, `{key: value for …}`.
    fn comprehension(&mut self, node: Node<'t>) -> Value<'t> {
        let Some(body) = node.child_by_field_name("body") else { return Value::Unknown };
        let clauses: Vec<Node<'t>> =
            children(node).into_iter().filter(|child| child.kind().ends_with("_clause")).collect();
        let mut values = Vec::new();
        if self.comprehend(body, &clauses, &mut values).is_none() {
            return Value::Unknown;
        }
        if node.kind() != "dictionary_comprehension" {
            return Value::list(values);
        }
        let pairs =
            values.iter().map(|pair| (pair.at(&Value::Json(0.into())), pair.at(&Value::Json(1.into()))));
        Value::dict(pairs.collect())
    }

    fn comprehend(&mut self, body: Node<'t>, clauses: &[Node<'t>], out: &mut Vec<Value<'t>>) -> Option<()> {
        let Some((clause, rest)) = clauses.split_first() else {
            if out.len() < MAX_ITEMS {
                let value = if body.kind() == "pair" {
                    Value::list(vec![self.side(body, "key"), self.side(body, "value")])
                } else {
                    self.eval(body)
                };
                out.push(value);
            }
            return Some(());
        };
        if clause.kind() == "if_clause" {
            let truth = clause.named_child(0).and_then(|condition| self.eval(condition).truth());
            return if truth? { self.comprehend(body, rest, out) } else { Some(()) };
        }
        let (left, right) = (clause.child_by_field_name("left")?, clause.child_by_field_name("right")?);
        let known = self.eval(right);
        for item in self.items(&known)?.into_iter().take(MAX_ITEMS) {
            if !self.enter() {
                return None;
            }
            self.bind(left, item);
            let done = self.comprehend(body, rest, out);
            self.leave();
            done?;
        }
        Some(())
    }

    fn attribute(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = (node.child_by_field_name("object"), node.child_by_field_name("attribute"));
        let (Some(object), Some(attribute)) = parts else { return Value::Unknown };
        let name = self.text(attribute);
        let owner = self.eval(object);
        let found = match &owner {
            Value::Member(member) => match name {
                "value" => Some(Value::Json(member.value.clone())),
                "name" => Some(Value::text(member.name.clone())),
                _ => self.class_attribute(member.class, name),
            },
            Value::Class(class) => match name {
                "__name__" => Some(Value::text(self.classes.all[*class].name.clone())),
                "__members__" => self.classes.all[*class].members.as_ref().map(|members| {
                    let pair = |member: &Value<'t>| match member {
                        Value::Member(inner) => (Value::text(inner.name.clone()), member.clone()),
                        other => (Value::Unknown, other.clone()),
                    };
                    Value::dict(members.iter().map(pair).collect())
                }),
                _ => self.bound_class_attribute(*class, name),
            },
            Value::Object(object) => self.object_attribute(*object, name),
            Value::Name(owner) => {
                let full = format!("{owner}.{name}");
                let known = self.scopes[0].variables.get(&full).cloned();
                return known.unwrap_or_else(|| Value::name(full));
            }
            _ => None,
        };
        if let Some(found) = found {
            return found;
        }
        match &owner {
            Value::Group(parser, group) => return Value::Bound(*parser, *group, name.into()),
            other => {
                if let Some(parser) = self.as_parser(other) {
                    return Value::Bound(parser, None, name.into());
                }
            }
        }
        match self.lookup(self.text(node)) {
            Value::Name(_) => Value::Unknown,
            known => known,
        }
    }

    fn subscript(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = (node.child_by_field_name("value"), node.child_by_field_name("subscript"));
        let (Some(object), Some(key)) = parts else { return Value::Unknown };
        let object = self.eval(object);
        if key.kind() == "slice" {
            return self.slice(&object, key);
        }
        if matches!(object.as_name(), Some("typing.Literal" | "typing_extensions.Literal")) {
            let mut cursor = node.walk();
            let parts: Vec<Node<'t>> = node.children_by_field_name("subscript", &mut cursor).collect();
            return Value::list(parts.into_iter().map(|part| self.eval(part)).collect());
        }
        if object.as_name().is_some_and(|name| name.starts_with("typing")) {
            return Value::Hint(node);
        }
        let key = self.eval(key);
        match (&object, key) {
            (Value::Stdin, Value::Json(Json::String(key))) => {
                self.input.key(&key, None, true, node.start_position().row + 1);
                Value::Unknown
            }
            (Value::Class(class), key) => {
                let wanted = key.as_str().map(str::to_owned);
                wanted.and_then(|wanted| self.class_attribute(*class, &wanted)).unwrap_or_default()
            }
            (_, key) => object.at(&key),
        }
    }

    fn slice(&mut self, object: &Value<'t>, slice: Node<'t>) -> Value<'t> {
        let text = self.text(slice);
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let [from, to] = parts[..] else { return Value::Unknown };
        let Some(items) = self.items(object) else { return Value::Unknown };
        let bound = |text: &str, otherwise: usize| -> Option<usize> {
            if text.is_empty() {
                return Some(otherwise);
            }
            let at: i64 = text.parse().ok()?;
            let length = i64::try_from(items.len()).ok()?;
            usize::try_from(if at < 0 { (at + length).max(0) } else { at.min(length) }).ok()
        };
        let (Some(from), Some(to)) = (bound(from, 0), bound(to, items.len())) else { return Value::Unknown };
        let part = items.get(from..to.max(from)).unwrap_or_default();
        match object {
            Value::Json(_) => Value::text(part.iter().filter_map(Value::as_str).collect::<String>()),
            _ => Value::list(part.to_vec()),
        }
    }

    /// What a loop over the value gives; `None` when that is not known.
    pub(super) fn items(&self, value: &Value<'t>) -> Option<Vec<Value<'t>>> {
        match value {
            Value::List(list) => Some(list.items.clone()),
            Value::Dict(dict) => Some(dict.pairs.iter().map(|(key, _)| key.clone()).collect()),
            Value::Class(class) => self.classes.all[*class].members.clone(),
            Value::Json(Json::String(text)) if text.len() <= 4096 => {
                Some(text.chars().map(|c| Value::text(c.to_string())).collect())
            }
            _ => None,
        }
    }
}

/// Named children, without comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}
