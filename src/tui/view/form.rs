//! The run form, in its three modes, with what will be run below.

mod below;
mod text;

use ratatui::layout::Position;
use ratatui::text::Span;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::canvas::{Canvas, crop, width};
use super::details::unpainted;
use super::{Sign, frame};
use crate::run::log::clean;
use crate::tui::layout::Area;
use crate::tui::layout::form::{self as place, FormRow, INDENT};
use crate::tui::state::State;
use crate::tui::state::form::field::{Kind, shown};
use crate::tui::state::form::{Draft, Entered, Field, Focus, Form, Mode};
use crate::tui::theme::Role;

/// Widest column of names.
const MAX_NAME: usize = 24;
const KIND: usize = 8;
/// From this width on the kind of each field has a column.
const WITH_KINDS: u16 = 56;

/// Draw the open form; gives the place of the text cursor.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) -> Option<Position> {
    let form = state.form()?;
    let layout = place::layout(state, form);
    let look = canvas.look;
    let entry = state.entry().map(|entry| entry.file.display().to_string()).unwrap_or_default();
    let title = look.span(Role::PopupBorder, format!("input of {entry}"));
    canvas.popup(layout.popup, &title.content);
    modes(canvas, form, layout.top);
    let cursor = match form.mode {
        Mode::Form => fields(canvas, form, layout.body),
        Mode::Arguments => text::arguments(canvas, form, layout.body),
        Mode::Json => text::json(canvas, form, layout.body),
    };
    let rule = [look.span(Role::Rule, look.sign(Sign::Rule).repeat(usize::from(layout.rule.width)))];
    canvas.line(
        layout.rule.x,
        layout.rule.y,
        layout.rule.width * u16::from(layout.rule.height > 0),
        &unpainted(rule.to_vec()),
    );
    below::help(canvas, form, layout.help);
    below::will_run(canvas, state, form, &layout);
    if layout.foot.height > 0 {
        frame::hints(canvas, state, layout.foot);
    }
    cursor
}

/// `Form   Arguments   JSON`, and the tool that the fields are of.
fn modes(canvas: &mut Canvas<'_>, form: &Form, area: Area) {
    let look = canvas.look;
    let mut left = Vec::new();
    for (index, mode) in Mode::ALL.into_iter().enumerate() {
        if index > 0 {
            left.push(Span::raw("   "));
        }
        let role = if mode == form.mode { Role::TabActive } else { Role::Tab };
        left.push(look.span(role, mode.title()));
    }
    let tool = form.draft().filter(|_| form.mode != Mode::Arguments).map(|draft| {
        let source = draft.tool.source.text();
        if form.drafts.len() > 1 { format!("{}: {source}", draft.title()) } else { source.to_owned() }
    });
    let right = [look.span(Role::Faint, tool.unwrap_or_default())];
    let fits = width(&left) + width(&right) + 2 <= usize::from(area.width);
    canvas.ends(area, 0, &unpainted(left), if fits { &right } else { &[] });
}

fn fields(canvas: &mut Canvas<'_>, form: &Form, area: Area) -> Option<Position> {
    let look = canvas.look;
    let Some(draft) = form.draft() else {
        canvas.line(area.x, area.y, area.width, &[look.span(Role::Muted, "the schema is being read")]);
        return None;
    };
    let rows = place::rows(form, area.width);
    if rows.is_empty() {
        let text = look.span(Role::Muted, "takes no input: Enter runs it as it is");
        canvas.line(area.x, area.y, area.width, &[text]);
    }
    let names = Names::of(draft, area.width);
    let mut cursor = None;
    for (offset, row) in rows.iter().skip(form.top).take(usize::from(area.height)).enumerate() {
        let line = Area::new(area.x, area.y + offset as u16, area.width, 1);
        match row {
            FormRow::Tool => tool(canvas, form, draft, &names, line),
            FormRow::Field(index) => {
                let field = &draft.fields[*index];
                let focused = form.focus == Focus::Field(*index);
                let wrong = form.problems_of(field).next().is_some();
                let value = names.draw(canvas, field, focused, wrong, line);
                cursor = value_of(canvas, field, 0, focused, value).or(cursor);
            }
            FormRow::Item(index, item) => {
                let focused = form.focus == Focus::Field(*index);
                if focused {
                    canvas.tint(line, Role::CursorLine);
                }
                let value =
                    Area { x: line.x + names.value, width: line.width.saturating_sub(names.value), ..line };
                cursor = value_of(canvas, &draft.fields[*index], *item, focused, value).or(cursor);
            }
            FormRow::Problem(_, first, text) => {
                let mark = if *first { look.mark(Role::Error, Sign::Denied) } else { Span::raw(" ") };
                let spans = [mark, look.span(Role::Error, format!(" {text}"))];
                let room = line.width.saturating_sub(INDENT - 2);
                canvas.line(line.x + INDENT - 2, line.y, room, &unpainted(spans.to_vec()));
            }
        }
    }
    more(canvas, form.top, rows.len(), area);
    cursor
}

