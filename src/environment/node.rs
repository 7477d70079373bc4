//! What a Node script needs: the nearest `package.json` upwards from the script, in the skill, with its lock file.
//!
//! npm gets copies of these and of the archives that they name, in a folder of its own: `node_modules` must not be made
//! in the skill. What leads out of the skill is refused.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Declaration, Declared, Kind, Problem};
use crate::policy::normalise;
use crate::run::source;
use crate::skill::{Entry, Skill};

/// The folder in which npm installs.
pub(super) const MODULES: &str = "node_modules";

/// The folder of programs in it.
pub(super) const PROGRAMS: &str = ".bin";

/// The lock files of npm, best first.
pub(super) const LOCKS: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

/// Bytes of the archives that a skill brings, all together.
const MAX_ARCHIVES: u64 = 64 * 1024 * 1024;

pub(super) fn declared(skill: &Skill, entry: &Entry) -> Result<Declared, Problem> {
    let path = &skill.path;
    let folders = entry.file.ancestors().skip(1);
    let is_there = |folder: &&Path| path.join(folder).join("package.json").symlink_metadata().is_ok();
    let Some(folder) = folders.into_iter().find(is_there) else { return Ok(Declared::Nothing) };
    let file = folder.join("package.json");
    let problem = |file: &Path, message: String| Problem { file: file.to_owned(), line: 0, message };
    let text = |file: &Path| {
        source::read(path, file).map_err(|error| problem(file, format!("cannot be read: {error}")))
    };
    let json = |file: &Path, text: &str| -> Result<Value, Problem> {
        serde_json::from_str(text).map_err(|error| Problem {
            line: error.line(),
            ..problem(file, format!("is not JSON: {error}; correct it"))
        })
    };
    let source = text(&file)?;
    let package = json(&file, &source)?;
    let mut declaration = Declaration {
        kind: Kind::Node,
        file: file.clone(),
        names: Vec::new(),
        sources: Vec::new(),
        builds: Vec::new(),
        requires: package["engines"]["node"].as_str().map(str::to_owned),
        files: vec![("package.json".into(), source.into_bytes())],
        locals: Vec::new(),
    };
    let mut archives = Archives { skill: path, folder, room: MAX_ARCHIVES };
    for list in ["dependencies", "optionalDependencies"] {
        for (name, wanted) in package[list].as_object().into_iter().flatten() {
            declaration.names.push(name.clone());
            let wanted = wanted.as_str().unwrap_or_default();
            archives.take(wanted, &mut declaration).map_err(|message| problem(&file, message))?;
        }
    }
    if declaration.names.is_empty() {
        return Ok(Declared::Nothing);
    }
    let own = path.join(folder).join(MODULES);
    if own.is_dir() {
        return Ok(Declared::Own { folder: own, interpreter: None });
    }
    let lock = LOCKS.iter().find(|lock| path.join(folder).join(lock).symlink_metadata().is_ok());
    if let Some(name) = lock {
        let file = folder.join(name);
        let source = text(&file)?;
        let lock = json(&file, &source)?;
        for package in lock["packages"].as_object().into_iter().flat_map(|all| all.values()) {
            let from = package["resolved"].as_str().unwrap_or_default();
            let linked = package["link"].as_bool().unwrap_or_default().then(|| format!("file:{from}"));
            archives
                .take(linked.as_deref().unwrap_or(from), &mut declaration)
                .map_err(|message| problem(&file, message))?;
        }
        declaration.files.push((PathBuf::from(name), source.into_bytes()));
    }
    Ok(Declared::Packages(declaration))
}

/// Copies what a declaration names on disk.
struct Archives<'a> {
    skill: &'a Path,
    /// Of `package.json`, relative to the skill.
    folder: &'a Path,
    room: u64,
}

