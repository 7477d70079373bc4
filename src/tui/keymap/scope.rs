//! Where a command applies: the scopes that a line of the table can name, in words for lists of keys, and whether
//! one is open. Asked when a key is looked up and when its line is shown.

use crate::tui::state::{Layer, Pane, State, Tab};

/// Where a command applies. A narrower scope wins over a wider one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// While a popup is open.
    Popup,
    /// On the first screen, when there are no skills.
    Welcome,
    Denial,
    /// On the help screen.
    Help,
    /// In the list of skills.
    List,
    /// While the diff of a fix is shown.
    Fix,
    /// In the Skill tab.
    Skill,
    Output,
    /// In the Policy tab.
    Policy,
    /// In the Cases tab.
    Cases,
    /// In the run form, where keys without a meaning of their own are typed.
    Form,
    /// In the Runs tab.
    Runs,
    Everywhere,
}

impl Scope {
    /// In words, for lists of keys.
    pub fn place(self) -> &'static str {
        match self {
            Self::Popup => "in a popup",
            Self::Welcome => "on the first screen",
            Self::Denial => "in an open denial",
            Self::Fix => "while a fix is shown",
            Self::Skill => "in the Skill tab",
            Self::Help => "on the help screen",
            Self::List => "in the list of skills",
            Self::Output => "in output",
            Self::Policy => "in the Policy tab",
            Self::Cases => "in the Cases tab",
            Self::Form => "in the run form",
            Self::Runs => "in the Runs tab",
            Self::Everywhere => "everywhere",
        }
    }

    /// Whether commands of this scope can be given now.
    pub fn is_open(self, state: &State) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Popup => !state.layers.is_empty(),
            Self::Fix => matches!(state.layers.last(), Some(Layer::Fix(_))),
            Self::Skill => state.tab == Tab::Skill && state.layers.is_empty(),
            Self::Denial => matches!(state.layers.last(), Some(Layer::Denial(_))),
            Self::Help => matches!(state.layers.last(), Some(Layer::Help(_))),
            Self::List => state.focus == Pane::Skills && state.layers.is_empty() && !state.is_welcome(),
            Self::Output => {
                matches!(state.focus, Pane::Stdout | Pane::Stderr | Pane::Output) && state.layers.is_empty()
            }
            Self::Welcome => state.is_welcome(),
            Self::Policy => state.is_in_policy(),
            Self::Cases => state.is_in_cases(),
            Self::Form => matches!(state.layers.last(), Some(Layer::Form(_))),
            Self::Runs => state.is_in_runs(),
        }
    }
}
