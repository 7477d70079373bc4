//! One case, run: staged, prepared and started as any other run, and judged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::expect::Ending;
use super::judge::{Mismatch, Seen, judge};
use super::stage::Stage;
use super::{Case, Places, PolicyChoice};
use crate::policy::{self, Policy, RunRule, Source};
use crate::run::prepare::prepare_for;
use crate::run::report::{Denial, Report};
use crate::run::{Recorder, RunRequest, Stop, WorkingDirectory, materialise_write_grants};
use crate::sandbox::Launcher;
use crate::sandbox::event::Level;
use crate::sandbox::plan::Observe;
use crate::skill::{self, Entry, Skill, schema};

/// Whether grants that reach out of the stage are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Only what stays within the copy of the skill and the case's workspace, and programs by name.
    Stage,
    /// All of the policy, and the user's variables that it grants.
    Whole,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub duration: Duration,
    /// Files and folders of the skill that the run looked at, relative to its folder, those too that were not there: a
    /// change of one of them can change the verdict.
    pub touched: BTreeSet<PathBuf>,
    /// What this machine's sandbox lacks, one sentence each: what is denied, and how programs hear of it, can differ then.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Passed,
    Failed(Vec<Mismatch>),
    /// It could not be run: why, and the next step.
    NotRun(String),
    Cancelled,
}

/// Bytes of each stream that are compared.
const KEEP_OUTPUT: usize = 16 * 1024 * 1024;

/// Run a case of `skill` and judge it.
pub fn run(case: &Case, skill: &Skill, launcher: &Launcher, trust: Trust, stop: &Stop) -> Outcome {
    let begun = Instant::now();
    let ended = |verdict| Outcome {
        verdict,
        duration: begun.elapsed(),
        touched: BTreeSet::new(),
        missing: Vec::new(),
    };
    if stop.is_stopped() {
        return ended(Verdict::Cancelled);
    }
    let stage = match Stage::set(case, skill) {
        Ok(stage) => stage,
        Err(error) => return ended(Verdict::NotRun(format!("it cannot be laid out: {error}"))),
    };
    let report = match report(case, &stage, launcher, trust, stop) {
        Ok(report) => report,
        Err(why) => {
            // Places in the stage mean nothing once it is gone.
            let staged = stage.places.skill.to_string_lossy();
            return ended(Verdict::NotRun(super::replace(&why, &staged, &skill.path.to_string_lossy())));
        }
    };
    let mut verdict = if stop.is_stopped() {
        Verdict::Cancelled
    } else {
        match judge(&case.expect, &seen(case, &stage, &report)) {
            mismatches if mismatches.is_empty() => Verdict::Passed,
            mismatches => Verdict::Failed(mismatches),
        }
    };
    let touched = touched(&report, &stage.places.skill);
    if let Err(left) = stage.clear() {
        let left = left.display();
        verdict = Verdict::NotRun(format!(
            "the run made more files and folders than can be removed in time; remove {left} by hand"
        ));
    }
    Outcome {
        touched,
        missing: if report.isolation.level == Level::Reduced { report.isolation.missing } else { Vec::new() },
        ..ended(verdict)
    }
}

fn report(
    case: &Case,
    stage: &Stage,
    launcher: &Launcher,
    trust: Trust,
    stop: &Stop,
) -> Result<Report, String> {
    let places = &stage.places;
    let staged = Arc::new(skill::read(&places.skill, places.skill.parent().unwrap_or(&places.skill)));
    let prepared = prepared(case, &staged, places, trust)?;
    materialise_write_grants(&prepared).map_err(|error| error.to_string())?;
    stage.give_away().map_err(|error| format!("it cannot be laid out: {error}"))?;
    let mut recorder = Recorder::new(&prepared, KEEP_OUTPUT);
    let mut handle =
        launcher.run(&prepared.plan).map_err(|error| format!("the sandbox cannot start: {error}"))?;
    let id = stop.begin(handle.canceller());
    while let Some(batch) = handle.events.blocking_recv() {
        for event in &batch {
            recorder.apply(event);
        }
    }
    stop.end(id);
    recorder.close();
    Ok(recorder.into_report())
}

