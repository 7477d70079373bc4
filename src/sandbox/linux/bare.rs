//! A run without namespaces: on the host's own ground, under Landlock and a stricter filter (`filter::host`).
//!
//! For machines that allow nothing else. There is no view: paths are the host's, and Landlock rules say what may be read
//! and written of them. HOME, `/tmp` and scratch are folders made on disk for this run. There is no process namespace: a
//! *keeper* takes the place of PID 1. As a subreaper it is the last parent of all that the program starts; when the
//! program ends, when the supervisor wishes or is gone, it kills the whole tree and removes the folders.
//! The launcher starts it; the supervisor's `judge` reads the same [`rules()`].

mod places;
mod rules;

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::confine;
use super::filter::{self, Filter};
use super::held::Held;
use super::init::{self, Hold};
use super::launcher::{Channels, Identity, Way, read_plan};
use super::sys;
use super::tree::Tree;
use super::wire::{self, Failure, Message, Step};
use crate::sandbox::plan::{Observe, Plan};

pub(super) use places::{adapted, remove, used};
pub(super) use rules::{Rule, own_proc, rules};

/// What is there before the order comes.
struct Ground {
    held: Held,
    filter: Filter,
}

/// Body of the keeper: wait for the order, carry it out, clear up, leave.
pub(super) fn run(way: &Way, identity: Identity, orders: &OwnedFd, launcher: &OwnedFd) -> ! {
    // It outlives the program: a copy of the launcher's descriptors would hold streams open that others wait for.
    let _ = sys::close_all_but(&[orders.as_fd(), launcher.as_fd()]);
    let (ground, order, mut fds) = init::take_order(prepare(way, identity), orders, launcher);
    let (Some(plan), Some(channels)) = (fds.next(), Channels::from_fds(&mut fds)) else { sys::exit_now(1) };
    let mut private = None;
    let begun = read_plan(&plan).and_then(|plan| {
        let program = set_up(&plan, &channels, &ground, order.processes, &mut private)?;
        Ok((program, Instant::now() + plan.limits.wall + init::LATER))
    });
    match begun {
        Ok((program, deadline)) => {
            // The supervisor learns from their end that the program has closed them.
            let Channels { stdin, stdout, stderr, control, ready } = channels;
            drop((stdin, stdout, stderr, ready));
            keep(program, &control, deadline);
        }
        Err(failure) => {
            let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
        }
    }
    if let Some(private) = private {
        remove(&private);
    }
    sys::exit_now(0)
}

fn prepare(way: &Way, identity: Identity) -> Result<Ground, Failure> {
    confine::restore_signals().step("reset signals")?;
    if identity.privileged {
        init::give_up_root(identity)?;
        // Its death must not be the launcher's alone: see `keep`.
        sys::prctl(libc::PR_SET_PDEATHSIG, 0).step("prctl(PR_SET_PDEATHSIG)")?;
    }
    sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1).step("prctl(PR_SET_CHILD_SUBREAPER)")?;
    sys::join_new_session_keyring().step("join a new session keyring")?;
    let held = Held::by(way, identity, false);
    let filter = Filter::compile(Observe::Full, ground(&held)).step("compile the seccomp filter")?;
    Ok(Ground { held, filter })
}

fn ground(held: &Held) -> filter::Ground {
    filter::Ground::Host { landlock_abi: held.landlock_abi }
}

