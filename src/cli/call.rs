//! `skilldeck call`: a tool of a skill, called as an agent would call it, with one JSON input.

use std::process::ExitCode;

use super::run::{self, Options};
use super::{Context, input, target};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path; behind a dot the tool, unless there is only one
    #[arg(value_name = "SKILL[.TOOL]")]
    pub target: String,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(value_name = "JSON|@FILE|-", default_value = "{}")]
    pub input: String,
    #[command(flatten)]
    pub options: Options,
}

/// Nothing is run when the input does not fit the tool's schema.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let found = target::find(context, &args.target)?;
    let tool = found.tool()?;
    let call = input::invocation(&tool, &args.input, "input", &args.target)?;
    let entry = run::entry(&found.skill, Some(&tool.entry))?;
    let request = run::request(&args.options, context, found.skill, entry, call)?;
    run::carry_out(request, &args.options, context)
}
