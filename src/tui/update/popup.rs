//! Popups: the topmost layer gets the commands first.

use tui_input::Input;

use super::{approve, browse, cases, fix, form, history, learn, navigate, packages, run, search, typing};
use crate::tui::effect::Effect;
use crate::tui::key::{Code, Key};
use crate::tui::keymap::Command;
use crate::tui::state::scroll::Motion;
use crate::tui::state::{Choice, Layer, Pane, Prompt, PromptKind, Scroll, Search, State};

/// Open a line in which is typed what is looked for.
pub(super) fn open_line(state: &mut State, kind: PromptKind) {
    let text = match kind {
        PromptKind::Filter => state.skills.filter(),
        PromptKind::Help => &state.help_needle,
        _ => "",
    };
    let prompt = Prompt { kind, input: Input::new(text.to_owned()) };
    state.layers.push(Layer::Prompt(prompt));
}

pub(super) fn open_case_name(state: &mut State) {
    let prompt = Prompt { kind: PromptKind::CaseName, input: Input::default() };
    state.layers.push(Layer::Prompt(prompt));
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

/// Give a command to the topmost layer. `None` when it is not for a layer.
pub(super) fn perform(state: &mut State, command: Command) -> Option<Vec<Effect>> {
    let page = usize::from(state.height.saturating_sub(6)).max(1);
    match state.layers.last_mut()? {
        Layer::Help(_) => help(state, command, page),
        Layer::Denial(_) => denial(state, command),
        Layer::Change(scroll) => {
            if let Some(motion) = navigate::motion(command) {
                // A diff of the report has some thousand lines at most; the view knows how many.
                scroll.slide(motion, 5000, page);
                return Some(Vec::new());
            }
            match command {
                Command::Quit | Command::Close | Command::Open => drop(state.layers.pop()),
                Command::Left | Command::Right => {
                    *scroll = Scroll::default();
                    let step = if command == Command::Right { 1 } else { -1 };
                    let length = navigate::length(state, state_findings());
                    state.run_tab.findings.go(Motion::Rows(step), length, 1);
                }
                Command::Copy | Command::Editor | Command::Help | Command::Interrupt => return None,
                Command::Cancel | Command::Suspend | Command::Redraw | Command::Mouse => return None,
                _ => {}
            }
            Some(Vec::new())
        }
        Layer::Packages(_, scroll) => {
            if let Some(motion) = navigate::motion(command) {
                scroll.slide(motion, 200, 1);
                return Some(Vec::new());
            }
            Some(packages::answer(state, command))
        }
        Layer::Request(scroll) => {
            if let Some(motion) = navigate::motion(command) {
                scroll.slide(motion, 200, 1);
                return Some(Vec::new());
            }
            Some(approve::answer(state, command))
        }
        Layer::Fix(view) => {
            if let Some(motion) = navigate::motion(command) {
                let length = view.draft.titles.len() + view.draft.diff.len() + 1;
                view.scroll.slide(motion, length, page);
                return Some(Vec::new());
            }
            fix::answer(state, command)
        }
        Layer::Offer(offered) => {
            if let Some(motion) = navigate::motion(command) {
                // The view knows how many rows the lines take.
                offered.scroll.slide(motion, offered.offer.rows.len() * 3, page);
                return Some(Vec::new());
            }
            if matches!(command, Command::Interrupt | Command::Suspend | Command::Redraw) {
                return None;
            }
            Some(learn::answer(state, command))
        }
        Layer::Comparison(scroll) => {
            let lines = state.history.compared.as_ref().and_then(|compared| compared.lines.as_ref());
            let length = lines.map_or(0, Vec::len) + 2;
            if let Some(motion) = navigate::motion(command) {
                scroll.slide(motion, length, page);
                return Some(Vec::new());
            }
            comparison(state, command)
        }
        Layer::Choice(choice) => {
            let choice = *choice;
            Some(choose(state, choice, command, page))
        }
        // Its keys do not come here; the wheel does.
        Layer::Form(_) => {
            match command {
                Command::Up => form::wheel(state, -1),
                Command::Down => form::wheel(state, 1),
                _ => {}
            }
            Some(Vec::new())
        }
        // Keys of a prompt do not come here; a mouse command may.
        Layer::Prompt(_) => {
            state.layers.pop();
            None
        }
    }
}

/// A key while a denial is open.
fn denial(state: &mut State, command: Command) -> Option<Vec<Effect>> {
    if let (Some(motion), Some(Layer::Denial(scroll))) = (navigate::motion(command), state.layers.last_mut())
    {
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
            Some(run::start(state))
        }
        Command::Allow => Some(run::allow(state)),
        Command::Narrower | Command::Wider => {
            let last = state.denial().map_or(0, |denial| denial.alternatives.len());
            let step = if command == Command::Wider { 1 } else { -1 };
            state.run_tab.grant = state.run_tab.grant.saturating_add_signed(step).min(last);
            Some(Vec::new())
        }
        Command::Editor | Command::TakeBack | Command::Approve => None,
        _ if BENEATH.contains(&command) => None,
        _ => Some(Vec::new()),
    }
}

fn help(state: &mut State, command: Command, page: usize) -> Option<Vec<Effect>> {
    if let Some(motion) = navigate::motion(command) {
        let length = state.help_rows().len();
        if let Some(Layer::Help(scroll)) = state.layers.last_mut() {
            scroll.slide(motion, length, page + 2);
        }
        return Some(Vec::new());
    }
    match command {
        Command::FindHelp => open_line(state, PromptKind::Help),
        Command::Close if !state.help_needle.is_empty() => state.help_needle.clear(),
        Command::Quit | Command::Close | Command::Help | Command::Open => drop(state.layers.pop()),
        Command::Interrupt | Command::Suspend | Command::Redraw => return None,
        _ => {}
    }
    Some(Vec::new())
}

