//! One run, seen from outside: ask the launcher, pass on output and events, hold the limits, tell the end.

mod ending;

use std::io::{Seek, SeekFrom, Write};
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc as plain};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use nix::fcntl::{FcntlArg, OFlag};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{Shutdown, shutdown};
use tokio::sync::mpsc;

use super::cgroup::Cgroup;
use super::confine;
use super::held::{Form, Held};
use super::init::{LISTENER_BUSY, NO_LISTENER};
use super::judge::Judge;
use super::launcher::{Identity, Request};
use super::limits::{Exceeded, Watch, told};
use super::network::Network;
use super::notify::Listener;
use super::place::Root;
use super::relay::Relay;
use super::shared::Shared;
use super::supervisor::Supervisor;
use super::tree::Tree;
use super::waiting::Waiting;
use super::wire::{self, Failure, Message, Step};
use super::{Captured, RunHandle, bare, tracee};
use crate::sandbox::event::{Event, EventKind, Resource, Stream};
use crate::sandbox::plan::Plan;

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

fn memory_file(name: &str, content: &[u8]) -> io::Result<OwnedFd> {
    // Landlock has no say about it, so it must never be a program: memfd_create(2). Kernels before 6.3 say EINVAL.
    let memory =
        memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL));
    let mut file = fs::File::from(memory.or_else(|_| memfd_create(name, MFdFlags::MFD_CLOEXEC))?);
    file.write_all(content)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.into())
}

fn standard_input(content: &[u8]) -> io::Result<OwnedFd> {
    if content.is_empty() { Ok(fs::File::open("/dev/null")?.into()) } else { memory_file("stdin", content) }
}

