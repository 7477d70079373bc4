//! Arguments as we read them from the text of a Python script, against what Python itself sees when it runs.
//!
//! `fixtures/argparse_oracle.py` runs each script of `fixtures/argparse` up to the point where it parses its
//! arguments, and tells every argument of every command; `fixtures/click_oracle.py` does so for click and typer. All
//! properties must agree.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use skilldeck::skill::schema::{self, How, Input, Kind, Many, Parameter, Source, Tool};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn scripts(library: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixtures().join(library)).unwrap();
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    scripts.sort();
    scripts
}

/// The tools of a skill that holds only this script.
fn tools(script: &Path) -> Vec<Tool> {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir_all(folder.join("scripts")).unwrap();
    std::fs::write(folder.join("SKILL.md"), "---\nname: demo\ndescription: A demo.\n---\n").unwrap();
    std::fs::copy(script, folder.join("scripts").join(script.file_name().unwrap())).unwrap();
    schema::tools(&skilldeck::skill::read(&folder, dir.path()))
}

fn python() -> Option<&'static str> {
    let works = |program: &&&str| {
        let version = "import argparse, sys; sys.exit(not hasattr(argparse, 'BooleanOptionalAction'))";
        Command::new(program).args(["-c", version]).status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].iter().find(works).copied();
    if found.is_none() {
        println!("skipped: no python3 from 3.9 on");
    }
    found
}

/// What Python says, about the script or about these arguments for it.
fn oracle(python: &str, script: &Path, argv: Option<&[String]>) -> Result<Value, String> {
    let library = script.parent().unwrap().file_name().unwrap();
    let program = if library == "argparse" { "argparse_oracle.py" } else { "click_oracle.py" };
    let mut command = Command::new(python);
    command.arg(fixtures().join(program)).arg(script);
    if let Some(argv) = argv {
        command.arg("--").args(argv);
    }
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn bounds(many: Option<Many>) -> Value {
    many.map_or(Value::Null, |many| json!([many.least, many.most]))
}

/// A parameter in the words of the oracle.
fn told(parameter: &Parameter, all: &[Parameter]) -> BTreeMap<&'static str, Value> {
    let kind = match parameter.kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Json => "json",
    };
    let (how, inner) = match &parameter.how {
        How::Positional | How::Rest => ("positional", None),
        How::Option(_) => ("option", None),
        How::Repeated(_) => ("repeated", None),
        How::RepeatedList(_, many) => ("repeated-list", Some(*many)),
        How::Flag(_, true) => ("flag", None),
        How::Flag(_, false) => ("flag-off", None),
        How::OnOff(..) => ("on-off", None),
        How::Count(_) => ("count", None),
    };
    let partners =
        |group: usize| all.iter().filter(move |p| p.exclusive.is_some_and(|(g, _)| g == group)).count();
    let exclusive = parameter.exclusive.map(|(group, required)| json!([partners(group), required]));
    BTreeMap::from([
        ("kind", json!(kind)),
        ("choices", json!(parameter.choices)),
        ("default", parameter.default.clone().unwrap_or_default()),
        ("required", json!(parameter.required)),
        ("how", json!(how)),
        ("many", bounds(parameter.many)),
        ("inner", bounds(inner)),
        ("help", json!(parameter.help)),
        ("exclusive", exclusive.unwrap_or_default()),
        ("depth", json!(parameter.depth)),
        ("line", json!(parameter.line)),
    ])
}

/// Ours for an argument of the oracle: by option, a positional by name.
fn ours<'p>(argument: &Value, parameters: &'p [Parameter]) -> Option<&'p Parameter> {
    let options: Vec<&str> =
        argument["options"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    parameters.iter().find(|parameter| match parameter.how.option() {
        Some(option) => options.contains(&option),
        None => options.is_empty() && argument["dest"] == parameter.name,
    })
}

fn differences(argument: &Value, command: &[Value], parameters: &[Parameter]) -> Vec<String> {
    let Some(parameter) = ours(argument, parameters) else { return vec!["not read".to_owned()] };
    let mut found = Vec::new();
    // Two options for one variable cannot both have its name.
    let shared = command.iter().filter(|other| other["dest"] == argument["dest"]).count() > 1;
    // And not every name of Python's is one that model providers take.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let plain = argument["dest"].as_str().is_some_and(|dest| dest.chars().all(plain));
    if plain && !shared && argument["dest"] != parameter.name {
        found.push(format!("name {} for {}", parameter.name, argument["dest"]));
    }
    for (property, mine) in told(parameter, parameters) {
        let mut wanted = argument[property].clone();
        if property == "exclusive" && !wanted.is_null() {
            let partners = wanted[0].as_array().unwrap().len();
            wanted[0] = json!(partners);
        }
        if mine != wanted {
            found.push(format!("{property} is {mine}, Python says {wanted}"));
        }
    }
    found
}

