//! click: options and arguments are decorators of a function, commands and groups too.

use std::collections::HashMap;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::{Kind, Parameter, Source};
use super::calls::{Arguments, keyword};
use super::classes::last;
use super::help::tidy;
use super::interpret::Interpreter;
use super::tree::Model;
use super::value::Value;

/// Most decorators and types that are kept.
const MAX_ITEMS: usize = 5000;

/// What click's and typer's calls have made.
#[derive(Debug, Default)]
pub(super) struct Click<'t> {
    items: Vec<Item<'t>>,
    /// Options and arguments of functions, by node, the last one first.
    parameters: HashMap<usize, Vec<Parameter>>,
    /// Functions that stand for others, by `functools.wraps`.
    wrapped: HashMap<usize, Node<'t>>,
}

impl<'t> Click<'t> {
    /// The function whose name, text and signature a wrapper has.
    pub(super) fn original(&self, function: Node<'t>) -> Node<'t> {
        let mut node = function;
        for _ in 0..8 {
            match self.wrapped.get(&node.id()) {
                Some(inner) => node = *inner,
                None => break,
            }
        }
        node
    }
}

/// A decorator, or a type.
#[derive(Debug, Clone)]
pub(super) enum Item<'t> {
    /// `click.option(…)`, `click.argument(…)`
    Parameter(Box<Parameter>),
    /// `click.command(…)`, `group.command(…)`
    Command { group: Option<usize>, arguments: Arguments<'t> },
    /// `click.Choice(…)`, `click.IntRange(…)`
    Type { kind: Kind, choices: Vec<Json> },
    /// `functools.wraps(function)`: options stay with the wrapper.
    Wraps(Node<'t>),
    /// `app.command(…)`, `app.callback(…)` of typer.
    Entry { app: usize, callback: bool, arguments: Arguments<'t> },
    /// `typer.Option(…)`, `typer.Argument(…)`; how the call is written.
    Marker { option: bool, arguments: Arguments<'t> },
}

impl<'t> Interpreter<'t> {
    pub(super) fn item(&mut self, item: Item<'t>) -> Value<'t> {
        if self.click.items.len() >= MAX_ITEMS {
            return Value::Unknown;
        }
        self.click.items.push(item);
        Value::Click(self.click.items.len() - 1)
    }

    pub(super) fn click_item(&self, value: &Value<'t>) -> Option<&Item<'t>> {
        if let Value::Click(at) = value { self.click.items.get(*at) } else { None }
    }

    /// A function of click by its full name.
    pub(super) fn click_call(
        &mut self,
        name: &str,
        arguments: &Arguments<'t>,
        node: Node<'t>,
    ) -> Option<Value<'t>> {
        let (library, _) = name.split_once('.')?;
        if !matches!(library, "click" | "rich_click" | "asyncclick" | "cloup") {
            return None;
        }
        let kind = |kind| Item::Type { kind, choices: Vec::new() };
        let item = match last(name) {
            "option" => Item::Parameter(Box::new(self.click_option(arguments, node)?)),
            "argument" => Item::Parameter(Box::new(self.click_argument(arguments, node)?)),
            "password_option" | "confirmation_option" => {
                let mut arguments = arguments.clone();
                let confirms = name.ends_with("confirmation_option");
                if arguments.positional.is_empty() {
                    arguments.positional.push(Value::text(if confirms { "--yes" } else { "--password" }));
                }
                let mut parameter = self.click_option(&arguments, node)?;
                if confirms {
                    parameter.make_flag("Confirm the action without prompting.");
                } else {
                    parameter.required = true;
                }
                Item::Parameter(Box::new(parameter))
            }
            "command" | "group" => return Some(self.command(None, arguments)),
            "Group" => {
                let named = keyword(&arguments.keywords, "name").or(arguments.positional.first());
                let name = named.and_then(Value::as_str).unwrap_or_default().to_owned();
                let help = keyword(&arguments.keywords, "help").and_then(Value::as_str).map(tidy);
                let model = Model {
                    source: Some(Source::Click),
                    description: help.unwrap_or_default(),
                    ..Model::named(name)
                };
                return Some(self.tree.push(model).map_or(Value::Unknown, Value::Parser));
            }
            "Choice" => {
                let values = arguments.get(0, "choices")?;
                // An enumeration is chosen from by name.
                let name = |value: &Value<'t>| match value {
                    Value::Member(member) => Some(Json::String(member.name.clone())),
                    other => other.to_json(),
                };
                let choices = self.items(values).unwrap_or_default();
                let choices = choices.iter().map(name).collect::<Option<Vec<_>>>().unwrap_or_default();
                Item::Type { kind: Kind::Text, choices }
            }
            "IntRange" => kind(Kind::Integer),
            "FloatRange" => kind(Kind::Number),
            "Path" | "File" | "DateTime" => kind(Kind::Text),
            _ => return None,
        };
        Some(self.item(item))
    }

    /// `command(…)` as a decorator with settings, or put before a function without any.
    fn command(&mut self, group: Option<usize>, arguments: &Arguments<'t>) -> Value<'t> {
        match arguments.positional.first() {
            Some(Value::Function(..)) => {
                let mut settings = arguments.clone();
                let function = settings.positional.remove(0);
                self.make_command(group, &settings, &function)
            }
            _ => self.item(Item::Command { group, arguments: arguments.clone() }),
        }
    }

    fn make_command(
        &mut self,
        group: Option<usize>,
        settings: &Arguments<'t>,
        function: &Value<'t>,
    ) -> Value<'t> {
        let Value::Function(node, _) = function else { return Value::Unknown };
        self.used.insert(node.id());
        let mut parameters = self.click.parameters.get(&node.id()).cloned().unwrap_or_default();
        parameters.reverse();
        let node = self.click.original(*node);
        let own = node.child_by_field_name("name").map_or("", |name| self.text(name));
        let given = settings.get(0, "name").and_then(Value::as_str);
        let name = given.map_or_else(|| command_name(own), str::to_owned);
        let docstring = node.child_by_field_name("body").map_or("", |body| self.docstring(body));
        let help = keyword(&settings.keywords, "help").or(keyword(&settings.keywords, "short_help"));
        let help = help.and_then(Value::as_str).unwrap_or(docstring);
        let hidden = keyword(&settings.keywords, "hidden").and_then(Value::as_bool) == Some(true);
        let model = Model {
            source: Some(Source::Click),
            description: paragraph(help),
            parameters,
            ..Model::named(name.clone())
        };
        let Some(command) = self.tree.push(model) else { return Value::Unknown };
        self.tree.model(command).inner = group.is_some();
        if let Some(group) = group.filter(|_| !hidden) {
            self.tree.nest(group, command, name);
        }
        Value::Parser(command)
    }

    /// Methods of a command or group.
    pub(super) fn command_method(
        &mut self,
        command: usize,
        name: &str,
        arguments: &Arguments<'t>,
    ) -> Value<'t> {
        match name {
            "command" | "group" => self.command(Some(command), arguments),
            "add_command" => {
                if let Some(Value::Parser(child)) = arguments.get(0, "cmd") {
                    let given = arguments.get(1, "name").and_then(Value::as_str);
                    let own = self.tree.model(*child).name();
                    self.tree.nest(command, *child, given.map_or(own, str::to_owned));
                }
                Value::Unknown
            }
            "main" => {
                self.tree.model(command).parses = true;
                Value::Unknown
            }
            _ => Value::Unknown,
        }
    }

    /// A decorator put before a function.
    pub(super) fn decorate(&mut self, decorator: usize, arguments: &Arguments<'t>) -> Value<'t> {
        let (Some(item), Some(target)) =
            (self.click.items.get(decorator).cloned(), arguments.positional.first())
        else {
            return Value::Unknown;
        };
        match (item, target) {
            (Item::Parameter(parameter), Value::Function(node, _)) => {
                let known = self.click.parameters.entry(node.id()).or_default();
                if known.len() < 200 {
                    known.push(*parameter);
                }
                target.clone()
            }
            (Item::Parameter(parameter), Value::Parser(command)) => {
                self.tree.add(*command, None, *parameter);
                target.clone()
            }
            (Item::Command { group, arguments }, function) => self.make_command(group, &arguments, function),
            (Item::Wraps(source), Value::Function(node, _)) => {
                let known = self.click.parameters.get(&source.id()).cloned().unwrap_or_default();
                self.click.wrapped.insert(node.id(), source);
                self.click.parameters.entry(node.id()).or_default().extend(known);
                target.clone()
            }
            (Item::Entry { app, callback, arguments }, function) => {
                self.app_entry(app, callback, arguments, function.clone());
                target.clone()
            }
            _ => Value::Unknown,
        }
    }

    pub(super) fn wraps(&mut self, arguments: &Arguments<'t>) -> Value<'t> {
        match arguments.positional.first() {
            Some(Value::Function(node, _)) => self.item(Item::Wraps(*node)),
            _ => Value::Unknown,
        }
    }
}

/// `list_all` becomes `list-all`; `list_command` becomes `list`.
fn command_name(function: &str) -> String {
    let name = function.to_lowercase().replace('_', "-");
    match name.rsplit_once('-') {
        Some((name, "command" | "cmd" | "group" | "grp")) => name.to_owned(),
        _ => name,
    }
}

/// First paragraph of a docstring, in the way of click.
pub(super) fn paragraph(text: &str) -> String {
    let text = text.split(['\u{c}', '\u{8}']).next().unwrap_or_default();
    let text = text.split("\\f").next().unwrap_or_default().trim();
    let end = text.lines().position(|line| line.trim().is_empty());
    tidy(&text.lines().take(end.unwrap_or(usize::MAX)).collect::<Vec<_>>().join(" "))
}
