//! `skilldeck run`: one run in the sandbox, with live output or as a report.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod saving;
mod writes;

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{SigSet, Signal};

use super::input::Given;
use super::{Context, Failure, Format};
use crate::cases;
use crate::journal::{Journal, Writer};
use crate::policy::{self, Approvals, Chosen, Origin, Places, Source};
use crate::report::terminal::{self, Harmless};
use crate::report::text::{self, Style};
use crate::run::capture::{self, Writes};
use crate::run::report::Report;
use crate::run::{self, Prepared, Recorder, RunRequest, WorkingDirectory, prepare};
use crate::sandbox;
use crate::sandbox::event::{EventKind, Outcome, OutcomeKind, Stream};
use crate::sandbox::plan::Observe;
use crate::skill::schema::Invocation;
use crate::skill::{Entry, Skill};
use crate::workspace;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// The script to run, relative to the skill [default: the only one]
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    #[command(flatten)]
    pub given: Given,
    #[command(flatten)]
    pub options: Options,
}

/// How a run is held and told.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
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
    /// What becomes of what the script writes into granted folders
    #[arg(long, value_enum, default_value_t)]
    pub writes: Writes,
    /// Refuse to run with less than the whole sandbox
    #[arg(long, value_name = "LEVEL")]
    pub require: Option<Require>,
    /// Wall-clock limit, such as 30s, 500ms or 2m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Save the run as a case of this name in the skill's cases/
    #[arg(long, value_name = "NAME")]
    pub save_case: Option<String>,
    /// Replace a case of the same name
    #[arg(long, requires = "save_case")]
    pub force: bool,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Require {
    Full,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
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

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    let entry = entry(&skill, args.entry.as_deref())?;
    let call = args.given.call(&skill, &entry)?;
    carry_out(request(&args.options, context, skill, entry, call)?, &args.options, context)
}

/// One run from its plan to its exit status, told as the options say.
pub(super) fn carry_out(request: RunRequest, args: &Options, context: &Context) -> anyhow::Result<ExitCode> {
    if let Some(name) = &args.save_case {
        // Better now than after the run.
        cases::can_save(&request.skill, name, args.force)?;
    }
    let mut prepared = prepare(request)?;
    let capturing = match args.writes {
        Writes::Direct => run::materialise_write_grants(&prepared).map(|()| None),
        Writes::Review | Writes::Keep => capture::arrange(&mut prepared).map(Some),
    }?;
    for note in &prepared.notes {
        eprintln!("note: {}", terminal::one_line(note, 400));
    }
    let (mut report, layers, writer) = start(args, context, &prepared)?;
    let captured =
        capturing.and_then(|capturing| writes::collect(capturing, layers.as_ref(), args.writes, &mut report));
    let style = Style { colour: colour(std::io::stderr().is_terminal()) };
    if args.format == Format::Text {
        eprint!("{}", text::summary(&report, &prepared.request.skill.path, style));
    }
    if let Some(captured) = &captured {
        match args.writes {
            Writes::Keep => writes::keep(captured, &mut report),
            _ => writes::review(captured, &mut report, args.format == Format::Text),
        }
    }
    if let Some(Err(error)) = writer.map(|writer| writer.end(&report)) {
        eprintln!("note: {}", not_written_down(&error));
    }
    let journal = Journal::of_user();
    journal.tidy();
    if let Some(problem) = journal.problem() {
        eprintln!("warning: {problem}");
    }
    let saved = args.save_case.as_deref().map(|name| saving::save(name, args.force, &prepared, &report));
    match args.format {
        Format::Text => eprint!("{}", text::writes(&report, &prepared.request.skill.path, style)),
        Format::Json => print_json(&report)?,
    }
    // The run has been, and its report is out.
    saved.transpose()?;
    if report.outcome.as_ref().is_some_and(|outcome| outcome.code == Some(0))
        && writes::is_incomplete(&report)
    {
        return Ok(ExitCode::from(125));
    }
    Ok(exit_code(report.outcome.as_ref()))
}

