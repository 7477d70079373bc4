//! Every limit, over the whole process tree: told once, with what was observed, who held it and what the program saw;
//! whether the program obeys, ignores every signal, or has a grandchild do it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;

use common::{Skill, User, as_everybody, found};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{LimitHit, OutcomeKind, Resource};

const MIB: u64 = 1 << 20;

/// How the program goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Obeys,
    IgnoresSignals,
    Grandchild,
}

const MANNERS: [Manner; 3] = [Manner::Obeys, Manner::IgnoresSignals, Manner::Grandchild];

impl Manner {
    /// What comes before the program's own lines.
    fn prelude(self) -> &'static str {
        match self {
            // Python ignores SIGXFSZ, SIGPIPE by itself.
            Self::Obeys => "import signal\nfor s in (25, 13): signal.signal(s, signal.SIG_DFL)\n",
            Self::IgnoresSignals => {
                "import signal\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\n"
            }
            Self::Grandchild => {
                "import os\nfor _ in range(2):\n  child = os.fork()\n  if child: os.waitpid(child, 0); os._exit(0)\n"
            }
        }
    }
}

/// A run under these limits, as they stand in a policy file.
fn run(user: User, limits: &str, source: &str) -> Report {
    let skill = Skill::python(source);
    let policy = skill.path.join("limits.yaml");
    fs::write(&policy, format!("limits: {{{limits}}}\n")).unwrap();
    skill.run(user, &["--policy", policy.to_str().unwrap()])
}

/// The one hit of a report.
fn only_hit<'r>(report: &'r Report, what: &str) -> &'r LimitHit {
    let [hit] = &report.limits[..] else {
        panic!("{what}: {:?}; {:?}; stderr: {}", report.limits, report.outcome, report.stderr);
    };
    assert!(hit.at_ms as f64 <= report.duration_ms + 1.0, "{what}: {hit:?} after {}", report.duration_ms);
    hit
}

