//! What the sandbox saw: denials, files, network, limits, processes, changes; all of it by time; what was used.

use ratatui::text::Span;

use super::canvas::{Canvas, overlay};
use super::details::unpainted;
use super::source::within;
use super::{Sign, changes, format, packages, sparkline, timeline};
use crate::run::log::matches;
use crate::run::report::{Denial, FileAccess, MissingModule, Process};
use crate::sandbox::event::{LimitHit, NetworkAttempt, Operation, Resource, Verdict};
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::timeline::Filter;
use crate::tui::state::{Finding, Pane, RunView, Stage, State};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let focused = state.focus == Pane::Findings;
    let finding = state.run_tab.finding;
    let active = Finding::ALL.iter().position(|one| *one == finding).unwrap_or(0);
    canvas.labels(area, focused, &labels::findings(state, area.width), active);
    let body = area.below(1);
    if let Some(preparation) = state.preparation().filter(|_| finding == Finding::Denials) {
        packages::at_work(canvas, state, preparation, body);
        return;
    }
    let Some(run) = state.shown_run() else { return };
    if finding == Finding::Usage {
        sparkline::section(canvas, state, body);
        return;
    }
    let Some(report) = run.report.as_deref() else {
        if let Stage::Refused(problem) = &run.stage {
            refused(canvas, problem, body);
        }
        if run.stage == Stage::Interrupted {
            refused(canvas, "It was interrupted before a report was written down.", body);
        }
        return;
    };
    let scroll = &state.run_tab.findings;
    let rows = run.rows(finding);
    if rows == 0 && finding == Finding::Denials && !report.missing_modules.is_empty() {
        let missing: Vec<String> = report.missing_modules.iter().map(MissingModule::sentence).collect();
        let next = format!("{} shows what is declared, and installs it", state.hint(Command::Prepare));
        let can = report.missing_modules.iter().any(|module| module.command.is_some());
        let said: Vec<String> = missing.into_iter().chain(can.then_some(next)).collect();
        refused(canvas, &said.join("\n"), body);
        return;
    }
    if rows == 0 {
        let text = nothing(state, run, finding);
        let good = run.stage == Stage::Ended && finding != Finding::Timeline;
        let spans = if good {
            vec![canvas.look.mark(Role::Ok, Sign::Allowed), canvas.look.span(Role::Muted, format!(" {text}"))]
        } else {
            vec![canvas.look.span(Role::Faint, text)]
        };
        canvas.hint(body, &[vec![], spans]);
        return;
    }
    for (offset, index) in (scroll.top..rows).take(usize::from(body.height)).enumerate() {
        let line = Area::new(body.x, body.y + offset as u16, body.width, 1);
        let chosen = index == scroll.cursor;
        if chosen {
            canvas.tint(line, if focused { Role::Selection } else { Role::SelectionUnfocused });
        }
        let (left, right) = match finding {
            Finding::Denials => denial(canvas, state, &report.denials[index], line.width),
            Finding::Files => file(canvas, state, &report.files[index]),
            Finding::Network => network(canvas, &report.network[index]),
            Finding::Limits => limit(canvas, &report.limits[index]),
            Finding::Processes => process(canvas, &report.processes[index]),
            Finding::Changes => changes::row(canvas, state, report, index),
            Finding::Timeline => (timeline::row(canvas, run, &state.place, index), Vec::new()),
            Finding::Usage => Ends::default(),
        };
        let left = found(canvas, state, unpainted(left));
        canvas.ends(line, 0, &left, &unpainted(right));
    }
}

/// Why a run was not started, or what it did not find, in full.
fn refused(canvas: &mut Canvas<'_>, problem: &str, area: Area) {
    let look = canvas.look;
    let lines =
        problem.lines().flat_map(|line| labels::wrap(line, usize::from(area.width.saturating_sub(3)), 6));
    for (offset, line) in lines.take(usize::from(area.height)).enumerate() {
        canvas.line(area.x + 1, area.y + offset as u16, area.width - 1, &[look.span(Role::Text, line)]);
    }
}

/// Light up what is searched for.
fn found(canvas: &Canvas<'_>, state: &State, spans: Vec<Span<'static>>) -> Vec<Span<'static>> {
    let Some(search) = &state.search else { return spans };
    let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let hits: Vec<_> = matches(&text, &search.needle).collect();
    overlay(spans, &hits, canvas.look.style(Role::SearchMatch))
}

fn nothing(state: &State, run: &RunView, finding: Finding) -> String {
    let text = match finding {
        Finding::Denials => "nothing was refused",
        Finding::Files => "no file was looked at",
        Finding::Network => "no connection was attempted",
        Finding::Limits => "no limit was reached",
        Finding::Processes => "no process was seen",
        Finding::Changes if run.is_under_way() => "changes are looked for when the run has ended",
        Finding::Changes => "nothing was changed on disk",
        Finding::Timeline if state.run_tab.filter != Filter::Everything => {
            return format!("no such event; {} shows the next kind", state.hint(Command::TimelineFilter));
        }
        Finding::Timeline | Finding::Usage => "nothing happened yet",
    };
    text.to_owned()
}

pub(super) type Ends = (Vec<Span<'static>>, Vec<Span<'static>>);

pub(super) fn operation(operation: Operation) -> String {
    format!("{operation:?}").to_lowercase()
}

