//! `skilldeck why`: may a skill do this, by which line, and what would allow it. Nothing is run.

#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::{Context, Format, print};
use crate::report::terminal::one_line;
use crate::run::why::{self, Answer, Place, Question};
use crate::run::{RunRequest, WorkingDirectory, prepare};
use crate::sandbox::plan::Observe;
use crate::workspace;

/// Version of the JSON's form.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
#[group(id = "questions", multiple = true)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// May it read this file or folder?
    #[arg(long, value_name = "PATH")]
    pub read: Vec<PathBuf>,
    /// May it write this file or folder?
    #[arg(long, value_name = "PATH")]
    pub write: Vec<PathBuf>,
    /// May it connect there?
    #[arg(long, value_name = "HOST:PORT")]
    pub net: Vec<String>,
    /// May it start this program?
    #[arg(long, value_name = "PROGRAM")]
    pub run: Vec<String>,
    /// Is this variable passed?
    #[arg(long, value_name = "NAME")]
    pub env: Vec<String>,
    /// The script the question is about, relative to the skill [default: the first]
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    /// Ask about this policy file
    #[arg(long, value_name = "FILE", conflicts_with = "trust")]
    pub policy: Option<PathBuf>,
    /// Ask about the skill's own policy.yaml, as if it were approved
    #[arg(long)]
    pub trust: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let questions = questions(args)?;
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    let entry = match (&args.entry, skill.entries.first()) {
        (None, Some(first)) => first.clone(),
        (entry, _) => super::run::entry(&skill, entry.as_deref())?,
    };
    let chosen = super::run::policy_in_force(&skill, args.policy.as_deref(), args.trust, &context.workspace)?;
    let sources: Vec<String> =
        chosen.policy.sources.iter().map(|source| source.display().to_string()).collect();
    let prepared = prepare(RunRequest {
        skill,
        entry,
        args: Vec::new(),
        input: Vec::new(),
        cwd: WorkingDirectory::default(),
        workspace: context.workspace.clone(),
        policy: chosen.policy,
        asked: chosen.asked,
        observe: Observe::Full,
        require_full: false,
    })?;
    let answers = questions.iter().map(|question| why::answer(&prepared, question));
    let answers: Vec<Answer> = answers.collect::<Result<_, _>>()?;
    let text = match args.format {
        Format::Text => answers.iter().map(|answer| shown(answer, &prepared.request.skill.path)).collect(),
        Format::Json => {
            let skill = &prepared.request.skill.name;
            let all = json!({
                "version": VERSION, "skill": skill, "policy": { "sources": sources }, "answers": answers,
            });
            format!("{all:#}\n")
        }
    };
    print(text.as_bytes())?;
    Ok(ExitCode::from(u8::from(answers.iter().any(|answer| !answer.allowed))))
}

fn questions(args: &Args) -> anyhow::Result<Vec<Question>> {
    let absolute = |path: &PathBuf| {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let path = match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.clone(),
        };
        std::path::absolute(&path).with_context(|| format!("{}: not a path", path.display()))
    };
    let mut questions = Vec::new();
    for path in &args.read {
        questions.push(Question::Read(absolute(path)?));
    }
    for path in &args.write {
        questions.push(Question::Write(absolute(path)?));
    }
    questions.extend(args.net.iter().cloned().map(Question::Net));
    for program in &args.run {
        let path = PathBuf::from(program);
        let program =
            if program.contains('/') { absolute(&path)?.display().to_string() } else { program.clone() };
        questions.push(Question::Run(program));
    }
    questions.extend(args.env.iter().cloned().map(Question::Env));
    if questions.is_empty() {
        bail!(
            "nothing is asked; add --read PATH, --write PATH, --net HOST:PORT, --run PROGRAM or --env NAME"
        );
    }
    Ok(questions)
}

/// An answer in the form of the report of a run.
fn shown(answer: &Answer, skill: &std::path::Path) -> String {
    const LONGEST: usize = 400;
    let mark = if answer.allowed { "✓ ALLOWED" } else { "✗ DENIED" };
    let mut text = format!("{mark} {} {}\n", answer.permission, one_line(&answer.target, LONGEST));
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name:<8}{}", one_line(value, LONGEST));
    };
    line("rule", &answer.rule);
    if let Some(closest) = &answer.closest {
        let at = closest.origin.as_ref().map_or(String::new(), |place| format!("{}: ", short(place, skill)));
        line("closest", &format!("{at}{}: [{}] {}", closest.permission, closest.written, closest.reason));
    }
    if let Some(asked) = &answer.asked {
        line("asked", asked);
    }
    for (index, remedy) in answer.remedy.iter().chain(&answer.alternatives).enumerate() {
        line(if index == 0 { "allow" } else { "or" }, &format!("{}: [{}]", remedy.permission, remedy.add));
    }
    if let Some(note) = &answer.note {
        line("note", note);
    }
    text
}

fn short(place: &Place, skill: &std::path::Path) -> String {
    format!("{}:{}", place.file.strip_prefix(skill).unwrap_or(&place.file).display(), place.line)
}
