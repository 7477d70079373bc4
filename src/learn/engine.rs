//! The real engine of learning: plan, sandbox, recorder, as for any run; but what is written is captured and thrown away,
//! and nothing goes into the journal.

use std::path::PathBuf;
use std::time::Duration;

use super::rounds::{self, Bounds, Engine, Learned, Progress, Refusal, Setting};
use crate::policy::{FILE_NAME, Places, Policy};
use crate::run::report::Report;
use crate::run::{self, Recorder, RunRequest, Stop, capture, prepare};
use crate::sandbox::Launcher;
use crate::sandbox::event::OutcomeKind;
use crate::sandbox::plan::Observe;

/// Bytes of each stream that a round keeps: for saying how it went.
const KEEP_OUTPUT: usize = 64 * 1024;
/// How the sandbox says that what is written cannot be kept apart: it has no mount namespace, or no overlayfs in one.
const CANNOT_CAPTURE: &str = "cannot set up the sandbox: capture ";

/// What is to be learned, and how.
#[derive(Debug, Clone)]
pub struct Lessons {
    /// The run as it would be made otherwise.
    pub request: RunRequest,
    /// The policy file that the proposal is for; the skill's own, unless another one is in force.
    pub file: PathBuf,
    pub allow: Allow,
    pub bounds: Bounds,
}

/// What may happen to the world outside while learning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allow {
    /// Requests go out, to hosts that are granted or asked for.
    pub net: bool,
    /// What is written changes the host, where it cannot be captured.
    pub host_writes: bool,
}

impl Lessons {
    /// For the skill's own policy file.
    pub fn of(request: RunRequest) -> Self {
        let file = request.skill.path.join(FILE_NAME);
        Self { request, file, allow: Allow::default(), bounds: Bounds::default() }
    }
}

/// Learn what a run needs. Ends early when `stop` says so. The notes say what is not as in an ordinary run.
pub fn learn(
    lessons: &Lessons,
    launcher: &Launcher,
    stop: &Stop,
    tell: &mut dyn FnMut(Progress<'_>),
) -> (Learned, Vec<String>) {
    let request = RunRequest { observe: Observe::Full, ..lessons.request.clone() };
    let places = Places::new(&request.workspace);
    let skill = request.skill.path.clone();
    let mut notes = Vec::new();
    if !lessons.allow.net && !request.policy.net.is_empty() {
        notes.push("the network grants in force were held back too: --net lets requests go out".to_owned());
    }
    let setting = Setting {
        ordinary: request.policy.clone(),
        file: &lessons.file,
        skill: &skill,
        places: &places,
        holds_net: !lessons.allow.net,
        variable: |name| std::env::var(name).ok(),
        bounds: lessons.bounds,
        stop,
    };
    let (host_writes, direct) = (lessons.allow.host_writes, false);
    let mut engine = Sandboxed { request, launcher, stop, host_writes, direct };
    let learned = rounds::learn(&setting, &mut engine, tell);
    if learned.held_writes {
        notes.push(
            "writes cannot be captured on this machine, so none were let through; --host-writes lets them change the host"
                .to_owned(),
        );
    } else if engine.direct {
        notes.push(
            "writes cannot be captured on this machine: they changed the host, as --host-writes has it"
                .into(),
        );
    }
    (learned, notes)
}

#[derive(Debug)]
struct Sandboxed<'a> {
    request: RunRequest,
    launcher: &'a Launcher,
    stop: &'a Stop,
    host_writes: bool,
    /// Nothing can be captured, and the user lets the host be changed.
    direct: bool,
}

impl Sandboxed<'_> {
    fn with(&self, policy: Policy) -> RunRequest {
        RunRequest { policy, ..self.request.clone() }
    }

    fn once(&self, policy: Policy) -> Result<Report, String> {
        let writes = !policy.write.is_empty();
        let mut prepared = prepare(self.with(policy)).map_err(|error| error.to_string())?;
        let arranged = match (writes, self.direct) {
            (false, _) => Ok(()),
            (true, true) => run::materialise_write_grants(&prepared),
            (true, false) => capture::arrange(&mut prepared).map(drop),
        };
        arranged.map_err(|error| error.to_string())?;
        let mut recorder = Recorder::new(&prepared, KEEP_OUTPUT);
        let started = self.launcher.run(&prepared.plan);
        let mut handle = started.map_err(|error| format!("the sandbox cannot start: {error}"))?;
        let id = self.stop.begin(handle.canceller());
        while let Some(batch) = handle.events.blocking_recv() {
            for event in &batch {
                recorder.apply(event);
            }
        }
        self.stop.end(id);
        recorder.close();
        // What was captured goes with the handle.
        Ok(recorder.into_report())
    }
}

impl Engine for Sandboxed<'_> {
    fn check(&mut self, policy: &Policy) -> Result<(), String> {
        let mut prepared = prepare(self.with(policy.clone())).map_err(|error| error.to_string())?;
        if !policy.write.is_empty() && !self.direct {
            capture::arrange(&mut prepared).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn run(&mut self, mut policy: Policy, time: Duration) -> Result<Report, Refusal> {
        policy.limits.wall = policy.limits.wall.min(time.max(Duration::from_millis(1)));
        let mut report = self.once(policy.clone()).map_err(Refusal::Other)?;
        if cannot_capture(&report) {
            if !self.host_writes {
                return Err(Refusal::NoCapture);
            }
            self.direct = true;
            report = self.once(policy).map_err(Refusal::Other)?;
        }
        Ok(report)
    }
}

fn cannot_capture(report: &Report) -> bool {
    report.outcome.as_ref().is_some_and(|outcome| {
        outcome.kind == OutcomeKind::Failed && outcome.message.starts_with(CANNOT_CAPTURE)
    })
}