struct Case {
    limits: &'static str,
    resource: Resource,
    limit: u64,
    source: &'static str,
    by: &'static str,
    /// What a program sees that obeys, and one that does not.
    effect: [&'static str; 2],
}

/// A program that goes on sees nothing of a limit that ends it.
const KILLED: [&str; 2] = ["killed", "killed"];

const CASES: [Case; 12] = [
    Case {
        limits: "wall: 600ms",
        resource: Resource::Wall,
        limit: 600,
        source: "import time\nwhile True:\n  time.sleep(9)\n",
        by: "supervisor",
        effect: KILLED,
    },
    Case {
        limits: "cpu: 300ms",
        resource: Resource::Cpu,
        limit: 300,
        source: "while True: pass\n",
        by: "supervisor",
        effect: KILLED,
    },
    Case {
        limits: "memory: 64MiB",
        resource: Resource::Memory,
        limit: 64 * MIB,
        source: "kept = []\nwhile True: kept.append(bytearray(1 << 20))\n",
        by: "supervisor",
        effect: KILLED,
    },
    Case {
        limits: "memory: 96MiB",
        resource: Resource::Memory,
        limit: 96 * MIB,
        source: "import mmap\ntry: mmap.mmap(-1, 200 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nexcept OSError as error: assert error.errno == 12\n",
        by: "supervisor",
        effect: ["ENOMEM", "ENOMEM"],
    },
    Case {
        limits: "file_size: 1MiB",
        resource: Resource::FileSize,
        limit: MIB,
        source: "with open('/tmp/x', 'wb', 0) as file:\n  try:\n    while True: file.write(b'x' * 300000)\n  except OSError as error: assert error.errno == 27\n",
        by: "kernel",
        effect: ["SIGXFSZ", "EFBIG"],
    },
    Case {
        limits: "scratch: 4MiB",
        resource: Resource::Scratch,
        limit: 4 * MIB,
        source: "try: open('/home/skill/x', 'wb').write(b'x' * (8 << 20))\nexcept OSError as error: assert error.errno == 28\n",
        by: "kernel",
        effect: ["ENOSPC", "ENOSPC"],
    },
    Case {
        // Empty files take room of the kernel's.
        limits: "scratch: 1MiB",
        resource: Resource::Scratch,
        limit: MIB,
        source: "try:\n  for n in range(2000): open(f'/dev/shm/{n}', 'w').close()\nexcept OSError as error: assert error.errno == 28\n",
        by: "kernel",
        effect: ["ENOSPC", "ENOSPC"],
    },
    Case {
        limits: "open_files: 64",
        resource: Resource::OpenFiles,
        limit: 64,
        source: "try: kept = [open('/dev/null') for _ in range(99)]\nexcept OSError as error: assert error.errno == 24\n",
        by: "kernel",
        effect: ["EMFILE", "EMFILE"],
    },
    Case {
        limits: "processes: 8",
        resource: Resource::Processes,
        limit: 8,
        source: "import os, time\nfor _ in range(30):\n  if os.fork() == 0: time.sleep(9); os._exit(0)\ntime.sleep(9)\n",
        by: "supervisor",
        effect: KILLED,
    },
    Case {
        // Each goes away from its parent at once.
        limits: "processes: 8",
        resource: Resource::Processes,
        limit: 8,
        source: "import os, time\nfor _ in range(30):\n  child = os.fork()\n  if child == 0:\n    if os.fork() == 0: time.sleep(9)\n    os._exit(0)\n\
                 time.sleep(9)\n",
        by: "supervisor",
        effect: KILLED,
    },
    Case {
        limits: "output: 64KiB",
        resource: Resource::Output,
        limit: 64 << 10,
        source: "import os\nwhile True: os.write(1, b'o' * 999); os.write(2, b'e' * 999)\n",
        by: "supervisor",
        effect: KILLED,
    },
    Case {
        // Threads are no processes, but they are not without a bound.
        limits: "processes: 4, memory: 1GiB",
        resource: Resource::Processes,
        limit: 4 + 512,
        source: "import threading, time\nthreading.stack_size(65536)\ntry:\n  for _ in range(600): threading.Thread(target=time.sleep, args=(0.7,), daemon=True).start()\n\
                 except RuntimeError: pass\ntime.sleep(0.7)\n",
        by: "kernel",
        effect: ["EAGAIN", "EAGAIN"],
    },
];

fn check(case: &Case, manner: Manner, user: User) {
    let what = format!("{user:?} {manner:?} {} {:?}", case.limits, case.resource);
    let report = run(user, case.limits, &format!("{}{}", manner.prelude(), case.source));
    let hit = only_hit(&report, &what);
    assert_eq!((hit.resource, hit.limit), (case.resource, case.limit), "{what}");
    assert!(hit.observed >= hit.limit, "{what}: {hit:?}");
    // Where there is a cgroup the kernel may be faster than a look.
    let by_cgroup = hit.enforced_by == "cgroup" && report.isolation.layers.memory == "cgroup";
    assert!(by_cgroup || hit.enforced_by == case.by, "{what}: {hit:?}");
    assert_eq!(hit.effect, case.effect[usize::from(manner != Manner::Obeys)], "{what}");
    assert_eq!(report.lost_events, 0, "{what}");
    let outcome = report.outcome.as_ref().unwrap();
    let ended = match hit.effect.as_str() {
        "killed" | "SIGXFSZ" => Some(hit.resource),
        _ => None,
    };
    assert_eq!(outcome.limit, ended, "{what}: {outcome:?} {}", report.stderr);
    let kind = match ended {
        Some(Resource::Wall) => OutcomeKind::Timeout,
        Some(_) => OutcomeKind::Limit,
        None => OutcomeKind::Exited,
    };
    assert_eq!(outcome.kind, kind, "{what}: {outcome:?} {}", report.stderr);
    if hit.resource == Resource::Output {
        // Just so much is shown, of both streams together.
        assert_eq!((report.stdout.len() + report.stderr.len()) as u64, hit.limit, "{what}");
    } else {
        assert!(!report.stderr.contains("Assertion"), "{what}: {}", report.stderr);
    }
}

fn check_all(resources: &[Resource]) {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        for case in CASES.iter().filter(|case| resources.contains(&case.resource)) {
            for manner in MANNERS {
                check(case, manner, user);
            }
        }
    });
}

