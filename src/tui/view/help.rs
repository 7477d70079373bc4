//! The help screen: every key, or those that fit what was typed.

use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::canvas::{Canvas, width};
use super::popups::centred;
use crate::tui::keymap::{Command, TABLE};
use crate::tui::state::help::HelpRow;
use crate::tui::state::{Scroll, State};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, scroll: &Scroll) {
    let look = canvas.look;
    let written = |line| state.keymap.written(line, look.ascii);
    let keys = TABLE.iter().map(|line| written(line).width()).max().unwrap_or(8);
    // The widest line of the whole table: the popup does not change its width while one types.
    let widest = TABLE.iter().map(|line| line.description.width()).max().unwrap_or(20) + keys + 2;
    let row = |row: HelpRow| match row {
        HelpRow::Blank => Vec::new(),
        HelpRow::Heading(group) => vec![look.span(Role::Strong, group)],
        HelpRow::Line(line) => vec![
            look.cell(Role::Key, &written(line), keys),
            Span::raw("  "),
            look.span(Role::Text, line.description),
        ],
    };
    let rows: Vec<Vec<Span<'static>>> = state.help_rows().into_iter().map(row).collect();
    let area = centred(state, widest as u16 + 4, rows.len().max(1) as u16 + 2);
    let title = match state.help_needle.as_str() {
        "" => format!("keys  {} finds", state.hint(Command::FindHelp)),
        needle => format!("keys: {needle}"),
    };
    let title = look.span(Role::Text, title).content.into_owned();
    let inside = canvas.popup(area, &title);
    let height = usize::from(inside.height);
    if rows.is_empty() && height > 0 {
        let none = [look.span(Role::Muted, "no key fits")];
        canvas.line(inside.x, inside.y, inside.width, &super::details::unpainted(none.into()));
    }
    let top = scroll.top.min(rows.len().saturating_sub(height));
    for (offset, row) in rows.into_iter().skip(top).take(height).enumerate() {
        let row = super::details::unpainted(row);
        debug_assert!(width(&row) <= widest);
        canvas.line(inside.x, inside.y + offset as u16, inside.width, &row);
    }
}
