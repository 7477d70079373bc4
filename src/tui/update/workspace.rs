//! News of skills: read, read again, gone, changed.

use std::path::Path;

use super::{cases, navigate, run};
use crate::tui::action::WorkspaceNews;
use crate::tui::effect::Effect;
use crate::tui::state::{Layer, Phase, State};

pub(super) fn on_news(state: &mut State, news: WorkspaceNews) -> Vec<Effect> {
    let before = state.skill().map(|skill| skill.path.clone());
    let effects = match news {
        WorkspaceNews::Skills(skills) => {
            for skill in &skills {
                if let Some(old) = state.skills.get(&skill.path) {
                    state.saves.replaced(old, state.facts.get(&skill.path));
                }
                if let Some(facts) = state.facts.get_mut(&skill.path) {
                    // What is known stays on the screen until the new answer is there.
                    facts.asked = false;
                    facts.explored = false;
                }
                state.forget_policy(&skill.path);
                forget_files(state, &skill.path);
            }
            state.skills.put(skills);
            Vec::new()
        }
        WorkspaceNews::Removed(paths) => {
            for path in &paths {
                state.facts.remove(path);
                state.policies.remove(path);
                state.cases.remove(path);
                state.saves.remove(path);
                forget_files(state, path);
            }
            state.skills.remove(&paths);
            Vec::new()
        }
        WorkspaceNews::Complete => {
            state.phase = Phase::Ready;
            Vec::new()
        }
        WorkspaceNews::Changed { skill, cause, paths } => {
            let chosen = before.as_deref() == Some(&*skill);
            let (reading, facts) = (state.skills.get(&skill), state.facts.get(&skill));
            state.saves.told(&skill, cause.clone(), reading, facts);
            let again = chosen && state.options.auto_run;
            let mut effects = cases::on_change(state, &skill, paths, again);
            if !chosen {
                state.skills.changed.insert(skill);
                return effects;
            }
            effects.extend(run::on_change(state, &skill, cause));
            effects
        }
    };
    let after = state.skill().map(|skill| skill.path.clone());
    if before != after {
        navigate::chosen_changed(state);
        state.layers.retain(|layer| !matches!(layer, Layer::Denial(_) | Layer::Fix(_)));
    }
    effects
}

/// Files below `folder` may have changed: read them again when they are shown.
fn forget_files(state: &mut State, folder: &Path) {
    state.files.retain(|path, _| !path.starts_with(folder));
}
