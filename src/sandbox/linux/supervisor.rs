//! Answers the calls that wait for an answer, and tells what they were.
//!
//! One thread for a run, in a plain receive-answer loop: every hop in between would cost more than the answer.
//! Refusals are decided by numbers and values alone; a path or an address only ever explains, or refuses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::blame::Blame;
use super::broker::{Broker, Route};
use super::calls::{self, PathUse};
use super::describe;
use super::filter::{FORBIDDEN_IOCTLS, FORBIDDEN_PRCTLS, NEW_NAMESPACES, SOCKET_FAMILIES, SOCKET_TYPE};
use super::judge::{Judge, Judged, Refusal};
use super::network::{self, Destination};
use super::notify::{Call, Listener};
use super::processes;
use super::shared::Shared;
use super::tracee::{self, Ids};
use crate::sandbox::event::{
    Denied, EventKind, Frame, Isolation, Layer, LimitHit, NetworkAttempt, Operation, Resource, Verdict,
};
use crate::sandbox::plan::{Observe, Plan};
use crate::sandbox::syscalls::{self, Class};

#[derive(Debug)]
pub(super) struct Supervisor {
    listener: Arc<Listener>,
    judge: Arc<Judge>,
    broker: Broker,
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    isolation: Isolation,
    blame: Blame,
    blame_spent: Duration,
    program_started: bool,
    /// Opens a process may still make before its descriptors have to be counted again.
    opens_left: HashMap<i32, u64>,
}

/// Stacks are read for at most this long in a run; a program that is refused a thousand times a second is not
/// slowed down for ever.
const BLAME_BUDGET: Duration = Duration::from_secs(3);

/// What a refusal looks like to the program and to the reader.
struct Answer<'a> {
    operation: Operation,
    target: &'a str,
    errno: i32,
    layer: Layer,
}

impl Supervisor {
    pub(super) fn new(
        listener: Listener,
        judge: Arc<Judge>,
        plan: Arc<Plan>,
        shared: Arc<Shared>,
        isolation: Isolation,
    ) -> Self {
        let listener = Arc::new(listener);
        let broker = Broker::new(Arc::clone(&listener), Arc::clone(&judge));
        Self {
            listener,
            judge,
            broker,
            plan,
            shared,
            isolation,
            blame: Blame::default(),
            blame_spent: Duration::ZERO,
            program_started: false,
            opens_left: HashMap::new(),
        }
    }

    /// Until nobody is left who could call. A failing listener ends the thread: waiting calls then fail with ENOSYS.
    pub(super) fn run(mut self) {
        while let Ok(Some(call)) = self.listener.next() {
            self.handle(&call);
        }
    }

    fn handle(&mut self, call: &Call) {
        match syscalls::class(call.number) {
            Class::Free => self.listener.let_through(call),
            Class::Absent => self.listener.refuse(call, libc::ENOSYS),
            Class::Refused(errno) => {
                let target = syscalls::name(call.number);
                let answer =
                    Answer { operation: Operation::Syscall, target: &target, errno, layer: Layer::Seccomp };
                self.refuse(call, &answer);
            }
            Class::Value => self.by_value(call),
            Class::Path | Class::Query => match call.number {
                libc::SYS_execve | libc::SYS_execveat => self.execute(call),
                libc::SYS_connect | libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg => {
                    self.network(call);
                }
                _ if makes_device(call) => {
                    let target = describe::call(call);
                    let answer = Answer {
                        operation: Operation::Syscall,
                        target: &target,
                        errno: libc::EPERM,
                        layer: Layer::Seccomp,
                    };
                    self.refuse(call, &answer);
                }
                _ => self.path(call),
            },
        }
    }

    // --- paths -------------------------------------------------------------------------------------------

    fn path(&mut self, call: &Call) {
        let uses = calls::paths(call);
        if !self.listener.is_waiting(call) {
            return;
        }
        self.watch_descriptors(call, &uses);
        if uses.iter().all(|used| self.judge.is_harmless(used)) {
            self.listener.let_through(call);
            self.record_files(&uses);
            return;
        }
        let Some(ids) = tracee::ids(call.tid) else { return self.listener.let_through(call) };
        let judged: Vec<Judged> = uses.iter().map(|used| self.judge.judge(used, ids.inside)).collect();
        // Only refusals are worth reading a stack for; they are told before the program goes on.
        let refused = judged.iter().find_map(|judged| judged.refusal.map(|refusal| (judged, refusal)));
        if let Some((judged, refusal)) = refused {
            self.report_path(call, &ids, judged, refusal);
        }
        self.listener.let_through(call);
        for judged in judged {
            self.shared.add_file(judged.path, judged.operation, judged.verdict);
        }
    }

