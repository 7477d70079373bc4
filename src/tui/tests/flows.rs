//! What keys do, from the user's side.

use super::doubles::{Bench, Plot};
use super::{row_with, workbench};
use crate::run::report::Remedy;
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::key::{Mouse, MouseKind};
use crate::tui::state::runs::RunVerdict;
use crate::tui::state::{Cause, Layer, Pane, Stage, Tab};

fn cause(path: &str) -> Cause {
    Cause { path: path.into(), kind: "modified".into(), events: 3, at: None }
}

const WEATHER: &str = "/home/ada/project/.skills/weather";

fn saved(path: &str) -> Action {
    let path = format!("{WEATHER}/{path}");
    let (cause, paths) = (cause(&path), vec![path.into()]);
    Action::Workspace(WorkspaceNews::Changed { skill: WEATHER.into(), cause, paths })
}

/// The skill `weather` is chosen, and has a policy file of its own.
fn with_policy_file() -> Bench {
    let mut bench = workbench(120, 40, Plot::Denied);
    let mut skill = (**bench.keys("j").state().skill().unwrap()).clone();
    skill.policy_file = Some(skill.path.join("policy.yaml"));
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![std::sync::Arc::new(skill)])));
    bench
}

#[test]
fn the_main_path_is_one_key_each() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j");
    assert_eq!(bench.state().skill().unwrap().name, "weather");
    bench.keys("r");
    assert_eq!(bench.state().run().unwrap().verdict(), RunVerdict::Denied);
    bench.keys("<enter>");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Denial(_))));
    assert!(bench.screen().contains("with open(path) as stream"));
    bench.keys("a");
    assert_eq!(bench.log.lock().unwrap().granted[0].add, "~/cities.json");
    assert_eq!(bench.state().run().unwrap().verdict(), RunVerdict::Passed);
    assert!(bench.state().is_approved());
    assert!(bench.screen().contains("nothing was refused"));
}

#[test]
fn a_grant_is_chosen_as_a_draft_and_taken_back() {
    let mut bench = workbench(120, 50, Plot::Denied);
    bench.keys("jr<enter>");
    let screen = bench.screen();
    assert!(screen.contains("a adds  read: [~/cities.json]"), "{screen}");
    assert!(screen.contains("+permissions:") && screen.contains("+  read: [~/cities.json]"), "{screen}");
    let wider = "~/cities".to_owned();
    let run = bench.driver.state.runs.values_mut().next().unwrap();
    let mut report = (**run.report.as_ref().unwrap()).clone();
    report.denials[0].alternatives = vec![Remedy { permission: "read".into(), add: wider.clone() }];
    run.report = Some(std::sync::Arc::new(report));
    bench.keys(">");
    let screen = bench.screen();
    assert!(screen.contains(&format!("a adds  read: [{wider}]")), "{screen}");
    assert!(screen.contains(&format!("+  read: [{wider}]")), "{screen}");
    bench.keys("<lt>>a");
    assert_eq!(bench.log.lock().unwrap().granted[0].add, wider);
    assert_eq!(bench.state().run().unwrap().verdict(), RunVerdict::Passed);
    bench.keys("u");
    assert!(bench.log.lock().unwrap().granted.is_empty());
    assert_eq!(bench.state().run().unwrap().verdict(), RunVerdict::Denied, "it ran again");
    bench.keys("u");
    assert_eq!(bench.log.lock().unwrap().started.len(), 3, "nothing is left to take back");
}

#[test]
fn approving_a_whole_file_is_never_a_surprise() {
    let mut bench = with_policy_file();
    bench.keys("ra");
    assert!(bench.log.lock().unwrap().granted.is_empty());
    assert!(
        bench.screen().contains("the whole policy.yaml of the skill is then in force"),
        "{}",
        bench.screen()
    );
    bench.keys("a");
    assert_eq!(bench.log.lock().unwrap().granted.len(), 1);
}

#[test]
fn what_is_approved_is_shown_before() {
    let mut bench = with_policy_file();
    bench.keys("t");
    assert!(!bench.state().is_approved());
    let screen = bench.screen();
    for part in ["connect to api.example.org, port 443", "policy.yaml:3", "changed since", "+  net: ["] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    bench.keys("<esc>r");
    assert!(bench.screen().contains("default policy"), "{}", bench.screen());
    bench.keys("t<enter>");
    assert!(bench.state().is_approved() && bench.state().layers.is_empty());
    bench.keys("r");
    assert!(bench.screen().contains("policy.yaml approved"), "{}", bench.screen());
    bench.keys("t");
    assert!(!bench.state().is_approved(), "taken back");
}

