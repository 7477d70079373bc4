//! The launcher: a small single-threaded process, forked at the very start of `main`, that makes every sandbox.
//!
//! A multi-threaded program must not fork and then allocate; this one may, because it never has a second thread.
//! It holds no environment and no arguments of the caller (they are wiped), so its children hold none either.
//! When the supervisor goes away, the launcher and every sandbox it made are killed by the kernel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::cgroup::{Cgroup, Delegation};
use super::held::{self, Form};
use super::sys::{self, Cloned};
use super::wire::{self, Failure, Message, Step};
use super::{bare, confine, init, reader, view};
use crate::sandbox::plan::Plan;

/// Who the program is inside. The numbers are the same inside and outside the user namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub uid: u32,
    pub gid: u32,
    /// The supervisor runs as the host's root: sources are opened by the launcher and owners are mapped.
    pub privileged: bool,
}

/// Host root must never be root inside: `nobody` is the id that owns nothing.
pub(crate) const NOBODY: u32 = 65534;

impl Identity {
    pub(super) fn current() -> Self {
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        if uid == 0 {
            Self { uid: NOBODY, gid: NOBODY, privileged: true }
        } else {
            Self { uid, gid, privileged: false }
        }
    }
}

/// What the supervisor asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// One sandbox. Descriptors: plan (memfd), then those of [`Channels`]. The bounds are for its cgroup, where it has one:
    /// bytes of memory, and tasks.
    Run { memory: u64, tasks: u64 },
    /// A [`reader`] at the other end of this descriptor.
    Reader,
    /// Hold these descriptors, of a run that has ended, a little longer than the supervisor does. Whoever closes the last
    /// one waits until the kernel has taken the mounts apart, which takes longer than starting most programs. The run's
    /// cgroup is removed then.
    Bury { cgroup: Option<String> },
}

/// Descriptors of one run, as the launcher hands them to the sandbox's PID 1.
#[derive(Debug)]
pub(super) struct Channels {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// Messages to the supervisor.
    pub control: OwnedFd,
    /// The program's process writes the listener's number here; closed by its `execve`.
    pub ready: OwnedFd,
}

impl Channels {
    fn fds(&self) -> [BorrowedFd<'_>; 5] {
        [&self.stdin, &self.stdout, &self.stderr, &self.control, &self.ready].map(AsFd::as_fd)
    }

    /// In the order of [`Channels::fds`].
    pub(super) fn from_fds(fds: &mut impl Iterator<Item = OwnedFd>) -> Option<Self> {
        Some(Self {
            stdin: fds.next()?,
            stdout: fds.next()?,
            stderr: fds.next()?,
            control: fds.next()?,
            ready: fds.next()?,
        })
    }
}

const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u64;

/// How sandboxes are made here: the strongest way that has not failed yet.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub form: Form,
    /// Why no stronger form can be had; empty for the strongest.
    pub reason: String,
}

impl Way {
    fn strongest() -> Self {
        Self { form: Form::Namespaces, reason: String::new() }
    }

    /// What is left after that failure; `None` when it is none of the machine's making, so that another attempt may well
    /// succeed, or when there is nothing weaker.
    fn weaker(&self, failure: &Failure, identity: Identity) -> Option<Self> {
        const FORBIDDEN: [i32; 6] =
            [libc::EPERM, libc::EACCES, libc::ENOSPC, libc::EUSERS, libc::EINVAL, libc::ENOSYS];
        if !FORBIDDEN.contains(&failure.errno) {
            return None;
        }
        let form = match self.form {
            Form::Namespaces if identity.privileged => Form::Rooted,
            Form::Namespaces | Form::Rooted => Form::Bare,
            Form::Bare => return None,
        };
        let mut reason = self.reason.clone();
        if reason.is_empty() {
            reason = failure.in_words();
        }
        Some(Self { form, reason })
    }

    fn namespaces(&self) -> u64 {
        match self.form {
            Form::Namespaces => NAMESPACES,
            Form::Rooted => NAMESPACES & !(libc::CLONE_NEWUSER as u64),
            Form::Bare => 0,
        }
    }
}

/// More than enough for a supervisor to end.
const LONGER: std::time::Duration = std::time::Duration::from_millis(100);