/// Marks at the right edge: there is more above, or below.
fn more(canvas: &mut Canvas<'_>, top: usize, length: usize, area: Area) {
    let look = canvas.look;
    let (up, down) = if look.ascii { ("^", "v") } else { ("↑", "↓") };
    if area.height == 0 || area.width == 0 {
        return;
    }
    if top > 0 {
        canvas.line(area.right(), area.y, 1, &unpainted(vec![look.span(Role::Accent, up)]));
    }
    if length > top + usize::from(area.height) {
        canvas.line(area.right(), area.bottom() - 1, 1, &unpainted(vec![look.span(Role::Accent, down)]));
    }
}

/// Columns of the fields.
struct Names {
    name: usize,
    kinds: bool,
    /// Where values begin.
    value: u16,
}

impl Names {
    fn of(draft: &Draft, columns: u16) -> Self {
        let longest = draft.fields.iter().map(|field| clean(&field.name).width()).max().unwrap_or(0);
        let kinds = columns >= WITH_KINDS;
        let most = if kinds { MAX_NAME } else { usize::from(columns) * 2 / 5 };
        let name = longest.max("subcommand".len()).min(most);
        let value = 2 + name + 2 + if kinds { KIND + 2 } else { 0 };
        Self { name, kinds, value: (value as u16).min(columns) }
    }

    /// Mark, name and kind; gives the rest of the row.
    fn draw(&self, canvas: &mut Canvas<'_>, field: &Field, focused: bool, wrong: bool, line: Area) -> Area {
        let look = canvas.look;
        if focused {
            canvas.tint(line, Role::CursorLine);
        }
        let mark = match (wrong, focused) {
            (true, _) => look.mark(Role::Error, Sign::Denied),
            (false, true) => look.mark(Role::Accent, Sign::Chosen),
            (false, false) => Span::raw(" "),
        };
        let role = if focused { Role::Strong } else { Role::Text };
        let mut spans = vec![
            mark,
            Span::raw(" "),
            look.cell(role, &field.name, self.name),
            look.span(Role::Warning, if field.required { "* " } else { "  " }),
        ];
        if self.kinds {
            spans.push(look.cell(Role::Muted, field.kind_name(), KIND));
        }
        canvas.line(line.x, line.y, self.value, &unpainted(spans));
        Area { x: line.x + self.value, width: line.width.saturating_sub(self.value), ..line }
    }
}

fn tool(canvas: &mut Canvas<'_>, form: &Form, draft: &Draft, names: &Names, line: Area) {
    let look = canvas.look;
    let focused = form.focus == Focus::Tool;
    if focused {
        canvas.tint(line, Role::CursorLine);
    }
    let mark = if focused { look.mark(Role::Accent, Sign::Chosen) } else { Span::raw(" ") };
    let name = [mark, Span::raw(" "), look.span(Role::Strong, "subcommand")];
    canvas.line(line.x, line.y, names.value, &unpainted(name.to_vec()));
    let mut spans = between(canvas, look.span(Role::Accent, draft.title()), focused);
    spans.push(look.span(Role::Faint, format!("  {} of {}", form.draft + 1, form.drafts.len())));
    canvas.line(line.x + names.value, line.y, line.width.saturating_sub(names.value), &unpainted(spans));
}

