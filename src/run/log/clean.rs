//! Which characters from outside may be shown, and what stands for the others.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// How a character from outside is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it is, this many columns wide.
    Plain(usize),
    /// Joins the character before it (a combining mark).
    Mark,
    /// By a visible name: it would steer the terminal or reorder the text around it.
    Named,
    /// Not at all: it has no looks of its own (joiners, variation selectors).
    Hidden,
}

/// Decide how `c` is shown. No control, bidirectional control or invisible character is ever plain.
pub fn shown(c: char) -> Shown {
    match c {
        ' '..='~' => Shown::Plain(1),
        _ if c.is_control() => Shown::Named,
        // Soft hyphen, joiners, variation selectors: common in honest text, and without looks.
        '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            Shown::Hidden
        }
        // Bidirectional controls, invisible operators, fillers, separators, tags.
        '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Shown::Named,
        _ => match c.width() {
            None => Shown::Named,
            Some(0) => Shown::Mark,
            Some(width) => Shown::Plain(width),
        },
    }
}

/// The visible name of a character that must not be shown as it is: `^[` or `<U+202E>`.
pub fn name(c: char) -> String {
    match c {
        '\0'..='\x1f' => format!("^{}", char::from(c as u8 + 0x40)),
        '\x7f' => "^?".to_owned(),
        _ => format!("<U+{:04X}>", c as u32),
    }
}

/// Combining marks that one character may carry; more would climb into the lines around it.
pub const MAX_MARKS: usize = 2;

/// Make a string from outside fit to be shown on one line: paths, arguments, messages, file text.
/// Tabs and line ends become blanks, everything that steers the terminal gets its visible name.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = MAX_MARKS;
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => {
                out.push(' ');
                continue;
            }
            _ => {}
        }
        match shown(c) {
            Shown::Plain(_) => {
                out.push(c);
                marks = 0;
            }
            Shown::Mark if marks < MAX_MARKS => {
                out.push(c);
                marks += 1;
            }
            Shown::Named => {
                out.push_str(&name(c));
                marks = 0;
            }
            Shown::Mark | Shown::Hidden => {}
        }
    }
    Cow::Owned(out)
}

/// Like [`clean`], for source text: tabs reach the next multiple of four columns.
pub fn clean_source(line: &str) -> Cow<'_, str> {
    if !line.contains('\t') {
        return clean(line);
    }
    let mut out = String::new();
    let mut column = 0;
    for c in line.chars() {
        if c == '\t' {
            let blanks = 4 - column % 4;
            out.extend(std::iter::repeat_n(' ', blanks));
            column += blanks;
        } else {
            out.push(c);
            column += c.width().unwrap_or(1);
        }
    }
    Cow::Owned(clean(&out).into_owned())
}
