//! The processes of a run as the host numbers them: everything that descends from the sandbox's first process.
//!
//! For runs without a `/proc` or a process namespace of their own. What has been seen once is remembered with its time
//! of start, so that a process whose parents have ended is still known.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

#[derive(Debug, Clone)]
pub(super) struct Tree {
    first: i32,
    /// The launcher, a subreaper too: whom the first process leaves behind becomes its child.
    heir: Option<i32>,
    /// Number and time of start.
    seen: Arc<Mutex<HashMap<i32, u64>>>,
}

/// Deepest line of parents that is followed.
const DEEPEST: usize = 4096;
/// Longer than any run's processes need to die.
const PATIENCE: Duration = Duration::from_secs(5);

impl Tree {
    /// `first` itself is not one of the run's processes.
    pub(super) fn below(first: i32) -> Self {
        Self { first, heir: parent(first), seen: Arc::default() }
    }

    pub(super) fn first(&self) -> i32 {
        self.first
    }

    /// All that are alive, or have ended and wait to be reaped.
    pub(super) fn list(&self) -> Vec<i32> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|pid, start| started(*pid) == Some(*start));
        let mut found: HashMap<i32, u64> = HashMap::new();
        let mut open: Vec<i32> = seen.keys().copied().chain([self.first]).collect();
        if has_ended(self.first) {
            open.extend(self.left_behind());
        }
        while let Some(pid) = open.pop() {
            if pid != self.first {
                match started(pid) {
                    Some(start) if found.insert(pid, start).is_none() => {}
                    _ => continue,
                }
            }
            open.extend(children(pid));
        }
        *seen = found;
        seen.keys().copied().collect()
    }

    /// Children of the launcher that came to it from a run: nobody else there is under more filters than this process.
    fn left_behind(&self) -> Vec<i32> {
        let own = filters(std::process::id() as i32);
        let mut all = self.heir.map(children).unwrap_or_default();
        all.retain(|pid| own.is_some() && filters(*pid) > own);
        all
    }

    /// Whether the process or thread belongs to the run.
    pub(super) fn contains(&self, id: i32) -> bool {
        let mut next = group(id);
        for _ in 0..DEEPEST {
            match next {
                Some(pid) if pid == self.first => return false,
                Some(pid) if parent(pid) == Some(self.first) => return true,
                Some(pid) if pid > 1 => next = parent(pid),
                _ => break,
            }
        }
        group(id).is_some_and(|pid| self.list().contains(&pid))
    }

    /// End every one of them. A process that forks on and on is met sooner or later: until then it is looked for.
    /// Returns whether nobody is left.
    pub(super) fn end(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            let alive: Vec<i32> = self.list().into_iter().filter(|pid| !has_ended(*pid)).collect();
            if alive.is_empty() {
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            for pid in alive {
                let start = started(pid);
                // Held by a descriptor, so that its number cannot become somebody else's in between.
                let Some(held) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
                else {
                    continue;
                };
                if start.is_some() && started(pid) == start {
                    let _ = pidfd_send_signal(&held, Signal::KILL);
                }
            }
        }
    }
}

/// The fields of proc_pid_stat(5) behind the name; the first is the state.
fn fields(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: i32) -> Option<i32> {
    fields(pid)?.get(1)?.parse().ok()
}

/// Time of start, in ticks since boot.
fn started(pid: i32) -> Option<u64> {
    fields(pid)?.get(19)?.parse().ok()
}

fn has_ended(pid: i32) -> bool {
    fields(pid).is_none_or(|fields| matches!(fields[0].as_str(), "Z" | "X"))
}

fn status(tid: i32, field: &str) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(field))?.trim().parse().ok()
}

/// The process that a thread belongs to.
fn group(tid: i32) -> Option<i32> {
    status(tid, "Tgid:")
}

/// Seccomp filters that it is under: Linux 5.9.
fn filters(pid: i32) -> Option<i32> {
    status(pid, "Seccomp_filters:")
}

/// Each thread has a list of the children that it made: proc_tid_children(5). Kernels built without it are searched.
fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => found.extend(list.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && thread.path().exists() => {
                return searched(pid);
            }
            Err(_) => {}
        }
    }
    found
}

fn searched(of: i32) -> Vec<i32> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(*pid) == Some(of))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn descendants_are_found_also_when_their_parents_have_ended() {
        let mut shell = Command::new("sh");
        let mut shell =
            shell.args(["-c", "sleep 60 & sleep 60 & wait"]).stdin(Stdio::null()).spawn().unwrap();
        let tree = Tree::below(std::process::id() as i32);
        let first = shell.id() as i32;
        let of_shell = Tree::below(first);
        while of_shell.list().len() < 2 {
            std::thread::yield_now();
        }
        let sleepers = of_shell.list();
        assert!(sleepers.iter().all(|pid| tree.contains(*pid)), "{sleepers:?}");
        assert_eq!(searched(first).len(), 2);
        assert!(!tree.contains(1) && !of_shell.contains(first));
        shell.kill().unwrap();
        shell.wait().unwrap();
        let mut left = of_shell.list();
        left.sort_unstable();
        assert_eq!(left.len(), 2);
        assert!(of_shell.end());
        assert!(left.into_iter().all(has_ended));
    }
}
