//! What `skilldeck learn` says to people: each round when it is over, then the proposal.

use std::fmt::Write as _;
use std::path::Path;

use super::Told;
use crate::cli::list::counted;
use crate::learn::{Ended, Lesson, Lessons, Round, proposal, words};
use crate::report::terminal::one_line;
use crate::report::text::Style;
use crate::run::report::Denial;
use crate::run::source;
use crate::skill::text::printable_source;

/// Longest piece of foreign text on one line.
const MOST: usize = 240;
/// Lines of a list that are written out.
const LISTED: usize = 40;
/// Last lines of what an unhappy run printed.
const LAST_LINES: usize = 5;

pub(super) fn head(lessons: &Lessons, style: Style) -> String {
    let request = &lessons.request;
    let what = format!("{} {}", request.skill.name, request.entry.file.display());
    let net = if lessons.allow.net { "requests go out" } else { "no request goes out" };
    let quiet = style.quiet(&format!("what it writes is thrown away, {net}"));
    format!("learning from {}: {quiet}\n", one_line(&what, MOST))
}

pub(super) fn round(round: &Round, skill: &Path, style: Style) -> String {
    let outcome = round.outcome.as_ref().map_or("", |outcome| outcome.message.as_str());
    let purpose = if round.confirms { ", to see if less will do" } else { "" };
    let mut text = format!(
        "round {}{purpose}: {} after {:.2} s, {}\n",
        round.number,
        one_line(outcome, MOST),
        round.duration.as_secs_f64(),
        counted(round.denials, "denial")
    );
    for lesson in round.learned.iter().take(LISTED) {
        let grant = one_line(&words::grant(&lesson.remedy), MOST);
        let held = lesson.held.map_or("", |_| "  (not tried)");
        let _ = writeln!(text, "  {}{}", style.good(&format!("+ {grant}")), style.warning(held));
        because(&mut text, &lesson.denial, skill, style);
    }
    if round.learned.len() > LISTED {
        let _ = writeln!(text, "  … and {} more", round.learned.len() - LISTED);
    }
    for undecided in round.undecided.iter().take(LISTED) {
        let grant = undecided.denial.remedy.as_ref().map(words::grant).unwrap_or_default();
        let line = format!("? {}: {}", one_line(&grant, MOST), one_line(&undecided.reason, MOST));
        let _ = writeln!(text, "  {}", style.warning(&line));
        because(&mut text, &undecided.denial, skill, style);
    }
    text
}

fn because(text: &mut String, denial: &Denial, skill: &Path, style: Style) {
    let _ = writeln!(text, "      {}", one_line(&words::why(denial, skill), MOST));
    if let Some(line) = words::frame(denial, skill).and_then(|frame| source::line(skill, frame)) {
        let _ = writeln!(text, "      {}", style.quiet(&format!("│ {}", one_line(&line, 160))));
    }
}

