//! The raw line with its examples, and JSON with its lines numbered.

use std::ops::Range;

use ratatui::layout::Position;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::super::Sign;
use super::super::canvas::{Canvas, crop};
use super::super::details::unpainted;
use super::{line_of, more};
use crate::run::log::clean;
use crate::tui::layout::Area;
use crate::tui::layout::form as place;
use crate::tui::state::form::{Form, Problem};
use crate::tui::theme::Role;

/// The raw line, and the examples below it.
pub(super) fn arguments(canvas: &mut Canvas<'_>, form: &Form, area: Area) -> Option<Position> {
    let look = canvas.look;
    if area.height == 0 {
        return None;
    }
    let line = Area { height: 1, ..area };
    canvas.tint(line, Role::CursorLine);
    let cursor = line_of(canvas, &form.line, Some("arguments, quoted as for a shell"), false, true, line);
    let mut rows = vec![Vec::new()];
    if !form.examples.is_empty() {
        let arrows = if look.ascii { "Up Down" } else { "↑ ↓" };
        rows.push(vec![look.span(Role::Key, arrows), look.span(Role::Muted, "  examples from SKILL.md")]);
    }
    for (index, example) in form.examples.iter().enumerate() {
        let chosen = form.example == Some(index);
        let mark = if chosen { look.mark(Role::Accent, Sign::Chosen) } else { Span::raw(" ") };
        rows.push(vec![mark, Span::raw(" "), look.span(Role::Text, example)]);
    }
    for (offset, row) in rows.into_iter().enumerate().take(usize::from(area.height) - 1) {
        canvas.line(area.x, area.y + 1 + offset as u16, area.width, &unpainted(row));
    }
    cursor
}

/// The JSON with line numbers; lines with a problem are marked.
pub(super) fn json(canvas: &mut Canvas<'_>, form: &Form, area: Area) -> Option<Position> {
    let look = canvas.look;
    let gutter = place::gutter(form);
    let problems = problems(form);
    let lines = form.json.lines();
    let current = lines.get(form.json.row())?;
    let before: String = current.value().chars().take(current.cursor()).collect();
    let column = clean(&before).width();
    let room = usize::from(area.width.saturating_sub(gutter).max(1));
    let start = (column + 1).saturating_sub(room);
    let mut cursor = None;
    for (offset, row) in visible(form.top, lines.len(), area).enumerate() {
        let y = area.y + offset as u16;
        let wrong = problems.iter().any(|one| one.place.is_some_and(|(line, _)| line == row + 1));
        let mark = if wrong { look.mark(Role::Error, Sign::Denied) } else { Span::raw(" ") };
        let number = look.span(Role::LineNumber, format!("{:>1$}", row + 1, usize::from(gutter) - 2));
        canvas.line(area.x, y, gutter.min(area.width), &unpainted(vec![number, mark]));
        let text = unpainted(vec![look.span(Role::Text, lines[row].value())]);
        canvas.line(area.x + gutter, y, area.width.saturating_sub(gutter), &crop(text, start));
        if row == form.json.row() {
            let x = area.x + gutter + (column - start) as u16;
            cursor = Some(Position::new(x.min(area.right().saturating_sub(1)), y));
        }
    }
    more(canvas, form.top, lines.len(), area);
    cursor
}

fn visible(top: usize, length: usize, area: Area) -> Range<usize> {
    top.min(length)..(top + usize::from(area.height)).min(length)
}

pub(super) fn problems(form: &Form) -> &[Problem] {
    form.judged.as_ref().err().map_or(&[], Vec::as_slice)
}
