//! Two old runs side by side: outcome and usage, then what only one of them was refused, then what they printed.

use ratatui::text::Span;

use super::canvas::{Canvas, crop, width};
use super::details::unpainted;
use super::{Look, Sign};
use crate::tui::keymap::Command;
use crate::tui::layout::Area;
use crate::tui::state::history::{PastRun, ago};
use crate::tui::state::{CompareLine, Scroll, State};
use crate::tui::theme::Role;

/// Columns of the names at the left.
const NAME: usize = 11;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, scroll: &Scroll, area: Area) {
    let look = canvas.look;
    canvas.fill(area, Role::Text);
    let keys = format!("{} copies, {} closes", state.hint(Command::Copy), state.hint(Command::Close));
    let notes = [look.span(Role::Faint, keys)];
    canvas.title(area, true, &[look.span(Role::TitleFocus, "Two runs compared")], &notes);
    let Some(compared) = &state.history.compared else { return };
    let body = area.below(1).inset(1);
    let columns = usize::from(body.width).saturating_sub(NAME) / 2;
    let head = |row: &PastRun| {
        let words = format!("{}, {}", ago(state.history.now, row.started), row.local);
        look.cell(Role::Strong, &words, columns.saturating_sub(1))
    };
    let heads =
        vec![look.cell(Role::Muted, "", NAME), head(&compared.before), Span::raw(" "), head(&compared.after)];
    canvas.line(body.x, body.y, body.width, &unpainted(heads));
    let rest = body.below(1);
    let Some(lines) = &compared.lines else {
        canvas.hint(rest, &[vec![], vec![look.span(Role::Faint, "comparing")]]);
        return;
    };
    let top = scroll.top.min(lines.len().saturating_sub(usize::from(rest.height)));
    for (offset, line) in lines.iter().skip(top).take(usize::from(rest.height)).enumerate() {
        let spans = unpainted(spans(&look, line, columns, usize::from(rest.width)));
        let left = if matches!(line, CompareLine::Both { .. }) { 0 } else { scroll.left };
        canvas.line(rest.x, rest.y + offset as u16, rest.width, &crop(spans, left));
    }
}

fn spans(look: &Look<'_>, line: &CompareLine, columns: usize, room: usize) -> Vec<Span<'static>> {
    let one = |role, text: &str| vec![look.span(role, text)];
    match line {
        CompareLine::Both { name, before, after } => {
            let role = if before == after { Role::Muted } else { Role::Text };
            let gap = columns.saturating_sub(1);
            vec![
                look.cell(Role::Muted, name, NAME),
                look.cell(role, before, gap),
                Span::raw(" "),
                look.cell(role, after, columns),
            ]
        }
        CompareLine::Head(text) => {
            let rule = look.sign(Sign::Rule);
            let mut row = vec![look.span(Role::Rule, rule.repeat(2)), Span::raw(" ")];
            row.push(look.span(Role::Strong, text));
            row.push(Span::raw(" "));
            let rest = room.saturating_sub(width(&row));
            row.push(look.span(Role::Rule, rule.repeat(rest)));
            row
        }
        CompareLine::Gained(text) => {
            vec![
                look.span(Role::Denied, "+ "),
                look.mark(Role::Denied, Sign::Denied),
                look.span(Role::Denied, format!(" gained  {text}")),
            ]
        }
        CompareLine::Lost(text) => {
            vec![
                look.span(Role::Ok, "- "),
                look.mark(Role::Ok, Sign::Allowed),
                look.span(Role::Ok, format!(" lost    {text}")),
            ]
        }
        CompareLine::Hunk(text) => one(Role::Faint, text),
        CompareLine::Removed(text) => one(Role::Error, &format!("-{text}")),
        CompareLine::Added(text) => one(Role::Ok, &format!("+{text}")),
        CompareLine::Same(text) => one(Role::Text, &format!(" {text}")),
        CompareLine::Note(text) => one(Role::Muted, text),
        CompareLine::Blank => Vec::new(),
    }
}
