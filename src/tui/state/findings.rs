//! The lists below a run as plain text: how long each is, and what a row says. Search, copying and the cursor go by it.

use super::{Finding, RunView, State, timeline};
use crate::run::report::{Change, ChangeKind, Report};
use crate::tui::labels;

/// What is said about all changes of a run, before the changes themselves.
pub fn change_notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(writes) = &report.writes {
        let why = writes.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        notes.push(format!(
            "captured ({}): {} kept, {} discarded{why}",
            writes.mode, writes.kept, writes.dropped
        ));
        let conflicts = writes.conflicts.iter();
        notes.extend(conflicts.map(|one| format!("not kept: {}: {}", one.path.display(), one.reason)));
    }
    if report.changes_truncated {
        notes.push("there is too much to compare all of it: changes may be missing".to_owned());
    }
    notes
}

/// `added`, `modified` …
pub fn kind(change: &Change) -> &'static str {
    match change.kind {
        ChangeKind::Added => "added",
        ChangeKind::Modified => "modified",
        ChangeKind::Deleted => "deleted",
        ChangeKind::TypeChanged => "type changed",
        ChangeKind::ModeChanged => "rights changed",
    }
}

/// What became of a change: on the host, kept there, or discarded.
pub fn fate(change: &Change) -> &'static str {
    match change.kept {
        Some(true) => "kept",
        Some(false) => "discarded",
        None => "",
    }
}

impl RunView {
    /// Rows of a list.
    pub fn rows(&self, finding: Finding) -> usize {
        let Some(report) = self.report.as_deref() else { return 0 };
        match finding {
            Finding::Denials => report.denials.len(),
            Finding::Files => report.files.len(),
            Finding::Network => report.network.len(),
            Finding::Limits => report.limits.len(),
            Finding::Processes => report.processes.len(),
            Finding::Changes => change_notes(report).len() + report.changes.len(),
            Finding::Timeline => self.trace.timeline.entries().len(),
            Finding::Usage => 0,
        }
    }
}

impl State {
    /// The change under the cursor of the findings.
    pub fn change(&self) -> Option<&Change> {
        let report = self.shown_run()?.report.as_deref()?;
        report.changes.get(self.run_tab.findings.cursor.checked_sub(change_notes(report).len())?)
    }

    /// What a row of the list in front says.
    pub fn finding_text(&self, row: usize) -> Option<String> {
        let run = self.shown_run()?;
        let report = run.report.as_deref()?;
        let short = |path: &std::path::Path| self.place.short(path);
        let lower = |word: &dyn std::fmt::Debug| format!("{word:?}").to_lowercase();
        let times = |count: u64| {
            if count > 1 { format!(", {} times", labels::grouped(count)) } else { String::new() }
        };
        Some(match self.run_tab.finding {
            Finding::Denials => {
                let denial = report.denials.get(row)?;
                let place = self.blamed(denial).map(|frame| frame.place(&short(&frame.file)));
                let remedy =
                    denial.remedy.as_ref().map(|remedy| format!("{} {}", remedy.permission, remedy.add));
                let more: Vec<String> = [place, remedy].into_iter().flatten().collect();
                let (operation, target) = (lower(&denial.operation), short(denial.target.as_ref()));
                format!("{operation} {target} {} {} {}", denial.errno, lower(&denial.layer), more.join(" "))
            }
            Finding::Files => {
                let file = report.files.get(row)?;
                let (operation, verdict) = (lower(&file.operation), lower(&file.verdict));
                format!("{operation} {} {verdict}{}", short(&file.path), times(file.count))
            }
            Finding::Network => {
                let one = report.network.get(row)?;
                let host = one.host.as_deref().or(one.address.as_deref()).unwrap_or("?");
                let address = one.address.as_deref().filter(|_| one.host.is_some()).unwrap_or_default();
                let (verdict, count) = (lower(&one.verdict), times(one.count));
                format!("{} {host}:{} {address} {verdict}{count}", one.protocol, one.port)
            }
            Finding::Limits => {
                let hit = report.limits.get(row)?;
                let (resource, at) = (lower(&hit.resource), hit.at_ms);
                format!(
                    "{resource} {} of {}: {} by {} after {at} ms",
                    hit.observed, hit.limit, hit.effect, hit.enforced_by
                )
            }
            Finding::Processes => {
                let process = report.processes.get(row)?;
                let words = process.argv.iter().map(String::as_str);
                // A word with a zero byte cannot be quoted, nor was it ever passed.
                shlex::try_join(words).unwrap_or_else(|_| process.argv.join(" "))
            }
            Finding::Changes => {
                let notes = change_notes(report);
                if let Some(note) = notes.get(row) {
                    return Some(note.clone());
                }
                let change = report.changes.get(row - notes.len())?;
                format!("{} {} {} bytes {}", kind(change), short(&change.path), change.bytes, fate(change))
            }
            Finding::Timeline => {
                let entry = run.trace.timeline.entries().get(row)?;
                format!("{} ms  {}", entry.at_ms, timeline::text(report, entry, &self.place))
            }
            Finding::Usage => return None,
        })
    }
}