/// Body of the launcher process: serve requests until the supervisor is gone.
///
/// The first sandbox is begun before anybody asks for it, while the supervisor still reads skills and policies.
pub(super) fn serve(socket: &OwnedFd) -> ! {
    prepare_process();
    let identity = Identity::current();
    let mut idmaps = Idmaps::default();
    let mut groups = Delegation::here();
    let mut way = Way::strongest();
    let mut begun = Some(begin(&mut way, identity, &mut groups));
    if let Some(groups) = &groups {
        remove_groups_at_the_end(groups);
    }
    if identity.privileged && way.form == Form::Namespaces {
        // The owner of most things; a failure comes up again when it matters.
        let _ = idmaps.for_owner((0, 0), identity);
    }
    while let Ok(Some((request, fds))) = wire::receive::<Request>(socket.as_fd()) {
        let mut fds = fds.into_iter();
        let bounds = match request {
            Request::Run { memory, tasks } => (memory, tasks),
            Request::Bury { cgroup } => {
                // A process of its own waits: the next run must not.
                if let Ok(0) = sys::fork() {
                    std::thread::sleep(LONGER);
                    if let (Some(groups), Some(name)) = (&groups, &cgroup) {
                        groups.remove_soon(name);
                    }
                    sys::exit_now(0);
                }
                continue;
            }
            Request::Reader => {
                if let (Some(theirs), Ok(0)) = (fds.next(), sys::fork()) {
                    reader::serve(&theirs);
                }
                continue;
            }
        };
        let (Some(plan), Some(channels)) = (fds.next(), Channels::from_fds(&mut fds)) else { continue };
        let done = loop {
            let sandbox = begun.take().unwrap_or_else(|| begin(&mut way, identity, &mut groups));
            let answer = sandbox.and_then(|sandbox| {
                sandbox.bound(bounds).order(&plan, &channels, &way, identity, &mut idmaps)
            });
            match answer {
                Ok(Answer::Unable(failure)) => match way.weaker(&failure, identity) {
                    Some(weaker) => way = weaker,
                    None => break Err(failure),
                },
                Ok(Answer::Taken) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        if let Err(failure) = done {
            // A supervisor that is gone does not need to hear it.
            let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
        }
    }
    sys::exit_now(0)
}

/// Have a process wait for the end of this one, however it comes about, and remove the groups of its runs then.
fn remove_groups_at_the_end(groups: &Delegation) {
    let Ok(launcher) = init::open_process(std::process::id() as i32) else { return };
    if !matches!(sys::fork(), Ok(0)) {
        return;
    }
    // Nobody must take this process for a launcher that can still be asked: its socket has to be closed with the launcher's.
    // Input is the place for the only descriptor that is needed.
    let _ = nix::unistd::dup2_stdin(&launcher);
    sys::close_from(3);
    let input = std::io::stdin();
    let mut end = [nix::poll::PollFd::new(input.as_fd(), nix::poll::PollFlags::POLLIN)];
    while let Err(nix::Error::EINTR) = nix::poll::poll(&mut end, nix::poll::PollTimeout::NONE) {}
    groups.remove_all();
    sys::exit_now(0)
}

/// Begin a sandbox in the strongest way that this machine lets us.
fn begin(way: &mut Way, identity: Identity, groups: &mut Option<Delegation>) -> Result<Sandbox, Failure> {
    loop {
        match Sandbox::begin(way, identity, groups) {
            Err(failure) => match way.weaker(&failure, identity) {
                Some(weaker) => *way = weaker,
                None => return Err(failure),
            },
            begun => return begun,
        }
    }
}

fn prepare_process() {
    // Die with the supervisor; take no signal meant for its terminal; reap children by themselves.
    let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
    // What a keeper leaves behind that was ended by somebody is still found: see [`super::tree`].
    let _ = sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
    let _ = nix::unistd::setsid();
    // SAFETY: ignoring SIGCHLD installs no handler.
    let _ = unsafe {
        nix::sys::signal::signal(nix::sys::signal::Signal::SIGCHLD, nix::sys::signal::SigHandler::SigIgn)
    };
    if Identity::current().privileged {
        let _ = nix::unistd::setgroups(&[]);
    }
    sys::wipe_arguments_and_environment();
    if let Ok(null) = fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
    }
}

/// The plan in a memfd; leaves it as it is, for the next reader.
pub(super) fn read_plan(memfd: &OwnedFd) -> Result<Plan, Failure> {
    let file = fs::File::from(memfd.try_clone().step("read the plan")?);
    let length = file.metadata().step("read the plan")?.len();
    let mut text = vec![0; length as usize];
    file.read_exact_at(&mut text, 0).step("read the plan")?;
    serde_json::from_slice(&text).map_err(|error| Failure::new("read the plan", &error.into()))
}

/// What a sandbox's first process says to its order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// From here on it speaks to the supervisor itself.
    Taken,
    /// What does not depend on the plan has failed already: this machine does not allow it.
    Unable(Failure),
}

