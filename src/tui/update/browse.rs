//! What is under the cursor: opening it, editing it, copying it.

use std::path::PathBuf;

use super::findings;
use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::state::{Finding, Layer, Level, Opened, Pane, Scroll, Section, State, Tab};

/// Longest text that is copied: terminals cut or refuse more.
const COPY_LIMIT: usize = 48 * 1024;

pub(super) fn open(state: &mut State) -> Vec<Effect> {
    match state.focus {
        Pane::Skills => {
            state.skills.touched = true;
            state.focus = super::first_pane(state.tab);
        }
        Pane::Cases => return super::cases::run_chosen(state),
        Pane::Policy | Pane::PolicyFile => return edit(state),
        Pane::Runs | Pane::PastRun => return super::history::open_chosen(state, false),
        Pane::Findings => findings::open(state),
        Pane::Details => match state.skill_tab.section {
            Section::Diagnostics => open_diagnostic(state),
            Section::Entries => choose_entry(state, state.skill_tab.details.cursor),
            Section::Files => open_chosen_file(state),
            Section::Schema | Section::Clients | Section::Cost | Section::Saved => {}
        },
        _ => {}
    }
    Vec::new()
}

/// Show the file and line that the diagnostic under the cursor is about.
fn open_diagnostic(state: &mut State) {
    let found = state.diagnostics().nth(state.skill_tab.details.cursor);
    if let Some((file, line)) = found.map(|found| (found.file.clone(), found.span.line)) {
        open_file(state, file, line.saturating_sub(1));
    }
}

/// Show the file under the cursor.
fn open_chosen_file(state: &mut State) {
    let files = state.chosen_facts().and_then(|facts| facts.files.as_ref());
    let item =
        files.and_then(|files| files.get(state.skill_tab.details.cursor)).map(|item| item.path.clone());
    if let (Some(skill), Some(item)) = (state.skill(), item) {
        open_file(state, skill.path.join(item), 0);
    }
}

/// Bring a file of the skill into the Source pane, at a line (from 0).
fn open_file(state: &mut State, path: PathBuf, line: usize) {
    let Some(skill) = state.skill() else { return };
    let is_manifest = path == skill.manifest_path();
    let shown = state.skill_tab.opened.as_ref().is_some_and(|opened| opened.path == path);
    if is_manifest {
        state.skill_tab.opened = None;
    } else if !shown {
        state.skill_tab.opened = Some(Opened { path, scroll: Scroll::default() });
    }
    if line > 0 || !is_manifest && !shown {
        state.source_scroll_mut().cursor = line;
    }
    state.focus = Pane::Source;
}

/// Back from another file to SKILL.md; the focus goes back to where it was opened. Whether there was one.
pub(super) fn close_file(state: &mut State) -> bool {
    if state.tab != Tab::Skill || state.skill_tab.opened.take().is_none() {
        return false;
    }
    if state.focus == Pane::Source && !state.zoomed {
        state.focus = Pane::Details;
    }
    true
}

pub(super) fn choose_entry(state: &mut State, index: usize) {
    let Some(skill) = state.skill().cloned() else { return };
    let Some(entry) = skill.entries.get(index) else { return };
    let facts = state.facts.entry(skill.path.clone()).or_default();
    if facts.entry.as_ref() != Some(&entry.file) {
        facts.entry = Some(entry.file.clone());
    }
    state.say(Level::Info, format!("{} runs {}", state.hint(Command::Run), entry.file.display()));
}

/// File and line that the cursor points to.
fn place(state: &State) -> Option<(PathBuf, usize)> {
    let skill = state.skill()?;
    let manifest = skill.manifest_path();
    if matches!(state.layers.last(), Some(Layer::Denial(_))) || state.focus == Pane::Findings {
        let blamed = state.denial().and_then(|denial| state.blamed(denial));
        if let Some(frame) = blamed.filter(|_| state.run_tab.finding == Finding::Denials) {
            return Some((frame.file.clone(), frame.line as usize));
        }
    }
    match state.focus {
        Pane::Cases | Pane::Verdict => state.case_place(),
        Pane::Policy | Pane::PolicyFile => state.policy_place(),
        Pane::Source => {
            let opened = state.skill_tab.opened.as_ref().map(|opened| opened.path.clone());
            Some((opened.unwrap_or(manifest), state.source_scroll().cursor + 1))
        }
        Pane::Skills if state.tab == Tab::Skill => Some((manifest, 1)),
        Pane::Details => {
            let cursor = state.skill_tab.details.cursor;
            match state.skill_tab.section {
                Section::Diagnostics => {
                    let diagnostic = state.diagnostics().nth(cursor);
                    Some(diagnostic.map_or((manifest, 1), |d| (d.file.clone(), d.span.line)))
                }
                Section::Entries => Some((skill.path.join(&skill.entries.get(cursor)?.file), 1)),
                Section::Files => {
                    let files = state.chosen_facts()?.files.as_ref()?;
                    Some((skill.path.join(&files.get(cursor)?.path), 1))
                }
                Section::Schema => Some((skill.path.join(&state.entry()?.file), 1)),
                Section::Clients | Section::Cost | Section::Saved => Some((manifest, 1)),
            }
        }
        _ => Some((skill.path.join(&state.entry()?.file), 1)),
    }
}

pub(super) fn edit(state: &mut State) -> Vec<Effect> {
    if let Some((path, line)) = place(state) {
        return vec![Effect::Edit { path, line: line.max(1) }];
    }
    state.say(Level::Info, "no file to edit here");
    Vec::new()
}

pub(super) fn copy(state: &mut State) -> Vec<Effect> {
    match copied(state) {
        Some((what, text)) if !text.is_empty() => {
            state.say(Level::Info, format!("copied {what}"));
            vec![Effect::Copy(text)]
        }
        _ => {
            state.say(Level::Info, "nothing to copy here");
            Vec::new()
        }
    }
}

