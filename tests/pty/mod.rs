//! A program in a terminal of its own, looked at through a terminal emulator.

use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

/// How long a state is waited for. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

struct Seen {
    screen: vt100::Parser,
    /// Everything that was written to the terminal.
    raw: Vec<u8>,
    last: Instant,
}

/// A running program and its terminal.
pub(crate) struct Terminal {
    child: Child,
    master: std::fs::File,
    /// Kept open, so that the terminal's modes can still be asked for when the program is gone.
    slave: OwnedFd,
    seen: Arc<Mutex<Seen>>,
    pub(crate) before: Termios,
}

impl Terminal {
    pub(crate) fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let pty = open(columns, rows);
        let before = tcgetattr(pty.slave.as_fd()).unwrap();
        let child = command
            .stdin(pty.slave.try_clone().unwrap())
            .stdout(pty.slave.try_clone().unwrap())
            .stderr(pty.slave.try_clone().unwrap())
            .spawn()
            .unwrap();
        let master = std::fs::File::from(pty.master);
        let seen = Arc::new(Mutex::new(Seen {
            screen: vt100::Parser::new(cells(rows), cells(columns), 0),
            raw: Vec::new(),
            last: Instant::now(),
        }));
        let (mut reader, sink) = (master.try_clone().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let mut seen = sink.lock().unwrap();
                seen.screen.process(&bytes[..count]);
                seen.raw.extend_from_slice(&bytes[..count]);
                seen.last = Instant::now();
            }
        });
        Self { child, master, slave: pty.slave, seen, before }
    }

    pub(crate) fn keys(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn text(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    pub(crate) fn raw(&self) -> Vec<u8> {
        self.seen.lock().unwrap().raw.clone()
    }

    /// Wait until the screen is as wanted.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if wanted(&self.text()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("waited in vain for {what}; the screen is\n{}", self.text());
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Wait until nothing was written for `quiet`.
    pub(crate) fn wait_quiet(&self, quiet: Duration) {
        let until = Instant::now() + PATIENCE;
        while self.seen.lock().unwrap().last.elapsed() < quiet {
            assert!(Instant::now() < until, "the terminal is never quiet");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.seen.lock().unwrap().screen.screen_mut().set_size(cells(rows), cells(columns));
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(self.master.as_fd(), size).unwrap();
        // The terminal is not the controlling one, so the kernel does not tell.
        self.signal(Signal::SIGWINCH);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    #[track_caller]
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.wait_quiet(Duration::from_millis(50));
                return status;
            }
            assert!(Instant::now() < until, "does not end; the screen is\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(self.slave.as_fd()).unwrap()
    }

    /// The terminal is as it was before the program started.
    #[track_caller]
    pub(crate) fn assert_restored(&self) {
        assert_eq!(self.modes(), self.before, "line discipline");
        let seen = self.seen.lock().unwrap();
        let screen = seen.screen.screen();
        assert!(!screen.alternate_screen(), "alternate screen");
        assert!(!screen.hide_cursor(), "cursor");
        assert!(!screen.bracketed_paste(), "bracketed paste");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "mouse");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The workbench on the folder `workspace`, with a clean environment.
pub(crate) fn skilldeck(workspace: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skilldeck"));
    command
        .current_dir(workspace)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", workspace)
        .env("TERM", "xterm-256color")
        .env("COLORTERM", "truecolor")
        .env("EDITOR", "true");
    command
}

/// A new terminal. Children get only what they are given: a copy of the master would keep it alive.
fn open(columns: u16, rows: u16) -> nix::pty::OpenptyResult {
    let size = nix::pty::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size, None).unwrap();
    for end in [&pty.master, &pty.slave] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).unwrap();
    }
    pty
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap_or(NonZero::<u16>::MIN)
}

/// Start a program, wait until its terminal shows `text`, then take the terminal away.
pub(crate) fn hang_up(mut command: Command, text: &str) -> ExitStatus {
    let pty = open(100, 30);
    let stdio = || pty.slave.try_clone().unwrap();
    let mut child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
    drop(command);
    drop(pty.slave);
    let mut master = std::fs::File::from(pty.master);
    let mut seen = Vec::new();
    let mut bytes = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains(text) {
        let count = master.read(&mut bytes).unwrap();
        seen.extend_from_slice(&bytes[..count]);
    }
    drop(master);
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("lives on without a terminal");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
