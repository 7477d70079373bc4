//! What this machine offers to a sandbox, layer by layer, tried rather than guessed.

use std::fs;
use std::io::Read;

use serde::Serialize;

use super::cgroup::Delegation;
use super::sys::{self, Cloned};
use super::{confine, filter};

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

/// Try every layer. Call from a single-threaded process: namespaces are tried in forked children.
pub fn examine() -> Vec<Check> {
    vec![kernel(), user_namespaces(), proc_mount(), landlock(), seccomp(), listener(), memory(), identity()]
}

/// Whether everything a run needs at full strength is there.
pub fn is_complete(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.available || !is_needed(check))
}

/// Whether a run is weaker without it. A memory cgroup only makes the supervisor's own watch finer.
pub fn is_needed(check: &Check) -> bool {
    check.name != MEMORY
}

const MEMORY: &str = "memory cgroup";

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
fn in_namespaces(namespaces: i32, inside: fn() -> std::io::Result<()>) -> std::io::Result<String> {
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

fn user_namespaces() -> Check {
    let name = "user namespaces";
    let all = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let mount_private = || {
        let flags = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
        Ok(nix::mount::mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)?)
    };
    match in_namespaces(all, mount_private) {
        Ok(error) if error.is_empty() => found(name, "user, mount, pid, net, ipc, uts, cgroup"),
        Ok(error) => lacking(name, format!("made, but without rights inside: {error}"), namespace_remedy()),
        Err(error) => lacking(name, error.to_string(), namespace_remedy()),
    }
}

/// Who forbids it here, and how to allow it.
fn namespace_remedy() -> String {
    let is = |path: &str, value: &str| read(path).as_deref() == Some(value);
    if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor restricts them to named programs: install assets/apparmor/skilldeck into /etc/apparmor.d and run \
         `apparmor_parser -r /etc/apparmor.d/skilldeck`"
            .into()
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "run `sysctl kernel.unprivileged_userns_clone=1`".into()
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "run `sysctl user.max_user_namespaces=10000`".into()
    } else {
        "in a container: allow clone(2) with CLONE_NEWUSER in its seccomp profile (docker run --security-opt \
         seccomp=unconfined), or start skilldeck outside it"
            .into()
    }
}

fn proc_mount() -> Check {
    let name = "own /proc";
    let mount = || {
        let flags = nix::mount::MsFlags::MS_NOSUID | nix::mount::MsFlags::MS_RDONLY;
        Ok(nix::mount::mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)?)
    };
    match in_namespaces(libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID, mount) {
        Ok(error) if error.is_empty() => found(name, "can be mounted"),
        Ok(error) => lacking(
            name,
            error,
            "this machine masks parts of /proc, as containers do: start the container with unmasked /proc \
             (docker run --security-opt systempaths=unconfined)",
        ),
        Err(error) => lacking(name, error.to_string(), "needs user namespaces"),
    }
}

fn landlock() -> Check {
    match confine::landlock_abi() {
        0 => lacking(
            "landlock",
            "not offered by this kernel",
            "boot with `lsm=landlock,…` (the list is in /sys/kernel/security/lsm), or use a kernel built with it",
        ),
        abi @ 1..=5 => {
            found("landlock", format!("ABI {abi} (signals and abstract sockets are held from ABI 6 on)"))
        }
        abi => found("landlock", format!("ABI {abi}")),
    }
}

fn seccomp() -> Check {
    let actions = read("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if actions.split_whitespace().any(|action| action == "user_notif") {
        found("seccomp", format!("actions: {actions}"))
    } else {
        let detail = if actions.is_empty() {
            "not offered by this kernel".into()
        } else {
            format!("actions: {actions}")
        };
        lacking("seccomp", detail, "use a kernel built with CONFIG_SECCOMP_FILTER, 5.0 or newer")
    }
}

/// Only one listener may exist in a chain of filters: under another supervisor ours is refused.
fn listener() -> Check {
    let name = "seccomp listener";
    let install = || {
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        filter::try_listener()
    };
    match in_namespaces(0, install).unwrap_or_else(|error| error.to_string()) {
        error if error.is_empty() => found(name, "can be installed"),
        error => lacking(
            name,
            error,
            "another supervisor already listens to this process (a container manager or another sandbox): start \
             skilldeck outside it, or run with --observe off",
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
