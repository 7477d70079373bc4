//! Reports of runs that never were, with something in every list.

use std::path::Path;

use crate::run::report::{
    Denial, FileAccess, MissingModule, PolicySummary, Process, Remedy, Report, VERSION,
};
use crate::sandbox::event::{
    Frame, Isolation, Layer, Layers, Level as IsolationLevel, LimitHit, NetworkAttempt, Operation, Outcome,
    OutcomeKind, Resource, Usage, Verdict,
};

pub(crate) fn exited(code: i32) -> Outcome {
    Outcome { kind: OutcomeKind::Exited, code: Some(code), signal: None, limit: None, message: String::new() }
}

/// A run with something in every list.
#[allow(clippy::too_many_lines)] // one literal
pub(crate) fn report(skill: &Path) -> Report {
    let frame =
        |file: &str, line, function: &str| Frame { file: skill.join(file), line, function: function.into() };
    let denial = |id, operation, target: &str, layer, errno: &str, remedy: Option<(&str, &str)>| Denial {
        id,
        at_ms: 34,
        count: id,
        pid: 2,
        program: "python3".into(),
        operation,
        target: target.into(),
        syscall: "openat".into(),
        arguments: format!("openat(AT_FDCWD, \"{target}\", O_RDONLY|O_CLOEXEC)"),
        errno: errno.into(),
        layer,
        rule: "default: only the system, the skill and private folders can be read".into(),
        asked: (id == 2).then(|| format!("{}/policy.yaml:4", skill.display())),
        blame: vec![
            Frame { file: "/usr/lib/python3/json.py".into(), line: 3, function: "load".into() },
            frame("scripts/report.py", 7, "load"),
            frame("scripts/report.py", 12, "main"),
        ],
        unread: None,
        remedy: remedy.map(|(permission, add)| Remedy { permission: permission.into(), add: add.into() }),
        alternatives: Vec::new(),
    };
    let file = |path: &str, operation, verdict, count, at| FileAccess {
        path: path.into(),
        operation,
        verdict,
        count,
        at_ms: Some(at),
    };
    let process = |pid, program: &str, exit| Process {
        pid,
        parent: 1,
        program: program.into(),
        argv: vec![program.into(), "scripts/report.py".into()],
        exit,
        at_ms: Some(u64::from(pid != 2) * 60),
        ended_ms: exit.map(|_| 141),
    };
    Report {
        version: VERSION,
        skill: "weather".into(),
        entry: "scripts/report.py".into(),
        argv: vec!["python3".into()],
        cwd: skill.into(),
        isolation: Isolation { level: IsolationLevel::Full, layers: layers(), missing: Vec::new() },
        policy: PolicySummary::default(),
        observe: None,
        outcome: Some(exited(1)),
        started_at: "2026-01-02T03:04:05Z".into(),
        startup_ms: 3.0,
        duration_ms: 142.0,
        usage: Usage {
            cpu_ms: 90,
            peak_memory_bytes: 38 << 20,
            peak_processes: 2,
            peak_descriptors: 8,
            output_bytes: 99,
        },
        stdout: String::new(),
        stderr: String::new(),
        stdout_truncated: false,
        stderr_truncated: false,
        denials: vec![
            denial(
                1,
                Operation::Read,
                "/home/ada/cities.json",
                Layer::Mount,
                "ENOENT",
                Some(("read", "~/cities.json")),
            ),
            denial(
                2,
                Operation::Connect,
                "api.weather.example:443",
                Layer::Network,
                "EACCES",
                Some(("net", "api.weather.example:443")),
            ),
            denial(3, Operation::Syscall, "ptrace", Layer::Seccomp, "EPERM", None),
        ],
        files: vec![
            file(
                "/home/ada/project/.skills/weather/scripts/report.py",
                Operation::Read,
                Verdict::Allowed,
                1,
                12,
            ),
            file("/home/ada/cities.json", Operation::Read, Verdict::Denied, 1, 34),
            file("/etc/pip.conf", Operation::Read, Verdict::Missing, 4, 9),
        ],
        network: vec![NetworkAttempt {
            address: None,
            host: Some("api.weather.example".into()),
            port: 443,
            protocol: "tcp".into(),
            verdict: Verdict::Denied,
            count: 2,
            at_ms: Some(90),
        }],
        limits: Vec::new(),
        processes: vec![process(2, "/usr/bin/python3", Some(1)), process(3, "/usr/bin/date", None)],
        changes: Vec::new(),
        changes_truncated: false,
        writes: None,
        missing_modules: Vec::new(),
        lost_events: 0,
    }
}

fn layers() -> Layers {
    Layers {
        user: true,
        mount: true,
        pid: true,
        net: true,
        ipc: true,
        uts: true,
        cgroup: true,
        landlock_abi: 7,
        seccomp: true,
        memory: "cgroup".into(),
    }
}

pub(crate) fn limited(skill: &Path) -> Report {
    let hit = LimitHit {
        resource: Resource::Memory,
        limit: 256 << 20,
        observed: 257 << 20,
        enforced_by: "supervisor".into(),
        at_ms: 900,
        effect: "killed".into(),
    };
    let outcome =
        Outcome { kind: OutcomeKind::Limit, code: None, limit: Some(Resource::Memory), ..exited(0) };
    let usage = Usage { peak_memory_bytes: 257 << 20, ..Usage::default() };
    Report { limits: vec![hit], outcome: Some(outcome), usage, denials: Vec::new(), ..report(skill) }
}

pub(crate) fn missing(skill: &Path) -> Report {
    let missing_modules = vec![MissingModule {
        module: "requests".into(),
        blame: Vec::new(),
        reason: "declared in requirements.txt, environment not prepared".into(),
        command: Some("skilldeck env weather".into()),
    }];
    Report { denials: Vec::new(), missing_modules, ..report(skill) }
}

pub(crate) fn reduced(skill: &Path) -> Report {
    let missing = vec!["no user namespaces: set kernel.unprivileged_userns_clone=1".to_owned()];
    let layers = Layers { landlock_abi: 7, seccomp: true, ..Layers::default() };
    Report { isolation: Isolation { level: IsolationLevel::Reduced, layers, missing }, ..report(skill) }
}
