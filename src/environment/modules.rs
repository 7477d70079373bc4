//! Why a script did not find a module: what the skill declares, and what its environment has.
//!
//! Which package brings a module is said only when it is certain: when the names are the same, or when an environment
//! says so itself.

use std::path::Path;

use super::requirements::normal;
use super::{Kind, Needs, command};

/// An explanation and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub reason: String,
    /// The command that helps, when one does for certain.
    pub command: Option<String>,
}

/// Why the module `name` (`requests`, `google.cloud`, `@scope/package/file`) was not found by a script of the skill
/// called `skill` in `folder`.
pub fn explain(needs: &Needs, kind: Kind, skill: &str, folder: &Path, name: &str) -> Explained {
    let top = outermost(kind, name);
    let list = match kind {
        Kind::Python => "requirements.txt",
        Kind::Node => "package.json",
    };
    let prepare = command(skill);
    let declares = |names: &[String]| names.iter().any(|name| same(kind, name, top));
    let told = |reason: String| Explained { reason, command: None };
    if let Some(file) = own_module(kind, folder, top) {
        return told(format!("{file} is in the skill, where this script does not look for modules"));
    }
    match needs {
        Needs::Unprepared(declaration) if declares(&declaration.names) => Explained {
            reason: format!("declared in {}, environment not prepared", declaration.file.display()),
            command: Some(prepare),
        },
        Needs::Unprepared(declaration) => Explained {
            reason: format!(
                "{} declares no package of that name, and its environment is not prepared, so what it brings is not known",
                declaration.file.display()
            ),
            command: Some(prepare),
        },
        Needs::Prepared { declaration, environment } => {
            let brings = environment.record.packages.iter().find(|package| {
                same(kind, &package.name, top) || package.modules.iter().any(|module| module == top)
            });
            let file = declaration.file.display();
            match brings {
                Some(package) => told(format!(
                    "{} {} is in the prepared environment and has no {name}",
                    package.name, package.version
                )),
                None => told(format!(
                    "not in the prepared environment: add the package that brings it to {file}, then `{prepare}`"
                )),
            }
        }
        Needs::Own { folder, .. } => told(format!(
            "not in the skill's own {}",
            folder.file_name().unwrap_or_default().to_string_lossy()
        )),
        Needs::Unusable(problem) => told(format!("packages are left out: {problem}")),
        Needs::Nothing => {
            told(format!("not declared anywhere: add the package that brings it to {list}, then `{prepare}`"))
        }
    }
}

/// The part of a module's name that stands for what is installed.
fn outermost(kind: Kind, name: &str) -> &str {
    match kind {
        Kind::Python => name.split('.').next().unwrap_or(name),
        Kind::Node if name.starts_with('@') => {
            let end = name.match_indices('/').nth(1).map_or(name.len(), |(at, _)| at);
            &name[..end]
        }
        Kind::Node => name.split('/').next().unwrap_or(name),
    }
}

fn same(kind: Kind, package: &str, module: &str) -> bool {
    match kind {
        Kind::Python => normal(package) == normal(module),
        Kind::Node => package == module,
    }
}

/// A file or package of the skill with the module's name, relative to it.
fn own_module(kind: Kind, skill: &Path, module: &str) -> Option<String> {
    let plain = module.chars().all(|c| c.is_alphanumeric() || c == '_');
    if kind != Kind::Python || !plain {
        return None;
    }
    let places = ["", "scripts", "lib", "src"].iter().flat_map(|folder| {
        [format!("{module}.py"), format!("{module}/__init__.py")].map(|file| Path::new(folder).join(file))
    });
    let mut found = places.into_iter().filter(|file| skill.join(file).is_file());
    found.next().map(|file| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Declaration, Environment, Package, Record};

    fn declaration(names: &[&str]) -> Declaration {
        Declaration {
            kind: Kind::Python,
            file: "requirements.txt".into(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            sources: Vec::new(),
            builds: Vec::new(),
            requires: None,
            files: Vec::new(),
            locals: Vec::new(),
        }
    }

    fn of(needs: &Needs, module: &str) -> (String, bool) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("lib")).unwrap();
        std::fs::write(dir.path().join("lib/helper.py"), "").unwrap();
        let found = explain(needs, Kind::Python, "demo", dir.path(), module);
        (found.reason, found.command.is_some())
    }

    #[test]
    fn says_what_is_certain() {
        let unprepared = Needs::Unprepared(declaration(&["requests", "ruamel-yaml"]));
        let package = |name: &str, modules: &[&str]| Package {
            name: name.into(),
            version: "1.0".into(),
            modules: modules.iter().map(|module| (*module).to_owned()).collect(),
        };
        let mut record = Record::new("python-1", Kind::Python, Path::new("/e/python-1-x"));
        record.packages = vec![package("PyYAML", &["yaml", "_yaml"])];
        let environment = Box::new(Environment { folder: "/e/python-1-x".into(), record });
        let prepared = Needs::Prepared { declaration: declaration(&["pyyaml"]), environment };
        let table = [
            (&unprepared, "requests", "declared in requirements.txt, environment not prepared", true),
            (&unprepared, "requests.adapters", "declared in requirements.txt", true),
            (&unprepared, "yaml", "requirements.txt declares no package of that name", true),
            (&prepared, "yaml.none", "PyYAML 1.0 is in the prepared environment and has no yaml.none", false),
            (&prepared, "rich", "not in the prepared environment: add the package", false),
            (&Needs::Nothing, "rich", "not declared anywhere: add the package that brings it to req", false),
            (&Needs::Nothing, "helper", "lib/helper.py is in the skill", false),
        ];
        for (needs, module, expected, command) in table {
            let (reason, has) = of(needs, module);
            assert!(reason.starts_with(expected) && has == command, "{module}: {reason}");
        }
    }

    #[test]
    fn names_of_node() {
        assert_eq!(outermost(Kind::Node, "@scope/pack/file.js"), "@scope/pack");
        assert_eq!(outermost(Kind::Node, "left-pad/x"), "left-pad");
        assert_eq!(outermost(Kind::Node, "@scope"), "@scope");
    }
}
