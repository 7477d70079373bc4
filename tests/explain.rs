//! What a report says of refusals that were hard to see: changes through descriptors, names across mounts, signals by
//! every call, and processes that let nobody look into them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Skill, as_everybody, found};
use skilldeck::sandbox::event::{Layer, Operation, Verdict};

const ATTEMPT: &str = "import ctypes, os, signal\nlibc = ctypes.CDLL(None, use_errno=True)\n\
    def attempt(action):\n  try: action()\n  except OSError as error: print(error.errno)\n";

#[test]
fn changes_through_descriptors_and_across_mounts_are_told() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!(
        "{ATTEMPT}fd = os.open('scripts/main.py', os.O_RDONLY)\nattempt(lambda: os.fchmod(fd, 0o600))\n\
         open('/tmp/mine', 'w')\nattempt(lambda: os.rename('/tmp/mine', '/scratch/mine'))\n\
         attempt(lambda: os.link('/tmp/mine', '/scratch/mine'))\nattempt(lambda: os.rmdir('/tmp/'))\n"
    ));
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.stdout, "30\n18\n18\n30\n", "{user:?}: {}", report.stderr);
        let told: Vec<(&str, &str)> =
            report.denials.iter().map(|denial| (denial.syscall.as_str(), denial.errno.as_str())).collect();
        let wanted = [("fchmod", "EROFS"), ("rename", "EXDEV"), ("link", "EXDEV"), ("rmdir", "EROFS")];
        assert_eq!(told, wanted, "{user:?}: {:#?}", report.denials);
        let script = skill.path.join("scripts/main.py");
        assert_eq!(report.denials[0].target, script.to_str().unwrap(), "{user:?}");
        assert!(report.denials[0].arguments.contains(&format!("<{}>, 0o600", script.display())), "{user:?}");
    });
}

#[test]
fn signals_to_the_first_process_are_told_whatever_sends_them() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!(
        "{ATTEMPT}attempt(lambda: os.kill(1, 0))\n\
         attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGTERM))\n\
         for call in ((200, 1, 15, 0), (234, 1, 1, 15)):\n  print(libc.syscall(*call), ctypes.get_errno())\n\
         os.kill(os.getpid(), 0)\nsignal.raise_signal(0) if False else None\nprint('fine')\n"
    ));
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.stdout, "1\n1\n-1 1\n-1 1\nfine\n", "{user:?}: {}", report.stderr);
        let told: Vec<&str> = report
            .denials
            .iter()
            .filter(|denial| denial.operation == Operation::Signal && denial.layer == Layer::Landlock)
            .map(|denial| denial.syscall.as_str())
            .collect();
        assert_eq!(told, ["kill", "pidfd_send_signal", "tkill", "tgkill"], "{user:?}: {:#?}", report.denials);
    });
}

#[test]
fn a_process_that_lets_nobody_look_is_held_and_said_to_be_unreadable() {
    if !found("python3") {
        return;
    }
    let root = nix::unistd::geteuid().is_root();
    let skill = Skill::python(&format!(
        "{ATTEMPT}libc.prctl(4, 0)\nattempt(lambda: open('/etc/shadow'))\nattempt(lambda: open('/usr/new', 'w'))\n\
         print(libc.mount(b'none', b'/tmp', b'tmpfs', 1, None), ctypes.get_errno())\n"
    ));
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.stdout, "2\n30\n-1 1\n", "{user:?}: {}", report.stderr);
        let mount = report.denials.iter().find(|denial| denial.syscall == "mount").unwrap();
        assert_eq!(mount.errno, "EPERM", "{user:?}");
        let unread: Vec<_> =
            report.files.iter().filter(|file| file.verdict == Verdict::Unknown).collect();
        if root && user == common::User::Caller {
            // Root may look into every process.
            assert!(mount.arguments.contains("\"/tmp\""), "{}", mount.arguments);
            assert!(unread.is_empty(), "{unread:?}");
        } else {
            assert!(mount.arguments.starts_with("mount(unreadable, unreadable"), "{}", mount.arguments);
            assert_eq!(unread.len(), 1, "{user:?}: {unread:?}");
            assert!(unread[0].count >= 2 && unread[0].path.to_str().unwrap().starts_with("unreadable:"));
            assert_eq!(report.denials.len(), 1, "{user:?}: no verdict is claimed: {:#?}", report.denials);
        }
    });
}

#[test]
fn what_the_user_gives_as_input_never_becomes_a_program() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import os\ntry: os.fchmod(0, 0o777)\nexcept OSError: pass\n\
         try: os.execv('/proc/self/fd/0', ['x'])\nexcept OSError as error: print(error.errno)\n",
    );
    let policy = skill.path.join("run.yaml");
    fs::write(&policy, "permissions:\n  run: [env]\n").unwrap();
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o644)).unwrap();
    let input = skill.path.join("input");
    fs::copy("/usr/bin/env", &input).unwrap();
    as_everybody(|user| {
        let mut command = skill.command(user, &["--policy", policy.to_str().unwrap()]);
        let output = command.stdin(fs::File::open(&input).unwrap()).output().unwrap();
        let report: skilldeck::run::report::Report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report.stdout, "13\n", "{user:?}: {}", report.stderr);
    });
}
