//! `skilldeck test`: the saved cases of skills, run and judged, for people and for continuous integration.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod formats;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use annotate_snippets::Renderer;
use clap::ValueEnum;

use super::check::text as findings;
use super::list::write_out;
use super::{Context, run as run_command};
use crate::cases::{self, Case, Outcome, Stop, Trust, Verdict};
use crate::report::terminal;
use crate::report::text::Style;
use crate::skill::text::{did_you_mean, printable_source};
use crate::skill::{self, Diagnostic, Severity, Skill};
use crate::workspace::{self, Workspace};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of skills, or their paths [default: all skills of the workspace]
    #[arg(value_name = "SKILL")]
    pub names: Vec<String>,
    /// Only the case of this name; may be given several times
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
    /// Put grants in force that reach out of a case: the network, other folders, your variables
    #[arg(long)]
    pub trust: bool,
    /// Only the part K of N of all cases, to share them out to several machines
    #[arg(long, value_name = "K/N", value_parser = partition)]
    pub partition: Option<(u64, u64)>,
    /// Cases that run at once [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Form,
}

/// For people, or for the programs that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Form {
    #[default]
    Text,
    Json,
    /// XML as JUnit writes it
    Junit,
}

fn partition(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((k, n)) if (1..=n).contains(&k) => Ok((k, n)),
        _ => Err("give a part and the number of parts, such as 1/4".to_owned()),
    }
}

/// A case that ran, or did not.
struct Ended {
    skill: Arc<Skill>,
    case: Case,
    outcome: Outcome,
}

/// What came of all of them.
struct Tally {
    results: Vec<Ended>,
    /// Skills without cases.
    without: Vec<Arc<Skill>>,
    duration: Duration,
}

impl Tally {
    fn count(&self, of: impl Fn(&Verdict) -> bool) -> usize {
        self.results.iter().filter(|result| of(&result.outcome.verdict)).count()
    }

    /// What the sandbox of this machine lacks.
    fn missing(&self) -> &[String] {
        let mut reduced = self.results.iter().filter(|result| !result.outcome.missing.is_empty());
        reduced.next().map_or(&[], |result| &result.outcome.missing)
    }

    fn passed(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    fn not_run(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::NotRun(_)))
    }

    fn cancelled(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Cancelled)
    }
}

/// Exit status 1 when a case fails or cannot be run, 2 when a file of cases has an error, 130 when it was interrupted.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let signals = run_command::block_signals();
    let stop = Stop::default();
    let on_signal = stop.clone();
    run_command::stop_on(signals, move || on_signal.stop());

    let mut without = Vec::new();
    let mut wanted: Vec<(Arc<Skill>, Case)> = Vec::new();
    let mut problems: Vec<Diagnostic> = Vec::new();
    for skill in skills(args, context)? {
        let loaded = cases::load(&skill);
        if loaded.cases.is_empty() && loaded.diagnostics.is_empty() {
            without.push(Arc::clone(&skill));
        }
        wanted.extend(loaded.cases.into_iter().map(|case| (Arc::clone(&skill), case)));
        problems.extend(loaded.diagnostics);
    }
    tell(&problems);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Ok(ExitCode::from(2));
    }
    if !args.cases.is_empty() {
        named(&args.cases, &mut wanted)?;
    }
    if let Some((number, parts)) = args.partition {
        wanted.retain(|(skill, case)| case.is_in_partition(&skill.name, number, parts));
    }

    let begun = Instant::now();
    let results = run_all(args, context, wanted, &stop)?;
    let tally = Tally { results, without, duration: begun.elapsed() };
    if let Some(missing) = tally.missing().first() {
        let missing = terminal::one_line(missing, 400);
        eprintln!(
            "note: the sandbox is reduced on this machine, so denials and messages can differ: {missing}; `skilldeck doctor` says more"
        );
    }
    match args.format {
        Form::Text => write_out(&last_lines(&tally))?,
        Form::Json => write_out(&formats::json(&tally))?,
        Form::Junit => write_out(&formats::junit(&tally))?,
    }
    Ok(match (tally.cancelled(), tally.passed() == tally.results.len()) {
        (0, true) => ExitCode::SUCCESS,
        (0, false) => ExitCode::from(1),
        _ => ExitCode::from(130),
    })
}

fn skills(args: &Args, context: &Context) -> anyhow::Result<Vec<Arc<Skill>>> {
    if args.names.is_empty() {
        return Ok(Workspace::load(&context.workspace, &context.skills).skills);
    }
    let mut found: Vec<Arc<Skill>> = Vec::new();
    for name in &args.names {
        let skill = workspace::find(&context.workspace, &context.skills, name)?;
        if !found.iter().any(|have| have.path == skill.path) {
            found.push(skill);
        }
    }
    Ok(found)
}

