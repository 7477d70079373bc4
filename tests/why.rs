//! `skilldeck why`: its answers beside what a program really gets, and remedies beside what they really open.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Skill, User, as_everybody, found, program, serve};
use serde_json::{Value, json};
use skilldeck::policy::{Places, Remedy, add_grant};

/// Tries what its input lists, and tells for each whether it worked.
const TRY: &str = r"
import json, os, socket, subprocess, sys
def read(path):
    if os.path.isdir(path):
        os.listdir(path)
    else:
        open(path, 'rb').read(1)
def write(path):
    if os.path.isdir(path):
        path = os.path.join(path, 'made-by-test.txt')
    new = not os.path.exists(path)
    open(path, 'ab').close()
    if new:
        os.remove(path)
def net(target):
    host, port = target.rsplit(':', 1)
    with socket.create_connection((host, int(port)), timeout=5) as s:
        assert s.recv(2) == b'ok'
def run(path):
    subprocess.run([path, '--version'], stdin=subprocess.DEVNULL, capture_output=True)
def env(name):
    os.environ[name]
results = []
for permission, target in json.load(sys.stdin)['questions']:
    try:
        globals()[permission](target)
        results.append('ok')
    except Exception as error:
        results.append(repr(error))
print(json.dumps(results))
";

struct Desk {
    skill: Skill,
    root: PathBuf,
    ports: [u16; 2],
}

