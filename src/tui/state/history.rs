//! Runs of the past: the list of them, the one that is open in the Run tab, its replay, two compared.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::comparison::CompareLine;
use super::runs::{RunVerdict, RunView};
use super::{Pane, Scroll, State};
use crate::policy::summary;
use crate::tui::keymap::Command;
use crate::tui::labels;

/// Panes of the Runs tab.
pub const PANES: [Pane; 3] = [Pane::Skills, Pane::Runs, Pane::PastRun];

/// How many times faster than live a run can be played.
pub const SPEEDS: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
/// The place of 1 in it.
const LIVE_SPEED: usize = 2;

#[derive(Debug)]
pub struct History {
    pub list: Scroll,
    /// The lower pane: about the run under the cursor.
    pub facts: Scroll,
    /// Runs of all skills, not of the chosen one alone.
    pub all: bool,
    pub listing: Listing,
    /// All that are known, the newest first; and how many older ones are not listed.
    rows: Vec<Arc<PastRun>>,
    pub left_out: usize,
    /// Those of them that are shown, and for which skill.
    shown: Vec<Arc<PastRun>>,
    shown_for: Option<PathBuf>,
    /// The time, in seconds since 1970, as it was last told.
    pub now: i64,
    /// The run that others are compared with.
    pub marked: Option<String>,
    /// The run that an open question is about.
    pub target: Option<Target>,
    /// The run that is being read, to be opened; and whether it is then played.
    pub opening: Option<(String, bool)>,
    /// In the Run tab, in place of the newest run.
    pub open: Option<Box<OldRun>>,
    pub compared: Option<Compared>,
    /// Index into [`SPEEDS`].
    pub speed: usize,
    pub next_play: u64,
    /// The replay that the service is busy with.
    pub player: Option<u64>,
}

/// How much is known of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// To be asked for when the tab is shown.
    Unasked,
    Reading,
    Read,
    /// Nothing is written down: why, and what to do.
    Off(String),
}

/// A run as the list shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PastRun {
    /// Name of the record.
    pub id: String,
    /// Name and folder of the skill. Empty, as all below, when the record cannot be read.
    pub skill: String,
    pub path: PathBuf,
    pub entry: PathBuf,
    pub arguments: String,
    /// Its start, in seconds since 1970, and as the clock on the wall showed it: `2026-11-30 14:03:22`.
    pub started: i64,
    pub local: String,
    pub verdict: Option<RunVerdict>,
    /// How it ended, in words.
    pub outcome: String,
    pub denials: usize,
    pub duration: Option<Duration>,
    /// Length of the record.
    pub bytes: u64,
    /// Why the record cannot be read.
    pub problem: Option<String>,
}

/// The run that a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub id: String,
    pub skill: String,
    /// For people.
    pub name: String,
}

/// A run that was opened.
#[derive(Debug, Clone)]
pub struct OldRun {
    pub row: Arc<PastRun>,
    pub whole: RunView,
    pub replay: Option<Replay>,
    /// From its start to the last that was written down.
    pub length: Duration,
    /// Bytes of output that were not kept, and bytes of the record that cannot be read.
    pub left_out: u64,
    pub unread: u64,
}

/// A run that is played again.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Tells its news from those of one before.
    pub play: u64,
    pub run: RunView,
    pub playing: bool,
    pub at: Duration,
}

/// Two runs, the earlier first, and what differs between them.
#[derive(Debug, Clone)]
pub struct Compared {
    pub before: Arc<PastRun>,
    pub after: Arc<PastRun>,
    /// `None` while it is worked out.
    pub lines: Option<Vec<CompareLine>>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            list: Scroll::default(),
            facts: Scroll::default(),
            all: false,
            listing: Listing::Unasked,
            rows: Vec::new(),
            left_out: 0,
            shown: Vec::new(),
            shown_for: None,
            now: 0,
            marked: None,
            target: None,
            opening: None,
            open: None,
            compared: None,
            speed: LIVE_SPEED,
            next_play: 1,
            player: None,
        }
    }
}

