//! Looks through version managers without starting them: pyenv and its sisters, asdf, mise, nvm, volta.
//!
//! A shim is a little program on PATH that chooses a version by files and variables each time it runs. In the
//! sandbox it would see other files and variables, so the choice is made here, by the same rules.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Where version managers live and what the environment tells them.
#[derive(Debug, Default)]
pub struct Managers {
    /// `(variable, value)` of those that choose a version (`PYENV_VERSION`, `ASDF_NODEJS_VERSION`).
    pub versions: Vec<(String, String)>,
    pub home: Option<PathBuf>,
    /// `NVM_DIR`, else `~/.nvm`.
    pub nvm: Option<PathBuf>,
    /// `VOLTA_HOME`, else `~/.volta`.
    pub volta: Option<PathBuf>,
    /// Version files already looked at: skills of one root share the folders above them.
    files: Mutex<HashMap<PathBuf, Option<String>>>,
}

impl Managers {
    pub fn from_env() -> Self {
        let home = env::var_os("HOME").map(PathBuf::from);
        let folder = |name: &str, default: &str| {
            env::var_os(name).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(default)))
        };
        let chosen = |name: &str| name.ends_with("ENV_VERSION") || name.starts_with("ASDF_");
        let variables =
            env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self {
            versions: variables.filter(|(name, _)| chosen(name)).collect(),
            nvm: folder("NVM_DIR", ".nvm"),
            volta: folder("VOLTA_HOME", ".volta"),
            home,
            files: Mutex::default(),
        }
    }

    /// The text of the nearest `file` upwards from `folder`.
    fn upwards(&self, folder: &Path, file: &str) -> Option<String> {
        folder.ancestors().take(32).find_map(|dir| self.lines(&dir.join(file)))
    }

    /// [`lines_of`], remembered.
    fn lines(&self, file: &Path) -> Option<String> {
        let Ok(mut known) = self.files.lock() else { return lines_of(file) };
        known.entry(file.to_path_buf()).or_insert_with(|| lines_of(file)).clone()
    }

    fn version(&self, variable: &str) -> Option<&str> {
        let found = self.versions.iter().find(|(name, _)| name == variable);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// A shim and the manager it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shim {
    /// pyenv, rbenv, nodenv, plenv: `ROOT/shims`, `ROOT/versions`.
    Env(PathBuf),
    /// asdf, mise: `ROOT/shims`, `ROOT/installs`.
    Installs(PathBuf),
    Volta,
}

/// Whether a program on PATH is a shim.
pub fn kind(program: &Path) -> Option<Shim> {
    let folder = program.parent()?;
    let root = folder.parent()?;
    if folder.file_name()? == "shims" {
        return Some(if root.join("installs").is_dir() {
            Shim::Installs(root.to_path_buf())
        } else {
            Shim::Env(root.to_path_buf())
        });
    }
    let target = fs::read_link(program).ok()?;
    (target.file_name()? == "volta-shim").then_some(Shim::Volta)
}

/// Programs that the shim may lead to, best first.
pub fn resolve(shim: &Shim, name: &str, folder: &Path, managers: &Managers) -> Vec<PathBuf> {
    match shim {
        Shim::Env(root) => env_style(root, name, folder, managers),
        Shim::Installs(root) => installs(root, name, folder, managers),
        Shim::Volta => managers.volta.as_deref().map(|volta| volta_image(volta, name)).unwrap_or_default(),
    }
}

/// Programs of managers that work by PATH alone, for callers whose PATH does not have them.
pub fn unlisted(name: &str, managers: &Managers) -> Vec<PathBuf> {
    let Some(nvm) = managers.nvm.as_deref().filter(|_| name == "node") else { return Vec::new() };
    let versions = nvm.join("versions/node");
    let default = managers.lines(&nvm.join("alias/default"));
    let default =
        default.and_then(|text| installed(&versions, &format!("v{}", text.trim_start_matches('v'))));
    default
        .into_iter()
        .chain(newest(&versions, ""))
        .map(|version| versions.join(version).join("bin/node"))
        .collect()
}

/// pyenv: `PYENV_VERSION`, then `.python-version` upwards, then `ROOT/version`; several versions are tried in
/// order, `system` goes on along PATH.
fn env_style(root: &Path, name: &str, folder: &Path, managers: &Managers) -> Vec<PathBuf> {
    let (variable, file) = match root.file_name().and_then(|name| name.to_str()) {
        Some(".rbenv" | "rbenv") => ("RBENV_VERSION", ".ruby-version"),
        Some(".nodenv" | "nodenv") => ("NODENV_VERSION", ".node-version"),
        Some(".plenv" | "plenv") => ("PLENV_VERSION", ".perl-version"),
        _ => ("PYENV_VERSION", ".python-version"),
    };
    let chosen = managers.version(variable).map(str::to_owned);
    let sources = [chosen, managers.upwards(folder, file), managers.lines(&root.join("version"))];
    let versions = root.join("versions");
    let wanted = sources.into_iter().flatten().flat_map(|text| {
        text.split([':', '\n', ' ']).map(|version| version.trim().to_owned()).collect::<Vec<_>>()
    });
    let installed = wanted.filter_map(|version| installed(&versions, &version));
    installed.map(|version| versions.join(version).join("bin").join(name)).collect()
}

