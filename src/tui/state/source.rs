//! SKILL.md as rows of the screen: its lines, and under each the diagnostics that belong to it.

use crate::skill::{Diagnostic, Skill};

/// A row of the source pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRow {
    /// Index of a line, from 0.
    Line(usize),
    /// Index of a diagnostic of the skill; it belongs to the line above.
    Message(usize),
}

/// Rows to show from line `top` on, at most `height`.
pub fn rows(skill: &Skill, top: usize, height: usize) -> Vec<SourceRow> {
    let count = line_count(&skill.source);
    let mut rows = Vec::with_capacity(height);
    for line in top..count {
        rows.push(SourceRow::Line(line));
        rows.extend(messages(skill, line, count).map(|(index, _)| SourceRow::Message(index)));
        if rows.len() >= height {
            break;
        }
    }
    rows.truncate(height);
    rows
}

/// Diagnostics of SKILL.md that are shown under `line` (from 0) of a source of `count` lines.
pub fn messages(skill: &Skill, line: usize, count: usize) -> impl Iterator<Item = (usize, &Diagnostic)> {
    let manifest = skill.manifest_path();
    let last = count.saturating_sub(1);
    skill.diagnostics.iter().enumerate().filter(move |(_, diagnostic)| {
        diagnostic.span.line.saturating_sub(1).min(last) == line && diagnostic.file == manifest
    })
}

/// Lines of a text; an empty one has one line.
pub fn line_count(text: &str) -> usize {
    text.lines().count().max(1)
}

/// The first line to show so that the cursor's line is in sight, with its diagnostics when there is room.
pub fn top_for(skill: &Skill, top: usize, cursor: usize, height: usize) -> usize {
    let (height, count) = (height.max(1), line_count(&skill.source));
    if cursor < top {
        return cursor;
    }
    // Every line takes at least one row: start near, and move down while the cursor is out of sight.
    let mut top = top.max((cursor + 1).saturating_sub(height));
    while top < cursor {
        let shown = rows(skill, top, height);
        let wanted = 1 + messages(skill, cursor, count).count();
        let at = shown.iter().position(|row| *row == SourceRow::Line(cursor));
        if at.is_some_and(|at| at + wanted <= height) {
            break;
        }
        top += 1;
    }
    top
}
