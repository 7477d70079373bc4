//! Making the list and the lower part of a tab larger and smaller by keys.

use crate::tui::layout::layout;
use crate::tui::state::{Level, State};

/// Columns, and rows, that one key moves a border by.
const COLUMNS: i16 = 2;
const ROWS: i16 = 1;

pub(super) fn list(state: &mut State, direction: i16) {
    resize(state, |state| state.list_extra += direction * COLUMNS);
}

pub(super) fn lower(state: &mut State, direction: i16) {
    resize(state, |state| state.split_extra += direction * ROWS);
}

/// What changes nothing on the screen is not counted: else the way back would be as long as the way was tried.
fn resize(state: &mut State, change: impl Fn(&mut State)) {
    let before = (layout(state).panes, state.list_extra, state.split_extra);
    change(state);
    if layout(state).panes == before.0 {
        (_, state.list_extra, state.split_extra) = before;
        state.say(Level::Info, "there is nothing to resize this way");
    }
}
