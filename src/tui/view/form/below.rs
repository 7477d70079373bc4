//! Below the fields: what the one under the cursor is for, what is wrong, and the command line that will be run.

use ratatui::text::Span;

use super::super::Sign;
use super::super::canvas::Canvas;
use super::super::details::unpainted;
use super::text::problems;
use crate::run::log::clean;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::layout::form::FormLayout;
use crate::tui::state::State;
use crate::tui::state::form::field::{Kind, shown};
use crate::tui::state::form::{Field, Form, Mode, Problem, command};
use crate::tui::theme::Role;

/// What the field is for, the paths that Tab found, or what is wrong with the JSON.
pub(super) fn help(canvas: &mut Canvas<'_>, form: &Form, area: Area) {
    let look = canvas.look;
    let (columns, height) = (usize::from(area.width), usize::from(area.height));
    if height == 0 {
        return;
    }
    let mut lines: Vec<(Role, String)> = Vec::new();
    if let Some(note) = &form.note {
        lines.extend(labels::wrap(note, columns, height).into_iter().map(|line| (Role::Warning, line)));
    } else if form.mode == Mode::Json {
        lines.extend(problems(form).iter().map(|problem| (Role::Error, in_json(problem))));
        if lines.is_empty() {
            lines.push((Role::Ok, "fits the schema".to_owned()));
        }
    } else if form.mode == Mode::Form {
        lines.extend(about(form, columns, height).into_iter().map(|line| (Role::Muted, line)));
    }
    let hidden = lines.len().saturating_sub(height);
    for (offset, (role, line)) in lines.into_iter().take(height).enumerate() {
        let more = if hidden > 0 && offset + 1 == height { format!("  (+{hidden})") } else { String::new() };
        let spans = vec![look.span(role, line), look.span(Role::Faint, more)];
        canvas.line(area.x, area.y + offset as u16, area.width, &unpainted(spans));
    }
}

/// `2:11 /days: found …`
fn in_json(problem: &Problem) -> String {
    let place = problem.place.map(|(line, column)| format!("{line}:{column} ")).unwrap_or_default();
    let colon = if problem.pointer.is_empty() { "" } else { ": " };
    format!("{place}{}{colon}{}", problem.pointer, problem.text)
}

fn about(form: &Form, columns: usize, height: usize) -> Vec<String> {
    let Some(draft) = form.draft() else { return Vec::new() };
    let text = match form.field() {
        None => draft.tool.description.clone(),
        Some(field) => match &field.completion {
            Some(completion) if !completion.candidates.is_empty() => {
                let names = completion.candidates.iter().map(|path| {
                    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
                    if path.ends_with('/') { format!("{name}/") } else { name.to_owned() }
                });
                let more = if completion.more { "  and more" } else { "" };
                format!("Tab: {}{more}", names.collect::<Vec<_>>().join("  "))
            }
            Some(_) if field.path => format!("{} (no further path begins like this)", field.help),
            _ => field.help.clone(),
        },
    };
    let options = match form.field().map(|field| &field.kind) {
        Some(Kind::Choice(options)) => {
            let names = options.iter().map(shown).collect::<Vec<_>>().join(", ");
            Some(format!("one of {names}"))
        }
        _ => None,
    };
    let mut lines = labels::wrap(&text, columns, if options.is_some() { height.max(2) - 1 } else { height });
    lines.retain(|line| !line.is_empty());
    lines.extend(options);
    lines
}

/// The command line as it will be run, or what keeps it from that.
pub(super) fn will_run(canvas: &mut Canvas<'_>, state: &State, form: &Form, layout: &FormLayout) {
    let look = canvas.look;
    let area = layout.command;
    let (role, mark, text) = match &form.judged {
        Ok(input) => {
            let entry = state.entry().map(command).unwrap_or_default();
            (Role::Text, look.span(Role::Accent, "$ "), format!("{entry} {}", input.shown))
        }
        Err(problems) => (
            Role::Muted,
            look.span(Role::Warning, format!("{} ", look.sign(Sign::Limit))),
            missing(form, problems),
        ),
    };
    let text = clean(text.trim_end()).into_owned();
    let columns = usize::from(area.width).saturating_sub(2).max(1);
    let lines = cut(&text, columns);
    let height = usize::from(area.height);
    for (offset, line) in lines.iter().take(height).enumerate() {
        let last = offset + 1 == height && lines.len() > height;
        let more = if last { look.sign(Sign::More) } else { "" };
        let lead = if offset == 0 { mark.clone() } else { Span::raw("  ") };
        let spans = vec![lead, look.span(role, format!("{line}{more}"))];
        canvas.line(area.x, area.y + offset as u16, area.width, &unpainted(spans));
    }
}

/// What is to be entered, and what to be corrected.
fn missing(form: &Form, problems: &[Problem]) -> String {
    let Some(draft) = form.draft().filter(|_| form.mode == Mode::Form) else {
        return match (form.mode, problems) {
            // The JSON has them right above.
            (Mode::Json, problems) => format!("not before {} corrected", are(problems.len())),
            (_, problems) => problems.first().map(in_json).unwrap_or_default(),
        };
    };
    let named = |given: bool| {
        let names = draft.fields.iter().filter(|field| field.value().is_some() == given);
        let wrong = |field: &&Field| problems.iter().any(|one| one.is_about(&field.name));
        names.filter(wrong).map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (needed, wrong) = (named(false), named(true));
    let mut parts = Vec::new();
    if !needed.is_empty() {
        parts.push(format!("needs {needed}"));
    }
    if !wrong.is_empty() {
        parts.push(format!("does not fit: {wrong}"));
    }
    if parts.is_empty() {
        return problems.first().map(in_json).unwrap_or_default();
    }
    parts.join("; ")
}

fn are(count: usize) -> String {
    if count == 1 { "this is".to_owned() } else { format!("these {count} are") }
}

/// Pieces of at most `columns` columns: nothing of a command line is folded.
fn cut(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let width = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + width > columns {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
        used += width;
    }
    lines
}
