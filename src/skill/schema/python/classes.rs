//! Classes of the script: enumerations, data classes, parsers of their own kind, and plain objects.

use std::collections::HashMap;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::calls::Arguments;
use super::eval::children;
use super::interpret::{Interpreter, Scope};
use super::value::{Member, Value};

/// Most objects, and most parents of a class that are asked.
const MAX_OBJECTS: usize = 10_000;
const MAX_PARENTS: usize = 16;

/// Classes and objects.
#[derive(Debug, Default)]
pub(super) struct Classes<'t> {
    pub(super) all: Vec<Class<'t>>,
    pub(super) objects: Vec<Object<'t>>,
    /// `functools.partial`: function and first arguments.
    pub(super) partials: Vec<(Value<'t>, Arguments<'t>)>,
}

#[derive(Debug)]
pub(super) struct Class<'t> {
    pub(super) node: Node<'t>,
    pub(super) name: String,
    bases: Vec<Value<'t>>,
    pub(super) methods: Vec<(String, Value<'t>)>,
    attributes: HashMap<String, Value<'t>>,
    /// Fields in order, with defaults: of data classes and named tuples.
    fields: Vec<(String, Option<Value<'t>>)>,
    /// Members, when it is an enumeration.
    pub(super) members: Option<Vec<Value<'t>>>,
}

#[derive(Debug)]
pub(super) struct Object<'t> {
    class: usize,
    attributes: HashMap<String, Value<'t>>,
    /// When it is an argument parser.
    parser: Option<usize>,
}

impl<'t> Interpreter<'t> {
    pub(super) fn class(&mut self, node: Node<'t>) -> Value<'t> {
        let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body"))
        else {
            return Value::Unknown;
        };
        let bases = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
        let bases: Vec<Value<'t>> = bases.into_iter().take(MAX_PARENTS).map(|base| self.eval(base)).collect();
        let base_name = |base: &Value<'t>| match base {
            Value::Class(class) if self.classes.all[*class].members.is_some() => "Enum".to_owned(),
            other => other.as_name().map(last).unwrap_or_default().to_owned(),
        };
        let names: Vec<String> = bases.iter().map(base_name).collect();
        let is_enum = names.iter().any(|base| base.ends_with("Enum") || base.ends_with("Flag"));
        let lower = names.iter().any(|base| base == "StrEnum");
        let at = self.classes.all.len();
        self.classes.all.push(Class {
            node,
            name: self.text(name).to_owned(),
            bases,
            methods: Vec::new(),
            attributes: HashMap::new(),
            fields: Vec::new(),
            members: is_enum.then(Vec::new),
        });
        let inner = Scope { around: Some(self.scope), ..Scope::default() };
        self.scopes.push(inner);
        let outer = std::mem::replace(&mut self.scope, self.scopes.len() - 1);
        let mut counter = 0;
        for statement in children(body) {
            self.class_statement(at, statement, lower, &mut counter);
        }
        self.scope = outer;
        Value::Class(at)
    }

    fn class_statement(&mut self, class: usize, statement: Node<'t>, lower: bool, counter: &mut i64) {
        let inner = match statement.kind() {
            "decorated_definition" => statement.child_by_field_name("definition").unwrap_or(statement),
            _ => statement,
        };
        if matches!(inner.kind(), "function_definition" | "class_definition") {
            if let Some(name) = inner.child_by_field_name("name") {
                let (name, value) = (self.text(name).to_owned(), self.decorated_value(inner));
                self.classes.all[class].methods.push((name, value));
            }
            return;
        }
        let Some(assignment) = inner.named_child(0).filter(|inner| inner.kind() == "assignment") else {
            return;
        };
        let Some(left) = assignment.child_by_field_name("left") else { return };
        let name = self.text(left).to_owned();
        let value = assignment.child_by_field_name("right").map(|right| self.eval(right));
        if self.classes.all[class].members.is_some() {
            let Some(value) = value else { return };
            let automatic = matches!(value.as_name(), Some(name) if name.ends_with("auto()"));
            *counter = value.as_int().unwrap_or(*counter + 1);
            let value = match value.to_json() {
                Some(json) => json,
                None if automatic && lower => Json::String(name.to_lowercase()),
                None if automatic => Json::from(*counter),
                None => Json::Null,
            };
            let member = Value::Member(std::rc::Rc::new(Member { class, name, value }));
            if let Some(members) = &mut self.classes.all[class].members {
                members.push(member);
            }
            return;
        }
        if assignment.child_by_field_name("type").is_some() {
            let default = value.clone().map(|value| field_default(value));
            self.classes.all[class].fields.push((name.clone(), default));
        }
        if let Some(value) = value {
            // Later statements of the class see it.
            self.set(&name, value.clone());
            self.classes.all[class].attributes.insert(name, value);
        }
    }

