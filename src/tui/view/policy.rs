//! The Policy tab: what stands for the next run with where it came from, and below (or beside) it `policy.yaml`.

use ratatui::text::Span;

use super::canvas::{self, Canvas};
use super::details::unpainted;
use super::request::diff_line;
use super::source::{margin, message, text_spans, within};
use super::{Look, Sign, frame};
use crate::policy::standing::{Line, Standing};
use crate::policy::{FILE_NAME, Origin, Permission};
use crate::run::log::matches;
use crate::skill::text::printable;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::{Area, policy_parts};
use crate::tui::state::{FileRow, FileStanding, Pane, PolicyFile, PolicyReview, State, UseMark};
use crate::tui::theme::Role;

/// Columns of the permission's name.
const NAME: usize = 7;

type Row = Vec<Span<'static>>;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, pane: Pane, area: Area) {
    if pane == Pane::Policy { lines(canvas, state, area) } else { file(canvas, state, area) }
}

fn lines(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::Policy;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let title = [look.span(role, "What the next run may do")];
    let Some(policy) = state.policy() else {
        canvas.title(area, focused, &title, &[]);
        return;
    };
    let is_unused = |line: &&Line| {
        let known = state.known_use(line).is_some_and(|known| known.mark == UseMark::Never);
        known && line.standing == Standing::InForce
    };
    let unused = policy.lines.iter().filter(is_unused).count();
    let note = [look.span(Role::Warning, format!("{unused} unused"))];
    canvas.title(area, focused, &title, if unused > 0 { &note } else { &[] });
    let (head, list, foot) = policy_parts(area);
    if head.height > 0 {
        canvas.line(head.x, head.y, head.width, &headline(&look, state, policy));
    }
    let scroll = &state.policy_tab.lines;
    let mut group = None;
    for (offset, (index, line)) in
        policy.lines.iter().enumerate().skip(scroll.top).take(usize::from(list.height)).enumerate()
    {
        let row = Area::new(list.x, list.y + offset as u16, list.width, 1);
        if index == scroll.cursor {
            canvas.tint(row, if focused { Role::Selection } else { Role::SelectionUnfocused });
        }
        // Named once, also when its first line is out of sight.
        let name = line.permission.map_or("limits", |permission| permission.name());
        let shown = if group == Some(name) { "" } else { name };
        group = Some(name);
        let mut left = vec![Span::raw(" "), look.cell(Role::Strong, shown, NAME), Span::raw(" ")];
        left.extend(said(&look, line));
        canvas.ends(row, 0, &unpainted(left), &unpainted(place(&look, state, line, row.width)));
    }
    let meaning = state.policy_line().filter(|_| foot.height > 0).map(|line| meaning(state, line));
    let width = usize::from(foot.width.saturating_sub(2));
    for (offset, text) in
        labels::wrap(&meaning.unwrap_or_default(), width, usize::from(foot.height)).into_iter().enumerate()
    {
        canvas.line(
            foot.x + 1,
            foot.y + offset as u16,
            foot.width.saturating_sub(1),
            &[look.span(Role::Muted, text)],
        );
    }
}

/// What a line means, in full, and the next step.
fn meaning(state: &State, line: &Line) -> String {
    let key = |command| state.hint(command);
    match (line.standing, &line.origin, line.permission) {
        (Standing::Asked, ..) => {
            format!("asks to {}: not approved; {} shows the whole request", line.text, key(Command::Approve))
        }
        (Standing::Hinted, ..) => {
            format!("says that it has to {}: no grant; write it into policy.yaml", line.text)
        }
        (_, Origin::Default, Some(permission)) => built_in(permission).to_owned(),
        (_, Origin::Default, None) => {
            format!("{}, unless policy.yaml says otherwise under limits", line.text)
        }
        _ if line.deny => format!("{}, whatever is granted", line.text),
        _ => match state.known_use(line) {
            Some(known) if known.mark == UseMark::Never => {
                let remove = key(Command::RemoveGrant);
                format!("{}; {}: {remove} proposes to remove it", line.text, known.sentence)
            }
            Some(known) => format!("{}; {}", line.text, known.sentence),
            None => line.text.clone(),
        },
    }
}