fn prepared(
    case: &Case,
    staged: &Arc<Skill>,
    places: &Places,
    trust: Trust,
) -> Result<crate::run::Prepared, String> {
    let entry = entry(case, staged)?;
    let call = match &case.input {
        Some(input) => {
            schema::invocation(&schema::entry_tool(staged, &entry), &input.value).map_err(|wrong| {
                let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                format!("`input` in line {} does not fit: {}", input.span.line, wrong.join("; "))
            })?
        }
        None => schema::Invocation::default(),
    };
    let file = match &case.policy {
        PolicyChoice::File(file) => Some(places.skill.join(file)),
        _ => None,
    };
    let source = match (&case.policy, &file) {
        (PolicyChoice::Default, _) => Source::Default,
        (_, Some(file)) => Source::File(file),
        _ => Source::Own,
    };
    let chosen = policy::choose(staged, source, &policy::Places::new(&places.workspace))
        .map_err(|error| error.to_string())?;
    if trust == Trust::Stage
        && let Some(grant) = reaching_out(&chosen.policy, places)
    {
        return Err(format!(
            "{grant}, which reaches out of the case: it needs --trust (in the workbench: t)"
        ));
    }
    let caller = caller(case, &chosen.policy, trust);
    let stdin = case.stdin.as_ref().map(|text| places.fill(text).into_bytes());
    let request = RunRequest {
        skill: Arc::clone(staged),
        entry,
        args: call.argv.into_iter().chain(case.args.iter().cloned()).map(|arg| places.fill(&arg)).collect(),
        input: stdin.unwrap_or(call.stdin),
        cwd: case.cwd,
        workspace: places.workspace.clone(),
        policy: chosen.policy.tightened(&case.limits),
        asked: chosen.asked,
        observe: Observe::Full,
        require_full: false,
    };
    prepare_for(request, &caller).map_err(|error| error.to_string())
}

fn entry(case: &Case, skill: &Skill) -> Result<Entry, String> {
    match (&case.entry, skill.entries.as_slice()) {
        (Some(file), _) => skill
            .entry(&file.value)
            .cloned()
            .ok_or_else(|| format!("the skill has no entry {}; correct `entry`", file.value.display())),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("the skill has no script to run; put one into scripts/".to_owned()),
        (None, several) => Err(format!("the skill has {} entries; name one with `entry`", several.len())),
    }
}

/// The variables outside of the run, as the case sets them. The user's own would make a case pass on one machine only, and
/// are not the skill's to see.
fn caller(case: &Case, policy: &Policy, trust: Trust) -> BTreeMap<String, String> {
    let user = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
    let mut caller: BTreeMap<String, String> = ["PATH", "HOME"].into_iter().filter_map(user).collect();
    if trust == Trust::Whole {
        caller.extend(policy.env.iter().filter_map(|grant| user(&grant.value)));
    }
    caller.extend(case.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    caller
}

/// A grant that opens something outside of the stage, in words. Variables are not among them: the case sets them.
fn reaching_out(policy: &Policy, places: &Places) -> Option<String> {
    let inside = |path: &Path| path.starts_with(&places.skill) || path.starts_with(&places.workspace);
    // Every run sees these.
    let system = |path: &Path| path.starts_with("/usr");
    let read = policy.read.iter().find(|grant| !inside(&grant.value) && !system(&grant.value));
    let write = policy.write.iter().find(|grant| !inside(&grant.value));
    let outside = |rule: &RunRule| matches!(rule, RunRule::Path(path) if !inside(path) && !system(path));
    let run = policy.run.iter().find(|grant| outside(&grant.value));
    let say =
        |name: &str, origin: &policy::Origin, written: &str| format!("{origin} grants {name} {written}");
    read.map(|grant| say("read", &grant.origin, &grant.written))
        .or_else(|| write.map(|grant| say("write", &grant.origin, &grant.written)))
        .or_else(|| policy.net.first().map(|grant| say("net", &grant.origin, &grant.written)))
        .or_else(|| run.map(|grant| say("run", &grant.origin, &grant.written)))
}

fn seen(case: &Case, stage: &Stage, report: &Report) -> Seen {
    let places = &stage.places;
    let cut = |cut: bool| if cut { "\n(cut: too much output to compare)" } else { "" };
    let file = |root: WorkingDirectory, path: &Path| match root {
        WorkingDirectory::Skill => stage.text(&places.skill, path),
        _ => stage.text(&places.workspace, path),
    };
    Seen {
        ending: Ending::of(report.outcome.as_ref()),
        stdout: places.name(&report.stdout) + cut(report.stdout_truncated),
        stderr: places.name(&report.stderr) + cut(report.stderr_truncated),
        denials: denials(&report.denials, places),
        files: case.expect.files.iter().map(|expected| file(expected.root, &expected.path)).collect(),
    }
}

/// Each kind of refusal once, in order.
pub(super) fn denials(denials: &[Denial], places: &Places) -> Vec<String> {
    let line =
        |denial: &Denial| format!("{:?} ", denial.operation).to_lowercase() + &places.name(&denial.target);
    let lines: BTreeSet<String> = denials.iter().map(line).collect();
    lines.into_iter().collect()
}

fn touched(report: &Report, skill: &Path) -> BTreeSet<PathBuf> {
    let inside = |path: &Path| path.strip_prefix(skill).ok().map(Path::to_owned);
    report.files.iter().filter_map(|file| inside(&file.path)).collect()
}
