//! What a run has changed: upper layers compared with the host.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::report::ChangeKind;
use super::tree::{GONE, State, Thing, Tree};
use super::{Capturing, Spot, join};

/// Most changes that are listed. Beyond that nobody can review them.
const MAX_CHANGES: usize = 20_000;
/// Folders in folders.
const MAX_DEPTH: usize = 64;

/// One change, as it would be made on the host.
#[derive(Debug, Clone)]
pub struct CapturedChange {
    pub path: PathBuf,
    pub kind: ChangeKind,
    pub before: Option<State>,
    pub after: Option<State>,
    /// Why it cannot be kept, when that is known already.
    pub obstacle: Option<String>,
    pub(super) capture: usize,
    /// Relative to the captured folder.
    pub(super) below: PathBuf,
}

impl CapturedChange {
    /// What sizes do not say: where a link leads, which rights have changed.
    pub(super) fn detail(&self) -> Option<String> {
        let name = |state: &State| match &state.thing {
            Thing::File => "file".to_owned(),
            Thing::Folder => "folder".to_owned(),
            Thing::Link(target) => format!("link to {}", target.display()),
            Thing::Other(kind) => (*kind).to_owned(),
        };
        match (self.kind, &self.before, &self.after) {
            (ChangeKind::ModeChanged, Some(before), Some(after)) => {
                Some(format!("mode {:o} → {:o}", before.mode, after.mode))
            }
            (ChangeKind::TypeChanged, Some(before), Some(after)) => {
                Some(format!("{} → {}", name(before), name(after)))
            }
            (_, Some(before), Some(after)) if before.mode != after.mode && after.thing == Thing::File => {
                Some(format!("mode {:o} → {:o}", before.mode, after.mode))
            }
            (_, _, Some(one)) | (_, Some(one), None) if one.thing != Thing::File => Some(name(one)),
            _ => None,
        }
    }
}

/// All changes in the order of paths, and whether there are more.
pub(super) fn list(capturing: &Capturing, uppers: &[Tree]) -> (Vec<CapturedChange>, bool) {
    let mut lister = Lister { capturing, changes: Vec::new(), truncated: false };
    for (capture, (spot, upper)) in capturing.spots.iter().zip(uppers).enumerate() {
        let side = Side { capture, spot, upper };
        let done = lister.top(&side).and_then(|()| lister.folder(&side, Path::new(""), 0, false));
        lister.truncated |= done.is_err();
    }
    lister.changes.sort_by(|a, b| a.path.cmp(&b.path));
    for change in &mut lister.changes {
        change.obstacle = obstacle(capturing, change);
    }
    (lister.changes, lister.truncated)
}

struct Side<'a> {
    capture: usize,
    spot: &'a Spot,
    upper: &'a Tree,
}

impl Side<'_> {
    fn host(&self, below: &Path) -> io::Result<Option<State>> {
        self.spot.host.state(&join(&self.spot.missing, below))
    }
}

struct Lister<'a> {
    capturing: &'a Capturing,
    changes: Vec<CapturedChange>,
    truncated: bool,
}

