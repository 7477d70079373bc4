//! Many runs in one process, as the workbench has them: nothing is left behind, nothing is mixed up, nothing grows.
//!
//! A program of its own without the usual harness: the launcher has to be forked before there is a second thread.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the harness")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use skilldeck::policy::load::parse;
use skilldeck::policy::{Places, Policy};
use skilldeck::run::Recorder;
use skilldeck::run::prepare::{Prepared, RunRequest, WorkingDirectory, prepare_for};
use skilldeck::run::report::Report;
use skilldeck::sandbox::Launcher;
use skilldeck::sandbox::event::{EventKind, OutcomeKind, Resource};
use skilldeck::sandbox::plan::Observe;
use skilldeck::skill::{Entry, Interpreter, Language};

type Check = fn(&Desk, &Launcher);

const CHECKS: [(&str, Check); 4] = [
    ("a_thousand_runs_leave_nothing_behind", thousand),
    ("eight_runs_at_a_time_are_not_mixed_up", eight),
    ("a_flood_of_events_is_told_or_counted", flood),
    ("a_flood_of_refusals_is_told_or_counted", refusals),
];

/// Set for the process that does the work.
const WORKER: &str = "SKILLDECK_MANY_RUNS";

fn main() -> ExitCode {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if std::env::args().any(|argument| argument == "--list") {
        for (name, _) in CHECKS {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(WORKER).is_some() {
        let launcher = Launcher::start();
        let desk = Desk::new();
        for (name, check) in CHECKS {
            if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
                let begun = Instant::now();
                check(&desk, &launcher);
                println!("test {name} ... ok ({:.1} s)", begun.elapsed().as_secs_f64());
            }
        }
        return ExitCode::SUCCESS;
    }
    // A folder for temporary files in which nobody else makes any, and a copy of this program that every user may start.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("many_runs");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let users: &[Option<u32>] = if nix::unistd::geteuid().is_root() { &[None, Some(65534)] } else { &[None] };
    for user in users {
        println!("as {}", user.map_or("the caller".to_owned(), |user| format!("user {user}")));
        let temporary = folder.path().join(format!("tmp-{}", user.unwrap_or(0)));
        fs::create_dir(&temporary).unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o777)).unwrap();
        let mut command = match user {
            None => Command::new(&program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                let id = user.to_string();
                command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(&program);
                command
            }
        };
        command.args(&wanted).env(WORKER, "1").env("TMPDIR", &temporary);
        assert!(command.status().unwrap().success(), "as {user:?}");
        let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "temporary files are left: {left:?}");
    }
    ExitCode::SUCCESS
}

/// A skill with a native entry and, when there is an interpreter, Python scripts.
struct Desk {
    _folder: tempfile::TempDir,
    skill: PathBuf,
    python: Option<PathBuf>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let skill = folder.path().canonicalize().unwrap().join("demo");
        fs::create_dir_all(skill.join("scripts")).unwrap();
        fs::write(skill.join("SKILL.md"), "---\nname: demo\ndescription: d\n---\n").unwrap();
        fs::copy("/usr/bin/true", skill.join("scripts/true")).unwrap();
        let python = Path::new("/usr/bin/python3").canonicalize().ok();
        if python.is_none() {
            println!("left out in part: /usr/bin/python3 is not there");
        }
        Self { _folder: folder, skill, python }
    }

    fn prepare(&self, language: Language, program: &Path, file: &str, limits: &str) -> Prepared {
        let places = Places { workspace: self.skill.clone(), home: None };
        let text = format!("limits: {{{limits}}}\n");
        let policy: Policy = parse(&text, &self.skill.join("policy.yaml"), &places)
            .in_force()
            .unwrap_or_else(|d| panic!("{d:?}"));
        let request = RunRequest {
            skill: Arc::new(skilldeck::skill::read(&self.skill, &self.skill)),
            entry: Entry {
                file: file.into(),
                interpreter: Interpreter {
                    language,
                    program: Some(program.to_owned()),
                    arguments: Vec::new(),
                    prefix: Vec::new(),
                },
            },
            args: Vec::new(),
            input: Vec::new(),
            cwd: WorkingDirectory::Skill,
            workspace: self.skill.clone(),
            policy,
            asked: None,
            observe: Observe::Full,
            require_full: false,
        };
        prepare_for(request, &BTreeMap::new()).unwrap()
    }

    fn native(&self) -> Prepared {
        self.prepare(Language::Native, &self.skill.join("scripts/true"), "scripts/true", "")
    }

    fn python(&self, name: &str, limits: &str, source: &str) -> Option<Prepared> {
        let python = self.python.as_ref()?;
        let file = format!("scripts/{name}.py");
        fs::write(self.skill.join(&file), source).unwrap();
        Some(self.prepare(Language::Python, python, &file, limits))
    }
}

