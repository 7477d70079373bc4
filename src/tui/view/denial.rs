//! A denial, opened: the call, who refused it and why, the skill's own line, and what would allow it.

use ratatui::text::Span;

use super::canvas::{Canvas, width};
use super::request::diff_line;
use super::source::{text_spans, within};
use super::{Look, Sign, causes, findings, format};
use crate::policy::{self, Places};
use crate::run::report::{Denial, Remedy};
use crate::sandbox::event::{Frame, Layer};
use crate::skill::text::printable;
use crate::tui::keymap::Command;
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::{FileText, Scroll, State};
use crate::tui::theme::Role;

/// Rows below which everything is said in fewer of them, so that the skill's own line is still in sight.
const ROOMY: u16 = 28;
const NAME: usize = 9;

type Row = Vec<Span<'static>>;

/// What there is to draw in.
#[derive(Debug, Clone, Copy)]
struct Room {
    columns: usize,
    tight: bool,
}

impl Room {
    /// Lines shown before and after the line that made the call.
    fn around(self) -> usize {
        if self.tight { 2 } else { 4 }
    }
}

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, scroll: &Scroll, area: Area) {
    let look = canvas.look;
    canvas.fill(area, Role::Text);
    let Some(denial) = state.denial() else {
        canvas.title(area, true, &[look.span(Role::TitleFocus, "Denial")], &[]);
        canvas.hint(area.below(1), &[vec![], vec![look.span(Role::Muted, "no longer there")]]);
        return;
    };
    let of = state.shown_run().map_or(0, super::super::state::RunView::denials);
    let title = format!("Denial {} of {of}", state.run_tab.findings.cursor + 1);
    let notes = [look.span(Role::Faint, if look.ascii { "h l others" } else { "← → others" })];
    canvas.title(area, true, &[look.span(Role::TitleFocus, title)], if of > 1 { &notes } else { &[] });
    let body = area.below(1).inset(2);
    let room = Room { columns: usize::from(body.width), tight: body.height < ROOMY };
    let mut rows = vec![Vec::new()];
    headline(&look, state, denial, &mut rows);
    remedy(&look, state, denial, room, &mut rows);
    facts(&look, state, denial, room, &mut rows);
    blame(&look, state, denial, room, &mut rows);
    kin(&look, state, denial, room, &mut rows);
    let top = scroll.top.min(rows.len().saturating_sub(usize::from(body.height)));
    for (offset, row) in rows.iter().skip(top).take(usize::from(body.height)).enumerate() {
        canvas.line(body.x, body.y + offset as u16, body.width, row);
    }
}

fn headline(look: &Look<'_>, state: &State, denial: &Denial, rows: &mut Vec<Row>) {
    rows.push(vec![
        look.mark(Role::Denied, Sign::Denied),
        look.span(Role::Denied, format!(" DENIED  {}  ", findings::operation(denial.operation))),
        look.span(Role::Strong, findings::target(state, &denial.target)),
    ]);
}

fn facts(look: &Look<'_>, state: &State, denial: &Denial, room: Room, rows: &mut Vec<Row>) {
    let mut fact = |name: &str, role: Role, text: &str| {
        // In little room one row each; the end of the row is cut.
        let width = room.columns.saturating_sub(NAME);
        let parts = if room.tight { vec![text.to_owned()] } else { labels::wrap(text, width, 4) };
        for (index, part) in parts.into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            rows.push(vec![look.cell(Role::Muted, name, NAME), look.span(role, part)]);
        }
    };
    fact("call", Role::Text, &denial.arguments);
    fact("got", Role::Text, &format!("{}{}", denial.errno, meaning(&denial.errno)));
    fact("layer", Role::Text, layer(denial.layer));
    fact("rule", Role::Text, &short_rule(state, &denial.rule));
    if let Some(asked) = &denial.asked {
        // What the command line says to do next is another key here.
        let asked = short_rule(state, asked);
        let asked = asked.split(": not approved").next().unwrap_or_default();
        fact(
            "asked",
            Role::Warning,
            &format!("{asked}, not approved: {} shows it", state.hint(Command::Approve)),
        );
    }
    let times =
        if denial.count > 1 { format!(", {} times", labels::grouped(denial.count)) } else { String::new() };
    let when =
        format!("{} (pid {}) after {}{times}", denial.program, denial.pid, format::millis(denial.at_ms));
    fact("by", Role::Text, &when);
    rows.push(Vec::new());
}

