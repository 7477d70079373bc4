//! From characters to tokens, with PyYAML's queue: a token waits in it for as long as it may turn out to be a key, so
//! which of two faults is met first depends on how far the scanner has looked ahead.

use std::collections::{BTreeMap, VecDeque};

use super::keys::PossibleKey;
use super::reader::{Mark, Reader, Step, Stop, is_blank, is_end};
use super::token::{Comments, Kind, Token};
use crate::skill::clients::python;

#[derive(Debug)]
pub(super) struct Scanner {
    pub(super) reader: Reader,
    pub(super) tokens: VecDeque<Token>,
    pub(super) taken: usize,
    done: bool,
    /// Column of the innermost block collection; -1 outside of all.
    pub(super) indent: isize,
    pub(super) indents: Vec<isize>,
    /// `{` and `[` that are open.
    pub(super) flow: Vec<char>,
    pub(super) allow_key: bool,
    /// By the number of brackets around them; what is deeper began later.
    pub(super) possible_keys: BTreeMap<usize, PossibleKey>,
    /// By the last `%YAML` directive that was scanned, even behind the document.
    pub(super) version: (u32, u32),
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        let start = Token::new(Kind::StreamStart, Mark::default(), Mark::default());
        Self {
            reader: Reader::new(text),
            tokens: VecDeque::from([start]),
            taken: 0,
            done: false,
            indent: -1,
            indents: Vec::new(),
            flow: Vec::new(),
            allow_key: true,
            possible_keys: BTreeMap::new(),
            version: (1, 2),
        }
    }

    /// Whether the next token is of that kind.
    pub(super) fn next_is(&mut self, wanted: impl Fn(&Kind) -> bool) -> Step<bool> {
        self.fill()?;
        self.gather_comments()?;
        Ok(self.tokens.front().is_some_and(|token| wanted(&token.kind)))
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Step<&mut Token> {
        self.fill()?;
        self.gather_comments()?;
        // The end of the stream is never taken from an empty queue.
        self.tokens.front_mut().ok_or(Stop::Crash("AttributeError"))
    }

    /// Take the next token, and with it a comment behind it.
    pub(super) fn take(&mut self) -> Step<Token> {
        self.fill()?;
        self.gather_comments()?;
        let Some(token) = self.tokens.front() else { return Err(Stop::Crash("AttributeError")) };
        let line = token.end.line;
        let is_scalar = matches!(token.kind, Kind::Scalar { .. });
        let is_ending =
            is_scalar || matches!(token.kind, Kind::Value | Kind::FlowSequenceEnd | Kind::FlowMappingEnd);
        let comment = self.tokens.get(1).filter(|token| token.kind == Kind::Comment);
        let same_line = comment.map(|comment| comment.start.line == line);
        if (same_line == Some(true) && is_ending) || (same_line == Some(false) && is_scalar) {
            self.drop_second();
            if same_line == Some(false) {
                self.mark_first();
            }
            self.fetch()?;
            while self.tokens.get(1).is_some_and(|token| token.kind == Kind::Comment) {
                self.drop_second();
                self.fetch()?;
            }
            self.mark_first();
        }
        self.taken += 1;
        self.tokens.pop_front().ok_or(Stop::Crash("AttributeError"))
    }

    fn drop_second(&mut self) {
        self.taken += 1;
        self.tokens.remove(1);
    }

    fn mark_first(&mut self) {
        if let Some(token) = self.tokens.front_mut() {
            token.comment_behind();
        }
    }

    fn fill(&mut self) -> Step<()> {
        while self.needs_more()? {
            self.fetch()?;
        }
        Ok(())
    }

    fn needs_more(&mut self) -> Step<bool> {
        if self.done {
            return Ok(false);
        }
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.possible_keys.first_key_value().is_some_and(|(_, key)| key.number == self.taken))
    }

    /// Hang comments at the head of the queue on the token behind them.
    fn gather_comments(&mut self) -> Step<()> {
        let mut found = self.drop_comment();
        while self.needs_more()? {
            self.fetch()?;
            found |= self.drop_comment();
        }
        if found && let Some(token) = self.tokens.front_mut() {
            match &mut token.comments {
                Some(Comments { before: true, .. }) => return Err(Stop::Crash("AssertionError")),
                Some(comments) => comments.before = true,
                none => *none = Some(Comments { behind: false, before: true }),
            }
        }
        if !self.done && self.tokens.len() < 2 {
            self.fetch()?;
        }
        Ok(())
    }

    fn drop_comment(&mut self) -> bool {
        let is_comment = self.tokens.front().is_some_and(|token| token.kind == Kind::Comment);
        if is_comment {
            self.taken += 1;
            self.tokens.pop_front();
        }
        is_comment
    }

    /// Scan one token more, or a few that belong together.
    fn fetch(&mut self) -> Step<()> {
        if let Some(comment) = self.skip_to_token() {
            self.tokens.push_back(comment);
            return Ok(());
        }
        self.drop_stale_keys()?;
        self.unwind(self.reader.column() as isize);
        let (c, next) = (self.reader.peek(0), self.reader.peek(1));
        let first = self.reader.column() == 0;
        let in_flow = !self.flow.is_empty();
        match c {
            '\0' => self.stream_end(),
            '%' if first => self.directive(),
            '.' if first && self.reader.is_separator() => self.document_end(),
            '[' => self.flow_start(Kind::FlowSequenceStart, c),
            '{' => self.flow_start(Kind::FlowMappingStart, c),
            ']' => self.flow_end(Kind::FlowSequenceEnd),
            '}' => self.flow_end(Kind::FlowMappingEnd),
            ',' => {
                self.allow_key = true;
                self.forget_key()?;
                self.push_indicator(Kind::FlowEntry, 1);
                Ok(())
            }
            '-' if is_blank(next) => self.block_entry(),
            '?' if in_flow || is_blank(next) => self.key(),
            ':' if self.is_value(next) => self.value(),
            '*' | '&' => self.anchor(),
            '!' => self.tag(),
            '|' | '>' if !in_flow => self.block_scalar(c),
            '\'' | '"' => self.flow_scalar(c),
            _ if self.is_plain(c, next) => self.plain(),
            _ => {
                let problem = format!("found character {} that cannot start any token", python::repr_char(c));
                let context = Some("while scanning for the next token");
                Err(Stop::new(context, None, problem, self.reader.mark()))
            }
        }
    }

    fn is_value(&self, next: char) -> bool {
        match self.flow.last() {
            None => is_blank(next),
            Some(_) if self.version == (1, 1) => true,
            Some('[') => is_blank(next),
            Some(_) => is_blank(next) || self.tokens.back().is_none_or(|token| token.kind != Kind::Value),
        }
    }

    fn is_plain(&self, c: char, next: char) -> bool {
        if !is_blank(c) && !"-?:,[]{}#&*!|>'\"%@`".contains(c) {
            return true;
        }
        let in_flow = !self.flow.is_empty();
        match c {
            '-' => !is_blank(next),
            ':' if in_flow => self.version != (1, 1) && !matches!(next, ' ' | '\t'),
            '?' | ':' => !in_flow && !is_blank(next),
            _ => false,
        }
    }

    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push_back(token);
    }

    /// An indicator of so many characters.
    fn push_indicator(&mut self, kind: Kind, length: usize) {
        let start = self.reader.mark();
        self.reader.forward(length);
        self.push(Token::new(kind, start, self.reader.mark()));
    }

    /// A token without characters.
    pub(super) fn push_empty(&mut self, kind: Kind, at: Mark) {
        self.push(Token::new(kind, at, at));
    }

    fn stream_end(&mut self) -> Step<()> {
        self.unwind(-1);
        self.forget_key()?;
        self.allow_key = false;
        self.possible_keys.clear();
        self.push_empty(Kind::StreamEnd, self.reader.mark());
        self.done = true;
        Ok(())
    }

    fn directive(&mut self) -> Step<()> {
        self.unwind(-1);
        self.forget_key()?;
        self.allow_key = false;
        let token = self.scan_directive()?;
        self.push(token);
        Ok(())
    }

    fn document_end(&mut self) -> Step<()> {
        self.unwind(-1);
        self.forget_key()?;
        self.allow_key = false;
        self.push_indicator(Kind::DocumentEnd, 3);
        Ok(())
    }

    fn flow_start(&mut self, kind: Kind, bracket: char) -> Step<()> {
        self.remember_key()?;
        self.flow.push(bracket);
        self.allow_key = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Step<()> {
        self.forget_key()?;
        self.flow.pop();
        self.allow_key = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Step<()> {
        self.begin_block("sequence entries are not allowed here", Kind::BlockSequenceStart)?;
        self.allow_key = true;
        self.forget_key()?;
        self.push_indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Step<()> {
        self.begin_block("mapping keys are not allowed here", Kind::BlockMappingStart)?;
        self.allow_key = self.flow.is_empty();
        self.forget_key()?;
        self.push_indicator(Kind::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Step<()> {
        if let Some(key) = self.possible_keys.remove(&self.flow.len()) {
            let at = key.number.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(at, Token::new(Kind::Key, key.mark, key.mark));
            if self.flow.is_empty() && self.add_indent(key.mark.column) {
                self.tokens.insert(at, Token::new(Kind::BlockMappingStart, key.mark, key.mark));
            }
            self.allow_key = false;
        } else {
            self.begin_block("mapping values are not allowed here", Kind::BlockMappingStart)?;
            self.allow_key = self.flow.is_empty();
            self.forget_key()?;
        }
        self.push_indicator(Kind::Value, 1);
        Ok(())
    }

    /// An indicator that may begin a block collection, where one may stand.
    fn begin_block(&mut self, problem: &str, kind: Kind) -> Step<()> {
        if !self.flow.is_empty() {
            return Ok(());
        }
        let mark = self.reader.mark();
        if !self.allow_key {
            return Err(Stop::at(mark, problem));
        }
        if self.add_indent(mark.column) {
            self.push_empty(kind, mark);
        }
        Ok(())
    }

    /// Skip blanks and line ends. A comment, or empty lines, are a token of their own.
    pub(super) fn skip_to_token(&mut self) -> Option<Token> {
        if self.reader.mark().index == 0 && self.reader.peek(0) == '\u{feff}' {
            self.reader.forward(1);
        }
        loop {
            self.reader.skip_spaces();
            let start = self.reader.mark();
            if self.reader.peek(0) == '#' {
                while !is_end(self.reader.peek(0)) {
                    self.reader.forward(1);
                }
                while self.reader.line_break().is_some() {}
                self.allow_key |= self.flow.is_empty();
                return Some(Token::new(Kind::Comment, start, self.reader.mark()));
            }
            self.reader.line_break()?;
            self.allow_key |= self.flow.is_empty();
            if self.reader.peek(0) == '\n' {
                let start = self.reader.mark();
                loop {
                    if matches!(self.reader.peek(0), ' ' | '\t') {
                        self.reader.forward(1);
                    } else if self.reader.line_break().is_none() {
                        break;
                    }
                }
                return Some(Token::new(Kind::Comment, start, self.reader.mark()));
            }
        }
    }
}
