//! Which line of which stream came when: puts two [`OutputLog`]s together line by line, without a copy
//! of them.
//!
//! Every line gets a number when its first byte arrives. Neighbouring lines of one stream are one entry, so what is kept
//! is as long as the streams take turns, and bounded: the oldest turns are forgotten, and counted.

use std::collections::VecDeque;

use super::OutputLog;
use crate::sandbox::event::Stream;

/// Turns of each stream that are kept.
const MAX_TURNS: usize = 32 * 1024;

/// From line `line` of its stream on, lines are numbered from `number` on, up to the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    line: u64,
    number: u64,
}

/// What has come of one stream.
#[derive(Debug, Clone, Default)]
struct Side {
    turns: VecDeque<Turn>,
    /// Lines so far, forgotten ones too.
    lines: u64,
    /// The first line that its log still has.
    first: u64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Order {
    sides: [Side; 2],
    /// Lines of both so far.
    numbers: u64,
    /// Whose turn it was last.
    last: Option<Stream>,
}

/// A line of one of the streams, by its place in the stream's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub stream: Stream,
    pub line: usize,
}

fn side(stream: Stream) -> usize {
    usize::from(stream == Stream::Stderr)
}

const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

impl Order {
    /// `log` of `stream` has just taken bytes in.
    pub fn note(&mut self, stream: Stream, log: &OutputLog) {
        let side = &mut self.sides[side(stream)];
        let lines = log.dropped_lines() + log.len() as u64;
        let new = lines.saturating_sub(side.lines);
        if new > 0 {
            if self.last != Some(stream) {
                side.turns.push_back(Turn { line: side.lines, number: self.numbers });
            }
            side.lines = lines;
            self.numbers += new;
            self.last = Some(stream);
        }
        side.first = log.dropped_lines();
        while side.turns.get(1).is_some_and(|next| next.line <= side.first) || side.turns.len() > MAX_TURNS {
            side.turns.pop_front();
        }
    }

    /// Lines that can be shown.
    pub fn len(&self) -> usize {
        self.before(self.numbers) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines of both streams that were forgotten.
    pub fn dropped_lines(&self) -> u64 {
        self.sides.iter().map(Side::base).sum()
    }

    /// Lines that can be shown with a smaller number.
    fn before(&self, number: u64) -> u64 {
        self.sides.iter().map(|side| side.before(number)).sum()
    }

    /// The line at `row`.
    pub fn at(&self, row: usize) -> Option<Place> {
        let row = row as u64;
        // The smallest number up to which more than `row` lines have come: the line before it is the one.
        let (mut low, mut high) = (0, self.numbers);
        if row >= self.before(high) {
            return None;
        }
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.before(middle) > row { high = middle } else { low = middle + 1 }
        }
        let number = low.checked_sub(1)?;
        STREAMS.iter().find_map(|stream| {
            let side = &self.sides[side(*stream)];
            let line = side.line_of(number)?.checked_sub(side.first)?;
            Some(Place { stream: *stream, line: line as usize })
        })
    }

    /// The row at which a line stands.
    pub fn row(&self, place: Place) -> usize {
        let side = &self.sides[side(place.stream)];
        let number = side.number_of(side.first + place.line as u64);
        self.before(number) as usize
    }

    /// The first line of `stream` at or after `row`.
    pub fn first_of(&self, stream: Stream, row: usize) -> usize {
        let Some(place) = self.at(row) else { return usize::MAX };
        if place.stream == stream {
            return place.line;
        }
        let other = &self.sides[side(place.stream)];
        let number = other.number_of(other.first + place.line as u64);
        let side = &self.sides[side(stream)];
        (side.base() + side.before(number)).saturating_sub(side.first) as usize
    }

    /// The next row at or after `from` (before or at, when searching backwards) whose text holds `needle`.
    pub fn find(&self, logs: [&OutputLog; 2], needle: &str, from: usize, backwards: bool) -> Option<usize> {
        let of = |(stream, log): (Stream, &OutputLog)| {
            let line = self.first_of(stream, from);
            // Backwards, from the line before: of this stream none may stand at `from`.
            let here = !backwards || self.at(from) == Some(Place { stream, line });
            let start = if here { line } else { line.min(log.len()).checked_sub(1)? };
            let line = log.find(needle, start, backwards)?;
            Some(self.row(Place { stream, line }))
        };
        let rows = STREAMS.into_iter().zip(logs).filter_map(of);
        if backwards { rows.filter(|row| *row <= from).max() } else { rows.filter(|row| *row >= from).min() }
    }
}

impl Side {
    /// The first line that has a place.
    fn base(&self) -> u64 {
        self.turns.front().map_or(self.lines, |turn| turn.line).max(self.first)
    }

    fn before(&self, number: u64) -> u64 {
        let after = self.turns.partition_point(|turn| turn.number < number);
        let Some(turn) = after.checked_sub(1).and_then(|at| self.turns.get(at)) else { return 0 };
        let end = self.turns.get(after).map_or(self.lines, |next| next.line);
        (turn.line + (number - turn.number)).min(end).saturating_sub(self.base())
    }

