//! The run form in a real terminal, with real scripts.

use std::fs;
use std::path::{Path, PathBuf};

use super::open_skill;

const RIGHT: &str = "\x1b[C";
const DOWN: &str = "\x1b[B";

/// A workspace with one of the sample skills.
fn sample(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(
        &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("skills").join(name),
        &dir.path().join(".skills").join(name),
    );
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_script_gets_what_the_form_says() {
    let dir = sample("csv-profile");
    let mut terminal = open_skill(dir.path(), "csv-profile");
    terminal.keys("i");
    terminal.wait_for("subcommand");
    terminal.keys(RIGHT);
    terminal.wait_for("‹ convert ›");
    // The path is completed from the skill's folder, where the script will look for it.
    terminal.keys("\tassets/ord\t");
    terminal.wait_for("assets/orders.csv");
    // To the enum, a letter for one of its values; to the flag, and on.
    terminal.keys(&format!("{DOWN}{DOWN}jj"));
    terminal.wait_for("‹ jsonl ›");
    terminal.keys(&format!("{DOWN}{DOWN} "));
    terminal.wait_for("[x] true");
    terminal.wait_for("scripts/csv_profile.py convert --to jsonl --numbers assets/orders.csv");
    terminal.keys("\r");
    terminal.wait_for("exit 0");
    // As the enum and the flag say: lines of JSON, in which the identifier is a number.
    terminal.wait_for("{\"id\": 17.0, \"customer\": \"Ada Byron\"");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

/// A skill whose script reads JSON from standard input.
fn reads_json() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let skill = dir.path().join(".skills/greet");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    let manifest = "---\nname: greet\ndescription: Greets people. Use when somebody arrives.\nmetadata:\n  \
        input_schema: '{\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\"}, \"loud\": {\"type\": \
        \"boolean\"}}, \"required\": [\"name\"]}'\n---\n# Greet\n";
    fs::write(skill.join("SKILL.md"), manifest).unwrap();
    let script = "#!/bin/sh\nwhile read -r line || [ -n \"$line\" ]; do echo \"got $line\"; done\n";
    fs::write(skill.join("scripts/greet.sh"), script).unwrap();
    dir
}

#[test]
fn json_reaches_standard_input_and_the_saved_case() {
    let dir = reads_json();
    let mut terminal = open_skill(dir.path(), "greet");
    terminal.keys("i");
    terminal.wait_for("needs name");
    terminal.keys("\r");
    terminal.wait_for("not run: name: found nothing");
    terminal.keys("Ada\r");
    terminal.wait_for("got {\"name\":\"Ada\"}");
    // As JSON, pasted over what the form made of it.
    terminal.keys("i\x14\x14");
    terminal.wait_for("fits the schema");
    terminal.keys(&"\x0b\x1b[3~".repeat(4));
    terminal.keys("\x1b[200~{\"name\": \"Eve\",\n \"loud\": 1}\x1b[201~");
    terminal.wait_for("2:10 /loud: found the number 1, expected true or false");
    terminal.keys("\x7f\x7ftrue}");
    terminal.wait_for("fits the schema");
    terminal.keys("\x1b[15~");
    terminal.wait_for("got {\"name\": \"Eve\",");
    terminal.wait_for("got \"loud\": true}");
    terminal.wait_for("exit 0");
    terminal.keys("Seve\r");
    terminal.wait_for("saved as cases/eve.yaml");
    let case = fs::read_to_string(dir.path().join(".skills/greet/cases/eve.yaml")).unwrap();
    assert!(case.contains("stdin:") && case.contains("Eve") && case.contains("loud"), "{case}");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
}
