//! One run, seen from outside: ask the launcher, pass on output and events, hold the limits, tell the end.

mod ending;
mod messages;
mod output;
mod pipes;

use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc as plain};
use std::time::{Duration, Instant};
use std::{io, thread};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{Shutdown, shutdown};
use tokio::sync::mpsc;

use super::cgroup::Cgroup;
use super::confine;
use super::judge::Judge;
use super::launcher::Request;
use super::limits::{Exceeded, Watch, told};
use super::shared::Shared;
use super::tree::Tree;
use super::wire::{self, Failure, Step};
use super::{Captured, RunHandle};
use crate::sandbox::event::{Event, EventKind, Resource, Stream};
use crate::sandbox::plan::Plan;
use pipes::{memory_file, output_pipe, standard_input};

/// Batches that may wait for the reader. Together with what one may hold ([`super::shared::MOST_BYTES`]) this bounds the
/// memory that a run takes here, however slow its reader: 64 MiB, and what allocating takes.
const CHANNEL: usize = 32;
/// Bytes taken from a pipe at once.
const CHUNK: usize = 256 * 1024;
/// How long to sleep at most while there is nothing to watch.
const REST: Duration = Duration::from_millis(100);
/// How often a sample is told.
const GAUGE: Duration = Duration::from_millis(100);

/// Send the request and start the thread that watches the run.
pub(super) fn start(plan: &Plan, launcher: BorrowedFd<'_>) -> Result<RunHandle, Failure> {
    let shared = Arc::new(Shared::new().step("eventfd")?);
    let stdin = standard_input(&plan.stdin).step("prepare stdin")?;
    let cancel =
        Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).step("eventfd")?);
    // Input has a descriptor of its own.
    let plan = Plan { stdin: Vec::new(), ..plan.clone() };
    let text = serde_json::to_vec(&plan).map_err(io::Error::from).step("write the plan")?;
    let plan_file = memory_file("plan", &text).step("memfd_create")?;
    let (stdout, stdout_inside) = output_pipe().step("make a pipe")?;
    let (stderr, stderr_inside) = output_pipe().step("make a pipe")?;
    let (control, control_inside) = wire::pair().step("make a socket pair")?;
    let (ready, ready_inside) = nix::unistd::pipe2(OFlag::O_CLOEXEC).step("make a pipe")?;
    let fds = [
        plan_file.as_fd(),
        stdin.as_fd(),
        stdout_inside.as_fd(),
        stderr_inside.as_fd(),
        control_inside.as_fd(),
        ready_inside.as_fd(),
    ];
    let request = Request::Run { memory: plan.limits.memory, tasks: confine::most_tasks(&plan.limits) };
    wire::send(launcher, &request, &fds).step("ask the launcher")?;
    let launcher = launcher.try_clone_to_owned().step("dup")?;

    let (sender, events) = mpsc::channel(CHANNEL);
    let hand_over = Arc::new(Mutex::new(None));
    let run = Run {
        plan: Arc::new(plan),
        shared,
        cancel: Arc::clone(&cancel),
        sender,
        launcher,
        control,
        ready: Some(ready),
        streams: [(Stream::Stdout, Some(stdout)), (Stream::Stderr, Some(stderr))],
        init: None,
        cgroup: None,
        supervisor: None,
        program: 0,
        mounts: Vec::new(),
        captured: None,
        hand_over: Arc::clone(&hand_over),
        names: None,
        bare: None,
        watch: None,
        ended: None,
        output_bytes: 0,
        status: None,
        left_behind: false,
        cpu_ms: 0,
        failure: None,
        last_gauge: None,
    };
    thread::Builder::new().name("run".into()).spawn(move || run.watch_over()).step("start a thread")?;
    Ok(RunHandle { events, cancel, captured: hand_over })
}

/// Why a run was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Cancelled,
    Limit(Resource),
}

/// A run on the host's own ground.
struct Bare {
    judge: Arc<Judge>,
    /// The folder behind HOME, TMPDIR and scratch.
    private: PathBuf,
}

impl Bare {
    /// End what the keeper has left, as far as it was seen while the run went on.
    fn end(&self) -> bool {
        self.judge.processes().tree().is_none_or(Tree::end)
    }
}

struct Run {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    cancel: Arc<EventFd>,
    sender: mpsc::Sender<Vec<Event>>,
    launcher: OwnedFd,
    control: OwnedFd,
    ready: Option<OwnedFd>,
    streams: [(Stream, Option<OwnedFd>); 2],
    /// Of the sandbox's PID 1: its end is the end of everything inside.
    init: Option<OwnedFd>,
    /// Holds everything inside, where there is one.
    cgroup: Option<Cgroup>,
    /// Closed when the supervisor has told all.
    supervisor: Option<plain::Receiver<()>>,
    /// Process number of the program; 0 before there is one.
    program: i32,
    /// Keep the mounts for a last look after the end.
    mounts: Vec<OwnedFd>,
    /// The file system that holds captured writes.
    captured: Option<OwnedFd>,
    /// Where it is put when nothing inside can change it any more.
    hand_over: Arc<Mutex<Option<Captured>>>,
    names: Option<UdpSocket>,
    /// Without namespaces: what they would hold together.
    bare: Option<Bare>,
    watch: Option<Watch>,
    ended: Option<Ended>,
    output_bytes: u64,
    /// Wait status of the program.
    status: Option<i32>,
    /// Whether the program left processes behind, which ended with the run.
    left_behind: bool,
    /// Time of the processes that PID 1 has seen end.
    cpu_ms: u64,
    failure: Option<Failure>,
    last_gauge: Option<Instant>,
}

