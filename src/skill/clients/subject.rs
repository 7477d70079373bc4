//! What lies in a skill's folder for a client to read.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::skill::{folder, read};

/// A skill before any client has read it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The folder's name, as a client sees it.
    pub folder: String,
    /// `SKILL.md`, exactly so named. Of a file that is larger than [`crate::skill::MAX_FILE`] only the beginning.
    pub file: Result<String, Trouble>,
    /// `SKILL.md` is a symbolic link.
    pub linked: bool,
    /// `skill.md`, if there is one.
    pub lower_case: Option<Result<String, Trouble>>,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Missing,
    /// A link whose target does not exist.
    Dangling,
    /// Not UTF-8. `replaced` is what a reader sees that puts U+FFFD in place of what it cannot decode.
    NotUtf8 {
        replaced: String,
    },
    Folder,
    /// A pipe, a socket or a device.
    Special,
    /// It cannot be opened, for this reason.
    Unreadable(String),
}

impl Subject {
    /// Read the folder `path`, which clients see under the name `folder`.
    pub fn open(path: &Path, folder: &str) -> Self {
        let exact = path.join("SKILL.md");
        let lower = path.join("skill.md");
        Self {
            folder: folder.to_owned(),
            file: file(&exact),
            linked: exact.is_symlink(),
            lower_case: fs::metadata(&lower).is_ok().then(|| file(&lower)),
        }
    }

    /// A folder with nothing but a regular `SKILL.md` of these bytes.
    pub fn of_bytes(bytes: &[u8], folder: &str) -> Self {
        Self { folder: folder.to_owned(), file: text(bytes.to_vec()), linked: false, lower_case: None }
    }

    /// The text as a reader gets it that replaces what is not UTF-8, and whether it did.
    pub(super) fn lossy(&self) -> Result<(&str, bool), &Trouble> {
        match &self.file {
            Ok(text) => Ok((text, false)),
            Err(Trouble::NotUtf8 { replaced }) => Ok((replaced, true)),
            Err(trouble) => Err(trouble),
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<String, Trouble> {
    String::from_utf8(bytes).map_err(|error| Trouble::NotUtf8 {
        replaced: String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn file(path: &Path) -> Result<String, Trouble> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(Trouble::Folder),
        // Opening a pipe would wait for a writer.
        Ok(found) if !found.is_file() => return Err(Trouble::Special),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            return Err(Trouble::Dangling);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Trouble::Missing),
        Err(error) => return Err(Trouble::Unreadable(error.to_string())),
    }
    let (mut bytes, cut) =
        folder::read_bounded(path, read::MAX_FILE).map_err(|error| Trouble::Unreadable(error.to_string()))?;
    if let Err(error) = std::str::from_utf8(&bytes)
        && cut
        && error.error_len().is_none()
    {
        // The bound lies inside a character.
        bytes.truncate(error.valid_up_to());
    }
    text(bytes)
}
