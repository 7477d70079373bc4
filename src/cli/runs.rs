//! `skilldeck runs`: old runs from the journal, listed, shown, played again, compared, exported.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

use super::run::{Live, colour};
use super::{Context, Format, print};
use crate::journal::{self, Comparison, Head, Journal, Record, State, Summary, export};
use crate::report::terminal::one_line;
use crate::report::text::{self, Style};
use crate::skill::text::printable_source;

/// Version of the JSON forms.
const VERSION: u32 = 1;
/// Runs that are listed unless more are asked for.
const LISTED: usize = 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: Option<What>,
    /// How many runs are listed, the newest first
    #[arg(long, value_name = "N", default_value_t = LISTED)]
    pub last: usize,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Show a run as it ended: its output, then what was refused
    Show {
        /// Name of a run, a part of it, or `last`
        run: String,
    },
    /// Print a run's output again, in its own time
    Replay {
        /// Name of a run, a part of it, or `last`
        run: String,
        /// How many times faster
        #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
        speed: f64,
    },
    /// Say what differs between two runs
    Compare {
        /// The earlier run
        before: String,
        /// The later run
        #[arg(default_value = "last")]
        after: String,
        /// Output form
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print a run for other programs
    Export {
        /// Name of a run, a part of it, or `last`
        run: String,
        /// Its report, or a recording of its output for players of terminal sessions
        #[arg(long = "as", value_enum, default_value_t)]
        form: Form,
    },
    /// Forget runs
    Remove {
        /// Names of runs
        #[arg(required_unless_present = "all")]
        runs: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "runs")]
        all: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Form {
    /// The report, as `skilldeck run --format json` prints it
    #[default]
    Json,
    /// asciicast v2 (<https://docs.asciinema.org/manual/asciicast/v2/>)
    Asciicast,
}

fn speed(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "give a number, such as 2".to_owned())?;
    if factor.is_finite() && factor > 0.0 { Ok(factor) } else { Err("give a number above zero".to_owned()) }
}

pub(super) fn execute(args: &Args, _: &Context) -> anyhow::Result<ExitCode> {
    let journal = Journal::of_user();
    match &args.what {
        None => list(&journal, args),
        Some(What::Show { run }) => Ok(show(&read(&journal, run)?, None)),
        Some(What::Replay { run, speed }) => Ok(show(&read(&journal, run)?, Some(*speed))),
        Some(What::Compare { before, after, format }) => {
            let compared = journal::compare(&read(&journal, before)?, &read(&journal, after)?);
            match format {
                Format::Text => print(difference(&compared).as_bytes())?,
                Format::Json => {
                    print(format!("{:#}\n", json!({ "version": VERSION, "runs": compared })).as_bytes())?
                }
            };
            Ok(ExitCode::from(u8::from(!compared.is_same())))
        }
        Some(What::Export { run, form }) => {
            let record = read(&journal, run)?;
            match form {
                Form::Json => {
                    let report = export::report(&record).with_context(|| {
                        format!("{} was interrupted before there was a report", record.id)
                    })?;
                    print(report.as_bytes())
                }
                Form::Asciicast => print(export::asciicast(&record).as_bytes()),
            }
        }
        Some(What::Remove { runs, all }) => {
            let ids = if *all {
                journal.ids()
            } else {
                runs.iter().map(|run| journal.find(run)).collect::<Result<_, _>>()?
            };
            for id in &ids {
                journal.remove(id).with_context(|| format!("{id} cannot be removed"))?;
            }
            print(format!("{} removed\n", super::list::counted(ids.len(), "run")).as_bytes())
        }
    }
}

fn read(journal: &Journal, meant: &str) -> anyhow::Result<Record> {
    let id = journal.find(meant)?;
    journal.read(&id).with_context(|| format!("the run {id} cannot be read"))
}

fn list(journal: &Journal, args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(problem) = journal.problem() {
        eprintln!("warning: {problem}");
    }
    let mut records = Vec::new();
    for id in journal.ids().into_iter().take(args.last) {
        match journal.head(&id) {
            Ok(head) => records.push(head),
            Err(error) => eprintln!("warning: {id}: {error}; `skilldeck runs remove {id}` forgets it"),
        }
    }
    match args.format {
        Format::Json => {
            let runs: Vec<Json> = records.iter().map(as_json).collect();
            print(format!("{:#}\n", json!({ "version": VERSION, "runs": runs })).as_bytes())
        }
        Format::Text if records.is_empty() => print(b"no runs yet; `skilldeck run SKILL` makes one\n"),
        Format::Text => {
            let width = |text: &dyn Fn(&Head) -> String| {
                records.iter().map(|record| text(record).chars().count()).max().unwrap_or(0)
            };
            let what = |record: &Head| {
                let entry = record.start.entry.display();
                one_line(&format!("{} {entry}", record.start.skill), 60)
            };
            let wide = width(&what);
            let mut text = String::new();
            for record in &records {
                let (name, outcome) = (what(record), outcome(record.state, record.summary.as_ref()));
                let denials = record.summary.as_ref().map_or(0, |summary| summary.denials);
                let denied = match denials {
                    0 => String::new(),
                    count => format!(", {}", super::list::counted(count, "denial")),
                };
                let _ = writeln!(text, "{}  {name:<wide$}  {outcome}{denied}", record.id);
            }
            print(text.as_bytes())
        }
    }
}

