//! What surrounds the panes: top bar, tabs, key bar, and the first screens.

use ratatui::text::Span;

use super::canvas::{Canvas, width};
use super::{Look, Sign};
use crate::tui::keymap::{self, Command};
use crate::tui::labels;
use crate::tui::layout::{Area, Layout};
use crate::tui::state::{Level, Phase, State, Tab};
use crate::tui::theme::Role;

/// `skilldeck  ~/work/project                         8 skills · 1 error`
pub(super) fn bar(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    canvas.fill(area, Role::Bar);
    let look = canvas.look;
    let left = [
        look.span(Role::Brand, " skilldeck"),
        look.span(Role::Bar, format!("  {}", state.place.short(&state.place.workspace))),
    ];
    let (errors, warnings) = state.skills.tally();
    let count = state.skills.len();
    let mut right = Vec::new();
    if !state.options.auto_run {
        right.push(look.span(Role::Bar, "re-run on save off   "));
    }
    if let Some((done, all)) = state.case_progress() {
        right.push(look.span(Role::Bar, format!("cases {done}/{all}   ")));
    }
    if let Some((what, time)) = state.working {
        right.push(look.span(Role::Bar, format!("{what}{} {} s   ", look.sign(Sign::More), time.as_secs())));
    }
    if state.prepares() && state.preparation().is_none() {
        right.push(look.span(Role::Bar, "preparing packages   "));
    }
    if state.phase == Phase::Reading {
        right.push(look.span(Role::Bar, format!("reading{} {count}", look.sign(Sign::More))));
    } else if count > 0 {
        right.push(look.span(Role::Bar, plural(count, "skill")));
    }
    for (number, role, sign) in [(errors, Role::Error, Sign::Denied), (warnings, Role::Warning, Sign::Limit)]
    {
        if number > 0 {
            let text = format!("   {} {number}", look.sign(sign));
            right.push(Span::styled(text, look.style(Role::Bar).patch(look.style(role))));
        }
    }
    right.push(look.span(Role::Bar, " "));
    canvas.ends(area, 0, &left, &right);
}

pub(super) fn plural(count: usize, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {word}{s}", labels::grouped(count as u64))
}

/// The tabs, and the chosen skill at the end of the row. Also the border beside the list.
pub(super) fn tabs(canvas: &mut Canvas<'_>, state: &State, layout: &Layout) {
    let look = canvas.look;
    if layout.list.width > 0 && layout.main.width > 0 {
        let divider = [look.mark(Role::Rule, Sign::Divider)];
        for y in layout.list.y..layout.list.bottom() {
            canvas.line(layout.list.right(), y, 1, &divider);
        }
    }
    if layout.tabs.width == 0 {
        return;
    }
    let mut left = vec![Span::raw(" ".repeat(usize::from(labels::LEAD)))];
    for (index, name) in labels::tabs().into_iter().enumerate() {
        if index > 0 {
            left.push(Span::raw("   "));
        }
        let active = Tab::ALL.get(index) == Some(&state.tab);
        left.push(look.span(if active { Role::TabActive } else { Role::Tab }, name));
    }
    let right = match state.skill() {
        Some(skill) => vec![
            look.span(Role::Strong, &skill.name),
            look.span(Role::Faint, format!("  {} ", state.place.short(&skill.path))),
        ],
        None => Vec::new(),
    };
    let short = match state.skill() {
        Some(skill) => vec![look.span(Role::Strong, format!("{} ", skill.name))],
        None => Vec::new(),
    };
    let fits = width(&left) + width(&right) + 2 <= usize::from(layout.tabs.width);
    canvas.ends(layout.tabs, 0, &left, if fits { &right } else { &short });
}

