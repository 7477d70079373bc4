//! The Policy tab, driven by keys.

use std::sync::Arc;

use super::doubles::Plot;
use super::policies::review;
use super::{Bench, row_with, workbench};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::state::{FileStanding, Pane, PolicyFile, PolicyReview, Session, Tab};

const WEATHER: &str = "/home/ada/project/.skills/weather";

/// The skill `weather` with a policy file, in the Policy tab.
fn in_policy(width: u16, height: u16) -> Bench {
    let mut bench = workbench(width, height, Plot::Denied);
    let mut skill = (**bench.keys("j").state().skill().unwrap()).clone();
    skill.policy_file = Some(skill.path.join("policy.yaml"));
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![Arc::new(skill)])));
    bench.keys("3");
    assert_eq!(bench.state().tab, Tab::Policy);
    bench
}

/// The tab shows the policy file with this text.
fn with_text(width: u16, height: u16, text: &str, approved: bool) -> Bench {
    let mut bench = in_policy(width, height);
    tell(&mut bench, review(Some(text), approved));
    bench
}

#[track_caller]
fn shows(bench: &Bench, parts: &[&str]) {
    let screen = bench.screen();
    for part in parts {
        assert!(screen.contains(part), "{part} in\n{screen}");
    }
}

const WHOLE: &str = "\
# What the weather needs.
permissions:
  read: [./cities, \"${workspace}\"]
  net:
    - \"api.weather.example:443\" # forecasts
    - \"*.tiles.example\"
  env: [WEATHER_TOKEN]
deny:
  read: [\"${workspace}/private\"]
limits:
  wall: 2m
";

#[test]
fn the_default_is_shown_with_where_it_comes_from() {
    for (name, width, height) in [("policy_default_80", 80, 24), ("policy_default_200", 200, 60)] {
        let mut bench = workbench(width, height, Plot::Denied);
        bench.keys("j3");
        insta::assert_snapshot!(name, bench.screen());
    }
}

#[test]
fn an_approved_policy_is_in_force_line_by_line() {
    for (name, width, height) in [("policy_approved_80", 80, 24), ("policy_approved_200", 200, 60)] {
        insta::assert_snapshot!(name, with_text(width, height, WHOLE, true).screen());
    }
}

#[test]
fn what_is_asked_is_told_apart_and_approved_by_a_key() {
    let mut bench = in_policy(120, 40);
    insta::assert_snapshot!("policy_changed_120", bench.screen());
    bench.keys("t");
    shows(&bench, &["What policy.yaml asks for", "changed since it was last approved", "+  net: ["]);
    bench.keys("<enter>");
    shows(&bench, &["policy.yaml is approved and in force"]);
    assert!(!bench.screen().contains("asked"), "{}", bench.screen());
    bench.keys("t");
    shows(&bench, &["changed since approved: the default is in force"]);
}

#[test]
fn a_request_that_was_never_approved() {
    let mut bench = with_text(80, 24, "permissions:\n  env: [TOKEN]\n", false);
    let known = bench.driver.state.policies.values_mut().find_map(|facts| facts.known.as_mut()).unwrap();
    known.standing = FileStanding::Asks;
    insta::assert_snapshot!("policy_asked_80", bench.screen());
}

#[test]
fn errors_keep_a_policy_out_of_force_and_are_shown_at_their_line() {
    let text = "permissions:\n  read: 5\n  nets: [\"a.example:443\"]\n  env: [TOKEN]\n";
    let bench = with_text(120, 40, text, false);
    insta::assert_snapshot!("policy_errors_120", bench.screen());
    shows(&bench, &["policy.yaml has 2 errors: the default is in force", "unknown key `nets`"]);
}

#[test]
fn a_policy_that_cannot_be_read_says_why() {
    let mut bench = with_text(80, 24, "", false);
    let known = bench.driver.state.policies.values_mut().find_map(|facts| facts.known.as_mut()).unwrap();
    known.file = PolicyFile::Unreadable("permission denied (os error 13)".into());
    known.standing = FileStanding::Unreadable;
    shows(&bench, &["policy.yaml cannot be read: the default is in force", "permission denied", "UTF-8"]);
}

#[test]
fn the_list_leads_the_file_and_the_editor_opens_at_the_line() {
    let mut bench = with_text(120, 40, WHOLE, true);
    bench.keys("<tab>");
    assert_eq!(bench.state().focus, Pane::Policy);
    let editor = |bench: &mut Bench, keys: &str| {
        bench.keys(keys);
        match bench.driver.for_terminal.last() {
            Some(Effect::Edit { path, line }) => (path.clone(), *line),
            other => panic!("{other:?}"),
        }
    };
    let own = format!("{WEATHER}/policy.yaml");
    assert_eq!(editor(&mut bench, "<enter>"), (own.clone().into(), 1), "built in");
    // The first line of the file's own is the denial, which beats the grants.
    assert_eq!(editor(&mut bench, "j<enter>"), (own.clone().into(), 9));
    assert_eq!(bench.state().policy_tab.file.cursor, 8);
    bench.keys("jjy");
    let copied = bench.driver.for_terminal.last();
    assert!(matches!(copied, Some(Effect::Copy(text)) if text.contains("policy.yaml:3")), "{copied:?}");
    assert_eq!(editor(&mut bench, "<tab>jj<enter>"), (own.into(), 5));
    assert_eq!(bench.state().focus, Pane::PolicyFile);
    assert!(bench.state().policy_line().unwrap().text.contains("api.weather.example"), "the file leads too");
}

#[test]
fn the_file_is_searched() {
    let mut bench = with_text(120, 40, WHOLE, true);
    bench.keys("<tab><tab>/tiles<enter>");
    assert_eq!(bench.state().policy_tab.file.cursor, 5);
    bench.keys("gn");
    assert_eq!(bench.state().policy_tab.file.cursor, 5);
}

#[test]
fn lines_are_chosen_with_the_mouse() {
    let mut bench = with_text(120, 40, WHOLE, true);
    let row = row_with(&bench.driver, "every host below tiles.example").unwrap() as u16;
    let kind = crate::tui::key::MouseKind::Press;
    let press = Action::Mouse(crate::tui::key::Mouse { kind, column: 60, row });
    bench.tell(press);
    let line = bench.state().policy_line().unwrap();
    assert!(line.text.contains("tiles.example"), "{line:?}");
    assert_eq!(bench.state().policy_tab.file.cursor, 5);
}

#[test]
fn another_reading_of_the_skill_works_the_policy_out_again() {
    let mut bench = with_text(120, 40, WHOLE, true);
    let skill = bench.state().skill().unwrap().clone();
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![skill])));
    shows(&bench, &["api.example.org"]);
    assert!(!bench.screen().contains("tiles.example"));
}

