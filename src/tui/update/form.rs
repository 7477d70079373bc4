//! The run form: opening it, typing into it, running what it holds.

mod mouse;
mod paths;
mod typing;

pub(super) use mouse::{press, wheel};
pub(super) use paths::paths_found;
pub(super) use typing::paste;

use super::run;
use crate::tui::effect::Effect;
use crate::tui::examples;
use crate::tui::key::{Code, Key};
use crate::tui::keymap::{self, Command};
use crate::tui::layout::form as place;
use crate::tui::state::form::{Field, Focus, Form, Mode, command};
use crate::tui::state::{FormKey, Layer, Level, State};

pub(super) fn open(state: &mut State) {
    let (Some(skill), Some(entry)) = (state.skill().cloned(), state.entry().cloned()) else { return };
    let facts = state.facts.entry(skill.path.clone()).or_default();
    let tools = facts.tools_of(&entry.file);
    let form = facts.forms.entry(entry.file.clone()).or_insert_with(|| Form::new(&tools));
    form.examples = examples::of(&skill.source, &entry.file);
    form.note = None;
    state.layers.push(Layer::Form(FormKey { skill: skill.path.clone(), entry: entry.file }));
}

/// What keeps the entry from being run: shown in the form, at the first problem.
pub(super) fn open_at_problem(state: &mut State) {
    open(state);
    if let Some(form) = state.form_mut() {
        go_to_problem(form);
    }
}

/// A key while the form is open.
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    if let Some(wanted) = keymap::command(state, key) {
        return perform(state, wanted, key);
    }
    let Some(form) = state.form_mut() else { return Vec::new() };
    form.note = None;
    match form.mode {
        Mode::Form => typing::type_field(form, key),
        Mode::Arguments => typing::type_line(form, key),
        Mode::Json => typing::type_json(form, key),
    }
    form.judge();
    Vec::new()
}

fn perform(state: &mut State, wanted: Command, key: Key) -> Vec<Effect> {
    match wanted {
        Command::Close => {
            state.layers.pop();
            return Vec::new();
        }
        Command::Submit => return submit(state),
        Command::Suspend => return vec![Effect::Suspend],
        Command::Redraw => return vec![Effect::Redraw],
        Command::CopyCommand => return copy(state),
        Command::NextField if key.code == Code::Tab => {
            if let Some(effects) = paths::complete(state) {
                return effects;
            }
        }
        _ => {}
    }
    let Some(form) = state.form_mut() else { return Vec::new() };
    form.note = None;
    match wanted {
        Command::SwitchInput => form.switch(),
        Command::ResetForm => form.reset(),
        Command::NextField => step(form, 1, key.code != Code::Tab),
        Command::PreviousField => step(form, -1, key.code != Code::Tab),
        Command::StepChoice => step_choice(form, key.code != Code::Left),
        Command::AddItem => form.field_mut().into_iter().for_each(Field::add_item),
        Command::RemoveItem => form.field_mut().into_iter().for_each(Field::remove_item),
        _ => {}
    }
    form.judge();
    Vec::new()
}

/// Run what was entered, or go to what is wrong with it.
fn submit(state: &mut State) -> Vec<Effect> {
    let Some(form) = state.form_mut() else { return Vec::new() };
    form.judge();
    if form.judged.is_err() {
        go_to_problem(form);
        return Vec::new();
    }
    // An entry that is run as it stands was looked at: what `r` gives it is this.
    form.tried = true;
    state.layers.pop();
    run::start(state)
}

fn go_to_problem(form: &mut Form) {
    form.tried = true;
    let Some(first) = form.judged.as_ref().err().and_then(|problems| problems.first()).cloned() else {
        return;
    };
    let mut said = first.text.clone();
    match form.mode {
        Mode::Form => {
            if let Some(index) = form.first_wrong() {
                form.focus = Focus::Field(index);
                let field = form.field();
                let name = field.map(|field| field.name.clone()).unwrap_or_default();
                let own = field.and_then(|field| form.problems_of(field).next());
                said = format!("{name}: {}", own.map_or(first.text.as_str(), |problem| &problem.text));
            }
        }
        Mode::Json => {
            if let Some((line, column)) = first.place {
                form.json.go(line - 1, column - 1);
                said = format!("{line}:{column}: {said}");
            }
        }
        Mode::Arguments => {}
    }
    form.note = Some(format!("not run: {said}"));
}

fn copy(state: &mut State) -> Vec<Effect> {
    let Some(Ok(input)) = state.form().map(|form| &form.judged) else {
        if let Some(form) = state.form_mut() {
            form.note = Some("nothing to copy before the input is complete".to_owned());
        }
        return Vec::new();
    };
    let Some(entry) = state.entry() else { return Vec::new() };
    let text = format!("{} {}", command(entry), input.for_shell());
    if let Some(form) = state.form_mut() {
        form.note = Some("copied the command line; it is for the skill's folder".to_owned());
    }
    vec![Effect::Copy(text)]
}

/// To the next field or the one before; first through the items of a list, when `items`.
fn step(form: &mut Form, rows: isize, items: bool) {
    if items && form.field_mut().is_some_and(|field| field.move_item(rows > 0)) {
        return;
    }
    let several = form.drafts.len() > 1;
    let count = form.draft().map_or(0, |draft| draft.fields.len()) as isize;
    let first = if several { -1 } else { 0 };
    let last = (count - 1).max(first);
    let at = match form.focus {
        Focus::Tool => -1,
        Focus::Field(at) => at as isize,
    };
    let mut to = at + rows;
    if items {
        to = to.clamp(first, last);
    } else if to > last {
        to = first;
    } else if to < first {
        to = last;
    }
    form.focus = if to < 0 && several { Focus::Tool } else { Focus::Field(to.max(0) as usize) };
}

fn step_choice(form: &mut Form, forward: bool) {
    match form.focus {
        Focus::Tool => form.step_tool(forward),
        Focus::Field(_) => form.field_mut().into_iter().for_each(|field| field.step(forward)),
    }
}

/// After every change: the form is still there, its schema is the newest, and the cursor is in sight.
pub(super) fn settle(state: &mut State) {
    let Some(Layer::Form(key)) = state.layers.last() else { return };
    let known = |skill: &std::sync::Arc<crate::skill::Skill>| {
        skill.path == key.skill && skill.entries.iter().any(|entry| entry.file == key.entry)
    };
    if !state.skill().is_some_and(known) || state.form().is_none() {
        state.layers.pop();
        state.say(Level::Info, "the entry of the form is gone");
        return;
    }
    let Some(form) = state.form() else { return };
    let top = place::top(form, place::layout(state, form).body);
    if let Some(form) = state.form_mut() {
        form.top = top;
    }
}

/// The schema of a skill was read: its forms follow.
pub(super) fn fit(state: &mut State, skill: &std::path::Path) {
    let Some(facts) = state.facts.get_mut(skill) else { return };
    let mut forms = std::mem::take(&mut facts.forms);
    for (entry, form) in &mut forms {
        form.fit(&facts.tools_of(entry));
    }
    facts.forms = forms;
}
