//! Popups: a stack of layers over the panes. The topmost one gets the keys.

use tui_input::Input;

use super::{FixView, FormKey, Offered, Scroll};
use crate::tui::effect::Packages;

#[derive(Debug, Clone)]
pub enum Layer {
    /// The key table.
    Help(Scroll),
    /// The denial under the cursor of the findings, opened.
    Denial(Scroll),
    /// The change under the cursor of the findings, opened.
    Change(Scroll),
    /// What would be installed, to be agreed to.
    Packages(Box<Packages>, Scroll),
    /// What the chosen skill's own policy file asks for, to be approved.
    Request(Scroll),
    /// What a fix would change, to be accepted.
    Fix(Box<FixView>),
    /// What an entry is run with is being entered; the form is kept with what is known of the skill.
    Form(FormKey),
    /// A change of a policy file, to be agreed to.
    Offer(Box<Offered>),
    /// Two runs are compared.
    Comparison(Scroll),
    /// A line of text is being typed.
    Prompt(Prompt),
    /// One of several is being chosen.
    Choice(Choice),
}

#[derive(Debug, Clone)]
pub struct Prompt {
    pub kind: PromptKind,
    pub input: Input,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptKind {
    Search,
    /// What the list of skills shows.
    Filter,
    /// What the help screen shows.
    Help,
    /// The name under which a run is saved as a case.
    CaseName,
}

#[derive(Debug, Clone, Copy)]
pub enum Choice {
    /// And whether it is then run.
    Entry(Scroll, bool),
    /// Themes are shown as the cursor moves; the number is the theme to go back to.
    Theme(Scroll, usize),
    /// The form in which a run is exported.
    Export(Scroll),
    /// Whether a run is removed.
    Remove(Scroll),
}

impl Choice {
    pub fn scroll(&self) -> &Scroll {
        match self {
            Self::Entry(scroll, _) | Self::Theme(scroll, _) | Self::Export(scroll) | Self::Remove(scroll) => {
                scroll
            }
        }
    }

    pub fn scroll_mut(&mut self) -> &mut Scroll {
        match self {
            Self::Entry(scroll, _) | Self::Theme(scroll, _) | Self::Export(scroll) | Self::Remove(scroll) => {
                scroll
            }
        }
    }
}
