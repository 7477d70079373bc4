//! What `update` wants done outside the state. The runtime does it and answers with actions.

use std::path::PathBuf;
use std::sync::Arc;

use super::state::kept::Kept;
use super::state::{Cause, FixDraft, FixWanted, FormKey, RenderKey, RunId};
use crate::cases::Case;
use crate::environment::Declaration;
use crate::learn::Offer;
use crate::policy::Request;
use crate::run::report::{Remedy, Report};
use crate::skill::{Entry, Skill};

#[derive(Debug, Clone)]
pub enum Effect {
    StartRun(Box<StartRun>),
    CancelRun(RunId),
    /// Find out what there is to install for a skill.
    LookUpPackages(Arc<Skill>),
    /// Install what was shown.
    PreparePackages(Box<Packages>),
    CancelPackages,
    /// Colour a text: `key` names its content.
    Highlight {
        key: u64,
        name: PathBuf,
        text: Arc<str>,
    },
    /// Lay a Markdown text out.
    Render {
        key: RenderKey,
        text: Arc<str>,
    },
    /// Read a file of the skill in that folder.
    ReadFile {
        skill: PathBuf,
        path: PathBuf,
    },
    /// Work out tools and files of a skill.
    Explore(Arc<Skill>),
    /// Read the cases of a skill.
    LoadCases(Arc<Skill>),
    RunCases(Box<RunCases>),
    CancelCases,
    SaveCase(Box<SaveCase>),
    /// Work out what stands for the next run of a skill.
    ReviewPolicy(Arc<Skill>),
    /// Count what old runs say about the grants of a skill's policy file with this text.
    CountUses {
        skill: Arc<Skill>,
        text: Arc<str>,
    },
    /// Find out what this run needs.
    Learn(Box<StartRun>),
    CancelLearning,
    /// Look for grants that no run has needed.
    Tighten(Arc<Skill>),
    /// Write what was offered and agreed to.
    WritePolicy {
        skill: Arc<Skill>,
        offer: Box<Offer>,
    },
    /// About old runs.
    History(HistoryAsk),
    /// Add a grant to the skill's own policy file.
    Grant {
        skill: Arc<Skill>,
        remedy: Remedy,
    },
    /// Undo the last change of this session of the skill's policy file.
    TakeBack(Arc<Skill>),
    /// Work out what fixes would change.
    DraftFix(Box<DraftFix>),
    /// Make the change that was shown.
    ApplyFix {
        skill: Arc<Skill>,
        draft: Box<FixDraft>,
    },
    /// Undo the last fix of the skill.
    UndoFix(Arc<Skill>),
    /// Put in force what was shown.
    Approve {
        skill: Arc<Skill>,
        shown: Box<Request>,
    },
    /// Put the default in force again.
    Revoke(Arc<Skill>),
    Copy(String),
    /// Look for paths that begin with a text, relative to a folder.
    CompletePath {
        form: FormKey,
        folder: PathBuf,
        text: String,
    },
    /// Give the terminal to the editor.
    Edit {
        path: PathBuf,
        line: usize,
    },
    WriteSamples,
    /// Write down what is to be remembered.
    Keep(Box<Kept>),
    SetMouse(bool),
    SetTheme(usize),
    Suspend,
    Redraw,
    Quit,
}

/// What is to be installed for a skill.
#[derive(Debug, Clone)]
pub struct Packages {
    pub skill: Arc<Skill>,
    pub wanted: Vec<Wanted>,
}

/// What one entry declares, and others with it.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub entry: Entry,
    pub declaration: Declaration,
}

/// A run to be prepared and started.
#[derive(Debug, Clone)]
pub struct StartRun {
    pub id: RunId,
    pub skill: Arc<Skill>,
    pub entry: Entry,
    pub arguments: Vec<String>,
    pub stdin: Vec<u8>,
    pub workspace: PathBuf,
    /// Why it starts by itself.
    pub cause: Option<Cause>,
}

/// Fixes of a file to be shown as a diff.
#[derive(Debug, Clone)]
pub struct DraftFix {
    pub skill: Arc<Skill>,
    pub file: PathBuf,
    pub wanted: FixWanted,
}

/// Cases of one skill to be run, one after the other.
#[derive(Debug, Clone)]
pub struct RunCases {
    pub skill: Arc<Skill>,
    pub cases: Vec<Arc<Case>>,
    /// Grants that reach out of a case are in force.
    pub trust: bool,
}

/// What is wanted of the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryAsk {
    /// List the runs, and again whenever one begins, ends or is removed.
    List,
    /// Tell the time, when it was not told for a while.
    Now,
    Open(String),
    Compare {
        before: String,
        after: String,
    },
    /// Write a run to a new file in a folder.
    Export {
        id: String,
        skill: String,
        form: ExportForm,
        folder: PathBuf,
    },
    /// `name`: what it is called in the answer.
    Remove {
        id: String,
        name: String,
    },
    /// Play a run from its start; one that is played is stopped.
    Play {
        id: String,
        play: u64,
        speed: f64,
    },
    Pause,
    Resume,
    Speed(f64),
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// The report, as JSON.
    Report,
    /// A recording of the output, for players of terminal sessions.
    Asciicast,
}

/// A run to be written down as a case.
#[derive(Debug, Clone)]
pub struct SaveCase {
    pub skill: Arc<Skill>,
    pub name: String,
    pub report: Arc<Report>,
    pub arguments: Vec<String>,
    pub stdin: Vec<u8>,
}
