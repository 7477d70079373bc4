//! What a run sees, and in which order it is mounted: later binds cover earlier ones. Pure but for looking at the
//! file system; used by [`super::prepare()`] alone.

use std::path::{Path, PathBuf};

use super::prepare::{PrepareError, RunRequest, WorkingDirectory, real};
use crate::policy::{Grant, Policy};
use crate::sandbox::plan::{Access, Bind};

/// The paths that a run sees, before they are put in order.
#[derive(Default)]
pub(super) struct View {
    binds: Vec<Bind>,
}

/// System folders. Links among them (`/bin` → `usr/bin`) are made again inside.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// What programs need of `/etc`; nothing about this machine's users, hosts or network. Each costs two mounts at every
/// start, so what only package managers read is left out.
const ETC: [&str; 10] = [
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/alternatives",
    "/etc/mime.types",
    "/etc/services",
];

impl View {
    pub(super) fn add(&mut self, path: &Path, access: Access, system: bool) {
        self.binds.push(Bind { path: path.to_owned(), access, system });
    }

    /// A path and, when links lead elsewhere, the place they lead to.
    fn add_real(&mut self, path: &Path, access: Access, system: bool) {
        self.add(path, access, system);
        if let Ok(real) = path.canonicalize()
            && real != path
        {
            self.add(&real, access, system);
        }
    }

    pub(super) fn system(&mut self) {
        for path in SYSTEM.into_iter().chain(ETC).map(Path::new) {
            if path.symlink_metadata().is_ok() {
                self.add(path, Access::Read, true);
            }
        }
        // A distribution with its programs elsewhere, such as NixOS.
        for path in ["/nix/store", "/gnu/store"].map(Path::new) {
            if path.is_dir() {
                self.add(path, Access::Read, true);
            }
        }
    }

    pub(super) fn interpreter(&mut self, program: &Path, prefixes: &[PathBuf]) {
        for path in prefixes {
            self.add_real(path, Access::Read, true);
        }
        self.add_real(program, Access::Read, true);
    }

    pub(super) fn skill(&mut self, request: &RunRequest, script: &Path) -> Result<(), PrepareError> {
        if request.cwd == WorkingDirectory::Workspace {
            let workspace = real(&request.workspace);
            if workspace.parent().is_none() {
                let text = "the workspace is the whole file system; start in a project folder, or use --workspace DIR";
                return Err(PrepareError::Path(text.to_owned()));
            }
            self.add(&workspace, Access::Read, false);
        }
        self.add(&request.skill.path, Access::Read, false);
        if !script.starts_with(&request.skill.path) {
            // The entry is a link to a neighbour of the skill: the script alone comes into view.
            self.add(script, Access::Read, false);
        }
        Ok(())
    }

    pub(super) fn grants(&mut self, policy: &Policy, notes: &mut Vec<String>) {
        for grant in &policy.read {
            if grant.value.exists() {
                self.add_real(&grant.value, Access::Read, false);
            } else {
                notes.push(format!("{} grants read {}, which does not exist", grant.origin, grant.written));
            }
        }
        for grant in &policy.write {
            self.add_real(&grant.value, Access::Write, false);
        }
    }

    /// Wider binds before narrower ones, denials last, nothing twice.
    ///
    /// Grants add up: a `read` below a `write` takes nothing away. The skill's own folder is the exception: a
    /// `write` of the whole workspace does not open it, one of the folder itself or of something in it does. Nothing
    /// opens the folders that are `closed`.
    pub(super) fn ordered(
        mut self,
        policy: &Policy,
        skill: &Path,
        closed: &[PathBuf],
    ) -> Result<Vec<Bind>, PrepareError> {
        for folder in closed {
            self.add(folder, Access::Read, false);
        }
        let writable: Vec<PathBuf> =
            self.binds.iter().filter(|b| b.access == Access::Write).map(|b| b.path.clone()).collect();
        let under_write = |path: &Path| writable.iter().any(|w| path.starts_with(w));
        let covered_read =
            |b: &Bind| b.access == Access::Read && !b.system && b.path != skill && !closed.contains(&b.path);
        self.binds.retain(|b| !(covered_read(b) && under_write(&b.path)));
        // Stable, so that with equal paths a write (added later) comes after a read.
        self.binds.sort_by_key(|b| b.path.components().count());
        let mut ordered: Vec<Bind> = Vec::with_capacity(self.binds.len());
        for bind in self.binds {
            let (path, access) = (&bind.path, bind.access);
            if let Some(have) = ordered.iter_mut().find(|have| have.path == *path) {
                if access == Access::Write {
                    *have = bind;
                }
                continue;
            }
            // What a wider bind shows just so needs no bind of its own: each costs a mount.
            let around = ordered.iter().rev().find(|have| path.starts_with(&have.path));
            if around.is_none_or(|have| have.access != access || have.system != bind.system) {
                ordered.push(bind);
            }
        }
        let mut shown = Vec::with_capacity(ordered.len());
        at_both_paths(ordered, false, &mut shown);
        at_both_paths(self::denials(policy, skill, &shown, &under_write)?, true, &mut shown);
        Ok(held(shown))
    }
}

