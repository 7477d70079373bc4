//! `skilldeck probe`: attacks on the sandbox from inside, and what became of them.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Context, Format};
use crate::probe::{self, Compare, Wanted};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Attack under this policy too: what it grants is no failure
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Only the attack or action of this name, with all its evidence
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// Run the same attacks elsewhere and show what they do there
    #[arg(long, value_enum)]
    pub compare: Option<Compare>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let wanted = Wanted { policy: args.policy.as_deref(), only: args.only.as_deref(), compare: args.compare };
    let findings = probe::probe(&context.launcher, &wanted)?;
    match args.format {
        Format::Text => super::print(probe::text(&findings, args.only.is_some()).as_bytes())?,
        Format::Json => {
            let mut text = serde_json::to_vec_pretty(&findings)?;
            text.push(b'\n');
            super::print(&text)?
        }
    };
    Ok(if findings.hold() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
