//! A run without namespaces: on the host's own ground, under Landlock and a stricter filter (`filter::host`).
//!
//! For machines that allow nothing else. There is no view: paths are the host's, and Landlock rules say what may be read
//! and written of them. HOME, `/tmp` and scratch are folders made on disk for this run. There is no process namespace: a
//! *keeper* takes the place of PID 1. As a subreaper it is the last parent of all that the program starts; when the
//! program ends, when the supervisor wishes or is gone, it kills the whole tree and removes the folders.
//! The launcher starts it; the supervisor's `judge` reads the same [`rules`].

use std::collections::HashSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use landlock::{
    Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::confine::{self, NEWEST_ABI};
use super::filter::{self, Filter};
use super::held::Held;
use super::init::{self, Hold};
use super::launcher::{Channels, Identity, Way, read_plan};
use super::sys;
use super::tree::Tree;
use super::wire::{self, Failure, Message, Step};
use crate::sandbox::plan::{Access, Bind, Observe, Plan};

/// What is there before the order comes.
struct Ground {
    held: Held,
    filter: Filter,
}

/// Body of the keeper: wait for the order, carry it out, clear up, leave.
pub(super) fn run(way: &Way, identity: Identity, orders: &OwnedFd) -> ! {
    // It outlives the program: a copy of the launcher's descriptors would hold streams open that others wait for.
    let _ = sys::close_all_but(orders.as_fd());
    let (ground, order, mut fds) = init::take_order(prepare(way, identity), orders);
    let (Some(plan), Some(channels)) = (fds.next(), Channels::from_fds(&mut fds)) else { sys::exit_now(1) };
    let mut private = None;
    let begun =
        read_plan(&plan).and_then(|plan| set_up(&plan, &channels, &ground, order.processes, &mut private));
    match begun {
        Ok(program) => {
            // The supervisor learns from their end that the program has closed them.
            let Channels { stdin, stdout, stderr, control, ready } = channels;
            drop((stdin, stdout, stderr, ready));
            keep(program, &control);
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
    let private = make_private_places().step("make a private folder")?;
    *made = Some(private.clone());
    let plan = adapted(plan, &private);
    let rules = rules(&plan, &private).step("list what may be used")?;
    let root = fs::File::open("/").step("open /")?;

    let program = sys::fork().step("fork")?;
    if program == 0 {
        let bounds =
            Hold { usual: &ready.filter, ground: ground(held), processes, restrict: &|| restrict(&rules) };
        let Err(failure) = init::start_program(&plan, channels, &bounds);
        let _ = wire::send(channels.control.as_fd(), &Message::Failed(failure), &[]);
        sys::exit_now(127);
    }
    sys::prctl(libc::PR_SET_DUMPABLE, 0).step("prctl(PR_SET_DUMPABLE)")?;
    confine::drop_capabilities().step("drop capabilities")?;
    let program_fd = init::open_process(program).step("pidfd_open")?;
    let message = Message::Ready { held: held.clone(), private: Some(private) };
    wire::send(channels.control.as_fd(), &message, &[program_fd.as_fd(), root.as_fd()])
        .step("report the start")?;
    Ok(program)
}

/// The folders behind `/tmp`, HOME and scratch, by their names inside the run's folder.
const PLACES: [(&str, &str); 3] = [("tmp", "/tmp"), ("home", Plan::HOME), ("scratch", Plan::SCRATCH)];

/// A folder of the run's own that nobody else may enter. On disk rather than in memory: it has no size of its own.
fn make_private_places() -> io::Result<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    let bases = ["/tmp".into(), "/var/tmp".into(), format!("/run/user/{uid}"), "/dev/shm".into()];
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for base in bases {
        match make_below(Path::new(&base)) {
            Ok(folder) => return Ok(folder),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn make_below(base: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let folder = base.join(format!("skilldeck-{:016x}", u64::from_ne_bytes(random)));
    // Its name is not there yet, or this fails: nobody can have put a link in its place.
    DirBuilder::new().mode(0o700).create(&folder)?;
    for (name, _) in PLACES {
        DirBuilder::new().mode(0o700).create(folder.join(name))?;
    }
    Ok(folder)
}

/// The plan with its private places where they are on this ground: HOME, TMPDIR and the working directory.
pub(super) fn adapted(plan: &Plan, private: &Path) -> Plan {
    let moved = |path: &Path| {
        let place = PLACES.iter().find_map(|(name, inside)| Some((name, path.strip_prefix(inside).ok()?)));
        // A skill or grant below /tmp stays where it is.
        let shown = plan.view.iter().any(|bind| path.starts_with(&bind.path));
        place.filter(|_| !shown).map(|(name, rest)| private.join(name).join(rest))
    };
    let mut plan = plan.clone();
    for (name, value) in &mut plan.env {
        if matches!(name.as_str(), "HOME" | "TMPDIR")
            && let Some(place) = moved(Path::new(value.as_str()))
        {
            place.to_string_lossy().trim_end_matches('/').clone_into(value);
        }
    }
    if let Some(place) = moved(&plan.cwd) {
        plan.cwd = place;
    }
    plan
}

/// What Landlock allows at and below a path.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub path: PathBuf,
    pub access: BitFlags<AccessFs>,
}

/// Of `/proc`, nothing of other processes: what runtimes read at their start. Its own part is added by its number.
const PROC: [&str; 7] = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/uuid",
    "/proc/sys/vm/overcommit_memory",
];
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

fn to_read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

fn to_write() -> BitFlags<AccessFs> {
    AccessFs::from_all(NEWEST_ABI) & !AccessFs::Execute
}

/// Everything that the program may use of the host's files. Fails when a `deny` cannot be kept.
pub(super) fn rules(plan: &Plan, private: &Path) -> io::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for (index, bind) in plan.view.iter().enumerate() {
        let later = &plan.view[index + 1..];
        if later.iter().all(|later| !bind.path.starts_with(&later.path)) {
            let closed: Vec<&Bind> = later.iter().filter(|later| takes_away(bind, later)).collect();
            open(&bind.path, bind.access, &closed, &mut rules)?;
        }
    }
    rules.extend(PLACES.map(|(name, _)| Rule { path: private.join(name), access: to_write() }));
    rules.extend(PROC.map(|path| Rule { path: path.into(), access: to_read() }));
    rules.extend(
        DEVICES.map(|path| Rule { path: path.into(), access: AccessFs::ReadFile | AccessFs::WriteFile }),
    );
    let denied =
        |path: &Path| plan.view.iter().any(|b| b.access == Access::Deny && path.starts_with(&b.path));
    let started = plan.execute.iter().filter(|path| !denied(path));
    rules.extend(started.map(|path| Rule { path: path.clone(), access: AccessFs::Execute.into() }));
    Ok(rules)
}

/// Of `/proc`, the part of the program itself.
pub(super) fn own_proc(program: i32) -> Rule {
    Rule { path: format!("/proc/{program}").into(), access: to_read() }
}

/// Whether `inner`, which comes later, allows less than `outer` does around it.
fn takes_away(outer: &Bind, inner: &Bind) -> bool {
    let rank = |access| match access {
        Access::Deny => 0,
        Access::Read => 1,
        Access::Write => 2,
    };
    inner.path != outer.path && inner.path.starts_with(&outer.path) && rank(inner.access) < rank(outer.access)
}

/// Entries that one folder may have when something in it has to stay closed.
const MOST_SIBLINGS: usize = 4096;

/// Landlock can only add. A folder in which something is closed is therefore not opened itself, but each of its entries
/// that is not closed: it cannot be listed then, and nothing new can be made right in it.
fn open(path: &Path, access: Access, closed: &[&Bind], rules: &mut Vec<Rule>) -> io::Result<()> {
    if access == Access::Deny || closed.iter().any(|closed| closed.path == path) {
        return Ok(());
    }
    let inside: Vec<&Bind> = closed.iter().copied().filter(|closed| closed.path.starts_with(path)).collect();
    if inside.is_empty() {
        let access = if access == Access::Write { to_write() } else { to_read() };
        rules.push(Rule { path: path.to_owned(), access });
        return Ok(());
    }
    let entries = match fs::read_dir(path) {
        // Nobody may look into it: then nothing in it can be opened either.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        entries => entries?,
    };
    for (number, entry) in entries.enumerate() {
        if number >= MOST_SIBLINGS {
            return Err(io::Error::other(format!(
                "{} is closed inside {}, which has more than {MOST_SIBLINGS} entries: without namespaces each has to be \
                 opened by itself; grant a narrower folder",
                inside[0].path.display(),
                path.display()
            )));
        }
        open(&entry?.path(), access, &inside, rules)?;
    }
    Ok(())
}

/// landlock(7), and nothing of it best effort: what is not held by it here is held by nothing.
fn restrict(rules: &[Rule]) -> io::Result<()> {
    let error = |error: landlock::RulesetError| io::Error::other(error.to_string());
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST_ABI))
        .and_then(|rules| rules.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp))
        .and_then(|rules| rules.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(error)?
        .no_new_privs(true);
    let own_proc = own_proc(std::process::id() as i32);
    for rule in rules.iter().chain([&own_proc]) {
        let Some((place, directory)) = pin(&rule.path) else { continue };
        let access = if directory { rule.access } else { rule.access & AccessFs::from_file(NEWEST_ABI) };
        ruleset = ruleset.add_rule(PathBeneath::new(place, access)).map_err(error)?;
    }
    let status = ruleset.restrict_self().map_err(error)?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(io::Error::other("Landlock is not in force, and nothing else would hold the files"));
    }
    Ok(())
}

