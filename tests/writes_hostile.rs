//! Captured writes against programs that aim at whoever reads or keeps them, and against a host that changes meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use common::host::{Live, picture};
use common::{Skill, User, as_everybody, found, skip};
use skilldeck::run::report::{ChangeKind, Report};

const OUT: &str = "permissions:\n  write: [./out]\n";
const KEEP: [&str; 3] = ["--trust", "--writes", "keep"];

/// Waits until the host has done what the test wants done.
const WAIT: &str = "\nimport os, time\nprint('ready', flush=True)\nwhile not os.path.exists('signal/go'): time.sleep(0.01)\n";
const OUT_AND_SIGNAL: &str = "permissions:\n  write: [./out]\n";

fn reason<'a>(report: &'a Report, name: &str) -> &'a str {
    let conflicts = &report.writes.as_ref().unwrap().conflicts;
    let found = conflicts.iter().find(|conflict| conflict.path.ends_with(name));
    &found.unwrap_or_else(|| panic!("no {name} in {conflicts:#?}; {}", report.stderr)).reason
}

/// Run to the wait, change the host, and let it go on. Returns the exit status and what was shown.
fn meanwhile(skill: &Skill, user: User, change: impl Fn(&Path)) -> (Option<i32>, String) {
    let mut run = Live::start(skill, user, &KEEP);
    run.wait_for("ready");
    change(&skill.path);
    skill.file("signal/go", "");
    let (status, shown) = run.end();
    (status.code(), shown)
}

#[test]
fn what_changed_on_the_host_is_not_overwritten() {
    if !found("python3") {
        return;
    }
    let source = "for name in 'abcdg': open('out/' + name, 'a').write(' mine')\nimport os; os.remove('out/e'); os.chmod('out/f', 0o700)\n";
    as_everybody(|user| {
        let skill = Skill::python(&format!("{source}{WAIT}"));
        skill.policy(OUT_AND_SIGNAL).file("signal/x", "");
        for name in ["a", "b", "d", "e", "f"] {
            skill.file(&format!("out/{name}"), name);
        }
        skill.of(user);
        let (status, shown) = meanwhile(&skill, user, |skill| {
            let place = |name: &str| skill.join("out").join(name);
            fs::write(place("a"), "theirs").unwrap();
            fs::remove_file(place("b")).unwrap();
            fs::write(place("c"), "theirs").unwrap();
            fs::write(place("e"), "theirs").unwrap();
            fs::set_permissions(place("f"), fs::Permissions::from_mode(0o640)).unwrap();
        });
        assert_eq!(status, Some(125), "{user:?}: {shown}");
        for name in ["a", "b", "c", "e", "f"] {
            let line = format!("! not kept: out/{name}: it was changed on the host during the run");
            assert!(shown.contains(&line), "{user:?} {name}: {shown}");
        }
        assert!(shown.contains("kept 2 changes") && shown.contains("dropped 5 changes"), "{user:?}: {shown}");
        let out = picture(&skill.path.join("out"));
        let out: Vec<(&str, &str)> =
            out.iter().map(|(name, what)| (name.to_str().unwrap(), what.as_str())).collect();
        let expected = [
            ("a", "644 theirs"),
            ("c", "644 theirs"),
            ("d", "644 d mine"),
            ("e", "644 theirs"),
            ("f", "640 f"),
            ("g", "644  mine"),
        ];
        assert_eq!(out, expected, "{user:?}");
    });
}

#[test]
fn folders_swapped_for_links_lead_nowhere() {
    if !found("python3") {
        return;
    }
    let source = "import os\nopen('out/sub/new', 'w').write('x')\nopen('out/sub/old', 'w').write('x')\nos.remove('out/sub/gone')\n\
        os.chmod('out/sub', 0o700)\nopen('out/fine', 'w').write('x')\n";
    as_everybody(|user| {
        for swapped in ["out/sub", "out"] {
            let skill = Skill::python(&format!("{source}{WAIT}"));
            skill.policy(OUT_AND_SIGNAL).file("signal/x", "");
            // What the link leads to looks just like what was there, but for what is in it.
            for (folder, word) in [("out", "old"), ("victim/out", "victim")] {
                for name in ["old", "gone"] {
                    skill.file(&format!("{folder}/sub/{name}"), word);
                }
            }
            skill.of(user);
            let victim = picture(&skill.path.join("victim"));
            let (_, shown) = meanwhile(&skill, user, |skill| {
                fs::rename(skill.join(swapped), skill.join("away")).unwrap();
                symlink(skill.join("victim").join(swapped), skill.join(swapped)).unwrap();
            });
            assert_eq!(picture(&skill.path.join("victim")), victim, "{user:?} {swapped}: {shown}");
            if swapped == "out" {
                // The folder that was granted is the one that was there when the run began.
                assert_eq!(skill.read("away/fine"), "x", "{user:?}: {shown}");
            } else {
                assert!(shown.contains("! not kept: out/sub/old"), "{user:?}: {shown}");
                assert_eq!((skill.read("out/fine"), skill.read("away/old")), ("x".into(), "old".into()));
            }
        }
    });
}

