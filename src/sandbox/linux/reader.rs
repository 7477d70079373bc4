//! A process of its own that reads the stacks of Python programs.
//!
//! What it reads is the memory of a hostile process, and a program file of that process's choice: numbers in them can
//! lead to endless loops and to allocations without bound, which end a process whatever it would rather do. So the
//! supervisor does not read itself. It asks this process, forked by the launcher, which may die without harm: the
//! denial is then told without a line.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::resource::{Resource, setrlimit};
use py_spy::PythonSpy;
use py_spy::config::{Config, LockingStrategy};
use serde::{Deserialize, Serialize};

use super::{sys, tracee, wire};
use crate::sandbox::event::Frame;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// The stack of the thread with this number inside. Answered with a list of frames, innermost first; empty when
    /// it cannot be read.
    Stack { process: i32, inside_thread: i32 },
    /// The process has started another program. Not answered.
    Forget { process: i32 },
}

/// One question may take this long; then the kernel ends the process. See alarm(2).
const SECONDS: libc::c_uint = 2;
const MOST_MEMORY: u64 = 1024 * 1024 * 1024;
/// Deep recursion explains nothing.
const MOST_FRAMES: usize = 32;
/// Names longer than this are cut: an answer must fit into a message.
const LONGEST_NAME: usize = 512;

/// Answer questions until nobody asks any more.
pub(super) fn serve(socket: &OwnedFd) -> ! {
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
    let _ = setrlimit(Resource::RLIMIT_AS, MOST_MEMORY, MOST_MEMORY);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let mut readers = Readers::default();
    while let Ok(Some((question, _))) = wire::receive::<Question>(socket.as_fd()) {
        match question {
            Question::Forget { process } => drop(readers.open.remove(&process)),
            Question::Stack { process, inside_thread } => {
                // SAFETY: the signal's default action ends this process, which is what is wanted.
                unsafe { libc::alarm(SECONDS) };
                let read = catch_unwind(AssertUnwindSafe(|| readers.read(process, inside_thread)));
                // SAFETY: no alarm is set any more.
                unsafe { libc::alarm(0) };
                let frames = read.ok().flatten().unwrap_or_default();
                if wire::send(socket.as_fd(), &frames, &[]).is_err() {
                    break;
                }
            }
        }
    }
    sys::exit_now(0)
}

/// Opening a process costs milliseconds, a reading about one.
#[derive(Default)]
struct Readers {
    /// `None`: there is no interpreter that could be read.
    open: HashMap<i32, Option<PythonSpy>>,
}

impl Readers {
    fn read(&mut self, process: i32, inside_thread: i32) -> Option<Vec<Frame>> {
        let reader = match self.open.entry(process) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(open(process)),
        };
        let traces = reader.as_mut()?.get_stack_traces().ok()?;
        // Python knows its threads by the numbers inside.
        let thread = Some(inside_thread as u64);
        let waiting = traces.iter().find(|trace| trace.os_thread_id == thread).or(match &traces[..] {
            [only] => Some(only),
            _ => None,
        })?;
        let frames = waiting.frames.iter().take(MOST_FRAMES).map(|frame| Frame {
            file: cut(&frame.filename).into(),
            line: frame.line.max(0) as u32,
            function: cut(&frame.name),
        });
        Some(frames.collect())
    }
}

fn open(process: i32) -> Option<PythonSpy> {
    if !tracee::program_file(process).contains("python") {
        return None;
    }
    // The thread waits in a call: it cannot move while it is read, and must not be stopped by ptrace.
    let config = Config { blocking: LockingStrategy::NonBlocking, ..Config::default() };
    PythonSpy::new(process, &config).ok()
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}