pub(super) fn proposal(told: &Told<'_>, style: Style) -> String {
    let (learned, skill) = (&told.learned, &told.lessons.request.skill.path);
    let ended = one_line(&learned.ended.text(), 600);
    let mut text = match learned.ended {
        Ended::Settled => format!("{ended}\n"),
        _ => format!("{}\n", style.warning(&ended)),
    };
    for note in &told.notes {
        let _ = writeln!(text, "note: {}", one_line(note, 400));
    }
    if matches!(learned.ended, Ended::Failed(_)) && learned.rounds.is_empty() {
        return text;
    }
    last_words(&mut text, told, style);
    if told.asks_already() {
        let name = one_line(&told.lessons.request.skill.name, 100);
        let _ = writeln!(
            text,
            "the policy file asks for all of this already; --apply or `skilldeck approve {name}` puts it in force"
        );
    } else if told.proposal.is_empty() {
        text.push_str("nothing is proposed: the policy file stays as it is\n");
    }
    if !told.proposal.is_empty() {
        let file = one_line(&told.lessons.file.display().to_string(), 400);
        let _ = write!(text, "\nproposed for {file}\n{}", diff(&told.proposal.diff(), style));
    }
    if !learned.lessons.is_empty() {
        text.push_str("\nwhy\n");
    }
    for lesson in &learned.lessons {
        reason(&mut text, lesson, skill, style);
    }
    list(&mut text, "the file also asks for, and no round needed", &told.also, words::grant);
    for (remedy, why) in &told.unwritable {
        let line = format!("! {} cannot be written: {why}", words::grant(remedy));
        let _ = writeln!(text, "{}", style.warning(&one_line(&line, 400)));
    }
    let wider = proposal::wider(&learned.lessons);
    list(&mut text, "wider, if you like", &wider, |wide| {
        format!("{} instead of {}", words::grant(&wide.remedy), counted(wide.instead_of.len(), "grant"))
    });
    list(&mut text, "for you to decide, not proposed", &learned.undecided, |undecided| {
        let grant = undecided.denial.remedy.as_ref().map(words::grant).unwrap_or_default();
        format!("{grant}: {}; {}", undecided.reason, words::why(&undecided.denial, skill))
    });
    list(&mut text, "refused, whatever is granted", &learned.refused, |denial| {
        format!("{}; {}", words::why(denial, skill), denial.rule)
    });
    list(&mut text, "left out again", &learned.left_out, |(lesson, why)| {
        format!("{}: {why}", words::grant(&lesson.remedy))
    });
    if !told.proposal.is_empty() && learned.ended == Ended::Settled {
        text.push_str("\n--apply writes and approves it\n");
    }
    text
}

/// How the last round went, when it did not go well although nothing is refused any more.
fn last_words(text: &mut String, told: &Told<'_>, style: Style) {
    let Some(last) = &told.learned.last else { return };
    let well = last.outcome.as_ref().is_some_and(|outcome| outcome.code == Some(0));
    if well || told.learned.ended != Ended::Settled {
        return;
    }
    let message = last.outcome.as_ref().map_or("", |outcome| outcome.message.as_str());
    let line = format!("! the last round did not end well: {}", one_line(message, MOST));
    let _ = writeln!(text, "{}", style.warning(&line));
    let lines: Vec<&str> = last.stderr.lines().rev().take(LAST_LINES).collect();
    for line in lines.into_iter().rev() {
        let _ = writeln!(text, "    {}", style.quiet(&one_line(line, MOST)));
    }
}

fn reason(text: &mut String, lesson: &Lesson, skill: &Path, style: Style) {
    let grant = one_line(&words::grant(&lesson.remedy), MOST);
    let _ = write!(text, "  {grant}\n      {}", one_line(&words::why(&lesson.denial, skill), MOST));
    if lesson.further > 0 {
        let _ = write!(text, ", and {} more", counted(lesson.further, "denial"));
    }
    text.push('\n');
    if let Some(held) = lesson.held {
        let _ = writeln!(text, "      {}", style.warning(&format!("! {}", held.text())));
    }
    if let Some(wide) = words::wide(lesson) {
        let _ = writeln!(text, "      {}", style.warning(&format!("! {}", one_line(&wide, MOST))));
    }
    let wider: Vec<String> =
        lesson.denial.alternatives.iter().map(|wide| one_line(&format!("[{}]", wide.add), MOST)).collect();
    if !wider.is_empty() {
        let _ = writeln!(text, "      {}", style.quiet(&format!("wider: {}", wider.join(" or "))));
    }
}

fn list<T>(text: &mut String, title: &str, items: &[T], line: impl Fn(&T) -> String) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for item in items.iter().take(LISTED) {
        let _ = writeln!(text, "  {}", one_line(&line(item), 400));
    }
    if items.len() > LISTED {
        let _ = writeln!(text, "  … and {} more; --format json has them all", items.len() - LISTED);
    }
}

/// A diff, in colours where there are some.
pub(in crate::cli) fn diff(diff: &str, style: Style) -> String {
    let mut text = String::new();
    for line in diff.lines() {
        let shown = printable_source(line);
        let shown = match line.as_bytes().first() {
            Some(b'+') => style.good(&shown),
            Some(b'-') => style.bad(&shown),
            _ => shown.into_owned(),
        };
        let _ = writeln!(text, "{shown}");
    }
    text
}
