//! `skilldeck run`: one run in the sandbox, with live output or as a report.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Context, Format};
use crate::run::WorkingDirectory;
use crate::sandbox::plan::Observe;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// The script to run, relative to the skill [default: the only one]
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    /// Input: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub input: Option<String>,
    /// Where the script starts
    #[arg(long, value_enum, default_value_t)]
    pub cwd: WorkingDirectory,
    /// Put this policy file in force
    #[arg(long, value_name = "FILE", conflicts_with = "trust")]
    pub policy: Option<PathBuf>,
    /// Put the skill's own policy.yaml in force for this run
    #[arg(long)]
    pub trust: bool,
    /// How much of what the script does is recorded
    #[arg(long, value_enum, default_value_t)]
    pub observe: Observe,
    /// Refuse to run with less than the whole sandbox
    #[arg(long, value_name = "LEVEL")]
    pub require: Option<Require>,
    /// Wall-clock limit, such as 30s, 500ms or 2m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Arguments of the script
    #[arg(last = true, value_name = "ARGS")]
    pub rest: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Require {
    Full,
}

fn duration(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("unknown unit `{unit}`; use ms, s, m or h")),
    };
    let value: f64 = number.parse().map_err(|_| "give a number and a unit, such as 30s".to_owned())?;
    match Duration::try_from_secs_f64(value * scale) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("give a time longer than zero".to_owned()),
    }
}

pub(super) fn execute(_args: &Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
