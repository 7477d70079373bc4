//! Prepares an environment: `skilldeck env SKILL`. Runs installers, on the user's word only.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::installer::{self, Ended};
use super::store::{Record, Store, StoreError};
use super::{Declaration, Environment, Kind, node, packages, python};
use crate::policy::programs;
use crate::skill::{Entry, Skill};

/// What a build is doing.
#[derive(Debug)]
pub enum Progress<'a> {
    Step(String),
    /// A line of an installer; foreign text.
    Line(&'a str),
}

/// One build; see the fields for what may be asked.
pub struct Builder<'a> {
    pub store: &'a Store,
    /// The user's variables.
    pub caller: &'a BTreeMap<String, String>,
    /// Let packages run code of their own while they are installed: sources that are built, npm's scripts.
    pub allow_scripts: bool,
    /// Install again although it is prepared.
    pub rebuild: bool,
    /// Set it to end the build.
    pub cancelled: &'a AtomicBool,
    pub progress: &'a mut dyn FnMut(Progress<'_>),
}

impl std::fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("store", self.store).finish_non_exhaustive()
    }
}

/// Why nothing was prepared; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{0} not found: it is needed to install {1}; {2}")]
    Missing(&'static str, String, &'static str),
    #[error("{0} asks for {1} {2}, and {3} is {4}; put a fitting one first on PATH")]
    Version(String, &'static str, String, String, String),
    #[error(
        "cannot be installed without running code of its own: {0}; --allow-scripts lets it run, outside the sandbox"
    )]
    Scripts(String),
    #[error("{step} failed ({status}){said}{hint}")]
    Failed { step: String, status: String, said: String, hint: &'static str },
    #[error("{} cannot be started: {error}", .program.display())]
    Start { program: PathBuf, error: io::Error },
    #[error("the environment cannot be finished: {0}")]
    Finish(io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cancelled; nothing was prepared")]
    Cancelled,
}

impl Builder<'_> {
    /// Prepare what `entry` needs. Returns the environment, and whether it was made just now.
    pub fn build(
        &mut self,
        skill: &Skill,
        entry: &Entry,
        declaration: &Declaration,
    ) -> Result<(Environment, bool), BuildError> {
        let language = entry.interpreter.language.name();
        let Some(interpreter) = &entry.interpreter.program else {
            let next = "install it or put it on PATH";
            return Err(BuildError::Missing(language, declaration.file.display().to_string(), next));
        };
        if !self.allow_scripts && !declaration.builds.is_empty() {
            return Err(BuildError::Scripts(declaration.builds.join(", ")));
        }
        let key = declaration.key(interpreter);
        let progress = &mut *self.progress;
        let lock = self.store.lock(&key, || {
            progress(Progress::Step(
                "waiting for another skilldeck that prepares the same environment".into(),
            ));
        })?;
        if !self.rebuild
            && let Some(environment) = self.store.find(&key)
        {
            return Ok((environment, false));
        }
        let folder = self.store.begin(&key, &lock)?;
        let mut record = Record::new(&key, declaration.kind, &folder);
        record.skill = skill.path.display().to_string();
        record.file = declaration.file.display().to_string();
        record.interpreter = interpreter.display().to_string();
        record.scripts_allowed = self.allow_scripts;
        let filled = match declaration.kind {
            Kind::Python => self.python(interpreter, declaration, &folder, &mut record),
            Kind::Node => self.node(interpreter, declaration, &folder, &mut record),
        };
        let built = filled.and_then(|()| {
            record.bytes = seal(&folder).map_err(BuildError::Finish)?;
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(BuildError::Cancelled);
            }
            Ok(self.store.publish(&record, &lock)?)
        });
        if built.is_err() {
            self.store.abandon(&key, &folder, lock);
        }
        built.map(|environment| (environment, true))
    }

    fn python(
        &mut self,
        interpreter: &Path,
        declaration: &Declaration,
        folder: &Path,
        record: &mut Record,
    ) -> Result<(), BuildError> {
        let version = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
        record.interpreter_version = self.version(interpreter, folder, &["-I", "-S", "-c", version]);
        check_version(declaration, record, "Python")?;
        let uv = self.find("uv");
        let step = format!("virtual environment of Python {}", record.interpreter_version);
        let program = folder.join(python::PROGRAM);
        let mut install;
        if let Some(uv) = &uv {
            record.installer = first_words(&self.version(uv, folder, &["--version"]));
            let mut make = self.command(uv, folder);
            make.args(["venv", "--no-project", "--color", "never", "--python"]).arg(interpreter).arg(folder);
            self.run(step, make, "")?;
            install = self.command(uv, folder);
            install.args(["pip", "install", "--color", "never", "--no-progress", "--python"]);
            install.arg(&program).args(if self.allow_scripts { &[][..] } else { &["--no-build"] });
        } else {
            // The pip of the interpreter can install elsewhere; where it cannot, the environment gets one of its own.
            let pip = first_words(&self.version(interpreter, folder, &["-I", "-m", "pip", "--version"]));
            let major: Option<u32> = pip.strip_prefix("pip ").and_then(|v| v.split('.').next()?.parse().ok());
            let outside = major >= Some(23);
            let mut make = self.command(interpreter, folder);
            make.args(["-I", "-m", "venv"]).args(outside.then_some("--without-pip")).arg(folder);
            let hint = "; Python's venv and ensurepip are needed (Debian: python3-venv), or uv";
            self.run(step, make, hint)?;
            install = self.command(if outside { interpreter } else { &program }, folder);
            install.args(["-I", "-m", "pip"]);
            if outside {
                install.arg("--python").arg(&program);
            }
            install.args(["install", "--no-input", "--disable-pip-version-check"]);
            install.args(["--no-color", "--progress-bar", "off"]);
            record.installer = if outside { pip } else { "pip".to_owned() };
            install.args(if self.allow_scripts { &[][..] } else { &["--only-binary", ":all:"] });
        }
        write_files(declaration, folder).map_err(BuildError::Finish)?;
        install.args(["-r", python::REQUIREMENTS]);
        let hint = if self.allow_scripts {
            ""
        } else {
            "; only wheels are installed: --allow-scripts builds what exists as source only, outside the sandbox"
        };
        let step = format!("{} from {}, with {}", declaration.summary(), record.file, record.installer);
        self.run(step, install, hint)?;
        if uv.is_some() {
            // Runs cannot: the environment is read-only for them. Not by uv, whose compiler starts the environment's
            // Python, and with it what packages put into `.pth` files.
            let mut compile = self.command(interpreter, folder);
            compile.args(["-I", "-S", "-m", "compileall", "-q", "lib"]);
            match self.run("bytecode".to_owned(), compile, "") {
                // Packages hold files for other versions of Python.
                Ok(()) | Err(BuildError::Failed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        record.packages = packages::of_python(folder);
        Ok(())
    }

    fn node(
        &mut self,
        interpreter: &Path,
        declaration: &Declaration,
        folder: &Path,
        record: &mut Record,
    ) -> Result<(), BuildError> {
        let version = self.version(interpreter, folder, &["--version"]);
        version.trim_start_matches('v').clone_into(&mut record.interpreter_version);
        check_version(declaration, record, "Node")?;
        let beside = interpreter.with_file_name("npm");
        let npm = Some(beside).filter(|npm| npm.is_file()).or_else(|| self.find("npm"));
        let Some(npm) = npm else {
            return Err(BuildError::Missing("npm", record.file.clone(), "install it with Node"));
        };
        // npm is a script of the first `node` on PATH.
        let mut path = interpreter.parent().unwrap_or(Path::new("/")).display().to_string();
        path.extend([":", self.caller.get("PATH").map_or("", String::as_str)]);
        let mut version = self.command(&npm, folder);
        version.env("PATH", &path);
        let version = installer::ask(version, &["--version"]).unwrap_or_default();
        format!("npm {version}").trim_end().clone_into(&mut record.installer);
        write_files(declaration, folder).map_err(BuildError::Finish)?;
        let locked = node::LOCKS.iter().any(|lock| folder.join(lock).exists());
        let mut install = self.command(&npm, folder);
        install.env("PATH", &path).arg(if locked { "ci" } else { "install" });
        install.args(["--no-audit", "--no-fund", "--omit=dev", "--no-update-notifier", "--color=false"]);
        install.arg(format!("--ignore-scripts={}", !self.allow_scripts));
        let step = format!("{} from {}, with {}", declaration.summary(), record.file, record.installer);
        self.run(step, install, "")?;
        record.packages = packages::of_node(folder);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        programs::find(name, self.caller.get("PATH").map_or("", String::as_str))
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        installer::command(program, folder, self.caller)
    }

    fn version(&self, program: &Path, folder: &Path, arguments: &[&str]) -> String {
        installer::ask(self.command(program, folder), arguments).unwrap_or_default()
    }

    fn run(&mut self, step: String, command: Command, hint: &'static str) -> Result<(), BuildError> {
        (self.progress)(Progress::Step(step.clone()));
        let program = PathBuf::from(command.get_program());
        let ended = installer::run(command, self.progress, self.cancelled);
        match ended.map_err(|error| BuildError::Start { program, error })? {
            Ended::Well => Ok(()),
            Ended::Cancelled => Err(BuildError::Cancelled),
            Ended::Badly { status, last_lines } => {
                // Installers say most at the end, and then go on about themselves.
                let said = last_lines.iter().rev().find(|line| line.to_lowercase().contains("error"));
                let said = said.or(last_lines.last()).map(|line| format!(": {}", line.trim()));
                let said = said.unwrap_or_default();
                Err(BuildError::Failed { step, status: status.to_string(), said, hint })
            }
        }
    }
}

fn check_version(declaration: &Declaration, record: &Record, name: &'static str) -> Result<(), BuildError> {
    let Some(wanted) = &declaration.requires else { return Ok(()) };
    // Not known for certain is left to the installer.
    if python::satisfies(&record.interpreter_version, wanted) != Some(false) {
        return Ok(());
    }
    let (file, interpreter) = (record.file.clone(), record.interpreter.clone());
    Err(BuildError::Version(file, name, wanted.clone(), interpreter, record.interpreter_version.clone()))
}

/// `pip 23.2.1`, without where it is and what it was made for.
fn first_words(version: &str) -> String {
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn write_files(declaration: &Declaration, folder: &Path) -> io::Result<()> {
    for (name, content) in &declaration.files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        fs::write(file, content)?;
    }
    Ok(())
}

/// Make everything readable for the program's user, who is another one when root starts a run. Returns the size of all
/// files in bytes.
fn seal(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            let mode = data.permissions().mode();
            let wanted = match data.file_type() {
                kind if kind.is_dir() => 0o755,
                kind if kind.is_file() => mode | 0o444 | if mode & 0o100 == 0 { 0 } else { 0o111 },
                _ => continue,
            };
            if data.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += data.len();
            }
            if mode | wanted != mode {
                fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode | wanted))?;
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_trees_are_readable_and_measured() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("bin");
        fs::create_dir(&inner).unwrap();
        for (name, mode) in [("a", 0o600), ("b", 0o700)] {
            fs::write(inner.join(name), "12345").unwrap();
            fs::set_permissions(inner.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink("nowhere", inner.join("c")).unwrap();
        assert_eq!(seal(dir.path()).unwrap(), 10);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&inner), mode(&inner.join("a")), mode(&inner.join("b"))], [0o755, 0o644, 0o755]);
    }
}
