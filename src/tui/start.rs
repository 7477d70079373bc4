//! What the workbench starts with: the user's theme, keys, and where it was left. All of it is read before the first
//! frame, so it is small and bounded; none of it can keep the workbench from starting.

use super::keymap::{self, file::KeyFile};
use super::runtime::{Config, OpenError, place};
use super::services::kept::Keeper;
use super::services::themes;
use super::settings;
use super::state::kept::Kept;
use super::state::{Level, Options, State};
use super::theme::{Chosen, Depth};

/// Read, before the terminal is taken.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) depth: Depth,
    pub(super) keeper: Keeper,
    pub(super) mouse: bool,
    pub(super) ascii: bool,
    theme: Chosen,
    kept: Option<Kept>,
    keys: KeyFile,
    problems: Vec<String>,
}

impl Start {
    /// The command line has the last word over what was kept.
    pub(super) fn read(config: &Config) -> Result<Self, OpenError> {
        let depth = Depth::detect(|name| std::env::var(name).ok());
        let settings = settings::of_user().map(|path| settings::read(&path)).unwrap_or_default();
        let (mut theme, mut problems) =
            themes::first(config.theme.as_deref(), &settings).map_err(OpenError::Theme)?;
        let keeper = Keeper::of_user(&config.workspace);
        let (kept, unread) = keeper.read(&config.workspace);
        problems.extend(unread);
        // A choice of an earlier start stays as it was made, where nothing else is said.
        let said = config.theme.is_some() || settings.theme.is_some();
        let chosen = kept.as_ref().and_then(|kept| kept.theme.as_ref()).filter(|_| !said);
        if let Some(at) = chosen.and_then(|chosen| theme.set.position(chosen)) {
            (theme.index, theme.follow) = (at, false);
        }
        let mouse = config.mouse
            && settings.mouse.unwrap_or(true)
            && kept.as_ref().is_none_or(|kept| kept.mouse != Some(false));
        let ascii = config.ascii || settings.ascii == Some(true);
        let keys = keymap::file::of_user().as_deref().map(keymap::file::read).unwrap_or_default();
        Ok(Self { depth, keeper, mouse, ascii, theme, kept, keys, problems })
    }

    /// The state of the first frame.
    pub(super) fn state(&mut self, config: &Config, width: u16, height: u16) -> State {
        let (mouse, ascii, theme) = (self.mouse, self.ascii, self.theme.clone());
        let options = Options { mouse, ascii, theme, ..Options::default() };
        let mut state = State::new(width, height, place(config), options);
        if let Some(kept) = self.kept.take() {
            kept.restore(&mut state);
        }
        state.keeping.on = self.keeper.is_on();
        state.keeping.last = Kept::of(&state);
        if let Some(problem) = self.problems.first() {
            state.say(Level::Warning, problem);
        }
        use_keys(&mut state, std::mem::take(&mut self.keys));
        state
    }
}

/// Put the user's keys in force, and say what is wrong with them.
fn use_keys(state: &mut State, read: KeyFile) {
    state.keymap = read.keymap;
    let Some(first) = read.problems.first() else { return };
    let place = state.place.short(&first.file);
    let more = match read.problems.len() {
        1 => String::new(),
        count => format!(" (and {} more: skilldeck keys --check)", count - 1),
    };
    let (line, column) = (first.line, first.column);
    state.say(Level::Warning, format!("{place}:{line}:{column}: {}; {}{more}", first.message, first.help));
}
