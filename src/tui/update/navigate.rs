//! Moving about: cursor, pages, panes, sections.

use super::rendered;
use crate::tui::keymap::Command;
use crate::tui::layout::{Layout, layout};
use crate::tui::state::scroll::Motion;
use crate::tui::state::{
    CaseSet, CasesTab, Finding, Pane, PolicyReview, PolicyTab, Scroll, Section, State, Tab,
};

/// The movement that a command stands for.
pub(super) fn motion(command: Command) -> Option<Motion> {
    Some(match command {
        Command::Up => Motion::Rows(-1),
        Command::Down => Motion::Rows(1),
        Command::HalfUp => Motion::HalfPages(-1),
        Command::HalfDown => Motion::HalfPages(1),
        Command::PageUp => Motion::HalfPages(-2),
        Command::PageDown => Motion::HalfPages(2),
        Command::Start => Motion::Start,
        Command::End => Motion::End,
        _ => return None,
    })
}

pub(super) fn perform(state: &mut State, command: Command) {
    if let Some(motion) = motion(command) {
        go(state, state.focus, motion);
        return;
    }
    match command {
        Command::NextPane => step_pane(state, 1),
        Command::PreviousPane => step_pane(state, -1),
        Command::NextSection => step_section(state, 1),
        Command::PreviousSection => step_section(state, -1),
        Command::Left => sideways(state, -1),
        Command::Right => sideways(state, 1),
        Command::Follow => {
            let pane = state.focus;
            let (length, height) = (length(state, pane), layout(state).page(pane));
            let scroll = state.scroll_mut(pane);
            if scroll.held {
                scroll.pan(Motion::End, length, height);
                scroll.held = false;
            } else {
                scroll.top = scroll.first(length, height);
                scroll.held = true;
            }
        }
        _ => {}
    }
}

/// Move in a pane.
pub(super) fn go(state: &mut State, pane: Pane, motion: Motion) {
    let height = layout(state).page(pane);
    let length = length(state, pane);
    match pane {
        Pane::Skills => {
            let before = state.skills.scroll.cursor;
            state.skills.scroll.go(motion, length, height);
            let backwards = matches!(motion, Motion::Rows(n) | Motion::HalfPages(n) if n < 0);
            state.skills.settle(if backwards { -1 } else { 1 });
            state.skills.touched = true;
            if state.skills.scroll.cursor != before {
                chosen_changed(state);
            }
        }
        Pane::Stdout | Pane::Stderr | Pane::Output => state.scroll_mut(pane).pan(motion, length, height),
        Pane::Details if state.skill_tab.section.is_text() => {
            state.skill_tab.details.slide(motion, length, height);
        }
        Pane::Details => {
            state.skill_tab.details.go(motion, length, height);
            show_diagnostic(state);
        }
        Pane::Verdict | Pane::PastRun => state.scroll_mut(pane).slide(motion, length, height),
        Pane::Runs => {
            state.history.list.go(motion, length, height);
            state.history.facts = Scroll::default();
        }
        Pane::Cases => {
            state.cases_tab.list.go(motion, length, height);
            state.cases_tab.verdict = Scroll::default();
        }
        Pane::Policy => {
            state.policy_tab.lines.go(motion, length, height);
            super::policy::show_origin(state);
        }
        Pane::Source => {
            state.scroll_mut(pane).go(motion, length, height);
            rendered::moved(state);
        }
        Pane::PolicyFile => {
            state.policy_tab.file.go(motion, length, height);
            super::policy::show_line(state);
        }
        Pane::Findings => state.scroll_mut(pane).go(motion, length, height),
    }
}

/// The list of diagnostics leads the source along.
pub(super) fn show_diagnostic(state: &mut State) {
    if state.skill_tab.section != Section::Diagnostics {
        return;
    }
    let Some(page) = state.page() else { return };
    let found = state.diagnostics().nth(state.skill_tab.details.cursor);
    if let Some(found) = found.filter(|found| found.file == page.file) {
        let line = found.span.line.saturating_sub(1);
        state.source_scroll_mut().cursor = line;
    }
}

/// Another skill was chosen: everything about the one before starts anew.
pub(super) fn chosen_changed(state: &mut State) {
    state.skill_tab.source = Scroll::default();
    state.skill_tab.opened = None;
    state.skill_tab.rendered.shown = None;
    state.skill_tab.details = Scroll::default();
    state.run_tab.stdout = Scroll::default();
    state.run_tab.stderr = Scroll::default();
    state.run_tab.output = Scroll::default();
    state.run_tab.findings = Scroll::default();
    state.policy_tab = PolicyTab::default();
    state.cases_tab = CasesTab::default();
    super::history::close(state);
    (state.history.list, state.history.facts) = (Scroll::default(), Scroll::default());
    if let Some(path) = state.skill().map(|skill| skill.path.clone()) {
        state.skills.changed.remove(&path);
    }
}

/// Choose a skill by its place on the disk, wherever the cursor is.
pub(super) fn choose_skill(state: &mut State, path: &std::path::Path) {
    if state.skills.place_of(path).is_none() {
        filter(state, "");
    }
    let Some(row) = state.skills.place_of(path) else { return };
    let height = layout(state).page(Pane::Skills);
    let length = state.skills.rows().len();
    state.skills.touched = true;
    if state.skills.scroll.cursor != row {
        state.skills.scroll.go(Motion::To(row), length, height);
        chosen_changed(state);
    }
}

