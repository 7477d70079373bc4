//! `skilldeck check`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use super::{Context, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub(super) fn execute(_args: &Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
