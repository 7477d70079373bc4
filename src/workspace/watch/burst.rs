//! Folds the events of a burst into one reload with its cause.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{CALM, CALM_AFTER_MANY, LONGEST, MANY};

/// Most paths that a reload carries.
const MAX_PATHS: usize = 64;

/// Read again, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// Folders of the skills that changed, links resolved. Empty when `everything` is set.
    pub skills: Vec<PathBuf>,
    /// A skill came, went or moved, or events were lost: read the whole workspace.
    pub everything: bool,
    /// The first paths that changed, as they were reported.
    pub paths: Vec<PathBuf>,
    pub cause: Cause,
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
    /// The watches may have to follow.
    pub(super) structure: bool,
    /// A path that is not there any more.
    pub(super) gone: Option<PathBuf>,
}

/// Events on their way to become a reload.
#[derive(Debug)]
pub(super) struct Burst {
    first: Instant,
    last: Instant,
    events: usize,
    cause: Option<(PathBuf, ChangeKind)>,
    paths: BTreeSet<PathBuf>,
    pub(super) structure: bool,
    everything: bool,
}

impl Burst {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            first: now,
            last: now,
            events: 0,
            cause: None,
            paths: BTreeSet::new(),
            structure: false,
            everything: false,
        }
    }

    pub(super) fn add(&mut self, change: Change) {
        self.last = Instant::now();
        self.events += 1;
        self.structure |= change.structure;
        self.everything |= change.kind == ChangeKind::EventsLost || self.paths.len() >= 10_000;
        self.cause.get_or_insert_with(|| (change.path.clone(), change.kind));
        if self.paths.len() < 10_000 {
            self.paths.insert(change.path);
        }
    }

    /// When it goes out, if nothing more happens.
    pub(super) fn due(&self) -> Instant {
        let calm = if self.events > MANY { CALM_AFTER_MANY } else { CALM };
        (self.last + calm).min(self.first + LONGEST)
    }

    /// The same burst, to be tried again in a moment.
    pub(super) fn later(mut self) -> Self {
        self.first = Instant::now();
        self.last = self.first;
        self
    }

    /// `scopes`: the roots and the folders that links in them lead to.
    pub(super) fn reload(&self, scopes: &[PathBuf]) -> Reload {
        let mut skills = BTreeSet::new();
        let mut everything = self.everything;
        for path in &self.paths {
            match skill_of(path, scopes) {
                Some(skill) => {
                    // A manifest that went changes the list itself.
                    let manifest = path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("SKILL.md"));
                    everything |= manifest && !path.exists();
                    skills.insert(skill);
                }
                None => everything = true,
            }
        }
        let (path, kind) = self.cause.clone().unwrap_or_default();
        Reload {
            skills: if everything { Vec::new() } else { skills.into_iter().collect() },
            everything,
            paths: self.paths.iter().take(MAX_PATHS).cloned().collect(),
            cause: Cause { path, kind, events: self.events },
        }
    }
}

/// The nearest folder at or above `path`, below a root, that holds a SKILL.md; `None` also when the path itself is
/// gone and was a folder, or is a folder that holds a skill (a skill that came).
fn skill_of(path: &Path, scopes: &[PathBuf]) -> Option<PathBuf> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    if !path.exists() && path.extension().is_none() {
        return None;
    }
    let within = |dir: &Path| scopes.iter().any(|scope| dir.starts_with(scope));
    if folder == path && folder.join("SKILL.md").exists() {
        return None;
    }
    let holder =
        folder.ancestors().take_while(|dir| within(dir)).find(|dir| dir.join("SKILL.md").exists())?;
    fs::canonicalize(holder).ok()
}
