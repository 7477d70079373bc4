//! `skilldeck tighten`: the grants of a skill's policy file that no run has needed.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::learn::diff;
use super::run::colour;
use super::{Context, Format, print};
use crate::journal::Journal;
use crate::learn::tighten::{Tightening, tighten};
use crate::learn::{GrantUse, Standing, proposal, words};
use crate::policy::{Approvals, FILE_NAME, Origin, Places, Request};
use crate::report::terminal::one_line;
use crate::report::text::Style;
use crate::skill::Skill;
use crate::workspace;

/// Version of the JSON form.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// Write the narrower policy file; one that was approved stays so
    #[arg(long)]
    pub apply: bool,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// 0 when nothing is left to take out, 1 when something is.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    let places = Places::new(&context.workspace);
    let found = tighten(&skill, &places, &Journal::of_user())?;
    let now = Timestamp::now();
    if args.format == Format::Text {
        let style = Style { colour: colour(std::io::stdout().is_terminal()) };
        print(as_text(&found, now, style).as_bytes())?;
    }
    let mut applied = false;
    if args.apply && !found.proposal.is_empty() {
        apply(&found, &skill, &places)?;
        applied = true;
    }
    match args.format {
        Format::Json => drop(print(format!("{:#}\n", as_json(&found, &skill, now, applied)).as_bytes())?),
        Format::Text if applied => drop(print(b"written\n")?),
        Format::Text if !found.proposal.is_empty() => drop(print(b"--apply writes it\n")?),
        Format::Text => {}
    }
    Ok(ExitCode::from(u8::from(!found.proposal.is_empty() && !applied)))
}

/// Less than what was approved needs no new decision; what was not approved is none by this.
fn apply(found: &Tightening, skill: &Skill, places: &Places) -> anyhow::Result<()> {
    let approvals = Approvals::of_user();
    let approved = Request::read(&skill.path, &approvals, places)?.is_some_and(|request| request.approved);
    found.proposal.write()?;
    if approved {
        proposal::approve(&skill.path, &approvals, places)
            .context("the policy file was written, but the approval cannot be kept")?;
    }
    Ok(())
}

fn as_text(found: &Tightening, now: Timestamp, style: Style) -> String {
    let mut text = String::new();
    for grant in &found.grants {
        let what = format!("{}: [{}]", grant.permission, grant.written);
        let what = one_line(&what, 200);
        let line = format!("{}  {what}: {}", place(grant), grant.sentence(now));
        let line = match &grant.standing {
            Standing::Needed => style.quiet(&format!("✓ {line}")),
            Standing::Unknown(_) => format!("? {line}"),
            Standing::Unneeded => style.bad(&format!("✗ {line}")),
            Standing::PartlyNeeded(_) => style.warning(&format!("~ {line}")),
        };
        let _ = writeln!(text, "{line}");
        if let Standing::PartlyNeeded(narrower) = &grant.standing {
            let narrower: Vec<String> = narrower.iter().map(words::grant).collect();
            let _ = writeln!(text, "    instead: {}", one_line(&narrower.join(", "), 400));
        }
    }
    if found.grants.is_empty() {
        text.push_str("the policy file grants nothing\n");
    }
    if !found.not_run.is_empty() && !found.grants.is_empty() {
        let files: Vec<String> = found.not_run.iter().map(|file| file.display().to_string()).collect();
        let line =
            format!("! nothing is known of what these need, no run started them: {}", files.join(", "));
        let _ = writeln!(text, "{}", style.warning(&one_line(&line, 400)));
    }
    for (written, why) in &found.unwritable {
        let _ = writeln!(text, "{}", style.warning(&one_line(&format!("! {written}: {why}"), 400)));
    }
    if found.proposal.is_empty() {
        text.push_str("nothing to take out\n");
    } else {
        let _ = write!(text, "\n{}", diff(&found.proposal.diff(), style));
    }
    text
}

fn place(grant: &GrantUse) -> String {
    match &grant.origin {
        Origin::File { line, column, .. } => format!("{FILE_NAME}:{line}:{column}"),
        other => other.to_string(),
    }
}

fn as_json(found: &Tightening, skill: &Skill, now: Timestamp, applied: bool) -> Json {
    let grants = found.grants.iter().map(|grant| {
        let (line, column) = match grant.origin {
            Origin::File { line, column, .. } => (Some(line), Some(column)),
            _ => (None, None),
        };
        let (standing, instead) = match &grant.standing {
            Standing::Needed => ("needed", None),
            Standing::Unneeded => ("unneeded", None),
            Standing::Unknown(_) => ("unknown", None),
            Standing::PartlyNeeded(narrower) => ("partly_needed", Some(narrower)),
        };
        json!({
            "permission": grant.permission.name(),
            "written": grant.written,
            "line": line,
            "column": column,
            "standing": standing,
            "instead": instead,
            "text": grant.sentence(now),
            "runs": grant.runs,
            "whole_runs": grant.whole_runs,
            "needed_by": grant.needed_by,
            "oldest_run": grant.oldest,
            "newest_run": grant.newest,
            "last_needed": grant.last_needed,
        })
    });
    json!({
        "version": VERSION,
        "skill": skill.name,
        "file": found.proposal.file,
        "grants": grants.collect::<Vec<_>>(),
        "entries_not_run": found.not_run,
        "diff": found.proposal.diff(),
        "applied": applied,
    })
}
