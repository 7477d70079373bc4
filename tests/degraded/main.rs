//! Machines that lack a layer, made by taking it away from this one: what is left still holds, is told, and `--require
//! full` refuses. Each payload attacks from inside; what counts is the effect on the host.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![allow(unsafe_code, reason = "the machine is taken apart between fork and exec")]

#[path = "../common/mod.rs"]
mod common;
mod environments;
mod host;
mod machine;
mod old_landlock;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{Skill, User, as_everybody, found, serve, skip};
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
        let mut command = common::program(starter(user, without));
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
    let mut command = common::program(User::Caller);
    command.arg("run").arg(&skill.path);
    take(&mut command, User::Caller, &[Without::Mounts]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let at = text.find("! REDUCED sandbox").unwrap_or_else(|| panic!("{text}"));
    assert!(text[at..].contains("  user namespaces: "), "{text}");
}

/// A policy file beside the skill, put in force.
fn with_policy(skill: &Skill, policy: &str) -> Vec<String> {
    let path = skill.path.join("given.yaml");
    fs::write(&path, policy).unwrap();
    vec!["--policy".into(), path.to_str().unwrap().into()]
}

fn as_strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn without_namespaces_grants_are_what_they_are_elsewhere() {
    if !found("python3") {
        return;
    }
    let port = serve("granted");
    let other = serve("other");
    let skill = Skill::python(&format!(
        "import os, socket, subprocess\ndef attempt(name, action):\n  try: print(name, action())\n  \
         except OSError as error: print(name, error.errno)\n\
         attempt('read', lambda: open('given/open').read())\nattempt('denied', lambda: open('given/closed').read())\n\
         attempt('read-only', lambda: open('given/open', 'w'))\n\
         def keep(): os.chmod('out/kept', 0o640); return open('out/kept', 'w').write('kept')\n\
         open('out/kept', 'w').close(); attempt('write', keep)\n\
         attempt('rename', lambda: os.rename('out/kept', 'out/moved'))\n\
         attempt('grow', lambda: open('out/sub/new', 'w').write('x'))\n\
         attempt('ids', lambda: os.chmod('out/moved', 0o4755))\n\
         attempt('run', lambda: subprocess.run(['/usr/bin/id', '-u'], capture_output=True).stdout.decode().strip().isdigit())\n\
         attempt('other run', lambda: subprocess.run(['/usr/bin/env']))\n\
         def ask(port):\n  with socket.create_connection(('127.0.0.1', port), 5) as s: return s.recv(9).decode()\n\
         attempt('net', lambda: ask({port}))\nattempt('other net', lambda: ask({other}))\n\
         def serve():\n  with socket.socket() as s: return s.bind(('127.0.0.1', 0))\n\
         attempt('bind', serve)\n\
         def listen():\n  with socket.socket() as s: return s.listen()\n\
         attempt('listen', listen)\n",
    ));
    for (folder, mode) in [("given", 0o755), ("out", 0o777), ("out/sub", 0o777)] {
        fs::create_dir_all(skill.path.join(folder)).unwrap();
        fs::set_permissions(skill.path.join(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
    for file in ["given/open", "given/closed"] {
        fs::write(skill.path.join(file), file).unwrap();
    }
    let folder = skill.path.display();
    let args = with_policy(
        &skill,
        &format!(
            "permissions:\n  read: [{folder}/given]\n  write: [{folder}/out]\n  run: [/usr/bin/id]\n  net: [\"127.0.0.1:{port}\"]\n\
             deny:\n  read: [{folder}/given/closed]\n"
        ),
    );
    as_everybody(|user| {
        let report = run(&skill, user, &[Without::Mounts], &as_strs(&args));
        let lines: Vec<&str> = report.stdout.lines().collect();
        assert_eq!(
            lines,
            [
                "read given/open",
                "denied 13",
                "read-only 13",
                "write 4",
                "rename None",
                "grow 1",
                "ids 1",
                "run True",
                "other run 13",
                "net granted",
                "other net 13",
                "bind 13",
                "listen 13",
            ],
            "{user:?}: {} {:?}",
            report.stderr,
            report.outcome
        );
        let denied = |target: &str, operation| {
            report
                .denials
                .iter()
                .any(|denial| denial.target.ends_with(target) && denial.operation == operation)
        };
        for (target, operation) in [
            ("given/closed", Operation::Read),
            ("given/open", Operation::Write),
            ("/usr/bin/env", Operation::Execute),
            (&format!("127.0.0.1:{other}"), Operation::Connect),
            ("127.0.0.1:0", Operation::Listen),
        ] {
            assert!(denied(target, operation), "{user:?} {target}: {:#?}", report.denials);
        }
        let changed: Vec<_> =
            report.changes.iter().map(|change| change.path.strip_prefix(&skill.path).unwrap()).collect();
        assert_eq!(changed, [Path::new("out/moved"), Path::new("out/sub/new")], "{user:?}");
        for file in ["out/moved", "out/sub/new"] {
            fs::remove_file(skill.path.join(file)).unwrap();
        }
    });
}

/// Processes of a run, by a word among their arguments.
fn processes(word: &str) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        // The supervisor has it among its arguments too.
        words.next().is_some_and(|program| program.ends_with(b"python3") || program.ends_with(b"python3.11"))
            && words.any(|one| one == word.as_bytes())
    })
    .filter_map(|process| process.file_name().to_str()?.parse().ok())
    .collect()
}

fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Leaves children in sessions of their own, whose parents have ended, and says where its private folder is.
const SCATTER: &str = "import os, sys, time\nprint(os.environ['TMPDIR'], flush=True)\n\
    open(os.environ['HOME'] + '/left', 'w').write('x'); os.mkdir(os.environ['HOME'] + '/shut', 0)\n\
    for _ in range(3):\n  if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n      if os.fork() == 0: time.sleep(600)\n      time.sleep(600)\n    os._exit(0)\n";

#[test]
fn without_namespaces_nothing_outlives_a_run() {
    if !found("python3") {
        return;
    }
    // Its last parents go on and on: there is never one process that stays.
    let chain =
        "for _ in range(2):\n  if os.fork() == 0:\n    while True:\n      if os.fork(): os._exit(0)\n";
    for (how, rest) in [("exits", ""), ("sleeps", "time.sleep(600)\n"), ("chains", chain)] {
        as_everybody(|user| {
            let skill = Skill::python(&format!("{SCATTER}{rest}"));
            let word = format!("word-{how}-{user:?}-{}", std::process::id());
            let report = run(&skill, user, &[Without::Mounts], &["--timeout", "1s", "--", &word]);
            let kind = report.outcome.as_ref().unwrap().kind;
            let expected: &[OutcomeKind] = match how {
                "sleeps" => &[OutcomeKind::Timeout],
                "exits" => &[OutcomeKind::Exited],
                // As many have ended as wait to be reaped, and those count.
                _ => &[OutcomeKind::Exited, OutcomeKind::Limit],
            };
            assert!(expected.contains(&kind), "{user:?} {how}: {:?} {}", report.outcome, report.stderr);
            wait_until(&format!("{user:?} {how}: processes are left"), || processes(&word).is_empty());
            let private = Path::new(report.stdout.trim_end()).parent().unwrap();
            assert!(private.file_name().unwrap().to_str().unwrap().starts_with("skilldeck-"), "{private:?}");
            wait_until(&format!("{user:?} {how}: {private:?} is left"), || !private.exists());
        });
    }
}

