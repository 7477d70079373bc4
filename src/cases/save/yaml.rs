//! Texts as values of YAML, for people to read and change.

use std::fmt::Write as _;

use crate::skill::text::is_printable;

/// A text as a value: several lines as a block where that keeps every character.
pub(super) fn scalar(text: &str, depth: usize) -> String {
    let plain = |c: char| c == '\n' || is_printable(c);
    let lines = text.strip_suffix('\n').unwrap_or(text);
    let block = lines.contains('\n')
        && text.chars().all(plain)
        && !lines.ends_with('\n')
        && !text.starts_with([' ', '\n'])
        && !text.lines().any(|line| !line.is_empty() && line.trim().is_empty());
    if !block {
        return inline(text);
    }
    let mut out = if text.ends_with('\n') { "|".to_owned() } else { "|-".to_owned() };
    let indent = "  ".repeat(depth + 1);
    for line in lines.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&indent);
            out.push_str(line);
        }
    }
    out
}

/// Whether a text means itself without quotes: a few words that are neither a number nor a keyword.
fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        )
}

/// On one line.
pub(super) fn inline(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// In double quotes, every character that is not printable escaped (YAML 1.2.2, section 5.7).
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is written is read again as it was.
        #[test]
        fn texts_survive(text in "[ -~\n\t\u{80}-\u{a0}é\u{2028}\u{1f600}]{0,40}") {
            for depth in 0..3 {
                let yaml = format!("key: {}\n", scalar(&text, depth));
                let document = crate::yaml::parse(&yaml).unwrap();
                let read = document.root.unwrap().get("key").unwrap().text().unwrap().to_owned();
                prop_assert_eq!(&read, &text, "{}", yaml);
            }
        }
    }
}
