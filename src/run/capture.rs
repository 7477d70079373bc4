//! A run whose writes are captured: the host stays as it is, and the changes are looked at before they are kept.
//! Used by `skilldeck run --writes review` and `--writes keep`.
//!
//! ```text
//! let capturing = capture::arrange(&mut prepared)?;         // instead of materialise_write_grants
//! …                                                         // the run, to the end of its events
//! let captured = capturing.collect(handle.take_captured().as_ref())?;
//! captured.changes(); captured.diff(index); captured.keep(Selection::All)
//! ```
//!
//! What was captured was made by a program that nobody trusts: names, links, rights, devices and depth are all its
//! choice, so it is read from descriptors, without following links, within bounds. What is kept is written only below
//! the granted folder, as that was when the run began, and never where the policy closes it. A file that somebody else
//! has changed meanwhile is not overwritten: it is a conflict, and told.
//!
//! Dropping a [`Captured`] drops the changes.

pub(super) mod diff;
mod keep;
mod list;
#[cfg(test)]
mod tests;
mod tree;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use diff::Diff;
pub(crate) use diff::unified;
pub use keep::{Kept, Selection};
pub use list::CapturedChange;
pub use tree::{State, Thing};

use self::tree::Tree;
use super::changes::Snapshot;
use super::prepare::{PrepareError, Prepared, names_a_file};
use super::report::{CapturedWrites, Change, ChangeKind, Report};
use super::{closed, links};
use crate::sandbox;
use crate::sandbox::plan::{Access, Bind, Capture, Made, Shown};

/// What becomes of what a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Writes {
    /// Changes the granted folders as it writes
    #[default]
    Direct,
    /// Shows the changes and asks; without a terminal drops them
    Review,
    /// Shows the changes and makes them on the host when the script exits with 0
    Keep,
}

impl Writes {
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Review => "review",
            Self::Keep => "keep",
        }
    }
}

/// A run with captured writes, from before its start to its end.
#[derive(Debug)]
pub struct Capturing {
    spots: Vec<Spot>,
    /// The host's files before the run.
    before: Snapshot,
    /// No file that was changed before the run has a later time than this.
    since: (i64, i64),
    /// Real paths of the view, and whether they may be written.
    binds: Vec<(PathBuf, bool)>,
    own_policy: PathBuf,
}

/// The host's side of one capture.
#[derive(Debug)]
struct Spot {
    /// Real path of the captured folder.
    folder: PathBuf,
    /// The folder, or the nearest above it that exists.
    host: Tree,
    /// From there to the folder.
    missing: PathBuf,
    /// The only file of the folder that is granted.
    file: Option<PathBuf>,
    /// Whose the files are that come new.
    owner: (u32, u32),
}

/// Have the writes of a run captured: changes its plan, and nothing on the host but our own folders. In place of
/// [`super::materialise_write_grants`], just before the start.
pub fn arrange(prepared: &mut Prepared) -> Result<Capturing, PrepareError> {
    closed::make(prepared);
    let since = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    for grant in &prepared.request.policy.write {
        // As before a direct run: what was there when the plan was made may be a link now.
        links::check_grant("write", grant, &prepared.request.workspace)?;
    }
    let mut wanted: Vec<(PathBuf, &Bind)> = prepared
        .plan
        .view
        .iter()
        .filter(|bind| bind.access == Access::Write && !is_link(&bind.path))
        .map(|bind| (resolve(&bind.path), bind))
        .collect();
    wanted.sort_by_key(|(place, _)| place.components().count());
    let mut captures: Vec<Capture> = Vec::new();
    for (place, bind) in wanted {
        let is_file = |path: &Path| {
            let grants = prepared.request.policy.write.iter();
            grants.filter(|grant| grant.value == path).any(names_a_file)
        };
        add(&mut captures, &place, &bind.path, is_file(&bind.path))?;
    }
    for grant in &prepared.request.policy.write {
        make_within(&mut captures, &resolve(&grant.value), names_a_file(grant));
    }
    let spots = captures.iter_mut().map(spot).collect::<Result<Vec<_>, _>>()?;
    let here = captures.iter().filter(|capture| capture.identity.is_some());
    let roots = here.map(|capture| match &capture.file {
        Some(file) => capture.folder.join(file),
        None => capture.folder.clone(),
    });
    let before = Snapshot::take(roots.collect());
    let binds = prepared.plan.view.iter().map(|bind| (resolve(&bind.path), bind.access == Access::Write));
    let capturing = Capturing {
        spots,
        before,
        since: (since.tv_sec, since.tv_nsec),
        binds: binds.collect(),
        own_policy: resolve(&prepared.request.skill.path).join(crate::policy::FILE_NAME),
    };
    prepared.plan.captures = Some(captures);
    prepared.notes.extend(capturing.limits());
    Ok(capturing)
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| data.is_symlink())
}

