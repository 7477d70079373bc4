//! Calls decided by plain numbers: sockets, terminals, processes, large allocations.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::describe;
use super::super::filter::{
    FORBIDDEN_IOCTLS, FORBIDDEN_PRCTLS, NEW_NAMESPACES, PROTOCOLS, SOCKET_FAMILIES, SOCKET_TYPE,
};
use super::super::notify::Call;
use super::super::{confine, processes, tracee};
use super::{Answer, Supervisor};
use crate::sandbox::event::{Layer, Operation, Resource};
use crate::sandbox::plan::Plan;

impl Supervisor {
    pub(super) fn by_value(&mut self, call: &Call) {
        let low = |argument: usize| call.args[argument] & 0xffff_ffff;
        let refused = match call.number {
            libc::SYS_socket => {
                self.quick.watch_descriptors(call, &[]);
                let (family, kind) = (low(0) as i32, low(1) & SOCKET_TYPE);
                let usual = SOCKET_FAMILIES.contains(&family)
                    && kind != libc::SOCK_RAW as u64
                    && (family != libc::AF_UNIX || kind != libc::SOCK_DGRAM as u64);
                // Asking for one's own interfaces and routes, as resolvers do.
                let routes = family == libc::AF_NETLINK && low(2) as i32 == libc::NETLINK_ROUTE;
                // The kernel gives these to groups of its own choice only (icmp(7)), and leads nowhere from here.
                let ping = family != libc::AF_UNIX
                    && kind == libc::SOCK_DGRAM as u64
                    && matches!(low(2) as i32, libc::IPPROTO_ICMP | libc::IPPROTO_ICMPV6);
                let network = matches!(family, libc::AF_INET | libc::AF_INET6);
                let rare_kind = !matches!(kind as i32, libc::SOCK_STREAM | libc::SOCK_DGRAM | libc::SOCK_RAW);
                let rare = network && (rare_kind || !PROTOCOLS.contains(&(low(2) as i32)));
                match () {
                    () if !usual && !routes || ping => Some(libc::EACCES),
                    // As a kernel without them answers.
                    () if rare => Some(libc::EPROTONOSUPPORT),
                    () => None,
                }
            }
            libc::SYS_ioctl => {
                // With network grants there are sockets of the host's network, which could be asked for its interfaces.
                const SOCKET_IOCTLS: std::ops::RangeInclusive<u64> = 0x8900..=0x89ff;
                let asks_network = !self.plan.net.is_empty() && SOCKET_IOCTLS.contains(&low(1));
                (asks_network || FORBIDDEN_IOCTLS.contains(&low(1))).then_some(libc::EPERM)
            }
            // Only options, and kinds of sockets, that the filter does not let through.
            libc::SYS_setsockopt => Some(libc::EPERM),
            libc::SYS_socketpair => Some(libc::EACCES),
            libc::SYS_prctl => FORBIDDEN_PRCTLS.contains(&low(0)).then_some(libc::EPERM),
            libc::SYS_unshare => (call.args[0] & NEW_NAMESPACES != 0).then_some(libc::EPERM),
            libc::SYS_personality => (!matches!(low(0), 0 | 0xffff_ffff)).then_some(libc::EPERM),
            libc::SYS_clone if call.args[0] & NEW_NAMESPACES != 0 => Some(libc::EPERM),
            // Before the others: a negative value, which the filter leaves to us.
            libc::SYS_setpriority => Some(libc::EACCES),
            libc::SYS_prlimit64 | libc::SYS_setrlimit => return self.set_limit(call),
            libc::SYS_dup => {
                self.quick.watch_descriptors(call, &[]);
                None
            }
            libc::SYS_mmap => return self.map(call),
            libc::SYS_ftruncate | libc::SYS_fallocate => return self.allocate(call),
            libc::SYS_rt_sigaction => return self.set_handler(call),
            libc::SYS_kill
            | libc::SYS_tkill
            | libc::SYS_tgkill
            | libc::SYS_rt_sigqueueinfo
            | libc::SYS_rt_tgsigqueueinfo
            | libc::SYS_pidfd_send_signal => return self.kill(call),
            libc::SYS_listen if !self.plan.net.is_empty() => {
                return match tracee::ids(call.tid) {
                    Some(ids) => self.broker.listen(call, ids.process),
                    None => self.listener.refuse(call, libc::EBADF),
                };
            }
            _ => None,
        };
        match refused {
            None => self.listener.let_through(call),
            Some(errno) => {
                let target = describe::call(call);
                let answer =
                    Answer { operation: Operation::Syscall, target: &target, errno, layer: Layer::Seccomp };
                self.refuse(call, &answer);
            }
        }
    }

