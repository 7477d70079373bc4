//! What a run changed on disk: the folders it may write, before and after.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::report::{Change, ChangeKind};

/// Most files that are compared. A write grant may be a whole workspace.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;

/// The state of all files below some folders.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Mark>,
    /// There were more files than are compared.
    cut: bool,
}

/// Enough of a file to notice a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
    folder: bool,
}

impl Snapshot {
    pub(super) fn take(roots: Vec<PathBuf>) -> Self {
        let mut snapshot = Self { roots: Vec::new(), files: BTreeMap::new(), cut: false };
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
        let folder = data.is_dir();
        // The size and time of a folder change with its content, which is reported itself.
        let (bytes, modified) =
            if folder { (0, (0, 0)) } else { (data.len(), (data.mtime(), data.mtime_nsec())) };
        self.files.insert(path.to_owned(), Mark { bytes, modified, inode: data.ino(), folder });
        if folder && let Ok(entries) = path.read_dir() {
            for entry in entries.flatten() {
                self.walk(&entry.path(), depth + 1);
            }
        }
    }

    /// What is different now, in the order of paths. Empty folders that came or went count; when there are too many
    /// files to compare all, only those that both looks saw are compared.
    pub(super) fn changes(&self) -> Vec<Change> {
        let now = Self::take(self.roots.clone());
        let cut = self.cut || now.cut;
        let change =
            |path: &PathBuf, kind, mark: &Mark| Change { path: path.clone(), kind, bytes: mark.bytes };
        let mut changes = Vec::new();
        for (path, mark) in &now.files {
            match self.files.get(path) {
                None if !cut => changes.push(change(path, ChangeKind::Added, mark)),
                Some(before) if before != mark && !(mark.folder && before.folder) => {
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
        changes
    }
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
        assert_eq!(before.changes(), []);
        std::fs::write(file("changed"), "22").unwrap();
        std::fs::remove_file(file("gone")).unwrap();
        std::fs::create_dir(file("new")).unwrap();
        std::fs::write(file("new/file"), "4444").unwrap();
        let found: Vec<_> = before
            .changes()
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
}
