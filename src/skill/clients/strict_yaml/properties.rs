//! Directives, anchors, aliases and tags: none of them is allowed, but a fault inside one is met first.

use super::reader::{Mark, Step, Stop, is_blank, is_end};
use super::scanner::Scanner;
use super::token::{Directive, Kind, Token};
use crate::skill::clients::python;

const DIRECTIVE: &str = "while scanning a directive";

impl Scanner {
    fn expected(&self, context: &'static str, start: Mark, what: &str, found: char) -> Stop {
        let problem = format!("expected {what}, but found {}", python::repr_char(found));
        Stop::during(context, start, problem, self.reader.mark())
    }

    pub(super) fn scan_directive(&mut self) -> Step<Token> {
        let start = self.reader.mark();
        self.reader.forward(1);
        let name = self.directive_name(start)?;
        let directive = match name.as_str() {
            "YAML" => {
                self.reader.skip_spaces();
                let major = self.version_number(start)?;
                let found = self.reader.peek(0);
                if found != '.' {
                    return Err(self.expected(DIRECTIVE, start, "a digit or '.'", found));
                }
                self.reader.forward(1);
                let minor = self.version_number(start)?;
                self.space_or_end(start, "a digit or ' '")?;
                self.version = (major, minor);
                Directive::Yaml(major)
            }
            "TAG" => {
                self.reader.skip_spaces();
                let handle = self.tag_handle(DIRECTIVE, start)?;
                let found = self.reader.peek(0);
                if found != ' ' {
                    return Err(self.expected(DIRECTIVE, start, "' '", found));
                }
                self.reader.skip_spaces();
                self.tag_uri("while parsing a directive", DIRECTIVE, start)?;
                self.space_or_end(start, "' '")?;
                Directive::Tag(handle)
            }
            _ => {
                let end = self.reader.mark();
                while !is_end(self.reader.peek(0)) {
                    self.reader.forward(1);
                }
                self.rest_of_line(DIRECTIVE, start)?;
                return Ok(Token::new(Kind::Directive(Directive::Other), start, end));
            }
        };
        let end = self.reader.mark();
        self.rest_of_line(DIRECTIVE, start)?;
        Ok(Token::new(Kind::Directive(directive), start, end))
    }

    fn directive_name(&mut self, start: Mark) -> Step<String> {
        const WHAT: &str = "alphabetic or numeric character";
        let mut length = 0;
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        while is_part(self.reader.peek(length)) {
            length += 1;
        }
        if length == 0 {
            return Err(self.expected(DIRECTIVE, start, WHAT, self.reader.peek(0)));
        }
        let name = self.reader.take(length);
        self.space_or_end(start, WHAT)?;
        Ok(name)
    }

    fn space_or_end(&self, start: Mark, what: &str) -> Step<()> {
        match self.reader.peek(0) {
            c if c == ' ' || is_end(c) => Ok(()),
            found => Err(self.expected(DIRECTIVE, start, what, found)),
        }
    }

    fn version_number(&mut self, start: Mark) -> Step<u32> {
        let mut length = 0;
        while self.reader.peek(length).is_ascii_digit() {
            length += 1;
        }
        if length == 0 {
            return Err(self.expected(DIRECTIVE, start, "a digit", self.reader.peek(0)));
        }
        Ok(self.reader.take(length).parse().unwrap_or(u32::MAX))
    }

    /// Blanks and a comment up to the end of the line, and that. Whether there was a comment.
    pub(super) fn rest_of_line(&mut self, context: &'static str, start: Mark) -> Step<bool> {
        self.reader.skip_spaces();
        let comment = self.reader.peek(0) == '#';
        while comment && !is_end(self.reader.peek(0)) {
            self.reader.forward(1);
        }
        let found = self.reader.peek(0);
        if !is_end(found) {
            return Err(self.expected(context, start, "a comment or a line break", found));
        }
        self.reader.line_break();
        Ok(comment)
    }