/// `‹ value ›`
fn between(canvas: &Canvas<'_>, value: Span<'static>, focused: bool) -> Vec<Span<'static>> {
    let look = canvas.look;
    let (open, close) = if look.ascii { ("< ", " >") } else { ("‹ ", " ›") };
    let role = if focused { Role::Key } else { Role::Faint };
    vec![look.span(role, open), value, look.span(role, close)]
}

/// The value of a field, or of one item of it; gives the place of the text cursor.
fn value_of(
    canvas: &mut Canvas<'_>,
    field: &Field,
    item: usize,
    focused: bool,
    area: Area,
) -> Option<Position> {
    let look = canvas.look;
    let default = field.default.as_ref().map(|value| format!("default {}", shown(value)));
    match (&field.entered, &field.kind) {
        (Entered::Pick(at), Kind::Boolean(options)) => {
            let value = at.and_then(|at| options.get(at));
            let (mark, role, text) = match value {
                Some(value) if value.as_bool() == Some(true) => ("[x] ", Role::Accent, "true".to_owned()),
                Some(_) => ("[ ] ", Role::Accent, "false".to_owned()),
                None => ("[-] ", Role::Faint, default.unwrap_or_else(|| "not given".to_owned())),
            };
            let mark_role = if focused { Role::Key } else { Role::Muted };
            let spans = vec![look.span(mark_role, mark), look.span(role, text)];
            canvas.line(area.x, area.y, area.width, &unpainted(spans));
            None
        }
        (Entered::Pick(at), Kind::Choice(options)) => {
            let value = match at.and_then(|at| options.get(at)) {
                Some(value) => look.span(Role::Accent, shown(value)),
                None => look.span(Role::Faint, default.unwrap_or_else(|| "not given".to_owned())),
            };
            let mut spans = between(canvas, value, focused);
            if focused {
                let count = at.map_or(format!("  one of {}", options.len()), |at| {
                    format!("  {} of {}", at + 1, options.len())
                });
                spans.push(look.span(Role::Faint, count));
            }
            canvas.line(area.x, area.y, area.width, &unpainted(spans));
            None
        }
        (Entered::Items { items, at, given }, _) => {
            let empty = Input::default();
            let faint = if *given && items.is_empty() { Some("[]".to_owned()) } else { default };
            let faint = faint.filter(|_| items.is_empty());
            let dash = [look.span(Role::Muted, "- ")];
            canvas.line(area.x, area.y, area.width, &unpainted(dash.to_vec()));
            let area = Area { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
            let typed = focused && (*at == item || items.is_empty());
            line_of(canvas, items.get(item).unwrap_or(&empty), faint.as_deref(), field.secret, typed, area)
        }
        (Entered::Line { input, given }, _) => {
            let faint = if *given { Some("\"\"".to_owned()) } else { default };
            line_of(canvas, input, faint.as_deref(), field.secret, focused, area)
        }
        (Entered::Pick(_), _) => None,
    }
}

/// A line that is typed, or what stands faintly in its place.
fn line_of(
    canvas: &mut Canvas<'_>,
    input: &Input,
    faint: Option<&str>,
    secret: bool,
    focused: bool,
    area: Area,
) -> Option<Position> {
    let look = canvas.look;
    if input.value().is_empty() {
        let spans = [look.span(Role::Faint, faint.unwrap_or_default())];
        canvas.line(area.x, area.y, area.width, &unpainted(spans.to_vec()));
        return focused.then(|| Position::new(area.x.min(area.right().saturating_sub(1)), area.y));
    }
    let dot = if look.ascii { "*" } else { "•" };
    let visible = |text: &str| if secret { dot.repeat(text.chars().count()) } else { text.to_owned() };
    let before: String = input.value().chars().take(input.cursor()).collect();
    let column = clean(&visible(&before)).width();
    let room = usize::from(area.width.max(1));
    // Scrolled so that the cursor is always in sight.
    let start = if focused { (column + 1).saturating_sub(room) } else { 0 };
    let spans = unpainted(vec![look.span(Role::Text, visible(input.value()))]);
    canvas.line(area.x, area.y, area.width, &crop(spans, start));
    focused.then(|| {
        let x = area.x + (column - start) as u16;
        Position::new(x.min(area.right().saturating_sub(1)), area.y)
    })
}
