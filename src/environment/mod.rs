//! What the scripts of a skill need from package registries, and the environments in which it is prepared.
//!
//! A skill declares packages (`requirements.txt`, a PEP 723 block, `package.json`); [`Builder`] installs them outside
//! the skill and outside the sandbox, when the user says so; a run then finds them by [`needs`], and reads them only.
//! Nothing here is ever installed by a run. Used by `skilldeck env` and by [`crate::run::prepare()`].

mod build;
mod installer;
pub mod modules;
mod node;
mod packages;
mod python;
mod requirements;
mod store;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use build::{BuildError, Builder, Progress};
pub use store::{Package, Record, Store, StoreError};

use crate::skill::{Entry, Interpreter, Language, Skill};

/// Which registry and installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Python,
    Node,
}

impl Kind {
    /// As in the JSON of `skilldeck env`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }
}

/// The packages that an entry needs, as its skill declares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub kind: Kind,
    /// The file that says it, relative to the skill.
    pub file: PathBuf,
    /// Names of the packages, in the form in which the registry compares them.
    pub names: Vec<String>,
    /// Indexes and addresses that it names, besides the installer's own.
    pub sources: Vec<String>,
    /// What cannot be installed without running code of packages: places and what stands there.
    pub builds: Vec<String>,
    /// The interpreter version that is asked for, in the registry's notation.
    pub requires: Option<String>,
    /// What the installer is given, by name in its folder.
    files: Vec<(PathBuf, Vec<u8>)>,
    /// Archives and folders in the skill that are to be installed.
    locals: Vec<PathBuf>,
}

impl Declaration {
    /// One that nobody wrote.
    #[cfg(test)]
    pub(crate) fn named(kind: Kind, file: &str, names: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let (sources, builds, files, locals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { kind, file: file.into(), names, sources, builds, requires: None, files, locals }
    }

    /// `requests, rich and 3 more`, for people.
    pub fn summary(&self) -> String {
        const SHOWN: usize = 4;
        if self.names.is_empty() {
            return match self.locals.first().or(self.files.first().map(|(name, _)| name)) {
                Some(path) => path.display().to_string(),
                None => String::new(),
            };
        }
        let mut names = self.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if self.names.len() > SHOWN {
            let _ = write!(names, " and {} more", self.names.len() - SHOWN);
        }
        names
    }

    /// The name of the environment: of what is declared, and of the interpreter it is for. An interpreter that was
    /// exchanged, as updates do, is another one; so is the same declaration in another skill when it names the skill's
    /// own files.
    fn key(&self, interpreter: &Path) -> String {
        let mut hash = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(self.requires.as_deref().unwrap_or_default().as_bytes());
        for (name, content) in &self.files {
            add(name.as_os_str().as_encoded_bytes());
            add(content);
        }
        let real = interpreter.canonicalize().unwrap_or_else(|_| interpreter.to_owned());
        for path in self.locals.iter().chain([&real]) {
            add(path.as_os_str().as_encoded_bytes());
            add(stamp(path).as_bytes());
        }
        format!("{}-{}", self.kind.name(), &hash.finalize().to_hex()[..24])
    }
}

/// What tells one state of a file from another; of a folder, the states of the files directly in it. Folders in it are
/// left out: builds leave some behind.
fn stamp(path: &Path) -> String {
    const MAX_FILES: usize = 1000;
    let of_file = |path: &Path| -> Option<String> {
        let data = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(format!("{} {} {:?}", path.display(), data.len(), data.modified().ok()))
    };
    let Ok(folder) = std::fs::read_dir(path) else { return of_file(path).unwrap_or_default() };
    let files = folder.flatten().take(MAX_FILES).filter_map(|entry| of_file(&entry.path()));
    let mut files: Vec<String> = files.collect();
    files.sort();
    files.join("\n")
}

/// A declaration that cannot be used: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Relative to the skill.
    pub file: PathBuf,
    /// From 1; 0 when it is about the whole file.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.message),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.message),
        }
    }
}

