//! The journal for the Runs tab: listed, watched, opened, compared, exported. Each job on one worker thread; a replay has a
//! thread of its own (`player`).

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::loader::spawn;
use super::player::Player;
use super::{Archive, Mailbox};
use crate::journal::{self, Head, Journal, Record, State, export};
use crate::policy;
use crate::run::log::OutputLog;
use crate::sandbox::event::UsageSample;
use crate::tui::action::{Action, HistoryNews};
use crate::tui::effect::{ExportForm, HistoryAsk};
use crate::tui::state::history::{OldRun, PastRun};
use crate::tui::state::runs::{RunId, RunVerdict, RunView, Stage};
use crate::tui::state::trace::Trace;
use crate::tui::state::{Level, RunInput};

/// Runs that are listed, the newest first.
const LISTED: usize = 5000;
/// Ages are told again after this many seconds.
const STALE: i64 = 15;
/// Names that are tried for an exported file.
const NAMES: u32 = 100;

/// The real journal.
#[derive(Debug)]
pub struct DiskArchive {
    journal: Journal,
    queue: Option<mpsc::Sender<HistoryAsk>>,
    player: Option<Player>,
}

impl DiskArchive {
    pub fn new(journal: Journal) -> Self {
        Self { journal, queue: None, player: None }
    }
}

impl Archive for DiskArchive {
    fn perform(&mut self, ask: HistoryAsk, mailbox: &Mailbox) {
        match ask {
            HistoryAsk::Play { id, play, speed } => {
                self.player = Some(Player::start(self.journal.clone(), id, play, speed, mailbox.clone()));
            }
            HistoryAsk::Pause | HistoryAsk::Resume | HistoryAsk::Speed(_) => {
                if let Some(player) = &self.player {
                    player.tell(ask);
                }
            }
            HistoryAsk::Stop => self.player = None,
            _ => {
                let (journal, mailbox) = (self.journal.clone(), mailbox.clone());
                let queue = self.queue.get_or_insert_with(|| Worker::start(journal, mailbox));
                let _ = queue.send(ask);
            }
        }
    }
}

struct Worker {
    journal: Journal,
    mailbox: Mailbox,
    /// Runs that have ended do not change: by their record's length.
    known: HashMap<String, (u64, Arc<PastRun>)>,
    /// A listing waits in the queue.
    pending: Arc<AtomicBool>,
    queue: mpsc::Sender<HistoryAsk>,
    watched: Arc<AtomicBool>,
    told: i64,
}

impl Worker {
    fn start(journal: Journal, mailbox: Mailbox) -> mpsc::Sender<HistoryAsk> {
        let (sender, receiver) = mpsc::channel();
        let queue = sender.clone();
        spawn("history", move || {
            let known = HashMap::new();
            let mut worker = Worker {
                journal,
                mailbox,
                known,
                pending: Arc::default(),
                queue,
                watched: Arc::default(),
                told: 0,
            };
            while let Ok(ask) = receiver.recv() {
                if worker.answer(ask).is_some_and(|action| !worker.mailbox.send(action)) {
                    return;
                }
            }
        });
        sender
    }

    fn answer(&mut self, ask: HistoryAsk) -> Option<Action> {
        match ask {
            HistoryAsk::List => {
                self.pending.store(false, Ordering::Release);
                // Before the list is made: what comes meanwhile makes another one.
                self.watch();
                Some(Action::History(self.list()))
            }
            HistoryAsk::Now => {
                let now = Timestamp::now().as_second();
                let stale = now.abs_diff(self.told) >= STALE.unsigned_abs();
                stale.then(|| {
                    self.told = now;
                    Action::History(HistoryNews::Now(now))
                })
            }
            HistoryAsk::Open(id) => {
                let result = self.open(&id);
                Some(Action::History(HistoryNews::Opened { id, result }))
            }
            HistoryAsk::Compare { before, after } => {
                let result = self.compare(&before, &after).map(Box::new);
                Some(Action::History(HistoryNews::Compared { before, after, result }))
            }
            HistoryAsk::Export { id, skill, form, folder } => {
                Some(said(self.export(&id, &skill, form, &folder)))
            }
            HistoryAsk::Remove { id, name } => {
                let removed = self.journal.remove(&id);
                let said = said(match removed {
                    Ok(()) => Ok(format!("removed {name}")),
                    Err(error) => Err(format!("{name} cannot be removed: {error}")),
                });
                self.mailbox.send(said);
                Some(Action::History(self.list()))
            }
            _ => None,
        }
    }

