use proptest::prelude::*;

use super::*;

fn shown(bytes: &[u8]) -> Vec<String> {
    let mut log = OutputLog::default();
    log.push(bytes);
    log.lines(0..log.len()).iter().map(Line::text).collect()
}

#[test]
fn lines_come_back_as_written() {
    assert_eq!(shown(b"one\ntwo\n\nfour"), ["one", "two", "", "four"]);
    assert_eq!(shown(b""), [""; 0]);
    assert_eq!(shown(b"\n"), [""]);
}

#[test]
fn an_open_line_grows() {
    let mut log = OutputLog::default();
    log.push(b"hel");
    assert_eq!(log.len(), 1);
    log.push(b"lo\nwor");
    assert_eq!(log.lines(0..9).iter().map(Line::text).collect::<Vec<_>>(), ["hello", "wor"]);
}

#[test]
fn the_ring_forgets_whole_lines_and_counts_them() {
    let mut log = OutputLog::with_capacity(20, 100);
    for n in 0..100 {
        log.push(format!("line {n:03}\n").as_bytes());
    }
    assert_eq!(log.len(), 2);
    assert_eq!(log.dropped_lines(), 98);
    assert_eq!(log.text(0).unwrap(), "line 098");
    assert_eq!(log.received(), 900);
}

#[test]
fn one_line_longer_than_the_ring_keeps_its_end() {
    let mut log = OutputLog::with_capacity(16, 100);
    log.push(b"first\n");
    log.push(&[b'x'; 100]);
    log.push(b"end");
    assert_eq!(log.len(), 1);
    assert_eq!(log.dropped_lines(), 1);
    assert_eq!(log.text(0).unwrap(), "xxxxxxxxxxxxxend");
    log.push(b"\nnext\n");
    assert_eq!(log.text(log.len() - 1).unwrap(), "next");
}

#[test]
fn the_number_of_lines_is_bounded() {
    let mut log = OutputLog::with_capacity(1 << 20, 10);
    log.push(&[b'\n'; 1000]);
    assert_eq!(log.len(), 10);
    assert_eq!(log.dropped_lines(), 990);
}

#[test]
fn carriage_return_and_backspace_overwrite() {
    assert_eq!(shown(b"10%\r20%\r100%\n"), ["100%"]);
    assert_eq!(shown(b"abc\x08X\n"), ["abX"]);
    assert_eq!(shown(b"long text\r\x1b[Kshort\n"), ["short"]);
    assert_eq!(shown(b"windows\r\n"), ["windows"]);
}

#[test]
fn tabs_reach_the_next_stop() {
    assert_eq!(shown(b"a\tb\n"), ["a       b"]);
}

#[test]
fn control_sequences_are_dropped_and_colours_kept() {
    let mut log = OutputLog::default();
    log.push(b"\x1b[1;31mred\x1b[0m plain \x1b[2J\x1b[10;10H\x1b[?1049h\x1b(0\x1bcend\n");
    let line = &log.lines(0..1)[0];
    assert_eq!(line.text(), "red plain end");
    assert_eq!(line.pieces[0].ink.foreground, Some(Colour::Indexed(1)));
    assert!(line.pieces[0].ink.attributes.has(Attributes::BOLD));
    assert_eq!(line.pieces[1].ink, Ink::default());
}

#[test]
fn colours_carry_over_lines_and_windows() {
    let mut log = OutputLog::default();
    log.push(b"\x1b[32mgreen\nstill green\n\x1b[38;2;1;2;3mrgb\n\x1b[48:5:200mback\n");
    let window = log.lines(1..4);
    assert_eq!(window[0].pieces[0].ink.foreground, Some(Colour::Indexed(2)));
    assert_eq!(window[1].pieces[0].ink.foreground, Some(Colour::Rgb(1, 2, 3)));
    assert_eq!(window[2].pieces[0].ink.background, Some(Colour::Indexed(200)));
}

#[test]
fn string_sequences_vanish_but_never_hide_text() {
    assert_eq!(shown(b"a\x1b]52;c;aGVsbG8=\x07b\n"), ["ab"]);
    assert_eq!(shown(b"a\x1b]0;title\x1b\\b\n"), ["ab"]);
    assert_eq!(shown(b"a\x1bPq#0\x1b\\b\n"), ["ab"]);
    // No terminator on the line: the rest is shown, and the next line is untouched.
    assert_eq!(shown(b"a\x1b]0;rm -rf /\nnext\n"), ["a0;rm -rf /", "next"]);
    let mut hidden = b"\x1b]0;".to_vec();
    hidden.extend([b'z'; 5000]);
    hidden.push(7);
    assert_eq!(shown(&hidden)[0].len(), MAX_COLUMNS);
}