impl Desk {
    fn new() -> Self {
        // Not in /tmp: a run has one of its own, where the same paths may be made anew.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let skill = Skill::within(folder, "main.py", TRY);
        let root = skill.path.parent().unwrap().canonicalize().unwrap();
        for (name, text) in [
            ("data/a.txt", "a"),
            ("data/b/c.txt", "c"),
            ("data/private/s.txt", "s"),
            ("other/d.txt", "d"),
            ("demo/refs/r.txt", "r"),
            ("demo/out/o.txt", "o"),
            ("demo/out/keep/k.txt", "k"),
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tool = root.join("demo/tool.sh");
        fs::write(&tool, "#!/bin/sh\nexit 0\n").unwrap();
        symlink("data/a.txt", root.join("link")).unwrap();
        symlink(root.join("data"), root.join("demo/away")).unwrap();
        open_all(&root);
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        Self { skill, root, ports: [serve("ok"), serve("ok")] }
    }

    fn questions(&self) -> Vec<(&'static str, String)> {
        let mut asked = Vec::new();
        let own = [
            "data/a.txt",
            "data/b",
            "data/b/c.txt",
            "data/private",
            "data/private/s.txt",
            "other/d.txt",
            "other",
            "link",
            "demo",
            "demo/SKILL.md",
            "demo/policy.yaml",
            "demo/away/b/c.txt",
            "demo/refs/r.txt",
            "demo/out",
            "demo/out/o.txt",
            "demo/out/keep/k.txt",
            "demo/out/new.txt",
            "demo/made/by/grant/x.txt",
            "demo/report.md",
            "nowhere/at-all",
        ];
        let system = [
            "/etc/passwd",
            "/etc/shadow",
            "/usr/bin/env",
            "/usr/share",
            "/tmp",
            "/home/skill/x",
            "/scratch/y",
            "/dev/null",
            "/dev/mem",
            "/proc/self/status",
            "/proc/1/environ",
            "/sys/kernel",
            "/root",
            "/var/log",
            "/opt",
        ];
        let paths = own.iter().map(|name| self.root.join(name).display().to_string());
        for path in paths.chain(system.map(str::to_owned)) {
            asked.push(("read", path.clone()));
            asked.push(("write", path));
        }
        for port in self.ports {
            asked.push(("net", format!("127.0.0.1:{port}")));
            asked.push(("net", format!("localhost:{port}")));
        }
        for name in ["/usr/bin/sort", "/usr/bin/env", "/bin/ls", "/bin/sh", "/usr/bin/true"] {
            asked.push(("run", name.to_owned()));
        }
        asked.push(("run", self.root.join("demo/tool.sh").display().to_string()));
        for name in ["TOKEN", "OTHER", "UNSET", "LANG", "PATH"] {
            asked.push(("env", name.to_owned()));
        }
        asked
    }

    fn policy(&self) -> PathBuf {
        self.root.join("demo/policy.yaml")
    }

    fn set_policy(&self, text: &str) {
        fs::write(self.policy(), text).unwrap();
        fs::set_permissions(self.policy(), fs::Permissions::from_mode(0o666)).unwrap();
    }

    /// Answers, and what `why` ended with.
    fn why(&self, user: User, questions: &[(&str, String)]) -> (Vec<Value>, i32) {
        let mut command = program(user);
        command
            .arg("why")
            .arg(&self.skill.path)
            .args(["--trust", "--entry", "scripts/main.py", "--format", "json", "--workspace"])
            .arg(&self.root);
        for (permission, target) in questions {
            command.arg(format!("--{permission}={target}"));
        }
        self.surroundings(&mut command);
        let output = command.output().unwrap();
        let answers: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{user:?}: {}", String::from_utf8_lossy(&output.stderr)));
        (answers["answers"].as_array().unwrap().clone(), output.status.code().unwrap())
    }

    fn surroundings(&self, command: &mut std::process::Command) {
        command.current_dir(&self.root).env("TOKEN", "t").env("OTHER", "o").env("HOME", "/nonexistent");
        command.env_remove("UNSET").stdin(Stdio::null());
    }

    fn run(&self, user: User, questions: &[(&str, String)]) -> (Vec<String>, skilldeck::run::report::Report) {
        let input = json!({ "questions": questions }).to_string();
        let workspace = self.root.display().to_string();
        let mut command = self.skill.command(
            user,
            &["--trust", "--entry", "scripts/main.py", "--input", &input, "--workspace", &workspace],
        );
        self.surroundings(&mut command);
        let output = command.output().unwrap();
        let report: skilldeck::run::report::Report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{user:?}: {}", String::from_utf8_lossy(&output.stderr)));
        let results = serde_json::from_str(&report.stdout).unwrap_or_else(|_| panic!("{}", report.stderr));
        (results, report)
    }
}

fn open_all(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        let mode = if path.is_dir() { 0o777 } else { 0o666 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        if path.is_dir() {
            open_all(&path);
        }
    }
}

/// Policies put together from these lines, by a fixed sequence of numbers.
fn policies(desk: &Desk) -> Vec<String> {
    let [first, second] = desk.ports;
    let net = [
        format!("\"127.0.0.1:{first}\""),
        "localhost".into(),
        "\"*\"".into(),
        format!("\"127.0.0.0/8:{second}\""),
    ];
    let net: Vec<&str> = net.iter().map(String::as_str).collect();
    let pools: [(&str, &[&str]); 5] = [
        (
            "read",
            &["../data", "../data/b/c.txt", "\"${workspace}/link\"", "../other", "/var/log", "../nowhere"],
        ),
        ("write", &["./out", "./made/by/grant", "./report.md", "../data/b", "../other/d.txt"]),
        ("net", &net),
        ("run", &["sort", "\"@coreutils\"", "./tool.sh", "env", "/bin/sh"]),
        ("env", &["TOKEN", "UNSET", "LANG"]),
    ];
    let denials = ["read: [../data/private]", "write: [./out/keep]", "run: [env]", "env: [TOKEN]"];
    let mut state = 12_345_u64;
    let mut chance = |of: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).is_multiple_of(of)
    };
    let mut made = vec![String::new()];
    for _ in 0..7 {
        let mut text = String::from("permissions:\n");
        for (name, pool) in pools {
            let taken: Vec<&str> = pool.iter().copied().filter(|_| chance(3)).collect();
            if !taken.is_empty() {
                writeln!(text, "  {name}: [{}]", taken.join(", ")).unwrap();
            }
        }
        let taken: Vec<&str> = denials.into_iter().filter(|_| chance(3)).collect();
        if !taken.is_empty() {
            writeln!(text, "deny:\n  {}", taken.join("\n  ")).unwrap();
        }
        made.push(text);
    }
    made
}

#[test]
fn answers_are_what_a_program_gets() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let desk = Desk::new();
        fs::set_permissions(&desk.root, fs::Permissions::from_mode(0o777)).unwrap();
        for policy in policies(&desk) {
            // What an earlier policy made would be there for the next.
            let _ = fs::remove_dir_all(desk.root.join("demo/made"));
            let _ = fs::remove_file(desk.root.join("demo/report.md"));
            fs::set_permissions(&desk.skill.path, fs::Permissions::from_mode(0o777)).unwrap();
            desk.set_policy(&policy);
            let questions = desk.questions();
            let (answers, status) = desk.why(user, &questions);
            let (got, _) = desk.run(user, &questions);
            assert_eq!(answers.len(), got.len());
            assert_eq!(status, i32::from(answers.iter().any(|answer| answer["allowed"] == false)));
            let mut wrong = Vec::new();
            // The answers come sorted by permission, in the order they were asked within each.
            for permission in ["read", "write", "net", "run", "env"] {
                let asked = questions.iter().zip(&got).filter(|((asked, _), _)| *asked == permission);
                let told = answers.iter().filter(|answer| answer["permission"] == permission);
                for (((_, target), got), answer) in asked.zip(told) {
                    let notes = answer["notes"].to_string();
                    let absent = notes.contains("nothing is there")
                        || notes.contains("owner and mode")
                        || notes.contains("not set here");
                    let expected = answer["allowed"] == true && !absent;
                    // The listing of a folder that is only the way to a grant; a private file that nobody made.
                    let excused = notes.contains("only the way to")
                        || permission == "read"
                            && notes.contains("private folder")
                            && got.contains("FileNotFound");
                    if (got == "ok") != expected && !excused {
                        wrong.push(format!("{permission} {target}: got {got}, told {answer:#}"));
                    }
                }
            }
            assert!(wrong.is_empty(), "{user:?} under\n{policy}\n{}", wrong.join("\n"));
        }
    });
}

