//! A process of its own that reads the stacks of programs.
//!
//! What it reads is the memory of a hostile process, and a program file of that process's choice: numbers in them can
//! lead to endless loops and to allocations without bound, which end a process whatever it would rather do. So the
//! supervisor does not read itself. It asks this process, forked by the launcher, which may die without harm: the
//! denial is then told without a line.
//!
//! A line that is not the right one is worse than none. So every way of reading ([`python`], [`bash`], [`node`],
//! [`native`]) checks that what it found belongs to the thread that waits, and gives nothing where that cannot be
//! known. Nothing is stopped for it: a thread that waits in a call cannot move.

mod bash;
mod code;
mod native;
mod node;
mod program;
mod python;
mod unwind;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::{fs, io};

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use super::{sys, tracee, wire};
use crate::sandbox::event::Frame;

/// Asks for the stack of a thread that waits in a call. Answered with a [`Stack`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub process: i32,
    pub tid: i32,
    pub inside_thread: i32,
    /// Number of the program that the process runs, shared with the processes that were forked from it; 0 when nobody
    /// knows.
    pub image: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Stack {
    /// Innermost first; empty when there is nothing that could be read.
    pub frames: Vec<Frame>,
    /// Why the process could not be read.
    pub unread: Option<String>,
}

/// One question may take this long; then the kernel ends the process. See alarm(2).
const SECONDS: libc::c_uint = 2;
const MOST_MEMORY: u64 = 1024 * 1024 * 1024;
/// Deep recursion explains nothing.
const MOST_FRAMES: usize = 32;
/// Names longer than this are cut, and files with longer names left out: an answer must fit into a message.
const LONGEST_FUNCTION: usize = 256;
const LONGEST_FILE: usize = 4096;
const LONGEST_ANSWER: usize = 48 * 1024;

/// Answer questions until nobody asks any more.
pub(super) fn serve(socket: &OwnedFd) -> ! {
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
    let _ = setrlimit(Resource::RLIMIT_AS, MOST_MEMORY, MOST_MEMORY);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let mut readers = Readers::default();
    while let Ok(Some((question, _))) = wire::receive::<Question>(socket.as_fd()) {
        // SAFETY: the signal's default action ends this process, which is what is wanted.
        unsafe { libc::alarm(SECONDS) };
        let read = catch_unwind(AssertUnwindSafe(|| readers.read(&question)));
        // SAFETY: no alarm is set any more.
        unsafe { libc::alarm(0) };
        let mut stack = read.unwrap_or_default();
        stack.frames = bounded(stack.frames);
        if wire::send(socket.as_fd(), &stack, &[]).is_err() {
            break;
        }
    }
    sys::exit_now(0)
}

/// A thread that waits in a call, and cannot move while it does.
#[derive(Debug)]
struct Thread {
    process: i32,
    /// Its number inside.
    inside: i32,
    image: u64,
    /// It is the first thread of its process.
    leads: bool,
    /// Its stack pointer and program counter at the call.
    sp: u64,
    pc: u64,
    /// The memory of its process.
    maps: Rc<[Mapping]>,
}

impl Thread {
    fn new(question: &Question, maps: &mut Maps) -> io::Result<Self> {
        let Waiting { sp, pc, .. } = Waiting::new(question.process, question.tid)?;
        let &Question { process, tid, inside_thread: inside, image } = question;
        Ok(Self { process, inside, image, leads: process == tid, sp, pc, maps: maps.of(process)? })
    }

    fn program(&self) -> io::Result<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.process))
    }

    /// The thread whose functions say why a program is started: where a child has a stack of its own for it, the one
    /// that waits for the child.
    fn or_spawner(self) -> Self {
        let stack = index_at(&self.maps, self.sp).filter(|_| self.leads);
        let own = stack.filter(|stack| self.maps[*stack].name != "[stack]");
        own.and_then(|stack| self.spawner(stack)).unwrap_or(self)
    }

    /// A child that has its parent's memory, but a stack of its own (`posix_spawn`): the thread that waits in the
    /// parent until the child has started its program.
    fn spawner(&self, stack: usize) -> Option<Self> {
        let parent = tracee::ids(self.process)?.parent;
        let threads = fs::read_dir(format!("/proc/{parent}/task")).ok()?.take(MOST_THREADS).flatten();
        let mut spawners = threads.filter_map(|entry| {
            let tid = entry.file_name().to_str()?.parse().ok()?;
            let waiting = Waiting::new(parent, tid).ok()?;
            const SHARED: u64 = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
            let spawns = waiting.number == libc::SYS_clone as u64 && waiting.args[0] & SHARED == SHARED;
            let into = index_at(&self.maps, waiting.args[1].checked_sub(1)?);
            (spawns && into == Some(stack)).then_some((tid, waiting))
        });
        let (tid, Waiting { sp, pc, .. }) = spawners.next()?;
        let inside = tracee::ids(tid)?.inside_thread;
        let maps = Rc::clone(&self.maps);
        let spawner = Self { process: self.process, inside, image: self.image, leads: false, sp, pc, maps };
        spawners.next().is_none().then_some(spawner)
    }
}

const MOST_THREADS: usize = 4096;

/// The call that a thread waits in: proc_pid_syscall(5).
struct Waiting {
    number: u64,
    args: [u64; 6],
    sp: u64,
    pc: u64,
}

