//! The processes of a sandbox, seen through its own `/proc`, or the host's where it has none: how many, how much they use.
//!
//! Used by [`super::limits`] many times a second, so it reads as little as it can, and by the supervisor about `kill`.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::place::Root;
use super::tree::Tree;

/// Numbers of the processes inside, the sandbox's own first one left out.
pub(super) fn list(root: &Root) -> Vec<i32> {
    match root.tree() {
        Some(tree) => tree.list(),
        None => proc(root).map(|proc| list_all(&proc)).unwrap_or_default(),
    }
}

/// All that a `/proc` shows, PID 1 left out.
fn list_all(proc: &OwnedFd) -> Vec<i32> {
    let Ok(folder) = Dir::read_from(proc) else { return Vec::new() };
    folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok())
        .filter(|pid| *pid != 1)
        .collect()
}

fn proc(root: &Root) -> Option<OwnedFd> {
    root.open(Path::new("/proc")).ok()
}

/// The highest number in use.
pub(super) fn highest(root: &Root) -> i32 {
    let all = list(root).into_iter();
    let highest = if root.tree().is_some() { all.filter_map(inside).max() } else { all.max() };
    highest.unwrap_or(1)
}

/// Whether a process inside has this number there.
pub(super) fn exists(root: &Root, pid: i32) -> bool {
    if let Some(tree) = root.tree() {
        return tree.contains(pid) || tree.list().into_iter().any(|outside| inside(outside) == Some(pid));
    }
    root.open(&Path::new("/proc").join(pid.to_string()).join("stat")).is_ok()
}

/// The number of a process in the innermost namespace that it is in.
fn inside(pid: i32) -> Option<i32> {
    super::tracee::ids(pid).map(|ids| ids.inside)
}

/// Time of processes, over the whole tree.
///
/// A process that has ended is found in the time of its parent's children, but only when the parent has waited for it:
/// who ignores SIGCHLD never does (wait(2)). So what each was last seen to have used is remembered too.
#[derive(Debug, Default)]
struct Times {
    /// By number and start, what a process has used itself.
    alive: HashMap<(i32, u64), u64>,
    gone: u64,
}

impl Times {
    /// Take in what the processes show now, in ticks; returns the time of all since the start.
    fn update(&mut self, seen: &[Stat]) -> u64 {
        let waited_for: u64 = seen.iter().map(|stat| stat.own_ticks + stat.children_ticks).sum();
        let now: HashMap<(i32, u64), u64> =
            seen.iter().map(|stat| ((stat.pid, stat.trace.started), stat.own_ticks)).collect();
        self.gone +=
            self.alive.iter().filter(|(key, _)| !now.contains_key(key)).map(|(_, ticks)| ticks).sum::<u64>();
        self.alive = now;
        waited_for.max(self.gone + self.alive.values().sum::<u64>())
    }
}

/// What a look at the processes shows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub cpu_ms: u64,
    /// Not counted when there are too many processes: they will be ended.
    pub memory_bytes: u64,
    /// Alive: one that only waits to be waited for is none.
    pub processes: u64,
    /// Threads, and processes that wait to be waited for: what the kernel counts for `RLIMIT_NPROC`.
    pub tasks: u64,
    pub descriptors: u64,
    /// Descriptors of the process that has most.
    pub most_descriptors: u64,
}

/// Looks at the processes of one sandbox.
#[derive(Debug)]
pub(super) struct Processes {
    proc: Option<OwnedFd>,
    /// The sandbox's processes, where `proc` is the host's.
    tree: Option<Tree>,
    times: Times,
    ticks_per_second: u64,
    memory: Memory,
}

/// Memory of processes. What a process has changes only with its page faults, and reading it takes long.
#[derive(Debug, Default)]
struct Memory {
    /// What each had, when it looked so.
    own: HashMap<i32, (Trace, u64)>,
    proportional: Option<(Vec<Trace>, u64)>,
}

/// What tells a process with this memory from the same one with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trace {
    pid: i32,
    started: u64,
    faults: u64,
    resident: u64,
}

impl Memory {
    /// What is a process's alone or shared with others in memory.
    fn own(&mut self, proc: &OwnedFd, traces: &[Trace]) -> u64 {
        let before = std::mem::take(&mut self.own);
        for trace in traces {
            let known = before.get(&trace.pid).filter(|(then, _)| then == trace);
            let bytes = known.map_or_else(
                || read(proc, trace.pid, "status").map_or(0, |text| own_memory(&text)),
                |(_, bytes)| *bytes,
            );
            self.own.insert(trace.pid, (*trace, bytes));
        }
        self.own.values().map(|(_, bytes)| bytes).sum()
    }

