//! The Run tab: usage over time, the timeline, changes, both streams by time, search in the lists.

use std::sync::Arc;
use std::time::Duration;

use super::doubles::{Bench, Plot};
use super::reports::report;
use super::{row_with, workbench};
use crate::run::report::{CapturedWrites, Change, ChangeKind, Remedy, Report};
use crate::sandbox::event::{Stream, UsageSample};
use crate::tui::action::{Action, CaseNews, PackageNews, RunNews};
use crate::tui::effect::Effect;
use crate::tui::state::{Finding, Layer, Pane};

fn tell(bench: &mut Bench, news: RunNews) {
    let id = bench.state().run().unwrap().id;
    bench.tell(Action::Run(id, news));
}

fn print(bench: &mut Bench, ms: u64, stream: Stream, text: &str) {
    tell(bench, RunNews::Output(Duration::from_millis(ms), vec![(stream, text.as_bytes().to_vec())]));
}

fn use_up(bench: &mut Bench, samples: impl IntoIterator<Item = (u64, u64)>) {
    for (at, mib) in samples {
        let sample =
            UsageSample { cpu_ms: at / 2, memory_bytes: mib << 20, processes: 1 + mib / 40, descriptors: 9 };
        tell(bench, RunNews::Usage(Duration::from_millis(at), sample));
    }
}

/// A run that goes on, at the size of `width` and `height`.
fn running(width: u16, height: u16) -> Bench {
    let mut bench = workbench(width, height, Plot::Endless);
    bench.keys("jr");
    bench
}

fn with_report(bench: &mut Bench, change: impl FnOnce(&mut Report)) {
    let mut report = report(&bench.state().skill().unwrap().path.clone());
    change(&mut report);
    tell(bench, RunNews::Report(Arc::new(report)));
}

#[test]
fn usage_is_drawn_over_time_against_its_limits() {
    let mut bench = running(140, 40);
    use_up(&mut bench, (1..=40).map(|n| (n * 100, n * 5)));
    insta::assert_snapshot!("usage_row", bench.screen());
    bench.keys("[");
    assert_eq!(bench.state().run_tab.finding, Finding::Usage);
    insta::assert_snapshot!("usage_section", bench.screen());
    let screen = bench.keys("z").screen();
    assert!(screen.contains("200, peak 200 of 256 MiB"), "{screen}");
    assert!(screen.contains("top: 1 processor"), "{screen}");
    bench.driver.state.options.ascii = true;
    assert!(bench.screen().replace('▏', "").is_ascii());
}

#[test]
fn the_smallest_screen_has_usage_in_its_section() {
    let mut bench = running(80, 24);
    use_up(&mut bench, [(100, 10), (200, 230), (300, 20)]);
    assert!(row_with(&bench.driver, "procs").is_none_or(|row| row > 12), "no row of the header");
    bench.keys("[");
    let screen = bench.screen();
    assert!(screen.contains("! 20, peak 230 of 256 MiB"), "near to the limit, told without colour: {screen}");
}

#[test]
fn a_silent_run_grows_older_with_every_sample() {
    let mut bench = running(120, 40);
    use_up(&mut bench, [(1_000, 10), (2_000, 10)]);
    assert!(bench.screen().contains("2.00 s of 30 s"), "{}", bench.screen());
    use_up(&mut bench, [(3_000, 10)]);
    assert!(bench.screen().contains("3.00 s of 30 s"));
}

#[test]
fn the_timeline_leads_to_each_thing() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jr[[");
    assert_eq!(bench.state().run_tab.finding, Finding::Timeline);
    insta::assert_snapshot!("timeline", bench.screen());
    bench.keys("/cities.json<enter><enter>");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Denial(_))), "{}", bench.screen());
    assert_eq!(bench.state().denial().unwrap().target, "/home/ada/cities.json");
    // Output is shown where it was printed.
    bench.keys("q[[").keys("/on stderr<enter>");
    bench.keys("<enter>");
    assert_eq!(bench.state().focus, Pane::Stderr, "{}", bench.screen());
    // Processes, by the filter.
    bench.keys("<tab>");
    assert_eq!((bench.state().focus, bench.state().run_tab.finding), (Pane::Findings, Finding::Timeline));
    bench.keys("vv");
    let screen = bench.screen();
    assert!(screen.contains("timeline: processes") && !screen.contains("DENIED"), "{screen}");
    bench.keys("G<enter>");
    assert_eq!(bench.state().run_tab.finding, Finding::Processes);
}

