//! `skilldeck run` from end to end: the real binary, real programs, the real sandbox.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stderr, reason = "a test that is left out says so")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use skilldeck::policy::{Places, Remedy, add_grant};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{Operation, OutcomeKind, Resource};

/// A workspace of its own, so that samples can be changed and tests run side by side.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// A skill with one script.
    fn skill(&self, script: &str, source: &str) -> PathBuf {
        let skill = self.workspace().join(".skills/demo");
        std::fs::create_dir_all(skill.join("scripts")).unwrap();
        std::fs::write(skill.join("SKILL.md"), "---\nname: demo\ndescription: A skill to test with.\n---\n")
            .unwrap();
        std::fs::write(skill.join("scripts").join(script), source).unwrap();
        skill
    }

    /// A copy of a sample.
    fn sample(&self, name: &str) -> PathBuf {
        let to = self.workspace().join(".skills").join(name);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("skills").join(name), &to);
        to
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skilldeck"));
        command.env("SKILLDECK_JOURNAL", "off");
        command.arg("--workspace").arg(self.workspace()).arg("run").args(args);
        command.current_dir(self.workspace()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn report(&self, args: &[&str]) -> Report {
        report(&mut self.command(&[&args[..1], &["--format", "json"], &args[1..]].concat()))
    }
}

fn report(command: &mut Command) -> Report {
    let output = command.output().unwrap();
    let parsed = serde_json::from_slice(&output.stdout);
    parsed.unwrap_or_else(|error| panic!("{error}\n{}\n{}", text(&output.stdout), text(&output.stderr)))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a program of this machine is missing: said, because a test that does nothing must not look like one that
/// passed.
fn missing(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("left out: {program} is not installed");
    }
    !found
}

fn write_policy(skill: &Path, policy: &str) {
    std::fs::write(skill.join("policy.yaml"), policy).unwrap();
}

#[test]
fn the_status_and_the_streams_are_the_skills_own() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\nprintf 'out \\033[31m\\033]0;t\\007'\necho err >&2\nexit 7\n");
    let output = desk.run(&["demo"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"out \x1b[31m\x1b]0;t\x07", "bytes into a pipe are unchanged");
    assert!(text(&output.stderr).contains("err\n") && text(&output.stderr).contains("exited with 7"));
    assert!(!text(&output.stderr).contains('\x1b'), "no colours into a pipe");
    let report = desk.report(&["demo"]);
    assert_eq!((report.version, report.skill.as_str(), report.entry.as_str()), (1, "demo", "scripts/a.sh"));
    let outcome = report.outcome.unwrap();
    assert_eq!((outcome.kind, outcome.code), (OutcomeKind::Exited, Some(7)));
    assert_eq!((report.stderr.as_str(), report.policy.sources.len()), ("err\n", 0));
}

#[test]
fn input_reaches_the_script_and_arguments_too() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\nread -r line\nIFS='|'; echo \"$line|$*\"\n");
    let output = desk.run(&["demo", "--input", "{\"a\": 1}", "--", "x y", "--flag"]);
    assert_eq!(text(&output.stdout), "{\"a\": 1}|x y|--flag\n");
    let wrong = desk.run(&["demo", "--input", "{a}"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("not JSON"), "{}", text(&wrong.stderr));
}

