//! Front matter: a small table of keys and values above the text.

use super::blocks::Walker;
use super::flow::{self, Flow};
use super::{Face, Ink, Piece};
use crate::yaml::{self, Node, Value};

/// Widest column of keys, and most lines of one value.
const MOST_KEY: usize = 24;
const MOST_LINES: usize = 200;

/// Byte offset behind the line that closes the front matter; 0 without one.
pub fn front_matter_end(text: &str) -> usize {
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let fence = line.trim_end() == "---";
        if index == 0 && !fence && line.trim_start_matches('\u{feff}').trim_end() != "---" {
            return 0;
        }
        at += line.len();
        if index > 0 && fence {
            return at;
        }
    }
    0
}

/// Lay the front matter down: its fields, or its text where it cannot be read.
pub(super) fn render(text: &str, walker: &mut Walker<'_>) {
    let mut fences = text.split_inclusive('\n');
    let (Some(first), Some(last)) = (fences.next(), fences.next_back()) else { return };
    let inside = &text[first.len()..text.len() - last.len()];
    if inside.trim().is_empty() {
        return;
    }
    let document = yaml::parse(inside).ok().and_then(|document| document.root);
    match document.map(|root| root.value) {
        Some(Value::Mapping(fields)) => {
            for (source, pieces) in table(inside, &fields, walker.width(), walker.ascii()) {
                walker.lay(source, pieces);
            }
        }
        _ => walker.code("yaml", inside, 1),
    }
    walker.set_gap();
}

fn table(text: &str, fields: &[(Node, Node)], room: usize, ascii: bool) -> Vec<flow::Row> {
    let (bar, rule) = if ascii { (" | ", "-") } else { (" │ ", "─") };
    let keys: Vec<String> = fields.iter().map(|(key, _)| plain(text, key)).collect();
    let widest = keys.iter().map(|key| flow::columns(&crate::run::log::clean(key))).max().unwrap_or(0);
    let key_width = widest.min(MOST_KEY).min(room / 3).max(1);
    let between = flow::columns(bar);
    let value_width = room.saturating_sub(key_width + between);
    let mut rows = Vec::new();
    for ((key, value), name) in fields.iter().zip(&keys) {
        // The text begins behind the first fence: its line 1 is line 2 of the file.
        let source = key.span.line;
        let (mut left, mut right) = (Flow::default(), Flow::default());
        left.push(name, Face { bold: true, ..Face::of(Ink::Key) }, source);
        right.push(&plain(text, value), Face::default(), source);
        if value_width < 8 {
            left.push(":", Face::of(Ink::Faint), source);
            left.blank(Face::default(), source);
            left.append(right);
            rows.extend(left.wrap(room, MOST_LINES));
            continue;
        }
        let (left, right) = (left.wrap(key_width, MOST_LINES), right.wrap(value_width, MOST_LINES));
        for line in 0..left.len().max(right.len()) {
            let part =
                |rows: &[flow::Row]| rows.get(line).map(|(_, pieces)| pieces.clone()).unwrap_or_default();
            let mut pieces = part(&left);
            let blanks = key_width.saturating_sub(flow::width(&pieces));
            pieces.push(Piece::new(Ink::Text, " ".repeat(blanks)));
            pieces.push(Piece::new(Ink::Faint, bar));
            pieces.extend(part(&right));
            rows.push((source, pieces));
        }
    }
    let source = text.lines().count() + 1;
    rows.push((source, vec![Piece::new(Ink::Faint, rule.repeat(room))]));
    rows
}

/// A value on one line: what a scalar says, anything else as it is written.
fn plain(text: &str, node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.clone(),
        _ => text.get(node.span.start..node.span.end).unwrap_or_default().to_owned(),
    }
}
