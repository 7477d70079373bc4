//! What a run changed on disk: the folders it may write, before and after.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::capture::{diff, unified};
use super::report::{Change, ChangeKind};
use crate::policy::open_plain;

/// Most files that are compared. A write grant may be a whole workspace.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;
const MAX_OWNERS: usize = 64;
/// Longest text that is compared, bytes of all that are kept, and how long reading them may take.
const MAX_TEXT: u64 = 64 * 1024;
const MAX_TEXTS: usize = 4 * 1024 * 1024;
const TEXTS_TIME: Duration = Duration::from_millis(100);

/// The state of all files below some folders.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Mark>,
    /// There were more files than are compared.
    cut: bool,
    /// How many there are of each owner and group; of the first few.
    owners: BTreeMap<(u32, u32), usize>,
    /// What small files held, so that what changed in them can be told.
    texts: BTreeMap<PathBuf, Arc<str>>,
}

/// Enough of a file to notice a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    bytes: u64,
    modified: (i64, i64),
    /// A program can set the time of modification back, but not this one. Also tells of a changed owner.
    changed: (i64, i64),
    mode: u32,
    inode: u64,
    folder: bool,
}

impl Mark {
    pub(super) fn of(data: &Metadata) -> Self {
        let (inode, mode, folder) = (data.ino(), data.mode(), data.is_dir());
        // The size and times of a folder change with its content, which is reported itself.
        if folder {
            return Self { bytes: 0, modified: (0, 0), changed: (0, 0), mode, inode, folder };
        }
        let (modified, changed) = ((data.mtime(), data.mtime_nsec()), (data.ctime(), data.ctime_nsec()));
        Self { bytes: data.len(), modified, changed, mode, inode, folder }
    }

    pub(super) fn is_folder(&self) -> bool {
        self.folder
    }

    pub(super) fn mode(&self) -> u32 {
        self.mode
    }

    /// Seconds and nanoseconds of the last change of content, rights or owner.
    pub(super) fn changed(&self) -> (i64, i64) {
        self.changed
    }
}

impl Snapshot {
    /// What was at a path, and whether that can be relied on.
    pub(super) fn at(&self, path: &Path) -> (Option<&Mark>, bool) {
        (self.files.get(path), !self.cut)
    }

    #[cfg(test)]
    pub(super) fn cut_short() -> Self {
        Self { cut: true, ..Self::default() }
    }

    /// How many files and folders belong to nobody of these.
    pub(super) fn of_others(&self, known: &[(u32, u32)]) -> usize {
        self.owners.iter().filter(|(owner, _)| !known.contains(owner)).map(|(_, count)| count).sum()
    }

    pub(super) fn take(roots: Vec<PathBuf>) -> Self {
        let mut snapshot = Self::default();
        for root in &roots {
            snapshot.walk(root, 0);
        }
        snapshot.roots = roots;
        snapshot
    }

    /// Keep what is in small text files too, as far as that is quickly done.
    #[must_use]
    pub(super) fn with_texts(mut self) -> Self {
        let (mut room, until) = (MAX_TEXTS, Instant::now() + TEXTS_TIME);
        for (path, mark) in &self.files {
            if room == 0 || Instant::now() > until {
                break;
            }
            if let Some(text) = text(path, mark, room) {
                room -= text.len();
                self.texts.insert(path.clone(), text.into());
            }
        }
        self
    }

    /// Say of each change of a text what changed in it.
    fn explain(&self, changes: &mut [Change], now: &Self) {
        let (mut room, until) = (diff::ROOM, Instant::now() + diff::TIME);
        for change in changes.iter_mut().take(diff::MAX_DIFFS) {
            let (before, after) = (self.files.get(&change.path), now.files.get(&change.path));
            if change.kind == ChangeKind::Modified {
                change.before_bytes = before.map(|mark| mark.bytes);
            }
            if before.or(after).is_none_or(Mark::is_folder) {
                continue;
            }
            if room == 0 || Instant::now() > until {
                change.detail = Some("diff left out: too many changes".to_owned());
                continue;
            }
            let old = match before {
                Some(_) => self.texts.get(&change.path).map(ToString::to_string),
                None => Some(String::new()),
            };
            let new = match after {
                Some(mark) => text(&change.path, mark, MAX_TEXT as usize),
                None => Some(String::new()),
            };
            let (Some(old), Some(new)) = (old, new) else {
                change.detail = Some("no diff: not a small text, before or after".to_owned());
                continue;
            };
            (change.diff, change.detail) = unified(&old, &new).into_parts();
            room = room.saturating_sub(change.diff.as_ref().map_or(0, String::len));
        }
    }

    fn walk(&mut self, path: &Path, depth: usize) {
        if self.files.len() >= MAX_FILES || depth > MAX_DEPTH {
            self.cut = true;
            return;
        }
        // Links are compared themselves, never followed: a run could point one anywhere.
        let Ok(data) = path.symlink_metadata() else { return };
        self.files.insert(path.to_owned(), Mark::of(&data));
        let owner = (data.uid(), data.gid());
        if self.owners.len() < MAX_OWNERS || self.owners.contains_key(&owner) {
            *self.owners.entry(owner).or_default() += 1;
        }
        if data.is_dir()
            && let Ok(entries) = path.read_dir()
        {
            for entry in entries.flatten() {
                self.walk(&entry.path(), depth + 1);
            }
        }
    }

