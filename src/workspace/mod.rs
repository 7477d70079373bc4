//! Where skills are: discovery and watching.

use std::path::{Path, PathBuf};

/// Folders of a workspace that hold skills, in the order of their rights: of two skills with the same name
/// the one found first wins.
pub const ROOTS: [&str; 4] = [".skills", "skills", ".agents/skills", ".claude/skills"];

/// The nearest folder upwards from `from` that holds one of [`ROOTS`], else `from` itself.
pub fn nearest(from: &Path) -> PathBuf {
    let holds = |dir: &&Path| ROOTS.iter().any(|root| dir.join(root).is_dir());
    from.ancestors().find(holds).unwrap_or(from).to_path_buf()
}
