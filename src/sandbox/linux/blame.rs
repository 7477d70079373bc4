//! Who asked: the source lines of a process that waits in a call, and those from which its program was started.
//!
//! Used by the supervisor. The lines themselves are read by the [`super::reader`].

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use std::{fs, io};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::launcher::Request;
use super::reader::{Question, Stack};
use super::tracee::Ids;
use super::wire;
use crate::sandbox::event::Frame;

/// Stacks are read for at most this long in a run, and a share of the time that it takes: a program that is refused a
/// thousand times a second is not slowed down for ever, and one that runs for long is still explained at its end.
const REFUSALS: Budget = Budget { most: Duration::from_secs(3), share: 10, spent: Duration::ZERO };
/// The same for the programs that are started.
const STARTS: Budget = Budget { most: Duration::from_secs(1), share: 20, spent: Duration::ZERO };
/// An answer takes about a millisecond, the first one of a process some more.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Readers that may die in one run.
const MOST_READERS: usize = 4;
/// Processes that are remembered as programs that were started.
const MOST_IMAGES: usize = 4096;
/// Forks between a process and the program that it was forked from.
const MOST_FORKS: usize = 64;
/// Lines of callers that are kept of the programs around a program.
const MOST_FRAMES: usize = 64;
const MOST_PROGRAMS: usize = 64;

#[derive(Debug)]
pub(super) struct Blame {
    launcher: OwnedFd,
    reader: Option<OwnedFd>,
    readers: usize,
    refusals: Budget,
    starts: Budget,
    begun: Instant,
    images: HashMap<i32, Image>,
    last_image: u64,
    /// Programs whose reading ended a reader.
    harmful: HashSet<u64>,
}

/// A process as it was when it started its program.
#[derive(Debug, Clone)]
struct Image {
    /// No two programs of a run have the same.
    id: u64,
    /// When the process began: its number alone may be used again.
    began: u64,
    /// The lines from which the program was started.
    origin: Lines,
}

/// Lines of a program, and behind them those of the programs that started each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// How many of the lines belong to each program.
    pub programs: Vec<usize>,
}

impl Lines {
    fn new(frames: Vec<Frame>) -> Self {
        Self { programs: vec![frames.len()], frames }
    }

    fn append(&mut self, outer: &Self) {
        if self.frames.len() + outer.frames.len() <= MOST_FRAMES && self.programs.len() < MOST_PROGRAMS {
            self.frames.extend(outer.frames.iter().cloned());
            self.programs.extend(&outer.programs);
        }
    }
}

/// What is known of the caller.
#[derive(Debug, Default)]
pub(super) struct Blamed {
    pub lines: Lines,
    pub unread: Option<String>,
    /// The process that started the program; the caller may be a fork of it.
    pub image: i32,
}

impl Blame {
    pub(super) fn new(launcher: OwnedFd) -> Self {
        Self {
            launcher,
            reader: None,
            readers: 0,
            refusals: REFUSALS,
            starts: STARTS,
            begun: Instant::now(),
            images: HashMap::new(),
            last_image: 0,
            harmful: HashSet::new(),
        }
    }

    /// The run's own program is about to start.
    pub(super) fn begin(&mut self, process: i32) {
        self.begun = Instant::now();
        self.remember(process, Lines::default());
    }

    /// The caller is about to become another program: what its own program knows of the reason is lost afterwards.
    /// Returns the process that the new program is to be counted as started by.
    pub(super) fn start(&mut self, tid: i32, ids: &Ids) -> i32 {
        let starter = self.image(ids.process);
        let parent = starter
            .map_or(ids.parent, |(process, _)| if process == ids.process { ids.parent } else { process });
        let begun = Instant::now();
        let mut origin = Lines::new(Vec::new());
        if self.starts.allows(self.begun.elapsed()) {
            origin = Lines::new(self.read(tid, ids, starter).frames);
            self.starts.spent += begun.elapsed();
        }
        self.append_origin(&mut origin, starter);
        self.remember(ids.process, origin);
        parent
    }

