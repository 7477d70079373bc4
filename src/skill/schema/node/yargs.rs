//! yargs: `.option(name, settings)`, `.options({…})`, `.positional(name, settings)`, `.command(words, about, builder)`.

use std::ops::Range;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::{Command, How, Kind, Many, Parameter};
use super::{MAX_OPTIONS, Reader, kind_of, plain, usage};

const MAX_COMMANDS: usize = 64;

/// A subcommand, and where its own options are added.
struct Sub {
    command: Command,
    builder: Range<usize>,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn yargs(&self) -> Option<Vec<Command>> {
        let mut subs: Vec<Sub> =
            self.calls("command").take(MAX_COMMANDS).filter_map(|call| self.sub(call)).collect();
        // The calls of a chain are met from its end.
        subs.sort_by_key(|sub| sub.at);
        let mut globals = Vec::new();
        let methods = ["option", "options", "positional", "boolean", "string", "number", "array", "count"];
        for node in self.nodes.iter().copied().filter(|node| node.kind() == "call_expression") {
            let Some((Some(_), method)) = self.callee(node) else { continue };
            if !methods.contains(&method) {
                continue;
            }
            // The name stands in the call, whose node begins with the chain.
            let at = node.child_by_field_name("arguments").map_or(0, |arguments| arguments.start_byte());
            let own = subs.iter_mut().find(|sub| sub.builder.contains(&at));
            let known = own.map_or(&mut globals, |sub| &mut sub.command.parameters);
            for parameter in self.added(node, method) {
                if let Some(other) =
                    known.iter_mut().find(|other: &&mut Parameter| other.name == parameter.name)
                {
                    // `"file <path>"` and then `.positional("path", …)`: the first one says whether it is needed.
                    let (required, many) = (other.required, other.many);
                    *other = parameter;
                    other.required |= required;
                    other.many = other.many.or(many);
                } else if known.len() < MAX_OPTIONS {
                    known.push(parameter);
                }
            }
        }
        let demanded: Vec<String> = self
            .calls("demandOption")
            .flat_map(|call| {
                Self::arguments(call).first().map(|names| self.texts(*names)).unwrap_or_default()
            })
            .collect();
        for parameter in &mut globals {
            parameter.required |= demanded.contains(&parameter.name);
        }
        globals.sort_by_key(|parameter| parameter.line);
        if subs.is_empty() {
            return (!globals.is_empty()).then(|| vec![plain(globals)]);
        }
        let commands = subs.into_iter().map(|mut sub| {
            let (mut positional, mut own): (Vec<_>, Vec<_>) =
                sub.command.parameters.into_iter().partition(|parameter| parameter.how == How::Positional);
            own.sort_by_key(|parameter| parameter.line);
            // yargs takes all options anywhere; positionals stand behind the word.
            for parameter in own.iter_mut().chain(&mut positional) {
                parameter.depth = sub.command.words.len();
            }
            sub.command.parameters = globals.iter().cloned().chain(own).chain(positional).collect();
            sub.command
        });
        Some(commands.collect())
    }

    fn sub(&self, call: Node<'t>) -> Option<Sub> {
        let arguments = Self::arguments(call);
        let first = *arguments.first()?;
        let object = self.object(first);
        let written = match object {
            Some(object) => self.property(object, "command")?,
            None => first,
        };
        let written = self.texts(written).into_iter().next()?;
        let about = match object {
            Some(object) => self.property(object, "describe").or(self.property(object, "description")),
            None => arguments.get(1).copied(),
        };
        let builder = match object {
            Some(object) => self.property(object, "builder"),
            None => arguments.get(2).copied(),
        };
        let builder = builder.map(|builder| self.resolved(builder));
        let mut words = written.split_whitespace();
        let word = words.next()?;
        let line = call.child_by_field_name("arguments")?.start_position().row + 1;
        let mut parameters: Vec<Parameter> = words.filter_map(|word| positional(word, line)).collect();
        if let Some(settings) = builder.filter(|builder| builder.kind() == "object") {
            parameters.extend(self.described(settings));
        }
        Some(Sub {
            command: Command {
                // `$0` is the program itself.
                words: if word == "$0" { Vec::new() } else { vec![word.to_owned()] },
                description: about.and_then(|about| self.string(about)).unwrap_or_default(),
                parameters,
            },
            builder: builder.map_or(0..0, |builder| builder.byte_range()),
            at: first.start_byte(),
        })
    }

