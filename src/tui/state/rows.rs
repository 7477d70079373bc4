//! Sections of the Skill tab that are text: the schema, what clients make of the skill, what it costs, what the last save changed.
//! Rows as plain data, so that their number is known wherever positions are kept in bounds.

use unicode_width::UnicodeWidthStr;

use super::saves::SchemaChanges;
use super::{Facts, Saved, Section, State, schema_rows};
use crate::run::log::clean;
use crate::skill::changes::Kind;
use crate::skill::clients::{Client, Outcome, Verdict};
use crate::skill::cost::{self, Cost, Count};
use crate::skill::{Diagnostic, Severity, Skill};
use crate::tui::labels::{grouped, wrap};

/// A piece of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(Tone, String),
    /// The mark of a tone: what is good, bad or to be careful about is never told by colour alone.
    Mark(Tone),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Strong,
    Muted,
    Faint,
    Accent,
    Good,
    Caution,
    Bad,
}

pub type TextRow = Vec<Piece>;

/// Most lines of one reason.
const MOST_LINES: usize = 20;

pub(super) fn text(tone: Tone, text: impl AsRef<str>) -> Piece {
    Piece::Text(tone, clean(text.as_ref()).into_owned())
}

/// Filled up with blanks to `columns`.
pub(super) fn padded(tone: Tone, content: &str, columns: usize) -> Piece {
    let content = clean(content);
    let blanks = columns.saturating_sub(content.width());
    text(tone, format!("{content}{}", " ".repeat(blanks)))
}

impl State {
    /// Rows of the section in front, when it is one of text, in `width` columns.
    pub fn text_rows(&self, width: usize) -> Vec<TextRow> {
        let (Some(skill), Some(facts)) = (self.skill(), self.chosen_facts()) else { return Vec::new() };
        match self.skill_tab.section {
            Section::Clients => clients(facts, width),
            Section::Cost => facts.learned.as_ref().map(|l| cost_rows(&l.cost, width)).unwrap_or_default(),
            Section::Saved => match self.saves.last(&skill.path) {
                Some(saved) => saved_rows(saved, skill, width),
                None => vec![vec![text(Tone::Muted, " not saved since skilldeck was opened")]],
            },
            Section::Schema => schema_rows::rows(facts, self.skill_tab.json, width),
            Section::Diagnostics | Section::Entries | Section::Files => Vec::new(),
        }
    }

    /// How many clients refuse the chosen skill, and how many load something else than is written.
    pub fn client_tally(&self) -> (usize, usize) {
        let learned = self.chosen_facts().and_then(|facts| facts.learned.as_ref());
        let of = |wanted: Outcome| {
            learned.map_or(0, |l| l.verdicts.iter().filter(|(_, v)| v.outcome == wanted).count())
        };
        (of(Outcome::Refuses), of(Outcome::Changed))
    }
}

fn clients(facts: &Facts, width: usize) -> Vec<TextRow> {
    let Some(learned) = &facts.learned else { return Vec::new() };
    let mut rows = Vec::new();
    for (client, verdict) in &learned.verdicts {
        client_rows(*client, verdict, width, &mut rows);
    }
    rows
}

fn client_rows(client: Client, verdict: &Verdict, width: usize, rows: &mut Vec<TextRow>) {
    let tone = match verdict.outcome {
        Outcome::Loads => Tone::Good,
        Outcome::Changed => Tone::Caution,
        Outcome::Refuses => Tone::Bad,
    };
    let mut row = vec![
        text(Tone::Plain, " "),
        Piece::Mark(tone),
        padded(Tone::Strong, &format!(" {}", client.id()), 13),
        padded(tone, verdict.outcome.name(), 11),
    ];
    let basis = format!("after {}", client.basis());
    let fits = width >= 28 + basis.len();
    if fits {
        row.push(text(Tone::Faint, format!(" {basis}")));
    }
    rows.push(row);
    let room = width.saturating_sub(6);
    for reason in &verdict.reasons {
        let lines = reason.lines().take(MOST_LINES).flat_map(|line| wrap(line, room, MOST_LINES));
        rows.extend(lines.map(|line| vec![text(Tone::Plain, format!("     {line}"))]));
    }
    if !fits {
        rows.extend(wrap(&basis, room, 2).into_iter().map(|l| vec![text(Tone::Faint, format!("     {l}"))]));
    }
}

