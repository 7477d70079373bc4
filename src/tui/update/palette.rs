//! The command palette: typing, moving about, doing what was chosen.

use super::{navigate, perform, show_tab, typing, why_not};
use crate::tui::effect::Effect;
use crate::tui::key::{Code, Key, Mouse, MouseKind};
use crate::tui::keymap::{Binding, Command, Scope};
use crate::tui::layout;
use crate::tui::state::palette::{Item, Palette};
use crate::tui::state::scroll::Motion;
use crate::tui::state::{Level, Pane, Scroll, State, Tab};

/// What acts on an open denial or goes on from it, rather than on the panes beneath.
const ON_A_DENIAL: &[Command] = &[
    Command::Run,
    Command::Allow,
    Command::TakeBack,
    Command::Approve,
    Command::Editor,
    Command::Copy,
    Command::Left,
    Command::Right,
    Command::Narrower,
    Command::Wider,
    Command::Help,
    Command::Theme,
    Command::Mouse,
    Command::Cancel,
    Command::Interrupt,
    Command::Suspend,
    Command::Redraw,
    Command::Close,
    Command::Quit,
];

pub(super) fn open(state: &mut State) {
    state.palette = Some(Palette::default());
    state.refresh_palette();
}

pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    let plain = !key.ctrl && !key.alt;
    let motion = match key.code {
        Code::Esc => return close(state),
        Code::Char('c') if key.ctrl => return close(state),
        Code::Backspace if plain && state.palette.as_ref().is_some_and(|p| p.input.value().is_empty()) => {
            return close(state);
        }
        Code::Enter => return choose(state),
        Code::Up => Motion::Rows(-1),
        Code::Tab if key.shift => Motion::Rows(-1),
        Code::Down | Code::Tab => Motion::Rows(1),
        Code::Char('p' | 'k') if key.ctrl => Motion::Rows(-1),
        Code::Char('n' | 'j') if key.ctrl => Motion::Rows(1),
        Code::PageUp => Motion::HalfPages(-2),
        Code::PageDown => Motion::HalfPages(2),
        _ => {
            let Some(palette) = &mut state.palette else { return Vec::new() };
            let before = palette.input.value().to_owned();
            typing::edit(&mut palette.input, key);
            if palette.input.value() != before {
                typed(state);
            }
            return Vec::new();
        }
    };
    go(state, motion);
    Vec::new()
}

pub(super) fn paste(state: &mut State, text: &str) {
    if let Some(palette) = &mut state.palette {
        typing::paste(&mut palette.input, text);
        typed(state);
    }
}

fn typed(state: &mut State) {
    state.refresh_palette();
    if let Some(palette) = &mut state.palette {
        palette.scroll = Scroll::default();
    }
}

fn close(state: &mut State) -> Vec<Effect> {
    state.palette = None;
    Vec::new()
}

fn go(state: &mut State, motion: Motion) {
    let rows = layout::palette_rows(state);
    if let Some(palette) = &mut state.palette {
        let last = palette.hits.len().saturating_sub(1);
        // Past either end it goes on at the other.
        let motion = match motion {
            Motion::Rows(1) if palette.scroll.cursor == last => Motion::Start,
            Motion::Rows(-1) if palette.scroll.cursor == 0 => Motion::End,
            other => other,
        };
        palette.scroll.go(motion, palette.hits.len(), rows);
    }
}

/// After a change beneath: what is listed may be gone, or possible only now.
pub(super) fn settle(state: &mut State) {
    state.refresh_palette();
    let rows = layout::palette_rows(state);
    if let Some(palette) = &mut state.palette {
        palette.scroll.clamp(palette.hits.len(), rows);
    }
}

pub(super) fn on_mouse(state: &mut State, event: Mouse) -> Vec<Effect> {
    let area = layout::palette(state);
    match event.kind {
        MouseKind::WheelUp => go(state, Motion::Rows(-1)),
        MouseKind::WheelDown => go(state, Motion::Rows(1)),
        MouseKind::Press if !area.holds(event.column, event.row) => return close(state),
        MouseKind::Press => {
            // Border and typed line come before the rows.
            let Some(row) = event.row.checked_sub(area.y + 2) else { return Vec::new() };
            let Some(palette) = &mut state.palette else { return Vec::new() };
            let at = palette.scroll.top + usize::from(row);
            if at < palette.hits.len() && event.row + 1 < area.bottom() {
                palette.scroll.cursor = at;
                return choose(state);
            }
        }
        MouseKind::Drag | MouseKind::Release => {}
    }
    Vec::new()
}

/// Do what is under the cursor. What cannot be done says why, and the palette stays.
fn choose(state: &mut State) -> Vec<Effect> {
    let Some(palette) = &state.palette else { return Vec::new() };
    let Some(item) = palette.hits.get(palette.scroll.cursor).map(|hit| hit.item.clone()) else {
        return Vec::new();
    };
    if let Some(binding) = item.binding().filter(|binding| !binding.applies(state)) {
        let why = reason(state, binding);
        state.say(Level::Info, format!("{}: {why}", binding.label));
        return Vec::new();
    }
    state.palette = None;
    state.remember(&item);
    match item {
        Item::Action(_) => item.binding().map_or_else(Vec::new, |binding| act(state, binding)),
        Item::Theme(theme) => {
            let effects = super::theme::set(state, theme);
            state.keep_theme();
            effects
        }
        Item::Section(section) => {
            let effects = uncover(state);
            show_tab(state, Tab::Skill);
            navigate::set_section(state, section);
            state.focus = Pane::Details;
            effects
        }
        Item::Finding(finding) => {
            let effects = uncover(state);
            show_tab(state, Tab::Run);
            navigate::set_finding(state, finding);
            state.focus = Pane::Findings;
            effects
        }
        Item::Skill(path) => {
            let effects = uncover(state);
            navigate::choose_skill(state, &path);
            effects
        }
    }
}

fn act(state: &mut State, binding: &Binding) -> Vec<Effect> {
    let stays = binding.scope != Scope::Everywhere || ON_A_DENIAL.contains(&binding.command);
    let mut effects = if stays { Vec::new() } else { uncover(state) };
    effects.extend(perform(state, binding.command));
    effects
}

/// Close what covers the panes, each in its own way.
fn uncover(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    while !state.layers.is_empty() {
        let before = state.layers.len();
        effects.extend(perform(state, Command::Close));
        if state.layers.len() == before {
            state.layers.pop();
        }
    }
    effects
}

/// Why an action cannot be done now.
pub(in crate::tui) fn reason(state: &State, binding: &Binding) -> String {
    if binding.scope.is_open(state) {
        why_not(state, binding.command)
    } else {
        format!("works {}", binding.scope.place())
    }
}
