//! Whether git is changing files right now: `git pull`, `checkout` and `rebase` hold `index.lock` while they write the
//! work tree, so that what they do is one change, however long it takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A lock older than this was left behind by a git that was killed.
const STALE: Duration = Duration::from_mins(1);

/// The repositories around the roots.
#[derive(Debug, Default)]
pub(super) struct Repositories {
    locks: Vec<PathBuf>,
}

impl Repositories {
    pub(super) fn around(roots: &[PathBuf]) -> Self {
        let mut locks: Vec<PathBuf> = roots.iter().filter_map(|root| lock(root)).collect();
        locks.sort();
        locks.dedup();
        Self { locks }
    }

    /// Whether git works in one of them.
    pub(super) fn busy(&self) -> bool {
        let fresh = |lock: &PathBuf| {
            let changed = fs::symlink_metadata(lock).and_then(|data| data.modified()).ok();
            changed.is_some_and(|changed| changed.elapsed().is_ok_and(|age| age < STALE))
        };
        self.locks.iter().any(fresh)
    }
}

/// The lock of the repository that holds `root`, links resolved; the root itself need not exist yet.
fn lock(root: &Path) -> Option<PathBuf> {
    let real = root.ancestors().find_map(|dir| fs::canonicalize(dir).ok())?;
    let git = real.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists())?;
    if git.is_dir() {
        return Some(git.join("index.lock"));
    }
    // A linked work tree: a file that says where its part of the repository is.
    let (text, _) = crate::skill::folder::read_bounded(&git, 4096).ok()?;
    let text = String::from_utf8(text).ok()?;
    let folder = Path::new(text.strip_prefix("gitdir:")?.trim());
    Some(git.parent()?.join(folder).join("index.lock"))
}
