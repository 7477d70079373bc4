//! Answers the calls that wait for an answer, and tells what they were.
//!
//! A plain receive-answer loop: every hop in between would cost more than the answer. Two threads take turns in it, so
//! that a call is received while another is still being judged: until then a signal could interrupt it with EINTR,
//! which programs do not expect from calls that never wait.
//! Refusals are decided by numbers and values alone; a path or an address only ever explains, or refuses.

mod host;
mod network;
mod paths;
mod programs;
mod values;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use super::blame::Blame;
use super::broker::Broker;
use super::calls;
use super::describe;
use super::judge::Judge;
use super::notify::{Call, Listener};
use super::shared::Shared;
use super::tracee::{self, Ids};
use crate::sandbox::event::{Denied, EventKind, Isolation, Layer, LimitHit, Operation, Resource};
use crate::sandbox::plan::Plan;
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
    program_started: bool,
    /// Opens a process may still make before its descriptors have to be counted again.
    opens_left: HashMap<i32, u64>,
}

const THREADS: usize = 2;

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
        launcher: OwnedFd,
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
            blame: Blame::new(launcher),
            program_started: false,
            opens_left: HashMap::new(),
        }
    }

    /// Start answering, until nobody is left who could call. A failing listener ends the threads: waiting calls then
    /// fail with ENOSYS.
    ///
    /// The first call, the program's own start, is answered right here: threads can be made while the program runs.
    pub(super) fn start(mut self) -> io::Result<()> {
        let listener = Arc::clone(&self.listener);
        if let Some(call) = listener.next()? {
            self.handle(&call);
        }
        let supervisor = Arc::new(Mutex::new(self));
        for _ in 0..THREADS {
            let (listener, supervisor) = (Arc::clone(&listener), Arc::clone(&supervisor));
            thread::Builder::new().name("supervisor".into()).spawn(move || {
                while let Ok(Some(call)) = listener.next() {
                    supervisor.lock().unwrap_or_else(PoisonError::into_inner).handle(&call);
                }
            })?;
        }
        Ok(())
    }

    fn handle(&mut self, call: &Call) {
        if self.judge.is_on_the_host() && self.on_host(call) {
            return;
        }
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
                libc::SYS_bind if !self.plan.net.is_empty() => self.bind_by_broker(call),
                _ if makes_device(call) || calls::sets_ids(call) => {
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
            blame: self.blame.stack(ids),
            count: 1,
        };
        self.shared.add(EventKind::Denied(denied));
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