fn cost_rows(cost: &Cost, width: usize) -> Vec<TextRow> {
    // When, number and note; what is left is for the name.
    const WHEN: usize = 12;
    const NUMBER: usize = 9;
    const NOTE: usize = 16;
    let longest = cost.files.iter().map(|file| file.path.to_string_lossy().width()).max().unwrap_or(0);
    let most = width.saturating_sub(WHEN + NUMBER + NOTE).clamp(16, 60);
    let columns = longest.clamp(16, most);
    let row = |when: &str, name: &str, number: &str, (tone, note): (Tone, String)| {
        vec![
            padded(Tone::Muted, &format!(" {when}"), WHEN),
            padded(Tone::Plain, &shortened(name, columns), columns),
            text(Tone::Strong, format!("{number:>NUMBER$}  ")),
            text(tone, note),
        ]
    };
    let tokens = |count: Count| grouped(count.tokens as u64);
    let against = |count: Count, most: usize, words: &str| {
        let words = format!("{words} {}", grouped(most as u64));
        if count.tokens > most { (Tone::Caution, format!("! {words}")) } else { (Tone::Faint, words) }
    };
    let (always, body) = (cost.always, cost.body);
    let head = vec![text(Tone::Faint, format!("{}{:>NUMBER$}", " ".repeat(WHEN + columns), "tokens"))];
    let mut rows = vec![
        head,
        row("always", "name, description", &tokens(always), against(always, cost::ABOUT_ALWAYS, "of about")),
        row("triggered", "body", &tokens(body), against(body, cost::FEWER_IN_BODY, "of up to")),
    ];
    for file in &cost.files {
        let (number, note) = match file.count {
            Ok(count) => (tokens(count), (Tone::Faint, format!("in line {}", file.line))),
            Err(why) => ("-".to_owned(), (Tone::Muted, why.to_owned())),
        };
        rows.push(row("on demand", &file.path.to_string_lossy(), &number, note));
    }
    match cost.files.len() {
        0 => rows.push(row("on demand", "the body names no file", "", (Tone::Plain, String::new()))),
        1 => {}
        _ => rows.push(row("", "all of these", &tokens(cost.on_demand()), (Tone::Plain, String::new()))),
    }
    rows.push(Vec::new());
    let method = wrap(cost::METHOD, width.saturating_sub(2), 3);
    rows.extend(method.into_iter().map(|line| vec![text(Tone::Faint, format!(" {line}"))]));
    rows
}

/// A path that is too long keeps its end.
pub(super) fn shortened(path: &str, columns: usize) -> String {
    if path.width() <= columns {
        return path.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 3;
    for c in path.chars().rev() {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(1);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    format!("...{}", kept.iter().rev().collect::<String>())
}

fn saved_rows(saved: &Saved, skill: &Skill, width: usize) -> Vec<TextRow> {
    let cause = &saved.cause;
    let path = cause.path.strip_prefix(&skill.path).unwrap_or(&cause.path).display();
    let mut what =
        vec![text(Tone::Strong, format!(" {path}")), text(Tone::Plain, format!(" {}", cause.kind))];
    if let Some(at) = cause.at {
        what.push(text(Tone::Plain, format!(" at {}", at.strftime("%H:%M:%S"))));
    }
    if cause.events > 1 {
        what.push(text(Tone::Faint, format!("  {} events", cause.events)));
    }
    let mut rows = vec![what];
    let head = |words: &str| vec![text(Tone::Muted, format!(" {words}"))];
    match &saved.schema {
        SchemaChanges::Waiting => rows.push(head("schema: being worked out")),
        SchemaChanges::Unknown => {
            rows.push(head("schema: not known from before, the skill was not looked at"));
        }
        SchemaChanges::Known(changes) if changes.is_empty() => rows.push(head("schema: unchanged")),
        SchemaChanges::Known(changes) => {
            rows.push(head("schema"));
            for change in changes {
                let (tone, sign) = match change.kind {
                    Kind::Added => (Tone::Good, "+"),
                    Kind::Removed => (Tone::Bad, "-"),
                    Kind::Changed => (Tone::Caution, "~"),
                };
                let name = match &change.property {
                    Some(property) => format!("{}.{property}", change.tool),
                    None => change.tool.clone(),
                };
                wrapped(&format!("{name}: {}", change.what), (tone, sign), width, &mut rows);
            }
        }
    }
    if saved.new.is_empty() && saved.gone.is_empty() {
        rows.push(head("diagnostics: unchanged"));
        return rows;
    }
    rows.push(head("diagnostics"));
    for found in &saved.new {
        let tone = if found.severity == Severity::Info { Tone::Caution } else { Tone::Bad };
        wrapped(&sentence(found, skill, true), (tone, "+ new "), width, &mut rows);
    }
    for found in &saved.gone {
        wrapped(&sentence(found, skill, false), (Tone::Good, "- gone"), width, &mut rows);
    }
    rows
}

/// Where something stood that is gone does not help.
fn sentence(found: &Diagnostic, skill: &Skill, with_place: bool) -> String {
    let file = found.file.strip_prefix(&skill.path).unwrap_or(&found.file).display();
    let place = if with_place { format!("{file}:{} ", found.span.line) } else { String::new() };
    format!("{place}{} ({})", found.message, found.code)
}

/// A sentence behind a sign, on as many rows as it needs.
fn wrapped(sentence: &str, (tone, sign): (Tone, &str), width: usize, rows: &mut Vec<TextRow>) {
    let indent = 4 + sign.len();
    for (at, line) in wrap(sentence, width.saturating_sub(indent + 1), 4).into_iter().enumerate() {
        let lead = if at == 0 { format!("   {sign} ") } else { " ".repeat(indent) };
        rows.push(vec![text(tone, lead), text(Tone::Plain, line)]);
    }
}
