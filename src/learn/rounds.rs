//! The rounds of learning. A program mostly stops at its first refusal, so one run never shows all that it needs: each
//! round runs it under what is in force and what was learned so far, and takes in what is refused next.
//!
//! Nothing here starts anything: an [`Engine`] does, so that the rounds are tested without one. Everything is bounded, since
//! a skill may ask for something new each time: rounds, time, and the number of grants.

use std::path::Path;
use std::time::{Duration, Instant};

pub use super::lesson::{Ended, Held, Learned, Lesson, Progress, Round, Undecided};
use super::sensitive::{self, Surroundings};
use super::settle;
use crate::policy::decide::Scope;
use crate::policy::{EditError, Permission, Places, Policy, Remedy, add_grant, parse};
use crate::run::Stop;
use crate::run::report::{Denial, Report};
use crate::sandbox::event::OutcomeKind;

/// Grants that are learned at most: whoever asks for more is not asking for the least.
pub const MOST_GRANTS: usize = 100;
/// Refusals that are left to the user, and such that nothing can allow, that are told at most.
const MOST_TOLD: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub rounds: usize,
    /// For all rounds together.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { rounds: 20, time: Duration::from_mins(2) }
    }
}

/// Runs the entry.
pub trait Engine {
    /// Whether a run under `policy` can be planned; else why not.
    fn check(&mut self, policy: &Policy) -> Result<(), String>;
    /// One run, ended after `time`.
    fn run(&mut self, policy: Policy, time: Duration) -> Result<Report, Refusal>;
}

/// Why a round did not come to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The policy lets something be written, which this machine cannot keep apart from the host.
    NoCapture,
    /// Why, and the next step.
    Other(String),
}

/// What is learned under.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The policy of the user's ordinary runs: what of it is held back is not asked for again.
    pub ordinary: Policy,
    /// Where the proposal will be written.
    pub file: &'a Path,
    /// The skill's folder.
    pub skill: &'a Path,
    pub places: &'a Places,
    pub holds_net: bool,
    pub variable: fn(&str) -> Option<String>,
    pub bounds: Bounds,
    pub stop: &'a Stop,
}

/// Run rounds until nothing new is asked for.
pub fn learn(setting: &Setting<'_>, engine: &mut dyn Engine, tell: &mut dyn FnMut(Progress<'_>)) -> Learned {
    let mut pupil = Pupil { setting, holds_writes: false, lessons: Vec::new(), undecided: Vec::new() };
    let mut learned = Learned {
        rounds: Vec::new(),
        lessons: Vec::new(),
        left_out: Vec::new(),
        undecided: Vec::new(),
        refused: Vec::new(),
        ended: Ended::Settled,
        held_writes: false,
        last: None,
    };
    let begun = Instant::now();
    learned.ended = loop {
        let number = learned.rounds.len() + 1;
        if number > setting.bounds.rounds {
            break Ended::Rounds(setting.bounds.rounds);
        }
        let (round, report) = match pupil.round(number, begun, engine, tell) {
            Ok(found) => found,
            Err(ended) => break ended,
        };
        let new = round.learned.iter().any(|lesson| lesson.held.is_none());
        let cut = report.outcome.as_ref().is_some_and(|outcome| outcome.kind == OutcomeKind::Timeout);
        let cancelled = setting.stop.is_stopped();
        learned.rounds.push(round);
        learned.last = Some(report);
        match (cancelled, new, cut) {
            (true, ..) => break Ended::Cancelled,
            (_, false, false) => break Ended::Settled,
            (_, _, true) if begun.elapsed() >= setting.bounds.time => break Ended::Time(setting.bounds.time),
            (_, false, true) => break Ended::Settled,
            _ if pupil.lessons.len() >= MOST_GRANTS => break Ended::Many,
            _ => {}
        }
    };
    if learned.ended == Ended::Settled {
        settle::leave_out(&mut pupil, &mut learned, begun, engine, tell);
    }
    let report = learned.last.as_ref();
    let hopeless = report
        .into_iter()
        .flat_map(|report| &report.denials)
        .filter(|denial| denial.remedy.is_none() && !pupil.is_granted(denial));
    learned.refused = hopeless.take(MOST_TOLD).cloned().collect();
    pupil.lessons.sort_by(|a, b| order(&a.remedy).cmp(&order(&b.remedy)));
    learned.held_writes = pupil.holds_writes;
    (learned.lessons, learned.undecided) = (pupil.lessons, pupil.undecided);
    learned
}

/// The order of a proposal: that of the permissions, then of the values.
pub(super) fn order(remedy: &Remedy) -> (Option<Permission>, &str) {
    (Permission::from_name(&remedy.permission), &remedy.add)
}

/// What is known so far.
pub(super) struct Pupil<'a> {
    pub(super) setting: &'a Setting<'a>,
    /// Found out when the first write would be let through.
    holds_writes: bool,
    pub(super) lessons: Vec<Lesson>,
    undecided: Vec<Undecided>,
}

