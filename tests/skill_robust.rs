//! Skills that no author would write: cut off, damaged, made to be slow, and folders that are traps.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "../fuzz/checks/skill.rs"]
mod skill;
#[path = "common/skills.rs"]
mod skills;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;
use skilldeck::skill::clients::{Client, Subject};

/// The text of each quirk.
fn texts() -> Vec<Vec<u8>> {
    let desk = tempfile::tempdir().unwrap();
    let names = skills::lay_out(desk.path());
    names.iter().filter_map(|name| fs::read(desk.path().join(name).join("SKILL.md")).ok()).collect()
}

/// At every byte of the beginning, and at twenty places of what follows. `CUT_BYTES` says how long the beginning is.
#[test]
fn every_quirk_may_end_anywhere() {
    let beginning = std::env::var("CUT_BYTES").map_or(500, |bytes| bytes.parse().unwrap());
    for text in texts() {
        let (length, step) = (text.len(), (text.len() / 20).max(1));
        for end in (0..length.min(beginning)).chain((0..length).step_by(step)) {
            skill::check(&text[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A quirk, with bytes exchanged, cut out and put in.
    #[test]
    fn damaged_quirks_are_read(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6),
    ) {
        thread_local!(static TEXTS: Vec<Vec<u8>> =
            texts().into_iter().filter(|text| text.len() < 10_000).collect());
        let mut text = TEXTS.with(|texts| texts[which.index(texts.len())].clone());
        for (at, kind, byte) in damage {
            let at = at.index(text.len() + 1);
            match kind {
                0 => text.insert(at, byte),
                1 if at < text.len() => text[at] = byte,
                _ => text.truncate(at),
            }
        }
        skill::check(&text);
    }

    #[test]
    fn scraps_of_yaml_are_read(scraps in "(---\n)?[a-c:\\-\\[\\]{}&*!|>'\"#%@?,<=~` \t\r\n\u{e9}\u{2028}\u{feff}]{0,60}(\n---\n)?") {
        skill::check(scraps.as_bytes());
    }
}

/// Texts that some reader takes much time, memory or stack for, unless it is bounded.
#[test]
fn texts_that_are_made_to_be_slow_are_bounded() {
    let many = 50_000;
    let inside = |yaml: String| format!("---\nname: demo\n{yaml}\n---\n");
    let nested = |open: &str| inside(format!("a: {}", open.repeat(many)));
    let steps =
        |line: &str| (0..1500).map(|level| format!("{}{line}\n", " ".repeat(level))).collect::<String>();
    let bomb = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        let below = level - 1;
        text + &format!("a{level}: &a{level} [*a{below}, *a{below}]\n")
    });
    let texts = [
        nested("["),
        nested("{a: "),
        nested("- "),
        nested("? "),
        nested("!!t "),
        nested("&a "),
        nested("'"),
        nested("\"\\u"),
        nested("# "),
        nested("a: "),
        inside(steps("a:")),
        inside(steps("- -")),
        inside(format!("{bomb}b:\n{}", "  - *a39\n".repeat(many))),
        inside(bomb),
        inside("a: b\n".repeat(many)),
        inside("- x\n".repeat(many)),
        inside(format!("description: {}", "x".repeat(1 << 20))),
        inside(format!("description: \"{}\"", "x ".repeat(1 << 19))),
        inside(format!("description: >\n{}", "  x\n\n".repeat(many))),
        inside(format!("description: x\n{}", "  : x\n".repeat(many))),
        inside(format!("description: {}", "<".repeat(1 << 19))),
        format!("---{}", "\n".repeat(1 << 20)),
        format!("---\n{}", " \n".repeat(1 << 19)),
        "---\n".repeat(many),
        "---".repeat(many),
        "- - ".repeat(many),
        "\r".repeat(1 << 19),
        "[](".repeat(many),
    ];
    for text in texts {
        skill::check(text.as_bytes());
    }
}

/// A skill of which nothing can be read is listed all the same, and nothing waits for what never comes.
#[test]
fn folders_that_are_traps_are_told() {
    let desk = tempfile::tempdir().unwrap();
    let root = desk.path().join("skills");
    let folder = |name: &str| {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    let good = "---\nname: good\ndescription: Counts the words of a text.\n---\n\n# Count\n";
    fs::write(folder("good").join("SKILL.md"), good).unwrap();
    nix::unistd::mkfifo(&folder("pipe").join("SKILL.md"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(folder("socket").join("SKILL.md")).unwrap();
    symlink("/dev/zero", folder("device").join("SKILL.md")).unwrap();
    symlink("SKILL.md", folder("itself").join("SKILL.md")).unwrap();
    symlink("..", folder("good/loop").join("up")).unwrap();
    symlink(&root, root.join("again")).unwrap();
    let locked = folder("locked").join("SKILL.md");
    fs::write(&locked, good).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    nix::unistd::mkfifo(&folder("lower").join("skill.md"), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_skilldeck"))
        .args(["check", "--format", "json"])
        .arg(&root)
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let skills = told["skills"].as_array().unwrap();
    let mut names: Vec<&str> = skills.iter().map(|skill| skill["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let readable = fs::read(&locked).is_ok();
    let expected = ["device", "good", "itself", "locked", "lower", "pipe", "socket"];
    let mut expected: Vec<&str> =
        expected.into_iter().map(|name| if readable && name == "locked" { "good" } else { name }).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for skill in skills {
        let path = Path::new(skill["path"].as_str().unwrap());
        let trap = !(path.ends_with("good") || (readable && path.ends_with("locked")));
        for client in Client::ALL {
            let verdict = &skill["clients"][client.id()];
            assert!(
                !trap || verdict["verdict"] == "refuses",
                "{}: {}: {verdict}",
                path.display(),
                client.id()
            );
        }
        assert!(!trap || skill["diagnostics"][0]["severity"] == "error", "{skill:#}");
    }
}

#[test]
fn a_manifest_that_is_larger_than_the_bound_is_judged_by_its_beginning() {
    let head = b"---\nname: demo\ndescription: Counts the words of a text.\n---\n\n";
    let desk = tempfile::tempdir().unwrap();
    // The bound lies inside a character.
    let text = [head.as_slice(), "é".repeat(3 << 20).as_bytes()].concat();
    fs::write(desk.path().join("SKILL.md"), text).unwrap();
    let subject = Subject::open(desk.path(), "demo");
    for client in Client::ALL {
        let verdict = client.verdict(&subject);
        assert!(verdict.reasons.is_empty(), "{}: {:?}", client.id(), verdict.reasons);
    }
}