#[test]
fn the_timeline_grows_while_it_is_looked_at() {
    let mut bench = running(120, 40);
    bench.keys("[[");
    let before = bench.state().run().unwrap().trace.timeline.entries().len();
    print(&mut bench, 5_000, Stream::Stdout, "more\n");
    assert_eq!(bench.state().run().unwrap().trace.timeline.entries().len(), before + 1);
    assert!(bench.screen().contains("5 bytes on stdout"), "{}", bench.screen());
}

#[test]
fn changes_are_listed_and_opened_with_their_diff() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jr[[[");
    assert_eq!(bench.state().run_tab.finding, Finding::Changes);
    assert!(bench.screen().contains("nothing was changed on disk"));
    let change = |path: &str, kind, bytes, diff: Option<&str>, kept| Change {
        path: format!("/home/ada/project/out/{path}").into(),
        kind,
        bytes,
        before_bytes: (kind == ChangeKind::Modified).then_some(7),
        diff: diff.map(str::to_owned),
        detail: diff.is_none().then(|| "binary".to_owned()),
        kept: Some(kept),
    };
    with_report(&mut bench, |report| {
        let diff = Some("@@ -1 +1 @@\n-hello\n+\u{1b}[31mgood\u{1b}[0m bye\n");
        report.changes = vec![
            change("a.bin", ChangeKind::Added, 4096, None, true),
            change("b.txt", ChangeKind::Modified, 9, diff, false),
            change("c.txt", ChangeKind::Deleted, 12, Some("@@ -1 +0,0 @@\n-gone\n"), true),
        ];
        let writes = CapturedWrites { mode: "keep".into(), kept: 2, dropped: 1, ..CapturedWrites::default() };
        report.writes = Some(writes);
    });
    insta::assert_snapshot!("changes", bench.screen());
    bench.keys("jj<enter>");
    insta::assert_snapshot!("change_opened", bench.screen());
    bench.keys("y");
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::Copy(text)) if text.contains("-hello")));
    bench.keys("l");
    assert!(bench.screen().contains("- deleted  out/c.txt"), "{}", bench.screen());
    bench.keys("q");
    assert!(bench.state().layers.is_empty());
}

#[test]
fn both_streams_stand_in_one_pane_as_they_came() {
    let mut bench = running(120, 40);
    for n in 0..60 {
        let (stream, name) = if n % 3 == 0 { (Stream::Stderr, "err") } else { (Stream::Stdout, "out") };
        print(&mut bench, n, stream, &format!("{name} {n}\n"));
    }
    bench.keys("O");
    let screen = bench.screen();
    let order = ["▌err 57", " out 58", " out 59"]
        .map(|line| screen.find(line).unwrap_or_else(|| panic!("{line}: {screen}")));
    assert!(order.is_sorted());
    // The pane follows, is held, searched, copied and left again.
    bench.keys("<shift-tab>");
    assert_eq!(bench.state().focus, Pane::Output);
    print(&mut bench, 99, Stream::Stderr, "the end\n");
    assert!(bench.screen().contains("▌the end"));
    bench.keys("g");
    assert!(bench.screen().contains("held, f follows"));
    print(&mut bench, 100, Stream::Stdout, "after the end\n");
    assert!(!bench.screen().contains("after the end"));
    bench.keys("/err 3<enter>");
    assert!(bench.screen().contains("▌err 3 "), "{}", bench.screen());
    bench.keys("n");
    assert_eq!(bench.state().run_tab.output.cursor, 2 + 30, "the first two lines are of the start");
    bench.keys("f");
    assert!(bench.screen().contains("after the end"));
    bench.keys("y");
    let Some(Effect::Copy(text)) = bench.driver.for_terminal.last() else { panic!("nothing copied") };
    assert!(text.contains("out 58\nout 59\nthe end\nafter the end"), "{text}");
    bench.keys("O");
    assert_eq!(bench.state().focus, Pane::Stdout);
    assert!(bench.screen().contains("── stderr"));
}

#[test]
fn lists_are_searched_and_copied() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jr/ptrace<enter>");
    assert_eq!(bench.state().run_tab.findings.cursor, 2);
    bench.keys("/e<enter>");
    assert_eq!(bench.state().run_tab.findings.cursor, 2);
    bench.keys("n");
    assert_eq!(bench.state().run_tab.findings.cursor, 0, "it goes round");
    bench.keys("N");
    assert_eq!(bench.state().run_tab.findings.cursor, 2);
    bench.keys("/no such thing<enter>");
    assert!(bench.screen().contains("not found: no such thing"));
    bench.keys("llly");
    assert!(bench.screen().contains("nothing to copy here"), "no limit was reached");
    bench.keys("ly");
    assert!(
        matches!(bench.driver.for_terminal.last(), Some(Effect::Copy(text)) if text == "/usr/bin/python3 scripts/report.py")
    );
}

