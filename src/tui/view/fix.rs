//! A fix before it is made: what it does, and the difference.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::details::unpainted;
use super::source::within;
use super::{Look, Sign};
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::{DiffKind, DiffLine, FixDraft, FixView, State};
use crate::tui::theme::Role;

type Row = Vec<Span<'static>>;

/// Rows that are scrolled: titles, and the diff below.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, view: &FixView, area: Area) {
    let look = canvas.look;
    let draft = &view.draft;
    let name = state.skill().map(|skill| within(skill, &draft.file)).unwrap_or_default();
    let title = if draft.all { format!("all fixes of {name}") } else { format!("fix in {name}") };
    let inside = canvas.popup(area, &title);
    if inside.height == 0 {
        return;
    }
    let mut rows: Vec<Row> = Vec::new();
    for title in &draft.titles {
        let wrapped = labels::wrap(title, usize::from(inside.width.saturating_sub(2)), 3);
        rows.extend(wrapped.into_iter().enumerate().map(|(at, part)| {
            let lead = if at == 0 { look.mark(Role::Ok, Sign::Chosen) } else { Span::raw(" ") };
            vec![lead, Span::raw(" "), look.span(Role::Strong, part)]
        }));
    }
    if draft.titles.is_empty() {
        rows.push(vec![look.span(Role::Muted, "nothing is left to fix in this file")]);
    }
    rows.push(Vec::new());
    let gutter = draft.diff.iter().map(|line| line.number).max().unwrap_or(0).to_string().len();
    rows.extend(draft.diff.iter().map(|line| diff_row(&look, line, gutter)));
    let height = usize::from(inside.height - 1);
    let top = view.scroll.top.min(rows.len().saturating_sub(height));
    for (offset, row) in rows.into_iter().skip(top).take(height).enumerate() {
        canvas.line(inside.x, inside.y + offset as u16, inside.width, &unpainted(row));
    }
    canvas.line(inside.x, inside.bottom() - 1, inside.width, &unpainted(keys(&look, state, draft)));
}

/// `12 + name: demo`
fn diff_row(look: &Look<'_>, line: &DiffLine, gutter: usize) -> Row {
    let (role, sign) = match line.kind {
        DiffKind::Same => (Role::Muted, " "),
        DiffKind::Gone => (Role::Error, "-"),
        DiffKind::New => (Role::Ok, "+"),
        DiffKind::Gap => {
            let dots = look.sign(Sign::More);
            return vec![look.span(Role::Faint, format!("{:>gutter$} {dots} {}", "", line.text))];
        }
    };
    let text = crate::run::log::clean::clean_source(&line.text).into_owned();
    vec![
        look.span(Role::LineNumber, format!("{:>gutter$} ", line.number)),
        look.span(role, format!("{sign} {text}")),
    ]
}

fn keys(look: &Look<'_>, state: &State, draft: &FixDraft) -> Row {
    let mut row = Vec::new();
    let mut key = |command: Command, what: &str| {
        row.push(look.span(Role::Key, state.hint(command)));
        row.push(look.span(Role::Muted, format!(" {what}   ")));
    };
    if !draft.titles.is_empty() {
        key(Command::Open, "writes it");
    }
    if !draft.all {
        key(Command::FixAll, "all fixes of the file");
    }
    key(Command::Close, "leaves it");
    row
}
