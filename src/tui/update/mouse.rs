//! The mouse: click to focus and choose, wheel to scroll, drag a border.

use super::{form, navigate, perform, show_tab};
use crate::tui::effect::Effect;
use crate::tui::key::{Mouse, MouseKind};
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::{Area, Layout, layout, policy_parts};
use crate::tui::state::scroll::Motion;
use crate::tui::state::source::SourceRow;
use crate::tui::state::{Border, Finding, Layer, Pane, Section, State, Tab};

/// Rows that one notch of the wheel scrolls.
const WHEEL: isize = 3;

pub(super) fn on_mouse(state: &mut State, event: Mouse) -> Vec<Effect> {
    if !state.options.mouse {
        return Vec::new();
    }
    if state.palette.is_some() {
        return super::palette::on_mouse(state, event);
    }
    let layout = layout(state);
    match event.kind {
        MouseKind::WheelUp => wheel(state, &layout, event, -WHEEL),
        MouseKind::WheelDown => wheel(state, &layout, event, WHEEL),
        MouseKind::Drag => {
            drag(state, &layout, event);
            Vec::new()
        }
        MouseKind::Release => {
            state.drag = None;
            Vec::new()
        }
        MouseKind::Press => press(state, &layout, event),
    }
}

fn wheel(state: &mut State, layout: &Layout, event: Mouse, rows: isize) -> Vec<Effect> {
    if !state.layers.is_empty() {
        let command = if rows < 0 { Command::Up } else { Command::Down };
        for _ in 0..rows.unsigned_abs() {
            perform(state, command);
        }
        return Vec::new();
    }
    if let Some((pane, _)) = layout.pane_at(event.column, event.row) {
        navigate::go(state, pane, Motion::Rows(rows));
    }
    Vec::new()
}

fn drag(state: &mut State, layout: &Layout, event: Mouse) {
    match state.drag {
        Some(Border::List) => {
            let moved = i32::from(event.column) - i32::from(layout.list.right());
            state.list_extra = (i32::from(state.list_extra) + moved).clamp(-40, 200) as i16;
        }
        Some(Border::Split) => {
            let Some(lower) = layout.lower() else { return };
            let beside = layout.is_beside(lower);
            let moved = if beside {
                i32::from(lower.x) - 1 - i32::from(event.column)
            } else {
                i32::from(lower.y) - i32::from(event.row)
            };
            state.split_extra = (i32::from(state.split_extra) + moved).clamp(-200, 200) as i16;
        }
        None => {}
    }
}

fn press(state: &mut State, layout: &Layout, event: Mouse) -> Vec<Effect> {
    state.notice = None;
    match state.layers.last() {
        Some(Layer::Prompt(_)) => return Vec::new(),
        Some(Layer::Form(_)) => {
            form::press(state, event);
            return Vec::new();
        }
        Some(_) => return perform(state, Command::Close),
        None => {}
    }
    if layout.tabs.holds(event.column, event.row) {
        if let Some(index) = labels::at(&labels::tabs(), event.column - layout.tabs.x) {
            show_tab(state, Tab::ALL[index]);
        }
        return Vec::new();
    }
    state.drag = layout.border_at(event.column, event.row);
    let Some((pane, area)) = layout.pane_at(event.column, event.row) else { return Vec::new() };
    let was_focused = state.focus == pane;
    state.focus = pane;
    if event.row == area.y {
        press_title(state, pane, area.width, event.column - area.x);
        return Vec::new();
    }
    press_row(state, pane, area, usize::from(event.row - area.y - 1), was_focused)
}

fn press_title(state: &mut State, pane: Pane, width: u16, column: u16) {
    match pane {
        Pane::Details => {
            let active = state.skill_tab.section as usize;
            if let Some(index) = labels::pick(&labels::sections(state, width), active, width, column) {
                navigate::set_section(state, Section::ALL[index]);
            }
        }
        Pane::Findings => {
            let active = state.run_tab.finding as usize;
            if let Some(index) = labels::pick(&labels::findings(state, width), active, width, column) {
                navigate::set_finding(state, Finding::ALL[index]);
            }
        }
        _ => {}
    }
}

fn press_row(state: &mut State, pane: Pane, area: Area, row: usize, was_focused: bool) -> Vec<Effect> {
    let scroll = *state.scroll(pane);
    let to = match pane {
        Pane::Skills | Pane::Findings | Pane::Cases | Pane::Runs => scroll.top + row,
        // Its first row says how the file stands, its last ones what the chosen line means.
        Pane::Policy => match row.checked_sub(1) {
            Some(row) if row < usize::from(policy_parts(area).1.height) => scroll.top + row,
            _ => return Vec::new(),
        },
        Pane::PolicyFile => {
            let at = state.policy().and_then(|policy| {
                let rows = policy.rows(scroll.top, row + 1);
                policy.index_of(*rows.get(row)?)
            });
            match at {
                Some(at) => at,
                None => return Vec::new(),
            }
        }
        Pane::Details => match labels::diagnostic_at(state, area, row) {
            Some(index) => index,
            None => scroll.top + row,
        },
        Pane::Source => {
            let Some(text) = state.page() else { return Vec::new() };
            let rendered = state.rendering().is_some();
            match text.rows(scroll.top, row + 1).get(row) {
                _ if rendered => scroll.top + row,
                Some(SourceRow::Line(line)) => *line,
                _ => return Vec::new(),
            }
        }
        Pane::Stdout | Pane::Stderr | Pane::Output | Pane::Verdict | Pane::PastRun => return Vec::new(),
    };
    if to >= navigate::length(state, pane) {
        return Vec::new();
    }
    let opens = matches!(pane, Pane::Findings | Pane::Details | Pane::Cases | Pane::Policy | Pane::Runs);
    let again = was_focused && scroll.cursor == to && opens;
    navigate::go(state, pane, Motion::To(to));
    if again { perform(state, Command::Open) } else { Vec::new() }
}
