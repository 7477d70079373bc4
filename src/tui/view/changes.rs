//! What a run changed on disk: the list, and one change opened with its diff.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::findings::Ends;
use super::{Look, format};
use crate::run::report::{Change, ChangeKind, Report};
use crate::skill::text::printable;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::findings::{change_notes, fate, kind};
use crate::tui::state::{Scroll, State};
use crate::tui::theme::Role;

/// `+ added     out/report.md            1.2 KiB  kept`
pub(super) fn row(canvas: &Canvas<'_>, state: &State, report: &Report, index: usize) -> Ends {
    let look = canvas.look;
    let notes = change_notes(report);
    if let Some(note) = notes.get(index) {
        let role = if note.starts_with("captured") { Role::Info } else { Role::Warning };
        return (vec![look.span(role, format!(" {note}"))], Vec::new());
    }
    let Some(change) = report.changes.get(index - notes.len()) else { return Ends::default() };
    let (role, sign) = looks(change);
    let left = vec![
        look.span(role, format!(" {sign} ")),
        look.cell(role, kind(change), 15),
        look.span(Role::Text, state.place.short(&change.path)),
    ];
    let mut right = vec![look.span(Role::Muted, size(&look, change))];
    right.extend(fate_span(&look, change));
    right.push(Span::raw(" "));
    (left, right)
}

/// The sign tells without colour.
fn looks(change: &Change) -> (Role, &'static str) {
    match change.kind {
        ChangeKind::Added => (Role::Ok, "+"),
        ChangeKind::Deleted => (Role::Error, "-"),
        ChangeKind::Modified | ChangeKind::TypeChanged | ChangeKind::ModeChanged => (Role::Changed, "~"),
    }
}

/// `1.2 KiB`, or `10 B to 1.2 KiB`.
fn size(look: &Look<'_>, change: &Change) -> String {
    let now = format::bytes(change.bytes);
    let arrow = if look.ascii { "->" } else { "→" };
    match change.before_bytes {
        Some(before) if before != change.bytes && change.kind != ChangeKind::Deleted => {
            format!("{} {arrow} {now}", format::bytes(before))
        }
        _ => now,
    }
}

fn fate_span(look: &Look<'_>, change: &Change) -> Option<Span<'static>> {
    let role = if change.kept == Some(true) { Role::Ok } else { Role::Warning };
    let fate = fate(change);
    (!fate.is_empty()).then(|| look.span(role, format!("  {fate}")))
}

/// The change under the cursor, opened.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, scroll: &Scroll, area: Area) {
    let look = canvas.look;
    canvas.fill(area, Role::Text);
    let Some(change) = state.change() else {
        canvas.title(area, true, &[look.span(Role::TitleFocus, "Change")], &[]);
        canvas.hint(area.below(1), &[vec![], vec![look.span(Role::Muted, "no longer there")]]);
        return;
    };
    let arrows = [look.span(Role::Faint, if look.ascii { "h l others" } else { "← → others" })];
    canvas.title(area, true, &[look.span(Role::TitleFocus, "Change")], &arrows);
    let body = area.below(1).inset(2);
    let rows = rows(&look, state, change, usize::from(body.width));
    let top = scroll.top.min(rows.len().saturating_sub(usize::from(body.height)));
    for (offset, row) in rows.iter().skip(top).take(usize::from(body.height)).enumerate() {
        canvas.line(body.x, body.y + offset as u16, body.width, row);
    }
}

fn rows(look: &Look<'_>, state: &State, change: &Change, columns: usize) -> Vec<Vec<Span<'static>>> {
    let (role, sign) = looks(change);
    let mut head = vec![
        look.span(role, format!("{sign} {}  ", kind(change))),
        look.span(Role::Strong, state.place.short(&change.path)),
        look.span(Role::Muted, format!("  {}", size(look, change))),
    ];
    head.extend(fate_span(look, change));
    let mut rows = vec![Vec::new(), head];
    let detail = change.detail.iter().flat_map(|detail| labels::wrap(detail, columns, 4));
    rows.extend(detail.map(|line| vec![look.span(Role::Warning, line)]));
    rows.push(Vec::new());
    match &change.diff {
        Some(diff) => rows.extend(diff.lines().map(|line| {
            let role = match line.as_bytes().first() {
                Some(b'+') => Role::Ok,
                Some(b'-') => Role::Error,
                Some(b'@') => Role::Accent,
                _ => Role::Muted,
            };
            vec![look.span(role, printable(line).replace('\t', "    "))]
        })),
        None if change.detail.is_none() => {
            rows.push(vec![look.span(Role::Muted, "there is no text to compare")]);
        }
        None => {}
    }
    rows
}
