//! Which folders are watched: the same that discovery enters, and the way to each root.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Bound::{Included, Unbounded};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use notify::{ErrorKind, RecursiveMode};

use super::super::ignored::{Ignored, is_generated};
use crate::skill::Folder;

/// Deeper folders are not watched: discovery goes 8 levels down, entries lie at most 5 below.
const MAX_DEPTH: usize = 13;
/// Most folders that are watched; with more they are looked through instead. The kernel's own bound
/// (`fs.inotify.max_user_watches`) is for all programs of the user; a watch takes about a kilobyte of its memory.
pub(super) const MAX_WATCHES: usize = 200_000;

/// The watches in place, with the identity of each folder: one that was removed and made again needs a new watch.
#[derive(Debug)]
pub(super) struct Tree {
    most: usize,
    watched: BTreeMap<PathBuf, (u64, u64)>,
    known: HashSet<(u64, u64)>,
    /// Where links inside the roots lead.
    targets: Vec<PathBuf>,
}

impl Tree {
    /// With room for `most` watches.
    pub(super) fn new(most: usize) -> Self {
        Self { most, watched: BTreeMap::new(), known: HashSet::new(), targets: Vec::new() }
    }

    /// How many folders are watched.
    pub(super) fn size(&self) -> usize {
        self.watched.len()
    }

    /// Make the watches fit what is on the disk.
    pub(super) fn sync(
        &mut self,
        roots: &[PathBuf],
        backend: &mut (dyn notify::Watcher + Send),
    ) -> notify::Result<()> {
        let gone = |path: &PathBuf, id: &(u64, u64)| identity(path) != Some(*id);
        let stale: Vec<PathBuf> =
            self.watched.iter().filter(|(path, id)| gone(path, id)).map(|(path, _)| path.clone()).collect();
        for path in stale {
            self.drop_watch(&path, backend);
        }
        for root in roots {
            let real = fs::canonicalize(root).ok();
            for way in [Some(root.as_path()), real.as_deref()].into_iter().flatten() {
                // The nearest folder that exists above the root: there it will appear, or go away.
                if let Some(above) = way.ancestors().skip(1).find(|dir| dir.is_dir()) {
                    self.watch(above, backend)?;
                }
            }
            if root.is_dir() {
                self.add(root, backend)?;
            }
        }
        Ok(())
    }

    pub(super) fn targets(&self) -> &[PathBuf] {
        &self.targets
    }

    /// A path went away: its watches are dead, even when something of the same name (and inode) appears again.
    /// Whether it was a folder that was watched.
    pub(super) fn forget(&mut self, path: &Path, backend: &mut (dyn notify::Watcher + Send)) -> bool {
        // What lies below a path follows it in the order of paths.
        let from = self.watched.range::<Path, _>((Included(path), Unbounded)).map(|(known, _)| known);
        let below: Vec<PathBuf> = from.take_while(|known| known.starts_with(path)).cloned().collect();
        for path in &below {
            self.drop_watch(path, backend);
        }
        !below.is_empty()
    }

    fn drop_watch(&mut self, path: &Path, backend: &mut (dyn notify::Watcher + Send)) {
        if let Some(id) = self.watched.remove(path) {
            self.known.remove(&id);
            // The kernel has mostly dropped it already.
            let _ = backend.unwatch(path);
        }
    }

    /// Watch a folder and what is below it.
    pub(super) fn add(
        &mut self,
        folder: &Path,
        backend: &mut (dyn notify::Watcher + Send),
    ) -> notify::Result<()> {
        let mut ignored = Ignored::around(folder);
        let mut links = Vec::new();
        self.walk(folder, 0, &mut ignored, &mut links, backend)?;
        // Linked folders after the real ones, under their real path.
        while let Some((link, depth)) = links.pop() {
            if let Ok(real) = fs::canonicalize(&link) {
                if !self.targets.contains(&real) {
                    self.targets.push(real.clone());
                }
                self.walk(&real, depth, &mut ignored, &mut links, backend)?;
            }
        }
        Ok(())
    }

    fn walk(
        &mut self,
        folder: &Path,
        depth: usize,
        ignored: &mut Ignored,
        links: &mut Vec<(PathBuf, usize)>,
        backend: &mut (dyn notify::Watcher + Send),
    ) -> notify::Result<()> {
        // First the watch, then the look inside: what comes in between is seen twice, not never.
        self.watch(folder, backend)?;
        let Ok(listed) = Folder::list(folder.to_path_buf(), String::new()) else { return Ok(()) };
        let mark = if listed.has(".gitignore") { ignored.enter(folder) } else { ignored.mark() };
        for (name, kind) in &listed.items {
            if !kind.is_dir() && !kind.is_symlink() || depth >= MAX_DEPTH {
                continue;
            }
            let path = folder.join(name);
            let generated = name.to_str().is_some_and(is_generated) && !path.join("SKILL.md").exists();
            if generated || ignored.covers(&path) {
                continue;
            }
            if kind.is_symlink() {
                if path.is_dir() && !self.knows(&path) {
                    links.push((path, depth + 1));
                }
            } else {
                self.walk(&path, depth + 1, ignored, links, backend)?;
            }
        }
        ignored.leave(mark);
        Ok(())
    }

    /// Whether the folder behind a link is watched already.
    fn knows(&self, link: &Path) -> bool {
        fs::canonicalize(link).is_ok_and(|real| self.watched.contains_key(&real))
    }

    fn watch(&mut self, folder: &Path, backend: &mut (dyn notify::Watcher + Send)) -> notify::Result<()> {
        let Some(id) = identity(folder) else { return Ok(()) };
        if self.known.contains(&id) {
            return Ok(());
        }
        self.drop_watch(folder, backend);
        if self.watched.len() >= self.most {
            return Err(notify::Error::new(ErrorKind::MaxFilesWatch));
        }
        match backend.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(folder.to_path_buf(), id);
                self.known.insert(id);
                Ok(())
            }
            // Gone meanwhile, or not ours to read: nothing to watch here.
            Err(error) if is_harmless(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_harmless(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => true,
        ErrorKind::Io(error) => {
            matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied)
        }
        _ => false,
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    let data = fs::metadata(folder).ok().filter(fs::Metadata::is_dir)?;
    Some((data.dev(), data.ino()))
}
