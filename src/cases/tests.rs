//! The format, and every expectation passing and failing. Real runs are in `tests/cases.rs`.

use std::path::{Path, PathBuf};

use super::*;
use crate::sandbox::event::Resource;
use crate::skill::{Interpreter, Language, Manifest, Skill};

fn skill(path: &Path) -> Skill {
    let interpreter =
        Interpreter { language: Language::Sh, program: None, arguments: Vec::new(), prefix: Vec::new() };
    Skill {
        folder: String::from("demo"),
        name: "demo".into(),
        path: path.to_owned(),
        root: path.parent().unwrap().to_owned(),
        source: String::new(),
        manifest: Manifest::default(),
        body_line: 1,
        entries: vec![crate::skill::Entry { file: "scripts/a.sh".into(), interpreter }],
        policy_file: None,
        diagnostics: Vec::new(),
    }
}

fn read(text: &str) -> Loaded {
    let skill = skill(Path::new("/w/demo"));
    parse(text, Path::new("/w/demo/cases/a case.yaml"), &skill)
}

fn one(text: &str) -> Case {
    let loaded = read(text);
    assert_eq!(loaded.diagnostics, []);
    loaded.cases.into_iter().next().unwrap()
}

#[test]
fn a_case_is_read_with_the_places_of_its_expectations() {
    let case = one("\
entry: a.sh
args: [--top, 5, true]
stdin: text
env: {A: 1}
files:
  a/b.txt: |
    hello
  ${workspace}/c: x
limits: {wall: 5s}
expect:
  exit: SIGTERM
  stdout: {contains: [a, b], regex: x+}
  files:
    out.txt: done
    ${skill}/gone: {exists: false}
  denials: [write b, read a]
");
    assert_eq!((case.name.as_str(), case.cwd), ("a case", WorkingDirectory::Workspace));
    assert_eq!(case.args, ["--top", "5", "true"]);
    assert_eq!(case.files[1], (PathBuf::from("c"), Content::Text("x".into())));
    assert_eq!(case.limits.limits.wall.as_secs(), 5);
    assert_eq!(case.expect.ending.value, Ending::Signal("SIGTERM".into()));
    let lines: Vec<usize> = case.expect.stdout.iter().map(|check| check.span.line).collect();
    assert_eq!(lines, [12, 12, 12]);
    assert_eq!(case.expect.files[0].root, WorkingDirectory::Workspace);
    assert_eq!(
        (case.expect.files[1].root, case.expect.files[1].checks[0].span.line),
        (WorkingDirectory::Skill, 15)
    );
    assert_eq!(case.expect.denials.value, Denials::Exactly(vec!["read a".into(), "write b".into()]));
}

#[test]
fn without_expectations_a_run_ends_with_0_and_nothing_is_denied() {
    let case = one("args: []");
    assert_eq!(case.expect.ending.value, Ending::Code(0));
    assert_eq!(case.expect.denials.value, Denials::Exactly(Vec::new()));
    assert_eq!((case.cwd, case.policy), (WorkingDirectory::Skill, PolicyChoice::Own));
}

#[test]
fn mistakes_have_a_place_and_a_next_step() {
    let cases = [
        ("", "1:1", "the file is empty"),
        ("- 5", "1:3", "a case must be a mapping"),
        ("args: [x\n", "1:", ""),
        ("arg: [x]", "1:1", "unknown key `arg`"),
        ("args: x", "1:7", "`args` must be a list"),
        ("args: [[x]]", "1:8", "an argument must be text"),
        ("args: [x]\nargs: [y]", "2:1", "there twice"),
        ("entry: b.sh", "1:8", "no entry `b.sh`"),
        ("cwd: home", "1:6", "none of skill, workspace, scratch"),
        ("policy: none.yaml", "1:9", "no plain file"),
        ("policy: ../../other/policy.yaml", "1:9", "not in the skill"),
        ("env: {A-B: x}", "1:7", "not the name of a variable"),
        ("files: {../x: a}", "1:9", "not a path in the workspace"),
        ("files: {/etc/x: a}", "1:9", "not a path in the workspace"),
        ("files: {a: x, a/b: y}", "1:15", "folder of another"),
        ("files: {a: {form: x}}", "1:13", "unknown key `form`"),
        ("limits: {walls: 5s}", "1:10", "unknown key `walls`"),
        ("limits: {wall: soon}", "1:16", "not a time"),
        ("stdin: a\ninput: {}", "2:8", "exclude each other"),
        ("expect: {exit: -1}", "1:16", "no way to end"),
        ("expect: {status: 1}", "1:10", "unknown key `status`"),
        ("expect: {stdout: {regex: '('}}", "1:26", "no regular expression"),
        ("expect: {stdout: {json: {x: 1}}}", "1:26", "no JSON path"),
        ("expect: {stdout: {exists: true}}", "1:19", "unknown key `exists`"),
        ("expect: {files: {/etc/x: a}}", "1:18", "not a path that can be looked at"),
        ("cwd: scratch\nexpect: {files: {x: a}}", "2:18", "not a path that can be looked at"),
        ("expect: {denials: some}", "1:19", "none of none, any and a list"),
        ("expect: {denials: [eat x]}", "1:20", "no denial"),
        ("- {args: []}", "1:3", "needs a name"),
    ];
    for (text, place, words) in cases {
        let loaded = read(text);
        assert!(loaded.cases.is_empty(), "{text}");
        let found = loaded.diagnostics.first().unwrap_or_else(|| panic!("{text}"));
        let at = format!("{}:{}", found.span.line, found.span.column);
        assert!(at.starts_with(place) && found.message.contains(words), "{text}: {at}: {}", found.message);
        assert!(!found.help.is_empty(), "{text}");
    }
    assert!(read("expect: {status: 1}").diagnostics[0].help.contains("`exit`"));
}

#[test]
fn two_cases_never_share_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("demo");
    std::fs::create_dir_all(path.join("cases")).unwrap();
    std::fs::write(path.join("cases/a.yaml"), "name: same\n").unwrap();
    std::fs::write(path.join("cases/b.yml"), "- name: other\n- name: same\n").unwrap();
    std::fs::write(path.join("cases/notes.txt"), "no case").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path.join("cases/link.yaml")).unwrap();
    let loaded = load(&skill(&path));
    let names: Vec<&str> = loaded.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["same", "other", "same"]);
    let found: Vec<_> = loaded.diagnostics.iter().map(|d| (d.code, d.span.line)).collect();
    assert_eq!(found, [("case-unreadable", 1), ("case-name-twice", 2)]);
}

