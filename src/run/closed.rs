//! skilldeck's own folders, which no grant opens for writing: what lies there decides what skills may do (approvals) and
//! which code they run (prepared packages). A skill that could write there could approve itself, or give its code to
//! another one. Used by [`super::prepare()`] and by the two ways to begin a run.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use super::capture::resolve;
use super::prepare::PrepareError;
use crate::policy::Policy;

/// Those that lie in what `policy` lets a run write, links resolved.
pub(super) fn within(
    policy: &Policy,
    caller: &BTreeMap<String, String>,
) -> Result<Vec<PathBuf>, PrepareError> {
    let absolute = |name: &str| caller.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let below = |name: &str, usual: &str| absolute(name).or_else(|| Some(absolute("HOME")?.join(usual)));
    let homes = [below("XDG_DATA_HOME", ".local/share"), below("XDG_CACHE_HOME", ".cache")];
    let folders = homes.into_iter().flatten().map(|home| resolve(&home.join("skilldeck")));
    let mut closed = Vec::new();
    for folder in folders {
        for grant in &policy.write {
            let granted = resolve(&grant.value);
            if granted.starts_with(&folder) {
                return Err(PrepareError::Path(format!(
                    "{} grants write {}, which is skilldeck's own: approvals and prepared packages; grant another folder",
                    grant.origin, grant.written
                )));
            }
            if folder.starts_with(&granted) && !closed.contains(&folder) {
                closed.push(folder.clone());
            }
        }
    }
    Ok(closed)
}

/// Make those that are not there: only what exists can be kept closed. Where that is refused to us, it is to the run.
pub(super) fn make(closed: &[PathBuf]) {
    for folder in closed {
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
}
