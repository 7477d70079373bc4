//! Where the parts of the run form are, and the rows of its fields: for the view, for keys that turn pages, for the mouse.
//!
//! ```text
//! ╭ run scripts/report.py ──────────────────────╮
//! │ Form   Arguments   JSON           describe  │  top
//! │                                             │
//! │ city *   string   Bern                      │  body
//! │ days     integer  x                         │
//! │   found the text "x", expected a whole number
//! │─────────────────────────────────────────────│
//! │ How many days ahead                         │  help
//! │ $ python3 scripts/report.py --city Bern     │  command
//! │ Enter run   Ctrl-T switch                   │  foot
//! ╰─────────────────────────────────────────────╯
//! ```

use super::Area;
use crate::tui::labels;
use crate::tui::state::State;
use crate::tui::state::form::{Field, Focus, Form, Mode};

/// Widest popup.
const MAX_WIDTH: u16 = 120;
/// Lines of a problem that are shown below its field.
const PROBLEM_LINES: usize = 2;
/// Columns before a problem.
pub const INDENT: u16 = 4;

/// The parts of the popup; those for which there is no room are empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct FormLayout {
    pub popup: Area,
    pub top: Area,
    pub body: Area,
    /// One row between fields and help.
    pub rule: Area,
    pub help: Area,
    pub command: Area,
    pub foot: Area,
}

/// A row of the body in form mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormRow {
    /// The choice of the subcommand.
    Tool,
    /// A field, with the first item of a list.
    Field(usize),
    /// A further item of a list.
    Item(usize, usize),
    /// What is wrong with the field above, or with something for which there is no field; and whether it begins here.
    Problem(Option<usize>, bool, String),
}

pub fn layout(state: &State, form: &Form) -> FormLayout {
    let width = state.width.saturating_sub(2).clamp(1, MAX_WIDTH);
    let inside_width = width.saturating_sub(4);
    let wanted = match form.mode {
        Mode::Form => rows(form, inside_width).len(),
        Mode::Arguments => form.examples.len() + 3,
        Mode::Json => form.json.lines().len() + 1,
    };
    // Two borders, and eight rows around the body.
    let height = (wanted.min(500) as u16 + 10).max(16).min(state.height.saturating_sub(2)).max(1);
    let popup = Area::new(
        (state.width - width.min(state.width)) / 2,
        (state.height - height.min(state.height)) / 2,
        width,
        height,
    );
    let mut rest = Area::new(popup.x + 2, popup.y + 1, inside_width, height.saturating_sub(2));
    let whole = rest.height;
    let mut out = FormLayout { popup, ..FormLayout::default() };
    if whole >= 2 {
        (out.top, rest) = rest.split_rows(1);
    }
    if whole >= 14 {
        rest = rest.below(1);
    }
    let from_below = |rest: &mut Area, rows: u16| {
        let (upper, lower) = rest.split_rows(rest.height.saturating_sub(rows));
        *rest = upper;
        lower
    };
    if whole >= 3 {
        out.foot = from_below(&mut rest, 1);
    }
    if whole >= 5 {
        out.command = from_below(&mut rest, if whole >= 13 { 2 } else { 1 });
    }
    if whole >= 7 {
        out.help = from_below(&mut rest, if whole >= 13 { 2 } else { 1 });
    }
    if whole >= 9 {
        out.rule = from_below(&mut rest, 1);
    }
    out.body = rest;
    out
}

/// The rows of the fields, in `width` columns.
pub fn rows(form: &Form, width: u16) -> Vec<FormRow> {
    let Some(draft) = form.draft() else { return Vec::new() };
    let room = usize::from(width.saturating_sub(INDENT));
    let mut rows = Vec::new();
    if form.drafts.len() > 1 {
        rows.push(FormRow::Tool);
    }
    for (index, field) in draft.fields.iter().enumerate() {
        rows.push(FormRow::Field(index));
        rows.extend((1..field.height()).map(|item| FormRow::Item(index, item)));
        if let Some(problem) = form.problems_of(field).next() {
            let within = problem.within();
            let gap = if within.is_empty() { "" } else { ": " };
            let text = format!("{within}{gap}{}", problem.text);
            rows.extend(problem_rows(Some(index), &text, room));
        }
    }
    for problem in form.other_problems().take(4) {
        let place = if problem.pointer.is_empty() { String::new() } else { format!("{}: ", problem.pointer) };
        rows.extend(problem_rows(None, &format!("{place}{}", problem.text), room));
    }
    rows
}

fn problem_rows(field: Option<usize>, text: &str, room: usize) -> impl Iterator<Item = FormRow> {
    let lines = labels::wrap(text, room, PROBLEM_LINES).into_iter().enumerate();
    lines.map(move |(index, line)| FormRow::Problem(field, index == 0, line))
}

/// The first and the last row that belong to what has the focus.
pub fn focused_rows(form: &Form, rows: &[FormRow]) -> (usize, usize) {
    let line = match form.focus {
        Focus::Tool => rows.iter().position(|row| *row == FormRow::Tool),
        Focus::Field(index) => {
            let item = form.draft().and_then(|draft| draft.fields.get(index)).and_then(Field::item);
            rows.iter().position(|row| match item {
                Some(item @ 1..) => *row == FormRow::Item(index, item),
                _ => *row == FormRow::Field(index),
            })
        }
    };
    let line = line.unwrap_or(0);
    let belongs = |row: &&FormRow| matches!((form.focus, row), (Focus::Field(at), FormRow::Problem(of, ..)) if Some(at) == *of);
    let below = rows.iter().skip(line + 1).take_while(belongs).count();
    (line, line + below)
}

/// The first row to show, so that what has the focus is in sight.
pub fn top(form: &Form, body: Area) -> usize {
    let height = usize::from(body.height).max(1);
    let (first, last, length) = match form.mode {
        Mode::Form => {
            let rows = rows(form, body.width);
            let (first, last) = focused_rows(form, &rows);
            (first, last, rows.len())
        }
        Mode::Json => (form.json.row(), form.json.row(), form.json.lines().len()),
        Mode::Arguments => return 0,
    };
    let mut top = form.top;
    if last >= top + height {
        top = last + 1 - height;
    }
    if first < top {
        top = first;
    }
    top.min(length.saturating_sub(height))
}

/// Columns of the line numbers of JSON.
pub fn gutter(form: &Form) -> u16 {
    form.json.lines().len().to_string().len() as u16 + 2
}
