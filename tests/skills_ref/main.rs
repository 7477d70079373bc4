//! The verdict of skills-ref, compared with skills-ref itself: the same messages, in the same order, to the letter.
//!
//! Needs a python in which `skills_ref` can be imported: `SKILLS_REF_PYTHON`, else `python3`, else a virtual environment
//! that is made below the target folder. Without one the tests are skipped, and say so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, in its helpers too"
)]

mod generate;
mod oracle;
#[path = "../common/skills.rs"]
mod skills;

use skilldeck::skill::clients::{Client, Outcome};

use generate::Generator;
use oracle::{Case, Oracle};

/// What our verdict says, in the library's form: no message when it is valid.
fn ours(case: &Case) -> Vec<String> {
    let verdict = Client::SkillsRef.verdict(&case.subject());
    if verdict.outcome == Outcome::Refuses { verdict.reasons } else { Vec::new() }
}

fn compare(cases: &[Case]) {
    let Some(mut oracle) = Oracle::find() else { return };
    let mut wrong = Vec::new();
    for (case, theirs) in cases.iter().zip(oracle.ask(cases)) {
        let ours = ours(case);
        if ours != theirs {
            wrong.push(format!("{}\n  ours:   {ours:?}\n  theirs: {theirs:?}", shown(case)));
        }
    }
    wrong.sort_by_key(String::len);
    let shown = wrong.iter().take(8).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {} differ:\n{shown}", wrong.len(), cases.len());
    eprintln!("{} cases agree", cases.len());
}

fn shown(case: &Case) -> String {
    match case {
        Case::Bytes { folder, bytes } => format!("{:?} in {folder}", String::from_utf8_lossy(bytes)),
        Case::Folder(path) => path.display().to_string(),
    }
}

#[test]
fn quirks_are_judged_alike() {
    let desk = tempfile::tempdir().unwrap();
    let names = skills::lay_out(desk.path());
    let cases: Vec<Case> = names.iter().map(|name| Case::Folder(desk.path().join(name))).collect();
    compare(&cases);
}

#[test]
fn quirks_cut_off_anywhere_are_judged_alike() {
    let desk = tempfile::tempdir().unwrap();
    let names = skills::lay_out(desk.path());
    let mut cases = Vec::new();
    for folder in names {
        let Ok(bytes) = std::fs::read(desk.path().join(&folder).join("SKILL.md")) else { continue };
        // Faults are in the front matter: a body that is cut off is a body.
        let ends = (0..bytes.len().min(200)).step_by(3);
        cases.extend(ends.map(|end| Case::Bytes { folder: folder.clone(), bytes: bytes[..end].to_vec() }));
    }
    compare(&cases);
}

#[test]
fn generated_front_matter_is_judged_alike() {
    let count = std::env::var("SKILLS_REF_CASES").map_or(2000, |count| count.parse().unwrap());
    let seed = std::env::var("SKILLS_REF_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut generator = Generator::new(seed);
    let cases: Vec<Case> = (0..count).map(|_| generator.case()).collect();
    compare(&cases);
}
