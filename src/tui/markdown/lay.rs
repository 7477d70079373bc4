//! Where lines are laid down: behind the prefixes of the blocks that are open, within the width.

use super::blocks::Walker;
use super::flow::{self, Flow};
use super::{Face, Ink, Line, MAX_LINES, Piece};

/// What stands before every line of a block: the bar of a quote, the indentation of a list.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    /// Before the first line only.
    pub(super) first: Option<Piece>,
    pub(super) rest: Option<Piece>,
    columns: usize,
}

impl Walker<'_> {
    /// Without `rest` the lines below the first are indented by as much as it has columns. Where it would leave too
    /// little room for the text it is left out.
    pub(super) fn push_prefix(&mut self, first: Option<Piece>, rest: Option<Piece>) {
        let columns = first.iter().chain(&rest).map(|piece| flow::columns(&piece.text)).max().unwrap_or(0);
        let taken: usize = self.prefixes.iter().map(|prefix| prefix.columns).sum();
        if taken + columns > self.frame.width / 2 {
            self.prefixes.push(Prefix::default());
            return;
        }
        let rest = rest.unwrap_or_else(|| Piece::new(Ink::Text, " ".repeat(columns)));
        self.prefixes.push(Prefix { first, rest: Some(rest), columns });
    }

    /// Columns left for text.
    pub(super) fn room(&self) -> usize {
        let taken: usize = self.prefixes.iter().map(|prefix| prefix.columns).sum();
        self.frame.width.saturating_sub(taken).max(1)
    }

    /// Lay the running text down.
    pub(super) fn flush(&mut self) {
        if self.flow.is_empty() {
            return;
        }
        let flow = std::mem::take(&mut self.flow);
        let most = MAX_LINES.saturating_sub(self.lines.len());
        for (source, pieces) in flow.wrap(self.room(), most) {
            self.lay(source, pieces);
        }
    }

    /// One line of a block, behind what stands before it.
    pub(super) fn lay(&mut self, source: usize, pieces: Vec<Piece>) {
        let mut all = Vec::with_capacity(pieces.len() + self.prefixes.len());
        for prefix in &mut self.prefixes {
            all.extend(prefix.first.take().or_else(|| prefix.rest.clone()));
        }
        all.extend(pieces);
        self.push_line(source, all);
    }

    pub(super) fn push_line(&mut self, source: usize, pieces: Vec<Piece>) {
        if !self.is_full() {
            let above = self.lines.last().map_or(0, |line| line.source);
            self.lines.push(Line { source: source.max(above), pieces });
        }
    }

    /// The first and second level stand above a rule.
    pub(super) fn underline(&mut self, level: usize, source: usize) {
        let sign = match (level, self.frame.ascii) {
            (1, false) => "━",
            (1, true) => "=",
            (_, false) => "─",
            (_, true) => "-",
        };
        self.rule(sign, source);
    }

    pub(super) fn rule(&mut self, sign: &str, source: usize) {
        let rule = Piece::new(Ink::Faint, sign.repeat(self.room()));
        self.lay(source, vec![rule]);
    }

    /// A sentence of the program's own.
    pub(super) fn note(&mut self, text: &str) {
        self.prefixes.clear();
        self.flow = Flow::default();
        let source = self.lines.last().map_or(0, |line| line.source);
        let mut note = Flow::default();
        note.push(text, Face::of(Ink::Warning), source);
        let rows = note.wrap(self.frame.width, 100);
        self.lines.extend(rows.into_iter().map(|(source, pieces)| Line { source, pieces }));
    }
}
