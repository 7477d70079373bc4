//! Which rule decided about a refused call. The kernel refuses; this says why, in the policy's own terms.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::load::Places;
use super::model::{Grant, Host, NetRule, Origin, Permission, Policy, RunRule};
use super::remedy::{self, Remedy};
use super::{programs, summary, values};
use crate::sandbox::event::{Layer, Operation};
use crate::sandbox::plan::Plan;

/// What a call is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// What the skill's own file asks for, when that is not in force.
    pub asked: Option<&'a Policy>,
    /// The skill's folder, real.
    pub skill: &'a Path,
    pub places: &'a Places,
    /// skilldeck's own folders, which no grant opens for writing.
    pub own: &'a [PathBuf],
}

/// A refused call, as far as a policy is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub operation: Operation,
    /// Path, `host:port`, variable or call name.
    pub target: &'a str,
    pub syscall: &'a str,
    pub layer: Layer,
}

/// Why a call was refused, and what would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// `policy.yaml:4 denies …`, or `default: …`.
    pub rule: String,
    pub origin: Origin,
    pub remedy: Option<Remedy>,
    pub alternatives: Vec<Remedy>,
    /// The skill asks for this and nobody approved it: where.
    pub asked: Option<String>,
}

impl Scope<'_> {
    /// Judge a refused call.
    pub fn rule(&self, call: &Call<'_>) -> Ruling {
        if let Some((written, origin)) = self.denied_by(call) {
            let rule = format!("{} denies {} {written}", self.place(&origin), noun(call.operation));
            return Ruling { rule, origin, remedy: None, alternatives: Vec::new(), asked: None };
        }
        let (sentence, grantable) = self.default_rule(call);
        let mut remedies = if grantable {
            remedy::remedies(self, call.operation, call.target, call.syscall)
        } else {
            Vec::new()
        };
        let remedy = if remedies.is_empty() { None } else { Some(remedies.remove(0)) };
        let asked = if grantable { self.asked_for(call) } else { None };
        Ruling { rule: sentence, origin: Origin::Default, remedy, alternatives: remedies, asked }
    }

    /// Whether remedies go into the skill's own file, so that `./out` means the skill's.
    pub(super) fn own_file(&self) -> bool {
        self.policy.sources.iter().all(|source| source.parent() == Some(self.skill))
    }

    /// `policy.yaml:4` for the skill's own file, the whole path for others.
    pub(crate) fn place(&self, origin: &Origin) -> String {
        match origin {
            Origin::File { path, line, .. } => {
                let short = path.strip_prefix(self.skill).unwrap_or(path);
                format!("{}:{line}", short.display())
            }
            other => other.to_string(),
        }
    }

    fn denied_by(&self, call: &Call<'_>) -> Option<(String, Origin)> {
        let deny = &self.policy.deny;
        let path = Path::new(call.target);
        match call.operation {
            Operation::Read => covering(&deny.read, path),
            Operation::Write | Operation::Create | Operation::Delete => {
                covering(&deny.write, path).or_else(|| covering(&deny.read, path))
            }
            Operation::Execute => program(&deny.run, path).or_else(|| covering(&deny.read, path)),
            Operation::Connect => host(&deny.net, call.target),
            Operation::Env => named(&deny.env, call.target),
            _ => None,
        }
    }

    /// The grant of the policy in force that covers a call, as `policy.yaml:4 grants read ./data`. Whether the call is
    /// allowed is the plan's business.
    pub fn granted(&self, operation: Operation, target: &str) -> Option<(String, Origin)> {
        let policy = self.policy;
        let path = Path::new(target);
        let write = || covering(&policy.write, path).map(|found| (Permission::Write, found));
        let (permission, (written, origin)) = match operation {
            Operation::Read => {
                covering(&policy.read, path).map(|found| (Permission::Read, found)).or_else(write)
            }
            Operation::Write | Operation::Create | Operation::Delete => write(),
            Operation::Execute => program(&policy.run, path).map(|found| (Permission::Run, found)),
            Operation::Connect => host(&policy.net, target).map(|found| (Permission::Net, found)),
            Operation::Env => named(&policy.env, target).map(|found| (Permission::Env, found)),
            _ => None,
        }?;
        Some((format!("{} grants {permission} {written}", self.place(&origin)), origin))
    }

    fn asked_for(&self, call: &Call<'_>) -> Option<String> {
        let asked = self.asked?;
        let path = Path::new(call.target);
        let (written, origin) = match call.operation {
            Operation::Read => covering(&asked.read, path).or_else(|| covering(&asked.write, path)),
            Operation::Write | Operation::Create | Operation::Delete => covering(&asked.write, path),
            Operation::Execute => program(&asked.run, path),
            Operation::Connect => host(&asked.net, call.target),
            Operation::Env => named(&asked.env, call.target),
            _ => None,
        }?;
        let (place, noun) = (self.place(&origin), noun(call.operation));
        let own = matches!(&origin, Origin::File { path, .. } if path.ends_with(super::FILE_NAME));
        Some(if own {
            format!(
                "{place} asks for {noun} {written}: not approved; see `skilldeck approve`, or run with --trust"
            )
        } else {
            format!("{place} hints at {noun} {written}: not a grant; write it into {}", super::FILE_NAME)
        })
    }

    /// The built-in rule that refused the call, and whether a policy may change it.
    fn default_rule(&self, call: &Call<'_>) -> (String, bool) {
        match call.layer {
            Layer::Permissions => {
                return ("not the policy: the file's own owner and mode refuse this".to_owned(), false);
            }
            Layer::Limit => return (self.limit_rule(call), false),
            _ => {}
        }
        let path = Path::new(call.target);
        if call.operation == Operation::Execute && is_made_by_run(path) {
            return ("default: what the run itself made is never started".to_owned(), false);
        }
        let kernel = ["/proc", "/sys", "/dev"].into_iter().find(|folder| path.starts_with(folder));
        match (call.operation, kernel) {
            (
                Operation::Read
                | Operation::Write
                | Operation::Create
                | Operation::Delete
                | Operation::Execute,
                Some(folder),
            ) => (kernel_rule(folder).to_owned(), false),
            (Operation::Read, None) => {
                ("default: only the system, the skill and private folders can be read".to_owned(), true)
            }
            (Operation::Create | Operation::Delete, None) if self.grants_file(path).is_some() => {
                // The folder around is what is closed: saving under another name and renaming is making a name in it.
                let (written, place) = self.grants_file(path).unwrap_or_default();
                (
                    format!(
                        "{place} grants write {written} in place: to replace or delete it needs its folder"
                    ),
                    true,
                )
            }
            (Operation::Write | Operation::Create | Operation::Delete, None) => self.write_rule(path),
            (Operation::Execute, None) => self.execute_rule(path),
            (Operation::Connect, _) => self.connect_rule(call),
            (Operation::Env, _) => {
                ("default: only a fixed, safe set of variables is passed".to_owned(), true)
            }
            (Operation::Listen, _) => ("default: waiting for connections is never allowed".to_owned(), false),
            (Operation::Signal, _) => {
                ("default: processes outside of the run are never reached by signals".to_owned(), false)
            }
            (Operation::Spawn, _) => (self.limit_rule(call), false),
            (Operation::Syscall, _) => (syscall_rule(call.syscall).to_owned(), false),
        }
    }

    /// The grant that is for this very path, and its place.
    fn grants_file(&self, path: &Path) -> Option<(String, String)> {
        let is = |grant: &&Grant<PathBuf>| {
            grant.value == path || grant.value.canonicalize().is_ok_and(|real| real == path)
        };
        self.policy.write.iter().find(is).map(|grant| (grant.written.clone(), self.place(&grant.origin)))
    }

    fn write_rule(&self, path: &Path) -> (String, bool) {
        let rule = if path == self.skill.join(super::FILE_NAME) {
            return ("default: a run never rewrites the policy file of its own skill".to_owned(), false);
        } else if self.own.iter().any(|own| path.starts_with(own)) {
            let rule = "default: approvals and prepared packages are never written by a run";
            return (rule.to_owned(), false);
        } else if path.starts_with(self.skill) {
            "default: a skill's own folder is read-only"
        } else if ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"].iter().any(|f| path.starts_with(f)) {
            return ("default: the system is never writable".to_owned(), false);
        } else {
            "default: only /tmp, HOME and the scratch folder can be written, and they are private"
        };
        (rule.to_owned(), true)
    }

    fn execute_rule(&self, path: &Path) -> (String, bool) {
        let private = ["/tmp", Plan::HOME, Plan::SCRATCH];
        if !path.starts_with(self.skill) && private.iter().any(|folder| path.starts_with(folder)) {
            return ("default: what the run itself made is never started".to_owned(), false);
        }
        match self.policy.run.first() {
            None => ("default: no programs can be started".to_owned(), true),
            Some(first) => {
                let place = self.place(&first.origin);
                (format!("default: only the programs granted (from {place} on) can be started"), true)
            }
        }
    }

    fn connect_rule(&self, call: &Call<'_>) -> (String, bool) {
        let target = call.target;
        if target.starts_with(['/', '@']) || target.starts_with("unix:") {
            return ("default: local sockets of other programs are never reached".to_owned(), false);
        }
        if target == "unreadable" {
            let rule = "default: a process that nobody can look into connects to nothing";
            return (rule.to_owned(), false);
        }
        if target == "MSG_FASTOPEN" {
            let rule = "default: connections are made with connect; sending along with it is never allowed";
            return (rule.to_owned(), false);
        }
        if host(&self.policy.net, target).is_some() {
            return covered_rule(target);
        }
        let star = self.policy.net.iter().find(|g| matches!(&g.value.host, Host::Name(name) if name == "*"));
        if let Some(star) = star.filter(|_| address(target).is_some()) {
            let place = self.place(&star.origin);
            return (
                format!("default: * ({place}) covers names only, addresses are granted themselves"),
                true,
            );
        }
        match self.policy.net.first() {
            None => ("default: no network".to_owned(), true),
            Some(first) => {
                (format!("default: only the hosts granted (from {} on)", self.place(&first.origin)), true)
            }
        }
    }

    fn limit_rule(&self, call: &Call<'_>) -> String {
        if call.operation == Operation::Connect {
            return "default: few connections are under way at once, and few destinations get datagrams"
                .to_owned();
        }
        let limits = &self.policy.limits;
        let (name, value) = match call.operation {
            Operation::Spawn => ("processes", limits.processes.to_string()),
            Operation::Write | Operation::Create => ("file_size", summary::size(limits.file_size)),
            Operation::Read => ("open_files", limits.open_files.to_string()),
            _ => ("memory", summary::size(limits.memory)),
        };
        let origin = self.policy.limit_origins.iter().find(|(limit, _)| *limit == name);
        let place = origin.map_or("default".to_owned(), |(_, origin)| self.place(origin));
        format!("{place}: limit {name} {value}")
    }
}

