//! Runs: starting, cancelling, following what they tell, allowing what they were refused.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::Request;
use crate::run::log::OutputLog;
use crate::run::report::MissingModule;
use crate::sandbox::event::{Operation, UsageSample, Verdict};
use crate::sandbox::plan::Limits;
use crate::skill::{Entry, Skill};
use crate::tui::action::{PolicyDone, RunNews};
use crate::tui::effect::{Effect, StartRun};
use crate::tui::state::trace::Trace;
use crate::tui::state::{
    Cause, Layer, Level, Pane, QueuedRun, RunId, RunInput, RunView, Scroll, Stage, State, Tab,
};

/// How many finished runs keep their output; older ones keep only their report.
const KEEP_OUTPUT: usize = 4;

/// Run the chosen entry with what was entered for it. A run under way is ended first, and this one follows it.
pub(super) fn start(state: &mut State) -> Vec<Effect> {
    let Some(skill) = state.skill().cloned() else { return Vec::new() };
    let Some(entry) = state.entry().cloned() else {
        if skill.entries.is_empty() {
            state.say(Level::Warning, "this skill has no script to run");
        } else {
            super::popup::open_entries(state, true);
        }
        return Vec::new();
    };
    let Some(input) = entered(state) else { return Vec::new() };
    launch(state, skill, entry, input, None)
}

/// What was entered for the chosen entry. When that is not complete, or nothing was and the entry needs something,
/// the form opens where something is wrong.
pub(super) fn entered(state: &mut State) -> Option<RunInput> {
    match state.entered().map(|form| form.judged.clone()) {
        None if state.needs_input() => {
            super::form::open_at_problem(state);
            None
        }
        None => Some(RunInput::default()),
        Some(Ok(input)) => Some(input),
        Some(Err(_)) => {
            super::form::open_at_problem(state);
            None
        }
    }
}

/// Run once more what ran last, whatever was entered since.
pub(super) fn again(state: &mut State, cause: Option<Cause>) -> Vec<Effect> {
    let Some(skill) = state.skill().cloned() else { return Vec::new() };
    let entry =
        state.run().and_then(|run| skill.entries.iter().find(|entry| entry.file == run.entry)).cloned();
    match (entry, state.run().map(|run| run.input.clone())) {
        (Some(entry), Some(input)) => launch(state, skill, entry, input, cause),
        _ => Vec::new(),
    }
}

/// Start it, or have it wait for the end of the run under way.
fn launch(
    state: &mut State,
    skill: Arc<Skill>,
    entry: Entry,
    input: RunInput,
    cause: Option<Cause>,
) -> Vec<Effect> {
    let Some(_) = &entry.interpreter.program else {
        let (name, file) = (entry.interpreter.language.name(), entry.file.display());
        let text =
            format!("interpreter not found: {name} is needed to run {file}; install it or put it on PATH");
        state.say(Level::Warning, text);
        return Vec::new();
    };
    let by_key = cause.is_none();
    if by_key {
        // Back to now.
        super::history::close(state);
    }
    if let Some(running) = state.running() {
        let id = running.id;
        state.queued_run = Some(QueuedRun { skill: skill.path.clone(), entry: entry.file, input, cause });
        state.runs.values_mut().filter(|run| run.id == id).for_each(|run| run.cancelling = true);
        return vec![Effect::CancelRun(id)];
    }
    let facts = state.facts.entry(skill.path.clone()).or_default();
    let approved = facts.request.as_ref().is_some_and(|request| request.approved);
    let (arguments, stdin) = (input.arguments.clone(), input.stdin.clone());
    if !state.prepares() {
        state.preparation = None;
    }
    let id = RunId(state.next_run);
    state.next_run += 1;
    state.runs.insert(
        skill.path.clone(),
        RunView {
            id,
            entry: entry.file.clone(),
            input,
            approved,
            cause: cause.clone(),
            record: None,
            stage: Stage::Starting,
            cancelling: false,
            limits: Limits::default(),
            report: None,
            stdout: OutputLog::default(),
            stderr: OutputLog::default(),
            usage: UsageSample::default(),
            elapsed: Duration::ZERO,
            trace: Trace::default(),
        },
    );
    forget_old_output(state);
    if state.old_run().is_none() {
        state.run_tab.stdout = Scroll::default();
        state.run_tab.stderr = Scroll::default();
        state.run_tab.output = Scroll::default();
        state.run_tab.findings = Scroll::default();
    }
    if by_key {
        state.tab = Tab::Run;
        if !matches!(state.focus, Pane::Stdout | Pane::Stderr | Pane::Output | Pane::Findings) {
            state.focus = Pane::Findings;
        }
    }
    vec![Effect::StartRun(Box::new(StartRun {
        id,
        skill,
        entry,
        arguments,
        stdin,
        workspace: state.place.workspace.clone(),
        cause,
    }))]
}

fn forget_old_output(state: &mut State) {
    let mut ids: Vec<RunId> = state.runs.values().map(|run| run.id).collect();
    ids.sort_unstable();
    let Some(oldest_kept) = ids.len().checked_sub(KEEP_OUTPUT).map(|at| ids[at]) else { return };
    for run in state.runs.values_mut().filter(|run| run.id < oldest_kept) {
        run.stdout = OutputLog::default();
        run.stderr = OutputLog::default();
        run.trace.forget_output();
    }
}

pub(super) fn cancel(state: &mut State) -> Vec<Effect> {
    state.queued_run = None;
    let mut effects: Vec<Effect> = super::cases::cancel(state).into_iter().collect();
    if state.prepares() {
        effects.push(Effect::CancelPackages);
    }
    effects.extend(super::learn::cancel(state));
    if let Some(id) = state.running().map(|run| run.id) {
        state.runs.values_mut().filter(|run| run.id == id).for_each(|run| run.cancelling = true);
        effects.push(Effect::CancelRun(id));
    }
    effects
}

