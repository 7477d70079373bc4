//! Watches the roots of a workspace and says, calmly, when and why to read again.
//!
//! A burst of events (a save, a `git pull`) becomes one [`Reload`]: it goes out when nothing has happened for
//! [`CALM`] (longer in large bursts, and while git writes), and at the latest after [`LONGEST`]. With 40 ms a save is on
//! the screen within 60 ms; editors that save by rename are done within 5.
//!
//! Folders are watched one by one instead of recursively: so generated folders (`node_modules`, `target`, what git
//! ignores) cost no watch, links are followed as in discovery, and a root that is removed and made again, or is not
//! there yet, is noticed through its parent. One thread owns the watcher; adding watches from within its callback
//! would wait for itself.

mod burst;
mod filter;
mod git;
mod kernel;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{Config, Event, PollWatcher, Watcher as _};
use tokio::sync::mpsc as stream;

use burst::Burst;
use filter::Filter;
use git::Repositories;
use kernel::KernelWatcher;
use tree::Tree;

pub use burst::{Cause, ChangeKind, Reload};

/// How long nothing must happen before a reload goes out.
pub const CALM: Duration = Duration::from_millis(40);
/// The same for bursts of more than [`MANY`] events.
const CALM_AFTER_MANY: Duration = Duration::from_millis(150);
const MANY: usize = 30;
/// A stream of events without a pause still gives a reload this often.
pub const LONGEST: Duration = Duration::from_secs(1);
/// While git writes a work tree, a reload waits for it this long.
const WHILE_GIT: Duration = Duration::from_secs(10);
/// Events of a run's last writes can arrive this long after its end.
const GRACE: Duration = Duration::from_millis(250);
/// Folders that are looked through in one [`Options::fallback`]: about a hundredth of a processor's time.
const LOOKED_THROUGH: usize = 1000;
/// Reloads that wait for the reader; after that bursts are folded together.
const QUEUE: usize = 8;

/// What the watcher tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    Reload(Reload),
    /// The kernel's notification cannot be used, so folders are looked through from time to time: why, and what to do.
    Polling(String),
}

/// How to watch.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Look through the folders at this interval instead of asking the kernel; the way out when the kernel has no
    /// watches left, and for network file systems.
    pub polling: Option<Duration>,
    /// The interval to fall back to; longer when there are many folders to look through.
    pub fallback: Duration,
    /// Most folders to ask the kernel about.
    pub watches: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { polling: None, fallback: Duration::from_secs(1), watches: tree::MAX_WATCHES }
    }
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    messages: mpsc::Sender<Message>,
    quiet: Arc<Mutex<Vec<QuietRule>>>,
    thread: Option<JoinHandle<()>>,
}

/// While this is alive, changes below its paths cause no reload. See [`Watcher::quiet`].
#[derive(Debug)]
pub struct Quiet {
    id: u64,
    rules: Arc<Mutex<Vec<QuietRule>>>,
}

#[derive(Debug)]
struct QuietRule {
    id: u64,
    path: PathBuf,
    until: Option<Instant>,
}

enum Message {
    Event(notify::Result<Event>),
    Stop,
}

impl Watcher {
    /// Watch `roots` (absolute; they need not exist yet). Events come out of the receiver until the watcher is
    /// dropped. A slow reader loses nothing: bursts are folded until it reads again.
    pub fn start(roots: &[PathBuf], options: Options) -> (Self, stream::Receiver<WatchEvent>) {
        let (messages, inbox) = mpsc::channel();
        let (out, events) = stream::channel(QUEUE);
        let quiet = Arc::new(Mutex::new(Vec::new()));
        let mut worker = Worker {
            messages: messages.clone(),
            out,
            quiet: Arc::clone(&quiet),
            roots: roots.to_vec(),
            tree: Tree::new(options.watches),
            filter: Filter::new(roots),
            git: Repositories::default(),
            backend: None,
            options,
        };
        // The watches are in place when this returns, so that a change right afterwards is seen.
        worker.arm();
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || worker.run(&inbox)).ok();
        (Self { messages, quiet, thread }, events)
    }

    /// No reload for changes at or below `paths` while the guard lives, and for a moment after: for the folders a
    /// run may write to, so that its own output does not start it again.
    pub fn quiet(&self, paths: impl IntoIterator<Item = PathBuf>) -> Quiet {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.add_rules(id, paths, None);
        Quiet { id, rules: Arc::clone(&self.quiet) }
    }

    /// No reload for changes of these files in the next moment: for files that this program has just written.
    pub fn ignore_writes(&self, paths: impl IntoIterator<Item = PathBuf>) {
        self.add_rules(0, paths, Some(Instant::now() + GRACE));
    }

    fn add_rules(&self, id: u64, paths: impl IntoIterator<Item = PathBuf>, until: Option<Instant>) {
        let mut rules = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = paths.into_iter().flat_map(|path| {
            let real = std::fs::canonicalize(&path).ok().filter(|real| *real != path);
            std::iter::once(path).chain(real)
        });
        rules.extend(paths.map(|path| QuietRule { id, path, until }));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let until = Some(Instant::now() + GRACE);
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.iter_mut().filter(|rule| rule.id == self.id) {
            rule.until = until;
        }
    }
}

