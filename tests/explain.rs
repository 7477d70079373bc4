//! What a report says of refusals that were hard to see: changes through descriptors, names across mounts, signals by
//! every call, and processes that let nobody look into them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Skill, as_everybody, found, open_folder};
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
        for across in &report.denials[1..3] {
            assert!(
                across.remedy.is_none() && across.rule.starts_with("not the policy"),
                "{user:?}: {across:#?}"
            );
        }
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
         print(libc.syscall({}, 1, 15), ctypes.get_errno())\n\
         print(libc.syscall({}, 1, 1, 15), ctypes.get_errno())\n\
         os.kill(os.getpid(), 0)\nprint('fine')\n",
        nix::libc::SYS_tkill,
        nix::libc::SYS_tgkill,
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
fn a_process_that_makes_itself_undumpable_is_read_all_the_same() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!(
        "{ATTEMPT}libc.prctl(4, 0)\nattempt(lambda: open('/etc/shadow'))\nattempt(lambda: open('/usr/new', 'w'))\n\
         print(libc.mount(b'none', b'/tmp', b'tmpfs', 1, None), ctypes.get_errno())\n"
    ));
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.stdout, "2\n30\n-1 1\n", "{user:?}: {}", report.stderr);
        let told: Vec<&str> = report.denials.iter().map(|denial| denial.arguments.as_str()).collect();
        assert_eq!(told.len(), 3, "{user:?}: {told:?}");
        // Whoever made the user namespace may look at everything in it: user_namespaces(7).
        assert_eq!(told[2], r#"mount("none", "/tmp", "tmpfs", MS_RDONLY)"#, "{user:?}");
    });
}

#[test]
fn a_process_that_cannot_be_read_is_held_and_no_verdict_is_claimed() {
    if !found("python3") {
        return;
    }
    // The memory of a program whose file may not be read is not for its user to see: ptrace(2).
    let folder = open_folder();
    let program = folder.path().join("cat");
    let skill = Skill::python(&format!(
        "import os\nos.execv('{}', ['cat', '/etc/shadow', '/etc/hosts'])\n",
        program.display()
    ));
    fs::copy("/usr/bin/cat", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o111)).unwrap();
    let policy = skill.path.join("run.yaml");
    fs::write(&policy, format!("permissions:\n  run: [{}]\n", program.display())).unwrap();
    let root = nix::unistd::geteuid().is_root();
    as_everybody(|user| {
        let report = skill.run(user, &["--policy", policy.to_str().unwrap()]);
        assert!(report.stdout.contains("localhost"), "{user:?}: {} {:#?}", report.stderr, report.denials);
        assert!(report.stderr.contains("/etc/shadow"), "{user:?}: {}", report.stderr);
        let unread: Vec<_> = report.files.iter().filter(|file| file.verdict == Verdict::Unknown).collect();
        if root && user == common::User::Caller {
            assert!(unread.is_empty(), "root may look into every process: {unread:?}");
            assert_eq!(report.denials.len(), 1, "{:#?}", report.denials);
        } else {
            assert_eq!(unread.len(), 1, "{user:?}: {unread:?}");
            assert!(unread[0].count >= 2 && unread[0].path.to_str().unwrap().starts_with("unreadable:"));
            assert!(report.denials.is_empty(), "{user:?}: {:#?}", report.denials);
        }
    });
}
