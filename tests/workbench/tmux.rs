//! The workbench inside tmux: another terminal than the one that is looked at, with its own ideas of keys, sizes and the
//! clipboard.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::greet::workspace;
use super::pty::{Terminal, skilldeck};

/// A server of its own, with nobody's configuration; ended with the test.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(["-u", "-f", "/dev/null"]);
        command
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}

/// The program of `inner`, with its environment, in a session of `tmux`.
fn session(tmux: &Tmux, inner: &Command, folder: &Path) -> Command {
    let mut outer = tmux.command();
    outer.current_dir(folder).env_clear();
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // The shell that starts it: that of an account without a login would not.
    outer.env("SHELL", "/bin/sh").arg("new-session").arg(inner.get_program());
    outer
}

#[test]
fn inside_tmux_it_is_the_same() {
    if !Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: tmux is not installed");
        return;
    }
    let dir = workspace("echo hello from inside");
    let tmux = Tmux { socket: dir.path().join("tmux") };
    let mut terminal = Terminal::start(session(&tmux, &skilldeck(dir.path()), dir.path()), 100, 30);
    terminal.wait_for("name: greet");
    terminal.wait_for("? help");
    // Escape alone is a key too, and not for long the beginning of another one.
    terminal.keys("?");
    terminal.wait_for("play the old run again");
    terminal.keys("\x1b");
    terminal.wait("the help to close", |screen| !screen.contains("play the old run again"));
    let colours = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert!(colours.contains("\x1b[38;"), "colours reach the terminal");

    terminal.keys("\tjy");
    terminal.wait_for("copied the line");
    let until = Instant::now() + Duration::from_secs(20);
    while tmux.says(&["show-buffer"]) != "name: greet" {
        assert!(Instant::now() < until, "the buffer of tmux is {:?}", tmux.says(&["show-buffer"]));
        std::thread::sleep(Duration::from_millis(20));
    }
    // base64 of `name: greet`, for the clipboard of the terminal around.
    terminal.wait_quiet(Duration::from_millis(200));
    assert!(String::from_utf8_lossy(&terminal.raw()).contains("bmFtZTogZ3JlZXQ="));

    terminal.keys("r");
    terminal.wait_for("exit 0");
    terminal.wait_for("hello from inside");
    terminal.resize(80, 24);
    let size = || tmux.says(&["display-message", "-p", "#{pane_width}x#{pane_height}"]);
    while size().trim() != "80x23" {
        assert!(Instant::now() < until, "{}", size());
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.wait("the new size", |screen| {
        screen.lines().nth(22).is_some_and(|line| line.contains("? help") && line.len() <= 80)
    });
    terminal.keys("q");
    assert!(terminal.wait_end().success());
    terminal.assert_restored();
}
