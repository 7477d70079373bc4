//! Walks the statements of a module.

use std::collections::HashMap;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::stdin::Input;
use super::classes::Classes;
use super::click::Click;
use super::eval::children;
use super::help::tidy;
use super::tree::Tree;
use super::typer::Apps;
use super::value::Value;

const MAX_STEPS: usize = 200_000;
const MAX_DEPTH: usize = 100;
/// Most turns of one loop.
pub(super) const MAX_TURNS: usize = 200;

/// The state of the walk.
#[derive(Debug)]
pub(super) struct Interpreter<'t> {
    source: &'t str,
    /// All scopes; the first one is the module's.
    pub(super) scopes: Vec<Scope<'t>>,
    /// The innermost scope.
    pub(super) scope: usize,
    pub(super) classes: Classes<'t>,
    /// Function calls under way.
    pub(super) calls: Vec<super::functions::Frame<'t>>,
    /// Functions and classes that were used, by node.
    pub(super) used: std::collections::HashSet<usize>,
    steps: usize,
    depth: usize,
    pub(super) tree: Tree,
    pub(super) click: Click<'t>,
    pub(super) apps: Apps<'t>,
    pub(super) input: Input,
}

/// Variables, and the scope around.
#[derive(Debug, Default)]
pub(super) struct Scope<'t> {
    pub(super) variables: HashMap<String, Value<'t>>,
    pub(super) around: Option<usize>,
    /// Names of other scopes that are assigned here: `global`, `nonlocal`.
    pub(super) elsewhere: HashMap<String, usize>,
}

/// What a statement does to the order of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Return,
    Break,
    Continue,
}

impl<'t> Interpreter<'t> {
    pub(super) fn new(source: &'t str) -> Self {
        Self {
            source,
            scopes: vec![Scope::default()],
            scope: 0,
            classes: Classes::default(),
            calls: Vec::new(),
            used: std::collections::HashSet::new(),
            steps: 0,
            depth: 0,
            tree: Tree::default(),
            click: Click::default(),
            apps: Apps::default(),
            input: Input::default(),
        }
    }

    /// Walk a whole module. When nothing it starts by itself makes a parser, its functions and classes are looked
    /// into one by one: an entry point of a package is called from elsewhere.
    pub(super) fn module(&mut self, root: Node<'t>) {
        let own = [("__name__", "__main__"), ("__doc__", self.docstring(root))];
        for (name, value) in own {
            self.scopes[0].variables.insert(name.to_owned(), Value::text(value));
        }
        self.block(root);
        let mut functions: Vec<(Node<'t>, Value<'t>)> = Vec::new();
        for value in self.scopes[0].variables.values() {
            match value {
                Value::Function(node, _) => functions.push((*node, value.clone())),
                Value::Class(class) => functions.push((self.classes.all[*class].node, value.clone())),
                _ => {}
            }
        }
        functions.sort_by_key(|(node, _)| node.start_byte());
        functions.dedup_by_key(|(node, _)| node.id());
        for (node, function) in functions {
            if self.finish() {
                return;
            }
            if !self.used.contains(&node.id()) {
                self.explore(&function);
            }
        }
        self.finish();
    }

    /// Whether anything was found.
    fn finish(&mut self) -> bool {
        self.typer_commands();
        self.tree.commands().is_some() || self.input.is_read()
    }

