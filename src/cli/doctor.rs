//! `skilldeck doctor`: which layers of the sandbox this machine offers, and how to get the missing ones.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use serde_json::json;

use super::{Context, Format};
use crate::sandbox::event::Level;
use crate::sandbox::linux::doctor;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Exit status 0 when every layer is there, 1 when the sandbox would be reduced.
pub(super) fn execute(args: &Args, _context: &Context) -> anyhow::Result<ExitCode> {
    let found = doctor::examine();
    let level = match &found.run {
        Ok(isolation) if isolation.level == Level::Full => "full",
        Ok(_) => "reduced",
        Err(_) => "none",
    };
    match args.format {
        Format::Json => {
            let (isolation, refusal) = (found.run.as_ref().ok(), found.run.as_ref().err());
            let json = json!({
                "version": 1, "level": level, "checks": found.checks, "isolation": isolation, "refusal": refusal,
            });
            println!("{}", serde_json::to_string_pretty(&json)?);
        }
        Format::Text => print_text(&found),
    }
    Ok(if level == "full" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_text(found: &doctor::Examination) {
    for check in &found.checks {
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
    match &found.run {
        Ok(isolation) if isolation.level == Level::Full => {
            println!("The sandbox runs at full strength here.");
        }
        Ok(isolation) => {
            println!("The sandbox would be reduced here: `skilldeck run --require full` refuses to run.");
            for missing in &isolation.missing {
                println!("  {missing}");
            }
        }
        Err(why) => println!("Nothing would run here: {why}"),
    }
}
