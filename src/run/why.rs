//! May a skill do this? Answered from its plan and policy alone, without a run: `skilldeck why`.
//!
//! The plan says whether, because the sandbox carries out the plan; the policy says by which line.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Prepared;
use super::prepare::real;
use crate::policy::decide::{Call, noun};
use crate::policy::{self, Grant, Host, NetRule, Origin, Permission, Remedy, Scope, programs};
use crate::sandbox::event::{Layer, Operation};
use crate::sandbox::plan::{Access, Admission, Bind, Plan};

/// One thing that somebody wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Absolute.
    Read(PathBuf),
    /// Absolute.
    Write(PathBuf),
    /// `HOST:PORT`.
    Net(String),
    /// A name, or an absolute path.
    Run(String),
    Env(String),
}

/// What `skilldeck why` says, stable as part of its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub permission: &'static str,
    /// Links resolved.
    pub target: String,
    pub allowed: bool,
    /// The line that decided, or the default that did.
    pub rule: String,
    /// Where that line is; `null` for a default.
    pub origin: Option<Place>,
    /// The grant that comes nearest, when none covers it.
    pub closest: Option<Closest>,
    pub remedy: Option<Remedy>,
    pub alternatives: Vec<Remedy>,
    /// Where the skill asks for it although that is not in force.
    pub asked: Option<String>,
    /// What else has to be known.
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: PathBuf,
    /// 1-based.
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closest {
    pub permission: &'static str,
    pub written: String,
    pub origin: Option<Place>,
    pub reason: String,
}

/// A question that has no answer; says the next step.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    #[error("{0}: not a destination; write HOST:PORT, such as api.example.org:443")]
    Destination(String),
    #[error("{0}: no such program on PATH; give its path")]
    Program(String),
}

/// Whether the plan allows it, before anybody asks why.
struct Finding {
    operation: Operation,
    target: String,
    allowed: bool,
    /// Why, where no line of a policy says so.
    default: &'static str,
    note: Option<String>,
}

pub fn answer(prepared: &Prepared, question: &Question) -> Result<Answer, WhyError> {
    let finding = match question {
        Question::Read(path) => look_up(prepared, path, Operation::Read),
        Question::Write(path) => {
            look_up(prepared, path, if path.exists() { Operation::Write } else { Operation::Create })
        }
        Question::Net(destination) => connect(&prepared.plan, destination)?,
        Question::Run(program) => execute(&prepared.plan, program)?,
        Question::Env(name) => variable(prepared, name),
    };
    Ok(explain(prepared, finding))
}

fn explain(prepared: &Prepared, finding: Finding) -> Answer {
    let request = &prepared.request;
    let scope = Scope {
        policy: &request.policy,
        asked: request.asked.as_ref(),
        skill: &request.skill.path,
        places: &prepared.places,
    };
    let Finding { operation, target, allowed, default, note } = finding;
    let layer = match operation {
        Operation::Connect => Layer::Network,
        Operation::Env => Layer::Environment,
        _ => Layer::Mount,
    };
    let call = Call { operation, target: &target, syscall: "", layer };
    let permission = noun(operation);
    if allowed {
        let granted = scope.granted_by(&call);
        let rule = granted.as_ref().map_or_else(
            || default.to_owned(),
            |(written, origin)| format!("{} grants {permission} {written}", scope.place(origin)),
        );
        let origin = granted.and_then(|(_, origin)| place(&origin));
        let (closest, remedy, alternatives, asked) = (None, None, Vec::new(), None);
        return Answer {
            permission,
            target,
            allowed,
            rule,
            origin,
            closest,
            remedy,
            alternatives,
            asked,
            note,
        };
    }
    let ruling = scope.rule(&call);
    Answer {
        permission,
        allowed,
        rule: ruling.rule,
        origin: place(&ruling.origin),
        // Beside a line that says no, what others say does not matter.
        closest: if ruling.origin == Origin::Default { closest(prepared, operation, &target) } else { None },
        remedy: ruling.remedy,
        alternatives: ruling.alternatives,
        asked: ruling.asked,
        note,
        target,
    }
}

fn place(origin: &Origin) -> Option<Place> {
    match origin {
        Origin::File { path, line, .. } => Some(Place { file: path.clone(), line: *line }),
        Origin::Default | Origin::Flag(_) => None,
    }
}

