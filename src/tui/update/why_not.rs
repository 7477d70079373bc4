//! Why a command does nothing where it is given, in a sentence with the next step: for the notice after a key, and
//! for the palette.

use super::{history, policy};
use crate::tui::keymap::Command;
use crate::tui::state::State;

/// Why a command does nothing here, and the next step.
pub(super) fn why_not(state: &State, command: Command) -> String {
    match command {
        Command::Run => match state.entry() {
            Some(entry) => format!(
                "interpreter not found: {} is needed to run {}; install it or put it on PATH",
                entry.interpreter.language.name(),
                entry.file.display()
            ),
            None => "this skill has no script to run".to_owned(),
        },
        Command::Cancel => "nothing is running".to_owned(),
        Command::Rendered => "Markdown in the Skill tab is rendered; other files are not".to_owned(),
        Command::Fix => {
            format!(
                "no fix is offered here; in the Skill tab, {} marks the diagnostics that have one",
                state.hint(command)
            )
        }
        Command::Learn => "this skill has no script that can be run".to_owned(),
        Command::Tighten => "this skill has no policy.yaml".to_owned(),
        Command::Allow if state.old_run().is_some() => {
            let (run, allow) = (state.hint(Command::Run), state.hint(Command::Allow));
            format!(
                "this is an old run: {run} runs it as it is now, then {allow} allows what is still refused"
            )
        }
        Command::Allow => "choose a denial with a remedy in the Run tab first".to_owned(),
        Command::RemoveGrant => policy::why_not_removed(state),
        Command::ChooseEntry => "this skill has one entry at most".to_owned(),
        Command::EditInput => format!("choose an entry first with {}", state.hint(Command::ChooseEntry)),
        Command::SaveCase if state.old_run().is_some() => format!(
            "this is an old run, whose input is not known any more: {} runs it now, then {} saves that",
            state.hint(Command::Run),
            state.hint(Command::SaveCase)
        ),
        Command::SaveCase => format!(
            "a run that has ended can be saved as a case; {} runs the entry",
            state.hint(Command::Run)
        ),
        Command::RunCases => {
            format!("the Cases tab runs all cases; {} shows it", state.hint(Command::CasesTab))
        }
        Command::Export
        | Command::Play
        | Command::Faster
        | Command::Slower
        | Command::MarkRun
        | Command::CompareRuns
        | Command::RemoveRun
        | Command::AllRuns => history::why_not(state, command),
        Command::SearchNext | Command::SearchPrevious => {
            format!("search first with {}", state.hint(Command::Search))
        }
        Command::Search => {
            format!(
                "search works in texts, output and findings; focus one with {}",
                state.hint(Command::NextPane)
            )
        }
        Command::Interleave => {
            format!("the streams of a run are in the Run tab; {} shows it", state.hint(Command::RunTab))
        }
        Command::TimelineFilter => format!(
            "the Timeline of a run is filtered; {} shows the run, {} its sections",
            state.hint(Command::RunTab),
            state.hint(Command::NextSection)
        ),
        _ => "nothing to do here".to_owned(),
    }
}
