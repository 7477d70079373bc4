//! Old runs in the real program, in a real terminal: what becomes of a run whose workbench is killed, or left.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "workbench/greet.rs"]
mod greet;
#[allow(dead_code, reason = "a module of several test programs, not all of which use everything")]
mod pty;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use greet::{is_running, open, script_of, workspace};
use nix::sys::signal::Signal;
use pty::{Terminal, skilldeck};

const PATIENCE: Duration = Duration::from_secs(30);

/// The command line on the same journal.
fn command(dir: &Path, args: &[&str]) -> Output {
    skilldeck(dir).args(args).output().unwrap()
}

fn shown(dir: &Path) -> (String, String) {
    let output = command(dir, &["runs", "show", "last"]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_ends_with_a_killed_workbench_and_is_in_the_history_with_what_it_printed() {
    let dir = workspace("echo alive; echo trouble >&2; while :; do :; done");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("alive");
    terminal.wait_for("trouble");
    assert!(is_running(&script_of(dir.path())));
    terminal.signal(Signal::SIGKILL);
    terminal.wait_end();
    wait_until("the skill has ended", || !is_running(&script_of(dir.path())));

    wait_until("the run counts as interrupted", || shown(dir.path()).1.contains("interrupted"));
    let (stdout, stderr) = shown(dir.path());
    assert_eq!(stdout, "alive\n");
    assert!(stderr.starts_with("trouble\n"), "{stderr}");

    // A new workbench.
    let mut terminal = open(dir.path());
    terminal.keys("5\t");
    terminal.wait_for("interrupted: the program that started it went away");
    terminal.keys("\r");
    terminal.wait_for("old run");
    terminal.wait("its output", |screen| screen.contains("alive") && screen.contains("trouble"));
    terminal.wait_for("interrupted");
    terminal.keys("qq");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn a_run_under_way_when_the_workbench_is_left_is_in_the_history_as_cancelled() {
    let dir = workspace("echo alive; while :; do :; done");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("alive");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    assert!(!is_running(&script_of(dir.path())));
    let (stdout, stderr) = shown(dir.path());
    assert_eq!(stdout, "alive\n");
    assert!(stderr.contains("cancelled") && !stderr.contains("interrupted"), "{stderr}");
    let mut terminal = open(dir.path());
    terminal.keys("5\t");
    terminal.wait_for("just now");
    terminal.keys("\r");
    terminal.wait_for("old run");
    terminal.wait("its output and end", |screen| screen.contains("alive") && screen.contains("cancelled"));
}

#[test]
fn runs_of_the_command_line_come_by_themselves_and_can_be_played_compared_and_exported() {
    let dir = workspace("echo one; sleep 0.3; echo two; cat /etc/shadow");
    let mut terminal = open(dir.path());
    terminal.keys("5\t");
    terminal.wait_for("no runs of this skill yet");
    command(dir.path(), &["run", "greet", "--", "first"]);
    terminal.wait_for("greet.sh first");
    fs::write(script_of(dir.path()), "#!/bin/sh\necho one; echo three\n").unwrap();
    command(dir.path(), &["run", "greet", "--", "second"]);
    terminal.wait_for("greet.sh second");
    // At the top it stays at the top.
    terminal.keys("d");
    terminal.wait("the difference", |screen| {
        screen.contains("-two") && screen.contains("+three") && screen.contains("lost")
    });
    terminal.keys("\x1b");
    terminal.wait("the list", |screen| !screen.contains("Two runs compared"));
    terminal.keys("x\r");
    terminal.wait_for("exported to");
    let exported = fs::read_dir(dir.path()).unwrap().flatten();
    let file = exported.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "json"));
    let report = fs::read_to_string(file.unwrap()).unwrap();
    assert!(report.contains("\"stdout\": \"one\\nthree\\n\""), "{report}");
    terminal.keys("jp");
    terminal.wait_for("played to its end");
    terminal.wait("all of it", |screen| screen.contains("two") && screen.contains("old run"));
    // When nothing plays, nothing moves.
    terminal.wait_quiet(Duration::from_millis(400));
    let written = terminal.raw().len();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(terminal.raw().len(), written);
    terminal.keys("\x1b");
    terminal.wait_for("greet.sh second");
    terminal.keys("Dj\r");
    terminal.wait_for("removed the run of greet");
    assert_eq!(fs::read_dir(dir.path().join(".local/state/skilldeck/runs")).unwrap().count(), 1);
}

#[test]
fn settings_bound_the_journal_and_errors_in_them_forget_nothing() {
    let dir = workspace("echo hi");
    let config = dir.path().join(".config/skilldeck");
    fs::create_dir_all(&config).unwrap();
    let records = || fs::read_dir(dir.path().join(".local/state/skilldeck/runs")).unwrap().count();
    for _ in 0..3 {
        command(dir.path(), &["run", "greet"]);
    }
    assert_eq!(records(), 3);
    fs::write(config.join("config.toml"), "[journal]\nrun = 2\n").unwrap();
    let output = command(dir.path(), &["run", "greet"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("config.toml:2:1: unknown setting `run`"), "{told}");
    assert_eq!(records(), 4, "nothing is forgotten");
    let mut terminal = Terminal::start(skilldeck(dir.path()), 100, 30);
    terminal.wait_for("config.toml:2:1");
    terminal.keys("q");
    terminal.wait_end();
    fs::write(config.join("config.toml"), "[journal]\nruns = 2\n").unwrap();
    assert!(command(dir.path(), &["run", "greet"]).status.success());
    assert_eq!(records(), 2);
}