    /// What is different now, in the order of paths, and whether that may not be all. Empty folders that came or went
    /// count; when there are too many files to compare all, only those that both looks saw are compared.
    pub(super) fn changes(&self) -> (Vec<Change>, bool) {
        let now = Self::take(self.roots.clone());
        let cut = self.cut || now.cut;
        let change = |path: &PathBuf, kind, mark: &Mark| Change::new(path.clone(), kind, mark.bytes);
        let mut changes = Vec::new();
        for (path, mark) in &now.files {
            match self.files.get(path) {
                None if !cut => changes.push(change(path, ChangeKind::Added, mark)),
                // A folder made anew is not news, one with other rights is.
                Some(before) if *before != Mark { inode: folder_inode(before, mark), ..*mark } => {
                    changes.push(change(path, ChangeKind::Modified, mark));
                }
                _ => {}
            }
        }
        if !cut {
            let gone = self.files.iter().filter(|(path, _)| !now.files.contains_key(*path));
            changes.extend(gone.map(|(path, mark)| change(path, ChangeKind::Deleted, mark)));
            changes.sort_by(|a, b| a.path.cmp(&b.path));
        }
        self.explain(&mut changes, &now);
        (changes, cut)
    }
}

/// What a file holds, when it is a text of at most `room` bytes. Never through a link, and never waiting for a pipe.
fn text(path: &Path, mark: &Mark, room: usize) -> Option<String> {
    let is_file = mark.mode & libc::S_IFMT == libc::S_IFREG;
    if !is_file || mark.bytes > MAX_TEXT.min(room as u64) {
        return None;
    }
    let mut content = Vec::new();
    open_plain(path).ok()?.take(MAX_TEXT).read_to_end(&mut content).ok()?;
    String::from_utf8(content).ok().filter(|text| !text.contains('\0') && text.len() <= room)
}

fn folder_inode(before: &Mark, now: &Mark) -> u64 {
    if before.folder && now.folder { before.inode } else { now.inode }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_modified_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("kept"), "1").unwrap();
        std::fs::write(file("changed"), "1").unwrap();
        std::fs::write(file("gone"), "123").unwrap();
        let before = Snapshot::take(vec![folder.path().to_owned()]);
        assert_eq!(before.changes(), (vec![], false));
        std::fs::write(file("changed"), "22").unwrap();
        std::fs::remove_file(file("gone")).unwrap();
        std::fs::create_dir(file("new")).unwrap();
        std::fs::write(file("new/file"), "4444").unwrap();
        let found: Vec<_> = before
            .changes()
            .0
            .into_iter()
            .map(|c| (c.path.strip_prefix(folder.path()).unwrap().to_owned(), c.kind, c.bytes))
            .collect();
        let expected = [
            ("changed", ChangeKind::Modified, 2),
            ("gone", ChangeKind::Deleted, 3),
            ("new", ChangeKind::Added, 0),
            ("new/file", ChangeKind::Added, 4),
        ];
        assert_eq!(found, expected.map(|(path, kind, bytes)| (PathBuf::from(path), kind, bytes)));
    }

    #[test]
    fn texts_are_told_with_what_changed_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("a.txt"), "one\ntwo\n").unwrap();
        std::fs::write(file("b.bin"), "1\0").unwrap();
        std::fs::write(file("c.txt"), "gone\n").unwrap();
        let before = Snapshot::take(vec![folder.path().to_owned()]).with_texts();
        std::fs::write(file("a.txt"), "one\nthree\n").unwrap();
        std::fs::write(file("b.bin"), "12\0").unwrap();
        std::fs::remove_file(file("c.txt")).unwrap();
        std::fs::write(file("d.txt"), "new\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", file("e")).unwrap();
        let (changes, _) = before.changes();
        let found: Vec<_> = changes.iter().map(|c| c.diff.clone().unwrap_or_default()).collect();
        let expected = [
            "@@ -1,2 +1,2 @@\n one\n-two\n+three\n",
            "",
            "@@ -1 +0,0 @@\n-gone\n",
            "@@ -0,0 +1 @@\n+new\n",
            "",
        ];
        assert_eq!(found, expected);
        assert_eq!((changes[0].before_bytes, changes[0].kept), (Some(8), None));
        assert!(changes[1].detail.as_ref().is_some_and(|why| why.contains("no diff")));
    }

    #[test]
    fn a_time_set_back_and_new_rights_are_seen() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::create_dir(file("folder")).unwrap();
        for name in ["rights", "time"] {
            std::fs::write(file(name), "1").unwrap();
        }
        let time = file("time").metadata().unwrap().modified().unwrap();
        let before = Snapshot::take(vec![folder.path().to_owned()]);
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(file("time"), "2").unwrap();
        std::fs::File::options().write(true).open(file("time")).unwrap().set_modified(time).unwrap();
        for name in ["rights", "folder"] {
            std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o4700)).unwrap();
        }
        let (found, cut) = before.changes();
        let names: Vec<_> = found.iter().map(|c| (c.path.file_name().unwrap(), c.kind)).collect();
        let expected = ["folder", "rights", "time"].map(|name| (name.as_ref(), ChangeKind::Modified));
        assert_eq!((names, cut), (expected.to_vec(), false));
    }

    #[test]
    fn too_deep_to_see_all_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let deep: PathBuf = (0..MAX_DEPTH + 2).map(|_| "d").collect();
        std::fs::create_dir_all(folder.path().join(deep)).unwrap();
        assert!(Snapshot::take(vec![folder.path().to_owned()]).changes().1);
    }
}