#[test]
fn mistakes_on_the_command_line_end_with_2_and_the_next_step() {
    let desk = Desk::new();
    let skill = desk.sample("project-checks");
    write_policy(&skill, "permissions:\n  reed: [x]\n");
    let policy = skill.join("policy.yaml").display().to_string();
    let cases: [(&[&str], &str); 6] = [
        (&["project-check"], "did you mean `project-checks`?"),
        (&["project-checks"], "choose one with --entry FILE"),
        (&["project-checks", "--entry", "no.py"], "there is scripts/links.py"),
        (&["project-checks", "--entry", "links.py", "--trust"], "2:3: unknown key `reed`"),
        (&["project-checks", "--entry", "links.py", "--policy", &policy], "did you mean `read`?"),
        (&["project-checks", "--entry", "links.py", "--policy", "none.yaml"], "readable policy file"),
    ];
    for (args, words) in cases {
        let output = desk.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(words), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn lines_appear_while_the_skill_runs() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\necho first\nread -r line\necho \"then $line\"\n");
    // The script waits for its input to end only after the first line, so this would hang if output were held back.
    let mut child = desk
        .command(&["demo", "--timeout", "20s", "--", "x"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "first");
    child.wait().unwrap();

    let slow = Desk::new();
    let skill = slow.skill("a.sh", "#!/bin/sh\necho first\nsleep 3\necho second\n");
    write_policy(&skill, "permissions: {run: [sleep]}\n");
    let mut child =
        slow.command(&["demo", "--trust"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "first");
    let between = Instant::now();
    assert_eq!(lines.next().unwrap().unwrap(), "second");
    assert!(between.elapsed() > Duration::from_secs(1), "both lines came together");
    child.wait().unwrap();
}

#[test]
fn the_clock_ends_a_run_and_output_stays() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\necho begun\nwhile :; do :; done\n");
    let output = desk.run(&["demo", "--timeout", "300ms"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(124), "begun\n"));
    let report = desk.report(&["demo", "--timeout", "300ms"]);
    assert_eq!(report.outcome.unwrap().kind, OutcomeKind::Timeout);
    assert_eq!(report.limits[0].resource, Resource::Wall);
    assert_eq!(report.stdout, "begun\n");
}

#[test]
fn a_signal_cancels_the_run_and_the_report_is_still_written() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\necho begun\nwhile :; do :; done\n");
    let child = desk
        .command(&["demo", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    // Until the script has begun there is nothing to cancel: its busy loop shows in the processes of this one.
    let begun = Instant::now();
    while !descendants(pid).iter().any(|(_, name)| name == "a.sh" || name == "sh" || name == "dash") {
        assert!(begun.elapsed() < Duration::from_secs(10), "the script never started");
        std::thread::yield_now();
    }
    let target = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(target, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.outcome.unwrap().kind, OutcomeKind::Cancelled);
}

/// All processes below one, by `/proc`.
fn descendants(of: i32) -> Vec<(i32, String)> {
    let mut all = Vec::new();
    for entry in Path::new("/proc").read_dir().unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let (name, rest) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(") ")).unwrap();
        let parent: i32 = rest.split(' ').nth(1).unwrap().parse().unwrap();
        all.push((pid, parent, name.to_owned()));
    }
    let mut found = vec![(of, String::new())];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next].0;
        found.extend(all.iter().filter(|(_, p, _)| *p == parent).map(|(pid, _, name)| (*pid, name.clone())));
        next += 1;
    }
    found
}

