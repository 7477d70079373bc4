//! One skill per quirk of text: it is listed, the right diagnostic stands at the right place, each client's verdict is
//! right, and the fix that is offered takes the finding away.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "common/skills.rs"]
mod skills;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folder; what skills-ref, Claude Code, Codex, VS Code, the skills CLI and SkillLite do (`L`oad, `C`hange, `R`efuse); each
/// finding with the place it begins and ends; a star where a fix is offered.
const QUIRKS: &[(&str, &str, &[&str])] = &[
    ("plain", "LLLLLL", &[]),
    // the file
    ("byte-order-mark", "RLRLRR", &["byte-order-mark 1:1-1:2 *"]),
    ("crlf", "LLLLLL", &["crlf 1:4-1:5 *"]),
    ("carriage-return", "LCRLRR", &["carriage-return 1:4-2:1 *"]),
    ("nul", "RCRLCR", &["nul-byte 3:25-3:26 *", "yaml-syntax 3:25-3:25 *"]),
    ("control-character", "RCRLCR", &["yaml-syntax 3:14-3:15 *", "control-character 3:25-3:26 *"]),
    ("c1-character", "RCRLCR", &["yaml-syntax 3:14-3:15 *", "control-character 3:25-3:26 *"]),
    ("bidi-override", "LLLLLL", &["hidden-character 3:27-3:28 *"]),
    ("nbsp", "LLCLLL", &[]),
    ("invalid-utf8", "RCRCCR", &["invalid-utf8 3:25-3:26"]),
    ("long-line", "LLLLLL", &["long-line 9:1-9:2", "body-tokens 9:1-9:130542"]),
    ("large-file", "LLLLLL", &["body-tokens 289:1-289:71", "body-length 505:1-505:71"]),
    ("empty-file", "RCRCRR", &["empty-file 1:1-1:1"]),
    ("wrong-case", "LRRRRR", &["wrong-case 1:1-1:1"]),
    ("wrong-case-twin", "LLLLLL", &["wrong-case-twin 1:1-1:1"]),
    ("dangling-link", "RRRRRR", &["dangling-link 1:1-1:1"]),
    ("linked", "LLRLLL", &[]),
    ("folder", "RRRRRR", &["unreadable 1:1-1:1"]),
    // the fences
    ("no-front-matter", "RCRCRR", &["no-front-matter 1:1-1:14"]),
    ("four-dashes", "RCRCRR", &["no-front-matter 1:1-1:5 *"]),
    ("blank-line-first", "RCRCRR", &["front-matter-not-first 2:1-2:4 *"]),
    ("unclosed", "RCRCRR", &["front-matter-unclosed 1:1-1:4 *"]),
    ("closed-by-dots", "RCRCRR", &["front-matter-dots 4:1-4:4 *"]),
    ("dashes-in-value", "CLLLLL", &["dashes-in-value 3:27-3:30"]),
    ("empty-front-matter", "RLRCRR", &["name-missing 2:1-2:1 *", "description-missing 2:1-2:1"]),
    ("empty-body", "LLLLLL", &["body-empty 5:1-5:1"]),
    // YAML
    ("unquoted-colon", "RLRCRR", &["yaml-unquoted-colon 3:36-3:37 *"]),
    ("colon-continuation", "RCRCLC", &["yaml-syntax 4:3-4:4"]),
    ("tab", "RCRCRR", &["yaml-tab 5:1-5:2 *"]),
    ("duplicate-key", "RCRCRR", &["duplicate-key 4:1-4:12"]),
    ("nested-duplicate-key", "RCLCRL", &["duplicate-key 6:3-6:9"]),
    ("anchor", "RLLLLL", &["yaml-anchor 3:20-3:20"]),
    ("alias", "RCRCRR", &["yaml-alias 3:14-3:15 *"]),
    ("alias-bomb", "RCLCRR", &["yaml-too-large 9:14-9:15"]),
    ("tag", "RLLLLL", &["yaml-syntax 3:25-3:26 *"]),
    ("flow-style", "RLLLLR", &[]),
    ("block-scalars", "LLLLLL", &[]),
    ("unclosed-quote", "RCRCRR", &["yaml-unclosed-quote 3:14-3:15"]),
    ("value-with-at", "RCRCRR", &["yaml-syntax 3:14-3:15 *"]),
    ("value-with-asterisks", "RCRCRR", &["yaml-alias 3:14-3:15 *"]),
    ("surrogate-pair", "LLRLLR", &["serde-yaml-refuses 2:1-3:42"]),
    ("deep", "RCLCCR", &["yaml-too-large 52:50-52:51"]),
    ("not-a-mapping", "RCRCRR", &["front-matter-not-mapping 2:1-3:75"]),
    ("scalar", "RCRCRR", &["front-matter-not-mapping 2:1-2:16"]),
    // fields
    ("number-for-name", "RLLCRL", &["name-type 2:7-2:9 *", "name-mismatch 2:7-2:9 *"]),
    ("list-for-name", "RLRCRR", &["name-type 3:3-3:18"]),
    ("list-for-description", "RLRCRR", &["description-type 4:3-5:18"]),
    ("boolean-for-description", "LLLCRL", &["description-type 3:14-3:18 *"]),
    ("date-for-license", "LLLLLL", &["field-type 5:16-5:20 *"]),
    ("date-in-metadata", "LLLLLL", &["metadata-value 6:10-6:12"]),
    ("internal", "LLLLRL", &["metadata-value 5:13-5:17"]),
    ("no-name", "RLCCRR", &["name-missing 2:1-2:1 *"]),
    ("empty-description", "RLRCRL", &["description-missing 3:1-3:12"]),
    ("name-mismatch", "RLLCLL", &["name-mismatch 2:7-2:19 *"]),
    ("Upper_Case", "RLLLLL", &["name-characters 2:7-2:17 *"]),
    ("hyphens-", "RLLLLL", &["name-hyphens 2:7-2:15 *"]),
    ("навык", "LLLLLL", &["name-not-ascii 2:7-2:12"]),
    ("नमूना", "RLLLLL", &["name-not-ascii 2:7-2:12"]),
    (
        "long-name-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "RLRCLL",
        &["name-length 2:7-2:77"],
    ),
    ("long-description", "RCRCLL", &["description-length 3:14-3:1693"]),
    ("long-compatibility", "RLLLLL", &["compatibility-length 4:16-4:575"]),
    ("angle-brackets", "LLLCLL", &[]),
    ("unknown-keys", "RLLLLL", &["unknown-key 4:1-4:8", "unknown-key 5:1-5:14"]),
];

