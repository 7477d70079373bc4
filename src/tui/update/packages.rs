//! Preparing the packages that a skill declares: shown first, installed on the user's word, then run again.

use std::path::Path;

use super::run;
use crate::tui::action::PackageNews;
use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::state::packages::Preparation;
use crate::tui::state::{Finding, Layer, Level, Pane, Scroll, State, Tab};

/// Find out what there is to install.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    if state.preparation.as_ref().is_some_and(Preparation::is_under_way) {
        state.say(
            Level::Info,
            format!("packages are being prepared; {} cancels", state.hint(Command::Cancel)),
        );
        return Vec::new();
    }
    state.skill().cloned().map(Effect::LookUpPackages).into_iter().collect()
}

/// A key while it is shown what would be installed.
pub(super) fn answer(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Open | Command::Prepare => {
            let Some(Layer::Packages(packages, _)) = state.layers.pop() else { return Vec::new() };
            state.preparation = Some(Preparation::new(packages.skill.path.clone()));
            state.tab = Tab::Run;
            state.focus = Pane::Findings;
            super::navigate::set_finding(state, Finding::Denials);
            vec![Effect::PreparePackages(packages)]
        }
        Command::Quit | Command::Close => {
            state.layers.pop();
            Vec::new()
        }
        _ => Vec::new(),
    }
}

pub(super) fn on_news(state: &mut State, skill: &Path, news: PackageNews) -> Vec<Effect> {
    let chosen = state.skill().is_some_and(|chosen| chosen.path == skill);
    let preparation = state.preparation.as_mut().filter(|one| one.skill == skill);
    match (news, preparation) {
        (PackageNews::Found(Ok(packages)), _) if chosen && state.layers.is_empty() => {
            state.layers.push(Layer::Packages(Box::new(packages), Scroll::default()));
        }
        (PackageNews::Found(Ok(_)), _) => {}
        (PackageNews::Found(Err(said)), _) => state.say(Level::Info, said),
        (PackageNews::Step(step), Some(preparation)) => {
            preparation.add(&step);
            preparation.step = step;
        }
        (PackageNews::Line(line), Some(preparation)) => preparation.add(&format!("  {line}")),
        (PackageNews::Elapsed(time), Some(preparation)) => preparation.elapsed = time,
        (PackageNews::Ended(Ok(said)), Some(_)) => {
            state.preparation = None;
            return ended_well(state, skill, &said, chosen);
        }
        (PackageNews::Ended(Err(problem)), Some(preparation)) => preparation.failed = Some(problem),
        (_, None) => {}
    }
    Vec::new()
}

/// What failed for want of them is run again.
fn ended_well(state: &mut State, skill: &Path, said: &str, chosen: bool) -> Vec<Effect> {
    let run = state.runs.get(skill);
    let wanting =
        run.and_then(|run| run.report.as_ref()).is_some_and(|report| !report.missing_modules.is_empty());
    if chosen && wanting {
        state.say(Level::Info, format!("{said}; running again"));
        return run::again(state, None);
    }
    state.say(Level::Info, format!("{said}; {} runs with them", state.hint(Command::Run)));
    Vec::new()
}
