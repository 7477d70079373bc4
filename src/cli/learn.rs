//! `skilldeck learn`: the least policy under which an entry does its work, found out by running it in rounds.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod text;

pub(super) use text::diff;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use super::input::Given;
use super::run::{self, Require, block_signals, colour, stop_on};
use super::{Context, Format, print};
use crate::learn::{Allow, Bounds, Ended, Learned, Lesson, Lessons, Progress, Proposal, proposal, words};
use crate::policy::{self, Approvals, FILE_NAME, Places, Remedy};
use crate::report::terminal;
use crate::report::text::Style;
use crate::run::report::Denial;
use crate::run::{Stop, WorkingDirectory};
use crate::workspace;

/// Version of the JSON form.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// The script to learn from, relative to the skill [default: the only one]
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    #[command(flatten)]
    pub given: Given,
    /// Write what was learned into the policy file, and approve it
    #[arg(long)]
    pub apply: bool,
    /// Let requests go out, to the hosts that are granted or asked for
    #[arg(long)]
    pub net: bool,
    /// Where writes cannot be captured: let them change this machine
    #[arg(long)]
    pub host_writes: bool,
    /// Most rounds
    #[arg(long, value_name = "N", default_value_t = Bounds::default().rounds, value_parser = rounds)]
    pub rounds: usize,
    /// Most time for all rounds together, such as 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = run::duration)]
    pub time: Option<Duration>,
    /// Wall-clock limit of each round
    #[arg(long, value_name = "TIME", value_parser = run::duration)]
    pub timeout: Option<Duration>,
    /// Where the script starts
    #[arg(long, value_enum, default_value_t)]
    pub cwd: WorkingDirectory,
    /// Begin with this policy file, and propose changes to it
    #[arg(long, value_name = "FILE", conflicts_with = "trust")]
    pub policy: Option<PathBuf>,
    /// Begin with the skill's own policy.yaml in force
    #[arg(long)]
    pub trust: bool,
    /// Refuse to run with less than the whole sandbox
    #[arg(long, value_name = "LEVEL")]
    pub require: Option<Require>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rounds @ 1..=100) => Ok(rounds),
        _ => Err("give a number from 1 to 100".to_owned()),
    }
}

/// 0 when a run under the proposal meets no refusal, 1 when something is left to decide or it did not settle, 125 when the
/// sandbox failed, 130 when it was cancelled.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    let entry = run::entry(&skill, args.entry.as_deref())?;
    let call = args.given.call(&skill, &entry)?;
    let options = run::Options {
        cwd: args.cwd,
        policy: args.policy.clone(),
        trust: args.trust,
        timeout: args.timeout,
        require: args.require,
        ..run::Options::default()
    };
    let signals = block_signals();
    let request = run::request(&options, context, skill.clone(), entry, call)?;
    let mut lessons = Lessons::of(request);
    if let Some(file) = &args.policy {
        lessons.file = std::path::absolute(file)?;
    }
    lessons.allow = Allow { net: args.net, host_writes: args.host_writes };
    lessons.bounds = Bounds { rounds: args.rounds, time: args.time.unwrap_or(Bounds::default().time) };
    let before = before(&lessons)?;

    let (stop, style) = (Stop::default(), Style { colour: colour(std::io::stderr().is_terminal()) });
    let on_signal = stop.clone();
    stop_on(signals, move || on_signal.stop());
    let said = args.format == Format::Text;
    if said {
        eprint!("{}", text::head(&lessons, style));
    }
    let mut tell = |progress: Progress<'_>| {
        if let (true, Progress::Ended(round)) = (said, &progress) {
            eprint!("{}", text::round(round, &skill.path, style));
        }
    };
    let (learned, notes) = crate::learn::learn(&lessons, &context.launcher, &stop, &mut tell);
    let places = Places::new(&context.workspace);
    let (proposal, unwritable) = Proposal::of(&lessons.file, before, &learned.lessons, &places);
    let also = match &proposal.before {
        Some(text) => {
            proposal::also_asked(&lessons.file, text, &learned.lessons, &lessons.request.policy, &places)
        }
        None => Vec::new(),
    };
    let told = Told { lessons: &lessons, learned, proposal, unwritable, also, notes };
    if said {
        let style = Style { colour: colour(std::io::stdout().is_terminal()) };
        print(text::proposal(&told, style).as_bytes())?;
    }
    let applied = if args.apply { told.apply(said)? } else { None };
    if !said {
        print(format!("{:#}\n", told.as_json(applied)).as_bytes())?;
    }
    Ok(told.exit_code())
}

/// The policy file as it is; `None` when it is not there.
fn before(lessons: &Lessons) -> anyhow::Result<Option<String>> {
    match policy::text(&lessons.file) {
        Ok(text) => {
            let places = Places::new(&lessons.request.workspace);
            if let Some(error) = policy::parse(&text, &lessons.file, &places)
                .diagnostics
                .iter()
                .find(|found| found.severity == crate::skill::Severity::Error)
            {
                anyhow::bail!(
                    "{}:{}:{}: {}; {}",
                    lessons.file.display(),
                    error.span.line,
                    error.span.column,
                    error.message,
                    error.help
                );
            }
            Ok(Some(text))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", lessons.file.display())),
    }
}

/// Everything that there is to say.
struct Told<'a> {
    lessons: &'a Lessons,
    learned: Learned,
    proposal: Proposal,
    /// Grants that the file could not be given, and why.
    unwritable: Vec<(Remedy, String)>,
    /// What the file asks for beyond what was learned, when it is not in force.
    also: Vec<Remedy>,
    notes: Vec<String>,
}

