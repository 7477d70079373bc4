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

use skilldeck::skill::clients::{Client, Outcome, Subject};

use generate::Generator;
use oracle::{Case, Oracle};

/// What our verdict says, in the library's form: no message when it is valid.
fn ours(case: &Case) -> Vec<String> {
    let verdict = Client::SkillsRef.verdict(&Subject::of_bytes(&case.bytes, &case.folder));
    if verdict.outcome == Outcome::Refuses { verdict.reasons } else { Vec::new() }
}

fn compare(cases: &[Case]) {
    let Some(mut oracle) = Oracle::find() else { return };
    let mut wrong = Vec::new();
    for (case, theirs) in cases.iter().zip(oracle.ask(cases)) {
        let ours = ours(case);
        if ours != theirs {
            let text = String::from_utf8_lossy(&case.bytes).into_owned();
            wrong.push(format!("{text:?} in {:?}\n  ours:   {ours:?}\n  theirs: {theirs:?}", case.folder));
        }
    }
    wrong.sort_by_key(String::len);
    let shown = wrong.iter().take(8).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {} differ:\n{shown}", wrong.len(), cases.len());
    eprintln!("{} cases agree", cases.len());
}

#[test]
fn generated_front_matter_is_judged_alike() {
    let count = std::env::var("SKILLS_REF_CASES").map_or(4000, |count| count.parse().unwrap());
    let seed = std::env::var("SKILLS_REF_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut generator = Generator::new(seed);
    let cases: Vec<Case> = (0..count).map(|_| generator.case()).collect();
    compare(&cases);
}
