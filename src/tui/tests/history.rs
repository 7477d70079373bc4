//! The Runs tab, and old runs in the Run tab, driven by keys.

use std::sync::Arc;
use std::time::Duration;

use super::archive::{NEWEST, NOW, old, rows};
use super::doubles::{Bench, Plot};
use super::{row_with, workbench};
use crate::sandbox::event::{Stream, UsageSample};
use crate::tui::action::{Action, HistoryNews, RunNews};
use crate::tui::effect::{Effect, ExportForm, HistoryAsk};
use crate::tui::key::{Mouse, MouseKind};
use crate::tui::state::history::{Listing, PastRun};
use crate::tui::state::{Layer, Pane, Tab};

const DENIED: &str = "20261130-140256-071";
const PASSED: &str = "20261130-130000-120";
const LIMIT: &str = "20261129-101500-001";
const BROKEN: &str = "20261101-000000-000";

fn asked(bench: &Bench) -> Vec<HistoryAsk> {
    let log = bench.log.lock().unwrap();
    log.asked.iter().filter(|ask| **ask != HistoryAsk::Now).cloned().collect()
}

fn bench() -> Bench {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j5<tab>");
    bench
}

fn listed(rows: Vec<PastRun>) -> Action {
    let rows = rows.into_iter().map(Arc::new).collect();
    Action::History(HistoryNews::Listed { rows, left_out: 0, now: NOW })
}

macro_rules! screens {
    ($($name:ident: $width:literal x $height:literal, $keys:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let mut bench = workbench($width, $height, Plot::Denied);
                bench.keys($keys);
                insta::assert_snapshot!(stringify!($name), bench.screen());
            }
        )*
    };
}

screens! {
    runs_80: 80 x 24, "j5<tab>jjv";
    runs_200: 200 x 60, "j5<tab>";
    runs_all: 120 x 30, "j5<tab>A";
    runs_broken: 80 x 24, "j5<tab>G";
    runs_narrow: 50 x 16, "j5<tab>";
    no_runs: 80 x 24, "jj5";
    old_run_80: 80 x 24, "j5<tab><enter>";
    old_run_200: 200 x 60, "j5<tab><enter>";
    old_run_interrupted: 120 x 30, "j5<tab>jjj<enter>";
    old_denial: 120 x 40, "j5<tab><enter><enter>";
    replay: 100 x 30, "j5<tab><enter>++p";
    compare_80: 80 x 24, "j5<tab>d";
    compare_200: 200 x 60, "j5<tab>d";
    export_choice: 80 x 24, "j5<tab>x";
    remove_choice: 80 x 24, "j5<tab>D";
}

#[test]
fn the_list_is_asked_for_when_it_is_shown() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j");
    assert!(asked(&bench).is_empty(), "nothing is read on the way to the first frame");
    bench.keys("5");
    assert_eq!(asked(&bench), [HistoryAsk::List]);
    let ids: Vec<&str> = bench.state().history.shown().iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), 5, "of this skill, and what is broken");
    assert_eq!(ids[..2], [DENIED, PASSED]);
    bench.keys("1j5");
    assert_eq!(asked(&bench).len(), 2, "again when it is shown again");
    let of_notes = bench.state().history.shown().iter().filter(|row| row.skill == "notes").count();
    assert_eq!(of_notes, usize::from(bench.state().skill().unwrap().name == "notes"));
}

#[test]
fn a_run_that_ends_is_listed() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j5r5");
    let count = asked(&bench).len();
    bench.keys("2r");
    assert_eq!(asked(&bench).len(), count, "not while nobody looks");
    bench.keys("5");
    assert_eq!(asked(&bench).len(), count + 1);
    // From another program.
    let mut all: Vec<PastRun> = rows().iter().map(|row| (**row).clone()).collect();
    all.insert(0, PastRun { id: NEWEST.into(), started: NOW - 1, ..all[0].clone() });
    bench.tell(listed(all));
    assert!(bench.screen().contains("just now"), "{}", bench.screen());
}

