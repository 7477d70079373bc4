//! Learning and tightening by keys: what is offered, what agreeing and refusing do.

use std::path::Path;

use super::doubles::{Bench, Plot};
use super::workbench;
use crate::learn::lesson::{Ended, Learned, Lesson, Round, Undecided};
use crate::learn::tighten::Tightening;
use crate::learn::{GrantUse, Offer, Proposal, Standing, Unknown};
use crate::policy::{Origin, Permission, Places, Remedy};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::state::Layer;
use crate::tui::state::runs::RunVerdict;

const BEFORE: &str = "# What the weather needs.\npermissions:\n  net: [\"api.weather.example:443\"]\n";

fn places() -> Places {
    Places { workspace: "/home/ada/project".into(), home: Some("/home/ada".into()) }
}

/// What the double learns: a file, while a key is left to the user.
pub(crate) fn learned(skill: &Path) -> Offer {
    let report = super::reports::report(skill);
    let denial = report.denials[0].clone();
    let remedy = denial.remedy.clone().unwrap();
    let lesson = Lesson { remedy, denial: denial.clone(), further: 0, round: 1, held: None };
    let mut key = denial;
    key.target = "/home/ada/.ssh/id_rsa".into();
    key.remedy = Some(Remedy::new(Permission::Read, "~/.ssh/id_rsa"));
    let reason = "~/.ssh is a place of secrets".to_owned();
    let learned = Learned {
        rounds: Vec::<Round>::new(),
        lessons: vec![lesson],
        left_out: Vec::new(),
        undecided: vec![Undecided { denial: key, reason, round: 1 }],
        refused: Vec::new(),
        ended: Ended::Settled,
        held_writes: false,
        last: None,
    };
    let file = skill.join("policy.yaml");
    let (proposal, left) = Proposal::of(&file, Some(BEFORE.to_owned()), &learned.lessons, &places());
    let notes = ["the network grants in force were held back too: --net lets requests go out".to_owned()];
    let also = [Remedy::new(Permission::Net, "api.weather.example:443")];
    Offer::learned(&learned, proposal, &left, &also, &notes, skill)
}

/// What old runs tell the double.
pub(crate) fn tightened(skill: &Path) -> Offer {
    let file = skill.join("policy.yaml");
    let grant = |permission, written: &str, line, standing, needed_by| GrantUse {
        permission,
        written: written.into(),
        origin: Origin::File { path: file.clone(), line, column: 9 },
        standing,
        runs: 7,
        whole_runs: 7,
        needed_by,
        oldest: Some("2026-01-02T03:04:05Z".into()),
        newest: None,
        last_needed: None,
        entries: std::collections::BTreeSet::new(),
    };
    let narrower = vec![Remedy::new(Permission::Read, "./cities/bern.json")];
    let found = Tightening {
        grants: vec![
            grant(Permission::Read, "./cities", 2, Standing::PartlyNeeded(narrower), 7),
            grant(Permission::Net, "api.weather.example:443", 3, Standing::Unneeded, 0),
            grant(Permission::Env, "LANG", 4, Standing::Unknown(Unknown::Variable), 0),
        ],
        proposal: Proposal {
            file: file.clone(),
            before: Some(
                "permissions:\n  read: [./cities]\n  net: [\"api.weather.example:443\"]\n  env: [LANG]\n"
                    .into(),
            ),
            after: "permissions:\n  read: [./cities/bern.json]\n  env: [LANG]\n".into(),
        },
        unwritable: Vec::new(),
        not_run: vec!["scripts/sync.sh".into()],
    };
    Offer::tightened(found, "2026-01-05T03:04:05Z".parse().unwrap())
}

fn with_policy_file(width: u16, height: u16, plot: Plot) -> Bench {
    let mut bench = workbench(width, height, plot);
    let mut skill = (**bench.keys("j").state().skill().unwrap()).clone();
    skill.policy_file = Some(skill.path.join("policy.yaml"));
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![std::sync::Arc::new(skill)])));
    bench
}

#[test]
fn what_is_learned_is_offered_written_and_taken_back() {
    let mut bench = with_policy_file(80, 24, Plot::Denied);
    bench.keys("L");
    insta::assert_snapshot!("learned_80", bench.screen());
    bench.keys("<esc>");
    assert!(bench.state().layers.is_empty() && bench.log.lock().unwrap().agreed.is_empty());
    bench.keys("rL<enter>");
    let agreed = bench.log.lock().unwrap().agreed[0].proposal.after.clone();
    assert!(agreed.starts_with(BEFORE) && agreed.contains("read: [~/cities.json]"), "{agreed}");
    assert!(bench.state().layers.is_empty());
    assert_eq!(
        bench.state().run().unwrap().verdict(),
        RunVerdict::Passed,
        "it runs again, with what was learned"
    );
    bench.keys("u");
    assert!(bench.log.lock().unwrap().granted.is_empty());
    let mut bench = with_policy_file(200, 60, Plot::Denied);
    insta::assert_snapshot!("learned_200", bench.keys("L").screen());
}

#[test]
fn learning_is_told_and_ended_by_a_key() {
    let mut bench = with_policy_file(120, 40, Plot::Endless);
    bench.keys("L");
    assert!(bench.state().is_learning());
    assert!(bench.screen().contains("round 1, 1 learned; c ends it"), "{}", bench.screen());
    bench.keys("L");
    assert!(bench.screen().contains("something is running; c ends it"), "{}", bench.screen());
    bench.keys("c");
    assert!(!bench.state().is_learning() && bench.state().layers.is_empty());
    assert!(bench.screen().contains("learning was cancelled"), "{}", bench.screen());
    // Ctrl-C ends it too, instead of the workbench.
    bench.keys("L<ctrl-c>");
    assert!(!bench.state().is_learning() && !bench.state().quitting);
}

#[test]
fn what_no_run_has_needed_is_offered() {
    let mut bench = with_policy_file(80, 24, Plot::Denied);
    bench.keys("U");
    insta::assert_snapshot!("tightened_80", bench.screen());
    bench.keys("G");
    assert!(bench.screen().contains("-  net:"), "{}", bench.screen());
    bench.keys("q");
    assert!(bench.state().layers.is_empty() && !bench.state().quitting);
    bench.keys("U<enter>");
    assert_eq!(bench.log.lock().unwrap().agreed[0].what, "what no run has needed");
    // Without a policy file there is nothing to look at.
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jU");
    assert!(bench.screen().contains("U: this skill has no policy.yaml"), "{}", bench.screen());
}

#[test]
fn an_offer_is_drawn_at_every_size() {
    for (width, height) in [(1, 1), (20, 5), (40, 10), (80, 24)] {
        let mut bench = with_policy_file(80, 24, Plot::Denied);
        bench.keys("L");
        super::resized(&mut bench.driver.state, width, height);
        let drawn = bench.keys("G").screen();
        assert_eq!(drawn.lines().count(), usize::from(height));
        assert!(matches!(bench.state().layers.last(), Some(Layer::Offer(_))));
    }
}