/// The path without links, also when its end does not exist yet.
pub(super) fn resolve(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return path.strip_prefix(above).map_or_else(|_| path.to_owned(), |rest| join(&real, rest));
        }
    }
    path.to_owned()
}

/// Without the trailing slash that [`Path::join`] leaves behind an empty path.
fn join(folder: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { folder.to_owned() } else { folder.join(rest) }
}

fn cannot(path: &Path, why: &str) -> PrepareError {
    PrepareError::Path(format!(
        "the writes to {} cannot be captured: {why}; grant another path, or use --writes direct",
        path.display()
    ))
}

/// Have `place` captured and shown at `at`. A folder that is captured already shows its own part, so that one file has
/// one content wherever it is seen.
fn add(captures: &mut Vec<Capture>, place: &Path, at: &Path, is_file: bool) -> Result<(), PrepareError> {
    let shown = |below: &Path| Shown { at: at.to_owned(), below: below.to_owned() };
    for capture in captures.iter_mut() {
        let whole = match &capture.file {
            Some(file) => capture.folder.join(file),
            None => capture.folder.clone(),
        };
        match place.strip_prefix(&whole) {
            Ok(rest) if capture.file.is_none() || rest.as_os_str().is_empty() => {
                let below = capture.file.clone().unwrap_or_else(|| rest.to_owned());
                capture.shown.push(shown(&below));
                if !rest.as_os_str().is_empty() && place.symlink_metadata().is_err() {
                    capture.made.push(Made { below: rest.to_owned(), directory: !is_file });
                }
                return Ok(());
            }
            _ => {}
        }
    }
    let found = place.symlink_metadata();
    let is_file = match &found {
        Ok(data) if data.is_dir() => false,
        Ok(data) if data.is_file() => true,
        Ok(_) => return Err(cannot(place, "it is neither a folder nor a regular file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => is_file,
        Err(error) => return Err(cannot(place, &error.to_string())),
    };
    let (folder, file) = match (is_file, place.parent(), place.file_name()) {
        (true, Some(parent), Some(name)) => (parent.to_owned(), Some(PathBuf::from(name))),
        _ => (place.to_owned(), None),
    };
    let below = file.clone().unwrap_or_default();
    // What lies beneath a file that is not there is a folder with nothing in it.
    let identity = found.is_ok().then_some((0, 0));
    captures.push(Capture { folder, identity, file, made: Vec::new(), shown: vec![shown(&below)] });
    Ok(())
}

/// A grant inside a wider one has no bind of its own; when nothing is there, it is made for the run.
fn make_within(captures: &mut [Capture], place: &Path, is_file: bool) {
    if place.symlink_metadata().is_ok() {
        return;
    }
    for capture in captures.iter_mut().filter(|capture| capture.file.is_none()) {
        let Ok(rest) = place.strip_prefix(&capture.folder) else { continue };
        let known = rest.as_os_str().is_empty() || capture.made.iter().any(|made| made.below == rest);
        if !known {
            capture.made.push(Made { below: rest.to_owned(), directory: !is_file });
        }
        return;
    }
}

/// Hold the host's folder, and note which one it is.
fn spot(capture: &mut Capture) -> Result<Spot, PrepareError> {
    let opened = capture.folder.ancestors().find_map(|above| match Tree::open_real(above) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        other => Some(other.map(|tree| (above, tree))),
    });
    let (above, host) = match opened {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => return Err(cannot(&capture.folder, &error.to_string())),
        None => return Err(cannot(&capture.folder, "it is not a path")),
    };
    let missing = capture.folder.strip_prefix(above).unwrap_or(Path::new("")).to_owned();
    let data = host.metadata().map_err(|error| cannot(&capture.folder, &error.to_string()))?;
    if capture.identity.is_some() {
        if !missing.as_os_str().is_empty() {
            return Err(cannot(&capture.folder, "it has just gone away"));
        }
        capture.identity = Some((data.dev(), data.ino()));
    }
    let (folder, file) = (capture.folder.clone(), capture.file.clone());
    Ok(Spot { folder, host, missing, file, owner: (data.uid(), data.gid()) })
}

/// The changes of a run, and the only copy of what they hold.
#[derive(Debug)]
pub struct Captured {
    capturing: Capturing,
    uppers: Vec<Tree>,
    changes: Vec<CapturedChange>,
    truncated: bool,
}

impl Capturing {
    /// A file is copied before it is changed, and the run can only make files of its own user and group.
    fn limits(&self) -> Option<String> {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let known = if user.is_root() {
            self.spots.iter().map(|spot| spot.owner).collect()
        } else {
            vec![(user.as_raw(), group.as_raw())]
        };
        let count = self.before.of_others(&known);
        (count > 0).then(|| {
            format!(
                "{count} files or folders that the run may write belong to another user or group: with captured writes they can be read, but not changed (EOVERFLOW)"
            )
        })
    }

    /// Look at what was captured, after the run. `None` is a run that never began, or whose changes cannot be read.
    pub fn collect(self, captured: Option<&sandbox::Captured>) -> std::io::Result<Captured> {
        let Some(layers) = captured else {
            if self.spots.is_empty() {
                return Ok(Captured {
                    capturing: self,
                    uppers: Vec::new(),
                    changes: Vec::new(),
                    truncated: false,
                });
            }
            return Err(std::io::Error::other("the sandbox did not hand over what was written"));
        };
        let uppers = (0..self.spots.len()).map(|number| layers.upper(number).map(Tree::of_a_run));
        let uppers = uppers.collect::<Result<Vec<_>, _>>()?;
        let (changes, truncated) = list::list(&self, &uppers);
        Ok(Captured { capturing: self, uppers, changes, truncated })
    }

    /// Whether the host's file is not what it was when the run began.
    fn has_changed(&self, path: &Path, now: Option<&State>) -> bool {
        let now = now.map(|state| state.mark);
        match (self.before.at(path), now) {
            // What is in a folder is compared itself.
            ((Some(before), _), Some(now)) if before.is_folder() && now.is_folder() => {
                before.mode() != now.mode()
            }
            ((Some(before), _), now) => Some(*before) != now,
            ((None, _), None) => false,
            ((None, true), Some(_)) => true,
            // There were too many files to note all. The time of a change is the kernel's own.
            ((None, false), Some(now)) => !now.is_folder() && now.changed() >= self.since,
        }
    }

    /// Whether the policy keeps this path closed inside a folder that may be written.
    fn is_closed(&self, path: &Path) -> bool {
        let around = self.binds.iter().filter(|(bind, _)| path.starts_with(bind));
        let nearest = around.max_by_key(|(bind, _)| bind.components().count());
        path == self.own_policy || nearest.is_some_and(|(_, writable)| !writable)
    }
}

impl Captured {
    /// In the order of paths.
    pub fn changes(&self) -> &[CapturedChange] {
        &self.changes
    }

    /// There are more changes than are listed: then none can be kept.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Put the changes into a report, with the diffs that have room.
    pub fn tell(&self, report: &mut Report, mode: Writes) {
        let (mut room, until) = (diff::ROOM, Instant::now() + diff::TIME);
        let tell_one = |(index, change): (usize, &CapturedChange)| {
            let (bytes, before) = match change.kind {
                ChangeKind::Deleted => (change.before.as_ref().map_or(0, |state| state.bytes), None),
                _ => (
                    change.after.as_ref().map_or(0, |state| state.bytes),
                    change.before.as_ref().map(|state| state.bytes),
                ),
            };
            let (diff, note) = if room == 0 || index >= diff::MAX_DIFFS || Instant::now() > until {
                (None, Some("diff left out: too many changes".to_owned()))
            } else {
                self.diff(index).into_parts()
            };
            room = room.saturating_sub(diff.as_ref().map_or(0, String::len));
            let notes: Vec<String> =
                [change.detail(), note, change.obstacle.clone()].into_iter().flatten().collect();
            Change {
                before_bytes: before,
                diff,
                detail: (!notes.is_empty()).then(|| notes.join("; ")),
                kept: Some(false),
                ..Change::new(change.path.clone(), change.kind, bytes)
            }
        };
        report.changes = self.changes.iter().enumerate().map(tell_one).collect();
        report.changes_truncated = self.truncated;
        report.writes = Some(CapturedWrites {
            mode: mode.name().to_owned(),
            dropped: self.changes.len() as u64,
            ..CapturedWrites::default()
        });
    }
}

impl Kept {
    /// Put into a report what was kept and what could not be.
    pub fn tell(&self, report: &mut Report) {
        for index in &self.kept {
            if let Some(change) = report.changes.get_mut(*index) {
                change.kept = Some(true);
            }
        }
        if let Some(writes) = &mut report.writes {
            writes.kept = self.kept.len() as u64;
            writes.dropped = (report.changes.len() - self.kept.len()) as u64;
            writes.conflicts.clone_from(&self.conflicts);
        }
    }
}
