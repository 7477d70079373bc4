//! The state of the workbench: one tree of plain data.
//!
//! Changed only by [`crate::tui::update()`], read by [`crate::tui::view`]. Nothing here draws, waits, reads a
//! file or knows a terminal, so every state can be made and checked in a test.

pub mod cases;
pub mod causes;
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
pub mod policy;
pub mod rendered;
pub mod rows;
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
pub use policy::{
    FileRow, FileStanding, KnownUse, PolicyFacts, PolicyFile, PolicyReview, PolicyTab, Session, UseMark,
};
pub use rendered::{RenderKey, RenderedPane, Renderings};
pub use rows::{Piece, TextRow, Tone};
pub use runs::{Cause, RunId, RunView, Stage};
pub use saves::{Saved, Saves};
pub use scroll::Scroll;
pub use skill_tab::{Section, SkillTab};
pub use skills::{Mark, Row, Skills};
pub use source::Opened;

use super::keymap::Keymap;
use crate::policy::Request;
use crate::skill::Skill;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Skill,
    Run,
    Policy,
    Cases,
    Runs,
}

impl Tab {
    /// In the order of their titles.
    pub const ALL: [Self; 5] = [Self::Skill, Self::Run, Self::Policy, Self::Cases, Self::Runs];
}

/// Something that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    Skills,
    Source,
    Details,
    Stdout,
    Stderr,
    /// Both streams, line by line as they came.
    Output,
    Findings,
    /// What stands for the next run.
    Policy,
    /// The text of `policy.yaml`.
    PolicyFile,
    Cases,
    /// What was expected of a case and what came.
    Verdict,
    /// Old runs, and what is known of the one under the cursor.
    Runs,
    PastRun,
}

/// A border that can be dragged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    List,
    Split,
}

#[derive(Debug, Default)]
pub struct RunTab {
    pub stdout: Scroll,
    pub stderr: Scroll,
    /// Position of both streams together, and whether they are shown so.
    pub output: Scroll,
    pub interleaved: bool,
    pub finding: Finding,
    pub findings: Scroll,
    /// What of the timeline is shown.
    pub filter: timeline::Filter,
    /// Which of its grants an open denial offers: the smallest, or a wider one.
    pub grant: usize,
}

/// The lower part of the Run tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finding {
    #[default]
    Denials,
    Files,
    Network,
    Limits,
    Processes,
    Changes,
    Timeline,
    Usage,
}

impl Finding {
    pub const ALL: [Self; 8] = [
        Self::Denials,
        Self::Files,
        Self::Network,
        Self::Limits,
        Self::Processes,
        Self::Changes,
        Self::Timeline,
        Self::Usage,
    ];
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

    pub fn skill(&self) -> Option<&Arc<Skill>> {
        self.skills.chosen()
    }

    /// Facts of the chosen skill.
    pub fn chosen_facts(&self) -> Option<&Facts> {
        self.facts.get(&self.skill()?.path)
    }

    /// The newest run of the chosen skill.
    pub fn run(&self) -> Option<&RunView> {
        self.runs.get(&self.skill()?.path)
    }

    /// The run under way, of whichever skill.
    pub fn running(&self) -> Option<&RunView> {
        self.runs.values().find(|run| run.is_under_way())
    }

    /// The entry that `r` runs: the chosen one, or the only one. Never a guess.
    pub fn entry(&self) -> Option<&crate::skill::Entry> {
        let skill = self.skill()?;
        let chosen = self.chosen_facts().and_then(|facts| facts.entry.as_ref());
        match (
            chosen.and_then(|file| skill.entries.iter().find(|entry| entry.file == *file)),
            &skill.entries[..],
        ) {
            (Some(entry), _) | (None, [entry]) => Some(entry),
            _ => None,
        }
    }

    /// The run form that is open.
    pub fn form(&self) -> Option<&Form> {
        let Some(Layer::Form(key)) = self.layers.last() else { return None };
        self.facts.get(&key.skill)?.forms.get(&key.entry)
    }

    pub fn form_mut(&mut self) -> Option<&mut Form> {
        let Some(Layer::Form(key)) = self.layers.last() else { return None };
        self.facts.get_mut(&key.skill)?.forms.get_mut(&key.entry)
    }

