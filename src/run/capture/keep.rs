//! Changes made on the host, one file at a time: each is either made whole or not at all.
//!
//! Everything goes through a descriptor of the granted folder, and no link is followed on the way (openat2(2)): nothing
//! outside can be reached, whatever becomes of the folders meanwhile. A file is written beside its place and then put
//! there (rename(2)); only one that has other names too, or lies in a folder that may not be written, is overwritten.
//! Set-user-ID and set-group-ID bits are never kept, nor are a program's own attributes; hard links that it makes become
//! files of their own.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, SeekFrom, Uid};
use rustix::io::Errno;

use super::super::changes::Mark;
use super::super::report::{ChangeKind, Conflict};
use super::list::{CapturedChange, obstacle};
use super::tree::{State, Thing, set_mode};
use super::{Captured, Spot, join};

/// Which changes are to be kept, by their place in [`Captured::changes`].
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    All,
    /// These, with the folders that they are in.
    Only(&'a BTreeSet<usize>),
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub kept: BTreeSet<usize>,
    /// What was to be kept and could not be.
    pub conflicts: Vec<Conflict>,
}

impl Captured {
    /// Make the selected changes on the host.
    pub fn keep(&self, selection: Selection<'_>) -> Kept {
        let wanted = self.wanted(selection);
        let mut keeper = Keeper { captured: self, failed: vec![None; self.changes.len()], number: 0 };
        if self.truncated {
            for index in &wanted {
                keeper.failed[*index] =
                    Some("there are too many changes to list them all, and so none are kept".into());
            }
        }
        // First what goes, the innermost first; then what comes, the outermost first; last the rights of folders,
        // which may not allow what comes.
        let mut inwards: Vec<usize> = wanted.iter().copied().collect();
        inwards.sort_by_key(|index| self.changes[*index].path.components().count());
        for index in &wanted {
            keeper.attempt(*index, Keeper::check);
        }
        for index in inwards.iter().rev() {
            keeper.attempt(*index, Keeper::take_away);
        }
        for index in &inwards {
            keeper.attempt(*index, Keeper::put);
        }
        for index in inwards.iter().rev() {
            keeper.attempt(*index, Keeper::set_folder_mode);
        }
        let mut done = Kept::default();
        for index in wanted {
            match keeper.failed[index].take() {
                None => {
                    done.kept.insert(index);
                }
                Some(reason) => {
                    done.conflicts.push(Conflict { path: self.changes[index].path.clone(), reason });
                }
            }
        }
        done
    }

    fn wanted(&self, selection: Selection<'_>) -> BTreeSet<usize> {
        let Selection::Only(chosen) = selection else { return (0..self.changes.len()).collect() };
        let chosen: BTreeSet<usize> = chosen.iter().copied().filter(|n| *n < self.changes.len()).collect();
        let is_needed = |change: &CapturedChange| {
            let made = matches!(change.kind, ChangeKind::Added | ChangeKind::TypeChanged)
                && is_folder(change.after.as_ref());
            made && chosen.iter().any(|n| self.changes[*n].path.starts_with(&change.path))
        };
        let needed = (0..self.changes.len()).filter(|n| is_needed(&self.changes[*n]));
        chosen.iter().copied().chain(needed).collect()
    }
}

fn is_folder(state: Option<&State>) -> bool {
    state.is_some_and(|state| state.thing == Thing::Folder)
}

struct Keeper<'a> {
    captured: &'a Captured,
    /// Why a change could not be kept.
    failed: Vec<Option<String>>,
    /// For names that nobody else has.
    number: u32,
}

type Outcome = Result<(), String>;

impl<'a> Keeper<'a> {
    fn attempt(&mut self, index: usize, step: fn(&mut Self, &'a CapturedChange) -> Outcome) {
        if self.failed[index].is_none() {
            let change = &self.captured.changes[index];
            self.failed[index] = step(self, change).err();
        }
    }

    fn spot(&self, change: &CapturedChange) -> Result<&'a Spot, String> {
        self.captured.capturing.spots.get(change.capture).ok_or_else(|| "it has no folder".into())
    }

    /// Whether the host is still as it was, and the change one that may be kept at all.
    fn check(&mut self, change: &'a CapturedChange) -> Outcome {
        if let Some(reason) = obstacle(&self.captured.capturing, change) {
            return Err(reason);
        }
        self.is_unchanged(change)
    }