#[test]
fn times_are_held_over_the_tree() {
    check_all(&[Resource::Wall, Resource::Cpu]);
}

#[test]
fn memory_is_held_over_the_tree() {
    check_all(&[Resource::Memory]);
}

#[test]
fn files_and_descriptors_are_held_over_the_tree() {
    check_all(&[Resource::FileSize, Resource::Scratch, Resource::OpenFiles]);
}

#[test]
fn processes_are_held_over_the_tree() {
    check_all(&[Resource::Processes]);
}

#[test]
fn output_is_held_over_the_tree() {
    check_all(&[Resource::Output]);
}

#[test]
fn every_kind_of_descriptor_counts() {
    if !found("python3") {
        return;
    }
    let kinds = [
        ("socket", "kept.append(socket.socket())"),
        ("pipe", "kept.extend(os.pipe())"),
        ("dup", "kept.append(os.dup(0))"),
        ("epoll", "kept.append(select.epoll())"),
        ("eventfd", "kept.append(os.eventfd(0))"),
        ("socketpair", "kept.extend(socket.socketpair())"),
        (
            "accept",
            "there = socket.create_connection(server.getsockname()); kept += [there, server.accept()]",
        ),
    ];
    as_everybody(|user| {
        for (kind, action) in kinds {
            // A kind that comes in pairs may leave one place.
            let source = format!(
                "import os, select, socket, time\nkept = []\nserver = socket.create_server(('127.0.0.1', 0))\ntry:\n  while True: {action}\n\
                 except OSError as error: assert error.errno == 24\n\
                 try: kept.append(os.dup(0))\nexcept OSError: pass\ntime.sleep(0.5)\nprint('fine')\n"
            );
            let report = run(user, "open_files: 80", &source);
            let what = format!("{user:?} {kind}");
            let hit = only_hit(&report, &what);
            assert_eq!((hit.resource, hit.limit), (Resource::OpenFiles, 80), "{what}");
            assert_eq!((hit.effect.as_str(), hit.enforced_by.as_str()), ("EMFILE", "kernel"), "{what}");
            assert!(hit.observed >= 80, "{what}: {hit:?}");
            assert_eq!(report.stdout, "fine\n", "{what}: {}", report.stderr);
            assert!(report.usage.peak_descriptors >= 80, "{what}: {:?}", report.usage);
        }
    });
}

