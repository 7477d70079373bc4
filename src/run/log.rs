//! What a program printed: kept raw and bounded, turned into styled text only where it is looked at.
//!
//! The workbench has one [`OutputLog`] for each stream of a run. Output is hostile and may be endless:
//! memory is bounded by a ring that forgets its oldest lines (and says how many), and a line is parsed
//! only when it is shown. Nothing here draws; [`clean()`] is also the filter for every other foreign string.

pub mod clean;
mod line;
mod order;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

pub use clean::clean;
pub use line::{Attributes, Colour, Ink, Line, MAX_COLUMNS, Piece};
pub use order::{Order, Place};

/// Bytes of one stream that are kept.
pub const CAPACITY: usize = 8 * 1024 * 1024;
/// Lines of one stream that are kept: bounds the index when lines are short.
pub const MAX_LINES: usize = 500_000;
/// Bytes of one line that are looked at.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// How far back the colours of a line are looked for.
const CARRY_BYTES: u64 = 64 * 1024;
const CARRY_LINES: usize = 200;

/// One stream of a run: the newest bytes, and where their lines start.
#[derive(Debug, Clone)]
pub struct OutputLog {
    bytes: VecDeque<u8>,
    /// Offset in the stream of `bytes[0]`.
    first_byte: u64,
    /// Offset in the stream at which each kept line starts. Never empty: the last one is the open line.
    starts: VecDeque<u64>,
    /// Lines forgotten.
    dropped_lines: u64,
    capacity: usize,
    max_lines: usize,
}

impl Default for OutputLog {
    fn default() -> Self {
        Self::with_capacity(CAPACITY, MAX_LINES)
    }
}

/// The newest of the lines, which come newest first, in their order: at most `limit` bytes.
pub fn tail(newest_first: impl Iterator<Item = String>, limit: usize) -> String {
    let mut size = 0;
    let fits = |line: &String| {
        size += line.len() + 1;
        size <= limit
    };
    let mut lines: Vec<String> = newest_first.take_while(fits).collect();
    lines.reverse();
    lines.join("\n")
}