/// What an error number means, in the words of errno(3).
fn meaning(errno: &str) -> &'static str {
    match errno {
        "EACCES" => ": permission denied",
        "EPERM" => ": operation not permitted",
        "ENOENT" => ": no such file or directory",
        "EROFS" => ": read-only file system",
        "ENOSYS" => ": function not implemented",
        "ENETUNREACH" => ": network is unreachable",
        "ECONNREFUSED" => ": connection refused",
        "EAFNOSUPPORT" => ": address family not supported",
        _ => "",
    }
}

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Mount => "mount view: what is not granted is not there, or read-only",
        Layer::Landlock => "Landlock, the kernel's own rules on paths and ports",
        Layer::Seccomp => "seccomp, the filter on system calls",
        Layer::Network => "network: an empty namespace, nothing to reach",
        Layer::Limit => "a limit of the run",
        Layer::Permissions => "owner and mode of the file",
        Layer::Environment => "environment: variables pass only when they are granted",
    }
}

fn short_rule(state: &State, rule: &str) -> String {
    match state.skill() {
        Some(skill) => rule.replace(&format!("{}/", skill.path.display()), ""),
        None => rule.to_owned(),
    }
}

fn section(look: &Look<'_>, title: Vec<Span<'static>>, room: Room, rows: &mut Vec<Row>) {
    let rule = look.sign(Sign::Rule);
    let rest = room.columns.saturating_sub(width(&title) + 4);
    let mut row = vec![look.span(Role::Rule, rule.repeat(2)), Span::raw(" ")];
    row.extend(title);
    row.push(Span::raw(" "));
    row.push(look.span(Role::Rule, rule.repeat(rest)));
    rows.push(row);
}

fn blame(look: &Look<'_>, state: &State, denial: &Denial, room: Room, rows: &mut Vec<Row>) {
    let Some(frame) = state.blamed(denial) else {
        section(look, vec![look.span(Role::Muted, "where")], room, rows);
        let why = denial.unread.as_deref();
        let why = why.unwrap_or("no line of the skill's own code was on the stack of this call");
        rows.push(vec![look.span(Role::Muted, why)]);
        rows.push(Vec::new());
        return;
    };
    let now = if state.old_run().is_some() { ", the file as it is now" } else { "" };
    let title = vec![
        look.span(Role::Accent, place(state, frame)),
        look.span(Role::Muted, format!(" in {}{now}", frame.function)),
    ];
    section(look, title, room, rows);
    match state.files.get(&frame.file) {
        // Only the function is known.
        _ if frame.line == 0 => {}
        Some(FileText::Read(text, key)) => {
            let line = (frame.line as usize).max(1) - 1;
            let highlighted = state.highlights.get(*key);
            let from = line.saturating_sub(room.around());
            let gutter = (line + room.around() + 1).to_string().len();
            for (index, source) in text.lines().enumerate().skip(from).take(line + room.around() + 1 - from) {
                let mut row = source_row(look, source, index, index == line, gutter, highlighted);
                if index == line {
                    here(look, room, &mut row);
                }
                rows.push(row);
            }
        }
        Some(FileText::Failed(problem)) => rows.push(vec![look.span(Role::Warning, problem)]),
        Some(FileText::Waiting) | None => rows.push(vec![look.span(Role::Faint, "reading")]),
    }
    let arrow = look.sign(Sign::Arrow);
    for caller in denial.blame.iter().skip_while(|other| *other != frame).skip(1).take(6) {
        rows.push(vec![
            look.span(Role::Faint, format!("  {arrow} ")),
            look.span(Role::Muted, format!("{} in {}", place(state, caller), caller.function)),
        ]);
    }
    rows.push(Vec::new());
}

fn source_row(
    look: &Look<'_>,
    source: &str,
    index: usize,
    here: bool,
    gutter: usize,
    highlighted: Option<&crate::tui::state::Highlighted>,
) -> Row {
    let mark = if here { look.mark(Role::Denied, Sign::Chosen) } else { Span::raw(" ") };
    let number = if here { Role::Denied } else { Role::LineNumber };
    let mut row = vec![mark, look.span(number, format!(" {:>gutter$}  ", index + 1))];
    row.extend(text_spans(look, source, index, highlighted));
    row
}

/// Tint the line that made the call, to the end of the row.
fn here(look: &Look<'_>, room: Room, row: &mut Row) {
    row.push(Span::raw(" ".repeat(room.columns.saturating_sub(width(row)))));
    for span in row {
        span.style = span.style.patch(look.style(Role::CursorLine));
    }
}

fn place(state: &State, frame: &Frame) -> String {
    let file = state.skill().map_or_else(|| frame.file.display().to_string(), |s| within(s, &frame.file));
    frame.place(&file)
}

