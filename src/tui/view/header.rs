//! Above the run: what ran, how it ended, what it used, what held it.
//!
//! ```text
//! scripts/fetch.py --city Bern                          default policy
//! ✗ exit 1   142 ms   cpu 90 ms   ▰▰▰▱▱▱▱▱▱▱ 38 of 256 MiB   2 denials
//! sandbox full · landlock 7 · seccomp        re-run: fetch.py modified
//! ```

use std::time::Duration;

use ratatui::text::Span;

use super::canvas::{Canvas, width};
use super::{Look, Sign, format, frame, sparkline};
use crate::run::report::Report;
use crate::sandbox::event::{Isolation, Level, Outcome, OutcomeKind};
use crate::tui::keymap::Command;
use crate::tui::layout::Area;
use crate::tui::state::{Cause, RunView, Stage, State};
use crate::tui::theme::Role;

const GAUGE: usize = 10;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let inner = area.inset(1);
    let Some(run) = state.shown_run() else {
        nothing_yet(canvas, state, inner);
        return;
    };
    if inner.height < 3 {
        facts(canvas, run, inner, true);
        return;
    }
    what(canvas, state, run, Area { height: 1, ..inner });
    facts(canvas, run, inner.below(1), inner.height < 4);
    if inner.height >= 4 {
        sparkline::row(canvas, run, Area { height: 1, ..inner.below(2) });
    }
    held(canvas, state, run, inner.below(inner.height - 1));
}

fn nothing_yet(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let Some(entry) = state.entry() else {
        let left = match state.skill().map(|skill| skill.entries.len()) {
            Some(0) => vec![look.span(Role::Muted, "this skill has no script to run")],
            Some(count) => {
                vec![
                    look.span(Role::Key, state.hint(Command::Run)),
                    look.span(Role::Text, format!(" runs one of {count} entries")),
                ]
            }
            None => Vec::new(),
        };
        canvas.ends(area, 0, &left, &[]);
        return;
    };
    let file = entry.file.display().to_string();
    if entry.interpreter.program.is_some() {
        let left =
            [look.span(Role::Key, state.hint(Command::Run)), look.span(Role::Text, format!(" runs {file}"))];
        canvas.ends(area, 0, &left, &policy(&look, state.is_approved()));
        let text = match state.entered().map(|form| &form.judged) {
            Some(Ok(input)) if !input.shown.is_empty() => &input.shown,
            Some(Err(_)) => "not complete yet",
            _ => "nothing given",
        };
        let hint = [
            look.span(Role::Key, state.hint(Command::EditInput)),
            look.span(Role::Muted, format!(" edits its input: {text}")),
        ];
        canvas.ends(area, 1, &hint, &[]);
    } else {
        let name = entry.interpreter.language.name();
        let text = format!("interpreter not found: {name} is needed to run {file}");
        canvas.ends(
            area,
            0,
            &[look.mark(Role::Warning, Sign::Limit), look.span(Role::Warning, format!(" {text}"))],
            &[],
        );
    }
}