impl OutputLog {
    pub fn with_capacity(capacity: usize, max_lines: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            first_byte: 0,
            starts: VecDeque::from([0]),
            dropped_lines: 0,
            capacity: capacity.max(1),
            max_lines: max_lines.max(1),
        }
    }

    /// Take bytes in, forgetting the oldest lines when there is no room.
    pub fn push(&mut self, chunk: &[u8]) {
        let base = self.received();
        let end = base + chunk.len() as u64;
        for newline in memchr::memchr_iter(b'\n', chunk) {
            self.starts.push_back(base + newline as u64 + 1);
            if self.starts.len() > self.max_lines + 1 {
                self.starts.pop_front();
                self.dropped_lines += 1;
            }
        }
        self.forget(end);
        // Of a chunk larger than the ring only the end can stay.
        let skip = self.first_byte.saturating_sub(base) as usize;
        let needed = self.bytes.len() + chunk.len() - skip;
        if needed > self.bytes.capacity() {
            // Doubling, but never beyond the bound.
            let wanted = (2 * needed).min(self.capacity).max(needed);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend(&chunk[skip..]);
    }

    /// Forget whole lines until the stream up to `end` fits; a single line longer than the ring loses its head.
    fn forget(&mut self, end: u64) {
        let oldest = end.saturating_sub(self.capacity as u64).max(self.first_byte);
        let gone = self.starts.partition_point(|start| *start < oldest);
        let open = self.starts.back().copied().unwrap_or(end);
        if open < oldest {
            // The open line itself is too long: keep its end.
            self.dropped_lines += self.starts.len() as u64 - 1;
            self.starts.clear();
            self.starts.push_back(oldest);
        } else {
            self.starts.drain(..gone);
            self.dropped_lines += gone as u64;
        }
        let keep_from = self.starts.front().copied().unwrap_or(end);
        let cut = keep_from.saturating_sub(self.first_byte) as usize;
        self.bytes.drain(..cut.min(self.bytes.len()));
        self.first_byte = keep_from.max(self.first_byte);
    }

    /// Bytes of the stream so far, forgotten ones too.
    pub fn received(&self) -> u64 {
        self.first_byte + self.bytes.len() as u64
    }

    /// Lines that can be shown. An unfinished last line counts when it has text.
    pub fn len(&self) -> usize {
        let open_is_empty = self.starts.back().is_none_or(|start| *start == self.received());
        self.starts.len() - usize::from(open_is_empty && !self.starts.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines that were forgotten because of the bound.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped_lines
    }

    /// The line that holds the byte at this offset of the stream; the oldest when that is forgotten.
    pub fn line_at(&self, offset: u64) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Where line `index` lies in the stream, its newline excluded.
    fn extent(&self, index: usize) -> Option<Range<u64>> {
        let start = *self.starts.get(index)?;
        let end = match self.starts.get(index + 1) {
            Some(next) => next - 1,
            None => self.received(),
        };
        Some(start..end.max(start))
    }

    fn slice(&self, range: Range<u64>) -> Cow<'_, [u8]> {
        let from = range.start.saturating_sub(self.first_byte) as usize;
        let to = (range.end.saturating_sub(self.first_byte) as usize).min(self.bytes.len());
        let (head, tail) = self.bytes.as_slices();
        if to <= from {
            Cow::Borrowed(&[])
        } else if to <= head.len() {
            Cow::Borrowed(&head[from..to])
        } else if from >= head.len() {
            Cow::Borrowed(&tail[from - head.len()..to - head.len()])
        } else {
            let mut joined = head[from..].to_vec();
            joined.extend_from_slice(&tail[..to - head.len()]);
            Cow::Owned(joined)
        }
    }

    /// The bytes of a line that are looked at, and how many are left out. A long line that rewrites itself
    /// with carriage returns (a progress bar) is looked at from its end, any other from its start.
    fn raw(&self, index: usize) -> Option<(Cow<'_, [u8]>, u64)> {
        let extent = self.extent(index)?;
        let length = extent.end - extent.start;
        let cap = MAX_LINE_BYTES as u64;
        if length <= cap {
            return Some((self.slice(extent), 0));
        }
        let tail = self.slice(extent.end - cap..extent.end);
        let body = &tail[..tail.len() - 1];
        if let Some(at) = memchr::memchr(b'\r', body) {
            return Some((Cow::Owned(tail[at + 1..].to_vec()), 0));
        }
        Some((self.slice(extent.start..extent.start + cap), length - cap))
    }

    /// Lines `range` as styled text, control sequences gone. Colours set on an earlier line carry over.
    pub fn lines(&self, range: Range<usize>) -> Vec<Line> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        let mut ink = self.carried_ink(range.start);
        range
            .filter_map(|index| {
                let (raw, left_out) = self.raw(index)?;
                let (line, after) = line::assemble(&raw, left_out, ink);
                ink = after;
                Some(line)
            })
            .collect()
    }

    /// The ink in force at the start of line `index`, looked for within a bounded distance.
    fn carried_ink(&self, index: usize) -> Ink {
        let Some(here) = self.starts.get(index).copied() else { return Ink::default() };
        let mut from = index.saturating_sub(CARRY_LINES);
        while from < index && here - self.starts[from] > CARRY_BYTES {
            from += 1;
        }
        if from == index {
            return Ink::default();
        }
        line::ink_after(&self.slice(self.starts[from]..here))
    }

    /// Plain text of line `index`, as it is shown.
    pub fn text(&self, index: usize) -> Option<String> {
        let (raw, left_out) = self.raw(index)?;
        Some(line::assemble(&raw, left_out, Ink::default()).0.text())
    }

    /// The newest lines as plain text, at most `limit` bytes of it: what is copied or saved.
    pub fn tail_text(&self, limit: usize) -> String {
        tail((0..self.len()).rev().map_while(|index| self.text(index)), limit)
    }

    /// The next line at or after `from` (before or at, when searching backwards) whose shown text holds
    /// `needle`. Upper and lower case are the same unless the needle has an upper-case letter.
    pub fn find(&self, needle: &str, from: usize, backwards: bool) -> Option<usize> {
        if needle.is_empty() || self.is_empty() {
            return None;
        }
        let hit = |index: &usize| {
            self.raw(*index).is_some_and(|(raw, left_out)| {
                if raw.iter().any(|b| *b == 0x1b || *b == b'\r' || *b == 8) {
                    // Only a line with control bytes has to be assembled to know what it shows.
                    contains(&line::assemble(&raw, left_out, Ink::default()).0.text(), needle)
                } else {
                    contains(&String::from_utf8_lossy(&raw), needle)
                }
            })
        };
        if backwards { (0..=from.min(self.len() - 1)).rev().find(hit) } else { (from..self.len()).find(hit) }
    }
}

/// Smart-case containment, the rule of every search in the workbench.
pub fn contains(text: &str, needle: &str) -> bool {
    matches(text, needle).next().is_some()
}

/// Byte ranges of `needle` in `text` by the smart-case rule, ASCII letters only.
pub fn matches<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let exact = needle.chars().any(char::is_uppercase);
    let mut from = 0;
    std::iter::from_fn(move || {
        if needle.is_empty() || from >= text.len() {
            return None;
        }
        let at = if exact {
            memchr::memmem::find(&text.as_bytes()[from..], needle.as_bytes())
        } else {
            text.as_bytes()[from..]
                .windows(needle.len())
                .position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
        }? + from;
        from = at + needle.len();
        Some(at..from)
    })
}

#[cfg(test)]
mod tests;
