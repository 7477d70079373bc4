//! Tools from their schema to the call: the forms that model providers take, inputs through real parsers, `call` in the
//! real sandbox.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod call;
#[path = "../common/mod.rs"]
mod common;
mod explicit;
mod forms;
mod inputs;
mod openai;
mod python;
mod validate;

use std::fs;
use std::path::{Path, PathBuf};

use skilldeck::skill::{self, Skill};

/// A skill on disk.
pub(crate) struct OnDisk {
    pub(crate) _folder: tempfile::TempDir,
    pub(crate) skill: Skill,
}

/// A skill whose only script is a copy of this one.
pub(crate) fn skill_of(script: &Path) -> OnDisk {
    let name = script.file_name().unwrap().to_str().unwrap();
    skill_with("demo", name, &fs::read_to_string(script).unwrap())
}

pub(crate) fn skill_with(name: &str, script: &str, source: &str) -> OnDisk {
    let folder = common::open_folder();
    let path = folder.path().join("demo");
    fs::create_dir_all(path.join("scripts")).unwrap();
    fs::write(path.join("SKILL.md"), format!("---\nname: {name}\ndescription: A skill to test with.\n---\n"))
        .unwrap();
    fs::write(path.join("scripts").join(script), source).unwrap();
    OnDisk { skill: skill::read(&path, folder.path()), _folder: folder }
}

/// The samples that travel inside the program.
pub(crate) fn samples() -> Vec<Skill> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("skills");
    below(&root).iter().map(|path| skill::read(path, &root)).collect()
}

/// Scripts that build a parser of every sort, and print what it read.
pub(crate) fn parsers() -> Vec<PathBuf> {
    let scripts = below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/parsers"));
    assert!(scripts.len() >= 10);
    scripts
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}