/// Folders of the run's own, which vanish with it.
const PRIVATE: [&str; 4] = ["/tmp", Plan::HOME, Plan::SCRATCH, "/dev/shm"];
/// Devices of every run.
const DEVICES: [&str; 9] = ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"];
/// Files that describe the sandbox and not the machine: see `sandbox::linux::view`.
const OWN_ETC: [&str; 9] = [
    "passwd",
    "group",
    "hostname",
    "host.conf",
    "gai.conf",
    "protocols",
    "hosts",
    "resolv.conf",
    "nsswitch.conf",
];

fn look_up(prepared: &Prepared, asked: &Path, operation: Operation) -> Finding {
    let path = resolve(asked);
    let mut notes = Vec::new();
    if path != asked {
        notes.push(format!("{} leads to {}", asked.display(), path.display()));
    }
    let writes = operation != Operation::Read;
    let bind = prepared.plan.view.iter().rev().find(|bind| path.starts_with(&bind.path));
    let below = |folder: &str, names: &[&str]| {
        path.strip_prefix(folder)
            .ok()
            .and_then(|rest| rest.iter().next())
            .is_some_and(|first| first.to_str().is_some_and(|first| names.contains(&first)))
    };
    let (allowed, default) = if let Some(bind) = bind {
        if bind.access != Access::Deny && path.symlink_metadata().is_err() {
            notes.push(format!("{} does not exist", path.display()));
        }
        (permits(bind, writes), seen_by(prepared, bind))
    } else if PRIVATE.iter().any(|folder| path.starts_with(folder)) {
        notes.push(
            "it is the run's own, empty at the start and gone at the end, and not this machine's".into(),
        );
        (true, "default: /tmp, HOME and the scratch folder are the run's own")
    } else if below("/dev", &DEVICES) {
        (true, "default: the harmless devices are there")
    } else if !writes && below("/etc", &OWN_ETC) && path.iter().count() == 3 {
        notes.push("it describes the sandbox, and not this machine".into());
        (true, "default: a few files of /etc describe the sandbox")
    } else if !writes && path.starts_with("/proc") {
        notes.push("only the run's own processes are there".into());
        (true, "default: /proc shows the run's own processes")
    } else {
        (false, "")
    };
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Finding { operation, target: path.display().to_string(), allowed, default, note }
}

fn permits(bind: &Bind, writes: bool) -> bool {
    bind.access == Access::Write || bind.access == Access::Read && !writes
}

fn seen_by(prepared: &Prepared, bind: &Bind) -> &'static str {
    if bind.system {
        "default: the system and the interpreter are readable"
    } else if prepared.request.skill.path.starts_with(&bind.path) {
        "default: a skill's own folder is readable"
    } else {
        "default: it belongs to the run"
    }
}

/// Links followed as far as the path exists.
fn resolve(path: &Path) -> PathBuf {
    let path = policy::normalise(path);
    if path.starts_with("/proc") {
        // Whose numbers those are differs inside.
        return path;
    }
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolve(parent).join(name),
        _ => path,
    }
}

fn connect(plan: &Plan, destination: &str) -> Result<Finding, WhyError> {
    let unclear = || WhyError::Destination(destination.to_owned());
    let rule = policy::destination(destination).ok_or_else(unclear)?;
    let [port] = rule.ports[..] else { return Err(unclear()) };
    let (name, address) = destination_of(&rule).ok_or_else(unclear)?;
    let own = address.is_some_and(|address| address.is_loopback()) || name == Some("localhost");
    let called = if own { Some("localhost") } else { name };
    let allowed = Admission::of(&plan.net, called, address, port).admits(own);
    let note = own.then(|| {
        "inside, this is the run's own loopback, which its own processes may always use; the question is about this machine's"
            .to_owned()
    });
    let default = "default: no network";
    Ok(Finding { operation: Operation::Connect, target: rule.to_string(), allowed, default, note })
}

/// A name or one address; `None` for a pattern or a range.
fn destination_of(rule: &NetRule) -> Option<(Option<&str>, Option<IpAddr>)> {
    match &rule.host {
        Host::Name(name) => (!name.contains('*')).then_some((Some(name.as_str()), None)),
        Host::Net(address, length) => {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            (*length == whole).then_some((None, Some(*address)))
        }
    }
}