impl History {
    /// Take a new listing in. The cursor stays on its run, but at the top it stays at the top.
    pub fn put(&mut self, rows: Vec<Arc<PastRun>>, left_out: usize) {
        let under =
            self.shown.get(self.list.cursor).filter(|_| self.list.cursor > 0).map(|row| row.id.clone());
        (self.rows, self.left_out) = (rows, left_out);
        self.listing = Listing::Read;
        self.filter();
        if let Some(place) = under.and_then(|id| self.shown.iter().position(|row| row.id == id)) {
            self.list.cursor = place;
        }
        let known = |id: &String| self.rows.iter().any(|row| row.id == *id);
        self.marked = self.marked.take().filter(known);
    }

    /// Show the runs of this skill, unless those of all are shown.
    pub fn show_for(&mut self, skill: Option<&Path>) {
        if self.shown_for.as_deref() != skill {
            self.shown_for = skill.map(Path::to_owned);
            self.filter();
        }
    }

    pub fn toggle_all(&mut self) {
        let under = self.shown.get(self.list.cursor).map(|row| row.id.clone());
        self.all = !self.all;
        self.filter();
        let place = under.and_then(|id| self.shown.iter().position(|row| row.id == id));
        self.list = Scroll { cursor: place.unwrap_or(0), ..Scroll::default() };
        self.facts = Scroll::default();
    }

    fn filter(&mut self) {
        let skill = self.shown_for.as_deref();
        let wanted = |row: &&Arc<PastRun>| self.all || row.problem.is_some() || skill == Some(&*row.path);
        self.shown = self.rows.iter().filter(wanted).cloned().collect();
    }

    /// The rows of the list.
    pub fn shown(&self) -> &[Arc<PastRun>] {
        &self.shown
    }

    pub fn get(&self, id: &str) -> Option<&Arc<PastRun>> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// The run under the cursor.
    pub fn chosen(&self) -> Option<&Arc<PastRun>> {
        self.shown.get(self.list.cursor)
    }

    /// The run of the same skill before this one.
    pub fn before(&self, row: &PastRun) -> Option<&Arc<PastRun>> {
        let older = self.rows.iter().skip_while(|other| other.id != row.id).skip(1);
        older.into_iter().find(|other| other.path == row.path && other.problem.is_none())
    }

    pub fn replay(&self) -> Option<&Replay> {
        self.open.as_ref()?.replay.as_ref()
    }

    /// Work under way whose answer will change the screen.
    pub fn is_busy(&self) -> bool {
        self.listing == Listing::Reading
            || self.opening.is_some()
            || self.compared.as_ref().is_some_and(|compared| compared.lines.is_none())
            || self.replay().is_some_and(|replay| replay.playing)
    }
}

impl OldRun {
    /// As it looks now: whole, or as far as it was played.
    pub fn run(&self) -> &RunView {
        self.replay.as_ref().map_or(&self.whole, |replay| &replay.run)
    }

    /// Whether it went on when it was opened.
    pub fn was_running(&self) -> bool {
        self.whole.is_under_way()
    }
}

impl State {
    /// What the Run tab shows: the old run that is open, else the newest of the chosen skill.
    pub fn shown_run(&self) -> Option<&RunView> {
        self.history.open.as_ref().map(|old| old.run()).or_else(|| self.run())
    }

    /// The old run in the Run tab.
    pub fn old_run(&self) -> Option<&OldRun> {
        self.history.open.as_deref()
    }

    pub fn is_in_runs(&self) -> bool {
        self.tab == super::Tab::Runs && self.layers.is_empty() && !self.is_welcome()
    }

    /// The run that can be exported here: under the cursor, or in the Run tab.
    pub fn exportable(&self) -> Option<Target> {
        let of = |row: &PastRun| Target {
            id: row.id.clone(),
            skill: row.skill.clone(),
            name: format!("{} of {}", row.skill, row.local),
        };
        match (self.tab, self.old_run()) {
            (super::Tab::Runs, _) => {
                self.history.chosen().filter(|row| row.problem.is_none()).map(|row| of(row))
            }
            (super::Tab::Run, Some(old)) => Some(of(&old.row)),
            (super::Tab::Run, None) => {
                let (record, skill) = (self.run()?.record.clone()?, &self.skill()?.name);
                Some(Target { id: record, skill: skill.clone(), name: format!("this run of {skill}") })
            }
            _ => None,
        }
    }

