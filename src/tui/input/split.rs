//! Cuts what the terminal sends into keys, pastes and answers.
//!
//! Keys and the terminal's answers to questions come through the same line, in pieces of any size. An answer that was
//! cut in two, or comes late, or is not what was asked for, must not be taken for keys: `r` in one would start a run.
//! So a control sequence is kept back until it is whole, or until it is clear that it never will be.
//!
//! The forms are those of ECMA-48 section 5.4 (control sequences) and 5.6 (control strings), and of xterm's
//! ctlseqs (SS3 keys, X10 mouse reports, bracketed paste).

use std::time::Duration;

/// A piece of input that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// The bytes of one key or of one mouse event.
    Key(Vec<u8>),
    /// Escape, and nothing with it.
    Escape,
    Paste(String),
    /// A control sequence with a private marker: parameters and final byte.
    Private(Vec<u8>),
    /// An operating system command, without what is around it.
    Command(Vec<u8>),
}

/// How long a lone Escape may be the beginning of something: the rest comes with it, but for a bad line.
const BRIEF: Duration = Duration::from_millis(10);
/// How long the rest of a sequence is waited for that has clearly begun.
const LONG: Duration = Duration::from_millis(500);

/// Longest control sequence and longest string; whatever is longer is dropped to its end.
const MAX_SEQUENCE: usize = 64;
const MAX_STRING: usize = 4096;
/// Text of one paste that is kept.
const MAX_PASTE: usize = 256 * 1024;

const PASTE: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;

/// Keeps what is not whole yet.
#[derive(Debug, Default)]
pub struct Splitter {
    pending: Vec<u8>,
    mode: Mode,
}

#[derive(Debug, Default)]
enum Mode {
    #[default]
    Ground,
    Paste(Vec<u8>),
    /// In a sequence or a string that is too long to mean anything.
    DropSequence,
    DropString,
}

/// What the bytes at hand begin with.
enum Step {
    /// So many bytes are this.
    Take(usize, Option<Unit>),
    /// So many bytes go, and the mode changes.
    Enter(usize, Mode),
    More,
}

impl Splitter {
    /// Take bytes in; gives what is whole now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Unit> {
        self.pending.extend_from_slice(bytes);
        let mut units = Vec::new();
        let mut at = 0;
        while at < self.pending.len() {
            match step(&mut self.mode, &self.pending[at..]) {
                Step::Take(count, unit) => {
                    units.extend(unit);
                    at += count;
                }
                Step::Enter(count, mode) => {
                    if let Mode::Paste(text) = std::mem::replace(&mut self.mode, mode) {
                        units.push(paste(&text));
                    }
                    at += count;
                }
                Step::More => break,
            }
        }
        self.pending.drain(..at);
        units
    }

    /// How long to wait for more before [`Splitter::give_up`]. `None` while nothing is kept back.
    pub fn patience(&self) -> Option<Duration> {
        match (&self.mode, self.pending.len()) {
            (Mode::Ground, 0) => None,
            (Mode::Ground, 1) => Some(BRIEF),
            (Mode::Ground, 2) if self.pending[0] == ESC => Some(BRIEF),
            _ => Some(LONG),
        }
    }

    /// Nothing more came: what is kept back is a key after all, or nothing.
    pub fn give_up(&mut self) -> Vec<Unit> {
        let pending = std::mem::take(&mut self.pending);
        match (std::mem::take(&mut self.mode), &pending[..]) {
            (Mode::Paste(text), rest) => vec![paste(&[&text[..], rest].concat())],
            (Mode::Ground, [ESC]) => vec![Unit::Escape],
            // Alt with a key that could have begun a sequence.
            (Mode::Ground, [ESC, _]) => vec![Unit::Key(pending)],
            _ => Vec::new(),
        }
    }
}

fn paste(text: &[u8]) -> Unit {
    Unit::Paste(String::from_utf8_lossy(&text[..text.len().min(MAX_PASTE)]).into_owned())
}

/// `bytes` is never empty.
fn step(mode: &mut Mode, bytes: &[u8]) -> Step {
    match mode {
        Mode::Ground => ground(bytes),
        Mode::Paste(text) => {
            let end = memchr::memmem::find(bytes, PASTE_END);
            // The marker may be cut in two.
            let count = end.unwrap_or(bytes.len().saturating_sub(PASTE_END.len() - 1));
            let room = MAX_PASTE.saturating_sub(text.len());
            text.extend_from_slice(&bytes[..count.min(room)]);
            match end {
                Some(at) => Step::Enter(at + PASTE_END.len(), Mode::Ground),
                None if count == 0 => Step::More,
                None => Step::Take(count, None),
            }
        }
        Mode::DropSequence => match bytes.iter().position(|b| !(0x20..=0x3f).contains(b)) {
            // The final byte belongs to it; a control byte is a key.
            Some(at) => Step::Enter(at + usize::from((0x40..=0x7e).contains(&bytes[at])), Mode::Ground),
            None => Step::Take(bytes.len(), None),
        },
        Mode::DropString => match bytes.iter().position(|b| *b < 0x20) {
            Some(at) => match string_end(bytes, at) {
                Some(after) => Step::Enter(after, Mode::Ground),
                None if at == 0 => Step::More,
                None => Step::Take(at, None),
            },
            None => Step::Take(bytes.len(), None),
        },
    }
}

