//! The lists below a run: what Enter opens, what is copied, how the timeline is filtered, how the streams are shown.

use crate::run::log::{self, Place};
use crate::sandbox::event::Stream;
use crate::tui::layout::layout;
use crate::tui::state::scroll::Motion;
use crate::tui::state::timeline::Happening;
use crate::tui::state::{Finding, Layer, Level, Pane, RunView, Scroll, State, Tab};

/// Whether Enter does something with the row under the cursor.
pub(in crate::tui) fn can_open(state: &State) -> bool {
    match state.run_tab.finding {
        Finding::Denials => state.denial().is_some(),
        Finding::Changes => state.change().is_some(),
        Finding::Timeline => happening(state).is_some(),
        _ => false,
    }
}

fn happening(state: &State) -> Option<Happening> {
    let entries = state.shown_run()?.trace.timeline.entries();
    Some(entries.get(state.run_tab.findings.cursor)?.what.clone())
}

pub(super) fn open(state: &mut State) {
    match state.run_tab.finding {
        Finding::Denials if state.denial().is_some() => super::browse::open_denial(state),
        Finding::Changes if state.change().is_some() => state.layers.push(Layer::Change(Scroll::default())),
        Finding::Timeline => jump(state),
        _ => {}
    }
}

/// Go from an event to the thing that it is about.
fn jump(state: &mut State) {
    let Some(what) = happening(state) else { return };
    let (finding, row) = match what {
        Happening::Denial(row) => (Finding::Denials, row),
        Happening::Network(row) => (Finding::Network, row),
        Happening::Limit(row) => (Finding::Limits, row),
        Happening::Process(row) | Happening::Exited(row) => (Finding::Processes, row),
        Happening::Files(group) => (Finding::Files, group.first),
        Happening::Output(burst) => return show_output(state, burst.stream, burst.offset),
        Happening::Started | Happening::Ended => (Finding::Usage, 0),
    };
    super::navigate::set_finding(state, finding);
    super::navigate::go(state, Pane::Findings, Motion::To(row));
    if finding == Finding::Denials && state.denial().is_some() {
        super::browse::open_denial(state);
    }
}

/// Bring the line that holds a byte of a stream into sight.
fn show_output(state: &mut State, stream: Stream, offset: u64) {
    let Some(run) = state.shown_run() else { return };
    let line = run.log(stream).line_at(offset);
    let (pane, row) = match stream {
        _ if state.run_tab.interleaved => (Pane::Output, run.trace.order.row(Place { stream, line })),
        Stream::Stdout => (Pane::Stdout, line),
        Stream::Stderr => (Pane::Stderr, line),
    };
    let (length, height) = (super::navigate::length(state, pane), layout(state).page(pane));
    let scroll = state.scroll_mut(pane);
    scroll.pan(Motion::To(row), length, height);
    scroll.held = true;
    state.focus = pane;
}

/// Both streams in one pane, or side by side again.
pub(super) fn interleave(state: &mut State) {
    state.run_tab.interleaved = !state.run_tab.interleaved;
    state.focus = match (state.focus, state.run_tab.interleaved) {
        (Pane::Stdout | Pane::Stderr, true) => Pane::Output,
        (Pane::Output, false) => Pane::Stdout,
        (focus, _) => focus,
    };
    let how = if state.run_tab.interleaved { "in one pane, as they came" } else { "side by side" };
    state.say(Level::Info, format!("stdout and stderr {how}"));
}

pub(super) fn next_filter(state: &mut State) {
    state.run_tab.filter = state.run_tab.filter.next();
    state.run_tab.findings = Scroll::default();
    state.say(Level::Info, format!("timeline: {}", state.run_tab.filter.name()));
}

/// Make the timeline anew when it is in sight and something has happened since.
pub(super) fn refresh(state: &mut State) {
    if state.tab != Tab::Run || state.run_tab.finding != Finding::Timeline {
        return;
    }
    let filter = state.run_tab.filter;
    let Some(path) = state.skill().map(|skill| skill.path.clone()) else { return };
    let Some(run) = state.runs.get_mut(&path) else { return };
    let trace = &mut run.trace;
    trace.timeline.refresh(run.report.as_deref(), trace.bursts.all(), filter);
}

/// The newest lines of both streams as they came, at most `limit` bytes.
pub(super) fn tail_text(run: &RunView, limit: usize) -> String {
    let text = |row| {
        let place = run.trace.order.at(row)?;
        run.log(place.stream).text(place.line)
    };
    log::tail((0..run.trace.order.len()).rev().map_while(text), limit)
}

/// What a run used, each with its limit.
fn usage_text(run: &RunView) -> String {
    let done = run.report.as_deref().filter(|report| report.outcome.is_some()).map(|report| report.usage);
    let (peak, limits) = (run.trace.usage.peak(), &run.limits);
    let memory = done.map_or(peak.memory_bytes, |usage| usage.peak_memory_bytes);
    let processes = done.map_or(peak.processes, |usage| usage.peak_processes);
    let cpu = done.map_or(run.usage.cpu_ms, |usage| usage.cpu_ms);
    format!(
        "cpu {cpu} of {} ms\nmemory {memory} of {} bytes\nprocesses {processes} of {}\n",
        limits.cpu.as_millis(),
        limits.memory,
        limits.processes
    )
}

/// What is copied of the list in front, and its name.
pub(super) fn copied(state: &State) -> Option<(&'static str, String)> {
    let what = match state.run_tab.finding {
        Finding::Processes => "the command line",
        Finding::Changes => {
            let diff = state.change().and_then(|change| change.diff.clone());
            match (diff, state.change()) {
                (Some(diff), Some(change)) => {
                    return Some(("the diff", format!("{}\n{diff}", change.path.display())));
                }
                _ => "the change",
            }
        }
        Finding::Timeline => "the event",
        Finding::Usage => return Some(("what was used", usage_text(state.shown_run()?))),
        _ => "the line",
    };
    Some((what, state.finding_text(state.run_tab.findings.cursor)?))
}
