//! Output of arbitrary bytes: what is shown of it cannot steer a terminal, whatever pieces it comes in.

use skilldeck::run::log::clean::{Shown, clean, shown};
use skilldeck::run::log::{Line, MAX_COLUMNS, OutputLog};
use skilldeck::skill::text::printable;

pub(crate) fn check(data: &[u8]) {
    // The first byte says how long the pieces are.
    let Some((size, bytes)) = data.split_first() else { return };
    let (mut whole, mut pieces) = (OutputLog::default(), OutputLog::default());
    whole.push(bytes);
    for piece in bytes.chunks(1 + usize::from(*size)) {
        pieces.push(piece);
    }
    let lines = whole.lines(0..whole.len());
    assert_eq!(lines, pieces.lines(0..pieces.len()));
    for (index, line) in lines.iter().enumerate() {
        harmless(line);
        assert_eq!(whole.text(index), Some(line.text()));
    }
    // Where little is kept, what is left is as harmless.
    let mut small = OutputLog::with_capacity(64, 3);
    for piece in bytes.chunks(1 + usize::from(*size)) {
        small.push(piece);
        small.lines(0..small.len()).iter().for_each(harmless);
    }
    let text = String::from_utf8_lossy(bytes);
    steers_nothing(&clean(&text));
    assert!(!printable(&text).chars().any(char::is_control));
}

fn harmless(line: &Line) {
    let text = line.text();
    steers_nothing(&text);
    assert!(text.chars().filter(|c| matches!(shown(*c), Shown::Plain(_))).count() <= MAX_COLUMNS);
}

fn steers_nothing(text: &str) {
    for c in text.chars() {
        assert!(!c.is_control() && matches!(shown(c), Shown::Plain(_) | Shown::Mark), "{c:?} of {text:?}");
    }
}
