//! Popups: the topmost layer gets the commands first.

use tui_input::{Input, InputRequest};

use super::{approve, browse, navigate, run, search};
use crate::tui::effect::Effect;
use crate::tui::examples;
use crate::tui::key::{Code, Key};
use crate::tui::keymap::Command;
use crate::tui::state::scroll::Motion;
use crate::tui::state::{Choice, Layer, Prompt, PromptKind, Scroll, Search, State};

/// Longest text that can be typed or pasted into a prompt.
const PROMPT_LIMIT: usize = 4096;

pub(super) fn open_search(state: &mut State) {
    let input = Input::default();
    let prompt = Prompt { kind: PromptKind::Search, input, examples: Vec::new(), example: None };
    state.layers.push(Layer::Prompt(prompt));
}

pub(super) fn open_arguments(state: &mut State) {
    let (Some(skill), Some(entry)) = (state.skill(), state.entry()) else { return };
    let examples = examples::of(&skill.source, &entry.file);
    let input = Input::new(state.chosen_facts().map(|facts| facts.arguments.clone()).unwrap_or_default());
    let prompt = Prompt { kind: PromptKind::Arguments, input, examples, example: None };
    state.layers.push(Layer::Prompt(prompt));
}

/// Put the next or the one before of the examples into the line.
fn step_example(prompt: &mut Prompt, step: isize) {
    let count = prompt.examples.len();
    if count == 0 {
        return;
    }
    let next = match prompt.example {
        None if step > 0 => 0,
        None => count - 1,
        Some(at) => (at as isize + step).rem_euclid(count as isize) as usize,
    };
    prompt.example = Some(next);
    prompt.input = Input::new(prompt.examples[next].clone());
}

/// Let the user choose an entry, and run it then when `run` says so.
pub(super) fn open_entries(state: &mut State, run: bool) {
    let cursor = state.skill().and_then(|skill| {
        let chosen = state.entry()?;
        skill.entries.iter().position(|entry| entry == chosen)
    });
    let scroll = Scroll { cursor: cursor.unwrap_or(0), ..Scroll::default() };
    state.layers.push(Layer::Choice(Choice::Entry(scroll, run)));
}

pub(super) fn open_themes(state: &mut State) {
    let cursor = state.options.theme;
    state.layers.push(Layer::Choice(Choice::Theme(Scroll { cursor, ..Scroll::default() }, cursor)));
}

/// Give a command to the topmost layer. `None` when it is not for a layer.
pub(super) fn perform(state: &mut State, command: Command) -> Option<Vec<Effect>> {
    let page = usize::from(state.height.saturating_sub(6)).max(1);
    match state.layers.last_mut()? {
        Layer::Help(scroll) => {
            if let Some(motion) = navigate::motion(command) {
                // The view knows the number of lines; far more than there are is harmless.
                let length = crate::tui::keymap::TABLE.len() + 8;
                scroll.slide(motion, length, page);
            } else if matches!(command, Command::Quit | Command::Close | Command::Help | Command::Open) {
                state.layers.pop();
            } else if command == Command::Interrupt
                || command == Command::Suspend
                || command == Command::Redraw
            {
                return None;
            }
            Some(Vec::new())
        }
        Layer::Denial(scroll) => {
            if let Some(motion) = navigate::motion(command) {
                scroll.slide(motion, 200, 1);
                return Some(Vec::new());
            }
            match command {
                Command::Quit | Command::Close | Command::Open => {
                    state.layers.pop();
                    Some(Vec::new())
                }
                Command::Left | Command::Right => {
                    step_denial(state, if command == Command::Right { 1 } else { -1 });
                    Some(Vec::new())
                }
                Command::Run => {
                    state.layers.pop();
                    Some(run::start(state, None))
                }
                Command::Allow => Some(run::allow(state)),
                Command::Narrower | Command::Wider => {
                    let last = state.denial().map_or(0, |denial| denial.alternatives.len());
                    let step = if command == Command::Wider { 1 } else { -1 };
                    state.run_tab.grant = state.run_tab.grant.saturating_add_signed(step).min(last);
                    Some(Vec::new())
                }
                Command::Editor
                | Command::Copy
                | Command::Help
                | Command::Interrupt
                | Command::Cancel
                | Command::Suspend
                | Command::Redraw
                | Command::Theme
                | Command::Mouse
                | Command::TakeBack
                | Command::Approve => None,
                _ => Some(Vec::new()),
            }
        }
        Layer::Request(scroll) => {
            if let Some(motion) = navigate::motion(command) {
                scroll.slide(motion, 200, 1);
                return Some(Vec::new());
            }
            Some(approve::answer(state, command))
        }
        Layer::Choice(choice) => {
            let choice = *choice;
            Some(choose(state, choice, command, page))
        }
        // Keys of a prompt do not come here; a mouse command may.
        Layer::Prompt(_) => {
            state.layers.pop();
            None
        }
    }
}

