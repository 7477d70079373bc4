//! The policy of a skill as the screen shows it: what stands for its next run, line by line, and its `policy.yaml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Pane, Scroll, State, Tab};
use crate::policy::standing::{Line, Standing};
use crate::policy::{FILE_NAME, Origin, Request, Spot};
use crate::skill::{Diagnostic, Severity};

/// Panes of the tab, for the order of Tab.
pub const PANES: [Pane; 3] = [Pane::Skills, Pane::Policy, Pane::PolicyFile];

/// The Policy tab.
#[derive(Debug, Default)]
pub struct PolicyTab {
    /// The cursor is an index into the lines.
    pub lines: Scroll,
    /// The cursor is a line of `policy.yaml`, from 0.
    pub file: Scroll,
}

/// What is known of the policy of one skill.
#[derive(Debug, Default)]
pub struct PolicyFacts {
    /// Nothing that it depends on has changed since it was asked for.
    pub fresh: bool,
    /// An answer is on its way.
    pub waiting: bool,
    pub known: Option<Box<PolicyReview>>,
    /// Names the text of the file in [`Highlights`](super::Highlights).
    pub text_key: u64,
    /// What old runs say about the grants of the text with this key.
    pub uses: (u64, Vec<KnownUse>),
    /// That is being counted.
    pub counting: bool,
}

/// What old runs say about a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUse {
    /// Line and column of the grant in the policy file.
    pub place: (usize, usize),
    pub mark: UseMark,
    pub sentence: String,
}

/// The same in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseMark {
    /// The newest run that had it used it.
    Newest,
    /// An earlier run did.
    Earlier,
    /// Runs used a part of it only.
    Partly,
    /// No run that is kept needed it.
    Never,
    Unknown,
}

/// The policy of a skill, worked out.
#[derive(Debug, Clone)]
pub struct PolicyReview {
    pub lines: Vec<Line>,
    pub file: PolicyFile,
    /// How the file stands.
    pub standing: FileStanding,
    pub session: Session,
}

/// What this session has changed in the file, and can take back.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pub changes: usize,
    /// From before the first change to the last, as lines of a unified diff.
    pub lines: Vec<String>,
}

/// The skill's own `policy.yaml`.
#[derive(Debug, Clone)]
pub enum PolicyFile {
    Missing,
    /// Why.
    Unreadable(String),
    Read {
        text: Arc<str>,
        diagnostics: Vec<Diagnostic>,
    },
}

/// What the skill's own file means for the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStanding {
    Missing,
    Unreadable,
    /// It has so many errors, which keep it out of force.
    Broken(usize),
    /// What it asks for was approved: it is in force.
    Approved,
    /// It asks for nothing beyond the default.
    AsksNothing,
    /// Nothing of it was ever approved.
    Asks,
    /// Something else was approved before.
    Changed,
}

/// A row of the pane that shows the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRow {
    /// Index of a line, from 0.
    Line(usize),
    /// Index of a diagnostic; it belongs to the line above.
    Message(usize),
    /// Says that the rest is what this session has changed.
    SessionHead,
    /// Index of a line of that.
    Session(usize),
}

impl PolicyFile {
    pub fn text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Read { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Read { diagnostics, .. } => diagnostics,
            _ => &[],
        }
    }

    /// Lines of the text.
    pub fn line_count(&self) -> usize {
        self.text().map_or(0, |text| super::source::line_count(text))
    }

    /// The diagnostics that are shown under `line`, from 0.
    pub fn messages(&self, line: usize) -> impl Iterator<Item = (usize, &Diagnostic)> {
        let last = self.line_count().saturating_sub(1);
        let at = move |found: &Diagnostic| found.span.line.saturating_sub(1).min(last);
        self.diagnostics().iter().enumerate().filter(move |(_, found)| at(found) == line)
    }
}

impl PolicyReview {
    /// Rows of the pane of the file: its lines, then what this session has changed, with a row between that says so.
    pub fn file_len(&self) -> usize {
        let session = if self.session.lines.is_empty() { 0 } else { self.session.lines.len() + 1 };
        self.file.line_count() + session
    }

