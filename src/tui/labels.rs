//! Titles that can be clicked, and rows of different heights: pure text, for views and the mouse alike.

use unicode_width::UnicodeWidthStr;

use super::layout::Area;
use super::state::{Finding, Pane, Section, State};
use crate::run::log::clean;
use crate::skill::Diagnostic;

/// Columns before the first label, and between labels.
pub const LEAD: u16 = 3;
pub const GAP: u16 = 3;

pub fn tabs() -> Vec<String> {
    ["1 Skill", "2 Run", "3 Policy", "4 Cases", "5 Runs"].map(str::to_owned).into()
}

fn counted(name: &str, count: usize) -> String {
    if count == 0 { name.to_owned() } else { format!("{name} {}", grouped(count as u64)) }
}

/// Labels of the lower part of the Skill tab, in `width` columns.
pub fn sections(state: &State, width: u16) -> Vec<String> {
    let (diagnostics, saved) = if width < 84 { ("Diag", "Save") } else { ("Diagnostics", "Last save") };
    let skill = state.skill();
    let facts = state.chosen_facts();
    Section::ALL
        .iter()
        .map(|section| match section {
            Section::Diagnostics => counted(diagnostics, state.diagnostics().count()),
            Section::Schema => "Schema".to_owned(),
            Section::Entries => counted("Entries", skill.map_or(0, |s| s.entries.len())),
            Section::Files => counted("Files", facts.and_then(|f| f.files.as_ref()).map_or(0, Vec::len)),
            Section::Clients => "Clients".to_owned(),
            Section::Cost => "Cost".to_owned(),
            Section::Saved => saved.to_owned(),
        })
        .collect()
}

/// Labels of the lower part of the Run tab, in `width` columns.
pub fn findings(state: &State, width: u16) -> Vec<String> {
    let (network, processes) = if width < 64 { ("Net", "Procs") } else { ("Network", "Processes") };
    let name = |finding| match finding {
        Finding::Denials => "Denials",
        Finding::Files => "Files",
        Finding::Network => network,
        Finding::Limits => "Limits",
        Finding::Processes => processes,
        Finding::Changes => "Changes",
        Finding::Timeline => "Timeline",
        Finding::Usage => "Usage",
    };
    // How many events there are says little, and would have to be made to be counted.
    let count = |finding| match (finding, state.shown_run()) {
        (Finding::Timeline, _) | (_, None) => 0,
        (finding, Some(run)) => run.rows(finding),
    };
    Finding::ALL.iter().map(|finding| counted(name(*finding), count(*finding))).collect()
}

/// Labels of a title row that fit into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// Index of a label and the column at which it stands.
    pub places: Vec<(usize, u16)>,
    /// Labels are left out before and behind.
    pub before: bool,
    pub after: bool,
}

/// Place labels in `width` columns. Where not all fit, those around the active one are shown.
pub fn strip(labels: &[String], active: usize, width: u16) -> Strip {
    let widths: Vec<u16> = labels.iter().map(|label| label.width() as u16).collect();
    let whole = |gap: u16| -> u16 {
        let gaps = gap * (widths.len() as u16).saturating_sub(1);
        widths.iter().fold(gaps, |sum, width| sum.saturating_add(*width))
    };
    // A blank and the rule's last column stay at the end.
    let room = width.saturating_sub(LEAD + 2);
    let (gap, all) = match (whole(GAP) <= room, whole(2) <= room) {
        (true, _) => (GAP, true),
        (false, fits) => (2, fits),
    };
    let (mut from, mut to) = (0, widths.len());
    if !all {
        // Marks for what is left out need two columns at the end; the one at the start stands before the first label.
        let room = room.saturating_sub(2);
        let active = active.min(widths.len().saturating_sub(1));
        (from, to) = (active, (active + 1).min(widths.len()));
        let mut used = widths.get(active).copied().unwrap_or(0);
        loop {
            if let Some(next) = widths.get(to).filter(|next| used + gap + **next <= room) {
                used += gap + next;
                to += 1;
            } else if from > 0 && used + gap + widths[from - 1] <= room {
                used += gap + widths[from - 1];
                from -= 1;
            } else {
                break;
            }
        }
    }
    let mut x = LEAD;
    let places = (from..to)
        .map(|index| {
            let at = x;
            x += widths[index] + gap;
            (index, at)
        })
        .collect();
    Strip { places, before: from > 0, after: to < widths.len() }
}

/// The label at a column of a title row of `width` columns.
pub fn pick(labels: &[String], active: usize, width: u16, column: u16) -> Option<usize> {
    let holds = |(index, x): &(usize, u16)| (*x..*x + labels[*index].width() as u16).contains(&column);
    strip(labels, active, width).places.iter().find(|place| holds(place)).map(|(index, _)| *index)
}

/// The label at a column of the row of tabs.
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
pub fn diagnostics<'a>(
    diagnostics: impl Iterator<Item = &'a Diagnostic>,
    cursor: usize,
    width: u16,
) -> Vec<DiagnosticRow> {
    const AROUND: usize = 120;
    let room = usize::from(width.saturating_sub(diagnostic_indent(width) + 1));
    let mut rows = Vec::new();
    let from = cursor.saturating_sub(AROUND);
    for (index, diagnostic) in diagnostics.enumerate().skip(from).take(2 * AROUND) {
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
    let rows = diagnostics(state.diagnostics(), cursor, area.width);
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
    fn where_not_all_labels_fit_the_active_one_is_among_those_shown() {
        let labels: Vec<String> = ["Diag 12", "Schema", "Entries 3", "Files 40", "Clients", "Cost", "Save"]
            .map(String::from)
            .into();
        for width in 0..90 {
            for active in 0..labels.len() {
                let strip = strip(&labels, active, width);
                let (first, last) = (strip.places[0], strip.places[strip.places.len() - 1]);
                assert!((first.0..=last.0).contains(&active), "{active} in {width}");
                assert_eq!((strip.before, strip.after), (first.0 > 0, last.0 < 6));
                let end = last.1 + labels[last.0].len() as u16;
                assert!(end < width || strip.places.len() == 1, "{end} in {width}");
                for (index, x) in strip.places {
                    assert_eq!(pick(&labels, active, width, x), Some(index));
                }
            }
        }
        assert_eq!(strip(&labels, 0, 90).places[1], (1, LEAD + 7 + GAP));
    }

    #[test]
    fn labels_are_found_where_they_stand() {
        let labels = ["Denials 2".to_owned(), "Files".to_owned()];
        let at = |column| at(&labels, column);
        assert_eq!(at(0), None);
        assert_eq!(at(3), Some(0));
        assert_eq!(at(11), Some(0));
        assert_eq!(at(12), None);
        assert_eq!(at(15), Some(1));
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
