//! A run as the screen sees it: its output, the newest report, how far it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::RunInput;
use super::trace::Trace;
pub use crate::journal::Cause;
use crate::run::log::OutputLog;
use crate::run::report::Report;
use crate::sandbox::event::{Outcome, OutcomeKind, Stream, UsageSample};
use crate::sandbox::plan::Limits;

/// Names a run within one session: answers to a replaced run are told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The plan is worked out, the sandbox is being set up.
    Starting,
    Running,
    Ended,
    /// Whoever started it went away, and it with them: old runs only.
    Interrupted,
    /// It could not be started: why, and the next step.
    Refused(String),
}

#[derive(Debug, Clone)]
pub struct RunView {
    pub id: RunId,
    pub entry: PathBuf,
    /// What it was given.
    pub input: RunInput,
    /// The skill's own policy file is in force.
    pub approved: bool,
    pub cause: Option<Cause>,
    /// Name of its record in the journal, once it has one.
    pub record: Option<String>,
    pub stage: Stage,
    pub cancelling: bool,
    pub limits: Limits,
    pub report: Option<Arc<Report>>,
    pub stdout: OutputLog,
    pub stderr: OutputLog,
    pub usage: UsageSample,
    /// Time since the start, as of the newest event.
    pub elapsed: Duration,
    pub trace: Trace,
}

impl RunView {
    pub fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Running)
    }

    pub fn log(&self, stream: Stream) -> &OutputLog {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    pub fn log_mut(&mut self, stream: Stream) -> &mut OutputLog {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Take in what the program printed, `at` after the start.
    pub fn take_output(&mut self, at: Duration, stream: Stream, bytes: &[u8]) {
        self.log_mut(stream).push(bytes);
        let log = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        self.trace.output(at, stream, bytes.len() as u64, log);
    }

    pub fn denials(&self) -> usize {
        self.report.as_ref().map_or(0, |report| report.denials.len())
    }

    /// In one word, for the list.
    pub fn verdict(&self) -> RunVerdict {
        match (&self.stage, self.report.as_ref().and_then(|report| report.outcome.as_ref())) {
            (Stage::Starting | Stage::Running, _) => RunVerdict::Running,
            (Stage::Interrupted, _) => RunVerdict::Interrupted,
            (Stage::Ended, Some(outcome)) => RunVerdict::of(outcome, self.denials()),
            (Stage::Refused(_), _) | (Stage::Ended, None) => RunVerdict::Failed,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunVerdict {
    Running,
    Passed,
    Denied,
    Limit,
    Failed,
    Cancelled,
    Interrupted,
}

impl RunVerdict {
    /// Of a run that ended so, and was refused so many things.
    pub fn of(outcome: &Outcome, denials: usize) -> Self {
        match outcome.kind {
            OutcomeKind::Limit | OutcomeKind::Timeout => Self::Limit,
            OutcomeKind::Cancelled => Self::Cancelled,
            _ if denials > 0 => Self::Denied,
            OutcomeKind::Exited if outcome.code == Some(0) => Self::Passed,
            _ => Self::Failed,
        }
    }
}
