//! The keys in force: those of the table, changed by what the user's key file says.
//!
//! Dispatch, key bar, help, palette and every sentence that names a key ask here, so none of them can tell a key
//! that does something else.

use super::{Binding, Command, Scope, TABLE};
use crate::tui::key::Key;
use crate::tui::state::State;

/// The keys of every line of the table, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: Vec<Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { keys: TABLE.iter().map(defaults).collect() }
    }
}

/// The keys that a line of the table names.
pub(super) fn defaults(binding: &Binding) -> Vec<Key> {
    binding.keys.iter().filter_map(|key| Key::parse(key)).collect()
}

impl Keymap {
    /// Every line of the table with its keys.
    pub fn lines(&self) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        TABLE.iter().zip(self.keys.iter().map(Vec::as_slice))
    }

    pub fn keys(&self, binding: &Binding) -> &[Key] {
        self.lines().find(|(line, _)| line.id == binding.id).map_or(&[], |(_, keys)| keys)
    }

    /// Give the line with this place in the table other keys; none at all unbinds it.
    pub fn set(&mut self, line: usize, keys: Vec<Key>) {
        if let Some(old) = self.keys.get_mut(line) {
            *old = keys;
        }
    }

    /// The key to name for a command: its first.
    pub fn first(&self, command: Command) -> Option<Key> {
        self.lines().find(|(line, _)| line.command == command)?.1.first().copied()
    }

    /// How the keys of a line are written.
    pub fn written(&self, binding: &Binding, ascii: bool) -> String {
        let keys: Vec<String> = self.keys(binding).iter().map(|key| key.shown(ascii)).collect();
        keys.join(" ")
    }
}

impl State {
    /// How a sentence names the key of a command; the command's own name when it has none.
    pub fn hint(&self, command: Command) -> String {
        match self.keymap.first(command) {
            Some(key) => key.shown(self.options.ascii),
            None => {
                TABLE.iter().find(|line| line.command == command).map_or("", |line| line.label).to_owned()
            }
        }
    }
}

/// The command behind a key, as things stand.
pub fn command(state: &State, key: Key) -> Option<Command> {
    let in_form = Scope::Form.is_open(state);
    // What has no meaning in the form is typed there; no text has a use for these two.
    let reaches = |binding: &Binding| {
        !in_form
            || binding.scope == Scope::Form
            || matches!(binding.command, Command::Suspend | Command::Redraw)
    };
    let means = |binding: &Binding, keys: &[Key]| keys.contains(&key) && binding.applies(state);
    let open = state.keymap.lines().filter(|(binding, keys)| reaches(binding) && means(binding, keys));
    open.min_by_key(|(binding, _)| binding.scope == Scope::Everywhere).map(|(binding, _)| binding.command)
}

/// The table's line of a command whose key does nothing now: to say so instead of staying silent. What would be done
/// here says more than what is done elsewhere.
pub fn unavailable(state: &State, key: Key) -> Option<&'static Binding> {
    let lines = state.keymap.lines().filter(|(binding, _)| binding.scope != Scope::Form);
    let meant = lines.filter(|(_, keys)| keys.contains(&key)).map(|(binding, _)| binding);
    meant.min_by_key(|binding| binding.scope != Scope::Everywhere)
}

/// Lines of the key bar with the key to press, most useful first.
pub fn bar(state: &State) -> Vec<(&'static Binding, Key)> {
    let means = |(binding, keys): (&'static Binding, &[Key])| {
        let key = keys.iter().find(|key| command(state, **key) == Some(binding.command))?;
        Some((binding, *key))
    };
    let shown = |binding: &Binding| binding.rank > 0 && binding.applies(state) && (binding.hinted)(state);
    let mut lines: Vec<_> =
        state.keymap.lines().filter(|(binding, _)| shown(binding)).filter_map(means).collect();
    lines.sort_by_key(|(binding, _)| std::cmp::Reverse(binding.rank));
    // One key for a command is enough.
    lines.dedup_by_key(|(binding, _)| binding.command);
    lines
}
