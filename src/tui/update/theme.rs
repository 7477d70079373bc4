//! Themes: chosen with a preview, following the terminal, read again when their files are saved.

use std::sync::Arc;

use crate::tui::effect::Effect;
use crate::tui::state::{Choice, Layer, Level, Scroll, State};
use crate::tui::theme::{Kind, Set, file};

pub(super) fn open(state: &mut State) {
    let cursor = state.options.theme.index;
    state.layers.push(Layer::Choice(Choice::Theme(Scroll { cursor, ..Scroll::default() }, cursor)));
}

pub(super) fn set(state: &mut State, index: usize) -> Vec<Effect> {
    state.options.theme.index = index;
    vec![Effect::SetTheme(index)]
}

/// The theme to go back to while others are tried.
fn before(state: &mut State) -> Option<&mut usize> {
    state.layers.iter_mut().find_map(|layer| match layer {
        Layer::Choice(Choice::Theme(_, before)) => Some(before),
        _ => None,
    })
}

/// The terminal said whether it is dark or light. While themes are tried, only the one to go back to changes.
pub(super) fn on_ground(state: &mut State, kind: Kind) -> Vec<Effect> {
    let shown = state.options.theme.index;
    let Some(kept) = before(state).copied() else {
        let changed = state.options.theme.on_ground(kind);
        return if changed { set(state, state.options.theme.index) } else { Vec::new() };
    };
    state.options.theme.index = kept;
    state.options.theme.on_ground(kind);
    let now = std::mem::replace(&mut state.options.theme.index, shown);
    if let Some(kept) = before(state) {
        *kept = now;
    }
    Vec::new()
}

/// Theme files were saved: what is shown follows, and the first mistake is told.
pub(super) fn on_read(state: &mut State, read: &Arc<Set>) -> Vec<Effect> {
    let theme = &mut state.options.theme;
    let old = Arc::clone(&theme.set);
    let name_of = |index: usize| old.themes().get(index).map(|theme| theme.name.clone()).unwrap_or_default();
    theme.on_read(Arc::clone(read));
    let (index, name) = (theme.index, theme.name().to_owned());
    for layer in &mut state.layers {
        if let Layer::Choice(Choice::Theme(scroll, before)) = layer {
            *before = read.position(&name_of(*before)).unwrap_or(index);
            scroll.cursor = index;
        }
    }
    if let Some(first) = read.diagnostics.first() {
        let text = file::told(first, &state.place.short(&first.file));
        state.say(Level::Warning, text);
    } else if old.get(&name) != read.get(&name) {
        state.say(Level::Info, format!("theme {name} read again"));
    }
    set(state, index)
}