fn seen() -> Seen {
    Seen {
        ending: Ending::Code(0),
        stdout: "{\"total\": 3, \"items\": [{\"n\": 1}, {\"n\": 2}]}\n".into(),
        stderr: "warning: one\nwarning: two\n".into(),
        denials: vec!["read /etc/shadow".into()],
        files: vec![Ok("a\nb\n".into()), Err("is not there".into())],
    }
}

/// An expectation, whether it holds, and what is said when not.
#[test]
fn every_expectation_can_pass_and_fail() {
    let cases: [(&str, Option<&str>); 24] = [
        ("exit: 0", None),
        ("exit: 3", Some("-3\n+0\n")),
        ("exit: memory", Some("-memory\n+0\n")),
        ("stderr: \"warning: one\\nwarning: two\\n\"", None),
        ("stderr: \"warning: one\\nwarning: 2\\n\"", Some(" warning: one\n-warning: 2\n+warning: two\n")),
        ("stderr: {contains: [one, two]}", None),
        ("stderr: {contains: three}", Some("-three\n+warning: one\n+warning: two\n")),
        ("stderr: {regex: '^warning: t'}", None),
        ("stderr: {regex: '^t'}", Some("-^t\n+warning: one\n+warning: two\n")),
        ("stdout: {json: {$.total: 3}}", None),
        ("stdout: {json: {$.total: 4}}", Some("-4\n+3\n")),
        ("stdout: {json: {\"$.items[*].n\": [1, 2]}}", None),
        ("stdout: {json: {\"$.items[?@.n == 2].n\": 2}}", None),
        ("stdout: {json: {$.none: 1}}", Some("-1\n+nothing\n")),
        (
            "stderr: {json: {$.total: 3}}",
            Some("-3\n+not JSON: expected value at line 1 column 1\n+warning: one\n+warning: two\n"),
        ),
        ("files: {a: \"a\\nb\\n\", b: {exists: false}}", None),
        ("files: {a: {exists: true}, b: {exists: true}}", Some("-is there\n+is not there\n")),
        ("files: {a: {exists: false}}", Some("-is not there\n+is there\n")),
        ("files: {a: {contains: c}}", Some("-c\n+a\n+b\n")),
        ("files: {a: {regex: b}, b: {contains: x}}", Some("-x\n+is not there\n")),
        ("denials: any", None),
        ("denials: [read /etc/shadow]", None),
        ("denials: none", Some("+read /etc/shadow\n")),
        ("denials: [read /etc/passwd]", Some("-read /etc/passwd\n+read /etc/shadow\n")),
    ];
    for (text, diff) in cases {
        let any = if text.starts_with("denials") { "" } else { "\n  denials: any" };
        let case = one(&format!("expect:\n  {text}{any}\n"));
        let found = judge(&case.expect, &seen());
        let got: Vec<&str> = found.iter().map(|mismatch| mismatch.diff.as_str()).collect();
        assert_eq!(got, diff.into_iter().collect::<Vec<_>>(), "{text}");
        assert!(found.iter().all(|mismatch| mismatch.line == 2), "{text}");
    }
}

