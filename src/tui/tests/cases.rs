//! The Cases tab, driven by keys.

use super::doubles::{Plot, cases, ended};
use super::{row_with, workbench};
use crate::cases::Verdict;
use crate::tui::action::{Action, CaseNews, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::state::{Cause, Layer, Pane, Standing, Tab};

const WEATHER: &str = "/home/ada/project/.skills/weather";

fn changed(path: &str) -> Action {
    let path = std::path::PathBuf::from(format!("{WEATHER}/{path}"));
    let cause = Cause { path: path.clone(), kind: "modified".into(), events: 1, at: None };
    Action::Workspace(WorkspaceNews::Changed { skill: WEATHER.into(), cause, paths: vec![path] })
}

fn ran(bench: &super::Bench) -> Vec<String> {
    bench.log.lock().unwrap().cases.clone()
}

#[test]
fn one_case_runs_and_its_diff_is_shown() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j4");
    assert_eq!(bench.state().tab, Tab::Cases);
    assert!(bench.screen().contains("not run yet; r runs it, R runs all"), "{}", bench.screen());
    bench.keys("<tab>jr");
    assert_eq!(ran(&bench), ["no city"]);
    let screen = bench.screen();
    for words in ["✗ no city", "exit (weather.yaml:9)", "-usage: report CITY", "+Traceback", "1 not passed"]
    {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    bench.keys("<down><enter>");
    assert_eq!(ran(&bench), ["no city", "the real thing"]);
    assert!(bench.screen().contains("needs --trust"), "{}", bench.screen());
    assert!(bench.log.lock().unwrap().started.is_empty(), "no run of the entry");
}

#[test]
fn all_run_and_the_editor_opens_at_what_failed() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j4R");
    assert_eq!(ran(&bench), ["a city", "no city", "the real thing"]);
    bench.keys("<tab>je");
    let Some(Effect::Edit { path, line }) = bench.driver.for_terminal.last() else { panic!("no editor") };
    assert!(path.ends_with("cases/weather.yaml"));
    assert_eq!(*line, 9);
    bench.keys("<tab>y");
    let copied = bench.driver.for_terminal.last();
    assert!(matches!(copied, Some(Effect::Copy(text)) if text.contains("+Traceback")), "{copied:?}");
    assert_eq!(bench.state().focus, Pane::Verdict);
}

#[test]
fn a_save_runs_again_what_it_touches_and_nothing_else() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j4r").tell(changed("scripts/report.py"));
    assert_eq!(ran(&bench), ["a city", "a city"], "only what has run before");
    bench.tell(changed("assets/other.txt"));
    assert_eq!(ran(&bench).len(), 2, "the run never looked at it");
    bench.keys("w").tell(changed("scripts/report.py"));
    assert_eq!(ran(&bench).len(), 2, "switched off");
    assert!(bench.screen().contains("● stale"), "{}", bench.screen());
    bench.keys("r");
    assert!(!bench.screen().contains("stale"));
}

#[test]
fn a_changed_case_runs_as_it_is_now() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j4r");
    // As the watcher tells it: the skill is read again, then what changed.
    let skill = bench.state().skill().unwrap().clone();
    bench.driver.state.cases.get_mut(&skill.path).unwrap().reading = true;
    bench.tell(changed("cases/weather.yaml"));
    assert_eq!(ran(&bench).len(), 1, "the new text is not there yet");
    let loaded = cases("[{name: a city, args: [--city, Rome]}, {name: new}]", &skill);
    bench.tell(Action::Cases(CaseNews::Loaded { skill: skill.path.clone(), loaded }));
    assert_eq!(ran(&bench), ["a city", "a city"]);
    let rows = &bench.state().case_set().unwrap().rows;
    assert_eq!(rows[0].case.args, ["--city", "Rome"]);
    assert!(matches!(rows[1].standing, Standing::NotRun), "what never ran does not run by itself");
}

#[test]
fn a_change_of_a_case_does_not_run_the_entry() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jr").tell(changed("cases/weather.yaml"));
    assert_eq!(bench.log.lock().unwrap().started.len(), 1);
}

#[test]
fn files_with_errors_are_listed_with_their_line() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j4<tab>");
    let skill = bench.state().skill().unwrap().clone();
    let loaded = cases("name: x\nexpects: {exit: 0}\n", &skill);
    bench.tell(Action::Cases(CaseNews::Loaded { skill: skill.path.clone(), loaded }));
    let screen = bench.screen();
    assert!(
        screen.contains("unknown key `expects`") && screen.contains("did you mean `expect`?"),
        "{screen}"
    );
    bench.keys("e");
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::Edit { line: 2, .. })));
}

#[test]
fn a_run_is_saved_as_a_case_under_a_name() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jS");
    assert!(bench.state().layers.is_empty());
    assert!(bench.screen().contains("a run that has ended can be saved"), "{}", bench.screen());
    bench.keys("i<ctrl-t>--city 'New York'<enter>S");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Prompt(_))));
    bench.keys("new york<enter>");
    let saved = bench.log.lock().unwrap().saved.clone();
    assert_eq!(saved, [("new york".to_owned(), vec!["--city".to_owned(), "New York".to_owned()])]);
    assert!(bench.screen().contains("saved as cases/new york.yaml"));
}

#[test]
fn the_tab_is_reached_by_mouse_and_left_again() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j");
    let row = row_with(&bench.driver, "4 Cases").unwrap();
    let line = bench.screen().lines().nth(row).unwrap().to_owned();
    let column = line.split("4 Cases").next().unwrap().chars().count() as u16;
    let press = |column, row| {
        let kind = crate::tui::key::MouseKind::Press;
        Action::Mouse(crate::tui::key::Mouse { kind, column, row })
    };
    bench.tell(press(column + 2, row as u16));
    assert_eq!(bench.state().tab, Tab::Cases);
    let row = row_with(&bench.driver, "no city").unwrap() as u16;
    bench.tell(press(60, row)).tell(press(60, row));
    assert_eq!(ran(&bench), ["no city"]);
    bench.keys("<tab>1");
    assert_eq!((bench.state().tab, bench.state().focus), (Tab::Skill, Pane::Details));
    bench.keys("42");
    assert_eq!(bench.state().focus, Pane::Findings);
}

#[test]
fn cases_under_way_are_cancelled_and_do_not_keep_the_workbench() {
    let mut bench = workbench(120, 40, Plot::Endless);
    bench.keys("j4R");
    assert!(bench.state().cases_run() && bench.screen().contains("▶ a city"), "{}", bench.screen());
    bench.keys("<ctrl-c>");
    assert!(!bench.state().quitting && !bench.state().cases_run());
    bench.keys("<ctrl-c>");
    assert!(bench.state().quitting);
}

#[test]
fn a_save_while_a_case_runs_is_not_lost() {
    let mut bench = workbench(120, 40, Plot::Endless);
    bench.keys("j4r").tell(changed("scripts/report.py"));
    let news =
        CaseNews::Ended { skill: WEATHER.into(), name: "a city".into(), outcome: ended(Verdict::Passed) };
    bench.tell(Action::Cases(news));
    let row = &bench.state().case_set().unwrap().rows[0];
    assert!(matches!(row.standing, Standing::Running), "it runs again");
    assert!(!row.stale);
}
