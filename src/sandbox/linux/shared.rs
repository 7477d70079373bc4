//! What the supervisor's two threads share: the one that answers calls adds, the one that watches the run takes.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::judge::Judge;
use super::looks::{self, Looks};
use super::names::Names;
use crate::sandbox::event::{Event, EventKind, LimitHit, NetworkAttempt, Operation, Resource, Verdict};

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    names: Mutex<Names>,
    looks: Mutex<Looks>,
    judge: OnceLock<Arc<Judge>>,
    written: Mutex<Vec<PathBuf>>,
    /// Written when something worth showing at once was added.
    pub wake: EventFd,
    /// When the request was made.
    pub requested: Instant,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    files: HashMap<(PathBuf, Operation, Verdict), u64>,
    /// In the order of their first time; what is the same adds up.
    network: Vec<NetworkAttempt>,
    /// When the program took its first instruction.
    started: Option<Instant>,
    limits: Vec<Resource>,
    lost: u64,
}

/// Bounds of what may wait to be taken; what comes on top is dropped and counted.
const MOST_EVENTS: usize = 65_536;
const MOST_FILES: usize = 65_536;
/// Destinations that may wait, each looked through for every attempt.
const MOST_NETWORK: usize = 2048;
/// Files whose length is watched.
const MOST_WRITTEN: usize = 64;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            state: Mutex::default(),
            names: Mutex::default(),
            looks: Mutex::new(Looks::new()),
            judge: OnceLock::new(),
            written: Mutex::default(),
            wake: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            requested: Instant::now(),
        })
    }

    /// The program is let go. Returns how long it took to get there.
    pub(super) fn mark_started(&self) -> Duration {
        let now = Instant::now();
        lock(&self.state).started.get_or_insert(now);
        now - self.requested
    }

    pub(super) fn has_started(&self) -> bool {
        lock(&self.state).started.is_some()
    }

    /// Time since the program's start; zero before.
    pub(super) fn now(&self) -> Duration {
        lock(&self.state).started.map_or(Duration::ZERO, |started| started.elapsed())
    }

    pub(super) fn add(&self, kind: EventKind) {
        let mut state = lock(&self.state);
        if state.events.len() >= MOST_EVENTS {
            state.lost += 1;
            return;
        }
        let at = state.started.map_or(Duration::ZERO, |started| started.elapsed());
        state.events.push(Event { at, kind });
        if state.events.len() == 1 {
            let _ = self.wake.write(1);
        }
    }

    /// A limit was reached. Each is told once: what comes after the first time is its consequence.
    pub(super) fn add_limit(&self, hit: LimitHit) {
        {
            let mut state = lock(&self.state);
            if state.limits.contains(&hit.resource) {
                return;
            }
            state.limits.push(hit.resource);
        }
        self.add(EventKind::LimitHit(hit));
    }

    pub(super) fn add_file(&self, path: PathBuf, operation: Operation, verdict: Verdict) {
        if verdict == Verdict::Allowed && matches!(operation, Operation::Write | Operation::Create) {
            self.add_written(&path);
        }
        let mut state = lock(&self.state);
        let full = state.files.len() >= MOST_FILES;
        match state.files.entry((path, operation, verdict)) {
            std::collections::hash_map::Entry::Occupied(mut entry) => *entry.get_mut() += 1,
            std::collections::hash_map::Entry::Vacant(_) if full => state.lost += 1,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(1);
            }
        }
    }

    /// An attempt to reach somebody. A program that sends datagrams does that all the time.
    pub(super) fn add_network(&self, attempt: NetworkAttempt) {
        let mut state = lock(&self.state);
        let same = |have: &&mut NetworkAttempt| {
            (have.port, have.verdict) == (attempt.port, attempt.verdict)
                && (&have.address, &have.host) == (&attempt.address, &attempt.host)
                && have.protocol == attempt.protocol
        };
        if let Some(have) = state.network.iter_mut().find(same) {
            have.count += attempt.count;
        } else if state.network.len() < MOST_NETWORK {
            state.network.push(attempt);
        } else {
            state.lost += 1;
        }
    }

    fn add_written(&self, path: &PathBuf) {
        let mut written = lock(&self.written);
        if written.len() < MOST_WRITTEN && !written.contains(path) {
            written.push(path.clone());
        }
    }

    /// The first files that the program opened to write to.
    pub(super) fn written(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        lock(&self.written)
    }

    /// Everything that waits, oldest first; files at the end.
    pub(super) fn take(&self) -> Vec<Event> {
        let _ = self.wake.read();
        let mut state = lock(&self.state);
        let at = state.started.map_or(Duration::ZERO, |started| started.elapsed());
        let mut events = std::mem::take(&mut state.events);
        events.extend(state.network.drain(..).map(|attempt| Event { at, kind: EventKind::Network(attempt) }));
        let mut tell = |path, operation, verdict, count| {
            events.push(Event { at, kind: EventKind::File { path, operation, verdict, count } });
        };
        for ((path, operation, verdict), count) in state.files.drain() {
            tell(path, operation, verdict, count);
        }
        looks::take(&self.looks, self.judge.get(), tell);
        if state.lost > 0 {
            events.push(Event { at, kind: EventKind::Lost(std::mem::take(&mut state.lost)) });
        }
        events
    }

    /// Who says what came of uses that were let through without a look.
    pub(super) fn set_judge(&self, judge: &Arc<Judge>) {
        let _ = self.judge.set(Arc::clone(judge));
    }

    pub(super) fn looks(&self) -> MutexGuard<'_, Looks> {
        lock(&self.looks)
    }

    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        lock(&self.names)
    }
}
