//! Calls: those that build parsers, those that read standard input, and those of the script's own functions.

use tree_sitter::Node;

use super::classes::is_parser_class;
use super::eval::children;
use super::interpret::Interpreter;
use super::value::Value;

/// Most arguments of a call, and most `functools.partial`.
const MAX_ARGUMENTS: usize = 1000;
const MAX_PARTIALS: usize = 1000;

/// The arguments of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments<'t> {
    pub(super) positional: Vec<Value<'t>>,
    pub(super) keywords: Vec<Keyword<'t>>,
}

#[derive(Debug, Clone)]
pub(super) struct Keyword<'t> {
    pub(super) name: String,
    pub(super) value: Value<'t>,
    /// How it is written; `None` when it comes out of a dictionary.
    pub(super) node: Option<Node<'t>>,
}

/// The value of a keyword argument.
pub(super) fn keyword<'a, 't>(keywords: &'a [Keyword<'t>], name: &str) -> Option<&'a Value<'t>> {
    keywords.iter().rev().find(|keyword| keyword.name == name).map(|keyword| &keyword.value)
}

impl<'t> Arguments<'t> {
    pub(super) fn of(positional: Vec<Value<'t>>) -> Self {
        Self { positional, keywords: Vec::new() }
    }

    pub(super) fn with_first(&self, first: Value<'t>) -> Self {
        let positional = std::iter::once(first).chain(self.positional.iter().cloned()).collect();
        Self { positional, keywords: self.keywords.clone() }
    }

    /// By place or by name.
    pub(super) fn get(&self, place: usize, name: &str) -> Option<&Value<'t>> {
        self.positional.get(place).or_else(|| keyword(&self.keywords, name))
    }
}

impl<'t> Interpreter<'t> {
    pub(super) fn call(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = (node.child_by_field_name("function"), node.child_by_field_name("arguments"));
        let (Some(function), Some(arguments)) = parts else { return Value::Unknown };
        let arguments = self.arguments(arguments);
        let object = function.child_by_field_name("object").filter(|_| function.kind() == "attribute");
        if let Some(object) = object {
            let name = function.child_by_field_name("attribute").map_or("", |name| self.text(name));
            let target = self.eval(object);
            if let Some(value) = self.method(node, object, &target, name, &arguments) {
                return value;
            }
        }
        let function = self.eval(function);
        self.apply(&function, arguments, node)
    }

    fn arguments(&mut self, node: Node<'t>) -> Arguments<'t> {
        let mut arguments = Arguments::default();
        // A generator as the only argument stands without a list of its own.
        let parts = if node.kind() == "argument_list" { children(node) } else { vec![node] };
        for part in parts.into_iter().take(MAX_ARGUMENTS) {
            match part.kind() {
                "keyword_argument" => {
                    let pair = (part.child_by_field_name("name"), part.child_by_field_name("value"));
                    if let (Some(name), Some(node)) = pair {
                        let (name, value) = (self.text(name).to_owned(), self.eval(node));
                        arguments.keywords.push(Keyword { name, value, node: Some(node) });
                    }
                }
                "dictionary_splat" => {
                    let inner = part.named_child(0).map_or(Value::Unknown, |inner| self.eval(inner));
                    let Value::Dict(dict) = inner else { continue };
                    for (key, value) in &dict.pairs {
                        let Some(name) = key.as_str() else { continue };
                        let (name, value) = (name.to_owned(), value.clone());
                        arguments.keywords.push(Keyword { name, value, node: None });
                    }
                }
                "list_splat" => {
                    let inner = part.named_child(0).map_or(Value::Unknown, |inner| self.eval(inner));
                    arguments.positional.extend(self.items(&inner).unwrap_or_default());
                }
                _ => {
                    let value = self.eval(part);
                    arguments.positional.push(value);
                }
            }
        }
        arguments
    }

    /// Call a value.
    pub(super) fn apply(
        &mut self,
        function: &Value<'t>,
        arguments: Arguments<'t>,
        node: Node<'t>,
    ) -> Value<'t> {
        match function {
            Value::Function(definition, around) => self.invoke(*definition, *around, &arguments),
            Value::Method(definition, around, this) => {
                self.invoke(*definition, *around, &arguments.with_first((**this).clone()))
            }
            Value::Class(class) => self.instance(*class, &arguments),
            Value::Partial(partial) => {
                let Some((function, known)) = self.classes.partials.get(*partial).cloned() else {
                    return Value::Unknown;
                };
                let mut all = known;
                all.positional.extend(arguments.positional);
                all.keywords.extend(arguments.keywords);
                if !self.enter() {
                    return Value::Unknown;
                }
                let value = self.apply(&function, all, node);
                self.leave();
                value
            }
            Value::Bound(parser, group, name) => self.parser_method(node, *parser, *group, name, &arguments),
            Value::Click(decorator) => self.decorate(*decorator, &arguments),
            Value::Parser(command) => {
                // A command of click that is called.
                self.tree.model(*command).parses = true;
                Value::Unknown
            }
            Value::App(app) => {
                self.apps.called(*app);
                Value::Unknown
            }
            Value::Name(name) => self.named_call(&name.clone(), arguments, node),
            _ => Value::Unknown,
        }
    }

