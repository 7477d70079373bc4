//! What this machine offers to a sandbox, layer by layer, tried rather than guessed.

use std::fs;
use std::io::Read;

use serde::Serialize;

use super::cgroup::Delegation;
use super::held::{self, Form, Held};
use super::launcher::Identity;
use super::sys::{self, Cloned};
use super::{confine, filter, view, wire};
use crate::sandbox::event::Isolation;

/// One thing the sandbox is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `user namespaces`, `landlock`, …
    pub name: &'static str,
    pub available: bool,
    /// What was found, or the error.
    pub detail: String,
    /// How to get it on this machine; empty when it is there.
    pub remedy: String,
}

/// What was found, and what a run would be held by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    pub checks: Vec<Check>,
    /// As a run's report would tell it; else why no run would start, with what to do about it.
    pub run: Result<Isolation, String>,
}

/// Try every layer. Call from a single-threaded process: namespaces are tried in forked children.
pub fn examine() -> Examination {
    let (form, namespaces) = namespaces();
    let reason = if form == Form::Namespaces { String::new() } else { namespaces.detail.clone() };
    let checks =
        vec![kernel(), namespaces, proc_mount(form), landlock(), seccomp(), listener(), memory(), identity()];
    let run = would_hold(form, reason, &checks);
    Examination { checks, run }
}

/// The same words that a run would have: see [`Held::isolation`].
fn would_hold(form: Form, reason: String, checks: &[Check]) -> Result<Isolation, String> {
    let lacks = |name: &str| checks.iter().find(|check| check.name == name && !check.available);
    if let Some(check) = lacks(SECCOMP) {
        return Err(format!("seccomp: {}; {}", check.detail, check.remedy));
    }
    let identity = Identity::current();
    let landlock_abi = confine::landlock_abi();
    if form != Form::Namespaces && identity.privileged && !super::launcher::is_mapped(identity.uid) {
        return Err(held::NO_SUCH_USER.to_owned());
    }
    if form == Form::Bare && landlock_abi == 0 {
        return Err(held::nothing_holds(&reason));
    }
    let held = Held {
        form,
        reason,
        landlock_abi,
        proc: lacks(PROC).is_none(),
        busy: lacks(LISTENER).is_some(),
        cgroup: false,
        privileged: identity.privileged,
    };
    Ok(held.isolation())
}

/// Whether a run is weaker without it. A memory cgroup only makes the supervisor's own watch finer.
pub fn is_needed(check: &Check) -> bool {
    check.name != MEMORY
}

const MEMORY: &str = "memory cgroup";
const SECCOMP: &str = "seccomp";
const LISTENER: &str = "seccomp listener";
const PROC: &str = "own /proc";

fn found(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, available: true, detail: detail.into(), remedy: String::new() }
}

fn lacking(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, available: false, detail: detail.into(), remedy: remedy.into() }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// Major and minor number of the running kernel; zeros when they cannot be read.
pub(super) fn kernel_version() -> (u32, u32) {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok()).unwrap_or(0);
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    (number(parts.next()), number(parts.next()))
}

fn kernel() -> Check {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    if kernel_version() >= (5, 13) {
        found("kernel", format!("Linux {release}"))
    } else {
        lacking(
            "kernel",
            format!("Linux {release}"),
            "use Linux 5.13 or newer: mount_setattr(2) and Landlock came then",
        )
    }
}

