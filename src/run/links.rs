//! Links that lead away: what is written in a policy must say what it opens.
//!
//! `./out` reads as a folder of the skill, and whoever approves it sees no more. When the skill ships `out` as a link,
//! the grant would open a folder of the skill's choice. Used by [`super::prepare()`] before a plan is made, and again
//! before anything is made on disk.

use std::path::{Path, PathBuf};

use super::prepare::{PrepareError, RunRequest, real};
use crate::policy::{Grant, leads_away};

/// Refuse a relative grant that a link leads out of the policy file's folder, or out of the workspace if it is written with that.
pub(super) fn check_grant(
    permission: &str,
    grant: &Grant<PathBuf>,
    workspace: &Path,
) -> Result<(), PrepareError> {
    let Some(place) = leads_away(grant, workspace) else { return Ok(()) };
    let place = place.display();
    Err(PrepareError::Path(format!(
        "{} grants {permission} {}, which a link leads to {place}, outside of what it names; write {place} to grant that, or remove the link",
        grant.origin, grant.written
    )))
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
