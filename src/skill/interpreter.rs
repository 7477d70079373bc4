//! Finds the real program behind `python3`, `node` and their like, outside the sandbox.
//!
//! Only the caller's environment decides where programs are: a skill can ask for an interpreter by its shebang,
//! but a path it names is taken only when it lies in a system folder, because the folder of an interpreter
//! becomes visible inside the sandbox.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::model::{Interpreter, Language};
use super::shims::{self, Managers};

/// Folders that every sandbox shows.
const SYSTEM: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];

/// Looks programs up, and remembers what it found: made anew for each reading of a workspace.
#[derive(Debug)]
pub struct Resolver {
    path: Vec<PathBuf>,
    home: Option<PathBuf>,
    managers: Managers,
    /// What PATH has under a name: many skills ask for the same few programs.
    cache: Mutex<HashMap<String, OnPath>>,
    accepted: Mutex<HashMap<PathBuf, Option<Found>>>,
}

/// The candidates for a name on PATH, in order.
#[derive(Debug, Clone)]
enum OnPath {
    /// Only real programs: the choice is the same for every folder.
    Settled(Option<Found>),
    /// Shims among them, which choose by folder.
    Candidates(Vec<PathBuf>),
}

/// A program found on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The real program; for a virtual environment its own link, which carries the environment.
    pub program: PathBuf,
    /// Folders it needs to see besides the system's.
    pub prefix: Vec<PathBuf>,
}

impl Resolver {
    /// From PATH, HOME and the variables of version managers.
    pub fn from_env() -> Self {
        let path = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        Self::new(env::split_paths(&path), env::var_os("HOME").map(PathBuf::from), Managers::from_env())
    }

    pub fn new(path: impl IntoIterator<Item = PathBuf>, home: Option<PathBuf>, managers: Managers) -> Self {
        // A relative entry of PATH means the current folder: never a place for an interpreter.
        let path = path.into_iter().filter(|dir| dir.is_absolute()).collect();
        Self { path, home, managers, cache: Mutex::default(), accepted: Mutex::default() }
    }

    /// The interpreter of `language` for a script in `folder`. `command` and `arguments` come from its shebang.
    pub fn interpreter(
        &self,
        language: Language,
        command: Option<&str>,
        arguments: Vec<String>,
        folder: &Path,
    ) -> Interpreter {
        let named = command.and_then(|command| self.command(command, folder));
        let found = named.or_else(|| names(language).iter().find_map(|name| self.find(name, folder)));
        let (program, prefix) = found.map_or((None, Vec::new()), |found| (Some(found.program), found.prefix));
        Interpreter { language, program, arguments, prefix }
    }

    /// A command as a shebang names it: by path or by name.
    fn command(&self, command: &str, folder: &Path) -> Option<Found> {
        let path = Path::new(command);
        let name = path.file_name()?.to_str()?;
        if path.is_absolute() {
            let real = fs::canonicalize(path).ok().filter(|real| is_system(real) && is_program(real));
            if let Some(program) = real {
                return Some(Found { program, prefix: Vec::new() });
            }
        }
        self.find(name, folder)
    }

    /// The first program of that name on PATH that this user may start, version managers looked through.
    pub fn find(&self, name: &str, folder: &Path) -> Option<Found> {
        let candidates = match self.on_path(name) {
            OnPath::Settled(found) => return found,
            OnPath::Candidates(candidates) => candidates,
        };
        let real = candidates.iter().find_map(|candidate| match shims::kind(candidate) {
            Some(shim) => {
                let programs = shims::resolve(&shim, name, folder, &self.managers);
                programs.into_iter().find_map(|program| self.accept(&program))
            }
            None => self.accept(candidate),
        });
        real.or_else(|| self.unlisted(name))
    }

