//! The tool schema of a skill: what each entry takes, read from the entry itself.
//!
//! Sources, best first: an explicit `input_schema`; the entry's own argument parser, read from its syntax tree;
//! JSON that it reads from standard input; command lines that the body shows; else a free object. [`Source`] says which one it was.
//!
//! An entry with subcommands gives one tool for each of them ([`tools`]): every tool is then a flat object with its own
//! required properties, which is the only form all model providers take. As one tool ([`entry_tool`]) it has a key that
//! names the subcommand ([`commands`]).
//!
//! A tool can be called: [`invocation`] checks an input against the schema and makes the command line and standard
//! input of it.

mod argv;
mod body;
mod call;
pub mod commands;
mod explicit;
mod form;
mod keywords;
mod names;
mod node;
mod python;
mod shell;
mod stdin;
pub mod strict;
mod syntax;
mod usage;
pub mod validate;
mod words;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::folder::read_bounded;
use super::model::{Entry, Language, Skill};
use explicit::Explicit;

pub use call::{Invocation, invocation};
pub use form::{Form, render, render_strict};
pub use keywords::unchecked;
pub use names::distinct;
pub use validate::Mismatch;

/// Most of a script that is read.
const MAX_SCRIPT: u64 = 512 * 1024;
/// Most tools of one entry.
const MAX_TOOLS: usize = 64;
/// One thing that can be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// `^[A-Za-z0-9_-]{1,64}$`, unique within the skill.
    pub name: String,
    pub description: String,
    /// Relative to the skill.
    pub entry: PathBuf,
    /// Words on the command line before the arguments (`["remote", "add"]`).
    pub subcommand: Vec<String>,
    pub source: Source,
    pub input: Input,
    /// Where each property was read.
    pub places: Vec<Place>,
}

/// Where a property of a schema was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub property: String,
    /// Relative to the skill.
    pub file: PathBuf,
    /// 1-based.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Where a schema was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `input_schema` in front matter or in the `## Runtime` block.
    Explicit,
    Argparse,
    Click,
    Typer,
    /// `getopts` or a `case` loop of a shell script.
    Shell,
    /// `parseArgs` of `node:util`.
    ParseArgs,
    Commander,
    /// yargs, or minimist.
    Yargs,
    /// Command lines that the skill shows.
    Body,
    /// The script reads JSON from standard input.
    Stdin,
    /// Nothing was found.
    Free,
}

impl Source {
    /// For people: `argparse, read from the script`.
    pub fn text(self) -> &'static str {
        match self {
            Source::Explicit => "input_schema of the skill",
            Source::Argparse => "argparse, read from the script",
            Source::Click => "click, read from the script",
            Source::Typer => "typer, read from the script",
            Source::Shell => "options of the shell script",
            Source::ParseArgs => "parseArgs, read from the script",
            Source::Commander => "commander, read from the script",
            Source::Yargs => "yargs or minimist, read from the script",
            Source::Body => "command lines that the skill shows",
            Source::Stdin => "JSON that the script reads from standard input",
            Source::Free => "nothing found: any arguments, any input",
        }
    }

    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Source::Explicit => "explicit",
            Source::Argparse => "argparse",
            Source::Click => "click",
            Source::Typer => "typer",
            Source::Shell => "shell",
            Source::ParseArgs => "parse-args",
            Source::Commander => "commander",
            Source::Yargs => "yargs",
            Source::Body => "body",
            Source::Stdin => "stdin",
            Source::Free => "free",
        }
    }
}

/// How an input reaches the script.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// On the command line. `schema`, when there is one, is shown instead of the parameters.
    Arguments { parameters: Vec<Parameter>, schema: Option<Value> },
    /// As JSON on standard input; the JSON Schema.
    Stdin(Value),
    /// `args` on the command line, the other keys as JSON on standard input.
    Free,
    /// One of several subcommands, each a tool of its own.
    Commands(Vec<Tool>),
}

/// One argument of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name of the property.
    pub name: String,
    pub help: String,
    pub kind: Kind,
    pub choices: Vec<Value>,
    pub default: Option<Value>,
    pub required: bool,
    pub how: How,
    /// How many values, when it is a list.
    pub many: Option<Many>,
    /// Number of its mutually exclusive group, and whether one of the group is required.
    pub exclusive: Option<(usize, bool)>,
    /// How many words of the subcommand stand before it: 0 for an option of the main parser.
    pub depth: usize,
    /// 1-based line of the script.
    pub line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    /// Any JSON, written as text on the command line.
    Json,
}

/// What a parameter looks like on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Positional,
    /// Everything behind the positionals, what looks like options too.
    Rest,
    /// `--name value`
    Option(String),
    /// `--name value`, once for each value.
    Repeated(String),
    /// `--verbose`; the value that setting it means.
    Flag(String, bool),
    /// `--pair A B --pair C D`: an option with several values, once for each list.
    RepeatedList(String, Many),
    /// `--cache` and `--no-cache`
    OnOff(String, String),
    /// `-v -v -v`
    Count(String),
}

impl How {
    /// As it is written on the command line; `None` for a positional.
    pub fn option(&self) -> Option<&str> {
        match self {
            How::Positional | How::Rest => None,
            How::Option(option)
            | How::Repeated(option)
            | How::Flag(option, _)
            | How::RepeatedList(option, _)
            | How::OnOff(option, _)
            | How::Count(option) => Some(option),
        }
    }
}

