//! This machine with something taken away, for the program that a command starts.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::common::{NOBODY, User};

/// What is taken away before the program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// A filter such as Docker's: no clone3, no new user namespaces.
    UserNamespaces,
    /// The same by `user.max_user_namespaces`.
    UserNamespacesBySysctl,
    /// Namespaces come without rights inside, as AppArmor does it.
    Mounts,
    /// Mounts, but not the calls that came with Linux 5.2 and 5.12.
    NewMounts,
    Landlock,
    Proc,
    Listener,
}

/// A filter that answers a call with `errno`, when the argument has the flags; always without.
fn refusing(call: i64, flags: Option<(u8, u64)>, errno: i32) -> BpfProgram {
    filter_of(call, flags, SeccompAction::Errno(errno as u32))
}

pub(crate) fn filter_of(call: i64, flags: Option<(u8, u64)>, action: SeccompAction) -> BpfProgram {
    let rules = flags.map_or_else(Vec::new, |(argument, flags)| {
        let op = SeccompCmpOp::MaskedEq(flags);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, flags).unwrap();
        vec![SeccompRule::new(vec![condition]).unwrap()]
    });
    let rules = BTreeMap::from([(call, rules)]);
    let arch = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap().try_into().unwrap()
}

fn filters(without: &[Without]) -> Vec<BpfProgram> {
    let mut filters = Vec::new();
    for one in without {
        match one {
            Without::UserNamespaces => {
                const NEWUSER: u64 = libc::CLONE_NEWUSER as u64;
                filters.push(refusing(libc::SYS_clone3, None, libc::ENOSYS));
                filters.push(refusing(libc::SYS_clone, Some((0, NEWUSER)), libc::EPERM));
                filters.push(refusing(libc::SYS_unshare, Some((0, NEWUSER)), libc::EPERM));
            }
            Without::Mounts => filters.push(refusing(libc::SYS_mount, None, libc::EACCES)),
            Without::NewMounts => filters.push(refusing(libc::SYS_open_tree, None, libc::ENOSYS)),
            Without::Landlock => {
                filters.push(refusing(libc::SYS_landlock_create_ruleset, None, libc::EOPNOTSUPP));
            }
            Without::UserNamespacesBySysctl | Without::Proc | Without::Listener => {}
        }
    }
    filters
}

/// Take it away from the program that the command starts.
pub(crate) fn take(command: &mut Command, user: User, without: &[Without]) {
    let filters = filters(without);
    let has = |one| without.contains(&one);
    let (sysctl, proc, listener) =
        (has(Without::UserNamespacesBySysctl), has(Without::Proc), has(Without::Listener));
    // SAFETY: plain system calls on data that was made before; the test's other threads hold no lock that these need.
    unsafe {
        command.pre_exec(move || {
            if proc {
                mask_proc()?;
            }
            if sysctl {
                if user == User::Nobody {
                    nix::unistd::setgroups(&[])?;
                    nix::unistd::setgid(NOBODY.into())?;
                    nix::unistd::setuid(NOBODY.into())?;
                    // Owner of its own files in /proc again.
                    nix::sys::prctl::set_dumpable(true)?;
                }
                forbid_user_namespaces()?;
            }
            for filter in &filters {
                seccompiler::apply_filter(filter).map_err(io::Error::other)?;
            }
            if listener {
                listen_for_nothing()?;
            }
            Ok(())
        });
    }
}

/// As a container does: something over a part of /proc, in a mount namespace of its own.
fn mask_proc() -> io::Result<()> {
    use nix::mount::{MsFlags, mount};
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some("tmpfs"), "/proc/fs", Some("tmpfs"), MsFlags::MS_RDONLY, None::<&str>)?;
    Ok(())
}

/// In a user namespace in which there may be no further ones.
fn forbid_user_namespaces() -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0")
}

/// Take the one place that there is for a listener. It is left open over the start, and nobody answers: nothing is asked.
fn listen_for_nothing() -> io::Result<()> {
    let mut all = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 }];
    let program = libc::sock_fprog { len: 1, filter: all.as_mut_ptr() };
    // SAFETY: a complete program; the kernel copies it.
    let listener = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: our own descriptor; a closed listener would free the place.
    unsafe { libc::fcntl(listener as i32, libc::F_SETFD, 0) };
    Ok(())
}
