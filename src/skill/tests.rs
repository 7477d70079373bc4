//! Whole skills: every quirk of a SKILL.md has its diagnostic at the right place, and nothing panics.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;

use super::*;

/// Read a skill in folder `demo` whose SKILL.md has these bytes.
fn read_bytes(bytes: &[u8]) -> Skill {
    read_with_files(bytes, &[])
}

fn read_with_files(bytes: &[u8], files: &[&str]) -> Skill {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("SKILL.md"), bytes).unwrap();
    for file in files {
        fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
        fs::write(folder.join(file), "").unwrap();
    }
    read(&folder, dir.path())
}

fn codes(skill: &Skill) -> Vec<&'static str> {
    skill.diagnostics.iter().map(|found| found.code).collect()
}

/// Code, line and column of each diagnostic.
fn places(skill: &Skill) -> Vec<(&'static str, usize, usize)> {
    skill.diagnostics.iter().map(|found| (found.code, found.span.line, found.span.column)).collect()
}

/// Code, line, column.
type Place = (&'static str, usize, usize);

const GOOD: &str = "---\nname: demo\ndescription: Shows a thing. Use when asked.\n---\n\n# Demo\n\nDo it.\n";

#[test]
fn what_serde_yaml_refuses_is_said_of_its_clients() {
    let skill = read_bytes(
        GOOD.replace("demo\ndescription: Shows a thing.", "demo\ndescription: \"\\ud83d\\ude00")
            .replace("asked.", "asked.\"")
            .as_bytes(),
    );
    assert_eq!(codes(&skill), ["serde-yaml-refuses"], "{}", skill.source);
}

#[test]
fn a_good_skill_has_no_diagnostics() {
    let skill = read_bytes(GOOD.as_bytes());
    assert_eq!(codes(&skill), [] as [&str; 0]);
    assert_eq!(skill.name, "demo");
    assert_eq!(skill.body_line, 5);
    let name = skill.manifest.name.as_ref().unwrap();
    assert_eq!((name.span.line, name.span.column, name.span.end_column), (2, 7, 11));
    assert_eq!(skill.manifest.fields.len(), 2);
}

#[test]
fn every_quirk_has_its_diagnostic() {
    let head = "name: demo\ndescription: x y\n";
    let table: Vec<(String, Vec<Place>)> = vec![
        (String::new(), vec![("empty-file", 1, 1)]),
        (" \n\n".into(), vec![("empty-file", 1, 1)]),
        ("# Demo\n".into(), vec![("no-front-matter", 1, 1)]),
        (format!("----\n{head}---\nb\n"), vec![("no-front-matter", 1, 1)]),
        (format!("\u{feff}---\n{head}---\nb\n"), vec![("byte-order-mark", 1, 1)]),
        (format!("\n\n---\n{head}---\nb\n"), vec![("front-matter-not-first", 3, 1)]),
        (format!("---\n{head}\n# Demo\n"), vec![("front-matter-unclosed", 1, 1)]),
        (format!("---\n{head}...\nb\n"), vec![("front-matter-dots", 4, 1)]),
        (format!("--- \n{head}---  \nb\n"), vec![]),
        (format!("---\n{head}---"), vec![("body-empty", 4, 4)]),
        (format!("---\n{head}---\nb\n").replace('\n', "\r\n"), vec![("crlf", 1, 4)]),
        (format!("---\n{head}---\nb\n").replace('\n', "\r"), vec![("carriage-return", 1, 4)]),
        ("---\nname: demo\ndescription: Use when: x\n---\nb\n".into(), vec![("yaml-unquoted-colon", 3, 22)]),
        ("---\nname: demo\ndescription: |\n\tx\n---\nb\n".into(), vec![("yaml-tab", 4, 1)]),
        ("---\nname: demo\ndescription: *x\n---\nb\n".into(), vec![("yaml-alias", 3, 14)]),
        ("---\nname: demo\ndescription:\tx\n---\nb\n".into(), vec![("yaml-tab", 3, 13)]),
        ("---\nname: demo\ndescription: yes\n---\nb\n".into(), vec![("description-type", 3, 14)]),
        ("---\nname: demo\ndescription: \"x\n---\nb\n".into(), vec![("yaml-unclosed-quote", 3, 14)]),
        ("---\nname: demo\ndescription: [x\n---\nb\n".into(), vec![("yaml-syntax", 3, 14)]),
        ("---\nname: demo\ndescription: &a x\n---\nb\n".into(), vec![("yaml-anchor", 3, 17)]),
        (format!("---\n{head}name: demo\n---\nb\n"), vec![("duplicate-key", 4, 1)]),
        ("---\nname: demo\ndescription: a --- b\n---\nb\n".into(), vec![("dashes-in-value", 3, 16)]),
        ("---\n- a\n---\nb\n".into(), vec![("front-matter-not-mapping", 2, 1)]),
        ("---\n# nothing\n---\nb\n".into(), vec![("description-missing", 2, 1), ("name-missing", 2, 1)]),
        ("---\ndescription: x\n---\nb\n".into(), vec![("name-missing", 2, 1)]),
        ("---\nname: demo\n---\nb\n".into(), vec![("description-missing", 2, 1)]),
        ("---\nname: demo\ndescription:\n---\nb\n".into(), vec![("description-missing", 3, 1)]),
        ("---\nname: demo\ndescription: '  '\n---\nb\n".into(), vec![("description-missing", 3, 1)]),
        ("---\nname: demo\ndescription: [a, b]\n---\nb\n".into(), vec![("description-type", 3, 14)]),
        ("---\nname: demo\ndescription: 12\n---\nb\n".into(), vec![("description-type", 3, 14)]),
        (
            "---\nname: 123\ndescription: x\n---\nb\n".into(),
            vec![("name-type", 2, 7), ("name-mismatch", 2, 7)],
        ),
        ("---\nname: [demo]\ndescription: x\n---\nb\n".into(), vec![("name-type", 2, 7)]),
        (
            "---\nname: My_Skill\ndescription: x\n---\nb\n".into(),
            vec![("name-characters", 2, 7), ("name-mismatch", 2, 7)],
        ),
        (
            "---\nname: -a--b\ndescription: x\n---\nb\n".into(),
            vec![("name-hyphens", 2, 7), ("name-mismatch", 2, 7)],
        ),
        (
            "---\nname: навык\ndescription: x\n---\nb\n".into(),
            vec![("name-not-ascii", 2, 7), ("name-mismatch", 2, 7)],
        ),
        (
            format!("---\nname: {}\ndescription: x\n---\nb\n", "a".repeat(65)),
            vec![("name-length", 2, 7), ("name-mismatch", 2, 7)],
        ),
        (
            format!("---\nname: demo\ndescription: {}\n---\nb\n", "a".repeat(1025)),
            vec![("description-length", 3, 14)],
        ),
        (format!("---\n{head}compatibility: ''\n---\nb\n"), vec![("compatibility-length", 4, 16)]),
        (format!("---\n{head}license: [a]\n---\nb\n"), vec![("field-type", 4, 10)]),
        (format!("---\n{head}license: 2.0\n---\nb\n"), vec![("field-type", 4, 10)]),
        (format!("---\n{head}metadata: x\n---\nb\n"), vec![("field-type", 4, 11)]),
        (format!("---\n{head}metadata:\n  a: 1\n  b: x\n---\nb\n"), vec![("metadata-value", 5, 6)]),
        (format!("---\n{head}version: 1\n---\nb\n"), vec![("unknown-key", 4, 1)]),
        (format!("---\n{head}model: x\n---\nb\n"), vec![("unknown-key", 4, 1)]),
        (format!("---\n{head}---\na\u{0}b\n"), vec![("nul-byte", 5, 2)]),
        (format!("---\n{head}---\na\u{7}b\n"), vec![("control-character", 5, 2)]),
        (format!("---\n{head}---\na\u{202e}b\n"), vec![("hidden-character", 5, 2)]),
        (
            format!("---\n{head}---\n{}\n", "x".repeat(130_541)),
            vec![("long-line", 5, 1), ("body-tokens", 5, 1)],
        ),
        (format!("---\n{head}---\n{}", "x\n".repeat(501)), vec![("body-length", 505, 1)]),
        (
            format!("---\n{head}---\nsee [it](references/x.md#y) and `/home/alice/x`\n"),
            vec![("broken-link", 5, 10), ("home-path", 5, 34)],
        ),
        (format!("---\n{head}---\nrun `./scripts/x.py a`\n"), vec![("missing-script", 5, 6)]),
    ];
    let mut wrong = Vec::new();
    for (text, wanted) in table {
        let skill = read_bytes(text.as_bytes());
        let mut found = places(&skill);
        let mut wanted = wanted;
        found.sort_unstable();
        wanted.sort_unstable();
        if found != wanted {
            wrong.push(format!("{text:.200?}\n  found  {found:?}\n  wanted {wanted:?}"));
        }
        for diagnostic in &skill.diagnostics {
            assert!(rules::find(diagnostic.code).is_some());
            assert!(!diagnostic.help.is_empty() && !diagnostic.message.is_empty());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn long_bodies_vague_descriptions_and_unpinned_packages() {
    let head = "---\nname: demo\ndescription: x y\n---\n";
    let line = format!("{}\n", "é".repeat(99));
    let table: [(String, &[Place]); 4] = [
        (format!("{head}{}", line.repeat(200)), &[]),
        (format!("{head}{}", line.repeat(201)), &[("body-tokens", 205, 1)]),
        (
            "---\nname: demo\ndescription: Extracts text from PDF files and merges them.\n---\nb\n".into(),
            &[("description-when", 3, 14)],
        ),
        // In prose it is a word; a package is named once.
        (format!("{head}npx cowsay: run `npx cowsay`\n\n    npx cowsay\n"), &[("unpinned-package", 5, 22)]),
    ];
    for (text, wanted) in table {
        assert_eq!(places(&read_bytes(text.as_bytes())), wanted, "{text:.200}");
    }
}

#[test]
fn names_are_known_even_when_the_yaml_is_broken() {
    let skill = read_bytes(b"---\nname: \"demo\"\ndescription: Use when: x\nlicense: MIT\n---\nb\n");
    assert_eq!(skill.name, "demo");
    assert_eq!(skill.manifest.description.as_ref().unwrap().value, "Use when: x");
    let skill = read_bytes(b"---\nname: other\nbroken: [\n---\nb\n");
    assert_eq!(skill.name, "other");
    assert!(codes(&skill).contains(&"name-mismatch"));
}

#[test]
fn bytes_that_are_not_text() {
    let skill = read_bytes(b"---\nname: demo\ndescription: a\xff\xfeb\n---\nbody\n");
    assert_eq!(places(&skill), [("invalid-utf8", 3, 15)]);
    assert!(skill.source.contains('\u{fffd}'));
    let skill = read_bytes(b"\xff\xfe-\0-\0-\0\n\0");
    assert!(codes(&skill).contains(&"invalid-utf8"));
    assert!(codes(&skill).contains(&"nul-byte"));
    assert!(skill.diagnostics.iter().all(|found| found.fix.is_none()), "offsets are not those of the file");
}

#[test]
fn files_that_are_too_large() {
    let mut text = GOOD.as_bytes().to_vec();
    text.resize(5 * 1024 * 1024, b'x');
    let skill = read_bytes(&text);
    assert!(codes(&skill).contains(&"file-too-large"));
    assert_eq!(skill.source.len() as u64, MAX_FILE);
    let front = format!("---\nname: demo\ndescription: x\n{}---\nb\n", "# fill\n".repeat(20_000));
    let skill = read_bytes(front.as_bytes());
    assert_eq!(codes(&skill), ["front-matter-too-large"]);
    let bomb = format!("---\na: {}\n---\n", "[".repeat(5000));
    assert!(codes(&read_bytes(bomb.as_bytes())).contains(&"yaml-too-large"));
}

#[test]
fn what_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    fs::create_dir(&demo).unwrap();
    assert_eq!(codes(&read(&demo, dir.path())), ["unreadable"]);
    symlink("gone.md", demo.join("SKILL.md")).unwrap();
    let skill = read(&demo, dir.path());
    assert_eq!(codes(&skill), ["dangling-link"]);
    assert!(skill.diagnostics[0].message.contains("gone.md"));
    fs::remove_file(demo.join("SKILL.md")).unwrap();
    nix::unistd::mkfifo(&demo.join("SKILL.md"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(codes(&read(&demo, dir.path())), ["unreadable"]);
    fs::remove_file(demo.join("SKILL.md")).unwrap();
    fs::write(demo.join("Skill.md"), GOOD).unwrap();
    let skill = read(&demo, dir.path());
    assert_eq!(codes(&skill), ["wrong-case"]);
    assert_eq!(skill.name, "demo");
    fs::write(demo.join("SKILL.md"), GOOD).unwrap();
    assert_eq!(codes(&read(&demo, dir.path())), ["wrong-case-twin"]);
    // Root reads everything; anybody else is told.
    fs::set_permissions(demo.join("SKILL.md"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(demo.join("SKILL.md")).is_err() {
        assert_eq!(codes(&read(&demo, dir.path())), ["unreadable"]);
    }
}

#[test]
fn fixes_make_the_finding_go_away() {
    let texts = [
        "---\nname: demo\ndescription: Use when: \"x\" and 'y'\n---\nb\n",
        "---\nname: demo\ndescription: Use when: x\n---\nb\n",
        "---\nname: demo\ndescription: *bold* move\n---\nb\n",
        "\u{feff}---\nname: demo\ndescription: x\n---\nb\n",
        "\u{feff}\n\n---\nname: demo\ndescription: x\n---\nb\n",
        "---\nname: Demo\ndescription: 12\n---\nb\n",
        "---\nname: 'Demo'\ndescription: x\n...\nb\n",
        "---\ndescription: x\nlicense: 2.0\n---\na\u{0}\u{7}\u{202e}b\n",
        "-----\nname: demo\ndescription: x\n---\nb\n",
    ];
    for text in texts {
        let mut source = text.to_owned();
        // One after the other, as a user would.
        for _ in 0..6 {
            let skill = read_bytes(source.as_bytes());
            let Some(found) = skill.diagnostics.iter().find(|found| found.fix.is_some()) else { break };
            let edits = &found.fix.as_ref().unwrap().edits;
            source = apply(&source, edits).unwrap();
        }
        assert_eq!(codes(&read_bytes(source.as_bytes())), [] as [&str; 0], "{text:?} became {source:?}");
    }
}

#[test]
fn fields_of_all_sorts_are_kept() {
    let text = "---\nname: demo\ndescription: >-\n  two\n  lines\nallowed-tools: Bash(git:*, jq) Read,Write\nmetadata:\n  author: x\nversion: 1.5\n---\nb\n";
    let skill = read_bytes(text.as_bytes());
    assert_eq!(skill.manifest.description.unwrap().value, "two lines");
    assert_eq!(skill.manifest.allowed_tools.unwrap().value, ["Bash(git:*, jq)", "Read", "Write"]);
    let keys: Vec<&str> = skill.manifest.fields.iter().map(|(key, _)| key.value.as_str()).collect();
    assert_eq!(keys, ["name", "description", "allowed-tools", "metadata", "version"]);
    assert_eq!(skill.manifest.fields[4].1.value, serde_json::json!(1.5));
}

#[test]
fn links_and_scripts_that_are_there_are_no_finding() {
    let body = "[a](references/x.md) ![i](assets/a%20b.png) [w](https://x.org/y) [h](#demo) [m](mailto:a@b.c)\n\
        [t](../other/SKILL.md) [v](${CLAUDE_SKILL_DIR}/x)\nrun `python scripts/run.py` or scripts/none-here.txt\n\
        `/home/user/x` and ~/x\n";
    let text = format!("{GOOD}{body}");
    let files = ["references/x.md", "assets/a b.png", "scripts/run.py"];
    assert_eq!(codes(&read_with_files(text.as_bytes(), &files)), [] as [&str; 0]);
    // A repository's own scripts folder is not meant when the skill has none.
    let text = format!("{GOOD}run `scripts/build.sh` of the project\n");
    assert_eq!(codes(&read_with_files(text.as_bytes(), &[])), [] as [&str; 0]);
    assert_eq!(codes(&read_with_files(text.as_bytes(), &["scripts/x.py"])), ["missing-script"]);
}

#[test]
fn a_description_that_says_when_or_is_in_another_language_is_enough() {
    for description in [
        "Extracts text from PDF files. Use when the user mentions PDFs.",
        "Triggers on requests to convert the tables of a PDF",
        "Extrait le texte des fichiers PDF, y compris les métadonnées with care",
        "Sammelt offene Punkte aus dem Quelltext",
        "PDF tools",
    ] {
        let text = format!("---\nname: demo\ndescription: {description}\n---\nb\n");
        assert_eq!(codes(&read_bytes(text.as_bytes())), [] as [&str; 0], "{description}");
    }
    let text = "---\nname: demo\ndescription: Text of PDF files.\nwhen_to_use: PDFs\n---\nb\n";
    assert!(!codes(&read_bytes(text.as_bytes())).contains(&"description-when"));
}

#[test]
fn scripts_are_looked_at_too() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    fs::create_dir_all(folder.join("scripts/lib")).unwrap();
    fs::write(folder.join("SKILL.md"), GOOD).unwrap();
    let token = ["sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
    fs::write(folder.join("scripts/lib/pay.py"), format!("# \u{e9}\nKEY = '{token}'\n")).unwrap();
    fs::write(folder.join("scripts/run.sh"), "#!/bin/sh\ncd /home/alice/x && npx -y cowsay\n").unwrap();
    fs::write(folder.join("scripts/odd"), "#!/opt/no-such-program\n").unwrap();
    fs::write(folder.join("scripts/plain"), "echo hello\n").unwrap();
    fs::set_permissions(folder.join("scripts/plain"), fs::Permissions::from_mode(0o755)).unwrap();
    let skill = read(&folder, dir.path());
    let found: Vec<_> = skill
        .diagnostics
        .iter()
        .map(|found| {
            let file = found.file.strip_prefix(&skill.path).unwrap().display().to_string();
            (found.code, file, found.span.line, found.span.column)
        })
        .collect();
    let wanted = [
        ("secret", "scripts/lib/pay.py", 2, 8),
        ("home-path", "scripts/run.sh", 2, 4),
        ("unpinned-package", "scripts/run.sh", 2, 28),
        ("no-interpreter", "scripts/plain", 1, 1),
        ("interpreter-not-found", "scripts/odd", 1, 1),
    ];
    assert_eq!(found, wanted.map(|(code, file, line, column)| (code, file.to_owned(), line, column)));
    assert!(skill.diagnostics.iter().all(|found| !found.message.contains(&token[..12])));
}

#[test]
fn a_skill_cut_at_any_byte_is_read() {
    let texts = [
        "\u{feff}---\r\nname: \"dé mo\"\r\ndescription: >\r\n  Use when: [x]\r\nmetadata: {a: [1, &b 2]}\r\n---\r\n# T\r\n[l](x.md) `scripts/x.py`\r\n",
        "---\nname: demo\ndescription: |\n  a --- b\n\tc\nallowed-tools: [A(b c), \"D\"]\n...\nbody \u{202e}\u{0} ![](y%2z)\n",
    ];
    for text in texts {
        for end in 0..=text.len() {
            let skill = read_bytes(&text.as_bytes()[..end]);
            for found in &skill.diagnostics {
                let span = found.span;
                assert!(span.start <= span.end && span.end <= skill.source.len(), "{found:?}");
                assert!(skill.source.get(span.start..span.end).is_some(), "{found:?}");
                assert!(span.line >= 1 && span.column >= 1);
                for edit in found.fix.iter().flat_map(|fix| &fix.edits) {
                    assert!(skill.source.get(edit.start..edit.end).is_some(), "{found:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300), front in any::<bool>()) {
        let mut text = if front { b"---\nname: a\n".to_vec() } else { Vec::new() };
        text.extend(bytes);
        let skill = read_bytes(&text);
        prop_assert!(!skill.name.is_empty());
    }
}
