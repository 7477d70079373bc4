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
mod policy;
mod popup;
mod rendered;
mod replay;
mod resize;
mod run;
mod search;
mod theme;
mod typing;
mod workspace;

pub(super) use palette::reason;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use super::action::{Action, RunNews};
use super::effect::{Effect, HistoryAsk};
use super::key::Key;
use super::keymap::{self, Command};
use super::layout::layout;
use super::state::history::Listing;
use super::state::kept::{Input, Kept};
use super::state::{Facts, FileText, Layer, Level, Pane, Phase, PromptKind, Scroll, State, Tab};

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

fn quit(state: &mut State) -> Vec<Effect> {
    state.quitting = true;
    vec![Effect::Quit]
}

/// Bring a tab to the front; the focus goes to the pane at the same place.
pub(super) fn show_tab(state: &mut State, tab: Tab) {
    if state.tab == tab {
        return;
    }
    state.tab = tab;
    if tab == Tab::Policy {
        policy::look_again(state);
    }
    if tab == Tab::Runs && state.history.listing == Listing::Read {
        state.history.listing = Listing::Unasked;
    }
    state.focus = match (state.focus, tab) {
        (Pane::Skills, _) => Pane::Skills,
        (focus, Tab::Policy) => policy::focus_of(focus),
        (focus, Tab::Cases) => cases::focus_of(focus),
        (focus, Tab::Runs) => history::focus_of(focus),
        (Pane::Details | Pane::PolicyFile | Pane::Verdict | Pane::PastRun, Tab::Run) => Pane::Findings,
        (_, Tab::Run) if state.run_tab.interleaved => Pane::Output,
        (_, Tab::Run) => Pane::Stdout,
        (Pane::Findings | Pane::PolicyFile | Pane::Verdict | Pane::PastRun, Tab::Skill) => Pane::Details,
        (_, Tab::Skill) => Pane::Source,
    };
    if state.width < 64 && state.focus == Pane::Skills {
        state.focus = first_pane(tab);
    }
}

/// The pane of a tab that most is done in.
pub(super) fn first_pane(tab: Tab) -> Pane {
    match tab {
        Tab::Skill => Pane::Source,
        Tab::Run => Pane::Findings,
        Tab::Policy => Pane::Policy,
        Tab::Cases => Pane::Cases,
        Tab::Runs => Pane::Runs,
    }
}

fn file_read(state: &mut State, path: PathBuf, result: Result<Arc<str>, String>) {
    let text = match result {
        Ok(text) => {
            let key = text_key(&text);
            FileText::Read(text, key)
        }
        Err(problem) => FileText::Failed(problem),
    };
    state.files.insert(path, text);
}

/// Names a text by its content.
pub(super) fn text_key(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
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

fn want_skill(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(skill) = state.skill().cloned() else { return };
    let facts = state.facts.entry(skill.path.clone()).or_insert_with(|| {
        let Input { entry, arguments } = state.keeping.inputs.get(&skill.path).cloned().unwrap_or_default();
        let mut facts = Facts { entry, ..Facts::default() };
        facts.remember(&skill, &arguments);
        facts
    });
    if facts.asked {
        return;
    }
    facts.asked = true;
    facts.source_key = text_key(&skill.source);
    let key = facts.source_key;
    if state.highlights.ask(key) {
        effects.push(Effect::Highlight {
            key,
            name: PathBuf::from("SKILL.md"),
            text: Arc::from(skill.source.as_str()),
        });
    }
    state.cases.entry(skill.path.clone()).or_default().reading = true;
    effects.push(Effect::LoadCases(Arc::clone(&skill)));
    effects.push(Effect::Explore(skill));
}

/// The file that an open denial points to.
fn want_denial_file(state: &mut State, effects: &mut Vec<Effect>) {
    if !matches!(state.layers.last(), Some(Layer::Denial(_))) {
        return;
    }
    let Some(path) = state.denial().and_then(|denial| state.blamed(denial)).map(|frame| frame.file.clone())
    else {
        return;
    };
    want_file(state, path, effects);
}

/// A file of the chosen skill that is on the screen.
fn want_file(state: &mut State, path: PathBuf, effects: &mut Vec<Effect>) {
    let Some(skill) = state.skill().map(|skill| skill.path.clone()) else { return };
    match state.files.get(&path) {
        None => {
            state.files.insert(path.clone(), FileText::Waiting);
            effects.push(Effect::ReadFile { skill, path });
        }
        Some(FileText::Read(text, key)) => {
            let (text, key) = (Arc::clone(text), *key);
            if state.highlights.ask(key) {
                effects.push(Effect::Highlight { key, name: path, text });
            }
        }
        Some(_) => {}
    }
}