/// Why a destination is refused that a grant covers.
fn covered_rule(target: &str) -> (String, bool) {
    if address(target).is_some_and(|address| address.is_loopback()) {
        return ("default: this machine itself is reached only by a grant that names it".to_owned(), true);
    }
    (
        "not the grants: this host is covered, but a name that leads there has to be granted itself"
            .to_owned(),
        false,
    )
}

/// The address of a destination that is given by one.
fn address(target: &str) -> Option<IpAddr> {
    match values::net(target).ok()?.host {
        Host::Net(address, _) => Some(address),
        Host::Name(_) => None,
    }
}

/// A file without a name, reached through a descriptor: `memfd_create(2)`, `proc_pid_fd(5)`.
fn is_made_by_run(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.starts_with("/memfd:") || text.starts_with("/proc/") && text.contains("/fd/")
}

/// The list of a policy that an operation is about.
pub(crate) fn noun(operation: Operation) -> &'static str {
    match operation {
        Operation::Write | Operation::Create | Operation::Delete => Permission::Write.name(),
        Operation::Execute => Permission::Run.name(),
        Operation::Connect => Permission::Net.name(),
        Operation::Env => Permission::Env.name(),
        _ => Permission::Read.name(),
    }
}

/// The grant whose path holds `target`.
fn covering(grants: &[Grant<PathBuf>], target: &Path) -> Option<(String, Origin)> {
    let holds = |path: &Path| target.starts_with(path);
    // The narrowest of several says most; of equal ones the first.
    let fits = |g: &&Grant<PathBuf>| holds(&g.value) || g.value.canonicalize().is_ok_and(|real| holds(&real));
    let depth = |g: &&Grant<PathBuf>| g.value.components().count();
    grants.iter().filter(fits).rev().max_by_key(depth).map(|g| (g.written.clone(), g.origin.clone()))
}

