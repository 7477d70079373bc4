//! What the supervisor's two threads share: the one that answers calls adds, the one that watches the run takes.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
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
    written: Mutex<VecDeque<PathBuf>>,
    /// Written when something worth showing at once was added.
    pub wake: EventFd,
    /// When the request was made.
    pub requested: Instant,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    /// When first, and how often.
    files: HashMap<(PathBuf, Operation, Verdict), (Duration, u64)>,
    /// Memory that `events` and `files` take, roughly.
    bytes: usize,
    /// In the order of their first time, which is told; what is the same adds up.
    network: Vec<(Duration, NetworkAttempt)>,
    /// When the program took its first instruction.
    started: Option<Instant>,
    limits: Vec<Resource>,
    lost: u64,
}

/// Bytes that may wait to be taken: the most that one batch holds. What comes on top is dropped and counted.
pub(super) const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Destinations that may wait, each looked through for every attempt.
const MOST_NETWORK: usize = 2048;
/// Files whose length is watched: those that were opened last.
const MOST_WRITTEN: usize = 128;

/// What an event takes in memory, roughly.
fn size(kind: &EventKind) -> usize {
    let more = match kind {
        EventKind::Denied(denied) => {
            let frames: usize =
                denied.blame.iter().map(|frame| 128 + path_size(&frame.file) + frame.function.len()).sum();
            denied.target.len() + denied.arguments.len() + frames
        }
        EventKind::ProcessStarted { program, argv, .. } => {
            path_size(program) + argv.iter().map(|word| size_of::<String>() + word.len()).sum::<usize>()
        }
        EventKind::Network(attempt) => attempt.host.as_ref().map_or(0, String::len),
        _ => 0,
    };
    size_of::<Event>() + more
}

fn path_size(path: &Path) -> usize {
    path.as_os_str().len()
}

