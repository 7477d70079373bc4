//! The lines of a Python program, read by py-spy out of the interpreter's own structures.

use std::collections::HashMap;

use py_spy::config::{Config, LockingStrategy};
use py_spy::{PythonSpy, StackTrace};

use super::{MOST_FRAMES, Mapping, Thread, index_at};
use crate::sandbox::event::Frame;

/// Programs whose layout is kept.
const MOST_OPEN: usize = 64;
/// A process that has only just started may have no interpreter yet.
const MOST_TRIES: u32 = 8;

/// Opening a process costs milliseconds, a reading about one.
#[derive(Default)]
pub(super) struct Readers {
    /// By image.
    open: HashMap<u64, Program>,
}

#[derive(Default)]
struct Program {
    reader: Option<PythonSpy>,
    tries: u32,
}

impl Program {
    fn open(&mut self, process: i32) -> Option<&mut PythonSpy> {
        if self.reader.is_none() && self.tries < MOST_TRIES {
            self.tries += 1;
            // The thread waits in a call: it cannot move while it is read, and must not be stopped by ptrace.
            let config = Config { blocking: LockingStrategy::NonBlocking, ..Config::default() };
            self.reader = PythonSpy::new(process, &config).ok();
        }
        self.reader.as_mut()
    }
}

impl Readers {
    pub(super) fn read(&mut self, thread: &Thread) -> Option<Vec<Frame>> {
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&thread.image) {
            self.open.clear();
        }
        if thread.image == 0 {
            // Known to nobody: it may be another program each time.
            self.open.remove(&0);
        }
        let reader = self.open.entry(thread.image).or_default().open(thread.process)?;
        // A fork has everything at the same addresses as the process that it was forked from.
        reader.pid = thread.process;
        reader.process.pid = thread.process;
        let traces = reader.get_stack_traces().ok()?;
        let own = waiting(&traces, thread)?;
        let frames = own.frames.iter().take(MOST_FRAMES).map(|frame| Frame {
            file: frame.filename.clone().into(),
            line: frame.line.max(0) as u32,
            function: frame.name.clone(),
        });
        Some(frames.collect())
    }
}

/// The Python thread that makes the call. Threads of a C library have none.
///
/// Python 3.11 and newer know their threads by the kernel's number (inside); in a child that was forked from C, those
/// are the parent's. All know the address of the C library's thread structure, which lies at the top of the thread's
/// stack, and somewhere else for the first thread.
fn waiting<'a>(traces: &'a [StackTrace], thread: &Thread) -> Option<&'a StackTrace> {
    let number = Some(thread.inside as u64);
    if let Some(own) = traces.iter().find(|trace| trace.os_thread_id == number) {
        return Some(own);
    }
    on_stack(traces, thread.sp, &thread.maps)
}

fn on_stack<'a>(traces: &'a [StackTrace], sp: u64, maps: &[Mapping]) -> Option<&'a StackTrace> {
    let stack = index_at(maps, sp)?;
    let first = maps[stack].name == "[stack]";
    let mut own = traces.iter().filter(|trace| match index_at(maps, trace.thread_id) {
        Some(place) if first => !is_thread_stack(maps, place),
        place => first || (place == Some(stack) && trace.thread_id > sp),
    });
    let found = own.next()?;
    own.next().is_none().then_some(found)
}

/// The C library puts a guard page below the stack of every thread but the first.
fn is_thread_stack(maps: &[Mapping], index: usize) -> bool {
    let below = index.checked_sub(1).map(|below| &maps[below]);
    below.is_some_and(|below| below.end == maps[index].start && !below.readable && below.inode == 0)
}
