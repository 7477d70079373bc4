//! `skilldeck run --writes review` and `keep`: what becomes of captured changes.

use std::io::{BufRead, IsTerminal, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::run::capture::{Captured, Capturing, Selection, Writes};
use crate::run::report::{CapturedWrites, Report};
use crate::sandbox;
use crate::sandbox::event::OutcomeKind;

/// Whether a question is on the screen: a signal then means no, and ends this program.
pub(super) static ASKING: AtomicBool = AtomicBool::new(false);

const TOO_MANY: &str = "there are too many, too deep or too well hidden to be listed; grant a narrower folder, or use --writes direct";

/// Look at what was captured and put it into the report. `None` when there is nothing that could be kept.
pub(super) fn collect(
    capturing: Capturing,
    layers: Option<&sandbox::Captured>,
    mode: Writes,
    report: &mut Report,
) -> Option<Captured> {
    if report.outcome.as_ref().is_none_or(|outcome| outcome.kind == OutcomeKind::Failed) {
        return None;
    }
    match capturing.collect(layers) {
        Ok(captured) => {
            captured.tell(report, mode);
            Some(captured)
        }
        Err(error) => {
            let reason = Some(format!("the changes cannot be read: {error}; run it again"));
            let mode = mode.name().to_owned();
            report.writes = Some(CapturedWrites { mode, reason, ..CapturedWrites::default() });
            None
        }
    }
}

/// Keep everything, if the script ended well.
pub(super) fn keep(captured: &Captured, report: &mut Report) {
    if captured.is_truncated() {
        say(report, TOO_MANY);
    } else if report.outcome.as_ref().is_some_and(|outcome| outcome.code == Some(0)) {
        captured.keep(Selection::All).tell(report);
    } else if !captured.changes().is_empty() {
        say(report, "the script did not exit with 0");
    }
}

/// Ask what becomes of the changes, which have just been shown; without a terminal they are dropped.
#[expect(clippy::print_stderr, reason = "a question at the command line")]
pub(super) fn review(captured: &Captured, report: &mut Report, interactive: bool) {
    let count = captured.changes().len();
    let cancelled = report.outcome.as_ref().is_some_and(|outcome| outcome.kind == OutcomeKind::Cancelled);
    if captured.is_truncated() {
        return say(report, TOO_MANY);
    }
    if count == 0 || cancelled {
        return;
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !(interactive && terminal) {
        return say(report, "nobody was asked; --writes keep keeps them");
    }
    ASKING.store(true, Ordering::Relaxed);
    eprint!(
        "keep {}? [y/N] ",
        if count == 1 { "this change".into() } else { format!("these {count} changes") }
    );
    let mut answer = String::new();
    let _ = std::io::stdin().lock().take(1024).read_line(&mut answer);
    ASKING.store(false, Ordering::Relaxed);
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        captured.keep(Selection::All).tell(report);
    }
}

fn say(report: &mut Report, reason: &str) {
    if let Some(writes) = &mut report.writes {
        writes.reason = Some(reason.to_owned());
    }
}

/// Whether something that was to be kept was not, though the script did what it should.
pub(super) fn is_incomplete(report: &Report) -> bool {
    report.writes.as_ref().is_some_and(|writes| {
        !writes.conflicts.is_empty() || (writes.mode == Writes::Keep.name() && writes.reason.is_some())
    })
}