fn execute(plan: &Plan, program: &str) -> Result<Finding, WhyError> {
    let search = plan.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    let caller = std::env::var("PATH").unwrap_or_default();
    let missing = || WhyError::Program(program.to_owned());
    let found = if program.contains('/') {
        PathBuf::from(program)
    } else {
        let found = programs::find(program, search).or_else(|| programs::find(program, &caller));
        found.ok_or_else(missing)?
    };
    let path = real(&found);
    let allowed = plan.may_execute && plan.execute.iter().any(|file| path.starts_with(file));
    let note = (path != found).then(|| format!("{} leads to {}", found.display(), path.display()));
    let target = found.display().to_string();
    Ok(Finding { operation: Operation::Execute, target, allowed, default: LOADER, note })
}

/// The one way to be startable without a grant of one's own.
const LOADER: &str = "default: what the kernel needs to start a granted program may be started too";

fn variable(prepared: &Prepared, name: &str) -> Finding {
    let passed = prepared.plan.env.iter().any(|(have, _)| have == name);
    let granted = prepared.request.policy.env.iter().any(|grant| grant.value == name);
    let denied = prepared.request.policy.deny.env.iter().any(|grant| grant.value == name);
    let unset = granted && !denied && !passed;
    Finding {
        operation: Operation::Env,
        target: name.to_owned(),
        allowed: passed || unset,
        default: "default: a fixed, safe set of variables is passed",
        note: unset.then(|| format!("{name} is not set here, so there is nothing to pass")),
    }
}

/// The grant that comes nearest to a refused call.
fn closest(prepared: &Prepared, operation: Operation, target: &str) -> Option<Closest> {
    let policy = &prepared.request.policy;
    match operation {
        Operation::Read => near_path(Permission::Read, &policy.read, target)
            .or_else(|| near_path(Permission::Write, &policy.write, target)),
        Operation::Write | Operation::Create => near_path(Permission::Write, &policy.write, target)
            .or_else(|| near_path(Permission::Read, &policy.read, target)),
        Operation::Connect => near_host(&policy.net, target),
        Operation::Env => policy
            .env
            .iter()
            .find(|grant| grant.value.eq_ignore_ascii_case(target))
            .map(|grant| near(Permission::Env, grant, "differs in case".into())),
        _ => None,
    }
}

fn near<T>(permission: Permission, grant: &Grant<T>, reason: String) -> Closest {
    Closest {
        permission: permission.name(),
        written: grant.written.clone(),
        origin: place(&grant.origin),
        reason,
    }
}

/// The grant with the longest way in common, when that is more than the top of the tree.
fn near_path(permission: Permission, grants: &[Grant<PathBuf>], target: &str) -> Option<Closest> {
    let target = Path::new(target);
    let common = |grant: &Grant<PathBuf>| {
        real(&grant.value).iter().zip(target.iter()).take_while(|(one, other)| one == other).count()
    };
    let grant = grants.iter().max_by_key(|grant| common(grant)).filter(|grant| common(grant) > 2)?;
    let reason = if target.starts_with(real(&grant.value)) {
        "covers it, for reading only".to_owned()
    } else {
        let folder: PathBuf = target.iter().take(common(grant)).collect();
        format!("lies in the same folder, {}", folder.display())
    };
    Some(near(permission, grant, reason))
}

fn near_host(grants: &[Grant<NetRule>], target: &str) -> Option<Closest> {
    let wanted = policy::destination(target)?;
    let same = |grant: &&Grant<NetRule>| grant.value.host == wanted.host;
    let host = NetRule { ports: Vec::new(), ..wanted.clone() }.to_string();
    let covers =
        |grant: &&Grant<NetRule>| grant.value.ports.iter().any(|port| grant.value.covers(&host, Some(*port)));
    let grant = grants.iter().find(same).or_else(|| grants.iter().find(covers))?;
    let ports: Vec<String> = grant.value.ports.iter().map(u16::to_string).collect();
    Some(near(Permission::Net, grant, format!("covers this host, port {} only", ports.join(", "))))
}
