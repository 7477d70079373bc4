//! A double of the journal: a few runs of the past, always the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::doubles::Log;
use super::reports::report;
use crate::journal::{Comparison, Pair};
use crate::run::log::OutputLog;
use crate::sandbox::event::UsageSample;
use crate::sandbox::plan::Limits;
use crate::tui::action::{Action, HistoryNews};
use crate::tui::effect::HistoryAsk;
use crate::tui::services::{Archive, Mailbox};
use crate::tui::state::history::{OldRun, PastRun};
use crate::tui::state::runs::{RunVerdict, RunView, Stage};
use crate::tui::state::trace::Trace;
use crate::tui::state::{Level, RunId, RunInput};

/// When the runs are looked at: 2026-11-30 14:06:00 UTC.
pub(crate) const NOW: i64 = 1_796_047_560;
/// The run that is made while a test looks on.
pub(crate) const NEWEST: &str = "20261130-140559-000";

pub(super) struct Shelf {
    pub log: Arc<Mutex<Log>>,
    pub rows: Vec<Arc<PastRun>>,
}

impl Archive for Shelf {
    fn perform(&mut self, ask: HistoryAsk, mailbox: &Mailbox) {
        self.log.lock().unwrap().asked.push(ask.clone());
        let news = match ask {
            HistoryAsk::List => self.listed(),
            HistoryAsk::Open(id) => {
                let row = self.rows.iter().find(|row| row.id == id);
                let result = row.map(|row| Box::new(old(row))).ok_or_else(|| format!("{id} is gone"));
                HistoryNews::Opened { id, result }
            }
            HistoryAsk::Compare { before, after } => {
                HistoryNews::Compared { before, after, result: Ok(Box::new(comparison())) }
            }
            HistoryAsk::Export { id, form, folder, .. } => {
                let text = format!("exported to {}/{id}.{form:?}", folder.display());
                mailbox.try_send(Action::Notice(Level::Info, text));
                return;
            }
            HistoryAsk::Remove { id, name } => {
                self.rows.retain(|row| row.id != id);
                mailbox.try_send(Action::Notice(Level::Info, format!("removed {name}")));
                self.listed()
            }
            _ => return,
        };
        mailbox.try_send(Action::History(news));
    }
}

impl Shelf {
    fn listed(&self) -> HistoryNews {
        HistoryNews::Listed { rows: self.rows.clone(), left_out: 0, now: NOW }
    }
}

fn row(id: &str, age: i64, skill: &str, verdict: RunVerdict, outcome: &str) -> PastRun {
    PastRun {
        id: id.into(),
        skill: skill.into(),
        path: format!("/home/ada/project/.skills/{skill}").into(),
        entry: "scripts/report.py".into(),
        arguments: "--city Bern".into(),
        started: NOW - age,
        local: format!(
            "{}-{}-{} {}:{}:{}",
            &id[..4],
            &id[4..6],
            &id[6..8],
            &id[9..11],
            &id[11..13],
            &id[13..15]
        ),
        verdict: Some(verdict),
        outcome: outcome.into(),
        denials: 0,
        duration: Some(Duration::from_millis(142)),
        bytes: 12_600,
        problem: None,
    }
}

/// The runs of the double, the newest first.
pub(crate) fn rows() -> Vec<Arc<PastRun>> {
    let denied = PastRun {
        denials: 3,
        ..row("20261130-140256-071", 184, "weather", RunVerdict::Denied, "exited with status 1")
    };
    let notes = PastRun {
        entry: "scripts/sync.sh".into(),
        arguments: String::new(),
        ..row("20261130-120000-000", 7560, "notes", RunVerdict::Cancelled, "cancelled")
    };
    let limit = PastRun {
        arguments: "--city 'New York' --days 365 --format json".into(),
        duration: Some(Duration::from_millis(30_012)),
        ..row("20261129-101500-001", 100_260, "weather", RunVerdict::Limit, "ended by the wall limit of 30s")
    };
    let interrupted = PastRun {
        duration: None,
        ..row(
            "20261120-090000-500",
            882_360,
            "weather",
            RunVerdict::Interrupted,
            "interrupted: the program that started it went away",
        )
    };
    let broken = PastRun {
        id: "20261101-000000-000".into(),
        started: NOW - 2_556_360,
        local: "2026-11-01 00:00:00".into(),
        bytes: 7,
        problem: Some("it is not the record of a run".into()),
        ..PastRun::default()
    };
    let passed = row("20261130-130000-120", 3960, "weather", RunVerdict::Passed, "exited with status 0");
    [denied, passed, notes, limit, interrupted, broken].map(Arc::new).into()
}

/// As the journal gives it.
pub(crate) fn old(row: &Arc<PastRun>) -> OldRun {
    let report = report(&row.path);
    let (mut stdout, mut stderr) = (OutputLog::default(), OutputLog::default());
    stdout.push(b"\x1b[32mok\x1b[0m reading the old cities\n");
    stderr.push(b"warning: an old cache\n");
    let interrupted = row.verdict == Some(RunVerdict::Interrupted);
    let whole = RunView {
        id: RunId(0),
        entry: row.entry.clone(),
        input: RunInput { shown: row.arguments.clone(), ..RunInput::default() },
        approved: false,
        cause: None,
        record: Some(row.id.clone()),
        stage: if interrupted { Stage::Interrupted } else { Stage::Ended },
        cancelling: false,
        limits: Limits::default(),
        report: (!interrupted).then(|| Arc::new(report)),
        stdout,
        stderr,
        usage: UsageSample { cpu_ms: 31, memory_bytes: 12 << 20, processes: 1, descriptors: 5 },
        elapsed: Duration::from_millis(142),
        trace: Trace::default(),
    };
    let unread = if interrupted { 9 } else { 0 };
    OldRun {
        row: Arc::clone(row),
        whole,
        replay: None,
        length: Duration::from_millis(142),
        left_out: 0,
        unread,
    }
}

pub(crate) fn comparison() -> Comparison {
    let stdout =
        "--- a\n+++ b\n@@ -1,3 +1,3 @@\n reading the cities\n-Bern 12 degrees\n+Bern 14 degrees\n done\n";
    Comparison {
        outcome: Pair { before: "exited with status 0".into(), after: "exited with status 1".into() },
        duration_ms: Pair { before: 98.0, after: 142.5 },
        cpu_ms: Pair { before: 31, after: 31 },
        peak_memory_bytes: Pair { before: 12 << 20, after: 14 << 20 },
        peak_processes: Pair { before: 1, after: 1 },
        denials_gained: vec!["read /home/ada/cities.json EACCES".into()],
        denials_lost: vec!["connect api.weather.example:443 ENETUNREACH".into()],
        stdout: Some(stdout.into()),
        stderr: None,
    }
}
