//! The Runs tab: each old run with how it ended, and below all about the one under the cursor. Also the row that says that
//! the Run tab shows an old run.
//!
//! ```text
//!  ✗ 3 min ago   scripts/report.py --city Bern            2 denials   142 ms
//! ```

use ratatui::text::Span;

use super::canvas::{Canvas, width};
use super::details::unpainted;
use super::skills::look_of;
use super::{Look, Sign, format, frame};
use crate::policy::summary;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::history::{self, Listing, OldRun, PastRun, Replay, SPEEDS, ago};
use crate::tui::state::runs::RunVerdict;
use crate::tui::state::{Pane, State};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, pane: Pane, area: Area) {
    if pane == Pane::Runs { list(canvas, state, area) } else { facts(canvas, state, area) }
}

fn list(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Runs;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let rows = state.history.shown();
    let of = if state.history.all { "Runs of all skills" } else { "Runs" };
    let mut title = vec![look.span(role, of)];
    if !rows.is_empty() {
        title.push(look.span(Role::Faint, format!(" {}", labels::grouped(rows.len() as u64))));
    }
    let mut notes = Vec::new();
    if state.history.left_out > 0 {
        let text = format!("{} older ones not listed", labels::grouped(state.history.left_out as u64));
        notes.push(look.span(Role::Faint, text));
    }
    canvas.title(area, focused, &title, &notes);
    let body = area.below(1);
    if rows.is_empty() {
        empty(canvas, state, body);
        return;
    }
    let scroll = &state.history.list;
    for (offset, (index, row)) in
        rows.iter().enumerate().skip(scroll.top).take(usize::from(body.height)).enumerate()
    {
        let line = Area::new(body.x, body.y + offset as u16, body.width, 1);
        if index == scroll.cursor {
            canvas.tint(line, if focused { Role::Selection } else { Role::SelectionUnfocused });
        }
        let (left, right) = ends(&look, state, row, line.width);
        canvas.ends(line, 0, &unpainted(left), &unpainted(right));
    }
}

fn empty(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let muted = |text: &str| vec![look.span(Role::Muted, text)];
    let lines = match &state.history.listing {
        Listing::Unasked | Listing::Reading => vec![vec![look.span(Role::Faint, "reading")]],
        Listing::Off(why) => {
            let mut lines = vec![muted("there is no journal"), Vec::new()];
            lines.extend(
                labels::wrap(why, usize::from(area.width.saturating_sub(2)), 4)
                    .iter()
                    .map(|part| muted(part)),
            );
            lines
        }
        Listing::Read if state.history.all => vec![
            muted("no runs yet"),
            vec![
                look.span(Role::Key, state.hint(Command::Run)),
                look.span(Role::Text, " runs the chosen skill"),
            ],
        ],
        Listing::Read => vec![
            muted("no runs of this skill yet"),
            vec![
                look.span(Role::Key, state.hint(Command::Run)),
                look.span(Role::Text, " runs it   "),
                look.span(Role::Key, state.hint(Command::AllRuns)),
                look.span(Role::Text, " shows the runs of all skills"),
            ],
        ],
    };
    canvas.hint(area, &lines);
}

type Ends = (Vec<Span<'static>>, Vec<Span<'static>>);

fn ends(look: &Look<'_>, state: &State, row: &PastRun, columns: u16) -> Ends {
    let marked = state.history.marked.as_deref() == Some(&*row.id);
    let mark = if marked { look.mark(Role::Accent, Sign::Marked) } else { Span::raw(" ") };
    let (role, sign) = match row.verdict {
        Some(verdict) => look_of(verdict),
        None => (Role::Warning, Sign::Limit),
    };
    let mut left = vec![mark, look.mark(role, sign), Span::raw(" ")];
    left.push(look.cell(Role::Muted, &ago(state.history.now, row.started), 13));
    if columns >= 90 {
        left.push(look.cell(Role::Text, &row.local, 21));
    }
    if row.problem.is_some() {
        left.push(look.span(Role::Warning, "broken record "));
        left.push(look.span(Role::Faint, &row.id));
        return (left, Vec::new());
    }
    if state.history.all {
        left.push(look.cell(Role::Accent, &row.skill, if columns >= 90 { 20 } else { 12 }));
        left.push(Span::raw(" "));
    }
    let short = row.entry.file_name().map(|name| name.to_string_lossy().into_owned());
    let entry = if columns >= 70 { None } else { short }.unwrap_or_else(|| row.entry.display().to_string());
    left.push(look.span(Role::Text, entry));
    if !row.arguments.is_empty() {
        left.push(look.span(Role::Muted, format!(" {}", row.arguments)));
    }
    let mut right = Vec::new();
    if row.denials > 0 {
        right.push(look.span(Role::Denied, frame::plural(row.denials, "denial")));
    }
    let took = match (row.duration, row.verdict) {
        (_, Some(RunVerdict::Running)) => "running".to_owned(),
        (Some(duration), _) => format::time(duration),
        (None, _) => String::new(),
    };
    let took = look.span(Role::Text, took);
    right.push(Span::raw(" ".repeat(9_usize.saturating_sub(width(std::slice::from_ref(&took))))));
    right.extend([took, Span::raw(" ")]);
    (left, right)
}

