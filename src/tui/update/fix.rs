//! Fixes of diagnostics: the diff first, then the change, and back again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::skill::Skill;
use crate::tui::effect::{DraftFix, Effect};
use crate::tui::keymap::Command;
use crate::tui::state::{FixDraft, FixView, FixWanted, Layer, Level, Scroll, State};

/// Show what the fix of the diagnostic under the cursor would change.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    let (Some(skill), Some(found)) = (state.skill(), state.fixable()) else { return Vec::new() };
    let Some(fix) = found.fix.clone() else { return Vec::new() };
    let (skill, file) = (Arc::clone(skill), found.file.clone());
    let wanted = FixWanted::One { code: found.code, fix };
    vec![draft(state, skill, file, wanted)]
}

fn draft(state: &mut State, skill: Arc<Skill>, file: PathBuf, wanted: FixWanted) -> Effect {
    state.facts.entry(skill.path.clone()).or_default().fixing = true;
    Effect::DraftFix(Box::new(DraftFix { skill, file, wanted }))
}

/// The draft is there, or why not.
pub(super) fn on_drafted(state: &mut State, result: Result<Box<FixDraft>, String>) -> Vec<Effect> {
    state.facts.values_mut().for_each(|facts| facts.fixing = false);
    match result {
        // Another skill was chosen meanwhile.
        Ok(draft) if state.skill().is_none_or(|skill| skill.path != draft.skill) => {}
        Ok(draft) => {
            close(state);
            state.layers.push(Layer::Fix(Box::new(FixView { draft: *draft, scroll: Scroll::default() })));
        }
        Err(problem) => state.say(Level::Warning, problem),
    }
    Vec::new()
}

/// Whether a command means something while a draft is shown.
pub(in crate::tui) fn takes(command: Command) -> bool {
    let own = [Command::Open, Command::FixAll, Command::Close, Command::Quit];
    let everywhere = [Command::Interrupt, Command::Suspend, Command::Redraw, Command::Mouse];
    own.contains(&command) || everywhere.contains(&command) || super::navigate::motion(command).is_some()
}

/// A key while a draft is shown. `None`: it is for the workbench.
pub(super) fn answer(state: &mut State, command: Command) -> Option<Vec<Effect>> {
    match command {
        Command::Open => {
            let Some(Layer::Fix(view)) = state.layers.pop() else { return Some(Vec::new()) };
            Some(state.skill().cloned().map(|skill| vec![apply(skill, view.draft)]).unwrap_or_default())
        }
        Command::FixAll => {
            let (Some(skill), Some(Layer::Fix(view))) = (state.skill().cloned(), state.layers.last()) else {
                return Some(Vec::new());
            };
            let file = view.draft.file.clone();
            Some(vec![draft(state, skill, file, FixWanted::All)])
        }
        Command::Close | Command::Quit => {
            close(state);
            Some(Vec::new())
        }
        _ if takes(command) => None,
        _ => Some(Vec::new()),
    }
}

fn apply(skill: Arc<Skill>, draft: FixDraft) -> Effect {
    Effect::ApplyFix { skill, draft: Box::new(draft) }
}

pub(super) fn close(state: &mut State) {
    state.layers.retain(|layer| !matches!(layer, Layer::Fix(_)));
}

/// A fix was made or taken back, or why not; so many can still be taken back.
pub(super) fn on_fixed(
    state: &mut State,
    skill: &Path,
    undoable: usize,
    result: Result<String, String>,
) -> Vec<Effect> {
    let facts = state.facts.entry(skill.to_owned()).or_default();
    let made = undoable > std::mem::replace(&mut facts.fixes, undoable);
    match result {
        Ok(what) if made => {
            let undo = state.hint(Command::UndoFix);
            state.say(Level::Info, format!("{what}; {undo} takes it back"));
        }
        Ok(what) => state.say(Level::Info, what),
        Err(problem) => state.say(Level::Error, problem),
    }
    Vec::new()
}

pub(super) fn take_back(state: &State) -> Vec<Effect> {
    state.skill().cloned().map(Effect::UndoFix).into_iter().collect()
}
