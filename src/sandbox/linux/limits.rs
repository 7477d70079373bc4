//! Limits over the whole process tree: what is watched, how often, and when it is too much.
//!
//! [`told`] says how that is told. Who holds what: the kernel cpu time of each process, file size, open files, scratch and, in
//! a [`super::cgroup`], memory; the supervisor the rest, and memory where there is no cgroup.

mod pace;
pub(super) mod told;

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::statvfs::fstatvfs;

use self::pace::Pace;
use super::cgroup::Cgroup;
use super::confine;
use super::judge::Judge;
use super::processes::{Processes, Seen};
use super::shared::Shared;
use super::view::FILE_COST;
use crate::sandbox::event::{LimitHit, Resource, UsageSample};
use crate::sandbox::plan::{Limits, Plan};

/// A limit that is exceeded and must end the run, with its value and the observed one.
pub(super) type Exceeded = (Resource, u64, u64);
/// Counting what lies on disk takes longer than the other looks.
const BETWEEN_COUNTS: Duration = Duration::from_millis(200);

/// Samples the use of one run.
#[derive(Debug)]
pub(super) struct Watch {
    judge: Arc<Judge>,
    shared: Arc<Shared>,
    limits: Limits,
    /// The file system of captured writes: bounded like the one behind `/tmp`.
    captured: Option<OwnedFd>,
    cgroup: Option<Cgroup>,
    processes: Processes,
    pace: Pace,
    /// Scratch on disk, without a size of its own, and when it was last counted.
    private: Option<(PathBuf, Option<Instant>)>,
    latest: UsageSample,
    peak: UsageSample,
    /// When files are to be looked at again.
    files_due: Option<Instant>,
    /// A file had grown to the limit at the last look: should that end the program, the signal is told and not this.
    full_file: Option<u64>,
    /// Limits that the kernel held by itself, each told once.
    hits: Vec<Hit>,
    told: HashSet<Resource>,
}

/// A limit that the kernel held, and what its program saw.
#[derive(Debug)]
struct Hit {
    resource: Resource,
    limit: u64,
    observed: u64,
    by: &'static str,
    effect: &'static str,
}

const KERNEL: &str = "kernel";
const CGROUP: &str = "cgroup";
/// Between two looks at files, which take longer; and the part of the time that they may take.
const FILES: Duration = Duration::from_millis(100);
const FILES_PART: u32 = 100;

impl Watch {
    pub(super) fn new(
        judge: Arc<Judge>,
        shared: Arc<Shared>,
        limits: Limits,
        captured: Option<OwnedFd>,
        cgroup: Option<Cgroup>,
        private: Option<PathBuf>,
    ) -> Self {
        let processes = Processes::new(judge.processes());
        Self {
            judge,
            shared,
            limits,
            captured,
            pace: Pace::new(cgroup.is_some()),
            cgroup,
            processes,
            private: private.map(|folder| (folder, None)),
            latest: UsageSample::default(),
            peak: UsageSample::default(),
            files_due: None,
            full_file: None,
            hits: Vec::new(),
            told: HashSet::new(),
        }
    }

    /// How long until the next look, `now` being the time since the program's start.
    pub(super) fn due_in(&self, now: Duration) -> Duration {
        // The clock is exact.
        let wall = self.limits.wall.saturating_sub(now) + Duration::from_millis(1);
        self.pace.due_in().min(wall)
    }

    /// Look once. Returns the limit that ends the run.
    pub(super) fn sample(&mut self, now: Duration) -> Option<Exceeded> {
        self.pace.begin();
        let seen = self.look();
        self.hold_in_kernel(&seen);
        if self.files_due.is_none_or(|due| due <= Instant::now()) {
            let begun = Instant::now();
            self.look_at_files();
            self.files_due = Some(Instant::now() + FILES.max(begun.elapsed() * FILES_PART));
        }
        let scratch = self.look_at_scratch();
        let room = [
            (self.latest.memory_bytes, self.limits.memory),
            (scratch, self.limits.scratch),
            (self.latest.processes, self.limits.processes),
            (self.latest.cpu_ms, self.limits.cpu.as_millis() as u64),
        ];
        self.pace.end(room, self.latest);
        self.exceeded(now).or_else(|| self.count_private())
    }

    /// Scratch on disk is counted now and then; a run that has used more than it may is ended.
    fn count_private(&mut self) -> Option<Exceeded> {
        let (folder, last) = self.private.as_mut()?;
        if last.is_some_and(|last| last.elapsed() < BETWEEN_COUNTS) {
            return None;
        }
        *last = Some(Instant::now());
        let used = super::bare::used(folder, &super::processes::list(self.judge.processes()));
        (used > self.limits.scratch).then_some((Resource::Scratch, self.limits.scratch, used))
    }

