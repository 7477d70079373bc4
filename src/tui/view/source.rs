//! SKILL.md or another file of the skill: numbered lines, colours when the worker has them, diagnostics in the margin and
//! below their line.

use std::path::Path;

use ratatui::style::Style;
use ratatui::text::Span;

use super::canvas::{self, Canvas};
use super::{Look, Sign, frame};
use crate::run::log::clean::clean_source;
use crate::run::log::matches;
use crate::skill::clients::Client;
use crate::skill::{Diagnostic, Severity, Skill};
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::source::SourceRow;
use crate::tui::state::{FileText, Highlighted, Pane, Section, State, Syntax};
use crate::tui::theme::Role;

/// Longest part of a source line that is laid out.
const MAX_LINE: usize = 8 * 1024;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Source;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let title = [look.span(role, name(state))];
    let body = area.below(1);
    let Some(page) = state.page() else {
        canvas.title(area, focused, &title, &[]);
        no_page(canvas, state, body);
        return;
    };
    let leads = focused || (state.focus == Pane::Details && state.skill_tab.section == Section::Diagnostics);
    if let Some(lines) = state.rendering() {
        let title = [title[0].clone(), look.span(Role::Faint, " rendered")];
        canvas.title(area, focused, &title, &notes(&look, state, page.count));
        super::rendered::draw(canvas, state, &page, lines, body, leads);
        return;
    }
    canvas.title(area, focused, &title, &notes(&look, state, page.count));
    let scroll = state.scroll(Pane::Source);
    let gutter = page.count.to_string().len().max(3);
    let highlighted = state.highlights.get(page.key);
    let rows = page.rows(scroll.top, usize::from(body.height));
    let lines: Vec<&str> = page.text.lines().skip(scroll.top).take(rows.len()).collect();
    for (offset, row) in rows.into_iter().enumerate() {
        let line = Area::new(body.x, body.y + offset as u16, body.width, 1);
        match row {
            SourceRow::Line(index) => {
                if index == scroll.cursor && leads {
                    canvas.tint(line, Role::CursorLine);
                }
                let found: Vec<&Diagnostic> = page.messages(index).map(|(_, d)| d).collect();
                let text = lines.get(index - scroll.top).copied().unwrap_or_default();
                let mut spans = Vec::from(marks(&look, state, &found));
                spans.push(number(&look, index, gutter));
                let mut styled = text_spans(&look, text, index, highlighted);
                styled = canvas::overlay(styled, &marked(&found, index, text), underlined(&look, &found));
                if let Some(search) = &state.search {
                    let shown: String = styled.iter().map(|span| span.content.as_ref()).collect();
                    let hits: Vec<_> = matches(&shown, &search.needle).collect();
                    styled = canvas::overlay(styled, &hits, look.style(Role::SearchMatch));
                }
                spans.extend(canvas::crop(styled, scroll.left));
                canvas.line(line.x, line.y, line.width, &spans);
            }
            SourceRow::Message(index) => {
                if let Some(found) = state.diagnostics().nth(index) {
                    message(canvas, found, gutter, line);
                }
            }
        }
    }
}

/// What the pane shows, by its name.
fn name(state: &State) -> String {
    match (&state.skill_tab.opened, state.skill()) {
        (Some(opened), Some(skill)) => within(skill, &opened.path),
        _ => "SKILL.md".to_owned(),
    }
}

/// How long it is; of SKILL.md also whether a client refuses it.
fn notes(look: &Look<'_>, state: &State, count: usize) -> Vec<Span<'static>> {
    let mut notes = Vec::new();
    if state.skill_tab.opened.is_some() {
        notes.extend([
            look.span(Role::Key, state.hint(Command::Close)),
            look.span(Role::Faint, " SKILL.md   "),
        ]);
    } else if let (refusing @ 1.., _) = state.client_tally() {
        notes.push(look.mark(Role::Error, Sign::Denied));
        let all = Client::ALL.len();
        notes.push(look.span(Role::Error, format!(" {refusing} of {all} clients refuse it   ")));
    }
    notes.push(look.span(Role::Faint, frame::plural(count, "line")));
    notes
}

/// A file that is being read, or that cannot be shown.
fn no_page(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let opened = state.skill_tab.opened.as_ref();
    match opened.and_then(|opened| state.files.get(&opened.path)) {
        Some(FileText::Failed(problem)) => {
            let room = usize::from(area.width.saturating_sub(4));
            let mut lines = vec![Vec::new()];
            lines.extend(
                labels::wrap(problem, room, 6).iter().map(|line| vec![look.span(Role::Warning, line)]),
            );
            lines.push(vec![
                look.span(Role::Key, state.hint(Command::Editor)),
                look.span(Role::Muted, " opens it in your editor"),
            ]);
            canvas.hint(area, &lines);
        }
        Some(_) => canvas.hint(area, &[vec![], vec![look.span(Role::Faint, "reading")]]),
        None => {}
    }
}

/// ` ✗ 12 ` or `   12 `.
pub(super) fn margin(
    look: &Look<'_>,
    index: usize,
    gutter: usize,
    severity: Option<Severity>,
) -> Vec<Span<'static>> {
    let mark = severity.map(severity_mark).map_or(Span::raw(" "), |(role, sign)| look.mark(role, sign));
    vec![Span::raw(" "), mark, number(look, index, gutter)]
}

