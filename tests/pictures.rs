//! The pictures and the film of the documentation show what the program shows now.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What they show of the machine they were made on: with other versions a run reads other files.
const MADE_WITH: &str = include_str!("../assets/made-with");

#[test]
fn pictures_are_what_the_program_shows() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let made = tempfile::tempdir().unwrap();
    let script = |folder: &Path| {
        let mut command = Command::new("sh");
        command.arg(assets.join("pictures.sh")).arg(env!("CARGO_BIN_EXE_skilldeck")).arg(folder);
        command
    };
    let asked = script(made.path()).env("ONLY", "made-with").output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let here = fs::read_to_string(made.path().join("made-with")).unwrap();
    if here != MADE_WITH {
        eprintln!("skipped: the pictures were made with\n{MADE_WITH}here is\n{here}");
        return;
    }
    let output = script(made.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut differ = Vec::new();
    for entry in fs::read_dir(made.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (now, shown) =
            (fs::read_to_string(made.path().join(&name)), fs::read_to_string(assets.join(&name)));
        if let Some(problem) = difference(&shown.unwrap_or_default(), &now.unwrap()) {
            differ.push(format!("assets/{name}: {problem}"));
        }
    }
    let remedy = "run assets/pictures.sh target/release/skilldeck, and look at them";
    assert!(differ.is_empty(), "{}\n{remedy}", differ.join("\n"));
}

/// The first line that is not the same.
fn difference(shown: &str, now: &str) -> Option<String> {
    let mut lines = shown.lines().zip(now.lines()).enumerate();
    match lines.find(|(_, (shown, now))| shown != now) {
        Some((at, (shown, now))) => Some(format!("line {} is\n{shown}\nand not\n{now}", at + 1)),
        None if shown.lines().count() != now.lines().count() => Some("its length differs".to_owned()),
        None => None,
    }
}