fn times(canvas: &Canvas<'_>, count: u64) -> Vec<Span<'static>> {
    let look = canvas.look;
    if count > 1 {
        vec![look.span(Role::Faint, format!("  {}{}", look.sign(Sign::Times), labels::grouped(count)))]
    } else {
        Vec::new()
    }
}

/// `✗ read    /etc/shadow  EACCES  ×3                 + read  main.py:12`
fn denial(canvas: &Canvas<'_>, state: &State, denial: &Denial, columns: u16) -> Ends {
    let look = canvas.look;
    let mut left = vec![
        Span::raw(" "),
        look.mark(Role::Denied, Sign::Denied),
        Span::raw(" "),
        look.cell(Role::Denied, &operation(denial.operation), 8),
        look.span(Role::Text, target(state, &denial.target)),
    ];
    left.extend(times(canvas, denial.count));
    let mut right = Vec::new();
    let where_columns = if columns >= 100 { 28 } else { 18 };
    if columns >= 64 {
        right.push(look.cell(Role::Muted, &denial.errno, 10));
    }
    if columns >= 100 {
        let layer = format!("{:?}", denial.layer).to_lowercase();
        right.push(look.cell(Role::Muted, &layer, 11));
        let (role, text) = match &denial.remedy {
            // Of an old run only a new one tells what is still refused.
            Some(remedy) if state.old_run().is_some() => {
                (Role::Muted, format!("wanted {}", remedy.permission))
            }
            Some(remedy) => (Role::Ok, format!("a grants {}", remedy.permission)),
            None => (Role::Faint, "never granted".to_owned()),
        };
        right.push(look.cell(role, &text, 16));
    }
    if columns >= 50 {
        let place = state.blamed(denial).map(|frame| {
            let file =
                state.skill().map_or_else(|| frame.file.display().to_string(), |s| within(s, &frame.file));
            let short = file.rsplit('/').next().unwrap_or(&file).to_owned();
            frame.place(if columns >= 100 { &file } else { &short })
        });
        right.push(look.cell(Role::Accent, &place.unwrap_or_default(), where_columns));
    }
    (left, right)
}

/// A denial's target as people write it: paths shortened, all else as it is.
pub(super) fn target(state: &State, target: &str) -> String {
    if target.starts_with('/') { state.place.short(std::path::Path::new(target)) } else { target.to_owned() }
}

fn verdict(canvas: &Canvas<'_>, verdict: Verdict) -> (Role, Span<'static>) {
    let look = canvas.look;
    match verdict {
        Verdict::Allowed => (Role::Text, look.mark(Role::Ok, Sign::Allowed)),
        Verdict::Denied => (Role::Denied, look.mark(Role::Denied, Sign::Denied)),
        Verdict::Missing | Verdict::Unknown => (Role::Faint, look.mark(Role::Faint, Sign::Dot)),
    }
}

fn file(canvas: &Canvas<'_>, state: &State, file: &FileAccess) -> Ends {
    let look = canvas.look;
    let (role, mark) = verdict(canvas, file.verdict);
    let path = state.place.short(&file.path);
    let left = vec![
        Span::raw(" "),
        mark,
        Span::raw(" "),
        look.cell(Role::Muted, &operation(file.operation), 8),
        look.span(role, path),
    ];
    let mut right = times(canvas, file.count);
    if file.verdict == Verdict::Missing {
        right.push(look.span(Role::Faint, "  not found"));
    }
    right.push(Span::raw(" "));
    (left, right)
}

fn network(canvas: &Canvas<'_>, attempt: &NetworkAttempt) -> Ends {
    let look = canvas.look;
    let (role, mark) = verdict(canvas, attempt.verdict);
    let host = attempt.host.as_deref().or(attempt.address.as_deref()).unwrap_or("?");
    let mut left = vec![
        Span::raw(" "),
        mark,
        Span::raw(" "),
        look.cell(Role::Muted, &attempt.protocol, 5),
        look.span(role, format!("{host}:{}", attempt.port)),
    ];
    if let (Some(_), Some(address)) = (&attempt.host, &attempt.address) {
        left.push(look.span(Role::Faint, format!("  {address}")));
    }
    left.extend(times(canvas, attempt.count));
    (left, Vec::new())
}

fn limit(canvas: &Canvas<'_>, hit: &LimitHit) -> Ends {
    let look = canvas.look;
    let amount = |value: u64| match hit.resource {
        Resource::Cpu | Resource::Wall => format::millis(value),
        Resource::Memory | Resource::FileSize | Resource::Scratch | Resource::Output => format::bytes(value),
        Resource::OpenFiles | Resource::Processes => labels::grouped(value),
    };
    let name = match hit.resource {
        Resource::FileSize => "file size".to_owned(),
        Resource::OpenFiles => "open files".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    let left = vec![
        Span::raw(" "),
        look.mark(Role::Limit, Sign::Limit),
        Span::raw(" "),
        look.cell(Role::Limit, &name, 12),
        look.span(Role::Text, amount(hit.observed)),
        look.span(Role::Muted, format!(" of {}", amount(hit.limit))),
        look.span(Role::Muted, format!("   {}", hit.effect)),
    ];
    let right =
        vec![look.span(Role::Faint, format!("{} after {} ", hit.enforced_by, format::millis(hit.at_ms)))];
    (left, right)
}

fn process(canvas: &Canvas<'_>, process: &Process) -> Ends {
    let look = canvas.look;
    let program = process.program.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = process.argv.iter().skip(1).cloned().collect::<Vec<_>>().join(" ");
    let left = vec![
        Span::raw(" "),
        look.cell(Role::Faint, &process.pid.to_string(), 7),
        look.span(Role::Strong, program),
        look.span(Role::Muted, format!(" {rest}")),
    ];
    let right = match process.exit {
        Some(0) => vec![look.span(Role::Ok, "exit 0 ")],
        Some(code) => vec![look.span(Role::Error, format!("exit {code} "))],
        None => Vec::new(),
    };
    (left, right)
}
