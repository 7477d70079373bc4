//! Where prepared environments are kept: `$XDG_CACHE_HOME/skilldeck/environments`, else below `~/.cache`.
//!
//! An environment `KEY` is a folder `KEY-…` that nothing points to until `KEY.json` names it. The folder is made at the
//! place where it stays, because a virtual environment cannot be moved; the record is renamed into place when all is
//! done. So a build that failed or was interrupted leaves at most a folder that is no environment, which the next build
//! removes. `KEY.lock` is held by whoever builds or removes it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Environment, Kind};
use crate::user::Files;

/// Version of the record's form.
const VERSION: u32 = 1;

/// Longest record that is read, and most environments that are listed.
const MAX_RECORD: u64 = 4 * 1024 * 1024;
const MAX_LISTED: usize = 10_000;

/// What is known of an environment; `KEY.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    pub key: String,
    pub kind: Kind,
    /// Name of the folder, beside the record.
    folder: String,
    /// Folder of the skill that it was made for; another one that declares the same uses it too.
    pub skill: String,
    /// The file that declares the packages, relative to the skill.
    pub file: String,
    pub interpreter: String,
    pub interpreter_version: String,
    /// `pip`, `uv 0.9.1`, `npm 10.8.2`.
    pub installer: String,
    /// Packages were allowed to run code of their own while they were installed.
    pub scripts_allowed: bool,
    /// RFC 3339, UTC.
    pub created: String,
    pub bytes: u64,
    pub packages: Vec<Package>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// What a script can import of it, its outermost modules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no place for environments: XDG_CACHE_HOME is not set, and there is no HOME; set one of them")]
    NoPlace,
    #[error("{}: {error}; XDG_CACHE_HOME chooses another place", .path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// The folder of all environments of one user.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// The right to build or remove an environment, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Store {
    /// For a caller with these variables. Makes nothing.
    pub fn of(caller: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        let cache = Files::Cache.folder_by(&|name| caller.get(name).map(PathBuf::from));
        Ok(Self { folder: cache.ok_or(StoreError::NoPlace)?.join("environments") })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The environment of that key, when it is complete.
    pub fn find(&self, key: &str) -> Option<Environment> {
        let file = File::open(self.folder.join(format!("{key}.json"))).ok()?;
        let mut text = Vec::new();
        file.take(MAX_RECORD).read_to_end(&mut text).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        // Its folder comes into view of runs: nothing but one beside the record will do.
        let own = record.folder.starts_with(&format!("{key}-")) && !record.folder.contains('/');
        let folder = self.folder.join(&record.folder);
        let sound = record.version == VERSION && record.key == key && own;
        let is_folder = folder.symlink_metadata().is_ok_and(|data| data.is_dir());
        (sound && is_folder).then_some(Environment { folder, record })
    }

    /// All that are complete, by key.
    pub fn all(&self) -> Vec<Environment> {
        let mut keys: Vec<String> =
            self.names().filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        keys.sort();
        keys.iter().filter_map(|key| self.find(key)).collect()
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().take(MAX_LISTED);
        entries.filter_map(|entry| entry.file_name().into_string().ok())
    }

    /// Take the lock of a key. `waiting` is called when somebody else has it.
    pub(super) fn lock(&self, key: &str, waiting: impl FnOnce()) -> Result<Lock, StoreError> {
        // For the user alone: what the runs of others may read is theirs to decide.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| self.error(error))?;
        let path = self.folder.join(format!("{key}.lock"));
        let mut waiting = Some(waiting);
        loop {
            let file = File::create(&path).map_err(|error| self.error(error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    waiting.take().into_iter().for_each(|waiting| waiting());
                    file.lock().map_err(|error| self.error(error))?;
                }
                Err(TryLockError::Error(error)) => return Err(self.error(error)),
            }
            // Whoever had it before may have removed the file with the environment: then this is a lock of nothing.
            let (ours, now) = (file.metadata(), path.metadata());
            if ours.is_ok_and(|ours| now.is_ok_and(|now| ours.ino() == now.ino())) {
                return Ok(Lock(file));
            }
        }
    }

    /// An empty folder for a build of `key`; what earlier ones left behind goes away.
    pub(super) fn begin(&self, key: &str, _lock: &Lock) -> Result<PathBuf, StoreError> {
        self.sweep(key);
        let name = format!("{key}-{:x}", jiff::Timestamp::now().as_nanosecond());
        let folder = self.folder.join(name);
        DirBuilder::new().mode(0o755).create(&folder).map_err(|error| self.error(error))?;
        Ok(folder)
    }

    /// Remove the folders that are no environment: those of `key`, whose lock the caller has, and those of keys that
    /// nobody is working on. What cannot be removed is left to the next one.
    fn sweep(&self, key: &str) {
        let folders: Vec<String> = self.names().filter(|name| !name.contains('.')).collect();
        for name in folders {
            let Some((of, _)) = name.rsplit_once('-') else { continue };
            let lock = self.folder.join(format!("{of}.lock"));
            // Without the file nobody has the lock.
            let held = if of == key { None } else { File::open(&lock).ok() };
            if held.as_ref().is_some_and(|file| file.try_lock().is_err()) {
                continue;
            }
            let folder = self.folder.join(&name);
            if self.find(of).is_some_and(|environment| environment.folder == folder) {
                continue;
            }
            let _ = fs::remove_dir_all(folder);
            if held.is_some() {
                let _ = fs::remove_file(lock);
            }
        }
    }

    /// From now on `record` is the environment of its key; its folder holds all of it.
    pub(super) fn publish(&self, record: &Record, _lock: &Lock) -> Result<Environment, StoreError> {
        let write = || -> io::Result<()> {
            let text = serde_json::to_vec_pretty(record)?;
            let beside = self.folder.join(format!("{}.json.new", record.key));
            let mut file = File::create(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(beside, self.folder.join(format!("{}.json", record.key)))
        };
        write().map_err(|error| self.error(error))?;
        self.sweep(&record.key);
        Ok(Environment { folder: self.folder.join(&record.folder), record: record.clone() })
    }

    /// Give up a build. What cannot be removed now is removed by the next one.
    pub(super) fn abandon(&self, key: &str, folder: &Path, _lock: Lock) {
        let _ = fs::remove_dir_all(folder);
        if self.find(key).is_none() {
            let _ = fs::remove_file(self.folder.join(format!("{key}.lock")));
        }
    }

    /// Remove the environment of `key`; whether there was one.
    pub fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let Some(environment) = self.find(key) else { return Ok(false) };
        let _lock = self.lock(key, || ())?;
        // The record first: what is half removed is no environment.
        fs::remove_file(self.folder.join(format!("{key}.json"))).map_err(|error| self.error(error))?;
        fs::remove_dir_all(&environment.folder).map_err(|error| self.error(error))?;
        let _ = fs::remove_file(self.folder.join(format!("{key}.lock")));
        Ok(true)
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::Io { path: self.folder.clone(), error }
    }
}