/// What is closed again inside of what is granted: the skill's own request, and the `deny` lists.
fn denials(
    policy: &Policy,
    skill: &Path,
    shown: &[Bind],
    under_write: &dyn Fn(&Path) -> bool,
) -> Result<Vec<Bind>, PrepareError> {
    let mut binds = Vec::new();
    // A run never rewrites the request that it runs under.
    let own_policy = skill.join(crate::policy::FILE_NAME);
    if under_write(&own_policy) && own_policy.exists() {
        binds.push(Bind { path: own_policy, access: Access::Read, system: false });
    }
    for (grants, access) in [(&policy.deny.write, Access::Read), (&policy.deny.read, Access::Deny)] {
        let mut denied: Vec<(PathBuf, &Grant<PathBuf>)> =
            grants.iter().map(|grant| (real(&grant.value), grant)).collect();
        denied.sort_by_key(|(path, _)| path.components().count());
        for (path, grant) in denied {
            let visible = shown.iter().any(|b| path.starts_with(&b.path) || b.path.starts_with(&path));
            if path.exists() && visible {
                binds.push(Bind { path, access, system: false });
            } else if under_write(&path) {
                return Err(PrepareError::Path(format!(
                    "{} denies {}, which does not exist inside a writable folder and so cannot be kept closed; make it first, or grant a narrower folder",
                    grant.origin, grant.written
                )));
            }
        }
    }
    Ok(binds)
}

/// What is closed inside a writable folder stays where it is: a mount point cannot be renamed (`EBUSY`), but a folder
/// above it could be moved away and made anew, with other content at the closed path. So each folder between is
/// mounted as well, writable as it was. rename(2).
fn held(binds: Vec<Bind>) -> Vec<Bind> {
    let mut held: Vec<Bind> = Vec::with_capacity(binds.len());
    for bind in binds {
        let around = held.iter().rev().find(|have| bind.path.starts_with(&have.path));
        if bind.access != Access::Write
            && let Some(around) = around.filter(|around| around.access == Access::Write)
        {
            let top = around.path.components().count();
            let between = bind.path.ancestors().skip(1).filter(|folder| folder.components().count() > top);
            let between: Vec<PathBuf> = between.map(Path::to_owned).collect();
            let writable = |path| Bind { path, access: Access::Write, system: false };
            held.extend(between.into_iter().rev().map(writable));
        }
        held.push(bind);
    }
    held
}

/// A grant over a link shows a folder at two paths: what is closed at one of them is closed at the other.
fn at_both_paths(binds: Vec<Bind>, closes_wider: bool, shown: &mut Vec<Bind>) {
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|data| data.is_symlink());
    let twice = shown.iter().chain(&binds).filter(|bind| !bind.system && !is_link(&bind.path));
    let aliases: Vec<(PathBuf, PathBuf, Access)> = twice
        .map(|bind| (bind.path.clone(), real(&bind.path), bind.access))
        .filter(|(path, real, _)| path != real)
        .collect();
    for bind in binds {
        let mut also = Vec::new();
        for (alias, real, access) in &aliases {
            let opens = match bind.access {
                Access::Write => false,
                Access::Read => *access == Access::Write,
                Access::Deny => true,
            };
            match bind.path.strip_prefix(real) {
                Ok(rest) if opens && !rest.as_os_str().is_empty() => also.push(alias.join(rest)),
                Ok(_) if opens && closes_wider => also.push(alias.clone()),
                Err(_) if opens && closes_wider && real.starts_with(&bind.path) => also.push(alias.clone()),
                _ => {}
            }
        }
        let (access, system) = (bind.access, bind.system);
        shown.push(bind);
        shown.extend(also.into_iter().map(|path| Bind { path, access, system }));
    }
}
