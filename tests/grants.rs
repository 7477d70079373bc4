//! Grants against real programs: what they open, what they leave closed, and what is said about it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use common::{Skill, as_everybody, found};

const START: &str = r"
import os, shutil, subprocess, sys
def start(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True)
        print('started', done.returncode, done.stdout.strip() or '-')
    except OSError as error:
        print('refused', error.errno)
";

fn with_policy(skill: &Skill, policy: &str) {
    fs::write(skill.path.join("policy.yaml"), policy).unwrap();
}

/// The dynamic loader of this machine's programs, if they have one.
fn loader() -> Option<&'static str> {
    ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"]
        .into_iter()
        .find(|path| fs::metadata(path).is_ok())
}

#[test]
fn the_loader_starts_nothing_by_itself() {
    let (Some(loader), true) = (loader(), found("python3")) else { return };
    let source = format!(
        "{START}
start('/usr/bin/true')
start('/bin/sh', '-c', 'echo open')
start('{loader}', '/bin/sh', '-c', 'echo open')
start('{loader}', '/usr/bin/true')
start('{loader}', '--help')
shutil.copy('{loader}', '/tmp/ld')
os.chmod('/tmp/ld', 0o755)
start('/tmp/ld', '/bin/sh', '-c', 'echo open')
"
    );
    let skill = Skill::python(&source);
    as_everybody(|user| {
        with_policy(&skill, "permissions:\n  run: [\"true\"]\n");
        let report = skill.run(user, &["--trust"]);
        let lines: Vec<&str> = report.stdout.lines().collect();
        let [first, rest @ ..] = &lines[..] else { panic!("{user:?}: {report:#?}") };
        assert_eq!(*first, "started 0 -", "{user:?}: {}", report.stderr);
        assert!(rest.len() == 5 && rest.iter().all(|line| *line == "refused 13"), "{user:?}: {lines:?}");
        // One that is granted itself is a program like others.
        with_policy(&skill, &format!("permissions:\n  run: [\"true\", {loader}]\n"));
        let report = skill.run(user, &["--trust"]);
        assert_eq!(report.stdout.lines().nth(2), Some("started 0 open"), "{user:?}: {}", report.stdout);
    });
}

#[test]
fn a_script_that_is_granted_brings_its_interpreter() {
    if !found("python3") {
        return;
    }
    let skill =
        Skill::python(&format!("{START}\nstart(sys.path[0] + '/../tool')\nstart('/usr/bin/env', 'true')"));
    let tool = skill.path.join("tool");
    fs::write(&tool, "#!/bin/sh\necho it ran\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    with_policy(&skill, "permissions:\n  run: [./tool]\n");
    as_everybody(|user| {
        let report = skill.run(user, &["--trust", "--entry", "scripts/main.py"]);
        assert_eq!(report.stdout, "started 0 it ran\nrefused 13\n", "{user:?}: {}", report.stderr);
    });
}

#[test]
fn forks_of_granted_programs_count() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(
        "import subprocess\nheld = []\nfor n in range(20):\n    held.append(subprocess.Popen(['sleep', '20']))\n",
    );
    with_policy(&skill, "permissions:\n  run: [sleep]\nlimits:\n  processes: 5\n");
    as_everybody(|user| {
        let report = skill.run(user, &["--trust"]);
        // Sampled and ended by the supervisor, or refused at the fork: either way it is said, and the twenty never live.
        let told =
            report.limits.iter().any(|hit| hit.resource == skilldeck::sandbox::event::Resource::Processes)
                || report.denials.iter().any(|denial| denial.rule == "policy.yaml:4: limit processes 5");
        assert!(
            told && report.usage.peak_processes < 20,
            "{user:?}: {:?} {:?}",
            report.limits,
            report.denials
        );
    });
}

#[test]
fn what_is_made_for_a_grant_belongs_to_the_caller_and_is_written() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let skill = Skill::python(
            "import os\nhere = os.environ['SKILL_DIR']\nopen(here + '/made/deep/x', 'w').write('x')\n\
             open(here + '/notes.md', 'a').write('y')\n\
             try:\n    os.replace(here + '/made/deep/x', here + '/notes.md')\nexcept OSError as error:\n    print(error.errno)\n",
        );
        fs::set_permissions(&skill.path, fs::Permissions::from_mode(0o777)).unwrap();
        with_policy(&skill, "permissions:\n  write: [./made/deep, ./notes.md]\n");
        let report = skill.run(user, &["--trust"]);
        assert_eq!(
            fs::read_to_string(skill.path.join("notes.md")).unwrap(),
            "y",
            "{user:?}: {}",
            report.stderr
        );
        assert_eq!(fs::read_to_string(skill.path.join("made/deep/x")).unwrap(), "x", "{user:?}");
        let wanted =
            if user == common::User::Nobody { common::NOBODY } else { nix::unistd::geteuid().as_raw() };
        for name in ["notes.md", "made", "made/deep", "made/deep/x"] {
            assert_eq!(fs::metadata(skill.path.join(name)).unwrap().uid(), wanted, "{user:?}: {name}");
        }
        // Saving under another name and renaming needs the folder: said by the line of the file's grant.
        let told = "policy.yaml:2 grants write ./notes.md in place: to replace or delete it needs its folder";
        assert!(report.denials.iter().any(|denial| denial.rule == told), "{user:?}: {:#?}", report.denials);
    });
}
