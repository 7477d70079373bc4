//! What a skill says, after reading. Plain data: made by [`crate::skill::read()`], shown by everybody.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::diagnostic::{Diagnostic, Severity, Span};

/// One folder with a `SKILL.md`, the broken ones too.
#[derive(Debug, Clone)]
pub struct Skill {
    /// What to call it: the manifest's name, else the folder's.
    pub name: String,
    /// The folder, absolute, links resolved.
    pub path: PathBuf,
    /// The folder's name as a client sees it: of a linked folder that is the name of the link.
    pub folder: String,
    /// The root it was found under, as given.
    pub root: PathBuf,
    /// Text of SKILL.md, invalid UTF-8 replaced; empty when it could not be read.
    pub source: String,
    pub manifest: Manifest,
    /// Line of SKILL.md (1-based) on which the body starts.
    pub body_line: usize,
    pub entries: Vec<Entry>,
    /// The skill's own `policy.yaml`: a request, not a grant.
    pub policy_file: Option<PathBuf>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Skill {
    pub fn manifest_path(&self) -> PathBuf {
        self.path.join("SKILL.md")
    }

    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }

    /// The entry named by a path relative to the skill, or by its file name when that is unambiguous.
    pub fn entry(&self, wanted: &Path) -> Option<&Entry> {
        self.entries.iter().find(|e| e.file == wanted).or_else(|| {
            let mut same = self.entries.iter().filter(|e| e.file.file_name() == Some(wanted.as_os_str()));
            match (same.next(), same.next()) {
                (Some(entry), None) => Some(entry),
                _ => None,
            }
        })
    }
}

/// The front matter: the six fields of the open specification, and all others as they were written.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    pub name: Option<Field<String>>,
    pub description: Option<Field<String>>,
    pub license: Option<Field<String>>,
    pub compatibility: Option<Field<String>>,
    pub allowed_tools: Option<Field<Vec<String>>>,
    /// Every key in order, the six too, with its value as JSON.
    pub fields: Vec<(Field<String>, Field<serde_json::Value>)>,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<T> {
    pub value: T,
    pub span: Span,
}

/// A script of a skill that can be run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Relative to the skill's folder.
    pub file: PathBuf,
    pub interpreter: Interpreter,
}

/// What runs an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interpreter {
    /// `python`, `sh`, `bash`, `node`, `deno`, `ruby`, `perl`, `uv`, `native` or `other`.
    pub language: Language,
    /// The real program, shims and links resolved (a virtual environment's own link is kept); the entry itself
    /// when it is native; `None` when this machine has none.
    pub program: Option<PathBuf>,
    /// Arguments between the program and the script (`-u`, those of `env -S` lines).
    pub arguments: Vec<String>,
    /// Folders the program needs to see besides the system's (`/opt/python3.12`, a pyenv version's prefix).
    pub prefix: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Python,
    Sh,
    Bash,
    Node,
    Deno,
    Ruby,
    Perl,
    /// A script for `uv run`; Python runs it.
    Uv,
    /// A program of its own, without interpreter.
    Native,
    /// Any other program that a shebang names (`#!/usr/bin/awk -f`).
    Other,
}

impl Language {
    /// Name as people say it, also the one in `interpreter not found: …`.
    pub fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Sh => "sh",
            Language::Bash => "bash",
            Language::Node => "node",
            Language::Deno => "deno",
            Language::Ruby => "ruby",
            Language::Perl => "perl",
            Language::Uv => "uv",
            Language::Native => "native",
            Language::Other => "other",
        }
    }
}