/// The thread that owns the watcher.
struct Worker {
    messages: mpsc::Sender<Message>,
    out: stream::Sender<WatchEvent>,
    quiet: Arc<Mutex<Vec<QuietRule>>>,
    roots: Vec<PathBuf>,
    tree: Tree,
    filter: Filter,
    git: Repositories,
    backend: Option<Box<dyn notify::Watcher + Send>>,
    options: Options,
}

impl Worker {
    /// Make the watcher and all watches; fall back to polling when the kernel refuses.
    fn arm(&mut self) {
        let made = match self.options.polling {
            Some(interval) => self.polling_backend(interval),
            None => self.kernel_backend(),
        };
        let result = made.and_then(|backend| {
            self.backend = Some(backend);
            self.sync()
        });
        if let Err(error) = result {
            self.fall_back(&error);
        }
    }

    fn kernel_backend(&self) -> notify::Result<Box<dyn notify::Watcher + Send>> {
        let messages = self.messages.clone();
        let handler = move |event| drop(messages.send(Message::Event(event)));
        // Links are resolved by the tree, which watches each folder once.
        Ok(Box::new(KernelWatcher::new(handler, Config::default())?))
    }

    fn polling_backend(&self, interval: Duration) -> notify::Result<Box<dyn notify::Watcher + Send>> {
        let messages = self.messages.clone();
        let handler = move |event| drop(messages.send(Message::Event(event)));
        let config = Config::default().with_poll_interval(interval);
        Ok(Box::new(PollWatcher::new(handler, config)?))
    }

    fn fall_back(&mut self, error: &notify::Error) {
        if self.options.polling.is_some() {
            let message = format!("folders cannot be watched ({error}); reload by hand");
            let _ = self.out.try_send(WatchEvent::Polling(message));
            return;
        }
        let reason = match &error.kind {
            notify::ErrorKind::MaxFilesWatch => {
                "the kernel has no watches left; raise fs.inotify.max_user_watches with sysctl".to_owned()
            }
            _ => format!("the kernel's file notification cannot be used ({error})"),
        };
        let rounds = 1 + self.tree.size() / LOOKED_THROUGH;
        let interval = self.options.fallback * rounds as u32;
        self.options.polling = Some(interval);
        self.tree = Tree::new(tree::MAX_WATCHES);
        let seconds = interval.as_secs_f32();
        let message = format!("{reason}; looking for changes every {seconds} s instead");
        let _ = self.out.try_send(WatchEvent::Polling(message));
        self.arm();
    }

    /// Make the watches fit what is on the disk.
    fn sync(&mut self) -> notify::Result<()> {
        let Some(backend) = self.backend.as_mut() else { return Ok(()) };
        self.filter.learn(&self.roots);
        self.git = Repositories::around(&self.roots);
        let result = self.tree.sync(&self.roots, backend.as_mut());
        self.filter.learn(self.tree.targets());
        result
    }

    fn run(mut self, inbox: &mpsc::Receiver<Message>) {
        let mut burst: Option<Burst> = None;
        let mut waited = false;
        loop {
            let message = match &burst {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(burst) => inbox.recv_timeout(burst.due().saturating_duration_since(Instant::now())),
            };
            match message {
                Ok(Message::Event(event)) => self.take(event, &mut burst),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(due) = burst.take() {
                        let busy = self.git.busy() && due.age() < WHILE_GIT;
                        // What git wrote last may not have been told yet when its lock is gone.
                        let waits = busy || waited;
                        waited = busy;
                        burst = if waits { Some(due.later()) } else { self.send(due) };
                    }
                }
            }
            if self.out.is_closed() {
                return;
            }
        }
    }

    fn take(&mut self, event: notify::Result<Event>, burst: &mut Option<Burst>) {
        let event = match event {
            Ok(event) => event,
            // The kernel dropped events, or a watch went away: read everything again.
            Err(_) => Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan),
        };
        let Some(mut change) = self.filter.change(&event) else { return };
        if self.is_quiet(&change.path) {
            return;
        }
        if let Some(backend) = self.backend.as_mut() {
            if let Some(gone) = &change.gone {
                change.folder |= self.tree.forget(gone, backend.as_mut());
            }
            // Watch new folders at once, so that what is written into them meanwhile is seen.
            let inside = self.filter.scopes().iter().any(|scope| change.path.starts_with(scope));
            if inside && change.folder && !change.structure && change.path.is_dir() {
                change.structure |= self.tree.add(&change.path, backend.as_mut()).is_err();
                self.filter.learn(self.tree.targets());
            }
        }
        burst.get_or_insert_with(Burst::new).add(change);
    }

    fn is_quiet(&self, path: &Path) -> bool {
        let mut rules = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        rules.retain(|rule| rule.until.is_none_or(|until| until > now));
        rules.iter().any(|rule| path.starts_with(&rule.path))
    }

    /// Send a finished burst. A reader that is behind gets it later, together with what happens until then.
    fn send(&mut self, burst: Burst) -> Option<Burst> {
        if burst.structure
            && let Err(error) = self.sync()
        {
            self.fall_back(&error);
        }
        let reload = burst.reload(self.filter.scopes())?;
        match self.out.try_send(WatchEvent::Reload(reload)) {
            Err(stream::error::TrySendError::Full(_)) => Some(burst.later()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
