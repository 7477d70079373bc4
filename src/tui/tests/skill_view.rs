//! The Skill tab: fixes, files, verdicts of clients, cost, what a save changed.

use std::path::PathBuf;
use std::sync::Arc;

use super::doubles::{Bench, Plot, skill, with_skills};
use super::row_with;
use crate::skill::{Diagnostic, Edit, Fix, Severity, Skill, Span};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::keymap;
use crate::tui::state::{Cause, FileText, Layer, Pane, Section, Tool};

const PATH: &str = "/home/ada/project/.skills/report";

const REPORT: &str = "---
name: Report
description: Writes the weekly report.
---
# Report

Run `scripts/report.py`, see [cities](cities.json).
";

fn found(code: &'static str, line: usize, fix: Option<(&str, usize, usize, &str)>) -> Diagnostic {
    let fix = fix.map(|(title, start, end, text)| Fix {
        title: title.into(),
        edits: vec![Edit { start, end, text: text.into() }],
    });
    Diagnostic {
        severity: if fix.is_some() { Severity::Error } else { Severity::Warning },
        code,
        file: format!("{PATH}/SKILL.md").into(),
        span: Span { line, column: 7, end_line: line, end_column: 13, start: 10, end: 16 },
        message: format!("what {code} finds"),
        help: "what to do".into(),
        fix,
    }
}

/// A skill whose first diagnostic has a fix.
fn report() -> Skill {
    let name = ("rename to `report`", 10, 16, "report");
    let mut report = skill("report", REPORT);
    report.diagnostics = vec![found("name-characters", 2, Some(name)), found("description-when", 3, None)];
    report.body_line = 5;
    report
}

/// The cursor is on a diagnostic that has a fix.
pub(crate) fn fixable(width: u16, height: u16) -> Bench {
    let mut bench = with_skills(width, height, Plot::Denied, vec![Arc::new(report())]);
    bench.keys("<shift-tab>");
    assert_eq!(bench.state().focus, Pane::Details);
    bench
}

/// The loader tells of a save: the new reading, then what changed.
fn save(bench: &mut Bench, skill: Skill) {
    let path = PathBuf::from(format!("{PATH}/scripts/report.py"));
    let at = Some(jiff::civil::time(14, 3, 22, 0));
    let cause = Cause { path: path.clone(), kind: "modified".into(), events: 2, at };
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![Arc::new(skill)])));
    let changed = WorkspaceNews::Changed { skill: PATH.into(), cause, paths: vec![path] };
    bench.tell(Action::Workspace(changed));
}

macro_rules! screens {
    ($($name:ident: $width:literal x $height:literal, $keys:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let mut bench = fixable($width, $height);
                bench.keys($keys);
                insta::assert_snapshot!(stringify!($name), bench.screen());
            }
        )*
    };
}

screens! {
    fixable_80: 80 x 24, "";
    fix_80: 80 x 24, "F";
    fix_200: 200 x 60, "F";
    clients_80: 80 x 24, "[[[";
    clients_200: 200 x 60, "[[[";
    cost_80: 80 x 24, "[[";
    cost_200: 200 x 60, "[[";
    never_saved: 80 x 24, "[";
    opened_80: 80 x 24, "]]]j<enter>";
    opened_200: 200 x 60, "]]]j<enter>jj";
}

#[test]
fn ascii_screens_hold_nothing_else() {
    let mut bench = fixable(80, 24);
    bench.driver.state.options.ascii = true;
    for keys in ["", "F", "<esc>[", "[", "[", "[j<enter>"] {
        bench.keys(keys);
        let screen = bench.screen().replace('▏', "");
        assert!(screen.is_ascii(), "{screen}");
    }
    insta::assert_snapshot!("fix_ascii", bench.keys("<esc>]]]]F").screen());
}

