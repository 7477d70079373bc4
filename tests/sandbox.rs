//! The sandbox against real programs, proven from inside: as whoever runs the tests, and as an ordinary user too
//! when that is root.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::{NOBODY, Skill, User, as_everybody, found, interpreter, serve, skip};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{Layer, LimitHit, Operation, OutcomeKind, Resource, Verdict};

fn hit(report: &Report, resource: Resource) -> &LimitHit {
    report.limits.iter().find(|hit| hit.resource == resource).unwrap_or_else(|| {
        panic!("no {resource:?} among {:?}; stderr: {}", report.limits, report.stderr);
    })
}

#[test]
fn every_limit_ends_as_a_named_hit_and_keeps_the_output() {
    if !found("python3") {
        return;
    }
    let cases: [(&str, Resource, &str, &[&str]); 8] = [
        ("import time; time.sleep(60)", Resource::Wall, "killed", &["--timeout", "700ms"]),
        ("bytearray(600 << 20).find(b'x')", Resource::Memory, "killed", &[]),
        (
            "import os, time\nfor _ in range(4):\n  if os.fork() == 0:\n    kept = bytearray(b'x') * (200 << 20)\n    time.sleep(20)\ntime.sleep(20)",
            Resource::Memory,
            "killed",
            &[],
        ),
        ("open('/tmp/big', 'wb').write(b'x' * (64 << 20))", Resource::FileSize, "EFBIG", &[]),
        (
            "for n in range(9): open(f'/tmp/{n}', 'wb').write(b'x' * (9 << 20))",
            Resource::Scratch,
            "ENOSPC",
            &[],
        ),
        (
            "import os, time\nfor _ in range(500):\n  if os.fork() == 0: time.sleep(5); os._exit(0)",
            Resource::Processes,
            "killed",
            &[],
        ),
        ("kept = [open('/dev/null') for _ in range(2000)]", Resource::OpenFiles, "EMFILE", &[]),
        ("while True: print('y' * 4096)", Resource::Output, "killed", &[]),
    ];
    as_everybody(|user| {
        for (source, resource, effect, args) in &cases {
            let report = Skill::python(&format!("print('begun', flush=True)\n{source}\n")).run(user, args);
            assert_eq!(hit(&report, *resource).effect, *effect, "{user:?} {source}");
            assert!(report.stdout.starts_with("begun\n"), "{user:?} {source}: {}", report.stdout);
        }
    });
}

#[test]
fn a_cpu_burn_ends_at_its_limit() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python("print('begun', flush=True)\nwhile True: pass\n");
    let policy = skill.path.join("short.yaml");
    fs::write(&policy, "limits:\n  cpu: 1s\n").unwrap();
    let report = skill.run(User::Caller, &["--policy", policy.to_str().unwrap()]);
    let outcome = report.outcome.as_ref().unwrap();
    assert_eq!((outcome.kind, outcome.limit), (OutcomeKind::Limit, Some(Resource::Cpu)));
    let observed = hit(&report, Resource::Cpu).observed;
    assert!((1000..2000).contains(&observed), "{observed}");
    assert_eq!(report.stdout, "begun\n");
}

#[test]
fn an_exit_status_stays_what_it_is_with_sixteen_threads() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import threading, time, sys\nall = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(16)]\n\
         [t.start() for t in all]\n[t.join() for t in all]\nprint(len(all))\nsys.exit(7)\n",
    );
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.outcome.as_ref().unwrap().code, Some(7), "{user:?}: {}", report.stderr);
        assert_eq!(report.stdout, "16\n");
        assert_eq!(skill.command(user, &[]).status().unwrap().code(), Some(7));
    });
}

#[test]
fn node_runs_under_the_default_limits() {
    if !found("node") {
        return;
    }
    let skill =
        Skill::new("main.mjs", "import os from 'node:os'; console.log('node', os.userInfo().username)\n");
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.stdout, "node skill\n", "{user:?}: {}", report.stderr);
        assert!(report.denials.is_empty(), "{user:?}: {:#?}", report.denials);
    });
}