/// Run `inside` in a child with new namespaces. Its result comes back through a pipe as text; empty means success.
fn in_namespaces(namespaces: i32, inside: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<String> {
    let (from, to) = nix::unistd::pipe()?;
    match sys::clone_into(namespaces as u64, None)? {
        Cloned::Child => {
            drop(from);
            if let Err(error) = inside() {
                let _ = nix::unistd::write(&to, error.to_string().as_bytes());
            }
            sys::exit_now(0)
        }
        Cloned::Parent { pid, .. } => {
            drop(to);
            let mut text = String::new();
            fs::File::from(from).read_to_string(&mut text)?;
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
            Ok(text)
        }
    }
}

/// What a run would be put in, with the reason when it is not everything.
fn namespaces() -> (Form, Check) {
    let name = "user namespaces";
    let inside = libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let try_view = || view::try_view().map_err(|failure| std::io::Error::other(failure.in_words()));
    let map_and_try = || {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
        try_view()
    };
    let reason = match in_namespaces(inside | libc::CLONE_NEWUSER, map_and_try) {
        Ok(error) if error.is_empty() => {
            return (Form::Namespaces, found(name, "user, mount, pid, net, ipc, uts, cgroup"));
        }
        Ok(error) => error,
        Err(error) => wire::Failure::new("create the namespaces (clone3)", &error).in_words(),
    };
    let rooted = nix::unistd::geteuid().is_root()
        && in_namespaces(inside, try_view).is_ok_and(|error| error.is_empty());
    let form = if rooted { Form::Rooted } else { Form::Bare };
    (form, lacking(name, reason, held::namespace_remedy()))
}

fn proc_mount(form: Form) -> Check {
    let name = PROC;
    let namespaces = match form {
        Form::Namespaces => libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID,
        Form::Rooted => libc::CLONE_NEWNS | libc::CLONE_NEWPID,
        Form::Bare => return lacking(name, "not without namespaces", "comes with user namespaces"),
    };
    let mount = || {
        let (flags, private) = (
            nix::mount::MsFlags::MS_NOSUID | nix::mount::MsFlags::MS_RDONLY,
            nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE,
        );
        nix::mount::mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        Ok(nix::mount::mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)?)
    };
    let error = match in_namespaces(namespaces, mount) {
        Ok(error) if error.is_empty() => return found(name, "can be mounted"),
        Ok(error) => error,
        Err(error) => error.to_string(),
    };
    lacking(
        name,
        error,
        format!("this machine masks parts of /proc, as containers do: {}", held::proc_remedy()),
    )
}

fn landlock() -> Check {
    match confine::landlock_abi() {
        0 => lacking("landlock", "not offered by this kernel", held::landlock_remedy()),
        abi @ 1..=5 => {
            let since = held::KERNELS.iter().filter(|(since, _)| *since > abi);
            let what: Vec<&str> = since.map(|(_, what)| *what).collect();
            found(
                "landlock",
                format!("ABI {abi}: knows nothing of {} (Linux 6.12 knows all)", what.join(", ")),
            )
        }
        abi => found("landlock", format!("ABI {abi}")),
    }
}

fn seccomp() -> Check {
    let actions = read("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if actions.split_whitespace().any(|action| action == "user_notif") {
        found(SECCOMP, format!("actions: {actions}"))
    } else {
        let detail = if actions.is_empty() {
            "not offered by this kernel".into()
        } else {
            format!("actions: {actions}")
        };
        lacking(SECCOMP, detail, "use a kernel built with CONFIG_SECCOMP_FILTER, 5.0 or newer")
    }
}

/// Only one listener may exist in a chain of filters: under another supervisor ours is refused.
fn listener() -> Check {
    let name = LISTENER;
    let install = || {
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        filter::try_listener()
    };
    match in_namespaces(0, install).unwrap_or_else(|error| error.to_string()) {
        error if error.is_empty() => found(name, "can be installed"),
        error => lacking(
            name,
            error,
            "another supervisor (a container manager, another sandbox) already watches this process: start skilldeck \
             outside it; runs are held and not recorded",
        ),
    }
}

fn memory() -> Check {
    let made = Delegation::here().and_then(|mut groups| {
        let group = groups.make().ok()?;
        groups.remove(&group.name).then_some(())
    });
    match made {
        Some(()) => {
            found(MEMORY, "each run has a cgroup of its own: the kernel holds memory over its process tree")
        }
        None => lacking(
            MEMORY,
            "no cgroup v2 that is ours to use: the supervisor holds memory over the process tree, by looking often",
            "not needed; with systemd, `systemd-run --user --scope skilldeck` starts where there is one",
        ),
    }
}

fn identity() -> Check {
    let uid = nix::unistd::geteuid();
    if uid.is_root() {
        found("identity", "root: programs run as uid 65534, files of a skill's owner are mapped to it")
    } else {
        found("identity", format!("uid {uid}: programs run as the same user, without capabilities"))
    }
}