/// What is wrong with files of cases, each with its line.
fn tell(problems: &[Diagnostic]) {
    let renderer = if std::io::stderr().is_terminal() && findings::has_colour() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    for problem in problems {
        eprintln!("{}\n", findings::render(problem, &skill::source(&problem.file), &renderer));
    }
}

/// Keep the cases of these names.
fn named(names: &[String], wanted: &mut Vec<(Arc<Skill>, Case)>) -> anyhow::Result<()> {
    for name in names {
        if !wanted.iter().any(|(_, case)| case.name == *name) {
            let near = did_you_mean(name, wanted.iter().map(|(_, case)| case.name.as_str()));
            let next = near.map_or_else(
                || "`skilldeck test` without --case runs all".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            anyhow::bail!("no case is named `{name}`; {next}");
        }
    }
    wanted.retain(|(_, case)| names.contains(&case.name));
    Ok(())
}

/// Run the cases, some at once, and print each as it ends. The answer is in their own order.
fn run_all(
    args: &Args,
    context: &Context,
    wanted: Vec<(Arc<Skill>, Case)>,
    stop: &Stop,
) -> anyhow::Result<Vec<Ended>> {
    let trust = if args.trust { Trust::Whole } else { Trust::Stage };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(processors, usize::from).min(wanted.len());
    let style = Style { colour: run_command::colour(std::io::stdout().is_terminal()) };
    let next = AtomicUsize::new(0);
    let (ended, news) = mpsc::channel::<(usize, Outcome)>();
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        for _ in 0..jobs {
            let (ended, next, wanted) = (ended.clone(), &next, &wanted);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((skill, case)) = wanted.get(at) else { return };
                    let outcome = cases::run(case, skill, &context.launcher, trust, stop);
                    if ended.send((at, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ended);
        for (at, outcome) in news {
            if args.format == Form::Text {
                let (skill, case) = &wanted[at];
                let told = write_out(&line(skill, case, &outcome, style));
                if told.is_err() {
                    stop.stop();
                }
                told?;
            }
            outcomes.insert(at, outcome);
        }
        Ok(())
    })?;
    let cases = wanted.into_iter().zip(outcomes.into_values());
    Ok(cases.map(|((skill, case), outcome)| Ended { skill, case, outcome }).collect())
}

/// `✓ todo-report: counts the notes  0.12 s`, and what went wrong.
fn line(skill: &Skill, case: &Case, outcome: &Outcome, style: Style) -> String {
    let name = terminal::one_line(&format!("{}: {}", skill.name, case.name), 200);
    let seconds = outcome.duration.as_secs_f64();
    let place = |line: usize| format!("{}:{line}", findings::display_path(&case.file));
    match &outcome.verdict {
        Verdict::Passed => {
            format!("{} {name}  {}\n", style.good("✓"), style.quiet(&format!("{seconds:.2} s")))
        }
        Verdict::Failed(mismatches) => {
            let mut text =
                format!("{}  {}\n", style.bad(&format!("✗ {name}")), style.quiet(&format!("{seconds:.2} s")));
            for mismatch in mismatches {
                let check = terminal::one_line(&mismatch.check, 200);
                let _ = writeln!(text, "    {}  {check}", place(mismatch.line));
                for line in mismatch.diff.lines() {
                    let _ = writeln!(text, "    {}", diff_line(line, style));
                }
            }
            text
        }
        Verdict::NotRun(why) => {
            let mut text = style.bad(&format!("! {name}: not run")) + "\n";
            for line in why.lines() {
                let _ = writeln!(text, "    {}", terminal::one_line(line, 600));
            }
            text
        }
        Verdict::Cancelled => format!("{}\n", style.warning(&format!("- {name}: cancelled"))),
    }
}

fn diff_line(line: &str, style: Style) -> String {
    let shown = printable_source(line);
    match line.as_bytes().first() {
        Some(b'-') => style.bad(&shown),
        Some(b'+') => style.good(&shown),
        _ => shown.into_owned(),
    }
}

fn last_lines(tally: &Tally) -> String {
    let mut text = String::new();
    if !tally.without.is_empty() {
        let names: Vec<&str> = tally.without.iter().map(|skill| skill.name.as_str()).collect();
        let _ = writeln!(text, "no cases: {}", terminal::one_line(&names.join(", "), 2000));
    }
    if tally.results.is_empty() {
        return text + "no case was run; `skilldeck run SKILL --save-case NAME` writes one\n";
    }
    let counts = [
        (tally.passed(), "passed"),
        (tally.failed(), "failed"),
        (tally.not_run(), "not run"),
        (tally.cancelled(), "cancelled"),
    ];
    let counts = counts.iter().filter(|(count, word)| *count > 0 || *word == "passed");
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let cases = super::list::counted(tally.results.len(), "case");
    text + &format!("{cases}: {} in {:.2} s\n", counts.join(", "), tally.duration.as_secs_f64())
}
