//! Everything that can happen to the workbench: keys, and the answers to its effects.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::effect::Packages;
use super::key::{Key, Mouse};
use super::keymap::Command;
use super::markdown::Rendered;
use super::state::{
    Cause, FileItem, FixDraft, FormKey, Highlighted, KnownUse, Learned, Level, OldRun, PastRun, PolicyReview,
    RenderKey, RunId, Tool,
};
use crate::cases;
use crate::journal::Comparison;
use crate::learn::Offer;
use crate::policy::Request;
use crate::run::report::Report;
use crate::sandbox::event::{Stream, UsageSample};
use crate::sandbox::plan::Limits;
use crate::skill::Skill;

#[derive(Debug)]
pub enum Action {
    Key(Key),
    Mouse(Mouse),
    /// Text pasted into the terminal.
    Paste(String),
    Resize(u16, u16),
    /// The terminal said whether its ground is dark or light.
    Ground(super::theme::Kind),
    /// The theme files were read again.
    Themes(Arc<super::theme::Set>),
    /// SIGTERM, SIGHUP or SIGINT arrived.
    Terminate,
    /// From the loader and the watcher.
    Workspace(WorkspaceNews),
    /// From a run.
    Run(RunId, RunNews),
    /// A worker has coloured the text with this key.
    Highlighted(u64, Arc<Highlighted>),
    /// A worker has laid a text out; `false`: it follows once more, with the colours of its code.
    Rendered(RenderKey, Arc<Rendered>, bool),
    FileRead(PathBuf, Result<Arc<str>, String>),
    /// Tools and files of a skill were worked out.
    Explored {
        skill: PathBuf,
        tools: Vec<Tool>,
        files: Vec<FileItem>,
        learned: Box<Learned>,
        request: Option<Box<Request>>,
    },
    /// The answer to an approval was kept, or why not; and how the request now stands.
    Approved {
        skill: PathBuf,
        request: Option<Box<Request>>,
        said: Result<String, String>,
    },
    /// A grant was written to a policy file, or why not.
    Granted {
        skill: PathBuf,
        request: Option<Box<Request>>,
        result: Result<PolicyDone, String>,
    },
    /// What stands for the next run of a skill was worked out.
    PolicyReviewed {
        skill: PathBuf,
        review: Box<PolicyReview>,
    },
    /// What a fix would change, or why that cannot be told.
    FixDrafted(Result<Box<FixDraft>, String>),
    /// A fix was made or taken back, or why not; so many of the skill can still be taken back.
    Fixed {
        skill: PathBuf,
        undoable: usize,
        result: Result<String, String>,
    },
    /// Of learning, and of looking for what is not needed.
    Learn(LearnNews),
    /// What old runs say about the grants of a policy file with that text.
    GrantsCounted {
        skill: PathBuf,
        text: Arc<str>,
        uses: Vec<KnownUse>,
    },
    /// Of cases: read, ended, saved.
    Cases(CaseNews),
    /// Paths that begin with a text of a form's field.
    PathsFound {
        form: FormKey,
        text: String,
        candidates: Vec<String>,
        more: bool,
    },
    /// Of the packages of a skill: what there is to install, and how it goes.
    Packages(PathBuf, PackageNews),
    /// Something small takes long: what, and since when; `None` when it is done.
    Working(Option<(&'static str, Duration)>),
    /// Of old runs: listed, opened, compared, played.
    History(HistoryNews),
    /// Samples were written to a folder, or why not.
    SamplesWritten(Result<PathBuf, String>),
    Notice(Level, String),
}

#[derive(Debug)]
pub enum WorkspaceNews {
    /// Skills read for the first time or again.
    Skills(Vec<Arc<Skill>>),
    Removed(Vec<PathBuf>),
    /// The first reading is over.
    Complete,
    /// Files of a skill changed; its new reading was sent before.
    Changed {
        skill: PathBuf,
        cause: Cause,
        /// The first paths that changed, links resolved.
        paths: Vec<PathBuf>,
    },
}

#[derive(Debug)]
pub enum LearnNews {
    /// A round is over: how much was learned until now.
    Round {
        number: usize,
        grants: usize,
        undecided: usize,
    },
    /// What to offer, or why there is nothing.
    Learned {
        skill: Arc<Skill>,
        result: Result<Box<Offer>, String>,
    },
    Tightened {
        skill: Arc<Skill>,
        result: Result<Box<Offer>, String>,
    },
}

#[derive(Debug)]
pub enum CaseNews {
    Loaded {
        skill: PathBuf,
        loaded: cases::Loaded,
    },
    Ended {
        skill: PathBuf,
        name: String,
        outcome: cases::Outcome,
    },
    /// A run was saved as a case, or why not.
    Saved(Result<String, String>),
}

#[derive(Debug)]
pub enum PackageNews {
    /// What is to be installed, or why nothing is.
    Found(Result<Packages, String>),
    /// What the installer does now.
    Step(String),
    /// What it says: foreign text.
    Line(String),
    Elapsed(Duration),
    /// What was prepared, or why nothing was.
    Ended(Result<String, String>),
}

#[derive(Debug)]
pub enum HistoryNews {
    /// The newest runs, how many older ones there are, and the time, in seconds since 1970.
    Listed {
        rows: Vec<Arc<PastRun>>,
        left_out: usize,
        now: i64,
    },
    /// There is no journal: why, and what to do.
    Off(String),
    Now(i64),
    Opened {
        id: String,
        result: Result<Box<OldRun>, String>,
    },
    Compared {
        before: String,
        after: String,
        result: Result<Box<Comparison>, String>,
    },
    /// The next piece of a replay.
    Played {
        play: u64,
        at: Duration,
        output: Vec<(Stream, Vec<u8>)>,
        usage: Option<UsageSample>,
    },
    /// A replay is over; or it could not be begun, and why.
    PlayEnded(u64, Option<String>),
}

/// What was done to a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDone {
    pub said: String,
    /// What undoes it.
    pub back: Option<Command>,
}

#[derive(Debug)]
pub enum RunNews {
    /// It is still being prepared, since then.
    Starting(Duration),
    Started {
        limits: Limits,
        /// Name of its record in the journal.
        record: Option<String>,
    },
    /// What was printed, in order, up to this time after the start.
    Output(Duration, Vec<(Stream, Vec<u8>)>),
    Usage(Duration, UsageSample),
    Report(Arc<Report>),
    /// The report sent before is the last one.
    Ended,
    /// It never started: why, and the next step.
    Refused(String),
}
