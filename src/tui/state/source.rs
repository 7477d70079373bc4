//! The Source pane as rows of the screen: the lines of SKILL.md or of another file of the skill, and under each the
//! diagnostics that belong to it.

use std::path::{Path, PathBuf};

use super::{FileText, Scroll, State};
use crate::skill::Diagnostic;

/// A file of the skill that is shown in place of SKILL.md.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Absolute.
    pub path: PathBuf,
    pub scroll: Scroll,
}

/// A row of the source pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRow {
    /// Index of a line, from 0.
    Line(usize),
    /// Index of a diagnostic of the skill; it belongs to the line above.
    Message(usize),
}

/// Lines of a text; an empty one has one.
pub fn line_count(text: &str) -> usize {
    text.lines().count().max(1)
}

/// A text with its diagnostics.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    pub file: PathBuf,
    pub text: &'a str,
    /// Names the text in [`Highlights`](super::Highlights).
    pub key: u64,
    /// Number of lines; an empty text has one.
    pub count: usize,
    /// Line (from 0), index among all diagnostics of the skill, and the diagnostic; by line.
    found: Vec<(usize, usize, &'a Diagnostic)>,
}

impl<'a> Page<'a> {
    pub fn new(
        file: &Path,
        text: &'a str,
        key: u64,
        diagnostics: impl Iterator<Item = &'a Diagnostic>,
    ) -> Self {
        let count = line_count(text);
        let line = |found: &Diagnostic| found.span.line.saturating_sub(1).min(count - 1);
        let mut found: Vec<_> = diagnostics
            .enumerate()
            .filter(|(_, found)| found.file == file)
            .map(|(index, found)| (line(found), index, found))
            .collect();
        found.sort_by_key(|(line, index, _)| (*line, *index));
        Self { file: file.to_owned(), text, key, count, found }
    }

    /// Diagnostics that are shown under `line` (from 0).
    pub fn messages(&self, line: usize) -> impl Iterator<Item = (usize, &'a Diagnostic)> + '_ {
        self.messages_within(line..line + 1)
    }

    /// Diagnostics of some lines (from 0).
    pub fn messages_within(
        &self,
        lines: std::ops::Range<usize>,
    ) -> impl Iterator<Item = (usize, &'a Diagnostic)> + '_ {
        let from = self.found.partition_point(|(at, ..)| *at < lines.start);
        let found = self.found[from..].iter();
        found.take_while(move |(at, ..)| *at < lines.end).map(|(_, index, found)| (*index, *found))
    }

    /// Rows to show from line `top` on, at most `height`.
    pub fn rows(&self, top: usize, height: usize) -> Vec<SourceRow> {
        let mut rows = Vec::with_capacity(height);
        for line in top..self.count {
            rows.push(SourceRow::Line(line));
            rows.extend(self.messages(line).map(|(index, _)| SourceRow::Message(index)));
            if rows.len() >= height {
                break;
            }
        }
        rows.truncate(height);
        rows
    }

    /// The first line to show so that the cursor's line is in sight, with its diagnostics when there is room.
    pub fn top_for(&self, top: usize, cursor: usize, height: usize) -> usize {
        let height = height.max(1);
        if cursor < top {
            return cursor;
        }
        // Every line takes at least one row: start near, and move down while the cursor is out of sight.
        let mut top = top.max((cursor + 1).saturating_sub(height));
        while top < cursor {
            let shown = self.rows(top, height);
            let wanted = 1 + self.messages(cursor).count();
            let at = shown.iter().position(|row| *row == SourceRow::Line(cursor));
            if at.is_some_and(|at| at + wanted <= height) {
                break;
            }
            top += 1;
        }
        top
    }
}

impl State {
    /// Diagnostics of the chosen skill: those of its text and scripts, then those of its policy file.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> + Clone {
        let own = self.skill().map(|skill| skill.diagnostics.as_slice()).unwrap_or_default();
        let learned = self.chosen_facts().and_then(|facts| facts.learned.as_ref());
        own.iter().chain(learned.map(|learned| learned.policy.as_slice()).unwrap_or_default())
    }

    /// The text in the Source pane; `None` while it is read, or when it cannot be shown.
    pub fn page(&self) -> Option<Page<'_>> {
        let skill = self.skill()?;
        match &self.skill_tab.opened {
            None => {
                let key = self.chosen_facts().map_or(0, |facts| facts.source_key);
                Some(Page::new(&skill.manifest_path(), &skill.source, key, self.diagnostics()))
            }
            Some(opened) => match self.files.get(&opened.path)? {
                FileText::Read(text, key) => Some(Page::new(&opened.path, text, *key, self.diagnostics())),
                FileText::Waiting | FileText::Failed(_) => None,
            },
        }
    }

    /// Lines of the Source pane.
    pub fn page_length(&self) -> usize {
        if let Some(lines) = self.rendering() {
            return lines.lines.len();
        }
        let text = match (&self.skill_tab.opened, self.skill()) {
            (_, None) => return 0,
            (None, Some(skill)) => skill.source.as_str(),
            (Some(opened), _) => match self.files.get(&opened.path) {
                Some(FileText::Read(text, _)) => text,
                _ => return 0,
            },
        };
        line_count(text)
    }
}