#[test]
fn a_reader_that_leaves_ends_the_run() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\nwhile :; do echo line; done\n");
    let mut child = desk.command(&["demo"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let start = Instant::now();
    child.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn the_callers_environment_stays_outside() {
    let desk = Desk::new();
    desk.skill("a.sh", "#!/bin/sh\necho \"secret=${MY_SECRET:-none}\"\nexport -p\n");
    let output = desk.command(&["demo"]).env("MY_SECRET", "hunter2").output().unwrap();
    assert!(text(&output.stdout).contains("secret=none") && !text(&output.stdout).contains("hunter2"));
    let summary = text(&output.stderr);
    assert!(summary.contains("DENIED env MY_SECRET") && summary.contains("scripts/a.sh:2"), "{summary}");
    assert!(!summary.contains("hunter2"), "the value is nobody's business");
}

/// Run under the default, add every remedy to the policy, run again: the way that everybody goes.
fn until_it_works(desk: &Desk, skill: &Path, args: &[&str], variables: &[(&str, &str)]) -> Report {
    let file = skill.join("policy.yaml");
    let _ = std::fs::remove_file(&file);
    let name = skill.file_name().unwrap().to_str().unwrap();
    let places = Places { workspace: desk.workspace(), home: std::env::var_os("HOME").map(PathBuf::from) };
    let mut policy = String::new();
    for _ in 0..12 {
        std::fs::write(&file, &policy).unwrap();
        let mut command = desk.command(&[&[name, "--trust", "--format", "json"], args].concat());
        let report = report(command.envs(variables.iter().copied()));
        let outcome = report.outcome.clone().unwrap();
        let open: Vec<&Remedy> = report.denials.iter().filter_map(|denial| denial.remedy.as_ref()).collect();
        let actionable = outcome.code != Some(0);
        if !actionable {
            return report;
        }
        let before = policy.clone();
        for remedy in open {
            policy = add_grant(&policy, remedy, &file, &places).unwrap();
        }
        assert_ne!(policy, before, "nothing left to grant:\n{:#?}\n{}", report.denials, report.stderr);
    }
    panic!("never worked under\n{policy}");
}

#[test]
fn remedies_lead_from_refused_to_working() {
    let desk = Desk::new();
    if !missing("python3") {
        let skill = desk.sample("todo-report");
        let report = until_it_works(&desk, &skill, &[], &[]);
        assert!(report.stdout.contains("2 notes"), "{}", report.stdout);
        assert_eq!(report.changes.len(), 1);

        let skill = desk.sample("csv-profile");
        std::fs::write(desk.workspace().join("prices.csv"), "a,b\n1,2\n").unwrap();
        let file = desk.workspace().join("prices.csv").display().to_string();
        let report = until_it_works(&desk, &skill, &["--", "describe", &file], &[]);
        assert!(report.stdout.contains("1 rows, 2 columns"), "{}", report.stdout);

        let skill = desk.sample("webhook-sign");
        let args = ["--", "sign", "assets/payload.json"];
        let report = until_it_works(&desk, &skill, &args, &[("WEBHOOK_SECRET", "x")]);
        assert!(report.stdout.contains("sha256="), "{}", report.stdout);
    }
    let skill = desk.sample("log-digest");
    let report = until_it_works(&desk, &skill, &[], &[]);
    assert!(report.stdout.contains("11 requests from 4 clients"), "{}", report.stdout);
    let skill = desk.sample("project-checks");
    let report = until_it_works(&desk, &skill, &["--entry", "sizes.sh"], &[]);
    assert!(report.stdout.contains("SKILL.md"), "{}", report.stdout);
}

#[test]
fn samples_work_under_the_policy_they_ask_for() {
    let desk = Desk::new();
    let all: [(&str, &str, &[&str], i32, &str); 8] = [
        (
            "python3",
            "csv-profile",
            &["--", "check", "assets/orders.csv", "--unique", "id"],
            0,
            "nothing wrong",
        ),
        ("python3", "todo-report", &[], 0, "2 notes in 1 files"),
        ("sh", "log-digest", &["--", "-n", "1"], 0, "11 requests"),
        (
            "node",
            "json-diff",
            &["--", "assets/before.json", "assets/after.json", "--key", "id"],
            1,
            "plans[id=team]",
        ),
        ("python3", "project-checks", &["--entry", "links.py"], 0, ""),
        ("node", "project-checks", &["--entry", "package.mjs", "--", "assets"], 1, "not semantic"),
        ("sh", "project-checks", &["--entry", "sizes.sh"], 0, "scripts"),
        (
            "python3",
            "broken-manifest",
            &["--", "A heading, with punctuation!"],
            0,
            "a-heading-with-punctuation.md",
        ),
    ];
    for (program, name, args, code, words) in all {
        if program != "sh" && missing(program) {
            continue;
        }
        desk.sample(name);
        let path = format!(".skills/{name}");
        let output = desk.run(&[&[path.as_str(), "--trust"], args].concat());
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{name}: {stdout}{stderr}");
        assert!(stdout.contains(words), "{name}: {stdout}{stderr}");
    }
}

#[test]
fn what_is_asked_and_not_approved_is_said() {
    let desk = Desk::new();
    desk.sample("log-digest");
    let report = desk.report(&["log-digest"]);
    let denial = report.denials.iter().find(|denial| denial.operation == Operation::Execute).unwrap();
    let asked = denial.asked.as_deref().unwrap();
    assert_eq!(
        asked,
        "policy.yaml:3 asks for run @coreutils: not approved; see `skilldeck approve`, or run with --trust"
    );
    assert_eq!(denial.remedy.as_ref().unwrap().permission, "run");
    assert_eq!(denial.alternatives[0].add, "@coreutils");
}

#[test]
fn the_red_team_gets_nothing_and_each_line_is_named() {
    if missing("python3") {
        return;
    }
    let desk = Desk::new();
    let skill = desk.sample("red-team");
    let report = desk.report(&["red-team"]);
    assert!(!report.stdout.contains("WORKED"), "{}", report.stdout);
    assert_eq!(report.outcome.as_ref().unwrap().code, Some(0), "{}", report.stderr);
    let source = std::fs::read_to_string(skill.join("scripts/red_team.py")).unwrap();
    let lines: Vec<&str> = source.lines().collect();
    let refused: Vec<&str> = report
        .stdout
        .lines()
        .filter(|line| line.split_whitespace().nth(1) == Some("refused"))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert!(refused.len() >= 20, "{}", report.stdout);
    for attempt in refused {
        let denial = report.denials.iter().find(|denial| {
            denial
                .blame
                .first()
                .is_some_and(|frame| frame.function == attempt && frame.file.starts_with(&skill))
        });
        let denial = denial.unwrap_or_else(|| panic!("{attempt} was refused and nobody is blamed"));
        assert!(!denial.rule.is_empty());
        let line = usize::try_from(denial.blame[0].line).unwrap();
        let start = lines.iter().position(|l| *l == format!("def {attempt}():")).unwrap() + 1;
        assert!((start..start + 12).contains(&line), "{attempt}: line {line}");
    }
    assert!(skill.join("SKILL.md").metadata().unwrap().len() > 100);
}

#[test]
fn on_a_terminal_only_colours_pass() {
    let desk = Desk::new();
    desk.skill(
        "a.sh",
        "#!/bin/sh\nprintf 'a\\033]52;c;aGk=\\007b\\033[2J\\033[31mred\\033[0m\\033[?1049h\\n\\033[8m'\n",
    );
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut command = desk.command(&["demo"]);
    command.stdout(pty.slave.try_clone().unwrap()).stderr(pty.slave).env("NO_COLOR", "1");
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut shown = Vec::new();
    // Ends with EIO once the last writer has gone.
    let mut terminal = std::fs::File::from(pty.master);
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = std::io::Read::read(&mut terminal, &mut buffer) {
        shown.extend_from_slice(&buffer[..length]);
    }
    child.wait().unwrap();
    let shown = text(&shown);
    // Concealed text ends before the summary starts.
    assert!(shown.starts_with("ab\x1b[31mred\x1b[0m\r\n\x1b[8m\x1b[0m\x1b[0m✓ exited"), "{shown:?}");
    assert_eq!(shown.matches('\x1b').count(), 5, "the summary itself has no colours: {shown:?}");
}

#[test]
fn a_json_input_becomes_arguments() {
    if missing("python3") {
        return;
    }
    let desk = Desk::new();
    desk.sample("csv-profile");
    let input = r#"{"command": "describe", "file": "assets/orders.csv", "format": "json"}"#;
    let output = desk.run(&["csv-profile", "--input", input]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let profile: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(profile["rows"], 6);
}