/// Write the grant that the chosen denial asks for.
pub(super) fn allow(state: &mut State) -> Vec<Effect> {
    let (Some(skill), Some(denial)) = (state.skill().cloned(), state.denial()) else { return Vec::new() };
    let opened = matches!(state.layers.last(), Some(Layer::Denial(_)));
    // What was chosen in the open denial; the least without one.
    let at = if opened { state.run_tab.grant } else { 0 };
    let Some(remedy) = denial.grants().nth(at).cloned() else {
        state.say(Level::Warning, "no grant can allow this: it is refused to every skill");
        return Vec::new();
    };
    // Approval is for the whole file: the open denial says so, and there `a` goes ahead.
    if !opened && skill.policy_file.is_some() && !state.is_approved() {
        super::browse::open_denial(state);
        return Vec::new();
    }
    state.layers.retain(|layer| !matches!(layer, Layer::Denial(_)));
    state.facts.entry(skill.path.clone()).or_default().granting = true;
    vec![Effect::Grant { skill, remedy }]
}

/// Undo the last grant.
pub(super) fn take_back(state: &mut State) -> Vec<Effect> {
    state.layers.retain(|layer| !matches!(layer, Layer::Denial(_)));
    let Some(skill) = state.skill().cloned() else { return Vec::new() };
    state.facts.entry(skill.path.clone()).or_default().granting = true;
    vec![Effect::TakeBack(skill)]
}

pub(super) fn on_granted(
    state: &mut State,
    skill: &Path,
    request: Option<Box<Request>>,
    result: Result<PolicyDone, String>,
) -> Vec<Effect> {
    state.forget_policy(skill);
    let facts = state.facts.entry(skill.to_owned()).or_default();
    facts.granting = false;
    match result {
        Ok(PolicyDone { said, back }) => {
            facts.request = request;
            let back = back.map_or_else(String::new, |back| format!("; {} takes it back", state.hint(back)));
            state.say(Level::Info, said + &back);
            let chosen = state.skill().is_some_and(|chosen| chosen.path == skill);
            let (tab, focus) = (state.tab, state.focus);
            // What has not run since the start does not run by itself.
            let effects = if chosen { again(state, None) } else { Vec::new() };
            (state.tab, state.focus) = (tab, focus);
            effects
        }
        Err(problem) => {
            state.say(Level::Error, problem);
            Vec::new()
        }
    }
}

/// Files of the chosen skill changed: run again, unless it never ran or the run itself wrote them.
pub(super) fn on_change(state: &mut State, skill: &Path, cause: Cause) -> Vec<Effect> {
    let Some(run) = state.runs.get(skill) else { return Vec::new() };
    let written_by_run = run.report.as_ref().is_some_and(|report| {
        report.files.iter().any(|file| {
            file.path == cause.path
                && file.verdict == Verdict::Allowed
                && matches!(file.operation, Operation::Write | Operation::Create | Operation::Delete)
        })
    });
    let of_cases = super::cases::are_cases(skill, &cause.path);
    if !state.options.auto_run || written_by_run || of_cases {
        return Vec::new();
    }
    if state.old_run().is_none() {
        state.layers.retain(|layer| !matches!(layer, Layer::Denial(_)));
    }
    again(state, Some(cause))
}

pub(super) fn on_news(state: &mut State, id: RunId, news: RunNews) -> Vec<Effect> {
    if matches!(news, RunNews::Ended) {
        // What it needed says something about the grants of its skill.
        let skill = state.runs.iter().find(|(_, run)| run.id == id).map(|(skill, _)| skill.clone());
        if let Some(skill) = skill {
            state.forget_policy(&skill);
        }
    }
    // News of a run that was replaced.
    let Some(run) = state.runs.values_mut().find(|run| run.id == id) else { return Vec::new() };
    match news {
        RunNews::Starting(elapsed) => run.elapsed = elapsed,
        RunNews::Started { limits, record } => {
            run.elapsed = Duration::ZERO;
            run.stage = Stage::Running;
            run.limits = limits;
            run.record = record;
        }
        RunNews::Output(at, pieces) => {
            for (stream, bytes) in pieces {
                run.take_output(at, stream, &bytes);
            }
        }
        RunNews::Usage(elapsed, usage) => {
            run.elapsed = elapsed;
            run.usage = usage;
            run.trace.usage.push(elapsed, usage);
        }
        RunNews::Report(report) => {
            run.report = Some(report);
            run.trace.timeline.stale();
        }
        RunNews::Ended => {
            run.stage = Stage::Ended;
            let missing = run.report.as_ref().and_then(|report| report.missing_modules.first());
            if let Some(text) = missing.map(MissingModule::sentence) {
                state.say(Level::Warning, text);
            }
            super::history::run_ended(state);
            return next(state);
        }
        RunNews::Refused(problem) => {
            run.stage = Stage::Refused(problem);
            return next(state);
        }
    }
    Vec::new()
}

/// Start the run that waited for the end of the one before.
fn next(state: &mut State) -> Vec<Effect> {
    let Some(queued) = state.queued_run.take() else { return Vec::new() };
    let Some(skill) = state.skill().filter(|skill| skill.path == queued.skill).cloned() else {
        return Vec::new();
    };
    match skill.entries.iter().find(|entry| entry.file == queued.entry).cloned() {
        Some(entry) => launch(state, skill, entry, queued.input, queued.cause),
        None => Vec::new(),
    }
}
