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
