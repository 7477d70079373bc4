//! The mouse in the form.

use super::step;
use crate::tui::key::Mouse;
use crate::tui::labels;
use crate::tui::layout::form::{self as place, FormRow};
use crate::tui::state::State;
use crate::tui::state::form::{Entered, Focus, Mode};

/// A click: a mode, a field; beside the popup, the end of the form.
pub(in crate::tui::update) fn press(state: &mut State, event: Mouse) {
    let Some(form) = state.form() else { return };
    let layout = place::layout(state, form);
    let (column, row) = (event.column, event.row);
    if !layout.popup.holds(column, row) {
        state.layers.pop();
        return;
    }
    let top = form.top;
    let rows = place::rows(form, layout.body.width);
    let Some(form) = state.form_mut() else { return };
    if layout.top.holds(column, row) {
        let names: Vec<String> = Mode::ALL.iter().map(|mode| mode.title().to_owned()).collect();
        if let Some(index) = labels::at(&names, column - layout.top.x + labels::LEAD) {
            form.switch_to(Mode::ALL[index]);
        }
        return;
    }
    if !layout.body.holds(column, row) {
        return;
    }
    let line = usize::from(row - layout.body.y) + top;
    match form.mode {
        Mode::Json => {
            let column = usize::from((column - layout.body.x).saturating_sub(place::gutter(form)));
            form.json.go(line, column);
        }
        Mode::Form => match rows.get(line) {
            Some(FormRow::Tool) if form.focus == Focus::Tool => form.step_tool(true),
            Some(FormRow::Tool) => form.focus = Focus::Tool,
            Some(FormRow::Field(at) | FormRow::Item(at, _)) => {
                let again = form.focus == Focus::Field(*at);
                form.focus = Focus::Field(*at);
                let item = if let Some(FormRow::Item(_, item)) = rows.get(line) { *item } else { 0 };
                if let Some(field) = form.field_mut() {
                    if let Entered::Items { at, .. } = &mut field.entered {
                        *at = item;
                    } else if again {
                        field.step(true);
                    }
                }
            }
            _ => {}
        },
        Mode::Arguments => {}
    }
    form.judge();
}

/// The wheel.
pub(in crate::tui::update) fn wheel(state: &mut State, rows: isize) {
    let Some(form) = state.form_mut() else { return };
    match form.mode {
        Mode::Form => (0..rows.abs()).for_each(|_| step(form, rows.signum(), true)),
        Mode::Json => form.json.rows(rows),
        Mode::Arguments => {}
    }
}