/// What every run gets of a permission.
fn built_in(permission: Permission) -> &'static str {
    match permission {
        Permission::Read => {
            "every run reads programs and libraries of the system, its interpreter, its own skill"
        }
        Permission::Write => "what a run writes there is its own, and gone when it ends",
        Permission::Run => "the entry and its interpreter; another program has to be granted",
        Permission::Net => "without a grant there is no network at all",
        Permission::Env => "of your own variables a run sees only those that are granted",
    }
}

/// How the skill's own file stands, and the next step.
fn headline(look: &Look<'_>, state: &State, policy: &PolicyReview) -> Row {
    let asked = policy.asked();
    let (role, sign, text, next) = match policy.standing {
        FileStanding::Missing => {
            (Role::Muted, Sign::Info, "no policy.yaml: the default is in force".to_owned(), "")
        }
        FileStanding::Unreadable => {
            let text = "policy.yaml cannot be read: the default is in force";
            (Role::Error, Sign::Denied, text.to_owned(), "")
        }
        FileStanding::Broken(count) => {
            let errors = frame::plural(count, "error");
            (Role::Error, Sign::Denied, format!("policy.yaml has {errors}: the default is in force"), "")
        }
        FileStanding::Approved => {
            (Role::Ok, Sign::Allowed, "policy.yaml is approved and in force".to_owned(), "takes it back")
        }
        FileStanding::AsksNothing => {
            let text = "policy.yaml asks for nothing beyond the default";
            (Role::Muted, Sign::Info, text.to_owned(), "")
        }
        FileStanding::Asks => {
            let text = format!("{asked} asked, not approved: the default is in force");
            (Role::Warning, Sign::Limit, text, "shows what")
        }
        FileStanding::Changed => {
            let text = "changed since approved: the default is in force".to_owned();
            (Role::Warning, Sign::Limit, text, "shows how")
        }
    };
    let mut row = vec![Span::raw(" "), look.mark(role, sign), look.span(role, format!(" {text}"))];
    if !next.is_empty() {
        row.push(look.span(Role::Key, format!("  {}", state.hint(Command::Approve))));
        row.push(look.span(Role::Muted, format!(" {next}")));
    }
    row
}

/// `✓ read ./cities`
fn said(look: &Look<'_>, line: &Line) -> Row {
    let (role, sign) = match line.standing {
        Standing::InForce if line.deny => (Role::Denied, Sign::Denied),
        Standing::InForce if line.origin == Origin::Default => (Role::Faint, Sign::Dot),
        Standing::InForce => (Role::Ok, Sign::Allowed),
        Standing::Asked => (Role::Warning, Sign::Limit),
        Standing::Hinted => (Role::Info, Sign::Info),
    };
    let text = match (line.standing, &line.origin) {
        (Standing::InForce, Origin::Default) => Role::Muted,
        (Standing::InForce, _) => Role::Text,
        _ => role,
    };
    vec![look.mark(role, sign), look.span(text, format!(" {}", line.text))]
}

/// `asked  policy.yaml:3`
fn place(look: &Look<'_>, state: &State, line: &Line, columns: u16) -> Row {
    // In little room every column counts.
    let gap = if columns < 64 { " " } else { "  " };
    let word = |role, text: &str| look.span(role, format!("{text}{gap}"));
    let said = match line.standing {
        Standing::InForce => state.known_use(line).and_then(|known| {
            let (role, text) = match known.mark {
                UseMark::Newest => (Role::Ok, "used"),
                UseMark::Earlier => (Role::Muted, "before"),
                UseMark::Partly => (Role::Info, "partly"),
                UseMark::Never => (Role::Warning, "unused"),
                UseMark::Unknown => return None,
            };
            Some(word(role, text))
        }),
        Standing::Asked => Some(word(Role::Warning, "asked")),
        Standing::Hinted => Some(word(Role::Info, "hint")),
    };
    let place = match (&line.origin, state.skill()) {
        (Origin::Default, _) => "built in".to_owned(),
        (Origin::File { path, line, .. }, Some(skill)) => format!("{}:{line}", within(skill, path)),
        (other, _) => other.to_string(),
    };
    said.into_iter().chain([look.span(Role::Faint, format!("{place} "))]).collect()
}

