//! Events become a report: deduplicated, bounded, with rule and remedy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skilldeck::policy::{Policy, Remedy};
use skilldeck::run::prepare::{RunRequest, WorkingDirectory, prepare_for};
use skilldeck::run::report::{ChangeKind, Report};
use skilldeck::run::{Recorder, materialise_write_grants};
use skilldeck::sandbox::event::*;
use skilldeck::sandbox::plan::Observe;
use skilldeck::skill::{Entry, Interpreter, Language};

struct Desk {
    _folder: tempfile::TempDir,
    skill: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let skill = folder.path().canonicalize().unwrap().join("demo");
        std::fs::create_dir(&skill).unwrap();
        std::fs::write(skill.join("SKILL.md"), "---\nname: demo\ndescription: d\n---\n").unwrap();
        std::fs::write(skill.join("a.py"), "import os\nopen('/etc/shadow')\n").unwrap();
        Self { _folder: folder, skill }
    }

    fn recorder(&self, policy: Policy, keep: usize) -> Recorder {
        let interpreter = Interpreter {
            language: Language::Sh,
            program: Some(Path::new("/bin/sh").canonicalize().unwrap()),
            arguments: Vec::new(),
            prefix: Vec::new(),
        };
        let request = RunRequest {
            skill: Arc::new(skilldeck::skill::read(&self.skill, &self.skill)),
            entry: Entry { file: "a.py".into(), interpreter },
            args: Vec::new(),
            input: Vec::new(),
            cwd: WorkingDirectory::Skill,
            workspace: self.skill.clone(),
            policy,
            asked: None,
            observe: Observe::Full,
            require_full: false,
        };
        let prepared = prepare_for(request, &BTreeMap::new()).unwrap();
        materialise_write_grants(&prepared).unwrap();
        Recorder::new(&prepared, keep)
    }
}

fn at(ms: u64, kind: EventKind) -> Event {
    Event { at: Duration::from_millis(ms), kind }
}

fn denied(target: &str, blame: Vec<Frame>) -> Denied {
    Denied {
        pid: 2,
        program: "python3".into(),
        operation: Operation::Read,
        target: target.into(),
        syscall: "openat".into(),
        arguments: String::new(),
        errno: "ENOENT".into(),
        layer: Layer::Mount,
        exists_outside: true,
        blame,
        unread: None,
        image: 2,
        programs: Vec::new(),
        count: 1,
    }
}

fn frame(file: &str, line: u32) -> Frame {
    Frame { file: file.into(), line, function: "main".into() }
}

fn finished(kind: OutcomeKind, code: Option<i32>) -> EventKind {
    let outcome = Outcome { kind, code, signal: None, limit: None, message: String::new() };
    let usage =
        Usage { cpu_ms: 5, peak_memory_bytes: 10, peak_processes: 1, peak_descriptors: 3, output_bytes: 0 };
    EventKind::Finished(Box::new(Finished { outcome, duration: Duration::from_millis(1500), usage }))
}

#[test]
fn the_same_refusal_counts_and_the_skills_line_is_named() {
    let desk = Desk::new();
    let mut recorder = desk.recorder(Policy::default(), 100);
    let own = desk.skill.join("a.py").display().to_string();
    let stack = vec![frame("/usr/lib/python3/os.py", 225), frame("a.py", 2), frame(&own, 9)];
    assert!(recorder.apply(&at(3, EventKind::Denied(denied("/etc/shadow", stack.clone())))));
    recorder.apply(&at(9, EventKind::Denied(denied("/etc/shadow", stack))));
    recorder.apply(&at(9, EventKind::Denied(denied("/etc/shadow", vec![frame(&own, 7)]))));
    recorder.apply(&at(9, EventKind::Denied(denied("/etc/shadow", vec![frame("/usr/lib/x.py", 1)]))));
    let denials = &recorder.report().denials;
    assert_eq!(denials.len(), 3);
    assert_eq!((denials[0].count, denials[0].at_ms, denials[0].id), (2, 3, 1));
    let places: Vec<_> = denials[0].blame.iter().map(|f| (f.file.display().to_string(), f.line)).collect();
    assert_eq!(places, [(own.clone(), 2), (own, 9)]);
    assert_eq!(denials[2].blame[0].line, 1, "a foreign stack is better than none");
    assert_eq!(denials[0].remedy, Some(Remedy { permission: "read".into(), add: "/etc/shadow".into() }));
    assert!(denials[0].rule.starts_with("default:"));
}

