//! Writes that are captured: shown, then kept or dropped. Real programs, judged by what is on the host afterwards.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;
#[allow(dead_code, reason = "a module of several test programs, not all of which use everything")]
mod pty;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use common::host::{Live, picture, wait_until};
use common::{Skill, User, as_everybody, found};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skilldeck::run::report::{Change, ChangeKind, Report};
use skilldeck::sandbox::event::Resource;

const OUT: &str = "permissions:\n  write: [./out]\n";
const REVIEW: [&str; 3] = ["--trust", "--writes", "review"];
const KEEP: [&str; 3] = ["--trust", "--writes", "keep"];

/// Does everything that can be done to a folder.
const BUSY: &str = r"
import os, shutil
os.chdir('out')
open('changed.txt', 'a').write('three\n')
open('new.txt', 'w').write('new\n')
os.chmod('new.txt', 0o640)
os.remove('gone.txt')
os.chmod('mode.sh', 0o755)
shutil.move('old', 'renamed')
os.rename('plain.txt', 'moved.txt')
shutil.rmtree('again'); os.makedirs('again/deep'); open('again/deep/z', 'w').write('z')
os.remove('to-link'); os.symlink('changed.txt', 'to-link')
os.remove('to-folder'); os.mkdir('to-folder'); open('to-folder/in', 'w').write('in')
shutil.rmtree('to-file'); open('to-file', 'w').write('file')
os.remove('link'); os.symlink('renamed', 'link')
os.makedirs('a/b/c/d'); open('a/b/c/d/e', 'w').write('e')
os.mkdir('closed'); open('closed/in', 'w').write('in'); os.chmod('closed', 0o500)
os.chmod('kept', 0o700)
open('kept/same.txt', 'r+').close()
open('binary', 'wb').write(bytes(range(256)))
os.link('new.txt', 'second')
os.chmod('.', 0o750)
";

fn busy(user: User) -> Skill {
    let skill = Skill::python(BUSY);
    skill.policy(OUT).file("out/changed.txt", "one\ntwo\n").file("out/gone.txt", "gone\n");
    for name in ["mode.sh", "plain.txt", "old/a", "old/b/c", "again/x", "again/y/z", "to-link", "to-folder"] {
        skill.file(&format!("out/{name}"), name);
    }
    skill.file("out/to-file/a/b", "b").file("out/kept/same.txt", "same").file("out/untouched", "untouched");
    symlink("old", skill.path.join("out/link")).unwrap();
    skill.of(user);
    skill
}

#[track_caller]
fn change<'a>(report: &'a Report, name: &str) -> &'a Change {
    let found = report.changes.iter().find(|change| change.path.ends_with(name));
    found.unwrap_or_else(|| panic!("no {name} in {:#?}; {}", report.changes, report.stderr))
}

#[track_caller]
fn assert_ran(report: &Report) {
    assert_eq!(report.outcome.as_ref().unwrap().code, Some(0), "{:?} {}", report.outcome, report.stderr);
}

#[test]
fn keeping_leaves_what_a_direct_run_leaves() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let (direct, kept) = (busy(user), busy(user));
        let report = direct.run(user, &["--trust"]);
        assert_ran(&report);
        assert_eq!(report.writes, None);
        let report = kept.run(user, &KEEP);
        assert_ran(&report);
        let writes = report.writes.as_ref().unwrap();
        assert_eq!((writes.conflicts.as_slice(), writes.dropped), (&[][..], 0), "{user:?}");
        assert!(report.changes.iter().all(|change| change.kept == Some(true)));
        assert_eq!(picture(&kept.path), picture(&direct.path), "{user:?}");
        use std::os::unix::fs::MetadataExt;
        let owner = fs::metadata(&kept.path).unwrap().uid();
        assert_eq!(kept.path.join("out/a/b/c/d/e").metadata().unwrap().uid(), owner, "{user:?}");
    });
}

