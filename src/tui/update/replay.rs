//! Playing an old run again, in its own time or faster. The service has the clock; here is what it looks like so far.

use std::sync::Arc;
use std::time::Duration;

use crate::run::log::OutputLog;
use crate::run::report::Report;
use crate::sandbox::event::{Stream, UsageSample};
use crate::tui::effect::{Effect, HistoryAsk};
use crate::tui::keymap::Command;
use crate::tui::state::history::{OldRun, Replay, SPEEDS};
use crate::tui::state::trace::Trace;
use crate::tui::state::{Level, RunView, Scroll, Stage, State};

/// `p`: play the run that is shown from its start, pause, go on.
pub(super) fn toggle(state: &mut State) -> Vec<Effect> {
    let speed = SPEEDS[state.history.speed];
    let Some(old) = state.history.open.as_deref_mut() else { return Vec::new() };
    if let Some(replay) = &mut old.replay {
        replay.playing = !replay.playing;
        return vec![Effect::History(if replay.playing { HistoryAsk::Resume } else { HistoryAsk::Pause })];
    }
    let play = state.history.next_play;
    state.history.next_play += 1;
    state.history.player = Some(play);
    old.replay = Some(Replay { play, run: at_start(&old.whole), playing: true, at: Duration::ZERO });
    let id = old.row.id.clone();
    rewind(state);
    vec![Effect::History(HistoryAsk::Play { id, play, speed })]
}

/// Faster or slower.
pub(super) fn change_speed(state: &mut State, step: isize) -> Vec<Effect> {
    let speed = state.history.speed.saturating_add_signed(step).min(SPEEDS.len() - 1);
    state.history.speed = speed;
    if state.history.replay().is_some() {
        return vec![Effect::History(HistoryAsk::Speed(SPEEDS[speed]))];
    }
    let text = format!("{} plays it {} times as fast as it was", state.hint(Command::Play), SPEEDS[speed]);
    state.say(Level::Info, text);
    Vec::new()
}

/// Show the run whole again. False when none was played.
pub(super) fn stop(state: &mut State) -> bool {
    let stopped = state.history.open.as_mut().is_some_and(|old| old.replay.take().is_some());
    if stopped {
        rewind(state);
    }
    stopped
}

fn rewind(state: &mut State) {
    state.run_tab.stdout = Scroll::default();
    state.run_tab.stderr = Scroll::default();
}

/// The next piece came.
pub(super) fn played(
    state: &mut State,
    play: u64,
    at: Duration,
    output: Vec<(Stream, Vec<u8>)>,
    usage: Option<UsageSample>,
) {
    let Some(OldRun { whole, replay: Some(replay), .. }) = state.history.open.as_deref_mut() else { return };
    if replay.play != play {
        return;
    }
    (replay.at, replay.run.elapsed) = (at, at);
    for (stream, bytes) in output {
        replay.run.take_output(at, stream, &bytes);
    }
    replay.run.usage = usage.unwrap_or(replay.run.usage);
    if let Some(whole) = &whole.report {
        refused_so_far(replay, whole);
    }
}

/// The service is done with it.
pub(super) fn ended(state: &mut State, play: u64, problem: Option<String>) {
    if state.history.replay().is_none_or(|replay| replay.play != play) {
        return;
    }
    stop(state);
    state.history.player = None;
    if let Some(problem) = problem {
        state.say(Level::Error, problem);
    } else {
        let text = format!("played to its end; {} plays it again", state.hint(Command::Play));
        state.say(Level::Info, text);
    }
}

/// A denial is shown when it happened; other findings have no time, and come at the end.
fn refused_so_far(replay: &mut Replay, whole: &Report) {
    let at = u64::try_from(replay.at.as_millis()).unwrap_or(u64::MAX);
    let count = whole.denials.iter().filter(|denial| denial.at_ms <= at).count();
    let Some(shown) = replay.run.report.as_deref().filter(|shown| shown.denials.len() != count) else {
        return;
    };
    let denials = whole.denials.iter().filter(|denial| denial.at_ms <= at).cloned().collect();
    replay.run.report = Some(Arc::new(Report { denials, ..shown.clone() }));
}

fn at_start(whole: &RunView) -> RunView {
    RunView {
        id: whole.id,
        entry: whole.entry.clone(),
        input: whole.input.clone(),
        approved: whole.approved,
        cause: whole.cause.clone(),
        record: whole.record.clone(),
        stage: Stage::Running,
        cancelling: false,
        limits: whole.limits,
        report: whole.report.as_deref().map(|report| Arc::new(unfinished(report))),
        stdout: OutputLog::default(),
        stderr: OutputLog::default(),
        usage: UsageSample::default(),
        elapsed: Duration::ZERO,
        trace: Trace::default(),
    }
}

/// A report as it was at the start: of what was told later, nothing.
fn unfinished(whole: &Report) -> Report {
    Report {
        version: whole.version,
        skill: whole.skill.clone(),
        entry: whole.entry.clone(),
        argv: whole.argv.clone(),
        cwd: whole.cwd.clone(),
        isolation: whole.isolation.clone(),
        policy: whole.policy.clone(),
        observe: whole.observe,
        started_at: whole.started_at.clone(),
        startup_ms: whole.startup_ms,
        ..Report::default()
    }
}