    fn look(&mut self) -> Seen {
        let mut seen = self.processes.look(self.limits.processes, self.cgroup.is_none());
        if let Some(cgroup) = &self.cgroup {
            let usage = cgroup.usage();
            seen.memory_bytes = usage.memory_bytes;
            seen.cpu_ms = seen.cpu_ms.max(usage.cpu_ms);
        } else if seen.processes > 1 && seen.memory_bytes > self.limits.memory / 2 {
            // Children share pages with their parents until they write to them: where it matters, count those once.
            seen.memory_bytes = self.processes.proportional_memory();
        }
        self.latest = UsageSample {
            cpu_ms: seen.cpu_ms.max(self.latest.cpu_ms),
            memory_bytes: seen.memory_bytes,
            processes: seen.processes,
            descriptors: seen.descriptors,
        };
        self.peak.cpu_ms = self.latest.cpu_ms;
        self.peak.memory_bytes = self.peak.memory_bytes.max(seen.memory_bytes);
        self.peak.processes = self.peak.processes.max(seen.processes);
        self.peak.descriptors = self.peak.descriptors.max(seen.descriptors);
        seen
    }

    fn exceeded(&self, now: Duration) -> Option<Exceeded> {
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

    /// What the program is at the end of: the kernel refuses it more.
    fn hold_in_kernel(&mut self, seen: &Seen) {
        let open_files = self.limits.open_files;
        if seen.most_descriptors >= open_files {
            self.hit(Resource::OpenFiles, open_files, seen.most_descriptors, "EMFILE");
        }
        // PID 1 is one too.
        let (tasks, most) = (seen.tasks + 1, confine::most_tasks(&self.limits));
        if tasks >= most {
            self.hit(Resource::Processes, most, tasks, "EAGAIN");
        }
    }

    fn hit(&mut self, resource: Resource, limit: u64, observed: u64, effect: &'static str) {
        if self.told.insert(resource) {
            self.hits.push(Hit { resource, limit, observed, by: KERNEL, effect });
        }
    }

    /// What the kernel has done to the run's cgroup by itself. Returns the limit that ended the run.
    pub(super) fn look_at_cgroup(&mut self) -> Option<Exceeded> {
        let cgroup = self.cgroup.as_ref()?;
        let (events, peak) = (cgroup.events(), cgroup.peak_memory());
        if events.refused_tasks && self.told.insert(Resource::Processes) {
            let most = confine::most_tasks(&self.limits);
            let effect = "EAGAIN";
            self.hits.push(Hit {
                resource: Resource::Processes,
                limit: most,
                observed: most,
                by: CGROUP,
                effect,
            });
        }
        // The kernel ends it at the limit, not behind it.
        events.killed.then(|| (Resource::Memory, self.limits.memory, peak.max(self.limits.memory)))
    }

    /// How much of the scratch file system is used, or of that of captured writes when that is more. When one is full, what
    /// is written on top fails with ENOSPC.
    fn look_at_scratch(&mut self) -> u64 {
        if self.private.is_some() {
            // On disk: counted by `count_private`.
            return 0;
        }
        let scratch = self.judge.root().open(Path::new(Plan::SCRATCH)).ok();
        let places = scratch.iter().chain(&self.captured).filter_map(|place| fstatvfs(place.as_fd()).ok());
        let mut most = 0;
        for space in places.collect::<Vec<_>>() {
            let used = (space.blocks() - space.blocks_available()) * space.fragment_size();
            let files = space.files().saturating_sub(space.files_free()) * FILE_COST;
            most = most.max(used).max(files);
            if space.blocks_available() == 0 || space.files_free() == 0 {
                self.hit(Resource::Scratch, self.limits.scratch, used.max(files), "ENOSPC");
            }
        }
        most
    }

    /// What only shows in what is left behind, when all have ended.
    pub(super) fn last_look(&mut self) {
        self.look_at_scratch();
        self.look_at_files();
        if let Some(length) = self.full_file {
            self.hit(Resource::FileSize, self.limits.file_size, length, "EFBIG");
        }
    }

    /// A file that has grown to the limit: the next byte fails with EFBIG, also for a program that ignores SIGXFSZ.
    fn look_at_files(&mut self) {
        if self.told.contains(&Resource::FileSize) {
            return;
        }
        let limit = self.limits.file_size;
        if let Some(length) = self.full_file {
            return self.hit(Resource::FileSize, limit, length, "EFBIG");
        }
        // Just the limit: what was longer before the run is not the program's doing.
        let root = self.judge.root();
        let full = self.shared.written().iter().any(|path| root.length(path) == Some(limit));
        if full || self.processes.writes_file_of(limit) {
            self.full_file = Some(limit);
        }
    }

    pub(super) fn take_hits(&mut self, now: Duration) -> Vec<LimitHit> {
        let at_ms = now.as_millis() as u64;
        let told = |hit: Hit| LimitHit {
            resource: hit.resource,
            limit: hit.limit,
            observed: hit.observed,
            enforced_by: hit.by.into(),
            at_ms,
            effect: hit.effect.into(),
        };
        self.hits.drain(..).map(told).collect()
    }

    pub(super) fn latest(&self) -> UsageSample {
        self.latest
    }

    pub(super) fn peak(&self) -> UsageSample {
        self.peak
    }
}
