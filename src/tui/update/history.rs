//! Old runs: listing them, opening one in the Run tab, comparing two, exporting, removing. (`replay`: playing one again.)

use std::sync::Arc;

use super::{navigate, replay};
use crate::journal::Comparison;
use crate::tui::action::HistoryNews;
use crate::tui::effect::{Effect, ExportForm, HistoryAsk};
use crate::tui::keymap::Command;
use crate::tui::state::history::{Compared, Listing, OldRun, PastRun, Target};
use crate::tui::state::runs::RunVerdict;
use crate::tui::state::{Choice, CompareLine, Layer, Level, Pane, Scroll, State, Tab, comparison};

/// Forms in which a run can be exported, in the order of the choice.
pub(in crate::tui) const FORMS: [(ExportForm, &str); 2] = [
    (ExportForm::Report, "report: JSON, as skilldeck run --format json prints it"),
    (ExportForm::Asciicast, "recording: asciicast v2, for players of terminal sessions"),
];

/// Answers to the question whether a run is removed.
pub(in crate::tui) const REMOVAL: [&str; 2] = ["keep it", "remove it for good"];

fn ask(ask: HistoryAsk) -> Vec<Effect> {
    vec![Effect::History(ask)]
}

pub(super) fn on_news(state: &mut State, news: HistoryNews) -> Vec<Effect> {
    match news {
        HistoryNews::Listed { rows, left_out, now } => {
            state.history.now = now;
            state.history.put(rows, left_out);
            return look_again(state);
        }
        HistoryNews::Off(why) => state.history.listing = Listing::Off(why),
        HistoryNews::Now(now) => state.history.now = now,
        HistoryNews::Opened { id, result } => return opened(state, &id, result),
        HistoryNews::Compared { before, after, result } => compared(state, &before, &after, result),
        HistoryNews::Played { play, at, output, usage } => replay::played(state, play, at, output, usage),
        HistoryNews::PlayEnded(play, problem) => replay::ended(state, play, problem),
    }
    Vec::new()
}

/// After every change: the list is that of the chosen skill, what the tab needs is asked for, and nothing plays unseen.
pub(super) fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    let skill = state.skill().map(|skill| skill.path.clone());
    state.history.show_for(skill.as_deref());
    if state.tab == Tab::Runs && state.history.listing == Listing::Unasked {
        state.history.listing = Listing::Reading;
        effects.push(Effect::History(HistoryAsk::List));
    }
    let plays = state.history.replay().map(|replay| replay.play);
    if state.history.player.is_some() && state.history.player != plays {
        state.history.player = None;
        effects.push(Effect::History(HistoryAsk::Stop));
    }
}

/// A run has ended: the list has one more.
pub(super) fn run_ended(state: &mut State) {
    if matches!(state.history.listing, Listing::Read) {
        state.history.listing = Listing::Unasked;
    }
}

/// An open run that went on when it was opened has ended by now: show its end.
fn look_again(state: &mut State) -> Vec<Effect> {
    let Some(old) = state.old_run().filter(|old| old.was_running() && old.replay.is_none()) else {
        return Vec::new();
    };
    let id = old.row.id.clone();
    let goes_on = state.history.get(&id).is_none_or(|row| row.verdict == Some(RunVerdict::Running));
    if goes_on || state.history.opening.is_some() {
        return Vec::new();
    }
    state.history.opening = Some((id.clone(), false));
    ask(HistoryAsk::Open(id))
}

/// Why a command about old runs does nothing here.
pub(super) fn why_not(state: &State, command: Command) -> String {
    let runs = state.hint(Command::RunsTab);
    match command {
        Command::Export => {
            let run = state.hint(Command::Run);
            format!("no run to export: {run} runs the entry, {runs} shows old runs")
        }
        Command::Play | Command::Faster | Command::Slower => {
            format!("open an old run first: what is in the journal can be played again; {runs} shows it")
        }
        _ => format!("choose a run in the Runs tab first; {runs} shows it"),
    }
}

