//! Calls that reach beyond the program where it stands on the host's own ground, without namespaces: refused by number
//! and value, or carried out here from one copy of what they ask. None of them goes on in the caller because of what a
//! pointer pointed at.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use landlock::AccessFs;
use nix::sys::stat::{UtimensatFlags, fstat, utimensat};
use nix::sys::time::TimeSpec;

use super::super::broker::{Route, Wanted};
use super::super::filter::SOCKET_TYPE;
use super::super::launcher::Identity;
use super::super::notify::Call;
use super::super::{calls, describe, network, tracee};
use super::{Answer, Supervisor};
use crate::sandbox::event::{Layer, Operation};
use crate::sandbox::plan::NetEntry;
use crate::sandbox::syscalls;

impl Supervisor {
    /// Whether the call has been answered.
    pub(super) fn on_host(&mut self, call: &Call) -> bool {
        let abi = self.isolation.layers.landlock_abi;
        match call.number {
            libc::SYS_getxattr | libc::SYS_lgetxattr | libc::SYS_listxattr | libc::SYS_llistxattr => {
                // Asked by every `ls`; a file system without attributes answers so.
                self.listener.refuse(call, libc::EOPNOTSUPP);
            }
            libc::SYS_chmod
            | libc::SYS_fchmod
            | libc::SYS_fchmodat
            | libc::SYS_fchmodat2
            | libc::SYS_utime
            | libc::SYS_utimes
            | libc::SYS_utimensat
            | libc::SYS_futimesat
                if !calls::sets_ids(call) =>
            {
                self.change(call);
            }
            libc::SYS_connect => self.connect_from_host(call),
            libc::SYS_bind | libc::SYS_listen => {
                let target = if call.number == libc::SYS_bind {
                    network::describe_address(call.tid, call.args[1])
                } else {
                    "a socket".to_owned()
                };
                let (errno, layer) = (libc::EACCES, Layer::Seccomp);
                self.refuse(call, &Answer { operation: Operation::Listen, target: &target, errno, layer });
            }
            libc::SYS_socket if !is_tcp(call) => self.refuse_by_value(call, libc::EACCES),
            libc::SYS_kill
            | libc::SYS_tkill
            | libc::SYS_tgkill
            | libc::SYS_rt_sigqueueinfo
            | libc::SYS_rt_tgsigqueueinfo => self.signal(call, abi >= 6),
            libc::SYS_open | libc::SYS_openat if abi < 3 && cuts_what_it_reads(call) => {
                self.refuse_by_value(call, libc::EACCES);
            }
            libc::SYS_socket => return false,
            number if syscalls::reaching(abi).any(|reaching| reaching == number) => {
                self.refuse_by_value(call, libc::EPERM);
            }
            _ => return false,
        }
        true
    }

    fn refuse_by_value(&mut self, call: &Call, errno: i32) {
        let target = describe::call(call);
        let answer = Answer { operation: Operation::Syscall, target: &target, errno, layer: Layer::Seccomp };
        self.refuse(call, &answer);
    }

    /// Modes and times: Landlock does not mediate them, so that everything of the user's could be changed. Carried out
    /// here, on one inode that is held, when that lies where the program may write and belongs to it.
    fn change(&mut self, call: &Call) {
        let Some(ids) = tracee::ids(call.tid) else { return self.listener.refuse(call, libc::EPERM) };
        let Some(change) = Change::of(call) else { return self.listener.refuse(call, libc::EFAULT) };
        let path = calls::paths(call).into_iter().next();
        let place = match (&path, descriptor(call)) {
            (Some(used), _) if used.follow => self.judge.root().pin(&used.path).map_err(io::Error::from),
            (Some(used), _) => pin_link(&used.path),
            (None, Some(fd)) => tracee::copy_descriptor(ids.process, fd),
            (None, None) => Err(io::Error::from_raw_os_error(libc::ENOENT)),
        };
        if !self.listener.is_waiting(call) {
            return;
        }
        let place = match place {
            Ok(place) => place,
            // What the program may not look at must not show in the answer of one who may.
            Err(_)
                if path.is_some_and(|used| !self.judge.has_rule(&used.path, AccessFs::ReadFile.into())) =>
            {
                return self.listener.refuse(call, libc::EACCES);
            }
            Err(error) => return self.listener.done(call, Err(error)),
        };
        match self.changeable(&place) {
            Ok(()) => self.listener.done(call, change.apply(&place)),
            Err((path, errno)) => {
                let target = path.to_string_lossy();
                let layer = if errno == libc::EPERM { Layer::Permissions } else { Layer::Seccomp };
                self.refuse(call, &Answer { operation: Operation::Write, target: &target, errno, layer });
            }
        }
    }

