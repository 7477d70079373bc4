//! The Policy tab: having it worked out, and keeping its two panes together.

use std::path::{Path, PathBuf};

use super::text_key;
use crate::policy::{FILE_NAME, Origin};
use crate::tui::effect::Effect;
use crate::tui::layout::Layout;
use crate::tui::state::{Pane, PolicyReview, State, Tab};

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

pub(super) fn on_review(state: &mut State, skill: &Path, review: Box<PolicyReview>) {
    // Gone meanwhile.
    let Some(facts) = state.policies.get_mut(skill) else { return };
    facts.waiting = false;
    facts.text_key = review.file.text().map_or(0, |text| text_key(text));
    facts.known = Some(review);
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

/// Positions in bounds.
pub(super) fn clamp(state: &mut State, layout: &Layout) {
    let Some((lines, top)) = state.policy().map(|policy| {
        let mut file = state.policy_tab.file;
        file.cursor = file.cursor.min(policy.file.line_count().saturating_sub(1));
        file.top = policy.file.top_for(file, layout.page(Pane::PolicyFile));
        (policy.lines.len(), file)
    }) else {
        return;
    };
    state.policy_tab.file = top;
    state.policy_tab.lines.clamp(lines, layout.page(Pane::Policy));
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
        Pane::Details | Pane::Findings | Pane::Verdict => Pane::PolicyFile,
        _ => Pane::Policy,
    }
}
