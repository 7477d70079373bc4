//! A screen as an SVG picture: one text element per run of cells in one style, placed by column, so that it
//! looks the same with every monospaced font. The same screen gives the same bytes.

use std::fmt::Write;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

/// Width and height of a cell, and where its text stands.
const CELL: (f64, f64) = (8.4, 18.0);
const BASELINE: f64 = 13.2;
const FONT_SIZE: f64 = 14.0;
const MARGIN: f64 = 14.0;
/// Height of the title bar of the window.
const TITLE: f64 = 30.0;

/// Draw `buffer` with `ground` as the colours of a cell that names none.
pub fn render(buffer: &Buffer, ground: Style, title: &str) -> String {
    let mut out = head(buffer, ground, title, "");
    cells(&mut out, buffer, ground);
    out.push_str("</svg>\n");
    out
}

/// Draw one screen after the other, each for as long as it says, over and over. Who wants no motion sees the last one.
pub fn animate(screens: &[(Buffer, Duration)], ground: Style, title: &str) -> String {
    let whole: f64 = screens.iter().map(|(_, time)| time.as_secs_f64()).sum();
    let Some((first, _)) = screens.first() else { return String::new() };
    let (mut style, mut at) = (String::new(), 0.0);
    for (index, (_, time)) in screens.iter().enumerate() {
        let (from, to) = (at / whole * 100.0, (at + time.as_secs_f64()) / whole * 100.0);
        at += time.as_secs_f64();
        let _ = writeln!(
            style,
            "@keyframes s{index}{{0%{{visibility:hidden}}{from:.3}%{{visibility:visible}}{to:.3}%{{visibility:hidden}}\
             100%{{visibility:hidden}}}}#s{index}{{visibility:hidden;animation:s{index} {whole:.2}s step-end infinite}}"
        );
    }
    let last = screens.len() - 1;
    let _ = writeln!(
        style,
        "@media (prefers-reduced-motion:reduce){{g[id]{{animation:none!important}}#s{last}{{visibility:visible}}}}"
    );
    let mut out = head(first, ground, title, &style);
    for (index, (buffer, _)) in screens.iter().enumerate() {
        let _ = writeln!(out, "<g id=\"s{index}\">");
        cells(&mut out, buffer, ground);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// The window without its content.
fn head(buffer: &Buffer, ground: Style, title: &str, style: &str) -> String {
    let area = buffer.area;
    let width = f64::from(area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(area.height) * CELL.1 + MARGIN + TITLE;
    let (background, _) = base(ground);
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{label}\">\n\
         <style>text{{font:{FONT_SIZE}px 'JetBrains Mono','Cascadia Mono','DejaVu Sans Mono',Menlo,Consolas,monospace;\
         white-space:pre}}{style}</style>\n\
         <rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"9\" fill=\"{background}\"/>\n",
        label = escape(title)
    );
    for (index, colour) in ["#e8747c", "#e3c47a", "#93c78b"].iter().enumerate() {
        let x = MARGIN + 6.0 + index as f64 * 19.0;
        let _ =
            writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"5.5\" fill=\"{colour}\"/>", TITLE / 2.0);
    }
    out
}

fn cells(out: &mut String, buffer: &Buffer, ground: Style) {
    let (background, foreground) = base(ground);
    for y in 0..buffer.area.height {
        backgrounds(out, buffer, y, &background, &foreground);
    }
    for y in 0..buffer.area.height {
        texts(out, buffer, y, &background, &foreground);
    }
}

/// Background and foreground of a cell that names none.
fn base(ground: Style) -> (String, String) {
    (hex(ground.bg.unwrap_or(Color::Reset), "#000000"), hex(ground.fg.unwrap_or(Color::Reset), "#ffffff"))
}

fn colours(style: Style, background: &str, foreground: &str) -> (String, String) {
    let fg = hex(style.fg.unwrap_or(Color::Reset), foreground);
    let bg = hex(style.bg.unwrap_or(Color::Reset), background);
    if style.add_modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) }
}

