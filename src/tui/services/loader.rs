//! Finds and reads the skills on a thread of its own, so that the list fills as they come; then watches them
//! and reads again what changed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::Receiver;

use super::{Loader, Mailbox};
use crate::skill::{self, Resolver, Skill, rules};
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
            let begin = SystemTime::now();
            reader.read_all(&|_| false);
            reader.mailbox.send(Action::Workspace(WorkspaceNews::Complete));
            if let Ok(events) = events.recv() {
                reader.catch_up(begin);
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
    /// Every skill that was found, by its folder.
    known: HashMap<PathBuf, Arc<Skill>>,
    mailbox: Mailbox,
}

impl Reader {
    /// Search all roots; hand over what was read as it is found, and what is gone. Skills of which `unchanged` says so
    /// are not read again.
    fn read_all(&mut self, unchanged: &dyn Fn(&Path) -> bool) {
        let roots = workspace::roots(&self.workspace, &self.further);
        let mut gone = std::mem::take(&mut self.known);
        let before = gone.clone();
        let mut waiting: Vec<Arc<Skill>> = Vec::new();
        let mut since = Instant::now();
        let mailbox = self.mailbox.clone();
        let mut each = |found| match found {
            Found::Skill(skill) => {
                let same = gone.remove(&skill.path).is_some_and(|old| Arc::ptr_eq(&old, &skill));
                self.known.insert(skill.path.clone(), Arc::clone(&skill));
                if !same {
                    waiting.push(skill);
                }
                if since.elapsed() >= TOGETHER && !waiting.is_empty() {
                    mailbox.send(Action::Workspace(WorkspaceNews::Skills(std::mem::take(&mut waiting))));
                    since = Instant::now();
                }
            }
            Found::Notice(notice) => {
                mailbox.send(Action::Notice(Level::Warning, format!("{}; {}", notice.message, notice.help)));
            }
        };
        Discovery::new(&self.workspace, &roots, Bounds::default()).run_again(
            &Resolver::from_env(),
            &|path| before.get(path).filter(|_| unchanged(path)).cloned(),
            &mut each,
        );
        if !waiting.is_empty() {
            mailbox.send(Action::Workspace(WorkspaceNews::Skills(waiting)));
        }
        if !gone.is_empty() {
            mailbox.send(Action::Workspace(WorkspaceNews::Removed(gone.into_keys().collect())));
        }
    }

    /// Read what was saved while skills were read and the watches not yet in place.
    fn catch_up(&mut self, begin: SystemTime) {
        // The kernel's file times lag behind the clock by up to a tick.
        let begin = begin - Duration::from_millis(20);
        let saved = |skill: &&Arc<Skill>| {
            std::fs::metadata(skill.manifest_path())
                .and_then(|data| data.modified())
                .is_ok_and(|saved| saved >= begin)
        };
        let late: Vec<PathBuf> = self.known.values().filter(saved).map(|skill| skill.path.clone()).collect();
        if !late.is_empty() {
            self.read_again(&late.iter().map(PathBuf::as_path).collect());
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
        let skills: HashSet<&Path> = reload.skills.iter().map(PathBuf::as_path).collect();
        let moved: HashSet<&Path> = reload.moved.iter().map(PathBuf::as_path).collect();
        let touched =
            |path: &Path| skills.contains(path) || path.ancestors().any(|above| moved.contains(above));
        if reload.searches() || skills.iter().any(|path| !self.known.contains_key(*path)) {
            self.read_all(&|path| !reload.everything && !touched(path));
        } else {
            self.read_again(&skills);
        }
        let cause = Cause {
            path: reload.cause.path.clone(),
            kind: reload.cause.kind.to_string(),
            events: reload.cause.events,
            at: Some(jiff::Zoned::now().time()),
        };
        // As the skill's own path is; of what is gone, the folder may still be there.
        let real = |path: &PathBuf| {
            let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
            folder.zip(path.file_name()).map_or_else(|| path.clone(), |(folder, name)| folder.join(name))
        };
        let paths: Vec<PathBuf> = reload.paths.iter().map(real).collect();
        let mut alive = true;
        let holds = |skill: &Path| {
            reload.paths.iter().any(|path| {
                path.starts_with(skill)
                    || std::fs::canonicalize(path).is_ok_and(|real| real.starts_with(skill))
            })
        };
        // After a search of everything: those that hold a changed path.
        let changed = |path: &Path| if reload.everything { holds(path) } else { touched(path) };
        let changed: Vec<PathBuf> = self.known.keys().filter(|path| changed(path)).cloned().collect();
        for skill in changed {
            alive = self.mailbox.send(Action::Workspace(WorkspaceNews::Changed {
                skill,
                cause: cause.clone(),
                paths: paths.clone(),
            }));
        }
        alive
    }

    /// Read some skills again, which are where they were.
    fn read_again(&mut self, skills: &HashSet<&Path>) {
        let resolver = Resolver::from_env();
        let mut again = Vec::new();
        let mut renamed = false;
        for old in skills.iter().filter_map(|path| self.known.get(*path)) {
            let mut skill = skill::read_with(&old.path, &old.root, &resolver);
            renamed |= skill.name != old.name;
            // Found by the search, and still so while the name is the same.
            let shadowed = old.diagnostics.iter().filter(|found| found.code == rules::SHADOWED.code);
            skill.diagnostics.extend(shadowed.cloned());
            again.push(Arc::new(skill));
        }
        self.known.extend(again.iter().map(|skill| (skill.path.clone(), Arc::clone(skill))));
        self.mailbox.send(Action::Workspace(WorkspaceNews::Skills(again)));
        if renamed {
            self.read_all(&|_| true);
        }
    }
}

#[cfg(test)]
mod tests;