    /// Whether the program may change what the descriptor stands for; else where that is, and what to say.
    fn changeable(&self, place: &OwnedFd) -> Result<(), (PathBuf, i32)> {
        let path = fs::read_link(format!("/proc/self/fd/{}", place.as_raw_fd())).unwrap_or_default();
        if !self.judge.has_rule(&path, AccessFs::WriteFile.into()) {
            return Err((path, libc::EACCES));
        }
        let mine = fstat(place).is_ok_and(|stat| stat.st_uid == Identity::current().uid);
        if mine { Ok(()) } else { Err((path, libc::EPERM)) }
    }

    /// Connections leave only through the broker, to addresses that are granted; to this machine's own as well.
    fn connect_from_host(&mut self, call: &Call) {
        let (Ok(raw), Some(ids)) = (network::address_argument(call), tracee::ids(call.tid)) else {
            return self.listener.refuse(call, libc::EFAULT);
        };
        if !self.listener.is_waiting(call) {
            return;
        }
        let Some(to) = network::destination_of(call, &raw) else {
            return self.refuse_by_value(call, libc::EACCES);
        };
        let ip: IpAddr = to.address.ip();
        let own = network::is_own_loopback(&to.address);
        let entries: Vec<&NetEntry> = self
            .plan
            .net
            .iter()
            .filter(|entry| entry.covers(own.then_some("localhost"), Some(ip), to.address.port()))
            .collect();
        let close = entries.iter().any(|entry| entry.allow && entry.is_close());
        let granted = !entries.is_empty() && entries.iter().all(|entry| entry.allow) && (close || !own);
        if !granted || to.protocol != "tcp" {
            return self.refuse_destination(call, &to, libc::EACCES);
        }
        // The broker tells the attempt.
        let wanted = Wanted {
            name: None,
            at: to.address,
            protocol: to.protocol,
            close,
            plan: std::sync::Arc::clone(&self.plan),
        };
        self.broker.connect(call, &ids, raw, Route::Host(wanted));
    }

    /// `scoped`: Landlock keeps signals inside. Else nothing but this does: the target is a number in a register.
    fn signal(&mut self, call: &Call, scoped: bool) {
        let target = call.args[0] as i32;
        let tree = self.judge.processes().tree();
        let inside = |id: i32| tree.is_some_and(|tree| tree.contains(id));
        let inside = match call.number {
            // Its own group; the group of a process inside; never all that the user has.
            libc::SYS_kill if target == 0 => true,
            libc::SYS_kill if target < 0 => target != -1 && inside(target.saturating_neg()),
            libc::SYS_tgkill | libc::SYS_rt_tgsigqueueinfo => inside(target) && inside(call.args[1] as i32),
            _ => inside(target),
        };
        if inside {
            return self.listener.let_through(call);
        }
        let layer = if scoped { Layer::Landlock } else { Layer::Seccomp };
        let target = format!("process {target}");
        let answer = Answer { operation: Operation::Signal, target: &target, errno: libc::EPERM, layer };
        if !scoped {
            return self.refuse(call, &answer);
        }
        let exists =
            call.args[0] as i32 > 0 && fs::exists(format!("/proc/{}", call.args[0] as i32)).unwrap_or(false);
        if exists && let Some(ids) = tracee::ids(call.tid) {
            self.report(call, &ids, &answer, false);
        }
        self.listener.let_through(call);
    }
}

