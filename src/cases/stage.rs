//! The folders of one run of a case: a copy of the skill, and a workspace with the files that the case lays out.
//!
//! ```text
//! /tmp/skilldeck-case-XXXXXX/
//!     skill/NAME/     the skill without its cases, links as links
//!     workspace/      the files of the case
//! ```
//! The run may write here as its policy says; the skill itself and the user's files are never in reach of it, but by a
//! grant that reaches further and is trusted. [`Stage::clear`] removes it all.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, renameat, unlinkat};
use tempfile::TempDir;

use super::{Case, Content, FOLDER, Places, PolicyChoice};
use crate::run::source;
use crate::sandbox::linux::NOBODY;
use crate::skill::Skill;

/// Most that is copied for one case.
const MAX_FILES: usize = 20_000;
const MAX_BYTES: u64 = 512 * 1024 * 1024;
const MAX_DEPTH: usize = 64;
/// How long what a run left behind is being removed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Stage {
    folder: TempDir,
    pub(super) places: Places,
}

impl Stage {
    pub(super) fn set(case: &Case, skill: &Skill) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("skilldeck-case-").tempdir()?;
        // The paths of a run are without links.
        let base = folder.path().canonicalize()?;
        let name = skill.path.file_name().unwrap_or_default();
        let places = Places { skill: base.join("skill").join(name), workspace: base.join("workspace") };
        fs::create_dir(base.join("skill"))?;
        fs::create_dir(&places.workspace)?;
        let root = skill.root.canonicalize().unwrap_or_else(|_| skill.root.clone());
        let mut copied = Copied { skill: skill.path.clone(), root, files: 0, bytes: 0 };
        copied.folder(&skill.path, &places.skill, 0)?;
        if let PolicyChoice::File(file) = &case.policy {
            lay_out(&places.skill.join(file), &Content::From(file.clone()), &skill.path)?;
        }
        for (path, content) in &case.files {
            lay_out(&places.workspace.join(path), content, &skill.path)?;
        }
        Ok(Self { folder, places })
    }

    /// Give both folders to the user that programs run as when root starts them: where a machine cannot show files as the
    /// program's own, it could write none of them. The folder around them stays root's.
    pub(super) fn give_away(&self) -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        // Nobody can come in before the last step.
        give(&self.places.skill, 0);
        give(&self.places.workspace, 0);
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o711))
    }

    /// Remove everything; else the folder that is left.
    pub(super) fn clear(mut self) -> Result<(), PathBuf> {
        let closed = fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o700));
        if closed.and_then(|()| remove(self.folder.path())).unwrap_or(false) {
            return Ok(());
        }
        self.folder.disable_cleanup(true);
        Err(self.folder.path().to_owned())
    }

    /// The text of a file after the run, folders written by name. A run can put a link or a pipe in its place: neither is
    /// followed or waited for.
    pub(super) fn text(&self, root: &Path, path: &Path) -> Result<String, String> {
        match source::read(root, &root.join(path)) {
            Ok(text) => Ok(self.places.name(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("is not there".to_owned()),
            Err(error) => Err(format!("cannot be read: {error}")),
        }
    }
}

/// From the inside out. Where it fails there is no such user, and nothing can be run either.
fn give(path: &Path, depth: usize) {
    let is_folder = path.symlink_metadata().is_ok_and(|data| data.is_dir());
    for entry in fs::read_dir(path).into_iter().filter(|_| is_folder).flatten().flatten() {
        if depth <= MAX_DEPTH {
            give(&entry.path(), depth + 1);
        }
    }
    let _ = lchown(path, Some(NOBODY), Some(NOBODY));
}

/// Remove what a run left below `folder`. It can have taken the rights to its own folders away, and nested them deeper
/// than a recursion or a path can be: so each is moved up before it is emptied. The run's user may still be about, so
/// nothing is done by a path that leads through what is the run's. Whether all is gone.
fn remove(folder: &Path) -> io::Result<bool> {
    let until = Instant::now() + PATIENCE;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = openat(CWD, folder, flags | OFlags::RDONLY, Mode::empty())?;
    let mut waiting = vec![OsString::from(".")];
    let mut moved = 0_usize;
    while let Some(next) = waiting.pop() {
        let opened = openat(&top, &next, flags | OFlags::RDONLY, Mode::empty())?;
        let mut entries = Dir::read_from(&opened)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if Instant::now() > until {
                return Ok(false);
            }
            // What was just moved here is in `waiting`.
            let is_moved = next == "." && name.to_bytes().starts_with(b".gone-");
            if is_moved || matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match openat(&opened, name, flags | OFlags::PATH, Mode::empty()) {
                Ok(inner) => {
                    // To be moved elsewhere a folder has to be writable: its `..` changes.
                    let it = format!("/proc/self/fd/{}", inner.as_raw_fd());
                    fs::set_permissions(it, fs::Permissions::from_mode(0o700))?;
                    moved += 1;
                    let to = OsString::from(format!(".gone-{moved}"));
                    renameat(&opened, name, &top, &to)?;
                    waiting.push(to);
                }
                Err(_) => unlinkat(&opened, name, AtFlags::empty())?,
            }
        }
        if next != "." {
            unlinkat(&top, &next, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(true)
}

fn lay_out(path: &Path, content: &Content, skill: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match content {
        Content::Text(text) => fs::write(path, text),
        Content::From(from) => {
            let mut bytes = Vec::new();
            source::open(skill, &skill.join(from))?.take(MAX_BYTES).read_to_end(&mut bytes)?;
            fs::write(path, bytes)
        }
    }
}

/// What has been copied so far.
#[derive(Debug)]
struct Copied {
    skill: PathBuf,
    /// The folder that the skill was found in.
    root: PathBuf,
    files: usize,
    bytes: u64,
}

impl Copied {
    fn folder(&mut self, from: &Path, to: &Path, depth: usize) -> io::Result<()> {
        let too_large = || {
            io::Error::other(format!(
                "the skill is too large to be copied for a case: at most {MAX_FILES} files, {} MiB, {MAX_DEPTH} folders deep",
                MAX_BYTES >> 20
            ))
        };
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (path, kind, target) = (entry.path(), entry.file_type()?, to.join(entry.file_name()));
            self.files += 1;
            if self.files > MAX_FILES || depth > MAX_DEPTH {
                return Err(too_large());
            }
            if kind.is_dir() {
                // A script that reads its own folder is to find there what it is about.
                let left_out = entry.file_name() == ".git" || (depth == 0 && entry.file_name() == FOLDER);
                if !left_out {
                    self.folder(&path, &target, depth + 1)?;
                }
            } else if kind.is_symlink() {
                match self.neighbour(&path) {
                    Some(file) => fs::copy(file, &target).map(drop)?,
                    None => symlink(fs::read_link(&path)?, &target)?,
                }
            } else if kind.is_file() {
                self.bytes += entry.metadata()?.len();
                if self.bytes > MAX_BYTES {
                    return Err(too_large());
                }
                fs::copy(&path, &target)?;
            }
        }
        fs::set_permissions(to, fs::metadata(from)?.permissions())
    }

    /// The file of a neighbouring skill that a link leads to: an entry can be one, and the copy has no neighbours.
    fn neighbour(&self, link: &Path) -> Option<PathBuf> {
        let file = link.canonicalize().ok().filter(|file| file.is_file())?;
        (file.starts_with(&self.root) && !file.starts_with(&self.skill)).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_deeper_than_any_path_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("closed/inner")).unwrap();
        fs::write(top.join("closed/inner/file"), "x").unwrap();
        for name in ["closed/inner", "closed"] {
            fs::set_permissions(top.join(name), fs::Permissions::from_mode(0o000)).unwrap();
        }
        // Nested from the inside out: no path is as long as this tree is deep.
        let name = "d".repeat(200);
        for number in 0..100 {
            let (outer, inner) = (folder.path().join("next"), folder.path().join("deep"));
            fs::create_dir(&outer).unwrap();
            if number > 0 {
                fs::rename(&inner, outer.join(&name)).unwrap();
            }
            fs::rename(outer, inner).unwrap();
        }
        assert!(remove(folder.path()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
