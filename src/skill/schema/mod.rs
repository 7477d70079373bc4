//! The tool schema of a skill: what each entry takes, read from the entry itself.
//!
//! Sources, best first: an explicit `input_schema`; the entry's own argument parser, read from its syntax tree;
//! JSON that it reads from standard input; else a free object. [`Source`] says which one it was.
//!
//! An entry with subcommands gives one tool for each of them: every tool is then a flat object with its own
//! required properties, which is the only form all model providers take. For [`call::invocation`] the key
//! [`COMMAND`] of the input names the subcommand.

pub mod call;
mod explicit;
mod form;
mod node;
mod python;
mod shell;
mod usage;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::folder::read_bounded;
use super::model::{Entry, Language, Skill};

pub use call::{InputError, Invocation, invocation};
pub use form::{Form, render};

/// Most of a script that is read.
const MAX_SCRIPT: u64 = 512 * 1024;
/// Most tools of one entry.
const MAX_TOOLS: usize = 64;
/// Longest tool name that all providers take.
const MAX_NAME: usize = 64;
/// The key of an input that names the subcommand, for entries that have some.
pub const COMMAND: &str = "command";

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
}

/// Where a schema was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `input_schema` in front matter or in the `## Runtime` block.
    Explicit,
    Argparse,
    /// `getopts` or a `case` loop of a shell script.
    Shell,
    /// `parseArgs` of `node:util`.
    ParseArgs,
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
            Source::Shell => "options of the shell script",
            Source::ParseArgs => "parseArgs, read from the script",
            Source::Stdin => "JSON that the script reads from standard input",
            Source::Free => "nothing found: any arguments, any input",
        }
    }

    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Source::Explicit => "explicit",
            Source::Argparse => "argparse",
            Source::Shell => "shell",
            Source::ParseArgs => "parse-args",
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
    /// Belongs before the subcommand.
    pub global: bool,
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
    /// `--name value`
    Option(String),
    /// `--name value`, once for each value.
    Repeated(String),
    /// `--verbose`; the value that setting it means.
    Flag(String, bool),
    /// `--cache` and `--no-cache`
    OnOff(String),
    /// `-v -v -v`
    Count(String),
}

impl How {
    /// As it is written on the command line; `None` for a positional.
    pub fn option(&self) -> Option<&str> {
        match self {
            How::Positional => None,
            How::Option(option)
            | How::Repeated(option)
            | How::Flag(option, _)
            | How::OnOff(option)
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
}

/// The whole command line, or one subcommand of it.
#[derive(Debug, Clone, PartialEq, Default)]
struct Command {
    words: Vec<String>,
    description: String,
    parameters: Vec<Parameter>,
}

/// All tools of a skill, in the order of its entries.
pub fn tools(skill: &Skill) -> Vec<Tool> {
    let explicit = explicit::find(skill);
    let mut names = HashSet::new();
    let mut tools = Vec::new();
    for entry in &skill.entries {
        let schema =
            explicit.as_ref().filter(|found| found.applies_to(entry, skill)).map(|found| &found.schema);
        for mut tool in entry_tools(skill, entry, schema) {
            tool.name = unique(&tool.name, &mut names);
            tools.push(tool);
        }
    }
    tools
}

/// The tools of one entry; their names are unique only among all tools of the skill ([`tools`]).
pub fn entry_tools(skill: &Skill, entry: &Entry, explicit: Option<&Value>) -> Vec<Tool> {
    let mut script = read_script(&skill.path.join(&entry.file), entry.interpreter.language);
    script.commands.truncate(MAX_TOOLS);
    let about = skill.manifest.description.as_ref().map(|field| field.value.as_str()).unwrap_or_default();
    let base = base_name(skill, entry);
    let tool = |words: &[String], description: &str, source: Source, input: Input| {
        let own = [description, &script.description].into_iter().find(|text| !text.is_empty());
        let alone = skill.entries.len() == 1 && words.is_empty();
        let description = if alone && !about.is_empty() { about } else { own.unwrap_or(about) };
        let name = std::iter::once(base.as_str()).chain(words.iter().map(String::as_str));
        Tool {
            name: name.collect::<Vec<_>>().join("__"),
            description: description.to_owned(),
            entry: entry.file.clone(),
            subcommand: words.to_vec(),
            source,
            input,
        }
    };
    if let Some(source) = script.source.filter(|_| !script.commands.is_empty()) {
        let commands = script.commands.iter().map(|command| {
            let schema = explicit.cloned();
            let source = if schema.is_some() { Source::Explicit } else { source };
            let input = Input::Arguments { parameters: command.parameters.clone(), schema };
            tool(&command.words, &command.description, source, input)
        });
        return commands.collect();
    }
    let (source, input) = match (explicit, script.stdin.clone()) {
        (Some(schema), _) => (Source::Explicit, Input::Stdin(schema.clone())),
        (None, Some(schema)) => (Source::Stdin, Input::Stdin(schema)),
        (None, None) => (Source::Free, Input::Free),
    };
    vec![tool(&[], "", source, input)]
}

fn read_script(path: &Path, language: Language) -> Script {
    let Ok((text, _)) = read_bounded(path, MAX_SCRIPT) else { return Script::default() };
    let text = String::from_utf8_lossy(&text);
    match language {
        Language::Python | Language::Uv => python::read(&text),
        Language::Sh | Language::Bash => shell::read(&text),
        Language::Node | Language::Deno => node::read(&text),
        _ => Script::default(),
    }
}

/// `skill`, or `skill__script` when the skill has several entries.
fn base_name(skill: &Skill, entry: &Entry) -> String {
    if skill.entries.len() == 1 {
        return skill.name.clone();
    }
    let stem = entry.file.file_stem().unwrap_or_default().to_string_lossy();
    format!("{}__{stem}", skill.name)
}

/// A name that all providers take and that no other tool has.
fn unique(wanted: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut name: String = wanted.chars().map(plain).collect();
    if name.len() > MAX_NAME || !wanted.is_ascii() || name.is_empty() {
        // What was cut or replaced still tells tools apart, and a name stays the same from run to run.
        let digest = blake3::hash(wanted.as_bytes()).to_hex();
        name.truncate(MAX_NAME - 9);
        name = format!("{name}_{}", &digest[..8]);
    }
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        let suffix = format!("_{number}");
        let keep = name.len().min(MAX_NAME - suffix.len());
        candidate = format!("{}{suffix}", &name[..keep]);
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests;