/// A notice when there is one, else the most useful keys. `?` and `q` stay at the end.
pub(super) fn keys(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    canvas.fill(area, Role::Bar);
    if let Some(notice) = &state.notice {
        let (role, sign) = match notice.level {
            Level::Info => (Role::Info, Sign::Info),
            Level::Warning => (Role::Warning, Sign::Limit),
            Level::Error => (Role::Error, Sign::Denied),
        };
        let spans = [Span::raw(" "), look.mark(role, sign), Span::raw(" "), look.span(role, &notice.text)];
        canvas.line(area.x, area.y, area.width, &spans);
        return;
    }
    if state.form().is_some() {
        // They stand at the form's foot.
        return;
    }
    hints(canvas, state, area);
}

/// The most useful keys, as many as there is room for.
pub(super) fn hints(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let (tail, lead): (Vec<_>, Vec<_>) = keymap::bar(state).into_iter().partition(|(b, _)| b.rank <= 15);
    let key = |(binding, key): (&keymap::Binding, crate::tui::key::Key)| -> Vec<Span<'static>> {
        vec![
            look.span(Role::Key, key.shown(look.ascii)),
            look.span(Role::Bar, format!(" {}   ", binding.label)),
        ]
    };
    let right: Vec<Span<'static>> = tail.into_iter().flat_map(key).collect();
    let mut room = usize::from(area.width).saturating_sub(width(&right) + 2);
    let mut left = vec![Span::raw(" ")];
    for binding in lead {
        let spans = key(binding);
        let needed = width(&spans);
        if needed > room {
            break;
        }
        room -= needed;
        left.extend(spans);
    }
    canvas.line(area.x, area.y, area.width, &left);
    let tail = width(&right) as u16;
    if tail <= area.width {
        canvas.line(area.right() - tail, area.y, tail, &right);
    }
}

/// Too small for panes: say so, and stay alive.
pub(super) fn too_small(canvas: &mut Canvas<'_>, area: Area) {
    let look = canvas.look;
    let lines = [vec![look.span(Role::Muted, "too small")], vec![look.span(Role::Faint, "80x24 is best")]];
    canvas.hint(area, &lines[..usize::from(area.height.min(2))]);
}

/// No skills anywhere: what to do.
pub(super) fn welcome(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let text = |role: Role, text: &str| vec![look.span(role, text)];
    let mut lines = vec![
        text(Role::Strong, "No skills here yet"),
        vec![],
        text(Role::Muted, "A skill is a folder with a SKILL.md. skilldeck looked in"),
        vec![],
    ];
    for root in state.place.roots.iter().take(6) {
        lines.push(text(Role::Accent, &state.place.short(root)));
    }
    lines.push(vec![]);
    lines.push(vec![
        look.span(Role::Key, state.hint(Command::Samples)),
        look.span(Role::Text, "  writes the sample skills to .skills/ and opens them"),
    ]);
    lines.push(vec![
        look.span(Role::Key, state.hint(Command::Quit)),
        look.span(Role::Text, "  quits; start with "),
        look.span(Role::Accent, "skilldeck --skills DIR"),
        look.span(Role::Text, " to look elsewhere"),
    ]);
    lines.push(vec![]);
    lines.push(text(Role::Faint, "A folder that appears while this is open is shown at once."));
    canvas.hint(area.inset(1), &lines);
}

impl Look<'_> {
    /// `text` in as many columns as it needs, filled up to `columns`.
    pub(super) fn cell(&self, role: Role, text: &str, columns: usize) -> Span<'static> {
        let span = self.span(role, text);
        let used = width(std::slice::from_ref(&span));
        if used > columns {
            let mut kept = String::new();
            for c in span.content.chars() {
                if width(&[Span::raw(kept.clone())]) + 1 >= columns {
                    break;
                }
                kept.push(c);
            }
            kept.push_str(self.sign(Sign::More));
            let used = width(&[Span::raw(kept.clone())]);
            kept.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
            return Span::styled(kept, span.style);
        }
        let style = span.style;
        Span::styled(format!("{}{}", span.content, " ".repeat(columns - used)), style)
    }
}
