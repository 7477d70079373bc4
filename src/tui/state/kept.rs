//! What the workbench remembers of a workspace from one start to the next.
//!
//! Plain data: `services::kept` reads and writes it. What is missing or means nothing any more is left as it is
//! without it, so that a file of an older or newer version does no harm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{State, Tab};
use crate::skill::secret;

/// Most skills whose arguments are remembered, and the longest arguments.
const MOST_SKILLS: usize = 200;
const MAX_ARGUMENTS: usize = 2048;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub workspace: String,
    pub skill: Option<PathBuf>,
    pub tab: Option<String>,
    /// Only a theme that was chosen: else it follows the terminal.
    pub theme: Option<String>,
    /// Only when it was switched by its key: `--no-mouse` is for one start.
    pub mouse: Option<bool>,
    pub auto_run: Option<bool>,
    pub list_extra: i16,
    pub split_extra: i16,
    /// By the skill's folder.
    pub inputs: BTreeMap<PathBuf, Input>,
    /// Choices of the palette, the newest first.
    pub recent: Vec<String>,
}

/// What a skill was run with last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Input {
    pub entry: Option<PathBuf>,
    pub arguments: String,
}

/// What is known of keeping while the workbench is open.
#[derive(Debug, Clone, Default)]
pub struct Keeping {
    /// Without it nothing is written.
    pub on: bool,
    /// The theme that the user chose, now or in an earlier start.
    pub theme: Option<String>,
    /// The mouse was switched so, now or in an earlier start.
    pub mouse: Option<bool>,
    /// Inputs of an earlier start, for skills that have not been looked at in this one.
    pub inputs: BTreeMap<PathBuf, Input>,
    /// What was last written.
    pub last: Kept,
}

impl Kept {
    pub fn of(state: &State) -> Self {
        let mut inputs = state.keeping.inputs.clone();
        for (skill, facts) in state.facts.iter().filter(|(skill, _)| is_text(skill)) {
            let entry = facts.entry.clone().filter(|entry| is_text(entry));
            let input = Input { entry, arguments: facts.line() };
            if input == Input::default()
                || input.arguments.len() > MAX_ARGUMENTS
                || is_secret(&input.arguments)
            {
                inputs.remove(skill);
            } else {
                inputs.insert(skill.clone(), input);
            }
        }
        while inputs.len() > MOST_SKILLS {
            inputs.pop_first();
        }
        let skill = state.skill().map(|skill| skill.path.clone()).or_else(|| state.skills.wanted.clone());
        Self {
            workspace: name(&state.place.workspace),
            skill: skill.filter(|path| is_text(path)),
            tab: Some(format!("{:?}", state.tab)),
            theme: state.keeping.theme.clone(),
            mouse: state.keeping.mouse,
            auto_run: Some(state.options.auto_run),
            list_extra: state.list_extra,
            split_extra: state.split_extra,
            inputs,
            recent: state.recent.clone(),
        }
    }

    /// Worth to be written at once. Where one stands is written when the workbench is left: it changes with every key.
    pub fn is_news_after(&self, last: &Self) -> bool {
        let standing = Self { skill: self.skill.clone(), tab: self.tab.clone(), ..last.clone() };
        *self != standing
    }

    /// Take the workbench back to where it was. The command line has been heeded before.
    pub fn restore(&self, state: &mut State) {
        // Nobody can have dragged a border further than that.
        const FURTHEST: i16 = 400;
        if let Some(tab) = Tab::ALL.into_iter().find(|tab| self.tab == Some(format!("{tab:?}"))) {
            state.tab = tab;
        }
        if let Some(auto_run) = self.auto_run {
            state.options.auto_run = auto_run;
        }
        state.list_extra = self.list_extra.clamp(-FURTHEST, FURTHEST);
        state.split_extra = self.split_extra.clamp(-FURTHEST, FURTHEST);
        state.recent.clone_from(&self.recent);
        state.skills.wanted.clone_from(&self.skill);
        state.keeping.theme.clone_from(&self.theme);
        state.keeping.mouse = self.mouse;
        state.keeping.inputs.clone_from(&self.inputs);
    }
}

impl State {
    /// The user chose the theme in use.
    pub fn keep_theme(&mut self) {
        self.keeping.theme = Some(self.options.theme.name().to_owned());
    }
}

/// How a workspace is named in its file.
pub fn name(workspace: &Path) -> String {
    workspace.to_string_lossy().into_owned()
}

/// JSON holds only such paths: others are not remembered, and do not keep the rest from it.
fn is_text(path: &Path) -> bool {
    path.to_str().is_some()
}

/// A line that holds a secret, by its form or by the name of its option, is not written down.
fn is_secret(arguments: &str) -> bool {
    const NAMES: [&str; 8] =
        ["token", "secret", "passw", "apikey", "api-key", "api_key", "credential", "authorization"];
    let lower = arguments.to_ascii_lowercase();
    secret::mask(arguments) != arguments || NAMES.iter().any(|name| lower.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_with_secrets_are_told_by_name_and_form() {
        assert!(is_secret("--token abc") && is_secret("--API-KEY=abc") && is_secret("-u x --password y"));
        let pat = ["ghp_", "a8Xq2LmZ0pR7tYwB5cVn", "K3jH6gF1dS9aQ4eU"].concat();
        assert!(is_secret(&format!("--header {pat}")));
        assert!(!is_secret("--city Bern --top 5"));
    }
}