    /// About the run under the cursor: name and text of each row, broken at `width`.
    pub fn past_lines(&self, width: usize) -> Vec<(&'static str, String)> {
        let Some(row) = self.history.chosen() else { return Vec::new() };
        let mut facts = vec![("when", format!("{}, {}", row.local, ago(self.history.now, row.started)))];
        if let Some(problem) = &row.problem {
            facts.push(("broken", format!("the record cannot be read: {problem}")));
            facts.push(("", format!("{} removes it", self.hint(Command::RemoveRun))));
        } else {
            let place = self.place.short(&row.path);
            facts.push(("skill", format!("{}, {place}", row.skill)));
            facts.push(("entry", row.entry.display().to_string()));
            let none = if row.arguments.is_empty() { "none" } else { &row.arguments };
            facts.push(("arguments", none.to_owned()));
            facts.push(("outcome", row.outcome.clone()));
            let refused = match row.denials {
                0 => "nothing".to_owned(),
                1 => "1 denial".to_owned(),
                count => format!("{} denials", labels::grouped(count as u64)),
            };
            facts.push(("refused", refused));
        }
        facts.push(("record", format!("{}, {}", row.id, summary::size(row.bytes))));
        let room = width.saturating_sub(NAME + 1);
        let broken = |(name, text): (&'static str, String)| {
            let parts = labels::wrap(&text, room, 200).into_iter().enumerate();
            parts.map(move |(at, part)| (if at == 0 { name } else { "" }, part)).collect::<Vec<_>>()
        };
        facts.into_iter().flat_map(broken).collect()
    }
}

/// Columns of the names beside the facts of a run.
pub const NAME: usize = 11;

/// How long ago, in words.
pub fn ago(now: i64, then: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match now.saturating_sub(then) {
        i64::MIN..MINUTE => "just now".to_owned(),
        age @ MINUTE..HOUR => format!("{} min ago", age / MINUTE),
        age @ HOUR..DAY => format!("{} h ago", age / HOUR),
        age if age < 2 * DAY => "1 day ago".to_owned(),
        age => format!("{} days ago", age / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, skill: &str) -> Arc<PastRun> {
        Arc::new(PastRun { id: id.into(), path: skill.into(), ..PastRun::default() })
    }

    fn ids(history: &History) -> Vec<&str> {
        history.shown().iter().map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn the_cursor_stays_on_its_run_while_newer_ones_come() {
        let mut history = History::default();
        history.show_for(Some(Path::new("/a")));
        history.put(vec![row("3", "/a"), row("2", "/b"), row("1", "/a")], 0);
        assert_eq!(ids(&history), ["3", "1"]);
        history.list.cursor = 1;
        history.put(vec![row("4", "/a"), row("3", "/a"), row("2", "/b"), row("1", "/a")], 0);
        assert_eq!(history.chosen().unwrap().id, "1");
        history.toggle_all();
        assert_eq!((ids(&history).len(), history.chosen().unwrap().id.as_str()), (4, "1"));
        history.list.cursor = 0;
        history.put(vec![row("5", "/b"), row("4", "/a")], 0);
        assert_eq!(history.chosen().unwrap().id, "5", "at the top, the newest");
    }

    #[test]
    fn the_run_before_is_of_the_same_skill_and_can_be_read() {
        let mut history = History::default();
        let broken = Arc::new(PastRun { problem: Some("no".into()), ..(*row("2", "/a")).clone() });
        history.put(vec![row("4", "/a"), row("3", "/b"), broken, row("1", "/a")], 0);
        let newest = row("4", "/a");
        assert_eq!(history.before(&newest).unwrap().id, "1");
        assert!(history.before(&row("1", "/a")).is_none());
        history.marked = Some("9".into());
        history.put(vec![row("4", "/a")], 0);
        assert_eq!(history.marked, None, "what is gone is not marked");
    }

    #[test]
    fn ages_are_words() {
        let words: Vec<String> = [-5, 59, 60, 3599, 3600, 86_399, 86_400, 172_800, i64::MAX]
            .into_iter()
            .map(|age| ago(age, 0))
            .collect();
        assert_eq!(words[..4], ["just now", "just now", "1 min ago", "59 min ago"]);
        assert_eq!(words[4..8], ["1 h ago", "23 h ago", "1 day ago", "2 days ago"]);
        assert_eq!(ago(i64::MIN, i64::MAX), "just now");
    }
}