    /// Rows to show from `top` on, at most `height`. Diagnostics come below their line.
    pub fn rows(&self, top: usize, height: usize) -> Vec<FileRow> {
        let count = self.file.line_count();
        let mut rows = Vec::new();
        for at in top..self.file_len() {
            if rows.len() >= height {
                break;
            }
            match at.checked_sub(count) {
                None => {
                    rows.push(FileRow::Line(at));
                    rows.extend(self.file.messages(at).map(|(index, _)| FileRow::Message(index)));
                }
                Some(0) => rows.push(FileRow::SessionHead),
                Some(more) => rows.push(FileRow::Session(more - 1)),
            }
        }
        rows.truncate(height);
        rows
    }

    /// Which of the rows that can be chosen this is.
    pub fn index_of(&self, row: FileRow) -> Option<usize> {
        match row {
            FileRow::Line(line) => Some(line),
            FileRow::Message(_) => None,
            FileRow::SessionHead => Some(self.file.line_count()),
            FileRow::Session(at) => Some(self.file.line_count() + 1 + at),
        }
    }

    /// The first row to show so that the cursor is in sight.
    pub fn top_for(&self, scroll: Scroll, height: usize) -> usize {
        let height = height.max(1);
        let mut top = scroll.top.min(scroll.cursor).max((scroll.cursor + 1).saturating_sub(height));
        let is_shown =
            |top| self.rows(top, height).into_iter().any(|row| self.index_of(row) == Some(scroll.cursor));
        while top < scroll.cursor && !is_shown(top) {
            top += 1;
        }
        top
    }

    /// Lines that are only asked for by the skill's own file.
    pub fn asked(&self) -> usize {
        self.lines.iter().filter(|line| line.standing == Standing::Asked).count()
    }
}

impl FileStanding {
    /// Of a file that was read: by its findings, and what was said to it.
    pub fn of(diagnostics: &[Diagnostic], request: Option<&Request>) -> Self {
        let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        match request {
            _ if errors > 0 => Self::Broken(errors),
            Some(request) if request.approved => Self::Approved,
            Some(request) if !request.sentences().is_empty() => {
                if request.changes().is_some() {
                    Self::Changed
                } else {
                    Self::Asks
                }
            }
            _ => Self::AsksNothing,
        }
    }
}

impl State {
    /// The policy of the chosen skill.
    pub fn policy(&self) -> Option<&PolicyReview> {
        self.policies.get(&self.skill()?.path)?.known.as_deref()
    }

    /// What old runs say about a line, when it is a grant of the skill's own policy file.
    pub fn known_use(&self, line: &Line) -> Option<&KnownUse> {
        let skill = self.skill()?;
        let facts = self.policies.get(&skill.path)?;
        let place = line.own_place(&skill.path.join(FILE_NAME))?;
        let (key, uses) = &facts.uses;
        uses.iter().find(|known| *key == facts.text_key && known.place == place)
    }

    /// The line under the cursor of the Policy tab.
    pub fn policy_line(&self) -> Option<&Line> {
        self.policy()?.lines.get(self.policy_tab.lines.cursor)
    }

    /// File and line of what is under the cursor of the Policy tab.
    pub fn policy_place(&self) -> Option<(PathBuf, usize)> {
        let own = self.skill()?.path.join(FILE_NAME);
        if self.focus != Pane::Policy {
            let lines = self.policy().map_or(1, |policy| policy.file.line_count().max(1));
            return Some((own, (self.policy_tab.file.cursor + 1).min(lines)));
        }
        match &self.policy_line()?.origin {
            Origin::File { path, line, .. } => Some((path.clone(), *line)),
            _ => Some((own, 1)),
        }
    }

    /// What is worked out about a skill's policy may be out of date.
    pub fn forget_policy(&mut self, skill: &Path) {
        if let Some(facts) = self.policies.get_mut(skill) {
            facts.fresh = false;
        }
    }

    /// The grant under the cursor, when it stands in the skill's own policy file, and where.
    pub fn own_grant(&self) -> Option<(&Line, Spot)> {
        let own = self.skill()?.path.join(FILE_NAME);
        let line = self.policy_line()?;
        let ((line_number, column), permission) = line.own_place(&own).zip(line.permission)?;
        Some((line, Spot { permission, line: line_number, column }))
    }

    /// The Policy tab is in front, and nothing over it.
    pub fn is_in_policy(&self) -> bool {
        self.tab == Tab::Policy && self.layers.is_empty()
    }
}
