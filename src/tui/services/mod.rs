//! What the workbench has done for it outside its state. Each service stands behind a trait, so that tests put
//! doubles in their place and drive the whole program by keys.

mod cases;
pub mod clipboard;
mod complete;
pub mod desk;
pub mod editor;
mod environment;
mod explore;
pub(crate) mod fix;
pub mod highlight;
pub mod history;
pub mod kept;
mod learn;
pub mod loader;
mod player;
mod policy;
mod pulse;
mod request;
pub mod runner;
pub mod themes;
mod uses;

use std::sync::Arc;

use tokio::sync::mpsc;

use super::action::Action;
use super::effect::{Effect, HistoryAsk, Packages, RunCases, StartRun};
use super::state::RunId;
use crate::skill::Skill;

/// Actions that may wait to be applied. A sender waits while it is full: a flood of output then stays in the
/// skill's own pipe.
const QUEUE: usize = 128;

/// Where services put their answers.
#[derive(Debug, Clone)]
pub struct Mailbox(mpsc::Sender<Action>);

pub fn mailbox() -> (Mailbox, mpsc::Receiver<Action>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Mailbox(sender), receiver)
}

impl Mailbox {
    /// From a thread of a service. False when the workbench is gone.
    pub fn send(&self, action: Action) -> bool {
        self.0.blocking_send(action).is_ok()
    }

    /// From asynchronous code.
    pub async fn send_async(&self, action: Action) -> bool {
        self.0.send(action).await.is_ok()
    }

    /// Without waiting; lost when the queue is full. For messages that are not worth a wait.
    pub fn try_send(&self, action: Action) {
        let _ = self.0.try_send(action);
    }
}

/// Finds and reads skills, then watches them.
pub trait Loader: Send {
    fn start(&mut self, mailbox: Mailbox);
}

/// Starts and ends runs.
pub trait Runner: Send {
    fn start(&mut self, run: StartRun, mailbox: Mailbox);
    fn cancel(&mut self, id: RunId);
    fn run_cases(&mut self, batch: RunCases, mailbox: Mailbox);
    fn cancel_cases(&mut self);
    /// Find out what packages a skill wants, install them, and end that.
    fn look_up_packages(&mut self, skill: Arc<Skill>, mailbox: Mailbox);
    fn prepare_packages(&mut self, packages: Packages, mailbox: Mailbox);
    fn cancel_packages(&mut self);
    /// Find out what a run needs, in rounds that change nothing.
    fn learn(&mut self, run: StartRun, mailbox: Mailbox);
    fn cancel_learning(&mut self);
    /// End every run, and wait a moment until they are gone: none may outlive the workbench.
    fn end_all(&mut self) {}
}

/// Everything else that takes time: colouring, reading, exploring, writing files.
pub trait Desk: Send {
    fn perform(&mut self, effect: Effect, mailbox: &Mailbox);
}

/// Reads the journal, and plays runs again.
pub trait Archive: Send {
    fn perform(&mut self, ask: HistoryAsk, mailbox: &Mailbox);
}

#[allow(missing_debug_implementations)] // trait objects
pub struct Services {
    pub loader: Box<dyn Loader>,
    pub runner: Box<dyn Runner>,
    pub desk: Box<dyn Desk>,
    pub archive: Box<dyn Archive>,
    pub mailbox: Mailbox,
}

impl Services {
    pub fn load(&mut self) {
        self.loader.start(self.mailbox.clone());
    }

    /// The workbench ends.
    pub fn end_runs(&mut self) {
        self.runner.end_all();
    }

    /// Do what an effect asks for. Gives it back when it is for the terminal.
    pub fn perform(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::StartRun(run) => self.runner.start(*run, self.mailbox.clone()),
            Effect::CancelRun(id) => self.runner.cancel(id),
            Effect::LookUpPackages(skill) => self.runner.look_up_packages(skill, self.mailbox.clone()),
            Effect::PreparePackages(packages) => {
                self.runner.prepare_packages(*packages, self.mailbox.clone());
            }
            Effect::CancelPackages => self.runner.cancel_packages(),
            Effect::RunCases(batch) => self.runner.run_cases(*batch, self.mailbox.clone()),
            Effect::CancelCases => self.runner.cancel_cases(),
            Effect::Learn(run) => self.runner.learn(*run, self.mailbox.clone()),
            Effect::CancelLearning => self.runner.cancel_learning(),
            Effect::History(ask) => self.archive.perform(ask, &self.mailbox),
            Effect::Highlight { .. }
            | Effect::Render { .. }
            | Effect::ReadFile { .. }
            | Effect::Explore(_)
            | Effect::LoadCases(_)
            | Effect::SaveCase(_)
            | Effect::ReviewPolicy(_)
            | Effect::CountUses { .. }
            | Effect::Grant { .. }
            | Effect::TakeBack(_)
            | Effect::DraftFix(_)
            | Effect::ApplyFix { .. }
            | Effect::UndoFix(_)
            | Effect::Tighten(_)
            | Effect::WritePolicy { .. }
            | Effect::Approve { .. }
            | Effect::Revoke(_)
            | Effect::CompletePath { .. }
            | Effect::WriteSamples => self.desk.perform(effect, &self.mailbox),
            other => return Some(other),
        }
        None
    }
}