fn outcome(state: State, summary: Option<&Summary>) -> String {
    match state {
        State::Running => "running".to_owned(),
        State::Interrupted => "interrupted: the program that started it went away".to_owned(),
        State::Ended => {
            let after = summary.map_or(0.0, |summary| summary.duration_ms) / 1000.0;
            let outcome = summary.and_then(|summary| summary.outcome.as_ref());
            format!("{} after {after:.2} s", one_line(&journal::outcome(outcome), 100))
        }
    }
}

fn as_json(record: &Head) -> Json {
    let summary = record.summary.as_ref();
    json!({
        "id": record.id,
        "skill": record.start.skill,
        "path": record.start.path.to_string_lossy(),
        "entry": record.start.entry.to_string_lossy(),
        "args": record.start.args,
        "started_at": record.start.started_at,
        "state": match record.state {
            State::Running => "running",
            State::Ended => "ended",
            State::Interrupted => "interrupted",
        },
        "outcome": summary.and_then(|summary| summary.outcome.as_ref()),
        "duration_ms": summary.map(|summary| summary.duration_ms),
        "denials": summary.map_or(0, |summary| summary.denials),
    })
}

/// Print a run as it was printed live, at once or in its own time.
fn show(record: &Record, speed: Option<f64>) -> ExitCode {
    let mut live = Live::new();
    let begun = Instant::now();
    for chunk in &record.chunks {
        if let Some(speed) = speed {
            std::thread::sleep(journal::due(chunk.at, speed).saturating_sub(begun.elapsed()));
        }
        if live.write(chunk.stream, &chunk.bytes).is_err() {
            // Nobody reads any more.
            return ExitCode::SUCCESS;
        }
    }
    live.end();
    if record.left_out > 0 {
        eprintln!("{} more were printed and not kept", crate::policy::summary::size(record.left_out));
    }
    let style = Style { colour: colour(std::io::stderr().is_terminal()) };
    match (&record.report, record.state) {
        (Some(report), State::Ended) => {
            eprint!("{}", text::summary(report, &record.start.path, style));
            eprint!("{}", text::writes(report, &record.start.path, style));
        }
        (report, _) => {
            eprintln!("{}", outcome(record.state, report.as_ref().map(Summary::of).as_ref()));
            if let Some(report) = report {
                eprint!("{}", text::summary(report, &record.start.path, style));
            }
        }
    }
    ExitCode::SUCCESS
}

fn difference(compared: &Comparison) -> String {
    let mut text = String::new();
    let mut line = |name: &str, before: String, after: String| {
        let sign = if before == after { " " } else { "→" };
        let _ = writeln!(text, "{name:<10} {before} {sign} {}", if before == after { "" } else { &after });
    };
    let shown = |text: &str| one_line(text, 120);
    line("outcome", shown(&compared.outcome.before), shown(&compared.outcome.after));
    let seconds = |ms: f64| format!("{:.2} s", ms / 1000.0);
    line("time", seconds(compared.duration_ms.before), seconds(compared.duration_ms.after));
    let cpu = |ms: u64| seconds(ms as f64);
    line("cpu", cpu(compared.cpu_ms.before), cpu(compared.cpu_ms.after));
    let size = crate::policy::summary::size;
    line("memory", size(compared.peak_memory_bytes.before), size(compared.peak_memory_bytes.after));
    line("processes", compared.peak_processes.before.to_string(), compared.peak_processes.after.to_string());
    for (sign, denials) in [("-", &compared.denials_lost), ("+", &compared.denials_gained)] {
        for denial in denials {
            let _ = writeln!(text, "{sign} DENIED {}", one_line(denial, 300));
        }
    }
    for (name, diff) in [("stdout", &compared.stdout), ("stderr", &compared.stderr)] {
        if let Some(diff) = diff {
            let _ = write!(text, "{name}\n{}", printable_source(diff));
        }
    }
    if compared.is_same() {
        text.push_str("both did the same\n");
    }
    text
}
