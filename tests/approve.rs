//! `skilldeck approve`: a skill's own policy is in force exactly while it asks for what was approved.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use common::{Skill, User, as_everybody, open_folder, program};

/// A skill that asks for a variable, and a place for its user's approvals.
struct Desk {
    skill: Skill,
    data: tempfile::TempDir,
    user: User,
}

impl Desk {
    fn new(user: User) -> Self {
        let data = open_folder();
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let skill = Skill::new("main.sh", "#!/bin/sh\necho \"word: $WORD\"\n");
        let desk = Self { skill, data, user };
        desk.asks_for("WORD");
        desk
    }

    fn asks_for(&self, variable: &str) {
        let text = format!("# What it needs.\npermissions:\n  env: [{variable}]\n");
        fs::write(self.policy(), text).unwrap();
    }

    fn policy(&self) -> PathBuf {
        self.skill.path.join("policy.yaml")
    }

    /// Exit status and what was said.
    fn skilldeck(&self, args: &[&str]) -> (i32, String) {
        let mut command = program(self.user);
        command.args(args).arg(&self.skill.path).current_dir("/").stdin(Stdio::null());
        command.env("HOME", "/nonexistent").env("XDG_DATA_HOME", self.data.path()).env("WORD", "passed");
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn is_granted(&self) -> bool {
        let (code, text) = self.skilldeck(&["run"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("word: "), "{text}");
        text.contains("word: passed")
    }
}

#[test]
fn a_request_is_in_force_once_it_is_approved_and_until_it_changes() {
    as_everybody(|user| {
        let desk = Desk::new(user);
        assert!(!desk.is_granted(), "{user:?}");
        let (code, text) = desk.skilldeck(&["approve", "--show"]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("see the variable WORD") && text.contains("policy.yaml:3"), "{text}");

        let (code, text) = desk.skilldeck(&["approve"]);
        assert!(code == 1 && text.contains("not approved; --yes"), "nobody can be asked: {text}");
        assert!(!desk.is_granted());

        assert_eq!(desk.skilldeck(&["approve", "--yes"]).0, 0);
        assert!(desk.is_granted());
        assert_eq!(desk.skilldeck(&["approve", "--show"]).0, 0);
        fs::write(desk.policy(), "permissions: {env: [WORD]}\n").unwrap();
        assert!(desk.is_granted(), "it asks for the same in other words");

        desk.asks_for("WORD, HOME_TOKEN");
        assert!(!desk.is_granted());
        let (code, text) = desk.skilldeck(&["approve", "--show"]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("+  env: [WORD, HOME_TOKEN]"), "{text}");

        desk.asks_for("WORD");
        assert!(desk.is_granted(), "what was approved stays approved");
        assert_eq!(desk.skilldeck(&["approve", "--revoke"]).0, 0);
        assert!(!desk.is_granted());
    });
}

#[test]
fn approvals_are_kept_where_only_their_user_can_write() {
    as_everybody(|user| {
        let desk = Desk::new(user);
        assert_eq!(desk.skilldeck(&["approve", "--yes"]).0, 0);
        for folder in ["skilldeck", "skilldeck/approvals"] {
            let mode = fs::metadata(desk.data.path().join(folder)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{folder}");
        }
    });
}

#[test]
fn a_policy_with_an_error_is_never_in_force() {
    let desk = Desk::new(User::Caller);
    assert_eq!(desk.skilldeck(&["approve", "--yes"]).0, 0);
    fs::write(desk.policy(), "permissions:\n  env: [WORD]\n  root: yes\n").unwrap();
    let (code, text) = desk.skilldeck(&["approve", "--yes"]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("policy.yaml has errors and is not put in force") && text.contains("3:3: "),
        "{text}"
    );
    assert!(!desk.is_granted());
}

#[test]
fn without_a_place_nothing_is_approved() {
    let desk = Desk::new(User::Caller);
    let mut command = program(User::Caller);
    command.arg("approve").arg("--yes").arg(&desk.skill.path).env_remove("HOME").env_remove("XDG_DATA_HOME");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("the approval of") && text.contains("HOME"), "{text}");
}
