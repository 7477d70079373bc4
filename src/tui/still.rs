//! What a machine measures of a run, replaced by round figures: so that the same keys give the same picture on every
//! machine and every day. Used for pictures of the documentation; what a run did and what was refused is left as it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, HistoryNews, RunNews};
use crate::run::report::Report;
use crate::sandbox::event::Usage;

const STARTED: &str = "2026-01-01T12:00:00Z";
const STARTED_LOCAL: &str = "2026-01-01 12:00:00";
const STARTUP_MS: f64 = 20.0;
const LASTED: Duration = Duration::from_millis(120);
/// When everything happened that a run tells of.
const HAPPENED: Duration = Duration::from_millis(60);
const CPU_MS: u64 = 80;
const MEMORY: u64 = 12 * 1024 * 1024;
const DESCRIPTORS: u64 = 8;
/// The number of the first process; the others count on.
const FIRST_PID: i32 = 100;
/// Length of a record in the journal.
const RECORD: u64 = 4096;

#[derive(Debug, Default)]
pub(super) struct Still {
    /// Process numbers that have been seen, and what stands for them.
    pids: HashMap<i32, i32>,
}

impl Still {
    /// The action with round figures; `None` when it tells nothing but measurements.
    pub(super) fn hold(&mut self, action: Action) -> Option<Action> {
        match action {
            Action::Run(id, news) => Some(Action::Run(id, self.news(news)?)),
            Action::History(HistoryNews::Listed { mut rows, left_out, now }) => {
                for row in &mut rows {
                    let row = Arc::make_mut(row);
                    (row.started, row.local, row.bytes) = (now, STARTED_LOCAL.to_owned(), RECORD);
                    row.duration = row.duration.map(|_| LASTED);
                }
                Some(Action::History(HistoryNews::Listed { rows, left_out, now }))
            }
            other => Some(other),
        }
    }

    fn news(&mut self, news: RunNews) -> Option<RunNews> {
        match news {
            RunNews::Starting(_) | RunNews::Usage(..) => None,
            RunNews::Output(_, output) => Some(RunNews::Output(HAPPENED, output)),
            RunNews::Report(mut report) => {
                self.report(Arc::make_mut(&mut report));
                Some(RunNews::Report(report))
            }
            other => Some(other),
        }
    }

    fn report(&mut self, report: &mut Report) {
        let happened = HAPPENED.as_millis() as u64;
        STARTED.clone_into(&mut report.started_at);
        (report.startup_ms, report.duration_ms) = (STARTUP_MS, LASTED.as_secs_f64() * 1000.0);
        report.usage = Usage {
            cpu_ms: CPU_MS,
            peak_memory_bytes: MEMORY,
            peak_processes: report.processes.len().max(1) as u64,
            peak_descriptors: DESCRIPTORS,
            output_bytes: report.usage.output_bytes,
        };
        for process in &mut report.processes {
            (process.pid, process.parent) = (self.pid(process.pid), self.pid(process.parent));
            process.program = without_version(&process.program);
            process.at_ms = process.at_ms.map(|_| happened);
            process.ended_ms = process.ended_ms.map(|_| happened);
        }
        for denial in &mut report.denials {
            (denial.at_ms, denial.pid) = (happened, self.pid(denial.pid));
            denial.program = without_version(Path::new(&denial.program)).display().to_string();
        }
        for file in &mut report.files {
            file.at_ms = file.at_ms.map(|_| happened);
        }
        for attempt in &mut report.network {
            attempt.at_ms = attempt.at_ms.map(|_| happened);
        }
        for hit in &mut report.limits {
            hit.at_ms = happened;
        }
    }

    fn pid(&mut self, pid: i32) -> i32 {
        let next = FIRST_PID + self.pids.len() as i32;
        *self.pids.entry(pid).or_insert(next)
    }
}

/// `python3` for `python3.11`: which one a machine has says nothing about the skill.
fn without_version(program: &Path) -> PathBuf {
    let Some(name) = program.file_name().and_then(|name| name.to_str()) else { return program.to_owned() };
    match name.split_once('.') {
        Some((name, minor)) if minor.bytes().all(|byte| byte.is_ascii_digit()) => {
            program.with_file_name(name)
        }
        _ => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_are_left_out() {
        let table = [
            ("python3.11", "python3"),
            ("/usr/bin/python3.11", "/usr/bin/python3"),
            ("/usr/bin/bash", "/usr/bin/bash"),
            ("tool.py", "tool.py"),
        ];
        for (program, expected) in table {
            assert_eq!(without_version(Path::new(program)), Path::new(expected));
        }
    }
}