    fn on_path(&self, name: &str) -> OnPath {
        let look = || {
            let candidates = self.path.iter().map(|dir| dir.join(name));
            let candidates: Vec<PathBuf> = candidates.filter(|candidate| candidate.is_file()).collect();
            // Up to the first real program: what comes behind it is never asked.
            let mut settled = None;
            for candidate in &candidates {
                if shims::kind(candidate).is_some() {
                    return OnPath::Candidates(candidates);
                }
                settled = self.accept(candidate);
                if settled.is_some() {
                    break;
                }
            }
            OnPath::Settled(settled.or_else(|| self.unlisted(name)))
        };
        match self.cache.lock() {
            Ok(mut cache) => cache.entry(name.to_owned()).or_insert_with(look).clone(),
            Err(_) => look(),
        }
    }

    fn unlisted(&self, name: &str) -> Option<Found> {
        shims::unlisted(name, &self.managers).iter().find_map(|program| self.accept(program))
    }

    /// The program behind a path, if this user may start it.
    fn accept(&self, candidate: &Path) -> Option<Found> {
        let Ok(mut known) = self.accepted.lock() else { return self.examine(candidate) };
        known.entry(candidate.to_path_buf()).or_insert_with(|| self.examine(candidate)).clone()
    }

    fn examine(&self, candidate: &Path) -> Option<Found> {
        let real = fs::canonicalize(candidate).ok().filter(|real| is_program(real))?;
        if let Some((environment, base)) = virtual_environment(candidate) {
            let mut prefix = vec![environment];
            prefix.extend(self.prefix(&real));
            prefix.extend(
                base.and_then(|base| fs::canonicalize(base).ok()).and_then(|b| self.prefix(&b.join("x"))),
            );
            prefix.dedup();
            return Some(Found { program: candidate.to_path_buf(), prefix });
        }
        let prefix = self.prefix(&real).into_iter().collect();
        Some(Found { program: real, prefix })
    }

    /// What has to be visible for a program to work: nothing for the system's, else the folder it is installed
    /// in, and only the file itself when that folder is shared with other things (a home, `~/.local`).
    fn prefix(&self, real: &Path) -> Option<PathBuf> {
        if is_system(real) {
            return None;
        }
        let text = real.to_string_lossy();
        if text.starts_with("/nix/store/") {
            return Some(PathBuf::from("/nix/store"));
        }
        if let Some(at) = text.find("/Cellar/") {
            return Some(PathBuf::from(&text[..at]));
        }
        let folder = real.parent()?;
        let in_bin = folder.file_name().is_some_and(|name| name == "bin");
        let prefix = if in_bin { folder.parent()? } else { folder };
        let home = self.home.as_deref();
        let shared = prefix.parent().is_none()
            || home.is_some_and(|home| home.starts_with(prefix) || prefix == home.join(".local"));
        Some(if shared { real.to_path_buf() } else { prefix.to_path_buf() })
    }
}

/// Names to look for, best first.
fn names(language: Language) -> &'static [&'static str] {
    match language {
        // Of a uv script too: see `entry`.
        Language::Python | Language::Uv => &["python3", "python"],
        Language::Sh => &["sh"],
        Language::Bash => &["bash"],
        Language::Node => &["node", "nodejs"],
        Language::Deno => &["deno"],
        Language::Ruby => &["ruby"],
        Language::Perl => &["perl"],
        Language::Native | Language::Other => &[],
    }
}

/// In a folder that every sandbox shows.
pub fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|dir| path.starts_with(dir))
}

