//! Upper layers made by hand: what no program could make among them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::list::list;
use super::*;

/// A host's folder and an upper layer over it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        for side in ["host", "upper"] {
            fs::create_dir(desk.path(side)).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn file(&self, name: &str, content: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn capturing(&self) -> Capturing {
        let folder = self.path("host");
        let host = Tree::open_real(&folder).unwrap();
        let data = host.metadata().unwrap();
        // As the layer is made: it takes after the folder.
        fs::set_permissions(self.path("upper"), data.permissions()).unwrap();
        let spot = Spot {
            folder: folder.clone(),
            host,
            missing: PathBuf::new(),
            file: None,
            owner: (data.uid(), data.gid()),
        };
        Capturing {
            spots: vec![spot],
            before: Snapshot::take(vec![folder.clone()]),
            since: (0, 0),
            binds: vec![(folder.clone(), true), (folder.join("closed"), false)],
            own_policy: folder.join("policy.yaml"),
        }
    }

    fn captured(&self, capturing: Capturing) -> Captured {
        let upper = Tree::of_a_run(fs::File::open(self.path("upper")).unwrap().into());
        let uppers = vec![upper];
        let (changes, truncated) = list(&capturing, &uppers);
        Captured { capturing, uppers, changes, truncated }
    }

    fn whiteout(&self, name: &str) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, self.path(name), FileType::CharacterDevice, Mode::empty(), 0).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }
}

fn place(captured: &Captured, name: &str) -> usize {
    captured.changes().iter().position(|change| change.path.ends_with(name)).unwrap()
}

#[test]
fn only_what_is_chosen_is_kept_with_its_folders() {
    let desk = Desk::new();
    desk.file("host/old", "old").file("host/gone", "gone").file("upper/old", "new");
    desk.file("upper/a/b/wanted", "wanted").file("upper/a/b/other", "other");
    desk.whiteout("upper/gone");
    let captured = desk.captured(desk.capturing());
    let chosen = BTreeSet::from([place(&captured, "wanted"), 1000]);
    let kept = captured.keep(Selection::Only(&chosen));
    assert_eq!(kept.conflicts, []);
    assert_eq!(kept.kept.len(), 3, "two folders and a file");
    assert_eq!(desk.read("host/a/b/wanted").as_deref(), Some("wanted"));
    assert_eq!((desk.read("host/a/b/other"), desk.read("host/old").as_deref()), (None, Some("old")));
    let kept = captured.keep(Selection::Only(&BTreeSet::from([place(&captured, "gone")])));
    assert_eq!((kept.kept.len(), desk.read("host/gone")), (1, None));
    // What was kept once is not there to be kept again.
    assert_eq!(captured.keep(Selection::Only(&chosen)).kept, BTreeSet::new());
}

#[test]
fn what_the_policy_closes_is_never_written_whatever_a_layer_holds() {
    let desk = Desk::new();
    for name in ["closed/in", "policy.yaml", "file"] {
        desk.file(&format!("host/{name}"), "host").file(&format!("upper/{name}"), "program");
    }
    let kept = desk.captured(desk.capturing()).keep(Selection::All);
    assert_eq!(kept.kept.len(), 1);
    assert!(kept.conflicts.iter().all(|conflict| conflict.reason == "the policy keeps it closed"));
    assert_eq!(kept.conflicts.len(), 2);
    for (name, content) in [("closed/in", "host"), ("policy.yaml", "host"), ("file", "program")] {
        assert_eq!(desk.read(&format!("host/{name}")).as_deref(), Some(content), "{name}");
    }
    let desk = Desk::new();
    desk.file("host/closed/in", "host");
    desk.whiteout("upper/closed");
    let kept = desk.captured(desk.capturing()).keep(Selection::All);
    assert_eq!((kept.kept.len(), desk.read("host/closed/in").as_deref()), (0, Some("host")));
}

