//! A program in a terminal of its own, read by the measuring thread itself: a time is that of the bytes, not of a
//! poll.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest wait for a state of the screen. What takes longer has failed, and the benchmark says so.
pub const PATIENCE: Duration = Duration::from_secs(100);

pub struct Terminal {
    child: Child,
    master: File,
    screen: vt100::Parser,
    /// Bytes that the program has written.
    pub written: u64,
    begun: Instant,
}

impl Terminal {
    pub fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let size = nix::pty::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(&size, None).unwrap();
        for end in [&pty.master, &pty.slave] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).unwrap();
        }
        let cells = |number| NonZero::new(number).unwrap();
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        let end = || pty.slave.try_clone().unwrap();
        let begun = Instant::now();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        Self { child, master: File::from(pty.master), screen, written: 0, begun }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    pub fn text(&self) -> String {
        self.screen().contents()
    }

    pub fn keys(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    /// Take what the program writes until `end`. Whether there was something.
    pub fn read_until(&mut self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        let millis = PollTimeout::try_from(left.as_micros().div_ceil(1000) as i32).unwrap();
        let mut polled = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut polled, millis).unwrap_or(0) == 0 {
            return false;
        }
        let mut bytes = vec![0; 64 * 1024];
        let Ok(count @ 1..) = self.master.read(&mut bytes) else { return false };
        self.screen.process(&bytes[..count]);
        self.written += count as u64;
        true
    }

    /// The time until the screen is as wanted, from now.
    #[track_caller]
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> Duration {
        let begin = Instant::now();
        let end = begin + PATIENCE;
        while !wanted(self.screen.screen()) {
            assert!(
                self.read_until(end),
                "{what}: not seen after {} s; the screen is\n{}",
                PATIENCE.as_secs(),
                self.text()
            );
        }
        begin.elapsed()
    }

    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> Duration {
        self.wait(text, |screen| screen.contents().contains(text))
    }

    /// The time from the start of the program until its screen shows `text`.
    #[track_caller]
    pub fn shows(mut self, text: &str) -> Duration {
        self.wait_for(text);
        self.begun.elapsed()
    }

    /// Take what comes until nothing has come for `quiet`.
    pub fn settle(&mut self, quiet: Duration) {
        while self.read_until(Instant::now() + quiet) {}
    }

    /// Go on reading for a while.
    pub fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.read_until(end);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Asked first: a program that attends others takes them with it.
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            self.read_until(Instant::now() + Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often the threads of a process went to sleep and were woken: voluntary context switches, proc_pid_status(5).
pub fn wake_ups(pid: u32) -> u64 {
    let of = |task: &Path| -> Option<u64> { field(&task.join("status"), "voluntary_ctxt_switches") };
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    tasks.filter_map(|task| of(&task.path())).sum()
}

/// Most memory of a process that was ever resident, in MiB.
pub fn peak_memory(pid: u32) -> u64 {
    field(Path::new(&format!("/proc/{pid}/status")), "VmHWM").unwrap() / 1024
}

fn field(file: &Path, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(file).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