/// A path as it stands: a link is shown, and where it leads needs a rule of its own. `None` when nobody can get there.
fn pin(path: &Path) -> Option<(OwnedFd, bool)> {
    use nix::fcntl::{OFlag, open};
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let place = open(path, flags, nix::sys::stat::Mode::empty()).ok()?;
    match nix::sys::stat::fstat(&place).ok()?.st_mode & libc::S_IFMT {
        libc::S_IFLNK => None,
        kind => Some((place, kind == libc::S_IFDIR)),
    }
}

/// Between two looks for what is left.
const A_MOMENT: std::time::Duration = std::time::Duration::from_millis(1);

/// Stay until the program has ended or the supervisor wants it to, then end everything that it started.
fn keep(program: i32, control: &OwnedFd) {
    let mut status = wait_for_an_end(program, control);
    let tree = Tree::below(std::process::id() as i32);
    loop {
        tree.end();
        match reap(program) {
            Some(Reaped::Program(found)) => status = status.or(Some(found)),
            Some(Reaped::Other) => {}
            Some(Reaped::NobodyLeft) => break,
            None => std::thread::sleep(A_MOMENT),
        }
    }
    if let Some(status) = status {
        let _ = wire::send(control.as_fd(), &Message::Exited { status }, &[]);
    }
    // The supervisor takes a last look at what was left behind, and closes its end.
    let _ = shutdown(control.as_raw_fd(), Shutdown::Write);
    wait_for_hang_up(control);
}

