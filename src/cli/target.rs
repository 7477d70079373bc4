//! From `SKILL[.TOOL]` to a skill and one of its tools, for `call` and `schema`.

#![allow(clippy::print_stderr)]

use std::sync::Arc;

use anyhow::bail;

use super::Context;
use crate::skill::Skill;
use crate::skill::schema::{self, Input, Tool};
use crate::skill::text::{did_you_mean, printable};
use crate::workspace;

pub(super) struct Target {
    pub(super) skill: Arc<Skill>,
    /// The tool that was named.
    pub(super) tool: Option<Tool>,
}

/// The whole text is a skill's name or path, or what stands before its last dot is.
pub(super) fn find(context: &Context, wanted: &str) -> anyhow::Result<Target> {
    let find = |name: &str| workspace::find(&context.workspace, &context.skills, name);
    let whole = match find(wanted) {
        Ok(skill) => return with_entries(skill).map(|skill| Target { skill, tool: None }),
        Err(error) => error,
    };
    let parts = wanted.rsplit_once('.').filter(|(skill, tool)| !skill.is_empty() && !tool.contains('/'));
    let Some((name, tool)) = parts else { return Err(whole.into()) };
    match find(name) {
        Ok(skill) => {
            let skill = with_entries(skill)?;
            let tool = named(&skill, tool)?;
            Ok(Target { skill, tool: Some(tool) })
        }
        // A folder's name may hold dots of its own.
        Err(_) if wanted.contains('/') => Err(whole.into()),
        Err(error) => Err(error.into()),
    }
}

fn with_entries(skill: Arc<Skill>) -> anyhow::Result<Arc<Skill>> {
    if skill.entries.is_empty() {
        bail!("{} has no script to call; add one under scripts/", skill.name);
    }
    if let Some(reason) = schema::unused_schema(&skill) {
        eprintln!("note: {}: {}; the script is read instead", printable(&skill.name), printable(&reason));
    }
    Ok(skill)
}

impl Target {
    /// The tool that was named, else the skill's only one, else its only entry with all subcommands: never a guess.
    pub(super) fn tool(&self) -> anyhow::Result<Tool> {
        if let Some(tool) = &self.tool {
            return Ok(tool.clone());
        }
        let mut tools = schema::tools_by_entry(&self.skill);
        if tools.len() == 1 {
            return Ok(tools.remove(0));
        }
        let name = &self.skill.name;
        bail!(
            "{name} has {} tools: {}; name one, as in {name}.{}",
            tools.len(),
            list(&self.skill),
            short(&tools[0], name)
        )
    }
}

/// A tool by its whole name or by what stands behind the skill's; also an entry with all its subcommands.
fn named(skill: &Skill, wanted: &str) -> anyhow::Result<Tool> {
    let entries = schema::tools_by_entry(skill).into_iter();
    let entries = entries.filter(|tool| matches!(tool.input, Input::Commands(_)));
    let tools: Vec<Tool> = schema::tools(skill).into_iter().chain(entries).collect();
    let found = tools.iter().find(|tool| tool.name == wanted || short(tool, &skill.name) == wanted);
    if let Some(tool) = found {
        return Ok(tool.clone());
    }
    let meant = did_you_mean(wanted, tools.iter().map(|tool| short(tool, &skill.name)));
    let meant = meant.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
    bail!("{} has no tool `{wanted}`{meant}; its tools: {}", skill.name, list(skill))
}

fn list(skill: &Skill) -> String {
    let tools = schema::tools(skill);
    tools.iter().map(|tool| short(tool, &skill.name)).collect::<Vec<_>>().join(", ")
}

/// A tool's name without the skill's.
fn short<'t>(tool: &'t Tool, skill: &str) -> &'t str {
    tool.name.strip_prefix(skill).and_then(|rest| rest.strip_prefix("__")).unwrap_or(&tool.name)
}