/// Where the packages of an entry come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Needs {
    /// Nothing is declared.
    #[default]
    Nothing,
    /// The skill brings them: its own `.venv` or `node_modules`, absolute.
    Own { folder: PathBuf, interpreter: Option<Interpreter> },
    /// Declared and prepared.
    Prepared { declaration: Declaration, environment: Box<Environment> },
    /// Declared, not prepared.
    Unprepared(Declaration),
    /// Declared in a way that cannot be used.
    Unusable(Problem),
}

/// A prepared environment and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The virtual environment, or the folder that holds `node_modules`; absolute.
    pub folder: PathBuf,
    pub record: Record,
}

/// Look up what `entry` needs, for a caller with these variables. Reads files only.
pub fn needs(skill: &Skill, entry: &Entry, caller: &BTreeMap<String, String>) -> Needs {
    let declared = match entry.interpreter.language {
        Language::Python | Language::Uv => python::declared(skill, entry),
        Language::Node => node::declared(skill, entry),
        _ => return Needs::Nothing,
    };
    let declaration = match declared {
        Ok(Declared::Nothing) => return Needs::Nothing,
        Ok(Declared::Own { folder, interpreter }) => return Needs::Own { folder, interpreter },
        Ok(Declared::Packages(declaration)) => declaration,
        Err(problem) => return Needs::Unusable(problem),
    };
    let found = entry.interpreter.program.as_ref().and_then(|program| {
        let store = Store::of(caller).ok()?;
        store.find(&declaration.key(program))
    });
    match found {
        Some(environment) => Needs::Prepared { declaration, environment: Box::new(environment) },
        None => Needs::Unprepared(declaration),
    }
}

/// What a skill says about an entry.
enum Declared {
    Nothing,
    Own { folder: PathBuf, interpreter: Option<Interpreter> },
    Packages(Declaration),
}

impl Needs {
    /// The interpreter that runs the entry, when it is another one than without the environment.
    pub fn interpreter(&self, entry: &Entry) -> Option<Interpreter> {
        match self {
            Self::Own { interpreter, .. } => interpreter.clone(),
            Self::Prepared { declaration, environment } if declaration.kind == Kind::Python => {
                let base = &entry.interpreter;
                let prefix = std::iter::once(environment.folder.clone()).chain(base.prefix.clone());
                let program = Some(environment.folder.join(python::PROGRAM));
                Some(Interpreter { program, prefix: prefix.collect(), ..base.clone() })
            }
            _ => None,
        }
    }

    /// The folder of packages that Node is to find, when it is not in the skill.
    pub fn node_modules(&self) -> Option<PathBuf> {
        match self {
            Self::Prepared { declaration, environment } if declaration.kind == Kind::Node => {
                Some(environment.folder.join(node::MODULES))
            }
            _ => None,
        }
    }

    /// The folder of programs that the packages brought.
    pub fn programs(&self) -> Option<PathBuf> {
        let (folder, kind) = match self {
            Self::Own { folder, interpreter: Some(_) } => (folder, Kind::Python),
            Self::Own { folder, interpreter: None } => return Some(folder.join(node::PROGRAMS)),
            Self::Prepared { declaration, environment } => (&environment.folder, declaration.kind),
            _ => return None,
        };
        Some(match kind {
            Kind::Python => folder.join(python::PROGRAM).parent()?.to_owned(),
            Kind::Node => folder.join(node::MODULES).join(node::PROGRAMS),
        })
    }

    /// What a user ought to know before a run.
    pub fn note(&self, skill: &str) -> Option<String> {
        match self {
            Self::Unprepared(declaration) => Some(format!(
                "{} declares {}; the environment is not prepared: `{}`",
                declaration.file.display(),
                declaration.summary(),
                command(skill)
            )),
            Self::Unusable(problem) => Some(format!("packages are left out: {problem}")),
            _ => None,
        }
    }
}

/// The command that prepares the environments of a skill.
pub fn command(skill: &str) -> String {
    format!("skilldeck env {}", shlex::try_quote(skill).unwrap_or_default())
}
