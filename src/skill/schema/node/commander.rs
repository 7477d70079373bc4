//! commander: options and subcommands are added by chained calls.

use std::collections::HashMap;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::{Command, How, Kind, Many, Parameter};
use super::written::{argument, flags, line_of};
use super::{MAX_OPTIONS, Reader, kind_of, usage};

const MAX_COMMANDS: usize = 256;
const MAX_LEVELS: usize = 5;

/// A command as the chain builds it.
#[derive(Default)]
struct Model {
    word: String,
    description: String,
    parameters: Vec<Parameter>,
    children: Vec<usize>,
    inner: bool,
}

struct Commander<'r, 't> {
    reader: &'r Reader<'t>,
    models: Vec<Model>,
    /// What each call gives; `None` when it is no command.
    known: HashMap<usize, Option<usize>>,
    variables: HashMap<&'t str, usize>,
}

impl Reader<'_> {
    /// Description of the program, and its commands.
    pub(super) fn commander(&self) -> Option<(String, Vec<Command>)> {
        let root = Model::default();
        let mut commander =
            Commander { reader: self, models: vec![root], known: HashMap::new(), variables: HashMap::new() };
        for name in ["program", "commander"] {
            commander.variables.insert(name, 0);
        }
        for node in self.nodes.iter().copied() {
            match node.kind() {
                "variable_declarator" => {
                    let parts = (node.child_by_field_name("name"), node.child_by_field_name("value"));
                    if let (Some(name), Some(value)) = parts
                        && let Some(command) = commander.resolve(value, 0)
                    {
                        commander.variables.insert(self.of(name), command);
                    }
                }
                "call_expression" => {
                    commander.resolve(node, 0);
                }
                _ => {}
            }
        }
        let models = &commander.models;
        let alone = || models.iter().filter(|model| !model.inner);
        let main = alone().find(|model| !model.children.is_empty());
        let main = main.or_else(|| alone().find(|model| !model.parameters.is_empty()))?;
        let (mut commands, mut visits) = (Vec::new(), MAX_COMMANDS);
        commander.collect(main, &[], &[], &mut visits, &mut commands);
        Some((main.description.clone(), commands))
    }
}

