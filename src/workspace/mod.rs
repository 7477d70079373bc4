//! Where skills are: discovery, look-up by name, watching, and the samples that travel inside the program.

mod discover;
mod find;
mod ignored;
mod readers;
pub mod replace;
pub mod samples;
pub mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::skill::{Diagnostic, Resolver, Skill};

pub use discover::{Bounds, Discovery, Found};
pub use find::{FindError, find};

/// Folders of a workspace that hold skills, in the order of their rights: of two skills with the same name
/// the one found first wins.
pub const ROOTS: [&str; 4] = [".skills", "skills", ".agents/skills", ".claude/skills"];

/// The nearest folder upwards from `from` that holds one of [`ROOTS`], else `from` itself.
pub fn nearest(from: &Path) -> PathBuf {
    let holds = |dir: &&Path| ROOTS.iter().any(|root| dir.join(root).is_dir());
    from.ancestors().find(holds).unwrap_or(from).to_path_buf()
}

/// A project folder and the skills found in it.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    pub path: PathBuf,
    /// Folders that were searched, in order: those of [`ROOTS`] that exist, then the further ones.
    pub roots: Vec<PathBuf>,
    /// In the order of discovery; broken ones too.
    pub skills: Vec<Arc<Skill>>,
    /// What is wrong with the search itself: bounds reached, folders that cannot be read.
    pub notices: Vec<Diagnostic>,
}

impl Workspace {
    /// Read all skills of the workspace at `path` and of the further roots.
    pub fn load(path: &Path, further: &[PathBuf]) -> Self {
        let mut workspace = Self { path: path.to_path_buf(), roots: roots(path, further), ..Self::default() };
        let resolver = Resolver::from_env();
        let discovery = Discovery::new(&workspace.path, &workspace.roots, Bounds::default());
        discovery.run(&resolver, &mut |found| match found {
            Found::Skill(skill) => workspace.skills.push(skill),
            Found::Notice(notice) => workspace.notices.push(notice),
        });
        workspace
    }
}

/// The roots of a workspace that exist, then the further ones, each once.
pub fn roots(workspace: &Path, further: &[PathBuf]) -> Vec<PathBuf> {
    let exists = |root: &PathBuf| root.is_dir() || further.contains(root);
    watched_roots(workspace, further).into_iter().filter(exists).collect()
}

/// All roots, those too that do not exist yet: what [`watch::Watcher`] is to watch.
pub fn watched_roots(workspace: &Path, further: &[PathBuf]) -> Vec<PathBuf> {
    let own = ROOTS.iter().map(|root| workspace.join(root));
    let mut roots: Vec<PathBuf> = Vec::new();
    for root in own.chain(further.iter().cloned()) {
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

#[cfg(test)]
mod tests;
