//! Keys of one's own, the palette, and what is found again at the next start: the real program in a real terminal.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code, reason = "a module of several test programs, not all of which use everything")]
mod pty;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use pty::{Terminal, skilldeck};
use tempfile::TempDir;

/// A workspace with two shell skills; it is the user's home, too.
fn workspace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["greet", "part"] {
        let skill = dir.path().join(".skills").join(name);
        fs::create_dir_all(skill.join("scripts")).unwrap();
        let text =
            format!("---\nname: {name}\ndescription: Says {name}. Use when somebody is there.\n---\n# Hi\n");
        fs::write(skill.join("SKILL.md"), text).unwrap();
        fs::write(skill.join(format!("scripts/{name}.sh")), "#!/bin/sh\necho \"$@\"\n").unwrap();
    }
    dir
}

fn key_file(dir: &Path, text: &str) {
    let folder = dir.join(".config/skilldeck");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("keys.toml"), text).unwrap();
}

fn open(dir: &Path) -> Terminal {
    let terminal = Terminal::start(skilldeck(dir), 100, 30);
    terminal.wait_for("part");
    terminal.wait_for("SKILL.md");
    terminal
}

fn leave(mut terminal: Terminal) {
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

fn kept(dir: &Path) -> Option<PathBuf> {
    let folder = dir.join(".local/state/skilldeck/workbench");
    let mut files = fs::read_dir(folder).ok()?;
    let file = files.next()?.unwrap().path();
    assert!(files.next().is_none(), "something is left beside {}", file.display());
    Some(file)
}

fn keys(dir: &Path, arguments: &[&str]) -> Output {
    skilldeck(dir).arg("keys").args(arguments).output().unwrap()
}

#[test]
fn the_palette_finds_and_does() {
    let dir = workspace();
    let mut terminal = open(dir.path());
    terminal.keys(":");
    terminal.wait_for("an action, a skill, a theme");
    terminal.keys("cancel");
    terminal.wait_for("nothing is running");
    terminal.keys("\x15part\r");
    terminal.wait_for("name: part");
    // Ctrl-P as well, and the run of what was found.
    terminal.keys("\x10run the chosen\r");
    terminal.wait_for("exit 0");
    leave(terminal);
}

#[test]
fn a_key_file_is_in_force_and_its_mistakes_are_told() {
    let dir = workspace();
    key_file(dir.path(), "[keys]\nrnu = 'f5'\nhelp = 'f1'\nquit = ['q', 'ctrl-q']\n");
    let mut terminal = Terminal::start(skilldeck(dir.path()), 140, 30);
    terminal.wait_for("keys.toml:2:1: unknown action `rnu`; did you mean `run`?");
    terminal.keys("\x1bOP");
    terminal.wait_for("run the chosen entry");
    terminal.wait_for("F1");
    terminal.keys("\x1b");
    terminal.wait("the help is closed", |screen| !screen.contains("run the chosen entry"));
    terminal.keys("?");
    terminal.keys("\x11");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn keys_are_printed_and_checked() {
    let dir = workspace();
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let checked = keys(dir.path(), &["--check"]);
    assert!(checked.status.success() && said(&checked).contains("no key file"));
    key_file(dir.path(), "[keys]\nrun = ['f5', 'r']\nzoom = 'q'\n");
    let checked = keys(dir.path(), &["--check"]);
    assert_eq!(checked.status.code(), Some(1));
    let problem = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(problem.contains("keys.toml:3:1: `q` would mean both `zoom` and `quit`"), "{problem}");
    let json: serde_json::Value =
        serde_json::from_slice(&keys(dir.path(), &["--format", "json"]).stdout).unwrap();
    let run = json.as_array().unwrap().iter().find(|line| line["id"] == "run").unwrap();
    assert_eq!((&run["keys"][0], &run["default_keys"][0]), (&"f5".into(), &"r".into()));
    // What is printed to begin with is sound, and says nothing.
    let begin = said(&keys(dir.path(), &["--defaults"]));
    key_file(dir.path(), &begin);
    assert!(keys(dir.path(), &["--check"]).status.success());
    let all = |arguments: &[&str]| said(&keys(dir.path(), arguments));
    assert_eq!(all(&["--format", "toml"]), all(&["--defaults", "--format", "toml"]));
    assert!(begin.contains("# run = [\"r\"]"), "{begin}");
    let missing = keys(dir.path(), &["--file", "nowhere.toml"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn it_opens_where_it_was_left() {
    let dir = workspace();
    let mut terminal = open(dir.path());
    terminal.keys("j");
    terminal.wait_for("name: part");
    terminal.keys("i--city Bern\r");
    terminal.wait_for("exit 0");
    terminal.keys("w2:light\r");
    terminal.wait_for("--city Bern");
    leave(terminal);
    let file = kept(dir.path()).unwrap();
    let mut terminal = Terminal::start(skilldeck(dir.path()), 100, 30);
    terminal.wait_for("re-run on save off");
    terminal.wait_for("edits its input: --city Bern");
    terminal.wait_for("runs scripts/part.sh");
    terminal.keys("r");
    terminal.wait_for("exit 0");
    leave(terminal);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"theme\": \"light\""), "{text}");

    // Switched off: neither read nor written.
    let mut command = skilldeck(dir.path());
    command.env("SKILLDECK_STATE", "off");
    let mut terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("name: greet");
    assert!(!terminal.text().contains("re-run on save off"));
    terminal.keys("T\r>");
    leave(terminal);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_broken_file_of_the_state_is_told_and_written_anew() {
    let dir = workspace();
    let mut terminal = open(dir.path());
    terminal.keys("w");
    terminal.wait_for("re-run on save is off");
    leave(terminal);
    let file = kept(dir.path()).unwrap();
    fs::write(&file, "{ \"tab\": ").unwrap();
    let mut terminal = Terminal::start(skilldeck(dir.path()), 200, 30);
    terminal.wait_for("not used: ");
    terminal.keys("2");
    terminal.wait_for("runs scripts/greet.sh");
    leave(terminal);
    let read =
        |file: &Path| serde_json::from_str::<serde_json::Value>(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(read(&file)["tab"], "Run");
    // A pipe in its place would never end.
    fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let terminal = Terminal::start(skilldeck(dir.path()), 200, 30);
    terminal.wait_for("no regular file");
    leave(terminal);
}

#[test]
fn two_at_once_leave_a_whole_file() {
    let dir = workspace();
    let (mut one, mut two) = (open(dir.path()), open(dir.path()));
    for _ in 0..20 {
        one.keys(">");
        two.keys("w");
    }
    one.keys("q");
    two.keys("q");
    assert_eq!((one.wait_end().code(), two.wait_end().code()), (Some(0), Some(0)));
    let text = fs::read_to_string(kept(dir.path()).unwrap()).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
}

#[test]
fn a_signal_keeps_where_one_was() {
    let dir = workspace();
    let mut terminal = open(dir.path());
    terminal.keys("2");
    terminal.wait_for("runs scripts/greet.sh");
    terminal.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(terminal.wait_end().code(), Some(143));
    assert!(fs::read_to_string(kept(dir.path()).unwrap()).unwrap().contains("\"tab\": \"Run\""));
}
