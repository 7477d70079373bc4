//! The Linux engine: what the kernel is told, and what it tells back.
//!
//! Read in this order:
//! [`launcher`] makes the sandbox's first process; [`init`] builds the sandbox around itself with [`view`] (what
//! can be seen), [`capture`] (what is written and kept apart), [`confine`] (what is given up) and [`filter`] (what may be called), then starts the program.
//! Outside, [`run`] watches one run from start to end, while [`supervisor`] answers the calls that wait:
//! [`calls`] says what they want, [`place`] where that is, [`judge`] what will come of it, [`blame`] who asked, through
//! [`reader`]; [`broker`] makes the connections that were granted, [`relay`] passes on the datagrams.
//! Where a machine lacks a layer, [`launcher`] falls back to what remains: [`held`] says what that is, [`bare`] holds a
//! program without namespaces, [`tree`] knows its processes.
//! All `unsafe` of the program lives in this folder.
#![allow(unsafe_code)]

mod bare;
mod blame;
mod broker;
mod calls;
mod capture;
mod cgroup;
mod confine;
mod describe;
pub mod doctor;
mod filter;
#[doc(hidden)]
pub mod fuzzing;
mod held;
mod init;
mod judge;
mod launcher;
mod limits;
pub mod loaders;
mod looks;
mod names;
mod network;
mod notify;
mod place;
mod processes;
mod reader;
mod relay;
mod routes;
mod run;
mod shared;
mod sockets;
mod supervisor;
mod sys;
mod teller;
mod tracee;
mod tree;
mod view;
mod waiting;
mod wire;

pub(crate) use launcher::NOBODY;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

use nix::sys::eventfd::EventFd;

use super::event::Event;
use super::plan::Plan;

/// Small single-threaded process, forked at the very start of `main`, that makes every sandbox.
#[derive(Debug)]
pub struct Launcher {
    socket: Result<Mutex<OwnedFd>, StartError>,
}

/// The sandbox could not be set up: which step failed, and how.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot set up the sandbox: {step}: {message}")]
pub struct StartError {
    /// The step that failed (`mount /proc`).
    pub step: String,
    pub message: String,
}

impl From<wire::Failure> for StartError {
    fn from(failure: wire::Failure) -> Self {
        Self { step: failure.step, message: failure.message }
    }
}

/// A program under way.
#[derive(Debug)]
pub struct RunHandle {
    /// Batches in order; the last event is [`super::event::EventKind::Finished`], then the channel closes.
    /// Bounded: while it is full the program's output waits in its pipe.
    pub events: tokio::sync::mpsc::Receiver<Vec<Event>>,
    cancel: Arc<EventFd>,
    captured: Arc<Mutex<Option<Captured>>>,
}

/// What a run has written into the folders of [`Plan::captures`]: the upper layers of their overlays, in the form that
/// overlayfs gives them. Everything in it was made by the program. It is gone when this is dropped.
#[derive(Debug)]
pub struct Captured(OwnedFd);

impl Captured {
    /// The upper layer of the capture with this number.
    pub fn upper(&self, capture: usize) -> std::io::Result<OwnedFd> {
        use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        let path = std::path::Path::new(&capture.to_string()).join(capture::UPPER);
        Ok(openat2(self.0.as_fd(), &path, how)?)
    }
}

impl RunHandle {
    /// End the whole process tree at once. Safe to call twice, and after the end.
    pub fn cancel(&self) {
        let _ = self.cancel.write(1);
    }

    /// What was captured, after the end; once. `None` when the plan captures nothing, when the sandbox was never set up, or
    /// when something inside could not be ended.
    pub fn take_captured(&self) -> Option<Captured> {
        self.captured.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// A handle for cancelling from elsewhere, such as a signal handler's thread.
    pub fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.cancel))
    }
}

/// Ends a run from another thread.
#[derive(Debug, Clone)]
pub struct Canceller(Arc<EventFd>);

impl Canceller {
    pub fn cancel(&self) {
        let _ = self.0.write(1);
    }
}

impl Launcher {
    /// Fork the launcher process. Call before any thread exists; a failure is reported by [`Launcher::run`].
    pub fn start() -> Self {
        Self { socket: Self::fork().map(Mutex::new).map_err(StartError::from) }
    }

    /// No launcher, for a process that never runs anything.
    pub fn absent() -> Self {
        let (step, message) =
            ("find the launcher".into(), "this command was not meant to run anything".into());
        Self { socket: Err(StartError { step, message }) }
    }

    fn fork() -> Result<OwnedFd, wire::Failure> {
        use wire::Step;
        let (ours, theirs) = wire::pair().step("make a socket pair")?;
        if sys::fork().step("fork the launcher")? == 0 {
            drop(ours);
            launcher::serve(&theirs);
        }
        Ok(ours)
    }

    /// Start `plan`. Returns as soon as the request is on its way; a set-up failure arrives as the `Finished`
    /// event with [`super::event::OutcomeKind::Failed`].
    pub fn run(&self, plan: &Plan) -> Result<RunHandle, StartError> {
        let socket = self.socket.as_ref().map_err(Clone::clone)?;
        let socket = socket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        run::start(plan, socket.as_fd()).map_err(StartError::from)
    }
}
