//! A descriptor that the program watched with epoll before it connected is watched again after it was replaced.
//!
//! epoll(7) keeps a watched descriptor by its open file, so one that is exchanged drops out without a word, and a
//! program that registers first and connects then (Java's Netty does) would wait for ever.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::super::tracee;

/// One epoll instance that watches the descriptor, and what for.
pub(super) struct Watcher {
    epoll: OwnedFd,
    events: u32,
    data: u64,
}

/// The epoll instances of a process that watch its descriptor `fd`: proc_pid_fdinfo(5). Read before the exchange.
pub(super) fn watchers(process: i32, fd: RawFd) -> Vec<Watcher> {
    let process_folder = Path::new("/proc").join(process.to_string());
    let Ok(descriptors) = fs::read_dir(process_folder.join("fd")) else { return Vec::new() };
    let mut watchers = Vec::new();
    for descriptor in descriptors.flatten() {
        let is_epoll = fs::read_link(descriptor.path())
            .is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]");
        let name = descriptor.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()).filter(|_| is_epoll) else {
            continue;
        };
        let info = fs::read_to_string(process_folder.join("fdinfo").join(&name)).unwrap_or_default();
        if let Some((events, data)) = info.lines().find_map(|line| watched(line, fd))
            && let Ok(epoll) = tracee::copy_descriptor(process, number)
        {
            watchers.push(Watcher { epoll, events, data });
        }
    }
    watchers
}

/// Events and data of a line `tfd: 5 events: 19 data: 5 pos:0 ino:1 sdev:8`, when it is about `fd`.
fn watched(line: &str, fd: RawFd) -> Option<(u32, u64)> {
    let mut words = line.split_whitespace();
    let mut value = |name: &str| if words.next()? == name { words.next() } else { None };
    let number: RawFd = value("tfd:")?.parse().ok()?;
    let events = u32::from_str_radix(value("events:")?, 16).ok()?;
    let data = u64::from_str_radix(value("data:")?, 16).ok()?;
    (number == fd).then_some((events, data))
}

/// Let each of them watch what is there now. The kernel knows a watched file by its number as well, and that has to be
/// the program's: so a thread with descriptors of its own puts ours in that place.
pub(super) fn watch_again(watchers: &[Watcher], fd: RawFd, ours: &OwnedFd) {
    if watchers.is_empty() {
        return;
    }
    let ours = ours.as_raw_fd();
    thread::scope(|scope| {
        let _ = thread::Builder::new().name("epoll".into()).spawn_scoped(scope, move || {
            if unshare(CloneFlags::CLONE_FILES).is_err() {
                return;
            }
            // Out of the way of `fd`, which may be the number of anything here.
            let above = |watcher: &Watcher| {
                // SAFETY: plain numbers; the new descriptors are this thread's own, and end with it.
                unsafe { libc::fcntl(watcher.epoll.as_raw_fd(), libc::F_DUPFD_CLOEXEC, fd + 1) }
            };
            let epolls: Vec<RawFd> = watchers.iter().map(above).collect();
            // SAFETY: plain numbers, in a table of descriptors that no other thread sees.
            if ours != fd && unsafe { libc::dup3(ours, fd, libc::O_CLOEXEC) } < 0 {
                return;
            }
            for (watcher, epoll) in watchers.iter().zip(epolls) {
                let mut event = libc::epoll_event { events: watcher.events, u64: watcher.data };
                // SAFETY: plain numbers; the kernel reads one event.
                unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) };
            }
            // A thread that was joined may still hold its descriptors for a moment.
            // SAFETY: the table is this thread's own, and the thread ends here.
            unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) };
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_the_descriptor_is_understood() {
        let line = "tfd:        5 events:     2019 data:         ff00000005  pos:0 ino:3d78 sdev:8";
        assert_eq!(watched(line, 5), Some((0x2019, 0xff_0000_0005)));
        assert_eq!(watched(line, 6), None);
        assert_eq!(watched("flags:\t02000002", 5), None);
    }
}
