//! What came of cases, for other programs: JSON of our own, and XML as JUnit writes it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Ended, Tally};
use crate::cases::Verdict;
use crate::cli::check::text::display_path;
use crate::skill::text::is_printable;

/// Version of the JSON; raised when a field changes meaning or goes away.
const VERSION: u32 = 1;

pub(super) fn json(tally: &Tally) -> String {
    let case = |result: &Ended| {
        let (verdict, mismatches, reason) = match &result.outcome.verdict {
            Verdict::Passed => ("passed", json!([]), Value::Null),
            Verdict::Failed(mismatches) => ("failed", json!(mismatches), Value::Null),
            Verdict::NotRun(why) => ("not_run", json!([]), json!(why)),
            Verdict::Cancelled => ("cancelled", json!([]), Value::Null),
        };
        json!({
            "skill": result.skill.name,
            "case": result.case.name,
            "file": result.case.file.to_string_lossy(),
            "line": result.case.span.line,
            "verdict": verdict,
            "duration_ms": (result.outcome.duration.as_secs_f64() * 1e6).round() / 1e3,
            "mismatches": mismatches,
            "reason": reason,
        })
    };
    let document = json!({
        "version": VERSION,
        "cases": tally.results.iter().map(case).collect::<Vec<_>>(),
        "without_cases": tally.without.iter().map(|skill| skill.name.as_str()).collect::<Vec<_>>(),
        "sandbox_missing": tally.missing(),
        "passed": tally.passed(),
        "failed": tally.failed(),
        "not_run": tally.not_run(),
        "cancelled": tally.cancelled(),
    });
    format!("{document:#}\n")
}

/// One suite for each skill. A case that fails is a `failure`, one that cannot be run an `error`, a cancelled one `skipped`.
pub(super) fn junit(tally: &Tally) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = |results: &[&Ended]| {
        let count =
            |of: fn(&Verdict) -> bool| results.iter().filter(|result| of(&result.outcome.verdict)).count();
        let time: f64 = results.iter().map(|result| result.outcome.duration.as_secs_f64()).sum();
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{time:.3}\"",
            results.len(),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::NotRun(_))),
            count(|verdict| *verdict == Verdict::Cancelled),
        )
    };
    let all: Vec<&Ended> = tally.results.iter().collect();
    let _ = writeln!(text, "<testsuites name=\"skilldeck\" {}>", counts(&all));
    for suite in all.chunk_by(|a, b| a.skill.path == b.skill.path) {
        let name = escaped(&suite[0].skill.name);
        let _ = writeln!(text, "  <testsuite name=\"{name}\" {}>", counts(suite));
        for result in suite {
            test_case(&mut text, &name, result);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn test_case(text: &mut String, suite: &str, result: &Ended) {
    let _ = write!(
        text,
        "    <testcase name=\"{}\" classname=\"{suite}\" file=\"{}\" line=\"{}\" time=\"{:.3}\"",
        escaped(&result.case.name),
        escaped(&display_path(&result.case.file)),
        result.case.span.line,
        result.outcome.duration.as_secs_f64()
    );
    let told = match &result.outcome.verdict {
        Verdict::Passed => {
            text.push_str("/>\n");
            return;
        }
        Verdict::Failed(mismatches) => {
            let checks: Vec<&str> = mismatches.iter().map(|mismatch| mismatch.check.as_str()).collect();
            let mut detail = String::new();
            for mismatch in mismatches {
                let _ = writeln!(detail, "line {}: {}\n{}", mismatch.line, mismatch.check, mismatch.diff);
            }
            let message = escaped(&checks.join(", "));
            format!("<failure message=\"{message}\">{}</failure>", escaped(&detail))
        }
        Verdict::NotRun(why) => format!("<error message=\"{}\"/>", escaped(why)),
        Verdict::Cancelled => "<skipped message=\"cancelled\"/>".to_owned(),
    };
    let _ = writeln!(text, ">\n      {told}\n    </testcase>");
}

/// For attributes and text alike. What XML 1.0 cannot hold, and what would hide or reorder text, is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if is_printable(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_xml_cannot_hold_is_left() {
        assert_eq!(
            escaped("a<b>&\"\n\t\u{0}\u{1b}\u{ffff}é"),
            "a&lt;b&gt;&amp;&quot;&#10;&#9;\u{fffd}\u{fffd}\u{fffd}é"
        );
    }
}
