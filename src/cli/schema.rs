//! `skilldeck schema`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::ValueEnum;

use super::Context;

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
    Json,
    #[value(name = "openai")]
    OpenAi,
    Anthropic,
    Mcp,
    JsonSchema,
}

pub(super) fn execute(_args: &Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