#[test]
fn a_file_grows_past_its_limit_in_no_way() {
    if !found("python3") {
        return;
    }
    let ways = [
        ("ftruncate", "os.ftruncate(file, limit + 1)"),
        ("truncate", "os.truncate('/tmp/x', limit + 1)"),
        ("fallocate", "os.posix_fallocate(file, 4096, limit)"),
        (
            "copy",
            "source = os.open('/tmp/y', os.O_RDWR | os.O_CREAT)\n  os.write(source, b'y' * limit)\n  os.write(file, b'x')\n  \
                  n = 1\n  while n: n = os.copy_file_range(source, file, limit, offset_src=0)",
        ),
        (
            "sparse",
            "os.pwrite(file, b'x', limit - 1)\n  os.lseek(file, 0, os.SEEK_END)\n  os.write(file, b'x')",
        ),
        (
            "without a name",
            "os.unlink('/tmp/x')\n  while True:\n    try: os.write(file, b'x' * 9999)\n    except OSError: time.sleep(0.5); raise",
        ),
        (
            "among many",
            "[open(f'/tmp/{n}', 'w').close() for n in range(100)]\n  while True: os.write(file, b'x' * 9999)",
        ),
        (
            "granted",
            "file = os.open('out/x', os.O_WRONLY | os.O_CREAT)\n  while True: os.write(file, b'x' * 9999)",
        ),
    ];
    as_everybody(|user| {
        for (way, action) in ways {
            let skill = Skill::python(&format!(
                "import os, time\nlimit = 1 << 20\nfile = os.open('/tmp/x', os.O_RDWR | os.O_CREAT)\ntry:\n  {action}\n\
                 except OSError as error: print(error.errno)\n"
            ));
            let out = skill.path.join("out");
            fs::create_dir(&out).unwrap();
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
            let policy = "permissions: {write: [./out]}\nlimits: {file_size: 1MiB}\n";
            fs::write(skill.path.join("policy.yaml"), policy).unwrap();
            let report = skill.run(user, &["--trust"]);
            let what = format!("{user:?} {way}");
            let hit = only_hit(&report, &what);
            assert_eq!(
                (hit.resource, hit.limit, hit.effect.as_str()),
                (Resource::FileSize, MIB, "EFBIG"),
                "{what}"
            );
            assert_eq!(report.stdout, "27\n", "{what}: {}", report.stderr);
        }
    });
}

#[test]
fn a_long_file_that_is_only_read_or_was_long_before_is_no_hit() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import os, time\nprint(len(open('out/long', 'rb').read()))\nfile = open('out/long', 'r+b')\nfile.write(b'y')\n\
         os.ftruncate(file.fileno(), 3 << 20)\nos.ftruncate(os.open('/tmp/x', os.O_RDWR | os.O_CREAT), 1 << 19)\ntime.sleep(0.3)\nprint('fine')\n",
    );
    let out = skill.path.join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("long"), vec![0; 4 << 20]).unwrap();
    let policy = "permissions: {write: [./out]}\nlimits: {file_size: 1MiB}\n";
    fs::write(skill.path.join("policy.yaml"), policy).unwrap();
    let report = skill.run(User::Caller, &["--trust"]);
    assert_eq!(report.stdout, format!("{}\nfine\n", 4 << 20), "{}", report.stderr);
    assert!(report.limits.is_empty(), "{:?}", report.limits);
}

#[test]
fn room_that_is_asked_for_and_not_there_is_told() {
    if !found("python3") {
        return;
    }
    let source = "import os\nfile = os.open('/scratch/x', os.O_RDWR | os.O_CREAT)\n\
                  try: os.posix_fallocate(file, 0, 5 << 20)\nexcept OSError as error: print(error.errno)\n";
    as_everybody(|user| {
        let report = run(user, "scratch: 4MiB", source);
        let hit = only_hit(&report, "fallocate");
        assert_eq!((hit.resource, hit.effect.as_str()), (Resource::Scratch, "ENOSPC"), "{user:?}");
        assert!(hit.observed > hit.limit, "{user:?}: {hit:?}");
        assert_eq!(report.stdout, "28\n", "{user:?}");
    });
}

#[test]
fn time_of_children_counts_however_they_end() {
    if !found("python3") {
        return;
    }
    let burn = "def burn(seconds):\n  end = time.process_time() + seconds\n  while time.process_time() < end: pass\n";
    let ways = [
        // The parent sleeps.
        ("one child", "if os.fork() == 0: burn(99)\ntime.sleep(60)"),
        ("waited for", "while True:\n  if os.fork() == 0: burn(0.1); os._exit(0)\n  os.wait()"),
        (
            "not waited for",
            "for _ in range(20):\n  if os.fork() == 0: burn(0.1); os._exit(0)\n  time.sleep(0.25)\ntime.sleep(60)",
        ),
        (
            "waited for by nobody",
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n  if os.fork() == 0: burn(0.2); os._exit(0)\n  time.sleep(0.25)",
        ),
        ("eight at once", "for _ in range(8):\n  if os.fork() == 0: burn(99)\ntime.sleep(60)"),
        ("a thread", "import threading\nthreading.Thread(target=burn, args=(99,)).start()\ntime.sleep(60)"),
    ];
    as_everybody(|user| {
        for (way, action) in ways {
            let source = format!("import os, signal, time\n{burn}{action}\n");
            let report = run(user, "cpu: 500ms", &source);
            let what = format!("{user:?} {way}");
            let hit = only_hit(&report, &what);
            assert_eq!((hit.resource, hit.effect.as_str()), (Resource::Cpu, "killed"), "{what}");
            assert!((500..1500).contains(&hit.observed), "{what}: {hit:?}");
        }
    });
}