    /// What was entered for the entry that `r` runs; `None` when nothing was.
    pub fn entered(&self) -> Option<&Form> {
        self.chosen_facts()?.forms.get(&self.entry()?.file).filter(|form| !form.is_untouched())
    }

    /// The entry that `r` runs does not work without input, as far as its schema tells.
    pub fn needs_input(&self) -> bool {
        let Some((facts, entry)) = self.chosen_facts().zip(self.entry()) else { return false };
        Form::new(&facts.tools_of(&entry.file)).judged.is_err()
    }

    /// The denial under the cursor of the findings.
    pub fn denial(&self) -> Option<&crate::run::report::Denial> {
        self.shown_run()?.report.as_ref()?.denials.get(self.run_tab.findings.cursor)
    }

    /// The line to show for a denial: the innermost one of the skill's own code, not of a library's.
    pub fn blamed<'a>(
        &self,
        denial: &'a crate::run::report::Denial,
    ) -> Option<&'a crate::sandbox::event::Frame> {
        let own = |frame: &&crate::sandbox::event::Frame| {
            self.skill().is_some_and(|skill| frame.file.starts_with(&skill.path))
        };
        denial.blame.iter().find(own).or_else(|| denial.blame.first())
    }

    pub fn scroll(&self, pane: Pane) -> &Scroll {
        match pane {
            Pane::Skills => &self.skills.scroll,
            Pane::Source if self.rendering().is_some() => &self.skill_tab.rendered.scroll,
            Pane::Source => self.source_scroll(),
            Pane::Details => &self.skill_tab.details,
            Pane::Stdout => &self.run_tab.stdout,
            Pane::Stderr => &self.run_tab.stderr,
            Pane::Output => &self.run_tab.output,
            Pane::Findings => &self.run_tab.findings,
            Pane::Policy => &self.policy_tab.lines,
            Pane::PolicyFile => &self.policy_tab.file,
            Pane::Cases => &self.cases_tab.list,
            Pane::Verdict => &self.cases_tab.verdict,
            Pane::Runs => &self.history.list,
            Pane::PastRun => &self.history.facts,
        }
    }

    pub fn scroll_mut(&mut self, pane: Pane) -> &mut Scroll {
        match pane {
            Pane::Skills => &mut self.skills.scroll,
            Pane::Source if self.rendering().is_some() => &mut self.skill_tab.rendered.scroll,
            Pane::Source => self.source_scroll_mut(),
            Pane::Details => &mut self.skill_tab.details,
            Pane::Stdout => &mut self.run_tab.stdout,
            Pane::Stderr => &mut self.run_tab.stderr,
            Pane::Output => &mut self.run_tab.output,
            Pane::Findings => &mut self.run_tab.findings,
            Pane::Policy => &mut self.policy_tab.lines,
            Pane::PolicyFile => &mut self.policy_tab.file,
            Pane::Cases => &mut self.cases_tab.list,
            Pane::Verdict => &mut self.cases_tab.verdict,
            Pane::Runs => &mut self.history.list,
            Pane::PastRun => &mut self.history.facts,
        }
    }

    /// Panes of the tab in front, in the order of Tab.
    pub fn panes(&self) -> &'static [Pane] {
        match self.tab {
            Tab::Skill => &[Pane::Skills, Pane::Source, Pane::Details],
            Tab::Run if self.run_tab.interleaved => &[Pane::Skills, Pane::Output, Pane::Findings],
            Tab::Run => &[Pane::Skills, Pane::Stdout, Pane::Stderr, Pane::Findings],
            Tab::Policy => &policy::PANES,
            Tab::Cases => &cases::PANES,
            Tab::Runs => &history::PANES,
        }
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

    /// The preparation of the chosen skill's packages.
    pub fn preparation(&self) -> Option<&packages::Preparation> {
        let skill = self.skill()?;
        self.preparation.as_ref().filter(|preparation| preparation.skill == skill.path)
    }

    /// What the chosen skill's own policy file asks for.
    pub fn request(&self) -> Option<&Request> {
        self.chosen_facts()?.request.as_deref()
    }

    /// The skill's own policy file is in force for its runs.
    pub fn is_approved(&self) -> bool {
        self.request().is_some_and(|request| request.approved)
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.notice = Some(Notice { level, text: text.into() });
    }
}