/// asdf and mise: `ASDF_X_VERSION`, then `.tool-versions` upwards and in HOME, then the newest installed.
fn installs(root: &Path, name: &str, folder: &Path, managers: &Managers) -> Vec<PathBuf> {
    let plugins: &[&str] = match name {
        _ if name.starts_with("python") => &["python"],
        "node" | "nodejs" => &["nodejs", "node"],
        "ruby" => &["ruby"],
        "perl" => &["perl"],
        "deno" => &["deno"],
        "uv" => &["uv"],
        _ => return Vec::new(),
    };
    let mut programs = Vec::new();
    for plugin in plugins {
        let versions = root.join("installs").join(plugin);
        let variable = format!("ASDF_{}_VERSION", plugin.to_uppercase());
        let files = [
            managers.upwards(folder, ".tool-versions"),
            managers.home.as_ref().and_then(|home| managers.lines(&home.join(".tool-versions"))),
        ];
        let lines = files.into_iter().flatten().filter_map(|text| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(plugin).map(str::to_owned))?;
            line.starts_with(' ').then_some(line)
        });
        let chosen = managers.version(&variable).map(str::to_owned).into_iter().chain(lines);
        let wanted: Vec<String> =
            chosen.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
        let found = wanted.iter().filter_map(|version| installed(&versions, version));
        let found: Vec<String> = found.chain(newest(&versions, "")).collect();
        programs.extend(found.into_iter().map(|version| versions.join(version).join("bin").join(name)));
    }
    programs
}

fn volta_image(volta: &Path, name: &str) -> Vec<PathBuf> {
    let images = volta.join("tools/image/node");
    let platform = fs::read_to_string(volta.join("tools/user/platform.json")).unwrap_or_default();
    let platform: serde_json::Value = serde_json::from_str(&platform).unwrap_or_default();
    let chosen = platform["node"]["runtime"].as_str().and_then(|version| installed(&images, version));
    let versions = chosen.into_iter().chain(newest(&images, ""));
    versions.map(|version| images.join(version).join("bin").join(name)).collect()
}

/// The installed version that `wanted` means: itself, or the newest of its line (`3.11` → `3.11.10`).
/// The text may come from a stranger's file: anything but a plain name means nothing.
fn installed(versions: &Path, wanted: &str) -> Option<String> {
    let plain = wanted.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b));
    if !plain || wanted.is_empty() || wanted.starts_with('.') || wanted == "system" || wanted.len() > 64 {
        return None;
    }
    if versions.join(wanted).is_dir() {
        return Some(wanted.to_owned());
    }
    newest(versions, &format!("{wanted}.")).into_iter().next()
}

/// Versions with that beginning, newest first.
fn newest(versions: &Path, beginning: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(versions) else { return Vec::new() };
    let names = entries.flatten().take(1000).filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(beginning)).collect();
    let key = |name: &str| -> Vec<u64> {
        name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    names.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.cmp(b)));
    names
}

/// A small regular file, without comments.
fn lines_of(file: &Path) -> Option<String> {
    let metadata = fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.len() > 4096 {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Some(lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_counts_by_number() {
        let dir = tempfile::tempdir().unwrap();
        for version in ["v9.1.0", "v20.2.0", "v20.10.0", "lts"] {
            fs::create_dir(dir.path().join(version)).unwrap();
        }
        assert_eq!(newest(dir.path(), "v"), ["v20.10.0", "v20.2.0", "v9.1.0"]);
        assert_eq!(installed(dir.path(), "v20"), Some("v20.10.0".into()));
        assert_eq!(installed(dir.path(), "../x"), None);
    }

    #[test]
    fn nvm_starts_with_its_default() {
        let dir = tempfile::tempdir().unwrap();
        for version in ["v18.1.0", "v20.3.0"] {
            fs::create_dir_all(dir.path().join("versions/node").join(version)).unwrap();
        }
        let first = || {
            let managers = Managers { nvm: Some(dir.path().to_path_buf()), ..Managers::default() };
            unlisted("node", &managers)[0].clone()
        };
        assert_eq!(first(), dir.path().join("versions/node/v20.3.0/bin/node"));
        fs::create_dir(dir.path().join("alias")).unwrap();
        fs::write(dir.path().join("alias/default"), "18\n").unwrap();
        assert_eq!(first(), dir.path().join("versions/node/v18.1.0/bin/node"));
    }

    #[test]
    fn asdf_reads_tool_versions() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(".asdf");
        for version in ["18.1.0", "20.3.0"] {
            fs::create_dir_all(root.join("installs/nodejs").join(version).join("bin")).unwrap();
        }
        fs::create_dir_all(root.join("shims")).unwrap();
        fs::write(root.join("shims/node"), "#!/bin/sh\n").unwrap();
        fs::write(dir.path().join(".tool-versions"), "python 3.1\nnodejs 18.1.0 # old\n").unwrap();
        let shim = kind(&root.join("shims/node")).unwrap();
        assert_eq!(shim, Shim::Installs(root.clone()));
        let programs = resolve(&shim, "node", dir.path(), &Managers::default());
        assert_eq!(programs[0], root.join("installs/nodejs/18.1.0/bin/node"));
    }
}
