//! What Python's text functions do where Rust's differ: the reference validator's messages and checks are made of them.

use std::fmt::Write as _;
use std::str::Utf8Error;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// `repr` of a character.
pub(super) fn repr_char(c: char) -> String {
    repr(c.encode_utf8(&mut [0; 4]))
}

/// `repr` of a text.
pub(super) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

fn is_printable(c: char) -> bool {
    let group = c.general_category_group();
    c == ' ' || !matches!(group, GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator)
}

/// `str.isalnum` of one character: letters and numbers, but not the marks that Rust counts as alphabetic.
pub(super) fn is_alnum(c: char) -> bool {
    matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
}

/// `str.strip`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// `str.splitlines` and open files turn all line ends into `\n`; this is what the latter does.
pub(super) fn universal_newlines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The message of a `UnicodeDecodeError` about these bytes.
pub(super) fn decode_error(bytes: &[u8], error: Utf8Error) -> String {
    let start = error.valid_up_to();
    let end = error.error_len().map_or(bytes.len(), |length| start + length);
    let first = bytes.get(start).copied().unwrap_or_default();
    let reason = match (error.error_len(), first) {
        (None, _) => "unexpected end of data",
        (Some(_), 0x80..=0xc1 | 0xf5..) => "invalid start byte",
        _ => "invalid continuation byte",
    };
    let what = match end - start {
        1 => format!("byte 0x{first:02x} in position {start}"),
        _ => format!("bytes in position {start}-{}", end - 1),
    };
    format!("'utf-8' codec can't decode {what}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_as_python_prints_them() {
        assert_eq!(repr("a"), "'a'");
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("'\""), "'\\'\"'");
        assert_eq!(repr("\0\u{7f}\u{a0}\u{2028}\u{e0041}é\t"), "'\\x00\\x7f\\xa0\\u2028\\U000e0041é\\t'");
    }

    #[test]
    fn a_mark_is_no_letter() {
        assert!(['a', '9', 'é', '中', '²', 'Ⅷ'].into_iter().all(is_alnum));
        assert!(!['-', '_', ' ', '\u{93e}', '🙂'].into_iter().any(is_alnum));
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        let message = |bytes: &[u8]| decode_error(bytes, std::str::from_utf8(bytes).unwrap_err());
        assert_eq!(
            message(b"a\xff"),
            "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte"
        );
        assert_eq!(
            message(b"\xe2A"),
            "'utf-8' codec can't decode byte 0xe2 in position 0: invalid continuation byte"
        );
        assert_eq!(
            message(b"\xe2\x82"),
            "'utf-8' codec can't decode bytes in position 0-1: unexpected end of data"
        );
    }
}
