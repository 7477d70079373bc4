//! The sandbox's first process: builds the view, starts the program as its child, reaps, reports, ends.
//!
//! PID 1 of a namespace ignores signals without a handler, so the program must be PID 2. When PID 1 ends, the
//! kernel kills everything left in the namespace: no orphan outlives a run. It is made undumpable, so that
//! nothing inside can look at it (ptrace(2), proc(5)).

use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::wait::{WaitStatus, wait};
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::launcher::{Channels, Identity, read_plan};
use super::view::{self, Packed};
use super::wire::{self, Failure, Message, Step};
use super::{capture, confine, loaders, names, relay, routes, sys, waiting};
use crate::sandbox::plan::{Observe, Plan};

/// Written to the ready pipe when the run goes without a supervisor.
pub(super) const NO_LISTENER: i32 = 0;

/// What the launcher sends when there is something to run. Descriptors: the plan (memfd), those of [`Channels`], then the
/// trees.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Opened by a launcher that is root; else opened here.
    pub sources: Option<Vec<Packed>>,
}

/// Prepare everything that does not depend on the plan, wait for the order, carry it out, leave.
pub(super) fn run(identity: Identity, orders: &OwnedFd, launcher: &OwnedFd) -> ! {
    let ground = prepare(identity);
    // No order comes any more: the launcher is gone.
    let Ok(Some((order, fds))) = wire::receive::<Order>(orders.as_fd()) else { sys::exit_now(0) };
    if has_ended(launcher) {
        // Before this process had asked to end with it; the order was already on its way.
        sys::exit_now(0);
    }
    let mut fds = fds.into_iter();
    let (Some(plan), Some(channels)) = (fds.next(), Channels::from_fds(&mut fds)) else { sys::exit_now(1) };
    let started = ground.and_then(|ground| {
        let plan = read_plan(&plan)?;
        let program = set_up(&plan, order, fds, &channels, &ground)?;
        end_by_the_clock(plan.limits.wall);
        Ok(program)
    });
    let code = match started {
        Ok(program) => {
            // The supervisor learns from their end that the program has closed them.
            let Channels { stdin, stdout, stderr, control, ready } = channels;
            drop((stdin, stdout, stderr, ready));
            reap(program, &control)
        }
        Err(failure) => {
            let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
            1
        }
    };
    sys::exit_now(code)
}

/// What is there before the order comes.
struct Ground {
    old_root: OwnedFd,
    proc: bool,
    names: UdpSocket,
    /// Lets the supervisor ask who waits where inside.
    asker: OwnedFd,
    /// The filter of the usual kind of run.
    filter: Filter,
    identity: Identity,
}

fn prepare(identity: Identity) -> Result<Ground, Failure> {
    confine::restore_signals().step("reset signals")?;
    become_user(identity)?;
    // Only now: a change of user takes the wish back (prctl(2)).
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).step("prctl(PR_SET_PDEATHSIG)")?;
    view::enter_new_root()?;
    let old_root = view::old_root()?;
    let proc = view::add_private_places()?;
    view::write_etc(identity)?;
    nix::unistd::sethostname("skilldeck").step("sethostname")?;
    let names = bring_up_loopback()
        .and_then(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)))
        .step("bind the name server")?;
    let asker = waiting::asker().step("prepare to look at sockets")?;
    sys::join_new_session_keyring().step("join a new session keyring")?;
    let filter = Filter::compile(Observe::Full).step("compile the seccomp filter")?;
    Ok(Ground { old_root, proc, names, asker, filter, identity })
}

