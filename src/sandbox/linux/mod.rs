//! The Linux engine.
use super::event::Event;
use super::plan::Plan;

/// Small single-threaded process, forked at the very start of `main`, that makes every sandbox.
#[derive(Debug)]
pub struct Launcher {}

/// The sandbox could not be set up: which step, which errno, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {message}")]
pub struct StartError {
    /// The step that failed (`mount /proc`).
    pub step: String,
    pub message: String,
}

/// A program under way.
#[derive(Debug)]
pub struct RunHandle {
    /// Batches in order; ends after [`super::event::EventKind::Finished`]. Bounded: when it is full the
    /// skill's output waits in its pipe; file events are dropped and counted.
    pub events: tokio::sync::mpsc::Receiver<Vec<Event>>,
}

impl RunHandle {
    /// End the whole process tree at once. Safe to call twice, and after the end.
    pub fn cancel(&self) {}
}

impl Launcher {
    /// Fork the launcher process. Call before any thread exists.
    pub fn start() -> Self {
        Self {}
    }

    /// Start `plan`. Returns as soon as the request is on its way; a set-up failure arrives as the
    /// `Finished` event with [`super::event::OutcomeKind::Failed`].
    pub fn run(&self, _plan: &Plan) -> Result<RunHandle, StartError> {
        Err(StartError { step: "start".into(), message: "not built yet".into() })
    }
}
