//! Learning on a thread of its own, old runs looked at for grants that none has needed, and what was agreed to written.

use std::path::Path;
use std::sync::Arc;

use super::loader::spawn;
use super::{Mailbox, request};
use crate::journal::Journal;
use crate::learn::tighten::tighten;
use crate::learn::{Lessons, Offer, Progress, Proposal, proposal};
use crate::policy::{self, Approvals, Places};
use crate::run::Stop;
use crate::sandbox::Launcher;
use crate::skill::Skill;
use crate::tui::action::{Action, LearnNews};
use crate::tui::effect::StartRun;

/// The worker.
#[derive(Debug)]
pub(super) struct Teacher {
    launcher: Arc<Launcher>,
    approvals: Approvals,
    stop: Stop,
}

impl Teacher {
    pub(super) fn new(launcher: Arc<Launcher>, approvals: Approvals) -> Self {
        Self { launcher, approvals, stop: Stop::default() }
    }

    pub(super) fn learn(&mut self, run: StartRun, mailbox: Mailbox) {
        self.stop = Stop::default();
        let (launcher, approvals) = (Arc::clone(&self.launcher), self.approvals.clone());
        let stop = self.stop.clone();
        spawn("learn", move || {
            let result = learn(&run, &launcher, &approvals, &stop, &mailbox);
            let skill = Arc::clone(&run.skill);
            mailbox.send(Action::Learn(LearnNews::Learned { skill, result }));
        });
    }

    pub(super) fn cancel(&self) {
        self.stop.stop();
    }

    /// The same for good. The answer says whether a round still runs.
    pub(super) fn end(&self) -> impl Fn() -> bool + use<> {
        let stop = self.stop.clone();
        stop.stop();
        move || stop.is_running()
    }
}

fn learn(
    run: &StartRun,
    launcher: &Launcher,
    approvals: &Approvals,
    stop: &Stop,
    mailbox: &Mailbox,
) -> Result<Box<Offer>, String> {
    let places = Places::new(&run.workspace);
    let lessons = Lessons::of(request::of(run, approvals)?);
    let before = match policy::text(&lessons.file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{}: {error}; nothing was learned", lessons.file.display())),
    };
    let (mut grants, mut undecided) = (0, 0);
    let mut tell = |progress: Progress<'_>| {
        if let Progress::Ended(round) = progress {
            grants += round.learned.len();
            undecided += round.undecided.len();
            let number = round.number;
            mailbox.send(Action::Learn(LearnNews::Round { number, grants, undecided }));
        }
    };
    let (learned, notes) = crate::learn::learn(&lessons, launcher, stop, &mut tell);
    if stop.is_stopped() {
        return Err("learning was cancelled; nothing was changed".to_owned());
    }
    let (proposal, unwritable) = Proposal::of(&lessons.file, before, &learned.lessons, &places);
    let also = match &proposal.before {
        Some(text) => {
            proposal::also_asked(&lessons.file, text, &learned.lessons, &lessons.request.policy, &places)
        }
        None => Vec::new(),
    };
    Ok(Box::new(Offer::learned(&learned, proposal, &unwritable, &also, &notes, &run.skill.path)))
}

/// What the journal says about a skill's grants.
pub(super) fn look_for_unneeded(skill: &Arc<Skill>, workspace: &Path) -> Action {
    let found = tighten(skill, &Places::new(workspace), &Journal::of_user());
    let result = found
        .map(|found| Box::new(Offer::tightened(found, jiff::Timestamp::now())))
        .map_err(|error| error.to_string());
    Action::Learn(LearnNews::Tightened { skill: Arc::clone(skill), result })
}