#[test]
fn packages_are_shown_before_they_are_installed_and_then_it_runs_again() {
    let mut bench = workbench(100, 30, Plot::Missing);
    bench.keys("jr");
    assert!(bench.screen().contains("P shows what is declared, and installs it"), "{}", bench.screen());
    bench.keys("P");
    insta::assert_snapshot!("packages_asked", bench.screen());
    bench.keys("<esc>");
    assert_eq!(bench.log.lock().unwrap().prepared, 0, "nothing without the user's word");
    bench.keys("P<enter>");
    insta::assert_snapshot!("packages_at_work", bench.screen());
    bench.keys("P");
    assert!(bench.screen().contains("packages are being prepared; c cancels"));
    bench.keys("c");
    assert_eq!(bench.log.lock().unwrap().packages_cancelled, 1);
    let path = bench.state().skill().unwrap().path.clone();
    let ended = |result| Action::Packages(path.clone(), PackageNews::Ended(result));
    bench.tell(ended(Err("requests from requirements.txt, with pip 24.0 failed (exit status: 1)".into())));
    assert!(bench.screen().contains("✗ requests from requirements.txt"), "{}", bench.screen());
    bench.keys("<esc>");
    assert!(bench.state().preparation.is_none());
    bench.keys("P<enter>");
    let runs = bench.log.lock().unwrap().started.len();
    bench.tell(ended(Ok("prepared 2 packages".into())));
    assert_eq!(bench.log.lock().unwrap().started.len(), runs + 1, "it runs again");
    assert!(bench.state().preparation.is_none());
}

#[test]
fn without_packages_it_says_so() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("jP");
    assert!(bench.screen().contains("nothing to prepare"));
    assert!(bench.state().layers.is_empty());
}

#[test]
fn a_denial_names_the_others_with_its_cause() {
    let mut bench = workbench(120, 50, Plot::Denied);
    bench.keys("jr");
    with_report(&mut bench, |report| {
        let wider = Remedy { permission: "read".into(), add: "~/data".into() };
        let like = |id, name: &str, line| {
            let mut denial = report.denials[0].clone();
            denial.id = id;
            denial.target = format!("/home/ada/data/{name}");
            denial.remedy = Some(Remedy { permission: "read".into(), add: format!("~/data/{name}") });
            denial.alternatives = vec![wider.clone()];
            denial.blame[1].line = line;
            denial
        };
        report.denials.extend([like(4, "a", 20), like(5, "b", 21), like(6, "c", 20)]);
    });
    bench.keys("jjj<enter>");
    let screen = bench.screen();
    assert!(!screen.contains("also allows"), "the least allows nothing else: {screen}");
    assert!(screen.contains("   6  read ~/data/c") && screen.contains("same line"), "{screen}");
    bench.keys(">");
    let screen = bench.screen();
    assert!(screen.contains("also allows 2 other denials: read ~/data/b, read ~/data/c"), "{screen}");
    assert!(screen.contains("same grant, same line"), "{screen}");
    insta::assert_snapshot!("denial_kin", screen);
}

#[test]
fn the_command_that_repeats_the_run_is_copied() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("ji<ctrl-t>--city 'Bern Süd'<enter>rY");
    let Some(Effect::Copy(text)) = bench.driver.for_terminal.last() else { panic!("nothing copied") };
    assert_eq!(text, "skilldeck run weather -- --city 'Bern Süd'");
}

#[test]
fn what_takes_long_is_told_in_the_bar() {
    let mut bench = workbench(100, 30, Plot::Endless);
    bench.tell(Action::Working(Some(("writing samples", Duration::from_millis(2700)))));
    assert!(bench.screen().contains("writing samples… 2 s"));
    bench.tell(Action::Working(None));
    assert!(!bench.screen().contains("writing samples"));
    bench.keys("j4R");
    assert!(bench.screen().contains("cases 0/3"), "{}", bench.screen());
    let skill = bench.state().skill().unwrap().path.clone();
    let outcome = super::doubles::ended(crate::cases::Verdict::Passed);
    bench.tell(Action::Cases(CaseNews::Ended { skill, name: "a city".into(), outcome }));
    assert!(bench.screen().contains("cases 1/3"));
}

#[test]
fn what_a_run_used_is_copied() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("jr[y");
    let Some(Effect::Copy(text)) = bench.driver.for_terminal.last() else { panic!("nothing copied") };
    assert!(text.starts_with("cpu 90 of 10000 ms\nmemory 39845888 of 268435456 bytes\n"), "{text}");
}
