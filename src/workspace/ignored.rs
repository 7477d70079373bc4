//! Which folders a search does not enter: generated ones by name, and what git ignores.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Folders that hold what tools made or fetched.
const GENERATED: [&str; 9] =
    [".git", ".hg", ".svn", "node_modules", "target", "venv", ".venv", "__pycache__", ".tox"];

/// Whether a folder of that name is never searched.
pub(super) fn is_generated(name: &str) -> bool {
    GENERATED.contains(&name)
}

/// The `.gitignore` files that apply to a folder, outermost first.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    files: Vec<(PathBuf, Gitignore)>,
}

impl Ignored {
    /// Those of the repository around `root`, from its top down to the folder above `root`. Without a
    /// repository git ignores nothing.
    pub(super) fn around(root: &Path) -> Self {
        let mut ignored = Self::default();
        let Some(top) = root.ancestors().find(|dir| dir.join(".git").exists()) else { return ignored };
        let between: Vec<&Path> = root.ancestors().skip(1).take_while(|dir| dir.starts_with(top)).collect();
        for dir in between.into_iter().rev() {
            ignored.enter(dir);
        }
        ignored
    }

    /// Take the `.gitignore` of a folder in. [`leave`](Self::leave) with the returned mark.
    pub(super) fn enter(&mut self, dir: &Path) -> usize {
        let mark = self.files.len();
        let file = dir.join(".gitignore");
        // A pipe or a huge file is no list of patterns.
        let plain = std::fs::metadata(&file).is_ok_and(|data| data.is_file() && data.len() < 1024 * 1024);
        if plain {
            let mut builder = GitignoreBuilder::new(dir);
            // Bad patterns are left out, the others count.
            let _ = builder.add(&file);
            if let Ok(patterns) = builder.build() {
                self.files.push((dir.to_path_buf(), patterns));
            }
        }
        mark
    }

    /// The mark of a folder without `.gitignore`.
    pub(super) fn mark(&self) -> usize {
        self.files.len()
    }

    pub(super) fn leave(&mut self, mark: usize) {
        self.files.truncate(mark);
    }

    /// The innermost file that speaks of a folder decides.
    pub(super) fn covers(&self, dir: &Path) -> bool {
        for (base, patterns) in self.files.iter().rev() {
            if !dir.starts_with(base) {
                continue;
            }
            let answer = patterns.matched(dir, true);
            if !answer.is_none() {
                return answer.is_ignore();
            }
        }
        false
    }
}