    fn is_unchanged(&self, change: &CapturedChange) -> Outcome {
        let spot = self.spot(change)?;
        let now = spot.host.state(&join(&spot.missing, &change.below)).map_err(words)?;
        let same = match (&now, &change.before) {
            (Some(now), Some(before)) => now.mark == before.mark,
            (None, None) => true,
            _ => false,
        };
        if same { Ok(()) } else { Err("it was changed on the host after the run".into()) }
    }

    /// The folder on the host that a change is in, and its name there. Folders of the grant that are missing are made.
    fn place(&self, change: &CapturedChange) -> Result<(OwnedFd, OsString), String> {
        let spot = self.spot(change)?;
        let path = join(&spot.missing, &change.below);
        let name = path.file_name().ok_or("it has no name")?.to_owned();
        let mut made = std::path::PathBuf::new();
        for part in &spot.missing {
            let folder = spot.host.folder(&made).map_err(words)?;
            made.push(part);
            if made == path {
                break;
            }
            match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
                Ok(()) => give(&spot.host.folder(&made).map_err(words)?, spot.owner).map_err(words)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(words(error)),
            }
        }
        let folder = spot.host.folder(path.parent().unwrap_or(Path::new(""))).map_err(words)?;
        Ok((folder, name))
    }

    /// What is deleted, and what gives way to another kind of thing that cannot simply take its place.
    fn take_away(&mut self, change: &'a CapturedChange) -> Outcome {
        let (was_folder, is_folder) = (is_folder(change.before.as_ref()), is_folder(change.after.as_ref()));
        let goes = match change.kind {
            ChangeKind::Deleted => change.before.is_some(),
            ChangeKind::TypeChanged => was_folder || is_folder,
            _ => false,
        };
        if !goes {
            return Ok(());
        }
        // Once more: it may have taken a while to get here.
        self.is_unchanged(change)?;
        let (folder, name) = self.place(change)?;
        let flags = if was_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        match rustix::fs::unlinkat(&folder, &name, flags) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                Err("it is not empty: something in it was not deleted".into())
            }
            other => other.map_err(words),
        }
    }

    fn put(&mut self, change: &'a CapturedChange) -> Outcome {
        let Some(after) = &change.after else { return Ok(()) };
        let spot = self.spot(change)?;
        if change.kind == ChangeKind::ModeChanged {
            return if after.thing == Thing::Folder { Ok(()) } else { self.set_mode(change, after) };
        }
        let (folder, name) = self.place(change)?;
        let replaces = change.before.is_some() && !is_folder(change.before.as_ref());
        if replaces && !is_folder(Some(after)) {
            self.is_unchanged(change)?;
        }
        let owner = if replaces {
            change.before.as_ref().map_or(spot.owner, |before| before.owner)
        } else {
            spot.owner
        };
        let made = match &after.thing {
            Thing::Folder => make_folder(&folder, &name, owner),
            Thing::File if has_other_names(change) => self.overwrite(change, after.mode),
            Thing::File => self
                .write(change, &folder, after.mode, owner)
                .and_then(|temporary| put_in_place(&folder, &temporary, &name, replaces))
                .or_else(|error| match (change.kind, error.raw_os_error()) {
                    // A file may be writable where its folder is not.
                    (ChangeKind::Modified, Some(libc::EACCES | libc::EPERM | libc::EBUSY)) => {
                        self.overwrite(change, after.mode)
                    }
                    _ => Err(error),
                }),
            Thing::Link(target) => self
                .link(&folder, target, owner)
                .and_then(|temporary| put_in_place(&folder, &temporary, &name, replaces)),
            Thing::Other(_) => Err(io::Error::other("cannot be kept")),
        };
        made.map_err(words)
    }

    fn set_folder_mode(&mut self, change: &'a CapturedChange) -> Outcome {
        match &change.after {
            Some(after) if after.thing == Thing::Folder => self.set_mode(change, after),
            _ => Ok(()),
        }
    }

    fn set_mode(&self, change: &CapturedChange, after: &State) -> Outcome {
        let spot = self.spot(change)?;
        let place = spot.host.pin(&join(&spot.missing, &change.below)).map_err(words)?;
        let data = place.metadata().map_err(words)?;
        // A link would be followed.
        let same = change.kind != ChangeKind::ModeChanged
            || change.before.as_ref().is_some_and(|before| before.mark == Mark::of(&data));
        if !same || data.is_symlink() || data.is_dir() != (after.thing == Thing::Folder) {
            return Err("something else is there now".into());
        }
        let mode = match (data.is_dir(), change.kind) {
            (false, _) => after.mode & 0o777,
            // In a folder that hands its group on, a new one does so too: mkdir(2).
            (true, ChangeKind::Added) => after.mode | data.mode() & 0o2000,
            (true, _) => after.mode,
        };
        set_mode(&place, mode).map_err(words)
    }

    fn name(&mut self) -> OsString {
        self.number += 1;
        format!(".skilldeck-{}-{}", std::process::id(), self.number).into()
    }

    /// The content beside its place, under a name of its own.
    fn write(
        &mut self,
        change: &CapturedChange,
        folder: &OwnedFd,
        mode: u32,
        owner: (u32, u32),
    ) -> io::Result<OsString> {
        let upper = self.captured.uppers.get(change.capture).ok_or(io::ErrorKind::NotFound)?;
        let source = upper.file(&change.below)?;
        let name = self.name();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(folder, &name, flags, Mode::from_raw_mode(0o600))?);
        let written = copy(&source, &file)
            .and_then(|()| give(&file, owner))
            .and_then(|()| Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?));
        if let Err(error) = written {
            let _ = rustix::fs::unlinkat(folder, &name, AtFlags::empty());
            return Err(error);
        }
        Ok(name)
    }

    /// Where nothing can be put beside it, or the file has other names too: as a direct run would, in the file itself.
    fn overwrite(&self, change: &CapturedChange, mode: u32) -> io::Result<()> {
        let upper = self.captured.uppers.get(change.capture).ok_or(io::ErrorKind::NotFound)?;
        let spot = self.captured.capturing.spots.get(change.capture).ok_or(io::ErrorKind::NotFound)?;
        let source = upper.file(&change.below)?;
        let target = spot.host.file_to_write(&join(&spot.missing, &change.below))?;
        let now = Mark::of(&target.metadata()?);
        if change.before.as_ref().is_none_or(|before| before.mark != now) {
            return Err(io::Error::other("it was changed on the host after the run"));
        }
        target.set_len(0)?;
        copy(&source, &target)?;
        Ok(rustix::fs::fchmod(&target, Mode::from_raw_mode(mode & 0o777))?)
    }

    fn link(&mut self, folder: &OwnedFd, target: &Path, owner: (u32, u32)) -> io::Result<OsString> {
        let name = self.name();
        rustix::fs::symlinkat(target, folder, &name)?;
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
            rustix::fs::chownat(folder, &name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(name)
    }
}

