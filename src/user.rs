//! Where the files of the user lie that runs this program: the XDG Base Directory Specification.

use std::path::PathBuf;

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Written by the user: themes.
    Config,
    /// Worth keeping: approvals.
    Data,
    /// Worth keeping for a while: the journal of runs.
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
