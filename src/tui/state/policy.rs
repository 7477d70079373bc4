//! The policy of a skill as the screen shows it: what stands for its next run, line by line, and its `policy.yaml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Pane, Scroll, State, Tab};
use crate::policy::standing::{Line, Standing};
use crate::policy::{FILE_NAME, Origin, Request};
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
}

/// The policy of a skill, worked out.
#[derive(Debug, Clone)]
pub struct PolicyReview {
    pub lines: Vec<Line>,
    pub file: PolicyFile,
    /// How the file stands.
    pub standing: FileStanding,
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

    /// Rows to show from line `top` on, at most `height`.
    pub fn rows(&self, top: usize, height: usize) -> Vec<FileRow> {
        let mut rows = Vec::new();
        for line in top..self.line_count() {
            if rows.len() >= height {
                break;
            }
            rows.push(FileRow::Line(line));
            rows.extend(self.messages(line).map(|(index, _)| FileRow::Message(index)));
        }
        rows.truncate(height);
        rows
    }

    /// The first line to show so that the cursor's line is in sight.
    pub fn top_for(&self, scroll: Scroll, height: usize) -> usize {
        let height = height.max(1);
        let mut top = scroll.top.min(scroll.cursor).max((scroll.cursor + 1).saturating_sub(height));
        while top < scroll.cursor && !self.rows(top, height).contains(&FileRow::Line(scroll.cursor)) {
            top += 1;
        }
        top
    }
}

impl PolicyReview {
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

    /// The line under the cursor of the Policy tab.
    pub fn policy_line(&self) -> Option<&Line> {
        self.policy()?.lines.get(self.policy_tab.lines.cursor)
    }

    /// File and line of what is under the cursor of the Policy tab.
    pub fn policy_place(&self) -> Option<(PathBuf, usize)> {
        let own = self.skill()?.path.join(FILE_NAME);
        if self.focus != Pane::Policy {
            return Some((own, self.policy_tab.file.cursor + 1));
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

    /// The Policy tab is in front, and nothing over it.
    pub fn is_in_policy(&self) -> bool {
        self.tab == Tab::Policy && self.layers.is_empty()
    }
}