#[test]
fn without_namespaces_a_run_ends_with_its_supervisor() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!("{SCATTER}time.sleep(600)\n"));
    as_everybody(|user| {
        let word = format!("word-killed-{user:?}-{}", std::process::id());
        let mut supervisor = command(&skill, user, &[Without::Mounts], &["--", &word]);
        let mut supervisor = supervisor.stdout(std::process::Stdio::null()).spawn().unwrap();
        wait_until("it did not begin", || processes(&word).len() >= 7);
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        wait_until(&format!("{user:?}: processes are left"), || processes(&word).is_empty());
    });
}

#[test]
fn limits_hold_over_all_processes_on_every_machine() {
    if !found("python3") {
        return;
    }
    let limits = "limits:\n  memory: 64MiB\n  processes: 8\n  scratch: 16MiB\n";
    let cases = [
        (
            Resource::Memory,
            "for _ in range(4):\n  if os.fork() == 0:\n    kept = bytearray(b'x') * (30 << 20)\n    time.sleep(20)\ntime.sleep(20)\n",
        ),
        (
            Resource::Processes,
            "for _ in range(50):\n  if os.fork() == 0: time.sleep(20); os._exit(0)\ntime.sleep(20)\n",
        ),
        (
            Resource::Scratch,
            "for n in range(4):\n  file = open(os.environ['TMPDIR'] + f'/{n}', 'wb'); file.write(b'x' * (9 << 20)); file.flush()\n\
             time.sleep(20)\n",
        ),
        (
            Resource::Scratch,
            "kept = []\ntry:\n  for n in range(4):\n    name = os.environ['TMPDIR'] + f'/{n}'\n    kept.append(open(name, 'wb')); os.unlink(name)\n    \
             kept[-1].write(b'x' * (9 << 20)); kept[-1].flush()\n  time.sleep(20)\nexcept OSError: time.sleep(1)\n",
        ),
    ];
    as_everybody(|user| {
        let mut ways = vec![Without::Mounts];
        if nix::unistd::geteuid().is_root() {
            ways.extend([Without::UserNamespaces, Without::Proc]);
        }
        for without in ways {
            for (resource, source) in &cases {
                let skill = Skill::python(&format!("import os, time\n{source}"));
                let args = with_policy(&skill, limits);
                let report = run(&skill, user, &[without], &as_strs(&args));
                let hit = report.limits.iter().find(|hit| hit.resource == *resource);
                assert!(
                    hit.is_some(),
                    "{user:?} {without:?} {source}: {:?} {:?} {}",
                    report.limits,
                    report.outcome,
                    report.stderr
                );
                assert!(report.duration_ms < 15_000.0, "{user:?} {without:?} {source}");
            }
        }
    });
}

#[test]
fn without_landlock_a_start_that_the_kernel_allows_is_told_as_allowed() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import subprocess\nprint(subprocess.run(['/usr/bin/id', '-u'], capture_output=True).returncode)\n\
         try: print(open('/proc/1/environ').read())\nexcept OSError as error: print(error.errno)\n",
    );
    let args = with_policy(&skill, "permissions:\n  run: [/usr/bin/env]\n");
    as_everybody(|user| {
        let report = run(&skill, user, &[Without::Landlock], &as_strs(&args));
        assert_eq!(report.stdout, "0\n13\n", "{user:?}: {}", report.stderr);
        let told: Vec<_> =
            report.denials.iter().map(|denial| (denial.target.as_str(), denial.layer)).collect();
        assert_eq!(told, [("/proc/1/environ", Layer::Permissions)], "{user:?}");
        let started = |file: &str| {
            report.files.iter().any(|seen| {
                seen.path.ends_with(file)
                    && seen.operation == Operation::Execute
                    && seen.verdict == Verdict::Allowed
            })
        };
        assert!(started("id"), "{user:?}: {:?}", report.files);
    });
}

