//! Works out the plan of a run: what is visible, what may be started, which variables are passed. Looks at the
//! file system, changes nothing, starts nothing; [`materialise_write_grants`] is the one step that does, and
//! the caller takes it just before the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::execute;
use super::withheld::{self, Withheld};
use crate::policy::{Grant, Host, NetRule, Places, Policy, programs};
use crate::sandbox::plan::{Access, Bind, NetEntry, NetHost, Observe, Plan};
use crate::skill::{Entry, Language, Skill};

/// What somebody wants to run, and under which policy.
#[derive(Debug, Clone)]
pub struct RunRequest {
    pub skill: Arc<Skill>,
    pub entry: Entry,
    pub args: Vec<String>,
    /// Standard input.
    pub input: Vec<u8>,
    pub cwd: WorkingDirectory,
    /// The folder that holds `.skills/`.
    pub workspace: PathBuf,
    /// The policy in force.
    pub policy: Policy,
    /// What the skill's own file asks for beyond it; shown, not granted.
    pub asked: Option<Policy>,
    pub observe: Observe,
    pub require_full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum WorkingDirectory {
    #[default]
    Skill,
    Workspace,
    Scratch,
}

/// A request with its plan.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub request: RunRequest,
    pub plan: Plan,
    pub places: Places,
    /// Variables that the skill seems to use and that are set outside, but not passed.
    pub withheld: Vec<Withheld>,
    /// What could not be done as asked although the run can go on: one sentence each.
    pub notes: Vec<String>,
}

/// Why a run cannot be planned; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("interpreter not found: {0} is needed to run {1}; install it or put it on PATH")]
    InterpreterMissing(&'static str, String),
    #[error("{0}")]
    Path(String),
}

/// Work out the plan, with the variables of this process as the caller's.
pub fn prepare(request: RunRequest) -> Result<Prepared, PrepareError> {
    // Names and values that are not UTF-8 cannot be granted, so they need not be looked at.
    let caller =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    prepare_for(request, &caller.collect())
}

/// Work out the plan for a caller with these variables.
pub fn prepare_for(request: RunRequest, caller: &BTreeMap<String, String>) -> Result<Prepared, PrepareError> {
    let skill = &request.skill;
    let interpreter = &request.entry.interpreter;
    let file = request.entry.file.display().to_string();
    let Some(program) = interpreter.program.clone() else {
        return Err(PrepareError::InterpreterMissing(interpreter.language.name(), file));
    };
    let script = skill.path.join(&request.entry.file);
    let script = script.canonicalize().map_err(|error| {
        PrepareError::Path(format!("{}: {error}; look at `skilldeck list` for the entries", script.display()))
    })?;
    let home = caller.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let places = Places { workspace: request.workspace.clone(), home };

    let mut notes = Vec::new();
    let started = execute::started(&program, &script, &request.policy, caller, &mut notes);
    let mut view = View::default();
    view.system();
    view.interpreter(&program, &interpreter.prefix);
    for extra in &started.visible {
        view.add(extra, Access::Read, true);
    }
    view.skill(&request, &script)?;
    view.grants(&request.policy, &mut notes);
    let view = view.ordered(&request.policy, &skill.path)?;

    let mut argv = vec![utf8(&program)?.to_owned()];
    argv.extend(interpreter.arguments.iter().cloned());
    if interpreter.language != Language::Native {
        argv.push(utf8(&script)?.to_owned());
    }
    argv.extend(request.args.iter().cloned());
    if let Some(bad) = argv.iter().find(|arg| arg.contains('\0')) {
        let shown = bad.replace('\0', "\\0");
        return Err(PrepareError::Path(format!("the argument `{shown}` holds a NUL; leave it out")));
    }

    if request.observe == Observe::Off && !request.policy.net.is_empty() {
        notes.push("net grants are not in force: without observation nobody makes the connections".into());
    }
    let env = environment(&request, &started.search_path, caller);
    let withheld = withheld::find(&request, caller);
    let plan = Plan {
        program,
        argv,
        env,
        cwd: working_directory(&request),
        stdin: request.input.clone(),
        view,
        execute: started.files,
        may_execute: started.any_granted,
        net: destinations(&request.policy),
        limits: request.policy.limits,
        observe: request.observe,
        require_full: request.require_full,
    };
    for bind in &plan.view {
        utf8(&bind.path)?;
    }
    utf8(&plan.cwd)?;
    Ok(Prepared { request, plan, places, withheld, notes })
}

/// Grants and denials of the network, in the sandbox's words.
fn destinations(policy: &Policy) -> Vec<NetEntry> {
    let entries = |grants: &[Grant<NetRule>], allow| -> Vec<NetEntry> {
        let entry = |rule: &NetRule| NetEntry {
            host: match &rule.host {
                Host::Name(name) => NetHost::Name(name.clone()),
                Host::Net(address, length) => NetHost::Net(*address, *length),
            },
            ports: rule.ports.clone(),
            allow,
        };
        grants.iter().map(|grant| entry(&grant.value)).collect()
    };
    // Without a grant there is nothing that a denial could take away.
    if policy.net.is_empty() {
        return Vec::new();
    }
    [entries(&policy.net, true), entries(&policy.deny.net, false)].concat()
}