    fn list(&mut self) -> HistoryNews {
        if let Some(why) = self.journal.why_off() {
            return HistoryNews::Off(why.to_owned());
        }
        let ids = self.journal.ids();
        let left_out = ids.len().saturating_sub(LISTED);
        let zone = TimeZone::system();
        let mut known = HashMap::with_capacity(ids.len().min(LISTED));
        let mut rows = Vec::with_capacity(ids.len().min(LISTED));
        for id in ids.into_iter().take(LISTED) {
            let bytes = self.journal.bytes(&id).unwrap_or_default();
            let row = match self.known.remove(&id).filter(|(length, _)| *length == bytes) {
                Some((_, row)) => row,
                None => Arc::new(row(&self.journal, &id, bytes, &zone)),
            };
            if row.verdict != Some(RunVerdict::Running) {
                known.insert(id, (bytes, Arc::clone(&row)));
            }
            rows.push(row);
        }
        self.known = known;
        self.told = Timestamp::now().as_second();
        HistoryNews::Listed { rows, left_out, now: self.told }
    }

    /// List anew whenever a record is begun, ended or removed, by whichever program.
    fn watch(&mut self) {
        let watched = Arc::clone(&self.watched);
        let Some(folder) = self.journal.folder().filter(|_| !watched.load(Ordering::Acquire)) else { return };
        // It is watched from before the first run on. Where it cannot be, the list is as of when it was asked for.
        let _ = self.journal.make_folder();
        let events = WatchFlags::CREATE
            .union(WatchFlags::CLOSE_WRITE)
            .union(WatchFlags::DELETE)
            .union(WatchFlags::MOVED_FROM)
            .union(WatchFlags::MOVED_TO)
            .union(WatchFlags::ONLYDIR);
        let Ok(inotify) = inotify::init(CreateFlags::CLOEXEC) else { return };
        if inotify::add_watch(&inotify, folder, events).is_err() {
            return;
        }
        watched.store(true, Ordering::Release);
        let (queue, pending) = (self.queue.clone(), Arc::clone(&self.pending));
        spawn("history watch", move || {
            let mut buffer = [MaybeUninit::uninit(); 8192];
            let mut reader = Reader::new(&inotify, &mut buffer);
            while let Ok(event) = reader.next() {
                // The folder was removed: the next listing makes and watches it anew.
                let gone = event.events().contains(ReadFlags::IGNORED);
                watched.fetch_and(!gone, Ordering::AcqRel);
                // One listing is enough for all events until it is made.
                if !pending.swap(true, Ordering::AcqRel) && queue.send(HistoryAsk::List).is_err() {
                    return;
                }
                if gone {
                    return;
                }
            }
        });
    }

    fn read(&self, id: &str) -> Result<Record, String> {
        self.journal.read(id).map_err(|error| format!("the run {id} cannot be read: {error}"))
    }

    fn open(&self, id: &str) -> Result<Box<OldRun>, String> {
        let record = self.read(id)?;
        let row = match self.known.get(id) {
            Some((_, row)) => Arc::clone(row),
            None => Arc::new(row(&self.journal, id, 0, &TimeZone::system())),
        };
        let (length, left_out, unread) = (record.length(), record.left_out, record.unread);
        Ok(Box::new(OldRun { row, whole: view(record), replay: None, length, left_out, unread }))
    }

    fn compare(&self, before: &str, after: &str) -> Result<journal::Comparison, String> {
        Ok(journal::compare(&self.read(before)?, &self.read(after)?))
    }

    /// Write a run to a new file. Says to which.
    fn export(&self, id: &str, skill: &str, form: ExportForm, folder: &Path) -> Result<String, String> {
        let record = self.read(id)?;
        let (text, ending) = match form {
            ExportForm::Asciicast => (export::asciicast(&record), "cast"),
            ExportForm::Report => {
                let report = export::report(&record);
                (report.ok_or("it was interrupted before there was a report; nothing was exported")?, "json")
            }
        };
        let failed =
            |path: &Path, error: &io::Error| format!("{}: {error}; nothing was exported", path.display());
        let (path, mut file) = new_file(folder, &format!("{}-{id}", plain(skill)), ending)
            .map_err(|(path, error)| failed(&path, &error))?;
        if let Err(error) = file.write_all(text.as_bytes()) {
            // Half a file is worse than none.
            let _ = fs::remove_file(&path);
            return Err(failed(&path, &error));
        }
        Ok(format!("exported to {}", path.display()))
    }
}