    /// After the call was let through: looks into the system's own files, existing or not.
    fn record_files(&self, uses: &[PathUse]) {
        if self.plan.observe != Observe::Full {
            return;
        }
        for used in uses {
            // Nothing of the system leads back to the caller's own /proc: its number does not matter.
            let judged = self.judge.judge(used, 0);
            self.shared.add_file(judged.path, judged.operation, judged.verdict);
        }
    }

    fn report_path(&mut self, call: &Call, ids: &Ids, judged: &Judged, refusal: Refusal) {
        let target = judged.path.to_string_lossy();
        let answer = Answer {
            operation: judged.operation,
            target: &target,
            errno: refusal.errno,
            layer: refusal.layer,
        };
        self.report(call, ids, &answer, refusal.exists_outside);
    }

    /// A call that would open one descriptor too many is told as a limit hit; the kernel refuses it by itself.
    fn watch_descriptors(&mut self, call: &Call, uses: &[PathUse]) {
        let opens = matches!(uses, [PathUse { how: calls::How::Open { .. }, .. }]);
        if !opens && call.number != libc::SYS_socket {
            return;
        }
        // Threads share their process's table; counting it once for each of them only counts too often.
        let left = self.opens_left.entry(call.tid).or_insert(self.plan.limits.open_files / 2);
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        let open = tracee::open_descriptors(call.tid);
        let limit = self.plan.limits.open_files;
        self.opens_left.insert(call.tid, limit.saturating_sub(open).max(1));
        if open >= limit {
            self.limit_hit(Resource::OpenFiles, limit, open + 1, "kernel", "EMFILE");
        }
    }

    // --- programs ----------------------------------------------------------------------------------------

    fn execute(&mut self, call: &Call) {
        if !self.program_started {
            // The launcher's own call, made before any line of the skill has run.
            return self.start(call);
        }
        let Some(ids) = tracee::ids(call.tid) else { return self.listener.let_through(call) };
        let uses = calls::paths(call);
        let argv =
            tracee::read_strings(call.tid, call.args[if call.number == libc::SYS_execve { 1 } else { 2 }]);
        if !self.listener.is_waiting(call) {
            return;
        }
        let [path] = &uses[..] else { return self.execute_unnamed(call, &ids) };
        let judged = self.judge.judge(path, ids.inside);
        if !self.plan.may_execute {
            return self.refuse_execute(call, &ids, &judged);
        }
        match judged.refusal {
            Some(refusal) => self.report_path(call, &ids, &judged, refusal),
            None if judged.verdict == Verdict::Allowed => {
                self.blame.forget(ids.process);
                self.shared.add(EventKind::ProcessStarted {
                    pid: ids.process,
                    parent: ids.parent,
                    program: judged.path.clone(),
                    argv,
                });
            }
            None => {}
        }
        self.listener.let_through(call);
        self.shared.add_file(judged.path, Operation::Execute, judged.verdict);
    }

    fn start(&mut self, call: &Call) {
        self.program_started = true;
        let startup = self.shared.mark_started();
        self.listener.let_through(call);
        self.shared.add(EventKind::Started { isolation: self.isolation.clone(), startup });
        if let Some(ids) = tracee::ids(call.tid) {
            self.shared.add(EventKind::ProcessStarted {
                pid: ids.process,
                parent: ids.parent,
                program: self.plan.program.clone(),
                argv: self.plan.argv.clone(),
            });
        }
    }

