//! Text from outside: whatever it is, no cell of the screen steers the terminal.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::doubles::{Plot, skill, with_skills};
use super::reports::report;
use super::{Bench, buffer};
use crate::run::report::Remedy;
use crate::sandbox::event::Stream;
use crate::skill::{Diagnostic, Severity, Skill, Span};
use crate::tui::action::{Action, RunNews};

const NASTY: &str = "a\x1b]52;c;aGk=\x07b\u{9b}31m\u{202e}c\u{200b}\r\n\t\u{7f}\u{301}\u{301}\u{301}\u{301}漢\u{feff}\u{2028}";

pub(super) fn check(bench: &Bench) {
    for cell in &buffer(&bench.driver).content {
        for c in cell.symbol().chars() {
            let steers = c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            assert!(!steers, "{:?} is on the screen", cell.symbol());
        }
    }
}

fn nasty_skill(text: &str) -> Arc<Skill> {
    let mut skill = skill(text, text);
    skill.path = format!("/home/ada/{text}").into();
    skill.root = format!("/root{text}").into();
    skill.entries[0].file = text.into();
    skill.entries.truncate(1);
    skill.diagnostics = vec![Diagnostic {
        severity: Severity::Error,
        code: "x",
        file: skill.manifest_path(),
        span: Span { line: 1, column: 2, end_line: 1, end_column: 4, start: 0, end: 0 },
        message: text.into(),
        help: text.into(),
        fix: None,
    }];
    Arc::new(skill)
}

fn nasty_bench(text: &str, output: &[u8]) -> Bench {
    let mut bench = with_skills(100, 30, Plot::Endless, vec![nasty_skill(text)]);
    bench.keys("r");
    let id = bench.state().run().unwrap().id;
    let path = bench.state().skill().unwrap().path.clone();
    let mut report = report(&path);
    let denial = &mut report.denials[0];
    for field in
        [&mut denial.target, &mut denial.arguments, &mut denial.errno, &mut denial.rule, &mut denial.program]
    {
        text.clone_into(field);
    }
    denial.asked = Some(text.into());
    denial.blame[1].function = text.into();
    denial.remedy = Some(Remedy { permission: "read".into(), add: text.into() });
    report.files[0].path = text.into();
    report.network[0].host = Some(text.into());
    report.processes[0].argv = vec!["x".into(), text.into()];
    report.isolation.missing = vec![text.into()];
    bench.tell(Action::Run(id, RunNews::Report(Arc::new(report))));
    let pieces = vec![(Stream::Stdout, output.to_vec()), (Stream::Stderr, text.as_bytes().to_vec())];
    bench.tell(Action::Run(id, RunNews::Output(Duration::ZERO, pieces)));
    bench
}

fn tour(bench: &mut Bench) {
    check(bench);
    for keys in
        ["l", "l", "l", "l", "l", "<enter>", "q1", "<tab>", "<tab>", "l", "J", "l", "l", "E", "q", "i"]
    {
        bench.keys(keys);
        check(bench);
    }
}

#[test]
fn nothing_in_any_field_steers_the_terminal() {
    tour(&mut nasty_bench(NASTY, NASTY.as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_text_steers_the_terminal(text in "\\PC{0,8}[\u{0}-\u{a0}\u{200b}-\u{206f}]{0,12}\\PC{0,8}", output in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = text.replace('/', "_");
        tour(&mut nasty_bench(&text, &output));
    }
}

#[test]
fn a_flood_keeps_memory_and_work_bounded() {
    let mut bench = with_skills(120, 40, Plot::Endless, vec![nasty_skill("x")]);
    bench.keys("r");
    let id = bench.state().run().unwrap().id;
    let line = b"0123456789abcdef 0123456789abcdef 0123456789abcdef\n".repeat(2000);
    for _ in 0..400 {
        bench.tell(Action::Run(id, RunNews::Output(Duration::ZERO, vec![(Stream::Stdout, line.clone())])));
    }
    let log = &bench.state().run().unwrap().stdout;
    let greeting = 27;
    assert_eq!(log.received() - greeting, 400 * line.len() as u64);
    assert_eq!(log.len() as u64 + log.dropped_lines(), 800_001);
    assert!(bench.screen().contains("older lines forgotten"), "{}", bench.screen());
}

#[test]
fn nothing_in_an_old_run_steers_the_terminal() {
    use super::archive::{NOW, old, rows};
    use crate::tui::action::HistoryNews;
    use crate::tui::state::PastRun;

    let mut bench = with_skills(100, 30, Plot::Denied, vec![nasty_skill(NASTY)]);
    let path = bench.state().skill().unwrap().path.clone();
    let nasty = |row: &Arc<PastRun>| {
        let text = || NASTY.to_owned();
        let problem = row.problem.as_ref().map(|_| text());
        let (path, entry) = (path.clone(), NASTY.into());
        Arc::new(PastRun {
            skill: text(),
            path,
            entry,
            arguments: text(),
            local: text(),
            outcome: text(),
            problem,
            ..(**row).clone()
        })
    };
    let nasty: Vec<_> = rows().iter().map(nasty).collect();
    bench.keys("5<tab>");
    bench.tell(Action::History(HistoryNews::Listed { rows: nasty.clone(), left_out: 1, now: NOW }));
    for keys in ["A", "v", "G", "<enter>", "g", "D", "<esc>", "x", "<esc>", "<tab>"] {
        bench.keys(keys);
        check(&bench);
    }
    bench.keys("<shift-tab>d");
    let mut compared = super::archive::comparison();
    compared.outcome.before = NASTY.into();
    compared.denials_gained = vec![NASTY.into()];
    compared.stdout = Some(format!("--- a\n+++ b\n@@ -1 +1 @@\n-{NASTY}\n+{NASTY}\n"));
    let (before, after) = (nasty[1].id.clone(), nasty[0].id.clone());
    let result = Ok(Box::new(compared));
    bench.tell(Action::History(HistoryNews::Compared { before, after, result }));
    check(&bench);
    assert!(bench.screen().contains("gained"), "{}", bench.screen());
    bench.keys("<esc><enter>");
    let mut opened = old(&nasty[0]);
    opened.whole.input.shown = NASTY.into();
    opened.whole.stdout.push(NASTY.as_bytes());
    opened.row = Arc::new(PastRun { path: "/elsewhere".into(), ..(*nasty[0]).clone() });
    bench.driver.state.history.opening = Some((nasty[0].id.clone(), true));
    let (id, result) = (nasty[0].id.clone(), Ok(Box::new(opened)));
    bench.tell(Action::History(HistoryNews::Opened { id, result }));
    for keys in ["", "<esc>", "<enter>"] {
        bench.keys(keys);
        check(&bench);
    }
    assert!(bench.state().old_run().is_some());
}