/// A sandbox whose first process waits for its order.
#[derive(Debug)]
struct Sandbox {
    pidfd: OwnedFd,
    orders: OwnedFd,
    cgroup: Option<Cgroup>,
}

impl Sandbox {
    /// Make the namespaces. The first process goes on in [`init::run`], or [`bare::run`] without any.
    fn begin(way: &Way, identity: Identity, groups: &mut Option<Delegation>) -> Result<Self, Failure> {
        if way.form == Form::Bare && confine::landlock_abi() == 0 {
            let message = held::nothing_holds(&way.reason);
            return Err(Failure { step: "hold the files".into(), errno: 0, message });
        }
        if way.form != Form::Namespaces && identity.privileged && !is_mapped(identity.uid) {
            let message = held::NO_SUCH_USER.into();
            return Err(Failure { step: "become user 65534".into(), errno: 0, message });
        }
        let (orders, theirs) = wire::pair().step("make a socket pair")?;
        let (wait, go) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).step("make a pipe")?;
        // The child cannot see by a number whether this process is still there: it has its own numbers.
        let launcher = init::open_process(std::process::id() as i32).step("pidfd_open")?;
        let mut cgroup = match way.form {
            Form::Bare => None,
            Form::Namespaces | Form::Rooted => groups.as_mut().and_then(|groups| groups.make().ok()),
        };
        let mut cloned = sys::clone_into(way.namespaces(), cgroup.as_ref().map(Cgroup::as_fd));
        if let (Err(_), Some(refused)) = (&cloned, cgroup.take_if(|_| cloned.is_err())) {
            // Not ours to use after all, or a kernel before 5.7: the supervisor holds the limits, and the report says so.
            if let Some(groups) = groups.take() {
                groups.remove(&refused.name);
            }
            cloned = sys::clone_into(way.namespaces(), None);
        }
        match cloned.step("create the namespaces (clone3)")? {
            Cloned::Child => {
                drop((go, orders));
                // It has no identity of its own until its ids are mapped.
                if fs::File::from(wait).read_exact(&mut [0]).is_err() {
                    sys::exit_now(1);
                }
                match way.form {
                    Form::Bare => bare::run(way, identity, &theirs, &launcher),
                    Form::Namespaces | Form::Rooted => init::run(way, identity, &theirs, &launcher),
                }
            }
            Cloned::Parent { pid, pidfd } => {
                if way.form == Form::Namespaces {
                    map_ids(pid, identity)?;
                }
                fs::File::from(go).write_all(&[1]).step("let the sandbox begin")?;
                Ok(Self { pidfd, orders, cgroup })
            }
        }
    }

    /// Set the bounds of its cgroup. One that does not take them is not told as one that holds them.
    fn bound(mut self, (memory, tasks): (u64, u64)) -> Self {
        self.cgroup = self.cgroup.filter(|cgroup| cgroup.bound(memory, tasks).is_ok());
        self
    }

    fn order(
        self,
        plan: &OwnedFd,
        channels: &Channels,
        way: &Way,
        identity: Identity,
        idmaps: &mut Idmaps,
    ) -> Result<Answer, Failure> {
        // As root the sources are opened here, with root's rights on the way to them. Inside, the program is
        // another user and could not walk through a private home directory.
        let (sources, trees) = if identity.privileged && way.form != Form::Bare {
            let root = fs::File::open("/").step("open /")?;
            if let Err(failure) = view::try_copies(root.as_fd()) {
                return Ok(Answer::Unable(failure));
            }
            let owners = (way.form == Form::Namespaces).then_some((identity, idmaps));
            let (packed, trees) = view::pack(view::open_sources(&read_plan(plan)?, root.as_fd(), owners)?);
            (Some(packed), trees)
        } else {
            (None, Vec::new())
        };
        let created = Message::Created { cgroup: self.cgroup.as_ref().map(|cgroup| cgroup.name.clone()) };
        let fds = std::iter::once(self.pidfd.as_fd()).chain(self.cgroup.as_ref().map(Cgroup::as_fd));
        wire::send(channels.control.as_fd(), &created, &fds.collect::<Vec<_>>())
            .step("report the sandbox")?;
        let fds = std::iter::once(plan.as_fd()).chain(channels.fds()).chain(trees.iter().map(AsFd::as_fd));
        let fds: Vec<BorrowedFd<'_>> = fds.collect();
        // In a user namespace tasks are counted apart.
        let processes = if way.form == Form::Namespaces { 0 } else { bare::tasks_of(identity.uid) };
        let order = init::Order { sources, processes };
        wire::send(self.orders.as_fd(), &order, &fds).step("hand over the order")?;
        let ended = || io::Error::other("the sandbox's first process has ended");
        let (answer, _) = wire::receive(self.orders.as_fd())
            .step("hear of the order")?
            .ok_or_else(ended)
            .step("hear of the order")?;
        Ok(answer)
    }
}