/// A pipe for output, as wide as an ordinary user may have it. Our end does not block.
fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    const WIDTH: i32 = 1024 * 1024;
    let (ours, inside) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    // Too many wide pipes of one user are refused: then it stays as it is.
    let _ = nix::fcntl::fcntl(&ours, FcntlArg::F_SETPIPE_SZ(WIDTH));
    nix::fcntl::fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, inside))
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

    /// Take messages from the launcher or PID 1. Returns whether more may come.
    fn hear(&mut self) -> bool {
        match wire::receive::<Message>(self.control.as_fd()) {
            Ok(Some((message, fds))) => {
                if let Err(failure) = self.understand(message, fds) {
                    self.failure.get_or_insert(failure);
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.failure.get_or_insert(Failure::new("hear from the sandbox", &error));
                false
            }
        }
    }

    fn understand(&mut self, message: Message, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        let surprise = || Failure {
            step: "hear from the sandbox".into(),
            errno: 0,
            message: "a message without its descriptors".into(),
        };
        match message {
            Message::Created { cgroup } => {
                let mut fds = fds.into_iter();
                self.init = Some(fds.next().ok_or_else(surprise)?);
                self.cgroup = cgroup.zip(fds.next()).map(|(name, folder)| Cgroup::new(name, folder));
                if self.ended.is_some() {
                    self.kill();
                }
            }
            Message::Ready { held, private, relays } => {
                let mut fds = fds.into_iter();
                let (Some(program), Some(root)) = (fds.next(), fds.next()) else { return Err(surprise()) };
                let (mut relay, mut waiting) = (Relay::new(std::iter::empty()), Waiting::new(None));
                if held.form != Form::Bare {
                    let (Some(names), Some(asker)) = (fds.next(), fds.next()) else { return Err(surprise()) };
                    let names = UdpSocket::from(names);
                    names.set_nonblocking(true).step("prepare the name server")?;
                    self.names = Some(names);
                    if !self.plan.captures().is_empty() {
                        self.captured = Some(fds.next().ok_or_else(surprise)?);
                    }
                    relay = Relay::new(fds.by_ref().take(relays));
                    waiting = Waiting::new(Some(asker));
                    self.mounts.extend(fds.next());
                    self.mounts.push(root.try_clone().step("dup")?);
                }
                let network = Network { relay, waiting };
                self.supervise(&program, root, network, held, private)?;
            }
            Message::TooLittle(held) => {
                let message = format!("--require full: {}", held.isolation().missing.join("; "));
                self.failure.get_or_insert(Failure { step: "check the layers".into(), errno: 0, message });
            }
            Message::Failed(failure) => {
                self.failure.get_or_insert(failure);
            }
            Message::Exited { status, cpu_ms, left_behind } => {
                self.status = Some(status);
                self.left_behind = left_behind;
                self.cpu_ms = cpu_ms;
            }
        }
        Ok(())
    }

    /// The program's process is there: take over its listener and answer its calls.
    fn supervise(
        &mut self,
        program: &OwnedFd,
        root: OwnedFd,
        network: Network,
        mut held: Held,
        private: Option<PathBuf>,
    ) -> Result<(), Failure> {
        let first = self.init.as_ref().and_then(tracee::pidfd_number).unwrap_or(0);
        let identity = Identity::current();
        let root = Root::new(root, identity);
        let mut judge = Judge::new(root, &self.plan, identity, held.landlock_abi);
        if !held.proc {
            // Nothing inside shows the processes: they are looked for as the host numbers them.
            judge.look_from_outside(Tree::below(first)).step("open /")?;
        }
        let mut folder = None;
        if let Some(private) = private {
            let plan = bare::adapted(&self.plan, &private);
            let rules = bare::rules(&plan, &private).step("list what may be used")?;
            let program = tracee::pidfd_number(program).unwrap_or(0);
            judge.stand_on_the_host(rules, program);
            folder = Some(private);
        }
        let judge = Arc::new(judge);
        self.bare = folder.map(|private| Bare { judge: Arc::clone(&judge), private });
        let private = self.bare.as_ref().map(|bare| bare.private.clone());
        let cgroup = self.cgroup.as_ref().map(Cgroup::try_clone).transpose().step("dup")?;
        held.cgroup = cgroup.is_some();
        let captured = self.captured.as_ref().map(OwnedFd::try_clone).transpose().step("dup")?;
        let (shared, limits) = (Arc::clone(&self.shared), self.plan.limits);
        self.watch = Some(Watch::new(Arc::clone(&judge), shared, limits, captured, cgroup, private));
        let Some(number) = self.listener_number()? else { return Ok(()) };
        held.busy = number == LISTENER_BUSY;
        let isolation = held.isolation();
        if matches!(number, NO_LISTENER | LISTENER_BUSY) {
            let startup = self.shared.mark_started();
            self.shared.add(EventKind::Started { isolation, startup });
            return Ok(());
        }
        self.program = tracee::pidfd_number(program).unwrap_or(0);
        let flags = rustix::process::PidfdGetfdFlags::empty();
        let listener = rustix::process::pidfd_getfd(program.as_fd(), number, flags).step("pidfd_getfd")?;
        let supervisor = Supervisor::new(
            Listener::new(listener),
            judge,
            Arc::clone(&self.plan),
            Arc::clone(&self.shared),
            isolation,
            self.launcher.try_clone().step("dup")?,
            network,
        );
        self.supervisor = Some(supervisor.start().step("start a thread")?);
        Ok(())
    }

    /// What the program's process wrote just before it became the program; `None` when it failed before.
    fn listener_number(&mut self) -> Result<Option<i32>, Failure> {
        let Some(ready) = &self.ready else { return Ok(None) };
        let mut number = [0; 4];
        match nix::unistd::read(ready, &mut number).step("hear from the program")? {
            4 => Ok(Some(i32::from_ne_bytes(number))),
            _ => Ok(None),
        }
    }

    /// Pass on what a stream holds.
    fn pass_on(&mut self, index: usize, buffer: &mut [u8]) {
        let (stream, Some(fd)) = &self.streams[index] else { return };
        let stream = *stream;
        match nix::unistd::read(fd, buffer) {
            Ok(0) => self.streams[index].1 = None,
            Ok(count) => self.take_output(stream, &buffer[..count]),
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => {}
            Err(_) => self.streams[index].1 = None,
        }
    }

    fn take_output(&mut self, stream: Stream, bytes: &[u8]) {
        let limit = self.plan.limits.output;
        let room = limit.saturating_sub(self.output_bytes) as usize;
        self.output_bytes += bytes.len() as u64;
        if room > 0 {
            let bytes = bytes[..bytes.len().min(room)].to_vec();
            let event = Event { at: self.shared.now(), kind: EventKind::Output { stream, bytes } };
            self.send(vec![event]);
        }
        if self.output_bytes > limit {
            self.over_limit((Resource::Output, limit, self.output_bytes), "supervisor");
        }
    }

    /// Hand a batch to the reader. A slow reader makes the program's output wait, but never a limit or a cancel.
    fn send(&mut self, mut batch: Vec<Event>) {
        const PATIENCE: Duration = Duration::from_millis(2);
        loop {
            match self.sender.try_send(batch) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
                Err(mpsc::error::TrySendError::Full(back)) => batch = back,
            }
            thread::sleep(PATIENCE);
            if self.ended.is_none() && self.cancel.read().is_ok() {
                self.end(Ended::Cancelled);
            }
            self.sample();
        }
    }

    fn flush(&mut self) {
        let batch = self.shared.take();
        if !batch.is_empty() {
            self.send(batch);
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
