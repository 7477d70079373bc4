//! Foreign output made harmless for a terminal.
//!
//! What a skill prints is hostile: it may set the title, write the clipboard, switch modes, answer questions on
//! behalf of the user. Colours (SGR) stay; every other sequence and control character goes.

/// Longest colour sequence that is let through, and longest other sequence that is swallowed: one that never ends
/// must not hide what follows.
const MAX_SGR: usize = 64;
const MAX_STRING: usize = 4096;

/// A filter for one stream. Bytes may come in any cut.
#[derive(Debug, Clone, Default)]
pub struct Harmless {
    state: State,
    /// The sequence so far, or the beginning of a character.
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte: one more byte ends it.
    EscapeMore,
    /// After ESC [.
    Csi,
    /// In an OSC, DCS, SOS, PM or APC string, with how many bytes it has had.
    Text(usize),
    /// In such a string, after ESC.
    TextEscape(usize),
}

impl Harmless {
    /// The harmless form of `bytes`.
    pub fn filter(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.take(*byte, &mut out);
        }
        out
    }

    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        const ESC: u8 = 0x1b;
        match self.state {
            State::Ground if byte == ESC => {
                self.flush_invalid(out);
                self.state = State::Escape;
            }
            State::Ground => self.ground(byte, out),
            State::Escape => {
                self.state = match byte {
                    b'[' => State::Csi,
                    b']' | b'P' | b'X' | b'^' | b'_' => State::Text(0),
                    0x20..=0x2f => State::EscapeMore,
                    ESC => State::Escape,
                    _ => State::Ground,
                };
                self.line_end(byte, out);
            }
            State::EscapeMore => {
                if !(0x20..=0x2f).contains(&byte) {
                    self.state = State::Ground;
                }
                self.line_end(byte, out);
            }
            State::Csi => self.csi(byte, out),
            State::Text(length) => match byte {
                ESC => self.state = State::TextEscape(length + 1),
                0x07 => self.state = State::Ground,
                _ if length >= MAX_STRING => self.state = State::Ground,
                _ => {
                    self.state = State::Text(length + 1);
                    self.line_end(byte, out);
                }
            },
            State::TextEscape(length) => {
                self.state = if byte == b'\\' { State::Ground } else { State::Text(length) };
                self.line_end(byte, out);
            }
        }
    }

    /// A line end closes whatever is open: no string hides the lines after it.
    fn line_end(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte == b'\n' {
            self.held.clear();
            self.state = State::Ground;
            out.push(byte);
        }
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'm' if self.held.iter().all(|b| b.is_ascii_digit() || matches!(b, b';' | b':')) => {
                out.extend_from_slice(b"\x1b[");
                out.append(&mut self.held);
                out.push(byte);
                self.state = State::Ground;
            }
            0x20..=0x3f if self.held.len() < MAX_SGR => self.held.push(byte),
            0x20..=0x3f => {}
            0x1b => {
                self.held.clear();
                self.state = State::Escape;
            }
            _ => {
                self.held.clear();
                self.state = State::Ground;
                self.line_end(byte, out);
            }
        }
    }

    fn ground(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte < 0x80 {
            self.flush_invalid(out);
            if matches!(byte, b'\n' | b'\r' | b'\t' | 0x20..=0x7e) {
                out.push(byte);
            }
            return;
        }
        self.held.push(byte);
        match std::str::from_utf8(&self.held) {
            Ok(text) => {
                if let Some(c) = text.chars().next()
                    && !is_hidden(c)
                {
                    out.extend_from_slice(text.as_bytes());
                }
                self.held.clear();
            }
            Err(error) if error.error_len().is_none() => {} // more bytes to come
            Err(_) => {
                self.held.pop();
                self.flush_invalid(out);
                // The byte may begin a character itself.
                self.held.push(byte);
                if std::str::from_utf8(&self.held).is_err_and(|error| error.error_len().is_some()) {
                    self.flush_invalid(out);
                }
            }
        }
    }

    fn flush_invalid(&mut self, out: &mut Vec<u8>) {
        if !self.held.is_empty() {
            self.held.clear();
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Control characters of the upper half, and those that turn the direction of text around.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Foreign text in one line of ours: no control characters, colours neither, at most `longest` characters.
pub fn one_line(text: &str, longest: usize) -> String {
    let mut shown: String = text.chars().filter(|c| !is_hidden(*c)).take(longest + 1).collect();
    if shown.chars().count() > longest {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> String {
        String::from_utf8(Harmless::default().filter(text.as_bytes())).unwrap()
    }

    #[test]
    fn colours_stay_and_the_rest_goes() {
        assert_eq!(filter("\x1b[1;31mred\x1b[0m\t\r\n"), "\x1b[1;31mred\x1b[0m\t\r\n");
        assert_eq!(filter("a\x1b]52;c;aGk=\x07b"), "ab");
        assert_eq!(filter("a\x1b]0;title\x1b\\b"), "ab");
        assert_eq!(filter("a\x1b[2J\x1b[?1049h\x1b[201~\x1b[>4;1m\x1b[6nb"), "ab");
        assert_eq!(filter("a\x1bPq#0\x1b\\b\x1bcd\x1b(0e"), "abde");
        assert_eq!(filter("a\x07\x08\x0e\x7f\u{9b}31m\u{202e}b"), "a31mb");
        assert_eq!(filter("\x1b]0;never ends\nshown"), "\nshown");
        assert_eq!(filter("é😀"), "é😀");
    }

    #[test]
    fn invalid_bytes_are_replaced() {
        let out = Harmless::default().filter(b"a\xff\xc3(\xe2\x82\xe2\x82\xacb");
        assert_eq!(String::from_utf8(out).unwrap(), "a\u{fffd}\u{fffd}(\u{fffd}€b");
    }

    #[test]
    fn an_endless_string_hides_little() {
        let text = format!("\x1b]{}end", "x".repeat(MAX_STRING + 10));
        assert!(filter(&text).ends_with("end"));
    }

    proptest! {
        /// Whatever comes in, and however it is cut: only colours begin with ESC.
        #[test]
        fn no_other_sequence_passes(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b']'), Just(b'm'), Just(b';')], 0..80), at in 0usize..80) {
            let at = at.min(bytes.len());
            let mut cut = Harmless::default();
            let mut out = cut.filter(&bytes[..at]);
            out.extend(cut.filter(&bytes[at..]));
            prop_assert_eq!(&out, &Harmless::default().filter(&bytes));
            let text = String::from_utf8(out).unwrap();
            for part in text.split('\x1b').skip(1) {
                let end = part.find('m').unwrap();
                prop_assert!(part.starts_with('[') && part[1..end].chars().all(|c| c.is_ascii_digit() || ";:".contains(c)));
            }
            prop_assert!(text.chars().all(|c| !is_hidden(c) || "\n\r\t\x1b".contains(c)));
        }
    }
}
