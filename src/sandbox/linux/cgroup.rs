//! A cgroup of its own for each run, where a part of the cgroup v2 tree is ours to use: the kernel then holds memory and
//! tasks over the whole process tree. cgroups(7), and the kernel's admin-guide/cgroup-v2.
//!
//! The launcher makes the group and starts PID 1 in it, so nothing inside was ever outside of it. The supervisor reads use
//! and events from it. The group is removed by whoever buries the run; one process of the launcher's, which outlives it for a
//! moment, removes what is left when everything else was killed.
//!
//! Processes may only live in the leaves of the tree. So a run's group stands beside our own, below the same parent, which
//! already hands the controllers down; only in the root of the tree it stands below. Nothing is moved, and no limit that
//! was set on our own group is escaped: where there is one, there are no groups.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};

/// Where groups can be made.
#[derive(Debug)]
pub(super) struct Delegation {
    base: PathBuf,
    /// Process number of the launcher, part of every name: what is left by one that has ended may be removed.
    owner: u32,
    /// Tells it from one of another process namespace that has the same number.
    token: u32,
    made: u32,
}

const PREFIX: &str = "skilldeck";
/// What must not be limited on our own group, for runs to stand beside it.
const UNLIMITED: [&str; 4] = ["memory.max", "memory.high", "memory.swap.max", "cpu.max"];
/// systemd gives every unit some bound of tasks. From so many on, a run that has a narrower one of its own escapes nothing.
const MANY_TASKS: u64 = 4096;

fn words(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn has_controllers(list: &[String]) -> bool {
    ["memory", "pids"].iter().all(|wanted| list.iter().any(|have| have == wanted))
}

impl Delegation {
    /// Look for a place on this machine; `None` when there is none, which is usual.
    pub(super) fn here() -> Option<Self> {
        let mount = Path::new("/sys/fs/cgroup");
        // Only there when the tree is of version 2; a hybrid one has no memory controller in that version.
        if !mount.join("cgroup.controllers").exists() {
            return None;
        }
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::"))?;
        Self::find(mount, own, std::process::id())
    }

    /// `own`: the group that we are in, as a path below `mount`.
    fn find(mount: &Path, own: &str, owner: u32) -> Option<Self> {
        if own.split('/').any(|part| part == "..") {
            return None;
        }
        let own = mount.join(own.trim_start_matches('/'));
        if !has_controllers(&words(&own.join("cgroup.controllers"))) {
            return None;
        }
        // The root of the whole tree is the only group without a type, and the only one that may hold both processes
        // and groups with controllers.
        let base = if own.join("cgroup.type").exists() {
            let limit = |file: &str| words(&own.join(file)).into_iter().next().filter(|word| word != "max");
            let few = |word: String| word.parse::<u64>().map_or(true, |tasks| tasks < MANY_TASKS);
            let limited =
                UNLIMITED.into_iter().any(|file| limit(file).is_some()) || limit("pids.max").is_some_and(few);
            if own == mount || limited {
                return None;
            }
            own.parent()?.to_owned()
        } else {
            own
        };
        let handed_down = base.join("cgroup.subtree_control");
        if !has_controllers(&words(&handed_down)) {
            fs::write(&handed_down, "+memory +pids").ok()?;
        }
        let delegation = Self::new(base, owner);
        delegation.sweep();
        Some(delegation)
    }

    fn new(base: PathBuf, owner: u32) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { base, owner, token: (now.as_nanos() / 1000) as u32, made: 0 }
    }

    /// How the names of all groups begin that are of this launcher.
    fn prefix(&self) -> String {
        format!("{PREFIX}-{}-{:x}-", self.owner, self.token)
    }

    /// Remove what launchers have left that are no more. Only what is empty: one that lives in another process namespace
    /// is not seen here.
    fn sweep(&self) {
        for (name, owner) in self.groups() {
            if owner != self.owner && !Path::new("/proc").join(owner.to_string()).exists() {
                let _ = fs::remove_dir(self.base.join(name));
            }
        }
    }

    /// Names of the groups here that are ours, and of which launcher.
    fn groups(&self) -> Vec<(String, u32)> {
        let Ok(entries) = fs::read_dir(&self.base) else { return Vec::new() };
        let parse = |name: &str| {
            let mut parts = name.split('-');
            let (prefix, owner) = (parts.next()?, parts.next()?.parse().ok()?);
            (prefix == PREFIX).then_some(owner)
        };
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                parse(&name).map(|owner| (name, owner))
            })
            .collect()
    }

    /// A new, empty group.
    pub(super) fn make(&mut self) -> io::Result<Cgroup> {
        self.made += 1;
        let name = format!("{}{}", self.prefix(), self.made);
        let path = self.base.join(&name);
        fs::create_dir(&path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let group = Cgroup { folder: rustix::fs::open(&path, flags, Mode::empty())?, name };
        Ok(group)
    }

    /// Remove a group, ending what is still in it. Returns whether it is gone.
    pub(super) fn remove(&self, name: &str) -> bool {
        let path = self.base.join(name);
        match fs::remove_dir(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(_) => {
                let _ = fs::write(path.join("cgroup.kill"), "1");
                false
            }
        }
    }

    /// Remove a group whose processes are just ending.
    pub(super) fn remove_soon(&self, name: &str) {
        const TRIES: u32 = 50;
        const PAUSE: Duration = Duration::from_millis(20);
        for _ in 0..TRIES {
            if self.remove(name) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Remove all groups of this launcher, which has ended.
    pub(super) fn remove_all(&self) {
        let prefix = self.prefix();
        for (name, _) in self.groups().into_iter().filter(|(name, _)| name.starts_with(&prefix)) {
            self.remove_soon(&name);
        }
    }
}

/// The group of one run.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: OwnedFd,
    pub name: String,
}

/// What a group's processes use.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupUse {
    /// Anonymous and shmem pages, and page tables; each page once.
    pub memory_bytes: u64,
    pub cpu_ms: u64,
}

