//! Blocks of code: collected from the parser's pieces, coloured by their language, cut to the width.

use super::blocks::Walker;
use super::flow::{self, Flow};
use super::{Face, Ink, Piece};
use crate::run::log::clean::clean_source;
use crate::tui::state::Highlighted;

/// Code being collected, line by line.
#[derive(Debug, Default)]
pub(super) struct Code {
    language: String,
    text: String,
    /// The source line of each.
    sources: Vec<usize>,
    html: bool,
}

impl Code {
    pub(super) fn of(language: String) -> Self {
        Self { language, ..Self::default() }
    }

    /// Told as it is written, and faintly.
    pub(super) fn html() -> Self {
        Self { html: true, ..Self::default() }
    }
}

impl Walker<'_> {
    pub(super) fn take_code(&mut self, text: &str, source: usize) {
        let Some(code) = &mut self.code else { return };
        for (at, line) in text.split_inclusive('\n').enumerate() {
            if code.text.is_empty() || code.text.ends_with('\n') {
                code.sources.push(source + at);
            }
            code.text.push_str(line);
        }
    }

    pub(super) fn put_code(&mut self, code: &Code, source: usize) {
        // Tabs and what steers a terminal first: colours are for the text as it is shown.
        let text: String = code.text.lines().map(|line| clean_source(line).into_owned() + "\n").collect();
        let coloured = (!code.language.is_empty()).then(|| (self.colour)(&code.language, &text)).flatten();
        self.has_code |= !code.language.is_empty();
        if !code.html {
            let (corner, bar) = if self.frame.ascii { ("+ ", "| ") } else { ("┌ ", "│ ") };
            let label = (!code.language.is_empty()).then(|| Piece::new(Ink::Faint, corner));
            let labelled = label.is_some();
            self.push_prefix(label, Some(Piece::new(Ink::Faint, bar)));
            if labelled {
                let mut label = Flow::default();
                label.push(&code.language, Face::of(Ink::Faint), source);
                for (source, pieces) in label.wrap(self.room(), 1) {
                    self.lay(source, pieces);
                }
            }
        }
        let plain = Face::of(if code.html { Ink::Faint } else { Ink::Code });
        // A block without code is one all the same.
        let lines = if text.is_empty() { "\n" } else { &text };
        for (index, line) in lines.lines().enumerate() {
            let source = code.sources.get(index).copied().unwrap_or(source);
            let pieces = coloured_line(line, index, coloured.as_ref(), plain);
            for part in flow::cut(pieces, self.room()) {
                self.lay(source, part);
            }
            if self.is_full() {
                break;
            }
        }
        if !code.html {
            self.prefixes.pop();
        }
    }

    /// A block of code that is not Markdown's own.
    pub(super) fn code(&mut self, language: &str, text: &str, source: usize) {
        self.code = Some(Code::of(language.to_owned()));
        self.take_code(text, source);
        if let Some(code) = self.code.take() {
            self.put_code(&code, source);
        }
    }
}

/// A line of code in its colours, where there are any.
fn coloured_line(line: &str, index: usize, coloured: Option<&Highlighted>, plain: Face) -> Vec<Piece> {
    let piece = |text: &str, face| Piece { text: text.to_owned(), face };
    let Some(runs) = coloured.and_then(|lines| lines.get(index)) else { return vec![piece(line, plain)] };
    let mut pieces = Vec::new();
    let mut at = 0;
    for (range, syntax) in runs {
        if range.start < at || line.get(at..range.end).is_none() || line.get(at..range.start).is_none() {
            continue;
        }
        if range.start > at {
            pieces.push(piece(&line[at..range.start], plain));
        }
        pieces.push(piece(&line[range.clone()], Face::of(Ink::Syntax(*syntax))));
        at = range.end;
    }
    if at < line.len() {
        pieces.push(piece(&line[at..], plain));
    }
    pieces
}
