//! Below (or beside) the source: diagnostics, schema, entries, files, and the sections of text.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::source::{marks, within};
use super::{Look, Sign, format};
use crate::skill::Skill;
use crate::skill::cost::Cost;
use crate::tui::labels::{self, DiagnosticRow};
use crate::tui::layout::Area;
use crate::tui::state::{FileItem, Pane, Piece, Section, State, Tone};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let focused = state.focus == Pane::Details;
    let active = Section::ALL.iter().position(|section| *section == state.skill_tab.section).unwrap_or(0);
    canvas.labels(area, focused, &labels::sections(state, area.width), active);
    let body = area.below(1);
    let Some(skill) = state.skill() else { return };
    match state.skill_tab.section {
        Section::Diagnostics => diagnostics(canvas, state, skill, body, focused),
        Section::Entries => entries(canvas, state, skill, body, focused),
        Section::Files => files(canvas, state, body, focused),
        Section::Schema | Section::Clients | Section::Cost | Section::Saved => text(canvas, state, body),
    }
}

/// Rows of text, moved as a whole.
fn text(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let rows = state.text_rows(usize::from(area.width));
    let shown = rows.into_iter().skip(state.skill_tab.details.top).take(usize::from(area.height));
    for (offset, row) in shown.enumerate() {
        let spans: Vec<Span<'static>> = row.iter().map(|piece| pieced(&look, piece)).collect();
        canvas.line(area.x, area.y + offset as u16, area.width, &spans);
    }
}

fn pieced(look: &Look<'_>, piece: &Piece) -> Span<'static> {
    let role = |tone: Tone| match tone {
        Tone::Plain => Role::Text,
        Tone::Strong => Role::Strong,
        Tone::Muted => Role::Muted,
        Tone::Faint => Role::Faint,
        Tone::Accent => Role::Accent,
        Tone::Good => Role::Ok,
        Tone::Caution => Role::Warning,
        Tone::Bad => Role::Error,
    };
    match piece {
        // Arrows and the like are ours, not the skill's; they have no place on an ASCII screen.
        Piece::Text(tone, text) if look.ascii => look.span(role(*tone), text.replace('→', "->")),
        Piece::Text(tone, text) => look.span(role(*tone), text),
        Piece::Mark(Tone::Good) => look.mark(Role::Ok, Sign::Allowed),
        Piece::Mark(Tone::Bad) => look.mark(Role::Error, Sign::Denied),
        Piece::Mark(tone) => look.mark(role(*tone), Sign::Limit),
    }
}

fn choose(canvas: &mut Canvas<'_>, line: Area, focused: bool) {
    canvas.tint(line, if focused { Role::Selection } else { Role::SelectionUnfocused });
}

fn diagnostics(canvas: &mut Canvas<'_>, state: &State, skill: &Skill, area: Area, focused: bool) {
    let look = canvas.look;
    if state.diagnostics().next().is_none() {
        let spans = vec![look.mark(Role::Ok, Sign::Allowed), look.span(Role::Muted, " nothing to report")];
        canvas.hint(area, &[vec![], spans]);
        return;
    }
    let cursor = state.skill_tab.details.cursor;
    let rows = labels::diagnostics(state.diagnostics(), cursor, area.width);
    let top = labels::diagnostics_top(&rows, cursor, usize::from(area.height));
    let indent = usize::from(labels::diagnostic_indent(area.width));
    for (offset, row) in rows.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let line = Area::new(area.x, area.y + offset as u16, area.width, 1);
        let Some(diagnostic) = state.diagnostics().nth(row.index()) else { continue };
        if row.index() == cursor && focused {
            canvas.tint(line, Role::CursorLine);
        }
        let spans = match row {
            DiagnosticRow::Head(_, text) => {
                let span = diagnostic.span;
                let mut place = format!("{}:{}", span.line, span.column);
                if diagnostic.file != skill.manifest_path() {
                    place = format!("{}:{}", within(skill, &diagnostic.file), span.line);
                }
                let mut spans = Vec::from(marks(&look, state, &[diagnostic]));
                spans.push(Span::raw(" "));
                if indent > 20 {
                    spans.push(look.cell(Role::Faint, &place, 8));
                    spans.push(Span::raw(" "));
                    spans.push(look.cell(Role::Muted, diagnostic.code, indent - 14));
                    spans.push(Span::raw("  "));
                } else {
                    spans.push(look.cell(Role::Faint, &place, indent - 4));
                    spans.push(Span::raw(" "));
                }
                spans.push(look.span(Role::Text, text));
                spans
            }
            DiagnosticRow::More(_, text) => vec![Span::raw(" ".repeat(indent)), look.span(Role::Text, text)],
            DiagnosticRow::Help(_, text) => vec![Span::raw(" ".repeat(indent)), look.span(Role::Muted, text)],
        };
        let spans = unpainted(spans);
        canvas.line(line.x, line.y, line.width, &spans);
    }
}

