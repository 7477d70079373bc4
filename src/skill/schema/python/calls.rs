//! Calls: those that build parsers, those that read standard input, and those of the script's own functions.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::eval::children;
use super::interpret::Interpreter;
use super::value::Value;

/// Most numbers of a `range` that are choices.
const MAX_RANGE: i64 = 200;

/// The arguments of a call.
struct Arguments<'t> {
    positional: Vec<Value<'t>>,
    keywords: Vec<(String, Value<'t>)>,
}

impl<'t> Interpreter<'t> {
    pub(super) fn call(&mut self, node: Node<'t>) -> Value<'t> {
        let parts = (node.child_by_field_name("function"), node.child_by_field_name("arguments"));
        let (Some(function), Some(arguments)) = parts else { return Value::Unknown };
        let arguments = self.arguments(arguments);
        let name = match function.kind() {
            "attribute" => function.child_by_field_name("attribute").map_or("", |name| self.text(name)),
            _ => self.text(function),
        };
        if name == "ArgumentParser" || self.parser_classes.contains(name) {
            return self.parsers.create(None, &arguments.keywords).map_or(Value::Unknown, Value::Parser);
        }
        if let Some(known) = builtin(name, &arguments) {
            return known;
        }
        if function.kind() == "attribute"
            && let Some(object) = function.child_by_field_name("object")
        {
            let target = self.eval(object);
            return self.method(node, object, &target, name, &arguments);
        }
        match self.eval(function) {
            Value::Function(definition) => {
                self.invoke(definition, &arguments.positional, &arguments.keywords)
            }
            Value::Name(name) if name == "loads" || name == "load" => self.json_input(&arguments),
            _ => Value::Unknown,
        }
    }

    fn arguments(&mut self, node: Node<'t>) -> Arguments<'t> {
        let mut arguments = Arguments { positional: Vec::new(), keywords: Vec::new() };
        // A generator as the only argument stands without a list of its own.
        let parts = if node.kind() == "argument_list" { children(node) } else { vec![node] };
        for part in parts.into_iter().take(1000) {
            match part.kind() {
                "keyword_argument" => {
                    let pair = (part.child_by_field_name("name"), part.child_by_field_name("value"));
                    if let (Some(name), Some(value)) = pair {
                        let value = self.eval(value);
                        arguments.keywords.push((self.text(name).to_owned(), value));
                    }
                }
                "dictionary_splat" => {
                    let inner = part.named_child(0).map_or(Value::Unknown, |inner| self.eval(inner));
                    if let Value::Dict(pairs) = inner {
                        let named = pairs
                            .into_iter()
                            .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value)));
                        arguments.keywords.extend(named);
                    }
                }
                "list_splat" => {
                    let inner = part.named_child(0).map_or(Value::Unknown, |inner| self.eval(inner));
                    arguments.positional.extend(inner.items().unwrap_or_default());
                }
                _ => {
                    let value = self.eval(part);
                    arguments.positional.push(value);
                }
            }
        }
        arguments
    }

    fn method(
        &mut self,
        node: Node<'t>,
        object: Node<'t>,
        target: &Value<'t>,
        name: &str,
        arguments: &Arguments<'t>,
    ) -> Value<'t> {
        match target {
            Value::Parser(parser) => return self.parser_method(node, *parser, None, name, arguments),
            Value::Group(parser, group) => return self.parser_method(node, *parser, *group, name, arguments),
            Value::Subparsers(parser) if name == "add_parser" => {
                let word = arguments.positional.first().and_then(Value::as_str);
                let child = word.and_then(|word| self.parsers.add_child(*parser, word, &arguments.keywords));
                return child.map_or(Value::Unknown, Value::Parser);
            }
            Value::Stdin if name == "get" => {
                if let Some(key) = arguments.positional.first().and_then(Value::as_str) {
                    let default = arguments.positional.get(1).and_then(Value::to_json);
                    self.stdin_key(key, default, false, node);
                }
                return Value::Unknown;
            }
            Value::Dict(pairs) => {
                let values = || pairs.iter().map(|(_, value)| value.clone()).collect();
                match name {
                    "keys" => return Value::List(pairs.iter().map(|(key, _)| key.clone()).collect()),
                    "values" => return Value::List(values()),
                    "items" => {
                        let pair = |(key, value): &(Value<'t>, Value<'t>)| {
                            Value::List(vec![key.clone(), value.clone()])
                        };
                        return Value::List(pairs.iter().map(pair).collect());
                    }
                    _ => {}
                }
            }
            Value::Json(Json::String(text)) => return text_method(text, name, arguments),
            Value::Name(owner) => match (owner.as_str(), name) {
                ("json", "load" | "loads") => return self.json_input(arguments),
                ("sys.stdin" | "sys.stdin.buffer", "read") => return Value::Name("sys.stdin.read()".into()),
                ("sys.stdin.read()", "strip" | "decode") => return target.clone(),
                _ => {}
            },
            _ => {}
        }
        // A method of one of the script's own classes.
        if let Some(definition) = self.methods.get(name).copied() {
            let own = std::iter::once(Value::Unknown).chain(arguments.positional.iter().cloned());
            let bound = matches!(self.text(object), "self" | "cls") || !is_static(definition);
            let positional: Vec<_> = if bound { own.collect() } else { arguments.positional.clone() };
            return self.invoke(definition, &positional, &arguments.keywords);
        }
        Value::Unknown
    }

    fn parser_method(
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
                let names: Vec<&str> = arguments.positional.iter().filter_map(Value::as_str).collect();
                // A name that is not known cannot be called.
                if names.len() == arguments.positional.len() {
                    let converter = keywords.iter().find(|(key, _)| key == "type").map(|(_, value)| value);
                    let custom = match converter {
                        Some(Value::Function(function)) => Some(self.converter_kind(*function)),
                        _ => None,
                    };
                    let line = node.start_position().row + 1;
                    self.parsers.add_argument(parser, group, &names, keywords, custom, line);
                }
                Value::Unknown
            }
            "add_subparsers" => Value::Subparsers(parser),
            "add_argument_group" => Value::Group(parser, group),
            "add_mutually_exclusive_group" => Value::Group(parser, Some(self.parsers.new_group(keywords))),
            "set_defaults" => {
                self.parsers.set_defaults(parser, keywords);
                Value::Unknown
            }
            "parse_args" | "parse_known_args" | "parse_intermixed_args" => {
                self.parsers.parses(parser);
                Value::Unknown
            }
            _ => Value::Unknown,
        }
    }

    /// `json.load(sys.stdin)`, `json.loads(sys.stdin.read())`.
    fn json_input(&mut self, arguments: &Arguments<'t>) -> Value<'t> {
        match arguments.positional.first() {
            Some(Value::Name(name)) if name.starts_with("sys.stdin") => self.reads_stdin(),
            _ => Value::Unknown,
        }
    }
}

