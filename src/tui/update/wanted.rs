//! What the screen shows and nobody has read yet: the chosen skill, the file behind a denial, an opened file. Asked
//! for once after a change, and filled in when it comes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use crate::tui::effect::Effect;
use crate::tui::state::kept::Input;
use crate::tui::state::{Facts, FileText, Layer, State};

pub(super) fn want_skill(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(skill) = state.skill().cloned() else { return };
    let facts = state.facts.entry(skill.path.clone()).or_insert_with(|| {
        let Input { entry, arguments } = state.keeping.inputs.get(&skill.path).cloned().unwrap_or_default();
        let mut facts = Facts { entry, ..Facts::default() };
        facts.remember(&skill, &arguments);
        facts
    });
    if facts.asked {
        return;
    }
    facts.asked = true;
    facts.source_key = text_key(&skill.source);
    let key = facts.source_key;
    if state.highlights.ask(key) {
        effects.push(Effect::Highlight {
            key,
            name: PathBuf::from("SKILL.md"),
            text: Arc::from(skill.source.as_str()),
        });
    }
    state.cases.entry(skill.path.clone()).or_default().reading = true;
    effects.push(Effect::LoadCases(Arc::clone(&skill)));
    effects.push(Effect::Explore(skill));
}

/// The file that an open denial points to.
pub(super) fn want_denial_file(state: &mut State, effects: &mut Vec<Effect>) {
    if !matches!(state.layers.last(), Some(Layer::Denial(_))) {
        return;
    }
    let Some(path) = state.denial().and_then(|denial| state.blamed(denial)).map(|frame| frame.file.clone())
    else {
        return;
    };
    want_file(state, path, effects);
}

/// A file of the chosen skill that is on the screen.
pub(super) fn want_file(state: &mut State, path: PathBuf, effects: &mut Vec<Effect>) {
    let Some(skill) = state.skill().map(|skill| skill.path.clone()) else { return };
    match state.files.get(&path) {
        None => {
            state.files.insert(path.clone(), FileText::Waiting);
            effects.push(Effect::ReadFile { skill, path });
        }
        Some(FileText::Read(text, key)) => {
            let (text, key) = (Arc::clone(text), *key);
            if state.highlights.ask(key) {
                effects.push(Effect::Highlight { key, name: path, text });
            }
        }
        Some(_) => {}
    }
}

pub(super) fn file_read(state: &mut State, path: PathBuf, result: Result<Arc<str>, String>) {
    let text = match result {
        Ok(text) => {
            let key = text_key(&text);
            FileText::Read(text, key)
        }
        Err(problem) => FileText::Failed(problem),
    };
    state.files.insert(path, text);
}

/// Names a text by its content.
pub(super) fn text_key(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
