//! Reads the user's themes again when one of their files is saved, so that the theme in use can be seen while it is
//! written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecursiveMode, Watcher as _};

use super::Mailbox;
use super::loader::spawn;
use crate::tui::action::Action;
use crate::tui::settings::Settings;
use crate::tui::theme::{Chosen, Kind, Set, file};
use crate::user::Files;

/// Editors write a file in several steps; this long nothing more must come.
const QUIET: Duration = Duration::from_millis(30);
/// But no longer than this is waited.
const PATIENCE: Duration = Duration::from_millis(300);

/// Where the user's themes are, whether the folder exists or not.
pub fn folder() -> Option<PathBuf> {
    Some(Files::Config.folder()?.join("themes"))
}

/// The theme to begin with, and what is wrong with the user's files.
pub fn first(wanted: Option<&str>, settings: &Settings) -> Result<(Chosen, Vec<String>), String> {
    let set = Set::read(folder().as_deref());
    let place = |path: &Path| path.display().to_string();
    let wrong = settings.diagnostics.iter().chain(&set.diagnostics);
    let mut problems: Vec<String> = wrong.map(|found| file::told(found, &place(&found.file))).collect();
    let guess = std::env::var("COLORFGBG").ok().and_then(|value| Kind::of_colorfgbg(&value));
    if wanted.is_some() {
        return Ok((Chosen::new(set, wanted, guess).map_err(|problem| format!("--{problem}"))?, problems));
    }
    // What a file says wrong does not keep the workbench shut.
    let chosen = Chosen::new(Arc::clone(&set), settings.theme.as_deref(), guess).or_else(|problem| {
        problems.push(format!("config.toml: {problem}"));
        Chosen::new(set, None, guess)
    })?;
    Ok((chosen, problems))
}

/// Watch the user's themes, on a thread that sleeps until one of their files changes. `set` is what was read.
pub fn watch(set: Arc<Set>, mailbox: Mailbox) {
    if let Some(folder) = folder() {
        spawn("themes", move || follow(&folder, set, |set| mailbox.send(Action::Themes(set))));
    }
}

/// Read again after every change until `tell` says that nobody listens. Ends at once where nothing can be watched.
fn follow(folder: &Path, mut set: Arc<Set>, tell: impl Fn(Arc<Set>) -> bool) {
    let (sender, events) = channel();
    let wanted = folder.to_owned();
    let on_event = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| matters(&event, &wanted)) {
            let _ = sender.send(());
        }
    };
    let Ok(mut watcher) = notify::recommended_watcher(on_event) else { return };
    // The folder may be made later; its parent is there when the user has any files of ours.
    let folders = [folder.parent(), Some(folder)].into_iter().flatten();
    let count = folders.filter(|dir| watcher.watch(dir, RecursiveMode::NonRecursive).is_ok()).count();
    if count == 0 {
        return;
    }
    // What was saved before the watch was in place.
    if !again(folder, &mut set, &tell) {
        return;
    }
    while events.recv().is_ok() {
        settle(&events);
        let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
        if !again(folder, &mut set, &tell) {
            return;
        }
    }
}

/// Read, and tell when something is different. False when nobody listens.
fn again(folder: &Path, set: &mut Arc<Set>, tell: &impl Fn(Arc<Set>) -> bool) -> bool {
    let now = Set::read_again(Some(folder), set);
    if now == *set {
        return true;
    }
    *set = Arc::clone(&now);
    tell(now)
}

fn settle(events: &Receiver<()>) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) = events.recv_timeout(QUIET) {
            return;
        }
    }
}

/// Whether an event may have changed a theme. Reading them makes events too, which must not lead to reading again.
fn matters(event: &notify::Event, folder: &Path) -> bool {
    let changes = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    let theme = |path: &PathBuf| {
        path == folder || path.parent() == Some(folder) && path.extension().is_some_and(|e| e == "toml")
    };
    changes && (event.need_rescan() || event.paths.iter().any(theme))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = "name = 'mine'\nkind = 'dark'\ninherits = 'dark'\n";

    #[test]
    fn a_saved_theme_is_read_again_and_nothing_else_wakes_anybody() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("themes");
        let (sender, told) = channel();
        let watched = folder.clone();
        let set = Set::read(Some(&folder));
        std::thread::spawn(move || follow(&watched, set, |set| sender.send(set).is_ok()));
        // The folder is made while it is watched for. The watch may not be in place yet: then the first reading has it.
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("mine.toml"), MINE).unwrap();
        let wait = || told.recv_timeout(Duration::from_secs(30)).unwrap();
        let mut first = wait();
        while first.get("mine").is_none() {
            first = wait();
        }
        // As editors save: a new file under the old name.
        std::fs::write(folder.join(".mine.toml.swp"), "x").unwrap();
        std::fs::write(folder.join("new"), MINE.replace("dark'\ninh", "light'\ninh")).unwrap();
        std::fs::rename(folder.join("new"), folder.join("mine.toml")).unwrap();
        assert_eq!(wait().get("mine").unwrap().kind, crate::tui::theme::Kind::Light);
        // Broken: told, and still there.
        std::fs::write(folder.join("mine.toml"), "name = ").unwrap();
        let broken = wait();
        assert!(broken.get("mine").is_some() && broken.diagnostics.len() == 1);
        // Reading it is no change.
        let _ = std::fs::read(folder.join("mine.toml")).unwrap();
        assert!(told.recv_timeout(Duration::from_millis(300)).is_err());
    }
}
