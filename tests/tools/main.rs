//! Tools from their schema to the call: the forms that model providers take, inputs through real parsers, `call` in the
//! real sandbox.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../common/mod.rs"]
mod common;
mod inputs;
mod python;

use std::fs;
use std::path::Path;

use skilldeck::skill::{self, Skill};

/// A skill on disk.
pub(crate) struct OnDisk {
    _folder: tempfile::TempDir,
    pub(crate) skill: Skill,
}

/// A skill whose only script is a copy of this one.
pub(crate) fn skill_of(script: &Path) -> OnDisk {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo");
    fs::create_dir_all(path.join("scripts")).unwrap();
    fs::write(path.join("SKILL.md"), "---\nname: demo\ndescription: A skill to test with.\n---\n").unwrap();
    fs::copy(script, path.join("scripts").join(script.file_name().unwrap())).unwrap();
    OnDisk { skill: skill::read(&path, folder.path()), _folder: folder }
}
