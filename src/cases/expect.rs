//! What is expected of a run.

use std::fmt;
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::run::WorkingDirectory;
use crate::sandbox::event::{OutcomeKind, Resource};
use crate::skill::{Field, Span};

/// All expectations of a case. What is not written is not judged, but for two: a run ends with 0 and nothing is denied.
#[derive(Debug, Clone)]
pub struct Expect {
    pub ending: Field<Ending>,
    pub stdout: Vec<Check>,
    pub stderr: Vec<Check>,
    pub files: Vec<FileChecks>,
    pub denials: Field<Denials>,
}

/// What is expected of one file after the run.
#[derive(Debug, Clone)]
pub struct FileChecks {
    /// As written.
    pub name: String,
    pub root: WorkingDirectory,
    /// Relative to the root.
    pub path: PathBuf,
    pub checks: Vec<Check>,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Exit status.
    Code(i32),
    /// Name of the signal that ended it.
    Signal(String),
    /// Ended by a limit.
    Limit(Resource),
    /// Another end, in words. Never written in a case.
    Other(String),
}

/// Names of the limits, as policies write them.
const LIMITS: [(&str, Resource); 8] = [
    ("wall", Resource::Wall),
    ("cpu", Resource::Cpu),
    ("memory", Resource::Memory),
    ("file_size", Resource::FileSize),
    ("scratch", Resource::Scratch),
    ("open_files", Resource::OpenFiles),
    ("processes", Resource::Processes),
    ("output", Resource::Output),
];

impl Ending {
    /// `3`, `SIGSEGV` or `memory`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, resource)) = LIMITS.iter().find(|(name, _)| *name == text) {
            return Some(Self::Limit(*resource));
        }
        if text.starts_with("SIG")
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            return Some(Self::Signal(text.to_owned()));
        }
        text.parse().ok().filter(|code| (0..=255).contains(code)).map(Self::Code)
    }

    pub fn of(outcome: Option<&crate::sandbox::event::Outcome>) -> Self {
        let Some(outcome) = outcome else { return Self::Other("it ended without a report".to_owned()) };
        match (outcome.kind, outcome.code, &outcome.signal, outcome.limit) {
            (OutcomeKind::Exited, Some(code), ..) => Self::Code(code),
            (OutcomeKind::Signaled, _, Some(signal), _) => Self::Signal(signal.clone()),
            (OutcomeKind::Timeout, ..) => Self::Limit(Resource::Wall),
            (OutcomeKind::Limit, _, _, Some(limit)) => Self::Limit(limit),
            _ => Self::Other(outcome.message.clone()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Signal(signal) => f.write_str(signal),
            Self::Limit(resource) => {
                f.write_str(LIMITS.iter().find(|(_, one)| one == resource).map_or("limit", |(name, _)| name))
            }
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// Which refusals are expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denials {
    Any,
    /// These and no others, each as `operation target`, in order; empty means none.
    Exactly(Vec<String>),
}

/// One expectation of a text, and its place.
#[derive(Debug, Clone)]
pub struct Check {
    pub matcher: Matcher,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum Matcher {
    Equals(String),
    Contains(String),
    /// Found anywhere in the text.
    Regex(Regex),
    /// The text is JSON, and what the path (RFC 9535) selects is this value.
    Json(JsonPath, Value),
    /// Whether the file is there at all.
    Exists(bool),
}

impl Matcher {
    /// The key under which it is written.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::Contains(_) => "contains",
            Self::Regex(_) => "regex",
            Self::Json(..) => "json",
            Self::Exists(_) => "exists",
        }
    }
}