#[test]
fn many_small_reservations_are_told_at_the_kernels_bound() {
    if !found("python3") {
        return;
    }
    let source = "import mmap\nkept = []\ntry:\n  while True: kept.append(mmap.mmap(-1, 70 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))\n\
                  except OSError as error: print(error.errno)\n";
    as_everybody(|user| {
        let report = run(user, "memory: 100MiB", source);
        let hit = only_hit(&report, "reservations");
        assert_eq!((hit.resource, hit.limit), (Resource::Memory, 400 * MIB), "{user:?}");
        assert_eq!((hit.effect.as_str(), hit.enforced_by.as_str()), ("ENOMEM", "kernel"), "{user:?}");
        assert!(hit.observed > hit.limit, "{user:?}: {hit:?}");
        assert_eq!(report.stdout, "12\n", "{user:?}");
    });
}

#[test]
fn memory_that_no_limit_counts_is_not_to_be_had() {
    if !found("python3") {
        return;
    }
    let source = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n\
                  for call in (lambda: libc.semget(0, 32000, 0o1600), lambda: libc.msgget(0, 0o1600), lambda: libc.shmget(0, 4096, 0o1600)):\n  \
                  print(call(), ctypes.get_errno())\n";
    as_everybody(|user| {
        for observe in ["full", "off"] {
            let report = Skill::python(source).run(user, &["--observe", observe]);
            assert_eq!(report.stdout, "-1 1\n-1 1\n-1 1\n", "{user:?} {observe}: {}", report.stderr);
        }
    });
}

#[test]
fn a_process_that_only_waits_to_be_waited_for_does_not_count() {
    if !found("python3") {
        return;
    }
    let source = "import os, time\nfor _ in range(40):\n  if os.fork() == 0: os._exit(0)\ntime.sleep(0.3)\nprint('fine')\n";
    as_everybody(|user| {
        let report = run(user, "processes: 32", source);
        assert_eq!((report.stdout.as_str(), &report.limits[..]), ("fine\n", &[][..]), "{user:?}");
    });
}

#[test]
fn a_run_ends_by_the_clock_although_its_supervisor_is_stopped() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python("import time\nprint('begun', flush=True)\ntime.sleep(60)\n");
    as_everybody(|user| {
        let mut command = skill.command(user, &["--timeout", "1s", "--", "stopped"]);
        let supervisor = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let script = skill.path.join("scripts/main.py").canonicalize().unwrap();
        common::wait_until("the program has begun", || common::interpreter(&script, "stopped").is_some());
        let number = nix::unistd::Pid::from_raw(supervisor.id() as i32);
        nix::sys::signal::kill(number, nix::sys::signal::Signal::SIGSTOP).unwrap();
        common::wait_until("it has ended", || common::interpreter(&script, "stopped").is_none());
        nix::sys::signal::kill(number, nix::sys::signal::Signal::SIGCONT).unwrap();
        let output = supervisor.wait_with_output().unwrap();
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            report.outcome.as_ref().unwrap().kind,
            OutcomeKind::Timeout,
            "{user:?}: {:?}",
            report.outcome
        );
        assert_eq!(only_hit(&report, "stopped").resource, Resource::Wall, "{user:?}");
    });
}