#[test]
fn files_network_processes_limits_and_usage() {
    let desk = Desk::new();
    let mut recorder = desk.recorder(Policy::default(), 100);
    for _ in 0..3 {
        recorder.apply(&at(
            1,
            EventKind::File {
                path: "/usr/x".into(),
                operation: Operation::Read,
                verdict: Verdict::Allowed,
                count: 2,
            },
        ));
        recorder.apply(&at(
            2,
            EventKind::Network(NetworkAttempt {
                address: None,
                host: Some("a.de".into()),
                port: 443,
                protocol: "tcp".into(),
                verdict: Verdict::Denied,
                count: 1,
                at_ms: None,
            }),
        ));
    }
    // The same process becomes another program, and its number is used again later.
    for (pid, program) in [(2, "/bin/sh"), (2, "/bin/ls")] {
        let argv = vec!["x".repeat(5000); 100];
        let program = program.into();
        recorder.apply(&at(3, EventKind::ProcessStarted { pid, parent: 1, program, argv }));
    }
    recorder.apply(&at(4, EventKind::ProcessExited { pid: 2, exit: Some(3) }));
    recorder.apply(&at(4, EventKind::ProcessExited { pid: 99, exit: Some(3) }));
    for observed in [10, 30, 20] {
        let hit = LimitHit {
            resource: Resource::OpenFiles,
            limit: 9,
            observed,
            enforced_by: "kernel".into(),
            at_ms: 4,
            effect: "EMFILE".into(),
        };
        recorder.apply(&at(4, EventKind::LimitHit(hit)));
    }
    let sample = UsageSample { cpu_ms: 1, memory_bytes: 99, processes: 4, descriptors: 0 };
    recorder.apply(&at(5, EventKind::Usage(sample)));
    recorder.apply(&at(6, EventKind::Lost(7)));
    recorder.apply(&at(7, finished(OutcomeKind::Exited, Some(0))));
    let report = recorder.into_report();
    assert_eq!((report.files.len(), report.files[0].count), (1, 6));
    assert_eq!((report.network.len(), report.network[0].count), (1, 3));
    let exits: Vec<_> = report.processes.iter().map(|p| (p.program.clone(), p.exit)).collect();
    assert_eq!(exits, [("/bin/sh".into(), None), ("/bin/ls".into(), Some(3))]);
    assert_eq!((report.processes[0].argv.len(), report.processes[0].argv[0].len()), (64, 1024));
    assert_eq!((report.limits.len(), report.limits[0].observed), (1, 30));
    let usage = report.usage;
    assert_eq!((usage.cpu_ms, usage.peak_memory_bytes, usage.peak_processes), (5, 99, 4));
    assert_eq!((report.lost_events, report.duration_ms), (7, 1500.0));
}

#[test]
fn output_is_kept_up_to_its_bound() {
    let desk = Desk::new();
    let mut recorder = desk.recorder(Policy::default(), 8);
    for (stream, bytes) in [
        (Stream::Stdout, b"ab\xe2\x82".as_slice()),
        (Stream::Stdout, b"\xac!"),
        (Stream::Stderr, b"0123456789"),
    ] {
        assert!(!recorder.apply(&at(1, EventKind::Output { stream, bytes: bytes.to_vec() })));
    }
    recorder.apply(&at(2, finished(OutcomeKind::Exited, Some(0))));
    let report = recorder.report();
    assert_eq!((report.stdout.as_str(), report.stdout_truncated), ("ab€!", false));
    assert_eq!((report.stderr.as_str(), report.stderr_truncated), ("01234567", true));
    assert_eq!(report.usage.output_bytes, 16);
}