/// What the kernel has done to a group's processes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupEvents {
    /// Processes were killed for memory.
    pub killed: bool,
    /// A fork or a new thread was refused.
    pub refused_tasks: bool,
}

impl Cgroup {
    /// One that was made by the launcher.
    pub(super) fn new(name: String, folder: OwnedFd) -> Self {
        Self { folder, name }
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { folder: self.folder.try_clone()?, name: self.name.clone() })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Set the bounds: bytes of memory, and tasks (processes and threads).
    pub(super) fn bound(&self, memory: u64, tasks: u64) -> io::Result<()> {
        // Machines without swap accounting do not have it, and those without swap do not need it.
        let _ = self.write("memory.swap.max", "0");
        // All or nothing: a program that goes on without one of its processes cannot be understood.
        self.write("memory.oom.group", "1")?;
        self.write("memory.max", &memory.to_string())?;
        self.write("pids.max", &tasks.to_string())
    }

    pub(super) fn usage(&self) -> GroupUse {
        let memory = self.read("memory.stat");
        let bytes = ["anon", "shmem", "pagetables"].iter().filter_map(|name| field(&memory, name)).sum();
        GroupUse {
            memory_bytes: bytes,
            cpu_ms: field(&self.read("cpu.stat"), "usage_usec").unwrap_or(0) / 1000,
        }
    }

    pub(super) fn events(&self) -> GroupEvents {
        let count = |file: &str, name: &str| field(&self.read(file), name).unwrap_or(0);
        GroupEvents {
            killed: count("memory.events", "oom_kill") > 0,
            refused_tasks: count("pids.events", "max") > 0,
        }
    }

    /// The most memory that was ever in use, file pages and kernel memory included.
    pub(super) fn peak_memory(&self) -> u64 {
        self.read("memory.peak").trim().parse().unwrap_or(0)
    }

    /// End everything in it at once (Linux 5.14).
    pub(super) fn kill(&self) {
        let _ = self.write("cgroup.kill", "1");
    }

    fn read(&self, file: &str) -> String {
        let read = || {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&self.folder, file, flags, Mode::empty())?;
            io::read_to_string(fs::File::from(fd))
        };
        read().unwrap_or_default()
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder, file, flags, Mode::empty())?;
        rustix::io::write(&fd, text.as_bytes())?;
        Ok(())
    }
}

/// A number in a flat keyed file.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests;
