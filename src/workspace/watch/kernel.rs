//! The kernel's notification, inotify(7), asked for changes only.
//!
//! `notify`'s own watcher also asks to hear of every file that is opened. Reading a large workspace then floods the
//! kernel's queue (16,384 events by default), which loses events, which is a reason to read everything again: for ever.
//! It also hands each new watch to its thread and waits, where one call to the kernel will do.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use notify::event::{CreateKind, DataChange, Flag, MetadataKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Config, Error, ErrorKind, Event, EventHandler, EventKind, RecursiveMode, WatcherKind};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// What counts as a change. `MODIFY` as well as `CLOSE_WRITE`: some programs keep a file open.
const MASK: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// Room for a few hundred events at a time; one with the longest name needs 272 bytes.
const BUFFER: usize = 32 * 1024;

/// Watches folders, each for itself: [`RecursiveMode`] is not looked at.
#[derive(Debug)]
pub(super) struct KernelWatcher {
    inotify: Arc<OwnedFd>,
    watches: Arc<Mutex<Watches>>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Watches {
    by_number: HashMap<i32, PathBuf>,
    by_path: HashMap<PathBuf, i32>,
}

fn locked(watches: &Mutex<Watches>) -> MutexGuard<'_, Watches> {
    watches.lock().unwrap_or_else(PoisonError::into_inner)
}

impl notify::Watcher for KernelWatcher {
    fn new<F: EventHandler>(handler: F, _: Config) -> notify::Result<Self> {
        let failed = |errno: Errno| Error::io(errno.into());
        let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(failed)?);
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(failed)?);
        let watches = Arc::new(Mutex::new(Watches::default()));
        let mut listener = Listener {
            inotify: Arc::clone(&inotify),
            stop: Arc::clone(&stop),
            watches: Arc::clone(&watches),
            handler,
            moved: None,
        };
        let thread = std::thread::Builder::new().name("inotify".into()).spawn(move || listener.run());
        Ok(Self { inotify, watches, stop, thread: Some(thread.map_err(Error::io)?) })
    }

    fn watch(&mut self, path: &Path, _: RecursiveMode) -> notify::Result<()> {
        // Held over the call, so that the first event finds its path.
        let mut watches = locked(&self.watches);
        let number = inotify::add_watch(&*self.inotify, path, MASK).map_err(|errno| match errno {
            Errno::NOSPC => Error::new(ErrorKind::MaxFilesWatch),
            Errno::NOENT | Errno::NOTDIR => Error::path_not_found(),
            errno => Error::io(errno.into()),
        })?;
        watches.by_number.insert(number, path.to_path_buf());
        watches.by_path.insert(path.to_path_buf(), number);
        Ok(())
    }

    fn unwatch(&mut self, path: &Path) -> notify::Result<()> {
        let mut watches = locked(&self.watches);
        let number = watches.by_path.remove(path).ok_or_else(Error::watch_not_found)?;
        // The same folder may be watched by another name by now.
        if watches.by_number.get(&number).is_some_and(|known| known == path) {
            watches.by_number.remove(&number);
            // The kernel has mostly dropped it already.
            let _ = inotify::remove_watch(&*self.inotify, number);
        }
        Ok(())
    }

    fn kind() -> WatcherKind {
        WatcherKind::Inotify
    }
}

impl Drop for KernelWatcher {
    fn drop(&mut self) {
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread that reads events.
struct Listener<F> {
    inotify: Arc<OwnedFd>,
    stop: Arc<OwnedFd>,
    watches: Arc<Mutex<Watches>>,
    handler: F,
    /// The first half of a rename, with its cookie.
    moved: Option<(u32, PathBuf)>,
}

impl<F: EventHandler> Listener<F> {
    fn run(&mut self) {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        loop {
            let mut waited =
                [PollFd::new(&*self.inotify, PollFlags::IN), PollFd::new(&*self.stop, PollFlags::IN)];
            match poll(&mut waited, None) {
                Ok(_) if !waited[1].revents().is_empty() => return,
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return self.handler.handle_event(Err(Error::io(errno.into()))),
            }
            let inotify = Arc::clone(&self.inotify);
            let mut reader = Reader::new(&*inotify, &mut buffer);
            loop {
                match reader.next() {
                    Ok(event) => {
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        self.take(event.wd(), event.events(), event.cookie(), name);
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::WOULDBLOCK) => break,
                    Err(errno) => return self.handler.handle_event(Err(Error::io(errno.into()))),
                }
            }
            self.moved_away();
        }
    }

    fn take(&mut self, number: i32, events: ReadFlags, cookie: u32, name: Option<&OsStr>) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return self.tell(EventKind::Other, Vec::new(), true);
        }
        let folder = {
            let mut watches = locked(&self.watches);
            if events.contains(ReadFlags::IGNORED) {
                // The watch is gone; its path may have a new one already.
                if let Some(path) = watches.by_number.remove(&number)
                    && watches.by_path.get(&path) == Some(&number)
                {
                    watches.by_path.remove(&path);
                }
                return;
            }
            watches.by_number.get(&number).cloned()
        };
        let Some(folder) = folder else { return };
        let path = name.map_or_else(|| folder.clone(), |name| folder.join(name));
        let is_folder = events.contains(ReadFlags::ISDIR);
        if events.contains(ReadFlags::MOVED_TO) {
            return match self.moved.take() {
                Some((first, from)) if first == cookie => self.renamed(RenameMode::Both, vec![from, path]),
                other => {
                    self.moved = other;
                    self.moved_away();
                    self.renamed(RenameMode::To, vec![path]);
                }
            };
        }
        self.moved_away();
        if events.contains(ReadFlags::MOVED_FROM) {
            self.moved = Some((cookie, path));
        } else if events.contains(ReadFlags::MOVE_SELF) {
            self.renamed(RenameMode::From, vec![path]);
        } else if events.contains(ReadFlags::CREATE) {
            let kind = if is_folder { CreateKind::Folder } else { CreateKind::File };
            self.tell(EventKind::Create(kind), vec![path], false);
        } else if events.intersects(ReadFlags::DELETE | ReadFlags::DELETE_SELF) {
            let own = events.contains(ReadFlags::DELETE_SELF);
            let kind = if is_folder || own { RemoveKind::Folder } else { RemoveKind::File };
            self.tell(EventKind::Remove(kind), vec![path], false);
        } else if events.intersects(ReadFlags::MODIFY | ReadFlags::CLOSE_WRITE) {
            self.tell(EventKind::Modify(ModifyKind::Data(DataChange::Any)), vec![path], false);
        } else if events.contains(ReadFlags::ATTRIB) {
            self.tell(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), vec![path], false);
        }
    }

    /// The second half of a rename did not come: it went out of sight.
    fn moved_away(&mut self) {
        if let Some((_, from)) = self.moved.take() {
            self.renamed(RenameMode::From, vec![from]);
        }
    }

    fn renamed(&mut self, mode: RenameMode, paths: Vec<PathBuf>) {
        self.tell(EventKind::Modify(ModifyKind::Name(mode)), paths, false);
    }

    fn tell(&mut self, kind: EventKind, paths: Vec<PathBuf>, lost: bool) {
        let mut event = Event::new(kind);
        event.paths = paths;
        self.handler.handle_event(Ok(if lost { event.set_flag(Flag::Rescan) } else { event }));
    }
}
