//! What the program gives up before its first instruction: capabilities, resources, paths.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::sys;
use crate::sandbox::plan::{Access, Limits, Observe, Plan};

/// Empty every capability set, the bounding set too: capabilities(7).
pub(super) fn drop_capabilities() -> io::Result<()> {
    drop_bounding_set();
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    Ok(())
}

pub(super) fn drop_bounding_set() {
    for capability in 0..64 {
        // Numbers above the kernel's last capability are refused: the end of the list.
        if sys::prctl(libc::PR_CAPBSET_DROP, capability).is_err() {
            break;
        }
    }
}

/// Signals as a fresh program expects them: the runtime ignores SIGPIPE, the launcher SIGCHLD.
pub(super) fn restore_signals() -> io::Result<()> {
    for one in [Signal::SIGPIPE, Signal::SIGCHLD] {
        // SAFETY: the default action installs no handler.
        unsafe { signal(one, SigHandler::SigDfl) }?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// How far the kernel's own memory bound lies above the limit that the supervisor watches.
pub(super) const MEMORY_BACKSTOP: u64 = 4;
/// Threads count as processes for the kernel; the supervisor counts processes proper.
const THREADS_PER_RUN: u64 = 512;

/// Processes and threads together that the kernel lets a run have, PID 1 included.
pub(super) fn most_tasks(limits: &Limits) -> u64 {
    limits.processes.saturating_add(THREADS_PER_RUN)
}

/// Kernel-held limits: getrlimit(2). Those that the supervisor also watches are backstops, a little wider.
///
/// `processes`: tasks of the program's user that are none of the run's and count all the same, as they do outside a user
/// namespace.
pub(super) fn set_limits(limits: &Limits, processes: u64) -> io::Result<()> {
    let tasks = most_tasks(limits).saturating_add(processes);
    let cpu = limits.cpu.as_secs() + u64::from(limits.cpu.subsec_nanos() > 0);
    for (resource, soft, hard) in [
        (Resource::RLIMIT_CPU, cpu + 1, cpu + 2),
        (Resource::RLIMIT_FSIZE, limits.file_size, limits.file_size),
        (Resource::RLIMIT_NOFILE, limits.open_files, limits.open_files),
        // Not RLIMIT_AS: Node and others reserve far more than they use.
        (
            Resource::RLIMIT_DATA,
            limits.memory.saturating_mul(MEMORY_BACKSTOP),
            limits.memory.saturating_mul(MEMORY_BACKSTOP),
        ),
        (Resource::RLIMIT_NPROC, tasks, tasks),
        // One byte, not none: a program that core_pattern names would be fed for nought, but not for one. core(5)
        (Resource::RLIMIT_CORE, 1, 1),
        (Resource::RLIMIT_MSGQUEUE, 0, 0),
        (Resource::RLIMIT_MEMLOCK, 64 * 1024, 64 * 1024),
        (Resource::RLIMIT_NICE, 0, 0),
        (Resource::RLIMIT_RTPRIO, 0, 0),
    ] {
        let (_, ceiling) = nix::sys::resource::getrlimit(resource)?;
        setrlimit(resource, soft.min(ceiling), hard.min(ceiling))?;
    }
    Ok(())
}

/// The newest Landlock version this program knows of.
pub(super) const NEWEST_ABI: ABI = ABI::V6;

/// Version of the kernel's Landlock, 0 without: landlock_create_ruleset(2).
pub(super) fn landlock_abi() -> u32 {
    const LANDLOCK_CREATE_RULESET_VERSION: libc::c_long = 1;
    // SAFETY: with this flag the call takes no attributes and only returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}

/// The same tree as the mount view, told to the kernel's second guard: landlock(7).
///
/// Everything in view may be read; writing only where the plan says; `execve` only of the plan's files; no
/// signals and no abstract sockets across the sandbox's border where the kernel can hold that.
pub(super) fn restrict_files(plan: &Plan, proc: bool) -> io::Result<()> {
    let error = |error: landlock::RulesetError| io::Error::other(error.to_string());
    let all = AccessFs::from_all(NEWEST_ABI);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all).map_err(error)?;
    if !plan.net.is_empty() && plan.observe != Observe::Off {
        // The broker makes every connection; the kernel holds the program to that. Without one nothing leads out.
        rules = rules.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp).map_err(error)?;
    }
    let mut rules = rules
        .scope(Scope::AbstractUnixSocket | Scope::Signal)
        .and_then(Ruleset::create)
        .map_err(error)?
        .no_new_privs(true);
    rules = allow(rules, Path::new("/"), read)?;
    let writable = all & !AccessFs::Execute;
    let private = ["/tmp", Plan::HOME, Plan::SCRATCH, "/dev"].map(Path::new);
    let granted =
        plan.view.iter().filter(|bind| bind.access == Access::Write).map(|bind| bind.path.as_path());
    for path in private.into_iter().chain(granted) {
        rules = allow(rules, path, writable)?;
    }
    if proc {
        // Writes below /proc stop at its read-only mount; descriptors opened again through it are the program's own.
        rules = allow(rules, Path::new("/proc"), read | AccessFs::WriteFile)?;
    }
    for path in &plan.execute {
        rules = allow(rules, path, AccessFs::Execute.into())?;
    }
    rules.restrict_self().map_err(error)?;
    Ok(())
}

/// Add a rule; a path that is not in view needs none. Rights that only folders have are left off files.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    let Ok(fd) = PathFd::new(path) else { return Ok(rules) };
    let directory = std::fs::metadata(path).is_ok_and(|meta| meta.is_dir());
    let access = if directory { access } else { access & AccessFs::from_file(NEWEST_ABI) };
    rules.add_rule(PathBeneath::new(fd, access)).map_err(|error| io::Error::other(error.to_string()))
}