/// Whether there is such a user in this namespace: user_namespaces(7).
pub(super) fn is_mapped(uid: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().unwrap_or(0));
        let (first, _, count) = (numbers.next().unwrap_or(0), numbers.next(), numbers.next().unwrap_or(0));
        (first..first + count).contains(&uid.into())
    })
}

/// user_namespaces(7): one user and one group, themselves; no way to change groups.
fn map_ids(pid: i32, identity: Identity) -> Result<(), Failure> {
    let write = |file: &str, text: String| {
        fs::write(format!("/proc/{pid}/{file}"), text).step(format!("write {file}"))
    };
    write("setgroups", "deny".into())?;
    write("uid_map", format!("{0} {0} 1", identity.uid))?;
    write("gid_map", format!("{0} {0} 1", identity.gid))
}

/// User namespaces that show the files of one owner as the program's own, for idmapped mounts.
///
/// Only for a supervisor that is root. Without them a folder written for root could not be read, nor a granted
/// one be written; with them what the program creates there belongs to the folder's owner.
#[derive(Debug, Default)]
pub(super) struct Idmaps {
    by_owner: HashMap<(u32, u32), OwnedFd>,
}

impl Idmaps {
    pub(super) fn for_owner(&mut self, owner: (u32, u32), identity: Identity) -> io::Result<BorrowedFd<'_>> {
        let namespace = match self.by_owner.entry(owner) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(user_namespace(&swap(owner.0, identity.uid), &swap(owner.1, identity.gid))?)
            }
        };
        let namespace: &OwnedFd = namespace;
        Ok(namespace.as_fd())
    }
}

/// An id map that exchanges two ids and leaves all others.
fn swap(one: u32, other: u32) -> String {
    let (low, high) = (one.min(other), one.max(other));
    if low == high {
        return format!("0 0 {}", u32::MAX);
    }
    let ranges = [
        (0, 0, low),
        (low, high, 1),
        (low + 1, low + 1, high - low - 1),
        (high, low, 1),
        (high + 1, high + 1, u32::MAX - high - 1),
    ];
    let lines = ranges.iter().filter(|(_, _, count)| *count > 0);
    let lines: Vec<String> =
        lines.map(|(inside, outside, count)| format!("{inside} {outside} {count}")).collect();
    lines.join("\n")
}

/// A user namespace kept alive by its descriptor only.
fn user_namespace(uid_map: &str, gid_map: &str) -> io::Result<OwnedFd> {
    let launcher = nix::unistd::getpid();
    match sys::clone_into(libc::CLONE_NEWUSER as u64, None)? {
        Cloned::Child => {
            // Nobody would end it if the launcher were killed now.
            let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
            while nix::unistd::getppid() == launcher {
                nix::unistd::pause();
            }
            sys::exit_now(0)
        }
        Cloned::Parent { pid, pidfd } => {
            let opened = (|| {
                fs::write(format!("/proc/{pid}/uid_map"), uid_map)?;
                fs::write(format!("/proc/{pid}/gid_map"), gid_map)?;
                Ok(OwnedFd::from(fs::File::open(format!("/proc/{pid}/ns/user"))?))
            })();
            rustix::process::pidfd_send_signal(&pidfd, rustix::process::Signal::KILL)?;
            opened
        }
    }
}