fn set_up(
    plan: &Plan,
    channels: &Channels,
    ready: &Ground,
    processes: u64,
    made: &mut Option<PathBuf>,
) -> Result<i32, Failure> {
    let held = &ready.held;
    init::refuse_too_little(plan, held, channels);
    let private = places::make_private_places().step("make a private folder")?;
    *made = Some(private.clone());
    let plan = adapted(plan, &private);
    let rules = rules(&plan, &private).step("list what may be used")?;
    let root = fs::File::open("/").step("open /")?;

    let program = sys::fork().step("fork")?;
    if program == 0 {
        let bounds = Hold {
            usual: &ready.filter,
            ground: ground(held),
            processes,
            restrict: &|| rules::restrict(&rules),
            captures: false,
        };
        let Err(failure) = init::start_program(&plan, channels, &bounds);
        let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
        sys::exit_now(127);
    }
    sys::prctl(libc::PR_SET_DUMPABLE, 0).step("prctl(PR_SET_DUMPABLE)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    let program_fd = init::open_process(program).step("pidfd_open")?;
    let message = Message::Ready { held: held.clone(), private: Some(private), relays: 0 };
    wire::send(channels.control.as_fd(), &message, &[program_fd.as_fd(), root.as_fd()])
        .step("report the start")?;
    Ok(program)
}

/// Between two looks for what is left.
const A_MOMENT: std::time::Duration = std::time::Duration::from_millis(1);

/// Stay until the program has ended or the supervisor wants it to, then end everything that it started. `deadline`: a
/// supervisor that was stopped holds no wall limit any more.
fn keep(program: i32, control: &OwnedFd, deadline: Instant) {
    let mut status = wait_for_an_end(program, control, deadline);
    let tree = Tree::below(std::process::id() as i32);
    let left_behind = status.is_some() && !tree.list().is_empty();
    'all: loop {
        tree.end();
        // Everybody who has ended, before all are looked at again: who forks on and on leaves thousands.
        loop {
            match reap(program) {
                Some(Reaped::Program(found)) => status = status.or(Some(found)),
                Some(Reaped::Other) => {}
                Some(Reaped::NobodyLeft) => break 'all,
                None => break,
            }
        }
        std::thread::sleep(A_MOMENT);
    }
    if let Some(status) = status {
        let _ = wire::send(
            control.as_fd(),
            &Message::Exited { status, cpu_ms: init::children_cpu_ms(), left_behind },
            &[],
        );
    }
    // The supervisor takes a last look at what was left behind, and closes its end.
    let _ = shutdown(control.as_raw_fd(), Shutdown::Write);
    wait_for_hang_up(control);
}

/// The program's status, when it was the one to end.
fn wait_for_an_end(program: i32, control: &OwnedFd, deadline: Instant) -> Option<i32> {
    let mut child = SigSet::empty();
    child.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&child), None).ok()?;
    let signals = SignalFd::with_flags(&child, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok()?;
    loop {
        loop {
            match reap(program) {
                Some(Reaped::Program(status)) => return Some(status),
                Some(Reaped::Other) => {}
                Some(Reaped::NobodyLeft) => return None,
                None => break,
            }
        }
        let mut fds = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
        ];
        let left = deadline.saturating_duration_since(Instant::now());
        let _ = poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        if left.is_zero() {
            return None;
        }
        // The supervisor never sends a word: whatever is heard from it is its end, or its wish for ours.
        if fds[1].any() == Some(true) {
            return None;
        }
        while let Ok(Some(_)) = signals.read_signal() {}
    }
}

enum Reaped {
    Program(i32),
    Other,
    NobodyLeft,
}

/// Take leave of somebody who has ended; `None` when nobody has.
fn reap(program: i32) -> Option<Reaped> {
    let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
        Ok(WaitStatus::Exited(pid, code)) => (pid, code << 8),
        Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, signal as i32),
        Ok(_) | Err(nix::Error::EINTR) => return None,
        Err(_) => return Some(Reaped::NobodyLeft),
    };
    Some(if pid.as_raw() == program { Reaped::Program(status) } else { Reaped::Other })
}

fn wait_for_hang_up(control: &OwnedFd) {
    const PATIENCE: u16 = 10_000;
    let mut fds = [PollFd::new(control.as_fd(), PollFlags::empty())];
    let _ = poll(&mut fds, PollTimeout::from(PATIENCE));
}

/// Processes and threads of a user on this machine.
pub(super) fn tasks_of(uid: u32) -> u64 {
    let mut tasks = 0;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process =
            entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_process {
            continue;
        }
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok())
        };
        if field("Uid:") == Some(uid.into()) {
            tasks += field("Threads:").unwrap_or(1);
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sandbox::plan::{Access, Bind, Limits};

    pub(super) fn plan(view: Vec<Bind>) -> Plan {
        Plan {
            program: "/bin/true".into(),
            argv: Vec::new(),
            env: vec![("HOME".into(), Plan::HOME.into()), ("TMPDIR".into(), "/tmp".into())],
            cwd: Plan::SCRATCH.into(),
            stdin: Vec::new(),
            view,
            execute: Vec::new(),
            loaders: Vec::new(),
            captures: None,
            links: Vec::new(),
            may_execute: false,
            net: Vec::new(),
            limits: Limits::default(),
            observe: Observe::Full,
            require_full: false,
        }
    }

    pub(super) fn bind(path: &Path, access: Access) -> Bind {
        Bind { path: path.to_owned(), access, system: false }
    }
}
