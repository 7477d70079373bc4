//! Limits over the whole process tree: what is watched, when it is too much, and how that is told.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::statvfs::fstatvfs;

use super::judge::Judge;
use super::processes;
use super::shared::Shared;
use crate::sandbox::event::{LimitHit, Outcome, OutcomeKind, Resource, Usage, UsageSample};
use crate::sandbox::plan::{Limits, Plan};

/// Counting what lies on disk takes longer than the other looks.
const BETWEEN_COUNTS: Duration = Duration::from_millis(200);

/// Samples the use of one run.
#[derive(Debug)]
pub(super) struct Watch {
    judge: Arc<Judge>,
    shared: Arc<Shared>,
    limits: Limits,
    /// Scratch on disk, without a size of its own, and when it was last counted.
    private: Option<(PathBuf, Option<Instant>)>,
    latest: UsageSample,
    peak: UsageSample,
    last: Option<Instant>,
    /// Limits that the kernel held by itself, each told once.
    hits: Vec<(Resource, u64, u64, &'static str)>,
    told: HashSet<Resource>,
}

impl Watch {
    pub(super) fn new(
        judge: Arc<Judge>,
        shared: Arc<Shared>,
        limits: Limits,
        private: Option<PathBuf>,
    ) -> Self {
        Self {
            judge,
            shared,
            limits,
            private: private.map(|folder| (folder, None)),
            latest: UsageSample::default(),
            peak: UsageSample::default(),
            last: None,
            hits: Vec::new(),
            told: HashSet::new(),
        }
    }

    pub(super) fn is_due(&self, every: Duration) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= every)
    }

    /// Look once. Returns the limit that is exceeded and must end the run, with its value and the observed one.
    pub(super) fn sample(&mut self, now: Duration) -> Option<(Resource, u64, u64)> {
        self.last = Some(Instant::now());
        let mut usage = processes::usage(self.judge.processes());
        if usage.processes > 1 && usage.memory_bytes > self.limits.memory / 2 {
            // Children share pages with their parents until they write to them: where it matters, count those once.
            usage.memory_bytes = processes::proportional_memory(self.judge.processes());
        }
        self.latest = UsageSample { cpu_ms: usage.cpu_ms.max(self.latest.cpu_ms), ..usage };
        self.peak.cpu_ms = self.latest.cpu_ms;
        self.peak.memory_bytes = self.peak.memory_bytes.max(usage.memory_bytes);
        self.peak.processes = self.peak.processes.max(usage.processes);
        self.peak.descriptors = self.peak.descriptors.max(usage.descriptors);
        self.last_look();
        self.exceeded(now).or_else(|| self.count_private())
    }

    /// Scratch on disk is counted now and then; a run that has used more than it may is ended.
    fn count_private(&mut self) -> Option<(Resource, u64, u64)> {
        let (folder, last) = self.private.as_mut()?;
        if last.is_some_and(|last| last.elapsed() < BETWEEN_COUNTS) {
            return None;
        }
        *last = Some(Instant::now());
        let used = super::bare::used(folder, &processes::list(self.judge.processes()));
        (used > self.limits.scratch).then_some((Resource::Scratch, self.limits.scratch, used))
    }

    fn exceeded(&self, now: Duration) -> Option<(Resource, u64, u64)> {
        let wall = self.limits.wall;
        if now > wall {
            return Some((Resource::Wall, wall.as_millis() as u64, now.as_millis() as u64));
        }
        let cpu = self.limits.cpu.as_millis() as u64;
        if self.latest.cpu_ms > cpu {
            return Some((Resource::Cpu, cpu, self.latest.cpu_ms));
        }
        if self.latest.processes > self.limits.processes {
            return Some((Resource::Processes, self.limits.processes, self.latest.processes));
        }
        let memory = self.limits.memory;
        if self.latest.memory_bytes > memory {
            return Some((Resource::Memory, memory, self.latest.memory_bytes));
        }
        None
    }

    /// The scratch file system is full: what is written on top fails with ENOSPC.
    fn look_at_scratch(&mut self) {
        if self.told.contains(&Resource::Scratch) || self.private.is_some() {
            return;
        }
        let Ok(tmp) = self.judge.root().open(Path::new(Plan::SCRATCH)) else { return };
        let Ok(space) = fstatvfs(tmp.as_fd()) else { return };
        if space.blocks_available() == 0 || space.files_free() == 0 {
            let used = (space.blocks() - space.blocks_available()) * space.fragment_size();
            self.told.insert(Resource::Scratch);
            self.hits.push((Resource::Scratch, self.limits.scratch, used, "ENOSPC"));
        }
    }

    /// What only shows in what is left behind; once more after the end.
    pub(super) fn last_look(&mut self) {
        self.look_at_scratch();
        self.look_at_files();
    }

    /// A file that has grown to the limit: the next byte fails with EFBIG, also for a program that ignores SIGXFSZ.
    fn look_at_files(&mut self) {
        if self.told.contains(&Resource::FileSize) {
            return;
        }
        let limit = self.limits.file_size;
        let longest = self.shared.written().iter().filter_map(|path| self.judge.root().length(path)).max();
        if let Some(length) = longest
            && length >= limit
        {
            self.told.insert(Resource::FileSize);
            self.hits.push((Resource::FileSize, limit, length, "EFBIG"));
        }
    }

    pub(super) fn take_hits(&mut self, now: Duration) -> Vec<LimitHit> {
        let at_ms = now.as_millis() as u64;
        let hit = |(resource, limit, observed, effect): (_, _, _, &str)| LimitHit {
            resource,
            limit,
            observed,
            enforced_by: "kernel".into(),
            at_ms,
            effect: effect.into(),
        };
        self.hits.drain(..).map(hit).collect()
    }

    pub(super) fn latest(&self) -> UsageSample {
        self.latest
    }

    pub(super) fn peak(&self) -> UsageSample {
        self.peak
    }
}

