use std::collections::VecDeque;

use super::*;
use crate::sandbox::event::{Operation, Verdict};
use crate::sandbox::plan::Observe;

const SKILL: &str = "/w/.skills/demo";

/// A program by what it does in order: the first thing that is not granted ends it, unless it goes on by `~`.
struct Script {
    steps: Vec<&'static str>,
    /// Asks for one more file each time.
    endless: bool,
    runs: usize,
    refuses: VecDeque<Refusal>,
}

impl Script {
    fn of(steps: &[&'static str]) -> Self {
        Self { steps: steps.to_vec(), endless: false, runs: 0, refuses: VecDeque::new() }
    }
}

fn denial(permission: Permission, target: &str) -> Denial {
    let operation = match permission {
        Permission::Read => Operation::Read,
        Permission::Write => Operation::Write,
        Permission::Net => Operation::Connect,
        Permission::Run => Operation::Execute,
        Permission::Env => Operation::Env,
    };
    let report = crate::tui::tests::reports::report(Path::new(SKILL));
    Denial {
        operation,
        target: target.into(),
        remedy: Some(Remedy::new(permission, target)),
        alternatives: Vec::new(),
        ..report.denials[0].clone()
    }
}

impl Engine for Script {
    fn check(&mut self, policy: &Policy) -> Result<(), String> {
        let bad = policy.read.iter().any(|grant| grant.written.contains("unplannable"));
        if bad { Err("it cannot be planned".to_owned()) } else { Ok(()) }
    }

