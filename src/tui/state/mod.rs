//! The state of the workbench: one tree of plain data.
//!
//! Changed only by [`crate::tui::update()`], read by [`crate::tui::view`]. Nothing here draws, waits, reads a
//! file or knows a terminal, so every state can be made and checked in a test.

pub mod cases;
pub mod causes;
mod chosen;
pub mod comparison;
pub mod facts;
pub mod findings;
pub mod fix;
pub mod form;
pub mod help;
pub mod highlights;
pub mod history;
pub mod kept;
pub mod layers;
pub mod learn;
pub mod packages;
pub mod palette;
mod panes;
pub mod policy;
pub mod rendered;
pub mod rows;
mod run_tab;
pub mod runs;
pub mod saves;
mod schema_rows;
pub mod scroll;
pub mod skill_tab;
pub mod skills;
pub mod source;
pub mod timeline;
pub mod trace;
pub mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use cases::{CaseRow, CaseSet, CasesTab, Standing, VerdictLine};
pub use comparison::CompareLine;
pub use facts::{Facts, FileItem, Learned, Parameter, Tool};
pub use fix::{DiffKind, DiffLine, FixDraft, FixView, FixWanted};
pub use form::{Form, FormKey, RunInput};
pub use highlights::{Highlighted, Highlights, Syntax};
pub use history::{History, OldRun, PastRun};
pub use layers::{Choice, Layer, Prompt, PromptKind};
pub use learn::{Learning, Offered};
pub use panes::{Border, Pane, Tab};
pub use policy::{
    FileRow, FileStanding, KnownUse, PolicyFacts, PolicyFile, PolicyReview, PolicyTab, Session, UseMark,
};
pub use rendered::{RenderKey, RenderedPane, Renderings};
pub use rows::{Piece, TextRow, Tone};
pub use run_tab::{Finding, RunTab};
pub use runs::{Cause, RunId, RunView, Stage};
pub use saves::{Saved, Saves};
pub use scroll::Scroll;
pub use skill_tab::{Section, SkillTab};
pub use skills::{Mark, Row, Skills};
pub use source::Opened;

use super::keymap::Keymap;

/// Everything the workbench knows.
#[derive(Debug)]
pub struct State {
    pub width: u16,
    pub height: u16,
    pub place: Place,
    pub phase: Phase,
    pub skills: Skills,
    pub tab: Tab,
    pub focus: Pane,
    pub zoomed: bool,
    /// Columns that the skills list is wider than by default.
    pub list_extra: i16,
    /// Rows that the lower part of a tab is taller than by default.
    pub split_extra: i16,
    /// What is being dragged with the mouse.
    pub drag: Option<Border>,
    pub skill_tab: SkillTab,
    pub run_tab: RunTab,
    pub policy_tab: PolicyTab,
    pub cases_tab: CasesTab,
    /// Old runs.
    pub history: History,
    /// What was learned about a skill beyond its manifest, kept for the chosen ones.
    pub facts: BTreeMap<PathBuf, Facts>,
    /// Policies of the skills that were looked at in the Policy tab.
    pub policies: BTreeMap<PathBuf, PolicyFacts>,
    /// What the last save of each skill changed.
    pub saves: Saves,
    /// Cases of the skills that were chosen.
    pub cases: BTreeMap<PathBuf, CaseSet>,
    /// The newest run of each skill.
    pub runs: BTreeMap<PathBuf, RunView>,
    pub next_run: u64,
    /// The packages of a skill being prepared, or why that failed.
    pub preparation: Option<packages::Preparation>,
    /// Cases that were started together.
    pub case_batch: usize,
    /// What takes long, and since when.
    pub working: Option<(&'static str, Duration)>,
    /// A run that starts when the one it replaces has ended.
    pub queued_run: Option<QueuedRun>,
    /// What a skill needs is being found out.
    pub learning: Option<Learning>,
    /// Files shown in place of a denial.
    pub files: BTreeMap<PathBuf, FileText>,
    pub highlights: Highlights,
    pub renderings: Renderings,
    /// Popups, the topmost last.
    pub layers: Vec<Layer>,
    /// The command palette over everything, while it is open.
    pub palette: Option<palette::Palette>,
    /// What was chosen in the palette, the newest first.
    pub recent: Vec<String>,
    pub search: Option<Search>,
    /// What is looked for on the help screen.
    pub help_needle: String,
    pub notice: Option<Notice>,
    pub options: Options,
    /// The keys in force.
    pub keymap: Keymap,
    /// What outlives the workbench.
    pub keeping: kept::Keeping,
    /// The workbench is about to end.
    pub quitting: bool,
}

/// A run that waits for the end of another.
#[derive(Debug, Clone)]
pub struct QueuedRun {
    pub skill: PathBuf,
    pub entry: PathBuf,
    pub input: RunInput,
    pub cause: Option<Cause>,
}

/// Where the skills come from.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The folder that holds `.skills/`.
    pub workspace: PathBuf,
    /// For writing paths with `~`.
    pub home: Option<PathBuf>,
    /// The roots looked at, for the first screen.
    pub roots: Vec<PathBuf>,
}

