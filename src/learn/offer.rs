//! A change of a policy file as the workbench offers it: rows to read, and what to write when the user agrees. Plain data,
//! made where files may be looked at.

use std::path::Path;

use super::lesson::{Ended, Learned};
use super::proposal::{self, Proposal};
use super::tighten::Tightening;
use super::unused::{GrantUse, Standing};
use super::words;
use crate::policy::{FILE_NAME, Origin, Remedy};

/// Rows of each list.
const MOST: usize = 60;

#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub title: String,
    pub rows: Vec<Row>,
    pub proposal: Proposal,
    /// What writing it is called afterwards.
    pub what: String,
    /// Agreeing puts the file in force, if it was not before.
    pub approves: bool,
    /// The file asks for all that was learned: nothing but the approval is missing.
    pub asks_already: bool,
}

/// One line to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub kind: Kind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Heading,
    Text,
    Muted,
    Warning,
    Bad,
    /// Lines of the diff.
    Added,
    Removed,
    Kept,
}

impl Offer {
    /// There is something to agree to: a change, or a file that asks for what was learned and is not approved.
    pub fn is_open(&self) -> bool {
        !self.proposal.is_empty() || self.asks_already
    }

    /// What was learned about a skill.
    pub fn learned(
        learned: &Learned,
        proposal: Proposal,
        unwritable: &[(Remedy, String)],
        also: &[Remedy],
        notes: &[String],
        skill: &Path,
    ) -> Self {
        let asks_already = proposal.is_empty() && learned.lessons.iter().any(|lesson| lesson.held.is_none());
        let mut rows = Rows::default();
        let settled = learned.ended == Ended::Settled;
        rows.add(if settled { Kind::Muted } else { Kind::Warning }, learned.ended.text());
        for note in notes {
            rows.add(Kind::Warning, note.clone());
        }
        let last = learned.last.as_ref().and_then(|report| report.outcome.as_ref());
        if let Some(outcome) = last.filter(|outcome| settled && outcome.code != Some(0)) {
            rows.add(Kind::Warning, format!("the last round did not end well: {}", outcome.message));
        }
        rows.diff(&proposal);
        if asks_already {
            rows.add(Kind::Text, "it asks for all of this already, and is not approved".to_owned());
        }
        rows.list("it also asks for, and no round needed", also.iter().map(words::grant));
        if !learned.lessons.is_empty() {
            rows.heading("why");
        }
        for lesson in learned.lessons.iter().take(MOST) {
            rows.add(Kind::Text, words::grant(&lesson.remedy));
            rows.add(Kind::Muted, format!("  {}", words::why(&lesson.denial, skill)));
            let held = lesson.held.map(|held| held.text().to_owned());
            for warning in held.into_iter().chain(words::wide(lesson)) {
                rows.add(Kind::Warning, format!("  {warning}"));
            }
        }
        let wider = proposal::wider(&learned.lessons);
        rows.list(
            "wider, if you like",
            wider.iter().map(|wide| {
                format!("{} instead of {} grants", words::grant(&wide.remedy), wide.instead_of.len())
            }),
        );
        rows.list(
            "for you to decide, not proposed",
            learned.undecided.iter().map(|undecided| {
                let grant = undecided.denial.remedy.as_ref().map(words::grant).unwrap_or_default();
                format!("{grant}: {}; {}", undecided.reason, words::why(&undecided.denial, skill))
            }),
        );
        rows.list(
            "refused, whatever is granted",
            learned.refused.iter().map(|denial| format!("{}; {}", words::why(denial, skill), denial.rule)),
        );
        rows.list(
            "left out again",
            learned.left_out.iter().map(|(lesson, why)| format!("{}: {why}", words::grant(&lesson.remedy))),
        );
        rows.list(
            "cannot be written",
            unwritable.iter().map(|(remedy, why)| format!("{}: {why}", words::grant(remedy))),
        );
        let what = match learned.lessons.len() {
            1 => "what was learned, 1 grant".to_owned(),
            count => format!("what was learned, {count} grants"),
        };
        Self { title: "What it needs".to_owned(), rows: rows.0, proposal, what, approves: true, asks_already }
    }

