//! The Run tab in a real terminal, with real runs and a real installer.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[allow(dead_code, reason = "each test program uses a part of it")]
mod pty;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use common::packages::{can_prepare, wheel};
use pty::{Terminal, skilldeck};
use tempfile::TempDir;

/// A workspace with one skill of one script.
fn workspace(file: &str, script: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let skill = dir.path().join(".skills/greet");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    let manifest = "---\nname: greet\ndescription: Greets people. Use when somebody arrives.\n---\n# Greet\n";
    fs::write(skill.join("SKILL.md"), manifest).unwrap();
    fs::write(skill.join("scripts").join(file), script).unwrap();
    dir
}

fn open(dir: &Path) -> Terminal {
    let terminal = Terminal::start(skilldeck(dir), 120, 40);
    terminal.wait_for("greet");
    terminal.wait_for("? help");
    terminal
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn both_streams_are_shown_in_the_order_in_which_they_came() {
    // Between the lines the program waits for another one, so that the streams are read in between.
    let script = "import sys, time\nfor n in range(6):\n    stream = sys.stderr if n % 2 else sys.stdout\n    \
                  print('line', n, file=stream, flush=True)\n    time.sleep(0.15)\n";
    if !common::found("python3") {
        return;
    }
    let dir = workspace("greet.py", script);
    let mut terminal = open(dir.path());
    terminal.keys("rO");
    terminal.wait_for("exit 0");
    terminal.wait_for("line 5");
    let text = terminal.text();
    let places: Vec<usize> = (0..6).map(|n| text.find(&format!("line {n}")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("▌line 1") && text.contains(" line 2"), "{text}");
}

#[test]
fn a_silent_run_grows_older_on_the_screen() {
    let dir = workspace("greet.sh", "#!/bin/sh\nread line < /dev/null\nwhile :; do :; done\n");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    // No output, no denial: only time passes.
    for seconds in ["1.", "2.", "3."] {
        terminal.wait("its age", |screen| {
            screen
                .lines()
                .any(|line| line.contains("running") && line.contains(&format!("running   {seconds}")))
        });
    }
    assert!(terminal.text().contains("of 10 s"), "{}", terminal.text());
    terminal.keys("c");
    terminal.wait_for("cancelled");
}

#[test]
fn changes_and_their_diff_are_shown() {
    let dir = workspace("greet.sh", "#!/bin/sh\necho new > out/made.txt\necho after > out/known.txt\n");
    let skill = dir.path().join(".skills/greet");
    fs::create_dir(skill.join("out")).unwrap();
    fs::write(skill.join("out/known.txt"), "before\n").unwrap();
    fs::write(skill.join("policy.yaml"), "permissions:\n  write: [./out]\n").unwrap();
    if rustix::process::geteuid().is_root() {
        // The program runs as another user.
        for path in [skill.join("out"), skill.join("out/known.txt"), skill.clone()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
    }
    let mut terminal = open(dir.path());
    // What it asks for is read with the list of its files.
    terminal.wait_for("Files 4");
    terminal.keys("t\r");
    terminal.wait_for("in force");
    terminal.keys("r");
    terminal.wait_for("exit 0");
    terminal.keys("[[[");
    terminal.wait_for("~ modified");
    terminal.wait_for("+ added");
    terminal.keys("\r");
    terminal.wait_for("-before");
    terminal.wait_for("+after");
}

#[test]
fn packages_are_prepared_and_the_script_runs_with_them() {
    if !can_prepare() {
        return;
    }
    let dir = workspace("greet.py", "import mini\nprint('found it at', mini.hello())\n");
    let skill = dir.path().join(".skills/greet");
    let hash = wheel(&skill.join("wheels"));
    let requirements = format!("--no-index\n-f wheels\nmini==1.0 --hash=sha256:{hash}\n");
    fs::write(skill.join("requirements.txt"), requirements).unwrap();
    let mut command = skilldeck(dir.path());
    command.env("XDG_CACHE_HOME", dir.path().join("cache"));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut terminal = Terminal::start(command, 120, 40);
    terminal.wait_for("greet");
    terminal.keys("r");
    terminal.wait_for("environment not prepared");
    terminal.keys("P");
    terminal.wait_for("Packages to prepare");
    terminal.wait_for("requirements.txt declares mini");
    assert!(!dir.path().join("cache/skilldeck/environments").exists(), "nothing before the user's word");
    terminal.keys("\r");
    terminal.wait_for("running again");
    terminal.wait_for("found it at");
    terminal.wait_for("exit 0");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn copying_goes_to_the_clipboard_of_the_machine_too_and_never_waits() {
    let dir = workspace("greet.sh", "#!/bin/sh\necho hi\n");
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    executable(
        &bin.join("xclip"),
        "#!/bin/sh\ncat > \"$HOME/copied.tmp\"; mv \"$HOME/copied.tmp\" \"$HOME/copied\"\n",
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = skilldeck(dir.path());
    command.env("PATH", &path).env("DISPLAY", ":0");
    let mut terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("greet");
    terminal.keys("\tjy");
    terminal.wait_for("copied the line");
    let copied = dir.path().join("copied");
    common::wait_until("the text is in the clipboard", || copied.exists());
    assert_eq!(fs::read_to_string(&copied).unwrap(), "name: greet");
    // One that never ends neither holds the screen up nor lives on.
    executable(&bin.join("xclip"), "#!/bin/sh\necho $$ > \"$HOME/pid\"\nexec sleep 1000\n");
    terminal.keys("y");
    let pid = dir.path().join("pid");
    common::wait_until("it is started", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    terminal.keys("?");
    terminal.wait("the keys", |screen| screen.contains("─ keys "));
    let process = format!("/proc/{}", fs::read_to_string(&pid).unwrap().trim());
    common::wait_until("it is ended", || !Path::new(&process).exists());
    terminal.keys("qq");
    assert_eq!(terminal.wait_end().code(), Some(0));
}

#[test]
fn an_installation_does_not_outlive_the_workbench() {
    if !common::found("python3") {
        return;
    }
    let dir = workspace("greet.py", "import mini\n");
    fs::write(dir.path().join(".skills/greet/requirements.txt"), "mini==1.0\n").unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    // An installer that says something, and then takes for ever.
    let uv = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 9.9.9' && exit\necho $$ > \"$HOME/pid\"\n\
              echo looking for a python\nexec sleep 1000\n";
    executable(&bin.join("uv"), uv);
    let mut command = skilldeck(dir.path());
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    command.env("XDG_CACHE_HOME", dir.path().join("cache"));
    let mut terminal = Terminal::start(command, 120, 40);
    terminal.wait_for("greet");
    terminal.keys("P");
    terminal.wait_for("Packages to prepare");
    terminal.keys("\r");
    terminal.wait_for("looking for a python");
    terminal.wait("the time that it takes", |screen| screen.contains("preparing packages   1."));
    let process = format!("/proc/{}", fs::read_to_string(dir.path().join("pid")).unwrap().trim());
    assert!(Path::new(&process).exists());
    terminal.keys("c");
    terminal.wait_for("cancelled; nothing was prepared");
    assert!(!Path::new(&process).exists());
    // The same again, and quit.
    terminal.keys("P");
    terminal.wait_for("Packages to prepare");
    terminal.keys("\r");
    terminal.wait("it has begun", |_| {
        let again = fs::read_to_string(dir.path().join("pid")).unwrap_or_default();
        !again.is_empty() && !process.ends_with(&format!("/{}", again.trim()))
    });
    let process = format!("/proc/{}", fs::read_to_string(dir.path().join("pid")).unwrap().trim());
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    common::wait_until("the installer is gone", || !Path::new(&process).exists());
    terminal.wait_quiet(Duration::from_millis(50));
}