#[test]
fn a_fix_is_shown_made_and_taken_back() {
    let mut bench = fixable(100, 30);
    bench.keys("F");
    let screen = bench.screen();
    for part in
        ["fix in SKILL.md", "rename to `report`", "2 - name: Report", "2 + name: report", "A all fixes"]
    {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert!(bench.log.lock().unwrap().fixed.is_empty(), "nothing is written before Enter");
    bench.keys("<esc>");
    assert!(bench.state().layers.is_empty() && bench.log.lock().unwrap().fixed.is_empty());
    bench.keys("F<enter>");
    assert_eq!(bench.log.lock().unwrap().fixed, [REPORT.replace("Report\nd", "report\nd")]);
    assert!(bench.state().layers.is_empty());
    assert!(keymap::bar(bench.state()).iter().any(|(binding, _)| binding.id == "undo-fix"));
    bench.keys("u");
    assert!(bench.log.lock().unwrap().fixed.is_empty());
    assert!(bench.log.lock().unwrap().started.is_empty(), "no grant was taken back, nothing runs");
    assert!(keymap::bar(bench.state()).iter().all(|(binding, _)| binding.id != "undo-fix"));
}

#[test]
fn all_fixes_of_the_file_are_shown_before_they_are_made() {
    let mut bench = fixable(100, 30);
    bench.keys("FA");
    let Some(Layer::Fix(view)) = bench.state().layers.last() else { panic!("no draft") };
    assert!(view.draft.all);
    assert_eq!(bench.state().layers.len(), 1);
    let after = view.draft.after.to_string();
    assert!(after.contains("name: report"), "{after}");
    bench.keys("<enter>");
    assert_eq!(bench.log.lock().unwrap().fixed, [after]);
}

#[test]
fn the_fix_is_that_of_the_line_under_the_cursor() {
    let mut bench = fixable(100, 30);
    bench.keys("jF");
    assert!(bench.state().layers.is_empty());
    assert!(bench.screen().contains("F: no fix is offered here"), "{}", bench.screen());
    bench.keys("<shift-tab>ggF");
    assert!(bench.state().layers.is_empty(), "line 1 has no diagnostic");
    bench.keys("jF");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Fix(_))));
    // The skill it is of goes away.
    bench.tell(Action::Workspace(WorkspaceNews::Removed(vec![PATH.into()])));
    assert!(bench.state().layers.is_empty());
}