    /// No program may be started: refused by the call's number. What the path says only chooses the errno, so that
    /// a search along PATH goes on to the place where the program really is.
    fn refuse_execute(&mut self, call: &Call, ids: &Ids, judged: &Judged) {
        let target = judged.path.to_string_lossy();
        match (judged.verdict, judged.refusal) {
            (Verdict::Missing, _) => self.listener.refuse(call, libc::ENOENT),
            (_, Some(refusal)) if refusal.exists_outside => {
                self.report_path(call, ids, judged, refusal);
                self.listener.refuse(call, libc::ENOENT);
            }
            _ => {
                let answer = Answer {
                    operation: Operation::Execute,
                    target: &target,
                    errno: libc::EACCES,
                    layer: Layer::Seccomp,
                };
                self.report(call, ids, &answer, false);
                self.listener.refuse(call, libc::EACCES);
            }
        }
        let verdict = if judged.verdict == Verdict::Missing { Verdict::Missing } else { Verdict::Denied };
        self.shared.add_file(judged.path.clone(), Operation::Execute, verdict);
    }

    /// A program without a path: a memory file, or a pointer that cannot be read.
    fn execute_unnamed(&mut self, call: &Call, ids: &Ids) {
        let answer = Answer {
            operation: Operation::Execute,
            target: "a program without a path",
            errno: libc::EACCES,
            layer: if self.plan.may_execute { Layer::Landlock } else { Layer::Seccomp },
        };
        self.report(call, ids, &answer, false);
        self.listener.refuse(call, libc::EACCES);
    }

    // --- network -----------------------------------------------------------------------------------------

    fn network(&mut self, call: &Call) {
        if network::opens_fast(call) {
            let answer = Answer {
                operation: Operation::Connect,
                target: "MSG_FASTOPEN",
                errno: libc::EPERM,
                layer: Layer::Seccomp,
            };
            return self.refuse(call, &answer);
        }
        if call.number == libc::SYS_connect && !self.plan.net.is_empty() {
            return self.connect_by_broker(call);
        }
        let Some(to) = network::destination(call) else { return self.listener.let_through(call) };
        if !self.listener.is_waiting(call) {
            return;
        }
        if network::is_own_loopback(&to.address) {
            if let Some(ids) = tracee::ids(call.tid) {
                self.report_loopback(call, &ids, &to);
            }
            return self.listener.let_through(call);
        }
        self.refuse_destination(call, &to);
    }

    /// With network grants in force every connection is made by the broker, from one copy of its address.
    fn connect_by_broker(&mut self, call: &Call) {
        let (Ok(raw), Some(ids)) = (network::address_argument(call), tracee::ids(call.tid)) else {
            return self.listener.refuse(call, libc::EFAULT);
        };
        if !self.listener.is_waiting(call) {
            return;
        }
        let Some(to) = network::destination_of(call, &raw) else {
            return self.broker.connect(call, ids.process, raw, Route::Own);
        };
        let name = self.name_of(to.address.ip());
        let (address, port) = (to.address.ip(), to.address.port());
        // A name stands for whatever it leads to, so its placeholder address counts for nothing.
        let known = if name.is_some() { None } else { Some(address) };
        let mut entries = self.plan.net.iter().filter(|entry| entry.covers(name.as_deref(), known, port));
        let granted = to.protocol == "tcp"
            && entries.clone().any(|entry| entry.allow)
            && entries.all(|entry| entry.allow);
        let own = network::is_own_loopback(&to.address);
        if own && !(granted && !network::somebody_listens(call.tid, port)) {
            self.report_loopback(call, &ids, &to);
            return self.broker.connect(call, ids.process, raw, Route::Own);
        }
        if !granted {
            return self.refuse_destination(call, &to);
        }
        self.add_attempt(&to, name.clone(), Verdict::Allowed);
        self.broker.connect(call, ids.process, raw, Route::Host { name, address: to.address });
    }

    fn name_of(&self, address: IpAddr) -> Option<String> {
        match address {
            IpAddr::V4(four) => self.shared.names().name_of(four).map(str::to_owned),
            IpAddr::V6(_) => None,
        }
    }

    fn add_attempt(&self, to: &Destination, host: Option<String>, verdict: Verdict) {
        self.shared.add(EventKind::Network(NetworkAttempt {
            address: if host.is_some() { None } else { Some(to.address.ip().to_string()) },
            host,
            port: to.address.port(),
            protocol: to.protocol.into(),
            verdict,
            count: 1,
        }));
    }

