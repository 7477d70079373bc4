//! Replaces a file in one step. Used for what is written into a workspace: grants and fixes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a file's new text is written before it takes the file's place.
pub fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// A crash leaves the old text or the new, never half of one. The file keeps its mode.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let beside = beside(file);
    let written = fs::write(&beside, text).and_then(|()| {
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

/// [`replace`] for a file in `folder` that still has the text `before`. Says why not, and then nothing is changed. Links are
/// followed only inside the folder: what lies outside belongs to somebody else.
pub fn exchange(folder: &Path, file: &Path, before: &str, after: &str) -> Result<(), String> {
    let target = file.canonicalize().map_err(|error| error.to_string())?;
    if !target.starts_with(folder) {
        return Err(format!("it is a link to {}, outside the skill; fix it there", target.display()));
    }
    let now = fs::read(&target).map_err(|error| error.to_string())?;
    if now != before.as_bytes() {
        return Err("it has changed since it was read: look again".into());
    }
    replace(&target, after).map_err(|error| error.to_string())
}