#[test]
fn refusing_clients_are_told_at_the_top() {
    let mut bench = fixable(100, 30);
    let (refusing, _) = bench.state().client_tally();
    assert!(refusing > 0);
    assert!(bench.screen().contains(&format!("✗ {refusing} of 6 clients refuse it")), "{}", bench.screen());
    bench.keys("[[[");
    assert_eq!(bench.state().skill_tab.section, Section::Clients);
    let screen = bench.screen();
    for part in ["✗ skills-ref", "refuses it", "after skills-ref 0.1.1 on PyPI, 2026-11-25"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    bench.keys("y");
    let copied = bench.driver.for_terminal.last();
    assert!(matches!(copied, Some(Effect::Copy(text)) if text.contains("x skills-ref")), "{copied:?}");
}

#[test]
fn a_file_is_opened_edited_at_its_line_and_closed() {
    let mut bench = fixable(100, 30);
    bench.keys("]]]j<enter>");
    assert_eq!(bench.state().focus, Pane::Source);
    let screen = bench.screen();
    assert!(screen.contains("scripts/report.py") && screen.contains("Esc SKILL.md"), "{screen}");
    assert!(screen.contains("with open(path) as stream"), "{screen}");
    bench.keys("/stream<enter>e");
    let Some(Effect::Edit { path, line }) = bench.driver.for_terminal.last() else { panic!("no editor") };
    assert_eq!((path.to_str().unwrap(), *line), (&*format!("{PATH}/scripts/report.py"), 7));
    bench.keys("y");
    let copied = bench.driver.for_terminal.last();
    assert!(matches!(copied, Some(Effect::Copy(text)) if text == "    with open(path) as stream:"));
    bench.keys("<esc>");
    assert!(bench.state().skill_tab.opened.is_some(), "the search goes first");
    bench.keys("<esc>");
    assert!(bench.state().skill_tab.opened.is_none());
    assert_eq!((bench.state().focus, bench.state().skill_tab.details.cursor), (Pane::Details, 1));
}

#[test]
fn a_file_that_cannot_be_shown_says_why() {
    let mut bench = fixable(80, 24);
    let path = PathBuf::from(format!("{PATH}/scripts/report.py"));
    bench.driver.state.files.insert(path, FileText::Failed("report.py: a binary file, not shown".into()));
    bench.keys("]]]j<enter>");
    let screen = bench.screen();
    assert!(screen.contains("a binary file, not shown") && screen.contains("e opens it"), "{screen}");
}

#[test]
fn a_diagnostic_of_another_file_opens_that_file() {
    let mut report = report();
    report.diagnostics[1].file = format!("{PATH}/scripts/report.py").into();
    report.diagnostics[1].span.line = 7;
    let mut bench = with_skills(100, 30, Plot::Denied, vec![Arc::new(report)]);
    bench.keys("<shift-tab>j<enter>");
    assert_eq!(bench.state().scroll(Pane::Source).cursor, 6);
    let row = row_with(&bench.driver, "with open(path)").unwrap();
    let screen = bench.screen();
    let below = screen.lines().nth(row + 1).unwrap();
    assert!(below.contains("what description-when finds"), "{below}");
    bench.keys("<esc>k<enter>");
    assert_eq!((bench.state().skill_tab.opened.is_none(), bench.state().skill_tab.source.cursor), (true, 1));
}

#[test]
fn what_a_save_changed_is_told_with_its_time() {
    let mut bench = fixable(100, 30);
    let mut after = report();
    after.diagnostics.remove(0);
    after.diagnostics[0].span.line = 9;
    after.diagnostics.push(found("broken-link", 7, None));
    save(&mut bench, after);
    bench.keys("[");
    let screen = bench.screen();
    for part in [
        "scripts/report.py modified at 14:03:22  2 events",
        "schema: unchanged",
        "+ new  SKILL.md:7 what broken-link finds (broken-link)",
        "- gone what name-characters finds (name-characters)",
    ] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert!(!screen.contains("what description-when finds (description-when)"), "it only moved: {screen}");
    insta::assert_snapshot!("saved_100", screen);
}

#[test]
fn the_schema_is_compared_with_the_one_before() {
    let mut bench = fixable(100, 30);
    let schema = |json: &str| Tool { name: "report".into(), json: json.into(), ..Tool::default() };
    let facts = bench.driver.state.facts.get_mut(&PathBuf::from(PATH)).unwrap();
    facts.tools = Some(vec![schema(r#"{"properties": {"city": {"type": "string"}, "old": {}}}"#)]);
    save(&mut bench, report());
    let facts = bench.state().chosen_facts().unwrap();
    let tools = vec![schema(r#"{"properties": {"city": {"type": "integer"}}, "required": ["city"]}"#)];
    let (files, learned) = (facts.files.clone().unwrap(), facts.learned.clone().unwrap());
    bench.tell(Action::Explored { skill: PATH.into(), tools, files, learned, request: None });
    bench.keys("[");
    let screen = bench.screen();
    for part in
        ["~ report.city: now required; type string → integer", "- report.old: any", "diagnostics: unchanged"]
    {
        assert!(screen.contains(part), "{part}: {screen}");
    }
}

#[test]
fn sections_are_reached_at_every_width() {
    for width in [64, 80, 200] {
        let mut bench = fixable(width, 24);
        for section in Section::ALL {
            assert_eq!(bench.state().skill_tab.section, section);
            bench.keys("]");
        }
        bench.keys("[");
        assert!(
            bench.screen().contains("Save") || bench.screen().contains("Last save"),
            "{}",
            bench.screen()
        );
    }
}
