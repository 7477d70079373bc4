//! The cases of a skill as the screen shows them: what is wrong with their files, then each case and how it stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Pane, Scroll, State};
use crate::cases::{self, Case, Outcome, Verdict};
use crate::skill::Diagnostic;
use crate::tui::keymap::Command;
use crate::tui::labels;

/// The Cases tab.
#[derive(Debug, Default)]
pub struct CasesTab {
    pub list: Scroll,
    pub verdict: Scroll,
}

/// What is known of the cases of one skill.
#[derive(Debug, Default)]
pub struct CaseSet {
    pub problems: Vec<Diagnostic>,
    pub rows: Vec<CaseRow>,
    /// They are being read.
    pub reading: bool,
    /// What changed on disk meanwhile, to be judged by the new reading; and whether to run again what it touches.
    pub changed: Vec<PathBuf>,
    pub run_again: bool,
}

#[derive(Debug, Clone)]
pub struct CaseRow {
    pub case: Arc<Case>,
    pub standing: Standing,
    /// Something that the last run looked at has changed since.
    pub stale: bool,
}

#[derive(Debug, Clone)]
pub enum Standing {
    NotRun,
    /// It runs, or waits for others to end.
    Running,
    Ended(Arc<Outcome>),
}

/// A line of the lower pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictLine {
    Head(String),
    Expected(String),
    Got(String),
    Same(String),
    Note(String),
    Blank,
}

/// Most paths that a change is told with; with so many anything may have changed.
const MANY: usize = 64;

impl CaseRow {
    /// Whether a change of these paths can change how the case ends. By what the last run looked at.
    pub fn is_touched_by(&self, skill: &Path, paths: &[PathBuf]) -> bool {
        let outcome = match &self.standing {
            Standing::NotRun => return false,
            // What it looks at is not known yet.
            Standing::Running => return !paths.is_empty(),
            Standing::Ended(outcome) => outcome,
        };
        let inside = |path: &PathBuf| path.strip_prefix(skill).ok().map(Path::to_owned);
        paths.len() >= MANY
            || paths.iter().filter_map(inside).any(|path| {
                // A folder that was listed can hold something new.
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                self.case.uses(skill, &path)
                    || outcome.touched.contains(&path)
                    || parent.is_some_and(|parent| outcome.touched.contains(parent))
            })
    }
}

impl CaseSet {
    /// Take a new reading in; what is known of a case stays with its name.
    pub fn put(&mut self, loaded: cases::Loaded) {
        let before = std::mem::take(&mut self.rows);
        let row = |case: Case| {
            let known = before.iter().find(|row| row.case.name == case.name).cloned();
            let (standing, stale) = known.map_or((Standing::NotRun, false), |row| (row.standing, row.stale));
            CaseRow { case: Arc::new(case), standing, stale }
        };
        self.rows = loaded.cases.into_iter().map(row).collect();
        self.problems = loaded.diagnostics;
        self.reading = false;
    }

    pub fn is_running(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.standing, Standing::Running))
    }

    pub fn len(&self) -> usize {
        self.problems.len() + self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many passed, and how many ended otherwise.
    pub fn tally(&self) -> (usize, usize) {
        let ended = self.rows.iter().filter_map(|row| match &row.standing {
            Standing::Ended(outcome) => Some(outcome.verdict == Verdict::Passed),
            _ => None,
        });
        ended.fold((0, 0), |(good, bad), passed| if passed { (good + 1, bad) } else { (good, bad + 1) })
    }
}

impl State {
    /// Cases of the chosen skill.
    pub fn case_set(&self) -> Option<&CaseSet> {
        self.cases.get(&self.skill()?.path)
    }

    /// The case under the cursor.
    pub fn case(&self) -> Option<&CaseRow> {
        let set = self.case_set()?;
        set.rows.get(self.cases_tab.list.cursor.checked_sub(set.problems.len())?)
    }

    /// The problem of a file under the cursor.
    pub fn case_problem(&self) -> Option<&Diagnostic> {
        self.case_set()?.problems.get(self.cases_tab.list.cursor)
    }

