//! One line of output: bytes in, styled text out. Colours are kept; every other control sequence is dropped.

use vte::{Params, Parser, Perform};

use super::clean::{self, Shown};

/// Columns of a line that are shown; what is longer is counted, not kept.
pub const MAX_COLUMNS: usize = 4096;
/// Longest string sequence (title, clipboard, hyperlink …) that is taken for one. A longer one would hide
/// text, so its introducer is dropped and the rest is shown.
const MAX_STRING_SEQUENCE: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One of the terminal's 256 colours; the first 16 follow the theme.
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// Text attributes as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(u8);

impl Attributes {
    pub const BOLD: Self = Self(1);
    pub const DIM: Self = Self(2);
    pub const ITALIC: Self = Self(4);
    pub const UNDERLINE: Self = Self(8);
    pub const REVERSE: Self = Self(16);
    pub const STRIKE: Self = Self(32);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn set(&mut self, other: Self, on: bool) {
        if on {
            self.0 |= other.0;
        } else {
            self.0 &= !other.0;
        }
    }
}

/// How a piece of output is coloured (SGR). Concealed and blinking text is shown as plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ink {
    pub foreground: Option<Colour>,
    pub background: Option<Colour>,
    pub attributes: Attributes,
    /// Not from the program: the visible name of a character that must not be shown as it is.
    pub named: bool,
}

/// A stretch of text in one ink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub ink: Ink,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pub pieces: Vec<Piece>,
    /// Bytes and columns that are not shown because the line is too long.
    pub left_out: u64,
}

impl Line {
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    c: char,
    marks: [Option<char>; clean::MAX_MARKS],
    ink: Ink,
}

/// The second column of a wide character.
const CONTINUATION: char = '\0';

const BLANK: Cell = Cell {
    c: ' ',
    marks: [None; clean::MAX_MARKS],
    ink: Ink { foreground: None, background: None, attributes: Attributes(0), named: false },
};

#[derive(Debug, Default)]
struct Assembler {
    cells: Vec<Cell>,
    column: usize,
    ink: Ink,
    overflow: u64,
}

/// Turn the bytes of one line (without its newline) into styled text; also gives the ink after it.
pub(super) fn assemble(raw: &[u8], left_out: u64, ink: Ink) -> (Line, Ink) {
    let mut assembler = Assembler { ink, ..Assembler::default() };
    feed(&mut assembler, raw);
    let after = assembler.ink;
    (assembler.finish(left_out), after)
}

/// The ink in force after `raw`, which may hold many lines.
pub(super) fn ink_after(raw: &[u8]) -> Ink {
    if memchr::memchr(0x1b, raw).is_none() {
        return Ink::default();
    }
    let mut only = InkOnly(Ink::default());
    for line in raw.split(|b| *b == b'\n') {
        if memchr::memchr(0x1b, line).is_some() {
            feed(&mut only, line);
        }
    }
    only.0
}

/// Run the parser over one line, string sequences cut out first. A sequence never outlives its line.
fn feed(performer: &mut impl Perform, raw: &[u8]) {
    let mut parser = Parser::new();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        if let Some(b']' | b'P' | b'X' | b'^' | b'_') = rest.get(at + 1) {
            parser.advance(performer, &rest[..at]);
            // A sequence cut off here must not swallow what follows.
            parser = Parser::new();
            let body = &rest[at + 2..];
            rest = &body[string_length(body)..];
        } else {
            parser.advance(performer, &rest[..=at]);
            rest = &rest[at + 1..];
        }
    }
    parser.advance(performer, rest);
    // Flushes a character that was cut off.
    parser.advance(performer, b"\n");
}

/// Length of a string sequence's body with its terminator; 0 when it has none within reach.
fn string_length(body: &[u8]) -> usize {
    let reach = &body[..body.len().min(MAX_STRING_SEQUENCE)];
    for (at, byte) in reach.iter().enumerate() {
        match byte {
            7 | 0x9c => return at + 1,
            0x1b => return if reach.get(at + 1) == Some(&b'\\') { at + 2 } else { 0 },
            _ => {}
        }
    }
    0
}

impl Assembler {
    fn put(&mut self, c: char, width: usize, ink: Ink) {
        if self.column + width > MAX_COLUMNS {
            self.overflow += 1;
            return;
        }
        while self.cells.len() < self.column + width {
            self.cells.push(BLANK);
        }
        // Writing over half of a wide character leaves a blank for the other half.
        if self.cells[self.column].c == CONTINUATION && self.column > 0 {
            self.cells[self.column - 1] = BLANK;
        }
        if let Some(next) = self.cells.get_mut(self.column + width)
            && next.c == CONTINUATION
        {
            *next = BLANK;
        }
        self.cells[self.column] = Cell { c, marks: [None; clean::MAX_MARKS], ink };
        for half in 1..width {
            self.cells[self.column + half] = Cell { c: CONTINUATION, ..BLANK };
        }
        self.column += width;
    }

