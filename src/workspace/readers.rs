//! Reads skills on several threads and hands them over in the order in which discovery found them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

use crate::skill::{self, Diagnostic, Folder, Resolver, Skill};

/// Most threads: disks and the kernel's cache of folders do not serve more at once.
const MOST_THREADS: usize = 8;
/// Most results under way: one slow skill does not let all others pile up behind it.
const WINDOW: usize = 512;

/// What a search hands over, in order.
pub(super) enum Item {
    /// A skill, and its folder as it was reached.
    Skill(Arc<Skill>, PathBuf),
    Notice(Diagnostic),
}

/// A skill to read.
pub(super) struct Job {
    pub(super) folder: Arc<Folder>,
    pub(super) root: PathBuf,
    /// The folder as it was reached.
    pub(super) way: PathBuf,
}

impl Job {
    fn read(self, resolver: &Resolver) -> Item {
        Item::Skill(Arc::new(skill::read_folder(&self.folder, &self.root, resolver)), self.way)
    }
}

/// The threads, and what they have not handed over yet.
pub(super) struct Readers<'a> {
    resolver: &'a Resolver,
    give: &'a mut dyn FnMut(Item),
    /// `None` when no thread could be started: then the caller reads.
    jobs: Option<Sender<(usize, Job)>>,
    done: Receiver<(usize, Item)>,
    /// Results that came before their turn.
    early: BTreeMap<usize, Item>,
    asked: usize,
    given: usize,
}

impl<'a> Readers<'a> {
    /// Start the threads; `give` is called on the caller's own.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, 'a>,
        resolver: &'a Resolver,
        give: &'a mut dyn FnMut(Item),
    ) -> Self {
        let (jobs, queue) = mpsc::channel::<(usize, Job)>();
        let (results, done) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let work = |_| {
            let (queue, results) = (Arc::clone(&queue), results.clone());
            let work = move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, job)) = job else { return };
                    if results.send((number, job.read(resolver))).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("reader".into()).spawn_scoped(scope, work).is_ok()
        };
        let started = (0..threads).map(work).filter(|started| *started).count();
        let jobs = Some(jobs).filter(|_| started > 0);
        Self { resolver, give, jobs, done, early: BTreeMap::new(), asked: 0, given: 0 }
    }

    /// Read a skill, now or in a moment.
    pub(super) fn read(&mut self, job: Job) {
        let number = self.next();
        let refused = match &self.jobs {
            Some(jobs) => jobs.send((number, job)).err().map(|refused| refused.0.1),
            None => Some(job),
        };
        if let Some(job) = refused {
            let item = job.read(self.resolver);
            self.take(number, item);
        }
        while let Ok((number, item)) = self.done.try_recv() {
            self.take(number, item);
        }
        while self.asked - self.given > WINDOW {
            let Ok((number, item)) = self.done.recv() else { return };
            self.take(number, item);
        }
    }

    /// Hand something over behind what was asked for before it.
    pub(super) fn give(&mut self, item: Item) {
        let number = self.next();
        self.take(number, item);
    }

    /// Wait for the rest.
    pub(super) fn finish(mut self) {
        self.jobs = None;
        while let Ok((number, item)) = self.done.recv() {
            self.take(number, item);
        }
    }

    fn next(&mut self) -> usize {
        self.asked += 1;
        self.asked - 1
    }

    fn take(&mut self, number: usize, item: Item) {
        self.early.insert(number, item);
        while let Some(item) = self.early.remove(&self.given) {
            self.given += 1;
            (self.give)(item);
        }
    }
}
