//! Which places are captured, and what the program finds there: grants of files, of what is missing, through links, inside
//! of each other and of what is closed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use common::host::picture;
use common::{Skill, User, as_everybody, found};
use skilldeck::run::report::Report;

const OUT: &str = "permissions:\n  write: [./out]\n";
const REVIEW: [&str; 3] = ["--trust", "--writes", "review"];
const KEEP: [&str; 3] = ["--trust", "--writes", "keep"];

#[track_caller]
fn assert_ran(report: &Report) {
    assert_eq!(report.outcome.as_ref().unwrap().code, Some(0), "{:?} {}", report.outcome, report.stderr);
}

#[test]
fn what_is_granted_and_missing_is_made_only_when_it_is_kept() {
    if !found("python3") {
        return;
    }
    let source = "import os\nprint(os.listdir('out/deep'), os.path.getsize('report.md'), os.listdir('unused'))\n\
        open('out/deep/a.txt', 'w').write('a')\nopen('report.md', 'w').write('b')\n\
        open('single.txt', 'a').write('more')\nprint(sorted(os.listdir('.')))\n\
        for name in ('other.txt', 'new.txt'):\n  try: open(name, 'a')\n  except OSError as error: print(error.errno)\n";
    let policy = "permissions:\n  write: [./out/deep, ./report.md, ./single.txt, ./unused]\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy(policy).file("single.txt", "one ").file("other.txt", "other").of(user);
        let before = picture(&skill.path);
        for _ in 0..2 {
            let report = skill.run(user, &REVIEW);
            assert_ran(&report);
            let all = "['SKILL.md', 'other.txt', 'out', 'policy.yaml', 'report.md', 'scripts', 'single.txt', 'unused']";
            assert_eq!(report.stdout, format!("[] 0 []\n{all}\n30\n30\n"), "{user:?}");
            assert_eq!(report.changes.len(), 3, "{user:?} {:#?}", report.changes);
            assert_eq!(picture(&skill.path), before, "{user:?}");
        }
        let report = skill.run(user, &KEEP);
        assert_eq!(report.writes.as_ref().unwrap().conflicts, [], "{user:?}");
        assert_eq!((skill.read("out/deep/a.txt"), skill.read("report.md")), ("a".into(), "b".into()));
        assert_eq!((skill.read("single.txt"), skill.read("other.txt")), ("one more".into(), "other".into()));
        assert!(!skill.path.join("unused").exists(), "nothing was written there");
    });
}

#[test]
fn a_folder_at_two_paths_has_one_content() {
    if !found("python3") {
        return;
    }
    let source = "import os\nhere = os.environ['SKILL_DIR']\nopen(here + '/link/x/a', 'w').write('new')\n\
        print(open(here + '/data/x/a').read())\nopen(here + '/data/x/b', 'w').write('b')\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy("permissions:\n  write: [./link/x]\n").file("data/x/a", "old");
        symlink("data", skill.path.join("link")).unwrap();
        let report = skill.of(user).run(user, &KEEP);
        assert_eq!(report.stdout, "new\n", "{user:?}: {}", report.stderr);
        assert_eq!(report.writes.as_ref().unwrap().kept, 2, "{user:?} {:#?}", report.changes);
        assert_eq!((skill.read("data/x/a"), skill.read("data/x/b")), ("new".into(), "b".into()));
    });
}

#[test]
fn what_is_closed_stays_closed() {
    if !found("python3") {
        return;
    }
    let source = r"
import os
def attempt(action):
    try: action(); print('worked')
    except OSError as error: print(error.errno)
attempt(lambda: open('policy.yaml', 'a'))
attempt(lambda: os.remove('policy.yaml'))
attempt(lambda: open('data/locked/a', 'w'))
attempt(lambda: os.rename('data/locked', 'data/away'))
attempt(lambda: open('data/secret/a').read())
open('data/free', 'w').write('free')
";
    as_everybody(|user| {
        let skill = Skill::python(source);
        let policy =
            "permissions:\n  write: [\".\"]\ndeny:\n  write: [./data/locked]\n  read: [./data/secret]\n";
        skill.policy(policy).file("data/locked/a", "locked").file("data/secret/a", "secret").of(user);
        let report = skill.run(user, &KEEP);
        assert_eq!(report.stdout, "30\n16\n30\n16\n13\n", "{user:?}: {}", report.stderr);
        let changed: Vec<_> = report.changes.iter().map(|change| change.path.file_name().unwrap()).collect();
        assert_eq!(changed, ["free"], "{user:?}");
        assert_eq!(
            (skill.read("policy.yaml").as_str(), skill.read("data/locked/a").as_str()),
            (policy, "locked")
        );
        assert_eq!(skill.read("data/free"), "free");
    });
}