/// Open the run under the cursor, and play it then when `play` says so.
pub(super) fn open_chosen(state: &mut State, play: bool) -> Vec<Effect> {
    let Some(row) = state.history.chosen().cloned() else { return Vec::new() };
    if let Some(problem) = &row.problem {
        state.say(
            Level::Warning,
            format!("this record cannot be read: {problem}; {} removes it", state.hint(Command::RemoveRun)),
        );
        return Vec::new();
    }
    // Of a run under way here there is better than its record.
    if state.running().is_some_and(|run| run.record.as_deref() == Some(&*row.id)) && !play {
        let path = row.path.clone();
        choose_skill(state, &path);
        close(state);
        super::show_tab(state, Tab::Run);
        return Vec::new();
    }
    state.history.opening = Some((row.id.clone(), play));
    ask(HistoryAsk::Open(row.id.clone()))
}

fn choose_skill(state: &mut State, path: &std::path::Path) {
    if state.skill().is_some_and(|skill| skill.path == path) {
        return;
    }
    if let Some(place) = state.skills.place_of(path) {
        state.skills.scroll.cursor = place;
        state.skills.touched = true;
        // The list of the runs of all skills stays where it is.
        let (list, facts) = (state.history.list, state.history.facts);
        navigate::chosen_changed(state);
        if state.history.all {
            (state.history.list, state.history.facts) = (list, facts);
        }
    }
}

fn opened(state: &mut State, id: &str, result: Result<Box<OldRun>, String>) -> Vec<Effect> {
    let Some((_, play)) = state.history.opening.take_if(|(wanted, _)| wanted == id) else {
        return Vec::new();
    };
    let old = match result {
        Ok(old) => old,
        Err(problem) => {
            state.say(Level::Error, problem);
            return Vec::new();
        }
    };
    // The same once more, because it has ended meanwhile.
    let again = state.old_run().is_some_and(|open| open.row.id == old.row.id);
    let path = old.row.path.clone();
    if !again {
        choose_skill(state, &path);
        state.run_tab.findings = Scroll::default();
        state.run_tab.stdout = Scroll::default();
        state.run_tab.stderr = Scroll::default();
        state.tab = Tab::Run;
        if !matches!(state.focus, Pane::Stdout | Pane::Stderr | Pane::Findings) {
            state.focus = Pane::Findings;
        }
    }
    state.history.open = Some(old);
    if play { replay::toggle(state) } else { Vec::new() }
}

/// Back to the newest run. False when no old one is open.
pub(super) fn close(state: &mut State) -> bool {
    let was_open = state.history.open.take().is_some();
    if was_open {
        state.run_tab.findings = Scroll::default();
        state.run_tab.stdout = Scroll::default();
        state.run_tab.stderr = Scroll::default();
        state.layers.retain(|layer| !matches!(layer, Layer::Denial(_)));
    }
    was_open
}

/// Esc in the Run tab: end the replay, else go back to the list. False when there is nothing to leave.
pub(super) fn leave(state: &mut State) -> bool {
    if state.tab != Tab::Run || state.old_run().is_none() {
        return false;
    }
    if !replay::stop(state) {
        close(state);
        state.tab = Tab::Runs;
        state.focus = Pane::Runs;
    }
    true
}

/// `p`, in the list or in the Run tab.
pub(super) fn play(state: &mut State) -> Vec<Effect> {
    if state.tab == Tab::Runs { open_chosen(state, true) } else { replay::toggle(state) }
}

/// Mark the run under the cursor for comparison, or no more.
pub(super) fn mark(state: &mut State) {
    let Some(row) = state.history.chosen().filter(|row| row.problem.is_none()).cloned() else { return };
    if state.history.marked.as_deref() == Some(&*row.id) {
        state.history.marked = None;
    } else {
        state.history.marked = Some(row.id.clone());
        let key = state.hint(Command::CompareRuns);
        state.say(Level::Info, format!("marked: {key} on another run compares the two"));
    }
}

