//! A workspace of one shell skill, the workbench opened on it, and whether its script is running: for the tests of the
//! workbench and of old runs in it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::pty::{Terminal, skilldeck};

/// A workspace with one shell skill. The journal lies in it too: it is the user's home.
pub(crate) fn workspace(script: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let skill = dir.path().join(".skills/greet");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    let manifest = "---\nname: greet\ndescription: Greets people. Use when somebody arrives.\n---\n# Greet\n";
    fs::write(skill.join("SKILL.md"), manifest).unwrap();
    fs::write(script_of(dir.path()), format!("#!/bin/sh\n{script}\n")).unwrap();
    dir
}

pub(crate) fn script_of(dir: &Path) -> PathBuf {
    dir.join(".skills/greet/scripts/greet.sh")
}

pub(crate) fn open(dir: &Path) -> Terminal {
    open_skill(dir, "greet")
}

pub(crate) fn open_skill(dir: &Path, name: &str) -> Terminal {
    let terminal = Terminal::start(skilldeck(dir), 100, 30);
    terminal.wait_for(name);
    terminal.wait_for("? help");
    terminal
}

/// Whether a process has the script on its command line.
pub(crate) fn is_running(script: &Path) -> bool {
    let named = |process: fs::DirEntry| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|word| word == script.as_os_str().as_encoded_bytes())
    };
    fs::read_dir("/proc").unwrap().flatten().any(named)
}