impl Waiting {
    fn new(process: i32, tid: i32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/task/{tid}/syscall"))?;
        let mut words = text.split_whitespace();
        let number = words.next().and_then(|word| word.parse().ok());
        let mut numbers = words.map_while(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
        let mut next = || numbers.next().ok_or(io::ErrorKind::NotFound);
        Ok(Self {
            number: number.ok_or(io::ErrorKind::NotFound)?,
            args: [next()?, next()?, next()?, next()?, next()?, next()?],
            sp: next()?,
            pc: next()?,
        })
    }
}

#[derive(Default)]
struct Readers {
    python: python::Readers,
    bash: bash::Readers,
    node: node::Readers,
    modules: unwind::Modules,
    maps: Maps,
}

impl Readers {
    fn read(&mut self, question: &Question) -> Stack {
        let program =
            Thread::new(question, &mut self.maps).and_then(|thread| Ok((thread.program()?, thread)));
        let (program, thread) = match program {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let unread = "unreadable: the process has made itself undumpable, or runs a program that it may not read";
                return Stack { frames: Vec::new(), unread: Some(unread.into()) };
            }
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let unread = "not read: the process has made its memory too many parts";
                return Stack { frames: Vec::new(), unread: Some(unread.into()) };
            }
            // It has ended meanwhile.
            Err(_) => return Stack::default(),
        };
        let thread = thread.or_spawner();
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let frames = match name.as_ref() {
            name if name.contains("python") => self.python.read(&thread),
            name if name.contains("bash") => self.bash.read(&thread),
            "node" | "nodejs" => self.node.read(&thread, &mut self.modules),
            _ => native::read(&thread, &mut self.modules),
        };
        Stack { frames: frames.unwrap_or_default(), unread: None }
    }
}

/// What fits into an answer.
fn bounded(frames: Vec<Frame>) -> Vec<Frame> {
    let mut room = LONGEST_ANSWER;
    let mut kept = Vec::new();
    for mut frame in frames.into_iter().take(MOST_FRAMES) {
        frame.function = frame.function.chars().take(LONGEST_FUNCTION).collect();
        if frame.file.as_os_str().len() > LONGEST_FILE {
            continue;
        }
        let length = serde_json::to_vec(&frame).map_or(usize::MAX, |text| text.len());
        if length > room {
            break;
        }
        room -= length;
        kept.push(frame);
    }
    kept
}

/// A part of a process's memory: proc_pid_maps(5).
#[derive(Debug, Clone, PartialEq)]
struct Mapping {
    start: u64,
    end: u64,
    readable: bool,
    executable: bool,
    offset: u64,
    inode: u64,
    name: String,
}

const MOST_MAPPINGS: usize = 65_536;
/// A process may have that many mappings of files with long names, and what was read is kept.
const LONGEST_MAPS: u64 = 16 * 1024 * 1024;

/// The mappings of the process that was asked for last. A program that is refused again and again has the same ones
/// every time, and taking their lines apart takes longer than reading them.
#[derive(Default)]
struct Maps {
    text: Vec<u8>,
    parts: Rc<[Mapping]>,
}

impl Maps {
    fn of(&mut self, process: i32) -> io::Result<Rc<[Mapping]>> {
        let mut text = Vec::new();
        File::open(format!("/proc/{process}/maps"))?.take(LONGEST_MAPS + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LONGEST_MAPS {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if text != self.text {
            let lines = String::from_utf8_lossy(&text);
            self.parts = lines.lines().take(MOST_MAPPINGS).filter_map(mapping).collect();
            self.text = text;
        }
        Ok(Rc::clone(&self.parts))
    }
}

fn mapping(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after.trim_start();
        word
    };
    let (range, flags, offset, _device, inode) = (word(), word(), word(), word(), word());
    let (start, end) = range.split_once('-')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    Some(Mapping {
        start: number(start)?,
        end: number(end)?,
        readable: flags.starts_with('r'),
        executable: flags.as_bytes().get(2) == Some(&b'x'),
        offset: number(offset)?,
        inode: inode.parse().ok()?,
        name: rest.to_owned(),
    })
}

fn index_at(maps: &[Mapping], address: u64) -> Option<usize> {
    let after = maps.partition_point(|map| map.start <= address);
    let index = after.checked_sub(1)?;
    (address < maps[index].end).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_found_by_address() {
        let maps = Maps::default().of(std::process::id() as i32).unwrap();
        let local = 0_u8;
        let stack = index_at(&maps, std::ptr::from_ref(&local) as u64).unwrap();
        assert!(maps[stack].readable && !maps[stack].executable);
        let code = index_at(&maps, mapping as *const () as u64).unwrap();
        assert!(maps[code].executable && maps[code].inode != 0 && maps[code].name.starts_with('/'));
        assert_eq!(index_at(&maps, 1), None);
        let line = "7f00-7f10 r--p 00001000 08:01 42                         /a b/c (deleted)";
        let parsed = mapping(line).unwrap();
        assert_eq!((parsed.offset, parsed.inode, parsed.name.as_str()), (0x1000, 42, "/a b/c (deleted)"));
    }

    #[test]
    fn answers_fit_into_a_message() {
        let frame =
            |file: usize| Frame { file: "\u{1}".repeat(file).into(), line: 1, function: "é".repeat(1000) };
        let kept = bounded(vec![frame(5000), frame(10), frame(4000), frame(20)]);
        assert_eq!(kept.len(), 3);
        assert!(kept.iter().all(|frame| frame.function.chars().count() == LONGEST_FUNCTION));
        assert_eq!(bounded(vec![frame(1); 1000]).len(), MOST_FRAMES);
    }
}
