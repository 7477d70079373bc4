//! Every run, written down while it goes on: `skilldeck runs` and the workbench open old runs as they looked live.
//!
//! One file for each run (its form: `frame`) in `$XDG_STATE_HOME/skilldeck/runs` (XDG Base Directory Specification), written
//! by a [`Writer`], read as a [`Record`], or for a list as a [`Head`]. What was printed until then survives the death of
//! the workbench. Bounded by age, number and size ([`Bounds`]); the oldest go first.

mod bounds;
mod compare;
pub mod export;
mod frame;
mod head;
mod record;
mod writer;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::run::Prepared;
use crate::run::report::lossy_path;
use crate::sandbox::plan::Limits;
use crate::user::{Files, Settings};

pub use bounds::Bounds;
pub(crate) use compare::outcome;
pub use compare::{Comparison, Pair, compare};
pub use head::{Head, Summary};
pub use record::{Chunk, Record, State};
pub use writer::Writer;

/// How a record's file ends.
const EXTENSION: &str = "run";

/// What a record begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    pub skill: String,
    /// The skill's folder.
    #[serde(serialize_with = "lossy_path")]
    pub path: PathBuf,
    #[serde(serialize_with = "lossy_path")]
    pub workspace: PathBuf,
    #[serde(serialize_with = "lossy_path")]
    pub entry: PathBuf,
    pub args: Vec<String>,
    pub limits: Limits,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Why it ran without being asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// The change that made a run start by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cause {
    #[serde(serialize_with = "lossy_path")]
    pub path: PathBuf,
    /// `created`, `modified`, `removed`.
    pub kind: String,
    /// How many events of the file system were folded into this one.
    pub events: usize,
    /// When it was noticed, on the user's clock.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "clock")]
    pub at: Option<jiff::civil::Time>,
}

/// A time of day as text.
mod clock {
    use jiff::civil::Time;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[allow(clippy::ref_option)] // as serde calls it
    pub(super) fn serialize<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
    }
}

/// What a record ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct End {
    /// Bytes of output that were not kept.
    left_out: u64,
    /// For lists. Older versions wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
}

/// The journal of one user.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// Without a place nothing is written down.
    folder: Option<PathBuf>,
    /// Why there is no place, and what to do.
    off: Option<&'static str>,
    /// `None`: what the user wants cannot be read, so that nothing is forgotten.
    bounds: Option<Bounds>,
    problem: Option<String>,
}

impl Journal {
    /// That of the user that runs this program. `SKILLDECK_JOURNAL=off` switches it off.
    pub fn of_user() -> Self {
        let off = std::env::var_os("SKILLDECK_JOURNAL").is_some_and(|value| value == "off");
        let folder = Files::State.folder().filter(|_| !off).map(|state| state.join("runs"));
        let why = match (off, &folder) {
            (true, _) => Some("SKILLDECK_JOURNAL=off is set; without it runs are written down"),
            (false, None) => Some("there is no place for it; set HOME or XDG_STATE_HOME to a folder"),
            (false, Some(_)) => None,
        };
        let (bounds, problem) = match Settings::of_user().and_then(|settings| Bounds::read(&settings)) {
            Ok(bounds) => (Some(bounds), None),
            Err(error) => (None, Some(format!("{error}; until that is corrected, no old run is forgotten"))),
        };
        Self { folder, off: why, bounds, problem }
    }