const CLIENTS: [&str; 6] = ["skills-ref", "claude-code", "codex", "vscode", "skills-cli", "skilllite"];

fn run(at: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_skilldeck")).args(args).current_dir(at).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What `check` says about all skills at and below a folder.
fn check(at: &Path) -> Vec<Value> {
    let (_, json, _) = run(at, &["check", "--format", "json", "."]);
    let mut json: Value = serde_json::from_str(&json).unwrap();
    json["skills"].as_array_mut().unwrap().drain(..).collect()
}

fn findings(skill: &Value) -> Vec<String> {
    let told = |found: &Value| {
        let code = found["code"].as_str().unwrap();
        let [line, column, end_line, end_column] =
            ["line", "column", "end_line", "end_column"].map(|part| found[part].as_u64().unwrap());
        let fix = if found["fix"].is_null() { "" } else { " *" };
        format!("{code} {line}:{column}-{end_line}:{end_column}{fix}")
    };
    skill["diagnostics"].as_array().unwrap().iter().map(told).collect()
}

fn verdicts(skill: &Value) -> String {
    let letter = |client: &&str| match &skill["clients"][client]["verdict"] {
        verdict if verdict == "loads" => 'L',
        verdict if verdict == "changed" => 'C',
        verdict if verdict == "refuses" => 'R',
        other => panic!("{client}: {other}"),
    };
    CLIENTS.iter().map(letter).collect()
}

#[test]
fn every_quirk_is_listed_found_and_judged() {
    let desk = tempfile::tempdir().unwrap();
    let names = skills::lay_out(desk.path());
    let found = check(desk.path());
    let listed =
        |name: &str| found.iter().find(|skill| Path::new(skill["path"].as_str().unwrap()).ends_with(name));
    for name in &names {
        assert!(QUIRKS.iter().any(|(quirk, ..)| quirk == name), "{name} is not in the table");
    }
    let mut wrong = Vec::new();
    for (name, clients, expected) in QUIRKS {
        let skill = listed(name).unwrap_or_else(|| panic!("{name} is not listed"));
        if findings(skill) != *expected || verdicts(skill) != *clients {
            wrong.push(format!("{name}: {} {:?}", verdicts(skill), findings(skill)));
        }
        for client in CLIENTS {
            let verdict = &skill["clients"][client];
            let silent = verdict["reasons"].as_array().unwrap().is_empty();
            assert_eq!(silent, verdict["verdict"] == "loads", "{name}, {client}: {verdict}");
        }
    }
    assert!(wrong.is_empty(), "found otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn fixes_take_their_findings_away_and_no_more_is_to_fix() {
    let desk = tempfile::tempdir().unwrap();
    skills::lay_out(desk.path());
    run(desk.path(), &["check", "--fix", "."]);
    for skill in check(desk.path()) {
        let path = skill["path"].as_str().unwrap();
        let left: Vec<String> =
            findings(&skill).into_iter().filter(|finding| finding.ends_with('*')).collect();
        assert!(left.is_empty(), "{path}: {left:?}");
    }
    let before = texts(desk.path());
    let (_, _, told) = run(desk.path(), &["check", "--fix", "."]);
    assert_eq!(told, "nothing to fix\n");
    assert!(texts(desk.path()) == before, "a second --fix changed something");
}

/// All manifests below a folder.
fn texts(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(root).unwrap().flatten().map(|entry| entry.path().join("SKILL.md"));
    let mut texts: Vec<_> = files.filter_map(|file| Some((file.clone(), fs::read(file).ok()?))).collect();
    texts.sort();
    texts
}

#[test]
fn one_client_is_asked_for_its_reasons() {
    let desk = tempfile::tempdir().unwrap();
    skills::lay_out(desk.path());
    let (status, text, _) = run(desk.path(), &["check", "--client", "codex", "no-name"]);
    assert_eq!(
        (status, text.as_str()),
        (
            0,
            "no-name: codex changes it\n  - there is no name; the folder's is taken: `no-name`\n\n\
             1 skill checked for codex: 0 refused, 1 changed, 0 loaded\n"
        )
    );
    let (status, text, _) = run(desk.path(), &["check", "--client", "skills-ref", "unquoted-colon", "plain"]);
    assert_eq!(status, 1);
    assert!(
        text.contains("mapping values are not allowed here\n      in \"<unicode string>\", line 3"),
        "{text}"
    );
    assert!(text.ends_with("2 skills checked for skills-ref: 1 refused, 0 changed, 1 loaded\n"), "{text}");
    // What is an error to one client is none to another.
    assert_eq!(run(desk.path(), &["check", "--client", "claude-code", "unquoted-colon"]).0, 0);
    assert_eq!(run(desk.path(), &["check", "--client", "nobody"]).0, 2);
    let (_, text, _) = run(desk.path(), &["check", "flow-style"]);
    assert!(
        text.contains(
            "flow-style: refused by skills-ref, skilllite; loaded by claude-code, codex, vscode, skills-cli\n"
        ),
        "{text}"
    );
    assert!(!run(desk.path(), &["check", "plain"]).1.contains("loaded by"));
}
