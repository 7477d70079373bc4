//! The sample skills, inside the program: the first screen of an empty workspace can open them, and the README's
//! first command works without a checkout.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use include_dir::{Dir, DirEntry, include_dir};

static SAMPLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/skills");

/// Names of the sample skills.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = SAMPLES.dirs().filter_map(|dir| dir.path().to_str()).collect();
    names.sort_unstable();
    names
}

/// Lay the samples out below `folder`, one folder each. Files that are already there stay as they are, so that
/// nobody's changes are lost. Returns how many files were written.
pub fn write_to(folder: &Path) -> io::Result<usize> {
    write(&SAMPLES, folder)
}

fn write(dir: &Dir<'_>, folder: &Path) -> io::Result<usize> {
    let mut written = 0;
    for entry in dir.entries() {
        let path = folder.join(entry.path());
        match entry {
            DirEntry::Dir(_) if is_generated(entry.path()) => {}
            DirEntry::Dir(inner) => written += write(inner, folder)?,
            DirEntry::File(file) => {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                written += usize::from(write_new(&path, file.contents())?);
            }
        }
    }
    Ok(written)
}

/// What a run in the checkout may have left beside the samples when the program was built.
fn is_generated(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "__pycache__" || name == "node_modules")
}

/// Write a file that is not there yet; a script gets the executable bit, which embedding does not keep.
fn write_new(path: &Path, contents: &[u8]) -> io::Result<bool> {
    let mut options = fs::OpenOptions::new();
    match options.write(true).create_new(true).open(path) {
        Ok(mut file) => {
            io::Write::write_all(&mut file, contents)?;
            if contents.starts_with(b"#!") {
                let mode = file.metadata()?.permissions().mode();
                // Executable for everyone who may read it.
                file.set_permissions(fs::Permissions::from_mode(mode | ((mode & 0o444) >> 2)))?;
            }
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn the_samples_are_skills_and_are_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(".skills");
        assert!(write_to(&root).unwrap() >= 14);
        let workspace = Workspace::load(dir.path(), &[]);
        assert_eq!(workspace.skills.len(), names().len());
        assert!(workspace.skills.len() >= 7);
        let broken: Vec<_> = workspace.skills.iter().filter(|skill| skill.errors() > 0).collect();
        assert_eq!(broken.len(), 1, "one sample shows what a broken skill looks like");
        for skill in &workspace.skills {
            for entry in &skill.entries {
                let file = skill.path.join(&entry.file);
                let shebang = fs::read(&file).unwrap().starts_with(b"#!");
                let mode = fs::metadata(&file).unwrap().permissions().mode();
                assert_eq!(mode & 0o100 != 0, shebang, "{}", file.display());
            }
        }
        let changed = workspace.skills[0].manifest_path();
        fs::write(&changed, "mine").unwrap();
        assert_eq!(write_to(&root).unwrap(), 0);
        assert_eq!(fs::read_to_string(&changed).unwrap(), "mine");
    }
}