fn said(result: Result<String, String>) -> Action {
    match result {
        Ok(text) => Action::Notice(Level::Info, text),
        Err(problem) => Action::Notice(Level::Error, problem),
    }
}

/// A file that was not there before: `NAME.ENDING`, or `NAME-2.ENDING` and so on.
fn new_file(folder: &Path, name: &str, ending: &str) -> Result<(PathBuf, fs::File), (PathBuf, io::Error)> {
    let mut number = 1;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}{suffix}.{ending}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES => number += 1,
            Err(error) => return Err((path, error)),
        }
    }
}

/// A skill's name as part of a file's name: it may hold anything.
fn plain(name: &str) -> String {
    const LONGEST: usize = 60;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let kept: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).take(LONGEST).collect();
    let kept = kept.trim_matches(['-', '.']);
    if kept.is_empty() { "run".to_owned() } else { kept.to_owned() }
}

/// The row of a run in the list.
fn row(journal: &Journal, id: &str, bytes: u64, zone: &TimeZone) -> PastRun {
    let head = journal.head(id);
    let written = head.as_ref().ok().and_then(|head| head.start.started_at.parse::<Timestamp>().ok());
    let started = written.or_else(|| time_in_name(id));
    let local = |time: Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let row = PastRun {
        id: id.to_owned(),
        started: started.map_or(0, Timestamp::as_second),
        local: started.map_or_else(|| "unknown".to_owned(), local),
        bytes,
        ..PastRun::default()
    };
    match head {
        Ok(head) => of_head(row, head),
        Err(error) => PastRun { problem: Some(error.to_string()), ..row },
    }
}

/// Records are named for the second in which they begin, in UTC.
fn time_in_name(id: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", id.get(..15)?).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn of_head(row: PastRun, head: Head) -> PastRun {
    let Head { start, state, summary, bytes, .. } = head;
    let summary = summary.unwrap_or_default();
    let (verdict, outcome) = match (state, &summary.outcome) {
        (State::Running, _) => (RunVerdict::Running, "it goes on".to_owned()),
        (State::Interrupted, _) => {
            (RunVerdict::Interrupted, "interrupted: the program that started it went away".to_owned())
        }
        (State::Ended, Some(outcome)) => {
            (RunVerdict::of(outcome, summary.denials), journal::outcome(Some(outcome)))
        }
        (State::Ended, None) => (RunVerdict::Failed, "ended without a report".to_owned()),
    };
    let lasted = Duration::try_from_secs_f64(summary.duration_ms / 1000.0).ok();
    PastRun {
        skill: start.skill,
        path: start.path,
        entry: start.entry,
        arguments: arguments(&start.args),
        verdict: Some(verdict),
        outcome,
        denials: summary.denials,
        duration: lasted.filter(|_| state != State::Running),
        bytes,
        ..row
    }
}

/// As they would be typed.
fn arguments(args: &[String]) -> String {
    let quoted = |arg: &String| match shlex::try_quote(arg) {
        Ok(text) => text.into_owned(),
        // A NUL, which no shell can write.
        Err(_) => arg.clone(),
    };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The run as the Run tab showed it live.
fn view(record: Record) -> RunView {
    let (elapsed, usage) = (record.length(), record.usage.last().map(|(_, usage)| *usage));
    let own = record.start.path.join(policy::FILE_NAME);
    let sources = record.report.as_ref().map(|report| report.policy.sources.as_slice()).unwrap_or_default();
    let mut run = RunView {
        id: RunId(0),
        entry: record.start.entry,
        input: RunInput {
            shown: arguments(&record.start.args),
            arguments: record.start.args,
            stdin: Vec::new(),
        },
        approved: sources.iter().any(|source| Path::new(source) == own),
        cause: record.start.cause,
        record: Some(record.id),
        stage: match record.state {
            State::Running => Stage::Running,
            State::Ended => Stage::Ended,
            State::Interrupted => Stage::Interrupted,
        },
        cancelling: false,
        limits: record.start.limits,
        report: record.report.map(Arc::new),
        stdout: OutputLog::default(),
        stderr: OutputLog::default(),
        usage: usage.unwrap_or_else(UsageSample::default),
        elapsed,
        trace: Trace::default(),
    };
    for chunk in &record.chunks {
        run.take_output(chunk.at, chunk.stream, &chunk.bytes);
    }
    for (at, sample) in &record.usage {
        run.trace.usage.push(*at, *sample);
    }
    run
}

#[cfg(test)]
mod tests;