    /// A call that waits for the supervisor can be interrupted by a signal until it has been received: seccomp_unotify(2).
    /// Interrupted, it is restarted when the signal's handler has `SA_RESTART`, and else fails with EINTR, which
    /// `stat` or `open` of a file never do by themselves. The end of a child is the signal that comes all the time, so
    /// handlers of SIGCHLD always restart here. Calls that wait for signals (`pause`, `poll`, …) never restart: signal(7).
    pub(super) fn set_handler(&mut self, call: &Call) {
        // struct sigaction of the kernel: the handler, then the flags.
        const FLAGS: u64 = 8;
        let address = call.args[1].wrapping_add(FLAGS);
        if let Some(flags) = tracee::read_number(call.tid, address)
            && self.listener.is_waiting(call)
        {
            // Memory that cannot be written keeps its flags.
            let _ = tracee::write_number(call.tid, address, flags | libc::SA_RESTART as u64);
        }
        self.listener.let_through(call);
    }

    /// A limit above the hard one takes a right that nobody inside has: getrlimit(2). The kernel says so; this only tells it.
    fn set_limit(&mut self, call: &Call) {
        let (process, resource, new) = match call.number {
            libc::SYS_setrlimit => (0, call.args[0], call.args[1]),
            _ => (call.args[0] as i32, call.args[1], call.args[2]),
        };
        // struct rlimit: the soft limit, then the hard one.
        let wanted = tracee::read_number(call.tid, new.wrapping_add(8));
        let hard = tracee::hard_limit(call.tid, resource as u32);
        if process == 0
            && let (Some(wanted), Some(hard)) = (wanted, hard)
            && wanted > hard
            && self.listener.is_waiting(call)
            && let Some(ids) = tracee::ids(call.tid)
        {
            let target = describe::call(call);
            let answer = Answer {
                operation: Operation::Syscall,
                target: &target,
                errno: libc::EPERM,
                layer: Layer::Limit,
            };
            self.report(call, &ids, &answer, false);
        }
        self.listener.let_through(call);
    }

    /// One allocation larger than all the memory a run may have is refused at once, touched or not.
    pub(super) fn map(&mut self, call: &Call) {
        let [_, length, _, flags, ..] = call.args;
        let counts = flags as i32 & libc::MAP_ANONYMOUS != 0 && flags as i32 & libc::MAP_NORESERVE == 0;
        let limit = self.plan.limits.memory;
        if counts && length > limit {
            self.listener.refuse(call, libc::ENOMEM);
            return self.limit_hit(Resource::Memory, limit, length, "supervisor", "ENOMEM");
        }
        // Many that are each small enough end at the kernel's bound, touched or not.
        let bound = limit.saturating_mul(confine::MEMORY_BACKSTOP);
        let reserved = processes::reserved_memory(call.tid).saturating_add(length);
        if flags as i32 & libc::MAP_SHARED == 0 && reserved > bound {
            self.limit_hit(Resource::Memory, bound, reserved, "kernel", "ENOMEM");
        }
        self.listener.let_through(call);
    }