/// Copy the command that repeats the run outside the workbench.
pub(super) fn copy_command(state: &mut State) -> Vec<Effect> {
    let Some(text) = command_line(state) else {
        state.say(Level::Info, "no entry to run is chosen");
        return Vec::new();
    };
    state.say(Level::Info, format!("copied: {text}"));
    vec![Effect::Copy(text)]
}

/// `skilldeck run weather --entry scripts/report.py -- --city Bern`
fn command_line(state: &State) -> Option<String> {
    let skill = state.skill()?;
    let (entry, input) = if let Some(run) = state.run() {
        (run.entry.clone(), run.input.clone())
    } else {
        let entered = state.entered().and_then(|form| form.judged.clone().ok());
        (state.entry()?.file.clone(), entered.unwrap_or_default())
    };
    let entry = entry.display().to_string();
    let mut words = vec!["skilldeck", "run", skill.name.as_str()];
    if skill.entries.len() > 1 {
        words.extend(["--entry", entry.as_str()]);
    }
    let command = shlex::try_join(words).ok()?;
    let rest = input.for_shell();
    let gap = if input.arguments.is_empty() { "" } else { " --" };
    Some(format!("{command}{gap} {rest}").trim_end().to_owned())
}

/// What `y` copies here, and its name.
fn copied(state: &State) -> Option<(&'static str, String)> {
    if matches!(state.layers.last(), Some(Layer::Comparison(_))) {
        return Some(("the comparison", super::history::comparison_text(state)?));
    }
    let skill = state.skill()?;
    if (matches!(state.layers.last(), Some(Layer::Denial(_))) || state.focus == Pane::Findings)
        && let Some(denial) = state.denial().filter(|_| state.run_tab.finding == Finding::Denials)
    {
        let place = state.blamed(denial).map(|f| format!(" at {}", f.place(&f.file.display().to_string())));
        let call = format!("{} = {}{}", denial.arguments, denial.errno, place.unwrap_or_default());
        let remedy = denial.remedy.as_ref().map(|r| format!("\n{}: [{}]", r.permission, r.add));
        return Some(("the denial", format!("{call}\n{}{}", denial.rule, remedy.unwrap_or_default())));
    }
    match state.focus {
        Pane::Source => {
            if let Some(lines) = state.rendering() {
                return Some(("the line", lines.lines.get(state.scroll(Pane::Source).cursor)?.text()));
            }
            let page = state.page()?;
            let line = page.text.lines().nth(state.scroll(Pane::Source).cursor)?;
            Some(("the line", line.to_owned()))
        }
        Pane::Stdout => Some(("stdout", state.shown_run()?.stdout.tail_text(COPY_LIMIT))),
        Pane::Stderr => Some(("stderr", state.shown_run()?.stderr.tail_text(COPY_LIMIT))),
        Pane::Output => Some(("stdout and stderr", findings::tail_text(state.shown_run()?, COPY_LIMIT))),
        Pane::Details => match state.skill_tab.section {
            Section::Diagnostics => {
                let d = state.diagnostics().nth(state.skill_tab.details.cursor)?;
                let place = format!("{}:{}:{}", d.file.display(), d.span.line, d.span.column);
                Some(("the diagnostic", format!("{place}: {} ({})\n{}", d.message, d.code, d.help)))
            }
            Section::Schema => {
                let tools = state.chosen_facts()?.tools.as_ref()?;
                Some(("the schema", tools.iter().map(|tool| tool.json.clone() + "\n").collect()))
            }
            Section::Entries | Section::Files => Some(("the path", place(state)?.0.display().to_string())),
            Section::Clients | Section::Cost | Section::Saved => Some(("the section", section_text(state))),
        },
        Pane::Policy => Some(("the line", super::policy::copied(state)?)),
        Pane::PolicyFile => {
            let line = state.policy()?.file.text()?.lines().nth(state.policy_tab.file.cursor)?;
            Some(("the line", line.to_owned()))
        }
        Pane::Cases => {
            Some(("the place", place(state).map(|(file, line)| format!("{}:{line}", file.display()))?))
        }
        Pane::Verdict => Some(("the verdict", verdict_text(state))),
        Pane::Runs | Pane::PastRun => Some(("the name of the run", state.history.chosen()?.id.clone())),
        Pane::Findings => findings::copied(state),
        Pane::Skills => Some(("the path", skill.path.display().to_string())),
    }
}

/// Rows of text, as they are read.
fn section_text(state: &State) -> String {
    use crate::tui::state::{Piece, Tone};
    let piece = |piece: Piece| match piece {
        Piece::Text(_, text) => text,
        Piece::Mark(Tone::Good) => "+".to_owned(),
        Piece::Mark(Tone::Bad) => "x".to_owned(),
        Piece::Mark(_) => "!".to_owned(),
    };
    let row = |row: Vec<Piece>| row.into_iter().map(piece).collect::<String>().trim_end().to_owned() + "\n";
    state.text_rows(100).into_iter().map(row).collect()
}

fn verdict_text(state: &State) -> String {
    use crate::tui::state::VerdictLine::{Blank, Expected, Got, Head, Note, Same};
    let line = |line| match line {
        Head(text) | Expected(text) | Got(text) | Same(text) | Note(text) => text + "\n",
        Blank => "\n".to_owned(),
    };
    state.verdict_lines(usize::MAX).into_iter().map(line).collect()
}

/// Open the denial under the cursor, with the least that would allow it.
pub(super) fn open_denial(state: &mut State) {
    state.run_tab.grant = 0;
    state.layers.push(Layer::Denial(Scroll::default()));
}
