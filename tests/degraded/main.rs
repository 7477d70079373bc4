//! Machines that lack a layer, made by taking it away from this one: what is left still holds, is told, and `--require
//! full` refuses. Each payload attacks from inside; what counts is the effect on the host.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![allow(unsafe_code, reason = "the machine is taken apart between fork and exec")]

#[path = "../common/mod.rs"]
mod common;
mod host;
mod machine;
mod old_landlock;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{NOBODY, Skill, User, as_everybody, found, serve, skip};
use host::Host;
use machine::{Without, take};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{Isolation, Layer, Level, Operation, OutcomeKind, Resource, Verdict};

const NO_NAMESPACES: [Without; 4] =
    [Without::UserNamespaces, Without::UserNamespacesBySysctl, Without::Mounts, Without::NewMounts];

/// The combinations that this machine can be brought into, for a user.
fn all_ways(user: User) -> Vec<Vec<Without>> {
    let mut ways = vec![
        vec![Without::UserNamespaces],
        vec![Without::Mounts],
        vec![Without::NewMounts],
        vec![Without::Landlock],
        vec![Without::Listener],
        vec![Without::UserNamespaces, Without::Listener],
        vec![Without::Landlock, Without::Listener],
    ];
    if nix::unistd::geteuid().is_root() {
        ways.push(vec![Without::Proc]);
        ways.push(vec![Without::Proc, Without::Landlock]);
    } else {
        skip("a masked /proc needs root to be made");
    }
    // Root of a namespace of one user has nobody to become.
    if user == User::Nobody || !nix::unistd::geteuid().is_root() {
        ways.push(vec![Without::UserNamespacesBySysctl]);
    }
    ways
}

fn command(skill: &Skill, user: User, without: &[Without], args: &[&str]) -> Command {
    let mut command = skill.command(starter(user, without), args);
    // Without namespaces root's own interpreters, in its private folder, are out of reach for the program.
    command.env("PATH", "/usr/bin:/bin");
    take(&mut command, user, without);
    command
}

/// A user namespace belongs to who makes it: the change of user comes before, and not by a program between.
fn starter(user: User, without: &[Without]) -> User {
    if without.contains(&Without::UserNamespacesBySysctl) { User::Caller } else { user }
}

fn parsed(output: &Output, how: &str) -> Report {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{how}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn run(skill: &Skill, user: User, without: &[Without], args: &[&str]) -> Report {
    let output = command(skill, user, without, args).output().unwrap();
    parsed(&output, &format!("{user:?} {without:?}"))
}

/// Run the attack, and look at what became of the host.
fn attack(user: User, without: &[Without], args: &[&str]) -> Report {
    attacked(user, &format!("{without:?}"), args, |skill, args| run(skill, user, without, args))
}

fn attacked(user: User, without: &str, args: &[&str], run: impl FnOnce(&Skill, &[&str]) -> Report) -> Report {
    let skill = Skill::python(include_str!("attack.py"));
    let mut host = Host::new(user);
    let arguments = host.arguments();
    let all: Vec<&str> =
        args.iter().copied().chain(["--"]).chain(arguments.iter().map(String::as_str)).collect();
    let report = run(&skill, &all);
    let how = format!("{user:?} {without} {args:?}");
    assert!(
        report.stdout.ends_with("END\n"),
        "{how}: {} {} {:?}",
        report.stdout,
        report.stderr,
        report.outcome
    );
    assert!(!report.stdout.contains("WORKED"), "{how}: {}", report.stdout);
    // Without namespaces modes and times are the supervisor's to change, and it may not be there.
    let alone = !report.isolation.layers.mount && (without.contains("Listener") || args.contains(&"off"));
    assert!(alone || !report.stdout.contains("BROKEN"), "{how}: {}", report.stdout);
    host.assert_untouched(&how);
    report
}

#[test]
fn the_attack_is_refused_by_the_whole_sandbox() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let report = attack(user, &[], &[]);
        assert_eq!(report.isolation.level, Level::Full, "{user:?}: {:?}", report.isolation);
        assert_eq!(report.isolation.missing, Vec::<String>::new());
    });
}

#[test]
fn what_is_left_holds_and_what_is_missing_is_told() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        for without in all_ways(user) {
            let report = attack(user, &without, &[]);
            assert_told(&report.isolation, user, &without);
        }
    });
}

