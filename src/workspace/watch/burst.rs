//! Folds the events of a burst into one reload with its cause.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{CALM, CALM_AFTER_MANY, LONGEST, MANY};

/// Most paths that a reload carries.
const MAX_PATHS: usize = 64;
/// Most paths of a burst; more mean reading everything.
const MAX_CHANGES: usize = 10_000;

/// Read again, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// Folders of the skills in which something changed, links resolved.
    pub skills: Vec<PathBuf>,
    /// What came, went or moved and may be, or hold, a skill: the roots are to be searched again, and skills at and
    /// below these to be read. Empty when the list of skills is the same as before.
    pub moved: Vec<PathBuf>,
    /// Events were lost: whatever is known may be out of date.
    pub everything: bool,
    /// The first paths that changed, as they were reported.
    pub paths: Vec<PathBuf>,
    pub cause: Cause,
}

impl Reload {
    /// Whether skills may have come or gone.
    pub fn searches(&self) -> bool {
        self.everything || !self.moved.is_empty()
    }
}

/// Why: the first change of the burst, and how many events were folded into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub path: PathBuf,
    pub kind: ChangeKind,
    pub events: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangeKind {
    Created,
    Modified,
    Removed,
    Renamed,
    /// The kernel could not keep up and dropped events.
    #[default]
    EventsLost,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChangeKind::Created => "created",
            ChangeKind::Modified => "modified",
            ChangeKind::Removed => "removed",
            ChangeKind::Renamed => "renamed",
            ChangeKind::EventsLost => "events lost",
        })
    }
}

/// `SKILL.md modified (3 events)`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy();
        let ending = if self.events == 1 { "" } else { "s" };
        write!(f, "{name} {} ({} event{ending})", self.kind, self.events)
    }
}

/// One relevant event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: PathBuf,
    pub(super) kind: ChangeKind,
    /// The watches have to be looked through.
    pub(super) structure: bool,
    /// A folder came or went.
    pub(super) folder: bool,
    /// A path that is not there any more.
    pub(super) gone: Option<PathBuf>,
}

/// What a burst has seen of a path.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// It is a folder that came or went.
    folder: bool,
    /// It was not there before.
    came: bool,
}

/// Events on their way to become a reload.
#[derive(Debug)]
pub(super) struct Burst {
    began: Instant,
    /// When it began, or was put off.
    first: Instant,
    last: Instant,
    events: usize,
    cause: Option<(PathBuf, ChangeKind)>,
    paths: BTreeMap<PathBuf, Seen>,
    pub(super) structure: bool,
    everything: bool,
}

impl Burst {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            first: now,
            last: now,
            events: 0,
            cause: None,
            paths: BTreeMap::new(),
            structure: false,
            everything: false,
        }
    }

    pub(super) fn add(&mut self, change: Change) {
        self.last = Instant::now();
        self.events += 1;
        self.structure |= change.structure;
        self.everything |= change.kind == ChangeKind::EventsLost || self.paths.len() >= MAX_CHANGES;
        self.cause.get_or_insert_with(|| (change.path.clone(), change.kind));
        if self.paths.len() < MAX_CHANGES {
            let came = change.kind == ChangeKind::Created;
            let seen = self.paths.entry(change.path).or_insert(Seen { folder: false, came });
            seen.folder |= change.folder;
        }
    }

    /// When it goes out, if nothing more happens.
    pub(super) fn due(&self) -> Instant {
        let calm = if self.events > MANY { CALM_AFTER_MANY } else { CALM };
        (self.last + calm).min(self.first + LONGEST)
    }

    /// How long ago the first event was.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The same burst, to be tried again in a moment.
    pub(super) fn later(mut self) -> Self {
        self.first = Instant::now();
        self.last = self.first;
        self
    }

    /// `None` when all there was came and went. `scopes`: the roots and the folders that links in them lead to.
    pub(super) fn reload(&self, scopes: &[PathBuf]) -> Option<Reload> {
        let mut holders = Holders { scopes, known: HashMap::new() };
        let (mut skills, mut moved, mut paths) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for (path, seen) in &self.paths {
            let above = path.parent().unwrap_or(path);
            let gone = fs::symlink_metadata(path).is_err();
            if gone && seen.came && !seen.folder {
                continue;
            }
            if paths.len() < MAX_PATHS {
                paths.push(path.clone());
            }
            let holder = holders.of(above);
            if seen.folder || holder.is_none() || (gone && path.extension().is_none()) {
                moved.insert(real(path));
            }
            if gone && is_manifest(path) {
                moved.insert(real(above));
            }
            skills.extend(holder);
        }
        if paths.is_empty() && !self.everything {
            return None;
        }
        let (path, kind) = self.cause.clone().unwrap_or_default();
        Some(Reload {
            skills: skills.into_iter().collect(),
            moved: moved.into_iter().collect(),
            everything: self.everything,
            paths,
            cause: Cause { path, kind, events: self.events },
        })
    }
}

/// Which skill a folder belongs to; asked once for each folder of a burst.
struct Holders<'a> {
    scopes: &'a [PathBuf],
    known: HashMap<PathBuf, Option<PathBuf>>,
}

impl Holders<'_> {
    /// The nearest folder at or above `folder`, within the roots, that holds a manifest; links resolved.
    fn of(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(known) = self.known.get(folder) {
            return known.clone();
        }
        let holder = if !self.scopes.iter().any(|scope| folder.starts_with(scope)) {
            None
        } else if holds_manifest(folder) {
            fs::canonicalize(folder).ok()
        } else {
            folder.parent().and_then(|above| self.of(above))
        };
        self.known.insert(folder.to_path_buf(), holder.clone());
        holder
    }
}

/// A SKILL.md, a dangling link too, or one in other letters.
fn holds_manifest(folder: &Path) -> bool {
    let has = || fs::read_dir(folder).ok().map(|items| items.flatten().any(|item| is_manifest(&item.path())));
    fs::symlink_metadata(folder.join("SKILL.md")).is_ok() || has().unwrap_or_default()
}

fn is_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("SKILL.md"))
}

/// A path with links resolved, also when what it names is gone.
fn real(path: &Path) -> PathBuf {
    let above = || Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(above).unwrap_or_else(|| path.to_path_buf())
}
