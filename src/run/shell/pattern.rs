//! What a word of a shell script may may_become: the parts of it that are written out, and gaps for the rest.

/// One word. The shell may make several of it, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub pieces: Vec<Piece>,
    /// Not quoted: splitting and file names can make any number of words of it.
    pub many: bool,
    /// Holds a pattern of file names: the shell reads folders to fill it in.
    pub glob: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// Filled in when the script runs.
    Gap,
}

impl Word {
    pub(super) fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    pub(super) fn gap(&mut self) {
        if self.pieces.last() != Some(&Piece::Gap) {
            self.pieces.push(Piece::Gap);
        }
    }

    /// The whole word, when all of it is written out.
    pub(super) fn literal(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] if !self.many => Some(""),
            [Piece::Text(text)] if !self.many => Some(text),
            _ => None,
        }
    }

    /// What is written out at the end.
    pub(super) fn tail(&self) -> Option<&str> {
        match self.pieces.last() {
            Some(Piece::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn matches(&self, text: &str) -> bool {
        matches(&self.pieces, text)
    }

    /// Whether the word may name this absolute path. A relative one may be relative to any folder.
    pub(super) fn names(&self, path: &str) -> bool {
        let mut pieces = self.pieces.clone();
        if let Some(up) =
            pieces.iter().rposition(|piece| matches!(piece, Piece::Text(text) if text.contains("..")))
        {
            // What `..` leads to is not in the text.
            let Piece::Text(text) = pieces[up].clone() else { return false };
            let rest = text.rsplit("..").next().unwrap_or_default().to_owned();
            pieces.splice(..=up, [Piece::Gap, Piece::Text(rest)]);
        }
        match pieces.first() {
            None => false,
            Some(Piece::Gap) => matches(&pieces, path),
            Some(Piece::Text(text)) if text.starts_with('/') => {
                let clean = text.replace("/./", "/").replace("//", "/");
                let cut =
                    if pieces.len() == 1 && clean.len() > 1 { clean.trim_end_matches('/') } else { &clean };
                pieces[0] = Piece::Text(cut.to_owned());
                matches(&pieces, path)
            }
            Some(Piece::Text(text)) => {
                let below = format!("/{}", text.strip_prefix("./").unwrap_or(text));
                pieces[0] = Piece::Text(below);
                pieces.insert(0, Piece::Gap);
                matches(&pieces, path)
            }
        }
    }

    /// Whether the shell may read this folder to find the files of a pattern.
    pub(super) fn searches(&self, folder: &str) -> bool {
        let mut before = Self::default();
        for piece in &self.pieces {
            match piece {
                Piece::Gap => before.gap(),
                Piece::Text(text) => {
                    for (at, _) in text.match_indices('/') {
                        let mut above = before.clone();
                        above.text(if at == 0 && before.pieces.is_empty() { "/" } else { &text[..at] });
                        if above.names(folder) {
                            return true;
                        }
                    }
                    before.text(text);
                }
            }
        }
        // A pattern without a folder is looked for where the shell is, wherever that may be.
        !self.pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('/')))
    }
}

fn matches(pieces: &[Piece], text: &str) -> bool {
    let mut rest = text;
    let mut after_gap = false;
    for (index, piece) in pieces.iter().enumerate() {
        let Piece::Text(wanted) = piece else {
            after_gap = true;
            continue;
        };
        if !after_gap {
            let Some(behind) = rest.strip_prefix(wanted.as_str()) else { return false };
            rest = behind;
        } else if index + 1 == pieces.len() {
            return rest.ends_with(wanted.as_str());
        } else {
            let Some(at) = rest.find(wanted.as_str()) else { return false };
            rest = &rest[at + wanted.len()..];
        }
        after_gap = false;
    }
    after_gap || rest.is_empty()
}

/// Arguments that are kept of a program, and the length of each: what is longer was cut.
const MOST: usize = 64;
const LONGEST: usize = 1024;

/// Whether these words may have may_become these arguments.
pub(super) fn may_become(words: &[Word], argv: &[String]) -> bool {
    let cut = argv.len() >= MOST;
    // Which beginnings of `argv` the words so far may have may_become.
    let mut reached = vec![false; argv.len() + 1];
    reached[0] = true;
    for word in words {
        if cut && reached[argv.len()] {
            return true;
        }
        let mut next = vec![false; argv.len() + 1];
        for at in (0..=argv.len()).filter(|at| reached[*at]) {
            if word.many {
                // It begins and ends as written, whatever is in between; looking closer would win nothing.
                next[at..].fill(true);
                break;
            }
            if argv.get(at).is_some_and(|arg| arg.len() >= LONGEST || word.matches(arg)) {
                next[at + 1] = true;
            }
        }
        reached = next;
    }
    reached[argv.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(pattern: &str) -> Word {
        let mut word = Word::default();
        for (index, part) in pattern.split('*').enumerate() {
            if index > 0 {
                word.gap();
            }
            word.text(part);
        }
        word
    }

    #[test]
    fn words_match_around_their_gaps() {
        for (pattern, text, wanted) in [
            ("cat", "cat", true),
            ("cat", "cats", false),
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("a*b*c", "aXbYc", true),
            ("a*aa", "aa", false),
            ("*x", "xx", true),
            ("", "", true),
        ] {
            assert_eq!(word(pattern).matches(text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn words_name_paths() {
        for (pattern, path, wanted) in [
            ("/etc/shadow", "/etc/shadow", true),
            ("/etc//shadow/", "/etc/shadow", true),
            ("shadow", "/etc/shadow", true),
            ("./shadow", "/etc/shadow", true),
            ("hadow", "/etc/shadow", false),
            ("../x/shadow", "/etc/x/shadow", true),
            ("/a/../etc/x", "/etc/x", true),
            ("*/shadow", "/etc/shadow", true),
            ("/usr/*", "/etc/shadow", false),
        ] {
            assert_eq!(word(pattern).names(path), wanted, "{pattern} {path}");
        }
        let pattern = Word { glob: true, ..word("/etc/*/x*") };
        assert!(pattern.searches("/etc") && pattern.searches("/etc/a") && pattern.searches("/"));
        assert!(!pattern.searches("/usr"));
        assert!(word("*.txt").searches("/anywhere"));
    }

    #[test]
    fn words_become_arguments() {
        let argv = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let many = Word { many: true, ..word("*") };
        assert!(may_become(&[word("cat"), word("*")], &argv("cat a")));
        assert!(!may_become(&[word("cat"), word("*")], &argv("cat a b")));
        assert!(may_become(&[word("cat"), many.clone(), word("b")], &argv("cat a a b")));
        assert!(may_become(&[word("cat"), many.clone()], &argv("cat")));
        assert!(!may_become(&[word("cat"), many.clone()], &argv("rm x")));
        assert!(may_become(&[many, word("x")], &argv("rm x")));
        let long = vec!["a".to_owned(); 64];
        assert!(may_become(&vec![word("a"); 90], &long));
        assert!(!may_become(&vec![word("b"); 90], &long));
    }
}
