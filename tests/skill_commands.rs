//! `list`, `check` and `schema` through the binary: what people and programs get, and how it ends.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

struct Desk {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Desk {
    /// A workspace with a good skill, a broken one and one that warns.
    fn new() -> Self {
        let desk = Self::empty();
        desk.skill("good", "---\nname: good\ndescription: Works.\n---\n# Good\nDo it.\n");
        desk.skill("broken", "---\nname: broken\ndescription: Use when: x\n---\n# Broken\n");
        desk.skill("odd", "---\nname: other\ndescription: Odd.\n---\n# Odd \u{1b}]0;x\u{7}.\n");
        let script = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, required=True)\np.parse_args()\n";
        desk.file("good/scripts/main.py", script);
        desk
    }

    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        Self { _dir: dir, path }
    }

    fn skill(&self, name: &str, text: &str) {
        self.file(&format!("{name}/SKILL.md"), text);
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path.join(".skills").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Exit status, stdout, stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        run(&self.path, args)
    }

    fn json(&self, args: &[&str]) -> Value {
        let (_, out, err) = self.run(args);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }
}

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("skilldeck").unwrap();
    let output = command.current_dir(dir).args(args).env("COLUMNS", "120").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn list_shows_every_skill() {
    let desk = Desk::new();
    let (code, text, err) = desk.run(&["list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for part in ["good", "scripts/main.py (python", "1 error", "a `: ` stands inside", "other", ".skills/odd"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = desk.json(&["list", "--format", "json"]);
    assert_eq!(json["version"], 1);
    let names: Vec<&str> =
        json["skills"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["broken", "good", "other"]);
    let good = &json["skills"][1];
    assert_eq!(good["path"], desk.path.join(".skills/good").to_str().unwrap());
    assert_eq!(good["root"], desk.path.join(".skills").to_str().unwrap());
    assert_eq!(good["entries"][0]["file"], "scripts/main.py");
    assert_eq!(good["entries"][0]["interpreter"], "python");
    assert!(good["entries"][0]["available"].is_boolean());
    assert_eq!((good["errors"].as_u64(), json["skills"][0]["errors"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn list_works_from_below_and_with_other_roots() {
    let desk = Desk::new();
    let below = desk.path.join("src/deep");
    fs::create_dir_all(&below).unwrap();
    assert!(run(&below, &["list"]).1.contains("good"));
    let other = Desk::empty();
    let root = desk.path.join(".skills");
    let (_, text, _) = other.run(&["list", "--skills", root.to_str().unwrap()]);
    assert!(text.contains("good"));
    let (_, text, _) = other.run(&["--workspace", desk.path.to_str().unwrap(), "list"]);
    assert!(text.contains("good"));
    let (code, text, _) = other.run(&["list"]);
    assert_eq!(code, 0);
    assert!(text.contains("no skills in") && text.contains("--skills"), "{text}");
}

#[test]
fn check_points_at_the_place() {
    let desk = Desk::new();
    let (code, text, err) = desk.run(&["check"]);
    assert_eq!((code, err.as_str()), (1, ""));
    for part in [
        "error[yaml-unquoted-colon]: a `: ` stands inside an unquoted value",
        "--> .skills/broken/SKILL.md:3:22",
        "3 | description: Use when: x",
        "help: put the value in quotes",
        "warning[name-mismatch]",
        "3 skills checked: 1 error, 2 warnings",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let caret = text.lines().find(|line| line.trim_end().ends_with('^')).unwrap();
    let shown = text.lines().find(|line| line.contains("description: Use when")).unwrap();
    assert_eq!(caret.find('^'), shown.find(": x"), "{text}");
    assert!(!text.contains('\u{1b}'), "a skill's escape sequences must not reach the terminal");
    assert_eq!(desk.run(&["check", ".skills/good"]).0, 0);
    assert_eq!(desk.run(&["check", ".skills/odd/SKILL.md"]).0, 0, "warnings alone are no failure");
    assert_eq!(desk.run(&["check", ".skills/good", ".skills/broken"]).0, 1);
    assert_eq!(desk.run(&["check", "."]).0, 1);
    assert_eq!(run(&desk.path.join(".skills/good"), &["check", "."]).0, 0);
}

#[test]
fn escape_sequences_of_a_skill_do_not_reach_the_terminal() {
    let desk = Desk::empty();
    let head = "---\nname: \"a\\e]0;owned\\a\"\ndescription: \"\\e[2J\"\n---\n# T \u{1b}[31m\u{9b}31m\n";
    desk.skill("evil", head);
    desk.file("evil/scripts/x\u{1b}[31m.py", "print(1)");
    for args in [&["list"][..], &["check"], &["schema", ".skills/evil"], &["schema", "\u{1b}[31m"]] {
        let (_, out, err) = desk.run(args);
        assert!((out + &err).chars().all(|c| !c.is_control() || c == '\n'), "{args:?}");
    }
}

#[test]
fn check_as_json() {
    let desk = Desk::new();
    let json = desk.json(&["check", "--format", "json"]);
    assert_eq!(json["version"], 1);
    let broken = &json["skills"][0];
    assert_eq!((&broken["name"], &broken["description"]), (&"broken".into(), &"Use when: x".into()));
    assert!(broken["clients"].is_object());
    let found = &broken["diagnostics"][0];
    assert_eq!(found["severity"], "error");
    assert_eq!(found["code"], "yaml-unquoted-colon");
    assert_eq!(found["file"], desk.path.join(".skills/broken/SKILL.md").to_str().unwrap());
    let place = ["line", "column", "end_line", "end_column"].map(|key| found[key].as_u64().unwrap());
    assert_eq!(place, [3, 22, 3, 23]);
    let text = fs::read_to_string(desk.path.join(".skills/broken/SKILL.md")).unwrap();
    let edit = &found["fix"]["edits"][0];
    let range = edit["start"].as_u64().unwrap() as usize..edit["end"].as_u64().unwrap() as usize;
    assert_eq!((&text[range], edit["text"].as_str().unwrap()), ("Use when: x", "\"Use when: x\""));
    assert!(json["skills"][2]["diagnostics"][0]["help"].is_string());
}

#[test]
fn schema_in_all_forms() {
    let desk = Desk::new();
    let parameters = serde_json::json!({
        "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false
    });
    let open_ai = desk.json(&["schema", "good", "--format", "openai"]);
    assert_eq!(open_ai[0]["function"]["name"], "good");
    assert_eq!(open_ai[0]["function"]["parameters"], parameters);
    assert_eq!(
        desk.json(&["schema", ".skills/good", "--format", "anthropic"])[0]["input_schema"],
        parameters
    );
    assert_eq!(desk.json(&["schema", "good", "--format", "mcp"])[0]["inputSchema"], parameters);
    assert_eq!(desk.json(&["schema", "good", "--format", "json"])[0]["places"]["n"], "scripts/main.py:3");
    assert_eq!(desk.json(&["schema", "good", "--format", "json-schema"])[0]["required"][0], "n");
    let (code, text, _) = desk.run(&["schema", "good"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("n (integer, required)") && text.contains("argparse, read from the script"),
        "{text}"
    );
}

#[test]
fn mistakes_are_one_clear_error() {
    let desk = Desk::new();
    let table: &[(&[&str], &str)] = &[
        (&["schema", "goood"], "no skill is named `goood`; did you mean `good`?"),
        (&["schema", "./nowhere"], "no such folder"),
        (&["schema", "broken"], "has no script to call"),
        (&["check", "nowhere"], "nowhere: no such folder"),
        (&["check", "/usr/share"], "no SKILL.md in or below /usr/share"),
        (&["list", "--workspace", "/no/such"], "--workspace /no/such: no such folder"),
        (&["list", "--format", "xml"], "invalid value 'xml'"),
        (&["lst"], "unrecognized subcommand 'lst'"),
        (&["schema"], "required arguments were not provided"),
    ];
    for (args, part) in table {
        let (code, out, err) = desk.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(part) && err.starts_with("error: "), "{args:?}: {err}");
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
    }
}
