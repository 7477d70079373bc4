//! The run report: stable, versioned JSON. The screen and every export are made of the same data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

pub use crate::policy::Remedy;
use crate::sandbox::event::{
    Frame, Isolation, Layer, LimitHit, NetworkAttempt, Operation, Outcome, Usage, Verdict,
};
use crate::sandbox::plan::Observe;

/// Version of the report's form; raised when a field changes meaning or goes away.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    pub version: u32,
    pub skill: String,
    pub entry: String,
    pub argv: Vec<String>,
    #[serde(serialize_with = "lossy_path")]
    pub cwd: PathBuf,
    pub isolation: Isolation,
    pub policy: PolicySummary,
    /// How much was looked at: without `full`, `files` holds little of what was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<Observe>,
    /// `null` while the run goes on.
    pub outcome: Option<Outcome>,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub startup_ms: f64,
    pub duration_ms: f64,
    pub usage: Usage,
    pub stdout: String,
    pub stderr: String,
    pub stdout_truncated: bool,
    pub stderr_truncated: bool,
    pub denials: Vec<Denial>,
    pub files: Vec<FileAccess>,
    pub network: Vec<NetworkAttempt>,
    pub limits: Vec<LimitHit>,
    pub processes: Vec<Process>,
    pub changes: Vec<Change>,
    /// The folders that the run may write hold too much to compare all of it: changes may be missing.
    #[serde(default)]
    pub changes_truncated: bool,
    /// What became of the changes, when they were kept apart from the host during the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<CapturedWrites>,
    /// Modules that the program did not find, when it did not end well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_modules: Vec<MissingModule>,
    pub lost_events: u64,
}

/// A module that was imported and not found, as the interpreter said on stderr.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingModule {
    /// As it was imported: `requests`, `google.cloud`, `@scope/package`.
    pub module: String,
    /// The line of the skill that imports it, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "lossy_frames")]
    pub blame: Vec<Frame>,
    /// What is declared, and what the environment has: for people.
    pub reason: String,
    /// The command that prepares what is declared, when that is what is missing.
    pub command: Option<String>,
}

/// The policy in force, as text a reader can check.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PolicySummary {
    /// BLAKE3 of the effective permissions and limits.
    pub digest: String,
    /// Files and flags it was made of; empty means the built-in default.
    pub sources: Vec<String>,
    pub permissions: serde_json::Value,
    pub limits: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Denial {
    pub id: u64,
    pub at_ms: u64,
    /// How often; of the last denial that is kept of an operation in a folder, further ones there too.
    pub count: u64,
    pub pid: i32,
    pub program: String,
    pub operation: Operation,
    pub target: String,
    pub syscall: String,
    pub arguments: String,
    pub errno: String,
    pub layer: Layer,
    /// The line that decided: `policy.yaml:4 deny …`, or `default: …`.
    pub rule: String,
    /// The skill asks for this in its own policy file, which is not approved: where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    #[serde(serialize_with = "lossy_frames")]
    pub blame: Vec<Frame>,
    /// Why there is no line, when the process could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// The smallest grant; `null` where nothing can be granted, which the rule then says.
    pub remedy: Option<Remedy>,
    /// Wider grants that would allow it too, narrowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Remedy>,
}

impl Denial {
    /// What would allow it, the least first.
    pub fn grants(&self) -> impl Iterator<Item = &Remedy> {
        self.remedy.iter().chain(&self.alternatives)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileAccess {
    #[serde(serialize_with = "lossy_path")]
    pub path: PathBuf,
    pub operation: Operation,
    pub verdict: Verdict,
    pub count: u64,
    /// When it happened first, after the program's start; `None` in reports that did not tell yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    #[serde(serialize_with = "lossy_path")]
    pub program: PathBuf,
    pub argv: Vec<String>,
    /// Exit status; `null` while it runs, when a signal ended it, or when nobody saw it end.
    pub exit: Option<i32>,
    /// When it was started and when it ended, after the program's start; `None` in reports that did not tell yet, and of
    /// processes that nobody saw end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    #[serde(serialize_with = "lossy_path")]
    pub path: PathBuf,
    pub kind: ChangeKind,
    /// Length after the run; of what was deleted, before it.
    pub bytes: u64,
    /// Length before the run, of what was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_bytes: Option<u64>,
    /// Unified diff of a text; of changes that were not captured, only of small ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Why there is no diff or not all of it, where a link leads, which rights changed: for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether the change was made on the host, when changes were captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
}

impl Change {
    pub(super) fn new(path: PathBuf, kind: ChangeKind, bytes: u64) -> Self {
        Self { path, kind, bytes, before_bytes: None, diff: None, detail: None, kept: None }
    }
}

impl MissingModule {
    /// `import requests: declared in requirements.txt, environment not prepared: `skilldeck env demo``.
    pub fn sentence(&self) -> String {
        let next = self.command.as_ref().map(|command| format!(": `{command}`")).unwrap_or_default();
        format!("import {}: {}{next}", self.module, self.reason)
    }
}

/// What became of captured changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CapturedWrites {
    /// `review` or `keep`.
    pub mode: String,
    /// How many changes were made on the host, and how many were not.
    pub kept: u64,
    pub dropped: u64,
    /// Why none were kept, when they should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Changes that should have been kept and could not be.
    pub conflicts: Vec<Conflict>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    #[serde(serialize_with = "lossy_path")]
    pub path: PathBuf,
    /// What is in the way, in words.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    /// A file has become a folder or a link, or the other way round. This and the next only when changes were captured.
    TypeChanged,
    /// The same content with other rights.
    ModeChanged,
}

/// JSON is Unicode and a path need not be: what is not UTF-8 becomes U+FFFD, or one odd name would cost the whole
/// report.
pub(crate) fn lossy_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn lossy_frames<S: Serializer>(frames: &[Frame], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(
        frames
            .iter()
            .map(|frame| Frame { file: frame.file.to_string_lossy().into_owned().into(), ..frame.clone() }),
    )
}