    /// A method or attribute of a class or of its parents.
    pub(super) fn class_attribute(&self, class: usize, name: &str) -> Option<Value<'t>> {
        let mut waiting = vec![class];
        for _ in 0..MAX_PARENTS {
            let class = &self.classes.all[waiting.pop()?];
            let found = class.methods.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
            if let Some(found) = found.or_else(|| class.attributes.get(name)) {
                return Some(found.clone());
            }
            if let Some(members) = &class.members {
                let found =
                    members.iter().find(|m| matches!(m, Value::Member(member) if member.name == name));
                if found.is_some() {
                    return found.cloned();
                }
            }
            waiting.extend(class.bases.iter().rev().filter_map(|base| match base {
                Value::Class(class) => Some(*class),
                _ => None,
            }));
        }
        None
    }

    /// Full names of the parents that are not classes of the script (`argparse.ArgumentParser`).
    pub(super) fn foreign_bases(&self, class: usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut waiting = vec![class];
        for _ in 0..MAX_PARENTS {
            let Some(class) = waiting.pop() else { break };
            for base in &self.classes.all[class].bases {
                match base {
                    Value::Class(class) => waiting.push(*class),
                    Value::Name(name) => names.push(name.to_string()),
                    _ => {}
                }
            }
        }
        names
    }

    /// `Class(…)`
    pub(super) fn instance(&mut self, class: usize, arguments: &Arguments<'t>) -> Value<'t> {
        if let Some(members) = self.classes.all[class].members.clone() {
            let wanted = arguments.positional.first().and_then(Value::to_json);
            let same = |member: &&Value<'t>| wanted.is_some() && member.to_json() == wanted;
            return members.iter().find(same).cloned().unwrap_or_default();
        }
        if self.classes.objects.len() >= MAX_OBJECTS {
            return Value::Unknown;
        }
        self.used.insert(self.classes.all[class].node.id());
        let foreign = self.foreign_bases(class);
        let is_parser = foreign.iter().any(|base| is_parser_class(base));
        let at = self.classes.objects.len();
        self.classes.objects.push(Object { class, attributes: HashMap::new(), parser: None });
        if is_parser {
            self.classes.objects[at].parser = self.tree.create(&arguments.keywords);
        }
        let this = Value::Object(at);
        if let Some(Value::Function(node, around)) = self.class_attribute(class, "__init__") {
            self.invoke(node, around, &arguments.with_first(this.clone()));
            return this;
        }
        let fields = self.classes.all[class].fields.clone();
        for (number, (name, default)) in fields.into_iter().enumerate() {
            let named = arguments.keywords.iter().find(|keyword| keyword.name == name);
            let given = named.map(|keyword| &keyword.value).or_else(|| arguments.positional.get(number));
            let value = given.cloned().or(default).unwrap_or_default();
            self.classes.objects[at].attributes.insert(name, value);
        }
        this
    }

    /// `super()`: the object of the method under way, and the class that the method stands in.
    pub(super) fn parent(&self, node: Node<'t>) -> Value<'t> {
        let mut around = node.parent();
        while let Some(node) = around {
            if node.kind() == "class_definition" {
                let class = self.classes.all.iter().rposition(|class| class.node.id() == node.id());
                return match (self.lookup("self"), class) {
                    (Value::Object(object), Some(class)) => Value::Super(object, class),
                    _ => Value::Unknown,
                };
            }
            around = node.parent();
        }
        Value::Unknown
    }

    /// A call of a method of the parents.
    pub(super) fn parent_call(
        &mut self,
        (object, class): (usize, usize),
        node: Node<'t>,
        name: &str,
        arguments: &Arguments<'t>,
    ) -> Value<'t> {
        let bases = self.classes.all[class].bases.clone();
        for base in bases {
            if let Value::Class(base) = base
                && let Some(Value::Function(method, around)) = self.class_attribute(base, name)
            {
                return self.invoke(method, around, &arguments.with_first(Value::Object(object)));
            }
        }
        match self.classes.objects[object].parser {
            Some(parser) if name == "__init__" => self.tree.describe(parser, &arguments.keywords),
            Some(parser) => return self.parser_method(node, parser, None, name, arguments),
            None => {}
        }
        Value::Unknown
    }

    /// The parser that a value is, or that its class makes it.
    pub(super) fn as_parser(&self, value: &Value<'t>) -> Option<usize> {
        match value {
            Value::Parser(parser) => Some(*parser),
            Value::Object(object) => self.classes.objects[*object].parser,
            _ => None,
        }
    }

    pub(super) fn object_attribute(&mut self, object: usize, name: &str) -> Option<Value<'t>> {
        let this = &self.classes.objects[object];
        if let Some(found) = this.attributes.get(name) {
            return Some(found.clone());
        }
        match self.class_attribute(this.class, name)? {
            Value::Function(node, around) if self.has_decorator(node, "@staticmethod") => {
                Some(Value::Function(node, around))
            }
            Value::Function(node, around) => {
                let of_class = self.has_decorator(node, "@classmethod");
                let first = if of_class { Value::Class(this.class) } else { Value::Object(object) };
                if self.has_decorator(node, "@property") {
                    return Some(self.invoke(node, around, &Arguments::of(vec![first])));
                }
                Some(Value::Method(node, around, Box::new(first)))
            }
            other => Some(other),
        }
    }

    /// `Class.name`: a method of the class is bound to it.
    pub(super) fn bound_class_attribute(&self, class: usize, name: &str) -> Option<Value<'t>> {
        match self.class_attribute(class, name)? {
            Value::Function(node, around) if self.has_decorator(node, "@classmethod") => {
                Some(Value::Method(node, around, Box::new(Value::Class(class))))
            }
            other => Some(other),
        }
    }

    fn has_decorator(&self, function: Node<'t>, wanted: &str) -> bool {
        let mut before = function.prev_named_sibling();
        while let Some(node) = before.filter(|node| node.kind() == "decorator") {
            if self.text(node) == wanted {
                return true;
            }
            before = node.prev_named_sibling();
        }
        false
    }

    pub(super) fn bind_attribute(&mut self, target: Node<'t>, value: Value<'t>) {
        let parts = (target.child_by_field_name("object"), target.child_by_field_name("attribute"));
        let (Some(object), Some(attribute)) = parts else { return };
        let name = self.text(attribute).to_owned();
        match self.eval(object) {
            Value::Object(object) => {
                self.classes.objects[object].attributes.insert(name, value);
            }
            Value::Class(class) => {
                self.classes.all[class].attributes.insert(name, value);
            }
            // Known by the whole dotted name.
            _ => {
                let name = self.text(target).to_owned();
                self.scopes[0].variables.insert(name, value);
            }
        }
    }
}

/// `field(default=…)`, `field(default_factory=list)` were evaluated to their default.
fn field_default(value: Value<'_>) -> Value<'_> {
    match value.as_name() {
        Some(_) => Value::Unknown,
        None => value,
    }
}

pub(super) fn last(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap_or(dotted)
}

pub(super) fn is_parser_class(name: &str) -> bool {
    matches!(last(name), "ArgumentParser" | "ArgParser")
}
