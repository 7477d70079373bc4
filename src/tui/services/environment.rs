//! Prepares the packages that a skill declares, as `skilldeck env` does: on the user's word, outside the sandbox, with
//! what the installer says passed on line by line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Mailbox;
use super::loader::spawn;
use super::pulse::Pulse;
use crate::environment::{self, BuildError, Builder, Needs, Progress, Store};
use crate::skill::Skill;
use crate::tui::action::{Action, PackageNews};
use crate::tui::effect::{Packages, Wanted};

/// The worker.
#[derive(Debug, Default)]
pub(super) struct Preparer {
    /// Ends the build under way, whose thread holds the other end.
    cancelled: Arc<AtomicBool>,
}

impl Preparer {
    /// Find out what is to be installed, to be shown before it is.
    pub(super) fn look_up(skill: Arc<Skill>, mailbox: Mailbox) {
        spawn("packages", move || {
            let found = look_up(&skill);
            mailbox.send(Action::Packages(skill.path.clone(), PackageNews::Found(found)));
        });
    }

    /// Install what was shown.
    pub(super) fn prepare(&mut self, packages: Packages, mailbox: Mailbox) {
        self.cancel();
        self.cancelled = Arc::default();
        let cancelled = Arc::clone(&self.cancelled);
        spawn("packages", move || {
            let path = packages.skill.path.clone();
            let tell = |news| mailbox.send(Action::Packages(path.clone(), news));
            let slow = path.clone();
            let pulse = Pulse::start(&mailbox, move |time| {
                Action::Packages(slow.clone(), PackageNews::Elapsed(time))
            });
            let result = build(&packages, &cancelled, &tell);
            pulse.stop();
            tell(PackageNews::Ended(result));
        });
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The same for good. The answer says whether one still goes on.
    pub(super) fn end(&self) -> impl Fn() -> bool + use<> {
        self.cancel();
        let cancelled = Arc::downgrade(&self.cancelled);
        // One is held here, by the preparer.
        move || cancelled.strong_count() > 1
    }
}

/// The user's variables; names and values that are not UTF-8 say nothing to an installer.
fn caller() -> BTreeMap<String, String> {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

fn look_up(skill: &Arc<Skill>) -> Result<Packages, String> {
    let caller = caller();
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut otherwise = None;
    for entry in &skill.entries {
        match environment::needs(skill, entry, &caller) {
            Needs::Unprepared(declaration) => {
                let known = wanted.iter().any(|have| {
                    have.declaration == declaration
                        && have.entry.interpreter.program == entry.interpreter.program
                });
                if !known {
                    wanted.push(Wanted { entry: entry.clone(), declaration });
                }
            }
            Needs::Prepared { environment, .. } => {
                let count = environment.record.packages.len();
                otherwise = Some(format!(
                    "already prepared: {count} packages, with {}",
                    environment.record.installer
                ));
            }
            Needs::Own { folder, .. } => {
                otherwise = Some(format!("{} is the skill's own and used as it is", folder.display()));
            }
            Needs::Unusable(problem) => otherwise = Some(problem.to_string()),
            Needs::Nothing => {}
        }
    }
    if wanted.is_empty() {
        let nothing = "this skill declares no packages for its scripts: nothing to prepare";
        return Err(otherwise.unwrap_or_else(|| nothing.to_owned()));
    }
    Ok(Packages { skill: Arc::clone(skill), wanted })
}

/// Build them one after the other. Says what was made.
fn build(
    packages: &Packages,
    cancelled: &AtomicBool,
    tell: &dyn Fn(PackageNews) -> bool,
) -> Result<String, String> {
    let caller = caller();
    let store = Store::of(&caller).map_err(|error| error.to_string())?;
    let mut count = 0;
    for wanted in &packages.wanted {
        let mut progress = |progress: Progress<'_>| {
            tell(match progress {
                Progress::Step(step) => PackageNews::Step(step),
                Progress::Line(line) => PackageNews::Line(line.to_owned()),
            });
        };
        let mut builder = Builder {
            store: &store,
            caller: &caller,
            allow_scripts: false,
            rebuild: false,
            cancelled,
            progress: &mut progress,
        };
        let built = builder.build(&packages.skill, &wanted.entry, &wanted.declaration);
        let (environment, _) = built.map_err(|error| match error {
            BuildError::Cancelled => "cancelled; nothing was prepared".to_owned(),
            error => error.to_string(),
        })?;
        count += environment.record.packages.len();
    }
    Ok(format!("prepared {count} packages"))
}