    /// The module's docstring as it was written.
    pub(super) fn docstring(&mut self, block: Node<'t>) -> &'t str {
        let first = children(block).into_iter().next().filter(|node| node.kind() == "expression_statement");
        let string = first.and_then(|node| node.named_child(0)).filter(|node| node.kind() == "string");
        let content = string.into_iter().flat_map(children).find(|part| part.kind() == "string_content");
        content.map_or("", |content| self.text(content))
    }

    /// First paragraph of the module's docstring.
    pub(super) fn about(&mut self, root: Node<'t>) -> String {
        tidy(self.docstring(root).trim().split("\n\n").next().unwrap_or_default())
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

    /// Count the work of copying that many values.
    pub(super) fn spend(&mut self, values: usize) {
        self.steps = self.steps.saturating_add(values / 8);
    }

    /// The value of a variable; an unknown one is known by its name.
    pub(super) fn lookup(&self, name: &str) -> Value<'t> {
        let mut scope = Some(self.scope);
        while let Some(at) = scope {
            if let Some(value) = self.scopes[at].variables.get(name) {
                return value.clone();
            }
            scope = self.scopes[at].around;
        }
        Value::name(name)
    }

    pub(super) fn set(&mut self, name: &str, value: Value<'t>) {
        let scope = self.scopes[self.scope].elsewhere.get(name).copied().unwrap_or(self.scope);
        self.scopes[scope].variables.insert(name.to_owned(), value);
    }

    /// Assign to a name, an attribute, an index or a pattern.
    pub(super) fn bind(&mut self, target: Node<'t>, value: Value<'t>) {
        match target.kind() {
            "identifier" => self.set(self.text(target), value),
            "attribute" => self.bind_attribute(target, value),
            "subscript" => {
                let parts = (target.child_by_field_name("value"), target.child_by_field_name("subscript"));
                if let (Some(object), Some(key)) = parts {
                    let (known, key) = (self.eval(object), self.eval(key));
                    if let Value::Dict(dict) = &known {
                        self.spend(dict.pairs.len());
                        self.bind(object, known.with(key, value));
                    }
                }
            }
            "pattern_list" | "tuple_pattern" | "list_pattern" | "parenthesized_expression" => {
                let items = self.items(&value).unwrap_or_default();
                let parts = children(target);
                let count = parts.len();
                for (at, part) in parts.into_iter().enumerate().take(MAX_TURNS) {
                    if part.kind() == "list_splat_pattern" {
                        let until = items.len().saturating_sub(count - at - 1).max(at);
                        let rest = items.get(at..until).unwrap_or_default().to_vec();
                        if let Some(name) = part.named_child(0) {
                            self.bind(name, Value::list(rest));
                        }
                    } else {
                        self.bind(part, items.get(at).cloned().unwrap_or_default());
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn block(&mut self, node: Node<'t>) -> Flow {
        for statement in children(node) {
            let flow = self.statement(statement);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn statement(&mut self, node: Node<'t>) -> Flow {
        if !self.enter() {
            return Flow::Next;
        }
        let flow = self.statement_inner(node);
        self.leave();
        flow
    }

    fn statement_inner(&mut self, node: Node<'t>) -> Flow {
        match node.kind() {
            "expression_statement" => {
                for inner in children(node) {
                    self.expression(inner);
                }
            }
            "function_definition" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name, Value::Function(node, self.scope));
                }
            }
            "decorated_definition" => self.decorated(node),
            "class_definition" => {
                let class = self.class(node);
                if let Some(name) = node.child_by_field_name("name") {
                    self.bind(name, class);
                }
            }
            "return_statement" => {
                let value = node.named_child(0).map_or(Value::NONE, |value| self.eval(value));
                if let Some(frame) = self.calls.last_mut()
                    && (matches!(frame.result, Value::Unknown) || frame.result.is_none())
                {
                    frame.result = value;
                }
                return Flow::Return;
            }
            "raise_statement" => return Flow::Return,
            "break_statement" => return Flow::Break,
            "continue_statement" => return Flow::Continue,
            "if_statement" => return self.if_else(node),
            "for_statement" => return self.for_loop(node),
            "try_statement" => return self.attempt(node),
            "import_statement" | "import_from_statement" => self.import(node),
            "global_statement" => self.declare(node, Some(0)),
            "nonlocal_statement" => self.declare(node, self.scopes[self.scope].around),
            _ => {
                // while, with, match and their clauses: every branch may be taken.
                for child in children(node) {
                    match child.kind() {
                        "with_clause" => self.with(child),
                        "block" if node.kind() == "with_statement" => return self.block(child),
                        "block" => {
                            self.block(child);
                        }
                        kind if kind.ends_with("_clause") => {
                            self.statement(child);
                        }
                        _ => {}
                    }
                }
            }
        }
        Flow::Next
    }

    /// The branches that may be taken. When the condition is not known, each of them is, one after the other.
    fn if_else(&mut self, node: Node<'t>) -> Flow {
        let mut flows = Vec::new();
        let mut certain = false;
        let mut branches = vec![node];
        let mut cursor = node.walk();
        branches.extend(node.children_by_field_name("alternative", &mut cursor));
        for branch in branches {
            let condition = branch.child_by_field_name("condition");
            let truth = condition.map_or(Some(true), |condition| self.eval(condition).truth());
            let body = branch.child_by_field_name("consequence").or(branch.child_by_field_name("body"));
            if truth != Some(false)
                && let Some(body) = body
            {
                flows.push(self.block(body));
            }
            if truth == Some(true) {
                certain = true;
                break;
            }
        }
        match flows.first() {
            Some(first) if certain && flows.iter().all(|flow| flow == first) => *first,
            _ => Flow::Next,
        }
    }

    fn attempt(&mut self, node: Node<'t>) -> Flow {
        let flow = node.child_by_field_name("body").map_or(Flow::Next, |body| self.block(body));
        for clause in children(node).into_iter().filter(|child| child.kind().ends_with("_clause")) {
            for block in children(clause).into_iter().filter(|child| child.kind() == "block") {
                self.block(block);
            }
        }
        flow
    }

    fn with(&mut self, clause: Node<'t>) {
        for item in children(clause) {
            let Some(value) = item.child_by_field_name("value") else { continue };
            if value.kind() != "as_pattern" {
                self.eval(value);
                continue;
            }
            let known = value.named_child(0).map(|inner| self.eval(inner)).unwrap_or_default();
            if let Some(name) = value.child_by_field_name("alias").and_then(|alias| alias.named_child(0)) {
                self.bind(name, known);
            }
        }
    }

    fn for_loop(&mut self, node: Node<'t>) -> Flow {
        let parts = (
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
            node.child_by_field_name("body"),
        );
        let (Some(left), Some(right), Some(body)) = parts else { return Flow::Next };
        let known = self.eval(right);
        let known = self.items(&known);
        let certain = known.is_some();
        for item in known.unwrap_or_else(|| vec![Value::Unknown]).into_iter().take(MAX_TURNS) {
            self.bind(left, item);
            match self.block(body) {
                Flow::Return if certain => return Flow::Return,
                Flow::Break if certain => break,
                _ => {}
            }
        }
        Flow::Next
    }

    pub(super) fn expression(&mut self, node: Node<'t>) -> Value<'t> {
        let sides = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        match (node.kind(), sides) {
            ("assignment", (Some(left), Some(right))) => {
                let value = self.expression(right);
                self.bind(left, value.clone());
                value
            }
            ("augmented_assignment", (Some(left), Some(right))) => {
                let (known, added) = (self.eval(left), self.eval(right));
                let operator = node.child_by_field_name("operator").map_or("", |sign| sign.kind());
                let value = self.binary(operator.trim_end_matches('='), &known, &added);
                self.bind(left, value);
                Value::Unknown
            }
            ("assignment", _) => Value::Unknown,
            _ => self.eval(node),
        }
    }

    /// JSON of a value, a default for example.
    pub(super) fn json(value: Option<&Value<'t>>) -> Option<Json> {
        value.and_then(Value::to_json).filter(|json| !json.is_null())
    }
}
