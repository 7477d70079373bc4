//! `skilldeck check --fix`, and the forms of `check` for programs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn run(at: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_skilldeck"))
        .args(args)
        .current_dir(at)
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A workspace with one skill in folder `demo`, whose SKILL.md has these bytes.
fn desk(manifest: &[u8]) -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let folder = desk.path().join(".skills/demo");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("SKILL.md"), manifest).unwrap();
    desk
}

fn manifest(desk: &tempfile::TempDir) -> Vec<u8> {
    fs::read(desk.path().join(".skills/demo/SKILL.md")).unwrap()
}

/// Codes of what `check` finds, and of what it offers to fix.
fn codes(desk: &tempfile::TempDir) -> (Vec<String>, Vec<String>) {
    let (_, json, _) = run(desk.path(), &["check", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let found = json["skills"][0]["diagnostics"].as_array().unwrap();
    let code = |one: &Value| one["code"].as_str().unwrap().to_owned();
    let fixable = found.iter().filter(|one| !one["fix"].is_null());
    (found.iter().map(code).collect(), fixable.map(code).collect())
}

#[test]
fn every_fix_makes_its_finding_go_away_and_leaves_the_rest_to_the_byte() {
    let body = "---\n\n# Demo  \n\n- odd   spacing\t stays\n";
    let head = "name: demo\ndescription: Shows a thing. Use when asked.\n";
    let good = format!("---\n{head}{body}");
    let table: &[(&str, String, String)] = &[
        ("byte-order-mark", format!("\u{feff}{good}"), good.clone()),
        ("front-matter-not-first", format!("\n\n{good}"), good.clone()),
        ("front-matter-dots", good.replacen("asked.\n---", "asked.\n...", 1), good.clone()),
        ("front-matter-unclosed", format!("---\n{head}\n# Demo\n"), format!("---\n{head}---\n\n# Demo\n")),
        ("crlf", good.replace('\n', "\r\n"), good.clone()),
        ("carriage-return", good.replace('\n', "\r"), good.clone()),
        ("nul-byte", good.replace("odd", "o\0dd"), good.clone()),
        ("control-character", good.replace("odd", "o\u{7}dd"), good.clone()),
        ("hidden-character", good.replace("odd", "o\u{202e}dd"), good.clone()),
        (
            "yaml-unquoted-colon",
            good.replace("thing. Use", "thing: Use"),
            good.replace("Shows a thing. Use when asked.", "\"Shows a thing: Use when asked.\""),
        ),
        (
            "yaml-tab",
            good.replace("asked.\n---", "asked.\nmetadata:\n\ta: b\n\tc: d\n---"),
            good.replace("asked.\n---", "asked.\nmetadata:\n  a: b\n  c: d\n---"),
        ),
        ("name-missing", good.replace("name: demo\n", ""), good.clone()),
        ("name-mismatch", good.replace("name: demo", "name: other"), good.clone()),
        ("name-characters", good.replace("name: demo", "name: Demo"), good.clone()),
        ("name-hyphens", good.replace("name: demo", "name: demo-"), good.clone()),
        ("name-type", good.replace("name: demo", "name: 12"), good.clone()),
        (
            "description-type",
            good.replace("Shows a thing. Use when asked.", "2024"),
            good.replace("Shows a thing. Use when asked.", "\"2024\""),
        ),
    ];
    for (code, broken, wanted) in table {
        let desk = desk(broken.as_bytes());
        let (found, fixable) = codes(&desk);
        assert!(found.iter().any(|one| one == code), "{code}: {found:?}");
        assert!(fixable.iter().any(|one| one == code), "{code} has no fix");
        let (_, diff, err) = run(desk.path(), &["check", "--fix", "--dry-run"]);
        assert!(
            diff.starts_with("--- .skills/demo/SKILL.md\n+++ .skills/demo/SKILL.md\n@@ "),
            "{code}: {diff} {err}"
        );
        assert_eq!(manifest(&desk), broken.as_bytes(), "{code}: a dry run changes nothing");
        let (_, _, told) = run(desk.path(), &["check", "--fix"]);
        assert!(told.contains(&format!("fixed[{code}]: .skills/demo/SKILL.md: ")), "{code}: {told}");
        assert_eq!(String::from_utf8_lossy(&manifest(&desk)), *wanted, "{code}");
        assert!(!codes(&desk).0.iter().any(|one| one == code), "{code} is still there");
        let (_, _, told) = run(desk.path(), &["check", "--fix"]);
        assert_eq!(told, "nothing to fix\n", "{code}");
        assert_eq!(String::from_utf8_lossy(&manifest(&desk)), *wanted, "{code}: twice");
    }
}

#[test]
fn a_fixed_file_keeps_its_mode_and_links_lead_out_to_nothing() {
    let broken = b"\xef\xbb\xbf---\nname: demo\ndescription: x\n---\nb\n";
    let desk = desk(broken);
    let file = desk.path().join(".skills/demo/SKILL.md");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(run(desk.path(), &["check", "--fix"]).0, 0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
    let left: Vec<_> = fs::read_dir(desk.path().join(".skills/demo")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    let outside = desk.path().join("outside.md");
    fs::write(&outside, broken).unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&outside, &file).unwrap();
    let (_, _, told) = run(desk.path(), &["check", "--fix"]);
    assert!(told.starts_with("not fixed: .skills/demo/SKILL.md: it is a link to "), "{told}");
    assert_eq!(fs::read(&outside).unwrap(), broken);
}

#[test]
fn a_policy_is_fixed_too() {
    let desk = desk(b"---\nname: demo\ndescription: x\n---\nb\n");
    let policy = desk.path().join(".skills/demo/policy.yaml");
    fs::write(&policy, "# mine\npermisions:\n  read: [./data] # why\n").unwrap();
    let (_, _, told) = run(desk.path(), &["check", "--fix"]);
    assert!(told.contains("fixed[policy-unknown-key]: .skills/demo/policy.yaml"), "{told}");
    assert_eq!(fs::read_to_string(&policy).unwrap(), "# mine\npermissions:\n  read: [./data] # why\n");
}

#[test]
fn options_and_grants_are_corrected() {
    let text = "---\nname: demo\ndescription: Shows a thing. Use when asked.\n---\n\nRun `python3 scripts/a.py --otput x --colour`, not /home/ada/demo/scripts/a.py.\n";
    let desk = desk(text.as_bytes());
    let folder = desk.path().join(".skills/demo");
    fs::create_dir(folder.join("scripts")).unwrap();
    let script =
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--output')\np.parse_args()\n";
    fs::write(folder.join("scripts/a.py"), script).unwrap();
    fs::write(folder.join("policy.yaml"), "permissions:\n  env: [A, B, A] # why\n").unwrap();
    let (found, fixable) = codes(&desk);
    assert_eq!(found, ["unknown-flag", "unknown-flag", "home-path", "policy-unneeded"]);
    assert_eq!(fixable, ["unknown-flag", "home-path", "policy-unneeded"]);
    let (code, left, told) = run(desk.path(), &["check", "--fix"]);
    assert!(told.contains("fixed[unknown-flag]: .skills/demo/SKILL.md: write `--output`"), "{told}");
    assert!(told.contains("fixed[policy-unneeded]: .skills/demo/policy.yaml: remove the grant"), "{told}");
    let fixed = text.replace("--otput", "--output").replace("/home/ada/demo/", "");
    assert_eq!(String::from_utf8(manifest(&desk)).unwrap(), fixed);
    assert_eq!(
        fs::read_to_string(folder.join("policy.yaml")).unwrap(),
        "permissions:\n  env: [A, B] # why\n"
    );
    assert!(code == 0 && left.contains("`--colour` is not an option of `scripts/a.py`"), "{left}");
}

#[test]
fn a_secret_is_told_and_never_shown() {
    // In two pieces, so that no token stands in this file.
    let token = ["ghp_", "k3Wq8ZrT1uYv6BnM0xLc5Hd9Js2Fg7Pa4EoI"].concat();
    let desk = desk(format!("---\nname: demo\ndescription: Use: x\n---\n[{token}](gone.md)\n").as_bytes());
    let folder = desk.path().join(".skills/demo");
    fs::write(folder.join("run.sh"), format!("#!/bin/sh\nTOKEN={token} # \u{e9}\n")).unwrap();
    for form in [&["check"][..], &["check", "--format", "json"], &["check", "--fix", "--dry-run"]] {
        let (_, text, _) = run(desk.path(), form);
        assert!(!text.contains(&token[..12]), "{form:?}: {text}");
    }
    let (code, text, _) = run(desk.path(), &["check"]);
    assert_eq!((code, text.matches("error[secret]: `ghp_…` is a GitHub token").count()), (1, 2), "{text}");
    assert!(text.contains("run.sh:2:7") && text.contains("TOKEN=ghp_*****"), "{text}");
}

#[test]
fn annotations_of_github_are_one_escaped_line_each() {
    let desk = desk(b"---\nname: \"100%:,\\n\"\ndescription: Use when: x\n---\nb\n");
    let (code, text, _) = run(desk.path(), &["check", "--format", "github"]);
    assert_eq!(code, 1);
    let line = text.lines().find(|line| line.contains("title=yaml-unquoted-colon::")).unwrap();
    assert!(
        line.starts_with("::error file=.skills/demo/SKILL.md,line=3,col=22,endLine=3,endColumn=23,"),
        "{line}"
    );
    assert!(
        text.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")),
        "{text}"
    );
    assert!(text.contains("100%25"), "{text}");
}

#[test]
fn sarif_names_rule_place_and_fix() {
    let desk = desk(b"---\nname: demo\ndescription: Use when: x\n---\nb\n");
    let (code, text, _) = run(desk.path(), &["check", "--format", "sarif"]);
    assert_eq!(code, 1);
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&log["version"], &log["runs"][0]["columnKind"]),
        (&"2.1.0".into(), &"unicodeCodePoints".into())
    );
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"yaml-unquoted-colon".into(), &"error".into()));
    assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], ".skills/demo/SKILL.md");
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&3.into(), &22.into()));
    let change = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(change["insertedContent"]["text"], "\"Use when: x\"");
    assert_eq!(change["deletedRegion"]["byteLength"], "Use when: x".len());
}

#[test]
fn the_page_of_rules_is_current() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, page, _) = run(here, &["check", "--rules"]);
    assert_eq!(code, 0);
    let kept = fs::read_to_string(here.join("assets/rules.md")).unwrap();
    assert!(kept == page, "assets/rules.md is old: skilldeck check --rules > assets/rules.md");
}
