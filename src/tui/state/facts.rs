//! What is known about a skill beyond its manifest: learned when it is chosen, or chosen by the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Form;
use crate::policy::Request;
use crate::skill::Diagnostic;
use crate::skill::clients::{Client, Verdict};
use crate::skill::cost::Cost;
use crate::skill::{Skill, schema};

/// What was learned about a skill when it was chosen.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The tools that the skill offers; `None` while they are being worked out.
    pub tools: Option<Vec<Tool>>,
    /// Files of the skill; `None` while they are being read.
    pub files: Option<Vec<FileItem>>,
    /// The entry that was chosen. A skill with one entry needs no choice.
    pub entry: Option<PathBuf>,
    /// What was entered for each entry.
    pub forms: BTreeMap<PathBuf, Form>,
    /// What the skill's own policy.yaml asks for; `None` without one, or with one that has errors.
    pub request: Option<Box<Request>>,
    /// Names the text of SKILL.md in [`Highlights`](super::Highlights).
    pub source_key: u64,
    /// What else the exploration found.
    pub learned: Option<Box<Learned>>,
    /// What a fix changes is being worked out.
    pub fixing: bool,
    /// A change of its policy file is being written.
    pub granting: bool,
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

impl Facts {
    /// What was entered for the chosen entry, where a command line can say it and may be shown.
    pub fn line(&self) -> String {
        let only = self.forms.keys().next().filter(|_| self.forms.len() == 1);
        let form = self.entry.as_ref().or(only).and_then(|entry| self.forms.get(entry));
        form.and_then(Form::as_line).unwrap_or_default()
    }

    /// Take up arguments of an earlier start.
    pub fn remember(&mut self, skill: &Skill, arguments: &str) {
        let only = match skill.entries.as_slice() {
            [only] => Some(&only.file),
            _ => None,
        };
        if let Some(entry) = self.entry.as_ref().or(only).filter(|_| !arguments.is_empty()) {
            self.forms.insert(entry.clone(), Form::of_line(arguments));
        }
    }

    /// The tools of an entry, one for each subcommand; none while they are being worked out.
    pub fn tools_of(&self, entry: &Path) -> Vec<Arc<schema::Tool>> {
        let specs = self.tools.iter().flatten().filter_map(|tool| tool.spec.clone());
        specs.filter(|spec| spec.entry == entry).collect()
    }
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
    /// The tool itself, for the run form.
    pub spec: Option<Arc<schema::Tool>>,
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
