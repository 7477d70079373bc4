//! Keeps what the workbench remembers: one small file for each workspace, written on a thread of its own.
//!
//! The file is replaced in one step, so that two workbenches on one workspace never mix
//! theirs: the last one wins. Of what comes while it writes only the newest is written. `SKILLDECK_STATE=off`
//! switches all of it off.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::Mailbox;
use super::loader::spawn;
use crate::tui::action::Action;
use crate::tui::state::Level;
use crate::tui::state::kept::{Kept, name};
use crate::user::{self, Files};

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Most workspaces that are remembered; the ones that were left longest ago go.
const MOST_WORKSPACES: usize = 200;

/// How long the end of the workbench waits for the last writing. A slow disk must not hold the terminal.
const PATIENCE: Duration = Duration::from_millis(400);

/// Where the state of one workspace is kept.
#[derive(Debug, Default)]
pub struct Keeper {
    /// Without a place nothing is kept.
    file: Option<PathBuf>,
    writer: Option<Writer>,
}

#[derive(Debug)]
struct Writer {
    sender: mpsc::Sender<Kept>,
    ended: mpsc::Receiver<()>,
}

impl Keeper {
    /// That of the user that runs this program.
    pub fn of_user(workspace: &Path) -> Self {
        let off = std::env::var_os("SKILLDECK_STATE").is_some_and(|value| value == "off");
        let folder = Files::State.folder().filter(|_| !off);
        Self { file: folder.map(|folder| file(&folder.join("workbench"), workspace)), writer: None }
    }

    pub fn is_on(&self) -> bool {
        self.file.is_some()
    }

    /// What was kept. The problem of a file that is not used, with the next step.
    pub fn read(&self, workspace: &Path) -> (Option<Kept>, Option<String>) {
        let Some(file) = &self.file else { return (None, None) };
        let read = match user::small_text(file, MAX_BYTES) {
            Ok(None) => return (None, None),
            Ok(Some(text)) => serde_json::from_str::<Kept>(&text).map_err(|error| error.to_string()),
            Err(problem) => Err(problem),
        };
        match read {
            // The name of the file is made from a hash.
            Ok(kept) => (Some(kept).filter(|kept| kept.workspace == name(workspace)), None),
            Err(problem) => {
                let text = format!("{}: not used: {problem}; it is written anew on quitting", file.display());
                (None, Some(text))
            }
        }
    }

    /// Have it written; what was to be written before and is not yet is not any more.
    pub fn keep(&mut self, kept: Kept, mailbox: &Mailbox) {
        let Some(file) = &self.file else { return };
        let writer = self.writer.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel();
            let (end, ended) = mpsc::channel();
            let (file, mailbox) = (file.clone(), mailbox.clone());
            spawn("keeper", move || {
                write_newest(&receiver, &file, &mailbox);
                let _ = end.send(());
            });
            Writer { sender, ended }
        });
        let _ = writer.sender.send(kept);
    }

    /// The workbench ends: wait for the last writing, but not for long.
    pub fn finish(&mut self) {
        if let Some(Writer { sender, ended }) = self.writer.take() {
            drop(sender);
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

fn write_newest(receiver: &mpsc::Receiver<Kept>, file: &Path, mailbox: &Mailbox) {
    let mut told = false;
    while let Ok(kept) = receiver.recv() {
        let kept = receiver.try_iter().last().unwrap_or(kept);
        if let Err(error) = write(file, &kept)
            && !std::mem::replace(&mut told, true)
        {
            let text = format!("{}: not written: {error}; SKILLDECK_STATE=off keeps nothing", file.display());
            mailbox.try_send(Action::Notice(Level::Warning, text));
        }
    }
}

fn write(file: &Path, kept: &Kept) -> io::Result<()> {
    let folder = file.parent().unwrap_or(file);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let is_new = !file.exists();
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(&serde_json::to_vec_pretty(kept)?)?;
    beside.persist(file)?;
    if is_new {
        forget_oldest(folder);
    }
    Ok(())
}

fn forget_oldest(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let age = |entry: fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    let mut files: Vec<_> = entries.flatten().filter_map(age).collect();
    files.sort();
    let surplus = files.len().saturating_sub(MOST_WORKSPACES);
    for (_, path) in files.into_iter().take(surplus) {
        let _ = fs::remove_file(path);
    }
}

/// A name that says which workspace it is about, and a hash of its path that makes it the only one.
fn file(folder: &Path, workspace: &Path) -> PathBuf {
    let hash = blake3::hash(workspace.as_os_str().as_encoded_bytes()).to_hex();
    let name = workspace.file_name().unwrap_or_default().to_string_lossy();
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(40).collect();
    folder.join(format!("{name}-{}.json", &hash[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::services::mailbox;

    fn keeper(folder: &Path) -> Keeper {
        Keeper { file: Some(file(folder, Path::new("/w/project"))), writer: None }
    }

    fn kept(tab: &str) -> Kept {
        Kept { workspace: "/w/project".into(), tab: Some(tab.into()), ..Kept::default() }
    }

    #[test]
    fn the_newest_is_written_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let (mailbox, _news) = mailbox();
        let folder = dir.path().join("a/b");
        let mut keeper = keeper(&folder);
        assert_eq!(keeper.read(Path::new("/w/project")), (None, None));
        for n in 0..100 {
            keeper.keep(kept(&format!("tab {n}")), &mailbox);
        }
        keeper.finish();
        assert_eq!(keeper.read(Path::new("/w/project")), (Some(kept("tab 99")), None));
        assert_eq!(keeper.read(Path::new("/w/other")).0, None, "a file of another workspace");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn two_at_once_never_mix_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let (mailbox, _news) = mailbox();
        let names = ["x".repeat(20_000), "y".repeat(10)];
        std::thread::scope(|scope| {
            for name in &names {
                let (mailbox, folder) = (mailbox.clone(), dir.path());
                scope.spawn(move || {
                    let mut keeper = keeper(folder);
                    for _ in 0..50 {
                        keeper.keep(kept(name), &mailbox);
                    }
                    keeper.finish();
                });
            }
            let reader = keeper(dir.path());
            for _ in 0..200 {
                assert_eq!(reader.read(Path::new("/w/project")).1, None);
            }
        });
        assert!(keeper(dir.path()).read(Path::new("/w/project")).0.is_some());
    }

    #[test]
    fn a_broken_file_is_said_and_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = keeper(dir.path());
        for text in ["{", "3", "{\"mouse\": 3}", "\u{0}"] {
            fs::write(keeper.file.as_ref().unwrap(), text).unwrap();
            let (kept, problem) = keeper.read(Path::new("/w/project"));
            assert!(kept.is_none() && problem.unwrap().contains("not used"), "{text}");
        }
        // Of another version: what is known counts.
        fs::write(keeper.file.as_ref().unwrap(), "{\"workspace\": \"/w/project\", \"later\": 1}").unwrap();
        assert_eq!(keeper.read(Path::new("/w/project")).1, None);
    }

    #[test]
    fn what_cannot_be_written_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let (mailbox, mut news) = mailbox();
        let mut keeper = keeper(&dir.path().join("file/below"));
        keeper.keep(kept("a"), &mailbox);
        keeper.finish();
        assert!(matches!(news.try_recv(), Ok(Action::Notice(_, text)) if text.contains("not written")));
    }

    #[test]
    fn only_so_many_workspaces_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MOST_WORKSPACES + 5 {
            let workspace = format!("/w/{n}");
            write(&file(dir.path(), Path::new(&workspace)), &kept("a")).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MOST_WORKSPACES);
    }
}
