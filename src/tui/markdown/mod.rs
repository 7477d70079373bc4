//! Markdown as lines of a given width: what a `SKILL.md` looks like when it is read, not written.
//!
//! A pure function of text and width ([`render`]), asked by a worker ([`crate::tui::services`]) and kept by content
//! and width, never on the way to a frame. Every line knows the source line that it stands for, so that the two ways to
//! look at a text can be switched without losing the place. Text, nesting and lines are bounded, and what is cut is told.

mod blocks;
mod code;
mod flow;
mod front;
mod lay;
mod table;

use std::ops::Range;

use super::state::{Highlighted, Syntax};

pub use front::front_matter_end;

/// Longest text that is rendered, and most lines that come of it.
pub const MAX_BYTES: usize = 1024 * 1024;
pub const MAX_LINES: usize = 60_000;

/// What a piece of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ink {
    #[default]
    Text,
    Heading,
    Code,
    Link,
    /// Targets of links, borders, languages of code.
    Faint,
    Muted,
    /// Bullets, numbers, bars of quotes.
    Marker,
    Key,
    Warning,
    Syntax(Syntax),
}

/// How a piece looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Face {
    pub ink: Ink,
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
}

impl Face {
    pub const fn of(ink: Ink) -> Self {
        Self { ink, bold: false, italic: false, strike: false }
    }
}

/// Cleaned text of one face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub face: Face,
}

impl Piece {
    fn new(ink: Ink, text: impl Into<String>) -> Self {
        Self { text: text.into(), face: Face::of(ink) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line of the source, from 0. Never smaller than that of the line above.
    pub source: usize,
    pub pieces: Vec<Piece>,
}

impl Line {
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// A text made ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    pub lines: Vec<Line>,
    /// It holds code in a language that is known: colours are worth the wait.
    pub has_code: bool,
}

impl Rendered {
    /// The line that shows a source line (from 0), or the nearest above.
    pub fn line_of(&self, source: usize) -> usize {
        let first = self.lines.partition_point(|line| line.source < source);
        match self.lines.get(first) {
            Some(line) if line.source == source => first,
            _ => first.saturating_sub(1),
        }
    }

    /// The source line (from 0) that a line stands for.
    pub fn source_of(&self, line: usize) -> usize {
        let line = self.lines.get(line).or(self.lines.last());
        line.map_or(0, |line| line.source)
    }

    /// Source lines that a line stands for: up to those of the next that has others.
    pub fn sources_of(&self, line: usize) -> Range<usize> {
        let from = self.source_of(line);
        let next = self.lines.iter().skip(line + 1).map(|line| line.source).find(|source| *source != from);
        from..next.unwrap_or(usize::MAX).max(from + 1)
    }
}

/// How to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    pub width: usize,
    pub ascii: bool,
}

/// Colours code in a language: `colour(language, text)`; nothing for a language that is not known.
pub type Colour<'a> = dyn FnMut(&str, &str) -> Option<Highlighted> + 'a;

/// Lay a text out. No line is wider than `frame.width`, which is at least 1.
pub fn render(text: &str, frame: Frame, colour: &mut Colour<'_>) -> Rendered {
    let frame = Frame { width: frame.width.max(1), ..frame };
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let body = front_matter_end(&text[..end]);
    let mut walker = blocks::Walker::new(&text[..end], frame, colour);
    front::render(&text[..body], &mut walker);
    walker.walk(body);
    let full = walker.is_full();
    if end < text.len() || full {
        let bound = if full { format!("{MAX_LINES} lines") } else { format!("{} MiB", MAX_BYTES >> 20) };
        walker.note(&format!("only the first {bound} are rendered; the source has all"));
    }
    walker.finish()
}

#[cfg(test)]
mod tests;