#[test]
fn links_that_lead_out_are_not_kept() {
    if !found("python3") {
        return;
    }
    let source = "import os, shutil\nos.chdir('out')\nskill = os.environ['SKILL_DIR']\n\
        os.symlink(skill + '/victim/file', 'absolute'); os.symlink('../victim', 'up'); os.symlink('sub/../../victim', 'around')\n\
        os.symlink('.', 'self'); os.symlink('self/x', 'fine'); os.symlink('away/file', 'through')\n\
        shutil.rmtree('sub'); os.symlink('../victim', 'sub')\nos.remove('file'); os.symlink(skill + '/victim/file', 'file')\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy(OUT).file("victim/file", "victim").file("out/sub/file", "sub").file("out/file", "file");
        symlink("../victim", skill.path.join("out/away")).unwrap();
        let report = skill.of(user).run(user, &KEEP);
        for name in ["absolute", "up", "around", "through", "sub", "out/file"] {
            assert_eq!(reason(&report, name), "it leads out of the granted folder", "{user:?}");
        }
        assert_eq!(fs::read_link(skill.path.join("out/fine")).unwrap(), Path::new("self/x"));
        for name in ["absolute", "up", "around", "through"] {
            assert!(skill.path.join("out").join(name).symlink_metadata().is_err(), "{user:?} {name}");
        }
        assert_eq!((skill.read("out/file"), skill.read("victim/file")), ("file".into(), "victim".into()));
    });
}

#[test]
fn odd_things_are_listed_and_do_no_harm() {
    if !found("python3") {
        return;
    }
    let source = r"
import os, socket
os.chdir('out')
def attempt(action):
    try: action(); print('worked')
    except OSError as error: print(error.errno)
os.mkfifo('fifo')
socket.socket(socket.AF_UNIX).bind('socket')
# Notes of overlayfs are not the program's to make.
attempt(lambda: os.mknod('whiteout', 0o020000 | 0o600, 0))
open('faked', 'w').close()
os.setxattr('faked', 'user.overlay.whiteout', b'y')
os.setxattr('kept', 'user.overlay.opaque', b'y')
os.setxattr('.', 'user.overlay.opaque', b'y')
os.setxattr('kept', 'user.overlay.redirect', b'/../../victim')
open('kept/new', 'w').write('new')
os.mkdir('shut'); open('shut/in', 'w').write('in'); os.chmod('shut/in', 0); os.chmod('shut', 0)
with open('sparse', 'wb') as sparse: sparse.truncate(9 << 20); sparse.seek(5 << 20); sparse.write(b'middle')
open('line\nbreak \x1b[31m', 'w').close()
open(b'not-utf8-\xff', 'w').close()
open('bidi', 'w').write('\u202e\x1b]0;title\x07\n')
attempt(lambda: os.listdir('/capture'))
";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy(OUT).file("out/kept/old", "old").file("victim/file", "victim").of(user);
        let report = skill.run(user, &KEEP);
        assert_eq!(report.stdout, "1\n2\n", "{user:?}: {}", report.stderr);
        assert_eq!(reason(&report, "fifo"), "a fifo is not kept");
        assert_eq!(reason(&report, "socket"), "a socket is not kept");
        assert_eq!(report.writes.as_ref().unwrap().conflicts.len(), 2, "{user:?} {:?}", report.writes);
        assert!(
            report.changes.iter().all(|change| change.kind == ChangeKind::Added),
            "{:#?}",
            report.changes
        );
        assert_eq!((skill.read("out/kept/old"), skill.read("out/kept/new")), ("old".into(), "new".into()));
        let shut = skill.path.join("out/shut");
        assert_eq!(shut.metadata().unwrap().mode() & 0o7777, 0, "{user:?}");
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(shut.join("in").metadata().unwrap().mode() & 0o7777, 0, "{user:?}");
        let sparse = skill.path.join("out/sparse");
        let content = fs::read(&sparse).unwrap();
        assert_eq!((content.len(), &content[5 << 20..][..6]), (9 << 20, &b"middle"[..]), "{user:?}");
        assert!(sparse.metadata().unwrap().blocks() * 512 < 1 << 20, "{user:?}: its holes were filled");
        // Once more for people: nothing of it reaches the terminal.
        fs::remove_dir_all(skill.path.join("out")).unwrap();
        skill.file("out/kept/old", "old").of(user);
        let output = skill.plain_command(user).args(["--trust", "--writes", "review"]).output().unwrap();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(
            shown.contains("+ out/linebreak [31m") && shown.contains("    +]0;title\n"),
            "{user:?}: {shown}"
        );
        assert!(!shown.contains(['\x1b', '\x07', '\u{202e}']), "{user:?}");
    });
}

