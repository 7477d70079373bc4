//! The whole workbench, driven by keys and looked at: doubles stand in for the disk and the sandbox, everything
//! else is real.

mod archive;
mod ascii;
mod themes;

mod cases;
mod doubles;
mod flows;
pub(crate) mod form;
mod history;
mod hostile;
mod kept;
mod learn;
mod palette;
mod policies;
mod policy;
mod rendered;
pub(crate) mod reports;
mod run_view;
mod screens;
mod skill_view;

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::drive::Driver;
use super::state::State;
use super::theme::{Role, Theme};
use super::view::Look;

pub(crate) use doubles::{Bench, Plot, with_skills, workbench};
pub(crate) use skill_view::fixable;

/// The text of a screen, with a border at its right so that blanks show.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            out.push_str(symbol);
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        out.push_str("▏\n");
    }
    out
}

pub(crate) fn screen(driver: &Driver) -> String {
    text(&buffer(driver))
}

pub(crate) fn buffer(driver: &Driver) -> Buffer {
    let theme = Theme::of_roles();
    driver.screen(Look { theme: &theme, ascii: driver.state.options.ascii }).0
}

/// Runs of cells with the same look, by role name: `row column..column role on role, modifiers`.
pub(crate) fn styles(buffer: &Buffer) -> String {
    let name = |colour: Color| match colour {
        Color::Rgb(_, 0, index) => Role::ALL.get(usize::from(index)).map_or("?", |(_, name)| *name),
        Color::Reset => "",
        _ => "program",
    };
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = buffer[(x, y)].style();
            let start = x;
            while x < buffer.area.width && buffer[(x, y)].style() == style {
                x += 1;
            }
            let fg = name(style.fg.unwrap_or(Color::Reset));
            let bg = name(style.bg.unwrap_or(Color::Reset));
            let modifiers = style.add_modifier - Modifier::empty();
            if (fg, bg) == ("text", "text") && modifiers.is_empty() {
                continue;
            }
            let blank = (start..x).all(|x| buffer[(x, y)].symbol() == " ");
            if blank && bg == "text" {
                continue;
            }
            let ground = if bg == "text" { String::new() } else { format!(" on {bg}") };
            let mods = if modifiers.is_empty() { String::new() } else { format!(" {modifiers:?}") };
            writeln!(out, "{y:>2} {start:>3}..{x:<3} {fg}{ground}{mods}").unwrap();
        }
    }
    out
}

/// The row of the screen that holds `text`.
pub(crate) fn row_with(driver: &Driver, text: &str) -> Option<usize> {
    screen(driver).lines().position(|line| line.contains(text))
}

pub(crate) fn resized(state: &mut State, width: u16, height: u16) {
    super::update(state, super::Action::Resize(width, height));
}
