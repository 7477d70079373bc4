//! One skill per quirk of text: those in `tests/fixtures/skills`, and those that a repository cannot hold well.

#![allow(clippy::format_collect, reason = "a few texts, made once")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const NAME_AND_DESCRIPTION: &str =
    "description: Counts the words of a text. Use when a length is asked for.\n";
const BODY: &str = "\n# Count words\n\nCount the words of the file that is named.\n";

/// Lay all of them out below `root`, and tell the names of their folders.
pub(crate) fn lay_out(root: &Path) -> Vec<String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/skills");
    for folder in fs::read_dir(fixtures).unwrap().flatten() {
        for file in fs::read_dir(folder.path()).unwrap().flatten() {
            let name = folder.file_name().into_string().unwrap();
            let bytes = fs::read(file.path()).unwrap();
            put(root, &name, &file.file_name().into_string().unwrap(), &bytes);
        }
    }
    for (name, bytes) in made() {
        put(root, name, "SKILL.md", &bytes);
    }
    fs::create_dir(root.join("dangling-link")).unwrap();
    symlink("gone.md", root.join("dangling-link/SKILL.md")).unwrap();
    put(root, "linked", "README.md", &good("linked").into_bytes());
    symlink("README.md", root.join("linked/SKILL.md")).unwrap();
    fs::create_dir_all(root.join("folder/SKILL.md")).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(root).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn put(root: &Path, folder: &str, file: &str, bytes: &[u8]) {
    fs::create_dir_all(root.join(folder)).unwrap();
    fs::write(root.join(folder).join(file), bytes).unwrap();
}

fn good(name: &str) -> String {
    format!("---\nname: {name}\n{NAME_AND_DESCRIPTION}---\n{BODY}")
}

fn made() -> Vec<(&'static str, Vec<u8>)> {
    let with = |name: &str, more: &str| format!("{}{more}", good(name)).into_bytes();
    let inside = |name: &str, what: &[u8]| {
        let text = good(name);
        let at = text.find("words").unwrap();
        [&text.as_bytes()[..at], what, &text.as_bytes()[at..]].concat()
    };
    let deep: String = (0..300).map(|level| format!("{}a:\n", " ".repeat(level + 2))).collect();
    let nested = good("deep").replacen("---\n\n", &format!("metadata:\n{deep}---\n\n"), 1);
    vec![
        ("nul", inside("nul", b"\0")),
        ("control-character", inside("control-character", b"\x07")),
        ("c1-character", inside("c1-character", "\u{9b}".as_bytes())),
        ("invalid-utf8", inside("invalid-utf8", b"\xff")),
        // The longest line that was seen in a published skill, and the largest file.
        ("long-line", with("long-line", &"x".repeat(130_541))),
        ("large-file", with("large-file", &format!("{}\n", "word ".repeat(14)).repeat(4_280)[..294 * 1024])),
        ("deep", nested.into_bytes()),
    ]
}
