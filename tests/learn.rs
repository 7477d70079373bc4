//! `skilldeck learn` and `skilldeck tighten` from end to end: real binary, real runs.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::host::picture;
use common::{Skill, User, as_everybody, net, open_folder, program};
use serde_json::Value as Json;

/// A skill, and a place for what its user keeps.
struct Desk {
    skill: Skill,
    kept: tempfile::TempDir,
    user: User,
}

impl Desk {
    fn new(user: User, source: &str) -> Self {
        let kept = open_folder();
        fs::set_permissions(kept.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self { skill: Skill::python(source), kept, user }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = program(self.user);
        let (name, rest) = words.split_first().unwrap();
        command.arg("--workspace").arg(self.skill.path.parent().unwrap());
        command.arg(name).arg(&self.skill.path).args(rest).current_dir("/").stdin(Stdio::null());
        command.env("HOME", self.kept.path().join("home")).env_remove("SKILLDECK_JOURNAL");
        for (variable, folder) in [("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")] {
            command.env(variable, self.kept.path().join(folder));
        }
        command
    }

    fn said(&self, words: &[&str]) -> (i32, String) {
        let output: Output = self.command(words).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn json(&self, words: &[&str]) -> (i32, Json) {
        let output = self.command(words).args(["--format", "json"]).output().unwrap();
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{words:?}: {error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        (output.status.code().unwrap(), json)
    }
}

fn grants(learned: &Json) -> Vec<String> {
    let grants = learned["grants"].as_array().unwrap().iter();
    grants
        .map(|grant| format!("{} {}", grant["permission"].as_str().unwrap(), grant["add"].as_str().unwrap()))
        .collect()
}

#[test]
fn what_is_needed_is_learned_in_one_command_and_changes_nothing() {
    as_everybody(|user| {
        let (port, hits) = net::pages("127.0.0.1", "hello").unwrap();
        let desk = Desk::new(
            user,
            &format!(
                "import os, socket, subprocess\n\
                 here = os.environ['SKILL_DIR']\n\
                 print(open(here + '/../notes.txt').read())\n\
                 subprocess.run(['sort', '/dev/null'], check=True)\n\
                 os.makedirs(here + '/out', exist_ok=True)\n\
                 open(here + '/out/report.txt', 'w').write('done')\n\
                 try:\n    s = socket.create_connection(('127.0.0.1', {port}), timeout=5)\n    \
                 s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n    s.recv(100)\nexcept OSError as e: print(e)\n"
            ),
        );
        let workspace = desk.skill.path.parent().unwrap().to_owned();
        fs::write(workspace.join("notes.txt"), "a note\n").unwrap();
        desk.skill.policy("# Mine.\nlimits: {wall: 20s}  # enough\n").of(user);
        let before = picture(&workspace);

        let (code, learned) = desk.json(&["learn"]);
        let asked = format!("net 127.0.0.1:{port}");
        assert_eq!(
            grants(&learned),
            ["read ${workspace}/notes.txt", "write ./out", &asked, "run sort"],
            "{learned:#}"
        );
        assert_eq!((code, &learned["ended"]["settled"]), (1, &Json::Bool(true)), "the host was not tried");
        assert_eq!(picture(&workspace), before);
        assert_eq!(hits.load(Ordering::Relaxed), 0, "a request went out");
        // A machine under load cannot always look in time; a line that is not the right one would be worse than none.
        for (grant, line) in learned["grants"].as_array().unwrap().iter().zip([3, 5, 8, 4]) {
            assert!(grant["line"].is_null() || grant["line"] == line, "{grant:#}");
        }

        // A file that asks for more is not put in force in silence.
        let (_, text) = desk.said(&["learn"]);
        assert!(!text.contains("also asks for"), "{text}");
        let (code, text) = desk.said(&["learn", "--net", "--apply"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("written and approved") && text.contains("round 1"), "{text}");
        assert!(hits.load(Ordering::Relaxed) > 0);
        let policy = desk.skill.read("policy.yaml");
        assert!(policy.starts_with("# Mine.\nlimits: {wall: 20s}  # enough\npermissions:\n"), "{policy}");
        assert!(!desk.skill.path.join("out").exists());

        let (code, run) = desk.json(&["run"]);
        assert_eq!((code, &run["denials"]), (0, &Json::Array(vec![])), "{run:#}");
        assert_eq!(desk.skill.read("out/report.txt"), "done");
        let (code, again) = desk.json(&["learn", "--net"]);
        assert_eq!((code, again["diff"].as_str()), (0, Some("")), "{again:#}");
    });
}

#[test]
fn a_secret_is_never_granted() {
    let desk = Desk::new(
        User::Caller,
        "import os, sys\nfor name in ('.ssh/id_rsa', '.bash_history'):\n    \
         try: print(open(sys.argv[1] + '/' + name).read())\n    except OSError as e: print(e)\n\
         print(os.environ.get('DEPLOY_TOKEN'), open(sys.argv[1] + '/plain.txt').read())\n",
    );
    let home = desk.kept.path().join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    for name in [".ssh/id_rsa", ".bash_history", "plain.txt"] {
        fs::write(home.join(name), "canary").unwrap();
    }
    let mut command = desk.command(&["learn", "--apply", "--format", "json", "--"]);
    let output = command.arg(&home).env("DEPLOY_TOKEN", "canary-value").output().unwrap();
    let learned: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), grants(&learned)), (Some(1), vec!["read ~/plain.txt".to_owned()]));
    let undecided = learned["undecided"].as_array().unwrap();
    let mut left: Vec<_> = undecided.iter().map(|one| one["remedy"]["add"].as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, ["DEPLOY_TOKEN", "~/.bash_history", "~/.ssh/id_rsa"], "{learned:#}");
    assert_eq!(desk.skill.read("policy.yaml"), "permissions:\n  read: [~/plain.txt]\n");
}

#[test]
fn what_never_settles_hangs_or_is_broken_ends() {
    let desk = Desk::new(
        User::Caller,
        "import os, sys\nfolder = os.environ['SKILL_DIR'] + '/../many'\n\
         for n in range(40): open(f'{folder}/{n}').read()\n",
    );
    let many = desk.skill.path.parent().unwrap().join("many");
    fs::create_dir(&many).unwrap();
    for n in 0..40 {
        fs::write(many.join(n.to_string()), "x").unwrap();
    }
    let (code, text) = desk.said(&["learn", "--rounds", "4", "--apply"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("something new was asked for in each of 4 rounds"), "{text}");
    assert!(text.contains("read: [${workspace}/many] instead of 4 grants"), "{text}");
    assert!(!desk.skill.path.join("policy.yaml").exists(), "what did not settle is not written");

    desk.skill.policy("permissions: {reed: [x]}\n");
    let (code, text) = desk.said(&["learn"]);
    assert!(code == 2 && text.contains("policy.yaml:1:15"), "{code}: {text}");

    let desk = Desk::new(User::Caller, "import time\nprint('ready', flush=True)\ntime.sleep(600)\n");
    let begun = Instant::now();
    let (code, text) = desk.said(&["learn", "--time", "2s"]);
    assert!(code == 1 && text.contains("the time of 2 s is over"), "{code}: {text}");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
}

#[test]
fn an_interrupt_ends_it_at_once() {
    let desk = Desk::new(User::Caller, "import time\ntime.sleep(600)\n");
    let mut command = desk.command(&["learn"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It says what it is about to do once signals are its own business.
    let mut first = [0; 8];
    std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut first).unwrap();
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn what_no_run_has_needed_is_taken_out() {
    as_everybody(|user| {
        let desk = Desk::new(
            user,
            "import os\nhere = os.environ['SKILL_DIR']\nprint(open(here + '/../data/a.csv').read())\n\
             print(open(here + '/../one.txt').read())\n",
        );
        let workspace = desk.skill.path.parent().unwrap().to_owned();
        fs::create_dir(workspace.join("data")).unwrap();
        for name in ["data/a.csv", "data/b.csv", "one.txt", "two.txt"] {
            fs::write(workspace.join(name), "x\n").unwrap();
        }
        let policy = "\
# What it needs.
permissions:
  read:
    - ../data  # the tables
    - ../one.txt
    - ../two.txt
  net: [\"example.org:443\"]
";
        desk.skill.policy(policy).of(user);
        let (code, text) = desk.said(&["tighten"]);
        assert!(
            code == 0 && text.contains("no run had it yet") && text.contains("nothing to take out"),
            "{text}"
        );
        assert_eq!(desk.said(&["approve", "--yes"]).0, 0);
        for _ in 0..2 {
            let (code, text) = desk.said(&["run"]);
            assert_eq!(code, 0, "{text}");
        }
        let (code, text) = desk.said(&["tighten"]);
        assert_eq!(code, 1, "{text}");
        for said in [
            "~ policy.yaml:4:7  read: [../data]: 2 of 2 runs in the last minute needed only a part of it",
            "instead: read: [../data/a.csv]",
            "✓ policy.yaml:5:7",
            "✗ policy.yaml:6:7  read: [../two.txt]: none of 2 runs in the last minute needed it",
            "✗ policy.yaml:7:9",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert_eq!(desk.skill.read("policy.yaml"), policy, "only shown");
        let (code, json) = desk.json(&["tighten", "--apply"]);
        assert_eq!((code, &json["applied"]), (0, &Json::Bool(true)));
        let expected =
            "# What it needs.\npermissions:\n  read:\n    - ../data/a.csv  # the tables\n    - ../one.txt\n";
        assert_eq!(desk.skill.read("policy.yaml"), expected);
        // Less than what was approved is approved.
        let (code, run) = desk.json(&["run"]);
        assert_eq!((code, &run["denials"]), (0, &Json::Array(vec![])), "{run:#}");
        assert_eq!(desk.said(&["tighten"]).0, 0);
    });
}

#[test]
fn a_file_that_asks_already_is_only_approved() {
    let desk = Desk::new(
        User::Caller,
        "import os\nhere = os.environ['SKILL_DIR']\nprint(open(here + '/../one.txt').read())\n",
    );
    fs::write(desk.skill.path.parent().unwrap().join("one.txt"), "x\n").unwrap();
    let policy = "permissions:\n  read: [\"${workspace}/one.txt\"]  # why\n  run: [git]\n";
    desk.skill.policy(policy);
    let (code, text) = desk.said(&["learn"]);
    assert_eq!(code, 0, "{text}");
    for said in ["asks for all of this already", "the file also asks for, and no round needed\n  run: [git]"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(desk.json(&["run"]).0, 1);
    let (code, text) = desk.said(&["learn", "--apply"]);
    assert!(code == 0 && text.contains("approved: "), "{text}");
    assert_eq!(desk.skill.read("policy.yaml"), policy);
    assert_eq!(desk.json(&["run"]).0, 0);
}