impl Lister<'_> {
    fn room(&mut self, depth: usize) -> usize {
        let room = if depth > MAX_DEPTH { 0 } else { MAX_CHANGES.saturating_sub(self.changes.len()) };
        self.truncated |= room == 0;
        room
    }

    fn push(
        &mut self,
        side: &Side<'_>,
        below: &Path,
        kind: ChangeKind,
        before: Option<State>,
        after: Option<State>,
    ) {
        if self.room(0) > 0 {
            let path = join(&side.spot.folder, below);
            let (capture, below) = (side.capture, below.to_owned());
            self.changes.push(CapturedChange { path, kind, before, after, obstacle: None, capture, below });
        }
    }

    /// The granted folder itself can get other rights. Those of a folder of somebody else are not the program's to change:
    /// the layer then has rights of its own.
    fn top(&mut self, side: &Side<'_>) -> io::Result<()> {
        let user = rustix::process::geteuid();
        let whole = side.spot.file.is_none() && side.spot.missing.as_os_str().is_empty();
        if !whole || !(user.is_root() || side.spot.owner.0 == user.as_raw()) {
            return Ok(());
        }
        if let (Some(before), Some(after)) = (side.host(Path::new(""))?, side.upper.state(Path::new(""))?)
            && before.mode != after.mode
        {
            self.push(side, Path::new(""), ChangeKind::ModeChanged, Some(before), Some(after));
        }
        Ok(())
    }

    /// Everything that the upper layer has in a folder. `new`: in a folder that hides what is beneath; those in it do so
    /// too, without a note of their own.
    fn folder(&mut self, side: &Side<'_>, below: &Path, depth: usize, new: bool) -> io::Result<()> {
        let room = self.room(depth);
        if room == 0 {
            return Ok(());
        }
        let (mut names, all) = side.upper.names(below, room)?;
        if let (0, Some(file)) = (depth, &side.spot.file) {
            names.retain(|name| Path::new(name) == file);
        }
        self.truncated |= !all;
        let new = new || side.upper.is_new(below)?;
        for name in &names {
            let path = below.join(name);
            if let Some(after) = side.upper.state(&path)? {
                self.one(side, &path, after, depth, new)?;
            }
        }
        if new {
            self.absent_from(side, below, &names, depth)?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        side: &Side<'_>,
        below: &Path,
        after: State,
        depth: usize,
        new: bool,
    ) -> io::Result<()> {
        let before = side.host(below)?;
        let Some(before) = before else {
            let folder = after.thing == Thing::Folder;
            if after.thing != Thing::Other(GONE) || self.was_there(side, below) {
                let (kind, after) = match after.thing {
                    Thing::Other(GONE) => (ChangeKind::Deleted, None),
                    _ => (ChangeKind::Added, Some(after)),
                };
                self.push(side, below, kind, None, after);
            }
            return if folder { self.folder(side, below, depth + 1, new) } else { Ok(()) };
        };
        match (&before.thing, &after.thing) {
            (_, Thing::Other(GONE)) => self.gone(side, below, before, depth),
            (Thing::Folder, Thing::Folder) => {
                if before.mode != after.mode {
                    self.push(side, below, ChangeKind::ModeChanged, Some(before), Some(after));
                }
                self.folder(side, below, depth + 1, new)
            }
            (Thing::File, Thing::File) => {
                let kind = if !Self::same(side, below, &before, &after)? {
                    ChangeKind::Modified
                } else if before.mode != after.mode {
                    ChangeKind::ModeChanged
                } else {
                    return Ok(());
                };
                self.push(side, below, kind, Some(before), Some(after));
                Ok(())
            }
            (Thing::Link(old), Thing::Link(new)) => {
                if old != new {
                    self.push(side, below, ChangeKind::Modified, Some(before), Some(after));
                }
                Ok(())
            }
            (was, is) => {
                let (was_folder, is_folder) = (*was == Thing::Folder, *is == Thing::Folder);
                self.push(side, below, ChangeKind::TypeChanged, Some(before), Some(after));
                if was_folder {
                    self.absent_from(side, below, &[], depth)?;
                }
                if is_folder { self.folder(side, below, depth + 1, new) } else { Ok(()) }
            }
        }
    }

    /// The host's file is gone as well: what the run deleted is a change only if it was there.
    fn was_there(&self, side: &Side<'_>, below: &Path) -> bool {
        self.capturing.before.at(&join(&side.spot.folder, below)).0.is_some()
    }

    /// Deleted, with everything below.
    fn gone(&mut self, side: &Side<'_>, below: &Path, before: State, depth: usize) -> io::Result<()> {
        let folder = before.thing == Thing::Folder;
        self.push(side, below, ChangeKind::Deleted, Some(before), None);
        if folder { self.absent_from(side, below, &[], depth) } else { Ok(()) }
    }

    /// What the host has in a folder, but for these names, is deleted.
    fn absent_from(
        &mut self,
        side: &Side<'_>,
        below: &Path,
        but: &[std::ffi::OsString],
        depth: usize,
    ) -> io::Result<()> {
        let room = self.room(depth);
        if room == 0 {
            return Ok(());
        }
        let place = join(&side.spot.missing, below);
        if !matches!(side.host(below)?, Some(State { thing: Thing::Folder, .. })) {
            return Ok(());
        }
        let (names, all) = side.spot.host.names(&place, room + but.len())?;
        self.truncated |= !all;
        for name in names.iter().filter(|name| !but.contains(name)) {
            let path = below.join(name);
            if let Some(before) = side.host(&path)? {
                self.gone(side, &path, before, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Opening a file for writing copies it up; that alone is no change.
    fn same(side: &Side<'_>, below: &Path, before: &State, after: &State) -> io::Result<bool> {
        if before.bytes != after.bytes {
            return Ok(false);
        }
        // A file that the supervisor may not read is taken as changed.
        let Ok(host) = side.spot.host.file(&join(&side.spot.missing, below)) else { return Ok(false) };
        same_content(host, side.upper.file(below)?)
    }
}

fn same_content(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    const CHUNK: u64 = 64 * 1024;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.by_ref().take(CHUNK).read_to_end(&mut left)?;
        other.by_ref().take(CHUNK).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

/// Why a change cannot be kept, whatever somebody wishes.
pub(super) fn obstacle(capturing: &Capturing, change: &CapturedChange) -> Option<String> {
    if capturing.is_closed(&change.path) {
        return Some("the policy keeps it closed".into());
    }
    match change.after.as_ref().map(|after| &after.thing) {
        Some(Thing::Other(kind)) => return Some(format!("a {kind} is not kept")),
        Some(Thing::Link(target)) => {
            let spot = capturing.spots.get(change.capture)?;
            if !stays_inside(spot, &change.below, target) {
                return Some("it leads out of the granted folder".into());
            }
        }
        _ => {}
    }
    if capturing.has_changed(&change.path, change.before.as_ref()) {
        return Some("it was changed on the host during the run".into());
    }
    None
}

/// A link is kept only when it is relative and ends below the granted folder. After its leading `..` there may be no
/// further one: behind another link that would mean another folder than the text says.
fn stays_inside(spot: &Spot, below: &Path, target: &Path) -> bool {
    use std::path::Component;
    let mut place = below.parent().unwrap_or(Path::new("")).to_owned();
    let mut descended = false;
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if descended || !place.pop() => return false,
            Component::ParentDir => {}
            Component::Normal(name) => {
                descended = true;
                place.push(name);
            }
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    // Links that the host has already may lead on.
    spot.host.leads_inside(&join(&spot.missing, &place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_may_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("away")).unwrap();
        let host = Tree::open_real(&root).unwrap();
        let spot = Spot { folder: root, host, missing: PathBuf::new(), file: None, owner: (0, 0) };
        for (below, target, inside) in [
            ("link", "a", true),
            ("link", "./a/new", true),
            ("a/link", "../b", true),
            ("a/link", "..", true),
            ("link", "..", false),
            ("a/link", "../../b", false),
            ("link", "a/..", false),
            ("link", "a/../b", false),
            ("link", "/etc/passwd", false),
            ("link", "away/passwd", false),
            ("link", "away", false),
        ] {
            assert_eq!(
                stays_inside(&spot, Path::new(below), Path::new(target)),
                inside,
                "{below} → {target}"
            );
        }
    }
}