fn set_up(
    plan: &Plan,
    order: Order,
    trees: impl IntoIterator<Item = OwnedFd>,
    channels: &Channels,
    ground: &Ground,
) -> Result<i32, Failure> {
    let sources = match order.sources {
        Some(packed) => {
            let missing = || std::io::Error::other("a mount is missing");
            view::unpack(packed, trees).ok_or_else(missing).step("take the order")?
        }
        None => view::open_sources(plan, ground.old_root.as_fd(), None)?,
    };
    view::size_scratch(plan.limits.scratch)?;
    let relays = prepare_network(plan)?;
    let stage = capture::Stage::build(plan, &sources, ground.identity)?;
    view::attach(&sources, stage.as_ref())?;
    loaders::seal(&plan.loaders).step("seal the loaders")?;
    drop(sources);
    let captured = stage.map(capture::Stage::leave).transpose()?;
    let root = view::leave_old_root()?;
    // Holds the mounts for the supervisor's last look; there is no such file without a /proc of our own.
    let mounts = std::fs::File::open("/proc/self/ns/mnt").ok();

    let program = sys::fork().step("fork")?;
    if program == 0 {
        let Err(failure) =
            start_program(plan, channels, ground, captured.is_some() || plan.captures().is_empty());
        let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
        sys::exit_now(127);
    }
    // The program waits for the supervisor, and that for this process's message: all this comes before its first
    // instruction. Only this process becomes undumpable; the child must stay readable for an unprivileged supervisor.
    sys::prctl(libc::PR_SET_DUMPABLE, 0).step("prctl(PR_SET_DUMPABLE)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    let program_fd = open_process(program).step("pidfd_open")?;
    let mut fds = vec![program_fd.as_fd(), root.as_fd(), ground.names.as_fd(), ground.asker.as_fd()];
    fds.extend(captured.as_ref().map(AsFd::as_fd));
    fds.extend(relays.iter().map(AsFd::as_fd));
    fds.extend(mounts.as_ref().map(AsFd::as_fd));
    let (landlock_abi, relays) = (confine::landlock_abi(), relays.len());
    let message = Message::Ready { landlock_abi, proc: ground.proc, relays };
    wire::send(channels.control.as_fd(), &message, &fds).step("report the start")?;
    Ok(program)
}

/// What network grants need inside: names in `/etc/hosts`, routes, and sockets for the supervisor's [`super::relay`].
fn prepare_network(plan: &Plan) -> Result<Vec<OwnedFd>, Failure> {
    if plan.net.is_empty() || plan.observe == Observe::Off {
        return Ok(Vec::new());
    }
    view::pin_names(&names::pinned(&plan.net))?;
    routes::make_local(&plan.net).step("add routes")?;
    relay::stock().step("make sockets for datagrams")
}

/// As root: from here on this is the unprivileged user, with capabilities in the new namespaces only.
fn become_user(identity: Identity) -> Result<(), Failure> {
    if !identity.privileged {
        return Ok(());
    }
    let (uid, gid) = (identity.uid.into(), identity.gid.into());
    nix::unistd::setresgid(gid, gid, gid).step("setresgid")?;
    // No id of the new namespace is root there, so this leaves the capabilities alone (capabilities(7)).
    nix::unistd::setresuid(uid, uid, uid).step("setresuid")
}

/// Whether the process of a pidfd has ended: pidfd_open(2).
fn has_ended(process: &OwnedFd) -> bool {
    let mut end = [nix::poll::PollFd::new(process.as_fd(), nix::poll::PollFlags::POLLIN)];
    nix::poll::poll(&mut end, nix::poll::PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

pub(super) fn open_process(pid: i32) -> std::io::Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid).ok_or(std::io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?)
}

/// Own loopback: the skill's own processes may talk to each other. netdevice(7).
fn bring_up_loopback() -> std::io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an all-zero ifreq is valid; the name fits; the request outlives the call.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let result = libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&socket), libc::SIOCSIFFLAGS, &request);
        sys::check(result.into()).map(drop)
    }
}