#[test]
fn characters_that_steer_are_named() {
    assert_eq!(shown("a\u{202e}b\u{200b}c\u{9b}d\n".as_bytes()), ["a<U+202E>b<U+200B>c<U+009B>d"]);
    assert_eq!(shown(b"\x9b31m\xff\n"), ["<U+009B>31m\u{fffd}"]);
    assert_eq!(shown("e\u{301}\u{301}\u{301}\u{301}\n".as_bytes()), ["e\u{301}\u{301}"]);
}

#[test]
fn hidden_ink_is_shown() {
    let mut log = OutputLog::default();
    log.push(b"\x1b[8mconcealed\x1b[31;41msame\n");
    let line = &log.lines(0..1)[0];
    assert_eq!(line.text(), "concealedsame");
    assert_eq!(line.pieces[1].ink.background, None);
}

#[test]
fn long_lines_are_cut_and_counted() {
    let mut log = OutputLog::default();
    log.push(&vec![b'x'; 1 << 20]);
    let line = &log.lines(0..1)[0];
    assert_eq!(line.text().len(), MAX_COLUMNS);
    assert_eq!(line.left_out as usize, (1 << 20) - MAX_COLUMNS);
    // A progress bar of a megabyte shows its newest state.
    let mut log = OutputLog::default();
    for n in 0..100_000 {
        log.push(format!("{n:>9}%\r").as_bytes());
    }
    assert_eq!(log.text(0).unwrap().trim(), "99999%");
}

#[test]
fn wide_characters_overwritten_in_half_leave_a_blank() {
    assert_eq!(shown("漢字\rx\n".as_bytes()), ["x 字"]);
    assert_eq!(shown("ab漢\x08x\n".as_bytes()), ["ab x"]);
}

#[test]
fn search_goes_both_ways_with_smart_case() {
    let mut log = OutputLog::default();
    log.push(b"Alpha\nbeta\n\x1b[31mal\x1b[0mpha\ngamma\n");
    assert_eq!(log.find("alpha", 0, false), Some(0));
    assert_eq!(log.find("alpha", 1, false), Some(2));
    assert_eq!(log.find("Alpha", 1, false), None);
    assert_eq!(log.find("alpha", 3, true), Some(2));
    assert_eq!(log.find("nothing", 0, false), None);
    assert_eq!(matches("aXbxc", "x").collect::<Vec<_>>(), [1..2, 3..4]);
}

fn steers(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}'))
}

/// Bytes that reach many states of the parser.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        Just(b"\x1b[".to_vec()),
        Just(b"\x1b]52;c;".to_vec()),
        Just(b"\x1bP".to_vec()),
        Just(b"\x07".to_vec()),
        Just(b"\x1b\\".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\t\x08".to_vec()),
        Just("\u{202e}\u{9d}\u{301}漢".as_bytes().to_vec()),
        Just(b"38;2;1;2;3m".to_vec()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_that_steers_survives(bytes in hostile(), cut in 1usize..64) {
        let mut log = OutputLog::with_capacity(256, 16);
        for chunk in bytes.chunks(cut) {
            log.push(chunk);
            for line in log.lines(0..log.len()) {
                prop_assert!(!steers(&line.text()), "{:?}", line.text());
            }
        }
        prop_assert_eq!(log.received(), bytes.len() as u64);
        prop_assert!(log.bytes.len() <= 256);
    }

    #[test]
    fn chunks_do_not_matter(bytes in hostile(), cut in 1usize..16) {
        let (mut whole, mut parts) = (OutputLog::default(), OutputLog::default());
        whole.push(&bytes);
        for chunk in bytes.chunks(cut) {
            parts.push(chunk);
        }
        prop_assert_eq!(whole.lines(0..whole.len()), parts.lines(0..parts.len()));
    }

    #[test]
    fn clean_leaves_nothing_that_steers(text in any::<String>()) {
        prop_assert!(!steers(&clean(&text)));
        prop_assert!(!steers(&clean::clean_source(&text)));
    }
}
