//! The line breaks of YAML 1.1 that are none in YAML 1.2: U+0085, U+2028 and U+2029. A scalar that holds one as it is (not
//! as an escape) is folded by the rules of PyYAML.

use std::iter::Peekable;
use std::str::Chars;

use super::Style;

pub(super) const BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// The value of a scalar as it is `written`; `None` when it holds no such break.
pub(super) fn folded(written: &str, style: Style) -> Option<String> {
    if !written.contains(BREAKS) {
        return None;
    }
    match style {
        Style::Plain => Some(Folder::new(written.trim_end_matches(is_space)).plain()),
        Style::SingleQuoted | Style::DoubleQuoted => {
            let inside = written.get(1..written.len() - 1)?;
            Some(Folder::new(inside).quoted(style))
        }
        Style::Literal | Style::Folded => None,
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n') || BREAKS.contains(&c)
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_break(c)
}

struct Folder<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl<'a> Folder<'a> {
    fn new(written: &'a str) -> Self {
        Self { rest: written.chars().peekable(), out: String::new() }
    }

    fn plain(mut self) -> String {
        while let Some(c) = self.rest.next() {
            if is_space(c) { self.spaces(c) } else { self.out.push(c) }
        }
        self.out
    }

    fn quoted(mut self, style: Style) -> String {
        while let Some(c) = self.rest.next() {
            match c {
                c if is_space(c) => self.spaces(c),
                '\'' if style == Style::SingleQuoted => {
                    self.rest.next();
                    self.out.push('\'');
                }
                '\\' if style == Style::DoubleQuoted => self.escape(),
                c => self.out.push(c),
            }
        }
        self.out
    }

    /// White space that begins with `first`: kept on one line; around breaks it becomes a space, or the breaks but one.
    fn spaces(&mut self, first: char) {
        let mut kept = String::new();
        let mut c = first;
        while !is_break(c) {
            kept.push(c);
            match self.rest.next_if(|c| is_space(*c)) {
                Some(next) => c = next,
                None => return self.out.push_str(&kept),
            }
        }
        let folded = self.line_break(c);
        let breaks = self.breaks();
        match folded {
            '\n' if breaks.is_empty() => self.out.push(' '),
            '\n' => {}
            other => self.out.push(other),
        }
        self.out.push_str(&breaks);
    }

    /// A break as PyYAML normalises it.
    fn line_break(&mut self, c: char) -> char {
        match c {
            '\r' => {
                self.rest.next_if_eq(&'\n');
                '\n'
            }
            '\u{85}' => '\n',
            other => other,
        }
    }

    /// Further breaks, blanks between them dropped.
    fn breaks(&mut self) -> String {
        let mut breaks = String::new();
        while let Some(c) = self.rest.next_if(|c| is_space(*c)) {
            if is_break(c) {
                let normal = self.line_break(c);
                breaks.push(normal);
            }
        }
        breaks
    }

    fn escape(&mut self) {
        let Some(c) = self.rest.next() else { return };
        let plain = match c {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' | 'u' | 'U' => return self.number(c),
            c if is_break(c) => {
                self.line_break(c);
                let breaks = self.breaks();
                return self.out.push_str(&breaks);
            }
            c => c,
        };
        self.out.push(plain);
    }

    /// `\x41`, `\u00e9`, `\U0001f600`, and two `\u` that are halves of a surrogate pair.
    fn number(&mut self, kind: char) {
        let length = match kind {
            'x' => 2,
            'u' => 4,
            _ => 8,
        };
        let mut code = self.digits(length);
        if (0xd800..0xdc00).contains(&code) {
            let (_, _) = (self.rest.next(), self.rest.next());
            code = 0x10000 + ((code - 0xd800) << 10) + self.digits(4).saturating_sub(0xdc00);
        }
        self.out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    fn digits(&mut self, length: usize) -> u32 {
        let digits = self.rest.by_ref().take(length).filter_map(|digit| digit.to_digit(16));
        digits.fold(0, |code, digit| code.wrapping_mul(16).wrapping_add(digit))
    }
}