fn number(look: &Look<'_>, index: usize, gutter: usize) -> Span<'static> {
    look.span(Role::LineNumber, format!(" {:>gutter$}  ", index + 1))
}

/// `F✗` or ` ✗`: whether one of the diagnostics can be fixed with a key, and how bad the first is.
pub(super) fn marks(look: &Look<'_>, state: &State, found: &[&Diagnostic]) -> [Span<'static>; 2] {
    // The key itself where it is one letter.
    let key = Some(state.hint(Command::Fix)).filter(|key| key.len() == 1).unwrap_or_else(|| "F".to_owned());
    let fix = found.iter().any(|found| found.fix.is_some());
    let mark = found.first().map(|found| severity_mark(found.severity));
    [
        if fix { look.span(Role::Key, key) } else { Span::raw(" ") },
        mark.map_or(Span::raw(" "), |(role, sign)| look.mark(role, sign)),
    ]
}

pub(super) fn severity_mark(severity: Severity) -> (Role, Sign) {
    match severity {
        Severity::Error => (Role::Error, Sign::Denied),
        Severity::Warning => (Role::Warning, Sign::Limit),
        Severity::Info => (Role::Info, Sign::Info),
    }
}

/// A diagnostic below its line.
pub(super) fn message(canvas: &mut Canvas<'_>, diagnostic: &Diagnostic, gutter: usize, line: Area) {
    let look = canvas.look;
    let (role, _) = severity_mark(diagnostic.severity);
    let spans = [
        Span::raw(" ".repeat(gutter + 3)),
        look.mark(role, Sign::Corner),
        look.mark(role, Sign::Rule),
        look.span(role, format!(" {}", diagnostic.message)),
        look.span(Role::Faint, format!("  {}", diagnostic.code)),
    ];
    canvas.line(line.x, line.y, line.width, &spans);
}

/// A line of source in the colours of its syntax, tabs widened.
pub(super) fn text_spans(
    look: &Look<'_>,
    text: &str,
    index: usize,
    highlighted: Option<&Highlighted>,
) -> Vec<Span<'static>> {
    let text = cut(text);
    let runs = highlighted.and_then(|lines| lines.get(index)).filter(|_| !text.contains('\t'));
    let Some(runs) = runs else {
        return vec![Span::styled(clean_source(text).into_owned(), Style::new())];
    };
    let mut spans = Vec::new();
    let mut at = 0;
    for (range, syntax) in runs {
        let (start, end) = (range.start.max(at).min(text.len()), range.end.min(text.len()));
        if end <= start || !text.is_char_boundary(start) || !text.is_char_boundary(end) {
            continue;
        }
        if start > at {
            spans.push(Span::raw(crate::run::log::clean(&text[at..start]).into_owned()));
        }
        spans.push(look.span(syntax_role(*syntax), &text[start..end]));
        at = end;
    }
    if at < text.len() {
        spans.push(Span::raw(crate::run::log::clean(&text[at..]).into_owned()));
    }
    spans
}

fn cut(text: &str) -> &str {
    if text.len() <= MAX_LINE {
        return text;
    }
    let mut end = MAX_LINE;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub(super) fn syntax_role(syntax: Syntax) -> Role {
    match syntax {
        Syntax::Heading => Role::SyntaxHeading,
        Syntax::Key => Role::SyntaxKey,
        Syntax::String => Role::SyntaxString,
        Syntax::Number => Role::SyntaxNumber,
        Syntax::Keyword => Role::SyntaxKeyword,
        Syntax::Function => Role::SyntaxFunction,
        Syntax::Type => Role::SyntaxType,
        Syntax::Comment => Role::SyntaxComment,
        Syntax::Code => Role::SyntaxCode,
        Syntax::Link => Role::SyntaxLink,
        Syntax::Emphasis => Role::SyntaxEmphasis,
        Syntax::Strong => Role::SyntaxStrong,
        Syntax::Punctuation => Role::SyntaxPunctuation,
    }
}

/// Byte ranges of the line's text that diagnostics point to. Only where cleaning did not move the text.
fn marked(found: &[&Diagnostic], index: usize, text: &str) -> Vec<std::ops::Range<usize>> {
    if clean_source(text) != text {
        return Vec::new();
    }
    let byte =
        |column: usize| text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    found
        .iter()
        .filter(|diagnostic| diagnostic.span.line == index + 1)
        .map(|diagnostic| {
            let span = diagnostic.span;
            let end = if span.end_line > span.line { text.len() } else { byte(span.end_column) };
            byte(span.column)..end
        })
        .filter(|range| range.start < range.end)
        .collect()
}

fn underlined(look: &Look<'_>, found: &[&Diagnostic]) -> Style {
    let role = found.first().map_or(Role::Text, |diagnostic| severity_mark(diagnostic.severity).0);
    let style = look.style(role).add_modifier(ratatui::style::Modifier::UNDERLINED);
    Style { fg: style.fg, add_modifier: style.add_modifier, ..Style::new() }
}

/// What a file is called where its skill is known.
pub(super) fn within(skill: &Skill, path: &Path) -> String {
    path.strip_prefix(&skill.path).unwrap_or(path).display().to_string()
}
