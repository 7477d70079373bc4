//! The smallest grant that would allow a refused call, and wider ones where they make sense.
//!
//! A remedy is text for one list of `policy.yaml`. What must never be granted has none, and
//! [`super::decide`] says so in the rule.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::decide::Scope;
use super::model::{Grant, Origin, Permission};
use super::{links, programs, values};
use crate::sandbox::event::Operation;
use crate::sandbox::plan::Plan;

/// A change of policy that would allow a denied call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// `read`, `write`, `net`, `run` or `env`.
    pub permission: String,
    /// The value to add to that list, as it is written in `policy.yaml`.
    pub add: String,
}

impl Remedy {
    pub fn new(permission: Permission, add: impl Into<String>) -> Self {
        Self { permission: permission.name().to_owned(), add: add.into() }
    }
}

/// Grants that would allow `operation` on `target`, narrowest first; none when nothing can be granted.
pub(super) fn remedies(scope: &Scope<'_>, operation: Operation, target: &str, syscall: &str) -> Vec<Remedy> {
    let mut found = match operation {
        Operation::Read => paths(scope, Permission::Read, &read(scope, Path::new(target))),
        Operation::Write | Operation::Create | Operation::Delete => {
            paths(scope, Permission::Write, &write(scope, operation, Path::new(target), syscall))
        }
        Operation::Execute => execute(scope, Path::new(target)),
        Operation::Connect => net(target),
        Operation::Env => match values::variable(target) {
            Ok(name) => vec![Remedy::new(Permission::Env, name)],
            Err(_) => Vec::new(),
        },
        Operation::Listen | Operation::Signal | Operation::Spawn | Operation::Syscall => Vec::new(),
    };
    found.dedup();
    found
}

fn read(scope: &Scope<'_>, target: &Path) -> Vec<PathBuf> {
    let mut found = vec![target.to_owned()];
    if !target.is_dir() {
        found.extend(folder_of(scope, target));
    }
    let workspace = &scope.places.workspace;
    if target.starts_with(workspace) && acceptable(scope, workspace) {
        found.push(workspace.clone());
    }
    found
}

/// A file that exists is granted itself. A new one needs the folder that it is made in: programs write to a
/// temporary name and rename. The skill's own folder is not offered: it holds the manifest.
fn write(scope: &Scope<'_>, operation: Operation, target: &Path, syscall: &str) -> Vec<PathBuf> {
    let folder = folder_of(scope, target);
    if operation == Operation::Delete || syscall.starts_with("rename") || syscall.starts_with("link") {
        return folder.into_iter().collect();
    }
    // What is made for a grant before the start is a file when its name has an extension, else a folder: where the folder
    // is not offered, a new file without one cannot be granted.
    let is_made = syscall.starts_with("mkdir") || target.extension().is_some();
    if syscall.starts_with("mkdir") || target.exists() || folder.is_none() && is_made {
        return std::iter::once(target.to_owned()).chain(folder).collect();
    }
    folder.into_iter().collect()
}

/// The folder of a path, where granting it is not far too much.
fn folder_of(scope: &Scope<'_>, target: &Path) -> Option<PathBuf> {
    let folder = target.parent()?;
    acceptable(scope, folder).then(|| folder.to_owned())
}

fn acceptable(scope: &Scope<'_>, folder: &Path) -> bool {
    let home = scope.places.home.as_deref();
    folder.components().count() > 2
        && !scope.skill.starts_with(folder)
        && !home.is_some_and(|home| home.starts_with(folder))
        || folder == scope.places.workspace && folder.components().count() > 2 && home != Some(folder)
}

fn paths(scope: &Scope<'_>, permission: Permission, found: &[PathBuf]) -> Vec<Remedy> {
    let works = |path: &&PathBuf| permission != Permission::Write || !is_kept_open(scope, path);
    let written = |path: &PathBuf| Some(Remedy::new(permission, write_path(scope, path)?));
    found.iter().filter(works).filter_map(written).collect()
}