#[test]
fn the_chosen_line_is_always_in_sight() {
    let mut bench = with_text(80, 24, WHOLE, true);
    bench.keys("<tab>");
    for _ in 0..40 {
        bench.keys("j");
        let chosen = bench.state().policy_tab.lines.cursor;
        let line = &bench.state().policy().unwrap().lines[chosen];
        let start: String = line.text.chars().take(16).collect();
        assert!(row_with(&bench.driver, &start).is_some(), "{start} in\n{}", bench.screen());
    }
    insta::assert_snapshot!("policy_limits_80", bench.screen());
}

/// The services have worked the policy out.
fn tell(bench: &mut Bench, review: PolicyReview) {
    bench.tell(Action::PolicyReviewed { skill: WEATHER.into(), review: Box::new(review) });
}

#[test]
fn a_grant_is_removed_after_its_diff_was_seen() {
    let mut bench = with_text(100, 30, WHOLE, true);
    bench.keys("<tab>");
    // Down to the grant of a port.
    while !bench.state().policy_line().unwrap().text.contains("port 443") {
        bench.keys("j");
    }
    shows(&bench, &["d remove"]);
    bench.keys("d");
    insta::assert_snapshot!("policy_removal_100", bench.screen());
    bench.keys("<esc>");
    assert!(bench.log.lock().unwrap().agreed.is_empty(), "nothing without Enter");
    bench.keys("<delete><enter>");
    let agreed = bench.log.lock().unwrap().agreed.clone();
    assert_eq!(agreed[0].what, "the removal of net: api.weather.example:443");
    assert_eq!(agreed[0].proposal.before.as_deref(), Some(WHOLE));
    assert_eq!(
        agreed[0].proposal.after,
        WHOLE.replace("    - \"api.weather.example:443\" # forecasts\n", "")
    );
    shows(&bench, &["the removal of net: api.weather.example:443"]);
    assert!(bench.log.lock().unwrap().started.is_empty(), "what never ran does not run by itself");
    assert_eq!(bench.state().tab, Tab::Policy);
}

#[test]
fn only_own_grants_are_removed() {
    let mut bench = with_text(100, 30, WHOLE, true);
    bench.keys("<tab>d");
    assert!(bench.state().layers.is_empty());
    shows(&bench, &["d: every run has this"]);
    bench.keys("jd");
    shows(&bench, &["d: only grants are removed by a key; e opens the line"]);
    bench.keys("1d");
    shows(&bench, &["d: works in the Policy tab"]);
}

#[test]
fn what_this_session_changed_stands_below_the_file() {
    let mut bench = with_text(100, 30, WHOLE, true);
    let mut changed = review(Some(WHOLE), true);
    let lines = ["   net:", "-    - a.example", "     - b.example"].map(str::to_owned).to_vec();
    changed.session = Session { changes: 2, lines };
    tell(&mut bench, changed);
    bench.keys("<tab><tab>G");
    shows(&bench, &["2 changes in this session  u takes the last one back", "-    - a.example"]);
    assert_eq!(bench.state().policy_tab.file.cursor, 14);
    bench.keys("e");
    let editor = bench.driver.for_terminal.last();
    assert!(matches!(editor, Some(Effect::Edit { line: 11, .. })), "{editor:?}");
}

#[test]
fn each_grant_says_whether_a_run_has_needed_it() {
    let mut bench = with_text(100, 30, WHOLE, true);
    shows(&bench, &["1 unused", "used  policy.yaml:3", "partly  policy.yaml:3", "before  policy.yaml:5"]);
    bench.keys("<tab>");
    while !bench.state().policy_line().unwrap().text.contains("tiles") {
        bench.keys("j");
    }
    shows(&bench, &["runs in the last 3 days needed it: d proposes to remove it"]);
    bench.keys("d");
    shows(&bench, &["policy.yaml no longer grants net: *.tiles.example", "none of 7 runs"]);
    // What was counted for another text says nothing about this one.
    let skill = bench.keys("<esc>").state().skill().unwrap().path.clone();
    let (text, uses) = (WHOLE.replace("# What", "# That").into(), Vec::new());
    bench.tell(Action::GrantsCounted { skill, text, uses });
    assert!(!bench.screen().contains("unused"), "{}", bench.screen());
}

#[test]
fn a_run_that_ends_has_the_grants_counted_again() {
    let mut bench = with_text(100, 30, WHOLE, true);
    bench.keys("r");
    assert_eq!(bench.state().tab, Tab::Run);
    assert!(!bench.state().policies.values().any(|facts| facts.fresh), "not while its tab is behind");
    bench.keys("3");
    assert!(bench.state().policies.values().all(|facts| facts.fresh && !facts.counting));
}
