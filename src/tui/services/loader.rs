//! Finds and reads the skills on a thread of its own, so that the list fills as they come; then watches them
//! and reads again what changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use super::{Loader, Mailbox};
use crate::skill::{self, Resolver, Skill};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::state::{Cause, Level};
use crate::workspace::watch::{self, Quiet, Reload, WatchEvent, Watcher};
use crate::workspace::{self, Bounds, Discovery, Found};

/// Skills that come faster than this are handed over together.
const TOGETHER: Duration = Duration::from_millis(8);

/// The watcher, once it is there. The runner and the desk tell it about their own writes.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<OnceLock<Watcher>>);

impl Watch {
    /// No reload for changes below `paths` while the answer lives: for folders that a run writes to.
    pub fn quiet(&self, paths: impl IntoIterator<Item = PathBuf>) -> Option<Quiet> {
        self.0.get().map(|watcher| watcher.quiet(paths))
    }

    /// No reload for a file that was just written by the workbench itself.
    pub fn ignore_write(&self, path: PathBuf) {
        if let Some(watcher) = self.0.get() {
            watcher.ignore_writes([path]);
        }
    }
}

/// Reads and watches the skills of a workspace and of further folders.
#[derive(Debug)]
pub struct DiskLoader {
    pub workspace: PathBuf,
    pub further: Vec<PathBuf>,
    pub watch: Watch,
}

impl Loader for DiskLoader {
    fn start(&mut self, mailbox: Mailbox) {
        // All folders that may hold skills, those that are not there yet too.
        let mut roots: Vec<PathBuf> = workspace::ROOTS.iter().map(|root| self.workspace.join(root)).collect();
        roots.extend(self.further.iter().cloned());
        let watch = self.watch.clone();
        let (armed, events) = std::sync::mpsc::channel();
        spawn("watch-start", move || {
            let (watcher, events) = Watcher::start(&roots, watch::Options::default());
            let _ = watch.0.set(watcher);
            let _ = armed.send(events);
        });
        let mut reader = Reader {
            workspace: self.workspace.clone(),
            further: self.further.clone(),
            known: HashMap::new(),
            mailbox,
        };
        spawn("loader", move || {
            reader.read_all();
            reader.mailbox.send(Action::Workspace(WorkspaceNews::Complete));
            if let Ok(events) = events.recv() {
                reader.follow(events);
            }
        });
    }
}

/// A named thread. Failing to start one is a broken machine; the rest of the workbench lives on.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(work);
}

struct Reader {
    workspace: PathBuf,
    further: Vec<PathBuf>,
    /// Root of every skill that was found, by its folder.
    known: HashMap<PathBuf, PathBuf>,
    mailbox: Mailbox,
}

impl Reader {
    /// Search all roots; hand over what is found as it is found, and what is gone.
    fn read_all(&mut self) {
        let roots = workspace::roots(&self.workspace, &self.further);
        let mut gone = std::mem::take(&mut self.known);
        let mut waiting: Vec<Arc<Skill>> = Vec::new();
        let mut since = Instant::now();
        let mailbox = self.mailbox.clone();
        let resolver = Resolver::from_env();
        Discovery::new(&self.workspace, &roots, Bounds::default()).run(&resolver, &mut |found| match found {
            Found::Skill(skill) => {
                gone.remove(&skill.path);
                self.known.insert(skill.path.clone(), skill.root.clone());
                waiting.push(skill);
                if since.elapsed() >= TOGETHER {
                    mailbox.send(Action::Workspace(WorkspaceNews::Skills(std::mem::take(&mut waiting))));
                    since = Instant::now();
                }
            }
            Found::Notice(notice) => {
                mailbox.send(Action::Notice(Level::Warning, format!("{}; {}", notice.message, notice.help)));
            }
        });
        if !waiting.is_empty() {
            mailbox.send(Action::Workspace(WorkspaceNews::Skills(waiting)));
        }
        if !gone.is_empty() {
            mailbox.send(Action::Workspace(WorkspaceNews::Removed(gone.into_keys().collect())));
        }
    }

    /// Answer the watcher until the workbench ends.
    fn follow(&mut self, mut events: Receiver<WatchEvent>) {
        while let Some(event) = events.blocking_recv() {
            let sent = match event {
                WatchEvent::Reload(reload) => self.reload(&reload),
                WatchEvent::Polling(why) => self.mailbox.send(Action::Notice(Level::Warning, why)),
            };
            if !sent {
                return;
            }
        }
    }

    fn reload(&mut self, reload: &Reload) -> bool {
        if reload.everything {
            self.read_all();
        } else {
            let resolver = Resolver::from_env();
            let again: Vec<Arc<Skill>> = reload
                .skills
                .iter()
                .filter_map(|path| {
                    let root = self.known.get(path)?;
                    Some(Arc::new(skill::read_with(path, root, &resolver)))
                })
                .collect();
            self.mailbox.send(Action::Workspace(WorkspaceNews::Skills(again)));
        }
        let cause = Cause {
            path: reload.cause.path.clone(),
            kind: reload.cause.kind.to_string(),
            events: reload.cause.events,
        };
        // As the skill's own path is; of what is gone, the folder may still be there.
        let real = |path: &PathBuf| {
            let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
            folder.zip(path.file_name()).map_or_else(|| path.clone(), |(folder, name)| folder.join(name))
        };
        let paths: Vec<PathBuf> = reload.paths.iter().map(real).collect();
        let mut alive = true;
        for skill in self.changed(reload) {
            alive = self.mailbox.send(Action::Workspace(WorkspaceNews::Changed {
                skill,
                cause: cause.clone(),
                paths: paths.clone(),
            }));
        }
        alive
    }

    /// The skills that a reload is about. After a search of everything: those that hold a changed path.
    fn changed(&self, reload: &Reload) -> Vec<PathBuf> {
        if !reload.everything {
            return reload.skills.clone();
        }
        let holds = |skill: &Path| {
            reload.paths.iter().any(|path| {
                path.starts_with(skill)
                    || std::fs::canonicalize(path).is_ok_and(|real| real.starts_with(skill))
            })
        };
        self.known.keys().filter(|skill| holds(skill)).cloned().collect()
    }
}