fn facts(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::PastRun;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    canvas.title(area, focused, &[look.span(role, "Run")], &[]);
    let body = area.below(1);
    let lines = state.past_lines(usize::from(area.width.saturating_sub(2)));
    let top = state.history.facts.top;
    for (offset, (name, text)) in lines.iter().skip(top).take(usize::from(body.height)).enumerate() {
        let role = match *name {
            "broken" => Role::Warning,
            "record" => Role::Faint,
            _ => Role::Text,
        };
        let spans = [look.cell(Role::Muted, name, history::NAME), look.span(role, text)];
        canvas.line(body.x + 1, body.y + offset as u16, body.width.saturating_sub(1), &spans);
    }
}

/// `old run   3 min ago, 2026-11-30 14:03:22          p plays it   Esc back   r runs now`
pub(super) fn banner(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let Some(old) = state.old_run() else { return };
    let look = canvas.look;
    canvas.fill(area, Role::Bar);
    let inner = area.inset(1);
    let (lefts, keys) = if let Some(replay) = &old.replay {
        let toggle = if replay.playing { "pauses" } else { "goes on" };
        let speed = format!("{} {}", state.hint(Command::Faster), state.hint(Command::Slower));
        let keys = [
            (speed, "speed"),
            (state.hint(Command::Play), toggle),
            (state.hint(Command::Close), "all of it"),
        ];
        (vec![played(&look, state, old, replay)], keys)
    } else {
        let keys = [(Command::Play, "plays it"), (Command::Close, "back"), (Command::Run, "runs now")];
        let keys = keys.map(|(command, words)| (state.hint(command), words));
        (vec![what(&look, state, old, true), what(&look, state, old, false)], keys)
    };
    // The way back is worth more than the exact time, which the list tells too.
    let both = |left: &Vec<Span<'static>>, from: usize| width(left) + width(&hints(&look, &keys[from..])) + 2;
    let choices = lefts.iter().flat_map(|left| [(left, 0), (left, 1)]);
    let mut choices = choices.chain(lefts.last().map(|left| (left, 2)));
    let shortest = lefts.last().map(|left| (left, keys.len()));
    let fits = choices.find(|(left, from)| both(left, *from) <= usize::from(inner.width));
    if let Some((left, from)) = fits.or(shortest) {
        canvas.ends(inner, 0, &over(&look, left.clone()), &hints(&look, &keys[from..]));
    }
}

/// `old run   ▶ playing ×4   1.2 s of 4.5 s`
fn played(look: &Look<'_>, state: &State, old: &OldRun, replay: &Replay) -> Vec<Span<'static>> {
    let (sign, word) = if replay.playing { (Sign::Running, "playing") } else { (Sign::Stopped, "paused") };
    let speed = SPEEDS[state.history.speed];
    let at = format!("   {} of {}", format::time(replay.at.min(old.length)), format::time(old.length));
    vec![
        look.span(Role::Warning, "old run   "),
        look.mark(Role::Running, sign),
        look.span(Role::Running, format!(" {word} {}{speed}", look.sign(Sign::Times))),
        look.span(Role::Bar, at),
    ]
}

fn what(look: &Look<'_>, state: &State, old: &OldRun, exact: bool) -> Vec<Span<'static>> {
    let row = &old.row;
    let mut left = vec![look.span(Role::Warning, "old run")];
    if state.skill().is_none_or(|skill| skill.path != row.path) {
        left.push(look.span(Role::Bar, format!(" of {}", row.skill)));
    }
    left.push(look.span(Role::Bar, format!("   {}", ago(state.history.now, row.started))));
    if exact {
        left.push(look.span(Role::Bar, format!(", {}", row.local)));
    }
    let mut lost = |bytes: u64, words: &str| {
        if bytes > 0 {
            left.push(look.span(Role::Warning, format!("   {} {words}", summary::size(bytes))));
        }
    };
    lost(old.left_out, "of output not kept");
    lost(old.unread, "damaged");
    left
}

fn hints(look: &Look<'_>, keys: &[(String, &str)]) -> Vec<Span<'static>> {
    let hint = |(key, words): &(String, &str)| {
        [look.span(Role::Key, format!("   {key}")), look.span(Role::Bar, format!(" {words}"))]
    };
    over(look, keys.iter().flat_map(hint).collect())
}

/// On the ground of the bar.
fn over(look: &Look<'_>, spans: Vec<Span<'static>>) -> Vec<Span<'static>> {
    let ground = look.style(Role::Bar).bg;
    spans
        .into_iter()
        .map(|mut span| {
            span.style.bg = ground;
            span
        })
        .collect()
}
