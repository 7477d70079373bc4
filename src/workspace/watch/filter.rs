//! Which events matter, and what they mean.

use std::fs;
use std::path::{Path, PathBuf};

use notify::Event;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RemoveKind, RenameMode};

use super::super::ignored::is_generated;
use super::burst::{Change, ChangeKind};

/// Knows the roots as given and with links resolved, and the folders that links in them lead to.
#[derive(Debug, Default)]
pub(super) struct Filter {
    scopes: Vec<PathBuf>,
}

impl Filter {
    pub(super) fn new(roots: &[PathBuf]) -> Self {
        let mut filter = Self::default();
        filter.learn(roots);
        filter
    }

    /// Take further scopes in. Old ones stay: what a link led to may come back.
    pub(super) fn learn(&mut self, folders: &[PathBuf]) {
        let real = folders.iter().filter_map(|folder| fs::canonicalize(folder).ok());
        for folder in folders.iter().cloned().chain(real) {
            if !self.scopes.contains(&folder) {
                self.scopes.push(folder);
            }
        }
    }

    pub(super) fn scopes(&self) -> &[PathBuf] {
        &self.scopes
    }

    /// What an event means; `None` for reads, temporary files, generated folders, and neighbours of a root.
    pub(super) fn change(&self, event: &Event) -> Option<Change> {
        if event.need_rescan() {
            let path = event.paths.first().or(self.scopes.first()).cloned().unwrap_or_default();
            return Some(Change {
                path,
                kind: ChangeKind::EventsLost,
                structure: true,
                folder: false,
                gone: None,
            });
        }
        let kind = match event.kind {
            EventKind::Create(_) => ChangeKind::Created,
            EventKind::Remove(_) => ChangeKind::Removed,
            EventKind::Modify(ModifyKind::Name(mode)) => match mode {
                RenameMode::From => ChangeKind::Removed,
                RenameMode::To => ChangeKind::Created,
                _ => ChangeKind::Renamed,
            },
            EventKind::Modify(_) | EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                ChangeKind::Modified
            }
            // Reading a file makes events too: reacting to them would go on for ever.
            EventKind::Access(_) => return None,
            EventKind::Any | EventKind::Other => ChangeKind::Modified,
        };
        // Of a rename the new name counts, unless it is the temporary one.
        let mut paths = event.paths.iter().rev().filter(|path| self.matters(path));
        let path = paths.next()?.clone();
        // A folder cannot be "modified" in a way that matters: its content has events of its own.
        if kind == ChangeKind::Modified && path.is_dir() {
            return None;
        }
        let came = matches!(kind, ChangeKind::Created | ChangeKind::Renamed);
        let folder = came && path.is_dir() || event.kind == EventKind::Remove(RemoveKind::Folder);
        // Watches inside the roots follow by themselves.
        let structure = kind != ChangeKind::Modified
            && (self.scopes.iter().any(|scope| scope.starts_with(&path)) || folder && path.is_symlink());
        let gone = match kind {
            ChangeKind::Removed => Some(path.clone()),
            ChangeKind::Renamed => event.paths.first().cloned(),
            _ => None,
        };
        Some(Change { path, kind, structure, folder, gone })
    }

    fn matters(&self, path: &Path) -> bool {
        // At a root or on the way to one: it comes or goes.
        if self.scopes.iter().any(|scope| scope.starts_with(path)) {
            return true;
        }
        let longest = |scope: &&PathBuf| scope.as_os_str().len();
        let Some(scope) = self.scopes.iter().filter(|scope| path.starts_with(scope)).max_by_key(longest)
        else {
            // The neighbour of a root.
            return false;
        };
        let inside = path.ancestors().take_while(|dir| dir != scope);
        let name =
            |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let generated = |dir: &Path| is_generated(&name(dir)) && !dir.join("SKILL.md").exists();
        !inside.into_iter().any(generated) && !is_temporary(&name(path))
    }
}

/// Files that editors, tools and interpreters write beside the real ones.
fn is_temporary(name: &str) -> bool {
    let (_, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let by_extension = matches!(
        extension,
        "swp" | "swo" | "swx" | "swpx" | "tmp" | "temp" | "part" | "crdownload" | "pyc" | "kate-swp" | "bak~"
    );
    by_extension
        || name.ends_with('~')
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name.starts_with(".#")
        || name.starts_with(".goutputstream-")
        || (name.starts_with('#') && name.ends_with('#'))
        // vim tries whether it may write here with a file of this name
        || name == "4913"
        || name == ".DS_Store"
        // sed -i
        || (name.len() == 9 && name.starts_with("sed") && name[3..].bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Flag};

    use super::*;

    fn filter() -> Filter {
        Filter::new(&[PathBuf::from("/nowhere/w/.skills")])
    }

    fn event(kind: EventKind, paths: &[&str]) -> Event {
        paths.iter().fold(Event::new(kind), |event, path| event.add_path(PathBuf::from(path)))
    }

    #[test]
    fn what_matters() {
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let matters = |path: &str| filter().change(&event(data, &[path])).is_some();
        assert!(matters("/nowhere/w/.skills/a/SKILL.md"));
        assert!(matters("/nowhere/w/.skills"));
        assert!(matters("/nowhere/w"));
        for path in [
            "/nowhere/w/other.txt",
            "/nowhere/w/.skills/a/.SKILL.md.swp",
            "/nowhere/w/.skills/a/SKILL.md~",
            "/nowhere/w/.skills/a/4913",
            "/nowhere/w/.skills/a/sedAb12Xy",
            "/nowhere/w/.skills/.git/index",
            "/nowhere/w/.skills/a/scripts/__pycache__/x.cpython-312.pyc",
        ] {
            assert!(!matters(path), "{path}");
        }
    }

    #[test]
    fn reads_do_not_count_and_renames_count_by_their_new_name() {
        let path = "/nowhere/w/.skills/a/SKILL.md";
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(filter().change(&event(opened, &[path])), None);
        let both = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        let change = filter().change(&event(both, &["/nowhere/w/.skills/a/x.tmp", path])).unwrap();
        assert_eq!((change.path, change.kind), (path.into(), ChangeKind::Renamed));
        // A backup save: the real name goes away for a moment.
        let change = filter().change(&event(both, &[path, "/nowhere/w/.skills/a/SKILL.md~"])).unwrap();
        assert_eq!(change.path, PathBuf::from(path));
        let lost = event(EventKind::Create(CreateKind::Any), &[]).set_flag(Flag::Rescan);
        assert_eq!(filter().change(&lost).unwrap().kind, ChangeKind::EventsLost);
    }
}