fn file(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let focused = state.focus == Pane::PolicyFile;
    let role = if focused { Role::TitleFocus } else { Role::Title };
    let file = state.policy().map(|policy| &policy.file);
    let notes = file.filter(|file| file.text().is_some()).map(|file| {
        let found = frame::plural(file.diagnostics().len(), "finding");
        let lines = frame::plural(file.line_count(), "line");
        [look.span(
            Role::Faint,
            if file.diagnostics().is_empty() { lines } else { format!("{found}  {lines}") },
        )]
    });
    let notes = notes.as_ref().map_or(&[][..], |notes| &notes[..]);
    canvas.title(area, focused, &[look.span(role, FILE_NAME)], notes);
    let body = area.below(1);
    match (file, state.policy()) {
        (Some(PolicyFile::Unreadable(why)), _) => unreadable(canvas, why, body),
        (Some(_), Some(policy)) if policy.file_len() > 0 => rows(canvas, state, policy, body),
        (Some(_), _) => missing(canvas, state, body),
        (None, _) => {}
    }
}

fn missing(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    let look = canvas.look;
    let key =
        |command, text: &str| vec![look.span(Role::Key, state.hint(command)), look.span(Role::Text, text)];
    let lines = [
        vec![look.span(Role::Muted, "this skill asks for nothing")],
        vec![],
        key(Command::Allow, " on a denial in the Run tab writes the grant here"),
        key(Command::Editor, " opens the editor to write it yourself"),
    ];
    canvas.hint(area, &lines);
}

fn unreadable(canvas: &mut Canvas<'_>, why: &str, area: Area) {
    let look = canvas.look;
    let text = format!("it cannot be read: {why}; make it a readable text file in UTF-8, or remove it");
    let width = usize::from(area.width.saturating_sub(3));
    let lines = labels::wrap(&text, width, usize::from(area.height.max(1)));
    for (offset, line) in lines.into_iter().take(usize::from(area.height)).enumerate() {
        let x = area.x + 1;
        canvas.line(x, area.y + offset as u16, area.width.saturating_sub(1), &[look.span(Role::Error, line)]);
    }
}

fn rows(canvas: &mut Canvas<'_>, state: &State, policy: &PolicyReview, body: Area) {
    let file = &policy.file;
    let look = canvas.look;
    let scroll = &state.policy_tab.file;
    let gutter = file.line_count().to_string().len().max(3);
    let key = state.skill().and_then(|skill| state.policies.get(&skill.path)).map(|facts| facts.text_key);
    let highlighted = key.and_then(|key| state.highlights.get(key));
    let rows = policy.rows(scroll.top, usize::from(body.height));
    let text = file.text().map_or("", |text| text);
    let lines: Vec<&str> = text.lines().skip(scroll.top).take(rows.len()).collect();
    for (offset, row) in rows.into_iter().enumerate() {
        let area = Area::new(body.x, body.y + offset as u16, body.width, 1);
        let leads = matches!(state.focus, Pane::Policy | Pane::PolicyFile);
        if leads && policy.index_of(row) == Some(scroll.cursor) {
            canvas.tint(area, Role::CursorLine);
        }
        match row {
            FileRow::Line(index) => {
                let worst = file.messages(index).map(|(_, found)| found.severity).min();
                let text = lines.get(index - scroll.top).copied().unwrap_or_default();
                let mut spans = margin(&look, index, gutter, worst);
                let mut styled = text_spans(&look, text, index, highlighted);
                if let Some(search) = &state.search {
                    let shown: String = styled.iter().map(|span| span.content.as_ref()).collect();
                    let hits: Vec<_> = matches(&shown, &search.needle).collect();
                    styled = canvas::overlay(styled, &hits, look.style(Role::SearchMatch));
                }
                spans.extend(canvas::crop(styled, scroll.left));
                canvas.line(area.x, area.y, area.width, &spans);
            }
            FileRow::Message(index) => {
                if let Some(found) = file.diagnostics().get(index) {
                    message(canvas, found, gutter, area);
                }
            }
            FileRow::SessionHead => {
                let count = frame::plural(policy.session.changes, "change");
                let head = [
                    look.span(Role::Strong, format!(" {count} in this session")),
                    look.span(Role::Key, format!("  {}", state.hint(Command::TakeBack))),
                    look.span(Role::Muted, " takes the last one back"),
                ];
                canvas.line(area.x, area.y, area.width, &head);
            }
            FileRow::Session(at) => {
                let line = policy.session.lines.get(at).map_or("", String::as_str);
                let span = diff_line(&look, &printable(line));
                canvas.line(area.x + 3, area.y, area.width.saturating_sub(3), &[span]);
            }
        }
    }
}
