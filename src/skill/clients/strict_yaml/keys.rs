//! Keys, which only the `:` behind them makes known as such, and the indentation of blocks.

use super::reader::{Mark, Step, Stop};
use super::scanner::Scanner;
use super::token::Kind;

/// Longest key that needs no `?`, in characters.
const LONGEST_KEY: usize = 1024;

/// A token that is a key if a `:` follows on its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct PossibleKey {
    pub(super) number: usize,
    required: bool,
    pub(super) mark: Mark,
}

impl Scanner {
    pub(super) fn drop_stale_keys(&mut self) -> Step<()> {
        let here = self.reader.mark();
        while let Some(oldest) = self.possible_keys.first_entry() {
            let key = *oldest.get();
            if key.mark.line == here.line && here.index - key.mark.index <= LONGEST_KEY {
                break;
            }
            if key.required {
                return Err(missing_colon(key.mark, here));
            }
            oldest.remove();
        }
        Ok(())
    }

    /// The token that comes may be a key.
    pub(super) fn remember_key(&mut self) -> Step<()> {
        let mark = self.reader.mark();
        let required = self.flow.is_empty() && self.indent == mark.column as isize;
        if self.allow_key {
            self.forget_key()?;
            let number = self.taken + self.tokens.len();
            self.possible_keys.insert(self.flow.len(), PossibleKey { number, required, mark });
        }
        Ok(())
    }

    pub(super) fn forget_key(&mut self) -> Step<()> {
        match self.possible_keys.remove(&self.flow.len()) {
            Some(key) if key.required => Err(missing_colon(key.mark, self.reader.mark())),
            _ => Ok(()),
        }
    }

    pub(super) fn unwind(&mut self, column: isize) {
        if !self.flow.is_empty() {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push_empty(Kind::BlockEnd, self.reader.mark());
        }
    }

    pub(super) fn add_indent(&mut self, column: usize) -> bool {
        let column = column as isize;
        let deeper = self.indent < column;
        if deeper {
            self.indents.push(self.indent);
            self.indent = column;
        }
        deeper
    }
}

fn missing_colon(began: Mark, here: Mark) -> Stop {
    Stop::during("while scanning a simple key", began, "could not find expected ':'", here)
}
