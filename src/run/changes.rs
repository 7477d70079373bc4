//! What a run changed on disk: the folders it may write, before and after.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::report::{Change, ChangeKind};

/// Most files that are compared. A write grant may be a whole workspace.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;
const MAX_OWNERS: usize = 64;

/// The state of all files below some folders.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Mark>,
    /// There were more files than are compared.
    cut: bool,
    /// How many there are of each owner and group; of the first few.
    owners: BTreeMap<(u32, u32), usize>,
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
        (changes, cut)
    }
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
