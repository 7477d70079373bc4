//! The source lines of a process that waits in a call, asked of the [`super::reader`].

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use std::{collections::HashSet, io};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::launcher::Request;
use super::reader::Question;
use super::tracee::Ids;
use super::wire;
use crate::sandbox::event::Frame;

/// Stacks are read for at most this long in a run: a program that is refused a thousand times a second is not slowed
/// down for ever.
const BUDGET: Duration = Duration::from_secs(3);
/// An answer takes about a millisecond, the first one of a process some more.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Readers that may die in one run.
const MOST_READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Blame {
    launcher: OwnedFd,
    reader: Option<OwnedFd>,
    readers: usize,
    spent: Duration,
    /// Processes whose reading ended a reader.
    harmful: HashSet<i32>,
}

impl Blame {
    pub(super) fn new(launcher: OwnedFd) -> Self {
        Self { launcher, reader: None, readers: 0, spent: Duration::ZERO, harmful: HashSet::new() }
    }

    /// The stack of the thread that waits, innermost first; empty when it cannot be read.
    pub(super) fn stack(&mut self, ids: &Ids) -> Vec<Frame> {
        if self.spent > BUDGET || self.readers > MOST_READERS || self.harmful.contains(&ids.process) {
            return Vec::new();
        }
        let begun = Instant::now();
        let frames = self.ask(ids).unwrap_or_else(|_| {
            self.reader = None;
            self.harmful.insert(ids.process);
            Vec::new()
        });
        self.spent += begun.elapsed();
        frames
    }

    /// The process has started another program: what was known of it is void.
    pub(super) fn forget(&mut self, process: i32) {
        if let Some(reader) = &self.reader {
            let _ = wire::send(reader.as_fd(), &Question::Forget { process }, &[]);
        }
    }

    fn ask(&mut self, ids: &Ids) -> io::Result<Vec<Frame>> {
        if self.reader.is_none() {
            self.reader = Some(self.start_reader()?);
        }
        let Some(reader) = &self.reader else { return Ok(Vec::new()) };
        let question = Question::Stack { process: ids.process, inside_thread: ids.inside_thread };
        wire::send(reader.as_fd(), &question, &[])?;
        let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::ZERO);
        if poll(&mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (frames, _) = wire::receive(reader.as_fd())?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(frames)
    }

    fn start_reader(&mut self) -> io::Result<OwnedFd> {
        self.readers += 1;
        if self.readers > MOST_READERS {
            return Err(io::Error::other("too many readers have died"));
        }
        let (ours, theirs) = wire::pair()?;
        wire::send(self.launcher.as_fd(), &Request::Reader, &[theirs.as_fd()])?;
        Ok(ours)
    }
}
