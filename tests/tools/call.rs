//! `skilldeck call`: the real binary, the samples and scripts made for it, the real sandbox.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::OutcomeKind;
use skilldeck::skill::schema;

use crate::common::{Skill, User, as_everybody, found, open_folder, program};
use crate::inputs::{Random, input};
use crate::samples;

fn command(user: User, args: &[&str]) -> Command {
    let mut command = program(user);
    command.args(args).current_dir("/").env("SKILLDECK_JOURNAL", "off").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    command(User::Caller, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A call as a report.
fn call(user: User, target: &str, input: &Value, options: &[&str]) -> Report {
    let input = input.to_string();
    let output = command(user, &["call", target, &input, "--format", "json"]).args(options).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{target} {input}: {error}: {}", text(&output.stderr)))
}

fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("skills").join(name).display().to_string()
}

/// What parsers say about a command line that they cannot read.
const COMPLAINTS: [&str; 9] = [
    "unrecognized arguments",
    "expected one argument",
    "expected at least one argument",
    "are required",
    "invalid choice",
    "invalid int value",
    "ERR_PARSE_ARGS",
    "llegal option",
    "No arg for",
];

#[test]
fn every_tool_of_every_sample_can_be_called() {
    if !(found("python3") && found("node")) {
        return;
    }
    let mut called = 0;
    for skill in samples() {
        for tool in schema::tools(&skill) {
            let mut random = Random(called);
            for _ in 0..3 {
                let (input, argv) = loop {
                    let mut input = input(&tool.schema(), &mut random);
                    if skill.name == "red-team" {
                        // Would use up everything there is, for as long as a run may last.
                        input["limits"] = false.into();
                    }
                    if let Ok(call) = schema::invocation(&tool, &input) {
                        break (input, call.argv);
                    }
                };
                let target = format!("{}.{}", skill.path.display(), tool.name);
                let report = call(User::Caller, &target, &input, &["--observe", "off"]);
                assert_eq!(report.entry, tool.entry.display().to_string());
                assert!(report.argv.ends_with(&argv), "{target} {input}: {:?}", report.argv);
                assert_eq!(report.outcome.unwrap().kind, OutcomeKind::Exited, "{target} {input}");
                let said = COMPLAINTS.iter().find(|words| report.stderr.contains(**words));
                assert_eq!(said, None, "{target} {input}: {}", report.stderr);
                called += 1;
            }
        }
    }
    assert!(called >= 3 * 13, "{called}");
}

#[test]
fn samples_do_what_they_were_called_for() {
    if !(found("python3") && found("node")) {
        return;
    }
    let cases = [
        (
            "csv-profile.describe",
            json!({"file": "assets/orders.csv", "format": "json", "top": 1.0}),
            "\"customer\"",
        ),
        (
            "csv-profile.csv-profile__convert",
            json!({"file": "assets/orders.csv", "columns": "id"}),
            "\"00017\"",
        ),
        (
            "csv-profile",
            json!({"command": "check", "file": "assets/orders.csv", "unique": "id", "top": null}),
            "",
        ),
        ("json-diff", json!({"args": ["assets/before.json", "assets/before.json"]}), ""),
        ("project-checks.package", json!({"args": ["assets"], "strict": true}), ""),
        ("red-team", json!({"list": true}), "read_shadow"),
        ("broken-manifest", json!({"heading": ["-a", "b c"], "extension": "-x.md"}), "a-b-c-x.md"),
    ];
    for (target, input, wanted) in cases {
        let report = call(User::Caller, &sample(target), &input, &[]);
        let outcome = report.outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Exited, "{target}");
        assert!(report.stdout.contains(wanted), "{target}: {}{}", report.stdout, report.stderr);
        assert_ne!(outcome.code, Some(2), "{target}: {}", report.stderr);
    }
}

const ECHO: &str = r#"
import argparse, json, sys
p = argparse.ArgumentParser()
p.add_argument("words", nargs="+")
p.add_argument("--count", type=int, default=1)
p.add_argument("--mode", choices=["a", "b"])
print(json.dumps(vars(p.parse_args())))
sys.exit(7)
"#;

