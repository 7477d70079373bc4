//! Scalars: plain, quoted, literal and folded. Only their faults, their ends and their text matter.

use super::reader::{Mark, Step, Stop, is_blank, is_break, is_end};
use super::scanner::Scanner;
use super::token::{Kind, Token};
use crate::skill::clients::python;

const BLOCK: &str = "while scanning a block scalar";
const QUOTED: &str = "while scanning a quoted scalar";
const DOUBLE_QUOTED: &str = "while scanning a double-quoted scalar";

/// Stands for half a surrogate pair, which is a character to Python.
const SURROGATE: char = '\u{fffd}';

impl Scanner {
    pub(super) fn plain(&mut self) -> Step<()> {
        self.remember_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        let mut end = start;
        let least = self.indent + 1;
        let mut text = String::new();
        let mut spaces = Some(String::new());
        while self.reader.peek(0) != '#' {
            let length = self.plain_run();
            if length == 0 {
                break;
            }
            self.allow_key = false;
            text.push_str(spaces.as_deref().unwrap_or_default());
            text.push_str(&self.reader.take(length));
            end = self.reader.mark();
            spaces = self.plain_spaces();
            let nothing = spaces.as_ref().is_none_or(String::is_empty);
            let outdented = self.flow.is_empty() && (self.reader.column() as isize) < least;
            if nothing || self.reader.peek(0) == '#' || outdented {
                break;
            }
        }
        let mut token = Token::new(Kind::Scalar { text, plain: true }, start, end);
        // The library keeps line ends behind a scalar as a comment.
        if spaces.is_some_and(|spaces| spaces.starts_with('\n')) {
            token.comment_behind();
        }
        self.push(token);
        Ok(())
    }

    /// Length of what is certainly part of a plain scalar: no blank, no `: `.
    fn plain_run(&self) -> usize {
        let in_flow = !self.flow.is_empty();
        let mut length = 0;
        loop {
            let (c, next) = (self.reader.peek(length), self.reader.peek(length + 1));
            let goes_on = match c {
                ':' if !is_blank(next) => true,
                '?' if self.version != (1, 1) => true,
                ':' => false,
                c if in_flow => !is_blank(c) && !",?[]{}".contains(c),
                c => !is_blank(c),
            };
            if !goes_on {
                return length;
            }
            length += 1;
        }
    }

    /// What stands between two runs; nothing when a separator of documents follows.
    fn plain_spaces(&mut self) -> Option<String> {
        let mut length = 0;
        while self.reader.peek(length) == ' ' {
            length += 1;
        }
        let blanks = self.reader.take(length);
        let Some(line_break) = self.reader.line_break() else { return Some(blanks) };
        self.allow_key = true;
        if self.reader.is_separator() {
            return None;
        }
        let mut breaks = String::new();
        loop {
            if self.reader.peek(0) == ' ' {
                self.reader.forward(1);
            } else if let Some(c) = self.reader.line_break() {
                breaks.push(c);
                if self.reader.is_separator() {
                    return None;
                }
            } else {
                return Some(fold(line_break, &breaks));
            }
        }
    }

    pub(super) fn flow_scalar(&mut self, quote: char) -> Step<()> {
        self.remember_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        self.reader.forward(1);
        let double = quote == '"';
        let mut text = String::new();
        self.quoted_run(double, start, &mut text)?;
        while self.reader.peek(0) != quote {
            self.quoted_spaces(start, &mut text)?;
            self.quoted_run(double, start, &mut text)?;
        }
        self.reader.forward(1);
        self.push(Token::new(Kind::Scalar { text, plain: false }, start, self.reader.mark()));
        Ok(())
    }

