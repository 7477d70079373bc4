//! The sandbox's first process: builds the view, starts the program as its child, reaps, reports, ends.
//!
//! PID 1 of a namespace ignores signals without a handler, so the program must be PID 2. When PID 1 ends, the
//! kernel kills everything left in the namespace: no orphan outlives a run. It is made undumpable, so that
//! nothing inside can look at it (ptrace(2), proc(5)).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::wait::{WaitStatus, wait};
use serde::{Deserialize, Serialize};

use super::filter::{self, Filter};
use super::held::{BUSY, Form, Held};
use super::launcher::{Answer, Channels, Identity, Way, read_plan};
use super::view::{self, Packed};
use super::wire::{self, Failure, Message, Step};
use super::{capture, confine, loaders, names, relay, routes, sys, waiting};
use crate::sandbox::plan::{Observe, Plan};

/// Written to the ready pipe when the run goes without a supervisor.
pub(super) const NO_LISTENER: i32 = 0;
/// The same, against the plan's wish: another supervisor has the place. No descriptor has this number.
pub(super) const LISTENER_BUSY: i32 = i32::MAX;

/// What the launcher sends when there is something to run. Descriptors: the plan (memfd), those of [`Channels`], then the
/// trees.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Opened by a launcher that is root; else opened here.
    pub sources: Option<Vec<Packed>>,
    /// See [`Hold::processes`].
    pub processes: u64,
}

