//! Inputs through the schema, the command line and Python's own argparse: the script reads what was given.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use skilldeck::skill::schema::{self, Tool};

use crate::common::{found, skip};
use crate::inputs::{Random, input};
use crate::{parsers, skill_of};

/// Runs a script with one command line after the other, in one process.
const DRIVER: &str = r#"
import contextlib, io, json, runpy, sys
script = sys.argv[1]
for line in sys.stdin:
    sys.argv = [script, *json.loads(line)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit:
            pass
        except Exception as error:
            err.write(repr(error))
    print(json.dumps([out.getvalue(), err.getvalue()]))
"#;

/// What a command line may be refused for although the schema, which cannot say it, allows the input.
const REFUSALS: [&str; 7] = [
    "first a value that does not begin with `-`",
    "scripts take it for the end of the options",
    "in a list it is taken for an option",
    "is given, and excludes it",
    "one of url, stdin, files",
    "the script fills `",
    "the script would take the subcommand for one more",
];

struct Case {
    input: Value,
    argv: Vec<String>,
}

/// Inputs that fit, by random; and how many of all did.
fn cases(tool: &Tool, seed: u64, count: usize) -> Vec<Case> {
    let schema = tool.schema();
    let mut random = Random(seed);
    let mut cases = Vec::new();
    for _ in 0..count {
        let input = input(&schema, &mut random);
        match schema::invocation(tool, &input) {
            Ok(call) => cases.push(Case { input, argv: call.argv }),
            Err(wrong) => {
                for one in wrong {
                    let known = REFUSALS.iter().any(|reason| one.expected.contains(reason));
                    assert!(known, "{}: {input}: {one}", tool.name);
                }
            }
        }
    }
    cases
}

fn parsed(script: &Path, cases: &[Case]) -> Vec<(String, String)> {
    let mut child = Command::new("python3")
        .args(["-c", DRIVER])
        .arg(script)
        .env("COLUMNS", "200")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = cases.iter().map(|case| serde_json::to_string(&case.argv).unwrap()).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all((lines.join("\n") + "\n").as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check(tool: &Tool, case: &Case, parsed: &Value) {
    let context =
        || format!("{}\n  input {}\n  argv {:?}\n  parsed {parsed}", tool.name, case.input, case.argv);
    for (name, property) in tool.schema()["properties"].as_object().unwrap() {
        let given = case.input.get(name).filter(|value| !value.is_null() || property.get("type").is_none());
        let help = property["description"].as_str().unwrap_or_default();
        let wanted = match (given, property.get("default")) {
            (Some(Value::Array(items)), Some(Value::Array(default)))
                if help.contains("added to the default") =>
            {
                Value::Array([&default[..], items].concat())
            }
            // Not on the command line: an option that is not there.
            (Some(Value::Array(items)), None) if items.is_empty() && parsed[name].is_null() => continue,
            (Some(given), _) => given.clone(),
            (None, Some(default)) => default.clone(),
            // What a script makes of an option that is not there is not promised.
            (None, None) => continue,
        };
        assert!(same(&wanted, &parsed[name]), "{name}: {wanted}\n{}", context());
    }
    let words: Vec<&str> = ["command", "verb"].iter().filter_map(|dest| parsed[dest].as_str()).collect();
    assert_eq!(words, tool.subcommand, "{}", context());
}

/// Equal, whole numbers with and without a fraction too.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}

#[test]
fn scripts_read_what_the_schema_promised() {
    if !found("python3") {
        return;
    }
    let count: usize = std::env::var("ROUND_TRIP_COUNT").ok().map_or(100, |text| text.parse().unwrap());
    for script in parsers() {
        let found = skill_of(&script);
        let boolean = fs::read_to_string(&script).unwrap().contains("BooleanOptionalAction");
        if boolean
            && Command::new("python3")
                .args(["-c", "from argparse import BooleanOptionalAction"])
                .output()
                .is_ok_and(|run| !run.status.success())
        {
            skip("BooleanOptionalAction needs Python 3.9");
            continue;
        }
        for (number, tool) in schema::tools(&found.skill).iter().enumerate() {
            assert_eq!(tool.source, schema::Source::Argparse, "{}", script.display());
            let cases = cases(tool, number as u64, count);
            assert!(cases.len() * 12 > count, "{}: only {} of {count} inputs fit", tool.name, cases.len());
            let results = parsed(&script, &cases);
            assert_eq!(results.len(), cases.len());
            for (case, (out, err)) in cases.iter().zip(results) {
                let parsed = serde_json::from_str(&out).unwrap_or_else(|_| {
                    panic!("{}\n  input {}\n  argv {:?}\n{err}", script.display(), case.input, case.argv)
                });
                check(tool, case, &parsed);
            }
        }
    }
}
