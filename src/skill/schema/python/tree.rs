//! Parsers, commands and groups as the script builds them, and the command lines that come out.

use serde_json::Value as Json;

use super::super::{Command, How, Kind, Parameter, Source};
use super::calls::{Keyword, keyword};
use super::help::tidy;
use super::value::Value;

/// Most parsers and arguments that are kept.
const MAX_PARSERS: usize = 256;
const MAX_ARGUMENTS: usize = 2000;
/// Most levels of subcommands, and most commands that are looked at.
const MAX_LEVELS: usize = 5;
const MAX_VISITS: usize = 1000;

/// All parsers of a script. A number is a parser, or a command of click or typer.
#[derive(Debug, Default)]
pub(super) struct Tree {
    all: Vec<Model>,
    arguments: usize,
    /// Mutually exclusive groups: whether one is required.
    groups: Vec<bool>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Model {
    pub(super) source: Option<Source>,
    pub(super) description: String,
    /// It is a subcommand of another.
    pub(super) inner: bool,
    pub(super) parameters: Vec<Parameter>,
    /// Subcommands: number, and the word for each.
    pub(super) children: Vec<(usize, String)>,
    /// It is called: `parse_args` of it, or the command itself.
    pub(super) parses: bool,
    /// Given to others as `parents=`.
    pub(super) is_parent: bool,
    pub(super) program: Option<String>,
    pub(super) prefix: String,
    /// `set_defaults`, and `argument_default` under no name.
    pub(super) defaults: Vec<(Option<String>, Json)>,
}

impl Model {
    /// A command that has a name before it has a place.
    pub(super) fn named(name: String) -> Self {
        Self { program: Some(name), ..Self::default() }
    }