    /// Cases of any skill run.
    pub fn cases_run(&self) -> bool {
        self.cases.values().any(CaseSet::is_running)
    }

    /// How many of the cases that were started together have ended, and how many there are.
    pub fn case_progress(&self) -> Option<(usize, usize)> {
        let running = |row: &&CaseRow| matches!(row.standing, Standing::Running);
        let left: usize = self.cases.values().map(|set| set.rows.iter().filter(running).count()).sum();
        (left > 0).then(|| (self.case_batch.saturating_sub(left), self.case_batch.max(left)))
    }

    /// File and line of what is under the cursor of the Cases tab.
    pub fn case_place(&self) -> Option<(PathBuf, usize)> {
        if let Some(problem) = self.case_problem() {
            return Some((problem.file.clone(), problem.span.line));
        }
        let row = self.case()?;
        let mismatch = match &row.standing {
            Standing::Ended(outcome) => match &outcome.verdict {
                Verdict::Failed(mismatches) => mismatches.first().map(|mismatch| mismatch.line),
                _ => None,
            },
            _ => None,
        };
        Some((row.case.file.clone(), mismatch.unwrap_or(row.case.span.line)))
    }

    /// How the case under the cursor stands, line by line. Words are broken at `width`, compared text is not.
    pub fn verdict_lines(&self, width: usize) -> Vec<VerdictLine> {
        let wrapped =
            |text: &str, line: fn(String) -> VerdictLine| labels::wrap(text, width, 6).into_iter().map(line);
        self.verdict()
            .into_iter()
            .flat_map(|line| match line {
                VerdictLine::Head(text) => wrapped(&text, VerdictLine::Head).collect(),
                VerdictLine::Note(text) => wrapped(&text, VerdictLine::Note).collect(),
                line => vec![line],
            })
            .collect()
    }

    fn verdict(&self) -> Vec<VerdictLine> {
        use VerdictLine::{Blank, Expected, Got, Head, Note, Same};
        if let Some(problem) = self.case_problem() {
            return vec![Head(problem.message.clone()), Note(problem.help.clone())];
        }
        let Some(row) = self.case() else { return Vec::new() };
        let outcome = match &row.standing {
            Standing::NotRun => {
                let (one, all) = (self.hint(Command::RunCase), self.hint(Command::RunCases));
                return vec![Note(format!("not run yet; {one} runs it, {all} runs all"))];
            }
            Standing::Running => return vec![Note("running".to_owned())],
            Standing::Ended(outcome) => outcome,
        };
        let mut lines = Vec::new();
        if row.stale {
            let again = self.hint(Command::RunCase);
            lines.push(Note(format!("something that it reads has changed since; {again} runs it again")));
        }
        match &outcome.verdict {
            Verdict::Passed => lines.push(Note("everything came as expected".to_owned())),
            Verdict::Cancelled => lines.push(Note("cancelled".to_owned())),
            Verdict::NotRun(why) => {
                lines.push(Head("it could not be run".to_owned()));
                lines.extend(why.lines().map(|line| Note(line.to_owned())));
            }
            Verdict::Failed(mismatches) => {
                lines.extend(outcome.missing.iter().map(|text| Note(format!("sandbox reduced: {text}"))));
                for mismatch in mismatches {
                    if !lines.is_empty() {
                        lines.push(Blank);
                    }
                    let file = row.case.file.file_name().unwrap_or_default().to_string_lossy();
                    lines.push(Head(format!("{} ({file}:{})", mismatch.check, mismatch.line)));
                    lines.extend(mismatch.diff.lines().map(|line| match line.as_bytes().first() {
                        Some(b'-') => Expected(line.to_owned()),
                        Some(b'+') => Got(line.to_owned()),
                        _ => Same(line.to_owned()),
                    }));
                }
            }
        }
        lines
    }

    /// The cases tab shows them and can run them.
    pub fn is_in_cases(&self) -> bool {
        self.tab == super::Tab::Cases && self.layers.is_empty()
    }
}

/// Panes of the tab, for the order of Tab.
pub const PANES: [Pane; 3] = [Pane::Skills, Pane::Cases, Pane::Verdict];
