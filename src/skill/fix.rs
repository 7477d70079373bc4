//! Carries out the fixes that diagnostics offer. Used by `skilldeck check --fix`.

use std::path::Path;

use super::diagnostic::{Diagnostic, Edit};
use super::read::apply;

/// A fix can uncover what the next one is for; more rounds than this mean that two undo each other.
const MAX_ROUNDS: usize = 20;

/// A text after its fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    pub text: String,
    /// What was done, in order: code of the diagnostic, and the fix in words.
    pub done: Vec<(&'static str, String)>,
}

/// Apply every fix that `diagnose` offers for `file`, and those that it offers for the text that comes of them, until
/// none is left. Nothing outside the edits changes. Of edits that overlap only the first is made; if the other is still
/// wanted it comes in the next round.
pub fn fix(file: &Path, text: &str, diagnose: impl Fn(&str) -> Vec<Diagnostic>) -> Fixed {
    let mut fixed = Fixed { text: text.to_owned(), done: Vec::new() };
    for _ in 0..MAX_ROUNDS {
        let mut edits: Vec<Edit> = Vec::new();
        let mut done = Vec::new();
        for found in diagnose(&fixed.text).iter().filter(|found| found.file == file) {
            let Some(fix) = &found.fix else { continue };
            let free =
                |edit: &Edit| edits.iter().all(|other| edit.end < other.start || other.end < edit.start);
            if fix.edits.iter().all(free) {
                edits.extend(fix.edits.iter().cloned());
                done.push((found.code, fix.title.clone()));
            }
        }
        match apply(&fixed.text, &edits) {
            Some(after) if after != fixed.text => {
                fixed.text = after;
                fixed.done.extend(done);
            }
            _ => break,
        }
    }
    fixed
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::{Fix, Severity, Span};
    use super::*;

    fn found(title: &str, edits: &[(usize, usize, &str)]) -> Diagnostic {
        let edits =
            edits.iter().map(|(start, end, text)| Edit { start: *start, end: *end, text: (*text).into() });
        Diagnostic {
            severity: Severity::Error,
            code: "some-code",
            file: "f".into(),
            span: Span::default(),
            message: String::new(),
            help: String::new(),
            fix: Some(Fix { title: title.into(), edits: edits.collect() }),
        }
    }

    #[test]
    fn edits_that_overlap_wait_for_the_next_round() {
        let fixed = fix(Path::new("f"), "abc", |text| match text {
            "abc" => vec![
                found("one", &[(0, 1, "A")]),
                found("two", &[(0, 2, "xy")]),
                found("three", &[(3, 3, "!")]),
            ],
            "Abc!" => vec![found("four", &[(1, 2, "")])],
            _ => Vec::new(),
        });
        assert_eq!(fixed.text, "Ac!");
        let titles: Vec<_> = fixed.done.iter().map(|(_, title)| title.as_str()).collect();
        assert_eq!(titles, ["one", "three", "four"]);
    }

    #[test]
    fn fixes_that_undo_each_other_come_to_an_end() {
        let fixed = fix(Path::new("f"), "a", |text| {
            vec![found("turn", &[(0, 1, if text == "a" { "b" } else { "a" })])]
        });
        assert_eq!(fixed.done.len(), MAX_ROUNDS);
        let other = fix(Path::new("g"), "a", |_| vec![found("of another file", &[(0, 1, "b")])]);
        assert_eq!((other.text.as_str(), other.done.len()), ("a", 0));
    }
}