    /// The parameters that a call adds.
    fn added(&self, call: Node<'t>, method: &str) -> Vec<Parameter> {
        let arguments = Self::arguments(call);
        let Some(first) = arguments.first().copied() else { return Vec::new() };
        let line = first.start_position().row + 1;
        if let ("option" | "options", Some(object)) = (method, self.object(first)) {
            return self.described(object);
        }
        let settings = arguments.get(1).and_then(|settings| self.object(*settings));
        let one = |name: String| {
            let mut parameter = self.yargs_option(&name, settings, line, method);
            if method == "positional" {
                parameter.how = How::Positional;
            }
            parameter
        };
        self.texts(first).into_iter().map(one).collect()
    }

    fn described(&self, object: Node<'t>) -> Vec<Parameter> {
        let pairs = self.pairs(object).into_iter().take(MAX_OPTIONS);
        pairs
            .map(|(name, pair, value)| {
                self.yargs_option(&name, self.object(value), pair.start_position().row + 1, "option")
            })
            .collect()
    }

    fn yargs_option(&self, name: &str, settings: Option<Node<'t>>, line: usize, method: &str) -> Parameter {
        let setting = |keys: &[&str]| settings.and_then(|settings| self.setting(settings, keys));
        let is = |key: &str| method == key || setting(&[key]) == Some(true.into());
        let written = setting(&["type"]);
        let written = written.as_ref().and_then(Json::as_str).unwrap_or(method);
        let default = setting(&["default"]);
        let kind = match (written, &default) {
            ("number", _) => Kind::Number,
            ("boolean", _) => Kind::Boolean,
            ("count", _) => Kind::Integer,
            ("string", _) => Kind::Text,
            _ if is("boolean") => Kind::Boolean,
            _ if is("number") => Kind::Number,
            (_, Some(Json::Array(_)) | None) => Kind::Text,
            (_, Some(default)) => kind_of(default),
        };
        let option = if name.len() == 1 { format!("-{name}") } else { format!("--{name}") };
        let list = written == "array" || is("array");
        let how = match kind {
            Kind::Boolean if default == Some(true.into()) => How::OnOff(option, format!("--no-{name}")),
            Kind::Boolean => How::Flag(option, true),
            Kind::Integer if written == "count" || is("count") => How::Count(option),
            _ if list => How::Repeated(option),
            _ => How::Option(option),
        };
        let demanded = ["demandOption", "demand", "required", "require"];
        let required = demanded.iter().any(|key| setting(&[key]).is_some_and(|value| value != false));
        let flag = matches!(how, How::Flag(..));
        let choices = setting(&["choices"]).and_then(|choices| choices.as_array().cloned());
        let help = setting(&["describe", "description", "desc"]);
        Parameter {
            help: help.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned(),
            kind,
            choices: choices.unwrap_or_default(),
            required: required && default.is_none(),
            default: default.or(flag.then(|| false.into())),
            many: list.then_some(Many { least: 0, most: None }),
            how,
            ..usage::rest(name, line)
        }
    }
}

/// `<file>`, `[files..]`
fn positional(written: &str, line: usize) -> Option<Parameter> {
    let required = !written.starts_with('[');
    let inner = written.trim_matches(['<', '>', '[', ']']);
    let inner = inner.split('|').next().unwrap_or(inner);
    let name = inner.trim_end_matches('.');
    let many = (name != inner).then_some(Many { least: usize::from(required), most: None });
    (!name.is_empty()).then(|| Parameter { required, many, ..usage::rest(name, line) })
}