    /// One grant that somebody wants taken out, and what runs say about it.
    pub fn removal(grant: &str, known: Option<&str>, proposal: Proposal) -> Self {
        let mut rows = Rows::default();
        rows.add(Kind::Text, format!("{FILE_NAME} no longer grants {grant}"));
        if let Some(known) = known {
            rows.add(Kind::Muted, known.to_owned());
        }
        rows.diff(&proposal);
        Self {
            title: "Remove a grant".to_owned(),
            rows: rows.0,
            proposal,
            what: format!("the removal of {grant}"),
            approves: false,
            asks_already: false,
        }
    }

    /// What no run has needed.
    pub fn tightened(found: Tightening, now: jiff::Timestamp) -> Self {
        let mut rows = Rows::default();
        for grant in &found.grants {
            let (kind, mark) = match grant.standing {
                Standing::Needed => (Kind::Muted, "needed"),
                Standing::Unknown(_) => (Kind::Muted, "not known"),
                Standing::Unneeded => (Kind::Bad, "not needed"),
                Standing::PartlyNeeded(_) => (Kind::Warning, "needed in part"),
            };
            rows.add(kind, format!("{} {}: [{}], {mark}", place(grant), grant.permission, grant.written));
            rows.add(Kind::Muted, format!("  {}", grant.sentence(now)));
            if let Standing::PartlyNeeded(narrower) = &grant.standing {
                let narrower: Vec<String> = narrower.iter().map(words::grant).collect();
                rows.add(Kind::Text, format!("  instead: {}", narrower.join(", ")));
            }
        }
        if found.grants.is_empty() {
            rows.add(Kind::Muted, "the policy file grants nothing".to_owned());
        }
        let not_run = found.not_run.iter().map(|file| file.display().to_string());
        rows.list("not started by any of these runs: what they need is not known", not_run);
        let unwritable = found.unwritable.iter().map(|(written, why)| format!("{written}: {why}"));
        rows.list("cannot be taken out", unwritable);
        rows.diff(&found.proposal);
        let (proposal, what) = (found.proposal, "what no run has needed".to_owned());
        Self {
            title: "What no run has needed".to_owned(),
            rows: rows.0,
            proposal,
            what,
            approves: false,
            asks_already: false,
        }
    }
}

fn place(grant: &GrantUse) -> String {
    match &grant.origin {
        Origin::File { line, column, .. } => format!("{FILE_NAME}:{line}:{column}"),
        other => other.to_string(),
    }
}

#[derive(Debug, Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, kind: Kind, text: String) {
        self.0.push(Row { kind, text });
    }

    fn heading(&mut self, text: &str) {
        self.add(Kind::Text, String::new());
        self.add(Kind::Heading, text.to_owned());
    }

    fn list(&mut self, title: &str, lines: impl ExactSizeIterator<Item = String>) {
        let count = lines.len();
        if count == 0 {
            return;
        }
        self.heading(title);
        for line in lines.take(MOST) {
            self.add(Kind::Text, line);
        }
        if count > MOST {
            self.add(Kind::Muted, format!("and {} more", count - MOST));
        }
    }

    fn diff(&mut self, proposal: &Proposal) {
        if proposal.is_empty() {
            self.add(Kind::Text, String::new());
            self.add(Kind::Text, format!("{FILE_NAME} stays as it is"));
            return;
        }
        self.heading(&format!("{FILE_NAME} would become"));
        for line in proposal.diff().lines().skip(2) {
            let kind = match line.as_bytes().first() {
                Some(b'+') => Kind::Added,
                Some(b'-') => Kind::Removed,
                _ => Kind::Kept,
            };
            self.add(kind, line.to_owned());
        }
    }
}
