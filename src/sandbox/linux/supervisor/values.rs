//! Calls decided by plain numbers: sockets, terminals, processes, large allocations.

use super::super::describe;
use super::super::filter::{
    FORBIDDEN_IOCTLS, FORBIDDEN_PRCTLS, NEW_NAMESPACES, SOCKET_FAMILIES, SOCKET_TYPE,
};
use super::super::notify::Call;
use super::super::{processes, tracee};
use super::{Answer, Supervisor};
use crate::sandbox::event::{EventKind, Layer, Operation, Resource};

impl Supervisor {
    pub(super) fn by_value(&mut self, call: &Call) {
        let low = |argument: usize| call.args[argument] & 0xffff_ffff;
        let refused = match call.number {
            libc::SYS_socket => {
                self.watch_descriptors(call, &[]);
                let (family, kind) = (low(0) as i32, low(1) & SOCKET_TYPE);
                let usual = SOCKET_FAMILIES.contains(&family) && kind != libc::SOCK_RAW as u64;
                // Asking for one's own interfaces and routes, as resolvers do.
                let routes = family == libc::AF_NETLINK && low(2) as i32 == libc::NETLINK_ROUTE;
                (!usual && !routes).then_some(libc::EACCES)
            }
            libc::SYS_ioctl => FORBIDDEN_IOCTLS.contains(&low(1)).then_some(libc::EPERM),
            libc::SYS_prctl => FORBIDDEN_PRCTLS.contains(&low(0)).then_some(libc::EPERM),
            libc::SYS_unshare => (call.args[0] & NEW_NAMESPACES != 0).then_some(libc::EPERM),
            libc::SYS_personality => (!matches!(low(0), 0 | 0xffff_ffff)).then_some(libc::EPERM),
            libc::SYS_clone if call.args[0] & NEW_NAMESPACES != 0 => Some(libc::EPERM),
            libc::SYS_clone | libc::SYS_fork | libc::SYS_vfork => return self.fork(call),
            libc::SYS_mmap => return self.map(call),
            libc::SYS_kill => return self.kill(call),
            libc::SYS_listen if !self.plan.net.is_empty() => {
                return match tracee::ids(call.tid) {
                    Some(ids) => self.broker.listen(call, ids.process),
                    None => self.listener.refuse(call, libc::EBADF),
                };
            }
            libc::SYS_exit_group => {
                self.listener.let_through(call);
                if let Some(ids) = tracee::ids(call.tid) {
                    let exit = Some((call.args[0] & 0xff) as i32);
                    self.shared.add(EventKind::ProcessExited { pid: ids.process, exit });
                }
                return;
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

    pub(super) fn fork(&mut self, call: &Call) {
        let limit = self.plan.limits.processes;
        let alive = processes::count(self.judge.root());
        if alive < limit {
            return self.listener.let_through(call);
        }
        self.listener.refuse(call, libc::EAGAIN);
        self.limit_hit(Resource::Processes, limit, alive + 1, "supervisor", "EAGAIN");
    }

    /// One allocation larger than all the memory a run may have is refused at once, touched or not.
    pub(super) fn map(&mut self, call: &Call) {
        let [_, length, _, flags, ..] = call.args;
        let counts = flags as i32 & libc::MAP_ANONYMOUS != 0 && flags as i32 & libc::MAP_NORESERVE == 0;
        let limit = self.plan.limits.memory;
        if !counts || length <= limit {
            return self.listener.let_through(call);
        }
        self.listener.refuse(call, libc::ENOMEM);
        self.limit_hit(Resource::Memory, limit, length, "supervisor", "ENOMEM");
    }

    pub(super) fn kill(&mut self, call: &Call) {
        let target = call.args[0] as i32;
        let known = target <= 0 || processes::exists(self.judge.root(), target);
        let scoped = self.isolation.layers.landlock_abi >= 6;
        let errno = match target {
            1 if scoped => Some(libc::EPERM),
            _ if !known && target > processes::highest(self.judge.root()) => Some(libc::ESRCH),
            _ => None,
        };
        if let (Some(errno), Some(ids)) = (errno, tracee::ids(call.tid)) {
            let layer = if errno == libc::EPERM { Layer::Landlock } else { Layer::Mount };
            let target =
                if target == 1 { "process 1".into() } else { format!("process {target} (not inside)") };
            let answer = Answer { operation: Operation::Signal, target: &target, errno, layer };
            self.report(call, &ids, &answer, false);
        }
        self.listener.let_through(call);
    }
}
