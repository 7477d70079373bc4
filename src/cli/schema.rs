//! `skilldeck schema`: what the entries of a skill take.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::list::write_out;
use super::target::Target;
use super::{Context, input, target};
use crate::skill::schema::{self, Mismatch, Tool, commands};
use crate::skill::text::printable;

/// Version of the JSON form of a check.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path; behind a dot one of its tools
    #[arg(required = true, value_name = "SKILL[.TOOL]")]
    pub targets: Vec<String>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Form,
    /// Subcommands of a script: a tool for each, or one tool in which a key names them
    #[arg(long, value_enum, default_value_t)]
    pub subcommands: Subcommands,
    /// Tools for OpenAI's strict mode, where their schemas allow it; why not is said on stderr
    #[arg(long)]
    pub strict: bool,
    /// Say where each property was read: file, line and the line itself
    #[arg(long)]
    pub source: bool,
    /// Check an input instead: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with_all = ["strict", "source"])]
    pub check: Option<String>,
}

/// Forms that a tool schema is printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Form {
    #[default]
    Text,
    /// Everything that is known, with file and line of each property
    Json,
    #[value(name = "openai")]
    OpenAi,
    Anthropic,
    Mcp,
    JsonSchema,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Subcommands {
    /// A tool for each: all models can say what each of them requires
    #[default]
    Tools,
    /// One tool for each script
    Enum,
}

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let find = |name: &String| target::find(context, name);
    let targets: Vec<Target> = args.targets.iter().map(find).collect::<anyhow::Result<_>>()?;
    if let Some(given) = &args.check {
        let [target] = targets.as_slice() else { bail!("--check takes one tool; name one of them") };
        return check(&target.tool()?, given, args.format);
    }
    if args.strict && args.format != Form::OpenAi {
        bail!("--strict is for OpenAI's form; add --format openai");
    }
    if args.source && !matches!(args.format, Form::Text | Form::Json) {
        bail!("--source has no place in this form; add --format text or json");
    }
    let tools: Vec<(&Target, Tool)> = targets
        .iter()
        .flat_map(|target| {
            let tools = match (&target.tool, args.subcommands) {
                (Some(tool), _) => vec![tool.clone()],
                (None, Subcommands::Tools) => schema::tools(&target.skill),
                (None, Subcommands::Enum) => schema::tools_by_entry(&target.skill),
            };
            tools.into_iter().map(move |tool| (target, tool))
        })
        .collect();
    let (from, tools): (Vec<&Target>, Vec<Tool>) = tools.into_iter().unzip();
    let tools = schema::distinct(tools);
    let form = match args.format {
        Form::Text => None,
        Form::Json => Some(schema::Form::Json),
        Form::OpenAi => Some(schema::Form::OpenAi),
        Form::Anthropic => Some(schema::Form::Anthropic),
        Form::Mcp => Some(schema::Form::Mcp),
        Form::JsonSchema => Some(schema::Form::JsonSchema),
    };
    let text = match form {
        Some(_) if args.strict => {
            let (rendered, refused) = schema::render_strict(&tools);
            for (name, reasons) in refused {
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                eprintln!("note: {} is not strict: {}", printable(&name), printable(&reasons.join("; ")));
            }
            format!("{rendered:#}\n")
        }
        Some(form) => format!("{:#}\n", schema::render(&tools, form)),
        None => {
            let shown = from.iter().zip(&tools);
            let shown =
                shown.map(|(target, tool)| as_text(tool, args.source.then_some(target.skill.path.as_path())));
            shown.collect::<Vec<_>>().join("\n")
        }
    };
    write_out(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Exit status 1 when the input does not fit.
fn check(tool: &Tool, given: &str, format: Form) -> anyhow::Result<ExitCode> {
    if !matches!(format, Form::Text | Form::Json) {
        bail!("--check has no such form; add --format text or json");
    }
    let result = schema::invocation(tool, &input::value(given, "--check")?);
    let unchecked = schema::unchecked(&tool.schema());
    let wrong = result.as_ref().err().map_or(&[][..], Vec::as_slice);
    let text = match format {
        Form::Json => {
            let document = json!({
                "version": VERSION, "tool": tool.name, "valid": wrong.is_empty(), "errors": wrong,
                "unchecked": unchecked,
            });
            format!("{document:#}\n")
        }
        _ => match &result {
            Ok(call) => {
                let line = std::iter::once(tool.entry.to_string_lossy().into_owned())
                    .chain(call.argv.iter().cloned());
                let line = line.map(|word| shlex::try_quote(&word).map_or_else(|_| word.clone(), Into::into));
                let line = line.collect::<Vec<_>>().join(" ");
                let input = if call.stdin.is_empty() { "" } else { " < the input" };
                format!("the input fits {}: {}{input}\n", printable(&tool.name), printable(&line))
            }
            Err(wrong) => mistakes(tool, wrong),
        },
    };
    if format == Form::Text && !unchecked.is_empty() {
        eprintln!("note: not checked: {}", printable(&unchecked.join(", ")));
    }
    write_out(&text)?;
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn mistakes(tool: &Tool, wrong: &[Mismatch]) -> String {
    let lines = wrong.iter().map(|one| format!("  {}\n", printable(&one.to_string())));
    let count = input::counted(wrong);
    format!("the input does not fit {} ({count}):\n{}", printable(&tool.name), lines.collect::<String>())
}

/// For people; with the lines that each property comes from when the skill's folder is given.
fn as_text(tool: &Tool, sources: Option<&Path>) -> String {
    let mut lines = vec![tool.name.clone()];
    lines.extend(tool.description.lines().map(|line| format!("  {}", printable(line))));
    let entry = tool.entry.display().to_string();
    lines.push(format!("  entry: {}, source: {}", printable(&entry), tool.source.text()));
    if !tool.subcommand.is_empty() {
        lines.push(format!("  subcommand: {}", printable(&commands::command(tool))));
    }
    let schema = tool.schema();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        lines.push(property_line(name, property, required.contains(&name.as_str())));
        let places = tool.places.iter().filter(|place| place.property == *name);
        for (place, folder) in places.filter_map(|place| Some((place, sources?))) {
            let text = schema::script_text(&folder.join(&place.file));
            let line = text.lines().nth(place.line - 1).unwrap_or_default();
            lines.push(format!("        {}", printable(&format!("{place}  {}", line.trim()))));
        }
    }
    lines.join("\n") + "\n"
}

fn property_line(name: &str, property: &Value, required: bool) -> String {
    let mut notes = vec![kind(property)];
    if required {
        notes.push("required".to_owned());
    }
    if let Some(default) = property.get("default") {
        notes.push(format!("default {default}"));
    }
    let choices = property["enum"].as_array().or_else(|| property["items"]["enum"].as_array());
    if let Some(choices) = choices {
        let choices = choices.iter().map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned));
        notes.push(format!("one of {}", choices.collect::<Vec<_>>().join(", ")));
    }
    let help = property["description"].as_str().unwrap_or_default();
    let line = format!("    {name} ({}) {help}", notes.join(", "));
    printable(line.trim_end()).into_owned()
}

fn kind(property: &Value) -> String {
    let name = property["type"].as_str().unwrap_or("any");
    match (name, property["items"]["type"].as_str(), property["anyOf"].as_array()) {
        ("array", Some(item), _) => format!("list of {item}"),
        ("any", _, Some(several)) => several.iter().map(kind).collect::<Vec<_>>().join(" or "),
        _ => name.to_owned(),
    }
}