    fn run(&mut self, policy: Policy, _: Duration) -> Result<Report, Refusal> {
        if !policy.write.is_empty()
            && let Some(refusal) = self.refuses.pop_front()
        {
            return Err(refusal);
        }
        self.runs += 1;
        let mut report = crate::tui::tests::reports::report(Path::new(SKILL));
        report.policy.permissions = policy.permissions_json();
        report.observe = Some(Observe::Full);
        (report.denials, report.files, report.network) = (Vec::new(), Vec::new(), Vec::new());
        let mut code = 0;
        for step in &self.steps {
            let (goes_on, step) = step.strip_prefix('~').map_or((false, *step), |step| (true, step));
            let (word, target) = step.split_once(' ').unwrap();
            let permission = Permission::from_name(word).unwrap();
            let denied = denial(permission, target);
            let list = report.policy.permissions[word].as_array().unwrap();
            if list.iter().any(|one| one == target) {
                let path = target.into();
                let operation = denied.operation;
                report.files.push(crate::run::report::FileAccess {
                    path,
                    operation,
                    verdict: Verdict::Allowed,
                    count: 1,
                    at_ms: None,
                });
                // A fallback is not tried once the first way works.
                if goes_on {
                    break;
                }
            } else {
                report.denials.push(denied);
                if !goes_on {
                    code = 1;
                    break;
                }
            }
        }
        if self.endless {
            report.denials.push(denial(Permission::Read, &format!("/d/{}", self.runs)));
        }
        report.outcome.as_mut().unwrap().code = Some(code);
        Ok(report)
    }
}

fn learn_from(script: &mut Script, net: bool, bounds: Bounds) -> Learned {
    let places = Places { workspace: "/w".into(), home: Some("/home/ada".into()) };
    let (file, stop) = (Path::new(SKILL).join("policy.yaml"), Stop::default());
    let setting = Setting {
        ordinary: Policy::default(),
        file: &file,
        skill: Path::new(SKILL),
        places: &places,
        holds_net: !net,
        variable: |_| None,
        bounds,
        stop: &stop,
    };
    learn(&setting, script, &mut |_| {})
}

fn grants(learned: &Learned) -> Vec<String> {
    learned
        .lessons
        .iter()
        .map(|lesson| format!("{} {}", lesson.remedy.permission, lesson.remedy.add))
        .collect()
}

#[test]
fn one_refusal_after_the_other_is_learned() {
    let mut script = Script::of(&["run git", "read /d/b", "read /d/a", "env LANG"]);
    let learned = learn_from(&mut script, false, Bounds::default());
    assert_eq!(grants(&learned), ["read /d/a", "read /d/b", "run git", "env LANG"]);
    assert_eq!(learned.ended, Ended::Settled);
    assert_eq!(learned.lessons.iter().map(|lesson| lesson.round).collect::<Vec<_>>(), [3, 2, 1, 4]);
    assert_eq!(learned.last.unwrap().denials, []);
}

#[test]
fn hosts_are_proposed_and_not_let_through() {
    let steps = ["~net api.example.org:443", "read /d/a"];
    let held = learn_from(&mut Script::of(&steps), false, Bounds::default());
    assert_eq!(grants(&held), ["read /d/a", "net api.example.org:443"]);
    assert_eq!(held.lessons[1].held, Some(Held::Net));
    assert_eq!(held.ended, Ended::Settled);
    let tried =
        learn_from(&mut Script::of(&["net api.example.org:443", "read /d/a"]), true, Bounds::default());
    assert_eq!(grants(&tried), ["read /d/a", "net api.example.org:443"]);
    assert_eq!(tried.lessons[1].held, None);
}

#[test]
fn what_must_not_be_granted_is_left_to_the_user() {
    let mut script =
        Script::of(&["~read /home/ada/.ssh/id_rsa", "~env API_TOKEN", "~read /unplannable", "read /d/a"]);
    let learned = learn_from(&mut script, false, Bounds::default());
    assert_eq!(grants(&learned), ["read /d/a"]);
    let reasons: Vec<&str> = learned.undecided.iter().map(|undecided| undecided.reason.as_str()).collect();
    let expected =
        ["~/.ssh is a place of secrets", "API_TOKEN is named like a secret", "it cannot be planned"];
    assert_eq!(reasons, expected);
}

#[test]
fn a_fallback_that_is_not_needed_is_left_out_again() {
    let mut script = Script::of(&["~read /d/new", "~read /d/old"]);
    let learned = learn_from(&mut script, false, Bounds::default());
    assert_eq!(grants(&learned), ["read /d/new"]);
    assert_eq!(learned.left_out[0].0.remedy.add, "/d/old");
    assert!(learned.rounds.last().unwrap().confirms);
    // A wider grant makes the narrow one needless.
    let mut script = Script::of(&["read /d/x/1", "read /d/x"]);
    let learned = learn_from(&mut script, false, Bounds::default());
    assert_eq!(grants(&learned), ["read /d/x"]);
    assert_eq!(learned.left_out[0].1, "`read: /d/x` covers it");
}

#[test]
fn what_never_settles_ends() {
    let endless = || Script { endless: true, ..Script::of(&[]) };
    let bounds = Bounds { rounds: 7, ..Bounds::default() };
    let learned = learn_from(&mut endless(), false, bounds);
    assert_eq!((learned.ended, learned.rounds.len(), learned.lessons.len()), (Ended::Rounds(7), 7, 7));
    let bounds = Bounds { rounds: 1000, ..Bounds::default() };
    let learned = learn_from(&mut endless(), false, bounds);
    assert_eq!((learned.ended, learned.lessons.len()), (Ended::Many, MOST_GRANTS));
    let bounds = Bounds { time: Duration::ZERO, ..Bounds::default() };
    assert_eq!(learn_from(&mut endless(), false, bounds).ended, Ended::Time(Duration::ZERO));
}

#[test]
fn writes_that_cannot_be_captured_are_proposed_and_not_let_through() {
    let mut script = Script::of(&["~write /d/out", "read /d/a"]);
    script.refuses = VecDeque::from([Refusal::NoCapture]);
    let learned = learn_from(&mut script, false, Bounds::default());
    assert_eq!(grants(&learned), ["read /d/a", "write /d/out"]);
    assert!(learned.held_writes && learned.lessons[1].held == Some(Held::Write));
    let mut script = Script::of(&["write /d/out"]);
    script.refuses = VecDeque::from([Refusal::Other("no sandbox".to_owned())]);
    assert_eq!(
        learn_from(&mut script, false, Bounds::default()).ended,
        Ended::Failed("no sandbox".to_owned())
    );
}
