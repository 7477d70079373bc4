//! stdout and stderr, side by side or line by line as they came: only the lines in sight are turned into text.

use ratatui::text::Span;

use super::canvas::{self, Canvas};
use super::{Look, Sign, format, frame};
use crate::run::log::{Line, matches};
use crate::sandbox::event::Stream;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::{Pane, State, Tab};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, pane: Pane, area: Area) {
    let look = canvas.look;
    let focused = state.focus == pane;
    let (stream, name) =
        if pane == Pane::Stderr { (Stream::Stderr, "stderr") } else { (Stream::Stdout, "stdout") };
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let Some(run) = state.shown_run() else {
        canvas.title(area, focused, &[look.span(role, name)], &[]);
        return;
    };
    let log = run.log(stream);
    let body = area.below(1);
    let height = usize::from(body.height);
    let scroll = state.scroll(pane);
    let first = scroll.first(log.len(), height);

    let room = usize::from(area.width).saturating_sub(name.len());
    let notes = notes(&look, state, pane, (log.dropped_lines(), log.len()), room);
    canvas.title(area, focused, &[look.span(role, name)], &[look.span(Role::Faint, notes)]);
    if pane == Pane::Stderr && area.x > 0 && state.tab == Tab::Run && !state.zoomed {
        divider(canvas, area);
    }
    if height == 0 {
        return;
    }
    let found = state.search.as_ref().map(|search| search.needle.as_str());
    for (offset, line) in log.lines(first..first + height).into_iter().enumerate() {
        let spans = spans(canvas, line, found);
        let row = body.y + offset as u16;
        canvas.line(body.x + 1, row, body.width.saturating_sub(1), &canvas::crop(spans, scroll.left));
    }
}

/// Both streams in one pane. A bar stands before the lines of stderr.
pub(super) fn both(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Output;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let mark = look.mark(Role::Warning, Sign::Bar);
    let title = [look.span(role, "stdout and "), mark.clone(), look.span(role, "stderr")];
    let Some(run) = state.shown_run() else {
        canvas.title(area, focused, &title, &[]);
        return;
    };
    let (order, scroll, body) = (&run.trace.order, state.scroll(Pane::Output), area.below(1));
    let room = usize::from(area.width).saturating_sub(18);
    let notes = notes(&look, state, Pane::Output, (order.dropped_lines(), order.len()), room);
    canvas.title(area, focused, &title, &[look.span(Role::Faint, notes)]);
    let height = usize::from(body.height);
    let first = scroll.first(order.len(), height);
    let places: Vec<_> = (first..first + height).map_while(|row| order.at(row)).collect();
    // What is in sight of a stream is one stretch of it: colours carry over within.
    let stretch = |stream| {
        let lines = || places.iter().filter(move |place| place.stream == stream).map(|place| place.line);
        let range = lines().min().unwrap_or(0)..lines().max().map_or(0, |last| last + 1);
        run.log(stream).lines(range).into_iter()
    };
    let (mut stdout, mut stderr) = (stretch(Stream::Stdout), stretch(Stream::Stderr));
    let found = state.search.as_ref().map(|search| search.needle.as_str());
    for (offset, place) in places.iter().enumerate() {
        let error = place.stream == Stream::Stderr;
        let Some(line) = (if error { stderr.next() } else { stdout.next() }) else { continue };
        let row = body.y + offset as u16;
        if error {
            canvas.line(body.x, row, 1, std::slice::from_ref(&mark));
        }
        let spans = canvas::crop(spans(canvas, line, found), scroll.left);
        canvas.line(body.x + 1, row, body.width.saturating_sub(1), &spans);
    }
}

/// What is said in the title of a stream: most telling first; what does not fit is left out from the end.
fn notes(look: &Look<'_>, state: &State, pane: Pane, (dropped, lines): (u64, usize), room: usize) -> String {
    let mut notes = Vec::new();
    if dropped > 0 {
        notes.push(format!("{} older lines forgotten", labels::grouped(dropped)));
    }
    if state.scroll(pane).held {
        notes.push(format!("held, {} follows", state.hint(Command::Follow)));
    }
    notes.push(if lines == 0 { "empty".to_owned() } else { frame::plural(lines, "line") });
    let dot = format!(" {} ", look.sign(Sign::Dot));
    while notes.len() > 1 && notes.join(&dot).len() + 9 > room {
        notes.pop();
    }
    notes.join(&dot)
}

/// The border between the streams, when they stand side by side.
fn divider(canvas: &mut Canvas<'_>, area: Area) {
    let mark = [canvas.look.mark(Role::Rule, Sign::Divider)];
    for y in area.y..area.bottom() {
        canvas.line(area.x - 1, y, 1, &mark);
    }
}

fn spans(canvas: &Canvas<'_>, line: Line, found: Option<&str>) -> Vec<Span<'static>> {
    let look = canvas.look;
    let text = found.map(|_| line.text());
    let mut spans: Vec<_> =
        line.pieces.into_iter().map(|piece| Span::styled(piece.text, look.theme.ink(piece.ink))).collect();
    if let (Some(needle), Some(text)) = (found, text) {
        let hits: Vec<_> = matches(&text, needle).collect();
        spans = canvas::overlay(spans, &hits, look.style(Role::SearchMatch));
    }
    if line.left_out > 0 {
        let more = format!(" {} {} more", look.sign(Sign::More), format::bytes(line.left_out));
        spans.push(look.span(Role::NamedCharacter, more));
    }
    spans
}