/// What means the same over an open denial or comparison as beneath it.
const BENEATH: [Command; 8] = [
    Command::Copy,
    Command::Help,
    Command::Interrupt,
    Command::Cancel,
    Command::Suspend,
    Command::Redraw,
    Command::Theme,
    Command::Mouse,
];

/// A command while two runs are compared.
fn comparison(state: &mut State, command: Command) -> Option<Vec<Effect>> {
    match command {
        Command::Quit | Command::Close | Command::Open => {
            state.layers.pop();
        }
        Command::Left | Command::Right => {
            let step = if command == Command::Right { 8 } else { -8 };
            if let Some(Layer::Comparison(scroll)) = state.layers.last_mut() {
                scroll.left = scroll.left.saturating_add_signed(step).min(crate::run::log::MAX_COLUMNS);
            }
        }
        _ if BENEATH.contains(&command) => return None,
        // Everything else is about what lies below.
        _ => {
            state.layers.pop();
            return None;
        }
    }
    Some(Vec::new())
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
        Choice::Theme(..) => state.options.theme.set.themes().len(),
        Choice::Export(_) => history::FORMS.len(),
        Choice::Remove(_) => history::REMOVAL.len(),
    };
    if let Some(motion) = navigate::motion(command) {
        choice.scroll_mut().go(motion, length, page);
        let cursor = choice.scroll().cursor;
        if let Some(top) = state.layers.last_mut() {
            *top = Layer::Choice(choice);
        }
        return if matches!(choice, Choice::Theme(..)) {
            super::theme::set(state, cursor)
        } else {
            Vec::new()
        };
    }
    match command {
        Command::Open => {
            state.layers.pop();
            match choice {
                Choice::Entry(scroll, run) => {
                    browse::choose_entry(state, scroll.cursor);
                    if run {
                        return run::start(state);
                    }
                }
                Choice::Theme(scroll, _) => {
                    let effects = super::theme::set(state, scroll.cursor);
                    state.keep_theme();
                    return effects;
                }
                Choice::Export(scroll) => return history::export(state, scroll.cursor),
                Choice::Remove(scroll) => return history::remove(state, scroll.cursor),
            }
            Vec::new()
        }
        Command::Quit | Command::Close | Command::Interrupt => {
            state.layers.pop();
            match choice {
                Choice::Theme(_, before) => super::theme::set(state, before),
                Choice::Entry(..) => Vec::new(),
                Choice::Export(_) | Choice::Remove(_) => {
                    state.history.target = None;
                    Vec::new()
                }
            }
        }
        _ => Vec::new(),
    }
}

/// A key while a line is typed.
pub(super) fn type_key(state: &mut State, key: Key) -> Vec<Effect> {
    let Some(Layer::Prompt(prompt)) = state.layers.last_mut() else { return Vec::new() };
    match (key.code, key.ctrl || key.alt) {
        (Code::Enter, _) => return accept(state),
        (Code::Up | Code::Down, _) if prompt.kind == PromptKind::Filter => {
            let rows = if key.code == Code::Up { -1 } else { 1 };
            navigate::go(state, Pane::Skills, Motion::Rows(rows));
            return Vec::new();
        }
        (Code::Esc, _) | (Code::Char('c'), true) => {
            dismiss(state);
            return Vec::new();
        }
        (Code::Backspace, _) if is_search(prompt.kind) && prompt.input.value().is_empty() => {
            dismiss(state);
            return Vec::new();
        }
        _ => {}
    }
    typing::edit(&mut prompt.input, key);
    search_as_typed(state);
    Vec::new()
}

pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    form::paste(state, text);
    if let Some(Layer::Prompt(prompt)) = state.layers.last_mut() {
        typing::paste(&mut prompt.input, text);
        search_as_typed(state);
    }
    Vec::new()
}

/// What is typed is looked for as it is typed.
const fn is_search(kind: PromptKind) -> bool {
    matches!(kind, PromptKind::Search | PromptKind::Filter | PromptKind::Help)
}

/// Matches light up, and lists get shorter, while the needle is typed.
fn search_as_typed(state: &mut State) {
    let Some(Layer::Prompt(Prompt { kind, input, .. })) = state.layers.last() else { return };
    let (kind, needle) = (*kind, input.value().to_owned());
    look_for(state, kind, needle);
}

fn look_for(state: &mut State, kind: PromptKind, needle: String) {
    match kind {
        PromptKind::Search => state.search = (!needle.is_empty()).then_some(Search { needle }),
        PromptKind::Filter => navigate::filter(state, &needle),
        PromptKind::Help => {
            state.help_needle = needle;
            let under = state.layers.iter_mut().rev().nth(1);
            if let Some(Layer::Help(scroll)) = under {
                *scroll = Scroll::default();
            }
        }
        PromptKind::CaseName => {}
    }
}

fn dismiss(state: &mut State) {
    if let Some(Layer::Prompt(Prompt { kind, .. })) = state.layers.pop() {
        look_for(state, kind, String::new());
    }
}

fn accept(state: &mut State) -> Vec<Effect> {
    let Some(Layer::Prompt(prompt)) = state.layers.pop() else { return Vec::new() };
    match prompt.kind {
        PromptKind::Search => {
            search::first(state);
            Vec::new()
        }
        PromptKind::Filter | PromptKind::Help => Vec::new(),
        PromptKind::CaseName => cases::save(state, prompt.input.value()),
    }
}
