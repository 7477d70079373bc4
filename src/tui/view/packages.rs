//! Packages: what would be installed, before it is; and the installer at work, in place of the findings.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::{Sign, format};
use crate::tui::effect::Packages;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::packages::Preparation;
use crate::tui::state::{Scroll, State};
use crate::tui::theme::Role;

/// What is asked before anything is installed.
pub(super) fn ask(canvas: &mut Canvas<'_>, state: &State, packages: &Packages, scroll: &Scroll, area: Area) {
    let look = canvas.look;
    canvas.fill(area, Role::Text);
    canvas.title(area, true, &[look.span(Role::TitleFocus, "Packages to prepare")], &[]);
    let inside = area.below(2).inset(2);
    let columns = usize::from(inside.width);
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    for wanted in &packages.wanted {
        let declaration = &wanted.declaration;
        let text = format!("{} declares {}", declaration.file.display(), declaration.names.join(", "));
        rows.extend(
            labels::wrap(&text, columns, 8).into_iter().map(|line| vec![look.span(Role::Text, line)]),
        );
        for source in &declaration.sources {
            rows.push(vec![look.span(Role::Warning, format!("  from {source}"))]);
        }
    }
    rows.push(Vec::new());
    let how = "They are installed with your rights, outside the sandbox, into a folder outside the skill that runs only \
               read. No code of the packages is run: only what exists as a wheel is installed, and npm's scripts are \
               left out.";
    rows.extend(labels::wrap(how, columns, 6).into_iter().map(|line| vec![look.span(Role::Muted, line)]));
    rows.push(Vec::new());
    rows.push(vec![
        look.span(Role::Key, state.hint(Command::Open)),
        look.span(Role::Muted, " installs them   "),
        look.span(Role::Key, state.hint(Command::Close)),
        look.span(Role::Muted, " leaves it"),
    ]);
    let height = usize::from(inside.height);
    let top = scroll.top.min(rows.len().saturating_sub(height));
    for (offset, row) in rows.into_iter().skip(top).take(height).enumerate() {
        canvas.line(inside.x, inside.y + offset as u16, inside.width, &row);
    }
}

/// The installer at work, or how it failed: the newest lines at the end.
pub(super) fn at_work(canvas: &mut Canvas<'_>, state: &State, preparation: &Preparation, area: Area) {
    let look = canvas.look;
    let columns = usize::from(area.width.saturating_sub(3));
    let mut head: Vec<Vec<Span<'static>>> = Vec::new();
    match &preparation.failed {
        None => {
            head.push(vec![
                look.mark(Role::Running, Sign::Running),
                look.span(Role::Running, " preparing packages"),
                look.span(Role::Text, format!("   {}   ", format::time(preparation.elapsed))),
                look.span(Role::Key, state.hint(Command::Cancel)),
                look.span(Role::Muted, " cancels"),
            ]);
            head.push(vec![look.span(Role::Text, preparation.step.clone())]);
        }
        Some(problem) => {
            let lines = labels::wrap(problem, columns, 4).into_iter().enumerate();
            head.extend(lines.map(|(at, line)| {
                let mark = if at == 0 { look.sign(Sign::Denied) } else { " " };
                vec![look.span(Role::Error, format!("{mark} {line}"))]
            }));
        }
    }
    head.truncate(usize::from(area.height));
    for (row, spans) in head.iter().enumerate() {
        canvas.line(area.x + 1, area.y + row as u16, area.width.saturating_sub(1), spans);
    }
    let body = area.below(head.len() as u16 + 1);
    let from = preparation.log.len().saturating_sub(usize::from(body.height));
    let lines = preparation.log.lines(from..preparation.log.len());
    for (row, line) in lines.into_iter().take(usize::from(body.height)).enumerate() {
        let spans = [look.span(Role::Faint, line.text())];
        canvas.line(body.x + 1, body.y + row as u16, body.width.saturating_sub(1), &spans);
    }
}
