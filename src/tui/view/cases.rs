//! The Cases tab: each case with how it stands, and below what was expected beside what came.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::details::unpainted;
use super::source::within;
use super::{Sign, format};
use crate::cases::Verdict;
use crate::tui::keymap::Command;
use crate::tui::layout::Area;
use crate::tui::state::{CaseRow, CaseSet, Pane, Standing, State, VerdictLine};
use crate::tui::theme::Role;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, pane: Pane, area: Area) {
    if pane == Pane::Cases { list(canvas, state, area) } else { verdict(canvas, state, area) }
}

fn list(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Cases;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let none = CaseSet::default();
    let set = state.case_set().unwrap_or(&none);
    let mut title = vec![look.span(role, "Cases")];
    if !set.is_empty() {
        title.push(look.span(Role::Faint, format!(" {}", set.rows.len())));
    }
    let (good, bad) = set.tally();
    let mut notes = Vec::new();
    for (count, role, word) in [(good, Role::Ok, "passed"), (bad, Role::Error, "not passed")] {
        if count > 0 {
            let gap = if notes.is_empty() { "" } else { "  " };
            notes.push(look.span(role, format!("{gap}{count} {word}")));
        }
    }
    canvas.title(area, focused, &title, &notes);
    let body = area.below(1);
    if set.is_empty() {
        let lines = [
            vec![look.span(Role::Muted, "no cases yet")],
            vec![
                look.span(Role::Key, state.hint(Command::SaveCase)),
                look.span(Role::Text, " in the Run tab saves a run as one; or write cases/NAME.yaml"),
            ],
        ];
        canvas.hint(body, if set.reading { &[] } else { &lines });
        return;
    }
    let scroll = &state.cases_tab.list;
    for (offset, index) in (scroll.top..set.len()).take(usize::from(body.height)).enumerate() {
        let line = Area::new(body.x, body.y + offset as u16, body.width, 1);
        if index == scroll.cursor {
            canvas.tint(line, if focused { Role::Selection } else { Role::SelectionUnfocused });
        }
        let (left, right) = match set.problems.get(index) {
            Some(problem) => {
                let place = state.skill().map(|skill| within(skill, &problem.file)).unwrap_or_default();
                let left = vec![
                    Span::raw(" "),
                    look.mark(Role::Error, Sign::Denied),
                    look.span(Role::Text, format!(" {}", problem.message)),
                ];
                (left, vec![look.span(Role::Faint, format!("{place}:{} ", problem.span.line))])
            }
            None => match set.rows.get(index - set.problems.len()) {
                Some(row) => (case(canvas, row), place(canvas, state, row)),
                None => continue,
            },
        };
        canvas.ends(line, 0, &unpainted(left), &unpainted(right));
    }
}

/// `✓ counts the notes   120 ms`
fn case(canvas: &Canvas<'_>, row: &CaseRow) -> Vec<Span<'static>> {
    let look = canvas.look;
    let (role, sign) = match &row.standing {
        Standing::NotRun => (Role::Faint, Sign::Dot),
        Standing::Running => (Role::Running, Sign::Running),
        Standing::Ended(outcome) => match outcome.verdict {
            Verdict::Passed => (Role::Ok, Sign::Allowed),
            Verdict::Failed(_) => (Role::Error, Sign::Denied),
            Verdict::NotRun(_) => (Role::Warning, Sign::Limit),
            Verdict::Cancelled => (Role::Muted, Sign::Stopped),
        },
    };
    let mut spans =
        vec![Span::raw(" "), look.mark(role, sign), Span::raw(" "), look.span(Role::Text, &row.case.name)];
    match &row.standing {
        Standing::NotRun => spans.push(look.span(Role::Faint, "   not run")),
        Standing::Running => spans.push(look.span(Role::Faint, "   running")),
        Standing::Ended(outcome) => {
            spans.push(look.span(Role::Faint, format!("   {}", format::time(outcome.duration))));
        }
    }
    if row.stale {
        spans.push(Span::raw("   "));
        spans.push(look.mark(Role::Changed, Sign::Changed));
        spans.push(look.span(Role::Changed, " stale"));
    }
    spans
}

fn place(canvas: &Canvas<'_>, state: &State, row: &CaseRow) -> Vec<Span<'static>> {
    let file = state.skill().map(|skill| within(skill, &row.case.file)).unwrap_or_default();
    vec![canvas.look.span(Role::Faint, format!("{file}:{} ", row.case.span.line))]
}

fn verdict(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Verdict;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let notes = [look.span(Role::Error, "- expected"), Span::raw("  "), look.span(Role::Ok, "+ got")];
    let lines = state.verdict_lines(usize::from(area.width.saturating_sub(2)));
    let compared = lines.iter().any(|line| matches!(line, VerdictLine::Expected(_) | VerdictLine::Got(_)));
    canvas.title(area, focused, &[look.span(role, "Verdict")], if compared { &notes } else { &[] });
    let body = area.below(1);
    let scroll = &state.cases_tab.verdict;
    for (offset, line) in lines.iter().skip(scroll.top).take(usize::from(body.height)).enumerate() {
        let (role, text) = match line {
            VerdictLine::Head(text) => (Role::Strong, text.as_str()),
            VerdictLine::Expected(text) => (Role::Error, text.as_str()),
            VerdictLine::Got(text) => (Role::Ok, text.as_str()),
            VerdictLine::Same(text) => (Role::Text, text.as_str()),
            VerdictLine::Note(text) => (Role::Muted, text.as_str()),
            VerdictLine::Blank => (Role::Text, ""),
        };
        let spans = super::canvas::crop(vec![look.span(role, text)], scroll.left);
        canvas.line(body.x + 1, body.y + offset as u16, body.width.saturating_sub(1), &spans);
    }
}