    /// What is wrong with the user's settings for it.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Why nothing is written down, when nothing is.
    pub fn why_off(&self) -> Option<&'static str> {
        self.folder.is_none().then(|| self.off.unwrap_or("this program was started without one"))
    }

    /// One in a folder.
    pub fn at(folder: impl Into<PathBuf>, bounds: Bounds) -> Self {
        Self { folder: Some(folder.into()), off: None, bounds: Some(bounds), problem: None }
    }

    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Make its folder, when it is not there yet.
    pub fn make_folder(&self) -> io::Result<()> {
        let make = |folder| DirBuilder::new().recursive(true).mode(0o700).create(folder);
        self.folder.as_ref().map_or(Ok(()), make)
    }

    /// Begin to write down a run, started by itself when there is a cause. `None` where there is no journal.
    pub fn begin(&self, prepared: &Prepared, cause: Option<Cause>) -> io::Result<Option<Writer>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        self.make_folder()?;
        let request = &prepared.request;
        let now = jiff::Timestamp::now();
        let start = Start {
            skill: request.skill.name.clone(),
            path: request.skill.path.clone(),
            workspace: request.workspace.clone(),
            entry: request.entry.file.clone(),
            args: request.args.clone(),
            limits: prepared.plan.limits,
            started_at: format!("{now:.3}"),
            cause,
        };
        let when = now.strftime("%Y%m%d-%H%M%S");
        // Two runs may start in one second, in this program or beside it.
        let mut number = now.subsec_millisecond();
        loop {
            let id = format!("{when}-{number:03}");
            match record::create(&folder.join(format!("{id}.{EXTENSION}"))) {
                Ok(file) => return Writer::begin(file, id, &start).map(Some),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 9999 => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The names of all records, the newest first.
    pub fn ids(&self) -> Vec<String> {
        let folder = self.folder.as_ref().and_then(|folder| fs::read_dir(folder).ok());
        let name = |entry: fs::DirEntry| {
            let path = PathBuf::from(entry.file_name());
            let is_record = path.extension().is_some_and(|extension| extension == EXTENSION);
            is_record.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
        };
        let mut ids: Vec<String> = folder.into_iter().flatten().flatten().filter_map(name).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    /// The name that is meant: whole, by its beginning or end when that is enough, or `last`.
    pub fn find(&self, meant: &str) -> Result<String, FindError> {
        let ids = self.ids();
        if meant == "last" {
            return ids.into_iter().next().ok_or(FindError::Empty);
        }
        let mut found = ids.iter().filter(|id| id.starts_with(meant) || id.ends_with(meant));
        match (found.next(), found.next()) {
            (Some(id), _) if id == meant => Ok(id.clone()),
            (Some(id), None) => Ok(id.clone()),
            (Some(first), Some(second)) => {
                Err(FindError::Several { meant: meant.into(), first: first.clone(), second: second.clone() })
            }
            (None, _) => Err(FindError::None(meant.into())),
        }
    }

    pub fn read(&self, id: &str) -> io::Result<Record> {
        Record::read(&self.path(id)?, id)
    }

    /// The records of a skill's runs, the newest first, read one by one as they are asked for.
    pub fn of_skill(&self, folder: &Path) -> impl Iterator<Item = Record> {
        let folder = folder.to_owned();
        let is_its = move |id: &String| {
            let start = self.path(id).and_then(|path| head::start_of(&path));
            start.is_ok_and(|start| start.path == folder)
        };
        self.ids().into_iter().filter(is_its).filter_map(|id| self.read(&id).ok())
    }

    /// The beginning and the end of a record, for a list.
    pub fn head(&self, id: &str) -> io::Result<Head> {
        Head::read(&self.path(id)?, id)
    }

    /// Length of a record.
    pub fn bytes(&self, id: &str) -> io::Result<u64> {
        fs::metadata(self.path(id)?).map(|data| data.len())
    }

    pub fn remove(&self, id: &str) -> io::Result<()> {
        fs::remove_file(self.path(id)?)
    }

    fn path(&self, id: &str) -> io::Result<PathBuf> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "there is no journal");
        Ok(self.folder.as_ref().ok_or_else(none)?.join(format!("{id}.{EXTENSION}")))
    }

    /// Keep the bounds. Called after a run, not before: its start waits for nothing. What cannot be removed stays, and is
    /// tried again after the next.
    pub fn tidy(&self) {
        self.forget_old(SystemTime::now());
    }

    fn forget_old(&self, now: SystemTime) {
        let Some(bounds) = &self.bounds else { return };
        let mut bytes = 0;
        for (at, id) in self.ids().into_iter().enumerate() {
            let Ok(path) = self.path(&id) else { return };
            let Ok(data) = fs::metadata(&path) else { continue };
            bytes += data.len();
            let age = data.modified().ok().and_then(|time| now.duration_since(time).ok()).unwrap_or_default();
            if at >= bounds.runs || bytes > bounds.bytes || age > bounds.age {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// When something of a run is due that plays `speed` times as fast. Saturates: the time may be of a damaged record.
pub fn due(at: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(at.as_secs_f64() / speed).unwrap_or(Duration::MAX)
}

/// No record, or more than one, is meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    #[error("no run has been written down yet; `skilldeck run SKILL` makes one")]
    Empty,
    #[error("no run is named `{0}`; `skilldeck runs` lists them")]
    None(String),
    #[error("`{meant}` may be {first} or {second}, among others; write more of the name")]
    Several { meant: String, first: String, second: String },
}

#[cfg(test)]
mod tests;
