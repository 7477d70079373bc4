//! The command palette: the line being typed, and what fits it.

use ratatui::layout::Position;
use ratatui::style::Modifier;
use ratatui::text::Span;

use super::canvas::{Canvas, crop, overlay, width};
use super::{Look, Sign};
use crate::tui::layout::{self, Area};
use crate::tui::state::State;
use crate::tui::state::palette::{Item, Needle, Palette};
use crate::tui::theme::Role;
use crate::tui::update::reason;

/// Most columns of names.
const NAMES: usize = 28;

/// Draw it when it is open; gives the place of the text cursor.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) -> Option<Position> {
    let palette = state.palette.as_ref()?;
    let look = canvas.look;
    let inside = canvas.popup(layout::palette(state), "palette");
    let cursor = typed(canvas, palette, Area { height: inside.height.min(1), ..inside });
    let rows = inside.below(1);
    if palette.hits.is_empty() {
        let text = [look.span(Role::Muted, "  nothing fits; fewer letters find more")];
        canvas.line(rows.x, rows.y, if rows.height > 0 { rows.width } else { 0 }, &text);
    }
    let mut needle = Needle::new(palette.input.value());
    let shown = palette.hits.iter().enumerate().skip(palette.scroll.top).take(usize::from(rows.height));
    for (offset, (index, hit)) in shown.enumerate() {
        let line = Area::new(rows.x, rows.y + offset as u16, rows.width, 1);
        row(canvas, state, &hit.item, &mut needle, line, index == palette.scroll.cursor);
    }
    Some(cursor)
}

fn typed(canvas: &mut Canvas<'_>, palette: &Palette, area: Area) -> Position {
    let look = canvas.look;
    let used = canvas.line(area.x, area.y, area.width, &[look.span(Role::Key, "> ")]);
    let room = area.width.saturating_sub(used + 1);
    let start = palette.input.visual_scroll(usize::from(room.max(1)));
    let text = super::details::unpainted(vec![look.span(Role::Text, palette.input.value())]);
    if palette.input.value().is_empty() {
        let hint = [look.span(Role::Faint, "an action, a skill, a theme")];
        canvas.line(area.x + used, area.y, room, &super::details::unpainted(hint.into()));
    } else {
        canvas.line(area.x + used, area.y, room, &crop(text, start));
    }
    let column = palette.input.visual_cursor().saturating_sub(start) as u16;
    Position::new((area.x + used + column).min(area.right().saturating_sub(1)), area.y)
}

fn row(canvas: &mut Canvas<'_>, state: &State, item: &Item, needle: &mut Needle, line: Area, chosen: bool) {
    let look = canvas.look;
    if chosen {
        canvas.tint(line, Role::Selection);
    }
    let binding = item.binding();
    let missing = binding.filter(|binding| !binding.applies(state)).map(|binding| reason(state, binding));
    let (strong, muted) =
        if missing.is_some() { (Role::Faint, Role::Faint) } else { (Role::Text, Role::Muted) };
    let label = item.label(state);
    let room = NAMES.min(usize::from(line.width) / 3).max(10);
    let mark = if chosen { look.sign(Sign::Chosen) } else { " " };
    let mut left = vec![Span::raw(format!("{mark} "))];
    left.extend(lit(look, vec![look.cell(strong, &label, room)], &label, needle));
    // Greyed alone would say nothing without colours: the reason stands in place of what it does.
    let what =
        missing.map_or_else(|| item.description(state), |why| format!("{} {why}", look.sign(Sign::Dot)));
    left.push(look.span(muted, format!("  {what}")));
    let keys = binding.map_or_else(String::new, |binding| state.keymap.written(binding, look.ascii));
    let right = [look.span(if muted == Role::Faint { muted } else { Role::Key }, keys)];
    let tail = width(&right) as u16;
    let left = super::details::unpainted(left);
    let cut = if tail > 0 && tail + 16 < line.width { tail + 2 } else { 0 };
    canvas.line(line.x, line.y, line.width - cut, &left);
    if cut > 0 {
        canvas.line(line.right() - tail, line.y, tail, &super::details::unpainted(right.into()));
    }
}

/// The letters that fit stand out.
fn lit(look: Look<'_>, cell: Vec<Span<'static>>, label: &str, needle: &mut Needle) -> Vec<Span<'static>> {
    // A name that had to be cleaned is shown with other letters than were matched.
    if !cell.iter().any(|span| span.content.starts_with(label)) {
        return cell;
    }
    let starts: Vec<(usize, char)> = label.char_indices().collect();
    let places = needle.places(label).into_iter().filter_map(|at| starts.get(at as usize));
    let ranges: Vec<_> = places.map(|(at, c)| *at..at + c.len_utf8()).collect();
    let style = look.style(Role::Accent).add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    overlay(cell, &ranges, ratatui::style::Style { bg: None, ..style })
}
