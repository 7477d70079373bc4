//! Tables: columns as wide as their content where that fits, narrower and wrapped where it does not, and where not even
//! that helps a list of fields for each row.

use pulldown_cmark::Alignment;

use super::flow::{self, Flow, Row};
use super::{Face, Ink, Piece};

/// Narrowest column that text is wrapped in.
const LEAST: usize = 5;
/// Most lines of one cell.
const MOST_LINES: usize = 1000;
/// Columns between two cells.
const BETWEEN: usize = 3;

#[derive(Debug)]
pub(super) struct Table {
    alignments: Vec<Alignment>,
    /// Source line and cells; the first row is the head.
    rows: Vec<(usize, Vec<Flow>)>,
    cells: Vec<Flow>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self { alignments, rows: Vec::new(), cells: Vec::new() }
    }

    pub(super) fn cell(&mut self, cell: Flow) {
        self.cells.push(cell);
    }

    pub(super) fn end_row(&mut self, source: usize) {
        self.rows.push((source, std::mem::take(&mut self.cells)));
    }

    /// Lines of at most `room` columns, at most `most` of them.
    pub(super) fn lay_out(&self, room: usize, ascii: bool, most: usize) -> Vec<Row> {
        match self.columns(room) {
            Some(columns) => self.grid(&columns, ascii, most),
            None => self.records(room, most),
        }
    }

    /// The width of each column; `None` when they cannot stand side by side.
    fn columns(&self, room: usize) -> Option<Vec<usize>> {
        let count = self.alignments.len();
        let free = room.checked_sub(BETWEEN * count.saturating_sub(1))?;
        if count == 0 || free < count {
            return None;
        }
        let mut natural = vec![1; count];
        for (_, cells) in &self.rows {
            for (column, cell) in natural.iter_mut().zip(cells) {
                *column = (*column).max(cell.widths().0);
            }
        }
        // Columns that need less than their share leave the rest to the others.
        let mut widths = natural.clone();
        let mut open: Vec<usize> = (0..count).collect();
        let mut left = free;
        while !open.is_empty() {
            let share = left / open.len();
            let (small, large): (Vec<usize>, Vec<usize>) =
                open.iter().partition(|column| natural[**column] <= share);
            if small.is_empty() {
                let mut more = left % open.len();
                for column in open {
                    widths[column] = share + usize::from(more > 0);
                    more = more.saturating_sub(1);
                }
                break;
            }
            left -= small.iter().map(|column| natural[*column]).sum::<usize>();
            open = large;
        }
        let readable = |(width, natural): (&usize, &usize)| *width >= LEAST.min(*natural);
        widths.iter().zip(&natural).all(readable).then_some(widths)
    }

    fn grid(&self, columns: &[usize], ascii: bool, most: usize) -> Vec<Row> {
        let (bar, rule, cross) = if ascii { (" | ", "-", "-+-") } else { (" │ ", "─", "─┼─") };
        let mut lines = Vec::new();
        for (index, (source, cells)) in self.rows.iter().enumerate() {
            let cells: Vec<Vec<Row>> =
                cells.iter().zip(columns).map(|(cell, width)| cell.wrap(*width, MOST_LINES)).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
            for line in 0..height {
                if lines.len() >= most {
                    return lines;
                }
                lines.push((*source, self.line(&cells, columns, line, bar)));
            }
            if index == 0 {
                let rule: Vec<String> = columns.iter().map(|width| rule.repeat(*width)).collect();
                lines.push((*source, vec![Piece::new(Ink::Faint, rule.join(cross))]));
            }
        }
        lines
    }

    fn line(&self, cells: &[Vec<Row>], columns: &[usize], line: usize, bar: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (column, width) in columns.iter().enumerate() {
            if column > 0 {
                pieces.push(Piece::new(Ink::Faint, bar));
            }
            let text = cells.get(column).and_then(|rows| rows.get(line));
            let text = text.map(|(_, pieces)| pieces.clone()).unwrap_or_default();
            let blanks = width.saturating_sub(flow::width(&text));
            let before = match self.alignments.get(column) {
                Some(Alignment::Right) => blanks,
                Some(Alignment::Center) => blanks / 2,
                _ => 0,
            };
            if before > 0 {
                pieces.push(Piece::new(Ink::Text, " ".repeat(before)));
            }
            pieces.extend(text);
            if blanks > before && column + 1 < columns.len() {
                pieces.push(Piece::new(Ink::Text, " ".repeat(blanks - before)));
            }
        }
        pieces
    }

    /// Each row as its fields, one below the other.
    fn records(&self, room: usize, most: usize) -> Vec<Row> {
        let mut lines: Vec<Row> = Vec::new();
        let Some((head, rows)) = self.rows.split_first() else { return lines };
        // A table of a head alone still says what its columns are.
        let rows = if rows.is_empty() { std::slice::from_ref(head) } else { rows };
        for (source, cells) in rows {
            if !lines.is_empty() {
                lines.push((*source, Vec::new()));
            }
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                if lines.len() >= most {
                    return lines;
                }
                let mut field = Flow::default();
                if let Some(name) =
                    head.1.get(column).filter(|name| !name.is_empty() && rows.len() != self.rows.len())
                {
                    field.append(name.clone());
                    field.push(":", Face::of(Ink::Faint), *source);
                    field.blank(Face::default(), *source);
                }
                field.append(cell.clone());
                let wrapped = field.wrap(room, MOST_LINES.min(most - lines.len()));
                lines.extend(wrapped.into_iter().map(|(_, pieces)| (*source, pieces)));
            }
        }
        lines
    }
}
