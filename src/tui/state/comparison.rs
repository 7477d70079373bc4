//! What differs between two runs, line by line.

use std::time::Duration;

use crate::journal::{Comparison, Pair};
use crate::tui::view::format;

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompareLine {
    Head(String),
    /// The same thing of both runs.
    Both {
        name: &'static str,
        before: String,
        after: String,
    },
    /// A denial that only the earlier run has, and one that only the later has.
    Lost(String),
    Gained(String),
    /// Of a diff.
    Hunk(String),
    Removed(String),
    Added(String),
    Same(String),
    Note(String),
    Blank,
}

impl CompareLine {
    /// As it is copied.
    pub fn text(&self) -> String {
        match self {
            Self::Head(text) | Self::Hunk(text) | Self::Note(text) => text.clone(),
            Self::Both { name, before, after } if before == after => format!("{name}: {before}"),
            Self::Both { name, before, after } => format!("{name}: {before} -> {after}"),
            Self::Lost(text) => format!("- {text}"),
            Self::Gained(text) => format!("+ {text}"),
            Self::Removed(text) => format!("-{text}"),
            Self::Added(text) => format!("+{text}"),
            Self::Same(text) => format!(" {text}"),
            Self::Blank => String::new(),
        }
    }
}

/// All of it, in the order in which it is read.
pub fn lines(compared: &Comparison) -> Vec<CompareLine> {
    use CompareLine::{Blank, Gained, Head, Lost, Note};
    let both = |name, pair: &Pair<u64>, write: fn(u64) -> String| CompareLine::Both {
        name,
        before: write(pair.before),
        after: write(pair.after),
    };
    let time = |ms: f64| format::time(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default());
    let (was, is) = (&compared.outcome.before, &compared.outcome.after);
    let mut lines = vec![
        CompareLine::Both { name: "outcome", before: was.clone(), after: is.clone() },
        CompareLine::Both {
            name: "time",
            before: time(compared.duration_ms.before),
            after: time(compared.duration_ms.after),
        },
        both("cpu", &compared.cpu_ms, format::millis),
        both("memory", &compared.peak_memory_bytes, format::bytes),
        both("processes", &compared.peak_processes, |count| count.to_string()),
        Blank,
    ];
    if compared.is_same() {
        lines.push(Note("both did the same: outcome, denials and output are equal".to_owned()));
        return lines;
    }
    let (lost, gained) = (&compared.denials_lost, &compared.denials_gained);
    if lost.is_empty() && gained.is_empty() {
        lines.push(Note("both were refused the same".to_owned()));
    } else {
        lines.push(Head(format!("denials: {} gained, {} lost", gained.len(), lost.len())));
        lines.extend(gained.iter().cloned().map(Gained));
        lines.extend(lost.iter().cloned().map(Lost));
    }
    for (name, diff) in [("stdout", &compared.stdout), ("stderr", &compared.stderr)] {
        lines.push(Blank);
        match diff {
            None => lines.push(Note(format!("{name} is the same"))),
            Some(diff) => {
                lines.push(Head(name.to_owned()));
                // The first two lines name the records, which stand above.
                lines.extend(diff.lines().skip(2).map(of_diff));
            }
        }
    }
    lines
}

fn of_diff(line: &str) -> CompareLine {
    let rest = || line.get(1..).unwrap_or_default().to_owned();
    match line.as_bytes().first() {
        Some(b'+') => CompareLine::Added(rest()),
        Some(b'-') => CompareLine::Removed(rest()),
        Some(b' ') => CompareLine::Same(rest()),
        Some(b'@') => CompareLine::Hunk(line.to_owned()),
        // `\ No newline at end of file`
        _ => CompareLine::Note(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair<T: Clone>(value: T) -> Pair<T> {
        Pair { before: value.clone(), after: value }
    }

    fn same() -> Comparison {
        Comparison {
            outcome: pair("exited with status 0".to_owned()),
            duration_ms: Pair { before: 10.0, after: f64::NAN },
            cpu_ms: pair(3),
            peak_memory_bytes: pair(1 << 20),
            peak_processes: pair(1),
            denials_gained: Vec::new(),
            denials_lost: Vec::new(),
            stdout: None,
            stderr: None,
        }
    }

    #[test]
    fn what_is_the_same_is_said_in_one_line() {
        let lines = lines(&same());
        assert!(matches!(lines.last(), Some(CompareLine::Note(text)) if text.contains("did the same")));
    }

    #[test]
    fn denials_and_diffs_are_told_apart() {
        let compared = Comparison {
            denials_gained: vec!["read /a EACCES".into()],
            denials_lost: vec!["read /b EACCES".into()],
            stdout: Some(
                "--- a\n+++ b\n@@ -1 +1 @@\n-one\n+two\n same\n\\ No newline at end of file\n".into(),
            ),
            ..same()
        };
        let text: Vec<String> = lines(&compared).iter().map(CompareLine::text).collect();
        let from = text.iter().position(|line| line.starts_with("denials")).unwrap();
        assert_eq!(text[from], "denials: 1 gained, 1 lost");
        assert_eq!(text[from + 1..from + 3], ["+ read /a EACCES", "- read /b EACCES"]);
        assert_eq!(text[from + 4..from + 9], ["stdout", "@@ -1 +1 @@", "-one", "+two", " same"]);
        assert_eq!(text.last().unwrap(), "stderr is the same");
    }
}