/// A regular file that this user may execute, and that is no script: shims and wrappers are scripts.
fn is_program(real: &Path) -> bool {
    if !real.is_file() || !may_execute(real) {
        return false;
    }
    let mut magic = [0; 2];
    match File::open(real).and_then(|mut file| file.read_exact(&mut magic)) {
        Ok(()) => magic != *b"#!",
        // Executable but not readable: no script could run that way.
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

pub(super) fn may_execute(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Folder and `home` of the virtual environment that a program belongs to.
fn virtual_environment(program: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let environment = program.parent()?.parent()?;
    let config = fs::read_to_string(environment.join("pyvenv.cfg")).ok()?;
    let home = config.lines().take(100).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "home").then(|| PathBuf::from(value.trim()))
    });
    Some((environment.to_path_buf(), home))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A program that is not a script, executable.
    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"\x7fELF").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn script(path: &Path) {
        program(path);
        fs::write(path, "#!/bin/sh\n").unwrap();
    }

    fn resolver(home: &Path, path: &[PathBuf]) -> Resolver {
        Resolver::new(path.to_vec(), Some(home.to_path_buf()), Managers::default())
    }

    fn home() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        (dir, path)
    }

    #[test]
    fn pyenv_shims_lead_to_the_chosen_version() {
        let (_dir, home) = home();
        let pyenv = home.join(".pyenv");
        script(&pyenv.join("shims/python3"));
        for version in ["3.10.2", "3.11.7", "3.11.10"] {
            program(&pyenv.join("versions").join(version).join("bin/python3"));
        }
        fs::write(pyenv.join("version"), "3.10.2\n").unwrap();
        let skill = home.join("skill");
        fs::create_dir(&skill).unwrap();
        // A resolver remembers; each reading of a workspace makes a new one.
        let find = || resolver(&home, &[pyenv.join("shims")]).find("python3", &skill).unwrap();
        let found = find();
        assert_eq!(found.prefix, [pyenv.join("versions/3.10.2")]);
        // A short version means the newest of its line; `.python-version` beats the global file.
        fs::write(skill.join(".python-version"), "3.11\n").unwrap();
        let found = find();
        assert_eq!(found.program, pyenv.join("versions/3.11.10/bin/python3"));
        // A version that would leave the folder is no version.
        fs::write(skill.join(".python-version"), "../../skill\n").unwrap();
        assert_eq!(find().prefix, [pyenv.join("versions/3.10.2")]);
    }

    #[test]
    fn candidates_that_cannot_be_started_are_passed_over() {
        let (_dir, home) = home();
        program(&home.join("a/node"));
        fs::set_permissions(home.join("a/node"), fs::Permissions::from_mode(0o644)).unwrap();
        script(&home.join("b/node"));
        program(&home.join("opt/node20/bin/node"));
        let path = ["a", "b", "missing", "opt/node20/bin"].map(|dir| home.join(dir));
        let found = resolver(&home, &path).find("node", &home).unwrap();
        assert_eq!(found.program, home.join("opt/node20/bin/node"));
        assert_eq!(found.prefix, [home.join("opt/node20")]);
        assert_eq!(resolver(&home, &path[..2]).find("node", &home), None);
    }

    #[test]
    fn a_home_never_becomes_a_prefix() {
        let (_dir, home) = home();
        program(&home.join("bin/deno"));
        program(&home.join(".local/bin/uv"));
        let resolver = resolver(&home, &[home.join("bin"), home.join(".local/bin")]);
        assert_eq!(resolver.find("deno", &home).unwrap().prefix, [home.join("bin/deno")]);
        assert_eq!(resolver.find("uv", &home).unwrap().prefix, [home.join(".local/bin/uv")]);
    }

    #[test]
    fn virtual_environments_keep_their_link_and_show_both_prefixes() {
        let (_dir, home) = home();
        program(&home.join("python/bin/python3.12"));
        let bin = home.join("env/bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(home.join("python/bin/python3.12"), bin.join("python3")).unwrap();
        let config = format!("home = {}\nversion = 3.12.1\n", home.join("python/bin").display());
        fs::write(home.join("env/pyvenv.cfg"), config).unwrap();
        let found = resolver(&home, std::slice::from_ref(&bin)).find("python3", &home).unwrap();
        assert_eq!(found.program, bin.join("python3"));
        assert_eq!(found.prefix, [home.join("env"), home.join("python")]);
    }

    #[test]
    fn a_shebang_cannot_choose_a_folder_to_show() {
        let (_dir, home) = home();
        program(&home.join("secret/bin/python3"));
        let command = home.join("secret/bin/python3");
        let resolver = resolver(&home, &[PathBuf::from("/usr/bin"), PathBuf::from("/bin")]);
        let interpreter =
            resolver.interpreter(Language::Python, command.to_str(), Vec::new(), Path::new("/"));
        assert!(interpreter.program.is_none_or(|program| !program.starts_with(&home)));
        let shell = resolver.interpreter(Language::Sh, Some("/bin/sh"), Vec::new(), Path::new("/"));
        assert!(shell.program.is_some() && shell.prefix.is_empty());
    }
}