impl Archives<'_> {
    /// `wanted`: a version, an address, or a path.
    fn take(&mut self, wanted: &str, declaration: &mut Declaration) -> Result<(), String> {
        let Some(local) = local(wanted) else {
            let address = wanted.contains("://") || wanted.contains("git+");
            if address
                && !wanted.starts_with("https://registry.npmjs.org/")
                && !declaration.sources.iter().any(|have| have == wanted)
            {
                declaration.sources.push(wanted.to_owned());
            }
            return Ok(());
        };
        let base = self.skill.join(self.folder);
        let path = normalise(&base.join(local));
        let Ok(relative) = path.strip_prefix(&base) else {
            return Err(format!("`{wanted}` lies outside its folder; copy it there"));
        };
        if declaration.files.iter().any(|(have, _)| have == relative) {
            return Ok(());
        }
        let bytes = source::open(self.skill, &path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(self.room + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = bytes.map_err(|error| {
            format!("`{wanted}` is no archive in the skill ({error}); make one with `npm pack`")
        })?;
        self.room = self.room.checked_sub(bytes.len() as u64).ok_or("the archives are larger than 64 MiB")?;
        declaration.files.push((relative.to_owned(), bytes));
        Ok(())
    }
}

/// The path that a version means, if it means one: <https://docs.npmjs.com/cli/configuring-npm/package-json#local-paths>.
fn local(wanted: &str) -> Option<&str> {
    let named = ["file:", "link:", "workspace:"].iter().find_map(|scheme| wanted.strip_prefix(scheme));
    let named = named.map(|path| path.strip_prefix("//").unwrap_or(path));
    named.or_else(|| ["./", "../", "/", "~/"].iter().any(|start| wanted.starts_with(start)).then_some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::{Folder, Resolver, read_folder};

    fn of(files: &[(&str, &str)]) -> Result<Declared, Problem> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files.iter().chain(&[("SKILL.md", ""), ("scripts/a.mjs", "")]) {
            let file = dir.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let skill = read_folder(&Folder::open(dir.path()).unwrap(), dir.path(), &Resolver::from_env());
        declared(&skill, skill.entry(Path::new("a.mjs")).unwrap())
    }

    #[test]
    fn packages_locks_and_archives() {
        let package = r#"{"dependencies": {"left-pad": "^1.0.0", "mine": "file:./v/mine-1.0.0.tgz", "git": "git+https://e.org/x.git"}}"#;
        let lock = r#"{"packages": {"": {}, "node_modules/mine": {"resolved": "file:v/mine-1.0.0.tgz"}, "node_modules/left-pad": {"resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz"}}}"#;
        let files = [("package.json", package), ("package-lock.json", lock), ("v/mine-1.0.0.tgz", "x")];
        let Ok(Declared::Packages(found)) = of(&files) else { panic!("packages") };
        assert_eq!(found.names, ["left-pad", "mine", "git"]);
        assert_eq!(found.sources, ["git+https://e.org/x.git"]);
        let names: Vec<&str> = found.files.iter().filter_map(|(name, _)| name.to_str()).collect();
        assert_eq!(names, ["package.json", "v/mine-1.0.0.tgz", "package-lock.json"]);
    }

    #[test]
    fn nothing_and_the_skills_own() {
        assert!(matches!(of(&[]), Ok(Declared::Nothing)));
        assert!(matches!(of(&[("package.json", r#"{"type": "module"}"#)]), Ok(Declared::Nothing)));
        let package = ("package.json", r#"{"dependencies": {"a": "1"}}"#);
        assert!(matches!(
            of(&[package, ("node_modules/a/index.js", "")]),
            Ok(Declared::Own { interpreter: None, .. })
        ));
    }

    #[test]
    fn what_leads_out_is_refused() {
        for wanted in ["file:../x.tgz", "file:/etc/hosts", "../x", "link:scripts", "file:none.tgz"] {
            let package = format!(r#"{{"dependencies": {{"a": "{wanted}"}}}}"#);
            assert!(of(&[("package.json", &package)]).is_err(), "{wanted}");
        }
        let lock = r#"{"packages": {"node_modules/a": {"resolved": "../../x", "link": true}}}"#;
        let package = r#"{"dependencies": {"a": "1"}}"#;
        assert!(of(&[("package.json", package), ("package-lock.json", lock)]).is_err());
        let problem = of(&[("package.json", "{\n  oops")]).err().unwrap();
        assert_eq!(problem.line, 2);
    }
}