/// Layers and sentences fit what was taken away.
fn assert_told(isolation: &Isolation, user: User, without: &[Without]) {
    let how = format!("{user:?} {without:?}: {isolation:?}");
    let has = |one| without.contains(&one);
    let told = |word: &str| isolation.missing.iter().any(|missing| missing.starts_with(word));
    let root = user == User::Caller && nix::unistd::geteuid().is_root();
    let bare = NO_NAMESPACES.iter().any(|one| has(*one)) && !(root && has(Without::UserNamespaces));
    let rooted = root && has(Without::UserNamespaces);
    assert_eq!(isolation.level, Level::Reduced, "{how}");
    let layers = &isolation.layers;
    assert_eq!(layers.user, !bare && !rooted, "{how}");
    for layer in [layers.mount, layers.pid, layers.net, layers.ipc, layers.uts, layers.cgroup] {
        assert_eq!(layer, !bare, "{how}");
    }
    assert!(layers.seccomp, "{how}");
    assert_eq!(layers.landlock_abi == 0, has(Without::Landlock), "{how}");
    assert_eq!(told("user namespaces") || told("new mount calls"), bare || rooted, "{how}");
    for word in ["own view of files", "own network", "own processes", "attributes"] {
        assert_eq!(told(word), bare, "{how}");
    }
    assert_eq!(told("Landlock"), has(Without::Landlock), "{how}");
    assert_eq!(told("/proc"), has(Without::Proc), "{how}");
    assert_eq!(told("seccomp listener"), has(Without::Listener), "{how}");
    if has(Without::UserNamespacesBySysctl) {
        assert!(isolation.missing[0].contains("sysctl user.max_user_namespaces"), "{how}");
    }
}

#[test]
fn without_namespaces_it_holds_however_little_is_observed() {
    if !found("python3") {
        return;
    }
    for observe in ["denials", "off"] {
        as_everybody(|user| {
            let report = attack(user, &[Without::Mounts], &["--observe", observe]);
            assert!(!report.isolation.layers.mount, "{user:?} {observe}");
        });
    }
}

#[test]
fn nothing_runs_without_namespaces_and_landlock() {
    let skill = Skill::new("main.sh", "#!/bin/sh\necho ran\n");
    as_everybody(|user| {
        let without = [Without::Mounts, Without::Landlock];
        let output = command(&skill, user, &without, &[]).output().unwrap();
        let report = parsed(&output, "neither");
        let outcome = report.outcome.unwrap();
        assert_eq!((outcome.kind, output.status.code()), (OutcomeKind::Failed, Some(125)), "{outcome:?}");
        assert_eq!(report.stdout, "");
        assert!(outcome.message.contains("neither user namespaces"), "{}", outcome.message);
    });
}

#[test]
fn demanding_everything_refuses_every_reduced_run() {
    let skill = Skill::new("main.sh", "#!/bin/sh\necho ran\n");
    as_everybody(|user| {
        for without in all_ways(user) {
            for observe in ["full", "off"] {
                // Who does not want a supervisor does not miss its place.
                if observe == "off" && without == [Without::Listener] {
                    continue;
                }
                let args = ["--require", "full", "--observe", observe];
                let output = command(&skill, user, &without, &args).output().unwrap();
                let how = format!("{user:?} {without:?} {observe}");
                let report = parsed(&output, &how);
                assert_eq!(output.status.code(), Some(125), "{how}: {:?}", report.outcome);
                assert_eq!(report.stdout, "", "{how}");
                let message = report.outcome.unwrap().message;
                assert!(message.contains("--require full: ") && message.contains("; "), "{how}: {message}");
            }
        }
        let output = skill.command(user, &["--require", "full"]).output().unwrap();
        assert_eq!(parsed(&output, "whole").stdout, "ran\n", "{user:?}");
    });
}

#[test]
fn doctor_says_what_a_run_would() {
    let skill = Skill::new("main.sh", "#!/bin/sh\necho ran\n");
    let doctor = |user, without: &[Without], args: &[&str]| {
        let mut command = Skill::program(starter(user, without));
        command.arg("doctor").args(args);
        take(&mut command, user, without);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    as_everybody(|user| {
        for without in all_ways(user) {
            let how = format!("{user:?} {without:?}");
            let (code, text) = doctor(user, &without, &["--format", "json"]);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            let run = run(&skill, user, &without, &[]).isolation;
            assert_eq!((code, &json["level"]), (Some(1), &"reduced".into()), "{how}: {text}");
            let said: Isolation = serde_json::from_value(json["isolation"].clone()).unwrap();
            assert_eq!(said, run, "{how}");
            let lacking =
                json["checks"].as_array().unwrap().iter().filter(|check| check["available"] == false);
            for check in lacking {
                assert_ne!(check["remedy"], "", "{how}: {check}");
            }
            let (_, text) = doctor(user, &without, &[]);
            assert!(run.missing.iter().all(|missing| text.contains(missing)), "{how}: {text}");
        }
        let (code, text) = doctor(user, &[], &[]);
        assert_eq!(code, Some(0), "{user:?}: {text}");
        let (code, text) = doctor(user, &[Without::Mounts, Without::Landlock], &[]);
        assert!(code == Some(1) && text.contains("Nothing would run here"), "{user:?}: {text}");
    });
}

#[test]
fn the_summary_of_a_reduced_run_says_so() {
    let skill = Skill::new("main.sh", "#!/bin/sh\necho ran\n");
    let mut command = Skill::program(User::Nobody);
    command.arg("run").arg(&skill.path);
    take(&mut command, User::Nobody, &[Without::Mounts]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let at = text.find("! REDUCED sandbox").unwrap_or_else(|| panic!("{text}"));
    assert!(text[at..].contains("  user namespaces: "), "{text}");
}
