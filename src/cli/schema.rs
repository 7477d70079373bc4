//! `skilldeck schema`: what the entries of a skill take.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::Value;

use super::Context;
use super::list::write_out;
use crate::skill::schema::{self, COMMAND, Input, Tool};
use crate::skill::text::printable;
use crate::workspace;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Form,
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

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    if skill.entries.is_empty() {
        anyhow::bail!("{} has no script to call; add one under scripts/", printable(&skill.name));
    }
    let tools = schema::tools(&skill);
    let form = match args.format {
        Form::Text => None,
        Form::Json => Some(schema::Form::Json),
        Form::OpenAi => Some(schema::Form::OpenAi),
        Form::Anthropic => Some(schema::Form::Anthropic),
        Form::Mcp => Some(schema::Form::Mcp),
        Form::JsonSchema => Some(schema::Form::JsonSchema),
    };
    let text = match form {
        Some(form) => format!("{:#}\n", schema::render(&tools, form)),
        None => tools.iter().map(as_text).collect::<Vec<_>>().join("\n"),
    };
    write_out(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn as_text(tool: &Tool) -> String {
    let mut lines = vec![tool.name.clone()];
    if !tool.description.is_empty() {
        lines.push(format!("  {}", printable(&tool.description)));
    }
    let entry = tool.entry.display().to_string();
    lines.push(format!("  entry: {}, source: {}", printable(&entry), tool.source.text()));
    if !tool.subcommand.is_empty() {
        lines.push(format!("  {COMMAND}: {}", printable(&tool.subcommand.join(" "))));
    }
    let schema = tool.schema();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        lines.push(property_line(name, property, required.contains(&name.as_str()), tool));
    }
    lines.join("\n") + "\n"
}

fn property_line(name: &str, property: &Value, required: bool, tool: &Tool) -> String {
    let kind = property["type"].as_str().unwrap_or("any");
    let kind = match property["items"]["type"].as_str() {
        Some(item) if kind == "array" => format!("list of {item}"),
        _ => kind.to_owned(),
    };
    let mut notes = vec![kind];
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
    let place = match &tool.input {
        Input::Arguments { parameters, .. } => parameters.iter().find(|p| p.name == name),
        _ => None,
    };
    let place = place.map(|p| format!(" [{}:{}]", tool.entry.display(), p.line)).unwrap_or_default();
    let help = property["description"].as_str().unwrap_or_default();
    let line = format!("    {name} ({}) {help}{place}", notes.join(", "));
    printable(&line).into_owned()
}
