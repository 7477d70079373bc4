//! The processes of a sandbox, seen through its own `/proc`, or the host's where it has none: how many, how much they use.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::place::Root;
use super::tree::Tree;
use crate::sandbox::event::UsageSample;

/// Numbers of the processes inside, PID 1 (the sandbox's own) left out.
pub(super) fn list(root: &Root) -> Vec<i32> {
    if let Some(tree) = root.tree() {
        return tree.list();
    }
    let Ok(proc) = root.open(Path::new("/proc")) else { return Vec::new() };
    let Ok(folder) = rustix::fs::Dir::new(proc) else { return Vec::new() };
    folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok())
        .filter(|pid| *pid != 1)
        .collect()
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
    root.open(&file(pid, "stat")).is_ok()
}

/// The number of a process in the innermost namespace that it is in.
fn inside(pid: i32) -> Option<i32> {
    super::tracee::ids(pid).map(|ids| ids.inside)
}

fn file(pid: i32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

fn read(root: &Root, pid: i32, name: &str) -> Option<String> {
    let fd: OwnedFd = root.open(&file(pid, name)).ok()?;
    let mut text = String::new();
    std::fs::File::from(fd).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Use of all processes together.
///
/// Memory is what is theirs alone or shared among them in memory (anonymous and shmem pages) and their page tables, so
/// that the system's libraries are not counted. Time includes that of children that have ended and were waited for.
pub(super) fn usage(root: &Root) -> UsageSample {
    let pids = list(root);
    let mut sample = UsageSample { processes: pids.len() as u64, ..UsageSample::default() };
    for pid in pids.iter().copied() {
        sample.memory_bytes += read(root, pid, "status").map_or(0, |status| own_memory(&status));
        sample.descriptors += descriptors(root, pid);
    }
    // The first process has waited for what has ended.
    let first = root.tree().map_or(1, Tree::first);
    let ticks: u64 =
        std::iter::once(first).chain(pids).filter_map(|pid| cpu_ticks(&read(root, pid, "stat")?)).sum();
    sample.cpu_ms = ticks * 1000 / ticks_per_second();
    sample
}

/// Memory of all processes with every shared page counted once: dearer, for the moment of a decision.
pub(super) fn proportional_memory(root: &Root) -> u64 {
    let pss = |text: &str| kib(text, "Pss:").unwrap_or(0) - kib(text, "Pss_File:").unwrap_or(0);
    list(root)
        .into_iter()
        .filter_map(|pid| read(root, pid, "smaps_rollup"))
        .map(|text| pss(&text) * 1024)
        .sum()
}

fn kib(text: &str, field: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

fn own_memory(status: &str) -> u64 {
    ["RssAnon:", "RssShmem:", "VmPTE:"].iter().filter_map(|field| kib(status, field)).sum::<u64>() * 1024
}

fn descriptors(root: &Root, pid: i32) -> u64 {
    let Ok(fd) = root.open(&file(pid, "fd")) else { return 0 };
    // Since Linux 6.2 the size of that folder is the number of descriptors.
    nix::sys::stat::fstat(&fd).map_or(0, |stat| stat.st_size as u64)
}

/// utime, stime, cutime, cstime: fields 14 to 17 of proc_pid_stat(5).
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some(fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum())
}

fn ticks_per_second() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .map_or(100, |ticks| ticks.max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_behind_a_name_with_parentheses() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 10 20 30 40 20 0 1 0 100";
        assert_eq!(cpu_ticks(stat), Some(100));
    }

    #[test]
    fn own_memory_leaves_files_out() {
        let status = "VmRSS:\t 100 kB\nRssAnon:\t 10 kB\nRssFile:\t 80 kB\nRssShmem:\t 5 kB\n";
        assert_eq!(own_memory(status), 15 * 1024);
    }
}