impl<'t> Commander<'_, 't> {
    fn collect(
        &self,
        model: &Model,
        words: &[String],
        above: &[Parameter],
        visits: &mut usize,
        out: &mut Vec<Command>,
    ) {
        let mut parameters = above.to_vec();
        let own = model.parameters.iter().cloned();
        parameters.extend(own.map(|parameter| Parameter { depth: words.len(), ..parameter }));
        if model.children.is_empty() {
            let description = if words.is_empty() { String::new() } else { model.description.clone() };
            out.push(Command { words: words.to_vec(), description, parameters });
            return;
        }
        // Commands can be added to each other in a circle.
        *visits = visits.saturating_sub(1);
        if words.len() < MAX_LEVELS && *visits > 0 {
            for child in &model.children {
                let child = &self.models[*child];
                let words: Vec<String> = words.iter().chain([&child.word]).cloned().collect();
                self.collect(child, &words, &parameters, visits, out);
            }
        }
    }

    /// The command that an expression gives. Its calls are carried out, each once.
    fn resolve(&mut self, node: Node<'t>, level: usize) -> Option<usize> {
        if level > MAX_LEVELS {
            return None;
        }
        // From the last call of the chain to its beginning. A loop: a chain can be long.
        let mut chain = Vec::new();
        let mut base = node;
        let mut command = loop {
            if let Some(known) = self.known.get(&base.id()) {
                break *known;
            }
            match base.kind() {
                "call_expression" => match self.reader.callee(base) {
                    Some((Some(object), name)) => {
                        chain.push((base, name));
                        base = object;
                    }
                    // `createCommand("name")`
                    Some((None, "createCommand")) => break self.create(base),
                    _ => break None,
                },
                "await_expression" | "parenthesized_expression" => match base.named_child(0) {
                    Some(inner) => base = inner,
                    None => break None,
                },
                "identifier" => break self.variables.get(self.reader.of(base)).copied(),
                "new_expression" => {
                    let class =
                        base.child_by_field_name("constructor").map_or("", |class| self.reader.of(class));
                    break if class.rsplit('.').next() == Some("Command") { self.create(base) } else { None };
                }
                // `commander.program`
                "member_expression" if self.reader.of(base).ends_with(".program") => break Some(0),
                _ => break None,
            }
        };
        for (call, method) in chain.into_iter().rev() {
            command = command.and_then(|command| self.apply(command, call, method, level));
            self.known.insert(call.id(), command);
        }
        command
    }

    fn create(&mut self, node: Node<'t>) -> Option<usize> {
        if self.models.len() >= MAX_COMMANDS {
            return None;
        }
        let name = Reader::arguments(node).first().and_then(|name| self.reader.string(*name));
        self.models.push(Model { word: name.unwrap_or_default(), ..Model::default() });
        self.known.insert(node.id(), Some(self.models.len() - 1));
        Some(self.models.len() - 1)
    }

    fn apply(&mut self, command: usize, call: Node<'t>, method: &str, level: usize) -> Option<usize> {
        let arguments = Reader::arguments(call);
        let text = |at: usize| arguments.get(at).and_then(|node| self.reader.string(*node));
        match method {
            "command" => {
                let written = text(0)?;
                let about = text(1);
                let mut words = written.split_whitespace();
                let child = self.models.len();
                if child >= MAX_COMMANDS {
                    return None;
                }
                self.models.push(Model {
                    word: words.next()?.to_owned(),
                    description: about.clone().unwrap_or_default(),
                    inner: true,
                    ..Model::default()
                });
                for word in words {
                    self.push(child, argument(word, String::new(), call));
                }
                self.models[command].children.push(child);
                // With a description the command is a program of its own, and the chain goes on here.
                return Some(if about.is_some() { command } else { child });
            }
            "addCommand" => {
                let child = self.resolve(*arguments.first()?, level + 1)?;
                if child != command && !self.models[child].inner {
                    self.models[child].inner = true;
                    self.models[command].children.push(child);
                }
            }
            "name" => {
                if let Some(name) = text(0) {
                    self.models[command].word = name;
                }
            }
            "description" | "summary" => {
                if let Some(text) = text(0).filter(|_| self.models[command].description.is_empty()) {
                    self.models[command].description = text;
                }
            }
            "option" | "requiredOption" => {
                let flags = text(0)?;
                let parameter = self.option(&flags, &arguments[1..], method == "requiredOption", call);
                self.push(command, parameter);
            }
            "addOption" | "addArgument" => {
                let parameter = self.built(*arguments.first()?);
                self.push(command, parameter);
            }
            "argument" => {
                let written = text(0)?;
                let mut parameter = argument(&written, text(1).unwrap_or_default(), call);
                if let Some(parameter) = &mut parameter {
                    self.settings(parameter, arguments.get(2..).unwrap_or_default());
                }
                self.push(command, parameter);
            }
            "arguments" => {
                for word in text(0)?.split_whitespace() {
                    self.push(command, argument(word, String::new(), call));
                }
            }
            _ => {}
        }
        Some(command)
    }

    fn push(&mut self, command: usize, parameter: Option<Parameter>) {
        let Some(parameter) = parameter else { return };
        let known = &mut self.models[command].parameters;
        // `--cache` and `--no-cache` are one.
        if let Some(other) = known.iter_mut().find(|known| known.name == parameter.name) {
            match (&other.how, &parameter.how) {
                (How::Flag(on, true), How::Flag(off, false))
                | (How::Flag(off, false), How::Flag(on, true)) => {
                    other.how = How::OnOff(on.clone(), off.clone());
                }
                (_, How::Flag(off, false)) => {
                    let name = off.trim_start_matches('-').to_owned();
                    known.push(Parameter {
                        name,
                        default: Some(false.into()),
                        how: How::Flag(off.clone(), true),
                        ..parameter
                    });
                }
                _ => *other = parameter,
            }
        } else if known.len() < MAX_OPTIONS {
            known.push(parameter);
        }
    }

    fn option(&self, written: &str, rest: &[Node<'t>], required: bool, call: Node<'t>) -> Option<Parameter> {
        let flags = flags(written)?;
        let help = rest.first().and_then(|help| self.reader.string(*help)).unwrap_or_default();
        let option = flags.written.to_owned();
        let how = match (flags.value, flags.negative) {
            (true, _) => How::Option(option),
            (false, true) => How::Flag(option, false),
            (false, false) => How::Flag(option, true),
        };
        let mut parameter = Parameter {
            kind: if flags.value { Kind::Text } else { Kind::Boolean },
            default: (!flags.value).then(|| flags.negative.into()),
            many: (flags.value && flags.variadic).then_some(Many { least: 1, most: None }),
            how,
            help,
            ..usage::rest(&flags.name, line_of(call))
        };
        self.settings(&mut parameter, rest.get(1..).unwrap_or_default());
        parameter.required = required && parameter.default.is_none();
        Some(parameter)
    }

    /// A converter and a default, either of which may be missing.
    fn settings(&self, parameter: &mut Parameter, rest: &[Node<'t>]) {
        let mut rest = rest.iter().copied();
        let Some(first) = rest.next() else { return };
        let default = self.reader.literal(first).or_else(|| {
            self.converter(parameter, first);
            rest.next().and_then(|default| self.reader.literal(default))
        });
        Self::set_default(parameter, default);
    }

    fn set_default(parameter: &mut Parameter, default: Option<Json>) {
        let Some(default) = default else { return };
        if parameter.kind == Kind::Text && default.is_number() {
            parameter.kind = kind_of(&default);
        }
        parameter.default = Some(default);
        if parameter.how == How::Positional {
            parameter.required = false;
        }
    }

    fn converter(&self, parameter: &mut Parameter, node: Node<'t>) {
        let text = self.reader.of(self.reader.resolved(node));
        let named = |name: &str| text == name || text.contains(&format!("{name}("));
        let collects =
            text.contains("concat(") || text.contains("push(") || text.contains("...") || text == "collect";
        if collects && let How::Option(option) = &parameter.how {
            parameter.how = How::Repeated(option.clone());
            parameter.many = Some(Many { least: 0, most: None });
        }
        if named("parseInt") || named("Number.parseInt") {
            parameter.kind = Kind::Integer;
        } else if named("parseFloat") || named("Number") {
            parameter.kind = Kind::Number;
        } else if named("JSON.parse") {
            parameter.kind = Kind::Json;
        }
    }

    /// `new Option("--size <size>", "help").choices([…]).default("small")`
    fn built(&self, node: Node<'t>) -> Option<Parameter> {
        let mut settings = Vec::new();
        let mut base = node;
        while base.kind() == "call_expression" {
            let (object, name) = self.reader.callee(base)?;
            settings.push((name, Reader::arguments(base)));
            base = object?;
        }
        let base = self.reader.resolved(base);
        let class = self.reader.of(base.child_by_field_name("constructor")?);
        let arguments = Reader::arguments(base);
        let written = self.reader.string(*arguments.first()?)?;
        let mut parameter = if class.ends_with("Argument") {
            let help = arguments.get(1).and_then(|help| self.reader.string(*help));
            argument(&written, help.unwrap_or_default(), base)?
        } else {
            self.option(&written, &arguments[1..], false, base)?
        };
        let mut mandatory = false;
        for (name, arguments) in settings.into_iter().rev() {
            let value = arguments.first().and_then(|value| self.reader.literal(*value));
            match (name, value) {
                ("choices", Some(Json::Array(choices))) => parameter.choices = choices,
                ("default", default) => Self::set_default(&mut parameter, default),
                ("makeOptionMandatory", value) => mandatory = value != Some(false.into()),
                ("argOptional", _) => parameter.required = false,
                ("argRequired", _) => parameter.required = true,
                ("argParser", _) => {
                    if let Some(converter) = arguments.first() {
                        self.converter(&mut parameter, *converter);
                    }
                }
                ("env", Some(Json::String(variable))) => {
                    let help = format!("{} (environment: {variable})", parameter.help);
                    help.trim().clone_into(&mut parameter.help);
                }
                ("hideHelp", value) if value != Some(false.into()) => return None,
                _ => {}
            }
        }
        parameter.required |= mandatory && parameter.default.is_none();
        Some(parameter)
    }
}
