//! Messages from the launcher and PID 1: what they hand over is taken, and the program's calls are answered from then on.

use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use super::super::cgroup::Cgroup;
use super::super::held::{Form, Held};
use super::super::init::{LISTENER_BUSY, NO_LISTENER};
use super::super::judge::Judge;
use super::super::launcher::Identity;
use super::super::limits::Watch;
use super::super::network::Network;
use super::super::notify::Listener;
use super::super::place::Root;
use super::super::relay::Relay;
use super::super::supervisor::Supervisor;
use super::super::tree::Tree;
use super::super::waiting::Waiting;
use super::super::wire::{self, Failure, Message, Step};
use super::super::{bare, tracee};
use super::{Bare, Run};
use crate::sandbox::event::EventKind;

impl Run {
    /// Take messages from the launcher or PID 1. Returns whether more may come.
    pub(super) fn hear(&mut self) -> bool {
        match wire::receive::<Message>(self.control.as_fd()) {
            Ok(Some((message, fds))) => {
                if let Err(failure) = self.understand(message, fds) {
                    self.failure.get_or_insert(failure);
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.failure.get_or_insert(Failure::new("hear from the sandbox", &error));
                false
            }
        }
    }

    fn understand(&mut self, message: Message, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        let surprise = || Failure {
            step: "hear from the sandbox".into(),
            errno: 0,
            message: "a message without its descriptors".into(),
        };
        match message {
            Message::Created { cgroup } => {
                let mut fds = fds.into_iter();
                self.init = Some(fds.next().ok_or_else(surprise)?);
                self.cgroup = cgroup.zip(fds.next()).map(|(name, folder)| Cgroup::new(name, folder));
                if self.ended.is_some() {
                    self.kill();
                }
            }
            Message::Ready { held, private, relays } => {
                let mut fds = fds.into_iter();
                let (Some(program), Some(root)) = (fds.next(), fds.next()) else { return Err(surprise()) };
                let (mut relay, mut waiting) = (Relay::new(std::iter::empty()), Waiting::new(None));
                if held.form != Form::Bare {
                    let (Some(names), Some(asker)) = (fds.next(), fds.next()) else { return Err(surprise()) };
                    let names = UdpSocket::from(names);
                    names.set_nonblocking(true).step("prepare the name server")?;
                    self.names = Some(names);
                    if !self.plan.captures().is_empty() {
                        self.captured = Some(fds.next().ok_or_else(surprise)?);
                    }
                    relay = Relay::new(fds.by_ref().take(relays));
                    waiting = Waiting::new(Some(asker));
                    self.mounts.extend(fds.next());
                    self.mounts.push(root.try_clone().step("dup")?);
                }
                let network = Network { relay, waiting };
                self.supervise(&program, root, network, held, private)?;
            }
            Message::TooLittle(held) => {
                let message = format!("--require full: {}", held.isolation().missing.join("; "));
                self.failure.get_or_insert(Failure { step: "check the layers".into(), errno: 0, message });
            }
            Message::Failed(failure) => {
                self.failure.get_or_insert(failure);
            }
            Message::Exited { status, cpu_ms, left_behind } => {
                self.status = Some(status);
                self.left_behind = left_behind;
                self.cpu_ms = cpu_ms;
            }
        }
        Ok(())
    }

    /// The program's process is there: take over its listener and answer its calls.
    fn supervise(
        &mut self,
        program: &OwnedFd,
        root: OwnedFd,
        network: Network,
        mut held: Held,
        private: Option<PathBuf>,
    ) -> Result<(), Failure> {
        let first = self.init.as_ref().and_then(tracee::pidfd_number).unwrap_or(0);
        let identity = Identity::current();
        let root = Root::new(root, identity);
        let mut judge = Judge::new(root, &self.plan, identity, held.landlock_abi);
        if !held.proc {
            // Nothing inside shows the processes: they are looked for as the host numbers them.
            judge.look_from_outside(Tree::below(first)).step("open /")?;
        }
        let mut folder = None;
        if let Some(private) = private {
            let plan = bare::adapted(&self.plan, &private);
            let rules = bare::rules(&plan, &private).step("list what may be used")?;
            let program = tracee::pidfd_number(program).unwrap_or(0);
            judge.stand_on_the_host(rules, program);
            folder = Some(private);
        }
        let judge = Arc::new(judge);
        self.bare = folder.map(|private| Bare { judge: Arc::clone(&judge), private });
        let private = self.bare.as_ref().map(|bare| bare.private.clone());
        let cgroup = self.cgroup.as_ref().map(Cgroup::try_clone).transpose().step("dup")?;
        held.cgroup = cgroup.is_some();
        let captured = self.captured.as_ref().map(OwnedFd::try_clone).transpose().step("dup")?;
        let (shared, limits) = (Arc::clone(&self.shared), self.plan.limits);
        self.watch = Some(Watch::new(Arc::clone(&judge), shared, limits, captured, cgroup, private));
        let Some(number) = self.listener_number()? else { return Ok(()) };
        held.busy = number == LISTENER_BUSY;
        let isolation = held.isolation();
        if matches!(number, NO_LISTENER | LISTENER_BUSY) {
            let startup = self.shared.mark_started();
            self.shared.add(EventKind::Started { isolation, startup });
            return Ok(());
        }
        self.program = tracee::pidfd_number(program).unwrap_or(0);
        let flags = rustix::process::PidfdGetfdFlags::empty();
        let listener = rustix::process::pidfd_getfd(program.as_fd(), number, flags).step("pidfd_getfd")?;
        let supervisor = Supervisor::new(
            Listener::new(listener),
            judge,
            Arc::clone(&self.plan),
            Arc::clone(&self.shared),
            isolation,
            self.launcher.try_clone().step("dup")?,
            network,
        );
        self.supervisor = Some(supervisor.start().step("start a thread")?);
        Ok(())
    }

    /// What the program's process wrote just before it became the program; `None` when it failed before.
    pub(super) fn listener_number(&mut self) -> Result<Option<i32>, Failure> {
        let Some(ready) = &self.ready else { return Ok(None) };
        let mut number = [0; 4];
        match nix::unistd::read(ready, &mut number).step("hear from the program")? {
            4 => Ok(Some(i32::from_ne_bytes(number))),
            _ => Ok(None),
        }
    }
}