/// Prepare everything that does not depend on the plan, wait for the order, carry it out, leave.
pub(super) fn run(way: &Way, identity: Identity, orders: &OwnedFd, launcher: &OwnedFd) -> ! {
    let (ground, order, mut fds) = take_order(prepare(way, identity), orders, launcher);
    let (Some(plan), Some(channels)) = (fds.next(), Channels::from_fds(&mut fds)) else { sys::exit_now(1) };
    let started = read_plan(&plan).and_then(|plan| {
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

/// Wait for the order, and say whether it can be carried out at all. What cannot is no longer of use.
pub(super) fn take_order<T>(
    prepared: Result<T, Failure>,
    orders: &OwnedFd,
    launcher: &OwnedFd,
) -> (T, Order, std::vec::IntoIter<OwnedFd>) {
    // No order comes any more: the launcher is gone.
    let Ok(Some((order, fds))) = wire::receive::<Order>(orders.as_fd()) else { sys::exit_now(0) };
    if has_ended(launcher) {
        // Before this process had asked to end with it; the order was already on its way.
        sys::exit_now(0);
    }
    match prepared {
        Ok(ground) => {
            let _ = wire::send(orders.as_fd(), &Answer::Taken, &[]);
            (ground, order, fds.into_iter())
        }
        Err(failure) => {
            let _ = wire::send(orders.as_fd(), &Answer::Unable(failure), &[]);
            sys::exit_now(1)
        }
    }
}

/// What is there before the order comes.
struct Ground {
    old_root: OwnedFd,
    names: UdpSocket,
    /// Lets the supervisor ask who waits where inside.
    asker: OwnedFd,
    /// The filter of the usual kind of run.
    filter: Filter,
    held: Held,
    identity: Identity,
}

fn prepare(way: &Way, identity: Identity) -> Result<Ground, Failure> {
    confine::restore_signals().step("reset signals")?;
    if way.form == Form::Namespaces {
        become_user(identity)?;
    }
    // Only now: a change of user takes the wish back (prctl(2)).
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).step("prctl(PR_SET_PDEATHSIG)")?;
    view::enter_new_root()?;
    let old_root = view::old_root()?;
    view::try_copies(old_root.as_fd())?;
    let proc = view::add_private_places()?;
    view::write_etc(identity)?;
    if way.form == Form::Rooted {
        view::give_private_places(identity)?;
    }
    nix::unistd::sethostname("skilldeck").step("sethostname")?;
    let names = bring_up_loopback()
        .and_then(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)))
        .step("bind the name server")?;
    let asker = waiting::asker().step("prepare to look at sockets")?;
    sys::join_new_session_keyring().step("join a new session keyring")?;
    let filter = Filter::compile(Observe::Full, filter::Ground::Own).step("compile the seccomp filter")?;
    let held = Held::by(way, identity, proc);
    Ok(Ground { old_root, names, asker, filter, held, identity })
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
    // Holds the mounts for the supervisor's last look. The host's /proc shows them too where there is none inside.
    let mounts = std::fs::File::open("/old/proc/self/ns/mnt").ok();
    view::size_scratch(plan.limits.scratch)?;
    let relays = prepare_network(plan)?;
    let stage = capture::Stage::build(plan, &sources, ground.identity)?;
    view::attach(&sources, stage.as_ref())?;
    view::link(&plan.links)?;
    loaders::seal(&plan.loaders).step("seal the loaders")?;
    drop(sources);
    let captured = stage.map(capture::Stage::leave).transpose()?;
    let root = view::leave_old_root()?;
    let held = &ground.held;
    if held.form == Form::Rooted {
        give_up_root(ground.identity)?;
    }
    refuse_too_little(plan, held, channels);
    let program = sys::fork().step("fork")?;
    if program == 0 {
        let restrict = || confine::restrict_files(plan, held.proc);
        let bounds = Hold {
            usual: &ground.filter,
            ground: filter::Ground::Own,
            processes: order.processes,
            restrict: &restrict,
            captures: captured.is_some() || plan.captures().is_empty(),
        };
        let Err(failure) = start_program(plan, channels, &bounds);
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
    let message = Message::Ready { held: held.clone(), private: None, relays: relays.len() };
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

/// A plan that demands every layer is not begun without.
pub(super) fn refuse_too_little(plan: &Plan, held: &Held, channels: &Channels) {
    if plan.require_full && !held.is_full() {
        let _ = wire::send(channels.control.as_fd(), &Message::TooLittle(held.clone()), &[]);
        sys::exit_now(1);
    }
}

/// Without a user namespace the view is built with root's rights over the host: they go away before the program comes.
pub(super) fn give_up_root(identity: Identity) -> Result<(), Failure> {
    confine::drop_bounding_set();
    become_user(identity)?;
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).step("prctl(PR_SET_PDEATHSIG)")
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

/// What a program's process is held by from its first instruction on.
pub(super) struct Hold<'a> {
    /// Compiled ahead, for a run with full observation.
    pub usual: &'a Filter,
    pub ground: filter::Ground,
    /// Tasks that its user has already, where those count towards the same bound.
    pub processes: u64,
    /// Landlock.
    pub restrict: &'a dyn Fn() -> std::io::Result<()>,
    /// What the plan wants captured is.
    pub captures: bool,
}

/// In the child: give everything up, then become the program.
pub(super) fn start_program(
    plan: &Plan,
    channels: &Channels,
    hold: &Hold<'_>,
) -> Result<std::convert::Infallible, Failure> {
    if !hold.captures && plan.captures.is_some() {
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
    let token = Token::random().step("read /dev/urandom")?;
    // Without a supervisor and without Landlock nothing else would refuse a further start.
    let one_start = !plan.may_execute && confine::landlock_abi() == 0;
    let compile = |observe| {
        let filter = match observe {
            Observe::Off if one_start => Filter::for_one_start(hold.ground, token.0),
            observe => Filter::compile(observe, hold.ground),
        };
        filter.step("compile the seccomp filter")
    };
    let other = match plan.observe {
        Observe::Full => None,
        other => Some(compile(other)?),
    };
    let filter = other.as_ref().unwrap_or(hold.usual);
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).step("prctl(PR_SET_NO_NEW_PRIVS)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    confine::set_limits(&plan.limits, hold.processes).step("setrlimit")?;
    (hold.restrict)().step("landlock_restrict_self")?;
    sys::close_from_at_exec(3).step("close_range")?;
    let mut ready = std::fs::File::from(channels.ready.try_clone().step("dup")?);
    // From here on every call but a handful waits for the supervisor.
    let number = match filter.install() {
        // Somebody else's supervisor has the one place there is: held all the same, by a filter that asks nobody.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
            if plan.require_full {
                let message = format!("--require full: {BUSY}");
                return Err(Failure { step: "check the layers".into(), errno: libc::EBUSY, message });
            }
            compile(Observe::Off)?.install().step("seccomp")?;
            LISTENER_BUSY
        }
        installed => installed.step("seccomp")?.unwrap_or(NO_LISTENER),
    };
    let _ = ready.write_all(&number.to_ne_bytes());
    let errno = image.execute(token);
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

    /// `execve(2)`, with the token where a filter looks and the kernel does not; returns only on failure, with the errno.
    fn execute(&self, token: Token) -> i32 {
        let [first, second] = token.0;
        let (argv, env) = (pointers(&self.argv), pointers(&self.env));
        // SAFETY: a path and two lists of strings, each with its end, that outlive the call.
        let result = unsafe {
            let path = self.program.as_ptr();
            libc::syscall(libc::SYS_execve, path, argv.as_ptr(), env.as_ptr(), 0_u64, first, second)
        };
        sys::check(result).err().and_then(|error| error.raw_os_error()).unwrap_or(0)
    }
}

fn pointers(strings: &[std::ffi::CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// See [`Filter::for_one_start`].
#[derive(Clone, Copy)]
struct Token(filter::Token);

impl Token {
    fn random() -> std::io::Result<Self> {
        let mut bytes = [[0; 8]; 2];
        let mut source = std::fs::File::open("/dev/urandom")?;
        for one in &mut bytes {
            source.read_exact(one)?;
        }
        Ok(Self(bytes.map(u64::from_ne_bytes)))
    }
}

/// How much wider the wall limit of the first process is than that of the supervisor.
pub(super) const LATER: std::time::Duration = std::time::Duration::from_secs(2);

/// The wall limit of a supervisor that does not hold it any more, because it was stopped: a little wider. alarm(2).
fn end_by_the_clock(wall: std::time::Duration) {
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
            libc::alarm(u32::try_from(wall.as_secs().saturating_add(LATER.as_secs())).unwrap_or(u32::MAX));
        }
    }
}

/// Time of the processes that were waited for, here and by each other: getrusage(2).
pub(super) fn children_cpu_ms() -> u64 {
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