#[test]
fn no_file_with_its_owners_rights_is_kept() {
    if !found("python3") {
        return;
    }
    let source = "import os\nopen('out/tool', 'r+').write('evil')\n\
        for mode in (0o4755, 0o2755):\n  try: os.chmod('out/tool', mode)\n  except OSError as error: print(error.errno)\n\
        os.chmod('out/other', 0o711)\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy(OUT).file("out/tool", "tool").file("out/other", "other").of(user);
        for name in ["tool", "other"] {
            fs::set_permissions(skill.path.join("out").join(name), fs::Permissions::from_mode(0o6755))
                .unwrap();
        }
        let report = skill.run(user, &KEEP);
        assert_eq!(report.stdout, "1\n1\n", "{user:?}: {}", report.stderr);
        assert_eq!(report.writes.as_ref().unwrap().kept, 2, "{user:?} {:?}", report.writes);
        let mode = |name: &str| skill.path.join("out").join(name).metadata().unwrap().mode() & 0o7777;
        assert_eq!((skill.read("out/tool").as_str(), mode("tool"), mode("other")), ("evil", 0o755, 0o711));
    });
}

#[test]
fn more_than_can_be_listed_is_not_kept_in_part() {
    if !found("python3") {
        return;
    }
    let many = "for n in range(20_010): open(f'out/{n}', 'w').close()\n";
    let deep = "import os\nos.chdir('out')\nfor n in range(3000): os.mkdir('d'); os.chdir('d')\n";
    as_everybody(|user| {
        for source in [many, deep] {
            let skill = Skill::python(source);
            skill.policy(OUT).file("out/old", "").of(user);
            let before = picture(&skill.path);
            let report = skill.run(user, &[&KEEP[..], &["--observe", "off"]].concat());
            assert_eq!(report.outcome.as_ref().unwrap().code, Some(0), "{user:?} {}", report.stderr);
            let writes = report.writes.as_ref().unwrap();
            assert!(report.changes_truncated && writes.kept == 0, "{user:?} {source}");
            assert!(writes.reason.as_ref().unwrap().contains("too many, too deep"), "{user:?} {writes:?}");
            assert_eq!(picture(&skill.path), before, "{user:?} {source}");
        }
    });
}

#[test]
fn the_number_of_files_is_bounded_and_told() {
    if !found("python3") {
        return;
    }
    let source = "try:\n  for n in range(70_000): os.close(os.open(f'out/{n}', os.O_CREAT | os.O_WRONLY))\nexcept OSError as error: print(error.errno)\n";
    let skill = Skill::python(&format!("import os\n{source}"));
    skill.policy(&format!("{OUT}limits:\n  cpu: 60s\n  wall: 60s\n")).file("out/old", "");
    let report = skill.run(User::Caller, &[&KEEP[..], &["--observe", "off"]].concat());
    assert_eq!(report.stdout, "28\n", "{:?} {}", report.outcome, report.stderr);
    assert!(report.limits.iter().any(|hit| hit.effect == "ENOSPC"), "{:?}", report.limits);
}

#[test]
fn a_mount_in_a_granted_folder_is_refused_and_not_written_beneath() {
    if !nix::unistd::geteuid().is_root() {
        return skip("needs root: something has to be mounted");
    }
    let skill = Skill::new("main.sh", "echo x > out/mounted/file\n");
    skill.policy(OUT).file("out/mounted/old", "");
    let command = skill.command(User::Caller, &KEEP);
    // In a mount namespace of its own, which unshare(1) makes private.
    let mut inside = Command::new("unshare");
    inside
        .args(["--mount", "sh", "-c", "mount -t tmpfs t \"$0\" && exec \"$@\""])
        .arg(skill.path.join("out/mounted"));
    let output = inside.arg(command.get_program()).args(command.get_args()).output().unwrap();
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    let message = &report.outcome.as_ref().unwrap().message;
    assert!(message.contains("something else is mounted at mounted in it"), "{message}");
    assert_eq!((output.status.code(), report.stdout.as_str()), (Some(125), ""));
}

#[test]
fn nothing_of_the_host_is_reached_through_a_captured_folder() {
    if !found("python3") {
        return;
    }
    let source = "import os, socket\ns = socket.socket(socket.AF_UNIX)\n\
        for go in (lambda: s.connect('out/socket'), lambda: os.open('out/fifo', os.O_WRONLY | os.O_NONBLOCK)):\n\
        \x20 try: go(); print('worked')\n  except OSError as error: print(error.errno)\n";
    as_everybody(|user| {
        let skill = Skill::python(source);
        skill.policy(OUT).file("out/old", "").of(user);
        let socket = skill.path.join("out/socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        nix::unistd::mkfifo(&skill.path.join("out/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _reader = fs::File::options().read(true).write(true).open(skill.path.join("out/fifo")).unwrap();
        for name in ["socket", "fifo"] {
            fs::set_permissions(skill.path.join("out").join(name), fs::Permissions::from_mode(0o777))
                .unwrap();
        }
        let report = skill.run(user, &KEEP);
        let (refused, nobody) = (nix::libc::EACCES, nix::libc::ENXIO);
        assert_eq!(report.stdout, format!("{refused}\n{nobody}\n"), "{user:?}: {}", report.stderr);
        // The same in a direct run shows that only the capture stands between; sockets of others are never reached.
        assert_eq!(skill.run(user, &["--trust"]).stdout, format!("{refused}\nworked\n"), "{user:?}");
    });
}
