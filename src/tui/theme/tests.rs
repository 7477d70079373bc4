//! That every theme of ours can be read, and told apart by those who see fewer colours.

mod vision;

use ratatui::style::{Color, Modifier, Style};

use super::contrast::{self, ENHANCED, TEXT, Weak};
use super::reduce::rgb;
use super::*;

/// The themes with colours of their own. Those named `terminal` take the terminal's.
fn coloured() -> impl Iterator<Item = (usize, String)> {
    let names: Vec<String> = Set::built_in().themes().iter().map(|theme| theme.name.clone()).collect();
    names.into_iter().enumerate().filter(|(_, name)| !name.starts_with("terminal"))
}

fn told(name: &str, depth: Depth, weak: &[Weak]) -> Vec<String> {
    let line = |weak: &Weak| {
        let Weak { role, ground, ratio, wanted } = weak;
        format!("{name} {depth:?}: {role:?} on {ground:?} is {ratio:.2}, not {wanted}")
    };
    weak.iter().map(line).collect()
}

#[test]
fn every_role_can_be_read_on_every_ground_in_true_colour_and_in_256() {
    let mut wrong = Vec::new();
    for (index, name) in coloured() {
        let wanted = if name.starts_with("high-contrast") { ENHANCED } else { TEXT };
        for depth in [Depth::True, Depth::Ansi256] {
            let theme = Set::built_in().resolve(index, depth);
            for role in [Role::Text, Role::Popup, Role::Bar, Role::Selection] {
                assert!(theme.style(role).bg.and_then(rgb).is_some(), "{name} {role:?} has no background");
            }
            wrong.extend(told(&name, depth, &contrast::weak(&theme, wanted)));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_terminal_s_bright_colours_can_be_read_on_black() {
    let set = Set::built_in();
    let theme = set.resolve(set.position("terminal").unwrap(), Depth::True);
    for (role, name) in Role::ALL {
        let style = theme.style(*role);
        if let Some(ink) = style.fg.and_then(rgb) {
            let behind = style.bg.and_then(rgb).unwrap_or((0, 0, 0));
            let found = contrast::ratio(ink, behind);
            assert!(found >= TEXT, "{name}: {found:.2} with the palette of xterm");
        }
    }
}

#[test]
fn the_terminal_s_themes_name_nothing_but_its_sixteen_colours() {
    let set = Set::built_in();
    for name in ["terminal", "terminal-light"] {
        let theme = set.resolve(set.position(name).unwrap(), Depth::True);
        for (role, role_name) in Role::ALL {
            for colour in [theme.style(*role).fg, theme.style(*role).bg].into_iter().flatten() {
                assert!(
                    matches!(colour, Color::Reset | Color::Indexed(0..=15)),
                    "{name} {role_name}: {colour:?}"
                );
            }
        }
        // And a program's red is the terminal's red.
        let ink = Ink { foreground: Some(Colour::Indexed(1)), ..Ink::default() };
        assert_eq!(theme.ink(ink).fg, Some(Color::Indexed(1)));
    }
}

#[test]
fn the_lines_of_high_contrast_can_be_seen() {
    let set = Set::built_in();
    for name in ["high-contrast", "high-contrast-light"] {
        let theme = set.resolve(set.position(name).unwrap(), Depth::True);
        let ground = theme.style(Role::Text).bg.and_then(rgb).unwrap();
        for role in [Role::Rule, Role::GaugeEmpty] {
            let found = contrast::ratio(theme.style(role).fg.and_then(rgb).unwrap(), ground);
            assert!(found >= contrast::FAINT, "{name} {role:?}: {found:.2}");
        }
    }
}

#[test]
fn a_choice_can_be_seen_in_every_number_of_colours() {
    let set = Set::built_in();
    for (index, file) in set.themes().iter().enumerate() {
        for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16, Depth::None] {
            let theme = set.resolve(index, depth);
            let seen = |role| {
                let style: Style = theme.style(role);
                let marked = style.add_modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED);
                marked
                    || style.bg.is_some_and(|bg| bg != Color::Reset && Some(bg) != theme.style(Role::Text).bg)
            };
            for role in [Role::Selection, Role::SelectionUnfocused, Role::SearchMatch] {
                assert!(seen(role), "{} {depth:?} {role:?}", file.name);
            }
            if depth == Depth::None {
                let colours = |role: &Role| theme.style(*role).fg.or(theme.style(*role).bg);
                assert!(Role::ALL.iter().all(|(role, _)| colours(role).is_none_or(|c| c == Color::Reset)));
            }
        }
    }
}

#[test]
fn the_base_theme_gives_every_role() {
    let set = Set::built_in();
    let dark = set.get("dark").unwrap();
    for (_, name) in Role::ALL {
        assert!(dark.roles.contains_key(name), "dark.toml has no role {name}");
    }
}
