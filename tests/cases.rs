//! `skilldeck test` and `run --save-case` from end to end: the real binary, real programs, the real sandbox.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{Skill, User, as_everybody, found, open_folder, program, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn case(skill: &Skill, file: &str, text: &str) {
    fs::create_dir_all(skill.path.join("cases")).unwrap();
    fs::write(skill.path.join("cases").join(file), text).unwrap();
}

/// `skilldeck test` on a skill; everything temporary goes into a folder that must be empty afterwards.
fn test(skill: &Skill, user: User, args: &[&str]) -> Output {
    let temporary = open_folder();
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let output = command(skill, user, args).env("TMPDIR", temporary.path()).output().unwrap();
    let left: Vec<_> = temporary.path().read_dir().unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    output
}

fn command(skill: &Skill, user: User, args: &[&str]) -> Command {
    let mut command = program(user);
    command.arg("test").arg(&skill.path).args(args);
    command.current_dir("/").env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

/// Every file of a folder with its content.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in folder.read_dir().unwrap().flatten() {
        if entry.path().is_dir() {
            files.extend(tree(&entry.path()));
        }
        files.insert(entry.path(), fs::read(entry.path()).unwrap_or_default());
    }
    files
}

#[test]
fn the_cases_of_the_samples_hold() {
    if !found("python3") {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_skilldeck"))
        .args(["--workspace", env!("CARGO_MANIFEST_DIR"), "test"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.contains("✓ todo-report: counts the notes of a source tree"), "{said}");
    assert!(said.contains("no cases: ") && said.contains("red-team"), "{said}");
}

const WRITER: &str = "#!/bin/sh
mkdir -p out && echo \"$1\" > out/said.txt
echo in \"$PWD\"
echo more >> given.txt
exit ${2:-0}
";

#[test]
fn a_case_changes_nothing_and_leaves_nothing() {
    as_everybody(|user| {
        let skill = Skill::new("a.sh", WRITER);
        fs::write(
            skill.path.join("policy.yaml"),
            "permissions: {write: [./out, \"${workspace}\"], run: [\"@coreutils\"]}\n",
        )
        .unwrap();
        let text_of = "\
files: {given.txt: \"one\\n\"}
args: [hello]
expect:
  stdout: \"in ${workspace}\\n\"
  files:
    given.txt: |
      one
      more
    out/said.txt: {equals: \"hello\\n\"}
";
        case(&skill, "writes.yaml", text_of);
        let before = tree(&skill.path);
        let output = test(&skill, user, &[]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{user:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        assert_eq!(tree(&skill.path), before);
    });
}

#[test]
fn what_fails_is_shown_with_a_diff_and_ends_with_1() {
    let skill = Skill::new("a.sh", "#!/bin/sh\necho one\necho 2\nexit 3\n");
    case(
        &skill,
        "a.yaml",
        "- name: first\n  expect:\n    exit: 3\n- name: <second>\n  expect:\n    stdout: |\n      one\n      two\n",
    );
    let output = test(&skill, User::Caller, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    for words in [
        "✓ demo: first",
        "✗ demo: <second>",
        "a.yaml:4  exit",
        " one\n    -two\n    +2",
        "1 passed, 1 failed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let document = json(&test(&skill, User::Caller, &["--format", "json"]));
    assert_eq!((&document["version"], &document["failed"]), (&1.into(), &1.into()));
    let failed = &document["cases"][1];
    assert_eq!((failed["case"].as_str(), failed["verdict"].as_str()), (Some("<second>"), Some("failed")));
    assert_eq!(failed["mismatches"][1]["check"], "stdout equals");
    assert_eq!(failed["mismatches"][1]["line"], 7, "where the text begins");

    if found("python3") {
        let xml = test(&skill, User::Caller, &["--format", "junit"]).stdout;
        let read = "import sys, xml.etree.ElementTree as t\n\
            for c in t.fromstring(sys.stdin.buffer.read()).iter('testcase'):\n\
            \x20   print(c.get('classname'), c.get('name'), c.get('line'), [f.get('message') for f in c])";
        let mut python = Command::new("python3")
            .args(["-c", read])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut python.stdin.take().unwrap(), &xml).unwrap();
        let read = text(&python.wait_with_output().unwrap().stdout);
        assert_eq!(read, "demo first 1 []\ndemo <second> 4 ['exit, stdout equals']\n", "{}", text(&xml));
    }
}

#[test]
fn output_that_xml_cannot_hold_is_replaced() {
    let skill = Skill::new("a.sh", "#!/bin/sh\nprintf 'a\\000\\033[31m]]>&\\n'\n");
    case(&skill, "a.yaml", "expect: {stdout: {contains: none}}\n");
    let xml = text(&test(&skill, User::Caller, &["--format", "junit"]).stdout);
    assert!(xml.contains("<failure") && xml.contains("]]&gt;&amp;"), "{xml}");
    assert!(xml.chars().all(|c| c == '\n' || !c.is_control()), "{xml:?}");
    let shown = text(&test(&skill, User::Caller, &[]).stdout);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
}

#[test]
fn a_file_with_an_error_ends_with_2_and_nothing_is_run() {
    let skill = Skill::new("a.sh", "#!/bin/sh\n");
    case(&skill, "good.yaml", "expect: {exit: 0}\n");
    case(&skill, "bad.yaml", "expect:\n  exti: 1\n");
    let output = test(&skill, User::Caller, &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = text(&output.stderr);
    assert!(said.contains("cases/bad.yaml:2:3") && said.contains("did you mean `exit`?"), "{said}");
    let mut check = program(User::Caller);
    let checked = check.arg("check").arg(&skill.path).output().unwrap();
    assert!(text(&checked.stdout).contains("case-unknown-key"), "{}", text(&checked.stdout));
    let unknown = test(&skill, User::Caller, &["--case", "goood"]);
    assert_eq!(unknown.status.code(), Some(2));
    for wrong in ["0/2", "3/2", "1", "a/b"] {
        assert_eq!(test(&skill, User::Caller, &["--partition", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn grants_that_reach_out_need_trust() {
    let outside = open_folder();
    let secret = outside.path().canonicalize().unwrap().join("secret");
    fs::write(&secret, "s3cret\n").unwrap();
    let skill = Skill::new("a.sh", "#!/bin/sh\nread -r line < \"$1\" && echo \"$line\"\n");
    let policy = format!("permissions: {{read: [{}], env: [TOKEN]}}\n", secret.display());
    fs::write(skill.path.join("policy.yaml"), policy).unwrap();
    case(&skill, "a.yaml", &format!("args: [{}]\nexpect: {{stdout: \"s3cret\\n\"}}\n", secret.display()));
    let output = test(&skill, User::Caller, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(
        said.contains("not run") && said.contains("needs --trust") && said.contains("policy.yaml:1"),
        "{said}"
    );
    assert!(
        said.contains(&format!("{}/policy.yaml", skill.path.display())),
        "the real file is named: {said}"
    );
    assert_eq!(test(&skill, User::Caller, &["--trust"]).status.code(), Some(0));
}

#[test]
fn variables_are_those_of_the_case() {
    let skill = Skill::new("a.sh", "#!/bin/sh\necho \"${TOKEN:-none}\"\n");
    fs::write(skill.path.join("policy.yaml"), "permissions: {env: [TOKEN]}\n").unwrap();
    case(
        &skill,
        "a.yaml",
        "- {name: set, env: {TOKEN: mine}, expect: {stdout: \"mine\\n\"}}\n- {name: unset, expect: {stdout: \"none\\n\"}}\n- {name: refused, policy: default, env: {TOKEN: mine}, expect: {stdout: \"none\\n\", denials: [env TOKEN]}}\n",
    );
    let output = command(&skill, User::Caller, &[]).env("TOKEN", "the user's own").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn input_reaches_the_script_in_every_form() {
    if !found("python3") {
        return;
    }
    let source = "import argparse, os, sys\n\
        parser = argparse.ArgumentParser()\n\
        parser.add_argument('file')\n\
        parser.add_argument('--top', type=int, default=1)\n\
        args = parser.parse_args()\n\
        print(args.top, open(args.file).read(), sys.stdin.read(), os.path.basename(os.getcwd()))\n";
    let folder = open_folder();
    let skill = Skill::within(folder, "main.py", source);
    // An entry that is a neighbour's script, as some skills share them.
    let root = skill.path.parent().unwrap().to_owned();
    fs::rename(skill.path.join("scripts/main.py"), root.join("shared.py")).unwrap();
    std::os::unix::fs::symlink("../../shared.py", skill.path.join("scripts/main.py")).unwrap();
    let text_of = "\
- name: by the schema
  input: {file: \"${skill}/SKILL.md\", top: 3}
  expect: {stdout: {regex: '^3 ---'}}
- name: does not fit
  input: {file: x, top: many}
- name: as it is
  files: {a/b.txt: {from: fixture.txt}}
  args: [a/b.txt]
  stdin: from ${workspace}
  expect: {stdout: \"1 fixture from ${workspace} workspace\\n\"}
- name: in scratch
  cwd: scratch
  args: [\"${skill}/SKILL.md\"]
  expect: {stdout: {contains: scratch}}
";
    case(&skill, "a.yaml", text_of);
    case(&skill, "fixture.txt", "fixture");
    let output = test(&skill, User::Caller, &["--format", "json"]);
    let document = json(&output);
    let verdicts: Vec<_> =
        document["cases"].as_array().unwrap().iter().map(|case| case["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["passed", "not_run", "passed", "passed"], "{document:#}");
    let reason = document["cases"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("line 5") && reason.contains("/top: found"), "{reason}");
}

#[test]
fn limits_of_the_case_hold() {
    let skill = Skill::new("a.sh", "#!/bin/sh\nwhile :; do :; done\n");
    case(&skill, "a.yaml", "limits: {wall: 300ms}\nexpect: {exit: wall}\n");
    let output = test(&skill, User::Caller, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_run_that_plays_tricks_with_its_files_is_seen_through() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let source = "import os\n\
            os.makedirs('out/closed/deep'); os.symlink('/etc/passwd', 'out/link'); os.mkfifo('out/pipe')\n\
            os.chmod('out/closed/deep', 0); os.chmod('out/closed', 0)\n";
        let skill = Skill::python(source);
        fs::write(skill.path.join("policy.yaml"), "permissions: {write: [./out]}\n").unwrap();
        case(&skill, "a.yaml", "expect: {files: {out/link: {exists: true}, out/pipe: {contains: x}}}\n");
        let output = test(&skill, user, &["--format", "json"]);
        let mismatches = &json(&output)["cases"][0]["mismatches"];
        assert_eq!(mismatches.as_array().map(Vec::len), Some(2), "{user:?}: {}", text(&output.stdout));
        assert!(!text(&output.stdout).contains("root:"));
    });
}

#[test]
fn parts_cover_all_cases_each_once() {
    let skill = Skill::new("a.sh", "#!/bin/sh\n");
    let list: Vec<String> = (0..9).map(|number| format!("- name: number {number}")).collect();
    case(&skill, "a.yaml", &list.join("\n"));
    let mut names: Vec<String> = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let output = test(&skill, User::Caller, &["--partition", part, "--format", "json", "--jobs", "2"]);
        let document = json(&output);
        names.extend(document["cases"].as_array().unwrap().iter().map(|case| case["case"].to_string()));
    }
    names.sort();
    let all: Vec<String> = (0..9).map(|number| format!("\"number {number}\"")).collect();
    assert_eq!(names, all);
}

#[test]
fn an_interrupt_ends_the_cases() {
    let skill = Skill::new("a.sh", "#!/bin/sh\nwhile :; do :; done\n");
    case(&skill, "a.yaml", "- {name: one, args: [endless]}\n- {name: two, args: [endless]}\n");
    let child = command(&skill, User::Caller, &["--jobs", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the case runs", || {
        fs::read_dir("/proc").unwrap().flatten().any(|process| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = text(&line);
            line.contains("skilldeck-case-") && line.ends_with("demo/scripts/a.sh\0endless\0")
        })
    });
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stdout).contains("2 cancelled"), "{}", text(&output.stdout));
}

/// `run --save-case` in a workspace of its own. The file that was written.
fn saved(skill: &Skill, args: &[&str]) -> (Output, String) {
    let output = skill.plain_command(User::Caller).args(args).output().unwrap();
    let file = skill.path.join("cases/it-works.yaml");
    (output, fs::read_to_string(file).unwrap_or_default())
}

#[test]
fn a_run_that_is_saved_passes_as_a_case() {
    let skill = Skill::new(
        "a.sh",
        "#!/bin/sh\nfor file in \"$@\"; do read -r given < \"$file\"; done; read -r line\necho \"$given|$line|$PWD\"\nprintf 'x\\ny\\n' > out/a.txt\n\
         cat /etc/shadow\nexit 4\n",
    );
    fs::write(skill.path.join("policy.yaml"), "permissions: {write: [./out], run: [cat]}\n").unwrap();
    let workspace = open_folder();
    let workspace_path = workspace.path().canonicalize().unwrap();
    fs::write(workspace_path.join("data.txt"), "from the workspace\n").unwrap();
    let root = workspace_path.display().to_string();
    // Standard input and arguments by the form that takes both.
    let input = "{\"args\": [\"data.txt\"], \"n\": 1}";
    let args =
        ["--workspace", &root, "--cwd", "workspace", "--trust", "--input", input, "--save-case", "It works"];
    let fix = fs::read_to_string(skill.path.join("scripts/a.sh")).unwrap();
    fs::write(skill.path.join("scripts/a.sh"), fix.replace("> out/a.txt", "> \"$SKILL_DIR/out/a.txt\""))
        .unwrap();
    let (output, first) = saved(&skill, &args);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    for words in
        ["name: It works", "exit: 4", "data.txt", "${workspace}", "read /etc/shadow", "${skill}/out/a.txt"]
    {
        assert!(first.contains(words), "{words}: {first}");
    }
    assert!(!first.contains(&root) && !first.contains(&skill.path.display().to_string()), "{first}");
    let tested = test(&skill, User::Caller, &[]);
    assert_eq!(tested.status.code(), Some(0), "{first}\n{}", text(&tested.stdout));

    let (again, kept) = saved(&skill, &args);
    assert_eq!(again.status.code(), Some(2), "never overwritten");
    assert!(text(&again.stderr).contains("--force") && again.stdout.is_empty(), "{}", text(&again.stderr));
    assert_eq!(kept, first);
    let (_, same) = saved(&skill, &[&args[..], &["--force"]].concat());
    assert_eq!(same, first, "the same run gives the same text");
}

#[test]
fn no_value_of_a_variable_is_saved() {
    let skill = Skill::new("a.sh", "#!/bin/sh\necho \"$TOKEN\"\necho \"$TOKEN\" > out/t\n");
    fs::write(skill.path.join("policy.yaml"), "permissions: {env: [TOKEN], write: [./out]}\n").unwrap();
    let output = skill
        .plain_command(User::Caller)
        .args(["--trust", "--save-case", "it works"])
        .env("TOKEN", "hunter2")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("TOKEN was passed to the run"), "{}", text(&output.stderr));
    let file = fs::read_to_string(skill.path.join("cases/it-works.yaml")).unwrap();
    assert!(!file.contains("hunter2") && file.contains("TOKEN: placeholder"), "{file}");
    let tested = test(&skill, User::Caller, &[]);
    assert_eq!(tested.status.code(), Some(0), "{file}\n{}", text(&tested.stdout));
}

#[test]
fn a_case_is_saved_in_the_skill_itself_only() {
    let skill = Skill::new("a.sh", "#!/bin/sh\necho hi\n");
    let elsewhere = open_folder();
    std::os::unix::fs::symlink(elsewhere.path(), skill.path.join("cases")).unwrap();
    let (output, _) = saved(&skill, &["--save-case", "it works"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty(), "said before the run");
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0);
}
