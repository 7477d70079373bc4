//! Cases: saved inputs of a skill with what is expected of the run.
//!
//! | step | file |
//! | --- | --- |
//! | `cases/*.yaml` → [`Case`], with the line of every expectation | `read`, `expect` |
//! | a copy of the skill and a folder with the case's files, for one run | `stage` |
//! | the run, through the same engine as any other | `run` |
//! | what came of it beside what was expected | `judge` |
//! | a run written down as a case | `save` |
//!
//! A case runs in a **stage** of its own: a copy of the skill, and a workspace that holds the files that the case lays
//! out and nothing else. Both vanish afterwards, so a case changes nothing and cases can run side by side. In arguments,
//! standard input and expectations `${skill}` and `${workspace}` stand for the two folders.
//!
//! A case runs under the skill's own `policy.yaml`, which is a request: what it grants within the stage is harmless and
//! in force; a grant that reaches further has to be trusted by the user ([`Trust`]), else the case is not run.
//!
//! Used by `skilldeck test`, `skilldeck run --save-case` and the workbench.

mod expect;
mod judge;
mod read;
mod run;
mod save;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use crate::run::Stop;
pub use expect::{Check, Denials, Ending, Expect, Matcher};
pub use judge::{Mismatch, Seen, judge};
pub use read::{FOLDER, Loaded, load, parse};
pub use run::{Outcome, Trust, Verdict, run};
pub use save::{SaveError, Saving, can_save, file_name, save};

use crate::policy::Policy;
use crate::run::WorkingDirectory;
use crate::skill::{Field, Span};

/// One case of a skill.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique within the skill.
    pub name: String,
    /// The file that it is in, and where it begins.
    pub file: PathBuf,
    pub span: Span,
    /// Path of the entry; `None` means the only one.
    pub entry: Option<Field<PathBuf>>,
    pub args: Vec<String>,
    /// As `run --input` takes it: arguments or standard input by the entry's tool schema.
    pub input: Option<Field<serde_json::Value>>,
    /// Standard input as it is.
    pub stdin: Option<String>,
    pub cwd: WorkingDirectory,
    pub policy: PolicyChoice,
    /// Variables that are set outside of the run; only a grant passes one.
    pub env: BTreeMap<String, String>,
    /// What lies in the workspace, by path relative to it.
    pub files: Vec<(PathBuf, Content)>,
    /// Those limits that the case sets.
    pub limits: Policy,
    pub expect: Expect,
}

/// The policy that a case is made for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PolicyChoice {
    /// The skill's `policy.yaml`; without one the built-in default.
    #[default]
    Own,
    /// Nothing is granted.
    Default,
    /// A file of the skill, relative to its folder.
    File(PathBuf),
}

/// What a file holds that a case lays out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// A copy of a file of the skill, relative to its folder.
    From(PathBuf),
}

impl Case {
    /// Whether `path`, relative to the skill's folder, is read to run this case, apart from what the run itself reads.
    pub fn uses(&self, skill: &Path, path: &Path) -> bool {
        self.file.strip_prefix(skill).is_ok_and(|file| file == path)
            || match &self.policy {
                PolicyChoice::Own => path == Path::new(crate::policy::FILE_NAME),
                PolicyChoice::Default => false,
                PolicyChoice::File(file) => file == path,
            }
            || self.files.iter().any(|(_, content)| matches!(content, Content::From(from) if from == path))
    }

    /// Whether this case belongs to the part `number` (from 1) of `parts` parts. By the names alone, so that machines that
    /// know nothing of each other share the cases out, each to exactly one.
    pub fn is_in_partition(&self, skill: &str, number: u64, parts: u64) -> bool {
        let hash = blake3::hash(format!("{skill}\0{}", self.name).as_bytes());
        let (first, _) = hash.as_bytes().split_at(8);
        let hash = first.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        hash % parts.max(1) == number.saturating_sub(1)
    }
}

/// Text in which folders are written by name: the same on every machine and in every stage.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) skill: PathBuf,
    pub(crate) workspace: PathBuf,
}

pub(crate) const SKILL: &str = "${skill}";
pub(crate) const WORKSPACE: &str = "${workspace}";

impl Places {
    /// With names in place of folders. The skill may lie in the workspace.
    pub(crate) fn name(&self, text: &str) -> String {
        let text = replace(text, &self.skill.to_string_lossy(), SKILL);
        replace(&text, &self.workspace.to_string_lossy(), WORKSPACE)
    }

    /// With folders in place of names.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace(SKILL, &self.skill.to_string_lossy())
            .replace(WORKSPACE, &self.workspace.to_string_lossy())
    }
}

/// Replace a path where it ends: `/a/b` is not a part of `/a/bc`.
pub(crate) fn replace(text: &str, path: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(path) {
        let (before, found) = rest.split_at(at);
        let after = &found[path.len()..];
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'));
        out.push_str(before);
        out.push_str(if ends { by } else { path });
        rest = after;
    }
    out + rest
}