    fn line_of(&self, number: u64) -> Option<u64> {
        let after = self.turns.partition_point(|turn| turn.number <= number);
        let turn = self.turns.get(after.checked_sub(1)?)?;
        let end = self.turns.get(after).map_or(self.lines, |next| next.line);
        let line = turn.line + (number - turn.number);
        (line < end && line >= self.base()).then_some(line)
    }

    fn number_of(&self, line: u64) -> u64 {
        let after = self.turns.partition_point(|turn| turn.line <= line);
        let turn = after.checked_sub(1).and_then(|at| self.turns.get(at)).or(self.turns.front());
        turn.map_or(0, |turn| turn.number + line.saturating_sub(turn.line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Stream::{Stderr, Stdout};

    struct Both {
        logs: [OutputLog; 2],
        order: Order,
    }

    impl Both {
        fn new(capacity: usize, max_lines: usize) -> Self {
            let log = || OutputLog::with_capacity(capacity, max_lines);
            Self { logs: [log(), log()], order: Order::default() }
        }

        fn push(&mut self, stream: Stream, bytes: &[u8]) {
            let log = &mut self.logs[side(stream)];
            log.push(bytes);
            self.order.note(stream, log);
        }

        fn rows(&self) -> Vec<String> {
            let text = |row| {
                let place = self.order.at(row).unwrap();
                assert_eq!(self.order.row(place), row);
                let mark = if place.stream == Stderr { "!" } else { "" };
                format!("{mark}{}", self.logs[side(place.stream)].text(place.line).unwrap())
            };
            (0..self.order.len()).map(text).collect()
        }

        fn find(&self, needle: &str, from: usize, backwards: bool) -> Option<usize> {
            self.order.find([&self.logs[0], &self.logs[1]], needle, from, backwards)
        }
    }

    #[test]
    fn lines_stand_where_they_began() {
        let mut both = Both::new(1000, 1000);
        both.push(Stdout, b"one\ntwo ");
        both.push(Stderr, b"oops\n");
        both.push(Stdout, b"goes on\nthree\n");
        assert_eq!(both.rows(), ["one", "two goes on", "!oops", "three"]);
        assert_eq!(both.order.at(4), None);
        assert_eq!(both.order.first_of(Stdout, 2), 2);
        assert_eq!(both.order.first_of(Stderr, 0), 0);
    }

    #[test]
    fn searching_goes_through_both() {
        let mut both = Both::new(1000, 1000);
        for (stream, text) in
            [(Stdout, "a x\n"), (Stderr, "b x\n"), (Stdout, "c\n"), (Stdout, "d x\n"), (Stderr, "e\n")]
        {
            both.push(stream, text.as_bytes());
        }
        assert_eq!(
            (0..5).map(|from| both.find("x", from, false)).collect::<Vec<_>>(),
            [Some(0), Some(1), Some(3), Some(3), None]
        );
        assert_eq!(
            (0..5).map(|from| both.find("x", from, true)).collect::<Vec<_>>(),
            [Some(0), Some(1), Some(1), Some(3), Some(3)]
        );
        assert_eq!(both.find("e", 4, true), Some(4));
    }

    #[test]
    fn what_a_flood_pushed_out_leaves_no_hole() {
        let mut both = Both::new(40, 1000);
        both.push(Stderr, b"early\n");
        for n in 0..500 {
            both.push(Stdout, format!("line {n}\n").as_bytes());
        }
        both.push(Stderr, b"late\n");
        let rows = both.rows();
        assert_eq!((rows[0].as_str(), rows.last().unwrap().as_str()), ("!early", "!late"));
        assert_eq!(rows.len(), both.logs[0].len() + 2);
        assert_eq!(both.order.dropped_lines(), both.logs[0].dropped_lines());
    }

    #[test]
    fn turns_are_bounded() {
        let mut both = Both::new(1 << 20, 1 << 20);
        for _ in 0..MAX_TURNS + 100 {
            both.push(Stdout, b"o\n");
            both.push(Stderr, b"e\n");
        }
        assert!(both.order.sides.iter().all(|side| side.turns.len() <= MAX_TURNS));
        assert_eq!(both.order.len() as u64 + both.order.dropped_lines(), 2 * (MAX_TURNS as u64 + 100));
        assert_eq!(both.order.at(0).map(|place| place.stream), Some(Stdout));
        assert_eq!(both.order.at(0).map(|place| place.line), Some(100));
    }

    proptest! {
        /// However the streams are cut and pushed out: every line that is kept has a row, and both stay in order.
        #[test]
        fn every_line_has_one_row(
            pieces in proptest::collection::vec((any::<bool>(), "[ab\n]{0,12}"), 0..60),
            capacity in 1usize..200,
            max_lines in 1usize..40,
        ) {
            let mut both = Both::new(capacity, max_lines);
            for (error, text) in &pieces {
                both.push(if *error { Stderr } else { Stdout }, text.as_bytes());
            }
            let places: Vec<Place> = (0..both.order.len()).map(|row| both.order.at(row).unwrap()).collect();
            for stream in STREAMS {
                let lines: Vec<usize> =
                    places.iter().filter(|place| place.stream == stream).map(|place| place.line).collect();
                let all: Vec<usize> = (0..both.logs[side(stream)].len()).collect();
                prop_assert_eq!(lines, all);
            }
            for (row, place) in places.iter().enumerate() {
                prop_assert_eq!(both.order.row(*place), row);
            }
        }
    }
}
