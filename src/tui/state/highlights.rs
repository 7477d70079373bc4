//! Coloured source texts, by content. A worker fills them; until then a text is shown plain.

use std::collections::VecDeque;
use std::sync::Arc;

/// Coloured texts by content, newest last; the worker fills it.
#[derive(Debug, Default)]
pub struct Highlights {
    entries: VecDeque<(u64, Option<Arc<Highlighted>>)>,
}

/// Colour runs of each line: (byte range, what it is).
pub type Highlighted = Vec<Vec<(std::ops::Range<usize>, Syntax)>>;

/// What a stretch of source text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Heading,
    Key,
    String,
    Number,
    Keyword,
    Function,
    Type,
    Comment,
    Code,
    Link,
    Emphasis,
    Strong,
    Punctuation,
}

impl Highlights {
    const KEEP: usize = 16;

    /// Note that `key` is asked for. False when it was asked for before.
    pub fn ask(&mut self, key: u64) -> bool {
        if self.entries.iter().any(|(known, _)| *known == key) {
            return false;
        }
        if self.entries.len() >= Self::KEEP {
            self.entries.pop_front();
        }
        self.entries.push_back((key, None));
        true
    }

    pub fn fill(&mut self, key: u64, lines: Arc<Highlighted>) {
        if let Some((_, slot)) = self.entries.iter_mut().find(|(known, _)| *known == key) {
            *slot = Some(lines);
        }
    }

    pub fn get(&self, key: u64) -> Option<&Highlighted> {
        self.entries.iter().find(|(known, _)| *known == key)?.1.as_deref()
    }

    pub fn waiting(&self) -> bool {
        self.entries.iter().any(|(_, lines)| lines.is_none())
    }
}
