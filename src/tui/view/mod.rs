//! Drawing: pure functions from the state to cells. A file per pane.
//!
//! Nothing here changes the state. Every string that comes from outside reaches a cell through
//! [`Look::span`] or [`canvas`], which clean it; [`draw`] checks the finished frame once more.

pub mod canvas;
mod cases;
mod causes;
mod changes;
mod comparison;
mod denial;
mod details;
mod findings;
mod fix;
mod form;
pub(in crate::tui) mod format;
mod frame;
mod header;
mod help;
mod history;
mod learn;
mod output;
mod packages;
mod palette;
mod policy;
mod popups;
mod rendered;
mod request;
mod skills;
mod source;
mod sparkline;
mod timeline;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Style;
use ratatui::text::Span;

use super::layout::{Area, layout};
use super::state::{Layer, Pane, State};
use super::theme::{Role, Theme};
use crate::run::log::clean::{Shown, clean, shown};
use canvas::Canvas;

/// What the views draw with.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    pub theme: &'a Theme,
    /// Only ASCII marks and lines.
    pub ascii: bool,
}

/// Marks and lines, with their ASCII stand-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Denied,
    Limit,
    Allowed,
    Info,
    Running,
    Stopped,
    Changed,
    Chosen,
    Rule,
    Divider,
    Corner,
    Full,
    Empty,
    More,
    Arrow,
    Dot,
    Times,
    Bar,
    Marked,
}

impl Look<'_> {
    pub fn sign(&self, sign: Sign) -> &'static str {
        let (fancy, plain) = match sign {
            Sign::Denied => ("✗", "x"),
            Sign::Limit => ("!", "!"),
            Sign::Allowed => ("✓", "+"),
            Sign::Info => ("i", "i"),
            Sign::Running => ("▶", ">"),
            Sign::Stopped => ("■", "#"),
            Sign::Changed => ("●", "*"),
            Sign::Chosen => ("▸", ">"),
            Sign::Rule => ("─", "-"),
            Sign::Divider => ("│", "|"),
            Sign::Corner => ("╰", "`"),
            Sign::Full => ("━", "#"),
            Sign::Empty => ("─", "."),
            Sign::More => ("…", "~"),
            Sign::Arrow => ("←", "<-"),
            Sign::Dot => ("·", "-"),
            Sign::Times => ("×", "x"),
            Sign::Bar => ("▌", "|"),
            Sign::Marked => ("◆", "*"),
        };
        if self.ascii { plain } else { fancy }
    }

    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A piece of text in a role's style, made fit to be shown.
    pub fn span(&self, role: Role, text: impl AsRef<str>) -> Span<'static> {
        Span::styled(clean(text.as_ref()).into_owned(), self.style(role))
    }

    pub fn mark(&self, role: Role, sign: Sign) -> Span<'static> {
        Span::styled(self.sign(sign), self.style(role))
    }
}

/// Draw the whole screen. Returns where the text cursor is, when a line is being typed.
pub fn draw(state: &State, look: Look<'_>, buffer: &mut Buffer) -> Option<Position> {
    let layout = layout(state);
    let screen = Area::new(0, 0, buffer.area.width, buffer.area.height);
    let mut canvas = Canvas { buffer, look };
    canvas.fill(screen, Role::Text);
    let mut cursor = None;
    if layout.too_small {
        frame::too_small(&mut canvas, screen);
    } else {
        frame::bar(&mut canvas, state, layout.bar);
        if state.is_welcome() {
            frame::welcome(&mut canvas, state, screen.below(1));
        } else {
            panes(&mut canvas, state, &layout);
        }
        frame::keys(&mut canvas, state, layout.keys);
        cursor = popups::draw(&mut canvas, state, &layout);
        cursor = palette::draw(&mut canvas, state).or(cursor);
    }
    harden(buffer);
    cursor
}

fn panes(canvas: &mut Canvas<'_>, state: &State, layout: &super::layout::Layout) {
    frame::tabs(canvas, state, layout);
    if layout.banner.height > 0 {
        history::banner(canvas, state, layout.banner);
    }
    if layout.header.height > 0 {
        header::draw(canvas, state, layout.header);
    }
    let over = matches!(state.layers.last(), Some(Layer::Denial(_) | Layer::Comparison(_)));
    for (pane, area) in &layout.panes {
        match pane {
            Pane::Skills => skills::draw(canvas, state, *area),
            _ if over => {}
            Pane::Source => source::draw(canvas, state, *area),
            Pane::Details => details::draw(canvas, state, *area),
            Pane::Stdout | Pane::Stderr => output::draw(canvas, state, *pane, *area),
            Pane::Output => output::both(canvas, state, *area),
            Pane::Findings => findings::draw(canvas, state, *area),
            Pane::Policy | Pane::PolicyFile => policy::draw(canvas, state, *pane, *area),
            Pane::Cases | Pane::Verdict => cases::draw(canvas, state, *pane, *area),
            Pane::Runs | Pane::PastRun => history::draw(canvas, state, *pane, *area),
        }
    }
}

/// The last gate before the terminal: no cell may hold a character that steers it.
fn harden(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.len() == 1 && (b' '..=b'~').contains(&symbol.as_bytes()[0]) {
            continue;
        }
        if symbol.chars().any(|c| matches!(shown(c), Shown::Named)) {
            cell.set_symbol("\u{fffd}");
        }
    }
}
