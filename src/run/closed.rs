//! skilldeck's own folders, which no grant opens for writing: what lies there decides what skills may do (approvals),
//! which code they run (prepared packages), and what is known of their runs (the journal). A skill that could write there could approve itself, or give its code to
//! another one. Used by [`super::prepare()`] and by the two ways to begin a run.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use super::capture::resolve;
use super::prepare::{PrepareError, Prepared};
use crate::policy::Policy;
use crate::user::Files;

/// All of them, for a caller with these variables; links resolved.
pub(super) fn folders(caller: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let value = |name: &str| caller.get(name).map(PathBuf::from);
    let all = [Files::Config, Files::Data, Files::State, Files::Cache].map(|files| files.folder_by(&value));
    all.into_iter().flatten().map(|folder| resolve(&folder)).collect()
}

/// Those that lie in what `policy` lets a run write.
pub(super) fn within(own: &[PathBuf], policy: &Policy) -> Result<Vec<PathBuf>, PrepareError> {
    let mut closed = Vec::new();
    for grant in &policy.write {
        let granted = resolve(&grant.value);
        if own.iter().any(|folder| granted.starts_with(folder)) {
            return Err(PrepareError::Path(format!(
                "{} grants write {}, which is skilldeck's own: approvals, prepared packages and the like; grant another folder",
                grant.origin, grant.written
            )));
        }
        closed.extend(own.iter().filter(|folder| folder.starts_with(&granted)).cloned());
    }
    closed.sort();
    closed.dedup();
    Ok(closed)
}

/// Make those that the plan closes and that are not there: only what exists can be kept closed. Where that is refused to
/// us, it is to the run.
pub(super) fn make(prepared: &Prepared) {
    let closes = |folder: &&PathBuf| prepared.plan.view.iter().any(|bind| bind.path == **folder);
    for folder in prepared.own.iter().filter(closes) {
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
}