/// Everything that a run needs to know, from the command line.
pub(super) fn request(
    args: &Options,
    context: &Context,
    skill: Arc<Skill>,
    entry: Entry,
    call: Invocation,
) -> anyhow::Result<RunRequest> {
    let mut chosen = policy_in_force(&skill, args.policy.as_deref(), args.trust, &context.workspace)?;
    if let Some(wall) = args.timeout {
        chosen.policy.limits.wall = wall;
        chosen.policy.limit_origins.retain(|(name, _)| *name != "wall");
        chosen.policy.limit_origins.push(("wall", Origin::Flag("--timeout")));
    }
    Ok(RunRequest {
        skill,
        entry,
        args: call.argv,
        input: call.stdin,
        cwd: args.cwd,
        workspace: context.workspace.clone(),
        policy: chosen.policy,
        asked: chosen.asked,
        observe: args.observe,
        require_full: args.require == Some(Require::Full),
    })
}

/// The policy that the options put in force; what is odd about it is said on stderr.
pub(super) fn policy_in_force(
    skill: &Skill,
    file: Option<&Path>,
    trust: bool,
    workspace: &Path,
) -> anyhow::Result<Chosen> {
    let approvals = Approvals::of_user();
    let source = match (file, trust) {
        (Some(file), _) => Source::File(file),
        (None, true) => Source::Own,
        (None, false) => Source::Approved(&approvals),
    };
    let chosen = policy::choose(skill, source, &Places::new(workspace))?;
    for found in &chosen.diagnostics {
        let (file, span) = (found.file.display(), found.span);
        let text = format!("{file}:{}:{}: {}; {}", span.line, span.column, found.message, found.help);
        eprintln!("warning: {}", terminal::one_line(&text, 600));
    }
    Ok(chosen)
}

/// The entry that was asked for, or the only one: never a guess.
pub(super) fn entry(skill: &Skill, wanted: Option<&Path>) -> anyhow::Result<Entry> {
    let list = || {
        let names: Vec<String> = skill.entries.iter().map(|entry| entry.file.display().to_string()).collect();
        terminal::one_line(&names.join(", "), 400)
    };
    match (wanted, skill.entries.as_slice()) {
        (_, []) => {
            bail!("{} has no script to run; put one into {}/scripts", skill.name, skill.path.display())
        }
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            bail!("{} has {} entries: {}; choose one with --entry FILE", skill.name, several.len(), list())
        }
        (Some(file), _) => match skill.entry(file) {
            Some(entry) => Ok(entry.clone()),
            None => bail!("{} has no entry {}; there is {}", skill.name, file.display(), list()),
        },
    }
}

/// Start the run and follow it to its end.
fn start(
    args: &Options,
    context: &Context,
    prepared: &Prepared,
) -> anyhow::Result<(Report, Option<sandbox::Captured>, Option<Writer>)> {
    let signals = block_signals();
    let mut recorder = Recorder::new(prepared, KEEP_OUTPUT);
    let mut handle = context
        .launcher
        .run(&prepared.plan)
        .map_err(|error| Failure::new(format!("the sandbox cannot start: {error}"), 125))?;
    // Once the program is on its way: its start waits for nothing that is not needed.
    let mut writer = Journal::of_user().begin(prepared, None).unwrap_or_else(|error| {
        eprintln!("note: {}", not_written_down(&error));
        None
    });
    let cancel = handle.canceller();
    let on_signal = cancel.clone();
    stop_on(signals, move || on_signal.cancel());
    let mut live = (args.format == Format::Text).then(Live::new);
    while let Some(batch) = handle.events.blocking_recv() {
        if let Some(writer) = &mut writer {
            writer.apply(&batch);
        }
        for event in &batch {
            recorder.apply(event);
            if let (Some(live), EventKind::Output { stream, bytes }) = (&mut live, &event.kind)
                && live.write(*stream, bytes).is_err()
            {
                // Nobody reads any more (`skilldeck run … | head`).
                cancel.cancel();
            }
        }
        if let Some(writer) = &mut writer {
            writer.changed(recorder.report());
        }
    }
    if let Some(live) = &live {
        live.end();
    }
    recorder.close();
    if let Some(writer) = &mut writer {
        writer.report(recorder.report());
    }
    Ok((recorder.into_report(), handle.take_captured(), writer))
}