#[test]
fn without_a_policy_file_there_is_nothing_to_approve() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("jt");
    assert!(bench.state().layers.is_empty() && !bench.state().is_approved());
    assert!(bench.screen().contains("this skill has no policy.yaml"), "{}", bench.screen());
}

#[test]
fn a_save_runs_again_and_says_why() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j").tell(saved("SKILL.md"));
    assert!(bench.state().run().is_none(), "what never ran does not run by itself");
    bench.keys("r").tell(saved("scripts/report.py"));
    assert_eq!(bench.log.lock().unwrap().started.len(), 2);
    assert!(bench.screen().contains("re-run: scripts/report.py modified (3 events)"), "{}", bench.screen());
    bench.keys("w").tell(saved("scripts/report.py"));
    assert_eq!(bench.log.lock().unwrap().started.len(), 2, "switched off");
}

#[test]
fn files_written_by_the_run_do_not_run_it_again() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jr");
    let path = std::path::PathBuf::from(format!("{WEATHER}/out.txt"));
    let run = bench.driver.state.runs.values_mut().next().unwrap();
    let mut report = (**run.report.as_ref().unwrap()).clone();
    report.files[0].path.clone_from(&path);
    report.files[0].operation = crate::sandbox::event::Operation::Write;
    run.report = Some(std::sync::Arc::new(report));
    bench.tell(saved("out.txt"));
    assert_eq!(bench.log.lock().unwrap().started.len(), 1);
}

#[test]
fn a_change_of_another_skill_is_marked_until_it_is_looked_at() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.tell(saved("SKILL.md"));
    let row = row_with(&bench.driver, "weather").unwrap();
    assert!(bench.screen().lines().nth(row).unwrap().contains('●'));
    bench.keys("j");
    assert!(!bench.screen().lines().nth(row).unwrap().contains('●'));
}

#[test]
fn a_run_under_way_is_ended_before_the_next() {
    let mut bench = workbench(120, 40, Plot::Endless);
    bench.keys("jr");
    let first = bench.state().run().unwrap().id;
    bench.tell(saved("scripts/report.py"));
    let log = bench.log.lock().unwrap();
    assert_eq!(log.cancelled, [first]);
    assert_eq!(log.started.len(), 2);
    drop(log);
    assert!(bench.state().run().unwrap().is_under_way());
    bench.keys("c");
    assert_eq!(bench.state().run().unwrap().stage, Stage::Ended);
    assert_eq!(bench.state().run().unwrap().verdict(), RunVerdict::Cancelled);
}

#[test]
fn interrupt_ends_the_run_first_and_then_the_workbench() {
    let mut bench = workbench(80, 24, Plot::Endless);
    bench.keys("jr<ctrl-c>");
    assert!(!bench.state().quitting);
    assert!(bench.state().running().is_none());
    bench.keys("<ctrl-c>");
    assert!(bench.state().quitting);
}

#[test]
fn escape_never_quits() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("<esc><esc>jr<enter><esc><esc>?<esc>/<esc>z<esc><esc><esc>");
    assert!(!bench.state().quitting);
    assert!(bench.state().layers.is_empty());
    bench.keys("q");
    assert!(bench.state().quitting);
}

#[test]
fn arguments_are_split_like_a_shell_does() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("ji<ctrl-t>--city 'New York' -v<enter>");
    assert_eq!(bench.log.lock().unwrap().started[0].1, ["--city", "New York", "-v"]);
    bench.keys("i 'open<enter>");
    assert!(bench.screen().contains("not run: a quote is not closed"), "{}", bench.screen());
    bench.keys("<esc>r");
    assert!(bench.screen().contains("not run: a quote is not closed"), "r shows what keeps it from running");
    assert_eq!(bench.log.lock().unwrap().started.len(), 1);
}

#[test]
fn a_missing_interpreter_is_said_and_not_run() {
    let mut bench = workbench(120, 24, Plot::Denied);
    bench.keys("jjrj<enter>");
    assert!(bench.screen().contains("interpreter not found: node is needed to run scripts/sync.js"));
    assert!(bench.log.lock().unwrap().started.is_empty());
}

#[test]
fn one_of_several_entries_is_chosen_and_never_guessed() {
    let mut bench = workbench(120, 24, Plot::Denied);
    bench.keys("jjr");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Choice(_))));
    assert!(bench.log.lock().unwrap().started.is_empty());
    bench.keys("<enter>");
    assert_eq!(bench.state().run().unwrap().entry.to_str(), Some("scripts/report.py"));
    bench.keys("r");
    assert_eq!(bench.log.lock().unwrap().started.len(), 2, "chosen once is enough");
}