    /// The same with every shared page counted once.
    fn proportional(&mut self, proc: &OwnedFd) -> u64 {
        let mut traces: Vec<Trace> = self.own.values().map(|(trace, _)| *trace).collect();
        traces.sort_by_key(|trace| trace.pid);
        if let Some((then, bytes)) = &self.proportional
            && *then == traces
        {
            return *bytes;
        }
        let own =
            |text: &str| kib(text, "Pss:").unwrap_or(0).saturating_sub(kib(text, "Pss_File:").unwrap_or(0));
        let texts = traces.iter().filter_map(|trace| read(proc, trace.pid, "smaps_rollup"));
        let bytes = texts.map(|text| own(&text) * 1024).sum();
        self.proportional = Some((traces, bytes));
        bytes
    }
}

impl Processes {
    pub(super) fn new(root: &Root) -> Self {
        Self {
            proc: proc(root),
            tree: root.tree().cloned(),
            times: Times::default(),
            ticks_per_second: ticks_per_second(),
            memory: Memory::default(),
        }
    }

    fn list(&self, proc: &OwnedFd) -> Vec<i32> {
        self.tree.as_ref().map_or_else(|| list_all(proc), Tree::list)
    }

    /// Use of all processes together.
    ///
    /// Memory is what is theirs alone or shared among them in memory (anonymous and shmem pages) and their page tables, so
    /// that the system's libraries are not counted. With more than `most` processes only their number is looked at.
    pub(super) fn look(&mut self, most: u64, memory: bool) -> Seen {
        let Some(proc) = &self.proc else { return Seen::default() };
        let pids = self.list(proc);
        let mut stats = Vec::with_capacity(pids.len() + 1);
        let mut seen = Seen::default();
        for pid in pids {
            let Some(stat) = stat(proc, pid) else { continue };
            seen.tasks += stat.threads.max(1);
            seen.processes += u64::from(stat.alive);
            stats.push(stat);
        }
        if seen.processes <= most {
            let alive = stats.iter().filter(|stat| stat.alive);
            if memory {
                let traces: Vec<Trace> = alive.clone().map(|stat| stat.trace).collect();
                seen.memory_bytes = self.memory.own(proc, &traces);
            }
            for stat in alive {
                let descriptors = descriptors(proc, stat.pid);
                seen.descriptors += descriptors;
                seen.most_descriptors = seen.most_descriptors.max(descriptors);
            }
        }
        // The first process has waited for what has ended.
        stats.extend(stat(proc, self.tree.as_ref().map_or(1, Tree::first)));
        seen.cpu_ms = self.times.update(&stats) * 1000 / self.ticks_per_second;
        seen
    }

    /// Memory of the processes of the last look with every shared page counted once: dearer, for when it matters.
    pub(super) fn proportional_memory(&mut self) -> u64 {
        self.proc.as_ref().map_or(0, |proc| self.memory.proportional(proc))
    }

    /// Whether a process has a file of just this length open to write to, whatever it is called by now.
    pub(super) fn writes_file_of(&self, length: u64) -> bool {
        /// Descriptors that are looked at: a program that has more open is held up by nothing less.
        const MOST: usize = 4096;
        let Some(proc) = &self.proc else { return false };
        let mut looked_at = 0;
        for pid in self.list(proc) {
            let Some(folder) = open_folder(proc, pid, "fd") else { continue };
            let Ok(entries) = Dir::read_from(&folder) else { continue };
            for entry in entries.flatten() {
                looked_at += 1;
                if looked_at > MOST {
                    return false;
                }
                if is_file_of(&folder, entry.file_name(), length) && is_writable(proc, pid, entry.file_name())
                {
                    return true;
                }
            }
        }
        false
    }
}

fn is_file_of(folder: &OwnedFd, name: &CStr, length: u64) -> bool {
    rustix::fs::statat(folder, name, AtFlags::empty()).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_size as u64 == length
    })
}

/// The access mode among a descriptor's flags: proc_pid_fdinfo(5).
fn is_writable(proc: &OwnedFd, pid: i32, name: &CStr) -> bool {
    let Ok(name) = name.to_str() else { return false };
    let info = read(proc, pid, &format!("fdinfo/{name}")).unwrap_or_default();
    let flags =
        info.lines().find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_ACCMODE != libc::O_RDONLY)
}

fn open_folder(proc: &OwnedFd, pid: i32, name: &str) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(proc, format!("{pid}/{name}"), flags, Mode::empty()).ok()
}

fn read(proc: &OwnedFd, pid: i32, name: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(proc, format!("{pid}/{name}"), flags, Mode::empty()).ok()?;
    let mut text = String::with_capacity(2048);
    std::fs::File::from(fd).read_to_string(&mut text).ok()?;
    Some(text)
}

