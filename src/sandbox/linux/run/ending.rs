//! The end of a run: the last look, the outcome, the layers that were in force.

use std::io;
use std::os::fd::AsFd;
use std::sync::PoisonError;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::super::launcher::{Identity, Request};
use super::super::limits::{Watch, told};
use super::super::{bare, wire};
use super::{Captured, Ended, Run, has_ended};
use crate::sandbox::event::{
    Event, EventKind, Finished, NetworkAttempt, Outcome, OutcomeKind, Resource, Usage, Verdict,
};
use crate::sandbox::plan::NetEntry;

impl Run {
    pub(super) fn finish(mut self) {
        self.hear_supervisor_out();
        let duration = self.shared.now();
        if let Some(killed) = self.watch.as_mut().and_then(Watch::look_at_cgroup) {
            self.over_limit(killed, "cgroup");
        }
        // PID 1 has a clock too, and leaves without a word when that ends the run: nobody listened for longer than it waits.
        let wall = self.plan.limits.wall;
        if self.status.is_none() && self.shared.has_started() && duration >= wall {
            self.over_limit((Resource::Wall, wall.as_millis() as u64, duration.as_millis() as u64), "init");
        }
        let outcome = self.outcome(duration);
        let usage = self.usage();
        // First what ended the run: it says more than what a look at the remains shows.
        if let Some(hit) = told::from_signal(&outcome, &self.plan.limits, &usage, duration) {
            self.shared.add_limit(hit);
        }
        if let Some(watch) = &mut self.watch {
            watch.last_look();
            for hit in watch.take_hits(duration) {
                self.shared.add_limit(hit);
            }
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
        let cgroup = self.cgroup.take().map(|cgroup| cgroup.name);
        // Without a launcher that holds them, this process waits.
        let _ = wire::send(self.launcher.as_fd(), &Request::Bury { cgroup }, &mounts);
        self.hand_over_captured();
        if self.program > 0 {
            self.shared.add(EventKind::ProcessExited { pid: self.program, exit: outcome.code });
        }
        self.tell_names();
        self.flush();
        let finished = Finished { outcome, duration, usage };
        self.send(vec![Event { at: duration, kind: EventKind::Finished(Box::new(finished)) }]);
    }

    /// What was captured can be read once nothing inside writes any more: PID 1's end is told when everybody else in its
    /// namespace is gone (pid_namespaces(7)), while its descriptors are closed a little earlier.
    fn hand_over_captured(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(10);
        let (Some(captured), Some(init)) = (self.captured.take(), &self.init) else { return };
        let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(init.as_fd(), PollFlags::POLLIN)];
        let ended = loop {
            match poll(&mut fds, timeout) {
                Err(nix::Error::EINTR) => {}
                other => break other.is_ok_and(|count| count > 0),
            }
        };
        // Whoever looks for it says that it could not be read.
        if ended {
            *self.hand_over.lock().unwrap_or_else(PoisonError::into_inner) = Some(Captured(captured));
        }
    }

    /// Nothing inside can call any more, but the last calls may not have been told yet.
    fn hear_supervisor_out(&mut self) {
        /// Longer than reading a stack may take.
        const PATIENCE: Duration = Duration::from_secs(2);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.recv_timeout(PATIENCE);
        }
    }

    fn usage(&self) -> Usage {
        let peak = self.watch.as_ref().map(Watch::peak).unwrap_or_default();
        Usage {
            cpu_ms: peak.cpu_ms.max(self.cpu_ms),
            peak_memory_bytes: peak.memory_bytes,
            peak_processes: peak.processes,
            peak_descriptors: peak.descriptors,
            output_bytes: self.output_bytes,
        }
    }

    /// Names that were asked for without a connection behind them say what the program was after, too.
    fn tell_names(&self) {
        let asked = self.shared.names().take_only_asked();
        for (name, count) in asked {
            let is_about = |entry: &NetEntry| {
                entry.covers(Some(&name), None, entry.ports.first().copied().unwrap_or_default())
            };
            let mut entries = self.plan.net.iter().filter(|entry| is_about(entry));
            let denied = entries.clone().any(|entry| !entry.allow && entry.ports.is_empty());
            let allowed = !denied && entries.any(|entry| entry.allow);
            self.shared.add_network(NetworkAttempt {
                address: None,
                host: Some(name),
                port: 53,
                protocol: "dns".into(),
                verdict: if allowed { Verdict::Allowed } else { Verdict::Denied },
                count,
                at_ms: None,
            });
        }
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
                let message = told::sentence(resource, &self.plan.limits, duration);
                Outcome { limit: Some(resource), ..outcome(kind, message) }
            }
            (None, Some(status)) => {
                let mut outcome = told::from_status(status, &self.plan.limits);
                if self.left_behind {
                    outcome.message.push_str("; processes that it left behind were ended");
                }
                outcome
            }
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
