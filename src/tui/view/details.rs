//! Below (or beside) the source: diagnostics, schema, entries, files.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::source::{severity_mark, within};
use super::{Sign, format};
use crate::skill::Skill;
use crate::tui::labels::{self, DiagnosticRow};
use crate::tui::layout::Area;
use crate::tui::state::{Pane, Section, State, Tool};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let focused = state.focus == Pane::Details;
    let active = Section::ALL.iter().position(|section| *section == state.skill_tab.section).unwrap_or(0);
    canvas.labels(area, focused, &labels::sections(state), active);
    let body = area.below(1);
    let Some(skill) = state.skill() else { return };
    match state.skill_tab.section {
        Section::Diagnostics => diagnostics(canvas, state, skill, body, focused),
        Section::Schema => schema(canvas, state, body),
        Section::Entries => entries(canvas, state, skill, body, focused),
        Section::Files => files(canvas, state, body, focused),
    }
}

fn choose(canvas: &mut Canvas<'_>, line: Area, focused: bool) {
    canvas.tint(line, if focused { Role::Selection } else { Role::SelectionUnfocused });
}

fn diagnostics(canvas: &mut Canvas<'_>, state: &State, skill: &Skill, area: Area, focused: bool) {
    let look = canvas.look;
    if skill.diagnostics.is_empty() {
        let spans = vec![look.mark(Role::Ok, Sign::Allowed), look.span(Role::Muted, " nothing to report")];
        canvas.hint(area, &[vec![], spans]);
        return;
    }
    let cursor = state.skill_tab.details.cursor;
    let rows = labels::diagnostics(skill, cursor, area.width);
    let top = labels::diagnostics_top(&rows, cursor, usize::from(area.height));
    let indent = usize::from(labels::diagnostic_indent(area.width));
    for (offset, row) in rows.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let line = Area::new(area.x, area.y + offset as u16, area.width, 1);
        let Some(diagnostic) = skill.diagnostics.get(row.index()) else { continue };
        if row.index() == cursor && focused {
            canvas.tint(line, Role::CursorLine);
        }
        let (role, sign) = severity_mark(diagnostic.severity);
        let spans = match row {
            DiagnosticRow::Head(_, text) => {
                let span = diagnostic.span;
                let mut place = format!("{}:{}", span.line, span.column);
                if diagnostic.file != skill.manifest_path() {
                    place = format!("{}:{}", within(skill, &diagnostic.file), span.line);
                }
                let mut spans = vec![Span::raw(" "), look.mark(role, sign), Span::raw(" ")];
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

fn schema(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let Some(tools) = state.chosen_facts().and_then(|facts| facts.tools.as_ref()) else { return };
    if tools.is_empty() {
        canvas.hint(area, &[vec![], vec![look.span(Role::Muted, "no script, no tool")]]);
        return;
    }
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    for tool in tools {
        lines.push(vec![
            Span::raw(" "),
            look.span(Role::Strong, &tool.name),
            look.span(Role::Faint, format!("  {}  {}", tool.entry, tool.source)),
        ]);
        if state.skill_tab.json {
            lines.extend(tool.json.lines().map(|line| vec![Span::raw("   "), look.span(Role::Text, line)]));
        } else {
            lines.extend(parameters(canvas, tool));
        }
        lines.push(Vec::new());
    }
    let top = state.skill_tab.details.top;
    for (offset, spans) in lines.iter().skip(top).take(usize::from(area.height)).enumerate() {
        canvas.line(area.x, area.y + offset as u16, area.width, spans);
    }
}

fn parameters(canvas: &Canvas<'_>, tool: &Tool) -> Vec<Vec<Span<'static>>> {
    let look = canvas.look;
    if tool.parameters.is_empty() {
        return vec![vec![Span::raw("   "), look.span(Role::Muted, "takes no parameters")]];
    }
    let widest = |of: fn(&crate::tui::state::Parameter) -> usize, most| {
        tool.parameters.iter().map(of).max().unwrap_or(0).min(most)
    };
    let name = widest(|p| p.name.len(), 24);
    let kind = widest(|p| p.kind.len(), 22);
    tool.parameters
        .iter()
        .map(|parameter| {
            let required = if parameter.required { "required" } else { "" };
            vec![
                Span::raw("   "),
                look.cell(Role::Accent, &parameter.name, name),
                Span::raw("  "),
                look.cell(Role::Muted, &parameter.kind, kind),
                Span::raw("  "),
                look.cell(Role::Warning, required, 8),
                Span::raw("  "),
                look.span(Role::Text, &parameter.description),
            ]
        })
        .collect()
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
    let Some(files) = state.chosen_facts().and_then(|facts| facts.files.as_ref()) else { return };
    let scroll = &state.skill_tab.details;
    let shown = files.iter().enumerate().skip(scroll.top).take(usize::from(area.height));
    for (offset, (index, file)) in shown.enumerate() {
        let line = Area::new(area.x, area.y + offset as u16, area.width, 1);
        if index == scroll.cursor && focused {
            choose(canvas, line, focused);
        }
        let left = unpainted(vec![Span::raw("   "), look.span(Role::Text, file.path.display().to_string())]);
        let right = unpainted(vec![look.span(Role::Faint, format!("{} ", format::bytes(file.bytes)))]);
        canvas.ends(line, 0, &left, &right);
    }
}
