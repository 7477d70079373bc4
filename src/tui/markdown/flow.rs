//! Running text: words of several faces, broken into lines.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Face, Piece};
use crate::run::log::clean::clean;

/// Text of a paragraph, a heading or a cell, not yet broken into lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    atoms: Vec<Atom>,
}

#[derive(Debug, Clone)]
struct Atom {
    /// Without blanks; empty for a blank or a break.
    text: String,
    columns: usize,
    face: Face,
    source: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Blank,
    Break,
}

/// A line of the flow: its source line and its pieces.
pub(super) type Row = (usize, Vec<Piece>);

/// Columns of a text as it is put on the screen, one grapheme after the other.
pub(super) fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

pub(super) fn width(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| columns(&piece.text)).sum()
}

impl Flow {
    pub(super) fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.atoms.len()
    }

    /// Foreign text of one face.
    pub(super) fn push(&mut self, text: &str, face: Face, source: usize) {
        let text = clean(text);
        let mut rest = &*text;
        while !rest.is_empty() {
            if rest.starts_with(' ') {
                self.blank(face, source);
                rest = rest.trim_start_matches(' ');
                continue;
            }
            let (word, after) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
            let (text, columns) = (word.to_owned(), columns(word));
            self.atoms.push(Atom { text, columns, face, source, kind: Kind::Word });
            rest = after;
        }
    }

    pub(super) fn blank(&mut self, face: Face, source: usize) {
        if !matches!(self.atoms.last(), None | Some(Atom { kind: Kind::Blank | Kind::Break, .. })) {
            self.atoms.push(Atom { text: String::new(), columns: 1, face, source, kind: Kind::Blank });
        }
    }

    pub(super) fn hard_break(&mut self, source: usize) {
        self.atoms.push(Atom {
            text: String::new(),
            columns: 0,
            face: Face::default(),
            source,
            kind: Kind::Break,
        });
    }

    pub(super) fn append(&mut self, other: Flow) {
        self.atoms.extend(other.atoms);
    }

    /// What was pushed since there were `from` atoms, as plain text.
    pub(super) fn text_since(&self, from: usize) -> String {
        let piece = |atom: &Atom| match atom.kind {
            Kind::Word => atom.text.clone(),
            Kind::Blank | Kind::Break => " ".to_owned(),
        };
        self.atoms.iter().skip(from).map(piece).collect()
    }

    /// Columns of the widest line when nothing is broken but at hard breaks, and of the widest word.
    pub(super) fn widths(&self) -> (usize, usize) {
        let (mut line, mut word, mut longest, mut widest) = (0, 0, 0, 0);
        for atom in &self.atoms {
            match atom.kind {
                Kind::Word => word += atom.columns,
                Kind::Blank | Kind::Break => word = 0,
            }
            line = if atom.kind == Kind::Break { 0 } else { line + atom.columns };
            longest = longest.max(line);
            widest = widest.max(word);
        }
        (longest, widest)
    }

    /// Break into lines of at most `room` columns, at most `most` of them.
    pub(super) fn wrap(&self, room: usize, most: usize) -> Vec<Row> {
        let mut lines = Lines { rows: Vec::new(), row: None, used: 0, room: room.max(1) };
        let mut at = 0;
        let mut blank: Option<&Atom> = None;
        while at < self.atoms.len() && lines.rows.len() < most {
            let atom = &self.atoms[at];
            match atom.kind {
                Kind::Blank => blank = Some(atom),
                Kind::Break => {
                    lines.end(atom.source);
                    blank = None;
                }
                Kind::Word => {
                    // Words without a blank between them stay together.
                    let glued = self.atoms[at..].iter().take_while(|atom| atom.kind == Kind::Word).count();
                    lines.put(&self.atoms[at..at + glued], blank.take());
                    at += glued;
                    continue;
                }
            }
            at += 1;
        }
        if lines.row.is_some() {
            lines.end(0);
        }
        lines.rows.truncate(most);
        lines.rows
    }
}

struct Lines {
    rows: Vec<Row>,
    row: Option<Row>,
    used: usize,
    room: usize,
}

impl Lines {
    /// Close the line. One without words is of the given source line.
    fn end(&mut self, source: usize) {
        self.rows.push(self.row.take().unwrap_or((source, Vec::new())));
        self.used = 0;
    }

    fn put(&mut self, word: &[Atom], blank: Option<&Atom>) {
        let columns: usize = word.iter().map(|atom| atom.columns).sum();
        let gap = usize::from(blank.is_some() && self.used > 0);
        if self.used > 0 && self.used + gap + columns > self.room {
            self.end(0);
        } else if let Some(blank) = blank.filter(|_| gap > 0) {
            self.text(" ", blank.face, blank.source, 1);
        }
        for atom in word {
            self.fill(&atom.text, atom.face, atom.source, atom.columns);
        }
    }

    /// Text that goes on in the next line, anywhere, where it does not fit.
    fn fill(&mut self, text: &str, face: Face, source: usize, columns: usize) {
        if self.used + columns <= self.room {
            self.text(text, face, source, columns);
            return;
        }
        for symbol in text.graphemes(true) {
            let (symbol, columns) = match symbol.width() {
                // Wider than a whole line.
                columns if columns > self.room => ("?", 1),
                columns => (symbol, columns),
            };
            if self.used + columns > self.room {
                self.end(0);
            }
            self.text(symbol, face, source, columns);
        }
    }

    fn text(&mut self, text: &str, face: Face, source: usize, columns: usize) {
        let (_, pieces) = self.row.get_or_insert_with(|| (source, Vec::new()));
        match pieces.last_mut() {
            Some(last) if last.face == face => last.text.push_str(text),
            _ => pieces.push(Piece { text: text.to_owned(), face }),
        }
        self.used += columns;
    }
}

/// Break a line of code into parts of at most `room` columns, anywhere.
pub(super) fn cut(pieces: Vec<Piece>, room: usize) -> Vec<Vec<Piece>> {
    let mut lines = Lines { rows: Vec::new(), row: None, used: 0, room: room.max(1) };
    for piece in pieces {
        lines.fill(&piece.text, piece.face, 0, columns(&piece.text));
    }
    if lines.row.is_some() || lines.rows.is_empty() {
        lines.end(0);
    }
    lines.rows.into_iter().map(|(_, pieces)| pieces).collect()
}
