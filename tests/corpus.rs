//! The generated skills: they are as those that were counted, and each of them is listed, whatever is wrong with it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../benches/corpus/mod.rs"]
mod corpus;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use skilldeck::workspace::Workspace;

/// Enough for a file of each kind.
const SKILLS: usize = 1_500;

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(path).unwrap_or_default());
            }
        }
    }
    found
}

#[test]
fn every_skill_is_listed_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus::write(&folder.path().join(".skills"), SKILLS, 7).unwrap();
    let workspace = Workspace::load(folder.path(), &[]);
    assert_eq!(workspace.skills.len(), corpus.skills);
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for skill in &workspace.skills {
        let own: BTreeSet<&str> = skill.diagnostics.iter().map(|found| found.code).collect();
        for code in own {
            *codes.entry(code).or_default() += 1;
        }
    }
    // So many of each thousand have it, within the overlap of several quirks in one file.
    for (code, thousandths) in [
        ("no-front-matter", 75),
        ("front-matter-unclosed", 5),
        ("yaml-unquoted-colon", 14),
        ("yaml-alias", 30),
        ("name-mismatch", 237),
        ("name-characters", 67),
        ("unknown-key", 360),
        ("crlf", 10),
    ] {
        let (wanted, found) = (thousandths * SKILLS / 1000, codes.get(code).copied().unwrap_or_default());
        assert!(
            found * 100 > wanted * 75 && found * 100 < wanted * 140,
            "{code}: {found}, expected about {wanted}"
        );
    }
    for code in [
        "byte-order-mark",
        "nul-byte",
        "control-character",
        "invalid-utf8",
        "empty-file",
        "long-line",
        "wrong-case",
        "wrong-case-twin",
        "dangling-link",
        "dashes-in-value",
        "duplicate-key",
        "front-matter-not-mapping",
        "description-length",
        "description-missing",
        "name-missing",
        "body-length",
    ] {
        assert!(codes.contains_key(code), "{code}: {codes:?}");
    }
}

#[test]
fn sizes_are_those_that_were_counted() {
    let folder = tempfile::tempdir().unwrap();
    corpus::write(folder.path(), SKILLS, 7).unwrap();
    let files = files(folder.path());
    let manifests = files.iter().filter(|(name, _)| name.to_lowercase().ends_with("/skill.md"));
    let mut sizes: Vec<usize> = manifests.map(|(_, text)| text.len()).filter(|size| *size > 0).collect();
    sizes.sort_unstable();
    let share = |part: usize| sizes[sizes.len() * part / 1000];
    // The larger, the fewer there are to count.
    for (part, wanted, most) in [(500, 4_800, 12), (900, 14_000, 13), (990, 32_000, 16)] {
        assert!((wanted * 8 / 10..wanted * most / 10).contains(&share(part)), "{part}: {}", share(part));
    }
    assert!((corpus::LARGEST..corpus::LARGEST + 5_000).contains(sizes.last().unwrap()));
    let longest = files.values().flat_map(|text| text.split(|byte| *byte == b'\n')).map(<[u8]>::len).max();
    assert_eq!(longest, Some(corpus::LONGEST_LINE));
    // Half have one script at most, as it was counted.
    let scripts = files.keys().filter(|name| name.contains("/scripts/")).count();
    assert!((SKILLS..SKILLS * 4).contains(&scripts), "{scripts}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, seed| {
        let root = folder.path().join(name);
        corpus::write(&root, 120, seed).unwrap();
        files(&root)
    };
    let first = made("first", 3);
    assert_eq!(first, made("again", 3));
    assert_ne!(first, made("other", 4));
}
