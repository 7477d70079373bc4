//! Changing tabs: which pane has the focus afterwards. Asked by whatever brings a tab to the front.

use super::{cases, history, policy};
use crate::tui::state::history::Listing;
use crate::tui::state::{Pane, State, Tab};

/// Bring a tab to the front; the focus goes to the pane at the same place.
pub(super) fn show_tab(state: &mut State, tab: Tab) {
    if state.tab == tab {
        return;
    }
    state.tab = tab;
    if tab == Tab::Policy {
        policy::look_again(state);
    }
    if tab == Tab::Runs && state.history.listing == Listing::Read {
        state.history.listing = Listing::Unasked;
    }
    state.focus = match (state.focus, tab) {
        (Pane::Skills, _) => Pane::Skills,
        (focus, Tab::Policy) => policy::focus_of(focus),
        (focus, Tab::Cases) => cases::focus_of(focus),
        (focus, Tab::Runs) => history::focus_of(focus),
        (Pane::Details | Pane::PolicyFile | Pane::Verdict | Pane::PastRun, Tab::Run) => Pane::Findings,
        (_, Tab::Run) if state.run_tab.interleaved => Pane::Output,
        (_, Tab::Run) => Pane::Stdout,
        (Pane::Findings | Pane::PolicyFile | Pane::Verdict | Pane::PastRun, Tab::Skill) => Pane::Details,
        (_, Tab::Skill) => Pane::Source,
    };
    if state.width < 64 && state.focus == Pane::Skills {
        state.focus = first_pane(tab);
    }
}

/// The pane of a tab that most is done in.
pub(super) fn first_pane(tab: Tab) -> Pane {
    match tab {
        Tab::Skill => Pane::Source,
        Tab::Run => Pane::Findings,
        Tab::Policy => Pane::Policy,
        Tab::Cases => Pane::Cases,
        Tab::Runs => Pane::Runs,
    }
}