/// Show only the skills that fit. The chosen one stays chosen when it does.
pub(super) fn filter(state: &mut State, text: &str) {
    let before = state.skill().map(|skill| skill.path.clone());
    state.skills.set_filter(text);
    if state.skill().map(|skill| &skill.path) != before.as_ref() {
        chosen_changed(state);
    }
}

fn step_pane(state: &mut State, step: isize) {
    let panes = state.panes();
    let at = panes.iter().position(|pane| *pane == state.focus).unwrap_or(0);
    let next = (at as isize + step).rem_euclid(panes.len() as isize) as usize;
    state.focus = panes[next];
}

pub(super) fn step_section(state: &mut State, step: isize) {
    fn next<T: PartialEq + Copy>(all: &[T], now: T, step: isize) -> T {
        let at = all.iter().position(|one| *one == now).unwrap_or(0);
        all[(at as isize + step).rem_euclid(all.len() as isize) as usize]
    }
    match state.tab {
        Tab::Skill => set_section(state, next(&Section::ALL, state.skill_tab.section, step)),
        Tab::Run => set_finding(state, next(&Finding::ALL, state.run_tab.finding, step)),
        Tab::Policy | Tab::Cases | Tab::Runs => {}
    }
}

pub(super) fn set_section(state: &mut State, section: Section) {
    if state.skill_tab.section != section {
        state.skill_tab.section = section;
        state.skill_tab.details = Scroll::default();
    }
}

pub(super) fn set_finding(state: &mut State, finding: Finding) {
    if state.run_tab.finding != finding {
        state.run_tab.finding = finding;
        state.run_tab.findings = Scroll::default();
    }
}

fn sideways(state: &mut State, step: isize) {
    match state.focus {
        Pane::Details | Pane::Findings => step_section(state, step),
        Pane::Source | Pane::Stdout | Pane::Stderr | Pane::Output | Pane::PolicyFile | Pane::Verdict => {
            let scroll = state.scroll_mut(state.focus);
            scroll.left = scroll.left.saturating_add_signed(step * 8).min(crate::run::log::MAX_COLUMNS);
        }
        Pane::Skills if step > 0 => {
            state.focus = super::first_pane(state.tab);
        }
        Pane::Skills | Pane::Policy | Pane::Cases | Pane::Runs | Pane::PastRun => {}
    }
}

/// How many rows a pane has to show.
pub(super) fn length(state: &State, pane: Pane) -> usize {
    let run = state.shown_run();
    match pane {
        Pane::Skills => state.skills.rows().len(),
        Pane::Source => state.page_length(),
        Pane::Stdout => run.map_or(0, |run| run.stdout.len()),
        Pane::Stderr => run.map_or(0, |run| run.stderr.len()),
        Pane::Output => run.map_or(0, |run| run.trace.order.len()),
        Pane::Findings => run.map_or(0, |run| run.rows(state.run_tab.finding)),
        Pane::Policy => state.policy().map_or(0, |policy| policy.lines.len()),
        Pane::PolicyFile => state.policy().map_or(0, PolicyReview::file_len),
        Pane::Cases => state.case_set().map_or(0, CaseSet::len),
        Pane::Runs => state.history.shown().len(),
        Pane::PastRun => {
            let width = layout(state).area(Pane::PastRun).map_or(0, |area| area.width);
            state.past_lines(usize::from(width.saturating_sub(2))).len()
        }
        Pane::Verdict => {
            let width = layout(state).area(Pane::Verdict).map_or(0, |area| area.width);
            state.verdict_lines(usize::from(width.saturating_sub(2))).len()
        }
        Pane::Details => {
            let facts = state.chosen_facts();
            match state.skill_tab.section {
                Section::Diagnostics => state.diagnostics().count(),
                Section::Entries => state.skill().map_or(0, |skill| skill.entries.len()),
                Section::Files => facts.and_then(|facts| facts.files.as_ref()).map_or(0, Vec::len),
                Section::Schema | Section::Clients | Section::Cost | Section::Saved => {
                    let width = layout(state).area(Pane::Details).map_or(0, |area| area.width);
                    state.text_rows(usize::from(width)).len()
                }
            }
        }
    }
}

/// Bring every position back into bounds, after the content or the screen changed.
pub(super) fn clamp(state: &mut State, layout: &Layout) {
    for pane in [Pane::Skills, Pane::Findings, Pane::Cases, Pane::Runs] {
        let length = length(state, pane);
        state.scroll_mut(pane).clamp(length, layout.page(pane));
    }
    if state.skill_tab.section.is_text() {
        state.skill_tab.details.slide(
            Motion::Rows(0),
            length(state, Pane::Details),
            layout.page(Pane::Details),
        );
    } else {
        let length = length(state, Pane::Details);
        state.skill_tab.details.clamp(length, layout.page(Pane::Details));
    }
    if let Some(page) = state.page() {
        let mut scroll = *state.source_scroll();
        scroll.cursor = scroll.cursor.min(page.count - 1);
        scroll.top = page.top_for(scroll.top, scroll.cursor, layout.page(Pane::Source));
        *state.source_scroll_mut() = scroll;
    }
    super::policy::clamp(state, layout);
    // The root's name above the first skill stays in sight.
    if state.skills.scroll.top == 1 && state.skills.scroll.cursor < layout.page(Pane::Skills) {
        state.skills.scroll.top = 0;
    }
}
