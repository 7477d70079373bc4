//! A change of a policy file that is offered: the reasons, the diff, the keys.

use ratatui::text::Span;

use super::canvas::Canvas;
use crate::learn::offer::Kind;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::{Offered, State};
use crate::tui::theme::Role;

/// Rows that one line may take.
const WRAPPED: usize = 6;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, offered: &Offered, area: Area) {
    let look = canvas.look;
    canvas.fill(area, Role::Text);
    let title = [
        look.span(Role::TitleFocus, &offered.offer.title),
        look.span(Role::Muted, format!("  {}", offered.skill.name)),
    ];
    canvas.title(area, true, &title, &[]);
    let inside = area.below(2).inset(2);
    let columns = usize::from(inside.width);
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    for row in &offered.offer.rows {
        let role = match row.kind {
            Kind::Heading => Role::Strong,
            Kind::Text => Role::Text,
            Kind::Muted | Kind::Kept => Role::Muted,
            Kind::Warning => Role::Warning,
            Kind::Added => Role::Ok,
            Kind::Bad | Kind::Removed => Role::Error,
        };
        if matches!(row.kind, Kind::Added | Kind::Removed | Kind::Kept) || row.text.is_empty() {
            rows.push(vec![look.span(role, row.text.replace('\t', "    "))]);
            continue;
        }
        let indent = row.text.len() - row.text.trim_start().len();
        let room = columns.saturating_sub(indent + 2);
        for (at, part) in labels::wrap(&row.text, room, WRAPPED).into_iter().enumerate() {
            let lead = " ".repeat(if at == 0 { indent } else { indent + 2 });
            rows.push(vec![look.span(role, format!("{lead}{part}"))]);
        }
    }
    let keys = answers(canvas, state, offered);
    // The keys stay in sight, whatever is above them.
    let body = usize::from(inside.height).saturating_sub(2);
    let top = offered.scroll.top.min(rows.len().saturating_sub(body));
    for (offset, row) in rows.into_iter().skip(top).take(body).enumerate() {
        canvas.line(inside.x, inside.y + offset as u16, inside.width, &super::details::unpainted(row));
    }
    if inside.height > 0 {
        canvas.line(inside.x, inside.bottom() - 1, inside.width, &keys);
    }
}

fn answers(canvas: &Canvas<'_>, state: &State, offered: &Offered) -> Vec<Span<'static>> {
    let look = canvas.look;
    let (open, close) = (state.hint(Command::Open), state.hint(Command::Close));
    if !offered.offer.is_open() {
        return vec![look.span(Role::Key, close), look.span(Role::Muted, " closes")];
    }
    let does = if offered.offer.asks_already {
        " approves it   "
    } else if offered.offer.approves {
        " writes and approves it   "
    } else {
        " writes it   "
    };
    vec![
        look.span(Role::Key, open),
        look.span(Role::Muted, does),
        look.span(Role::Key, close),
        look.span(Role::Muted, " leaves policy.yaml as it is"),
    ]
}