fn has_other_names(change: &CapturedChange) -> bool {
    let before = change.before.as_ref();
    change.kind == ChangeKind::Modified && before.is_some_and(|before| before.links > 1)
}

fn make_folder(folder: &OwnedFd, name: &OsStr, owner: (u32, u32)) -> io::Result<()> {
    rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o700))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    give(&rustix::fs::openat(folder, name, flags, Mode::empty())?, owner)
}

/// Put a finished file where it belongs. What comes new never replaces anything.
fn put_in_place(folder: &OwnedFd, temporary: &OsStr, name: &OsStr, replaces: bool) -> io::Result<()> {
    let flags = if replaces { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
    let mut placed = rustix::fs::renameat_with(folder, temporary, folder, name, flags);
    if placed == Err(Errno::INVAL) && !replaces {
        // Not every file system knows that flag; linkat(2) does not replace either.
        placed = rustix::fs::linkat(folder, temporary, folder, name, AtFlags::empty());
        let _ = rustix::fs::unlinkat(folder, temporary, AtFlags::empty());
    }
    if placed.is_err() {
        let _ = rustix::fs::unlinkat(folder, temporary, AtFlags::empty());
    }
    Ok(placed?)
}

/// As root: what comes new belongs to whom the folder belongs, as in a direct run.
fn give(file: &impl AsFd, owner: (u32, u32)) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
    Ok(rustix::fs::chownat(file, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?)
}

/// Copy what a file holds and leave its holes: a file that claims to be long costs no more here than it did inside.
fn copy(from: &File, to: &File) -> io::Result<()> {
    const CHUNK: u64 = 256 * 1024;
    let length = from.metadata()?.len();
    let mut buffer = vec![0; CHUNK as usize];
    let mut at = 0;
    while at < length {
        let start = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(start))?;
        at = start;
        while at < end {
            let part = &mut buffer[..(end - at).min(CHUNK) as usize];
            from.read_exact_at(part, at)?;
            to.write_all_at(part, at)?;
            at += part.len() as u64;
        }
    }
    to.set_len(length)
}

fn words(error: impl Into<io::Error>) -> String {
    let error = error.into();
    match error.raw_os_error() {
        Some(libc::EEXIST) => "something is there now".into(),
        Some(libc::ELOOP) => "a link is on the way to it now".into(),
        Some(libc::ENOENT) => "the folder it is in is not there".into(),
        _ => error.to_string(),
    }
}