    fn mark(&mut self, c: char) {
        let Some(mut at) = self.column.checked_sub(1) else { return };
        if self.cells.get(at).is_some_and(|cell| cell.c == CONTINUATION) {
            at = at.saturating_sub(1);
        }
        if let Some(cell) = self.cells.get_mut(at)
            && let Some(free) = cell.marks.iter_mut().find(|mark| mark.is_none())
        {
            *free = Some(c);
        }
    }

    fn named(&mut self, c: char) {
        let ink = Ink { named: true, ..Ink::default() };
        for letter in clean::name(c).chars() {
            self.put(letter, 1, ink);
        }
    }

    fn finish(self, left_out: u64) -> Line {
        let mut pieces: Vec<Piece> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.c != CONTINUATION) {
            match pieces.last_mut() {
                Some(piece) if piece.ink == cell.ink => piece.text.push(cell.c),
                _ => pieces.push(Piece { text: cell.c.to_string(), ink: cell.ink }),
            }
            if let Some(piece) = pieces.last_mut() {
                piece.text.extend(cell.marks.iter().flatten());
            }
        }
        Line { pieces, left_out: left_out + self.overflow }
    }
}

impl Perform for Assembler {
    fn print(&mut self, c: char) {
        match clean::shown(c) {
            Shown::Plain(width) => self.put(c, width, self.ink),
            Shown::Mark => self.mark(c),
            Shown::Named => self.named(c),
            Shown::Hidden => {}
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            8 => self.column = self.column.saturating_sub(1),
            b'\t' => self.column = (self.column / 8 + 1) * 8,
            0x80.. => self.named(char::from(byte)),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        match action {
            'm' => select_graphics(&mut self.ink, params),
            // Erase in line: progress bars write it after a carriage return.
            'K' => match params.iter().next().and_then(|p| p.first().copied()).unwrap_or(0) {
                0 => self.cells.truncate(self.column),
                2 => self.cells.clear(),
                _ => {}
            },
            _ => {}
        }
    }
}

struct InkOnly(Ink);

impl Perform for InkOnly {
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if action == 'm' && !ignore && intermediates.is_empty() {
            select_graphics(&mut self.0, params);
        }
    }
}

/// Select Graphic Rendition (ECMA-48 8.3.117, colours as in ITU T.416).
fn select_graphics(ink: &mut Ink, params: &Params) {
    let mut params = params.iter();
    while let Some(param) = params.next() {
        let attributes = &mut ink.attributes;
        match param.first().copied().unwrap_or(0) {
            0 => *ink = Ink::default(),
            1 => attributes.set(Attributes::BOLD, true),
            2 => attributes.set(Attributes::DIM, true),
            3 => attributes.set(Attributes::ITALIC, true),
            4 => attributes.set(Attributes::UNDERLINE, param.get(1) != Some(&0)),
            7 => attributes.set(Attributes::REVERSE, true),
            9 => attributes.set(Attributes::STRIKE, true),
            21 => attributes.set(Attributes::UNDERLINE, true),
            22 => {
                attributes.set(Attributes::BOLD, false);
                attributes.set(Attributes::DIM, false);
            }
            23 => attributes.set(Attributes::ITALIC, false),
            24 => attributes.set(Attributes::UNDERLINE, false),
            27 => attributes.set(Attributes::REVERSE, false),
            29 => attributes.set(Attributes::STRIKE, false),
            code @ 30..=37 => ink.foreground = Some(Colour::Indexed(code as u8 - 30)),
            38 => ink.foreground = extended_colour(param, &mut params).or(ink.foreground),
            39 => ink.foreground = None,
            code @ 40..=47 => ink.background = Some(Colour::Indexed(code as u8 - 40)),
            48 => ink.background = extended_colour(param, &mut params).or(ink.background),
            49 => ink.background = None,
            code @ 90..=97 => ink.foreground = Some(Colour::Indexed(code as u8 - 90 + 8)),
            code @ 100..=107 => ink.background = Some(Colour::Indexed(code as u8 - 100 + 8)),
            _ => {}
        }
    }
    // Text in the colour of its background would be there and not be seen.
    if ink.foreground.is_some() && ink.foreground == ink.background {
        ink.background = None;
    }
}

/// `38:2::r:g:b`, `38:5:n`, `38;2;r;g;b` or `38;5;n`.
fn extended_colour<'a>(param: &[u16], rest: &mut impl Iterator<Item = &'a [u16]>) -> Option<Colour> {
    let byte = |value: u16| u8::try_from(value).ok();
    if param.len() > 1 {
        return match (param[1], &param[2..]) {
            (5, [n, ..]) => byte(*n).map(Colour::Indexed),
            (2, [.., r, g, b]) => Some(Colour::Rgb(byte(*r)?, byte(*g)?, byte(*b)?)),
            _ => None,
        };
    }
    let mut next = || rest.next().and_then(|p| p.first().copied());
    match next()? {
        5 => byte(next()?).map(Colour::Indexed),
        2 => {
            let (r, g, b) = (next()?, next()?, next()?);
            Some(Colour::Rgb(byte(r)?, byte(g)?, byte(b)?))
        }
        _ => None,
    }
}
