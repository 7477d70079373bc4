//! How often a run is looked at: often while something grows towards its limit, seldom while nothing happens, and never so
//! often that looking itself would cost much.

use std::time::{Duration, Instant};

use crate::sandbox::event::UsageSample;

/// Between two looks at a run that does what runs do.
const USUAL: Duration = Duration::from_millis(20);
/// At most: while something grows fast.
const SHORTEST: Duration = Duration::from_millis(2);
/// While nothing happens. A program that begins to fill memory then is seen late, so the kernel's hold makes a difference.
const IDLE: Duration = Duration::from_millis(40);
const IDLE_IN_CGROUP: Duration = Duration::from_millis(100);
/// Looking takes at most this part of a processor…
const PART: u32 = 20;
/// … but a program that makes it dear must not gain much time by that, and less while something grows fast.
const LONGEST: Duration = Duration::from_millis(250);
const LONGEST_GROWING: Duration = Duration::from_millis(40);

#[derive(Debug)]
pub(super) struct Pace {
    idle: Duration,
    interval: Duration,
    due: Instant,
    begun: Instant,
    /// Processor time of this thread when the look began.
    begun_cpu: Duration,
    /// What was used at the last look, and when that was.
    last: Option<([u64; 4], UsageSample, Instant)>,
}

impl Pace {
    pub(super) fn new(in_cgroup: bool) -> Self {
        let now = Instant::now();
        Self {
            idle: if in_cgroup { IDLE_IN_CGROUP } else { IDLE },
            interval: USUAL,
            due: now,
            begun: now,
            begun_cpu: Duration::ZERO,
            last: None,
        }
    }

    pub(super) fn due_in(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    pub(super) fn begin(&mut self) {
        self.begun = Instant::now();
        self.begun_cpu = thread_time();
    }

    /// A look has been made. Each pair is what is used of something, and the limit.
    pub(super) fn end(&mut self, used: [(u64, u64); 4], sample: UsageSample) {
        let cost = thread_time().saturating_sub(self.begun_cpu);
        let now = self.begun;
        let elapsed = self.last.map(|(.., then)| now.saturating_duration_since(then));
        let last = self.last.map(|(values, sample, _)| (values, sample));
        self.interval = interval(self.interval, self.idle, cost, used, sample, last.zip(elapsed));
        self.last = Some((used.map(|(value, _)| value), sample, now));
        self.due = Instant::now() + self.interval;
    }
}

/// The time until the next look, from what the last two have shown.
fn interval(
    before: Duration,
    idle: Duration,
    cost: Duration,
    used: [(u64, u64); 4],
    sample: UsageSample,
    last: Option<(([u64; 4], UsageSample), Duration)>,
) -> Duration {
    let mut next = USUAL;
    if let Some(((values, last), elapsed)) = last {
        if last == sample {
            next = (before * 2).clamp(USUAL, idle);
        }
        for ((value, limit), then) in used.into_iter().zip(values) {
            let growth = value.saturating_sub(then);
            if growth > 0 {
                // At this rate the limit is reached then; half way there it is time to look again.
                let reached = elapsed.as_secs_f64() * limit.saturating_sub(value) as f64 / growth as f64;
                next = next.min(Duration::from_secs_f64((reached / 2.0).min(USUAL.as_secs_f64())));
            }
        }
    }
    let longest = if next < USUAL { LONGEST_GROWING } else { LONGEST };
    next.max(SHORTEST).max((cost * PART).min(longest))
}

/// Processor time of the calling thread: clock_gettime(2). Not time on the clock, of which a busy machine has others take
/// part.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1000;

    fn after(then: u64, now: u64, cost: Duration) -> Duration {
        let sample = |memory_bytes| UsageSample { memory_bytes, ..UsageSample::default() };
        let used = [(now, LIMIT), (0, LIMIT), (0, LIMIT), (0, LIMIT)];
        interval(USUAL, IDLE, cost, used, sample(now), Some((([then, 0, 0, 0], sample(then)), USUAL)))
    }

    #[test]
    fn what_grows_fast_is_looked_at_often() {
        assert_eq!(after(100, 101, Duration::ZERO), USUAL);
        // 300 in 20 ms with 600 to go: half of 40 ms.
        assert_eq!(after(100, 400, Duration::ZERO), USUAL);
        assert_eq!(after(400, 700, Duration::ZERO), Duration::from_millis(10));
        assert_eq!(after(600, 990, Duration::ZERO), SHORTEST);
        assert_eq!(after(600, 2000, Duration::ZERO), SHORTEST);
    }

    #[test]
    fn what_does_nothing_is_looked_at_seldom() {
        assert_eq!(after(500, 500, Duration::ZERO), IDLE);
        assert_eq!(after(500, 400, Duration::ZERO), USUAL);
    }

    #[test]
    fn looking_has_its_price() {
        assert_eq!(after(600, 990, Duration::from_millis(1)), Duration::from_millis(20));
        assert_eq!(after(600, 990, Duration::from_millis(4)), LONGEST_GROWING);
        assert_eq!(after(500, 500, Duration::from_millis(4)), Duration::from_millis(80));
        assert_eq!(after(500, 500, Duration::from_secs(1)), LONGEST);
    }
}