    pub(super) fn name(&self) -> String {
        self.program.clone().unwrap_or_default()
    }
}

fn text_of(keywords: &[Keyword<'_>], name: &str) -> Option<String> {
    keyword(keywords, name).and_then(Value::as_str).map(tidy)
}

impl Tree {
    pub(super) fn push(&mut self, model: Model) -> Option<usize> {
        if self.all.len() >= MAX_PARSERS {
            return None;
        }
        self.all.push(model);
        Some(self.all.len() - 1)
    }

    /// `ArgumentParser(…)`
    pub(super) fn create(&mut self, keywords: &[Keyword<'_>]) -> Option<usize> {
        let model = Model { source: Some(Source::Argparse), prefix: "-".into(), ..Model::default() };
        let parser = self.push(model)?;
        self.describe(parser, keywords);
        Some(parser)
    }

    /// Settings of a parser.
    pub(super) fn describe(&mut self, parser: usize, keywords: &[Keyword<'_>]) {
        let description = text_of(keywords, "description").or_else(|| text_of(keywords, "help"));
        let program = text_of(keywords, "prog");
        let parents = match keyword(keywords, "parents") {
            Some(Value::List(list)) => list.items.clone(),
            _ => Vec::new(),
        };
        for parent in parents {
            if let Value::Parser(parent) = parent {
                self.all[parent].is_parent = true;
                let (known, defaults) =
                    (self.all[parent].parameters.clone(), self.all[parent].defaults.clone());
                self.arguments += known.len();
                if self.arguments <= MAX_ARGUMENTS {
                    self.all[parser].parameters.extend(known);
                    self.all[parser].defaults.extend(defaults);
                }
            }
        }
        let model = &mut self.all[parser];
        model.program = program.or(model.program.take());
        if let Some(prefix) = keyword(keywords, "prefix_chars").and_then(Value::as_str) {
            prefix.clone_into(&mut model.prefix);
        }
        if let Some(default) = keyword(keywords, "argument_default").and_then(Value::to_json) {
            model.defaults.push((None, default));
        }
        if let Some(description) = description {
            model.description = description.replace("%(prog)s", model.program.as_deref().unwrap_or(PROGRAM));
        }
    }

    pub(super) fn add_child(&mut self, parser: usize, word: &str, keywords: &[Keyword<'_>]) -> Option<usize> {
        let child = self.create(keywords)?;
        if self.all[child].program.is_none() {
            self.all[child].program = Some(format!("{} {word}", self.program(parser)));
        }
        self.nest(parser, child, word.to_owned());
        Some(child)
    }

    /// Make a command a subcommand of another.
    pub(super) fn nest(&mut self, parser: usize, child: usize, word: String) {
        if parser != child {
            self.all[child].inner = true;
            self.all[parser].children.push((child, word));
        }
    }

    pub(super) fn program(&self, parser: usize) -> &str {
        self.all[parser].program.as_deref().unwrap_or(PROGRAM)
    }

    pub(super) fn model(&mut self, parser: usize) -> &mut Model {
        &mut self.all[parser]
    }

    pub(super) fn new_group(&mut self, keywords: &[Keyword<'_>]) -> usize {
        self.groups.push(keyword(keywords, "required").and_then(Value::as_bool).unwrap_or(false));
        self.groups.len() - 1
    }

    pub(super) fn set_defaults(&mut self, parser: usize, keywords: &[Keyword<'_>]) {
        for Keyword { name, value, .. } in keywords {
            let Some(value) = value.to_json() else { continue };
            if let Some(parameter) = self.all[parser].parameters.iter_mut().find(|p| p.name == *name) {
                set_default(parameter, value.clone());
            }
            if self.all[parser].defaults.len() < 200 {
                self.all[parser].defaults.push((Some(name.clone()), value));
            }
        }
    }

    /// The default of a new argument that gives none itself.
    pub(super) fn default_of(&self, parser: usize, dest: &str) -> Option<Json> {
        let defaults = &self.all[parser].defaults;
        let own = defaults.iter().rev().find(|(name, _)| name.as_deref() == Some(dest));
        own.or_else(|| defaults.iter().rev().find(|(name, _)| name.is_none())).map(|(_, value)| value.clone())
    }

    pub(super) fn add(&mut self, parser: usize, group: Option<usize>, mut parameter: Parameter) {
        if self.arguments >= MAX_ARGUMENTS {
            return;
        }
        self.arguments += 1;
        parameter.exclusive = group.map(|group| (group, self.groups.get(group).copied().unwrap_or(false)));
        self.all[parser].parameters.push(parameter);
    }

    /// Description of the main parser, and its command lines: one for each subcommand that has none below, or one
    /// without words.
    pub(super) fn commands(&self) -> Option<(Source, String, Vec<Command>)> {
        // A parser that was only made says nothing.
        let used =
            |model: &&Model| model.parses || !model.parameters.is_empty() || !model.children.is_empty();
        let alone = || self.all.iter().filter(|model| !model.inner && !model.is_parent).filter(used);
        let called = alone().rfind(|model| model.parses && !model.children.is_empty());
        let called = called.or_else(|| alone().find(|model| model.parses));
        let main = called.or_else(|| alone().find(|model| !model.children.is_empty())).or(alone().next())?;
        let (mut commands, mut visits) = (Vec::new(), MAX_VISITS);
        self.collect(main, &[], &[], &mut visits, &mut commands);
        Some((main.source.unwrap_or(Source::Argparse), main.description.clone(), commands))
    }

    fn collect(
        &self,
        model: &Model,
        words: &[String],
        above: &[Parameter],
        visits: &mut usize,
        out: &mut Vec<Command>,
    ) {
        let mut parameters = above.to_vec();
        for parameter in &model.parameters {
            let mut parameter = Parameter { depth: words.len(), ..parameter.clone() };
            // A parent's option may be given again: the later one counts. Two options that set one variable
            // (`--indent N`, `--no-indent`) are two properties, the second under its own name.
            parameters
                .retain(|known| known.name != parameter.name || known.how.option() != parameter.how.option());
            if let Some(option) = parameter.how.option()
                && parameters.iter().any(|known| known.name == parameter.name)
            {
                parameter.name = option.trim_start_matches('-').replace('-', "_");
                parameters.retain(|known| known.name != parameter.name);
            }
            parameters.push(parameter);
        }
        if model.children.is_empty() {
            let description = if words.is_empty() { String::new() } else { model.description.clone() };
            out.push(Command { words: words.to_vec(), description, parameters });
            return;
        }
        // Commands can be added to each other in a circle.
        *visits = visits.saturating_sub(1);
        if words.len() >= MAX_LEVELS || *visits == 0 {
            return;
        }
        for (child, word) in &model.children {
            let words: Vec<String> = words.iter().chain([word]).cloned().collect();
            self.collect(&self.all[*child], &words, &parameters, visits, out);
        }
    }
}

/// What `%(prog)s` becomes in a parser without a name of its own.
const PROGRAM: &str = "this script";

/// A default of the parameter's kind; a flag only has true and false.
pub(super) fn set_default(parameter: &mut Parameter, value: Json) {
    if matches!(parameter.how, How::Flag(..)) && !value.is_boolean() {
        return;
    }
    parameter.default = Some(typed(value, parameter.kind)).filter(|value| !value.is_null());
}

/// A default that stands there as text is converted like an argument.
pub(super) fn typed(value: Json, kind: Kind) -> Json {
    match (&value, kind) {
        (Json::String(text), Kind::Integer) => text.trim().parse::<i64>().map_or(value.clone(), Json::from),
        (Json::String(text), Kind::Number) => text.trim().parse::<f64>().map_or(value.clone(), Json::from),
        (Json::String(text), Kind::Json) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        _ => value,
    }
}