fn parameters(tool: &Tool) -> &[Parameter] {
    match &tool.input {
        Input::Arguments { parameters, .. } => parameters,
        _ => &[],
    }
}

#[test]
fn every_argument_is_read_as_python_sees_it() {
    let Some(python) = python() else { return };
    let (mut calls, mut incomplete, mut arguments) = (HashSet::new(), HashSet::new(), 0);
    let mut report = Vec::new();
    for script in scripts("argparse") {
        let name = script.file_name().unwrap().to_string_lossy().into_owned();
        let seen = oracle(python, &script, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let tools = tools(&script);
        let commands = seen.as_array().unwrap();
        let words = |tool: &Tool| json!(tool.subcommand);
        let mine: Vec<Value> = tools.iter().map(words).collect();
        let theirs: Vec<Value> = commands.iter().map(|command| command["words"].clone()).collect();
        assert_eq!(mine, theirs, "commands of {name}");
        for (tool, command) in tools.iter().zip(commands) {
            assert_eq!(tool.source, Source::Argparse, "{name}");
            let wanted = command["arguments"].as_array().unwrap();
            for argument in wanted {
                let call = (name.clone(), argument["line"].as_u64().unwrap());
                for difference in differences(argument, wanted, parameters(tool)) {
                    report.push(format!("{name}:{} {}: {difference}", call.1, argument["dest"]));
                    incomplete.insert(call.clone());
                }
                calls.insert(call);
                arguments += 1;
            }
            let known: HashSet<&str> =
                wanted.iter().filter_map(|a| ours(a, parameters(tool))).map(|p| p.name.as_str()).collect();
            for parameter in parameters(tool).iter().filter(|p| !known.contains(p.name.as_str())) {
                report.push(format!(
                    "{name}:{} {}: Python has no such argument",
                    parameter.line, parameter.name
                ));
            }
        }
    }
    let complete = calls.len() - incomplete.len();
    println!("{complete} of {} calls complete ({arguments} arguments of all commands)", calls.len());
    assert!(report.is_empty(), "{}", report.join("\n"));
    assert!(calls.len() >= 300, "{}", calls.len());
}

/// A value for a parameter, where its type is one of Python's plain ones.
fn sample(argument: &Value, parameter: &Parameter) -> Option<Value> {
    // A flag that is set from the start stays so.
    if matches!(parameter.how, How::Flag(_, meaning) if parameter.default == Some(meaning.into())) {
        return None;
    }
    let plain = [Value::Null, json!("int"), json!("float"), json!("str")].contains(&argument["type"]);
    let one = match (parameter.choices.first(), parameter.kind) {
        _ if !plain && parameter.how.option().is_some() => return None,
        (Some(choice), _) => choice.clone(),
        (_, Kind::Integer) => json!(-3),
        (_, Kind::Number) => json!(2.5),
        (_, Kind::Boolean) => json!(argument["default"] != true),
        (_, Kind::Text) => json!("a b"),
        (_, Kind::Json) => json!({"k": [1]}),
    };
    if let How::Count(_) = parameter.how {
        return Some(json!(2));
    }
    let list =
        |one: &Value, many: Many| json!(vec![one.clone(); many.least.max(2).min(many.most.unwrap_or(2))]);
    let one = if let How::RepeatedList(_, many) = parameter.how { list(&one, many) } else { one };
    Some(parameter.many.map_or(one.clone(), |many| list(&one, many)))
}

#[test]
fn an_input_reaches_the_script_as_it_was_given() {
    let Some(python) = python() else { return };
    let (mut commands, mut values) = (0, 0);
    for script in scripts("argparse") {
        let name = script.file_name().unwrap().to_string_lossy().into_owned();
        let seen = oracle(python, &script, None).unwrap();
        for (tool, command) in tools(&script).iter().zip(seen.as_array().unwrap()) {
            let mut input = Map::new();
            let mut groups = HashSet::new();
            let mut wanted = Vec::new();
            for argument in command["arguments"].as_array().unwrap() {
                let parameter = ours(argument, parameters(tool)).unwrap();
                // Everything behind the first `...` belongs to it.
                let greedy =
                    argument["how"] == "positional" && parameter.many.is_some() && !parameter.required;
                if greedy || parameter.exclusive.is_some_and(|(group, _)| !groups.insert(group)) {
                    continue;
                }
                let Some(value) = sample(argument, parameter) else { continue };
                wanted.push((argument.clone(), value.clone()));
                input.insert(parameter.name.clone(), value);
            }
            let made = schema::invocation(tool, &Value::Object(input));
            let made = made.unwrap_or_else(|wrong| panic!("{name} {:?}: {wrong:?}", tool.subcommand));
            let got = oracle(python, &script, Some(&made.argv));
            let got = got.unwrap_or_else(|error| panic!("{name}: {:?}: {error}", made.argv));
            assert_eq!(got["rest"], json!([]), "{name}: {:?}", made.argv);
            for (argument, value) in wanted {
                let received = &got["values"][argument["dest"].as_str().unwrap()];
                let appended = argument["how"].as_str().unwrap().starts_with("repeated")
                    || argument["options"].as_array().unwrap().contains(&json!("--more"));
                let defaults = argument["default"].as_array().map_or(0, Vec::len);
                let received = match received.as_array() {
                    Some(items) if appended => json!(items[defaults..]),
                    _ => received.clone(),
                };
                // What a constant or an action of the script's own stores is its own affair.
                if argument["how"] == "flag" || argument["options"][0] == "--upper" {
                    continue;
                }
                assert_eq!(received, value, "{name}: {} by {:?}", argument["dest"], made.argv);
                values += 1;
            }
            commands += 1;
        }
    }
    println!("{values} values reached {commands} commands");
    assert!(values > 100);
}

/// A Python that has click and typer: the machine's, or one of an environment made for this test.
fn python_with_libraries() -> Option<PathBuf> {
    let has = |program: &Path| {
        let status = Command::new(program).args(["-c", "import click, typer"]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-with-click");
    let own = folder.join("bin/python3");
    if let Some(found) = [Path::new("python3"), &own].into_iter().find(|program| has(program)) {
        return Some(found.to_owned());
    }
    let quiet = |program: &Path, args: &[&str]| {
        Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    let made = quiet(Path::new("python3"), &["-m", "venv", &folder.to_string_lossy()])
        && quiet(
            &own,
            &[
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--retries",
                "0",
                "click",
                "typer",
            ],
        );
    if !made {
        println!("skipped: click and typer are not there and cannot be installed");
    }
    made.then_some(own)
}

#[test]
fn click_and_typer_are_read_as_they_see_themselves() {
    let Some(python) = python_with_libraries() else { return };
    let (mut report, mut arguments) = (Vec::new(), 0);
    for (library, source) in [("click", Source::Click), ("typer", Source::Typer)] {
        for script in scripts(library) {
            let name = format!("{library}/{}", script.file_name().unwrap().to_string_lossy());
            let seen = oracle(&python.to_string_lossy(), &script, None);
            let seen = seen.unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut tools = tools(&script);
            tools.sort_by_key(|tool| tool.subcommand.clone());
            let mut commands: Vec<Value> = seen.as_array().unwrap().clone();
            commands.sort_by_key(|command| command["words"].to_string());
            let mine: Vec<Value> = tools.iter().map(|tool| json!(tool.subcommand)).collect();
            let theirs: Vec<Value> = commands.iter().map(|command| command["words"].clone()).collect();
            assert_eq!(mine, theirs, "commands of {name}");
            for (tool, command) in tools.iter().zip(&commands) {
                assert_eq!(tool.source, source, "{name}");
                if !tool.subcommand.is_empty() && command["about"] != "" {
                    assert_eq!(command["about"], tool.description, "{name}");
                }
                let wanted = command["arguments"].as_array().unwrap();
                assert_eq!(wanted.len(), parameters(tool).len(), "{name} {:?}", tool.subcommand);
                for argument in wanted {
                    let mut argument = argument.clone();
                    argument["dest"] = argument["name"].clone();
                    // Neither library groups, and both keep no lines.
                    argument["exclusive"] = Value::Null;
                    let found = ours(&argument, parameters(tool));
                    argument["line"] = json!(found.map(|parameter| parameter.line));
                    if let Some(How::OnOff(_, off)) = found.map(|parameter| &parameter.how) {
                        assert!(argument["off"].as_array().unwrap().contains(&json!(off)), "{name}: {off}");
                    }
                    for difference in differences(&argument, wanted, parameters(tool)) {
                        report.push(format!("{name} {}: {difference}", argument["name"]));
                    }
                    arguments += 1;
                }
            }
        }
    }
    println!("{} differences in {arguments} arguments of click and typer", report.len());
    assert!(report.is_empty(), "{}", report.join("\n"));
    assert!(arguments > 80);
}