/// One rectangle per run of cells with the same background.
fn backgrounds(out: &mut String, buffer: &Buffer, y: u16, background: &str, foreground: &str) {
    let mut x = 0;
    while x < buffer.area.width {
        let of = |x: u16| buffer.cell((x, y)).map(|cell| colours(cell.style(), background, foreground).1);
        let Some(colour) = of(x) else { return };
        let start = x;
        while x < buffer.area.width && of(x).as_deref() == Some(&colour) {
            x += 1;
        }
        if colour != background {
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                MARGIN + f64::from(start) * CELL.0,
                TITLE + f64::from(y) * CELL.1,
                f64::from(x - start) * CELL.0,
                CELL.1
            );
        }
    }
}

/// One text element per word or phrase in one style. Lines are drawn as lines: glyphs would leave gaps.
fn texts(out: &mut String, buffer: &Buffer, y: u16, background: &str, foreground: &str) {
    let mut x = 0;
    while x < buffer.area.width {
        let Some(first) = buffer.cell((x, y)) else { return };
        let style = first.style();
        let colour = colours(style, background, foreground).0;
        let start = x;
        let mut text = String::new();
        while let Some(cell) =
            buffer.cell((x, y)).filter(|cell| x < buffer.area.width && cell.style() == style)
        {
            let symbol = cell.symbol();
            let columns = symbol.width().max(1) as u16;
            // Everything that a font may draw wider or narrower stands alone, and two blanks end a run.
            let alone = !symbol.is_ascii();
            let ends = symbol == " " && (text.is_empty() || text.ends_with(' '));
            if (alone || ends) && !text.is_empty() {
                break;
            }
            text.push_str(symbol);
            x += columns;
            if alone || ends {
                break;
            }
        }
        match text.as_str() {
            "─" | "━" | "│" => line(out, text.as_str(), start, y, &colour),
            _ => word(out, text.trim_end(), start, y, style, &colour),
        }
    }
}

fn word(out: &mut String, text: &str, x: u16, y: u16, style: Style, colour: &str) {
    if text.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" fill=\"{colour}\"{}>{}</text>",
        MARGIN + f64::from(x) * CELL.0,
        TITLE + f64::from(y) * CELL.1 + BASELINE,
        text.width() as f64 * CELL.0,
        attributes(style),
        escape(text)
    );
}

fn line(out: &mut String, symbol: &str, x: u16, y: u16, colour: &str) {
    let (left, top) = (MARGIN + f64::from(x) * CELL.0, TITLE + f64::from(y) * CELL.1);
    let (dx, dy, thick) = match symbol {
        "│" => (0.0, CELL.1, 1.2),
        "━" => (CELL.0, 0.0, 4.0),
        _ => (CELL.0, 0.0, 1.2),
    };
    let (x, y) = if dx == 0.0 { (left + CELL.0 / 2.0, top) } else { (left, top + CELL.1 / 2.0) };
    let _ = writeln!(
        out,
        "<path d=\"M{x:.1} {y:.1}l{dx:.1} {dy:.1}\" stroke=\"{colour}\" stroke-width=\"{thick}\"/>"
    );
}

fn attributes(style: Style) -> String {
    let mut out = String::new();
    for (modifier, text) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if style.add_modifier.contains(modifier) {
            out.push_str(text);
        }
    }
    out
}

fn hex(colour: Color, otherwise: &str) -> String {
    match colour {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => otherwise.to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn runs_stand_in_their_columns_and_text_is_escaped() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(2, 0, "a<b", Style::new().fg(Color::Rgb(1, 2, 3)));
        let svg = render(&buffer, Style::new().bg(Color::Rgb(0, 0, 0)).fg(Color::Rgb(9, 9, 9)), "x");
        assert!(
            svg.contains("<text x=\"30.8\" y=\"43.2\" textLength=\"25.2\" fill=\"#010203\">a&lt;b</text>"),
            "{svg}"
        );
    }
}
