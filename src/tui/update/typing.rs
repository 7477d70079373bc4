//! Keys of a line of text that is being typed: the same in every prompt.

use tui_input::{Input, InputRequest};

use crate::tui::key::{Code, Key};

/// Longest text that can be typed or pasted.
const LIMIT: usize = 4096;

/// Give a key to the line. False when it means nothing there.
pub(super) fn edit(input: &mut Input, key: Key) -> bool {
    let request = match (key.code, key.ctrl || key.alt) {
        (Code::Char(c), false) => InputRequest::InsertChar(c),
        (Code::Backspace, false) => InputRequest::DeletePrevChar,
        (Code::Delete, _) => InputRequest::DeleteNextChar,
        (Code::Left, false) | (Code::Char('b'), true) => InputRequest::GoToPrevChar,
        (Code::Right, false) | (Code::Char('f'), true) => InputRequest::GoToNextChar,
        (Code::Left, true) => InputRequest::GoToPrevWord,
        (Code::Right, true) => InputRequest::GoToNextWord,
        (Code::Home, _) | (Code::Char('a'), true) => InputRequest::GoToStart,
        (Code::End, _) | (Code::Char('e'), true) => InputRequest::GoToEnd,
        (Code::Char('u'), true) => InputRequest::DeleteLine,
        (Code::Char('w') | Code::Backspace, true) => InputRequest::DeletePrevWord,
        (Code::Char('k'), true) => InputRequest::DeleteTillEnd,
        _ => return false,
    };
    let full = input.value().len() >= LIMIT && matches!(request, InputRequest::InsertChar(_));
    if !full {
        let _ = input.handle(request);
    }
    true
}

/// Put pasted text into the line, in one line.
pub(super) fn paste(input: &mut Input, text: &str) {
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if input.value().len() >= LIMIT {
            break;
        }
        let _ = input.handle(InputRequest::InsertChar(c));
    }
}
