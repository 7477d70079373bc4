//! Replaces a file in one step. Used for what is written into a workspace: grants and fixes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::skill::folder::read_bounded;

/// Where a file's new text is written before it takes the file's place.
pub fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// A crash leaves the old text or the new, never half of one. The file keeps its mode.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let beside = beside(file);
    let written = create(&beside, text).and_then(|()| {
        if let Ok(data) = fs::metadata(file) {
            fs::set_permissions(&beside, data.permissions())?;
        }
        fs::rename(&beside, file)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A new file. What stands there is left from a crash, or was put there by somebody who knows the name: a link that would
/// lead the text elsewhere.
fn create(file: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::create_new(file)?.write_all(text.as_bytes()),
    }
}

/// [`replace`] for a file in `folder` that still has the text `before`. Says why not, and then nothing is changed. Links are
/// followed only inside the folder: what lies outside belongs to somebody else.
pub fn exchange(folder: &Path, file: &Path, before: &str, after: &str) -> Result<(), String> {
    let target = file.canonicalize().map_err(|error| error.to_string())?;
    if !target.starts_with(folder) {
        return Err(format!("it is a link to {}, outside the skill; fix it there", target.display()));
    }
    let (now, more) = read_bounded(&target, before.len() as u64).map_err(|error| error.to_string())?;
    if more || now != before.as_bytes() {
        return Err("it has changed since it was read: look again".into());
    }
    replace(&target, after).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_under_the_name_beside_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (file, outside) = (folder.path().join("SKILL.md"), folder.path().join("outside"));
        fs::write(&file, "old").unwrap();
        fs::write(&outside, "mine").unwrap();
        std::os::unix::fs::symlink(&outside, beside(&file)).unwrap();
        replace(&file, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
        assert!(!beside(&file).exists());
    }

    #[test]
    fn a_pipe_in_a_files_place_is_told_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let file = real.join("SKILL.md");
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let said = exchange(&real, &file, "old", "new").unwrap_err();
        assert!(said.contains("not a regular file"), "{said}");
    }
}
