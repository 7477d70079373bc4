//! Which requests the user has approved. A skill's own policy file is in force without `--trust` while what it asks for is
//! exactly what was approved; anything else asks again.
//!
//! Kept outside every workspace, where no skill can write: `$XDG_DATA_HOME/skilldeck/approvals` (XDG Base Directory
//! Specification), one folder for each policy file by the BLAKE3 of its path, and in it one copy of the text for each
//! approved request, named by [`Policy::digest`]. The digest is that of what is asked for, paths resolved: other comments
//! or another order ask for nothing new, the same words in another workspace do.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::model::Policy;
use crate::user::Files;
use crate::workspace::replace::replace;

/// Approved requests that are kept for one file: somebody who changes between branches has a few.
const KEPT: usize = 16;

/// The approvals of one user.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    folder: Option<PathBuf>,
    /// File and digest of what could not be kept; forgotten when the program ends.
    for_now: Arc<Mutex<HashSet<(PathBuf, String)>>>,
}

impl Approvals {
    /// Those of the user that runs this program.
    pub fn of_user() -> Self {
        Self { folder: Files::Data.folder().map(|data| data.join("approvals")), ..Self::default() }
    }

    /// Those in a folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..Self::default() }
    }

    /// Whether what the file asks for was approved.
    pub fn cover(&self, file: &Path, request: &Policy) -> bool {
        self.copy(file, request).is_some_and(|copy| copy.is_file())
            || self.lock().contains(&(file.to_owned(), request.digest()))
    }

    /// Remember an approval as long as this program runs: where there is no place to keep it.
    pub fn approve_for_now(&self, file: &Path, request: &Policy) {
        self.lock().insert((file.to_owned(), request.digest()));
    }

    /// The text that was approved last for this file.
    pub fn latest(&self, file: &Path) -> Option<String> {
        let copy = self.copies(file).pop()?;
        fs::read_to_string(copy).ok()
    }

    /// Remember that what `text` asks for is approved.
    pub fn approve(&self, file: &Path, request: &Policy, text: &str) -> io::Result<()> {
        let copy = self.copy(file, request).ok_or_else(no_place)?;
        let folder = copy.parent().ok_or_else(no_place)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        replace(&copy, text)?;
        let copies = self.copies(file);
        copies.iter().rev().skip(KEPT).try_for_each(fs::remove_file)
    }

    /// Forget all that was approved for this file. Returns whether there was something.
    pub fn revoke(&self, file: &Path) -> io::Result<bool> {
        self.lock().retain(|(approved, _)| approved != file);
        let Some(folder) = self.of_file(file) else { return Ok(false) };
        match fs::remove_dir_all(folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(PathBuf, String)>> {
        self.for_now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_file(&self, file: &Path) -> Option<PathBuf> {
        // The same file by another way in is the same request.
        let real = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let name = blake3::hash(real.as_os_str().as_bytes()).to_hex();
        Some(self.folder.as_ref()?.join(name.as_str()))
    }

    fn copy(&self, file: &Path, request: &Policy) -> Option<PathBuf> {
        Some(self.of_file(file)?.join(format!("{}.yaml", request.digest())))
    }

    /// The copies for a file, the newest last.
    fn copies(&self, file: &Path) -> Vec<PathBuf> {
        let folder = self.of_file(file).and_then(|folder| fs::read_dir(folder).ok());
        let mut copies: Vec<(SystemTime, PathBuf)> = folder
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension() == Some(OsStr::new("yaml")))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        copies.sort();
        copies.into_iter().map(|(_, path)| path).collect()
    }
}

fn no_place() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "there is no place for approvals: XDG_DATA_HOME is not set and HOME is no folder",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Places, parse};

    #[test]
    fn what_is_asked_for_counts_and_not_how_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let approvals = Approvals::at(folder.path().join("approvals"));
        let file = folder.path().join("policy.yaml");
        let asks = |text: &str| parse(text, &file, &Places::new(folder.path())).policy;
        let first = "permissions:\n  net: [\"example.org:443\"]\n";
        assert!(!approvals.cover(&file, &asks(first)));
        assert_eq!(approvals.latest(&file), None);

        approvals.approve(&file, &asks(first), first).unwrap();
        assert!(approvals.cover(&file, &asks(first)));
        assert!(approvals.cover(&file, &asks("# why\npermissions: {net: ['example.org:443']}\n")));
        assert!(!approvals.cover(&file, &asks("permissions:\n  net: [\"example.org\"]\n")));
        assert!(!approvals.cover(&folder.path().join("other/policy.yaml"), &asks(first)));
        assert_eq!(approvals.latest(&file).as_deref(), Some(first));

        assert!(approvals.revoke(&file).unwrap());
        assert!(!approvals.cover(&file, &asks(first)) && !approvals.revoke(&file).unwrap());
    }

    #[test]
    fn the_same_words_in_another_workspace_are_another_request() {
        let folder = tempfile::tempdir().unwrap();
        let approvals = Approvals::at(folder.path());
        let file = folder.path().join("policy.yaml");
        let text = "permissions:\n  write: [\"${workspace}\"]\n";
        let asks = |workspace: &str| parse(text, &file, &Places::new(workspace)).policy;
        approvals.approve(&file, &asks("/one"), text).unwrap();
        assert!(approvals.cover(&file, &asks("/one")) && !approvals.cover(&file, &asks("/two")));
    }

    #[test]
    fn old_approvals_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let approvals = Approvals::at(folder.path());
        let file = folder.path().join("policy.yaml");
        for port in 1..=KEPT + 4 {
            let text = format!("permissions:\n  net: [\"example.org:{port}\"]\n");
            approvals.approve(&file, &parse(&text, &file, &Places::new("/")).policy, &text).unwrap();
        }
        assert_eq!(approvals.copies(&file).len(), KEPT);
    }
}