fn run(launcher: &Launcher, prepared: &Prepared, cancel_at_start: bool) -> Report {
    let mut recorder = Recorder::new(prepared, 1 << 20);
    let mut handle = launcher.run(&prepared.plan).unwrap();
    while let Some(batch) = handle.events.blocking_recv() {
        for event in &batch {
            if cancel_at_start && matches!(event.kind, EventKind::Started { .. }) {
                handle.cancel();
            }
            recorder.apply(event);
        }
    }
    recorder.into_report()
}

/// What a process holds that could leak.
#[derive(Debug, PartialEq, Eq)]
struct Holdings {
    descriptors: usize,
    launcher_descriptors: usize,
    threads: usize,
    /// Children of the launcher: sandboxes, readers, and those that wait for mounts to go.
    launcher_children: usize,
    mounts: usize,
    temporary_files: usize,
    groups: usize,
}

fn entries(folder: impl AsRef<Path>) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn children(process: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

fn launcher_number() -> u32 {
    let mine = children(std::process::id());
    let [launcher] = mine[..] else { panic!("more than the launcher: {mine:?}") };
    launcher
}

impl Holdings {
    fn now() -> Self {
        let launcher = launcher_number();
        Self {
            descriptors: entries("/proc/self/fd"),
            launcher_descriptors: entries(format!("/proc/{launcher}/fd")),
            threads: entries("/proc/self/task"),
            launcher_children: children(launcher).len(),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
            temporary_files: entries(std::env::temp_dir()),
            groups: groups(Path::new("/sys/fs/cgroup"), 0),
        }
    }

    /// Once what ends soon has ended.
    fn wait_for(wanted: &Self) {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            if now == *wanted {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{now:#?} instead of {wanted:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// cgroups that runs of this process made.
fn groups(folder: &Path, depth: usize) -> usize {
    let launcher = launcher_number();
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| {
            let own = entry.file_name().to_string_lossy().starts_with(&format!("skilldeck-{launcher}-"));
            usize::from(own) + if depth < 8 { groups(&entry.path(), depth + 1) } else { 0 }
        })
        .sum()
}

/// Resident memory in KiB.
fn memory(process: u32) -> u64 {
    of_status(process, "VmRSS:")
}

/// The most that this process had.
fn peak_memory() -> u64 {
    of_status(std::process::id(), "VmHWM:")
}

fn of_status(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Keys of this user, among them the session keyring of every sandbox. `None`: a kernel without keys.
fn keys() -> Option<u64> {
    let text = fs::read_to_string("/proc/key-users").ok()?;
    let own = format!("{}:", nix::unistd::geteuid());
    let line = text.lines().find(|line| line.trim_start().starts_with(&own))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn thousand(desk: &Desk, launcher: &Launcher) {
    const RUNS: usize = 1000;
    const WARM: usize = 50;
    let native = desk.native();
    let mut unstartable = native.clone();
    unstartable.plan.program = desk.skill.join("scripts/none");
    let denied = desk.python("denied", "", "try: open('/etc/shadow')\nexcept OSError: print('refused')\n");
    let over = desk.python("over", "output: 4KiB", "while True: print('x' * 999)\n");
    let mut before = None;
    for number in 0..RUNS {
        if number == WARM {
            wait_for_children();
            before = Some((Holdings::now(), memory(std::process::id()), memory(launcher_number()), keys()));
        }
        let (report, wanted) = match number % 50 {
            7 | 27 | 47 => (run(launcher, &native, true), None),
            13 => (run(launcher, &unstartable, false), Some(OutcomeKind::Failed)),
            23 if let Some(denied) = &denied => (run(launcher, denied, false), Some(OutcomeKind::Exited)),
            33 if let Some(over) = &over => (run(launcher, over, false), Some(OutcomeKind::Limit)),
            _ => (run(launcher, &native, false), Some(OutcomeKind::Exited)),
        };
        let outcome = report.outcome.unwrap();
        // A run that is cancelled when it has just started may be over already.
        let wanted = wanted.unwrap_or(outcome.kind);
        assert_eq!(outcome.kind, wanted, "run {number}: {outcome:?}");
        assert_eq!(report.lost_events, 0, "run {number}");
    }
    let (holdings, own, launchers, had_keys) = before.unwrap();
    Holdings::wait_for(&holdings);
    let grown = |now: u64, before: u64| now.saturating_sub(before);
    let (own_now, launchers_now) = (memory(std::process::id()), memory(launcher_number()));
    assert!(grown(own_now, own) < 8192, "this process grew from {own} to {own_now} KiB");
    assert!(
        grown(launchers_now, launchers) < 2048,
        "the launcher grew from {launchers} to {launchers_now} KiB"
    );
    println!("  memory {own} -> {own_now} KiB, launcher {launchers} -> {launchers_now} KiB; {holdings:?}");
    if let (Some(before), Some(now)) = (had_keys, keys()) {
        // Of the whole user, and the kernel collects them in its own time.
        assert!(now < before + 100, "keys: {before} became {now}");
    }
}

fn wait_for_children() {
    let launcher = launcher_number();
    let begun = Instant::now();
    // One may stay: it waits for the launcher's own end.
    while children(launcher).len() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?} stay", children(launcher));
        std::thread::sleep(Duration::from_millis(10));
    }
    // The last one, if it is not that one, goes as the others.
    std::thread::sleep(Duration::from_millis(300));
}

/// What each of the eight is to reach, under limits that the others do not have.
const EIGHT: [(&str, Option<Resource>, &str); 8] = [
    ("wall: 700ms", Some(Resource::Wall), "import time\nwhile True: time.sleep(9)"),
    ("cpu: 400ms", Some(Resource::Cpu), "while True: pass"),
    ("memory: 48MiB", Some(Resource::Memory), "kept = []\nwhile True: kept.append(bytearray(1 << 20))"),
    (
        "file_size: 64KiB",
        Some(Resource::FileSize),
        "try: open('/tmp/x', 'wb').write(b'x' * (1 << 20))\nexcept OSError: pass",
    ),
    (
        "scratch: 1MiB",
        Some(Resource::Scratch),
        "try: open('/tmp/x', 'wb').write(b'x' * (2 << 20))\nexcept OSError: pass",
    ),
    (
        "open_files: 40",
        Some(Resource::OpenFiles),
        "try: kept = [open('/dev/null') for _ in range(99)]\nexcept OSError: pass",
    ),
    (
        "processes: 5",
        Some(Resource::Processes),
        "import os, time\nfor _ in range(9):\n  if os.fork() == 0: time.sleep(9)\ntime.sleep(9)",
    ),
    ("output: 1MiB", None, "import os\nfor _ in range(90): os.write(2, b'e' * 9999)"),
];

fn eight(desk: &Desk, launcher: &Launcher) {
    let prepared: Vec<Prepared> = EIGHT
        .iter()
        .enumerate()
        .filter_map(|(number, (limits, _, source))| {
            let source = format!("import sys\nprint('run {number}')\nsys.stdout.flush()\n{source}\n");
            desk.python(&format!("eight{number}"), limits, &source)
        })
        .collect();
    for round in 0..3 {
        let reports: Vec<Report> = std::thread::scope(|scope| {
            let runs: Vec<_> =
                prepared.iter().map(|prepared| scope.spawn(move || run(launcher, prepared, false))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for (number, (report, (limits, resource, _))) in reports.iter().zip(EIGHT).enumerate() {
            let what = format!("round {round}, {limits}");
            assert_eq!(report.stdout, format!("run {number}\n"), "{what}: {}", report.stderr);
            let hits: Vec<Resource> = report.limits.iter().map(|hit| hit.resource).collect();
            assert_eq!(hits, Vec::from_iter(resource), "{what}: {:?}", report.outcome);
            let wanted = if number == 7 { 90 * 9999 } else { 0 };
            assert_eq!(report.stderr.len(), wanted, "{what}: {}", report.stderr);
            let script = format!("eight{number}.py");
            assert!(report.argv.iter().any(|word| word.ends_with(&script)), "{what}: {:?}", report.argv);
            assert_eq!(report.processes.len(), 1, "{what}: {:?}", report.processes);
        }
    }
}

/// Every call of a flood is told or counted, and neither the supervisor nor the report grows with it.
fn flood(desk: &Desk, launcher: &Launcher) {
    let calls: u64 = if cfg!(debug_assertions) { 60_000 } else { 1_000_000 };
    // SKILLDECK_FLOOD: a million takes a minute and a half in a build without optimisation.
    let calls = std::env::var("SKILLDECK_FLOOD").ok().and_then(|text| text.parse().ok()).unwrap_or(calls);
    let source = "import os, sys\nfor n in range(int(sys.argv[1]) // 3):\n  os.access(f'/tmp/missing/{n}', 0)\n  os.access('/tmp/missing/again', 0)\n  \
                  os.access(f'/etc/passwd/{n}', 0)\n  if n % 10 == 0: os.write(1, b'o' * 1000)\n";
    let Some(flood) = desk.python("flood", "wall: 10m, cpu: 10m, output: 1GiB", source) else { return };
    let with = |calls: u64| {
        let mut prepared = flood.clone();
        prepared.plan.argv.push(calls.to_string());
        run(launcher, &prepared, false)
    };
    let files =
        |report: &Report| report.files.iter().map(|file| file.count).sum::<u64>() + report.lost_events;
    let (usual, before) = (files(&with(0)), memory(std::process::id()));
    // proc_pid_clear_refs(5): from here on the peak counts.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let report = with(calls);
    assert_eq!(report.outcome.as_ref().unwrap().code, Some(0), "{}", report.stderr);
    assert_eq!(files(&report), usual + calls / 3 * 3, "{} calls, {} lost", calls, report.lost_events);
    assert!(report.lost_events > 0);
    let most = peak_memory();
    println!("  {calls} calls, {} lost, memory {before} KiB, at most {most} KiB", report.lost_events);
    assert!(most < before + 64 * 1024, "grew from {before} to {most} KiB");
}

/// The same for refusals, which are told twice: as a denial, and among the files. More of them than a report keeps.
fn refusals(desk: &Desk, launcher: &Launcher) {
    const CALLS: u64 = 6000;
    let source = "import os, sys\nfolders = sorted(entry.path for entry in os.scandir('/usr/share') if entry.is_dir(follow_symlinks=False))[:40]\n\
                  for n in range(int(sys.argv[1])):\n  try: os.mkdir(f'{folders[n % len(folders)]}/{n}')\n  except OSError as error: assert error.errno == 30\n";
    let Some(refused) = desk.python("refused", "wall: 10m, cpu: 10m", source) else { return };
    let with = |calls: u64| {
        let mut prepared = refused.clone();
        prepared.plan.argv.push(calls.to_string());
        run(launcher, &prepared, false)
    };
    let files = |report: &Report| report.files.iter().map(|file| file.count).sum::<u64>();
    let denials = |report: &Report| report.denials.iter().map(|denial| denial.count).sum::<u64>();
    let (usual, report) = (with(0), with(CALLS));
    assert_eq!(report.outcome.as_ref().unwrap().code, Some(0), "{}", report.stderr);
    assert_eq!(usual.denials, []);
    let told = files(&report) + denials(&report) + report.lost_events;
    assert_eq!(told, files(&usual) + 2 * CALLS, "{} lost", report.lost_events);
    assert!(report.denials.len() <= 2000);
    println!("  {CALLS} refusals: {} denials, {} lost", report.denials.len(), report.lost_events);
}