/// The program's status, when it was the one to end.
fn wait_for_an_end(program: i32, control: &OwnedFd) -> Option<i32> {
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
        let _ = poll(&mut fds, PollTimeout::NONE);
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

/// Remove a run's folder, whatever modes the program has left in it. Links are removed, never followed.
pub(super) fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let _ = fs::set_permissions(&folder, Permissions::from_mode(0o700));
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// Entries of the private folder that are looked at: as many as the file system in memory has elsewhere.
const MOST_ENTRIES: usize = 65_536;
/// What an entry takes at least.
const PAGE: u64 = 4096;

/// Bytes on disk below the run's folder, which has no bound of its own; every file once. With them what has been deleted
/// and is still open.
pub(super) fn used(private: &Path, processes: &[i32]) -> u64 {
    let mut seen = HashSet::new();
    let mut used = 0;
    let mut add = |data: &fs::Metadata, seen: &mut HashSet<(u64, u64)>| {
        if seen.insert((data.dev(), data.ino())) {
            used += (data.blocks() * 512).max(PAGE);
        }
    };
    let mut open = vec![private.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            if data.is_dir() {
                open.push(entry.path());
            }
            add(&data, &mut seen);
        }
        if seen.len() > MOST_ENTRIES {
            break;
        }
    }
    for process in processes {
        for descriptor in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            match fs::metadata(descriptor.path()) {
                Ok(data) if data.is_file() && data.nlink() == 0 => add(&data, &mut seen),
                _ => {}
            }
        }
    }
    used
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
    use super::*;
    use crate::sandbox::plan::Limits;

    fn plan(view: Vec<Bind>) -> Plan {
        Plan {
            program: "/bin/true".into(),
            argv: Vec::new(),
            env: vec![("HOME".into(), Plan::HOME.into()), ("TMPDIR".into(), "/tmp".into())],
            cwd: Plan::SCRATCH.into(),
            stdin: Vec::new(),
            view,
            execute: Vec::new(),
            may_execute: false,
            net: Vec::new(),
            limits: Limits::default(),
            observe: Observe::Full,
            require_full: false,
        }
    }

    fn bind(path: &Path, access: Access) -> Bind {
        Bind { path: path.to_owned(), access, system: false }
    }

    #[test]
    fn what_is_closed_in_an_open_folder_has_no_rule_and_its_neighbours_have() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        for file in ["a/b/secret", "a/b/open", "a/other", "top"] {
            fs::write(at(file), "").unwrap();
        }
        let view = vec![
            bind(folder.path(), Access::Write),
            bind(&at("a/other"), Access::Read),
            bind(&at("a/b/secret"), Access::Deny),
        ];
        let rules = rules(&plan(view), Path::new("/private")).unwrap();
        let access = |path: &Path| {
            let around = rules.iter().filter(|rule| path.starts_with(&rule.path));
            around.fold(BitFlags::empty(), |sum: BitFlags<AccessFs>, rule| sum | rule.access)
        };
        assert_eq!(access(&at("top")), to_write());
        assert_eq!(access(&at("a/b/open")), to_write());
        assert_eq!(access(&at("a/other")), to_read());
        assert!(access(&at("a/b/secret")).is_empty());
        assert!(access(&at("a/b/new")).is_empty() && access(folder.path()).is_empty());
    }

    #[test]
    fn private_places_move_and_what_is_shown_stays() {
        let adapted = adapted(&plan(Vec::new()), Path::new("/p"));
        assert_eq!(adapted.env[0].1, "/p/home");
        assert_eq!(adapted.env[1].1, "/p/tmp");
        assert_eq!(adapted.cwd, Path::new("/p/scratch"));
        let below_tmp =
            Plan { cwd: "/tmp/skill".into(), ..plan(vec![bind(Path::new("/tmp/skill"), Access::Read)]) };
        assert_eq!(super::adapted(&below_tmp, Path::new("/p")).cwd, Path::new("/tmp/skill"));
    }

    #[test]
    fn a_folder_is_removed_whatever_its_modes() {
        let base = tempfile::tempdir().unwrap();
        let private = make_below(base.path()).unwrap();
        fs::create_dir(private.join("tmp/closed")).unwrap();
        fs::write(private.join("tmp/closed/file"), vec![1; 8192]).unwrap();
        assert!(used(&private, &[]) >= 8192);
        fs::set_permissions(private.join("tmp/closed"), Permissions::from_mode(0o0)).unwrap();
        remove(&private);
        assert!(!private.exists());
    }
}
