//! What a run used over its time, in bounded memory: a fixed number of slots that grow longer as the run does.

use std::time::Duration;

use crate::sandbox::event::UsageSample;

/// Slots that are kept. A power of two: pairs are folded together when they are used up.
const SLOTS: usize = 256;
/// Length of a slot at the start, about that of a sample.
const FIRST: Duration = Duration::from_millis(50);

/// What is drawn over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Thousandths of a processor.
    Load,
    /// Bytes.
    Memory,
    Processes,
    Descriptors,
}

/// The most of each measure within one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    most: UsageSample,
    /// When the newest sample in it was taken.
    last: Duration,
}

/// See the module. Empty slots are those in which no sample was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    slots: Vec<Option<Slot>>,
    length: Duration,
    peak: UsageSample,
    latest: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self { slots: Vec::new(), length: FIRST, peak: UsageSample::default(), latest: Duration::ZERO }
    }
}

impl History {
    /// Take a sample in, `at` after the start.
    pub fn push(&mut self, at: Duration, sample: UsageSample) {
        while index(at, self.length) >= SLOTS {
            self.fold();
        }
        let slot = index(at, self.length);
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, None);
        }
        let new = Slot { most: sample, last: at };
        self.slots[slot] = Some(self.slots[slot].map_or(new, |known| known.with(&new)));
        self.peak = most(&self.peak, &sample);
        self.latest = self.latest.max(at);
    }

    /// Make each slot twice as long.
    fn fold(&mut self) {
        let fold = |pair: &[Option<Slot>]| {
            pair.iter().copied().flatten().reduce(|first, second| first.with(&second))
        };
        self.slots = self.slots.chunks(2).map(fold).collect();
        self.length *= 2;
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The most that was seen of each.
    pub fn peak(&self) -> &UsageSample {
        &self.peak
    }

    /// `columns` values over the time from the start to `until`, each the most within its part of the time. Where no
    /// sample was taken the value before goes on.
    pub fn over_time(&self, measure: Measure, until: Duration, columns: usize) -> Vec<u64> {
        if columns == 0 || self.is_empty() {
            return Vec::new();
        }
        let until = until.max(self.latest).max(Duration::from_millis(1));
        let mut columns: Vec<Option<Slot>> = vec![None; columns];
        let count = columns.len();
        for slot in self.slots.iter().flatten() {
            let at = (slot.last.as_nanos() * count as u128 / until.as_nanos()) as usize;
            let column = &mut columns[at.min(count - 1)];
            *column = Some(column.map_or(*slot, |known| known.with(slot)));
        }
        match measure {
            Measure::Load => load(&columns, until),
            measure => {
                let mut value = 0;
                let of = |sample: &UsageSample| match measure {
                    Measure::Memory | Measure::Load => sample.memory_bytes,
                    Measure::Processes => sample.processes,
                    Measure::Descriptors => sample.descriptors,
                };
                let each = columns.iter().map(|column| {
                    value = column.map_or(value, |slot| of(&slot.most));
                    value
                });
                each.collect()
            }
        }
    }
}

/// Processor time is told as a sum: its growth from sample to sample, spread over the columns between them.
fn load(columns: &[Option<Slot>], until: Duration) -> Vec<u64> {
    let mut values = vec![0; columns.len()];
    let (mut before, mut from) = (0, Duration::ZERO);
    let mut next = 0;
    for (index, slot) in columns.iter().enumerate() {
        let Some(slot) = slot else { continue };
        let time = slot.last.saturating_sub(from).max(Duration::from_millis(1));
        let used = slot.most.cpu_ms.saturating_sub(before);
        let thousandths = (u128::from(used) * 1_000_000_000 / time.as_nanos()) as u64;
        values[next..=index].fill(thousandths);
        (before, from, next) = (slot.most.cpu_ms, slot.last, index + 1);
    }
    // The newest value goes on only as long as a sample may take to come.
    let silent = until.saturating_sub(from);
    if next > 0 && silent < Duration::from_millis(500) {
        let last = values[next - 1];
        values[next..].fill(last);
    }
    values
}

impl Slot {
    fn with(self, other: &Self) -> Self {
        Self { most: most(&self.most, &other.most), last: self.last.max(other.last) }
    }
}

fn most(a: &UsageSample, b: &UsageSample) -> UsageSample {
    UsageSample {
        cpu_ms: a.cpu_ms.max(b.cpu_ms),
        memory_bytes: a.memory_bytes.max(b.memory_bytes),
        processes: a.processes.max(b.processes),
        descriptors: a.descriptors.max(b.descriptors),
    }
}

fn index(at: Duration, length: Duration) -> usize {
    usize::try_from(at.as_nanos() / length.as_nanos()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(cpu_ms: u64, memory_bytes: u64, processes: u64) -> UsageSample {
        UsageSample { cpu_ms, memory_bytes, processes, descriptors: 3 }
    }

    fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn load_is_the_growth_of_processor_time() {
        let mut history = History::default();
        for (at, cpu) in [(100, 100), (200, 200), (300, 200), (400, 400)] {
            history.push(millis(at), sample(cpu, 1, 1));
        }
        assert_eq!(history.over_time(Measure::Load, millis(401), 4), [1000, 1000, 0, 2000]);
    }

    #[test]
    fn silence_goes_on_with_the_last_value() {
        let mut history = History::default();
        history.push(millis(10), sample(5, 70, 2));
        assert_eq!(history.over_time(Measure::Memory, millis(10_000), 4), [70; 4]);
        assert_eq!(history.over_time(Measure::Load, millis(10_000), 4), [500, 0, 0, 0]);
        assert!(History::default().over_time(Measure::Memory, millis(10), 4).is_empty());
    }

    proptest! {
        /// However long and dense: bounded, in order, and no peak is ever lost.
        #[test]
        fn no_peak_is_lost_and_nothing_grows(
            samples in proptest::collection::vec((0u64..20_000, 0u64..1000, 0u64..50), 1..400),
            columns in 1usize..200,
            factor in 1u64..50_000,
        ) {
            let mut samples: Vec<_> = samples.into_iter().map(|(at, m, p)| (at * factor, m, p)).collect();
            samples.sort_unstable();
            let mut history = History::default();
            for (at, memory, processes) in &samples {
                history.push(millis(*at), sample(*at, *memory, *processes));
            }
            prop_assert!(history.slots.len() <= SLOTS);
            let until = millis(samples.last().unwrap().0);
            let memory = history.over_time(Measure::Memory, until, columns);
            prop_assert_eq!(memory.len(), columns);
            let most = samples.iter().map(|(_, memory, _)| *memory).max().unwrap();
            prop_assert_eq!(memory.iter().copied().max().unwrap(), most);
            prop_assert_eq!(history.peak().memory_bytes, most);
            let processes = history.over_time(Measure::Processes, until, columns);
            prop_assert_eq!(processes.into_iter().max(), samples.iter().map(|(.., p)| *p).max());
            prop_assert_eq!(history.over_time(Measure::Load, until, columns).len(), columns);
        }
    }
}