fn is_static(definition: Node<'_>) -> bool {
    let first = definition.child_by_field_name("parameters").and_then(|parameters| parameters.named_child(0));
    first.is_none()
}

/// Functions of Python whose value is known.
fn builtin<'t>(name: &str, arguments: &Arguments<'t>) -> Option<Value<'t>> {
    let first = arguments.positional.first();
    match name {
        "list" | "tuple" | "set" | "frozenset" => Some(first?.items().map_or(Value::Unknown, Value::List)),
        "sorted" => {
            let mut items = first?.items()?;
            items.sort_by_key(|item| item.as_str().map(str::to_owned));
            Some(Value::List(items))
        }
        "range" => {
            let numbers: Option<Vec<i64>> = arguments
                .positional
                .iter()
                .map(|value| value.to_json().and_then(|json| json.as_i64()))
                .collect();
            let (from, to) = match numbers?[..] {
                [to] => (0, to),
                [from, to] => (from, to),
                _ => return None,
            };
            let numbers =
                (to.checked_sub(from)? <= MAX_RANGE).then(|| (from..to).map(|n| Value::Json(n.into())));
            numbers.map(|numbers| Value::List(numbers.collect()))
        }
        "Path" | "PurePath" | "str" if arguments.positional.len() == 1 => {
            first?.as_str().map(|text| Value::text(text.to_owned()))
        }
        // `environ.get(name, default)`, `getenv(name, default)`: the default holds where the variable is not set.
        "getenv" => Some(arguments.positional.get(1).cloned().unwrap_or_default()),
        _ => None,
    }
}

fn text_method<'t>(text: &str, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
    match name {
        "split" if arguments.positional.is_empty() => {
            Value::List(text.split_whitespace().map(|part| Value::text(part.to_owned())).collect())
        }
        "split" => match arguments.positional[0].as_str().filter(|separator| !separator.is_empty()) {
            Some(separator) => {
                Value::List(text.split(separator).map(|part| Value::text(part.to_owned())).collect())
            }
            None => Value::Unknown,
        },
        "strip" => Value::text(text.trim()),
        "lower" => Value::text(text.to_lowercase()),
        "upper" => Value::text(text.to_uppercase()),
        "join" => {
            let items = arguments.positional.first().and_then(Value::items).unwrap_or_default();
            let parts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            parts.map_or(Value::Unknown, |parts| Value::text(parts.join(text)))
        }
        _ => Value::Unknown,
    }
}
