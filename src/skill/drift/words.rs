//! Command lines in the code of a body, as words with their places. Not a shell: enough of its rules to know which
//! words belong to one command.

/// Longest text in quotes or `$(…)`.
const MAX_QUOTED: usize = 300;

/// A word of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// As written, quotes too.
    pub(super) text: &'t str,
    /// Byte offset of the text.
    pub(super) at: usize,
}

impl<'t> Word<'t> {
    /// Without the quotes around it.
    pub(super) fn plain(self) -> &'t str {
        self.text.trim_matches(['"', '\''])
    }
}

/// The simple commands of a piece of code that stands at `start` of its text: what a line end, `;`, `&`, `|` or a
/// backquote ends. A backslash at the end of a line joins it with the next; what stands in quotes or in `$(…)` is part
/// of its word.
pub(super) fn commands(code: &str, start: usize) -> Vec<Vec<Word<'_>>> {
    let bytes = code.as_bytes();
    let mut commands: Vec<Vec<Word<'_>>> = vec![Vec::new()];
    let (mut at, mut begin) = (0, None);
    while at <= bytes.len() {
        let byte = bytes.get(at).copied().unwrap_or(b'\n');
        let joined = byte == b'\\' && matches!(bytes.get(at + 1), Some(b'\n' | b'\r'));
        let ends = matches!(byte, b'\n' | b'\r' | b';' | b'&' | b'|' | b'`');
        if (ends || joined || matches!(byte, b' ' | b'\t'))
            && let Some(from) = begin.take()
            && let Some(last) = commands.last_mut()
        {
            last.push(Word { text: &code[from..at], at: start + from });
        }
        match byte {
            _ if joined => at += if code[at + 1..].starts_with("\r\n") { 2 } else { 1 },
            _ if ends => commands.push(Vec::new()),
            b' ' | b'\t' => {}
            // A comment.
            b'#' if begin.is_none() => {
                at = line_end(code, at);
                continue;
            }
            _ => {
                begin.get_or_insert(at);
                at = closing(code, at).unwrap_or(at);
            }
        }
        at += 1;
    }
    commands.retain(|words| !words.is_empty());
    commands
}

fn line_end(code: &str, at: usize) -> usize {
    at + code.as_bytes()[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count()
}

/// Where the quote or `$(` that begins at `at` ends, if it does so on its line and not far away.
fn closing(code: &str, at: usize) -> Option<usize> {
    let near = &code.as_bytes()[at..];
    let opens = |byte: &u8| matches!(byte, b'\\' | b'\'' | b'"' | b'$');
    if !near.first().is_some_and(opens) {
        return None;
    }
    let near = &near[..near.len().min(MAX_QUOTED)];
    let near = near.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let (first, rest) = near.split_first()?;
    let mut depth = 0_usize;
    let mut before = *first;
    let ends = |byte: &u8| {
        let escaped = std::mem::replace(&mut before, *byte) == b'\\';
        match (first, byte) {
            (b'\\', _) | (b'\'', b'\'') => return true,
            (b'"', b'"') => return !escaped,
            (b'$', b'(') => depth += 1,
            (b'$', b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        *first == b'$' && depth == 0
    };
    // A `$` alone begins nothing.
    let end = rest.iter().position(ends).filter(|_| *first != b'$' || rest.first() == Some(&b'('))?;
    Some(at + 1 + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(code: &str) -> Vec<Vec<&str>> {
        let commands = commands(code, 0);
        for word in commands.iter().flatten() {
            assert_eq!(&code[word.at..word.at + word.text.len()], word.text);
        }
        commands.into_iter().map(|words| words.into_iter().map(|word| word.text).collect()).collect()
    }

    #[test]
    fn commands_and_their_words() {
        assert_eq!(split("a  b\tc\nd"), [vec!["a", "b", "c"], vec!["d"]]);
        assert_eq!(split("a \\\n  --b\\\r\n c # d --e\nf"), [vec!["a", "--b", "c"], vec!["f"]]);
        assert_eq!(
            split("a 'b c' \"d \\\" e\"; f && g|h"),
            [vec!["a", "'b c'", "\"d \\\" e\""], vec!["f"], vec!["g"], vec!["h"]]
        );
        assert_eq!(split("a $(b (c) --d) --e=\"f g\""), [vec!["a", "$(b (c) --d)", "--e=\"f g\""]]);
        assert_eq!(split("`a --b`"), [vec!["a", "--b"]]);
        assert_eq!(split("don't stop\nb"), [vec!["don't", "stop"], vec!["b"]]);
        assert_eq!(split("é\\é ü"), [vec!["é\\é", "ü"]]);
        assert_eq!(split("a\\"), [vec!["a\\"]]);
        assert_eq!(split("$x a\\ b \\\"c d\" $"), [vec!["$x", "a\\ b", "\\\"c", "d\"", "$"]]);
        // A text made of openings comes to an end.
        for open in ["$(", "\"", "'", "\\", "#", " #", "`"] {
            commands(&open.repeat(5_000), 0);
        }
    }
}
