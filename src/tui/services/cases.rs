//! Runs cases, one after the other, on a thread of its own.

use std::sync::{Arc, mpsc};

use super::Mailbox;
use super::loader::spawn;
use crate::cases::{self, Stop, Trust};
use crate::sandbox::Launcher;
use crate::tui::action::{Action, CaseNews};
use crate::tui::effect::RunCases;

/// The worker. Its thread starts with the first batch.
#[derive(Debug)]
pub(super) struct CaseRunner {
    launcher: Arc<Launcher>,
    queue: Option<mpsc::Sender<(RunCases, Stop)>>,
    /// Ends all that is queued now.
    stop: Stop,
}

impl CaseRunner {
    pub(super) fn new(launcher: Arc<Launcher>) -> Self {
        Self { launcher, queue: None, stop: Stop::default() }
    }

    pub(super) fn run(&mut self, batch: RunCases, mailbox: &Mailbox) {
        let queue = self.queue.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel::<(RunCases, Stop)>();
            let (launcher, mailbox) = (Arc::clone(&self.launcher), mailbox.clone());
            spawn("cases", move || {
                while let Ok((batch, stop)) = receiver.recv() {
                    if !run_batch(&batch, &stop, &launcher, &mailbox) {
                        return;
                    }
                }
            });
            sender
        });
        let _ = queue.send((batch, self.stop.clone()));
    }

    /// End the case that runs and drop those that wait.
    pub(super) fn cancel(&mut self) {
        std::mem::take(&mut self.stop).stop();
    }

    /// The same for good. The answer says whether one still runs.
    pub(super) fn end(&self) -> impl Fn() -> bool + use<> {
        let stop = self.stop.clone();
        stop.stop();
        move || stop.is_running()
    }
}

fn run_batch(batch: &RunCases, stop: &Stop, launcher: &Launcher, mailbox: &Mailbox) -> bool {
    let trust = if batch.trust { Trust::Whole } else { Trust::Stage };
    batch.cases.iter().all(|case| {
        let outcome = cases::run(case, &batch.skill, launcher, trust, stop);
        let news = CaseNews::Ended { skill: batch.skill.path.clone(), name: case.name.clone(), outcome };
        mailbox.send(Action::Cases(news))
    })
}
