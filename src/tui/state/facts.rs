//! What is known about a skill beyond its manifest: learned when it is chosen, or chosen by the user.

use std::path::PathBuf;

use crate::policy::Request;
use crate::skill::Diagnostic;
use crate::skill::clients::{Client, Verdict};
use crate::skill::cost::Cost;

/// What was learned about a skill when it was chosen.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The tools that the skill offers; `None` while they are being worked out.
    pub tools: Option<Vec<Tool>>,
    /// Files of the skill; `None` while they are being read.
    pub files: Option<Vec<FileItem>>,
    /// The entry that was chosen. A skill with one entry needs no choice.
    pub entry: Option<PathBuf>,
    /// Arguments as they were typed.
    pub arguments: String,
    /// What the skill's own policy.yaml asks for; `None` without one, or with one that has errors.
    pub request: Option<Box<Request>>,
    /// Names the text of SKILL.md in [`Highlights`](super::Highlights).
    pub source_key: u64,
    /// What else the exploration found.
    pub learned: Option<Box<Learned>>,
    /// What a fix changes is being worked out.
    pub fixing: bool,
    /// Fixes of this session that can be taken back.
    pub fixes: usize,
    /// The exploration was asked for.
    pub asked: bool,
    /// It is over: all of this is of the skill as it was read last.
    pub explored: bool,
}

/// Worked out with the tools and files of a skill.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// What each client makes of the skill.
    pub verdicts: Vec<(Client, Verdict)>,
    /// What it costs in tokens.
    pub cost: Cost,
    /// What is wrong with its own policy file.
    pub policy: Vec<Diagnostic>,
}

/// The input that an entry takes, made from its schema.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tool {
    pub name: String,
    pub entry: String,
    /// Where the schema was found, in words.
    pub source: String,
    pub parameters: Vec<Parameter>,
    /// The schema as JSON text.
    pub json: String,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameter {
    pub name: String,
    pub kind: String,
    pub required: bool,
    pub description: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileItem {
    /// Relative to the skill's folder.
    pub path: PathBuf,
    pub bytes: u64,
}
