//! Themes in the whole workbench: following the terminal, and files that are saved.

use std::path::Path;
use std::sync::Arc;

use super::doubles::Plot;
use super::workbench;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::theme::{Chosen, Kind, Set, file};

fn mine(text: &str) -> crate::tui::theme::file::ThemeFile {
    file::parse(text, Path::new("/home/ada/mine.toml")).theme.unwrap()
}

#[test]
fn the_terminal_is_followed() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.tell(Action::Ground(Kind::Light));
    assert_eq!(bench.state().options.theme.name(), "light");
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::SetTheme(1))));
    let drawn = bench.driver.for_terminal.len();
    bench.tell(Action::Ground(Kind::Light));
    assert_eq!(bench.driver.for_terminal.len(), drawn, "nothing changed");
}

#[test]
fn the_themes_are_shown_with_their_ground() {
    let mut bench = workbench(100, 24, Plot::Denied);
    bench.keys("T");
    let screen = bench.screen();
    // What is behind the popup is no matter here.
    let rows: Vec<&str> = screen
        .lines()
        .filter_map(|line| line.split('│').find(|part| part.contains("dark") || part.contains("light")))
        .collect();
    assert_eq!(rows.len(), Set::built_in().themes().len(), "{screen}");
    assert_eq!(rows[0].trim_end(), " ▸ dark                 dark", "{screen}");
    assert_eq!(rows[3].trim_end(), "   high-contrast-light  light", "{screen}");
    assert!(screen.contains("╭─ theme (auto) ─"), "{screen}");
}

#[test]
fn while_themes_are_tried_only_the_one_to_go_back_to_follows() {
    let mut bench = workbench(80, 24, Plot::Denied);
    bench.keys("Tjj");
    bench.tell(Action::Ground(Kind::Light));
    assert_eq!(bench.state().options.theme.name(), "high-contrast");
    bench.keys("<esc>");
    assert_eq!(bench.state().options.theme.name(), "light");
}

#[test]
fn a_theme_that_was_named_is_kept() {
    let mut bench = workbench(80, 24, Plot::Denied);
    let set = Set::built_in();
    bench.driver.state.options.theme = Chosen::new(set, Some("tritanopia"), None).unwrap();
    bench.tell(Action::Ground(Kind::Light));
    assert_eq!(bench.state().options.theme.name(), "tritanopia");
}

#[test]
fn saved_files_are_shown_and_the_choice_stays_where_it_is() {
    let mut bench = workbench(80, 24, Plot::Denied);
    let set = Set::built_in().with(mine("name = 'mine'\nkind = 'dark'\ninherits = 'dark'\n"));
    bench.tell(Action::Themes(Arc::new(set)));
    bench.keys("TG");
    assert_eq!(bench.state().options.theme.name(), "mine");
    assert!(bench.screen().contains("yours"), "{}", bench.screen());
    // Saved again while it is tried.
    let set = Set::built_in().with(mine("name = 'mine'\nkind = 'light'\ninherits = 'light'\n"));
    bench.tell(Action::Themes(Arc::new(set)));
    assert_eq!(bench.state().options.theme.name(), "mine");
    assert!(matches!(bench.driver.for_terminal.last(), Some(Effect::SetTheme(_))));
    bench.keys("<esc>");
    assert_eq!(bench.state().options.theme.name(), "dark");
    // Gone: what is usual.
    bench.keys("TG<enter>");
    bench.tell(Action::Themes(Set::built_in()));
    assert_eq!(bench.state().options.theme.name(), "dark");
}

#[test]
fn the_first_mistake_in_a_saved_file_is_told_with_its_place() {
    let mut bench = workbench(120, 24, Plot::Denied);
    let broken = file::parse("name = 'mine'\nkind = 'drak'\n", Path::new("/home/ada/mine.toml"));
    let mut set = Set::clone(&Set::built_in());
    set.diagnostics = broken.diagnostics;
    bench.tell(Action::Themes(Arc::new(set)));
    assert!(
        bench.screen().contains("~/mine.toml:2:8: `drak` is no kind; write `dark` or `light`"),
        "{}",
        bench.screen()
    );
}
