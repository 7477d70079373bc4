//! The end of a run: the last look, the outcome, the layers that were in force.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::super::launcher::Request;
use super::super::{limits, wire};
use super::{Ended, Run};
use crate::sandbox::event::{
    Event, EventKind, Finished, Isolation, Layers, Level, NetworkAttempt, Outcome, OutcomeKind, Resource,
    Usage, Verdict,
};
use crate::sandbox::plan::NetEntry;

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
        self.tell_names();
        self.flush();
        let finished = Finished { outcome, duration, usage };
        self.send(vec![Event { at: duration, kind: EventKind::Finished(Box::new(finished)) }]);
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
        let next = if -error == libc::EACCES {
            format!("; make it executable: chmod +x {program}")
        } else {
            String::new()
        };
        Some(format!("cannot start {program}: {}{next}", io::Error::from_raw_os_error(-error)))
    }
}

/// What a run was held by, with a sentence for each layer that is missing.
pub(super) fn isolation(landlock_abi: u32, proc: bool) -> Isolation {
    let mut missing = Vec::new();
    if landlock_abi == 0 {
        missing.push("Landlock: the kernel lacks it or it is switched off; boot with lsm=landlock,…".into());
    }
    if !proc {
        missing.push("/proc: this machine hides parts of its own, so the sandbox may not have one; memory is then limited for each \
             process and not for all together, and processes only by the kernel's wider bound"
                .into());
    }
    Isolation {
        level: if missing.is_empty() { Level::Full } else { Level::Reduced },
        layers: Layers {
            user: true,
            mount: true,
            pid: true,
            net: true,
            ipc: true,
            uts: true,
            cgroup: true,
            landlock_abi,
            seccomp: true,
            memory: "supervisor".into(),
        },
        missing,
    }
}