#[test]
fn sixty_other_processes_of_the_same_user_do_not_matter() {
    if !found("python3") {
        return;
    }
    let mut others: Vec<_> = (0..60)
        .map(|_| Command::new("setpriv").args(["--reuid", "65534", "--clear-groups", "sleep", "60"]).spawn())
        .collect();
    let skill =
        Skill::python("import os\nfor _ in range(10):\n  if os.fork() == 0: os._exit(0)\nprint('fine')\n");
    as_everybody(|user| assert_eq!(skill.run(user, &[]).stdout, "fine\n", "{user:?}"));
    for other in others.iter_mut().flatten() {
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

#[test]
fn nothing_of_the_caller_is_inherited() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import os\nprint(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:4])\n\
         print([name for name in os.environ if 'SECRET' in name])\n\
         for name in ('environ', 'cmdline', 'fd'):\n  try:\n    path = '/proc/1/' + name\n    \
         print(os.listdir(path) if name == 'fd' else open(path).read().strip('\\0'))\n  except OSError as error: print(error.errno)\n\
         print(open('/proc/self/status').read().count('CapEff:\\t0000000000000000'))\nprint(os.getgroups() in ([], [os.getgid()]))\n",
    );
    let open_file = fs::File::open("/etc/passwd").unwrap();
    nix::fcntl::fcntl(&open_file, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    as_everybody(|user| {
        let mut command = skill.command(user, &["--", "--token=secret-argument"]);
        let output = command.env("MY_SECRET", "do not tell").output().unwrap();
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        let lines: Vec<&str> = report.stdout.lines().collect();
        // The fourth is the listing's own descriptor.
        assert_eq!(lines[0], "[0, 1, 2, 3]", "{user:?}: {} is inherited", open_file.as_raw_fd());
        assert_eq!(lines[1], "[]", "{user:?}");
        assert_eq!(lines[2], "13", "{user:?}: the environment of PID 1");
        assert!(!lines[3].contains("secret-argument"), "{user:?}: {}", lines[3]);
        assert_eq!(lines[4], "13", "{user:?}: the descriptors of PID 1");
        assert_eq!(lines[5..], ["1", "True"], "{user:?}");
    });
}

#[test]
fn what_is_refused_is_told_with_layer_line_and_errno() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import os, socket\ndef attempt(action):\n  try: action()\n  except OSError as error: print(error.errno)\n\
         attempt(lambda: open('/etc/shadow'))\nattempt(lambda: open('/usr/new', 'w'))\n\
         attempt(lambda: os.execv('/usr/bin/env', ['env']))\n\
         attempt(lambda: socket.create_connection(('files.example.org', 8443)))\nattempt(lambda: os.kill(1, 9))\n",
    );
    let wanted = [
        (Operation::Read, "/etc/shadow", "ENOENT", Layer::Mount, 5),
        (Operation::Create, "/usr/new", "EROFS", Layer::Mount, 6),
        (Operation::Execute, "/usr/bin/env", "EACCES", Layer::Seccomp, 7),
        (Operation::Connect, "files.example.org:8443", "EACCES", Layer::Network, 8),
        (Operation::Signal, "process 1", "EPERM", Layer::Landlock, 9),
    ];
    as_everybody(|user| {
        let report = skill.run(user, &[]);
        assert_eq!(report.stdout, "2\n30\n13\n13\n1\n", "{user:?}: {}", report.stderr);
        for (operation, target, errno, layer, line) in &wanted {
            let denial = report.denials.iter().find(|denial| denial.target == *target);
            let denial = denial.unwrap_or_else(|| panic!("{user:?}: no {target} in {:#?}", report.denials));
            assert_eq!(
                (denial.operation, denial.errno.as_str(), denial.layer),
                (*operation, *errno, *layer),
                "{user:?} {target}"
            );
            assert_eq!(denial.blame.first().unwrap().line, *line, "{user:?} {target}: {:?}", denial.blame);
        }
        assert_eq!(report.denials.len(), wanted.len(), "{user:?}: {:#?}", report.denials);
        let attempt = &report.network[0];
        assert_eq!((attempt.host.as_deref(), attempt.port), (Some("files.example.org"), 8443));
        assert_eq!(attempt.verdict, Verdict::Denied);
    });
}

#[test]
fn a_run_without_observation_is_held_as_well() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import os, socket, ctypes\ndef attempt(action):\n  try: print(action())\n  except OSError as error: print(error.errno)\n\
         attempt(lambda: open('/etc/shadow'))\nattempt(lambda: open('/usr/new', 'w'))\n\
         attempt(lambda: os.execv('/usr/bin/env', ['env']))\nattempt(lambda: socket.create_connection(('192.0.2.1', 80), 2))\n\
         libc = ctypes.CDLL(None, use_errno=True)\nfor flags in (0x10000000, 0x20000):\n  print(libc.unshare(flags), ctypes.get_errno())\n\
         import threading\nthread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()\n",
    );
    as_everybody(|user| {
        let report = skill.run(user, &["--observe", "off"]);
        assert_eq!(report.stdout, "2\n30\n13\n101\n-1 1\n-1 1\nthread\n", "{user:?}: {}", report.stderr);
    });
}

#[test]
fn a_wait_status_of_a_signal_becomes_its_number() {
    let skill = Skill::new("main.sh", "#!/bin/sh\nkill -9 $$\n");
    let status = skill.command(User::Caller, &[]).status().unwrap();
    assert_eq!(status.code(), Some(128 + 9));
}