#[test]
fn files_of_others_can_be_read_and_the_note_says_that_they_cannot_be_changed() {
    if !nix::unistd::geteuid().is_root() {
        return common::skip("needs root: files of another user have to be made");
    }
    let skill = Skill::new(
        "main.sh",
        "read -r line < out/theirs; echo \"$line\"; echo mine > out/new; (echo x >> out/theirs) 2>/dev/null || echo refused\n",
    );
    skill.policy(OUT).file("out/theirs", "theirs\n");
    for user in [User::Caller, User::Nobody] {
        skill.of(user);
        let theirs = skill.path.join("out/theirs");
        std::os::unix::fs::chown(&theirs, Some(1234), Some(1234)).unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o666)).unwrap();
        let output = skill.plain_command(user).args(REVIEW).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout, b"theirs\nrefused\n", "{user:?}: {shown}");
        assert!(
            shown.contains("belong to another user or group") && shown.contains("+ out/new"),
            "{user:?}: {shown}"
        );
    }
}

#[test]
fn a_file_is_kept_where_its_folder_may_not_be_written() {
    if !nix::unistd::geteuid().is_root() {
        return common::skip("needs root: a folder of another user has to be made");
    }
    let skill = Skill::new("main.sh", "echo more >> single.txt\n");
    skill.policy("permissions:\n  write: [./single.txt]\n").file("single.txt", "one\n");
    let file = skill.path.join("single.txt");
    std::os::unix::fs::chown(&file, Some(common::NOBODY), Some(common::NOBODY)).unwrap();
    let report = skill.run(User::Nobody, &KEEP);
    assert_eq!(report.writes.as_ref().unwrap().conflicts, [], "{}", report.stderr);
    assert_eq!(skill.read("single.txt"), "one\nmore\n");
}

#[test]
fn grants_inside_a_wider_one_are_there_when_the_script_starts() {
    let skill =
        Skill::new("main.sh", "echo a > data/new/deep/a; echo b > data/file.txt; [ -d data/new/deep ]\n");
    let policy = "permissions:\n  write: [./data, ./data/new/deep, ./data/file.txt]\n";
    as_everybody(|user| {
        skill.policy(policy).file("data/old", "").of(user);
        let report = skill.run(user, &REVIEW);
        assert_ran(&report);
        assert!(!skill.path.join("data/new").exists() && !skill.path.join("data/file.txt").exists());
    });
    let report = skill.run(User::Caller, &KEEP);
    assert_ran(&report);
    assert_eq!((skill.read("data/new/deep/a"), skill.read("data/file.txt")), ("a\n".into(), "b\n".into()));
}

#[test]
fn a_read_only_skill_in_a_writable_workspace_keeps_its_place() {
    let source = "echo new > ../new\necho out > out/x\n(echo bad >> SKILL.md) 2>/dev/null || echo refused\n\
        mkdir ../other && echo other > ../other/x\n";
    as_everybody(|user| {
        let skill = Skill::new("main.sh", source);
        let workspace = skill.path.parent().unwrap().to_owned();
        let policy = format!("permissions:\n  write: [\"{}\", ./out]\n  run: [mkdir]\n", workspace.display());
        skill.policy(&policy).of(user);
        let before = picture(&workspace);
        let report = skill.run(user, &REVIEW);
        assert_ran(&report);
        assert_eq!(report.stdout, "refused\n", "{user:?}");
        assert_eq!(picture(&workspace), before, "{user:?}");
        let report = skill.run(user, &KEEP);
        assert_eq!(report.writes.as_ref().unwrap().conflicts, [], "{user:?} {}", report.stderr);
        assert_eq!((skill.read("../new"), skill.read("out/x")), ("new\n".into(), "out\n".into()), "{user:?}");
        assert_eq!(skill.read("../other/x"), "other\n", "{user:?}");
    });
}

#[test]
fn a_missing_folder_behind_a_link_hides_nothing() {
    let skill = Skill::new(
        "main.sh",
        "echo a > link/new/a; echo b > data/new/b; read -r old < link/old; echo \"$old\"\n",
    );
    symlink("data", skill.path.join("link")).unwrap();
    as_everybody(|user| {
        skill.policy("permissions:\n  write: [./link/new]\n").file("data/old", "old\n").of(user);
        let report = skill.run(user, &REVIEW);
        assert_eq!(
            (report.stdout.as_str(), report.changes.len()),
            ("old\n", 2),
            "{user:?} {}",
            report.stderr
        );
        assert!(!skill.path.join("data/new").exists());
    });
    let report = skill.run(User::Caller, &KEEP);
    assert_eq!(report.writes.as_ref().unwrap().kept, 2, "{}", report.stderr);
    assert_eq!((skill.read("data/new/a"), skill.read("data/new/b")), ("a\n".into(), "b\n".into()));
}
