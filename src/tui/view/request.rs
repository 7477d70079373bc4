//! What the chosen skill's own policy file asks for, before it is approved.

use ratatui::text::Span;

use super::Look;
use super::canvas::Canvas;
use crate::skill::text::printable_source;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::{Scroll, State};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, scroll: &Scroll, area: Area) {
    let Some(request) = state.request() else { return };
    let look = canvas.look;
    canvas.fill(area, Role::Text);
    canvas.title(area, true, &[look.span(Role::TitleFocus, "What policy.yaml asks for")], &[]);
    let inside = area.below(2).inset(2);
    let columns = usize::from(inside.width);
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    let said = request.sentences();
    if said.is_empty() {
        rows.push(vec![look.span(Role::Text, "nothing beyond the default policy")]);
    }
    for (sentence, place) in said {
        let room = columns.saturating_sub(place.len() + 2);
        let mut parts = labels::wrap(&sentence, room, 4).into_iter();
        let first = parts.next().unwrap_or_default();
        rows.push(vec![look.cell(Role::Text, &first, room), look.span(Role::Muted, format!("  {place}"))]);
        rows.extend(parts.map(|part| vec![look.span(Role::Text, format!("  {part}"))]));
    }
    if let Some(changes) = request.changes() {
        rows.push(Vec::new());
        rows.push(vec![look.span(Role::Strong, "changed since it was last approved")]);
        for line in printable_source(&changes).lines().skip(2) {
            rows.push(vec![diff_line(&look, line)]);
        }
    }
    rows.push(Vec::new());
    rows.push(vec![
        look.span(Role::Key, state.hint(Command::Open)),
        look.span(Role::Muted, " approves all of it, until it asks for something else   "),
        look.span(Role::Key, state.hint(Command::Close)),
        look.span(Role::Muted, " leaves the default"),
    ]);
    let height = usize::from(inside.height);
    let top = scroll.top.min(rows.len().saturating_sub(height));
    for (offset, row) in rows.into_iter().skip(top).take(height).enumerate() {
        canvas.line(inside.x, inside.y + offset as u16, inside.width, &super::details::unpainted(row));
    }
}

/// A line of a unified diff.
pub(super) fn diff_line(look: &Look<'_>, line: &str) -> Span<'static> {
    let role = match line.as_bytes().first() {
        Some(b'+') => Role::Ok,
        Some(b'-') => Role::Error,
        _ => Role::Muted,
    };
    look.span(role, line)
}