#[test]
fn root_writes_into_a_granted_folder_as_its_owner() {
    if !nix::unistd::geteuid().is_root() {
        return skip("needs root");
    }
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import os\nopen('out/new.txt', 'w').write('x')\nopen('out/old.txt', 'a').write('y')\nprint(os.getuid())\n",
    );
    let out = skill.path.join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(out.join("old.txt"), "").unwrap();
    fs::write(skill.path.join("policy.yaml"), "permissions:\n  write: [./out]\n").unwrap();
    let report = skill.run(User::Caller, &["--trust"]);
    assert_eq!(report.stdout, format!("{NOBODY}\n"), "{}", report.stderr);
    assert_eq!(owner(&out.join("new.txt")), 0);
    assert_eq!(fs::read_to_string(out.join("old.txt")).unwrap(), "y");
    let changed: Vec<String> = report
        .changes
        .iter()
        .map(|change| format!("{:?} {}", change.kind, change.path.file_name().unwrap().to_string_lossy()))
        .collect();
    assert_eq!(changed, ["Added new.txt", "Modified old.txt"]);
}

fn owner(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().uid()
}

#[test]
fn a_granted_host_is_reached_and_no_other() {
    if !found("python3") {
        return;
    }
    let (granted, other) = (serve("granted"), serve("other"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let skill = Skill::python(&format!(
        "import socket\ndef ask(*address):\n  try: print(socket.create_connection(address, 5).recv(9).decode())\n  \
         except OSError as error: print(error.errno)\n\
         ask('127.0.0.1', {granted})\nask('localhost', {granted})\nask('127.0.0.1', {other})\nask('localhost', {other})\n\
         mine = socket.socket(); mine.bind(('127.0.0.1', 0)); mine.listen()\n\
         there = socket.create_connection(mine.getsockname()); mine.accept()[0].send(b'own'); print(there.recv(9).decode())\n\
         once = socket.create_connection(('127.0.0.1', {granted})); once.setblocking(False)\n\
         print(once.connect_ex(('127.0.0.1', {other})))\n\
         import ctypes, struct\nunspecified = struct.pack('=H14x', 0)\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         print(libc.connect(once.fileno(), unspecified, 16), ctypes.get_errno())\n\
         # A handed-over socket whose connection has failed must not lead anywhere else.\n\
         import select\nfailed = socket.socket(); failed.setblocking(False)\nprint(failed.connect_ex(('127.0.0.1', {closed})))\n\
         select.select([], [failed], [], 5); failed.setblocking(True)\nprint(failed.connect_ex(('127.0.0.1', {other})))\n\
         try: failed.listen()\nexcept OSError as error: print(error.errno)\n",
    ));
    let policy = skill.path.join("net.yaml");
    fs::write(&policy, format!("permissions:\n  net: [\"127.0.0.1:{granted}\", \"127.0.0.1:{closed}\"]\n"))
        .unwrap();
    as_everybody(|user| {
        let report = skill.run(user, &["--policy", policy.to_str().unwrap()]);
        let lines: Vec<&str> = report.stdout.lines().collect();
        assert_eq!(
            lines,
            ["granted", "granted", "111", "111", "own", "106", "-1 106", "115", "106", "22"],
            "{user:?}: {} {:#?}",
            report.stderr,
            report.denials
        );
        let target = format!("127.0.0.1:{other}");
        assert!(
            report.denials.iter().any(|denial| denial.target == target),
            "{user:?}: {:#?}",
            report.denials
        );
        let allowed = report.network.iter().filter(|attempt| attempt.verdict == Verdict::Allowed);
        assert!(allowed.clone().any(|attempt| attempt.port == granted), "{user:?}: {:#?}", report.network);
        assert!(allowed.clone().all(|attempt| attempt.port != other), "{user:?}: {:#?}", report.network);
    });
}

#[test]
fn a_run_ends_with_a_supervisor_that_is_killed() {
    if !found("python3") {
        return;
    }
    // It neither prints nor asks, so nothing but the kernel can end it.
    let skill = Skill::python("import time\ntime.sleep(30)\n");
    as_everybody(|user| {
        let word = format!("word-{user:?}-{}", std::process::id());
        let mut supervisor = skill.command(user, &["--", &word]).spawn().unwrap();
        let script = skill.path.join("scripts/main.py").canonicalize().unwrap();
        let wait_for = |reached: &dyn Fn(Option<std::path::PathBuf>) -> bool, what: &str| {
            let begun = std::time::Instant::now();
            while !reached(interpreter(&script, &word)) {
                assert!(begun.elapsed().as_secs() < 10, "{user:?}: it did not {what}");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        };
        let asleep = |process: Option<std::path::PathBuf>| {
            let waits_in =
                process.map(|process| fs::read_to_string(process.join("wchan")).unwrap_or_default());
            waits_in.is_some_and(|place| place.contains("nanosleep"))
        };
        wait_for(&asleep, "fall asleep");
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        wait_for(&|process| process.is_none(), "end");
    });
}
