//! SKILL.md as rendered Markdown, driven by keys.

use std::fmt::Write as _;
use std::sync::Arc;

use super::doubles::{Bench, Plot, skill, with_skills};
use super::{buffer, resized, row_with, styles, text};
use crate::skill::{Diagnostic, Severity, Skill, Span};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::state::{Pane, State};

const GUIDE: &str = "\
---
name: guide
description: Shows every kind of block. Use when a renderer is looked at.
---
# Guide

Read **this** first, then [the list](references/list.md) of *all* `codes`.

## Steps

1. Open the file
   - with an editor
   - or with `cat`
2. Save it

| option | default | meaning |
| ------ | ------: | ------- |
| `--top` | 5 | how many rows are shown before the rest is left out |
| `--all` | | everything |

```python
def main():
    return 1  # done
```

> Quoted.
";

fn guide() -> Skill {
    let mut guide = skill("guide", GUIDE);
    guide.body_line = 5;
    guide.diagnostics = vec![Diagnostic {
        severity: Severity::Warning,
        code: "broken-link",
        file: guide.manifest_path(),
        span: Span { line: 7, column: 35, end_line: 7, end_column: 53, start: 0, end: 0 },
        message: "`references/list.md` does not exist in the skill".into(),
        help: "add the file".into(),
        fix: None,
    }];
    guide
}

fn bench(width: u16, height: u16) -> Bench {
    let mut bench = with_skills(width, height, Plot::Denied, vec![Arc::new(guide())]);
    bench.keys("<tab>");
    assert_eq!(bench.state().focus, Pane::Source);
    bench
}

/// The text of the row under the cursor of the rendering.
fn under_cursor(state: &State) -> String {
    let lines = state.rendering().expect("rendered");
    lines.lines[state.scroll(Pane::Source).cursor].text()
}

#[test]
fn rendered_screens() {
    insta::assert_snapshot!("rendered_80", bench(80, 24).keys("M").screen());
    insta::assert_snapshot!("rendered_200", bench(200, 60).keys("M").screen());
    let mut ascii = bench(80, 40);
    ascii.driver.state.options.ascii = true;
    let screen = ascii.keys("M").screen();
    assert!(screen.replace('▏', "").is_ascii(), "{screen}");
    insta::assert_snapshot!("rendered_ascii", screen);
    let mut looks = bench(100, 40);
    let picture = buffer(&looks.keys("Mz").driver);
    insta::assert_snapshot!("rendered_looks", format!("{}\n{}", text(&picture), styles(&picture)));
}

#[test]
fn the_place_is_kept_in_both_directions() {
    let mut bench = bench(100, 20);
    for (line, words) in
        [(1, "│ guide"), (6, "Read this first"), (12, "or with cat"), (17, "--top"), (21, "def main")]
    {
        bench.keys("g");
        for _ in 0..line {
            bench.keys("j");
        }
        let row = row_with(&bench.driver, &format!(" {}  ", line + 1)).unwrap();
        bench.keys("M");
        assert!(under_cursor(bench.state()).contains(words), "{line}: {}", under_cursor(bench.state()));
        let now = row_with(&bench.driver, words).unwrap();
        assert!(now.abs_diff(row) <= 2, "row {row} of the screen became {now}");
        bench.keys("M");
        assert!(bench.state().rendering().is_none());
        assert_eq!(bench.state().scroll(Pane::Source).cursor, line);
    }
}

#[test]
fn moving_in_the_rendering_moves_in_the_source() {
    let mut bench = bench(100, 30);
    bench.keys("M/--all<enter>e");
    let Some(Effect::Edit { path, line }) = bench.driver.for_terminal.last() else { panic!("no editor") };
    assert!(path.ends_with("SKILL.md"));
    assert_eq!(*line, 19);
    bench.keys("y");
    let copied = bench.driver.for_terminal.last();
    assert!(matches!(copied, Some(Effect::Copy(text)) if text.contains("everything")), "{copied:?}");
    bench.keys("<esc>GM");
    assert_eq!(bench.state().scroll(Pane::Source).cursor, 25);
    bench.keys("M/nowhere<enter>");
    assert!(bench.screen().contains("not found: nowhere"));
}

#[test]
fn diagnostics_lead_the_rendering_and_mark_it() {
    let mut bench = bench(100, 40);
    bench.keys("GM<tab>g");
    assert_eq!(bench.state().focus, Pane::Details);
    assert!(under_cursor(bench.state()).contains("Read this first"), "{}", under_cursor(bench.state()));
    let row = row_with(&bench.driver, "Read this first").unwrap();
    let screen = bench.screen();
    let line = screen.lines().nth(row).unwrap();
    assert!(line.contains("│ ! Read this first"), "{line}");
}

#[test]
fn another_width_and_another_text_keep_the_place() {
    let mut bench = bench(100, 30);
    bench.keys("M/--top<enter><esc>");
    resized(&mut bench.driver.state, 70, 30);
    bench.keys("<ctrl-l>");
    assert!(under_cursor(bench.state()).contains("--top"), "{}", bench.screen());
    assert_eq!(bench.state().source_scroll().cursor, 17);
    let mut changed = guide();
    changed.source = changed.source.replace("how many rows", "HOW MANY ROWS");
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![Arc::new(changed)])));
    assert!(bench.screen().contains("HOW MANY"), "{}", bench.screen());
    assert!(under_cursor(bench.state()).contains("--top"));
}

#[test]
fn only_markdown_is_rendered() {
    let mut bench = bench(100, 30);
    bench.keys("M<tab>]]]j<enter>");
    assert!(bench.state().rendering().is_none());
    assert!(bench.screen().contains("with open(path) as stream"), "{}", bench.screen());
    bench.keys("M");
    assert!(bench.screen().contains("M: Markdown in the Skill tab is rendered"), "{}", bench.screen());
    bench.keys("<esc>");
    assert!(bench.state().rendering().is_some(), "back in SKILL.md as it was left");
}

#[test]
fn every_size_is_survived_and_huge_texts_too() {
    let mut huge = String::from("---\nname: guide\n---\n# Huge\n\n");
    for row in 0..3000 {
        let _ = writeln!(huge, "- item {row} with `code` and [a link](target{row})");
    }
    let mut skill = guide();
    skill.source = huge + &"x".repeat(1 << 20);
    let mut bench = with_skills(80, 24, Plot::Denied, vec![Arc::new(skill)]);
    bench.keys("<tab>M");
    for (width, height) in [(1, 1), (24, 7), (25, 8), (40, 8), (64, 10), (500, 3), (30, 200), (300, 100)] {
        resized(&mut bench.driver.state, width, height);
        bench.keys("jGk<ctrl-u>g");
        assert_eq!(buffer(&bench.driver).area.width, width);
    }
}