impl Record {
    pub(super) fn new(key: &str, kind: Kind, folder: &Path) -> Self {
        Self {
            version: VERSION,
            key: key.to_owned(),
            kind,
            folder: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            skill: String::new(),
            file: String::new(),
            interpreter: String::new(),
            interpreter_version: String::new(),
            installer: String::new(),
            scripts_allowed: false,
            created: format!("{:.0}", jiff::Timestamp::now()),
            bytes: 0,
            packages: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let caller = BTreeMap::from([("XDG_CACHE_HOME".to_owned(), dir.path().display().to_string())]);
        let store = Store::of(&caller).unwrap();
        (dir, store)
    }

    #[test]
    fn the_place_follows_the_variables() {
        let of = |variables: &[(&str, &str)]| {
            let caller = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Store::of(&caller).map(|store| store.folder)
        };
        let folder = of(&[("HOME", "/usr"), ("XDG_CACHE_HOME", "relative")]).unwrap();
        assert_eq!(folder, Path::new("/usr/.cache/skilldeck/environments"));
        assert!(matches!(of(&[("HOME", "")]), Err(StoreError::NoPlace)));
    }

    #[test]
    fn an_environment_is_there_when_it_is_complete() {
        let (_dir, store) = store();
        let lock = store.lock("python-1", || ()).unwrap();
        let left = store.begin("python-1", &lock).unwrap();
        fs::write(left.join("half"), "").unwrap();
        assert_eq!(store.find("python-1"), None);
        // The next build removes what the first left behind, and what others left; not what they are busy with.
        let busy = store.lock("python-2", || ()).unwrap();
        let other = store.begin("python-2", &busy).unwrap();
        assert!(left.exists());
        store.begin("python-1", &lock).unwrap();
        assert!(!left.exists() && other.exists());
        drop(busy);
        let folder = store.begin("python-1", &lock).unwrap();
        assert!(!other.exists());
        let made = store.publish(&Record::new("python-1", Kind::Python, &folder), &lock).unwrap();
        assert_eq!(store.find("python-1"), Some(made.clone()));
        assert_eq!(store.all(), [made]);
        // A new one takes its place at once.
        let newer = store.begin("python-1", &lock).unwrap();
        assert!(folder.exists());
        store.publish(&Record::new("python-1", Kind::Python, &newer), &lock).unwrap();
        assert_eq!(store.find("python-1").unwrap().folder, newer);
        assert!(!folder.exists());
        drop(lock);
        assert!(store.remove("python-1").unwrap());
        assert!(!store.remove("python-1").unwrap());
        assert_eq!(fs::read_dir(&store.folder).unwrap().count(), 0);
    }

    #[test]
    fn a_record_cannot_show_another_folder() {
        let (dir, store) = store();
        let lock = store.lock("node-1", || ()).unwrap();
        let folder = store.begin("node-1", &lock).unwrap();
        for name in ["..", "node-1-/../../..", "node-2-x", "/"] {
            let record = Record { folder: name.to_owned(), ..Record::new("node-1", Kind::Node, &folder) };
            let text = serde_json::to_string(&record).unwrap();
            fs::write(store.folder.join("node-1.json"), text).unwrap();
            assert_eq!(store.find("node-1"), None, "{name}");
        }
        let link = store.folder.join("node-1-link");
        std::os::unix::fs::symlink(dir.path(), link).unwrap();
        let record = Record { folder: "node-1-link".into(), ..Record::new("node-1", Kind::Node, &folder) };
        fs::write(store.folder.join("node-1.json"), serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(store.find("node-1"), None);
    }

    #[test]
    fn one_at_a_time() {
        let (_dir, store) = store();
        let lock = store.lock("python-1", || ()).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let other = store.clone();
        let second = std::thread::spawn(move || {
            let lock = other.lock("python-1", || tell.send(()).unwrap()).unwrap();
            drop(lock);
        });
        told.recv().unwrap();
        assert!(!second.is_finished());
        drop(lock);
        second.join().unwrap();
    }
}