fn program(grants: &[Grant<RunRule>], target: &Path) -> Option<(String, Origin)> {
    let real = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    let is = |name: &str| {
        programs::find(name, programs::SEARCH_PATH)
            .is_some_and(|found| found == target || found.canonicalize().is_ok_and(|found| found == real))
    };
    let found = grants.iter().find(|g| match &g.value {
        RunRule::Program(name) => is(name),
        RunRule::Path(path) => {
            target.starts_with(path) || path.canonicalize().is_ok_and(|path| real.starts_with(path))
        }
        RunRule::Group(group) => {
            let members = programs::group(group.trim_start_matches('@')).unwrap_or_default();
            let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            members.contains(&name) && is(name)
        }
    })?;
    Some((found.written.clone(), found.origin.clone()))
}

fn host(grants: &[Grant<NetRule>], target: &str) -> Option<(String, Origin)> {
    let wanted = values::net(target).ok()?;
    let host = super::NetRule { ports: Vec::new(), ..wanted.clone() }.to_string();
    grants
        .iter()
        .find(|g| g.value.covers(&host, wanted.ports.first().copied()))
        .map(|g| (g.written.clone(), g.origin.clone()))
}

fn named(grants: &[Grant<String>], target: &str) -> Option<(String, Origin)> {
    grants.iter().find(|g| g.value == target).map(|g| (g.written.clone(), g.origin.clone()))
}