/// Without backgrounds, so that the row's own shows through.
pub(super) fn unpainted(mut spans: Vec<Span<'static>>) -> Vec<Span<'static>> {
    for span in &mut spans {
        span.style.bg = None;
    }
    spans
}

fn entries(canvas: &mut Canvas<'_>, state: &State, skill: &Skill, area: Area, focused: bool) {
    let look = canvas.look;
    if skill.entries.is_empty() {
        canvas.hint(area, &[vec![], vec![look.span(Role::Muted, "this skill has no script to run")]]);
        return;
    }
    let chosen = state.entry();
    let scroll = &state.skill_tab.details;
    let longest = skill.entries.iter().map(|e| e.file.as_os_str().len()).max().unwrap_or(0);
    let name = longest.clamp(8, usize::from(area.width / 2).max(8));
    let shown = skill.entries.iter().enumerate().skip(scroll.top).take(usize::from(area.height));
    for (offset, (index, entry)) in shown.enumerate() {
        let line = Area::new(area.x, area.y + offset as u16, area.width, 1);
        if index == scroll.cursor && focused {
            choose(canvas, line, focused);
        }
        let mark = if chosen == Some(entry) { look.mark(Role::Accent, Sign::Chosen) } else { Span::raw(" ") };
        let mut spans = vec![
            Span::raw(" "),
            mark,
            Span::raw(" "),
            look.cell(
                if chosen == Some(entry) { Role::Strong } else { Role::Text },
                &entry.file.display().to_string(),
                name,
            ),
            Span::raw("  "),
            look.cell(Role::Muted, entry.interpreter.language.name(), 8),
            Span::raw("  "),
        ];
        if let Some(program) = &entry.interpreter.program {
            spans.push(look.span(Role::Faint, state.place.short(program)));
        } else {
            spans.push(look.mark(Role::Warning, Sign::Limit));
            spans.push(look.span(Role::Warning, " interpreter not found"));
        }
        let spans = unpainted(spans);
        canvas.line(line.x, line.y, line.width, &spans);
    }
}

fn files(canvas: &mut Canvas<'_>, state: &State, area: Area, focused: bool) {
    let look = canvas.look;
    let Some(facts) = state.chosen_facts() else { return };
    let Some(files) = &facts.files else { return };
    let scroll = &state.skill_tab.details;
    let shown = files.iter().enumerate().skip(scroll.top).take(usize::from(area.height));
    for (offset, (index, file)) in shown.enumerate() {
        let line = Area::new(area.x, area.y + offset as u16, area.width, 1);
        if index == scroll.cursor && focused {
            choose(canvas, line, focused);
        }
        let open = state.skill_tab.opened.as_ref().is_some_and(|opened| opened.path.ends_with(&file.path));
        let mark = if open { look.mark(Role::Accent, Sign::Chosen) } else { Span::raw(" ") };
        let left = vec![
            Span::raw(" "),
            mark,
            Span::raw(" "),
            look.span(Role::Text, file.path.display().to_string()),
        ];
        let mut right = Vec::new();
        if let Some(tokens) = facts.learned.as_ref().and_then(|learned| tokens(&learned.cost, file)) {
            right.push(look.span(Role::Muted, format!("{} tokens", labels::grouped(tokens as u64))));
        }
        right.push(look.span(Role::Faint, format!("{:>10} ", format::bytes(file.bytes))));
        canvas.ends(line, 0, &unpainted(left), &unpainted(right));
    }
}

/// Tokens of a file that the skill's text sends a model to.
fn tokens(cost: &Cost, file: &FileItem) -> Option<usize> {
    let named = cost.files.iter().find(|named| named.path == file.path)?;
    named.count.ok().map(|count| count.tokens)
}
