//! Scripts that say themselves which line is to be blamed: the line with the comment `@name` for what happens to the
//! file `name` outside the sandbox.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several test programs, not all of which use everything"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use skilldeck::run::report::{Denial, Report};

use super::{Skill, User, open_folder};

/// Files that exist on the host and not inside: opening one is a denial, told by its name.
pub struct Outside(pub tempfile::TempDir);

impl Outside {
    pub fn new(scripts: &[&str]) -> Self {
        let folder = open_folder();
        for name in scripts.iter().flat_map(|script| marks(script)).map(|(name, _)| name) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        Self(folder)
    }

    pub fn path(&self) -> String {
        self.0.path().display().to_string()
    }
}

/// Names after an `@` in a comment, and their lines.
pub fn marks(script: &str) -> Vec<(String, u32)> {
    let lines = (1..).zip(script.lines());
    let names = lines.flat_map(|(line, text)| {
        let comment = text.rsplit_once(['#', '/']).map_or("", |(_, comment)| comment);
        let names = comment.split_whitespace().filter_map(|word| word.strip_prefix('@'));
        names.map(move |name| (name.to_owned(), line)).collect::<Vec<_>>()
    });
    names.collect()
}

/// Run an entry that may start these programs.
pub fn run(skill: &Skill, user: User, entry: &str, programs: &str, args: &[&str]) -> Report {
    run_under(skill, user, entry, &format!("  run: [{programs}]\n"), args)
}

/// With another `PATH`.
pub fn run_on(skill: &Skill, user: User, path: &str, entry: &str, programs: &str, args: &[&str]) -> Report {
    let policy = skill.path.parent().unwrap().join("policy.yaml");
    fs::write(&policy, format!("permissions:\n  run: [{programs}]\n")).unwrap();
    let policy = policy.display().to_string();
    let args = [&["--entry", entry, "--policy", &policy, "--"], args].concat();
    let output = skill.command(user, &args).env("PATH", path).output().unwrap();
    let why = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{path}: {error}: {}", why()))
}

pub fn run_under(skill: &Skill, user: User, entry: &str, permissions: &str, args: &[&str]) -> Report {
    let policy = skill.path.parent().unwrap().join("policy.yaml");
    fs::write(&policy, format!("permissions:\n{permissions}")).unwrap();
    let policy = policy.display().to_string();
    skill.run(user, &[&["--entry", entry, "--policy", &policy, "--"], args].concat())
}

pub fn denial<'a>(report: &'a Report, name: &str) -> &'a Denial {
    let found = report.denials.iter().find(|denial| denial.target.ends_with(&format!("/{name}")));
    found.unwrap_or_else(|| panic!("{name} was not refused: {}\n{:#?}", report.stderr, report.denials))
}

pub fn places(denial: &Denial, skill: &Path) -> Vec<String> {
    let short = |path: &Path| path.strip_prefix(skill).unwrap_or(path).display().to_string();
    denial.blame.iter().map(|frame| format!("{}:{}", short(&frame.file), frame.line)).collect()
}

/// Every mark of these files (by path in the skill) is blamed, and nothing else is blamed for it.
pub fn check(report: &Report, skill: &Path, files: &[(&str, &str)], what: &str) {
    let mut wrong = BTreeMap::new();
    for (file, source) in files {
        for (name, line) in marks(source) {
            let found = places(denial(report, &name), skill);
            if found.first() != Some(&format!("{file}:{line}")) {
                wrong.insert(
                    format!("{name}, wanted {file}:{line}"),
                    (found, denial(report, &name).unread.clone()),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{what}: {wrong:#?}\n{}", report.stderr);
}
