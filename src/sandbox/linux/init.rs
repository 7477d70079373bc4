//! The sandbox's first process: builds the view, starts the program as its child, reaps, reports, ends.
//!
//! PID 1 of a namespace ignores signals without a handler, so the program must be PID 2. When PID 1 ends, the
//! kernel kills everything left in the namespace: no orphan outlives a run. It is made undumpable, so that
//! nothing inside can look at it (ptrace(2), proc(5)).

use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::wait::{WaitStatus, wait};

use super::launcher::{Channels, Identity};
use super::view::{self, Source};
use super::wire::{self, Failure, Message, Step};
use super::{confine, filter, sys};
use crate::sandbox::plan::Plan;

/// Written to the ready pipe when the run goes without a supervisor.
pub(super) const NO_LISTENER: i32 = 0;

/// Go through the whole set-up, run the program, leave.
pub(super) fn run(plan: &Plan, channels: Channels, identity: Identity, sources: Option<Vec<Source>>) -> ! {
    let code = match set_up(plan, &channels, identity, sources) {
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

fn set_up(
    plan: &Plan,
    channels: &Channels,
    identity: Identity,
    sources: Option<Vec<Source>>,
) -> Result<i32, Failure> {
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).step("prctl(PR_SET_PDEATHSIG)")?;
    confine::restore_signals().step("reset signals")?;
    let sources = match sources {
        Some(sources) => sources,
        None => view::open_sources(plan, None)?,
    };
    become_user(identity)?;
    view::enter_new_root()?;
    let proc = view::add_private_places(plan.limits.scratch)?;
    view::write_etc(identity)?;
    view::attach(&sources)?;
    drop(sources);
    let root = view::leave_old_root()?;
    nix::unistd::sethostname("skilldeck").step("sethostname")?;
    let names = bring_up_loopback()
        .and_then(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)))
        .step("bind the name server")?;
    sys::join_new_session_keyring().step("join a new session keyring")?;
    // Holds the mounts for the supervisor's last look; there is no such file without a /proc of our own.
    let mounts = std::fs::File::open("/proc/self/ns/mnt").ok();

    let program = sys::fork().step("fork")?;
    if program == 0 {
        let Err(failure) = start_program(plan, channels, proc);
        let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
        sys::exit_now(127);
    }
    // The program waits for the supervisor, and that for this process's message: all this comes before its first
    // instruction. Only this process becomes undumpable; the child must stay readable for an unprivileged supervisor.
    sys::prctl(libc::PR_SET_DUMPABLE, 0).step("prctl(PR_SET_DUMPABLE)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    let program_fd = open_process(program).step("pidfd_open")?;
    let mut fds = vec![program_fd.as_fd(), root.as_fd(), names.as_fd()];
    fds.extend(mounts.as_ref().map(AsFd::as_fd));
    let message = Message::Ready { landlock_abi: confine::landlock_abi(), proc };
    wire::send(channels.control.as_fd(), &message, &fds).step("report the start")?;
    Ok(program)
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

fn open_process(pid: i32) -> std::io::Result<OwnedFd> {
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

/// In the child: give everything up, then become the program.
fn start_program(plan: &Plan, channels: &Channels, proc: bool) -> Result<std::convert::Infallible, Failure> {
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).step("prctl(PR_SET_PDEATHSIG)")?;
    nix::unistd::setsid().step("setsid")?;
    nix::unistd::dup2_stdin(&channels.stdin).step("dup2 stdin")?;
    nix::unistd::dup2_stdout(&channels.stdout).step("dup2 stdout")?;
    nix::unistd::dup2_stderr(&channels.stderr).step("dup2 stderr")?;
    nix::unistd::chdir(&plan.cwd).step(format!("enter {}", plan.cwd.display()))?;
    let image = Image::of(plan)?;
    let filter = filter::compile(plan).step("compile the seccomp filter")?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).step("prctl(PR_SET_NO_NEW_PRIVS)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    confine::set_limits(&plan.limits).step("setrlimit")?;
    confine::restrict_files(plan, proc).step("landlock_restrict_self")?;
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
            let _ = wire::send(control.as_fd(), &Message::Exited { status }, &[]);
            return 0;
        }
    }
}