fn ground(bytes: &[u8]) -> Step {
    match bytes {
        [ESC] => Step::More,
        [ESC, ESC, ..] => Step::Take(1, Some(Unit::Escape)),
        [ESC, b'[', ..] => sequence(bytes),
        // Function keys of the keypad's application mode.
        [ESC, b'O'] => Step::More,
        [ESC, b'O', b' '..=b'~', ..] => Step::Take(3, Some(Unit::Key(bytes[..3].to_vec()))),
        [ESC, b']' | b'P' | b'_'] => Step::More,
        [ESC, b']', b'0'..=b'9', ..] => string(bytes),
        // Device control strings and those of the graphics protocol begin so; with anything else it is Alt and a key.
        [ESC, b'P', 0x20..=0x3f, ..] | [ESC, b'_', b'G', ..] => string(bytes),
        [ESC, ..] => match character(&bytes[1..]) {
            Some(0) => Step::Take(2, None),
            Some(count) => Step::Take(1 + count, Some(Unit::Key(bytes[..=count].to_vec()))),
            None => Step::More,
        },
        _ => match character(bytes) {
            Some(0) => Step::Take(1, None),
            Some(count) => Step::Take(count, Some(Unit::Key(bytes[..count].to_vec()))),
            None => Step::More,
        },
    }
}

/// Bytes of the character at the front: 0 when it is none, `None` when there may be more of it.
fn character(bytes: &[u8]) -> Option<usize> {
    let length = match bytes[0] {
        0..=0x7f => return Some(1),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some(0),
    };
    let have = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(have) {
        Ok(_) => Some(length),
        Err(error) if error.error_len().is_none() => None,
        Err(_) => Some(0),
    }
}

/// A control sequence, which `bytes` begin with.
fn sequence(bytes: &[u8]) -> Step {
    // Two old forms that break the rule: a mouse report of three bytes, and F1 to F5 of the kernel's console.
    match bytes.get(2) {
        Some(b'M') if bytes.len() < 6 => return Step::More,
        Some(b'M') => return Step::Take(6, Some(Unit::Key(bytes[..6].to_vec()))),
        Some(b'[') if bytes.len() < 4 => return Step::More,
        Some(b'[') => return Step::Take(4, Some(Unit::Key(bytes[..4].to_vec()))),
        _ => {}
    }
    if bytes.starts_with(PASTE) {
        return Step::Enter(PASTE.len(), Mode::Paste(Vec::new()));
    }
    let Some(length) = bytes[2..].iter().position(|b| !(0x20..=0x3f).contains(b)) else {
        return if bytes.len() > MAX_SEQUENCE {
            Step::Enter(bytes.len(), Mode::DropSequence)
        } else {
            Step::More
        };
    };
    let end = 2 + length;
    match bytes[end] {
        0x40..=0x7e if end > MAX_SEQUENCE => Step::Take(end + 1, None),
        // Private markers are not in keys, but for the mouse's.
        0x40..=0x7e if matches!(bytes[2], b'=' | b'>' | b'?') => {
            Step::Take(end + 1, Some(Unit::Private(bytes[2..=end].to_vec())))
        }
        0x40..=0x7e => Step::Take(end + 1, Some(Unit::Key(bytes[..=end].to_vec()))),
        // Broken off; what broke it off counts.
        _ => Step::Take(end, None),
    }
}

/// A control string, which `bytes` begin with.
fn string(bytes: &[u8]) -> Step {
    let Some(at) = bytes[2..].iter().position(|b| *b < 0x20).map(|at| at + 2) else {
        return if bytes.len() > MAX_STRING {
            Step::Enter(bytes.len(), Mode::DropString)
        } else {
            Step::More
        };
    };
    match string_end(bytes, at) {
        None => Step::More,
        // Too long for an answer, in however many pieces it came.
        Some(after) if at > MAX_STRING => Step::Take(after, None),
        Some(after) if after > at && bytes[1] == b']' => {
            Step::Take(after, Some(Unit::Command(bytes[2..at].to_vec())))
        }
        Some(after) => Step::Take(after, None),
    }
}