/// Streams of the Internet only: datagrams and raw packets need no connection, and paths lead to local services.
fn is_tcp(call: &Call) -> bool {
    let low = |argument: usize| (call.args[argument] & 0xffff_ffff) as i32;
    matches!(low(0), libc::AF_INET | libc::AF_INET6)
        && u64::from(low(1) as u32) & SOCKET_TYPE == libc::SOCK_STREAM as u64
        && matches!(low(2), 0 | libc::IPPROTO_TCP)
}

/// `O_TRUNC` without a wish to write: Landlock before ABI 3 takes it for reading.
fn cuts_what_it_reads(call: &Call) -> bool {
    let flags = call.args[if call.number == libc::SYS_open { 1 } else { 2 }] as i32;
    flags & libc::O_TRUNC != 0 && !matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR)
}

/// The descriptor that a call changes, when it names one instead of a path.
fn descriptor(call: &Call) -> Option<i32> {
    match call.number {
        libc::SYS_fchmod => Some(call.args[0] as i32),
        // futimens(3): a null path.
        libc::SYS_utimensat | libc::SYS_futimesat if call.args[1] == 0 => Some(call.args[0] as i32),
        _ => None,
    }
}

fn pin_link(path: &std::path::Path) -> io::Result<OwnedFd> {
    use nix::fcntl::{OFlag, open};
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(open(path, flags, nix::sys::stat::Mode::empty())?)
}

/// What is to be changed, copied once.
enum Change {
    Mode(u32),
    Times(TimeSpec, TimeSpec),
}

impl Change {
    fn of(call: &Call) -> Option<Self> {
        let now = TimeSpec::new(0, libc::UTIME_NOW);
        let times = |address: u64, nanoseconds_per_unit: i64| {
            if address == 0 {
                return Some(Self::Times(now, now));
            }
            let raw = tracee::read_memory(call.tid, address, 32).ok()?;
            let number = |at: usize| Some(i64::from_ne_bytes(raw.get(at..at + 8)?.try_into().ok()?));
            let one = |at: usize| {
                Some(TimeSpec::new(number(at)?, number(at + 8)?.checked_mul(nanoseconds_per_unit)?))
            };
            Some(Self::Times(one(0)?, one(16)?))
        };
        match call.number {
            libc::SYS_chmod | libc::SYS_fchmod => Some(Self::Mode(call.args[1] as u32)),
            libc::SYS_fchmodat | libc::SYS_fchmodat2 => Some(Self::Mode(call.args[2] as u32)),
            libc::SYS_utimensat => times(call.args[2], 1),
            libc::SYS_futimesat => times(call.args[2], 1000),
            libc::SYS_utimes => times(call.args[1], 1000),
            libc::SYS_utime if call.args[1] == 0 => Some(Self::Times(now, now)),
            libc::SYS_utime => {
                let seconds =
                    |at| Some(TimeSpec::new(tracee::read_number(call.tid, call.args[1] + at)? as i64, 0));
                Some(Self::Times(seconds(0)?, seconds(8)?))
            }
            _ => None,
        }
    }

    /// Through the descriptor's own name: the inode that was looked at, wherever its path leads by now.
    fn apply(&self, place: &OwnedFd) -> io::Result<()> {
        let path = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
        match self {
            Self::Mode(mode) => {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o1777))
            }
            Self::Times(accessed, modified) => {
                let follow = UtimensatFlags::FollowSymlink;
                Ok(utimensat(nix::fcntl::AT_FDCWD, &path, accessed, modified, follow)?)
            }
        }
    }
}