/// Bounds of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Many {
    pub least: usize,
    pub most: Option<usize>,
}

/// What could be read from one script.
#[derive(Debug, Clone, PartialEq, Default)]
struct Script {
    source: Option<Source>,
    description: String,
    commands: Vec<Command>,
    /// JSON Schema of standard input.
    stdin: Option<Value>,
    /// Where its keys are read: name and line.
    stdin_lines: Vec<(String, usize)>,
}

/// The whole command line, or one subcommand of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Command {
    pub(super) words: Vec<String>,
    description: String,
    pub(super) parameters: Vec<Parameter>,
}

/// All tools of a skill, in the order of its entries: one for each subcommand.
pub fn tools(skill: &Skill) -> Vec<Tool> {
    let explicit = explicit::find(skill);
    let tools = skill.entries.iter().flat_map(|entry| entry_tools(skill, entry, explicit.as_ref()));
    distinct(tools.collect())
}

/// The same with one tool for each entry.
pub fn tools_by_entry(skill: &Skill) -> Vec<Tool> {
    distinct(skill.entries.iter().map(|entry| entry_tool(skill, entry)).collect())
}

/// The one tool of an entry.
pub fn entry_tool(skill: &Skill, entry: &Entry) -> Tool {
    let tools = entry_tools(skill, entry, explicit::find(skill).as_ref());
    commands::merged(tools, names::base(skill, entry))
}

/// Why an `input_schema` that the author wrote is not used: its place and the next step.
pub fn unused_schema(skill: &Skill) -> Option<String> {
    explicit::unused(skill)
}

fn entry_tools(skill: &Skill, entry: &Entry, explicit: Option<&Explicit>) -> Vec<Tool> {
    let explicit = explicit.filter(|found| found.applies_to(entry, skill));
    let mut script = read_script(&skill.path.join(&entry.file), entry.interpreter.language);
    script.commands.truncate(MAX_TOOLS);
    if script.source.is_none() && script.stdin.is_none() && explicit.is_none() {
        let shown = body::read(&skill.source, &entry.file);
        script = shown.map_or(script.clone(), |shown| Script { description: script.description, ..shown });
    }
    let about = skill.manifest.description.as_ref().map(|field| field.value.as_str()).unwrap_or_default();
    let base = names::base(skill, entry);
    let tool = |words: &[String], description: &str, source: Source, input: Input, places: Vec<Place>| {
        let alone = skill.entries.len() == 1 && words.is_empty();
        let [first, second, third] = if alone {
            [about, description, &script.description]
        } else {
            [description, &script.description, about]
        };
        let said = [first, second, third].into_iter().find(|text| !text.is_empty()).map(str::to_owned);
        let name = std::iter::once(base.as_str()).chain(words.iter().map(String::as_str));
        Tool {
            name: name.collect::<Vec<_>>().join("__"),
            description: said.unwrap_or_else(|| format!("Runs {} of {}.", entry.file.display(), skill.name)),
            entry: entry.file.clone(),
            subcommand: words.to_vec(),
            source,
            input,
            places,
        }
    };
    let in_body = script.source == Some(Source::Body);
    let file = if in_body { PathBuf::from("SKILL.md") } else { entry.file.clone() };
    let here =
        |property: &String, line: usize| Place { property: property.clone(), file: file.clone(), line };
    if let Some(source) = script.source.filter(|_| !script.commands.is_empty()) {
        let commands = script.commands.iter().map(|command| {
            let parameters = names::plain(&command.parameters);
            let schema = explicit.map(|found| found.schema.clone());
            let (source, places) = match explicit {
                Some(found) => (Source::Explicit, found.places.clone()),
                None => (source, parameters.iter().map(|p| here(&p.name, p.line)).collect()),
            };
            tool(
                &command.words,
                &command.description,
                source,
                Input::Arguments { parameters, schema },
                places,
            )
        });
        return commands.collect();
    }
    let (source, input, places) = match (explicit, script.stdin.clone()) {
        (Some(found), _) => (Source::Explicit, Input::Stdin(found.schema.clone()), found.places.clone()),
        (None, Some(schema)) => {
            let places = script.stdin_lines.iter().map(|(name, line)| here(name, *line)).collect();
            (Source::Stdin, Input::Stdin(schema), places)
        }
        (None, None) => (Source::Free, Input::Free, Vec::new()),
    };
    vec![tool(&[], "", source, input, places)]
}

fn read_script(path: &Path, language: Language) -> Script {
    let text = script_text(path);
    match language {
        Language::Python | Language::Uv => python::read(&text),
        Language::Sh | Language::Bash => shell::read(&text),
        Language::Node | Language::Deno => node::read(&text),
        _ => Script::default(),
    }
}

/// The command lines that a script's own parser takes, if it has one that can be read.
pub(super) fn command_lines(path: &Path, language: Language) -> Option<(Source, Vec<Command>)> {
    let script = read_script(path, language);
    Some((script.source?, script.commands)).filter(|(_, commands)| !commands.is_empty())
}

/// The text of a script as far as schemas are read from it; empty when it cannot be read.
pub fn script_text(path: &Path) -> String {
    read_bounded(path, MAX_SCRIPT)
        .map_or_else(|_| String::new(), |(text, _)| String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod robust;
#[cfg(test)]
mod summary;
#[cfg(test)]
mod tests;
