//! Walks the statements of a module and follows calls of its own functions.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};
use tree_sitter::Node;

use super::super::Kind;
use super::argparse::{Parsers, tidy};
use super::eval::children;
use super::value::Value;

const MAX_STEPS: usize = 200_000;
const MAX_DEPTH: usize = 100;
const MAX_CALLS: usize = 12;
/// Most turns of one loop.
const MAX_TURNS: usize = 64;

/// The state of the walk.
#[derive(Debug)]
pub(super) struct Interpreter<'t> {
    source: &'t str,
    /// Innermost last; the first one is the module's.
    scopes: Vec<HashMap<String, Value<'t>>>,
    /// Methods of classes by their bare name.
    pub(super) methods: HashMap<String, Node<'t>>,
    /// Classes of the script that are argument parsers.
    pub(super) parser_classes: HashSet<String>,
    /// Functions under way, and what they return.
    calls: Vec<(usize, Value<'t>)>,
    steps: usize,
    depth: usize,
    pub(super) parsers: Parsers,
    /// Keys read from JSON on standard input: default, required, line.
    stdin: Option<Vec<(String, StdinKey)>>,
}

#[derive(Debug)]
struct StdinKey {
    default: Option<Json>,
    required: bool,
    line: usize,
}

impl<'t> Interpreter<'t> {
    pub(super) fn new(source: &'t str) -> Self {
        Self {
            source,
            scopes: vec![HashMap::new()],
            methods: HashMap::new(),
            parser_classes: HashSet::new(),
            calls: Vec::new(),
            steps: 0,
            depth: 0,
            parsers: Parsers::default(),
            stdin: None,
        }
    }

    /// Walk a whole module. When nothing it starts by itself makes a parser, its functions are looked into one by
    /// one: an entry point of a package is called from elsewhere.
    pub(super) fn module(&mut self, root: Node<'t>) {
        self.block(root);
        if self.parsers.commands().is_some() || self.stdin.is_some() {
            return;
        }
        let functions: Vec<Node<'t>> = self.scopes[0]
            .values()
            .filter_map(|value| if let Value::Function(node) = value { Some(*node) } else { None })
            .chain(self.methods.values().copied())
            .collect();
        let mut functions = functions;
        functions.sort_by_key(Node::start_byte);
        for function in functions {
            self.invoke(function, &[], &[]);
            if self.parsers.commands().is_some() || self.stdin.is_some() {
                return;
            }
        }
    }

    /// First paragraph of the module's docstring.
    pub(super) fn docstring(&mut self, root: Node<'t>) -> String {
        let first = children(root).into_iter().next().filter(|node| node.kind() == "expression_statement");
        let string = first.and_then(|node| node.named_child(0)).filter(|node| node.kind() == "string");
        let text = string.map(|node| self.eval(node)).and_then(|value| value.as_str().map(str::to_owned));
        tidy(text.unwrap_or_default().trim().split("\n\n").next().unwrap_or_default())
    }

    pub(super) fn text(&self, node: Node<'t>) -> &'t str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    /// Count a step; false when a bound is reached.
    pub(super) fn enter(&mut self) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth >= MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The value of a variable or dotted name; an unknown one is known by its name.
    pub(super) fn lookup(&self, name: &str) -> Value<'t> {
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        found.cloned().unwrap_or_else(|| Value::Name(name.to_owned()))
    }

    /// Assign to a name, an attribute or a pattern.
    pub(super) fn bind(&mut self, target: Node<'t>, value: Value<'t>) {
        match target.kind() {
            "identifier" => {
                let name = self.text(target).to_owned();
                if let Some(scope) = self.scopes.last_mut() {
                    scope.insert(name, value);
                }
            }
            // Attributes outlive the function: `self.parser = …`.
            "attribute" => {
                let name = self.text(target).to_owned();
                self.scopes[0].insert(name, value);
            }
            "pattern_list" | "tuple_pattern" | "list_pattern" => {
                let items = value.items().unwrap_or_default();
                for (at, part) in children(target).into_iter().enumerate().take(MAX_TURNS) {
                    self.bind(part, items.get(at).cloned().unwrap_or_default());
                }
            }
            _ => {}
        }
    }

