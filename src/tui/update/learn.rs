//! Learning what the chosen entry needs, looking for grants that nobody needs, and the answer to what is offered then.

use std::sync::Arc;

use crate::learn::Offer;
use crate::skill::Skill;
use crate::tui::action::LearnNews;
use crate::tui::effect::{Effect, StartRun};
use crate::tui::keymap::Command;
use crate::tui::state::{Layer, Learning, Level, Offered, RunId, RunInput, Scroll, State};

/// Learn from the chosen entry with its arguments.
pub(super) fn start(state: &mut State) -> Vec<Effect> {
    if state.running().is_some() || state.is_learning() {
        let cancel = state.hint(Command::Cancel);
        state.say(Level::Info, format!("something is running; {cancel} ends it"));
        return Vec::new();
    }
    let Some(skill) = state.skill().cloned() else { return Vec::new() };
    let Some(entry) = state.entry().cloned() else {
        super::popup::open_entries(state, false);
        return Vec::new();
    };
    let Some(RunInput { arguments, stdin, .. }) = super::run::entered(state) else { return Vec::new() };
    let learning = Learning { skill: skill.path.clone(), entry: entry.file.clone(), cancelling: false };
    state.learning = Some(learning);
    tell(state, "what it writes is thrown away, no request goes out");
    let workspace = state.place.workspace.clone();
    vec![Effect::Learn(Box::new(StartRun {
        id: RunId(0),
        skill,
        entry,
        arguments,
        stdin,
        cause: None,
        workspace,
    }))]
}

/// Look at what old runs have needed.
pub(super) fn tighten(state: &State) -> Vec<Effect> {
    state.skill().cloned().map(Effect::Tighten).into_iter().collect()
}

pub(super) fn cancel(state: &mut State) -> Option<Effect> {
    let learning = state.learning.as_mut()?;
    learning.cancelling = true;
    Some(Effect::CancelLearning)
}

pub(super) fn on_news(state: &mut State, news: LearnNews) -> Vec<Effect> {
    match news {
        LearnNews::Round { number, grants, undecided } => {
            let left = if undecided > 0 { format!(", {undecided} for you to decide") } else { String::new() };
            tell(state, &format!("round {number}, {grants} learned{left}"));
        }
        LearnNews::Learned { skill, result } => {
            state.learning = None;
            offered(state, skill, result);
        }
        LearnNews::Tightened { skill, result } => offered(state, skill, result),
    }
    Vec::new()
}

fn tell(state: &mut State, said: &str) {
    let Some(learning) = state.learning.as_ref().filter(|learning| !learning.cancelling) else { return };
    let (entry, cancel) = (learning.entry.display().to_string(), state.hint(Command::Cancel));
    state.say(Level::Info, format!("learning from {entry}: {said}; {cancel} ends it"));
}

fn offered(state: &mut State, skill: Arc<Skill>, result: Result<Box<Offer>, String>) {
    match result {
        Ok(offer) => {
            state.notice = None;
            let offered = Offered { skill, offer: *offer, scroll: Scroll::default() };
            state.layers.push(Layer::Offer(Box::new(offered)));
        }
        Err(problem) => state.say(Level::Warning, problem),
    }
}

/// A key while a change is offered.
pub(super) fn answer(state: &mut State, command: Command) -> Vec<Effect> {
    let wanted = command == Command::Open;
    if !wanted && !matches!(command, Command::Quit | Command::Close) {
        return Vec::new();
    }
    match state.layers.pop() {
        Some(Layer::Offer(offered)) if wanted && offered.offer.is_open() => {
            let Offered { skill, offer, .. } = *offered;
            vec![Effect::WritePolicy { skill, offer: Box::new(offer) }]
        }
        _ => Vec::new(),
    }
}