#[test]
fn a_call_is_a_run() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(ECHO);
    let target = skill.path.display().to_string();
    as_everybody(|user| {
        let words = json!(["ünï", "two\nlines", "-x", ""]);
        let report =
            call(user, &target, &json!({"words": words, "count": -3, "mode": null}), &["--timeout", "20s"]);
        assert_eq!(
            serde_json::from_str::<Value>(&report.stdout).unwrap(),
            json!({"words": words, "count": -3, "mode": null})
        );
        assert_eq!(report.outcome.unwrap().code, Some(7));
    });
    let output = run(&["call", &target, r#"{"words": ["a"]}"#]);
    assert_eq!(output.status.code(), Some(7), "the status is the script's");
    assert!(text(&output.stdout).contains("[\"a\"]") && text(&output.stderr).contains("exited with 7"));
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_is_run() {
    let skill = Skill::python(ECHO);
    let target = skill.path.display().to_string();
    let input = r#"{"words": ["a", 2], "count": "x", "mod": "a", "mode": "c"}"#;
    for args in [&["call", &target, input][..], &["run", &target, "--input", input]] {
        let output = run(args);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        let lines: Vec<String> = text(&output.stderr).lines().map(str::to_owned).collect();
        assert!(
            lines[0].starts_with("error: the input does not fit demo (4 mistakes); `skilldeck schema "),
            "{lines:?}"
        );
        assert_eq!(
            lines[1..],
            [
                "  /words/1: found the number 2, expected text",
                "  /count: found the text \"x\", expected a whole number",
                "  /mod: found an unknown key, expected one of words, count, mode; did you mean `mode`?",
                "  /mode: found the text \"c\", expected one of \"a\", \"b\"",
            ]
        );
    }
    let hostile =
        run(&["call", &target, "{\"\\u001b[31m\\n\": \"\\u001b]0;x\\u0007\", \"words\": \"\\u009b\"}"]);
    let said = text(&hostile.stderr);
    assert!(said.chars().all(|c| !c.is_control() || c == '\n'), "{said:?}");
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn an_input_comes_from_a_file_or_standard_input() {
    let skill = Skill::new("main.sh", "#!/bin/sh\nread -r line\necho \"$line|$*\"\n");
    let target = skill.path.display().to_string();
    let folder = open_folder();
    let file = folder.path().join("in.json");
    let written = "{\"b\":  1e2, \"a\": 0.10}";
    std::fs::write(&file, written).unwrap();
    let output = run(&["call", &target, &format!("@{}", file.display())]);
    assert_eq!(text(&output.stdout), format!("{written}|\n"), "as it was written");
    let mut child = command(User::Caller, &["call", &target, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"{\"args\": [\"x y\"], \"k\": [1]}").unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), "{\"k\":[1]}|x y\n");
    for (given, words) in [
        ("{a}", "input JSON: not JSON"),
        ("@/no/such", "input @/no/such: cannot be read"),
        ("{\"args\": [1]}", "/args/0: found the number 1, expected text"),
    ] {
        let output = run(&["call", &target, given]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn a_tool_that_is_not_there_is_told_with_those_that_are() {
    let cases = [
        (
            "csv-profile.descibe",
            "csv-profile has no tool `descibe` (did you mean `describe`?); its tools: describe, convert, check",
        ),
        (
            "project-checks",
            "project-checks has 3 tools: links, package, sizes; name one, as in project-checks.links",
        ),
        (
            "csv-profile",
            "/command: found nothing, expected the name of a subcommand: one of describe, convert, check",
        ),
        ("csv-profil.describe", "no such folder"),
    ];
    for (target, words) in cases {
        let output = run(&["call", &sample(target), "{}"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert!(text(&output.stderr).contains(words), "{target}: {}", text(&output.stderr));
    }
    // A folder may have a dot in its own name.
    let folder = open_folder();
    let skill = Skill::within(folder, "main.sh", "#!/bin/sh\necho here\n");
    let dotted = skill.path.with_file_name("a.b");
    std::fs::rename(&skill.path, &dotted).unwrap();
    for target in [dotted.display().to_string(), format!("{}.demo", dotted.display())] {
        assert_eq!(text(&run(&["call", &target]).stdout), "here\n", "{target}");
    }
}

#[test]
fn an_input_can_be_checked_without_a_run() {
    let describe = sample("csv-profile.describe");
    let output = run(&["schema", &describe, "--check", r#"{"file": "a b.csv", "top": 3}"#]);
    assert_eq!(output.status.code(), Some(0));
    let line = "the input fits csv-profile__describe: scripts/csv_profile.py describe --top 3 'a b.csv'\n";
    assert_eq!(text(&output.stdout), line);
    let output = run(&["schema", &describe, "--check", r#"{"file": 1}"#]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("  /file: found the number 1, expected text\n"));
    let output = run(&["schema", &describe, "--check", r#"{"file": 1}"#, "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = json!({"pointer": "/file", "found": "the number 1", "expected": "text"});
    assert_eq!((&json["valid"], &json["errors"]), (&json!(false), &json!([error])));
}

#[test]
fn schema_says_where_each_property_was_read() {
    let output = run(&["schema", &sample("todo-report"), "--source"]);
    let shown = text(&output.stdout);
    assert!(shown.contains("scripts/todo_report.py:63  parser.add_argument(\"--out\""), "{shown}");
    let output = run(&["schema", &sample("todo-report"), "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json[0]["places"]["out"], "scripts/todo_report.py:63");
}

#[test]
fn schemas_of_several_skills_and_strict_ones() {
    let (one, two) = (sample("csv-profile"), sample("json-diff"));
    let output = run(&["schema", &one, &two, "--format", "openai", "--strict"]);
    let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tools.as_array().unwrap().len(), 4);
    assert_eq!((crate::openai::problems(&tools), output.stderr.len()), (Vec::new(), 0));
    let output = run(&["schema", &one, "--subcommands", "enum", "--format", "mcp"]);
    let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        tools[0]["inputSchema"]["properties"]["command"]["enum"],
        json!(["describe", "convert", "check"])
    );
    assert_eq!(tools[0]["inputSchema"]["required"], json!(["command", "file"]));
    let free = Skill::new("main.sh", "#!/bin/sh\necho \"$1\"\n");
    let output = run(&["schema", free.path.to_str().unwrap(), "--format", "openai", "--strict"]);
    let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tools[0]["function"]["strict"], false);
    assert_eq!(text(&output.stderr), "note: demo is not strict: the schema takes keys of any name\n");
    let wrong = run(&["schema", &one, "--strict"]);
    assert!(text(&wrong.stderr).contains("add --format openai"));
}