impl Place {
    /// A path as people write it: relative to the workspace, or with `~`.
    pub fn short(&self, path: &Path) -> String {
        if let Ok(inside) = path.strip_prefix(&self.workspace)
            && !inside.as_os_str().is_empty()
        {
            return inside.display().to_string();
        }
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(below) if below.as_os_str().is_empty() => "~".to_owned(),
            Some(below) => format!("~/{}", below.display()),
            None => path.display().to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Skills are being looked for and read.
    Reading,
    Ready,
}

/// A file read to be shown.
#[derive(Debug, Clone)]
pub enum FileText {
    Waiting,
    /// The text, and its name in [`Highlights`].
    Read(Arc<str>, u64),
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub needle: String,
}

/// One line for the user, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// Switches of the workbench.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent switches, each with a key of its own
pub struct Options {
    /// Run again when the chosen skill changes.
    pub auto_run: bool,
    pub mouse: bool,
    pub ascii: bool,
    pub theme: super::theme::Chosen,
}

impl Default for Options {
    fn default() -> Self {
        Self { auto_run: true, mouse: true, ascii: false, theme: super::theme::Chosen::default() }
    }
}

impl State {
    pub fn new(width: u16, height: u16, place: Place, options: Options) -> Self {
        Self {
            width,
            height,
            place,
            phase: Phase::Reading,
            skills: Skills::default(),
            tab: Tab::Skill,
            focus: Pane::Skills,
            zoomed: false,
            list_extra: 0,
            split_extra: 0,
            drag: None,
            skill_tab: SkillTab::default(),
            run_tab: RunTab::default(),
            policy_tab: PolicyTab::default(),
            cases_tab: CasesTab::default(),
            history: History::default(),
            facts: BTreeMap::new(),
            policies: BTreeMap::new(),
            saves: Saves::default(),
            cases: BTreeMap::new(),
            runs: BTreeMap::new(),
            next_run: 1,
            preparation: None,
            case_batch: 0,
            working: None,
            queued_run: None,
            learning: None,
            files: BTreeMap::new(),
            highlights: Highlights::default(),
            renderings: Renderings::default(),
            layers: Vec::new(),
            palette: None,
            recent: Vec::new(),
            search: None,
            help_needle: String::new(),
            notice: None,
            options,
            keymap: Keymap::default(),
            keeping: kept::Keeping::default(),
            quitting: false,
        }
    }

    /// The run under way, of whichever skill.
    pub fn running(&self) -> Option<&RunView> {
        self.runs.values().find(|run| run.is_under_way())
    }

    /// Nothing was found: the first screen says what to do.
    pub fn is_welcome(&self) -> bool {
        self.skills.is_empty() && self.phase == Phase::Ready
    }

    /// Work is under way whose answer will change the screen. Tests and pictures wait for its end.
    pub fn is_busy(&self) -> bool {
        self.phase == Phase::Reading
            || self.running().is_some()
            || self.queued_run.is_some()
            || self.preparation.as_ref().is_some_and(packages::Preparation::is_under_way)
            || self.cases_run()
            || self.is_learning()
            || self.history.is_busy()
            || self.case_set().is_some_and(|set| set.reading)
            || self.policies.values().any(|policy| policy.waiting || policy.counting)
            || self.highlights.waiting()
            || self.renderings.waiting()
            || self.facts.values().any(|facts| facts.fixing || facts.granting)
            || self.files.values().any(|file| matches!(file, FileText::Waiting))
            || self.chosen_facts().is_some_and(|facts| facts.tools.is_none() || facts.files.is_none())
    }

    /// A line of text is being typed.
    pub fn is_typing(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::Prompt(_)))
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.notice = Some(Notice { level, text: text.into() });
    }
}
