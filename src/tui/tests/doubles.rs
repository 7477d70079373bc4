//! Doubles of the services: they answer at once, always the same.

mod case_file;
mod desk;
mod runner;
mod skills;

use std::sync::{Arc, Mutex};

use super::archive;
use crate::learn::Offer;
use crate::run::report::Remedy;
use crate::skill::Skill;
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::drive::Driver;
use crate::tui::effect::HistoryAsk;
use crate::tui::services::{Loader, Mailbox, Services, mailbox};
use crate::tui::state::{Options, Place, RunId, State};

pub(crate) use case_file::{cases, ended};
use desk::Clerk;
use runner::Actor;
pub(crate) use skills::{skill, skills};

/// What a double was asked to do, for a test to look at.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub started: Vec<(RunId, Vec<String>)>,
    /// Standard input of those, in the same order.
    pub stdin: Vec<String>,
    pub cancelled: Vec<RunId>,
    pub granted: Vec<Remedy>,
    /// What was offered and agreed to.
    pub agreed: Vec<Offer>,
    /// Names of the cases that were run, in order.
    pub cases: Vec<String>,
    /// Texts that fixes wrote.
    pub fixed: Vec<String>,
    /// Name and arguments of runs that were saved.
    pub saved: Vec<(String, Vec<String>)>,
    /// How often packages were prepared, and that ended.
    pub prepared: usize,
    pub packages_cancelled: usize,
    /// The policy file is approved.
    pub approved: bool,
    /// Standard input of those.
    pub saved_stdin: Vec<String>,
    /// What was wanted of the journal.
    pub asked: Vec<HistoryAsk>,
}

/// A driver with its doubles.
pub(crate) struct Bench {
    pub driver: Driver,
    pub log: Arc<Mutex<Log>>,
}

/// What runs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plot {
    /// Ends with denials; once a grant was written, without.
    Denied,
    /// Goes on until it is cancelled.
    Endless,
    Limit,
    Missing,
    Reduced,
    Refused,
}

pub(crate) fn workbench(width: u16, height: u16, plot: Plot) -> Bench {
    with_skills(width, height, plot, skills())
}

pub(crate) fn with_skills(width: u16, height: u16, plot: Plot, skills: Vec<Arc<Skill>>) -> Bench {
    let (mailbox, news) = mailbox();
    let log = Arc::new(Mutex::new(Log::default()));
    let services = Services {
        loader: Box::new(Shelf(skills)),
        runner: Box::new(Actor { plot, log: Arc::clone(&log), mailbox: None, cases: Vec::new() }),
        desk: Box::new(Clerk { log: Arc::clone(&log) }),
        archive: Box::new(archive::Shelf { log: Arc::clone(&log), rows: archive::rows() }),
        mailbox,
    };
    let place = Place {
        workspace: "/home/ada/project".into(),
        home: Some("/home/ada".into()),
        roots: vec!["/home/ada/project/.skills".into(), "/home/ada/project/skills".into()],
    };
    let state = State::new(width, height, place, Options::default());
    let driver = Driver::start(state, services, news);
    Bench { driver, log }
}

impl Bench {
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        for key in crate::tui::key::Key::parse_all(keys).unwrap() {
            self.driver.apply(Action::Key(key));
            self.driver.drain();
        }
        self
    }

    pub(crate) fn tell(&mut self, action: Action) -> &mut Self {
        self.driver.apply(action);
        self.driver.drain();
        self
    }

    pub(crate) fn screen(&self) -> String {
        super::screen(&self.driver)
    }

    pub(crate) fn state(&self) -> &State {
        &self.driver.state
    }
}

struct Shelf(Vec<Arc<Skill>>);

impl Loader for Shelf {
    fn start(&mut self, mailbox: Mailbox) {
        mailbox.try_send(Action::Workspace(WorkspaceNews::Skills(self.0.clone())));
        mailbox.try_send(Action::Workspace(WorkspaceNews::Complete));
    }
}