    /// Whoever listens there on the host is not in this network: told as a refusal when nobody inside does.
    fn report_loopback(&mut self, call: &Call, ids: &Ids, to: &Destination) {
        if to.protocol == "udp" {
            // The name server of the sandbox itself is no news.
            if to.address.port() != 53 {
                self.add_attempt(to, None, Verdict::Allowed);
            }
            return;
        }
        let reachable = network::somebody_listens(call.tid, to.address.port());
        self.add_attempt(to, None, if reachable { Verdict::Allowed } else { Verdict::Denied });
        if !reachable {
            let target = to.address.to_string();
            let (errno, layer) = (libc::ECONNREFUSED, Layer::Network);
            let answer = Answer { operation: Operation::Connect, target: &target, errno, layer };
            self.report(call, ids, &answer, false);
        }
    }

    fn refuse_destination(&mut self, call: &Call, to: &Destination) {
        let host = self.name_of(to.address.ip());
        let port = to.address.port();
        let target = host.as_ref().map_or_else(|| to.address.to_string(), |host| format!("{host}:{port}"));
        self.add_attempt(to, host, Verdict::Denied);
        let (errno, layer) = (libc::EACCES, Layer::Network);
        let answer = Answer { operation: Operation::Connect, target: &target, errno, layer };
        self.refuse(call, &answer);
    }

    // --- values ------------------------------------------------------------------------------------------

    fn by_value(&mut self, call: &Call) {
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

    fn fork(&mut self, call: &Call) {
        let limit = self.plan.limits.processes;
        let alive = processes::count(self.judge.root());
        if alive < limit {
            return self.listener.let_through(call);
        }
        self.listener.refuse(call, libc::EAGAIN);
        self.limit_hit(Resource::Processes, limit, alive + 1, "supervisor", "EAGAIN");
    }

    /// One allocation larger than all the memory a run may have is refused at once, touched or not.
    fn map(&mut self, call: &Call) {
        let [_, length, _, flags, ..] = call.args;
        let counts = flags as i32 & libc::MAP_ANONYMOUS != 0 && flags as i32 & libc::MAP_NORESERVE == 0;
        let limit = self.plan.limits.memory;
        if !counts || length <= limit {
            return self.listener.let_through(call);
        }
        self.listener.refuse(call, libc::ENOMEM);
        self.limit_hit(Resource::Memory, limit, length, "supervisor", "ENOMEM");
    }

    fn kill(&mut self, call: &Call) {
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

    // --- telling -----------------------------------------------------------------------------------------

    fn refuse(&mut self, call: &Call, answer: &Answer<'_>) {
        if let Some(ids) = tracee::ids(call.tid) {
            self.report(call, &ids, answer, false);
        }
        self.listener.refuse(call, answer.errno);
    }

    /// Tell a refusal while its caller still waits: its arguments and its stack can only be read now.
    fn report(&mut self, call: &Call, ids: &Ids, answer: &Answer<'_>, exists_outside: bool) {
        let denied = Denied {
            pid: ids.process,
            program: tracee::program_name(ids.process),
            operation: answer.operation,
            target: answer.target.to_owned(),
            syscall: syscalls::name(call.number),
            arguments: describe::call(call),
            errno: errno_name(answer.errno),
            layer: answer.layer,
            exists_outside,
            blame: self.stack(ids),
            count: 1,
        };
        self.shared.add(EventKind::Denied(denied));
    }

    fn stack(&mut self, ids: &Ids) -> Vec<Frame> {
        if self.blame_spent > BLAME_BUDGET {
            return Vec::new();
        }
        let begun = Instant::now();
        let frames = self.blame.stack(ids);
        self.blame_spent += begun.elapsed();
        frames
    }

    fn limit_hit(&mut self, resource: Resource, limit: u64, observed: u64, by: &str, effect: &str) {
        self.shared.add_limit(LimitHit {
            resource,
            limit,
            observed,
            enforced_by: by.into(),
            at_ms: self.shared.now().as_millis() as u64,
            effect: effect.into(),
        });
    }
}

/// `mknod` of a device, by its mode: a way to the disk behind the mounts. FIFOs and files are ordinary names.
fn makes_device(call: &Call) -> bool {
    let mode = match call.number {
        libc::SYS_mknod => call.args[1],
        libc::SYS_mknodat => call.args[2],
        _ => return false,
    };
    matches!(mode as u32 & libc::S_IFMT, libc::S_IFCHR | libc::S_IFBLK)
}

/// `EACCES` for 13.
pub(super) fn errno_name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}
