//! Layers over the panes: help, choices, the line being typed.

use ratatui::layout::Position;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

use super::canvas::{Canvas, width};
use super::{Sign, changes, comparison, denial, fix, form, help, learn, packages, request};
use crate::tui::layout::{Area, Layout};
use crate::tui::state::{Choice, Layer, Prompt, PromptKind, State};
use crate::tui::theme::Role;
use crate::tui::theme::file::ThemeFile;
use crate::tui::update::history;

/// Draw all layers; gives the place of the text cursor.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, layout: &Layout) -> Option<Position> {
    let mut cursor = None;
    for layer in &state.layers {
        cursor = None;
        match layer {
            Layer::Denial(scroll) => denial::draw(canvas, state, scroll, below_tabs(layout)),
            Layer::Change(scroll) => changes::draw(canvas, state, scroll, below_tabs(layout)),
            Layer::Packages(wanted, scroll) => {
                packages::ask(canvas, state, wanted, scroll, below_tabs(layout));
            }
            Layer::Comparison(scroll) => comparison::draw(canvas, state, scroll, below_tabs(layout)),
            Layer::Request(scroll) => request::draw(canvas, state, scroll, below_tabs(layout)),
            Layer::Offer(offered) => learn::draw(canvas, state, offered, below_tabs(layout)),
            Layer::Help(scroll) => help::draw(canvas, state, scroll),
            Layer::Fix(view) => {
                let rows = view.draft.titles.len() + view.draft.diff.len() + 4;
                fix::draw(canvas, state, view, centred(state, 110, rows as u16));
            }
            Layer::Choice(choice) => choices(canvas, state, choice),
            Layer::Form(_) => cursor = form::draw(canvas, state),
            Layer::Prompt(prompt) => cursor = Some(typed(canvas, prompt, layout.keys)),
        }
    }
    cursor
}

fn below_tabs(layout: &Layout) -> Area {
    if layout.main.width > 0 { layout.main.below(1) } else { layout.list }
}

pub(super) fn centred(state: &State, columns: u16, rows: u16) -> Area {
    let columns = columns.min(state.width.saturating_sub(2)).max(1);
    let rows = rows.min(state.height.saturating_sub(2)).max(1);
    Area::new((state.width - columns) / 2, (state.height - rows) / 2, columns, rows)
}

fn choices(canvas: &mut Canvas<'_>, state: &State, choice: &Choice) {
    let look = canvas.look;
    let words = |words: &str| vec![look.span(Role::Text, words)];
    let target = state.history.target.as_ref().map(|target| target.name.as_str()).unwrap_or_default();
    let (title, rows): (String, Vec<Vec<Span<'static>>>) = match choice {
        Choice::Export(_) => {
            (format!("export {target}"), history::FORMS.iter().map(|(_, name)| words(name)).collect())
        }
        Choice::Remove(_) => {
            (format!("remove {target}?"), history::REMOVAL.iter().map(|answer| words(answer)).collect())
        }
        Choice::Entry(..) => (
            "entry to run".to_owned(),
            state
                .skill()
                .map(|skill| {
                    let longest =
                        skill.entries.iter().map(|e| e.file.as_os_str().len()).max().unwrap_or(0).min(60);
                    let row = |entry: &crate::skill::Entry| {
                        let name = entry.interpreter.language.name();
                        let missing = entry.interpreter.program.is_none();
                        vec![
                            look.cell(Role::Text, &entry.file.display().to_string(), longest),
                            look.span(Role::Muted, format!("  {name}")),
                            look.span(Role::Warning, if missing { "  not found" } else { "" }),
                        ]
                    };
                    skill.entries.iter().map(row).collect()
                })
                .unwrap_or_default(),
        ),
        Choice::Theme(..) => (
            if state.options.theme.follow { "theme (auto)" } else { "theme" }.to_owned(),
            themes(canvas, state),
        ),
    };
    let title = look.span(Role::Text, title).content.into_owned();
    let widest = rows.iter().map(|row| width(row)).max().unwrap_or(0).max(24).max(title.width()) as u16;
    let area = centred(state, widest + 6, rows.len() as u16 + 2);
    let inside = canvas.popup(area, &title);
    let scroll = choice.scroll();
    let height = usize::from(inside.height);
    let top = (scroll.cursor + 1).saturating_sub(height);
    for (offset, (index, row)) in rows.into_iter().enumerate().skip(top).take(height).enumerate() {
        let line = Area::new(inside.x, inside.y + offset as u16, inside.width, 1);
        let chosen = index == scroll.cursor;
        if chosen {
            canvas.tint(line, Role::Selection);
        }
        let mark = if chosen { look.sign(Sign::Chosen) } else { " " };
        let mut spans = vec![Span::raw(mark), Span::raw(" ")];
        spans.extend(super::details::unpainted(row));
        canvas.line(line.x, line.y, line.width, &spans);
    }
}

fn themes(canvas: &Canvas<'_>, state: &State) -> Vec<Vec<Span<'static>>> {
    let look = canvas.look;
    let themes = state.options.theme.set.themes();
    let longest = themes.iter().map(|theme| theme.name.width()).max().unwrap_or(0);
    let row = |theme: &ThemeFile| {
        let whose = if theme.path.is_some() { "  yours" } else { "" };
        vec![
            look.cell(Role::Text, &theme.name, longest),
            look.span(Role::Muted, format!("  {}", theme.kind.name())),
            look.span(Role::Muted, whose),
        ]
    };
    themes.iter().map(row).collect()
}

/// The line being typed, in place of the key bar.
fn typed(canvas: &mut Canvas<'_>, prompt: &Prompt, area: Area) -> Position {
    let look = canvas.look;
    canvas.fill(area, Role::Bar);
    let name = match prompt.kind {
        PromptKind::Search => " /",
        PromptKind::Filter => " filter  ",
        PromptKind::Help => " find a key  ",
        PromptKind::CaseName => " save the run as case  ",
    };
    let label = [look.span(Role::Key, name)];
    let used = canvas.line(area.x, area.y, area.width, &label);
    let room = area.width.saturating_sub(used + 1);
    // Scrolled so that the cursor is always in sight.
    let start = prompt.input.visual_scroll(usize::from(room.max(1)));
    let text = super::details::unpainted(vec![look.span(Role::Text, prompt.input.value())]);
    if prompt.kind == PromptKind::Filter {
        let hint =
            [look.span(Role::Key, ":error :warning :ok :changed"), look.span(Role::Bar, "  Esc shows all ")];
        let free = usize::from(room).saturating_sub(prompt.input.value().len() + 4);
        if width(&hint) <= free {
            canvas.ends(area, 0, &[], &hint);
        }
    }
    canvas.line(area.x + used, area.y, room, &super::canvas::crop(text, start));
    let column = prompt.input.visual_cursor().saturating_sub(start) as u16;
    Position::new((area.x + used + column).min(area.right().saturating_sub(1)), area.y)
}
