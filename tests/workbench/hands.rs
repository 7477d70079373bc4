//! Hands on the keyboard and the mouse: sent to the background and back, clicked and scrolled.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::greet::{open, workspace};
use super::pty::Terminal;

/// State of the process: the field behind the name in proc_pid_stat(5).
fn process_state(terminal: &Terminal) -> char {
    let stat = fs::read_to_string(format!("/proc/{}/stat", terminal.pid())).unwrap();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap()
}

/// How often a control sequence was written to the terminal.
fn written(terminal: &Terminal, sequence: &str) -> usize {
    String::from_utf8_lossy(&terminal.raw()).matches(sequence).count()
}

#[track_caller]
fn wait(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn suspended_it_gives_the_terminal_back_and_takes_it_again() {
    let dir = workspace("echo hi");
    let mut terminal = open(dir.path());
    for how in ["a key", "a signal"] {
        let left = written(&terminal, "\x1b[?1049l");
        match how {
            "a key" => terminal.keys("\x1a"),
            _ => terminal.signal(Signal::SIGTSTP),
        }
        wait("it to stop", || process_state(&terminal) == 'T');
        wait("the screen to be left", || written(&terminal, "\x1b[?1049l") > left);
        terminal.wait_quiet(Duration::from_millis(50));
        terminal.assert_restored();
        terminal.signal(Signal::SIGCONT);
        terminal.wait_for("? help");
        assert_ne!(terminal.modes(), terminal.before, "raw mode after {how}");
        // It answers as before.
        terminal.keys("?");
        terminal.wait_for("play the old run again");
        terminal.keys("\x1b");
        terminal.wait("the help to close", |screen| !screen.contains("play the old run again"));
    }
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn the_mouse_chooses_tabs_until_it_is_switched_off() {
    let dir = workspace("echo hi");
    let mut terminal = open(dir.path());
    let column = |text: &str, wanted: &str| {
        let line = text.lines().nth(1).unwrap();
        line[..line.find(wanted).unwrap()].chars().count() + 2
    };
    let at = column(&terminal.text(), "3 Policy");
    // Press and release of the left button, as xterm's mode 1006 writes them.
    terminal.keys(&format!("\x1b[<0;{at};2M\x1b[<0;{at};2m"));
    terminal.wait_for("What the next run may do");
    assert!(written(&terminal, "\x1b[?1000h") > 0);
    let off = written(&terminal, "\x1b[?1000l");
    terminal.keys("m");
    wait("the mouse to be off", || written(&terminal, "\x1b[?1000l") > off);
}
