//! Putting the skill's own policy file in force, for good, and taking that back.

use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::state::{Layer, Level, Scroll, State};

/// Show what is asked for; what is in force already is taken back.
pub(super) fn toggle(state: &mut State) -> Vec<Effect> {
    let Some(skill) = state.skill().cloned() else { return Vec::new() };
    if state.is_approved() {
        return vec![Effect::Revoke(skill)];
    }
    if state.request().is_some() {
        state.layers.push(Layer::Request(Scroll::default()));
    } else if skill.policy_file.is_some() {
        state.say(Level::Warning, "policy.yaml has errors and cannot be approved; see Diagnostics");
    } else {
        state.say(Level::Info, "this skill has no policy.yaml: the default policy is in force");
    }
    Vec::new()
}

/// A key while the request is shown.
pub(super) fn answer(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Open | Command::Approve => {
            state.layers.pop();
            match (state.skill().cloned(), state.request().cloned()) {
                (Some(skill), Some(request)) => vec![Effect::Approve { skill, shown: Box::new(request) }],
                _ => Vec::new(),
            }
        }
        Command::Quit | Command::Close => {
            state.layers.pop();
            Vec::new()
        }
        _ => Vec::new(),
    }
}
