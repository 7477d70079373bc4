//! Grants written into policy files: the text around them stays as it is, and exactly the grant is added.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use proptest::prelude::*;
use skilldeck::policy::load::parse;
use skilldeck::policy::{EditError, Permission, Places, Policy, Remedy, add_grant};

const FILE: &str = "/w/.skills/a/policy.yaml";

fn places() -> Places {
    Places { workspace: "/w".into(), home: Some("/home/ada".into()) }
}

fn add(text: &str, permission: Permission, value: &str) -> Result<String, EditError> {
    add_grant(text, &Remedy::new(permission, value), Path::new(FILE), &places())
}

fn policy(text: &str) -> Policy {
    parse(text, Path::new(FILE), &places()).in_force().unwrap_or_else(|d| panic!("{text}\n{d:#?}"))
}

#[test]
fn every_shape_of_file() {
    use Permission::{Env, Net, Read, Run, Write};
    let cases = [
        ("", Write, "./out", "permissions:\n  write: [./out]\n"),
        ("# note\n", Run, "@coreutils", "# note\npermissions:\n  run: [\"@coreutils\"]\n"),
        ("limits:\n  wall: 5s", Env, "A", "limits:\n  wall: 5s\npermissions:\n  env: [A]\n"),
        ("permissions:\n", Read, "~/x", "permissions:\n  read: [~/x]\n"),
        ("permissions:", Read, "~", "permissions:\n  read: [\"~\"]"),
        ("permissions: {}\n", Net, "a.de:443", "permissions: {net: [\"a.de:443\"]}\n"),
        ("permissions: { run: [git] }\n", Env, "A", "permissions: { run: [git], env: [A] }\n"),
        ("{limits: {wall: 5s}}", Run, "ls", "{limits: {wall: 5s}, permissions: {run: [ls]}}"),
        (
            "permissions:\n  read: [./a]  # why\n  run: [git]\n",
            Read,
            "./b c",
            "permissions:\n  read: [./a, \"./b c\"]  # why\n  run: [git]\n",
        ),
        (
            "permissions:\n    read:\n    - ./a   # first\n    # last words\nlimits: {}\n",
            Read,
            "./b",
            "permissions:\n    read:\n    - ./a   # first\n    - ./b\n    # last words\nlimits: {}\n",
        ),
        ("permissions:\n  read:\n    - ./a", Read, "./b", "permissions:\n  read:\n    - ./a\n    - ./b"),
        (
            "permissions:\r\n  run: [git]\r\nlimits:\r\n  wall: 5s\r\n",
            Write,
            "./out",
            "permissions:\r\n  run: [git]\r\n  write: [./out]\r\nlimits:\r\n  wall: 5s\r\n",
        ),
        (
            "permissions:\n  net: [\n    \"a.de:1\", # one\n    \"b.de:2\"  # two\n  ]\n",
            Net,
            "c.de:3",
            "permissions:\n  net: [\n    \"a.de:1\", # one\n    \"b.de:2\", \"c.de:3\"  # two\n  ]\n",
        ),
        ("permissions:\n  read: []\n", Read, "./a", "permissions:\n  read: [./a]\n"),
        ("permissions:\n  read:\n  run: [git]\n", Read, "./a", "permissions:\n  read: [./a]\n  run: [git]\n"),
        ("limits:\n  wall: 5s\n", Env, "true", "limits:\n  wall: 5s\npermissions:\n  env: [\"true\"]\n"),
    ];
    for (text, permission, value, expected) in cases {
        let edited = add(text, permission, value).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!(edited, expected, "{text:?}");
        // Once is enough.
        assert_eq!(add(&edited, permission, value).unwrap(), edited);
    }
}

#[test]
fn what_cannot_be_added_says_so() {
    let broken = add("permissions:\n  reed: [x]\n", Permission::Read, "./a").unwrap_err();
    assert!(matches!(&broken, EditError::Broken { line: 2, .. }), "{broken}");
    let never = add("", Permission::Read, "/proc/1").unwrap_err();
    assert!(never.to_string().contains("/proc cannot be granted"), "{never}");
    assert!(add("", Permission::Env, "A=b").is_err());
    assert!(add("", Permission::Run, "rm -rf").is_err());
}

