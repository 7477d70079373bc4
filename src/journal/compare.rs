//! What differs between two runs.

use std::time::Duration;

use serde::Serialize;
use similar::{Algorithm, TextDiff};

use super::Record;
use crate::run::report::{Denial, Report};
use crate::sandbox::event::{Outcome, Stream};

/// Lines of output that are compared; of longer output the beginning.
const LINES: usize = 20_000;
/// After this time the rest is compared in a coarser way.
const PATIENCE: Duration = Duration::from_secs(2);

/// From the first run to the second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub outcome: Pair<String>,
    pub duration_ms: Pair<f64>,
    pub cpu_ms: Pair<u64>,
    pub peak_memory_bytes: Pair<u64>,
    pub peak_processes: Pair<u64>,
    /// Denials that only one of them has, in words: operation, target, error.
    pub denials_gained: Vec<String>,
    pub denials_lost: Vec<String>,
    /// Unified diffs; `null` when there is no difference.
    pub stdout: Option<String>,
    pub stderr: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    pub before: T,
    pub after: T,
}

impl Comparison {
    /// Whether both did the same: time and memory never agree to the digit and do not count.
    pub fn is_same(&self) -> bool {
        self.outcome.before == self.outcome.after
            && self.denials_gained.is_empty()
            && self.denials_lost.is_empty()
            && self.stdout.is_none()
            && self.stderr.is_none()
    }
}

pub fn compare(before: &Record, after: &Record) -> Comparison {
    let (one, other) = (before.report.as_ref(), after.report.as_ref());
    let usage = |report: Option<&Report>| report.map(|report| report.usage).unwrap_or_default();
    let (first, second) = (usage(one), usage(other));
    let (was, is) = (denials(one), denials(other));
    let without = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|denial| !those.contains(denial)).cloned().collect()
    };
    let ended = |report: Option<&Report>| outcome(report.and_then(|report| report.outcome.as_ref()));
    let duration = |report: Option<&Report>| report.map_or(0.0, |report| report.duration_ms);
    Comparison {
        outcome: Pair { before: ended(one), after: ended(other) },
        duration_ms: Pair { before: duration(one), after: duration(other) },
        cpu_ms: Pair { before: first.cpu_ms, after: second.cpu_ms },
        peak_memory_bytes: Pair { before: first.peak_memory_bytes, after: second.peak_memory_bytes },
        peak_processes: Pair { before: first.peak_processes, after: second.peak_processes },
        denials_gained: without(&is, &was),
        denials_lost: without(&was, &is),
        stdout: diff(before, after, Stream::Stdout),
        stderr: diff(before, after, Stream::Stderr),
    }
}

/// How a run ended, in words.
pub(crate) fn outcome(outcome: Option<&Outcome>) -> String {
    outcome.map_or_else(|| "interrupted".to_owned(), |outcome| outcome.message.clone())
}

fn denials(report: Option<&Report>) -> Vec<String> {
    let words = |denial: &Denial| {
        format!("{} {} {}", crate::report::text::operation(denial.operation), denial.target, denial.errno)
    };
    report.map(|report| report.denials.iter().map(words).collect()).unwrap_or_default()
}

fn diff(before: &Record, after: &Record, stream: Stream) -> Option<String> {
    let text = |record: &Record| {
        let all = String::from_utf8_lossy(&record.output(stream)).into_owned();
        all.split_inclusive('\n').take(LINES).collect::<String>()
    };
    let (one, other) = (text(before), text(after));
    if one == other {
        return None;
    }
    let diff =
        TextDiff::configure().algorithm(Algorithm::Patience).timeout(PATIENCE).diff_lines(&one, &other);
    Some(diff.unified_diff().header(&before.id, &after.id).to_string())
}
