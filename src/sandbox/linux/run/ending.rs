//! The end of a run: the last look, the outcome, the layers that were in force.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::super::launcher::{Identity, Request};
use super::super::{bare, limits, wire};
use super::{Ended, Run, has_ended};
use crate::sandbox::event::{Event, EventKind, Finished, Outcome, OutcomeKind, Resource, Usage};

impl Run {
    pub(super) fn finish(mut self) {
        let duration = self.shared.now();
        let mut usage = Usage { output_bytes: self.output_bytes, ..Usage::default() };
        if let Some(watch) = &mut self.watch {
            watch.last_look();
            for hit in watch.take_hits(duration) {
                self.shared.add_limit(hit);
            }
            let peak = watch.peak();
            usage.cpu_ms = peak.cpu_ms;
            usage.peak_memory_bytes = peak.memory_bytes;
            usage.peak_processes = peak.processes;
        }
        if let (Some(bare), Some(keeper)) = (&self.bare, &self.init)
            && has_ended(keeper)
        {
            // Usually the keeper's work; somebody has ended it. What still lives could lead astray whoever removes.
            if bare.end() {
                bare::remove(&bare.private);
            }
        }
        let mounts: Vec<_> = self.mounts.iter().map(AsFd::as_fd).collect();
        // Without a launcher that holds them, this process waits.
        let _ = wire::send(self.launcher.as_fd(), &Request::Bury, &mounts);
        let outcome = self.outcome(duration);
        if self.program > 0 {
            self.shared.add(EventKind::ProcessExited { pid: self.program, exit: outcome.code });
        }
        if let Some(hit) = limits::from_signal(&outcome, &self.plan.limits, &usage, duration) {
            self.shared.add_limit(hit);
        }
        self.flush();
        let finished = Finished { outcome, duration, usage };
        self.send(vec![Event { at: duration, kind: EventKind::Finished(Box::new(finished)) }]);
    }

    fn outcome(&mut self, duration: Duration) -> Outcome {
        let outcome =
            |kind, message: String| Outcome { kind, code: None, signal: None, limit: None, message };
        if let Some(failure) = self.failure.take() {
            let message = format!(
                "cannot set up the sandbox: {}: {}; `skilldeck doctor` says what this machine lacks",
                failure.step, failure.message
            );
            return outcome(OutcomeKind::Failed, message);
        }
        if let Some(message) = self.exec_failure() {
            return outcome(OutcomeKind::Failed, message);
        }
        if !self.shared.has_started() && self.ended.is_none() {
            return outcome(OutcomeKind::Failed, format!("{} did not start", self.plan.program.display()));
        }
        match (self.ended, self.status) {
            (Some(Ended::Cancelled), _) => outcome(OutcomeKind::Cancelled, "cancelled".into()),
            (Some(Ended::Limit(resource)), _) => {
                let wall = resource == Resource::Wall;
                let kind = if wall { OutcomeKind::Timeout } else { OutcomeKind::Limit };
                let message = limits::sentence(resource, &self.plan.limits, duration);
                Outcome { limit: Some(resource), ..outcome(kind, message) }
            }
            (None, Some(status)) => limits::from_status(status, &self.plan.limits),
            (None, None) => outcome(OutcomeKind::Failed, "the sandbox ended without saying how".into()),
        }
    }

    /// The program never ran: `execve` itself failed. Its process has then said so, after the listener's number.
    fn exec_failure(&mut self) -> Option<String> {
        let error = self.listener_number().ok().flatten().filter(|number| *number < 0)?;
        let program = self.plan.program.display();
        let next = if -error == libc::EACCES && self.bare.is_some() && Identity::current().privileged {
            "; without namespaces a run as root is one of user 65534, who must be able to reach it".to_owned()
        } else if -error == libc::EACCES {
            format!("; make it executable: chmod +x {program}")
        } else {
            String::new()
        };
        Some(format!("cannot start {program}: {}{next}", io::Error::from_raw_os_error(-error)))
    }
}