    fn block(&mut self, node: Node<'t>) {
        for statement in children(node) {
            self.statement(statement);
        }
    }

    fn statement(&mut self, node: Node<'t>) {
        if !self.enter() {
            return;
        }
        match node.kind() {
            "expression_statement" => {
                for inner in children(node) {
                    self.expression(inner);
                }
            }
            "function_definition" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name, Value::Function(node));
                }
            }
            "decorated_definition" => {
                if let Some(inner) = node.child_by_field_name("definition") {
                    self.statement(inner);
                }
            }
            "class_definition" => self.class(node),
            "return_statement" => {
                let value = node.named_child(0).map_or(Value::Unknown, |value| self.eval(value));
                if let Some((_, result)) = self.calls.last_mut().filter(|(_, r)| matches!(r, Value::Unknown))
                {
                    *result = value;
                }
            }
            "for_statement" => self.for_loop(node),
            "import_statement" | "import_from_statement" | "pass_statement" | "delete_statement" => {}
            _ => {
                // if, while, with, try, match and their clauses: every branch may be taken.
                if let Some(condition) = node.child_by_field_name("condition") {
                    self.eval(condition);
                }
                for child in children(node) {
                    match child.kind() {
                        "block" => self.block(child),
                        kind if kind.ends_with("_clause") && kind != "with_clause" => self.statement(child),
                        _ => {}
                    }
                }
            }
        }
        self.leave();
    }

    fn expression(&mut self, node: Node<'t>) -> Value<'t> {
        let sides = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        match (node.kind(), sides) {
            ("assignment", (Some(left), Some(right))) => {
                let value = self.expression(right);
                self.bind(left, value.clone());
                value
            }
            ("augmented_assignment", (Some(left), Some(right))) => {
                let added = self.eval(right);
                let value = match (self.eval(left), added) {
                    (Value::List(mut items), Value::List(more)) if items.len() + more.len() <= 1000 => {
                        items.extend(more);
                        Value::List(items)
                    }
                    _ => Value::Unknown,
                };
                self.bind(left, value);
                Value::Unknown
            }
            ("assignment", _) => Value::Unknown,
            _ => self.eval(node),
        }
    }

    fn for_loop(&mut self, node: Node<'t>) {
        let parts = (
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
            node.child_by_field_name("body"),
        );
        let (Some(left), Some(right), Some(body)) = parts else { return };
        let items = self.eval(right).items().unwrap_or_else(|| vec![Value::Unknown]);
        for item in items.into_iter().take(MAX_TURNS) {
            self.bind(left, item);
            self.block(body);
        }
    }

    /// Enumerations, constants and methods.
    fn class(&mut self, node: Node<'t>) {
        let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body"))
        else {
            return;
        };
        let class = self.text(name).to_owned();
        let bases = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
        let bases: Vec<&str> =
            bases.into_iter().map(|base| self.text(base).rsplit('.').next().unwrap_or_default()).collect();
        if bases.iter().any(|base| *base == "ArgumentParser" || self.parser_classes.contains(*base)) {
            self.parser_classes.insert(class.clone());
        }
        let is_enum = bases.iter().any(|base| base.ends_with("Enum"));
        let lower = bases.contains(&"StrEnum");
        let mut members = Vec::new();
        for statement in children(body) {
            let inner = match statement.kind() {
                "decorated_definition" => statement.child_by_field_name("definition").unwrap_or(statement),
                _ => statement,
            };
            if inner.kind() == "function_definition" {
                if let Some(name) = inner.child_by_field_name("name") {
                    self.methods.insert(self.text(name).to_owned(), inner);
                }
                continue;
            }
            let Some(assignment) = inner.named_child(0).filter(|inner| inner.kind() == "assignment") else {
                continue;
            };
            let sides = (assignment.child_by_field_name("left"), assignment.child_by_field_name("right"));
            let (Some(left), Some(right)) = sides else { continue };
            let (constant, value) = (self.text(left).to_owned(), self.eval(right));
            if is_enum {
                let automatic = || if lower { Json::String(constant.to_lowercase()) } else { Json::Null };
                let value = value.to_json().unwrap_or_else(automatic);
                members.push((constant, value));
            } else {
                for owner in [class.as_str(), "self", "cls"] {
                    self.scopes[0].insert(format!("{owner}.{constant}"), value.clone());
                }
            }
        }
        if is_enum {
            self.bind(name, Value::Enum(members));
        }
    }

    /// Follow a call of a function of the script.
    pub(super) fn invoke(
        &mut self,
        function: Node<'t>,
        positional: &[Value<'t>],
        keywords: &[(String, Value<'t>)],
    ) -> Value<'t> {
        let Some(body) = function.child_by_field_name("body") else { return Value::Unknown };
        let running = self.calls.iter().any(|(id, _)| *id == function.id());
        if running || self.calls.len() >= MAX_CALLS || !self.enter() {
            return Value::Unknown;
        }
        let mut scope = HashMap::new();
        let parameters = function.child_by_field_name("parameters").map(children).unwrap_or_default();
        for (at, parameter) in parameters.into_iter().enumerate() {
            let name = parameter.child_by_field_name("name").or_else(|| {
                if parameter.kind() == "identifier" { Some(parameter) } else { parameter.named_child(0) }
            });
            let Some(name) = name.map(|name| self.text(name).to_owned()) else { continue };
            let by_name = keywords.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
            let default = parameter.child_by_field_name("value");
            let value = by_name.or_else(|| positional.get(at).cloned());
            let value = value.or_else(|| default.map(|default| self.eval(default))).unwrap_or_default();
            scope.insert(name, value);
        }
        self.scopes.push(scope);
        self.calls.push((function.id(), Value::Unknown));
        self.block(body);
        self.scopes.pop();
        self.leave();
        self.calls.pop().map(|(_, result)| result).unwrap_or_default()
    }

    /// The kind that a converter function gives: by what it calls, else by its name.
    pub(super) fn converter_kind(&self, function: Node<'t>) -> Kind {
        let name = function.child_by_field_name("name").map_or("", |name| self.text(name)).to_lowercase();
        if name.contains("bool") {
            return Kind::Boolean;
        }
        let body = self.text(function);
        let calls = |callee: &str| {
            body.match_indices(callee)
                .any(|(at, _)| !body[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
        };
        match () {
            () if calls("int(") && !body.contains(".split(") => Kind::Integer,
            () if calls("float(") && !body.contains(".split(") => Kind::Number,
            () if body.contains("json.loads(") => Kind::Json,
            () => Kind::Text,
        }
    }

    /// The script reads JSON from standard input.
    pub(super) fn reads_stdin(&mut self) -> Value<'t> {
        self.stdin.get_or_insert_with(Vec::new);
        Value::Stdin
    }

    /// A key of that JSON. Reading it without a default makes it required.
    pub(super) fn stdin_key(&mut self, key: &str, default: Option<Json>, required: bool, node: Node<'t>) {
        let line = node.start_position().row + 1;
        let keys = self.stdin.get_or_insert_with(Vec::new);
        if let Some((_, known)) = keys.iter_mut().find(|(known, _)| known == key) {
            known.required |= required;
            known.default = known.default.take().or(default);
        } else if keys.len() < 200 {
            keys.push((key.to_owned(), StdinKey { default, required, line }));
        }
    }

    /// Where each key is read: name and line.
    pub(super) fn stdin_lines(&self) -> Vec<(String, usize)> {
        self.stdin.iter().flatten().map(|(name, key)| (name.clone(), key.line)).collect()
    }

    pub(super) fn stdin_schema(&self) -> Option<Json> {
        let keys = self.stdin.as_ref()?;
        let property = |key: &StdinKey| {
            let mut property = Map::new();
            property.insert("description".into(), format!("read on line {}", key.line).into());
            if let Some(default) = key.default.clone().filter(|default| !default.is_null()) {
                property.insert("default".into(), default);
            }
            Json::Object(property)
        };
        let properties: Map<String, Json> =
            keys.iter().map(|(name, key)| (name.clone(), property(key))).collect();
        let required: Vec<&String> =
            keys.iter().filter(|(_, key)| key.required).map(|(name, _)| name).collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        Some(schema)
    }
}