#[test]
fn a_policy_that_is_not_there_yet_is_not_made() {
    let desk = Desk::new();
    desk.file("upper/policy.yaml", "permissions: {}");
    assert_eq!(desk.captured(desk.capturing()).keep(Selection::All).kept.len(), 0);
    assert_eq!(desk.read("host/policy.yaml"), None);
}

#[test]
fn what_changes_between_question_and_answer_is_not_overwritten() {
    let desk = Desk::new();
    desk.file("host/a", "a").file("host/b/c", "c").file("upper/a", "mine").file("upper/b/c", "mine");
    desk.file("upper/new", "mine");
    let captured = desk.captured(desk.capturing());
    assert!(captured.changes().iter().all(|change| change.obstacle.is_none()));
    desk.file("host/a", "theirs").file("host/new", "theirs").file("victim/c", "c");
    fs::rename(desk.path("host/b"), desk.path("away")).unwrap();
    symlink(desk.path("victim"), desk.path("host/b")).unwrap();
    let kept = captured.keep(Selection::All);
    assert_eq!((kept.kept.len(), kept.conflicts.len()), (0, 3), "{kept:?}");
    for (name, content) in [("host/a", "theirs"), ("host/new", "theirs"), ("victim/c", "c")] {
        assert_eq!(desk.read(name).as_deref(), Some(content), "{name}");
    }
    let left: Vec<_> =
        desk.path("host").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing is left beside: {left:?}");
}

#[test]
fn rights_of_a_layer_are_masked() {
    let desk = Desk::new();
    desk.file("upper/tool", "x").file("upper/folder/in", "x");
    for (name, mode) in [("tool", 0o6755), ("folder", 0o7700)] {
        fs::set_permissions(desk.path("upper").join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let kept = desk.captured(desk.capturing()).keep(Selection::All);
    assert_eq!(kept.conflicts, []);
    for (name, mode) in [("tool", 0o755), ("folder", 0o1700)] {
        assert_eq!(desk.path("host").join(name).metadata().unwrap().mode() & 0o7777, mode, "{name}");
    }
}

#[test]
fn too_many_files_to_note_are_judged_by_the_time_of_their_change() {
    let desk = Desk::new();
    desk.file("host/a", "a").file("upper/a", "mine");
    let mut capturing = desk.capturing();
    capturing.before = Snapshot::cut_short();
    capturing.since = (i64::MAX, 0);
    assert_eq!(desk.captured(capturing).changes()[0].obstacle, None);
    let mut capturing = desk.capturing();
    capturing.before = Snapshot::cut_short();
    assert!(desk.captured(capturing).changes()[0].obstacle.is_some());
}

#[test]
fn a_file_with_other_names_keeps_them() {
    let desk = Desk::new();
    desk.file("host/a", "a long text").file("upper/a", "short");
    fs::hard_link(desk.path("host/a"), desk.path("elsewhere")).unwrap();
    let kept = desk.captured(desk.capturing()).keep(Selection::All);
    assert_eq!((kept.kept.len(), desk.read("elsewhere").as_deref()), (1, Some("short")));
}

#[test]
fn folders_hand_their_group_on() {
    let desk = Desk::new();
    desk.file("host/old", "").file("upper/new/in", "");
    fs::set_permissions(desk.path("host"), fs::Permissions::from_mode(0o2755)).unwrap();
    assert_eq!(desk.captured(desk.capturing()).keep(Selection::All).conflicts, []);
    assert_eq!(desk.path("host/new").metadata().unwrap().mode() & 0o7777, 0o2755);
}

#[test]
fn rights_that_changed_on_the_host_stay() {
    let desk = Desk::new();
    desk.file("host/a/in", "").file("upper/a/in", "");
    let mode = |path: &str, mode| {
        fs::set_permissions(desk.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("upper/a", 0o700);
    let capturing = desk.capturing();
    mode("host/a", 0o750);
    let kept = desk.captured(capturing).keep(Selection::All);
    assert_eq!((kept.kept.len(), kept.conflicts.len()), (0, 1), "{kept:?}");
    assert_eq!(desk.path("host/a").metadata().unwrap().mode() & 0o7777, 0o750);
}