fn policy(look: &Look<'_>, approved: bool) -> Vec<Span<'static>> {
    if approved {
        vec![look.span(Role::Accent, "policy.yaml approved")]
    } else {
        vec![look.span(Role::Muted, "default policy")]
    }
}

fn what(canvas: &mut Canvas<'_>, state: &State, run: &RunView, area: Area) {
    let look = canvas.look;
    let mut left = vec![look.span(Role::Strong, run.entry.display().to_string())];
    if !run.input.shown.is_empty() {
        left.push(look.span(Role::Text, format!(" {}", run.input.shown)));
    }
    let next = state.is_approved();
    let mut right = policy(&look, run.approved);
    if next != run.approved && !run.is_under_way() && state.old_run().is_none() {
        right.insert(
            0,
            look.span(Role::Faint, if next { "next run: policy.yaml   " } else { "next run: default   " }),
        );
    }
    canvas.ends(area, 0, &left, &right);
}

/// How it ended, in words and a mark.
pub(super) fn outcome(look: &Look<'_>, run: &RunView) -> Vec<Span<'static>> {
    let (role, sign, text) =
        match (&run.stage, run.report.as_ref().and_then(|report| report.outcome.as_ref())) {
            (Stage::Starting, _) => (Role::Running, Sign::Running, "starting".to_owned()),
            (Stage::Running, _) if run.cancelling => (Role::Running, Sign::Stopped, "ending".to_owned()),
            (Stage::Running, _) => (Role::Running, Sign::Running, "running".to_owned()),
            (Stage::Refused(problem), _) => (Role::Error, Sign::Denied, problem.clone()),
            (Stage::Ended, Some(outcome)) => ended(outcome),
            (Stage::Interrupted, _) => {
                (Role::Warning, Sign::Stopped, "interrupted: what started it went away".to_owned())
            }
            (Stage::Ended, None) => (Role::Error, Sign::Denied, "ended without a report".to_owned()),
        };
    vec![look.mark(role, sign), look.span(role, format!(" {text}"))]
}

fn ended(outcome: &Outcome) -> (Role, Sign, String) {
    let limit = outcome.limit.map(|limit| format!("{limit:?}").to_lowercase()).unwrap_or_default();
    match outcome.kind {
        OutcomeKind::Exited if outcome.code == Some(0) => (Role::Ok, Sign::Allowed, "exit 0".to_owned()),
        OutcomeKind::Exited => (Role::Error, Sign::Denied, format!("exit {}", outcome.code.unwrap_or(-1))),
        OutcomeKind::Signaled => {
            (Role::Error, Sign::Denied, outcome.signal.clone().unwrap_or_else(|| "ended by a signal".into()))
        }
        OutcomeKind::Limit => (Role::Limit, Sign::Limit, format!("LIMIT {limit}")),
        OutcomeKind::Timeout => (Role::Limit, Sign::Limit, "LIMIT wall time".to_owned()),
        OutcomeKind::Cancelled => (Role::Muted, Sign::Stopped, "cancelled".to_owned()),
        OutcomeKind::Failed => (Role::Error, Sign::Denied, format!("sandbox failed: {}", outcome.message)),
    }
}

/// `usage`: what was used is said too, for want of a row of its own.
fn facts(canvas: &mut Canvas<'_>, run: &RunView, area: Area, usage: bool) {
    let look = canvas.look;
    let gap = || Span::raw("   ");
    let mut left = outcome(&look, run);
    if matches!(run.stage, Stage::Refused(_)) {
        canvas.ends(area, 0, &left, &[]);
        return;
    }
    let report = run.report.as_deref();
    let done = report.filter(|report| report.outcome.is_some());
    let elapsed = done.map_or(run.elapsed, |r| Duration::from_secs_f64(r.duration_ms.max(0.0) / 1000.0));
    let cpu = done.map_or(run.usage.cpu_ms, |report| report.usage.cpu_ms);
    let mut right = Vec::new();
    if let Some(report) = report.filter(|report| report.lost_events > 0) {
        right.push(look.span(Role::Warning, format!("{} events lost   ", report.lost_events)));
    }
    if run.denials() > 0 {
        right.push(look.span(Role::Denied, frame::plural(run.denials(), "denial")));
    }
    left.extend([gap(), look.span(Role::Text, format::time(elapsed))]);
    if !usage {
        left.push(look.span(Role::Muted, format!(" of {}", format::limit(run.limits.wall))));
        canvas.ends(area, 0, &left, &right);
        return;
    }
    let cpu = vec![gap(), look.span(Role::Muted, "cpu "), look.span(Role::Text, format::millis(cpu))];
    // What fits, most telling first: the gauge goes before the numbers go.
    let room = usize::from(area.width).saturating_sub(width(&left) + width(&right) + 2);
    let gauge = memory(&look, run, done, Detail::Gauge);
    let numbers = memory(&look, run, done, Detail::Numbers);
    let short = memory(&look, run, done, Detail::Short);
    for parts in [[cpu.as_slice(), &gauge].concat(), [cpu.as_slice(), &numbers].concat(), numbers, short] {
        if width(&parts) <= room {
            left.extend(parts);
            break;
        }
    }
    canvas.ends(area, 0, &left, &right);
}

/// How much is said about memory.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    Gauge,
    Numbers,
    Short,
}

/// Peak (or present) memory against its limit.
fn memory(look: &Look<'_>, run: &RunView, done: Option<&Report>, detail: Detail) -> Vec<Span<'static>> {
    let used = done.map_or(run.usage.memory_bytes, |report| report.usage.peak_memory_bytes);
    let limit = run.limits.memory.max(1);
    let filled = ((used.saturating_mul(GAUGE as u64)).div_ceil(limit) as usize).min(GAUGE);
    let role = if used * 5 >= limit * 4 { Role::GaugeHigh } else { Role::Gauge };
    let mut spans = vec![Span::raw("   ")];
    if detail != Detail::Short {
        spans.push(look.span(Role::Muted, "memory "));
    }
    if detail == Detail::Gauge {
        spans.push(look.span(role, look.sign(Sign::Full).repeat(filled)));
        spans.push(look.span(Role::GaugeEmpty, look.sign(Sign::Empty).repeat(GAUGE - filled)));
        spans.push(Span::raw(" "));
    }
    let (used, limit) = (format::bytes(used), format::bytes(limit));
    // `38 of 256 MiB`: the unit once, when it is the same.
    let same = used.split(' ').nth(1) == limit.split(' ').nth(1);
    let used = if same { used.split(' ').next().unwrap_or(&used).to_owned() } else { used };
    spans.push(look.span(Role::Text, used));
    spans.push(look.span(Role::Muted, format!(" of {limit}")));
    spans
}

fn held(canvas: &mut Canvas<'_>, state: &State, run: &RunView, area: Area) {
    let look = canvas.look;
    // The state of the sandbox is never pushed aside.
    const LEAST: usize = 16;
    let most = usize::from(area.width).saturating_sub(LEAST);
    let cause = run.cause.as_ref().map(|cause| why(state, cause)).unwrap_or_default();
    let cause = cause.into_iter().find(|text| text.len() <= most).unwrap_or_default();
    let right = [look.span(Role::Info, cause)];
    let room = usize::from(area.width).saturating_sub(width(&right) + 3);
    let left = run.report.as_ref().map(|report| layers(&look, &report.isolation, room)).unwrap_or_default();
    canvas.line(area.x, area.y, room as u16, &left);
    canvas.ends(area, 0, &[], &right);
}

/// Why it ran again, in words; shorter and shorter.
fn why(state: &State, cause: &Cause) -> [String; 4] {
    let path = match state.skill().and_then(|skill| cause.path.strip_prefix(&skill.path).ok()) {
        Some(inside) => inside.display().to_string(),
        None => state.place.short(&cause.path),
    };
    let name = cause.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = &cause.kind;
    let events = if cause.events > 1 { format!(" ({} events)", cause.events) } else { String::new() };
    [
        format!("re-run: {path} {kind}{events}"),
        format!("re-run: {path} {kind}"),
        format!("re-run: {name} {kind}"),
        "re-run on save".to_owned(),
    ]
}

/// The layers in force; a reduced sandbox says so in a warning colour, with the first reason.
fn layers(look: &Look<'_>, isolation: &Isolation, room: usize) -> Vec<Span<'static>> {
    let layers = &isolation.layers;
    let spaces = [
        (layers.user, "user"),
        (layers.mount, "mount"),
        (layers.pid, "pid"),
        (layers.net, "net"),
        (layers.ipc, "ipc"),
        (layers.uts, "uts"),
        (layers.cgroup, "cgroup"),
    ];
    let dot = format!(" {} ", look.sign(Sign::Dot));
    let mut spans = Vec::new();
    if isolation.level == Level::Reduced {
        spans.push(look.mark(Role::Warning, Sign::Limit));
        let why = isolation.missing.first().map(|why| format!(": {why}")).unwrap_or_default();
        spans.push(look.span(Role::Warning, format!(" sandbox reduced{why}")));
        return spans;
    }
    spans.push(look.span(Role::Ok, "sandbox full"));
    let names: Vec<&str> = spaces.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    let mut parts = Vec::new();
    if names.len() == spaces.len() {
        parts.push("7 namespaces".to_owned());
    } else if !names.is_empty() {
        parts.push(format!("namespaces {}", names.join(" ")));
    }
    if layers.landlock_abi > 0 {
        parts.push(format!("landlock {}", layers.landlock_abi));
    }
    if layers.seccomp {
        parts.push("seccomp".to_owned());
    }
    if !layers.memory.is_empty() {
        parts.push(format!("memory by {}", layers.memory));
    }
    for part in parts {
        let span = look.span(Role::Faint, format!("{dot}{part}"));
        if width(&spans) + width(std::slice::from_ref(&span)) <= room {
            spans.push(span);
        }
    }
    spans
}
