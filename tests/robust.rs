//! What happens when a part of the sandbox is killed, and when a run is cancelled: nothing becomes possible that was not,
//! everything ends, nothing stays behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{
    NOBODY, Skill, User, as_everybody, copy_program, found, interpreter, open_folder, serve, wait_until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::OutcomeKind;

/// One run of a skill that may write into its folder `out`, by a copy of the program that nobody else starts.
struct Stage {
    folder: tempfile::TempDir,
    skill: Skill,
    user: User,
    /// Among the script's arguments.
    word: String,
}

impl Stage {
    fn new(user: User, permissions: &str, source: &str) -> Self {
        let folder = open_folder();
        copy_program(&folder.path().join("skilldeck"));
        let skill = Skill::python(source);
        for place in [skill.path.join("out"), folder.path().join("tmp")] {
            fs::create_dir(&place).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let policy = format!("permissions: {{write: [./out]{permissions}}}\nlimits: {{output: 1GiB}}\n");
        fs::write(skill.path.join("policy.yaml"), policy).unwrap();
        let word = format!("word-{}", folder.path().file_name().unwrap().to_string_lossy());
        Self { folder, skill, user, word }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.skill.path.join("out").join(name)
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("skilldeck")
    }

    fn start(&self) -> Child {
        let mut command = match self.user {
            User::Caller => Command::new(self.program()),
            User::Nobody => {
                let mut command = Command::new("setpriv");
                let id = NOBODY.to_string();
                command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(self.program());
                command
            }
        };
        command.arg("run").arg(&self.skill.path).args(["--trust", "--format", "json", "--", &self.word]);
        command.current_dir("/").env("HOME", "/nonexistent").env("TMPDIR", self.folder.path().join("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn wait_for(&self, name: &str) {
        wait_until(&format!("there is {name}"), || self.out(name).exists());
    }

    /// Every process that is left: supervisor, launcher, the sandbox's first one and readers by their program; the skill's
    /// own by their script.
    fn left(&self) -> Vec<PathBuf> {
        let program = self.program();
        let script = self.skill.path.join("scripts/main.py").canonicalize().unwrap();
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        processes
            .filter(|process| fs::read_link(process.join("exe")).is_ok_and(|exe| exe == program))
            .chain(interpreter(&script, &self.word))
            .collect()
    }

    /// All have ended, soon; no temporary file is left.
    fn all_end(&self, what: &str) {
        let begun = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() {
                break;
            }
            let wait = |process: &PathBuf| fs::read_to_string(process.join("wchan")).unwrap_or_default();
            let told: Vec<_> = left.iter().map(|process| (process, wait(process))).collect();
            let time = begun.elapsed();
            assert!(
                time < Duration::from_secs(2),
                "{:?} {what}: after {time:?} there are {told:?}",
                self.user
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        let files: Vec<_> = fs::read_dir(self.folder.path().join("tmp")).unwrap().flatten().collect();
        assert!(files.is_empty(), "{:?} {what}: {files:?}", self.user);
    }

    fn canary(&self) -> String {
        fs::read_to_string(self.out("canary")).unwrap_or_default()
    }
}

fn signal(process: u32, signal: Signal) {
    kill(Pid::from_raw(process as i32), signal).unwrap();
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    tasks
        .flat_map(|task| {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            text.split_whitespace().map(|number| number.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect()
}

fn report(supervisor: Child) -> Report {
    let output = supervisor.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Tries what is refused, again and again, and leaves a mark in the granted folder when something works.
fn trying(port: u16) -> String {
    format!(
        "import os, socket\ncanary = os.open('out/canary', os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)\n\
         def attempt(name, action):\n  try: action()\n  except Exception: return\n  os.write(canary, name.encode() + b'\\n')\n\
         attempts = 0\n\
         while True:\n  attempt('open', lambda: os.open('/etc/shadow', os.O_RDONLY))\n  \
         attempt('create', lambda: os.open('/usr/new', os.O_CREAT | os.O_WRONLY))\n  \
         attempt('connect', lambda: socket.create_connection(('127.0.0.1', {port}), 1))\n  \
         attempt('family', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))\n  \
         attempt('program', lambda: os.posix_spawn('/usr/bin/env', ['env'], {{}}))\n  \
         attempt('mode', lambda: os.chmod('out/canary', 0o6777))\n  \
         attempts += 1\n  if attempts == 3: os.close(os.open('out/begun', os.O_CREAT | os.O_WRONLY))\n"
    )
}

#[test]
fn a_program_gains_nothing_by_the_end_of_its_supervisor() {
    if !found("python3") {
        return;
    }
    let port = serve("host");
    as_everybody(|user| {
        for end in [Signal::SIGKILL, Signal::SIGABRT, Signal::SIGSTOP] {
            let stage = Stage::new(user, "", &trying(port));
            let supervisor = stage.start();
            stage.wait_for("begun");
            signal(supervisor.id(), end);
            if end == Signal::SIGSTOP {
                // Time for a hundred attempts, were they possible.
                std::thread::sleep(Duration::from_millis(100));
                assert!(!stage.left().is_empty());
                signal(supervisor.id(), Signal::SIGKILL);
            }
            bury(supervisor);
            stage.all_end(end.as_str());
            assert_eq!(stage.canary(), "", "{user:?} {end}");
        }
    });
}

/// Take leave of a supervisor that was killed.
fn bury(mut supervisor: Child) {
    drop(supervisor.stdout.take());
    supervisor.wait().unwrap();
}

#[test]
fn a_supervisor_that_is_killed_while_it_sets_up_leaves_nothing() {
    if !found("python3") {
        return;
    }
    let port = serve("host");
    as_everybody(|user| {
        let stage = Stage::new(user, "", &trying(port));
        for step in 0..25 {
            let supervisor = stage.start();
            std::thread::sleep(Duration::from_millis(step));
            signal(supervisor.id(), Signal::SIGKILL);
            bury(supervisor);
            stage.all_end(&format!("after {step} ms"));
        }
        assert_eq!(stage.canary(), "", "{user:?}");
    });
}

/// A server that takes no more connections: whoever connects waits.
struct Full {
    address: SocketAddr,
    _listener: std::net::TcpListener,
    _connections: Vec<TcpStream>,
}

impl Full {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = Vec::new();
        while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            connections.push(connection);
        }
        Self { address, _listener: listener, _connections: connections }
    }
}

#[test]
fn a_supervisor_that_is_killed_while_a_call_waits_or_output_floods_ends_the_run() {
    if !found("python3") {
        return;
    }
    let full = Full::new();
    let port = full.address.port();
    let begun = "import os, socket\nos.close(os.open('out/begun', os.O_CREAT | os.O_WRONLY))\n";
    let connect = format!("{begun}socket.create_connection(('127.0.0.1', {port}))\n");
    let phases = [
        ("waits", format!(", net: ['127.0.0.1:{port}']"), connect.as_str()),
        ("floods", String::new(), &format!("{begun}while True: os.write(1, b'x' * 65536)\n")),
    ];
    as_everybody(|user| {
        for (phase, permissions, source) in &phases {
            let stage = Stage::new(user, permissions, source);
            let supervisor = stage.start();
            stage.wait_for("begun");
            if *phase == "waits" {
                // The process that connects for the program has begun to.
                wait_until("a call waits", || threads_named(supervisor.id(), "connect") > 0);
            }
            signal(supervisor.id(), Signal::SIGKILL);
            bury(supervisor);
            stage.all_end(phase);
        }
    });
}

fn threads_named(process: u32, name: &str) -> usize {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name))
        .count()
}

#[test]
fn the_end_of_a_part_is_the_end_of_the_run_and_told() {
    if !found("python3") {
        return;
    }
    let port = serve("host");
    as_everybody(|user| {
        for part in ["launcher", "first process", "program"] {
            let stage = Stage::new(user, "", &trying(port));
            let supervisor = stage.start();
            stage.wait_for("begun");
            let launcher = children(supervisor.id())[0];
            let script = stage.skill.path.join("scripts/main.py").canonicalize().unwrap();
            let program = interpreter(&script, &stage.word).unwrap();
            let victim = match part {
                "launcher" => launcher,
                "first process" => parent(&program),
                _ => program.file_name().unwrap().to_str().unwrap().parse().unwrap(),
            };
            signal(victim, Signal::SIGKILL);
            let report = report(supervisor);
            let outcome = report.outcome.as_ref().unwrap();
            let wanted = if part == "program" { OutcomeKind::Signaled } else { OutcomeKind::Failed };
            assert_eq!(outcome.kind, wanted, "{user:?} {part}: {outcome:?}");
            stage.all_end(part);
            assert_eq!(stage.canary(), "", "{user:?} {part}");
        }
    });
}

fn parent(process: &Path) -> u32 {
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_reader_that_is_killed_costs_a_line_and_no_more() {
    if !found("python3") {
        return;
    }
    let source = "import os, time\ndef refused(path):\n  try: open(path)\n  except OSError: pass\nrefused('/etc/shadow')\n\
                  open('out/begun', 'w').close()\nwhile not os.path.exists('out/go'): time.sleep(0.01)\n\
                  refused('/etc/gshadow')\nprint('fine')\n";
    as_everybody(|user| {
        let stage = Stage::new(user, "", source);
        let supervisor = stage.start();
        stage.wait_for("begun");
        let launcher = children(supervisor.id())[0];
        let script = stage.skill.path.join("scripts/main.py").canonicalize().unwrap();
        let init = parent(&interpreter(&script, &stage.word).unwrap());
        let readers: Vec<u32> = children(launcher).into_iter().filter(|child| *child != init).collect();
        assert!(!readers.is_empty(), "{user:?}: nobody reads");
        for reader in readers {
            signal(reader, Signal::SIGKILL);
        }
        fs::write(stage.out("go"), "").unwrap();
        let report = report(supervisor);
        assert_eq!(report.stdout, "fine\n", "{user:?}: {:?}", report.outcome);
        let targets: Vec<&str> = report.denials.iter().map(|denial| denial.target.as_str()).collect();
        assert_eq!(targets, ["/etc/shadow", "/etc/gshadow"], "{user:?}");
        stage.all_end("reader");
    });
}

#[test]
fn cancelling_ends_a_whole_tree_at_once() {
    if !found("python3") {
        return;
    }
    let full = Full::new();
    let port = full.address.port();
    // Thirty processes: some deaf, some stopped, one whose vfork does not come back, one that waits for a connection.
    let source = format!(
        "import os, signal, socket, time\nfor number in range(28):\n  if os.fork() == 0:\n    \
         if number < 10: [signal.signal(s, signal.SIG_IGN) for s in range(1, 32) if s not in (9, 19)]\n    \
         elif number < 15: os.kill(os.getpid(), signal.SIGSTOP)\n    \
         elif number == 15:\n      os.mkfifo('/tmp/fifo')\n      \
         os.posix_spawn('/usr/bin/python3', ['x'], {{}}, file_actions=[(os.POSIX_SPAWN_OPEN, 9, '/tmp/fifo', os.O_RDONLY, 0)])\n    \
         elif number == 16: socket.create_connection(('127.0.0.1', {port}))\n    \
         time.sleep(60); os._exit(0)\nos.close(os.open('out/begun', os.O_CREAT | os.O_WRONLY))\ntime.sleep(60)\n"
    );
    as_everybody(|user| {
        let stage = Stage::new(user, &format!(", net: ['127.0.0.1:{port}']"), &source);
        let supervisor = stage.start();
        stage.wait_for("begun");
        wait_until("a call waits", || threads_named(supervisor.id(), "connect") > 0);
        let script = stage.skill.path.join("scripts/main.py").canonicalize().unwrap();
        let program: u32 = {
            let process = interpreter(&script, &stage.word).unwrap();
            process.file_name().unwrap().to_str().unwrap().parse().unwrap()
        };
        // The one that hangs in vfork has a child.
        let tree = || {
            let own = children_if_there(program);
            own.len() + own.iter().map(|child| children_if_there(*child).len()).sum::<usize>()
        };
        wait_until("all thirty are there", || tree() == 29);
        let begun = Instant::now();
        signal(supervisor.id(), Signal::SIGTERM);
        let report = report(supervisor);
        let time = begun.elapsed();
        assert_eq!(report.outcome.as_ref().unwrap().kind, OutcomeKind::Cancelled, "{user:?}");
        assert!(time < Duration::from_secs(2), "{user:?}: {time:?}");
        stage.all_end("cancel");
    });
}

fn children_if_there(process: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}