fn step_denial(state: &mut State, step: isize) {
    let length = navigate::length(state, state_findings());
    state.run_tab.findings.go(Motion::Rows(step), length, 1);
    state.run_tab.grant = 0;
    if let Some(Layer::Denial(scroll)) = state.layers.last_mut() {
        *scroll = Scroll::default();
    }
}

const fn state_findings() -> crate::tui::state::Pane {
    crate::tui::state::Pane::Findings
}

fn choose(state: &mut State, mut choice: Choice, command: Command, page: usize) -> Vec<Effect> {
    let length = match choice {
        Choice::Entry(..) => state.skill().map_or(0, |skill| skill.entries.len()),
        Choice::Theme(..) => state.options.themes.len(),
    };
    if let Some(motion) = navigate::motion(command) {
        choice.scroll_mut().go(motion, length, page);
        let cursor = choice.scroll().cursor;
        if let Some(top) = state.layers.last_mut() {
            *top = Layer::Choice(choice);
        }
        return if matches!(choice, Choice::Theme(..)) { set_theme(state, cursor) } else { Vec::new() };
    }
    match command {
        Command::Open => {
            state.layers.pop();
            match choice {
                Choice::Entry(scroll, run) => {
                    browse::choose_entry(state, scroll.cursor);
                    if run {
                        return run::start(state, None);
                    }
                }
                Choice::Theme(scroll, _) => return set_theme(state, scroll.cursor),
            }
            Vec::new()
        }
        Command::Quit | Command::Close | Command::Interrupt => {
            state.layers.pop();
            match choice {
                Choice::Theme(_, before) => set_theme(state, before),
                Choice::Entry(..) => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

fn set_theme(state: &mut State, theme: usize) -> Vec<Effect> {
    state.options.theme = theme;
    vec![Effect::SetTheme(theme)]
}

/// A key while a line is typed.
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    let Some(Layer::Prompt(prompt)) = state.layers.last_mut() else { return Vec::new() };
    let request = match (key.code, key.ctrl || key.alt) {
        (Code::Enter, _) => return accept(state),
        (Code::Up, _) | (Code::Char('p'), true) => {
            step_example(prompt, -1);
            return Vec::new();
        }
        (Code::Down, _) | (Code::Char('n'), true) => {
            step_example(prompt, 1);
            return Vec::new();
        }
        (Code::Esc, _) | (Code::Char('c'), true) => {
            dismiss(state);
            return Vec::new();
        }
        (Code::Backspace, _) if prompt.kind == PromptKind::Search && prompt.input.value().is_empty() => {
            dismiss(state);
            return Vec::new();
        }
        (Code::Char(c), false) => InputRequest::InsertChar(c),
        (Code::Backspace, false) => InputRequest::DeletePrevChar,
        (Code::Delete, _) => InputRequest::DeleteNextChar,
        (Code::Left, false) | (Code::Char('b'), true) => InputRequest::GoToPrevChar,
        (Code::Right, false) | (Code::Char('f'), true) => InputRequest::GoToNextChar,
        (Code::Left, true) => InputRequest::GoToPrevWord,
        (Code::Right, true) => InputRequest::GoToNextWord,
        (Code::Home, _) | (Code::Char('a'), true) => InputRequest::GoToStart,
        (Code::End, _) | (Code::Char('e'), true) => InputRequest::GoToEnd,
        (Code::Char('u'), true) => InputRequest::DeleteLine,
        (Code::Char('w') | Code::Backspace, true) => InputRequest::DeletePrevWord,
        (Code::Char('k'), true) => InputRequest::DeleteTillEnd,
        _ => return Vec::new(),
    };
    let full = prompt.input.value().len() >= PROMPT_LIMIT && matches!(request, InputRequest::InsertChar(_));
    if !full {
        let _ = prompt.input.handle(request);
    }
    search_as_typed(state);
    Vec::new()
}

pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(Layer::Prompt(prompt)) = state.layers.last_mut() {
        for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            if prompt.input.value().len() >= PROMPT_LIMIT {
                break;
            }
            let _ = prompt.input.handle(InputRequest::InsertChar(c));
        }
        search_as_typed(state);
    }
    Vec::new()
}

/// Matches light up while the needle is typed.
fn search_as_typed(state: &mut State) {
    if let Some(Layer::Prompt(Prompt { kind: PromptKind::Search, input, .. })) = state.layers.last() {
        let needle = input.value().to_owned();
        state.search = (!needle.is_empty()).then_some(Search { needle });
    }
}

fn dismiss(state: &mut State) {
    if let Some(Layer::Prompt(Prompt { kind: PromptKind::Search, .. })) = state.layers.pop() {
        state.search = None;
    }
}

fn accept(state: &mut State) -> Vec<Effect> {
    let Some(Layer::Prompt(prompt)) = state.layers.pop() else { return Vec::new() };
    match prompt.kind {
        PromptKind::Search => {
            search::first(state);
            Vec::new()
        }
        PromptKind::Arguments => run::set_arguments(state, prompt.input.value()),
    }
}