/// The run under the cursor with the marked one, or with the one before it.
pub(super) fn compare(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.history.chosen().filter(|row| row.problem.is_none()).cloned() else {
        return Vec::new();
    };
    let marked = state.history.marked.as_deref().filter(|id| *id != row.id);
    let marked = marked.and_then(|id| state.history.get(id));
    let Some(other) = marked.or_else(|| state.history.before(&row)).cloned() else {
        let key = state.hint(Command::MarkRun);
        let text =
            format!("there is no run of this skill before it; {key} marks another one to compare with");
        state.say(Level::Info, text);
        return Vec::new();
    };
    let (before, after) = if other.id < row.id { (other, row) } else { (row, other) };
    let effect = HistoryAsk::Compare { before: before.id.clone(), after: after.id.clone() };
    state.history.compared = Some(Compared { before, after, lines: None });
    state.layers.push(Layer::Comparison(Scroll::default()));
    ask(effect)
}

fn compared(state: &mut State, before: &str, after: &str, result: Result<Box<Comparison>, String>) {
    let Some(compared) = &mut state.history.compared else { return };
    if compared.before.id == before && compared.after.id == after {
        compared.lines = Some(match result {
            Ok(found) => comparison::lines(&found),
            Err(problem) => vec![CompareLine::Note(problem)],
        });
    }
}

/// Ask in which form a run is exported.
pub(super) fn ask_export(state: &mut State) {
    state.history.target = state.exportable();
    if state.history.target.is_some() {
        state.layers.push(Layer::Choice(Choice::Export(Scroll::default())));
    }
}

pub(super) fn export(state: &mut State, choice: usize) -> Vec<Effect> {
    let (Some(target), Some((form, _))) = (state.history.target.take(), FORMS.get(choice)) else {
        return Vec::new();
    };
    let folder = state.place.workspace.clone();
    ask(HistoryAsk::Export { id: target.id, skill: target.skill, form: *form, folder })
}

/// Ask whether the run under the cursor is removed.
pub(super) fn ask_removal(state: &mut State) {
    let Some(row) = state.history.chosen().cloned() else { return };
    if row.verdict == Some(RunVerdict::Running) {
        state.say(Level::Info, "it still runs; it can be removed when it has ended");
        return;
    }
    let name = if row.problem.is_some() { format!("the record {}", row.id) } else { named(&row) };
    state.history.target = Some(Target { id: row.id.clone(), skill: row.skill.clone(), name });
    state.layers.push(Layer::Choice(Choice::Remove(Scroll::default())));
}

fn named(row: &Arc<PastRun>) -> String {
    format!("the run of {} at {}", row.skill, row.local)
}

pub(super) fn remove(state: &mut State, choice: usize) -> Vec<Effect> {
    match state.history.target.take() {
        Some(target) if choice == 1 => ask(HistoryAsk::Remove { id: target.id, name: target.name }),
        _ => Vec::new(),
    }
}

/// Runs of all skills, or of the chosen one.
pub(super) fn toggle_all(state: &mut State) {
    state.history.toggle_all();
    let of = if state.history.all { "all skills" } else { "the chosen skill" };
    state.say(Level::Info, format!("runs of {of}"));
}

/// The comparison as text.
pub(super) fn comparison_text(state: &State) -> Option<String> {
    let compared = state.history.compared.as_ref()?;
    let lines = compared.lines.as_ref()?.iter().map(|line| line.text() + "\n").collect::<String>();
    Some(format!("{} -> {}\n{lines}", compared.before.id, compared.after.id))
}

/// The focus when the tab comes to the front: the list is what most is done in.
pub(super) fn focus_of(focus: Pane) -> Pane {
    match focus {
        Pane::Skills => Pane::Skills,
        _ => Pane::Runs,
    }
}
