//! Titles that can be clicked, and rows of different heights: pure text, for views and the mouse alike.

use unicode_width::UnicodeWidthStr;

use super::layout::Area;
use super::state::{Finding, Pane, Section, State};
use crate::run::log::clean;
use crate::skill::Skill;

/// Columns before the first label, and between labels.
pub const LEAD: u16 = 3;
pub const GAP: u16 = 3;

pub fn tabs() -> Vec<String> {
    vec!["1 Skill".into(), "2 Run".into(), "3 Policy".into(), "4 Cases".into()]
}

fn counted(name: &str, count: usize) -> String {
    if count == 0 { name.to_owned() } else { format!("{name} {}", grouped(count as u64)) }
}

/// Labels of the lower part of the Skill tab.
pub fn sections(state: &State) -> Vec<String> {
    let skill = state.skill();
    let facts = state.chosen_facts();
    Section::ALL
        .iter()
        .map(|section| match section {
            Section::Diagnostics => counted("Diagnostics", skill.map_or(0, |s| s.diagnostics.len())),
            Section::Schema => "Schema".to_owned(),
            Section::Entries => counted("Entries", skill.map_or(0, |s| s.entries.len())),
            Section::Files => counted("Files", facts.and_then(|f| f.files.as_ref()).map_or(0, Vec::len)),
        })
        .collect()
}

/// Labels of the lower part of the Run tab, in `width` columns.
pub fn findings(state: &State, width: u16) -> Vec<String> {
    let (network, processes) = if width < 64 { ("Net", "Procs") } else { ("Network", "Processes") };
    let report = state.run().and_then(|run| run.report.as_deref());
    Finding::ALL
        .iter()
        .map(|finding| match finding {
            Finding::Denials => counted("Denials", report.map_or(0, |r| r.denials.len())),
            Finding::Files => counted("Files", report.map_or(0, |r| r.files.len())),
            Finding::Network => counted(network, report.map_or(0, |r| r.network.len())),
            Finding::Limits => counted("Limits", report.map_or(0, |r| r.limits.len())),
            Finding::Processes => counted(processes, report.map_or(0, |r| r.processes.len())),
        })
        .collect()
}

/// The label at a column of a title row.
pub fn at(labels: &[String], column: u16) -> Option<usize> {
    let mut x = LEAD;
    for (index, label) in labels.iter().enumerate() {
        let width = label.width() as u16;
        if (x..x + width).contains(&column) {
            return Some(index);
        }
        x += width + GAP;
    }
    None
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Break a text into lines of at most `width` columns, at blanks where there are any.
pub fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let width = width.max(8);
    let text = clean(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        loop {
            let gap = usize::from(!line.is_empty());
            if line.width() + gap + word.width() <= width {
                if gap > 0 {
                    line.push(' ');
                }
                line.push_str(word);
                break;
            }
            if line.is_empty() {
                let cut = word
                    .char_indices()
                    .map(|(at, c)| at + c.len_utf8())
                    .take_while(|end| word[..*end].width() <= width)
                    .last()
                    .unwrap_or(word.len());
                line.push_str(&word[..cut]);
                word = &word[cut..];
            }
            lines.push(std::mem::take(&mut line));
            if lines.len() >= most {
                if let Some(last) = lines.last_mut() {
                    last.push_str("...");
                }
                return lines;
            }
            if word.is_empty() {
                break;
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A row of the list of diagnostics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiagnosticRow {
    /// First line of the message.
    Head(usize, String),
    More(usize, String),
    Help(usize, String),
}

impl DiagnosticRow {
    pub fn index(&self) -> usize {
        match self {
            Self::Head(index, _) | Self::More(index, _) | Self::Help(index, _) => *index,
        }
    }
}

/// Columns before a diagnostic's message: mark, place, code.
pub fn diagnostic_indent(width: u16) -> u16 {
    if width >= 70 { 36 } else { 11 }
}

/// The diagnostics as rows. Only a bounded number around the cursor is laid out.
pub fn diagnostics(skill: &Skill, cursor: usize, width: u16) -> Vec<DiagnosticRow> {
    const AROUND: usize = 120;
    let room = usize::from(width.saturating_sub(diagnostic_indent(width) + 1));
    let mut rows = Vec::new();
    let from = cursor.saturating_sub(AROUND);
    for (index, diagnostic) in skill.diagnostics.iter().enumerate().skip(from).take(2 * AROUND) {
        for (at, text) in wrap(&diagnostic.message, room, 4).into_iter().enumerate() {
            rows.push(if at == 0 {
                DiagnosticRow::Head(index, text)
            } else {
                DiagnosticRow::More(index, text)
            });
        }
        if !diagnostic.help.is_empty() {
            rows.extend(
                wrap(&diagnostic.help, room, 3).into_iter().map(|text| DiagnosticRow::Help(index, text)),
            );
        }
    }
    rows
}

/// First row to show so that the whole chosen diagnostic is in sight.
pub fn diagnostics_top(rows: &[DiagnosticRow], cursor: usize, height: usize) -> usize {
    let end = rows.iter().rposition(|row| row.index() == cursor).map_or(0, |at| at + 1);
    end.saturating_sub(height.max(1))
}

/// The diagnostic at a row of the details pane.
pub fn diagnostic_at(state: &State, area: Area, row: usize) -> Option<usize> {
    if state.skill_tab.section != Section::Diagnostics {
        return None;
    }
    let cursor = state.scroll(Pane::Details).cursor;
    let rows = diagnostics(state.skill()?, cursor, area.width);
    let top = diagnostics_top(&rows, cursor, usize::from(area.height.saturating_sub(1)));
    rows.get(top + row).map(DiagnosticRow::index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_blanks_and_never_exceeds_its_room() {
        assert_eq!(wrap("one two three four", 9, 9), ["one two", "three", "four"]);
        assert_eq!(wrap("abcdefghijklmnop", 8, 9), ["abcdefgh", "ijklmnop"]);
        assert_eq!(wrap("a b c d e f g h i j k", 8, 2), ["a b c d", "e f g h..."]);
        assert_eq!(wrap("", 8, 2), [""]);
    }

    #[test]
    fn labels_are_found_where_they_stand() {
        let labels = ["Denials 2".to_owned(), "Files".to_owned()];
        assert_eq!(at(&labels, 0), None);
        assert_eq!(at(&labels, 3), Some(0));
        assert_eq!(at(&labels, 11), Some(0));
        assert_eq!(at(&labels, 12), None);
        assert_eq!(at(&labels, 15), Some(1));
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