#[test]
fn floods_are_bounded_and_counted() {
    let desk = Desk::new();
    let mut recorder = desk.recorder(Policy::default(), 8);
    for n in 0..12_000 {
        recorder.apply(&at(
            1,
            EventKind::File {
                path: format!("/f{n}").into(),
                operation: Operation::Read,
                verdict: Verdict::Missing,
                count: 1,
            },
        ));
        if n < 3_000 {
            recorder.apply(&at(1, EventKind::Denied(denied(&format!("/srv/{n}"), Vec::new()))));
        }
        recorder.apply(&at(
            1,
            EventKind::ProcessStarted { pid: n, parent: 1, program: "/bin/true".into(), argv: Vec::new() },
        ));
    }
    recorder.apply(&at(1, EventKind::Denied(denied("/etc/shadow", Vec::new()))));
    let report = recorder.report();
    assert_eq!((report.files.len(), report.processes.len()), (10_000, 2_000));
    // Names made up in one folder are counted, and leave room for what matters.
    assert_eq!((report.denials.len(), report.denials[199].count), (201, 2_801));
    assert_eq!(report.denials[200].target, "/etc/shadow");
    assert_eq!(report.lost_events, 2_000 + 10_000);
    for n in 0..3_000 {
        recorder.apply(&at(1, EventKind::Denied(denied(&format!("/srv/{n}/x"), Vec::new()))));
    }
    // So are those of folders made up in one place.
    assert_eq!((recorder.report().denials.len(), recorder.report().lost_events), (801, 12_000));
    for n in 0..3_000 {
        recorder.apply(&at(1, EventKind::Denied(denied(&format!("/top{n}/x"), Vec::new()))));
    }
    assert_eq!((recorder.report().denials.len(), recorder.report().lost_events), (2_000, 13_801));
}

#[test]
fn changes_are_those_of_the_run() {
    let desk = Desk::new();
    let places = skilldeck::policy::Places { workspace: desk.skill.clone(), home: None };
    let text = "permissions:\n  write: [./out]\n";
    let policy =
        skilldeck::policy::load::parse(text, &desk.skill.join("policy.yaml"), &places).in_force().unwrap();
    let mut recorder = desk.recorder(policy, 8);
    std::fs::write(desk.skill.join("out/new.txt"), "12345").unwrap();
    recorder.apply(&at(1, finished(OutcomeKind::Exited, Some(0))));
    let changes = &recorder.report().changes;
    assert_eq!(changes.len(), 1, "the folder itself was made before: {changes:?}");
    assert_eq!((changes[0].kind, changes[0].bytes), (ChangeKind::Added, 5));
}

#[test]
fn a_run_always_ends_and_the_report_reads_back() {
    let desk = Desk::new();
    let mut recorder = desk.recorder(Policy::default(), 8);
    recorder.apply(&at(3, EventKind::Output { stream: Stream::Stdout, bytes: b"x".to_vec() }));
    recorder.close();
    let report = recorder.into_report();
    let outcome = report.outcome.as_ref().unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    assert!(outcome.message.contains("run it again"));
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for field in ["version", "isolation", "policy", "outcome", "usage", "denials", "changes", "lost_events"] {
        assert!(value.get(field).is_some(), "{field}");
    }
    let started: jiff::Timestamp = report.started_at.parse().unwrap();
    assert!(started <= jiff::Timestamp::now());
}

#[test]
fn a_shell_names_its_line_before_or_after_the_refusal() {
    let desk = Desk::new();
    let script = desk.skill.join("a.py").display().to_string();
    let complaint = |line: u32, name: &str| {
        let bytes = format!("{script}: {line}: {name}: Permission denied\n").into_bytes();
        at(1, EventKind::Output { stream: Stream::Stderr, bytes })
    };
    let refusal = |target: &str| {
        let denied = Denied { operation: Operation::Execute, ..denied(target, Vec::new()) };
        at(1, EventKind::Denied(denied))
    };
    let mut recorder = desk.recorder(Policy::default(), 1000);
    assert!(!recorder.apply(&complaint(1, "wc")), "nothing to blame yet");
    recorder.apply(&refusal("/usr/bin/wc"));
    recorder.apply(&refusal("/usr/bin/git"));
    assert!(recorder.apply(&complaint(2, "git")));
    recorder.apply(&refusal("/usr/bin/ls"));
    let lines: Vec<Option<u32>> =
        recorder.report().denials.iter().map(|denial| denial.blame.first().map(|frame| frame.line)).collect();
    assert_eq!(lines, [Some(1), Some(2), None]);
}
