//! What each command does: one line for each that a module of its own carries out, and the way out. Called for keys,
//! for the mouse and by the palette.

use super::{
    approve, browse, cases, findings, fix, form, history, learn, navigate, packages, palette, policy, popup,
    rendered, replay, resize, run, search, show_tab, theme,
};
use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::state::{Layer, Level, Pane, PromptKind, Scroll, State, Tab};

/// Do what a command says.
pub(super) fn perform(state: &mut State, command: Command) -> Vec<Effect> {
    if command == Command::Palette {
        palette::open(state);
        return Vec::new();
    }
    if let Some(effects) = popup::perform(state, command) {
        return effects;
    }
    match command {
        Command::Quit => return close_or_quit(state),
        Command::Interrupt => {
            return if state.running().is_some()
                || state.cases_run()
                || state.prepares()
                || state.is_learning()
            {
                run::cancel(state)
            } else {
                quit(state)
            };
        }
        Command::Close => close(state),
        Command::SkillTab => show_tab(state, Tab::Skill),
        Command::RunTab => show_tab(state, Tab::Run),
        Command::PolicyTab => show_tab(state, Tab::Policy),
        Command::CasesTab => show_tab(state, Tab::Cases),
        Command::RunsTab => show_tab(state, Tab::Runs),
        Command::AllRuns => history::toggle_all(state),
        Command::MarkRun => history::mark(state),
        Command::CompareRuns => return history::compare(state),
        Command::Export => history::ask_export(state),
        Command::RemoveRun => history::ask_removal(state),
        Command::Play => return history::play(state),
        Command::Faster => return replay::change_speed(state, 1),
        Command::Slower => return replay::change_speed(state, -1),
        Command::Zoom => state.zoomed = !state.zoomed,
        Command::Narrower => resize::list(state, -1),
        Command::Wider => resize::list(state, 1),
        Command::LowerSmaller => resize::lower(state, -1),
        Command::LowerLarger => resize::lower(state, 1),
        Command::Json => {
            state.skill_tab.json = !state.skill_tab.json;
            state.skill_tab.details = Scroll::default();
        }
        Command::Rendered => rendered::toggle(state),
        Command::Help => {
            state.help_needle.clear();
            state.layers.push(Layer::Help(Scroll::default()));
        }
        Command::Theme => theme::open(state),
        Command::ChooseEntry => popup::open_entries(state, false),
        Command::EditInput => form::open(state),
        Command::Filter => popup::open_line(state, PromptKind::Filter),
        Command::Search => popup::open_line(state, PromptKind::Search),
        Command::SearchNext => search::go(state, false),
        Command::SearchPrevious => search::go(state, true),
        Command::Interleave => findings::interleave(state),
        Command::TimelineFilter => findings::next_filter(state),
        Command::Prepare => return packages::ask(state),
        Command::CopyCommand => return browse::copy_command(state),
        Command::AutoRun => {
            state.options.auto_run = !state.options.auto_run;
            let on = if state.options.auto_run { "on" } else { "off" };
            state.say(Level::Info, format!("re-run on save is {on}"));
        }
        Command::Mouse => {
            state.options.mouse = !state.options.mouse;
            state.keeping.mouse = Some(state.options.mouse);
            let on = if state.options.mouse { "on" } else { "off: the terminal selects text" };
            state.say(Level::Info, format!("mouse {on}"));
            return vec![Effect::SetMouse(state.options.mouse)];
        }
        Command::Samples => return vec![Effect::WriteSamples],
        Command::Suspend => return vec![Effect::Suspend],
        Command::Redraw => return vec![Effect::Redraw],
        Command::Run => return run::start(state),
        Command::RunCase => return cases::run_chosen(state),
        Command::RunCases => return cases::run_all(state),
        Command::SaveCase => popup::open_case_name(state),
        Command::Cancel => return run::cancel(state),
        Command::Learn => return learn::start(state),
        Command::Tighten => return learn::tighten(state),
        Command::Allow => return run::allow(state),
        Command::Approve => return approve::toggle(state),
        Command::TakeBack => return run::take_back(state),
        Command::Fix => return fix::open(state),
        Command::UndoFix => return fix::take_back(state),
        Command::RemoveGrant => policy::propose_removal(state),
        Command::Editor => return browse::edit(state),
        Command::Copy => return browse::copy(state),
        Command::Open => return browse::open(state),
        other => navigate::perform(state, other),
    }
    Vec::new()
}

fn close(state: &mut State) {
    if state.focus == Pane::Skills && !state.skills.filter().is_empty() {
        return navigate::filter(state, "");
    }
    let failed = state.preparation.as_ref().is_some_and(|preparation| !preparation.is_under_way());
    if failed {
        state.preparation = None;
    } else if state.search.take().is_none()
        && !browse::close_file(state)
        && !std::mem::take(&mut state.zoomed)
    {
        history::leave(state);
    }
}

fn close_or_quit(state: &mut State) -> Vec<Effect> {
    if state.zoomed {
        state.zoomed = false;
        return Vec::new();
    }
    if history::leave(state) { Vec::new() } else { quit(state) }
}

pub(super) fn quit(state: &mut State) -> Vec<Effect> {
    state.quitting = true;
    vec![Effect::Quit]
}