/// Which other denials share its cause.
fn kin(look: &Look<'_>, state: &State, denial: &Denial, room: Room, rows: &mut Vec<Row>) {
    let chosen = denial.grants().nth(state.run_tab.grant).or(denial.remedy.as_ref());
    let kin = causes::rows(look, state, chosen);
    if !kin.is_empty() {
        section(look, vec![look.span(Role::Muted, "denials with the same cause")], room, rows);
        rows.extend(kin);
    }
}

/// What would allow it: first, because it is what most people came for.
fn remedy(look: &Look<'_>, state: &State, denial: &Denial, room: Room, rows: &mut Vec<Row>) {
    let grants: Vec<&Remedy> = denial.grants().collect();
    let Some(chosen) = grants.get(state.run_tab.grant).or(grants.first()).copied() else {
        rows.push(vec![look.span(Role::Muted, "  nothing can allow it: no policy grants this to a skill")]);
        rows.push(Vec::new());
        return;
    };
    if state.old_run().is_some() {
        of_old_run(look, state, chosen, rows);
        return;
    }
    let grant = |remedy: &Remedy| {
        [
            look.span(Role::SyntaxKey, format!("{}: ", remedy.permission)),
            look.span(Role::Text, "["),
            look.span(Role::Ok, &remedy.add),
            look.span(Role::Text, "]"),
        ]
    };
    for remedy in &grants {
        let row = if *remedy == chosen {
            let mut row =
                vec![look.span(Role::Key, state.hint(Command::Allow)), look.span(Role::Muted, " adds  ")];
            row.extend(grant(remedy));
            let end = look.span(Role::Muted, "  to policy.yaml and runs again");
            if width(&row) + width(std::slice::from_ref(&end)) <= room.columns {
                row.push(end);
            }
            row
        } else {
            [look.span(Role::Faint, "   or    ")].into_iter().chain(grant(remedy)).collect()
        };
        rows.push(row);
    }
    if grants.len() > 1 {
        let keys = [Command::Narrower, Command::Wider].map(|command| state.hint(command)).join(" ");
        rows.push(vec![look.span(Role::Key, keys), look.span(Role::Muted, "   a narrower or wider grant")]);
    }
    // Approval is for a file as a whole: whoever allows one thing must know that the rest comes with it.
    let rest = !state.is_approved() && state.skill().is_some_and(|skill| skill.policy_file.is_some());
    if rest {
        let text = "  the whole policy.yaml of the skill is then in force, what it asks for already too";
        rows.extend(
            labels::wrap(text, room.columns.saturating_sub(2), 2)
                .into_iter()
                .map(|part| vec![look.span(Role::Warning, format!("  {part}"))]),
        );
    }
    rows.extend(causes::summary(look, state, chosen));
    if !room.tight {
        draft(look, state, chosen, rows);
    }
    rows.push(Vec::new());
}

/// What would have allowed it then. Whether it is still refused, only a new run can tell.
fn of_old_run(look: &Look<'_>, state: &State, chosen: &Remedy, rows: &mut Vec<Row>) {
    rows.push(vec![
        look.span(Role::Muted, "  would have been allowed by  "),
        look.span(Role::SyntaxKey, format!("{}: ", chosen.permission)),
        look.span(Role::Text, format!("[{}]", chosen.add)),
    ]);
    rows.push(vec![
        look.span(Role::Muted, "  this is an old run: "),
        look.span(Role::Key, state.hint(Command::Run)),
        look.span(Role::Muted, " runs it as it is now, then "),
        look.span(Role::Key, state.hint(Command::Allow)),
        look.span(Role::Muted, " allows what is still refused"),
    ]);
    rows.push(Vec::new());
}

/// How the policy file would change.
fn draft(look: &Look<'_>, state: &State, chosen: &Remedy, rows: &mut Vec<Row>) {
    let Some(skill) = state.skill() else { return };
    let text = match (state.request(), &skill.policy_file) {
        (Some(request), _) => request.text(),
        (None, None) => "",
        // It has errors, or is still being read.
        (None, Some(_)) => return,
    };
    let places = Places { workspace: state.place.workspace.clone(), home: state.place.home.clone() };
    let file = skill.path.join(policy::FILE_NAME);
    match policy::draft(text, chosen, &file, &places) {
        Ok(diff) => {
            let lines = diff.lines().filter(|line| !line.starts_with("@@"));
            let gap = look.span(Role::Faint, "         ");
            rows.extend(lines.map(|line| vec![gap.clone(), diff_line(look, &printable(line))]));
        }
        Err(error) => rows.push(vec![look.span(Role::Warning, format!("         {error}"))]),
    }
}
