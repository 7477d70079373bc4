//! From what somebody types, a name or a path, to a skill.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Workspace;
use crate::skill::{self, Skill, text};

/// There is no such skill; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("no skill is named `{wanted}`{}", hint(.meant.as_deref()))]
    Name { wanted: String, meant: Option<String> },
    #[error("{}: no such folder{}", path.display(), hint(.meant.as_deref()))]
    Path { path: PathBuf, meant: Option<String> },
    #[error("{}: there is no SKILL.md in this folder; `skilldeck list` shows the skills", .0.display())]
    NoManifest(PathBuf),
}

fn hint(meant: Option<&str>) -> String {
    match meant {
        Some(name) => format!("; did you mean `{name}`?"),
        None => "; `skilldeck list` shows the skills".to_owned(),
    }
}

/// The skill that `wanted` names: by the name in its manifest, by its folder, or by a path to the folder or its
/// SKILL.md. Of several with the same name the first in the order of the roots.
pub fn find(workspace: &Path, further: &[PathBuf], wanted: &str) -> Result<Arc<Skill>, FindError> {
    let path = Path::new(wanted);
    let is_path = wanted.contains('/') || wanted.starts_with('.');
    if is_path {
        return by_path(path, || meant(&Workspace::load(workspace, further), wanted));
    }
    let workspace = Workspace::load(workspace, further);
    let by_name = workspace.skills.iter().find(|skill| skill.name == wanted);
    let found = by_name.or_else(|| {
        workspace.skills.iter().find(|skill| skill.path.file_name().is_some_and(|name| name == wanted))
    });
    match found {
        Some(skill) => Ok(Arc::clone(skill)),
        None if path.is_dir() || path.is_file() => by_path(path, || meant(&workspace, wanted)),
        None => Err(FindError::Name { wanted: wanted.to_owned(), meant: meant(&workspace, wanted) }),
    }
}

fn meant(workspace: &Workspace, wanted: &str) -> Option<String> {
    let last = wanted.trim_end_matches('/').rsplit('/').next().unwrap_or(wanted);
    text::did_you_mean(last, workspace.skills.iter().map(|skill| skill.name.as_str())).map(str::to_owned)
}

fn by_path(path: &Path, meant: impl Fn() -> Option<String>) -> Result<Arc<Skill>, FindError> {
    let manifest = path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("SKILL.md"));
    // Absolute, so that `.` has a name.
    let folder = if manifest && !path.is_dir() { path.parent().unwrap_or(path) } else { path };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let ends_in_dots = folder.file_name().is_none();
    let absolute = if ends_in_dots { fs::canonicalize(folder) } else { std::path::absolute(folder) };
    let Some(absolute) = absolute.ok().filter(|path| path.is_dir()) else {
        return Err(FindError::Path { path: path.to_path_buf(), meant: meant() });
    };
    if !has_manifest(&absolute) {
        return Err(FindError::NoManifest(path.to_path_buf()));
    }
    let root = absolute.parent().unwrap_or(&absolute).to_path_buf();
    Ok(Arc::new(skill::read(&absolute, &root)))
}

/// A SKILL.md in any case, a dangling link too.
fn has_manifest(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().eq_ignore_ascii_case("SKILL.md"))
}