#[test]
fn the_first_remedy_makes_the_call_succeed() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let desk = Desk::new();
        fs::set_permissions(&desk.root, fs::Permissions::from_mode(0o777)).unwrap();
        let questions = desk.questions();
        let start = "# nothing yet\npermissions:\n  run: [\"true\"]\ndeny:\n  write: [./out/later]\n";
        fs::create_dir_all(desk.root.join("demo/out/later")).unwrap();
        desk.set_policy(start);
        let (before, report) = desk.run(user, &questions);
        let places = Places { workspace: desk.root.clone(), home: None };
        let mut tried = 0;
        let mut wrong = Vec::new();
        for denial in &report.denials {
            let Some(remedy) = &denial.remedy else { continue };
            // What belongs to root alone stays closed to others whatever is granted.
            let Some(at) = questions.iter().position(|(permission, target)| {
                *permission == remedy.permission
                    && same(target, &denial.target)
                    && target.starts_with(desk.root.to_str().unwrap())
                    || *permission == remedy.permission
                        && *permission != "read"
                        && *permission != "write"
                        && same(target, &denial.target)
            }) else {
                continue;
            };
            assert_ne!(before[at], "ok", "{denial:?}");
            let remedy = Remedy { permission: remedy.permission.clone(), add: remedy.add.clone() };
            let policy = add_grant(start, &remedy, &desk.policy(), &places).unwrap();
            desk.set_policy(&policy);
            let (after, again) = desk.run(user, &questions[at..=at]);
            let still = again
                .denials
                .iter()
                .any(|other| (other.operation, &other.target) == (denial.operation, &denial.target));
            if after[0] != "ok" || still {
                wrong.push(format!(
                    "{:?} {} by {remedy:?}: {} {still}",
                    denial.operation, denial.target, after[0]
                ));
            }
            tried += 1;
        }
        assert!(wrong.is_empty(), "{user:?}: {}", wrong.join("\n"));
        assert!(tried >= 8, "{user:?}: only {tried} remedies tried of {:?}", report.denials);
    });
}

fn same(one: &str, other: &str) -> bool {
    one == other
        || Path::new(one)
            .canonicalize()
            .is_ok_and(|real| Path::new(other).canonicalize().is_ok_and(|o| o == real))
}

#[test]
fn the_line_is_shown_and_the_status_tells() {
    let desk = Desk::new();
    desk.set_policy("permissions:\n  read:\n    - ../data   # why not\ndeny:\n  read: [../data/private]\n");
    let run = |args: &[&str]| {
        let mut command = program(User::Caller);
        command.arg("why").arg(&desk.skill.path).args(args);
        desk.surroundings(&mut command);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (status, out, _) = run(&["--trust", "--read", "data/a.txt"]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("✓ ALLOWED") && out.contains("policy.yaml:3 grants read ../data"), "{out}");
    assert!(out.contains("3 |     - ../data   # why not"), "{out}");
    let (status, out, _) = run(&["--trust", "--read", "data/a.txt", "--read", "data/private/s.txt"]);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("policy.yaml:5 denies read ../data/private"), "{out}");
    assert!(
        out.contains("closest   read ../data (policy.yaml:3): a denial inside of it is stronger"),
        "{out}"
    );
    // Without --trust the file only asks.
    let (status, out, _) = run(&["--read", "data/a.txt"]);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("not approved; see `skilldeck approve`, or run with --trust"), "{out}");
    for wrong in [
        &["--net", "host"][..],
        &["--net", "*:1"],
        &["--run", "git log"],
        &["--env", "A=b"],
        &[],
        &["--read", ""],
    ] {
        let (status, out, error) = run(wrong);
        assert_eq!((status, out.as_str()), (2, ""), "{wrong:?}");
        assert!(error.contains("error: "), "{error}");
    }
}