#[test]
fn an_old_run_is_opened_marked_and_left() {
    let mut bench = bench();
    bench.keys("<enter>");
    assert_eq!((bench.state().tab, bench.state().focus), (Tab::Run, Pane::Findings));
    let screen = bench.screen();
    for words in [
        "old run   3 min ago, 2026-11-30 14:02:56",
        "Esc back",
        "r runs now",
        "reading the old cities",
        "an old cache",
        "exit 1",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    bench.keys("<esc>");
    assert_eq!((bench.state().tab, bench.state().focus), (Tab::Runs, Pane::Runs));
    assert!(bench.state().old_run().is_none());
    bench.keys("<enter>q");
    assert!(!bench.state().quitting && bench.state().old_run().is_none(), "q closes what is on top");
}

#[test]
fn a_new_run_leads_back_to_now() {
    let mut bench = bench();
    bench.keys("<enter>r");
    assert!(bench.state().old_run().is_none());
    assert!(bench.screen().contains("reading cities") && !bench.screen().contains("old run"));
    assert_eq!(bench.log.lock().unwrap().started.len(), 1);
}

#[test]
fn nothing_is_allowed_or_saved_on_account_of_an_old_run() {
    let mut bench = bench();
    bench.keys("<enter>a");
    assert!(bench.screen().contains("this is an old run: r runs it as it is now"), "{}", bench.screen());
    bench.keys("<enter>");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Denial(_))));
    let screen = bench.screen();
    assert!(screen.contains("would have been allowed by") && !screen.contains("a adds"), "{screen}");
    bench.keys("a");
    assert!(bench.log.lock().unwrap().granted.is_empty());
    assert!(bench.screen().contains("then a allows what is still refused"));
    bench.keys("qS");
    assert!(
        bench.state().layers.is_empty() && bench.screen().contains("then S saves that"),
        "{}",
        bench.screen()
    );
}

#[test]
fn output_of_an_old_run_is_searched_and_copied() {
    let mut bench = bench();
    bench.keys("<enter><shift-tab><shift-tab>");
    assert_eq!(bench.state().focus, Pane::Stdout);
    bench.keys("/OLD<enter>");
    assert!(bench.screen().contains("not found: OLD"), "smart case");
    bench.keys("/old<enter>y");
    let Some(Effect::Copy(text)) = bench.driver.for_terminal.last() else { panic!("nothing copied") };
    assert_eq!(text, "ok reading the old cities");
}

#[test]
fn another_skill_closes_it_and_a_run_of_another_skill_chooses_that() {
    let mut bench = bench();
    bench.keys("<enter><tab>");
    assert_eq!(bench.state().focus, Pane::Skills);
    bench.keys("j");
    assert!(bench.state().old_run().is_none());
    bench.keys("k5<tab>Ajj");
    let before = bench.state().history.list;
    assert_eq!(bench.state().history.chosen().unwrap().skill, "notes");
    bench.keys("<enter>");
    assert_eq!(bench.state().skill().unwrap().name, "notes");
    assert!(bench.state().old_run().is_some());
    bench.keys("<esc>");
    assert_eq!(bench.state().history.list, before, "the list stays where it was");
}

#[test]
fn the_run_under_way_is_shown_live_instead() {
    let mut bench = workbench(120, 40, Plot::Endless);
    bench.keys("jr5");
    let mut all: Vec<PastRun> = rows().iter().map(|row| (**row).clone()).collect();
    let running = crate::tui::state::runs::RunVerdict::Running;
    all.insert(0, PastRun { id: NEWEST.into(), verdict: Some(running), ..all[0].clone() });
    bench.tell(listed(all));
    bench.keys("D");
    assert!(bench.state().layers.is_empty() && bench.screen().contains("it still runs"));
    bench.keys("<enter>");
    assert_eq!(bench.state().tab, Tab::Run);
    assert!(bench.state().old_run().is_none() && bench.state().running().is_some());
}

#[test]
fn a_run_of_another_program_shows_its_end_when_it_ends() {
    let mut bench = bench();
    let mut all: Vec<PastRun> = rows().iter().map(|row| (**row).clone()).collect();
    bench.keys("<enter>");
    bench.driver.state.history.open.as_mut().unwrap().whole.stage = crate::tui::state::Stage::Running;
    all[0].verdict = Some(crate::tui::state::runs::RunVerdict::Denied);
    bench.tell(listed(all));
    assert_eq!(asked(&bench).iter().filter(|ask| **ask == HistoryAsk::Open(DENIED.into())).count(), 2);
    assert!(bench.screen().contains("exit 1"), "{}", bench.screen());
}

fn played(at: u64, output: &str) -> Action {
    Action::History(HistoryNews::Played {
        play: 1,
        at: Duration::from_millis(at),
        output: vec![(Stream::Stdout, output.into())],
        usage: Some(UsageSample { cpu_ms: at, ..UsageSample::default() }),
    })
}

