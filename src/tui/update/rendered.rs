//! The Source pane as rendered Markdown. The position in the source is the one that is kept: that in the rendering
//! follows from it, so that nothing is lost when the way to look, the width or the text changes.

use std::sync::Arc;

use crate::tui::effect::Effect;
use crate::tui::layout::Layout;
use crate::tui::markdown::Rendered;
use crate::tui::state::rendered::{RenderKey, ShownRendering};
use crate::tui::state::{Pane, State, Tab};

/// Columns beside the text: marks of diagnostics, and a blank at both sides.
const MARGIN: u16 = 4;

/// Show the source, or what it looks like. The line under the cursor stays where it is on the screen.
pub(super) fn toggle(state: &mut State) {
    let shown = state.rendering().is_some();
    let pane = &mut state.skill_tab.rendered;
    pane.on = !pane.on;
    if shown {
        let above = pane.scroll.cursor.saturating_sub(pane.scroll.top);
        pane.shown = None;
        let scroll = state.source_scroll_mut();
        scroll.top = scroll.cursor.saturating_sub(above);
    }
}

/// The cursor of the rendering moved: the position in the source goes along.
pub(super) fn moved(state: &mut State) {
    let cursor = state.skill_tab.rendered.scroll.cursor;
    if let Some(source) = state.rendering().map(|lines| lines.source_of(cursor)) {
        state.source_scroll_mut().cursor = source;
    }
}

/// After every change: ask for the rendering that is wanted, take it in when it is there, stand in it where the source does.
pub(super) fn settle(state: &mut State, layout: &Layout, effects: &mut Vec<Effect>) {
    let Some(area) = layout.area(Pane::Source) else { return };
    if !state.skill_tab.rendered.on || state.tab != Tab::Skill || !state.can_render() {
        return;
    }
    let ascii = state.options.ascii;
    let Some(page) = state.page() else { return };
    let key = RenderKey { text: page.key, width: area.width.saturating_sub(MARGIN).max(1), ascii };
    let file = page.file.clone();
    match state.renderings.get(key).cloned() {
        Some(lines) => take(state, ShownRendering { file, lines }),
        None if state.renderings.is_asked(key) => {}
        None => {
            effects.push(Effect::Render { key, text: Arc::from(page.text) });
            state.renderings.ask(key);
        }
    }
    let source = state.source_scroll().cursor;
    let Some(lines) = state.rendering() else { return };
    let (length, here) = (lines.lines.len(), place(lines, state.skill_tab.rendered.scroll.cursor, source));
    let scroll = &mut state.skill_tab.rendered.scroll;
    scroll.cursor = here;
    scroll.clamp(length, layout.page(Pane::Source));
}

/// Where the cursor belongs: it stays when it stands for the source line already.
fn place(lines: &Rendered, cursor: usize, source: usize) -> usize {
    if cursor < lines.lines.len() && lines.source_of(cursor) == source {
        cursor
    } else {
        lines.line_of(source)
    }
}

/// Show a rendering. The cursor keeps its distance from the top of the pane.
fn take(state: &mut State, new: ShownRendering) {
    let source = *state.source_scroll();
    let pane = &mut state.skill_tab.rendered;
    let above = match &pane.shown {
        Some(old) if Arc::ptr_eq(&old.lines, &new.lines) && old.file == new.file => return,
        Some(old) if old.file == new.file => pane.scroll.cursor.saturating_sub(pane.scroll.top),
        _ => source.cursor.saturating_sub(source.top),
    };
    pane.scroll.cursor = place(&new.lines, pane.scroll.cursor, source.cursor);
    pane.scroll.top = pane.scroll.cursor.saturating_sub(above);
    pane.shown = Some(new);
}
