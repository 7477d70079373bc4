//! Search in source, output and the lists of a run, with `n` and `N`.

use super::{navigate, rendered};
use crate::run::log::contains;
use crate::tui::layout::layout;
use crate::tui::state::scroll::Motion;
use crate::tui::state::{Level, Pane, State, Tab};

/// The pane that a search looks through.
fn pane(state: &State) -> Pane {
    match (state.focus, state.tab) {
        (focus @ (Pane::Source | Pane::Stdout | Pane::Stderr | Pane::Output | Pane::PolicyFile), _) => focus,
        (Pane::Findings, Tab::Run) => Pane::Findings,
        (_, Tab::Skill) => Pane::Source,
        (_, Tab::Policy) => Pane::PolicyFile,
        (_, Tab::Run) if state.run_tab.interleaved => Pane::Output,
        (_, Tab::Run | Tab::Cases | Tab::Runs) => Pane::Stdout,
    }
}

/// Go to the next match, around the end.
pub(super) fn go(state: &mut State, backwards: bool) {
    let Some(needle) = state.search.as_ref().map(|search| search.needle.clone()) else { return };
    let pane = pane(state);
    let length = navigate::length(state, pane);
    if length == 0 {
        return;
    }
    let here = state.scroll(pane).cursor.min(length - 1);
    let found = if backwards {
        here.checked_sub(1)
            .and_then(|from| find(state, pane, &needle, from, true))
            .or_else(|| find(state, pane, &needle, length - 1, true))
    } else {
        find(state, pane, &needle, here + 1, false).or_else(|| find(state, pane, &needle, 0, false))
    };
    show(state, pane, found, &needle);
}

/// Go to the first match at or after the place shown.
pub(super) fn first(state: &mut State) {
    let Some(needle) = state.search.as_ref().map(|search| search.needle.clone()) else { return };
    let pane = pane(state);
    let length = navigate::length(state, pane);
    let from = match pane {
        Pane::Source | Pane::PolicyFile | Pane::Findings => state.scroll(pane).cursor,
        _ => state.scroll(pane).first(length, layout(state).page(pane)),
    };
    let found = find(state, pane, &needle, from, false).or_else(|| find(state, pane, &needle, 0, false));
    show(state, pane, found, &needle);
}

fn show(state: &mut State, pane: Pane, found: Option<usize>, needle: &str) {
    let Some(line) = found else {
        state.say(Level::Warning, format!("not found: {needle}"));
        return;
    };
    let (length, height) = (navigate::length(state, pane), layout(state).page(pane));
    let scroll = state.scroll_mut(pane);
    scroll.cursor = line;
    if matches!(pane, Pane::Stdout | Pane::Stderr | Pane::Output) {
        scroll.pan(Motion::To(line), length, height);
        scroll.held = true;
    }
    if pane == Pane::Source {
        rendered::moved(state);
    }
    state.focus = pane;
}

fn find(state: &State, pane: Pane, needle: &str, from: usize, backwards: bool) -> Option<usize> {
    match pane {
        Pane::Stdout => state.shown_run()?.stdout.find(needle, from, backwards),
        Pane::Stderr => state.shown_run()?.stderr.find(needle, from, backwards),
        Pane::Output => {
            let run = state.shown_run()?;
            run.trace.order.find([&run.stdout, &run.stderr], needle, from, backwards)
        }
        Pane::Findings => {
            let hit = |row: &usize| state.finding_text(*row).is_some_and(|text| contains(&text, needle));
            if backwards {
                (0..=from).rev().find(hit)
            } else {
                (from..navigate::length(state, pane)).find(hit)
            }
        }
        Pane::PolicyFile => {
            let lines = state.policy()?.file.text()?.lines().enumerate();
            let mut hits = lines.filter(|(_, line)| contains(line, needle)).map(|(at, _)| at);
            if backwards { hits.take_while(|at| *at <= from).last() } else { hits.find(|at| *at >= from) }
        }
        _ => {
            let found = |(at, line): (usize, &str)| contains(line, needle).then_some(at);
            let mut hits: Box<dyn Iterator<Item = usize> + '_> = match state.rendering() {
                Some(lines) => Box::new(
                    lines.lines.iter().enumerate().filter_map(move |(at, line)| found((at, &line.text()))),
                ),
                None => Box::new(state.page()?.text.lines().enumerate().filter_map(found)),
            };
            if backwards { hits.take_while(|at| *at <= from).last() } else { hits.find(|at| *at >= from) }
        }
    }
}
