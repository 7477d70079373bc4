//! The list of skills: verdict mark, name, what the last run came to.

use ratatui::text::Span;

use super::Sign;
use super::canvas::Canvas;
use crate::skill::Skill;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::runs::RunVerdict;
use crate::tui::state::{Mark, Pane, Phase, Row, State};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Skills;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let mut title = vec![look.span(role, "Skills")];
    if !state.skills.is_empty() {
        let count = labels::grouped(state.skills.len() as u64);
        let filter = state.skills.filter();
        let shown = labels::grouped(state.skills.shown() as u64);
        let count = if filter.is_empty() { format!(" {count}") } else { format!(" {shown}/{count} ") };
        title.push(look.span(Role::Faint, count));
        title.push(look.span(Role::Accent, filter));
    }
    canvas.title(area, focused, &title, &[]);
    let body = area.below(1);
    if state.skills.is_empty() {
        let text = if state.phase == Phase::Reading { "reading" } else { "none" };
        canvas.hint(body, &[vec![], vec![look.span(Role::Faint, text)]]);
        return;
    }
    if state.skills.rows().is_empty() {
        let clear = state.hint(Command::Close);
        let lines = [
            vec![],
            vec![look.span(Role::Muted, "none fits")],
            vec![look.span(Role::Key, clear), look.span(Role::Faint, " shows all")],
        ];
        canvas.hint(body, &lines);
        return;
    }
    let top = state.skills.scroll.top;
    let rows = state.skills.rows().iter().enumerate().skip(top).take(usize::from(body.height));
    for (offset, (index, row)) in rows.enumerate() {
        let line = Area::new(body.x, body.y + offset as u16, body.width, 1);
        match row {
            Row::Root(root, _) => {
                let name = [look.span(Role::Faint, format!(" {}", state.place.short(root)))];
                canvas.line(line.x, line.y, line.width, &name);
            }
            Row::Skill(path) => {
                let Some(skill) = state.skills.get(path) else { continue };
                let chosen = index == state.skills.scroll.cursor;
                if chosen {
                    canvas.tint(line, if focused { Role::Selection } else { Role::SelectionUnfocused });
                }
                skill_row(canvas, state, skill, line, chosen);
            }
        }
    }
}

fn skill_row(canvas: &mut Canvas<'_>, state: &State, skill: &Skill, line: Area, chosen: bool) {
    let look = canvas.look;
    let mark = match Mark::of(skill) {
        Mark::Error => look.mark(Role::Error, Sign::Denied),
        Mark::Warning => look.mark(Role::Warning, Sign::Limit),
        Mark::Fine => look.mark(Role::Ok, Sign::Allowed),
    };
    let name = if chosen && state.focus != Pane::Skills { Role::Strong } else { Role::Text };
    let mut name = look.span(name, &skill.name);
    // The background of a chosen row shows through.
    name.style.bg = None;
    if chosen && state.focus == Pane::Skills {
        name.style = look.style(Role::Selection);
    }
    let left = vec![Span::raw(" "), mark, Span::raw(" "), name];
    let mut right = Vec::new();
    if state.skills.changed.contains(&skill.path) {
        right.push(look.mark(Role::Changed, Sign::Changed));
        right.push(Span::raw(" "));
    }
    if let Some(run) = state.runs.get(&skill.path) {
        let (role, sign) = look_of(run.verdict());
        right.push(look.mark(role, sign));
        let count = if run.denials() > 0 { format!(" {} ", run.denials()) } else { " ".to_owned() };
        right.push(look.span(role, count));
    }
    canvas.ends(line, 0, &left, &right);
}

/// Colour and mark of what a run came to.
pub(super) fn look_of(verdict: RunVerdict) -> (Role, Sign) {
    match verdict {
        RunVerdict::Running => (Role::Running, Sign::Running),
        RunVerdict::Passed => (Role::Ok, Sign::Allowed),
        RunVerdict::Denied | RunVerdict::Failed => (Role::Error, Sign::Denied),
        RunVerdict::Limit => (Role::Limit, Sign::Limit),
        RunVerdict::Cancelled | RunVerdict::Interrupted => (Role::Muted, Sign::Stopped),
    }
}
