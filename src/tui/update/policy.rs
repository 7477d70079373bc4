//! The Policy tab: having it worked out, and keeping its two panes together.

use std::path::{Path, PathBuf};

use super::text_key;
use crate::learn::{Offer, Proposal};
use crate::policy::standing::Line;
use crate::policy::{self, FILE_NAME, Origin, Places};
use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::layout::Layout;
use crate::tui::state::{
    FileStanding, KnownUse, Layer, Level, Offered, Pane, PolicyReview, Scroll, State, Tab,
};

/// Have the policy of the chosen skill worked out while its tab is in front, and its text coloured.
pub(super) fn want(state: &mut State, effects: &mut Vec<Effect>) {
    if state.tab != Tab::Policy {
        return;
    }
    let Some(skill) = state.skill().cloned() else { return };
    let facts = state.policies.entry(skill.path.clone()).or_default();
    if !facts.fresh {
        (facts.fresh, facts.waiting) = (true, true);
        effects.push(Effect::ReviewPolicy(skill));
        return;
    }
    let text = facts.known.as_ref().and_then(|review| review.file.text().cloned());
    let key = facts.text_key;
    if let Some(text) = text.filter(|_| state.highlights.ask(key)) {
        effects.push(Effect::Highlight { key, name: PathBuf::from(FILE_NAME), text });
    }
}

/// Approvals can be given elsewhere too, and nobody tells of that.
pub(super) fn look_again(state: &mut State) {
    if let Some(skill) = state.skill().cloned() {
        state.forget_policy(&skill.path);
    }
}

pub(super) fn on_review(state: &mut State, path: &Path, review: Box<PolicyReview>) -> Vec<Effect> {
    let skill = state.skills.get(path).cloned();
    // Gone meanwhile.
    let Some((facts, skill)) = state.policies.get_mut(path).zip(skill) else { return Vec::new() };
    facts.waiting = false;
    facts.text_key = review.file.text().map_or(0, |text| text_key(text));
    // With an error nothing of the file is in force.
    let text = review.file.text().filter(|_| !matches!(review.standing, FileStanding::Broken(_))).cloned();
    facts.known = Some(review);
    facts.counting = text.is_some();
    text.map(|text| Effect::CountUses { skill, text }).into_iter().collect()
}

pub(super) fn on_counted(state: &mut State, skill: &Path, text: &str, uses: Vec<KnownUse>) {
    if let Some(facts) = state.policies.get_mut(skill) {
        facts.counting = false;
        facts.uses = (text_key(text), uses);
    }
}

/// The list of what stands leads the file along.
pub(super) fn show_origin(state: &mut State) {
    let own = state.skill().map(|skill| skill.path.join(FILE_NAME));
    let line = match state.policy_line().map(|line| &line.origin) {
        Some(Origin::File { path, line, .. }) if Some(path) == own.as_ref() => *line,
        _ => return,
    };
    state.policy_tab.file.cursor = line.saturating_sub(1);
}

/// The file leads the list: to the first of the lines that stand where its cursor is.
pub(super) fn show_line(state: &mut State) {
    let Some(own) = state.skill().map(|skill| skill.path.join(FILE_NAME)) else { return };
    let at = state.policy_tab.file.cursor + 1;
    let is_there =
        |line: &Line| matches!(&line.origin, Origin::File { path, line, .. } if *path == own && *line == at);
    if state.policy_line().is_some_and(is_there) {
        return;
    }
    let found = state.policy().and_then(|policy| policy.lines.iter().position(is_there));
    if let Some(found) = found {
        state.policy_tab.lines.cursor = found;
    }
}

/// Positions in bounds.
pub(super) fn clamp(state: &mut State, layout: &Layout) {
    let Some((lines, top)) = state.policy().map(|policy| {
        let mut file = state.policy_tab.file;
        file.cursor = file.cursor.min(policy.file_len().saturating_sub(1));
        file.top = policy.top_for(file, layout.page(Pane::PolicyFile));
        (policy.lines.len(), file)
    }) else {
        return;
    };
    state.policy_tab.file = top;
    state.policy_tab.lines.clamp(lines, layout.page(Pane::Policy));
}

/// Offer the policy file without the grant under the cursor.
pub(super) fn propose_removal(state: &mut State) {
    let Some(skill) = state.skill().cloned() else { return };
    let Some((line, spot)) = state.own_grant() else { return };
    let Some(before) = state.policy().and_then(|policy| policy.file.text().cloned()) else { return };
    let file = skill.path.join(FILE_NAME);
    let places = Places { workspace: state.place.workspace.clone(), home: state.place.home.clone() };
    let what = format!("{}: {}", spot.permission, line.written);
    let known = state.known_use(line).map(|known| known.sentence.clone());
    match policy::remove_grant(&before, spot, &file, &places) {
        Ok(after) => {
            let proposal = Proposal { file, before: Some(before.to_string()), after };
            let offer = Offer::removal(&what, known.as_deref(), proposal);
            let offered = Offered { skill, offer, scroll: Scroll::default() };
            state.layers.push(Layer::Offer(Box::new(offered)));
        }
        Err(error) => {
            let edit = state.hint(Command::Editor);
            state.say(Level::Warning, format!("{FILE_NAME}: {error}; {edit} opens it"));
        }
    }
}

/// Why there is nothing to remove under the cursor, and the next step.
pub(super) fn why_not_removed(state: &State) -> String {
    let edit = state.hint(Command::Editor);
    match state.policy_line().map(|line| (&line.origin, line)) {
        None => "nothing is known of the policy yet".to_owned(),
        Some((Origin::Default, _)) => "every run has this, and no policy takes it away".to_owned(),
        Some((Origin::Flag(flag), _)) => format!("this comes from {flag} of the command line"),
        Some((Origin::File { .. }, line)) if line.deny || line.permission.is_none() => {
            format!("only grants are removed by a key; {edit} opens the line in the editor")
        }
        Some((Origin::File { .. }, _)) => {
            format!("this stands in another file; {edit} opens it in the editor")
        }
    }
}

/// The line under the cursor with its place, as text.
pub(super) fn copied(state: &State) -> Option<String> {
    let line = state.policy_line()?;
    Some(format!("{} ({})", line.text, line.origin))
}

/// The focus at the same height when the tab comes to the front.
pub(super) fn focus_of(focus: Pane) -> Pane {
    match focus {
        Pane::Skills => Pane::Skills,
        Pane::Details | Pane::Verdict => Pane::PolicyFile,
        _ => Pane::Policy,
    }
}
