//! The command palette, from the user's side.

use std::sync::Arc;

use super::doubles::{Plot, skill, with_skills};
use super::{row_with, workbench};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::key::{Mouse, MouseKind};
use crate::tui::state::palette::Item;
use crate::tui::state::{Finding, Layer, Pane, Section, Stage, State, Tab};

/// Labels of what is listed.
fn listed(state: &State) -> Vec<String> {
    let hits = &state.palette.as_ref().expect("no palette is open").hits;
    hits.iter().map(|hit| hit.item.label(state)).collect()
}

#[test]
fn an_action_is_found_by_its_name_and_done() {
    for open in [":", "<ctrl-p>"] {
        let mut bench = workbench(100, 30, Plot::Denied);
        bench.keys("j").keys(open).keys("edit");
        assert_eq!(listed(bench.state())[0], "edit", "{:?}", listed(bench.state()));
        bench.keys("<enter>");
        assert!(bench.state().palette.is_none());
        assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::Edit { .. })));
    }
}

#[test]
fn letters_and_keys_in_it_are_text_and_escape_closes() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("j:qr?/<esc>");
    assert!(!bench.state().quitting && bench.state().palette.is_none() && bench.state().layers.is_empty());
    bench.keys(":x<backspace><backspace>");
    assert!(bench.state().palette.is_none(), "nothing is left to delete");
    bench.keys(":").tell(Action::Paste("them\ne".into()));
    assert_eq!(bench.state().palette.as_ref().unwrap().input.value(), "them e");
}

#[test]
fn descriptions_and_keys_are_searched_too() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("j:select text");
    assert_eq!(listed(bench.state())[0], "mouse");
    bench.keys("<ctrl-u>Ctrl-Z");
    assert_eq!(listed(bench.state())[0], "suspend");
    bench.keys("<ctrl-u>y");
    assert_eq!(listed(bench.state())[0], "copy", "{:?}", listed(bench.state()));
}

#[test]
fn what_cannot_be_done_comes_last_and_says_why() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("j:");
    let available: Vec<bool> =
        bench.state().palette.as_ref().unwrap().hits.iter().map(|hit| hit.available).collect();
    assert!(available.is_sorted_by(|a, b| a >= b) && available.contains(&false));
    bench.keys("cancel");
    assert!(bench.screen().contains("· nothing is running"), "{}", bench.screen());
    bench.keys("<enter>");
    assert!(bench.state().palette.is_some(), "it stays");
    assert!(bench.screen().contains("cancel: nothing is running"), "{}", bench.screen());
    bench.keys("<ctrl-u>run all");
    assert!(bench.screen().contains("works in the Cases tab"), "{}", bench.screen());
}

#[test]
fn a_run_that_starts_beneath_makes_its_end_possible() {
    let mut bench = workbench(100, 30, Plot::Endless);
    bench.keys("jr:cancel");
    assert!(!bench.screen().contains("nothing is running"));
    bench.keys("<enter>");
    assert_eq!(bench.state().run().unwrap().stage, Stage::Ended);
}

#[test]
fn skills_sections_and_themes_are_jumped_to() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys(":zeb<enter>");
    assert_eq!(bench.state().skill().unwrap().name, "zebra");
    bench.keys(":light<enter>");
    assert_eq!(bench.state().options.theme.index, 1);
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::SetTheme(1))));
    bench.keys(":run network<enter>");
    assert_eq!((bench.state().tab, bench.state().run_tab.finding), (Tab::Run, Finding::Network));
    bench.keys(":schema<enter>");
    assert_eq!((bench.state().tab, bench.state().skill_tab.section), (Tab::Skill, Section::Schema));
    assert_eq!(bench.state().focus, Pane::Details);
    bench.keys(":casestab<enter>");
    assert_eq!(bench.state().tab, Tab::Cases);
}

#[test]
fn what_was_chosen_lately_comes_first() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("j:zoom<enter>:theme light<enter>:");
    assert_eq!(listed(bench.state())[..2], ["light", "zoom"]);
    assert_eq!(bench.state().recent, ["theme light", "zoom"]);
}

#[test]
fn over_an_open_denial_its_actions_act_on_it_and_others_close_it() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("jr<enter>:copy<enter>");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Denial(_))));
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::Copy(text)) if text.contains("open")));
    bench.keys(":allow<enter>");
    assert_eq!(bench.log.lock().unwrap().granted.len(), 1);
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("jr<enter>:casestab<enter>");
    assert!(bench.state().layers.is_empty());
    assert_eq!(bench.state().tab, Tab::Cases);
    bench.keys("?:weather<enter>");
    assert!(bench.state().layers.is_empty() && bench.state().palette.is_none());
}

#[test]
fn the_cursor_goes_round_and_the_mouse_chooses() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("j:theme");
    let last = listed(bench.state()).len() - 1;
    bench.keys("<up>");
    assert_eq!(bench.state().palette.as_ref().unwrap().scroll.cursor, last);
    bench.keys("<down>");
    assert_eq!(bench.state().palette.as_ref().unwrap().scroll.cursor, 0);
    let row = row_with(&bench.driver, "light ").unwrap() as u16;
    bench.tell(Action::Mouse(Mouse { kind: MouseKind::Press, column: 20, row }));
    assert_eq!((bench.state().options.theme.index, bench.state().palette.is_none()), (1, true));
    bench.keys(":").tell(Action::Mouse(Mouse { kind: MouseKind::Press, column: 0, row: 29 }));
    assert!(bench.state().palette.is_none(), "a click beside it closes it");
}

#[test]
fn of_ten_thousand_skills_the_right_one_is_found() {
    let skills = (0..10_000).map(|n| Arc::new(skill(&format!("skill-{n:05}"), "---\nname: x\n---\n")));
    let mut bench = with_skills(100, 30, Plot::Denied, skills.collect());
    bench.keys(":04711");
    let palette = bench.state().palette.as_ref().unwrap();
    assert!(matches!(&palette.hits[0].item, Item::Skill(path) if path.ends_with("skill-04711")));
    bench.keys("<enter>");
    assert_eq!(bench.state().skill().unwrap().name, "skill-04711");
}