/// How many things that the program did are lost with an event. A gauge's sample is none of them.
fn weight(kind: &EventKind) -> u64 {
    match kind {
        EventKind::Denied(denied) => denied.count,
        EventKind::Network(attempt) => attempt.count,
        EventKind::Usage(_) => 0,
        _ => 1,
    }
}

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
        // There are few of these, and without them a report would be wrong and not only incomplete.
        let needed = matches!(kind, EventKind::Started { .. } | EventKind::LimitHit(_));
        if state.bytes + size(&kind) > MOST_BYTES && !needed {
            state.lost += weight(&kind);
            return;
        }
        state.bytes += size(&kind);
        let at = state.started.map_or(Duration::ZERO, |started| started.elapsed());
        state.events.push(Event { at, kind });
        if state.events.len() == 1 {
            let _ = self.wake.write(1);
        }
    }

    /// A limit was reached. Each is told once: what comes after the first time is its consequence, unless it is the end.
    pub(super) fn add_limit(&self, hit: LimitHit) {
        {
            let mut state = lock(&self.state);
            let known = state.limits.contains(&hit.resource);
            if known && !hit.ends_the_run() {
                return;
            }
            if !known {
                state.limits.push(hit.resource);
            }
        }
        self.add(EventKind::LimitHit(hit));
    }

    pub(super) fn add_file(&self, path: PathBuf, operation: Operation, verdict: Verdict) {
        if verdict == Verdict::Allowed && matches!(operation, Operation::Write | Operation::Create) {
            self.add_written(&path);
        }
        let state = &mut *lock(&self.state);
        // Entry of the map, and the event that is made of it.
        let size = 2 * size_of::<Event>() + path_size(&path);
        match state.files.entry((path, operation, verdict)) {
            std::collections::hash_map::Entry::Occupied(mut entry) => entry.get_mut().1 += 1,
            std::collections::hash_map::Entry::Vacant(_) if state.bytes + size > MOST_BYTES => {
                state.lost += 1;
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                // Files alone wait for the next sample; a flood of them does not have that long.
                if state.bytes < MOST_BYTES / 2 && state.bytes + size >= MOST_BYTES / 2 {
                    let _ = self.wake.write(1);
                }
                state.bytes += size;
                let at = state.started.map_or(Duration::ZERO, |started| started.elapsed());
                entry.insert((at, 1));
            }
        }
    }

    /// An attempt to reach somebody. A program that sends datagrams does that all the time.
    pub(super) fn add_network(&self, attempt: NetworkAttempt) {
        let mut state = lock(&self.state);
        let at = state.started.map_or(Duration::ZERO, |started| started.elapsed());
        let same = |(_, have): &&mut (Duration, NetworkAttempt)| {
            (have.port, have.verdict) == (attempt.port, attempt.verdict)
                && (&have.address, &have.host) == (&attempt.address, &attempt.host)
                && have.protocol == attempt.protocol
        };
        if let Some((_, have)) = state.network.iter_mut().find(same) {
            have.count += attempt.count;
        } else if state.network.len() < MOST_NETWORK {
            state.network.push((at, attempt));
        } else {
            state.lost += attempt.count;
        }
    }

    fn add_written(&self, path: &PathBuf) {
        let mut written = lock(&self.written);
        if written.contains(path) {
            return;
        }
        if written.len() >= MOST_WRITTEN {
            written.pop_front();
        }
        written.push_back(path.clone());
    }

    /// The files that the program has last opened to write to.
    pub(super) fn written(&self) -> Vec<PathBuf> {
        lock(&self.written).iter().cloned().collect()
    }

    /// Everything that waits, oldest first; what adds up at the end, at the time of its first.
    pub(super) fn take(&self) -> Vec<Event> {
        let _ = self.wake.read();
        let mut state = lock(&self.state);
        let at = state.started.map_or(Duration::ZERO, |started| started.elapsed());
        state.bytes = 0;
        let mut events = std::mem::take(&mut state.events);
        let network = state.network.drain(..);
        events.extend(network.map(|(at, attempt)| Event { at, kind: EventKind::Network(attempt) }));
        let mut tell = |at, path, operation, verdict, count| {
            events.push(Event { at, kind: EventKind::File { path, operation, verdict, count } });
        };
        for ((path, operation, verdict), (first, count)) in state.files.drain() {
            tell(first, path, operation, verdict, count);
        }
        let tell_now = |path, operation, verdict, count| tell(at, path, operation, verdict, count);
        looks::take(&self.looks, self.judge.get(), tell_now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::event::{Denied, Layer};

    fn told(events: &[Event]) -> u64 {
        let count = |event: &Event| match &event.kind {
            EventKind::File { count, .. } | EventKind::Lost(count) => *count,
            EventKind::Denied(denied) => denied.count,
            _ => 0,
        };
        events.iter().map(count).sum()
    }

    fn denied(number: u64) -> EventKind {
        EventKind::Denied(Denied {
            pid: 1,
            program: String::new(),
            operation: Operation::Read,
            target: format!("/secret/{number}"),
            syscall: "open".into(),
            arguments: "x".repeat(200),
            errno: "EACCES".into(),
            layer: Layer::Mount,
            exists_outside: true,
            blame: Vec::new(),
            unread: None,
            image: 1,
            programs: Vec::new(),
            count: 1,
        })
    }

    #[test]
    fn a_million_events_are_told_or_counted_in_bounded_memory() {
        let shared = Shared::new().unwrap();
        let (mut sum, mut most) = (0, 0);
        for number in 0..500_000 {
            shared.add_file(format!("/some/folder/{number}").into(), Operation::Read, Verdict::Allowed);
            shared.add(denied(number));
            if number % 90_000 == 0 {
                let events = shared.take();
                sum += told(&events);
                most = most.max(events.len());
            }
        }
        sum += told(&shared.take());
        assert_eq!(sum, 1_000_000);
        assert!((1000..=MOST_BYTES / size_of::<Event>() + 1).contains(&most), "{most} at once");
        assert!(shared.take().is_empty());
    }

    #[test]
    fn a_limit_is_told_in_a_flood_too() {
        let shared = Shared::new().unwrap();
        while lock(&shared.state).lost == 0 {
            shared.add(denied(1));
        }
        let hit = |effect: &str| LimitHit {
            resource: Resource::Memory,
            limit: 1,
            observed: 2,
            enforced_by: "kernel".into(),
            at_ms: 0,
            effect: effect.into(),
        };
        for effect in ["ENOMEM", "ENOMEM", LimitHit::KILLED] {
            shared.add_limit(hit(effect));
        }
        shared.add(EventKind::Usage(crate::sandbox::event::UsageSample::default()));
        let events = shared.take();
        let effects: Vec<&str> = events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::LimitHit(hit) => Some(hit.effect.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(effects, ["ENOMEM", "killed"]);
        assert_eq!(events.last().map(|event| &event.kind), Some(&EventKind::Lost(1)));
    }
}