    /// The stack of the thread that waits.
    pub(super) fn stack(&mut self, tid: i32, ids: &Ids) -> Blamed {
        let image = self.image(ids.process);
        let mut blamed = if self.refusals.allows(self.begun.elapsed()) {
            let begun = Instant::now();
            let stack = self.read(tid, ids, image);
            self.refusals.spent += begun.elapsed();
            Blamed { lines: Lines::new(stack.frames), unread: stack.unread, image: 0 }
        } else {
            Blamed {
                unread: Some("not read: too many refusals in too short a time".into()),
                ..Blamed::default()
            }
        };
        self.append_origin(&mut blamed.lines, image);
        blamed.image = image.map_or(ids.process, |(process, _)| process);
        blamed
    }

    /// The program that a process runs: the process that started it, and the program's number.
    fn image(&self, process: i32) -> Option<(i32, u64)> {
        let mut process = process;
        for _ in 0..MOST_FORKS {
            let (parent, began) = birth(process)?;
            match self.images.get(&process) {
                Some(image) if image.began == began => return Some((process, image.id)),
                _ => process = parent,
            }
        }
        None
    }

    fn remember(&mut self, process: i32, origin: Lines) {
        let Some((_, began)) = birth(process) else { return };
        if self.images.len() >= MOST_IMAGES {
            self.images
                .retain(|process, image| birth(*process).is_some_and(|(_, began)| began == image.began));
        }
        if self.images.len() < MOST_IMAGES || self.images.contains_key(&process) {
            self.last_image += 1;
            self.images.insert(process, Image { id: self.last_image, began, origin });
        } else {
            // Better nothing than the lines of the program before.
            self.images.remove(&process);
        }
    }

    fn append_origin(&self, lines: &mut Lines, image: Option<(i32, u64)>) {
        if let Some(image) = image.and_then(|(process, _)| self.images.get(&process)) {
            lines.append(&image.origin);
        }
    }

    fn read(&mut self, tid: i32, ids: &Ids, image: Option<(i32, u64)>) -> Stack {
        let id = image.map_or(0, |(_, id)| id);
        if self.readers > MOST_READERS || self.harmful.contains(&id) {
            return Stack {
                unread: Some("not read: reading this program has failed before".into()),
                ..Stack::default()
            };
        }
        let question = Question { process: ids.process, tid, inside_thread: ids.inside_thread, image: id };
        self.ask(&question).unwrap_or_else(|error| {
            // Whoever is gone can do no harm; the next reader starts afresh.
            self.reader = None;
            self.harmful.insert(id);
            Stack { unread: Some(format!("not read: {error}")), ..Stack::default() }
        })
    }

    fn ask(&mut self, question: &Question) -> io::Result<Stack> {
        if self.reader.is_none() {
            self.reader = Some(self.start_reader()?);
        }
        let Some(reader) = &self.reader else { return Ok(Stack::default()) };
        wire::send(reader.as_fd(), question, &[])?;
        let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::ZERO);
        if poll(&mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "reading it takes too long"));
        }
        let gone = || io::Error::other("reading it ended the reader");
        let (stack, _) = wire::receive(reader.as_fd()).map_err(|_| gone())?.ok_or_else(gone)?;
        Ok(stack)
    }

    fn start_reader(&mut self) -> io::Result<OwnedFd> {
        if self.readers >= MOST_READERS {
            return Err(io::Error::other("too many readers have ended"));
        }
        self.readers += 1;
        let (ours, theirs) = wire::pair()?;
        wire::send(self.launcher.as_fd(), &Request::Reader, &[theirs.as_fd()])?;
        Ok(ours)
    }
}

/// Parent of a process, and when it began: fields 4 and 22 of proc_pid_stat(5).
fn birth(process: i32) -> Option<(i32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let began = fields.nth(17)?.parse().ok()?;
    Some((parent, began))
}

/// Time that may be spent, growing with the run.
#[derive(Debug)]
struct Budget {
    most: Duration,
    /// One part in so many of the run's time.
    share: u32,
    spent: Duration,
}

impl Budget {
    fn allows(&self, run: Duration) -> bool {
        self.spent <= self.most + run / self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_the_run() {
        let mut budget = REFUSALS;
        budget.spent = Duration::from_millis(3001);
        assert!(!budget.allows(Duration::ZERO));
        assert!(budget.allows(Duration::from_secs(1)));
    }

    #[test]
    fn births_tell_processes_apart() {
        let me = std::process::id() as i32;
        let (parent, began) = birth(me).unwrap();
        assert_eq!(parent, std::os::unix::process::parent_id() as i32);
        assert!(began > 0);
        assert_eq!(birth(-1), None);
    }
}