    pub(super) fn anchor(&mut self) -> Step<()> {
        const WHAT: &str = "alphabetic or numeric character";
        self.remember_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        let is_alias = self.reader.peek(0) == '*';
        let context = if is_alias { "while scanning an alias" } else { "while scanning an anchor" };
        self.reader.forward(1);
        let mut length = 0;
        while is_anchor_character(self.reader.peek(length)) {
            length += 1;
        }
        let next = self.reader.peek(length);
        if length == 0 {
            return Err(self.expected(context, start, WHAT, next));
        }
        let name = self.reader.take(length);
        if !is_blank(next) && !"?:,[]{}%@`".contains(next) {
            return Err(self.expected(context, start, WHAT, next));
        }
        let kind = if is_alias { Kind::Alias(name) } else { Kind::Anchor };
        self.push(Token::new(kind, start, self.reader.mark()));
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Step<()> {
        const PARSING: &str = "while parsing a tag";
        const SCANNING: &str = "while scanning a tag";
        self.remember_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        let next = self.reader.peek(1);
        if next == '<' {
            self.reader.forward(2);
            self.tag_uri(PARSING, SCANNING, start)?;
            let found = self.reader.peek(0);
            if found != '>' {
                return Err(self.expected(PARSING, start, "'>'", found));
            }
            self.reader.forward(1);
        } else if is_blank(next) {
            self.reader.forward(1);
        } else {
            let mut length = 1;
            while !matches!(self.reader.peek(length), '!' | ' ') && !is_end(self.reader.peek(length)) {
                length += 1;
            }
            if self.reader.peek(length) == '!' {
                self.tag_handle(SCANNING, start)?;
            } else {
                self.reader.forward(1);
            }
            self.tag_uri(PARSING, SCANNING, start)?;
        }
        let found = self.reader.peek(0);
        if found != ' ' && !is_end(found) {
            return Err(self.expected(SCANNING, start, "' '", found));
        }
        self.push(Token::new(Kind::Tag, start, self.reader.mark()));
        Ok(())
    }

    fn tag_handle(&mut self, context: &'static str, start: Mark) -> Step<String> {
        let first = self.reader.peek(0);
        if first != '!' {
            return Err(self.expected(context, start, "'!'", first));
        }
        let mut length = 1;
        if self.reader.peek(1) != ' ' {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            while is_part(self.reader.peek(length)) {
                length += 1;
            }
            let found = self.reader.peek(length);
            if found != '!' {
                self.reader.forward(length);
                return Err(self.expected(context, start, "'!'", found));
            }
            length += 1;
        }
        Ok(self.reader.take(length))
    }

    fn tag_uri(&mut self, parsing: &'static str, scanning: &'static str, start: Mark) -> Step<()> {
        let mut any = false;
        loop {
            match self.reader.peek(0) {
                '%' => self.uri_escapes(scanning, start)?,
                c if c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]".contains(c) => {
                    self.reader.forward(1);
                }
                '#' if self.version > (1, 1) => self.reader.forward(1),
                _ if any => return Ok(()),
                found => return Err(self.expected(parsing, start, "URI", found)),
            }
            any = true;
        }
    }

    fn uri_escapes(&mut self, context: &'static str, start: Mark) -> Step<()> {
        const WHAT: &str = "URI escape sequence of 2 hexdecimal numbers";
        let mark = self.reader.mark();
        let mut bytes = Vec::new();
        while self.reader.peek(0) == '%' {
            self.reader.forward(1);
            let digits = [self.reader.peek(0), self.reader.peek(1)];
            if let Some(found) = digits.into_iter().find(|c| !c.is_ascii_hexdigit()) {
                return Err(self.expected(context, start, WHAT, found));
            }
            bytes.push(u8::from_str_radix(&self.reader.take(2), 16).unwrap_or_default());
        }
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(()),
            Err(error) => Err(Stop::during(context, start, python::decode_error(&bytes, error), mark)),
        }
    }
}

fn is_anchor_character(c: char) -> bool {
    let in_plane = matches!(c, '!'..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    in_plane && !",[]{}\u{feff}".contains(c)
}
