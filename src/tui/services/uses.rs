//! What old runs say about the grants of a policy, counted on a thread of its own: the journal can hold many, and large ones.

use std::path::Path;
use std::sync::{Arc, mpsc};

use super::Mailbox;
use super::loader::spawn;
use crate::journal::Journal;
use crate::learn::{GrantUse, Standing, unused};
use crate::policy::{self, Origin, Places};
use crate::skill::Skill;
use crate::tui::action::Action;
use crate::tui::state::{KnownUse, UseMark};

type Asked = (Arc<Skill>, Arc<str>);

/// The worker. Its thread starts with the first question.
#[derive(Debug)]
pub(super) struct GrantCounter {
    journal: Journal,
    places: Places,
    queue: Option<mpsc::Sender<Asked>>,
}

impl GrantCounter {
    pub(super) fn new(journal: Journal, workspace: &Path) -> Self {
        Self { journal, places: Places::new(workspace), queue: None }
    }

    /// Count for the skill's policy file with this text.
    pub(super) fn ask(&mut self, skill: Arc<Skill>, text: Arc<str>, mailbox: &Mailbox) {
        let queue = self.queue.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel::<Asked>();
            let (journal, places, mailbox) = (self.journal.clone(), self.places.clone(), mailbox.clone());
            spawn("grants", move || {
                while let Ok((skill, text)) = receiver.recv() {
                    let uses = count(&skill, &text, &places, &journal);
                    let skill = skill.path.clone();
                    if !mailbox.send(Action::GrantsCounted { skill, text, uses }) {
                        return;
                    }
                }
            });
            sender
        });
        let _ = queue.send((skill, text));
    }
}

fn count(skill: &Skill, text: &str, places: &Places, journal: &Journal) -> Vec<KnownUse> {
    let own = policy::parse(text, &skill.path.join(policy::FILE_NAME), places).policy;
    let now = jiff::Timestamp::now();
    let known = |told: &GrantUse| match told.origin {
        Origin::File { line, column, .. } => {
            Some(KnownUse { place: (line, column), mark: mark(told), sentence: told.sentence(now) })
        }
        _ => None,
    };
    unused::by_journal(&own, &skill.path, journal).iter().filter_map(known).collect()
}

fn mark(told: &GrantUse) -> UseMark {
    let newest = told.last_needed.is_some() && told.last_needed == told.newest;
    match told.standing {
        Standing::Needed if newest => UseMark::Newest,
        Standing::Needed => UseMark::Earlier,
        Standing::PartlyNeeded(_) => UseMark::Partly,
        Standing::Unneeded => UseMark::Never,
        Standing::Unknown(_) => UseMark::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Bounds;
    use crate::policy::Policy;

    #[test]
    fn marks_tell_the_newest_run_from_earlier_ones() {
        let file = Path::new("/w/.skills/demo/policy.yaml");
        let places = Places { workspace: "/w".into(), home: None };
        let policy: Policy = policy::parse("permissions:\n  read: [/data]\n", file, &places).policy;
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::at(dir.path(), Bounds::default());
        let mut told = unused::by_journal(&policy, Path::new("/w/.skills/demo"), &journal).remove(0);
        assert_eq!(mark(&told), UseMark::Unknown, "there is no run");
        told.standing = Standing::Needed;
        let time = |day: &str| Some(format!("2026-05-{day}T10:00:00.000Z"));
        (told.newest, told.last_needed) = (time("03"), time("03"));
        assert_eq!(mark(&told), UseMark::Newest);
        told.last_needed = time("01");
        assert_eq!(mark(&told), UseMark::Earlier);
        told.standing = Standing::Unneeded;
        told.last_needed = None;
        assert_eq!(mark(&told), UseMark::Never);
    }

    #[test]
    fn grants_are_named_by_their_place_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("SKILL.md"), "---\nname: x\ndescription: Does.\n---\n").unwrap();
        let skill = crate::skill::read(dir.path(), dir.path());
        let journal = Journal::at(dir.path().join("runs"), Bounds::default());
        let text = "permissions:\n  read: [/data]\n  env: [TOKEN]\n";
        let uses = count(&skill, text, &Places::new(dir.path()), &journal);
        let places: Vec<_> = uses.iter().map(|known| (known.place, known.mark)).collect();
        assert_eq!(places, [((2, 10), UseMark::Unknown), ((3, 9), UseMark::Unknown)]);
        assert_eq!(uses[0].sentence, "no run had it yet");
    }
}