    /// Functions of Python and its libraries, by their full name.
    fn named_call(&mut self, name: &str, arguments: Arguments<'t>, node: Node<'t>) -> Value<'t> {
        if is_parser_class(name) {
            return self.tree.create(&arguments.keywords).map_or(Value::Unknown, Value::Parser);
        }
        if let Some(value) = self.click_call(name, &arguments, node) {
            return value;
        }
        if let Some(value) = self.typer_call(name, &arguments) {
            return value;
        }
        match name {
            "super" => self.parent(node),
            "functools.partial" => {
                let mut arguments = arguments;
                if arguments.positional.is_empty() || self.classes.partials.len() >= MAX_PARTIALS {
                    return Value::Unknown;
                }
                let function = arguments.positional.remove(0);
                self.classes.partials.push((function, arguments));
                Value::Partial(self.classes.partials.len() - 1)
            }
            "functools.wraps" => self.wraps(&arguments),
            "json.load" | "json.loads" => match arguments.positional.first().and_then(Value::as_name) {
                Some(name) if name.starts_with("sys.stdin") => {
                    self.input.read();
                    Value::Stdin
                }
                _ => Value::Unknown,
            },
            "sys.stdin.read" | "sys.stdin.buffer.read" => Value::name("sys.stdin.read()"),
            "dataclasses.field" => {
                let factory = keyword(&arguments.keywords, "default_factory");
                match (keyword(&arguments.keywords, "default"), factory) {
                    (Some(default), _) => default.clone(),
                    (None, Some(Value::Name(name))) if &**name == "dict" => Value::dict(Vec::new()),
                    (None, Some(_)) => Value::list(Vec::new()),
                    _ => Value::Unknown,
                }
            }
            _ => self.builtin(name, &arguments, node),
        }
    }

    /// The function of a `functools.partial`, and whether it gives arguments.
    pub(super) fn partial(&self, partial: usize) -> (Value<'t>, bool) {
        let Some((function, given)) = self.classes.partials.get(partial) else {
            return (Value::Unknown, false);
        };
        (function.clone(), !given.positional.is_empty() || !given.keywords.is_empty())
    }

    /// A method of a value that is known; `None` when it has no such method of its own.
    fn method(
        &mut self,
        node: Node<'t>,
        object: Node<'t>,
        target: &Value<'t>,
        name: &str,
        arguments: &Arguments<'t>,
    ) -> Option<Value<'t>> {
        match target {
            Value::Parser(parser) => Some(self.parser_method(node, *parser, None, name, arguments)),
            Value::Group(parser, group) => Some(self.parser_method(node, *parser, *group, name, arguments)),
            Value::Object(this) => {
                let parser =
                    self.as_parser(target).filter(|_| self.object_attribute(*this, name).is_none())?;
                Some(self.parser_method(node, parser, None, name, arguments))
            }
            Value::Super(this, class) => Some(self.parent_call((*this, *class), node, name, arguments)),
            Value::Subparsers(parser) if name == "add_parser" => {
                let word = arguments.get(0, "name").and_then(Value::as_str);
                let child = word.and_then(|word| self.tree.add_child(*parser, word, &arguments.keywords));
                Some(child.map_or(Value::Unknown, Value::Parser))
            }
            Value::App(app) => Some(self.app_method(*app, name, arguments)),
            Value::Stdin => {
                if let ("get" | "pop" | "setdefault", Some(key)) =
                    (name, arguments.positional.first().and_then(Value::as_str))
                {
                    let default = arguments.positional.get(1);
                    let required = name == "pop" && default.is_none();
                    let line = node.start_position().row + 1;
                    self.input.key(key, default.and_then(Value::to_json), required, line);
                }
                Some(Value::Unknown)
            }
            Value::Name(owner) if &**owner == "sys.stdin.read()" && matches!(name, "strip" | "decode") => {
                Some(target.clone())
            }
            Value::Dict(_) | Value::List(_) => self.collection_method(object, target, name, arguments),
            Value::Json(serde_json::Value::String(text)) => {
                super::builtins::text_method(self, text, name, arguments)
            }
            _ => None,
        }
    }

    pub(super) fn parser_method(
        &mut self,
        node: Node<'t>,
        parser: usize,
        group: Option<usize>,
        name: &str,
        arguments: &Arguments<'t>,
    ) -> Value<'t> {
        let keywords = &arguments.keywords;
        match name {
            "add_argument" => {
                self.add_argument(node, parser, group, arguments);
                Value::Unknown
            }
            "add_subparsers" => Value::Subparsers(parser),
            "add_argument_group" => Value::Group(parser, group),
            "add_mutually_exclusive_group" => Value::Group(parser, Some(self.tree.new_group(keywords))),
            "set_defaults" => {
                self.tree.set_defaults(parser, keywords);
                Value::Unknown
            }
            "parse_args" | "parse_known_args" | "parse_intermixed_args" | "parse_known_intermixed_args" => {
                self.tree.model(parser).parses = true;
                Value::name("parse_args()")
            }
            _ => self.command_method(parser, name, arguments),
        }
    }
}
