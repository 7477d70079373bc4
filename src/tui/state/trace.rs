//! What is kept of a run besides its report and its output: usage over time, which stream spoke when, and the order of
//! their lines. All of it bounded.

use std::time::Duration;

use super::timeline::Timeline;
use super::usage::History;
use crate::run::log::{Order, OutputLog};
use crate::sandbox::event::Stream;

/// Bursts that are kept; when there are more, neighbours become one.
const MAX_BURSTS: usize = 400;
/// A stream that is silent for longer begins a new burst.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Default)]
pub struct Trace {
    pub usage: History,
    pub order: Order,
    pub bursts: Bursts,
    pub timeline: Timeline,
}

/// Output of one stream without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    pub stream: Stream,
    pub at: Duration,
    pub until: Duration,
    pub bytes: u64,
    /// Where in its stream it begins.
    pub offset: u64,
}

/// Bursts in the order in which they began.
#[derive(Debug, Clone)]
pub struct Bursts {
    all: Vec<Burst>,
    pause: Duration,
}

impl Default for Bursts {
    fn default() -> Self {
        Self { all: Vec::new(), pause: PAUSE }
    }
}

impl Trace {
    /// `log` of `stream` took `bytes` in, `at` after the start.
    pub fn output(&mut self, at: Duration, stream: Stream, bytes: u64, log: &OutputLog) {
        self.order.note(stream, log);
        let offset = log.received().saturating_sub(bytes);
        self.bursts.push(Burst { stream, at, until: at, bytes, offset });
        self.timeline.stale();
    }

    /// The output was forgotten.
    pub fn forget_output(&mut self) {
        self.order = Order::default();
    }
}

impl Bursts {
    pub fn all(&self) -> &[Burst] {
        &self.all
    }

    fn push(&mut self, burst: Burst) {
        if burst.bytes == 0 {
            return;
        }
        join(&mut self.all, burst, self.pause);
        while self.all.len() > MAX_BURSTS {
            self.pause *= 2;
            let before = std::mem::take(&mut self.all);
            for burst in before {
                join(&mut self.all, burst, self.pause);
            }
        }
    }
}

/// Add a burst, to the newest of its stream when that has just ended.
fn join(all: &mut Vec<Burst>, burst: Burst, pause: Duration) {
    match all.iter_mut().rev().find(|known| known.stream == burst.stream) {
        Some(last) if burst.at.saturating_sub(last.until) <= pause => {
            last.until = last.until.max(burst.until);
            last.bytes += burst.bytes;
        }
        _ => all.push(burst),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(stream: Stream, ms: u64, offset: u64) -> Burst {
        let at = Duration::from_millis(ms);
        Burst { stream, at, until: at, bytes: 10, offset }
    }

    #[test]
    fn a_pause_begins_a_new_burst() {
        let mut bursts = Bursts::default();
        for (stream, ms, offset) in [
            (Stream::Stdout, 0, 0),
            (Stream::Stderr, 10, 0),
            (Stream::Stdout, 200, 10),
            (Stream::Stdout, 900, 20),
        ] {
            bursts.push(burst(stream, ms, offset));
        }
        let found: Vec<_> = bursts.all().iter().map(|b| (b.stream, b.bytes, b.offset)).collect();
        assert_eq!(found, [(Stream::Stdout, 20, 0), (Stream::Stderr, 10, 0), (Stream::Stdout, 10, 20)]);
    }

    #[test]
    fn a_run_that_speaks_for_days_keeps_every_byte_in_bounds() {
        let mut bursts = Bursts::default();
        for n in 0..100_000u64 {
            bursts.push(burst(if n % 3 == 0 { Stream::Stderr } else { Stream::Stdout }, n * 1000, n));
            assert!(bursts.all.len() <= MAX_BURSTS);
        }
        assert_eq!(bursts.all.iter().map(|burst| burst.bytes).sum::<u64>(), 1_000_000);
        assert!(bursts.all.is_sorted_by_key(|burst| burst.at));
    }
}
