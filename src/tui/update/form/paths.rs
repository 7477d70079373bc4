//! Tab in a path: asking for what begins like it, and stepping through the answer.

use tui_input::Input;

use crate::tui::effect::Effect;
use crate::tui::state::form::Completion;
use crate::tui::state::{FormKey, Layer, State};

/// Tab in a path. `None` when there is nothing to complete, so that Tab goes on to the next field.
pub(super) fn complete(state: &mut State) -> Option<Vec<Effect>> {
    let Some(Layer::Form(key)) = state.layers.last().cloned() else { return None };
    let field = state.form_mut()?.field_mut().filter(|field| field.path)?;
    let text = field.input().filter(|input| !input.value().is_empty())?.value().to_owned();
    match &mut field.completion {
        // Answered: the next candidate, or on to the next field.
        Some(completion) if completion.text == text => {
            let count = completion.candidates.len();
            if count == 0 {
                return None;
            }
            let next = completion.at.map_or(0, |at| (at + 1) % count);
            let candidate = completion.candidates[next].clone();
            (completion.at, completion.text) = (Some(next), candidate.clone());
            if let Some(input) = field.input_mut() {
                *input = Input::new(candidate);
            }
            state.form_mut()?.judge();
            Some(Vec::new())
        }
        _ => Some(vec![Effect::CompletePath { folder: key.skill.clone(), form: key, text }]),
    }
}

/// The answer to Tab.
pub(in crate::tui::update) fn paths_found(
    state: &mut State,
    key: &FormKey,
    text: &str,
    found: Vec<String>,
    more: bool,
) {
    let Some(facts) = state.facts.get_mut(&key.skill) else { return };
    let Some(form) = facts.forms.get_mut(&key.entry) else { return };
    // Something else was typed meanwhile.
    let Some(field) = form.field_mut().filter(|field| field.input().is_some_and(|i| i.value() == text))
    else {
        return;
    };
    let common = common_start(&found);
    let longer = common.len() > text.len();
    let text = if longer { common } else { text.to_owned() };
    if longer && let Some(input) = field.input_mut() {
        *input = Input::new(text.clone());
        field.typed();
    }
    // A folder is gone into by the next Tab; of a file nothing is left to complete.
    let entered = matches!(found.as_slice(), [only] if only.ends_with('/')) && longer;
    if !entered {
        let candidates = if found.len() > 1 { found } else { Vec::new() };
        field.completion = Some(Completion { text, candidates, more, at: None });
    }
    form.judge();
}

fn common_start(names: &[String]) -> String {
    let Some(first) = names.first() else { return String::new() };
    let same = |at: usize, c: char| names.iter().all(|name| name[at.min(name.len())..].starts_with(c));
    let end = first.char_indices().take_while(|(at, c)| same(*at, *c)).last();
    first[..end.map_or(0, |(at, c)| at + c.len_utf8())].to_owned()
}
