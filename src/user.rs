//! Where the files of the user lie that runs this program (the XDG Base Directory Specification), and what the user has
//! set in `config.toml`.

mod config;

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub use config::{ConfigError, Section, Setting, Settings};

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Written by the user: settings, themes, keys.
    Config,
    /// Worth keeping: approvals.
    Data,
    /// Worth keeping for a while: the journal of runs, where the workbench was left.
    State,
    /// Can be made again: prepared packages.
    Cache,
}

impl Files {
    /// The folder for them, which need not exist. `None` for a user without a home.
    pub fn folder(self) -> Option<PathBuf> {
        self.folder_by(&|name| std::env::var_os(name).map(PathBuf::from))
    }

    /// The same for a user with these variables.
    pub fn folder_by(self, value: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        let (variable, below_home) = match self {
            Self::Config => ("XDG_CONFIG_HOME", ".config"),
            Self::Data => ("XDG_DATA_HOME", ".local/share"),
            Self::State => ("XDG_STATE_HOME", ".local/state"),
            Self::Cache => ("XDG_CACHE_HOME", ".cache"),
        };
        let absolute = |name: &str| value(name).filter(|path| path.is_absolute());
        // A home that is not there (`/nonexistent` of system users) is not made.
        let home = || absolute("HOME").filter(|home| home.is_dir());
        Some(absolute(variable).or_else(|| Some(home()?.join(below_home)))?.join("skilldeck"))
    }
}

/// The text of a small file of the user's own, read on the way to the first frame. `None` when there is none; what is
/// no regular file, longer than `most` bytes or no text is told in words.
pub fn small_text(file: &Path, most: u64) -> Result<Option<String>, String> {
    let failed = |error: io::Error| format!("it cannot be read: {error}");
    // A pipe in its place would never end.
    let opened = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let data = opened.metadata().map_err(failed)?;
    if !data.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::with_capacity(data.len().min(most) as usize + 1);
    opened.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(format!("it is larger than {} KiB", most / 1024));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".to_owned())
}
