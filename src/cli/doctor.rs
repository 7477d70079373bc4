//! `skilldeck doctor`: which layers of the sandbox this machine offers, and how to get the missing ones.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use serde_json::json;

use super::{Context, Format};
use crate::sandbox::linux::doctor;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Exit status 0 when every layer is there, 1 when the sandbox would be reduced.
pub(super) fn execute(args: &Args, _context: &Context) -> anyhow::Result<ExitCode> {
    let checks = doctor::examine();
    let complete = doctor::is_complete(&checks);
    match args.format {
        Format::Json => {
            let level = if complete { "full" } else { "reduced" };
            println!(
                "{}",
                serde_json::to_string_pretty(&json!({ "version": 1, "level": level, "checks": checks }))?
            );
        }
        Format::Text => print_text(&checks, complete),
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_text(checks: &[doctor::Check], complete: bool) {
    for check in checks {
        let mark = match (check.available, doctor::is_needed(check)) {
            (true, _) => "✓",
            (false, true) => "✗",
            (false, false) => "·",
        };
        println!("{mark} {:<18} {}", check.name, check.detail);
        if !check.remedy.is_empty() {
            println!("  {:<18} → {}", "", check.remedy);
        }
    }
    println!();
    println!(
        "{}",
        if complete {
            "The sandbox runs at full strength here."
        } else {
            "The sandbox would be reduced here: `skilldeck run --require full` refuses to run."
        }
    );
}
