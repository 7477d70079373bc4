//! A skill's folder, listed once: discovery, reading and the search for entries share the listing. Its files are read
//! without waiting and in bounds.

use std::ffi::OsString;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Most items of one folder that are looked at.
const MAX_ITEMS: usize = 100_000;

#[derive(Debug)]
pub struct Folder {
    /// Absolute, links resolved.
    pub path: PathBuf,
    /// Its name as a client sees it: of a linked folder that is the name of the link.
    pub name: String,
    /// What lies in it, by name.
    pub items: Vec<(OsString, FileType)>,
}

impl Folder {
    /// List the folder `dir`.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(dir)?;
        let name = dir.file_name().or_else(|| path.file_name()).unwrap_or_default();
        Self::list(path.clone(), name.to_string_lossy().into_owned())
    }

    /// List the folder at `path`, of which all links are resolved.
    pub fn list(path: PathBuf, name: String) -> io::Result<Self> {
        let entries = fs::read_dir(&path)?.flatten().take(MAX_ITEMS);
        let mut items: Vec<(OsString, FileType)> =
            entries.filter_map(|entry| Some((entry.file_name(), entry.file_type().ok()?))).collect();
        items.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self { path, name, items })
    }

    /// Whether something of exactly that name lies in it.
    pub fn has(&self, name: &str) -> bool {
        self.items.iter().any(|(item, _)| item == name)
    }

    /// Whether it holds a `SKILL.md`, in whatever case.
    pub fn is_skill(&self) -> bool {
        self.items.iter().any(|(item, _)| item.eq_ignore_ascii_case("SKILL.md"))
    }
}

/// The first `most` bytes of a regular file, and whether there are more.
pub fn read_bounded(file: &Path, most: u64) -> io::Result<(Vec<u8>, bool)> {
    let file = open_plain(file)?;
    let mut bytes = Vec::with_capacity(file.metadata()?.len().min(most) as usize);
    // One byte more than is wanted tells whether there is more.
    file.take(most + 1).read_to_end(&mut bytes)?;
    let more = bytes.len() as u64 > most;
    bytes.truncate(most as usize);
    Ok((bytes, more))
}

/// Open a file of a skill: a pipe or device in its place would block the reader for ever.
pub(crate) fn open_plain(file: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(file)?;
    let data = opened.metadata()?;
    if data.is_file() {
        return Ok(opened);
    }
    let what = if data.is_dir() { "it is a folder" } else { "it is not a regular file" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}