impl Pupil<'_> {
    /// One round with what is known: what it says that is new is taken in.
    fn round(
        &mut self,
        number: usize,
        begun: Instant,
        engine: &mut dyn Engine,
        tell: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(Round, Report), Ended> {
        let report = self.run(number, begun, engine, tell)?;
        let (learned, undecided) = self.news(&report, number, engine);
        let room = MOST_GRANTS.saturating_sub(self.lessons.len());
        self.lessons.extend(learned.iter().take(room).cloned());
        let room = MOST_TOLD.saturating_sub(self.undecided.len());
        self.undecided.extend(undecided.iter().take(room).cloned());
        let round = Round { learned, undecided, ..told(number, &report) };
        tell(Progress::Ended(&round));
        Ok((round, report))
    }

    /// Run under what is known.
    pub(super) fn run(
        &mut self,
        number: usize,
        begun: Instant,
        engine: &mut dyn Engine,
        tell: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, Ended> {
        let bounds = self.setting.bounds;
        if self.setting.stop.is_stopped() {
            return Err(Ended::Cancelled);
        }
        let left = bounds.time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero());
        let left = left.ok_or(Ended::Time(bounds.time))?;
        tell(Progress::Begins(number));
        let mut report = engine.run(self.policy(&self.lessons), left);
        if report == Err(Refusal::NoCapture) {
            self.hold_writes();
            report = engine.run(self.policy(&self.lessons), left);
        }
        let report = report.map_err(|refusal| match refusal {
            Refusal::Other(why) => Ended::Failed(why),
            Refusal::NoCapture => Ended::Failed("writes cannot be captured on this machine".to_owned()),
        })?;
        match &report.outcome {
            // Ended before it had begun.
            Some(outcome) if outcome.kind == OutcomeKind::Failed && self.setting.stop.is_stopped() => {
                Err(Ended::Cancelled)
            }
            Some(outcome) if outcome.kind == OutcomeKind::Failed => {
                Err(Ended::Failed(outcome.message.clone()))
            }
            _ => Ok(report),
        }
    }

    fn hold_writes(&mut self) {
        self.holds_writes = true;
        let writes = Permission::Write.name();
        for lesson in self.lessons.iter_mut().filter(|lesson| lesson.remedy.permission == writes) {
            lesson.held = Some(Held::Write);
        }
    }

    /// What a report asks for that is not known yet.
    pub(super) fn news(
        &self,
        report: &Report,
        round: usize,
        engine: &mut dyn Engine,
    ) -> (Vec<Lesson>, Vec<Undecided>) {
        let (mut learned, mut undecided): (Vec<Lesson>, Vec<Undecided>) = Default::default();
        for denial in &report.denials {
            let Some(remedy) = denial.remedy.clone() else { continue };
            if self.is_granted(denial) {
                continue;
            }
            if let Some(again) = learned.iter_mut().find(|lesson| lesson.remedy == remedy) {
                again.further += 1;
                continue;
            }
            let same = |known: &&Undecided| known.denial.remedy.as_ref() == Some(&remedy);
            if self.undecided.iter().chain(&undecided).any(|known| same(&known)) {
                continue;
            }
            let known = self.lessons.iter().find(|lesson| lesson.remedy == remedy);
            let reason = match known {
                Some(lesson) if lesson.held.is_some() => continue,
                Some(_) => Some("it was granted while learning, and is still refused".to_owned()),
                None => self.reason(&remedy, engine),
            };
            let denial = denial.clone();
            if let Some(reason) = reason {
                undecided.push(Undecided { denial, reason, round });
            } else {
                let held = self.held(&remedy);
                learned.push(Lesson { remedy, denial, further: 0, round, held });
            }
        }
        learned.sort_by(|a, b| order(&a.remedy).cmp(&order(&b.remedy)));
        (learned, undecided)
    }

    /// Why a grant is not learned.
    fn reason(&self, remedy: &Remedy, engine: &mut dyn Engine) -> Option<String> {
        let Setting { skill, places, variable, .. } = *self.setting;
        let alone = match self.alone(remedy) {
            Ok(alone) => alone,
            Err(error) => return Some(error.to_string()),
        };
        let around = Surroundings { places, skill, variable };
        sensitive::why(&alone, &around).or_else(|| {
            let policy = self.policy(&self.lessons).merged(alone);
            engine.check(&policy).err()
        })
    }

    fn held(&self, remedy: &Remedy) -> Option<Held> {
        match Permission::from_name(&remedy.permission) {
            Some(Permission::Net) if self.setting.holds_net => Some(Held::Net),
            Some(Permission::Write) if self.holds_writes => Some(Held::Write),
            _ => None,
        }
    }

    /// Granted for ordinary runs, and only held back while learning.
    fn is_granted(&self, denial: &Denial) -> bool {
        let Setting { ordinary, skill, places, .. } = self.setting;
        let scope = Scope { policy: ordinary, asked: None, skill, places, own: &[] };
        let held = self.setting.holds_net || self.holds_writes;
        held && scope.granted(denial.operation, &denial.target).is_some()
    }

    /// What is in force in a round with these lessons.
    pub(super) fn policy(&self, lessons: &[Lesson]) -> Policy {
        let mut policy = self.setting.ordinary.clone();
        if self.setting.holds_net {
            policy.net.clear();
        }
        if self.holds_writes {
            policy.write.clear();
        }
        policy.merged(self.learned(lessons))
    }

    /// What those of the lessons grant that are tried.
    pub(super) fn learned(&self, lessons: &[Lesson]) -> Policy {
        let tried = lessons.iter().filter(|lesson| lesson.held.is_none());
        let granted = tried.filter_map(|lesson| self.alone(&lesson.remedy).ok());
        let all = granted.fold(Policy::default(), Policy::merged);
        Policy { sources: vec![self.setting.file.to_owned()], ..all }
    }

    /// What a grant says by itself.
    fn alone(&self, remedy: &Remedy) -> Result<Policy, EditError> {
        let Setting { file, places, .. } = *self.setting;
        Ok(parse(&add_grant("", remedy, file, places)?, file, places).policy)
    }
}

/// A round without what was learned in it.
pub(super) fn told(number: usize, report: &Report) -> Round {
    Round {
        number,
        outcome: report.outcome.clone(),
        duration: Duration::from_secs_f64((report.duration_ms / 1000.0).max(0.0)),
        denials: report.denials.len(),
        learned: Vec::new(),
        undecided: Vec::new(),
        confirms: false,
    }
}

#[cfg(test)]
mod tests;