/// Where a string is over that a control byte at `at` ends or breaks off; `None` when the next byte decides. A byte
/// that breaks it off is not a part of it.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    match (bytes[at], bytes.get(at + 1)) {
        (0x07, _) => Some(at + 1),
        (ESC, None) => None,
        (ESC, Some(b'\\')) => Some(at + 2),
        _ => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(bytes: &str) -> Unit {
        Unit::Key(bytes.as_bytes().to_vec())
    }

    fn split(text: &str) -> Vec<Unit> {
        let mut splitter = Splitter::default();
        let mut units = splitter.feed(text.as_bytes());
        if splitter.patience().is_some() {
            units.extend(splitter.give_up());
        }
        units
    }

    #[test]
    fn keys_stand_alone() {
        assert_eq!(split("a漢\r"), [key("a"), key("漢"), key("\r")]);
        assert_eq!(split("\x1b[A\x1bOP\x1b[1;5C"), [key("\x1b[A"), key("\x1bOP"), key("\x1b[1;5C")]);
        assert_eq!(split("\x1b"), [Unit::Escape]);
        assert_eq!(split("\x1b\x1b[A"), [Unit::Escape, key("\x1b[A")]);
        assert_eq!(split("\x1bx\x1b]\x1bP"), [key("\x1bx"), key("\x1b]"), key("\x1bP")]);
        assert_eq!(split("\x1b[[A\x1b[M !!x"), [key("\x1b[[A"), key("\x1b[M !!"), key("x")]);
        assert_eq!(split("\x1b[<0;3;4M"), [key("\x1b[<0;3;4M")]);
    }

    #[test]
    fn answers_are_no_keys() {
        let scheme = Unit::Private(b"?997;2n".to_vec());
        assert_eq!(split("a\x1b[?997;2nb"), [key("a"), scheme, key("b")]);
        let ground = || Unit::Command(b"11;rgb:ffff/ffff/ffff".to_vec());
        assert_eq!(split("\x1b]11;rgb:ffff/ffff/ffff\x1b\\q"), [ground(), key("q")]);
        assert_eq!(split("\x1b]11;rgb:ffff/ffff/ffff\x07q"), [ground(), key("q")]);
        assert_eq!(split("\x1bP1+r544e=78\x1b\\\x1b_Gi=1;OK\x1b\\q"), [key("q")]);
    }

    #[test]
    fn an_answer_may_come_in_pieces_and_a_broken_one_is_nothing() {
        let whole = "\x1b]11;rgb:1515/1818/1e1e\x1b\\";
        for cut in 1..whole.len() {
            let mut splitter = Splitter::default();
            let mut units = splitter.feed(&whole.as_bytes()[..cut]);
            assert!(splitter.patience().is_some(), "{cut}");
            units.extend(splitter.feed(&whole.as_bytes()[cut..]));
            assert_eq!(units, [Unit::Command(b"11;rgb:1515/1818/1e1e".to_vec())], "{cut}");
        }
        // The rest never comes; an Enter shows that the string is broken.
        assert_eq!(split("\x1b]11;rgb:15"), []);
        assert_eq!(split("\x1b]11;rgb:15\rq"), [key("\r"), key("q")]);
        assert_eq!(split("\x1b[?997;2\rq"), [key("\r"), key("q")]);
        assert_eq!(split("\x1b[?997;"), []);
    }

    #[test]
    fn what_is_too_long_is_dropped_to_its_end() {
        let long = "r".repeat(3 * MAX_STRING);
        assert_eq!(split(&format!("\x1b]11;{long}\x1b\\q")), [key("q")]);
        assert_eq!(split(&format!("\x1b[?{}nq", "7;".repeat(MAX_SEQUENCE))), [key("q")]);
    }

    #[test]
    fn a_paste_is_one_piece_of_bounded_size() {
        assert_eq!(split("\x1b[200~r\x1b[Aq\n\x1b[201~x"), [Unit::Paste("r\x1b[Aq\n".into()), key("x")]);
        assert_eq!(split("\x1b[200~never ends"), [Unit::Paste("never ends".into())]);
        let text = "a".repeat(2 * MAX_PASTE);
        let units = split(&format!("\x1b[200~{text}\x1b[201~"));
        assert!(matches!(&units[..], [Unit::Paste(kept)] if kept.len() == MAX_PASTE));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in proptest::collection::vec(prop_oneof![
            Just(ESC), Just(b'['), Just(b']'), Just(b'?'), Just(b'1'), Just(b';'), Just(b'n'), Just(b'\\'), Just(7), any::<u8>(),
        ], 0..80), cut in 0usize..80) {
            let cut = cut.min(bytes.len());
            let (mut whole, mut pieces) = (Splitter::default(), Splitter::default());
            let mut one = whole.feed(&bytes);
            let mut two = pieces.feed(&bytes[..cut]);
            two.extend(pieces.feed(&bytes[cut..]));
            one.extend(whole.give_up());
            two.extend(pieces.give_up());
            prop_assert_eq!(one, two);
        }
    }
}
