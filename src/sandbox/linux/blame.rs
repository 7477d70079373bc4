//! The source lines of a process that waits in a call: for Python, read from the interpreter's own frames.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};

use py_spy::PythonSpy;
use py_spy::config::{Config, LockingStrategy};

use super::tracee::{self, Ids};
use crate::sandbox::event::Frame;

/// Readers of the Python processes of one run. Opening one costs milliseconds, a reading about one.
#[derive(Default)]
pub(super) struct Blame {
    readers: HashMap<i32, PythonSpy>,
    /// Processes in which no interpreter was found; forgotten when they start another program.
    unreadable: std::collections::HashSet<i32>,
}

impl std::fmt::Debug for Blame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blame").field("readers", &self.readers.len()).finish_non_exhaustive()
    }
}

/// Deep recursion explains nothing.
const MOST_FRAMES: usize = 32;

impl Blame {
    /// The stack of the thread that waits, innermost first; empty when it cannot be read.
    pub(super) fn stack(&mut self, ids: &Ids) -> Vec<Frame> {
        let process = ids.process;
        if self.unreadable.contains(&process) {
            return Vec::new();
        }
        // The reader walks memory of a hostile process; whatever it meets there must not end the run.
        let read = catch_unwind(AssertUnwindSafe(|| self.read(ids)));
        if let Ok(Some(frames)) = read {
            return frames;
        }
        self.readers.remove(&process);
        self.unreadable.insert(process);
        Vec::new()
    }

    /// The process has started another program: what was known of it is void.
    pub(super) fn forget(&mut self, process: i32) {
        self.readers.remove(&process);
        self.unreadable.remove(&process);
    }

    fn read(&mut self, ids: &Ids) -> Option<Vec<Frame>> {
        let process = ids.process;
        if let Entry::Vacant(reader) = self.readers.entry(process) {
            if !tracee::program_file(process).contains("python") {
                return None;
            }
            // The thread waits in a call: it cannot move while it is read, and must not be stopped by ptrace.
            let config = Config { blocking: LockingStrategy::NonBlocking, ..Config::default() };
            reader.insert(PythonSpy::new(process, &config).ok()?);
        }
        let traces = self.readers.get_mut(&process)?.get_stack_traces().ok()?;
        // Python knows its threads by the numbers inside.
        let thread = Some(ids.inside_thread as u64);
        let waiting = traces.iter().find(|trace| trace.os_thread_id == thread).or(match &traces[..] {
            [only] => Some(only),
            _ => None,
        })?;
        let frames = waiting.frames.iter().take(MOST_FRAMES).map(|frame| Frame {
            file: frame.filename.clone().into(),
            line: frame.line.max(0) as u32,
            function: frame.name.clone(),
        });
        Some(frames.collect())
    }
}