/// A limit for which the supervisor ended the run.
pub(super) fn killed(resource: Resource, limit: u64, observed: u64, now: Duration) -> LimitHit {
    LimitHit {
        resource,
        limit,
        observed,
        enforced_by: "supervisor".into(),
        at_ms: now.as_millis() as u64,
        effect: "killed".into(),
    }
}

/// The outcome of a program that ended by itself: wait(2). Signals that stand for a limit are named as such.
pub(super) fn from_status(status: i32, limits: &Limits) -> Outcome {
    let signal = status & 0x7f;
    let plain =
        Outcome { kind: OutcomeKind::Exited, code: None, signal: None, limit: None, message: String::new() };
    if signal == 0 {
        let code = (status >> 8) & 0xff;
        return Outcome { code: Some(code), message: format!("exited with status {code}"), ..plain };
    }
    let name =
        Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string());
    let limit = match signal {
        libc::SIGXCPU => Some(Resource::Cpu),
        libc::SIGXFSZ => Some(Resource::FileSize),
        _ => None,
    };
    let message = match (limit, signal) {
        (Some(resource), _) => sentence(resource, limits, limits.cpu),
        (None, libc::SIGSYS) => "ended by SIGSYS: a system call of a foreign architecture".into(),
        (None, _) => format!("ended by {name}"),
    };
    let kind = if limit.is_some() { OutcomeKind::Limit } else { OutcomeKind::Signaled };
    Outcome { kind, signal: Some(name), limit, message, ..plain }
}

/// The limit hit behind an outcome that the kernel's own signal brought about.
pub(super) fn from_signal(
    outcome: &Outcome,
    limits: &Limits,
    usage: &Usage,
    now: Duration,
) -> Option<LimitHit> {
    let signal = outcome.signal.as_ref()?;
    let resource = outcome.limit?;
    let (limit, observed) = match resource {
        Resource::Cpu => (limits.cpu.as_millis() as u64, usage.cpu_ms.max(limits.cpu.as_millis() as u64)),
        Resource::FileSize => (limits.file_size, limits.file_size),
        _ => return None,
    };
    Some(LimitHit {
        enforced_by: "kernel".into(),
        effect: signal.clone(),
        ..killed(resource, limit, observed, now)
    })
}

/// The end of a run by a limit, in one sentence.
pub(super) fn sentence(resource: Resource, limits: &Limits, duration: Duration) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0));
    match resource {
        Resource::Wall => format!("still running after {:.1} s: wall limit", duration.as_secs_f64()),
        Resource::Cpu => {
            format!("used more than {:.1} s of processor time: cpu limit", limits.cpu.as_secs_f64())
        }
        Resource::Memory => format!("used more than {}: memory limit", mib(limits.memory)),
        Resource::FileSize => format!("wrote a file longer than {}: file_size limit", mib(limits.file_size)),
        Resource::Scratch => format!("wrote more than {} of scratch: scratch limit", mib(limits.scratch)),
        Resource::OpenFiles => format!("opened more than {} files: open_files limit", limits.open_files),
        Resource::Processes => format!("started more than {} processes: processes limit", limits.processes),
        Resource::Output => format!("printed more than {}: output limit", mib(limits.output)),
    }
}