    fn quoted_run(&mut self, double: bool, start: Mark, text: &mut String) -> Step<()> {
        loop {
            let mut length = 0;
            while !is_blank(self.reader.peek(length)) && !"'\"\\".contains(self.reader.peek(length)) {
                length += 1;
            }
            text.push_str(&self.reader.take(length));
            match self.reader.peek(0) {
                '\'' if !double && self.reader.peek(1) == '\'' => {
                    text.push('\'');
                    self.reader.forward(2);
                }
                c @ '\'' if double => self.keep(c, text),
                c @ ('"' | '\\') if !double => self.keep(c, text),
                '\\' => self.escape(start, text)?,
                _ => return Ok(()),
            }
        }
    }

    fn keep(&mut self, c: char, text: &mut String) {
        text.push(c);
        self.reader.forward(1);
    }

    fn escape(&mut self, start: Mark, text: &mut String) -> Step<()> {
        self.reader.forward(1);
        let c = self.reader.peek(0);
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c if is_break(c) => {
                self.reader.line_break();
                text.push_str(&self.quoted_breaks(start)?);
                return Ok(());
            }
            c => {
                let Some(meant) = meaning(c) else {
                    let problem = format!("found unknown escape character {}", python::repr_char(c));
                    return Err(Stop::during(DOUBLE_QUOTED, start, problem, self.reader.mark()));
                };
                self.keep(meant, text);
                return Ok(());
            }
        };
        self.reader.forward(1);
        if let Some(bad) = (0..digits).map(|at| self.reader.peek(at)).find(|c| !c.is_ascii_hexdigit()) {
            // The library's own spelling.
            let problem = format!(
                "expected escape sequence of {digits} hexdecimal numbers, but found {}",
                python::repr_char(bad)
            );
            return Err(Stop::during(DOUBLE_QUOTED, start, problem, self.reader.mark()));
        }
        let code = u32::from_str_radix(&self.reader.take(digits), 16).unwrap_or(u32::MAX);
        text.push(match char::from_u32(code) {
            Some(c) => c,
            None if code <= 0xffff => SURROGATE,
            None if i32::try_from(code).is_err() => return Err(Stop::Crash("OverflowError")),
            None => return Err(Stop::Crash("ValueError")),
        });
        Ok(())
    }

    fn quoted_spaces(&mut self, start: Mark, text: &mut String) -> Step<()> {
        let mut length = 0;
        while matches!(self.reader.peek(length), ' ' | '\t') {
            length += 1;
        }
        let blanks = self.reader.take(length);
        if self.reader.peek(0) == '\0' {
            let problem = "found unexpected end of stream";
            return Err(Stop::during(QUOTED, start, problem, self.reader.mark()));
        }
        match self.reader.line_break() {
            Some(line_break) => text.push_str(&fold(line_break, &self.quoted_breaks(start)?)),
            None => text.push_str(&blanks),
        }
        Ok(())
    }

    fn quoted_breaks(&mut self, start: Mark) -> Step<String> {
        let mut breaks = String::new();
        loop {
            if self.reader.is_separator() {
                let problem = "found unexpected document separator";
                return Err(Stop::during(QUOTED, start, problem, self.reader.mark()));
            }
            while matches!(self.reader.peek(0), ' ' | '\t') {
                self.reader.forward(1);
            }
            match self.reader.line_break() {
                Some(c) => breaks.push(c),
                None => return Ok(breaks),
            }
        }
    }

    pub(super) fn block_scalar(&mut self, style: char) -> Step<()> {
        self.allow_key = true;
        self.forget_key()?;
        let start = self.reader.mark();
        self.reader.forward(1);
        let (chomping, increment) = self.block_indicators(start)?;
        let comment = self.rest_of_line(BLOCK, start)?;
        let least = usize::try_from(self.indent + 1).unwrap_or(0);
        let (indent, mut breaks, mut end) = match increment {
            None => {
                let (breaks, deepest, end) = self.block_indentation();
                (least.max(deepest), breaks, end)
            }
            Some(increment) => {
                let indent = least.max(1) + increment - 1;
                let (breaks, end) = self.block_breaks(indent);
                (indent, breaks, end)
            }
        };
        let top_level = increment.is_none() && least == 0;
        let mut text = String::new();
        let mut line_break = None;
        while self.reader.column() == indent && self.reader.peek(0) != '\0' {
            text.push_str(&breaks);
            let is_text = !matches!(self.reader.peek(0), ' ' | '\t');
            let mut length = 0;
            while !is_end(self.reader.peek(length)) {
                length += 1;
            }
            text.push_str(&self.reader.take(length));
            line_break = self.reader.line_break();
            (breaks, end) = self.block_breaks(indent);
            if top_level && self.reader.column() == 0 && self.reader.is_separator() {
                break;
            }
            if self.reader.column() != indent || self.reader.peek(0) == '\0' {
                break;
            }
            let folds = style == '>' && line_break == Some('\n') && is_text;
            if folds && !matches!(self.reader.peek(0), ' ' | '\t') {
                text.push_str(if breaks.is_empty() { " " } else { "" });
            } else {
                text.extend(line_break);
            }
        }
        if chomping != Some(false) {
            text.extend(line_break);
        }
        let kept = chomping == Some(true);
        text.push_str(if kept { &breaks } else { "" });
        let mut token = Token::new(Kind::Scalar { text, plain: false }, start, end);
        if comment {
            token.comments = Some(super::token::Comments { behind: false, before: true });
        }
        if !kept && !breaks.is_empty() {
            // The line ends that were cut off are kept as a comment, with all that follow.
            while self.skip_to_token().is_some() {}
            token.comment_behind();
        }
        self.push(token);
        Ok(())
    }

    /// Whether line ends at the end stay (`+`: all, `-`: none), and the indentation that was given.
    fn block_indicators(&mut self, start: Mark) -> Step<(Option<bool>, Option<usize>)> {
        let mut chomping = self.chomping();
        let mut increment = None;
        if let Some(digit) = self.reader.peek(0).to_digit(10) {
            if digit == 0 {
                let problem = "expected indentation indicator in the range 1-9, but found 0";
                return Err(Stop::during(BLOCK, start, problem, self.reader.mark()));
            }
            increment = Some(digit as usize);
            self.reader.forward(1);
            if chomping.is_none() {
                chomping = self.chomping();
            }
        }
        let c = self.reader.peek(0);
        if c != ' ' && !is_end(c) {
            let found = python::repr_char(c);
            let problem = format!("expected chomping or indentation indicators, but found {found}");
            return Err(Stop::during(BLOCK, start, problem, self.reader.mark()));
        }
        Ok((chomping, increment))
    }

    fn chomping(&mut self) -> Option<bool> {
        let keeps = match self.reader.peek(0) {
            '+' => true,
            '-' => false,
            _ => return None,
        };
        self.reader.forward(1);
        Some(keeps)
    }

    /// Empty lines at the start, and the deepest indentation among them and the first other line.
    fn block_indentation(&mut self) -> (String, usize, Mark) {
        let (mut breaks, mut deepest, mut end) = (String::new(), 0, self.reader.mark());
        loop {
            if self.reader.peek(0) == ' ' {
                self.reader.forward(1);
                deepest = deepest.max(self.reader.column());
            } else if let Some(c) = self.reader.line_break() {
                breaks.push(c);
                end = self.reader.mark();
            } else {
                return (breaks, deepest, end);
            }
        }
    }

    fn block_breaks(&mut self, indent: usize) -> (String, Mark) {
        let (mut breaks, mut end) = (String::new(), self.reader.mark());
        loop {
            while self.reader.column() < indent && self.reader.peek(0) == ' ' {
                self.reader.forward(1);
            }
            let Some(c) = self.reader.line_break() else { return (breaks, end) };
            breaks.push(c);
            end = self.reader.mark();
        }
    }
}

/// A line end and the empty lines behind it: a space for the first alone, else the empty lines.
fn fold(first: char, breaks: &str) -> String {
    match first {
        '\n' if breaks.is_empty() => " ".to_owned(),
        '\n' => breaks.to_owned(),
        other => format!("{other}{breaks}"),
    }
}

fn meaning(escape: char) -> Option<char> {
    Some(match escape {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => escape,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}