#[test]
fn a_replay_shows_what_was_there_by_then() {
    let mut bench = bench();
    bench.keys("<enter>p");
    assert_eq!(asked(&bench).last(), Some(&HistoryAsk::Play { id: DENIED.into(), play: 1, speed: 1.0 }));
    let screen = bench.screen();
    assert!(
        !screen.contains("old cities") && screen.contains("playing") && screen.contains("running"),
        "{screen}"
    );
    bench.tell(played(12, "half of "));
    assert!(
        bench.screen().contains("half of") && bench.screen().contains("12 ms of 142 ms"),
        "{}",
        bench.screen()
    );
    let at = |bench: &Bench| bench.state().shown_run().unwrap().denials();
    let early = at(&bench);
    bench.keys("p+").tell(played(100_000, "it"));
    assert!(at(&bench) > early, "denials come when they came");
    assert_eq!(asked(&bench)[3..], [HistoryAsk::Pause, HistoryAsk::Speed(2.0)]);
    assert!(bench.screen().contains("paused ×2"), "{}", bench.screen());
    // News of a replay before this one.
    bench.tell(Action::History(HistoryNews::PlayEnded(7, None)));
    assert!(bench.state().history.replay().is_some());
    bench.tell(Action::History(HistoryNews::PlayEnded(1, None)));
    assert!(
        bench.screen().contains("reading the old cities") && bench.screen().contains("played to its end")
    );
    assert!(!asked(&bench).contains(&HistoryAsk::Stop), "it has ended by itself");
}

#[test]
fn a_replay_that_nobody_sees_is_stopped() {
    for keys in ["<esc>", "r", "<shift-tab><shift-tab><shift-tab>j"] {
        let mut bench = bench();
        bench.keys("p");
        assert!(bench.state().history.replay().is_some(), "p opens and plays");
        bench.keys(keys);
        assert_eq!(asked(&bench).iter().filter(|ask| **ask == HistoryAsk::Stop).count(), 1, "{keys}");
        assert!(bench.state().history.replay().is_none());
    }
    let mut bench = bench();
    bench.keys("p<esc>");
    assert!(bench.screen().contains("reading the old cities"), "first all of it");
    bench.keys("<esc>");
    assert_eq!(bench.state().tab, Tab::Runs);
}

#[test]
fn speed_has_bounds() {
    let mut bench = bench();
    bench.keys("<enter>----------");
    assert!(bench.screen().contains("p plays it 0.25 times as fast"), "{}", bench.screen());
    bench.keys("++++++++++p");
    assert_eq!(asked(&bench).last(), Some(&HistoryAsk::Play { id: DENIED.into(), play: 1, speed: 32.0 }));
}