#[test]
fn reviewing_lists_every_change_and_leaves_the_host_alone() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let skill = busy(user);
        let before = picture(&skill.path);
        let report = skill.run(user, &REVIEW);
        assert_ran(&report);
        assert_eq!(picture(&skill.path), before, "{user:?}");
        use ChangeKind::{Added, Deleted, ModeChanged, Modified, TypeChanged};
        let expected = [
            ("a/b/c/d/e", Added),
            ("again/deep/z", Added),
            ("demo/out", ModeChanged),
            ("again/x", Deleted),
            ("again/y/z", Deleted),
            ("changed.txt", Modified),
            ("gone.txt", Deleted),
            ("kept", ModeChanged),
            ("link", Modified),
            ("mode.sh", ModeChanged),
            ("moved.txt", Added),
            ("old/b/c", Deleted),
            ("plain.txt", Deleted),
            ("renamed/b/c", Added),
            ("second", Added),
            ("to-file", TypeChanged),
            ("to-file/a/b", Deleted),
            ("to-folder", TypeChanged),
            ("to-folder/in", Added),
            ("to-link", TypeChanged),
        ];
        for (name, kind) in expected {
            assert_eq!(change(&report, name).kind, kind, "{user:?} {name}");
        }
        // A file that was only opened to be written, and folders that only lead to a change, are none.
        for name in ["kept/same.txt", "untouched", "again"] {
            assert!(!report.changes.iter().any(|change| change.path.ends_with(name)), "{user:?} {name}");
        }
        let changed = change(&report, "changed.txt");
        assert_eq!((changed.before_bytes, changed.bytes, changed.kept), (Some(8), 14, Some(false)));
        assert_eq!(changed.diff.as_deref(), Some("@@ -1,2 +1,3 @@\n one\n two\n+three\n"));
        assert_eq!(change(&report, "gone.txt").diff.as_deref(), Some("@@ -1 +0,0 @@\n-gone\n"));
        for (name, detail) in [
            ("binary", "binary"),
            ("link", "link to renamed"),
            ("mode.sh", "mode 644 → 755"),
            ("to-link", "file → link to changed.txt"),
        ] {
            assert_eq!(change(&report, name).detail.as_deref(), Some(detail), "{user:?}");
        }
        let writes = report.writes.as_ref().unwrap();
        assert_eq!(
            (writes.mode.as_str(), writes.kept, writes.dropped),
            ("review", 0, report.changes.len() as u64)
        );
        // The deletions were the program's own: nothing was hidden from it.
        assert!(report.denials.is_empty(), "{user:?} {:#?}", report.denials);
    });
}

#[test]
fn what_is_taken_away_inside_is_no_denial() {
    if !found("python3") {
        return;
    }
    let source = "import os, shutil\nshutil.rmtree('out/folder')\nprint(os.path.exists('out/folder/file'))\n\
        for go in (lambda: open('out/folder/file'), lambda: open('out/folder/new', 'w')):\n  try: go()\n  except FileNotFoundError: print('gone')\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy(OUT).file("out/folder/file", "x").of(user);
        let report = skill.run(user, &REVIEW);
        assert_eq!(report.stdout, "False\ngone\ngone\n", "{user:?}: {}", report.stderr);
        assert!(report.denials.is_empty(), "{user:?} {:#?}", report.denials);
        assert_eq!(skill.read("out/folder/file"), "x");
    });
}

#[test]
fn a_script_that_fails_keeps_nothing_and_hears_why() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python("open('out/new', 'w').write('x')\nraise SystemExit(3)\n");
    skill.policy(OUT).file("out/old", "");
    let output = skill.plain_command(User::Caller).args(KEEP).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(
        shown.contains("+ out/new") && shown.contains("dropped 1 change: the script did not exit with 0"),
        "{shown}"
    );
    assert!(!skill.path.join("out/new").exists());
}

#[test]
fn a_full_file_system_is_told_and_leaves_the_host_alone() {
    if !found("python3") {
        return;
    }
    let source =
        "try: open('out/new', 'wb').write(b'x' * (3 << 20))\nexcept OSError as error: print(error.errno)\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill
            .policy("permissions:\n  write: [./out]\nlimits:\n  scratch: 1MiB\n")
            .file("out/old", "")
            .of(user);
        let report = skill.run(user, &REVIEW);
        assert_eq!(report.stdout, "28\n", "{user:?}: {}", report.stderr);
        let hit = report.limits.iter().find(|hit| hit.resource == Resource::Scratch);
        assert_eq!(hit.unwrap().effect, "ENOSPC", "{user:?}");
        assert!(!skill.path.join("out/new").exists());
    });
}

#[test]
fn a_run_that_is_ended_from_outside_leaves_nothing_behind() {
    if !found("python3") {
        return;
    }
    let source = "import os, time\nopen('out/new', 'w').write('x'); os.remove('out/old'); print('ready')\ntime.sleep(60)\n";
    as_everybody(|user| {
        for signal in [Signal::SIGINT, Signal::SIGKILL] {
            let skill = Skill::python(source);
            skill.policy(OUT).file("out/old", "old").of(user);
            let before = picture(&skill.path);
            let mut run = Live::start(&skill, user, &[&KEEP[..], &["--timeout", "60s"]].concat());
            run.wait_for("ready");
            assert_eq!(picture(&skill.path), before, "{user:?}: while it runs");
            kill(Pid::from_raw(run.child.id() as i32), signal).unwrap();
            let (status, shown) = run.end();
            assert!(!status.success());
            if signal == Signal::SIGINT {
                assert!(
                    shown.contains("dropped 2 changes: the script did not exit with 0"),
                    "{user:?}: {shown}"
                );
            }
            let folder = skill.path.display().to_string();
            wait_until("the program ends with its supervisor", || !is_running(&folder));
            assert_eq!(picture(&skill.path), before, "{user:?} {signal}");
        }
    });
}

/// Whether a process has this text in its arguments.
fn is_running(text: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|arguments| String::from_utf8_lossy(&arguments).contains(text))
}

