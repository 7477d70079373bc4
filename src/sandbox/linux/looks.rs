//! Uses of paths that nothing inside can change, remembered: most of what a program opens or asks about is of the
//! read-only system, and the same again and again. Filled and asked by [`super::supervisor`]; the thread that watches the
//! run empties it, and finds out what came of uses that nobody had to wait for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::calls::PathUse;
use super::judge::{Judge, Judged};
use crate::sandbox::event::{Operation, Verdict};

/// How a path was used, and how often since that was last told.
#[derive(Debug)]
struct Look {
    used: PathUse,
    /// What came of it; `None` as long as nobody has looked.
    outcome: Option<Outcome>,
    count: u64,
}

type Outcome = (PathBuf, Operation, Verdict);

#[derive(Debug)]
pub(super) struct Looks {
    by_use: HashMap<PathUse, usize>,
    all: Vec<Look>,
    /// Those that were seen since they were last told.
    fresh: Vec<usize>,
    since: Instant,
}

/// Everything is looked at anew after this time: the host can change what the sandbox cannot.
const LASTING: Duration = Duration::from_secs(1);
const MOST: usize = 16_384;

impl Looks {
    pub(super) fn new() -> Self {
        Self { by_use: HashMap::new(), all: Vec::new(), fresh: Vec::new(), since: Instant::now() }
    }

    /// Count one more use, when it is known.
    pub(super) fn knows(&mut self, used: &PathUse) -> bool {
        let Some(index) = self.by_use.get(used).copied() else { return false };
        if self.since.elapsed() > LASTING {
            self.by_use.clear();
            return false;
        }
        let look = &mut self.all[index];
        if look.count == 0 {
            self.fresh.push(index);
        }
        look.count += 1;
        true
    }

    /// Remember a use and count it. False when there is no room.
    pub(super) fn learn(&mut self, used: &PathUse, judged: Option<&Judged>) -> bool {
        if self.all.len() >= MOST {
            return false;
        }
        if self.by_use.is_empty() {
            self.since = Instant::now();
        }
        let index = self.all.len();
        self.all.push(Look { used: used.clone(), outcome: judged.map(outcome), count: 1 });
        self.fresh.push(index);
        self.by_use.insert(used.clone(), index);
        true
    }

    /// What was seen since the last time, by index.
    fn take_fresh(&mut self) -> Vec<(usize, u64, Result<Outcome, PathUse>)> {
        let take = |index: usize| {
            let look = &mut self.all[index];
            let count = std::mem::take(&mut look.count);
            (index, count, look.outcome.clone().ok_or_else(|| look.used.clone()))
        };
        self.fresh.drain(..).map(take).collect()
    }

    /// Forget everything when it is old or too much, as soon as all of it was told.
    fn make_room(&mut self) {
        if self.fresh.is_empty() && (self.all.len() >= MOST || self.by_use.is_empty()) {
            self.by_use.clear();
            self.all.clear();
        }
    }
}

fn outcome(judged: &Judged) -> Outcome {
    (judged.path.clone(), judged.operation, judged.verdict)
}

/// Hand over what was seen since the last time. Nobody waits for the lock while paths are looked at.
pub(super) fn take(
    looks: &Mutex<Looks>,
    judge: Option<&Arc<Judge>>,
    mut tell: impl FnMut(PathBuf, Operation, Verdict, u64),
) {
    let fresh = lock(looks).take_fresh();
    for (index, count, known) in fresh {
        let (path, operation, verdict) = known.unwrap_or_else(|used| {
            // Nothing of the system leads back to the caller's own /proc: its number does not matter.
            let found = judge.map(|judge| outcome(&judge.judge(&used, None)));
            let found = found.unwrap_or((used.path, used.operation, Verdict::Allowed));
            lock(looks).all[index].outcome = Some(found.clone());
            found
        });
        tell(path, operation, verdict, count);
    }
    lock(looks).make_room();
}

fn lock(looks: &Mutex<Looks>) -> MutexGuard<'_, Looks> {
    looks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::calls::How;
    use super::super::place::Tail;
    use super::*;

    fn used(path: &str) -> PathUse {
        PathUse {
            path: path.into(),
            tail: Tail::Name,
            from: None,
            operation: Operation::Read,
            follow: true,
            how: How::Query,
        }
    }

    fn judged(path: &str) -> Judged {
        Judged {
            path: path.into(),
            operation: Operation::Read,
            verdict: Verdict::Missing,
            refusal: None,
            sure: true,
        }
    }

    fn told(looks: &Mutex<Looks>) -> Vec<(PathBuf, u64)> {
        let mut told = Vec::new();
        take(looks, None, |path, _, _, count| told.push((path, count)));
        told
    }

    #[test]
    fn every_use_is_told_once() {
        let looks = Mutex::new(Looks::new());
        assert!(!lock(&looks).knows(&used("/a")));
        assert!(lock(&looks).learn(&used("/a"), Some(&judged("/b"))));
        assert!(lock(&looks).knows(&used("/a")));
        assert_eq!(told(&looks), [("/b".into(), 2)]);
        assert_eq!(told(&looks), []);
        assert!(lock(&looks).knows(&used("/a")));
        assert_eq!(told(&looks), [("/b".into(), 1)]);
    }

    #[test]
    fn a_full_memory_is_emptied_without_loss() {
        let looks = Mutex::new(Looks::new());
        let learnt =
            (0..=MOST).filter(|n| lock(&looks).learn(&used(&format!("/{n}")), Some(&judged("/x")))).count();
        assert_eq!(learnt, MOST);
        assert_eq!(told(&looks).len(), MOST);
        assert!(!lock(&looks).knows(&used("/0")));
        assert!(lock(&looks).learn(&used("/0"), Some(&judged("/x"))));
    }
}