/// How a path is written in the policy file that the grant would go into: relative inside the skill, below
/// `${workspace}` or `~`, else absolute. `None` when the file's format has no way to say it.
fn write_path(scope: &Scope<'_>, path: &Path) -> Option<String> {
    let forms = [
        scope.own_file().then(|| below(path, scope.skill, ".")).flatten(),
        acceptable(scope, &scope.places.workspace)
            .then(|| below(path, &scope.places.workspace, "${workspace}"))
            .flatten(),
        scope.places.home.as_deref().and_then(|home| below(path, home, "~")),
        path.to_str().map(str::to_owned),
    ];
    // A form counts only if reading it back gives the same path, and if no link leads it away: such a grant is refused.
    let file = scope.policy.sources.first().cloned().unwrap_or_else(|| scope.skill.join(super::FILE_NAME));
    let stays = |form: &str| {
        let origin = Origin::File { path: file.clone(), line: 1, column: 1 };
        let grant = Grant { value: path.to_owned(), written: form.to_owned(), origin };
        links::leads_away(&grant, &scope.places.workspace).is_none()
    };
    forms.into_iter().flatten().find(|form| {
        !form.chars().any(char::is_control)
            && values::path(form, scope.skill, scope.places).is_ok_and(|read| read == path)
            && stays(form)
    })
}

/// What is denied inside a writable folder has to be there to be kept closed, so such a folder would stop the plan.
fn is_kept_open(scope: &Scope<'_>, folder: &Path) -> bool {
    let deny = &scope.policy.deny;
    deny.read.iter().chain(&deny.write).any(|deny| deny.value.starts_with(folder) && !deny.value.exists())
}

fn below(path: &Path, folder: &Path, name: &str) -> Option<String> {
    let rest = path.strip_prefix(folder).ok()?.to_str()?;
    Some(if rest.is_empty() { name.to_owned() } else { format!("{name}/{rest}") })
}

/// Programs are granted by name where the name leads to them. What the run itself made is never started.
fn execute(scope: &Scope<'_>, target: &Path) -> Vec<Remedy> {
    let private = ["/tmp", "/proc", "/dev", Plan::HOME, Plan::SCRATCH];
    let own = target.starts_with(scope.skill);
    if !own && private.iter().any(|folder| target.starts_with(folder)) {
        return Vec::new();
    }
    let Ok(real) = target.canonicalize() else { return Vec::new() };
    if !real.is_file() {
        return Vec::new();
    }
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let by_name = programs::find(name, programs::SEARCH_PATH).and_then(|found| found.canonicalize().ok());
    if by_name.as_deref() != Some(&real) || values::run(name, scope.skill, scope.places).is_err() {
        return paths(scope, Permission::Run, &[target.to_owned()]);
    }
    let mut found = vec![Remedy::new(Permission::Run, name)];
    if programs::is_coreutil(name) {
        found.push(Remedy::new(Permission::Run, "@coreutils"));
    }
    found
}

/// This port of this host, then the whole host. Local sockets and link-local addresses (the metadata service of
/// cloud machines hands out credentials there) are not offered.
fn net(target: &str) -> Vec<Remedy> {
    if target.starts_with(['/', '@']) || target.starts_with("unix:") {
        return Vec::new();
    }
    let Ok(rule) = values::net(target) else { return Vec::new() };
    let super::Host::Name(name) = &rule.host else {
        return if is_offered(&rule.host) { with_and_without_ports(rule) } else { Vec::new() };
    };
    if name.contains('*') { Vec::new() } else { with_and_without_ports(rule) }
}

fn with_and_without_ports(rule: super::NetRule) -> Vec<Remedy> {
    let narrow = Remedy::new(Permission::Net, rule.to_string());
    let wide = Remedy::new(Permission::Net, super::NetRule { ports: Vec::new(), ..rule }.to_string());
    vec![narrow, wide]
}

fn is_offered(host: &super::Host) -> bool {
    match host {
        super::Host::Net(IpAddr::V4(v4), _) => {
            !(v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast())
        }
        super::Host::Net(IpAddr::V6(v6), _) => !(v6.is_unicast_link_local() || v6.is_unspecified()),
        super::Host::Name(_) => true,
    }
}