impl Told<'_> {
    /// Write the proposal and put it in force. Says what was done.
    fn apply(&self, said: bool) -> anyhow::Result<Option<&'static str>> {
        let own = self.lessons.file.file_name().is_some_and(|name| name == FILE_NAME)
            && self.lessons.file.parent() == Some(&self.lessons.request.skill.path);
        if self.learned.ended != Ended::Settled {
            if said {
                eprintln!("nothing was written: it did not settle");
            }
            return Ok(None);
        }
        if self.proposal.is_empty() && !(own && self.asks_already()) {
            return Ok(None);
        }
        let mut done = "written";
        if !self.proposal.is_empty() {
            self.proposal.write()?;
        }
        if own {
            let places = Places::new(&self.lessons.request.workspace);
            proposal::approve(&self.lessons.request.skill.path, &Approvals::of_user(), &places)
                .with_context(|| "the policy file was written, but the approval cannot be kept")?;
            done = if self.proposal.is_empty() { "approved" } else { "written and approved" };
        }
        if said {
            let file = terminal::one_line(&self.lessons.file.display().to_string(), 400);
            print(format!("{done}: {file}\n").as_bytes())?;
        }
        Ok(Some(done))
    }

    /// The file asks for all that was learned: nothing but the approval is missing.
    fn asks_already(&self) -> bool {
        self.proposal.is_empty() && self.learned.lessons.iter().any(|lesson| lesson.held.is_none())
    }

    fn exit_code(&self) -> ExitCode {
        match &self.learned.ended {
            Ended::Failed(_) => ExitCode::from(125),
            Ended::Cancelled => ExitCode::from(130),
            Ended::Settled => {
                let left = words::left(&self.learned).is_some() || !self.unwritable.is_empty();
                ExitCode::from(u8::from(left))
            }
            _ => ExitCode::from(1),
        }
    }

    fn as_json(&self, applied: Option<&str>) -> Json {
        let learned = &self.learned;
        let rounds = learned.rounds.iter().map(|round| {
            json!({
                "round": round.number,
                "outcome": round.outcome,
                "duration_ms": round.duration.as_millis() as u64,
                "denials": round.denials,
                "confirms": round.confirms,
                "learned": round.learned.iter().map(|lesson| &lesson.remedy).collect::<Vec<_>>(),
            })
        });
        let wider = proposal::wider(&learned.lessons);
        let wider = wider.iter().map(|wide| json!({ "add": wide.remedy, "instead_of": wide.instead_of }));
        let undecided = learned.undecided.iter().map(|undecided| {
            let mut json = self.denial(&undecided.denial);
            json["reason"] = undecided.reason.clone().into();
            json["remedy"] = json!(undecided.denial.remedy);
            json
        });
        let left_out = learned.left_out.iter().map(|(lesson, why)| {
            let mut json = self.lesson(lesson);
            json["reason"] = why.clone().into();
            json
        });
        json!({
            "version": VERSION,
            "skill": self.lessons.request.skill.name,
            "entry": self.lessons.request.entry.file,
            "ended": { "settled": learned.ended == Ended::Settled, "message": learned.ended.text() },
            "notes": self.notes,
            "rounds": rounds.collect::<Vec<_>>(),
            "file": self.lessons.file,
            "diff": self.proposal.diff(),
            "grants": learned.lessons.iter().map(|lesson| self.lesson(lesson)).collect::<Vec<_>>(),
            "wider": wider.collect::<Vec<_>>(),
            "undecided": undecided.collect::<Vec<_>>(),
            "refused": learned.refused.iter().map(|denial| self.denial(denial)).collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
            "unwritable": self.unwritable.iter().map(|(remedy, why)| json!({ "remedy": remedy, "reason": why })).collect::<Vec<_>>(),
            "also_asked": self.also,
            "applied": applied,
        })
    }

    fn lesson(&self, lesson: &Lesson) -> Json {
        let mut json = self.denial(&lesson.denial);
        json["permission"] = lesson.remedy.permission.clone().into();
        json["add"] = lesson.remedy.add.clone().into();
        json["round"] = lesson.round.into();
        json["further_denials"] = lesson.further.into();
        json["alternatives"] = json!(lesson.denial.alternatives);
        json["held"] = json!(lesson.held);
        json["wide"] = json!(words::wide(lesson));
        json
    }

    fn denial(&self, denial: &Denial) -> Json {
        let skill = &self.lessons.request.skill.path;
        let frame = words::frame(denial, skill);
        json!({
            "why": words::why(denial, skill),
            "operation": denial.operation,
            "target": denial.target,
            "rule": denial.rule,
            "file": frame.map(|frame| frame.file.to_string_lossy()),
            "line": frame.map(|frame| frame.line),
        })
    }
}