#[test]
fn without_landlock_and_supervisor_no_further_program_is_started() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import ctypes, os\ntry: os.execv('/usr/bin/id', ['id'])\nexcept OSError as error: print(error.errno)\n\
         libc = ctypes.CDLL(None, use_errno=True)\nprint(libc.syscall(322, -100, b'/usr/bin/id', (ctypes.c_char_p * 2)(b'id', None), None, 0))\n",
    );
    as_everybody(|user| {
        for (without, observe) in
            [(&[Without::Landlock][..], "off"), (&[Without::Landlock, Without::Listener], "full")]
        {
            let report = run(&skill, user, without, &["--observe", observe]);
            assert_eq!(
                report.stdout, "1\n-1\n",
                "{user:?} {without:?}: {} {:?}",
                report.stderr, report.outcome
            );
        }
    });
}

#[test]
fn without_namespaces_a_run_ends_also_when_its_keeper_is_ended() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!("{SCATTER}time.sleep(600)\n"));
    as_everybody(|user| {
        let word = format!("word-keeper-{user:?}-{}", std::process::id());
        let supervisor = command(&skill, user, &[Without::Mounts], &["--", &word]);
        let supervisor = { supervisor }.stdout(std::process::Stdio::piped()).spawn().unwrap();
        wait_until("it did not begin", || processes(&word).len() >= 7);
        let parent = |pid: i32| -> i32 {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let all = processes(&word);
        let keeper = all.iter().map(|pid| parent(*pid)).find(|parent| !all.contains(parent)).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(keeper), nix::sys::signal::Signal::SIGKILL)
            .unwrap();
        wait_until(&format!("{user:?}: processes are left"), || processes(&word).is_empty());
        let report = parsed(&supervisor.wait_with_output().unwrap(), "keeper");
        assert_eq!(report.outcome.unwrap().kind, OutcomeKind::Failed, "{user:?}");
        let private = Path::new(report.stdout.trim_end()).parent().unwrap();
        assert!(!private.exists(), "{user:?}: {private:?} is left");
    });
}

#[test]
fn an_older_landlock_is_told_and_what_it_lacks_is_held_otherwise() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        for abi in 1..=5 {
            for without in [&[][..], &[Without::Mounts]] {
                let report = attacked(user, &format!("Landlock {abi} {without:?}"), &[], |skill, args| {
                    let mut command = skill.command(user, args);
                    command.env("PATH", "/usr/bin:/bin");
                    let stdout = old_landlock::run(command, abi, without, user);
                    serde_json::from_slice(&stdout).unwrap()
                });
                let isolation = &report.isolation;
                assert_eq!(isolation.layers.landlock_abi, abi, "{user:?} {without:?}");
                let older =
                    isolation.missing.iter().filter(|missing| missing.starts_with("Landlock ")).count();
                assert_eq!(older, 6 - abi as usize, "{user:?} {without:?}: {:?}", isolation.missing);
                let level = if without.is_empty() { Level::Full } else { Level::Reduced };
                assert_eq!(isolation.level, level, "{user:?} {without:?}");
            }
        }
    });
}

#[test]
fn cases_run_with_what_is_left() {
    as_everybody(|user| {
        for without in all_ways(user) {
            let skill = Skill::new("a.sh", "#!/bin/sh\nread -r line < data.txt\necho \"$line\" > out.txt\n");
            fs::write(skill.path.join("policy.yaml"), "permissions: {write: [\"${workspace}\"]}\n").unwrap();
            fs::create_dir(skill.path.join("cases")).unwrap();
            let case = "files: {data.txt: \"x\\n\"}\nexpect: {files: {out.txt: \"x\\n\"}}\n";
            fs::write(skill.path.join("cases/a.yaml"), case).unwrap();
            let mut command = common::program(starter(user, &without));
            command.arg("test").arg(&skill.path).args(["--format", "json"]).env("HOME", "/nonexistent");
            take(&mut command, user, &without);
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(0), "{user:?} {without:?}: {said}");
            assert!(said.contains("\"passed\": 1"), "{user:?} {without:?}: {said}");
        }
    });
}