    /// ftruncate(2) and fallocate(2) of many bytes.
    pub(super) fn allocate(&mut self, call: &Call) {
        let file = std::fs::metadata(format!("/proc/{}/fd/{}", call.tid, call.args[0] as i32));
        if let Ok(file) = file
            && file.is_file()
            && self.listener.is_waiting(call)
        {
            let [_, mode, offset, length, ..] = call.args;
            match (call.number, mode as i32) {
                (libc::SYS_ftruncate, _) => drop(self.lengthen(file.len(), call.args[1])),
                // Modes other than the plain one lengthen nothing.
                (_, 0) if self.lengthen(file.len(), offset.saturating_add(length)) => {}
                (_, mode) if mode & libc::FALLOC_FL_PUNCH_HOLE != 0 => {}
                _ => self.reserve(&file, length),
            }
        }
        self.listener.let_through(call);
    }

    /// A file made longer than the limit is refused by the kernel, and stays as it is: told here, since nothing shows it
    /// afterwards. Shorter than it is, it may be made whatever the limit, and negative lengths are nonsense. Returns whether
    /// it is refused.
    pub(super) fn lengthen(&mut self, now: u64, length: u64) -> bool {
        let limit = self.plan.limits.file_size;
        let refused = (now.max(limit) + 1..i64::MAX as u64).contains(&length);
        if refused {
            self.limit_hit(Resource::FileSize, limit, length, "kernel", "EFBIG");
        }
        refused
    }

    /// The same for more than the scratch file system has left.
    fn reserve(&mut self, file: &std::fs::Metadata, bytes: u64) {
        let limit = self.plan.limits.scratch;
        if let Some(used) = self.scratch_used(file)
            && used.saturating_add(bytes) > limit
        {
            self.limit_hit(Resource::Scratch, limit, used.saturating_add(bytes), "kernel", "ENOSPC");
        }
    }

    /// Bytes of the scratch file system that are used, when the file is in it.
    fn scratch_used(&self, file: &std::fs::Metadata) -> Option<u64> {
        let scratch = self.judge.root().open(Path::new(Plan::SCRATCH)).ok()?;
        let folder = nix::sys::stat::fstat(&scratch).ok()?;
        let space = nix::sys::statvfs::fstatvfs(&scratch).ok()?;
        let used = (space.blocks() - space.blocks_available()) * space.fragment_size();
        (folder.st_dev == file.dev()).then_some(used)
    }

    /// A signal to a process that is not of this run: the kernel refuses it, Landlock or the namespace.
    pub(super) fn kill(&mut self, call: &Call) {
        let target = match call.number {
            libc::SYS_pidfd_send_signal => tracee::process_of_pidfd(call.tid, call.args[0] as i32),
            _ => Some(call.args[0] as i32),
        };
        if let Some(target) = target
            && let Some(errno) = self.signal_refusal(call, target)
            && let Some(ids) = tracee::ids(call.tid)
        {
            let layer = if errno == libc::EPERM { Layer::Landlock } else { Layer::Mount };
            let target =
                if target == 1 { "process 1".into() } else { format!("process {target} (not inside)") };
            let answer = Answer { operation: Operation::Signal, target: &target, errno, layer };
            self.report(call, &ids, &answer, false);
        }
        self.listener.let_through(call);
    }

    fn signal_refusal(&self, call: &Call, target: i32) -> Option<i32> {
        const LAST_SIGNAL: u64 = 64;
        let of_thread = matches!(call.number, libc::SYS_tgkill | libc::SYS_rt_tgsigqueueinfo);
        let signal = call.args[if of_thread { 2 } else { 1 }] & 0xffff_ffff;
        if signal > LAST_SIGNAL || of_thread && (call.args[1] as i32) <= 0 {
            return None;
        }
        let scoped = self.isolation.layers.landlock_abi >= 6;
        // PID 1 has one thread.
        let reached = !of_thread || call.args[1] as i32 == target;
        match target {
            1 if reached => scoped.then_some(libc::EPERM),
            ..=1 => None,
            _ => {
                let root = self.judge.processes();
                let inside = processes::exists(root, target) || target <= processes::highest(root);
                (!inside).then_some(libc::ESRCH)
            }
        }
    }
}