/// Make what the policy lets the run write and what does not exist yet: a folder, or an empty file when the name
/// has an extension (`./report.md`). A path that is not there cannot be made visible inside.
pub fn materialise_write_grants(prepared: &Prepared) -> Result<(), PrepareError> {
    for grant in &prepared.request.policy.write {
        let path = &grant.value;
        if path.exists() {
            continue;
        }
        let is_file = path.extension().is_some() && !grant.written.ends_with('/');
        let made = if is_file {
            path.parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::File::create_new(path))
                .map(drop)
        } else {
            std::fs::create_dir_all(path)
        };
        made.map_err(|error| {
            PrepareError::Path(format!(
                "{} grants write {}, which cannot be made: {error}; make it yourself or correct the grant",
                grant.origin, grant.written
            ))
        })?;
    }
    Ok(())
}

fn working_directory(request: &RunRequest) -> PathBuf {
    match request.cwd {
        WorkingDirectory::Skill => request.skill.path.clone(),
        WorkingDirectory::Workspace => real(&request.workspace),
        WorkingDirectory::Scratch => PathBuf::from(Plan::SCRATCH),
    }
}

/// The fixed safe set, then what is granted: a grant for `LANG` passes the caller's.
fn environment(
    request: &RunRequest,
    search_path: &str,
    caller: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let skill = request.skill.path.to_string_lossy();
    let mut env: BTreeMap<&str, &str> = BTreeMap::from([
        ("PATH", search_path),
        ("HOME", Plan::HOME),
        ("TMPDIR", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TERM", "dumb"),
        ("USER", "skill"),
        ("SKILLDECK", "1"),
        ("SKILL_DIR", &skill),
    ]);
    if matches!(request.entry.interpreter.language, Language::Python | Language::Uv) {
        // Lines are to appear when they are printed, and the skill's folder is read-only.
        env.insert("PYTHONUNBUFFERED", "1");
        env.insert("PYTHONDONTWRITEBYTECODE", "1");
    }
    let denied = |name: &str| request.policy.deny.env.iter().any(|deny| deny.value == name);
    for grant in &request.policy.env {
        if let Some((name, value)) = caller.get_key_value(&grant.value)
            && !denied(name)
        {
            env.insert(name, value);
        }
    }
    env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The paths that a run sees, before they are put in order.
#[derive(Default)]
struct View {
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
    fn add(&mut self, path: &Path, access: Access, system: bool) {
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

    fn system(&mut self) {
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

    fn interpreter(&mut self, program: &Path, prefixes: &[PathBuf]) {
        for path in prefixes {
            self.add_real(path, Access::Read, true);
        }
        self.add_real(program, Access::Read, true);
    }

    fn skill(&mut self, request: &RunRequest, script: &Path) -> Result<(), PrepareError> {
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
            // The entry is a link out of the folder: the script alone comes into view.
            self.add(script, Access::Read, false);
        }
        Ok(())
    }

    fn grants(&mut self, policy: &Policy, notes: &mut Vec<String>) {
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
    /// `write` of the whole workspace does not open it, one of the folder itself or of something in it does.
    fn ordered(mut self, policy: &Policy, skill: &Path) -> Result<Vec<Bind>, PrepareError> {
        let writable: Vec<PathBuf> =
            self.binds.iter().filter(|b| b.access == Access::Write).map(|b| b.path.clone()).collect();
        let under_write = |path: &Path| writable.iter().any(|w| path.starts_with(w));
        let covered_read = |b: &Bind| b.access == Access::Read && !b.system && b.path != skill;
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
        // A run never rewrites the request that it runs under.
        let own_policy = skill.join(crate::policy::FILE_NAME);
        if under_write(&own_policy) && own_policy.exists() {
            ordered.push(Bind { path: own_policy, access: Access::Read, system: false });
        }
        for (grants, access) in [(&policy.deny.write, Access::Read), (&policy.deny.read, Access::Deny)] {
            for grant in grants {
                let path = real(&grant.value);
                let visible = ordered.iter().any(|b| path.starts_with(&b.path) || b.path.starts_with(&path));
                if path.exists() && visible {
                    ordered.push(Bind { path, access, system: false });
                } else if under_write(&path) {
                    return Err(PrepareError::Path(format!(
                        "{} denies {}, which does not exist inside a writable folder and so cannot be kept closed; make it first, or grant a narrower folder",
                        grant.origin, grant.written
                    )));
                }
            }
        }
        Ok(ordered)
    }
}

/// The path with its links resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn utf8(path: &Path) -> Result<&str, PrepareError> {
    path.to_str().ok_or_else(|| {
        let text = format!("{} is not UTF-8; rename it, or leave it out of the policy", path.display());
        PrepareError::Path(text)
    })
}

/// The `PATH` inside.
pub(super) fn base_search_path() -> &'static str {
    programs::SEARCH_PATH
}
