//! A fix before it is made: the file as it is, as it would be, and the difference.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Pane, Scroll, Section, State};
use crate::skill::{Diagnostic, Fix};

/// Which fixes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixWanted {
    /// The one of this diagnostic.
    One { code: &'static str, fix: Fix },
    /// All that are offered for it.
    All,
}

/// A change of a file that is shown before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixDraft {
    /// The skill's folder.
    pub skill: PathBuf,
    pub file: PathBuf,
    /// What is done, in words.
    pub titles: Vec<String>,
    /// These are all fixes of the file; without it there are more.
    pub all: bool,
    /// The text that was read; nothing is written when the file has another by then.
    pub before: Arc<str>,
    pub after: Arc<str>,
    pub diff: Vec<DiffLine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffKind {
    Same,
    Gone,
    New,
    /// Lines are left out here.
    Gap,
}

/// A line of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    pub kind: DiffKind,
    /// In the text that has it; of both, in the one after. 1-based.
    pub number: usize,
    pub text: String,
}

/// The layer that shows a draft.
#[derive(Debug, Clone)]
pub struct FixView {
    pub draft: FixDraft,
    pub scroll: Scroll,
}

impl State {
    /// The diagnostic whose fix `F` shows: the one under the cursor, else the first that has one.
    pub fn fixable(&self) -> Option<&Diagnostic> {
        let has_fix = |found: &&Diagnostic| found.fix.is_some();
        match self.focus {
            Pane::Details if self.skill_tab.section == Section::Diagnostics => {
                self.diagnostics().nth(self.skill_tab.details.cursor).filter(has_fix)
            }
            Pane::Source => {
                let page = self.page()?;
                page.messages_within(self.lines_under_cursor())
                    .map(|(index, _)| index)
                    .find_map(|index| self.diagnostics().nth(index).filter(has_fix))
            }
            _ => self.diagnostics().find(has_fix),
        }
    }
}
