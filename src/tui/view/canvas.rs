//! Drawing helpers: lines that end in time, rules with titles, filled areas.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::Span;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Look, Sign};
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::theme::Role;

/// The buffer of a frame, and what to draw with.
#[derive(Debug)]
pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub look: Look<'a>,
}

/// Columns that spans take.
pub fn width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|span| span.content.width()).sum()
}

impl Canvas<'_> {
    /// Blank an area in a role's style.
    pub fn fill(&mut self, area: Area, role: Role) {
        let style = self.look.style(role);
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Lay a style over an area: backgrounds of selections.
    pub fn tint(&mut self, area: Area, role: Role) {
        let style = self.look.style(role);
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.set_style(style);
                }
            }
        }
    }

    /// Write spans from (x, y) within `room` columns; what does not fit ends in a mark.
    pub fn line(&mut self, x: u16, y: u16, room: u16, spans: &[Span<'_>]) -> u16 {
        let more = self.look.sign(Sign::More);
        let cut = width(spans) > usize::from(room);
        let limit = if cut { usize::from(room).saturating_sub(more.width()) } else { usize::from(room) };
        let mut used = 0usize;
        let mut last = Style::new();
        'spans: for span in spans {
            for symbol in span.content.graphemes(true) {
                let columns = symbol.width();
                if columns == 0 {
                    continue;
                }
                if used + columns > limit {
                    last = span.style;
                    break 'spans;
                }
                self.put(x + used as u16, y, symbol, span.style, columns);
                used += columns;
            }
            last = span.style;
        }
        if cut && room > 0 {
            self.put(x + used as u16, y, more, last, 1);
            used += 1;
        }
        used as u16
    }

    fn put(&mut self, x: u16, y: u16, symbol: &str, style: Style, columns: usize) {
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_symbol(symbol);
            cell.set_style(style);
        }
        for follow in 1..columns as u16 {
            if let Some(cell) = self.buffer.cell_mut((x + follow, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// `left` at the start and `right` at the end of a row; the right side gives way first when `yields`.
    pub fn ends(&mut self, area: Area, row: u16, left: &[Span<'_>], right: &[Span<'_>]) {
        if row >= area.height {
            return;
        }
        let y = area.y + row;
        let tail = width(right) as u16;
        let fits = tail > 0 && width(left) as u16 + tail + 2 <= area.width;
        let least = if left.is_empty() { area.width } else { area.width * 2 / 5 };
        if fits {
            self.line(area.right() - tail, y, tail, right);
            self.line(area.x, y, area.width - tail - 1, left);
        } else if tail > 0 && tail <= least {
            self.line(area.right() - tail, y, tail, right);
            self.line(area.x, y, area.width - tail - 2, left);
        } else {
            self.line(area.x, y, area.width, left);
        }
    }

    /// The title row of a pane: a rule with a title at its start and notes at its end.
    pub fn title(&mut self, area: Area, focused: bool, title: &[Span<'_>], notes: &[Span<'_>]) {
        let rule = self.look.sign(Sign::Rule);
        let style = self.look.style(if focused { Role::Accent } else { Role::Rule });
        for x in area.x..area.right() {
            self.put(x, area.y, rule, style, 1);
        }
        if area.width < 8 {
            return;
        }
        let x = area.x + labels::LEAD - 1;
        let blank = Span::raw(" ");
        let padded = |spans: &[Span<'_>]| -> Vec<Span<'static>> {
            let mut out = vec![blank.clone()];
            out.extend(spans.iter().map(|span| Span::styled(span.content.to_string(), span.style)));
            out.push(blank.clone());
            out
        };
        let used = self.line(x, area.y, area.right() - x - 1, &padded(title));
        let tail = padded(notes);
        let length = width(&tail) as u16;
        if !notes.is_empty() && x + used + length + 2 < area.right() {
            self.line(area.right() - length - 1, area.y, length, &tail);
        }
    }

    /// A title row of labels, one of them in front; marks tell of those that do not fit.
    pub fn labels(&mut self, area: Area, focused: bool, names: &[String], active: usize) {
        let strip = labels::strip(names, active, area.width);
        let more = self.look.mark(Role::Tab, Sign::More);
        let mut spans = Vec::new();
        let mut end = labels::LEAD;
        for (index, x) in strip.places {
            let name = &names[index];
            let role = match (index == active, focused) {
                (true, true) => Role::TitleFocus,
                (true, false) => Role::Strong,
                (false, _) => Role::Tab,
            };
            spans.push(Span::raw(" ".repeat(usize::from(x.saturating_sub(end)))));
            spans.push(self.look.span(role, name));
            end = x + width(&spans[spans.len() - 1..]) as u16;
        }
        if strip.after {
            spans.extend([Span::raw(" "), more.clone()]);
        }
        self.title(area, focused, &spans, &[]);
        if strip.before && area.width >= 8 {
            self.line(area.x + 1, area.y, 1, &[more]);
        }
    }

    /// A box with a border over everything else; gives its inside.
    pub fn popup(&mut self, area: Area, title: &str) -> Area {
        self.fill(area, Role::Popup);
        let style = self.look.style(Role::PopupBorder);
        let ascii = self.look.ascii;
        let (corners, across, down) = if ascii {
            (["+", "+", "+", "+"], "-", "|")
        } else {
            (["╭", "╮", "╰", "╯"], "─", "│")
        };
        for x in area.x..area.right() {
            self.put(x, area.y, across, style, 1);
            self.put(x, area.bottom() - 1, across, style, 1);
        }
        for y in area.y..area.bottom() {
            self.put(area.x, y, down, style, 1);
            self.put(area.right() - 1, y, down, style, 1);
        }
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for ((x, y), corner) in
            [(area.x, area.y), (right, area.y), (area.x, bottom), (right, bottom)].into_iter().zip(corners)
        {
            self.put(x, y, corner, style, 1);
        }
        let title = [Span::styled(format!(" {title} "), style)];
        self.line(area.x + 2, area.y, area.width.saturating_sub(4), &title);
        Area::new(area.x + 2, area.y + 1, area.width.saturating_sub(4), area.height.saturating_sub(2))
    }

    /// A word in the middle of an empty pane.
    pub fn hint(&mut self, area: Area, lines: &[Vec<Span<'static>>]) {
        let height = lines.len() as u16;
        let top = area.y + area.height.saturating_sub(height) / 3;
        for (row, spans) in lines.iter().enumerate().take(usize::from(area.height)) {
            let columns = (width(spans) as u16).min(area.width);
            let x = area.x + (area.width - columns) / 2;
            self.line(x, top + row as u16, area.right().saturating_sub(x), spans);
        }
    }
}

/// A part of spans: without the first `left` columns.
pub fn crop(spans: Vec<Span<'static>>, left: usize) -> Vec<Span<'static>> {
    if left == 0 {
        return spans;
    }
    let mut skip = left;
    let mut out = Vec::new();
    for span in spans {
        if skip == 0 {
            out.push(span);
            continue;
        }
        let mut rest = String::new();
        for symbol in span.content.graphemes(true) {
            let columns = symbol.width();
            if skip == 0 {
                rest.push_str(symbol);
            } else if columns > skip {
                rest.extend(std::iter::repeat_n(' ', columns - skip));
                skip = 0;
            } else {
                skip -= columns;
            }
        }
        if !rest.is_empty() {
            out.push(Span::styled(rest, span.style));
        }
    }
    out
}

/// Lay a style over byte ranges of a line's text.
pub fn overlay(
    spans: Vec<Span<'static>>,
    ranges: &[std::ops::Range<usize>],
    style: Style,
) -> Vec<Span<'static>> {
    if ranges.is_empty() {
        return spans;
    }
    let mut out = Vec::new();
    let mut at = 0;
    for span in spans {
        let text = span.content.into_owned();
        let mut cuts: Vec<usize> = ranges
            .iter()
            .flat_map(|range| [range.start, range.end])
            .filter(|cut| *cut > at && *cut < at + text.len() && text.is_char_boundary(cut - at))
            .map(|cut| cut - at)
            .collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut from = 0;
        for cut in cuts {
            if cut <= from {
                continue;
            }
            let inside = ranges.iter().any(|range| range.start <= at + from && at + from < range.end);
            let style = if inside { span.style.patch(style) } else { span.style };
            out.push(Span::styled(text[from..cut].to_owned(), style));
            from = cut;
        }
        at += text.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Modifier;

    #[test]
    fn crop_takes_columns_not_bytes() {
        let spans = vec![Span::raw("a漢"), Span::raw("bc")];
        let text = |left| crop(spans.clone(), left).iter().map(|s| s.content.to_string()).collect::<String>();
        assert_eq!(text(0), "a漢bc");
        assert_eq!(text(2), " bc");
        assert_eq!(text(4), "c");
        assert_eq!(text(9), "");
    }

    #[test]
    fn overlay_splits_spans_at_ranges() {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let spans = overlay(vec![Span::raw("abc"), Span::raw("def")], std::slice::from_ref(&(2..4)), bold);
        let found: Vec<_> = spans.iter().map(|s| (s.content.as_ref(), s.style == bold)).collect();
        assert_eq!(found, [("ab", false), ("c", true), ("d", true), ("ef", false)]);
    }
}
