//! Cases: running one or all, again on save, and saving a run as one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cases::{Case, FOLDER, Verdict};
use crate::tui::action::CaseNews;
use crate::tui::effect::{Effect, RunCases, SaveCase};
use crate::tui::keymap::Command;
use crate::tui::state::{CaseRow, Level, Pane, Stage, Standing, State, Tab};

/// Run the case under the cursor.
pub(super) fn run_chosen(state: &mut State) -> Vec<Effect> {
    let Some(name) = state.case().map(|row| row.case.name.clone()) else {
        let save = state.hint(Command::SaveCase);
        state.say(Level::Info, format!("no case is chosen; {save} in the Run tab saves a run as one"));
        return Vec::new();
    };
    let Some(skill) = state.skill().map(|skill| skill.path.clone()) else { return Vec::new() };
    run(state, &skill, |row| row.case.name == name)
}

pub(super) fn run_all(state: &mut State) -> Vec<Effect> {
    let Some(skill) = state.skill().map(|skill| skill.path.clone()) else { return Vec::new() };
    run(state, &skill, |_| true)
}

/// Run those cases of a skill that are not under way.
fn run(state: &mut State, skill: &Path, wanted: impl Fn(&CaseRow) -> bool) -> Vec<Effect> {
    let Some(read) = state.skills.get(skill).cloned() else { return Vec::new() };
    let trust = state
        .facts
        .get(skill)
        .is_some_and(|facts| facts.request.as_ref().is_some_and(|request| request.approved));
    if !state.cases_run() {
        state.case_batch = 0;
    }
    let Some(set) = state.cases.get_mut(skill) else { return Vec::new() };
    let mut cases: Vec<Arc<Case>> = Vec::new();
    for row in set.rows.iter_mut().filter(|row| wanted(row)) {
        if !matches!(row.standing, Standing::Running) {
            row.standing = Standing::Running;
            row.stale = false;
            cases.push(Arc::clone(&row.case));
        }
    }
    if cases.is_empty() {
        return Vec::new();
    }
    state.case_batch += cases.len();
    state.cases_tab.verdict = crate::tui::state::Scroll::default();
    vec![Effect::RunCases(Box::new(RunCases { skill: read, cases, trust }))]
}

pub(super) fn on_news(state: &mut State, news: CaseNews) -> Vec<Effect> {
    match news {
        CaseNews::Loaded { skill, loaded } => {
            state.cases.entry(skill.clone()).or_default().put(loaded);
            judge_changes(state, &skill)
        }
        CaseNews::Ended { skill, name, outcome } => {
            let cancelled = outcome.verdict == Verdict::Cancelled;
            let mut changed = false;
            let rows = state.cases.get_mut(&skill).map(|set| set.rows.iter_mut());
            if let Some(row) = rows.into_iter().flatten().find(|row| row.case.name == name) {
                row.standing = if cancelled { Standing::NotRun } else { Standing::Ended(Arc::new(outcome)) };
                changed = row.stale && !cancelled;
            }
            // It changed while it ran.
            let chosen = state.skill().is_some_and(|chosen| chosen.path == skill);
            if changed && chosen && state.options.auto_run {
                return run(state, &skill, |row| row.case.name == name);
            }
            Vec::new()
        }
        CaseNews::Saved(Ok(said)) => {
            state.say(Level::Info, said);
            Vec::new()
        }
        CaseNews::Saved(Err(problem)) => {
            state.say(Level::Error, problem);
            Vec::new()
        }
    }
}

/// Files of a skill changed. `again`: what they touch is to run again; else it is marked.
pub(super) fn on_change(state: &mut State, skill: &Path, paths: Vec<PathBuf>, again: bool) -> Vec<Effect> {
    let Some(set) = state.cases.get_mut(skill) else { return Vec::new() };
    set.changed.extend(paths);
    set.run_again |= again;
    // The new reading decides, when there is one to come.
    if set.reading { Vec::new() } else { judge_changes(state, skill) }
}

fn judge_changes(state: &mut State, skill: &Path) -> Vec<Effect> {
    let Some(set) = state.cases.get_mut(skill) else { return Vec::new() };
    let (paths, again) = (std::mem::take(&mut set.changed), std::mem::take(&mut set.run_again));
    for row in set.rows.iter_mut().filter(|row| row.is_touched_by(skill, &paths)) {
        row.stale = true;
    }
    if again { run(state, skill, |row| row.stale) } else { Vec::new() }
}

/// Whether only files of cases changed, which no run of an entry is about.
pub(super) fn are_cases(skill: &Path, path: &Path) -> bool {
    path.starts_with(skill.join(FOLDER))
}

pub(super) fn cancel(state: &State) -> Option<Effect> {
    state.cases_run().then_some(Effect::CancelCases)
}

/// Whether the newest run of the chosen skill can be saved.
pub(in crate::tui) fn can_save(state: &State) -> bool {
    // Of an old run the input is not known.
    let newest = state.tab == Tab::Run && state.old_run().is_none();
    newest && state.run().is_some_and(|run| run.stage == Stage::Ended && run.report.is_some())
}

/// Save the newest run under the name that was typed.
pub(super) fn save(state: &mut State, name: &str) -> Vec<Effect> {
    let (Some(skill), Some(run)) = (state.skill().cloned(), state.run()) else { return Vec::new() };
    let Some(report) = run.report.clone() else { return Vec::new() };
    let (arguments, stdin) = (run.input.arguments.clone(), run.input.stdin.clone());
    let name = name.trim().to_owned();
    vec![Effect::SaveCase(Box::new(SaveCase { skill, name, report, arguments, stdin }))]
}

/// The focus at the same height when the tab comes to the front.
pub(super) fn focus_of(focus: Pane) -> Pane {
    match focus {
        Pane::Skills => Pane::Skills,
        Pane::Details | Pane::Findings | Pane::PolicyFile | Pane::PastRun => Pane::Verdict,
        _ => Pane::Cases,
    }
}
