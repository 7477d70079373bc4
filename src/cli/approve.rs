//! `skilldeck approve`: what a skill's own policy file asks for, in plain words, and the user's answer to it.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};

use super::{Context, Format, print};
use crate::policy::{self, Approvals, Origin, Places, Request};
use crate::report::terminal::one_line;
use crate::skill::text::printable_source;
use crate::workspace;

/// Version of the JSON form.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// Approve without a question
    #[arg(long, conflicts_with_all = ["show", "revoke"])]
    pub yes: bool,
    /// Only say what is asked for and whether it is approved
    #[arg(long, conflicts_with = "revoke")]
    pub show: bool,
    /// Forget what was approved for this skill
    #[arg(long)]
    pub revoke: bool,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// 0 when the request is approved afterwards (after `--revoke`: always), 1 when it is not.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let approvals = Approvals::of_user();
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    if args.revoke {
        let file = skill.path.join(policy::FILE_NAME);
        let done = if approvals.revoke(&file)? { "is no longer approved" } else { "was not approved" };
        print(format!("{}: {done}\n", one_line(&file.display().to_string(), 400)).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(mut request) = Request::read(&skill.path, &approvals, &Places::new(&context.workspace))? else {
        bail!("{} asks for nothing: it has no {}", skill.name, policy::FILE_NAME);
    };
    let text = args.format == Format::Text;
    if text {
        print(as_text(&skill.name, &request).as_bytes())?;
    }
    if !request.approved && !args.show && (args.yes || text && is_answered_yes()) {
        request
            .approve(&approvals)
            .with_context(|| format!("the approval of {} cannot be kept", request.file.display()))?;
        if text {
            print(b"approved: it is in force for every run, until it asks for something else\n")?;
        }
    }
    match args.format {
        Format::Json => drop(print(format!("{:#}\n", as_json(&skill.name, &request)).as_bytes())?),
        Format::Text if !request.approved && !args.show => {
            eprintln!("not approved; --yes approves without a question");
        }
        Format::Text => {}
    }
    Ok(ExitCode::from(u8::from(!request.approved)))
}

/// Ask at the terminal; where there is none the answer is no.
fn is_answered_yes() -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    eprint!("approve? [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().take(1024).read_line(&mut answer);
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn as_text(skill: &str, request: &Request) -> String {
    let (skill, said) = (one_line(skill, 100), request.sentences());
    let mut text = if said.is_empty() {
        format!("{skill} asks for nothing beyond the default\n")
    } else {
        format!("{skill} asks to\n")
    };
    for (sentence, place) in &said {
        let _ = writeln!(text, "  {:<60} {place}", one_line(sentence, 300));
    }
    if let Some(changes) = request.changes() {
        let changes = printable_source(&changes);
        let _ = write!(text, "\nwhat has changed since it was last approved:\n{changes}\n");
    }
    if request.approved {
        text.push_str("this is approved\n");
    }
    text
}

fn as_json(skill: &str, request: &Request) -> Json {
    let said = request.policy.describe();
    let asks = said.iter().map(|said| {
        let line = if let Origin::File { line, .. } = said.origin { Some(line) } else { None };
        let permission = said.permission.map(policy::Permission::name);
        json!({ "permission": permission, "deny": said.deny, "text": said.text, "line": line })
    });
    json!({
        "version": VERSION,
        "skill": skill,
        "file": request.file,
        "digest": request.policy.digest(),
        "approved": request.approved,
        "asks": asks.collect::<Vec<_>>(),
        "changes": request.changes(),
    })
}
