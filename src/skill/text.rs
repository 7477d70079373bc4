//! Small helpers on text: making foreign text fit for a screen, likeness of names.

use std::borrow::Cow;

/// Whether a character may reach a terminal as it is: no control characters, nothing that reorders text.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Foreign text on one line, every character that is not printable replaced.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| match c {
        '\n' | '\t' => ' ',
        c if is_printable(c) => c,
        _ => '\u{fffd}',
    });
    Cow::Owned(shown.collect())
}

/// Foreign lines of code: as [`printable`], but line ends and tabs stay and every character keeps its length in
/// bytes, so that offsets still fit.
pub fn printable_source(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c)) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| match (c, c.len_utf8()) {
        ('\n' | '\t', _) => c,
        _ if is_printable(c) => c,
        ('\r', _) => ' ',
        (_, 1) => '?',
        (_, 2) => '\u{bf}',
        (_, 3) => '\u{fffd}',
        _ => '\u{1f6ab}',
    });
    Cow::Owned(shown.collect())
}

/// Edit distance (Levenshtein) between two short texts; texts over 64 characters are never alike.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(65).collect(), b.chars().take(65).collect());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = before + usize::from(ca != cb);
            before = row[j + 1];
            row[j + 1] = substitute.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The candidate most like `wanted`, if one is like enough to be meant.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let scored = candidates.map(|candidate| {
        let lower = candidate.to_lowercase();
        let inside = wanted.len() >= 3 && lower.contains(&wanted);
        (if inside { 1 } else { distance(&wanted, &lower) }, candidate)
    });
    let limit = wanted.chars().count().div_ceil(3).max(1);
    scored.filter(|(score, _)| *score <= limit).min_by_key(|(score, _)| *score).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unprintable_is_left() {
        let text = "a\u{1b}]0;x\u{7}\u{9b}\u{202e}\u{e0041}b\r\n\tc";
        assert!(printable(text).chars().all(is_printable));
        let source = printable_source(text);
        assert_eq!(source.len(), text.len());
        assert!(source.chars().all(|c| is_printable(c) || "\n\t".contains(c)));
    }

    #[test]
    fn likeness() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let names = ["text-stats", "csv-report", "red-team"];
        assert_eq!(did_you_mean("redteam", names.into_iter()), Some("red-team"));
        assert_eq!(did_you_mean("csv", names.into_iter()), Some("csv-report"));
        assert_eq!(did_you_mean("zzz", names.into_iter()), None);
    }
}