fn value() -> impl Strategy<Value = (Permission, String)> {
    prop_oneof![
        ("[a-zA-Z0-9_. '\"#:,{}&!%@éß-]{1,12}").prop_map(|name| (Permission::Read, format!("./{name}"))),
        ("[a-z0-9/. -]{0,12}").prop_map(|name| (Permission::Write, format!("/srv/{name}"))),
        ("[a-z]{1,8}\\.(de|org)(:[1-9][0-9]{0,3})?").prop_map(|host| (Permission::Net, host)),
        ("[a-z0-9+_.-]{1,10}").prop_map(|name| (Permission::Run, name)),
        ("(true|null|no|[A-Z_][A-Z0-9_]{0,8})").prop_map(|name| (Permission::Env, name)),
    ]
}

/// Policy files as people write them: block or flow, comments, blank lines.
fn file() -> impl Strategy<Value = String> {
    let item = "(\\./[a-z]{1,5}|/srv/[a-z]{1,5})";
    let list = prop_oneof![
        proptest::collection::vec(item, 0..3).prop_map(|items| format!(" [{}]", items.join(", "))),
        proptest::collection::vec(item, 1..4).prop_map(|items| items
            .iter()
            .fold(String::new(), |list, item| list + "\n    - " + item + " # x")),
        Just(String::new()),
    ];
    let key = prop_oneof![Just("read"), Just("write")];
    (key, list, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(key, list, before, after, end)| {
        let before = if before { "# who wrote this\nlimits:\n  wall: 5s\n\n" } else { "" };
        let after = if after { "\n\ndeny:\n  read: [/srv/x]\n" } else { "" };
        format!("{before}permissions:\n  {key}:{list}{after}{}", if end { "\n" } else { "" })
    })
}

proptest! {
    /// A remedy that is written and read again grants exactly that, and everything else stays.
    #[test]
    fn a_written_grant_is_the_grant((permission, value) in value(), text in file()) {
        let Ok(edited) = add(&text, permission, &value) else {
            // Only values that no file may hold are refused.
            let alone = format!("permissions:\n  {permission}: [{}]\n", serde_json::to_string(&value).unwrap());
            prop_assert!(parse(&alone, Path::new(FILE), &places()).has_errors(), "{text:?} {value:?}");
            return Ok(());
        };
        let (before, after) = (policy(&text), policy(&edited));
        let lists = |p: &Policy| [p.read.len(), p.write.len(), p.net.len(), p.run.len(), p.env.len()];
        let (b, a) = (lists(&before), lists(&after));
        let index = Permission::ALL.iter().position(|p| *p == permission).unwrap();
        for i in 0..5 {
            prop_assert!(a[i] == b[i] || i == index && a[i] == b[i] + 1 , "{edited}");
        }
        prop_assert_eq!(before.limits, after.limits);
        prop_assert_eq!(before.deny.read.len(), after.deny.read.len());
        // The old text is all there, in order.
        let mut rest = edited.chars();
        prop_assert!(text.chars().all(|c| rest.any(|have| have == c)), "{text:?} → {edited:?}");
    }

    /// Any text at all: an answer, never a panic, and every finding lies inside the text.
    #[test]
    fn reading_never_panics(text in "([a-z]{1,3}|permissions|limits|read|net|wall|: |\n  |\n|- |\\[|\\]|\\{|\\}|,|#|'|\"|&a|\\*a|!t|\\||>|\t|\u{e9}|\u{0}|5s){0,40}") {
        let loaded = parse(&text, Path::new(FILE), &places());
        for found in &loaded.diagnostics {
            prop_assert!(text.get(found.span.start..found.span.end).is_some(), "{found:?}");
            prop_assert!(!found.help.is_empty() && !found.message.contains('\n'));
        }
        let _ = (loaded.policy.digest(), loaded.policy.describe());
        let _ = add(&text, Permission::Read, "./x");
    }
}
