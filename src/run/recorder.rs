//! Turns the events of a run into its report, live. Adds what the sandbox cannot know: rule and remedy.

use super::prepare::Prepared;
use super::report::Report;
use crate::sandbox::event::Event;

#[derive(Debug, Clone)]
pub struct Recorder {
    report: Report,
}

impl Recorder {
    /// An empty report of a run that is about to start. `keep_output`: how many bytes of each stream
    /// the report keeps (the rest sets `stdout_truncated` / `stderr_truncated`).
    pub fn new(_prepared: &Prepared, _keep_output: usize) -> Option<Self> {
        None
    }

    /// Take one event in. Returns whether the report (not counting output) changed.
    pub fn apply(&mut self, _event: &Event) -> bool {
        false
    }

    pub fn report(&self) -> &Report {
        &self.report
    }
}
