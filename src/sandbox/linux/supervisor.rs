//! Answers the calls that wait for an answer, and tells what they were.
//!
//! A plain receive-answer loop: every hop in between would cost more than the answer. What [`quick`] cannot answer at
//! once goes through the [`Supervisor`], and meanwhile a second thread takes its turn at receiving: until a call is
//! received a signal can interrupt it with EINTR, which programs do not expect from calls that never wait.
//! Refusals are decided by numbers and values alone; a path or an address only ever explains, or refuses.

mod host;
mod network;
mod paths;
mod programs;
mod quick;
mod values;

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::{io, thread};

use super::blame::Blame;
use super::broker::Broker;
use super::calls;
use super::describe;
use super::judge::Judge;
use super::network::Network;
use super::notify::{Call, Listener};
use super::shared::Shared;
use super::teller::{Answer, Teller};
use super::tracee::{self, Ids};
use super::waiting::Waiting;
use crate::sandbox::event::{Isolation, Layer, LimitHit, Operation, Resource};
use crate::sandbox::plan::Plan;
use crate::sandbox::syscalls::{self, Class};
use quick::Quick;

#[derive(Debug)]
pub(super) struct Supervisor {
    listener: Arc<Listener>,
    judge: Arc<Judge>,
    broker: Broker,
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    isolation: Isolation,
    teller: Arc<Teller>,
    waiting: Waiting,
    program_started: bool,
    quick: Arc<Quick>,
}

const THREADS: usize = 2;

/// Where calls arrive. One thread at a time receives: the kernel would wake all that wait for every single call.
struct Reception {
    listener: Arc<Listener>,
    quick: Arc<Quick>,
    turn: Mutex<()>,
}

impl Reception {
    /// Receive, until there is a call that takes a closer look; `None` when nobody is left who could call.
    fn next(&self) -> Option<Call> {
        let _turn = lock(&self.turn);
        loop {
            let call = self.listener.next().ok()??;
            if !self.quick.answer(&call) {
                return Some(call);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Supervisor {
    pub(super) fn new(
        listener: Listener,
        judge: Arc<Judge>,
        plan: Arc<Plan>,
        shared: Arc<Shared>,
        isolation: Isolation,
        launcher: OwnedFd,
        network: Network,
    ) -> Self {
        let listener = Arc::new(listener);
        let quick =
            Arc::new(Quick::new(Arc::clone(&listener), Arc::clone(&judge), &plan, Arc::clone(&shared)));
        shared.names().pin(&plan.net);
        let teller = Arc::new(Teller::new(Arc::clone(&shared), Blame::new(launcher)));
        let (to_judge, to_shared, to_teller) = (Arc::clone(&judge), Arc::clone(&shared), Arc::clone(&teller));
        let broker = Broker::new(Arc::clone(&listener), to_judge, to_shared, to_teller, network.relay);
        let waiting = network.waiting;
        Self {
            listener,
            judge,
            broker,
            plan,
            shared,
            isolation,
            teller,
            waiting,
            program_started: false,
            quick,
        }
    }

    /// Start answering, until nobody is left who could call. A failing listener ends the threads: waiting calls then
    /// fail with ENOSYS.
    ///
    /// The first call, the program's own start, is answered right here: threads can be made while the program runs.
    /// What comes back hears nothing, and is closed when all has been told.
    pub(super) fn start(mut self) -> io::Result<mpsc::Receiver<()>> {
        let listener = Arc::clone(&self.listener);
        if let Some(call) = listener.next()? {
            self.handle(&call);
        }
        let (at_work, ended) = mpsc::channel();
        let reception = Reception { listener, quick: Arc::clone(&self.quick), turn: Mutex::default() };
        let both = Arc::new((reception, Mutex::new(self)));
        for _ in 0..THREADS {
            let both = Arc::clone(&both);
            let at_work = at_work.clone();
            thread::Builder::new().name("supervisor".into()).spawn(move || {
                let (reception, supervisor) = &*both;
                while let Some(call) = reception.next() {
                    lock(supervisor).handle(&call);
                }
                drop(at_work);
            })?;
        }
        Ok(ended)
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
        self.teller.tell(call, ids, answer, exists_outside);
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