/// In the child: give everything up, then become the program. `captures`: what the plan wants captured is.
fn start_program(
    plan: &Plan,
    channels: &Channels,
    ground: &Ground,
    captures: bool,
) -> Result<std::convert::Infallible, Failure> {
    if !captures && plan.captures.is_some() {
        // Never the host's own folders instead.
        let none = std::io::Error::other("not possible here; use --writes direct");
        return Err(Failure::new("capture what is written", &none));
    }
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).step("prctl(PR_SET_PDEATHSIG)")?;
    nix::unistd::setsid().step("setsid")?;
    nix::unistd::dup2_stdin(&channels.stdin).step("dup2 stdin")?;
    nix::unistd::dup2_stdout(&channels.stdout).step("dup2 stdout")?;
    nix::unistd::dup2_stderr(&channels.stderr).step("dup2 stderr")?;
    nix::unistd::chdir(&plan.cwd).step(format!("enter {}", plan.cwd.display()))?;
    let image = Image::of(plan)?;
    let other = match plan.observe {
        Observe::Full => None,
        other => Some(Filter::compile(other).step("compile the seccomp filter")?),
    };
    let filter = other.as_ref().unwrap_or(&ground.filter);
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).step("prctl(PR_SET_NO_NEW_PRIVS)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    confine::set_limits(&plan.limits, ground.proc).step("setrlimit")?;
    confine::restrict_files(plan, ground.proc).step("landlock_restrict_self")?;
    sys::close_from_at_exec(3).step("close_range")?;
    let mut ready = std::fs::File::from(channels.ready.try_clone().step("dup")?);
    // From here on every call but a handful waits for the supervisor.
    let listener = filter.install().step("seccomp")?;
    let _ = ready.write_all(&listener.unwrap_or(NO_LISTENER).to_ne_bytes());
    let errno = image.execute();
    let _ = ready.write_all(&(-errno).to_ne_bytes());
    sys::exit_now(127)
}

/// Arguments of `execve`, made while memory may still be allocated freely.
struct Image {
    program: std::ffi::CString,
    argv: Vec<std::ffi::CString>,
    env: Vec<std::ffi::CString>,
}

impl Image {
    fn of(plan: &Plan) -> Result<Self, Failure> {
        let string = |text: String| {
            std::ffi::CString::new(text)
                .map_err(std::io::Error::from)
                .step("an argument or variable holds a NUL byte")
        };
        Ok(Self {
            program: sys::c_path(&plan.program).step("program path")?,
            argv: plan.argv.iter().cloned().map(string).collect::<Result<_, _>>()?,
            env: plan
                .env
                .iter()
                .map(|(key, value)| string(format!("{key}={value}")))
                .collect::<Result<_, _>>()?,
        })
    }

    /// `execve(2)`; returns only on failure, with the errno.
    fn execute(&self) -> i32 {
        match nix::unistd::execve(&self.program, &self.argv, &self.env) {
            Ok(never) => match never {},
            Err(errno) => errno as i32,
        }
    }
}

/// The wall limit of a supervisor that does not hold it any more, because it was stopped: a little wider. alarm(2).
fn end_by_the_clock(wall: std::time::Duration) {
    const LATER: u64 = 2;
    extern "C" fn end(_: libc::c_int) {
        sys::exit_now(1);
    }
    // SAFETY: the handler only leaves, which a handler may do (signal-safety(7)); nothing else here uses that signal.
    unsafe {
        let set = nix::sys::signal::signal(
            nix::sys::signal::Signal::SIGALRM,
            nix::sys::signal::SigHandler::Handler(end),
        );
        if set.is_ok() {
            libc::alarm(u32::try_from(wall.as_secs().saturating_add(LATER)).unwrap_or(u32::MAX));
        }
    }
}

/// Time of the processes that were waited for, here and by each other: getrusage(2).
fn children_cpu_ms() -> u64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_or(0, |usage| (usage.user_time() + usage.system_time()).num_milliseconds().unsigned_abs())
}

/// Whether a process is alive besides this one: with the program gone, the topmost of each tree is a child of this one.
fn anybody_left() -> bool {
    use nix::sys::wait::{WaitPidFlag, waitpid};
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return true,
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(_) => return false,
        }
    }
}

/// Wait for the program; orphans end up here too and are reaped. Then report and end.
fn reap(program: i32, control: &OwnedFd) -> i32 {
    loop {
        let (pid, status) = match wait() {
            Ok(WaitStatus::Exited(pid, code)) => (pid, code << 8),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, signal as i32),
            Ok(_) | Err(nix::Error::EINTR) => continue,
            Err(_) => return 1,
        };
        if pid.as_raw() == program {
            let left_behind = anybody_left();
            let message = Message::Exited { status, cpu_ms: children_cpu_ms(), left_behind };
            let _ = wire::send(control.as_fd(), &message, &[]);
            return 0;
        }
    }
}
