//! Looks at paths that nothing inside can change, remembered: most of what a program opens or asks about is of the
//! read-only system, and the same again and again. Filled and asked by [`super::supervisor`], emptied by the thread that
//! watches the run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::calls::PathUse;
use super::judge::Judged;
use crate::sandbox::event::{Operation, Verdict};

/// A path with what came of it, and how often it was seen since it was last told.
#[derive(Debug)]
struct Look {
    path: PathBuf,
    operation: Operation,
    verdict: Verdict,
    count: u64,
}

#[derive(Debug)]
pub(super) struct Looks {
    by_use: HashMap<PathUse, usize>,
    seen: Vec<Look>,
    /// Those that were seen since they were last told.
    fresh: Vec<usize>,
    since: Instant,
}

/// Everything is looked at anew after this time: the host can change what the sandbox cannot.
const LASTING: Duration = Duration::from_secs(1);
const MOST: usize = 16_384;

impl Looks {
    pub(super) fn new() -> Self {
        Self { by_use: HashMap::new(), seen: Vec::new(), fresh: Vec::new(), since: Instant::now() }
    }

    /// Count one more use, when its outcome is known.
    pub(super) fn knows(&mut self, used: &PathUse) -> bool {
        let Some(index) = self.by_use.get(used).copied() else { return false };
        if self.since.elapsed() > LASTING {
            self.by_use.clear();
            return false;
        }
        let look = &mut self.seen[index];
        if look.count == 0 {
            self.fresh.push(index);
        }
        look.count += 1;
        true
    }

    /// Remember what came of a use, and count it. False when there is no room.
    pub(super) fn learn(&mut self, used: &PathUse, judged: &Judged) -> bool {
        if self.seen.len() >= MOST {
            return false;
        }
        if self.by_use.is_empty() {
            self.since = Instant::now();
        }
        let index = self.seen.len();
        let Judged { path, operation, verdict, .. } = judged;
        self.seen.push(Look { path: path.clone(), operation: *operation, verdict: *verdict, count: 1 });
        self.fresh.push(index);
        self.by_use.insert(used.clone(), index);
        true
    }

    /// Hand over what was seen since the last time.
    pub(super) fn take(&mut self, mut tell: impl FnMut(PathBuf, Operation, Verdict, u64)) {
        for index in self.fresh.drain(..) {
            let look = &mut self.seen[index];
            tell(look.path.clone(), look.operation, look.verdict, std::mem::take(&mut look.count));
        }
        if self.seen.len() >= MOST || self.by_use.is_empty() {
            self.by_use.clear();
            self.seen.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::How;
    use super::*;

    fn used(path: &str) -> PathUse {
        PathUse { path: path.into(), operation: Operation::Read, follow: true, how: How::Query }
    }

    fn judged(path: &str) -> Judged {
        Judged { path: path.into(), operation: Operation::Read, verdict: Verdict::Missing, refusal: None }
    }

    fn told(looks: &mut Looks) -> Vec<(PathBuf, u64)> {
        let mut told = Vec::new();
        looks.take(|path, _, _, count| told.push((path, count)));
        told
    }

    #[test]
    fn every_use_is_told_once() {
        let mut looks = Looks::new();
        assert!(!looks.knows(&used("/a")));
        assert!(looks.learn(&used("/a"), &judged("/b")));
        assert!(looks.knows(&used("/a")));
        assert_eq!(told(&mut looks), [("/b".into(), 2)]);
        assert_eq!(told(&mut looks), []);
        assert!(looks.knows(&used("/a")));
        assert_eq!(told(&mut looks), [("/b".into(), 1)]);
    }

    #[test]
    fn a_full_memory_is_emptied_without_loss() {
        let mut looks = Looks::new();
        let learnt = (0..=MOST).filter(|n| looks.learn(&used(&format!("/{n}")), &judged("/x"))).count();
        assert_eq!(learnt, MOST);
        assert_eq!(told(&mut looks).len(), MOST);
        assert!(!looks.knows(&used("/0")));
        assert!(looks.learn(&used("/0"), &judged("/x")));
    }
}