#[test]
fn two_runs_are_compared_the_earlier_first() {
    let mut bench = bench();
    let compare =
        |before: &str, after: &str| HistoryAsk::Compare { before: before.into(), after: after.into() };
    bench.keys("d");
    assert_eq!(asked(&bench).last(), Some(&compare(PASSED, DENIED)), "the one before");
    let screen = bench.screen();
    for words in [
        "exited with status 0",
        "exited with status 1",
        "1 gained, 1 lost",
        "+Bern 14 degrees",
        "-Bern 12 degrees",
        "stderr is the same",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    bench.keys("y");
    let copied = bench.driver.for_terminal.last();
    assert!(matches!(copied, Some(Effect::Copy(text)) if text.contains("+Bern 14 degrees")), "{copied:?}");
    bench.keys("<esc>jjv");
    assert_eq!(bench.state().history.marked.as_deref(), Some(LIMIT));
    bench.keys("kkd");
    assert_eq!(asked(&bench).last(), Some(&compare(LIMIT, DENIED)));
    bench.keys("<esc>jjjd");
    assert_eq!(
        asked(&bench).last().map(|ask| matches!(ask, HistoryAsk::Compare { after, .. } if after == LIMIT)),
        Some(true)
    );
    bench.keys("<esc>kv");
    assert_eq!(bench.state().history.marked, None);
    bench.keys("jd");
    assert!(bench.screen().contains("no run of this skill before it"), "{}", bench.screen());
    bench.keys("gd2");
    assert!(bench.state().layers.is_empty() && bench.state().tab == Tab::Run, "keys of what lies below");
}

#[test]
fn exporting_asks_for_the_form_and_tells_the_path() {
    let mut bench = bench();
    bench.keys("xj<enter>");
    assert!(bench.screen().contains("exported to /home/ada/project/"), "{}", bench.screen());
    let exported = |bench: &Bench| match asked(bench).pop() {
        Some(HistoryAsk::Export { id, skill, form, .. }) => (id, skill, form),
        other => panic!("{other:?}"),
    };
    assert_eq!(exported(&bench), (DENIED.into(), "weather".into(), ExportForm::Asciicast));
    bench.keys("j<enter>x<enter>");
    assert_eq!(exported(&bench), (PASSED.into(), "weather".into(), ExportForm::Report));
    bench.keys("<esc>2");
    let count = asked(&bench).len();
    bench.keys("x");
    assert!(bench.state().layers.is_empty() && bench.screen().contains("no run to export: r runs the entry"));
    bench.keys("rx<esc>");
    assert_eq!(asked(&bench).len(), count, "nothing is exported that was not asked for");
    bench.keys("x<enter>");
    assert_eq!(exported(&bench).0, NEWEST, "the run that is shown");
}

#[test]
fn removing_asks_first() {
    let mut bench = bench();
    bench.keys("D<enter>");
    assert!(bench.state().history.get(DENIED).is_some(), "the first answer keeps it");
    bench.keys("D<esc>D<esc>");
    bench.keys("Dj<enter>");
    assert!(bench.state().history.get(DENIED).is_none());
    assert!(bench.screen().contains("removed the run of weather at 2026-11-30 14:02:56"));
    bench.keys("GDj<enter>");
    assert!(bench.state().history.get(BROKEN).is_none());
}

#[test]
fn a_broken_record_is_listed_and_not_opened() {
    let mut bench = bench();
    bench.keys("G<enter>dvpx");
    assert_eq!(bench.state().tab, Tab::Runs);
    assert!(asked(&bench).iter().all(|ask| *ask == HistoryAsk::List));
    bench.keys("<enter>");
    assert!(
        bench.screen().contains("this record cannot be read: it is not the record of a run; D removes it")
    );
    // It was whole when it was listed.
    bench.tell(Action::History(HistoryNews::Opened { id: DENIED.into(), result: Err("gone".into()) }));
    assert!(bench.state().old_run().is_none());
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut bench = bench();
    let row = bench.state().history.get(PASSED).unwrap().clone();
    bench.tell(Action::History(HistoryNews::Opened { id: PASSED.into(), result: Ok(Box::new(old(&row))) }));
    assert_eq!(bench.state().tab, Tab::Runs);
}

#[test]
fn without_a_journal_it_says_why() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("j5");
    let why = "SKILLDECK_JOURNAL=off is set; without it runs are written down";
    bench.tell(listed(Vec::new())).tell(Action::History(HistoryNews::Off(why.into())));
    assert!(matches!(bench.state().history.listing, Listing::Off(_)));
    insta::assert_snapshot!("journal_off", bench.screen());
}

#[test]
fn the_mouse_chooses_and_opens() {
    let mut bench = bench();
    let press = |row| Action::Mouse(Mouse { kind: MouseKind::Press, column: 60, row });
    let row = row_with(&bench.driver, "1 h ago").unwrap() as u16;
    bench.tell(press(row));
    assert_eq!(bench.state().history.chosen().unwrap().id, PASSED);
    bench.tell(press(row));
    assert_eq!(bench.state().old_run().unwrap().row.id, PASSED);
}

#[test]
fn a_save_meanwhile_does_not_take_the_old_run_away() {
    let mut bench = bench();
    bench.keys("<enter>");
    let id = bench.state().next_run;
    let cause = crate::tui::state::Cause { path: "/x".into(), kind: "modified".into(), events: 1, at: None };
    bench.driver.state.runs.clear();
    bench.keys("r5j<enter><enter>");
    let skill = bench.state().skill().unwrap().path.clone();
    let news = crate::tui::action::WorkspaceNews::Changed { skill, cause, paths: vec!["/x".into()] };
    bench.tell(Action::Workspace(news));
    assert_eq!(bench.log.lock().unwrap().started.len(), 2, "it ran again");
    assert!(
        bench.state().old_run().is_some() && matches!(bench.state().layers.last(), Some(Layer::Denial(_)))
    );
    let run = crate::tui::state::RunId(id);
    bench.tell(Action::Run(run, RunNews::Ended));
    assert!(bench.state().old_run().is_some());
}
