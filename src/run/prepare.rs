//! Works out the plan of a run: what is visible, what may be started, which variables are passed. Looks at the
//! file system, changes nothing, starts nothing; [`materialise_write_grants`] is the one step that does, and
//! the caller takes it just before the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::view::View;
use super::withheld::{self, Withheld};
use super::{closed, execute, links, source};
use crate::environment::{self, Needs};
use crate::policy::{Grant, Host, NetRule, Places, Policy, programs};
use crate::sandbox::plan::{Access, NetEntry, NetHost, Observe, Plan};
use crate::skill::entry::shebang;
use crate::skill::{Entry, Language, Skill, typescript};

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
    /// Where the packages of the entry come from; its interpreter is the one of the environment.
    pub needs: Needs,
    /// skilldeck's own folders, which no grant opens for writing.
    pub own: Vec<PathBuf>,
    /// Variables that the skill seems to use and that are set outside, but not passed.
    pub withheld: Vec<Withheld>,
    /// What could not be done as asked although the run can go on: one sentence each.
    pub notes: Vec<String>,
}

/// Why a run cannot be planned; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("interpreter not found: {0} is needed to run {1}; install it or put it on PATH")]
    InterpreterMissing(String, String),
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
pub fn prepare_for(
    mut request: RunRequest,
    caller: &BTreeMap<String, String>,
) -> Result<Prepared, PrepareError> {
    let needs = environment::needs(&request.skill, &request.entry, caller);
    if let Some(interpreter) = needs.interpreter(&request.entry) {
        request.entry.interpreter = interpreter;
    }
    let skill = &request.skill;
    let interpreter = &request.entry.interpreter;
    let file = request.entry.file.display().to_string();
    let Some(program) = interpreter.program.clone() else {
        let script = source::read(&skill.path, &request.entry.file).unwrap_or_default();
        let named = shebang(script.as_bytes()).filter(|_| interpreter.language == Language::Other);
        let name = named.map_or(interpreter.language.name().to_owned(), |line| line.command);
        return Err(PrepareError::InterpreterMissing(name, file));
    };
    let script = skill.path.join(&request.entry.file);
    let script = script.canonicalize().map_err(|error| {
        PrepareError::Path(format!("{}: {error}; look at `skilldeck list` for the entries", script.display()))
    })?;
    links::check_entry(&request, &script)?;
    for (permission, grants) in [("read", &request.policy.read), ("write", &request.policy.write)] {
        for grant in grants {
            links::check_grant(permission, grant, &request.workspace)?;
        }
    }
    let home = caller.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let places = Places { workspace: request.workspace.clone(), home };

    let mut notes: Vec<String> = needs.note(&skill.name).into_iter().collect();
    if interpreter.language == Language::Node
        && typescript::is_typescript(&request.entry.file)
        && let typescript::Support::No(major, minor) = typescript::support(&program)
    {
        notes.push(format!(
            "{file} is TypeScript, which Node {major}.{minor} does not run; 22.18 and newer do"
        ));
    }
    let started =
        execute::started(&program, &script, needs.programs().as_deref(), &request.policy, caller, &mut notes);
    let mut view = View::default();
    view.system();
    view.interpreter(&program, &interpreter.prefix);
    for extra in &started.visible {
        view.add(extra, Access::Read, true);
    }
    // Node looks for packages beside the script and in every folder above it. The top one is the sandbox's own.
    let node_modules = needs.node_modules();
    for modules in node_modules.iter().filter_map(|modules| modules.parent()) {
        view.add(modules, Access::Read, true);
    }
    view.skill(&request, &script)?;
    let own = closed::folders(caller);
    let closed = closed::within(&own, &request.policy)?;
    view.grants(&request.policy, &mut notes);
    let view = view.ordered(&request.policy, &skill.path, &closed)?;

    let mut argv = vec![utf8(&program)?.to_owned()];
    argv.extend(interpreter.arguments.iter().cloned());
    argv.extend(keep_positions(&request).map(str::to_owned));
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
        links: node_modules.map(|modules| (PathBuf::from("/node_modules"), modules)).into_iter().collect(),
        execute: started.files,
        loaders: started.loaders,
        may_execute: started.any_granted,
        net: destinations(&request.policy),
        limits: request.policy.limits,
        observe: request.observe,
        require_full: request.require_full,
        captures: None,
    };
    for bind in &plan.view {
        utf8(&bind.path)?;
    }
    utf8(&plan.cwd)?;
    Ok(Prepared { request, plan, places, needs, own, withheld, notes })
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
    closed::make(prepared);
    for grant in &prepared.request.policy.write {
        let path = &grant.value;
        // Looked at again: what was there when the plan was made may be a link now.
        links::check_grant("write", grant, &prepared.request.workspace)?;
        if path.exists() {
            continue;
        }
        let made = if names_a_file(grant) {
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

/// What a write grant means when nothing is there: a name with an extension is a file.
pub(super) fn names_a_file(grant: &Grant<PathBuf>) -> bool {
    grant.value.extension().is_some() && !grant.written.ends_with('/')
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

/// The path with its links resolved, as far as it exists.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// V8 leaves out where in the source its bytecode comes from until somebody asks, and nobody can from outside.
fn keep_positions(request: &RunRequest) -> Option<&'static str> {
    let interpreter = &request.entry.interpreter;
    let name = interpreter.program.as_ref().and_then(|program| program.file_name()?.to_str());
    let node = interpreter.language == Language::Node && matches!(name, Some("node" | "nodejs"));
    (node && request.observe != Observe::Off).then_some("--no-enable-lazy-source-positions")
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
