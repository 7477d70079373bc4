//! The action table: every command with its keys, where it applies and when.
//!
//! The key bar, the `?` screen, the documentation and the conflict test are made from this one table. Its keys
//! are the defaults; [`Keymap`] holds those in force.

mod available;
mod command;
pub mod file;
mod in_force;
pub mod print;
mod scope;
mod table;

pub use command::Command;
pub use in_force::{Keymap, bar, command, unavailable};
pub use scope::Scope;
pub use table::{MOVE, TABLE};

use super::state::{Layer, State};

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    pub command: Command,
    /// Stable name, for configuration and documentation.
    pub id: &'static str,
    pub keys: &'static [&'static str],
    pub scope: Scope,
    /// A word or two, for the key bar.
    pub label: &'static str,
    pub description: &'static str,
    /// Heading on the help screen.
    pub group: &'static str,
    /// Rank in the key bar; 0 keeps it out of it.
    pub rank: u8,
    pub available: fn(&State) -> bool,
    /// Worth a place in the key bar now. Elsewhere it is always told.
    hinted: fn(&State) -> bool,
}

const fn bind(
    command: Command,
    id: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    description: &'static str,
) -> Binding {
    Binding {
        command,
        id,
        keys,
        scope: Scope::Everywhere,
        label,
        description,
        group: "",
        rank: 0,
        available: |_| true,
        hinted: |_| true,
    }
}

impl Binding {
    const fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    const fn bar(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    const fn hinted(mut self, hinted: fn(&State) -> bool) -> Self {
        self.hinted = hinted;
        self
    }

    const fn when(mut self, available: fn(&State) -> bool) -> Self {
        self.available = available;
        self
    }

    const fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    pub fn applies(&self, state: &State) -> bool {
        let for_layer = match state.layers.last() {
            Some(Layer::Fix(_)) => super::update::fix::takes(self.command),
            _ => true,
        };
        for_layer && self.scope.is_open(state) && (self.available)(state)
    }
}

#[cfg(test)]
mod tests;