#[test]
fn limits_only_get_stricter() {
    let mut policy = Policy::default();
    policy.limits.wall = std::time::Duration::from_secs(3);
    let case = one("limits: {wall: 20s, memory: 8MiB}");
    let tightened = policy.tightened(&case.limits);
    assert_eq!((tightened.limits.wall.as_secs(), tightened.limits.memory), (3, 8 << 20));
    assert_eq!(tightened.limit_origins.len(), 1, "the stricter limit knows its line");
}

#[test]
fn every_case_is_in_exactly_one_part() {
    let mut sizes = [0; 4];
    for index in 0..400 {
        let case = Case { name: format!("case {index}"), ..one("args: []") };
        let parts: Vec<u64> = (1..=4).filter(|part| case.is_in_partition("demo", *part, 4)).collect();
        assert_eq!(parts.len(), 1, "{index}");
        sizes[parts[0] as usize - 1] += 1;
        assert!(case.is_in_partition("demo", 1, 1));
    }
    assert!(sizes.iter().all(|size| (60..140).contains(size)), "{sizes:?}");
}

#[test]
fn endings_are_written_as_they_are_read() {
    for ending in [Ending::Code(7), Ending::Signal("SIGSEGV".into()), Ending::Limit(Resource::FileSize)] {
        assert_eq!(Ending::parse(&ending.to_string()), Some(ending));
    }
    for wrong in ["256", "-1", "", "sigterm", "SIG TERM", "limit"] {
        assert_eq!(Ending::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn folders_are_written_by_name_where_they_end() {
    let places = Places { skill: "/w/skills/demo".into(), workspace: "/w".into() };
    let text = "/w/skills/demo/a /w/skills/demo-2 /w /w/x /world";
    let named = "${skill}/a ${workspace}/skills/demo-2 ${workspace} ${workspace}/x /world";
    assert_eq!(places.name(text), named);
    assert_eq!(places.fill(named), text);
}

#[test]
fn a_path_made_to_take_for_ever_is_refused() {
    let case = one("expect: {stdout: {json: {\"$..[?$..[?$..[?$..x]]]\": 1}}}");
    let stdout = format!("[{}0]", "[0],".repeat(2000));
    let found = judge(&case.expect, &Seen { stdout, denials: Vec::new(), ..seen() });
    assert!(found[0].diff.contains("too much to look through"), "{}", found[0].diff);
}
