//! `skilldeck approve`: what a skill's own policy file asks for, in plain words, and the user's answer to it.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};
use similar::{Algorithm, TextDiff};

use super::{Context, Format, print};
use crate::policy::summary::Sentence;
use crate::policy::{self, Approvals, Loaded, Origin, Places, Policy};
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

/// The request of one skill.
struct Request {
    skill: String,
    file: PathBuf,
    text: String,
    policy: Policy,
    /// What was approved last, when it was something else.
    before: Option<String>,
    approved: bool,
}

/// 0 when the request is approved afterwards (after `--revoke`: always), 1 when it is not.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let approvals = Approvals::of_user();
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    let file = skill.path.join(policy::FILE_NAME);
    if args.revoke {
        let done = if approvals.revoke(&file)? { "is no longer approved" } else { "was not approved" };
        print(format!("{}: {done}\n", one_line(&file.display().to_string(), 400)).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut request = request(&skill.name, &file, &approvals, context)?;
    if args.format == Format::Text {
        print(as_text(&request).as_bytes())?;
    }
    if !request.approved && !args.show && (args.yes || is_answered_yes(args.format)) {
        approvals
            .approve(&file, &request.policy, &request.text)
            .with_context(|| format!("the approval of {} cannot be kept", file.display()))?;
        request.approved = true;
        if args.format == Format::Text {
            print(b"approved: it is in force for every run, until it asks for something else\n")?;
        }
    }
    if args.format == Format::Json {
        print(format!("{:#}\n", as_json(&request)).as_bytes())?;
    }
    if !request.approved && !args.show && args.format == Format::Text {
        eprintln!("not approved; --yes approves without a question");
    }
    Ok(ExitCode::from(u8::from(!request.approved)))
}

fn request(skill: &str, file: &Path, approvals: &Approvals, context: &Context) -> anyhow::Result<Request> {
    if file.symlink_metadata().is_err() {
        bail!("{skill} asks for nothing: it has no {}", policy::FILE_NAME);
    }
    let (text, loaded) = policy::load_with_text(file, &Places::new(&context.workspace))
        .with_context(|| format!("{} cannot be read", file.display()))?;
    if loaded.has_errors() {
        return Err(
            policy::ChooseError::Broken { path: file.to_owned(), diagnostics: loaded.diagnostics }.into()
        );
    }
    let Loaded { policy, .. } = loaded;
    let approved = approvals.cover(file, &policy);
    let before = approvals.latest(file).filter(|_| !approved);
    Ok(Request { skill: skill.to_owned(), file: file.to_owned(), text, policy, before, approved })
}

/// Ask at the terminal; where there is none the answer is no.
fn is_answered_yes(format: Format) -> bool {
    if format != Format::Text || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    eprint!("approve? [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().take(1024).read_line(&mut answer);
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn as_text(request: &Request) -> String {
    let mut text = format!("{} asks to\n", one_line(&request.skill, 100));
    let said = request.policy.describe();
    if said.is_empty() {
        text = format!("{} asks for nothing beyond the default\n", one_line(&request.skill, 100));
    }
    for Sentence { text: sentence, origin, .. } in &said {
        let _ = writeln!(text, "  {:<60} {}", one_line(sentence, 300), place(origin));
    }
    if let Some(before) = &request.before {
        let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before, &request.text);
        let diff = diff.unified_diff().header("approved", policy::FILE_NAME).to_string();
        let _ = write!(text, "\nwhat has changed since it was last approved:\n{}", printable_source(&diff));
    }
    if request.approved {
        text.push_str("this is approved\n");
    }
    text
}

/// `policy.yaml:3`.
fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { line, .. } => format!("{}:{line}", policy::FILE_NAME),
        other => other.to_string(),
    }
}

fn as_json(request: &Request) -> Json {
    let asked: Vec<Json> = request
        .policy
        .describe()
        .iter()
        .map(|said| {
            let line = if let Origin::File { line, .. } = said.origin { Some(line) } else { None };
            json!({
                "permission": said.permission.map(policy::Permission::name),
                "deny": said.deny,
                "text": said.text,
                "line": line,
            })
        })
        .collect();
    json!({
        "version": VERSION,
        "skill": request.skill,
        "file": request.file,
        "digest": request.policy.digest(),
        "approved": request.approved,
        "approved_before": request.before,
        "asks": asked,
    })
}
