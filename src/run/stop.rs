//! Ends runs from elsewhere, those too that have not begun. Used where one answer takes several runs: cases, learning.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sandbox::Canceller;

/// See the module. Copies end the same runs.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    stopped: bool,
    runs: Vec<(u64, Canceller)>,
    next: u64,
}

impl Stop {
    pub fn stop(&self) {
        let mut running = self.lock();
        running.stopped = true;
        running.runs.iter().for_each(|(_, run)| run.cancel());
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// One of its runs is under way.
    pub fn is_running(&self) -> bool {
        !self.lock().runs.is_empty()
    }

    /// A run has started; it is ended at once when all are to end. The answer is for [`Self::end`].
    pub(crate) fn begin(&self, run: Canceller) -> u64 {
        let mut running = self.lock();
        if running.stopped {
            run.cancel();
        }
        running.next += 1;
        let id = running.next;
        running.runs.push((id, run));
        id
    }

    pub(crate) fn end(&self, id: u64) {
        self.lock().runs.retain(|(other, _)| *other != id);
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