fn kib(text: &str, field: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

fn own_memory(status: &str) -> u64 {
    ["RssAnon:", "RssShmem:", "VmPTE:"].iter().filter_map(|field| kib(status, field)).sum::<u64>() * 1024
}

fn descriptors(proc: &OwnedFd, pid: i32) -> u64 {
    // Since Linux 6.2 the size of that folder is the number of descriptors.
    match rustix::fs::statat(proc, format!("{pid}/fd"), AtFlags::empty()) {
        Ok(stat) if stat.st_size > 0 => stat.st_size as u64,
        Ok(_) => open_folder(proc, pid, "fd")
            .and_then(|folder| Dir::read_from(folder).ok())
            // Every folder lists itself and the one above.
            .map_or(0, |entries| (entries.count() as u64).saturating_sub(2)),
        Err(_) => 0,
    }
}

/// The part of proc_pid_stat(5) that is of interest here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    pid: i32,
    alive: bool,
    /// utime and stime.
    own_ticks: u64,
    /// cutime and cstime: of children that were waited for.
    children_ticks: u64,
    threads: u64,
    trace: Trace,
}

fn stat(proc: &OwnedFd, pid: i32) -> Option<Stat> {
    parse_stat(pid, &read(proc, pid, "stat")?)
}

fn parse_stat(pid: i32, text: &str) -> Option<Stat> {
    // The name may hold spaces and parentheses; the fields behind it start with the third.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let alive = !matches!(fields.next()?, "Z" | "X");
    let mut skip = |count: usize| fields.nth(count)?.parse::<u64>().ok();
    // minflt (10), majflt (12), then from utime (14) on.
    let faults = skip(6)? + skip(1)?;
    let (own_ticks, children_ticks) = (skip(1)? + skip(0)?, skip(0)? + skip(0)?);
    let (threads, started, resident) = (skip(2)?, skip(1)?, skip(1)?);
    let trace = Trace { pid, started, faults, resident };
    Some(Stat { pid, alive, own_ticks, children_ticks, threads, trace })
}

fn ticks_per_second() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .map_or(100, |ticks| ticks.max(1) as u64)
}

/// Private writable memory of a process, touched or not: what `RLIMIT_DATA` bounds.
pub(super) fn reserved_memory(tid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    kib(&status, "VmData:").unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::super::launcher::Identity;
    use super::*;

    #[test]
    fn time_is_read_behind_a_name_with_parentheses() {
        let text = "7 (a) b) S 1 7 7 0 -1 0 5 0 6 0 10 20 30 40 20 0 3 0 100 99999 88 0";
        let trace = Trace { pid: 7, started: 100, faults: 11, resident: 88 };
        let wanted = Stat { pid: 7, alive: true, own_ticks: 30, children_ticks: 70, threads: 3, trace };
        assert_eq!(parse_stat(7, text), Some(wanted));
        assert_eq!(parse_stat(7, "7 (a) b) S 1 7"), None);
        assert!(!parse_stat(7, &text.replace(" S ", " Z ")).unwrap().alive);
    }

    #[test]
    fn own_memory_leaves_files_out() {
        let status = "VmRSS:\t 100 kB\nRssAnon:\t 10 kB\nRssFile:\t 80 kB\nRssShmem:\t 5 kB\n";
        assert_eq!(own_memory(status), 15 * 1024);
    }

    #[test]
    fn the_time_of_children_that_nobody_waits_for_is_not_forgotten() {
        let one = |pid, own_ticks, children_ticks| Stat {
            pid,
            alive: true,
            own_ticks,
            children_ticks,
            threads: 1,
            trace: Trace { pid, started: 5, faults: 0, resident: 0 },
        };
        let mut times = Times::default();
        assert_eq!(times.update(&[one(2, 10, 0), one(3, 90, 0)]), 100);
        // Gone without a trace.
        assert_eq!(times.update(&[one(2, 10, 0), one(4, 50, 0)]), 150);
        assert_eq!(times.update(&[one(2, 10, 0)]), 150);
        // One that was waited for counts once.
        let mut times = Times::default();
        times.update(&[one(2, 10, 0), one(3, 90, 0)]);
        assert_eq!(times.update(&[one(2, 10, 95)]), 105);
    }

    #[test]
    fn this_process_is_seen() {
        let root = Root::new(OwnedFd::from(std::fs::File::open("/").unwrap()), Identity::current());
        let mut processes = Processes::new(&root);
        let seen = processes.look(u64::MAX, true);
        assert!(seen.processes > 0 && seen.tasks >= seen.processes, "{seen:?}");
        assert!(seen.most_descriptors >= 3 && seen.descriptors >= seen.most_descriptors, "{seen:?}");
        assert!(seen.memory_bytes > 0, "{seen:?}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, &vec![0; 54_321]).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(processes.writes_file_of(54_321));
        drop(file);
        assert!(!processes.writes_file_of(54_321));
    }
}
