//! Links that lead away: what is written in a policy must say what it opens.
//!
//! `./out` reads as a folder of the skill, and whoever approves it sees no more. When the skill ships `out` as a link,
//! the grant would open a folder of the skill's choice. Used by [`super::prepare()`] before a plan is made, and again
//! before anything is made on disk.

use std::path::{Path, PathBuf};

use super::prepare::{PrepareError, RunRequest, real};
use crate::policy::{Grant, Origin};

/// Refuse a relative grant that a link leads out of the policy file's folder, or out of the workspace if it is written with that.
pub(super) fn check_grant(
    permission: &str,
    grant: &Grant<PathBuf>,
    workspace: &Path,
) -> Result<(), PrepareError> {
    let Some(place) = leads_to(grant, workspace) else { return Ok(()) };
    let place = place.display();
    Err(PrepareError::Path(format!(
        "{} grants {permission} {}, which a link leads to {place}, outside of what it names; write {place} to grant that, or remove the link",
        grant.origin, grant.written
    )))
}

fn leads_to(grant: &Grant<PathBuf>, workspace: &Path) -> Option<PathBuf> {
    let Origin::File { path: file, .. } = &grant.origin else { return None };
    if grant.written.starts_with(['/', '~']) {
        return None;
    }
    let folder = file.parent()?;
    let base = if grant.written.starts_with("${workspace}") { workspace } else { folder };
    let existing = grant.value.ancestors().find(|path| path.symlink_metadata().is_ok())?;
    let Ok(found) = existing.canonicalize() else {
        // A link to what is not there: it may be by the time of the run.
        return Some(existing.read_link().unwrap_or_else(|_| existing.to_owned()));
    };
    // Not the workspace for `./out`: whoever approves that does not approve the repository's `.git`.
    if [folder, base].into_iter().any(|inside| found.starts_with(real(inside))) {
        return None;
    }
    // `../data` leads outside too, but says so itself.
    let above = base.ancestors().find(|above| grant.value.starts_with(above))?;
    let said = real(above).join(existing.strip_prefix(above).unwrap_or(existing));
    (said != found).then_some(found)
}

/// Refuse an entry that is a link out of the skill and of the folder that the skill was found in.
pub(super) fn check_entry(request: &RunRequest, script: &Path) -> Result<(), PrepareError> {
    let skill = &request.skill;
    if script.starts_with(&skill.path) || script.starts_with(real(&skill.root)) {
        return Ok(());
    }
    Err(PrepareError::Path(format!(
        "{} is a link to {}, outside of the skill; put the script itself into the skill",
        skill.path.join(&request.entry.file).display(),
        script.display()
    )))
}
