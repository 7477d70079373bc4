//! The one place where state changes: `update(state, action)` gives the effects that the change asks for.

mod approve;
mod browse;
pub(super) mod cases;
pub(super) mod findings;
pub(super) mod fix;
mod form;
pub(super) mod history;
mod learn;
mod mouse;
mod navigate;
mod packages;
mod palette;
mod perform;
mod policy;
mod popup;
mod rendered;
mod replay;
mod resize;
mod run;
mod search;
mod tabs;
mod theme;
mod typing;
mod wanted;
mod why_not;
mod workspace;

pub(super) use palette::reason;

use super::action::{Action, RunNews};
use super::effect::{Effect, HistoryAsk};
use super::key::Key;
use super::keymap::{self, Command};
use super::layout::layout;
use super::state::kept::Kept;
use super::state::{Layer, Level, Pane, Phase, State, Tab};
use perform::{perform, quit};
use tabs::{first_pane, show_tab};
use wanted::{file_read, text_key, want_denial_file, want_file, want_skill};
use why_not::why_not;

/// Apply `action`, and say what is to be done outside.
pub fn update(state: &mut State, action: Action) -> Vec<Effect> {
    // Not for every piece of output: nothing that is listed depends on it.
    let by_user = matches!(action, Action::Key(_) | Action::Mouse(_) | Action::Paste(_) | Action::Terminate);
    let stirs = !matches!(action, Action::Key(_) | Action::Run(_, RunNews::Output(..) | RunNews::Usage(..)));
    let mut effects = match action {
        Action::Key(key) => {
            let mut effects = on_key(state, key);
            // Ages are told as of now when somebody looks.
            effects.extend((state.tab == Tab::Runs).then_some(Effect::History(HistoryAsk::Now)));
            effects
        }
        Action::Mouse(event) => mouse::on_mouse(state, event),
        Action::Paste(text) if state.palette.is_some() => {
            palette::paste(state, &text);
            Vec::new()
        }
        Action::Paste(text) => popup::paste(state, &text),
        Action::Resize(width, height) => {
            (state.width, state.height) = (width, height);
            Vec::new()
        }
        Action::Ground(kind) => theme::on_ground(state, kind),
        Action::Themes(set) => theme::on_read(state, &set),
        Action::Terminate => quit(state),
        Action::Workspace(news) => workspace::on_news(state, news),
        Action::Run(id, news) => run::on_news(state, id, news),
        Action::Highlighted(key, lines) => {
            state.highlights.fill(key, lines);
            Vec::new()
        }
        Action::Rendered(key, lines, whole) => {
            state.renderings.fill(key, lines, whole);
            Vec::new()
        }
        Action::FileRead(path, result) => {
            file_read(state, path, result);
            Vec::new()
        }
        Action::Explored { skill, tools, files, learned, request } => {
            if let Some(facts) = state.facts.get_mut(&skill) {
                facts.tools = Some(tools);
                facts.files = Some(files);
                facts.learned = Some(learned);
                facts.request = request;
                facts.explored = facts.asked;
                if let Some(skill) = state.skills.get(&skill) {
                    state.saves.explored(skill, facts);
                }
            }
            form::fit(state, &skill);
            Vec::new()
        }
        Action::PolicyReviewed { skill, review } => policy::on_review(state, &skill, review),
        Action::GrantsCounted { skill, text, uses } => {
            policy::on_counted(state, &skill, &text, uses);
            Vec::new()
        }
        Action::FixDrafted(result) => fix::on_drafted(state, result),
        Action::Fixed { skill, undoable, result } => fix::on_fixed(state, &skill, undoable, result),
        Action::Cases(news) => cases::on_news(state, news),
        Action::Learn(news) => learn::on_news(state, news),
        Action::History(news) => history::on_news(state, news),
        Action::Approved { skill, request, said } => {
            state.forget_policy(&skill);
            state.facts.entry(skill).or_default().request = request;
            match said {
                Ok(text) => state.say(Level::Info, text),
                Err(problem) => state.say(Level::Warning, problem),
            }
            Vec::new()
        }
        Action::Granted { skill, request, result } => run::on_granted(state, &skill, request, result),
        Action::Packages(skill, news) => packages::on_news(state, &skill, news),
        Action::Working(what) => {
            state.working = what;
            Vec::new()
        }
        Action::SamplesWritten(result) => {
            match result {
                Ok(folder) => {
                    state.say(Level::Info, format!("samples written to {}", state.place.short(&folder)));
                }
                Err(problem) => state.say(Level::Error, problem),
            }
            Vec::new()
        }
        Action::PathsFound { form, text, candidates, more } => {
            form::paths_found(state, &form, &text, candidates, more);
            Vec::new()
        }
        Action::Notice(level, text) => {
            state.say(level, text);
            Vec::new()
        }
    };
    settle(state, &mut effects);
    if stirs && state.palette.is_some() {
        palette::settle(state);
    }
    if by_user {
        keep(state, &mut effects);
    }
    effects
}

fn on_key(state: &mut State, key: Key) -> Vec<Effect> {
    state.notice = None;
    if state.palette.is_some() {
        return palette::type_key(state, key);
    }
    match state.layers.last() {
        Some(Layer::Prompt(_)) => return popup::type_key(state, key),
        Some(Layer::Form(_)) => return form::type_key(state, key),
        _ => {}
    }
    if let Some(command) = keymap::command(state, key) {
        perform(state, command)
    } else {
        // An open denial says what can be allowed; why not has to be said here.
        let told = |binding: &&keymap::Binding| state.layers.is_empty() || binding.command == Command::Allow;
        if let Some(binding) = keymap::unavailable(state, key).filter(told) {
            let why = reason(state, binding);
            state.say(Level::Info, format!("{key}: {why}"));
        }
        Vec::new()
    }
}

/// After every change: positions in bounds, and everything that the screen now shows asked for.
fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    if !state.panes().contains(&state.focus) {
        state.focus = Pane::Skills;
    }
    findings::refresh(state);
    let layout = layout(state);
    navigate::clamp(state, &layout);
    form::settle(state);
    if state.phase == Phase::Ready || state.skills.touched {
        want_skill(state, effects);
    }
    want_denial_file(state, effects);
    history::settle(state, effects);
    policy::want(state, effects);
    if let (Tab::Skill, Some(opened)) = (state.tab, &state.skill_tab.opened) {
        want_file(state, opened.path.clone(), effects);
    }
    rendered::settle(state, &layout, effects);
}

/// Have written down what is worth it after a key, and everything at the end.
fn keep(state: &mut State, effects: &mut Vec<Effect>) {
    if !state.keeping.on || state.drag.is_some() {
        return;
    }
    let now = Kept::of(state);
    if now.is_news_after(&state.keeping.last) || state.quitting && now != state.keeping.last {
        state.keeping.last = now.clone();
        effects.push(Effect::Keep(Box::new(now)));
    }
}
