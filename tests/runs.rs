//! The journal: what a run printed and was refused can be opened later, whatever became of the program that started it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Skill, User, as_everybody, open_folder, program, wait_until};
use serde_json::Value;

/// A skill, and a place for its user's journal.
struct Desk {
    skill: Skill,
    state: tempfile::TempDir,
    user: User,
}

impl Desk {
    fn new(user: User, script: &str) -> Self {
        let state = open_folder();
        fs::set_permissions(state.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self { skill: Skill::new("main.sh", &format!("#!/bin/sh\n{script}\n")), state, user }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.user);
        command.args(args).current_dir("/").stdin(Stdio::null()).env_remove("SKILLDECK_JOURNAL");
        command.env("HOME", "/nonexistent").env("XDG_STATE_HOME", self.state.path());
        command
    }

    fn run(&self) -> i32 {
        self.command(&["run"]).arg(&self.skill.path).output().unwrap().status.code().unwrap()
    }

    /// Exit status, stdout, stderr.
    fn runs(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(&[&["runs"], args].concat()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn listed(&self) -> Vec<Value> {
        let (_, out, err) = self.runs(&["--format", "json"]);
        let mut list: Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        serde_json::from_value(list["runs"].take()).unwrap()
    }
}

#[test]
fn an_old_run_looks_as_it_looked_live() {
    as_everybody(|user| {
        let desk = Desk::new(user, "echo out; echo err >&2; read x < /etc/shadow; exit 3");
        let live = desk.command(&["run"]).arg(&desk.skill.path).output().unwrap();
        let (code, out, err) = desk.runs(&["show", "last"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!((out.as_bytes(), err.as_bytes()), (&*live.stdout, &*live.stderr));

        let listed = desk.listed();
        assert_eq!(listed.len(), 1);
        assert_eq!((&listed[0]["state"], &listed[0]["outcome"]["code"]), (&"ended".into(), &3.into()));
        let (code, out, err) = desk.runs(&["export", "last"]);
        assert_eq!(code, 0, "{err}");
        let report: skilldeck::run::report::Report = serde_json::from_str(&out).unwrap();
        assert_eq!(report.stdout, "out\n");
        assert!(report.denials.iter().any(|denial| denial.target == "/etc/shadow"), "{out}");
    });
}

#[test]
fn what_was_printed_survives_the_death_of_the_program() {
    as_everybody(|user| {
        let desk = Desk::new(user, "echo before; while :; do :; done");
        let mut command = desk.command(&["run"]);
        let mut child =
            command.arg(&desk.skill.path).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut word = [0; 7];
        child.stdout.take().unwrap().read_exact(&mut word).unwrap();
        assert_eq!(&word, b"before\n");
        assert_eq!(desk.listed()[0]["state"], "running");
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("the run counts as interrupted", || desk.listed()[0]["state"] == "interrupted");
        let (code, out, err) = desk.runs(&["show", "last"]);
        assert_eq!((code, out.as_str()), (0, "before\n"));
        assert!(err.contains("interrupted"), "{err}");
    });
}

#[test]
fn runs_are_compared() {
    let desk = Desk::new(User::Caller, "echo one; read x < /etc/shadow; exit 1");
    desk.run();
    fs::write(desk.skill.path.join("scripts/main.sh"), "#!/bin/sh\necho two\n").unwrap();
    desk.run();
    let first = desk.listed()[1]["id"].as_str().unwrap().to_owned();
    let (code, out, err) = desk.runs(&["compare", &first]);
    assert_eq!(code, 1, "{err}");
    for part in ["exited with status 1 → exited with status 0", "- DENIED read /etc/shadow", "-one\n+two"] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert_eq!(desk.runs(&["compare", "last", "last"]).0, 0);
}

#[test]
fn hostile_output_is_no_more_hostile_later() {
    let desk = Desk::new(User::Caller, r"printf 'a\033]0;title\007b\033[2Jc\n'");
    desk.run();
    let (_, cast, _) = desk.runs(&["export", "last", "--as", "asciicast"]);
    let lines: Vec<Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["version"], 2);
    assert_eq!(lines[1][2], "abc\r\n", "{cast}");
}

#[test]
fn runs_can_be_forgotten() {
    let desk = Desk::new(User::Caller, "true");
    desk.run();
    desk.run();
    assert_eq!(desk.runs(&["remove", "last"]).0, 0);
    assert_eq!(desk.listed().len(), 1);
    assert_eq!(desk.runs(&["remove", "--all"]).0, 0);
    assert!(desk.listed().is_empty());
    let (code, _, err) = desk.runs(&["show", "last"]);
    assert_eq!(code, 2);
    assert!(err.contains("no run has been written down yet"), "{err}");
}

#[test]
fn the_journal_can_be_switched_off() {
    let desk = Desk::new(User::Caller, "true");
    let mut command = desk.command(&["run"]);
    assert!(command.arg(&desk.skill.path).env("SKILLDECK_JOURNAL", "off").status().unwrap().success());
    assert!(desk.listed().is_empty());
    let home = open_folder();
    let mut command = program(User::Caller);
    command.arg("run").arg(&desk.skill.path).env_remove("XDG_STATE_HOME").env_remove("SKILLDECK_JOURNAL");
    let output = command.env("HOME", home.path().join("absent")).output().unwrap();
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("note"));
    assert!(!PathBuf::from(home.path()).join("absent").exists(), "a home that is not there is not made");
}
