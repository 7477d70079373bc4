//! Links that lead a grant away: what is written in a policy must say what it opens.
//!
//! Used by [`super::remedy`], which must not offer such a grant, and by [`crate::run`], which refuses it.

use std::path::{Path, PathBuf};

use super::model::{Grant, Origin};

/// Where a relative grant leads when a link takes it out of what it names: out of the policy file's folder, or out of
/// the workspace if it is written with that.
pub(crate) fn leads_away(grant: &Grant<PathBuf>, workspace: &Path) -> Option<PathBuf> {
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

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