impl Run {
    fn watch_over(mut self) {
        let mut buffer = vec![0; CHUNK];
        let mut control_open = true;
        // Everything inside holds the other end of `control` or of a stream; when all are closed, all have ended.
        while control_open || self.streams.iter().any(|(_, fd)| fd.is_some()) {
            let woken = self.wait(control_open);
            if woken.control {
                control_open = self.hear();
            }
            if woken.names
                && let Some(socket) = &self.names
            {
                self.shared.names().serve(socket);
            }
            if woken.cancel && self.ended.is_none() {
                self.end(Ended::Cancelled);
            }
            for index in 0..self.streams.len() {
                if woken.streams[index] {
                    self.pass_on(index, &mut buffer);
                }
            }
            self.sample();
            if woken.events {
                self.flush();
            }
            let keeper_is_gone = !control_open && self.bare.is_some() && self.status.is_none();
            if self.failure.is_some() || self.sender.is_closed() || keeper_is_gone {
                self.kill();
            }
        }
        self.finish();
    }

    /// Sleep until something happens, or a sample is due.
    fn wait(&self, control_open: bool) -> Woken {
        let mut fds = Vec::with_capacity(6);
        let mut places = Vec::with_capacity(6);
        let mut add = |fd: BorrowedFd<'_>, place: usize| {
            // SAFETY: the descriptors belong to `self`, which outlives this call.
            fds.push(PollFd::new(unsafe { BorrowedFd::borrow_raw(fd.as_raw_fd()) }, PollFlags::POLLIN));
            places.push(place);
        };
        for (index, (_, stream)) in self.streams.iter().enumerate() {
            if let Some(fd) = stream {
                add(fd.as_fd(), index);
            }
        }
        if control_open {
            add(self.control.as_fd(), 2);
        }
        if self.ended.is_none() {
            add(self.cancel.as_fd(), 3);
        }
        add(self.shared.wake.as_fd(), 4);
        if let Some(names) = &self.names {
            add(names.as_fd(), 5);
        }
        // Rounded up: to wake before a look is due would be to wake for nothing.
        let timeout = self.until_next_look().saturating_add(Duration::from_micros(999));
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::ZERO);
        let mut woken = Woken::default();
        if poll(&mut fds, timeout).is_ok() {
            for (fd, place) in fds.iter().zip(places) {
                if fd.any() == Some(true) {
                    woken.set(place);
                }
            }
        }
        woken
    }

    fn until_next_look(&self) -> Duration {
        match &self.watch {
            Some(watch) if self.shared.has_started() => watch.due_in(self.shared.now()),
            _ => REST,
        }
    }

    /// Look at what is used; end the run when that is too much.
    fn sample(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let now = self.shared.now();
        if !self.shared.has_started() || !watch.due_in(now).is_zero() {
            return;
        }
        let over = watch.sample(now);
        let usage = watch.latest();
        let gauge_due = self.last_gauge.is_none_or(|last| last.elapsed() >= GAUGE);
        for hit in watch.take_hits(now) {
            self.shared.add_limit(hit);
        }
        if gauge_due {
            self.last_gauge = Some(Instant::now());
            self.shared.add(EventKind::Usage(usage));
        }
        if let Some(exceeded) = over {
            self.over_limit(exceeded, "supervisor");
        }
    }

    fn over_limit(&mut self, exceeded: Exceeded, by: &str) {
        if self.ended.is_some() {
            return;
        }
        self.shared.add_limit(told::killed(exceeded, by, self.shared.now()));
        self.end(Ended::Limit(exceeded.0));
    }

    fn end(&mut self, why: Ended) {
        self.ended.get_or_insert(why);
        self.kill();
    }

    /// Kill PID 1, and with it the whole namespace: pid_namespaces(7). Without one the keeper is asked to.
    fn kill(&mut self) {
        if let Some(bare) = &self.bare {
            let _ = shutdown(self.control.as_raw_fd(), Shutdown::Write);
            if self.init.as_ref().is_some_and(has_ended) {
                bare.end();
            }
            return;
        }
        if let Some(init) = &self.init {
            let _ = rustix::process::pidfd_send_signal(init, rustix::process::Signal::KILL);
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
    }
}

/// A pidfd can be read once its process has ended: pidfd_open(2).
fn has_ended(pidfd: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(1)
}

#[derive(Debug, Default)]
struct Woken {
    streams: [bool; 2],
    control: bool,
    cancel: bool,
    events: bool,
    names: bool,
}

impl Woken {
    fn set(&mut self, place: usize) {
        match place {
            0 | 1 => self.streams[place] = true,
            2 => self.control = true,
            3 => self.cancel = true,
            4 => self.events = true,
            _ => self.names = true,
        }
    }
}
