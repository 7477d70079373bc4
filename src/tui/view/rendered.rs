//! Markdown as it is read: the lines of a rendering, with the marks of diagnostics beside them.

use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use super::Look;
use super::canvas::{self, Canvas};
use super::source::{marks, syntax_role};
use crate::run::log::matches;
use crate::skill::Diagnostic;
use crate::tui::layout::Area;
use crate::tui::markdown::{Face, Ink, Line, Rendered};
use crate::tui::state::source::Page;
use crate::tui::state::{Pane, State};
use crate::tui::theme::Role;

/// `leads`: the cursor is shown.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    state: &State,
    page: &Page<'_>,
    lines: &Rendered,
    area: Area,
    leads: bool,
) {
    let look = canvas.look;
    let scroll = state.scroll(Pane::Source);
    let shown = lines.lines.iter().enumerate().skip(scroll.top).take(usize::from(area.height));
    for (offset, (index, line)) in shown.enumerate() {
        let row = Area::new(area.x, area.y + offset as u16, area.width, 1);
        if index == scroll.cursor && leads {
            canvas.tint(row, Role::CursorLine);
        }
        // The first line of a source line carries its marks.
        let first = index == 0 || lines.source_of(index - 1) != line.source;
        let found: Vec<&Diagnostic> = if first {
            page.messages_within(lines.sources_of(index)).map(|(_, found)| found).collect()
        } else {
            Vec::new()
        };
        let mut spans = Vec::from(marks(&look, state, &found));
        spans.push(Span::raw(" "));
        spans.extend(text(&look, state, line));
        canvas.line(row.x, row.y, row.width, &spans);
    }
}

fn text(look: &Look<'_>, state: &State, line: &Line) -> Vec<Span<'static>> {
    // The pieces are clean; the background is the row's own.
    let spans: Vec<Span<'static>> = line
        .pieces
        .iter()
        .map(|piece| Span::styled(piece.text.clone(), Style { bg: None, ..style(look, piece.face) }))
        .collect();
    match &state.search {
        Some(search) => {
            let text = line.text();
            let hits: Vec<_> = matches(&text, &search.needle).collect();
            canvas::overlay(spans, &hits, look.style(Role::SearchMatch))
        }
        None => spans,
    }
}

fn style(look: &Look<'_>, face: Face) -> Style {
    let role = match face.ink {
        Ink::Text if face.bold => Role::SyntaxStrong,
        Ink::Text if face.italic => Role::SyntaxEmphasis,
        Ink::Text => Role::Text,
        Ink::Heading => Role::SyntaxHeading,
        Ink::Code => Role::SyntaxCode,
        Ink::Link => Role::SyntaxLink,
        Ink::Faint => Role::Faint,
        Ink::Muted => Role::Muted,
        Ink::Marker => Role::Accent,
        Ink::Key => Role::SyntaxKey,
        Ink::Warning => Role::Warning,
        Ink::Syntax(syntax) => syntax_role(syntax),
    };
    let mut style = look.style(role);
    let switches = [
        (face.bold, Modifier::BOLD),
        (face.italic, Modifier::ITALIC),
        (face.strike, Modifier::CROSSED_OUT),
        (face.ink == Ink::Link, Modifier::UNDERLINED),
    ];
    for (_, modifier) in switches.into_iter().filter(|(on, _)| *on) {
        style = style.add_modifier(modifier);
    }
    style
}