fn not_written_down(error: &std::io::Error) -> String {
    format!("this run is not written down: {error}; SKILLDECK_JOURNAL=off switches the journal off")
}

/// Bytes of each stream that the report keeps.
const KEEP_OUTPUT: usize = 16 * 1024 * 1024;

/// Signals that end the run instead of this program, so that the report is still written.
pub(super) fn block_signals() -> SigSet {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    // Blocked before any thread starts, so that all inherit it and only the waiting one sees them.
    let _ = signals.thread_block();
    signals
}

/// The first signal ends what runs, a second one ends this program at once.
pub(super) fn stop_on(signals: SigSet, stop: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            if writes::ASKING.load(Ordering::Relaxed) {
                // The answer is no.
                std::process::exit(128 + signal as i32);
            }
            stop();
        }
        if let Ok(signal) = signals.wait() {
            std::process::exit(128 + signal as i32);
        }
    });
}

/// Shows output while the run goes on: harmless on a terminal, unchanged into files and pipes.
pub(super) struct Live {
    stdout: Option<Harmless>,
    stderr: Option<Harmless>,
    /// Whether colours were passed on to a terminal.
    coloured: bool,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            stdout: std::io::stdout().is_terminal().then(Harmless::default),
            stderr: std::io::stderr().is_terminal().then(Harmless::default),
            coloured: false,
        }
    }

    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
        let filter = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let bytes = match filter {
            Some(filter) => {
                let bytes = filter.filter(bytes);
                self.coloured |= bytes.contains(&0x1b);
                Cow::Owned(bytes)
            }
            None => Cow::Borrowed(bytes),
        };
        match stream {
            Stream::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()
            }
            Stream::Stderr => std::io::stderr().lock().write_all(&bytes),
        }
    }

    /// Back to plain text: what the skill left on, such as concealed, would apply to our own summary too.
    pub(super) fn end(&self) {
        let mut out = std::io::stdout().lock();
        if self.coloured && self.stdout.is_some() {
            let _ = out.write_all(b"\x1b[0m").and_then(|()| out.flush());
        }
        if self.coloured && self.stderr.is_some() {
            let _ = std::io::stderr().lock().write_all(b"\x1b[0m");
        }
    }
}

/// Colour on a terminal, unless the user said no (<https://no-color.org>).
pub(super) fn colour(terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn print_json(report: &Report) -> anyhow::Result<()> {
    // Whole or not at all: half a report would look like JSON that broke on the way.
    let mut text = serde_json::to_vec_pretty(report).context("the report cannot be written as JSON")?;
    text.push(b'\n');
    match std::io::stdout().lock().write_all(&text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("the report cannot be written")
        }
        _ => Ok(()),
    }
}

/// The skill's own status when it exited; 124 on a limit or timeout; 125 when the sandbox failed; 128+n on signal n.
fn exit_code(outcome: Option<&Outcome>) -> ExitCode {
    let Some(outcome) = outcome else { return ExitCode::from(125) };
    let code = match outcome.kind {
        OutcomeKind::Exited => outcome.code.unwrap_or(125),
        OutcomeKind::Limit | OutcomeKind::Timeout => 124,
        OutcomeKind::Failed => 125,
        OutcomeKind::Cancelled => 128 + Signal::SIGINT as i32,
        OutcomeKind::Signaled => {
            let signal = outcome.signal.as_deref().and_then(|name| Signal::from_str(name).ok());
            signal.map_or(125, |signal| 128 + signal as i32)
        }
    };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