#[test]
fn a_terminal_is_asked_and_no_is_the_default() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python("open('out/new', 'w').write('text\\n')\n");
    skill.policy(OUT).file("out/old", "");
    for (answer, kept) in [("\n", false), ("maybe\n", false), ("y\n", true)] {
        let mut command = pty::skilldeck(&skill.path);
        command.arg("run").arg(&skill.path).args(REVIEW);
        let mut terminal = pty::Terminal::start(command, 100, 30);
        terminal.wait_for("keep this change? [y/N]");
        assert!(terminal.text().contains("+text"), "{}", terminal.text());
        assert!(!skill.path.join("out/new").exists());
        terminal.keys(answer);
        assert_eq!(terminal.wait_end().code(), Some(0));
        assert!(
            terminal.text().contains(if kept { "kept 1 change" } else { "dropped 1 change" }),
            "{}",
            terminal.text()
        );
        assert_eq!(skill.path.join("out/new").exists(), kept, "{answer:?}");
    }
}

#[test]
fn a_question_is_not_held_up_by_a_signal() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python("open('out/new', 'w').write('text\\n')\n");
    skill.policy(OUT).file("out/old", "");
    let mut command = pty::skilldeck(&skill.path);
    command.arg("run").arg(&skill.path).args(REVIEW);
    let mut terminal = pty::Terminal::start(command, 100, 30);
    terminal.wait_for("keep this change? [y/N]");
    terminal.signal(Signal::SIGINT);
    assert_eq!(terminal.wait_end().code(), Some(130));
    assert!(!skill.path.join("out/new").exists());
}

#[test]
fn folders_of_the_host_cannot_be_renamed_and_programs_fall_back() {
    if !found("python3") {
        return;
    }
    let source = "import os\ntry: os.rename('out/old', 'out/new')\nexcept OSError as error: print(error.errno)\n\
        os.mkdir('out/a'); os.rename('out/a', 'out/b')\n";
    let skill = Skill::python(source);
    skill.policy(OUT).file("out/old/a", "a");
    fs::set_permissions(skill.path.join("out"), fs::Permissions::from_mode(0o700)).unwrap();
    let report = skill.run(User::Caller, &REVIEW);
    assert_eq!(report.stdout, format!("{}\n", nix::libc::EXDEV), "{}", report.stderr);
    assert_eq!(report.changes.len(), 1, "{:#?}", report.changes);
}

#[test]
fn whatever_a_script_does_is_kept_as_a_direct_run_does_it() {
    if !found("python3") {
        return;
    }
    let source = r"
import os, random, shutil, sys
seed = random.Random(int(sys.argv[1]))
os.chdir('out')
def places():
    return [os.path.join(top, name) for top, folders, files in os.walk('.') for name in sorted(folders) + sorted(files)]
def some(): return seed.choice(sorted(places()) or ['none'])
def new(): return os.path.join(seed.choice(['.'] + sorted(p for p in places() if os.path.isdir(p) and not os.path.islink(p))), seed.choice('abcdef'))
def remove(place): shutil.rmtree(place) if os.path.isdir(place) and not os.path.islink(place) else os.remove(place)
# Folders of the host cannot be renamed in an overlay: shutil.move copies them.
def replace(old, new): os.path.isdir(old) and not os.path.islink(old) or os.replace(old, new)
actions = [
    lambda: open(new(), 'w').write(str(seed.random())), lambda: open(some(), 'a').write('more'), lambda: open(some(), 'r+').close(),
    lambda: os.mkdir(new()), lambda: remove(some()), lambda: shutil.move(some(), new()), lambda: os.symlink('nowhere', new()),
    lambda: os.chmod(some(), seed.choice([0o700, 0o750, 0o755])), lambda: replace(some(), new()),
    lambda: os.truncate(some(), 1), lambda: os.makedirs(new() + '/' + seed.choice('xyz'))]
for number in range(80):
    which = seed.randrange(len(actions))
    try: print(number, which, actions[which](), sorted(places()))
    except (OSError, shutil.Error) as error: print(number, which, str(error), sorted(places()))
";
    let skill = |user| {
        let skill = Skill::python(source);
        skill.policy(OUT);
        for name in ["a/a", "a/b/c", "b/x", "c", "d", "e/f/a/b", "f"] {
            skill.file(&format!("out/{name}"), name);
        }
        skill.of(user);
        skill
    };
    for seed in 0..12 {
        let user =
            if seed % 2 == 1 && nix::unistd::geteuid().is_root() { User::Nobody } else { User::Caller };
        let (direct, kept) = (skill(user), skill(user));
        let seed = seed.to_string();
        let by_itself = direct.run(user, &["--trust", "--", &seed]);
        assert_ran(&by_itself);
        let report = kept.run(user, &[&KEEP[..], &["--", &seed]].concat());
        assert_ran(&report);
        // The script saw the same in both.
        for (one, other) in report.stdout.lines().zip(by_itself.stdout.lines()) {
            assert_eq!(one, other, "{user:?} {seed}");
        }
        assert_eq!(report.writes.as_ref().unwrap().conflicts, [], "{user:?} {seed}");
        assert_eq!(picture(&kept.path), picture(&direct.path), "{user:?} {seed}");
    }
}