#[test]
fn examples_of_the_text_are_offered_as_arguments() {
    let mut bench = workbench(120, 24, Plot::Denied);
    bench.keys("ji<f2>");
    assert!(bench.screen().contains("examples from SKILL.md"));
    bench.keys("<down><enter>");
    assert_eq!(bench.log.lock().unwrap().started[0].1, ["--city", "Bern"]);
}

#[test]
fn the_editor_opens_at_the_line_that_was_refused() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("jr<enter>e");
    let Some(Effect::Edit { path, line }) = bench.driver.for_terminal.last() else { panic!("no editor") };
    assert_eq!((path.to_str().unwrap(), *line), ("/home/ada/project/.skills/weather/scripts/report.py", 7));
    bench.keys("q1<shift-tab>jje");
    let Some(Effect::Edit { path, line }) = bench.driver.for_terminal.last() else { panic!("no editor") };
    assert!(path.ends_with("SKILL.md"));
    assert_eq!(*line, 3);
}

#[test]
fn copying_takes_what_is_under_the_cursor() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("j<tab>jy");
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::Copy(text)) if text == "name: weather"));
    bench.keys("r<tab><tab>");
    bench.keys("<shift-tab><shift-tab>");
    assert_eq!(bench.state().tab, Tab::Run);
}

#[test]
fn search_goes_round_and_says_when_there_is_nothing() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("j<tab>/city<enter>");
    assert_eq!(bench.state().skill_tab.source.cursor, 2);
    bench.keys("n");
    assert_eq!(bench.state().skill_tab.source.cursor, 7);
    bench.keys("N");
    assert_eq!(bench.state().skill_tab.source.cursor, 2);
    bench.keys("nnn");
    assert_eq!(bench.state().skill_tab.source.cursor, 2);
    bench.keys("/nowhere<enter>");
    assert!(bench.screen().contains("not found: nowhere"));
}

#[test]
fn themes_are_tried_and_taken_back() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("Tjj");
    assert_eq!(bench.state().options.theme.name(), "high-contrast");
    bench.keys("<esc>");
    assert_eq!(bench.state().options.theme.name(), "dark");
    bench.keys("Tj<enter>");
    assert_eq!(bench.state().options.theme.name(), "light");
}

fn mouse(kind: MouseKind, column: u16, row: u16) -> Action {
    Action::Mouse(Mouse { kind, column, row })
}

#[test]
fn the_mouse_chooses_opens_scrolls_and_drags() {
    let mut bench = workbench(120, 40, Plot::Denied);
    let row = row_with(&bench.driver, "weather").unwrap() as u16;
    bench.tell(mouse(MouseKind::Press, 5, row));
    assert_eq!(bench.state().skill().unwrap().name, "weather");
    bench.keys("r");
    let row = row_with(&bench.driver, "api.weather.example").unwrap() as u16;
    bench.tell(mouse(MouseKind::Press, 60, row));
    assert_eq!(bench.state().run_tab.findings.cursor, 1);
    bench.tell(mouse(MouseKind::Press, 60, row));
    assert!(matches!(bench.state().layers.last(), Some(Layer::Denial(_))));
    bench.keys("q");
    let tabs = row_with(&bench.driver, "1 Skill").unwrap() as u16;
    let column = bench
        .screen()
        .lines()
        .nth(usize::from(tabs))
        .unwrap()
        .split("1 Skill")
        .next()
        .unwrap()
        .chars()
        .count() as u16;
    bench.tell(mouse(MouseKind::Press, column + 2, tabs));
    assert_eq!(bench.state().tab, Tab::Skill);
    // Drag the border beside the list.
    bench.tell(mouse(MouseKind::Press, 30, 10));
    bench.tell(mouse(MouseKind::Drag, 40, 10));
    bench.tell(mouse(MouseKind::Release, 40, 10));
    assert_eq!(crate::tui::layout::layout(bench.state()).list.width, 40);
    bench.tell(mouse(MouseKind::WheelDown, 60, 5));
    assert_eq!(bench.state().skill_tab.source.cursor, 3);
    bench.keys("m");
    bench.tell(mouse(MouseKind::WheelDown, 60, 5));
    assert_eq!(bench.state().skill_tab.source.cursor, 3, "switched off");
}

#[test]
fn focus_goes_round_with_tab() {
    let mut bench = workbench(80, 24, Plot::Denied);
    let mut seen = Vec::new();
    for _ in 0..3 {
        bench.keys("<tab>");
        seen.push(bench.state().focus);
    }
    assert_eq!(seen, [Pane::Source, Pane::Details, Pane::Skills]);
}

#[test]
fn a_skill_that_is_removed_leaves_the_list() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("jr<enter>");
    bench.tell(Action::Workspace(WorkspaceNews::Removed(vec![WEATHER.into()])));
    assert!(row_with(&bench.driver, "weather").is_none());
    assert!(bench.state().layers.is_empty());
}
