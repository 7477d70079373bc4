//! When a command can be given, and when it is worth a hint: the conditions that the table names.

use crate::tui::state::form::{Field, Focus, Mode};
use crate::tui::state::{Finding, Form, Pane, State, Tab};
use crate::tui::update;

pub(super) fn can_run(state: &State) -> bool {
    match state.entry() {
        Some(entry) => entry.interpreter.program.is_some(),
        // The choice comes first.
        None => state.skill().is_some_and(|skill| !skill.entries.is_empty()),
    }
}

pub(super) fn can_allow(state: &State) -> bool {
    let in_denials = state.tab == Tab::Run && state.run_tab.finding == Finding::Denials;
    // What an old run was refused may be allowed by now.
    in_denials && state.old_run().is_none() && state.denial().is_some_and(|denial| denial.remedy.is_some())
}

/// The last run was refused something.
pub(super) fn was_denied(state: &State) -> bool {
    let report = state.shown_run().and_then(|run| run.report.as_ref());
    report.is_some_and(|report| !report.denials.is_empty())
}

/// The skill's own policy file waits for an answer.
pub(super) fn asks_for_more(state: &State) -> bool {
    state.request().is_some_and(|request| !request.approved)
}

/// The last run did not find a module that can be installed.
pub(super) fn lacks_packages(state: &State) -> bool {
    let report = state.shown_run().and_then(|run| run.report.as_ref());
    report.is_some_and(|report| report.missing_modules.iter().any(|module| module.command.is_some()))
}

pub(super) fn can_compare(state: &State) -> bool {
    state.history.chosen().is_some_and(|row| row.problem.is_none())
}

/// The run under the cursor of the list, or the one that is open.
pub(super) fn can_play(state: &State) -> bool {
    match state.tab {
        Tab::Runs => can_compare(state),
        Tab::Run => state.old_run().is_some_and(|old| !old.was_running()),
        _ => false,
    }
}

pub(super) fn can_change_speed(state: &State) -> bool {
    state.tab == Tab::Run && can_play(state)
}

pub(super) fn can_search_on(state: &State) -> bool {
    state.search.is_some() && !matches!(state.tab, Tab::Cases | Tab::Runs)
}

pub(super) fn can_open(state: &State) -> bool {
    if !state.layers.is_empty() {
        // A popup has its own meaning for it, wherever the focus is below.
        return true;
    }
    match state.focus {
        Pane::Skills => state.skill().is_some(),
        Pane::Findings => update::findings::can_open(state),
        Pane::Cases => state.case().is_some(),
        Pane::Policy | Pane::PolicyFile => state.policy().is_some(),
        Pane::Runs => state.history.chosen().is_some(),
        Pane::Details => !state.skill_tab.section.is_text(),
        _ => false,
    }
}

pub(super) fn form_mode(state: &State) -> Option<Mode> {
    state.form().map(|form| form.mode)
}

pub(super) fn in_fields(state: &State) -> bool {
    form_mode(state) == Some(Mode::Form)
}

pub(super) fn on_choice(state: &State) -> bool {
    let on_tool = |form: &Form| form.mode == Mode::Form && form.focus == Focus::Tool;
    state.form().is_some_and(|form| on_tool(form) || form.field().is_some_and(Field::is_choice))
}

pub(super) fn on_list(state: &State) -> bool {
    state.form().and_then(Form::field).is_some_and(Field::is_list)
}