fn kernel_rule(folder: &str) -> &'static str {
    match folder {
        "/proc" => "default: /proc shows only the run's own processes, and cannot be granted",
        "/sys" => "default: the kernel's settings under /sys are never shown",
        _ => "default: only the harmless devices are there, and no others can be granted",
    }
}

/// Calls that no policy allows, by what they are for.
fn syscall_rule(name: &str) -> &'static str {
    match name {
        "mount" | "umount" | "umount2" | "pivot_root" | "chroot" | "unshare" | "setns" | "move_mount"
        | "open_tree" | "open_tree_attr" | "mount_setattr" | "fsopen" | "fsmount" | "fsconfig" | "fspick"
        | "clone" | "clone3" | "mknod" | "mknodat" | "name_to_handle_at" | "open_by_handle_at"
        | "statmount" | "listmount" | "swapon" | "swapoff" | "quotactl" | "quotactl_fd" => {
            "default: calls that change the kernel's view are never allowed"
        }
        "ptrace" | "process_vm_readv" | "process_vm_writev" | "process_madvise" | "kcmp" | "pidfd_getfd"
        | "pidfd_open" | "pidfd_send_signal" => {
            "default: calls that look into other processes are never allowed"
        }
        "add_key" | "request_key" | "keyctl" => "default: the kernel's keyrings are never open",
        "ioctl" | "vhangup" => "default: calls that drive a terminal or a device are never allowed",
        "socket" | "socketpair" | "bind" | "listen" | "accept" | "accept4" => {
            "default: only ordinary sockets for outgoing connections can be made"
        }
        "setuid" | "setgid" | "setreuid" | "setregid" | "setresuid" | "setresgid" | "setgroups"
        | "setfsuid" | "setfsgid" | "capset" | "prctl" => {
            "default: calls that change rights are never allowed"
        }
        "bpf" | "perf_event_open" | "userfaultfd" | "io_uring_setup" | "io_uring_enter"
        | "io_uring_register" | "init_module" | "finit_module" | "delete_module" | "kexec_load"
        | "kexec_file_load" | "modify_ldt" | "iopl" | "ioperm" | "vmsplice" | "migrate_pages"
        | "move_pages" => "default: risky parts of the kernel that scripts do not need are never open",
        "reboot" | "settimeofday" | "clock_settime" | "clock_adjtime" | "adjtimex" | "sethostname"
        | "setdomainname" | "syslog" | "acct" => "default: calls that change the machine are never allowed",
        _ => "default: this call is not among those that scripts may make",
    }
}
