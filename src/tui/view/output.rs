//! stdout and stderr: only the lines in sight are turned into text.

use ratatui::text::Span;

use super::canvas::{self, Canvas};
use super::{Sign, format, frame};
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
    let Some(run) = state.run() else {
        canvas.title(area, focused, &[look.span(role, name)], &[]);
        return;
    };
    let log = run.log(stream);
    let body = area.below(1);
    let height = usize::from(body.height);
    let scroll = state.scroll(pane);
    let first = scroll.first(log.len(), height);

    // Most telling first; what does not fit is left out from the end.
    let mut notes = Vec::new();
    if log.dropped_lines() > 0 {
        notes.push(format!("{} older lines forgotten", labels::grouped(log.dropped_lines())));
    }
    if scroll.held {
        notes.push(format!("held, {} follows", state.hint(Command::Follow)));
    }
    notes.push(if log.is_empty() { "empty".to_owned() } else { frame::plural(log.len(), "line") });
    let dot = format!(" {} ", look.sign(Sign::Dot));
    while notes.len() > 1 && notes.join(&dot).len() + name.len() + 9 > usize::from(area.width) {
        notes.pop();
    }
    canvas.title(area, focused, &[look.span(role, name)], &[look.span(Role::Faint, notes.join(&dot))]);
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
