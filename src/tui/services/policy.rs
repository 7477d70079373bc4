//! A skill's policy on the desk's thread: what the Policy tab shows, grants written into `policy.yaml` and taken back,
//! requests approved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::loader::Watch;
use crate::learn::{Offer, Proposal};
use crate::policy::{self, Approvals, Places, Request, Source, standing};
use crate::run::report::Remedy;
use crate::skill::{self, Skill};
use crate::tui::action::{Action, PolicyDone, WorkspaceNews};
use crate::tui::keymap::Command;
use crate::tui::state::{FileStanding, PolicyFile, PolicyReview, Session};
use crate::workspace::replace;

/// The part of the desk that knows policies.
#[derive(Debug)]
pub(super) struct PolicyDesk {
    places: Places,
    watch: Watch,
    approvals: Approvals,
    /// What this session has changed in policy files, in order.
    changes: Vec<Change>,
}

/// A policy file that was changed, for taking it back.
#[derive(Debug)]
struct Change {
    file: PathBuf,
    /// The text before, when there was a file.
    before: Option<String>,
    after: String,
    what: String,
}

impl PolicyDesk {
    pub(super) fn new(workspace: &Path, watch: Watch, approvals: Approvals) -> Self {
        Self { places: Places::new(workspace), watch, approvals, changes: Vec::new() }
    }

    /// What the skill's own policy file asks for; `None` without one, or with one that has errors.
    pub(super) fn request(&self, skill: &Path) -> Option<Box<Request>> {
        Request::read(skill, &self.approvals, &self.places).ok().flatten().map(Box::new)
    }

    pub(super) fn review(&self, skill: &Skill) -> Action {
        let review = Box::new(review(skill, &self.approvals, &self.places, &self.changes));
        Action::PolicyReviewed { skill: skill.path.clone(), review }
    }

    /// Write a grant, and put the file in force.
    pub(super) fn grant(&mut self, skill: &Skill, remedy: &Remedy) -> Vec<Action> {
        self.ignore_writes(skill);
        let result = grant(skill, remedy, &self.places, &mut self.changes);
        let request = if result.is_ok() { self.approve_own(&skill.path) } else { None };
        changed(skill, request, result)
    }

    /// Write what was offered and agreed to, and put it in force when that was part of the offer.
    pub(super) fn agree(&mut self, skill: &Skill, offer: &Offer) -> Vec<Action> {
        self.ignore_writes(skill);
        // Less than what was approved needs no new decision.
        let was_approved = self.request(&skill.path).is_some_and(|own| own.approved);
        let result = agree(offer, &mut self.changes);
        let approves = result.is_ok() && (offer.approves || was_approved);
        let request = if approves { self.approve_own(&skill.path) } else { self.request(&skill.path) };
        changed(skill, request, result)
    }

    /// Undo the last change of this session.
    pub(super) fn take_back(&mut self, skill: &Skill) -> Vec<Action> {
        self.ignore_writes(skill);
        let result = take_back(skill, &mut self.changes);
        changed(skill, self.request(&skill.path), result)
    }

    /// Put the request in force that was shown, unless the file asks for something else by now.
    pub(super) fn approve(&self, skill: &Path, shown: &Request) -> Action {
        let (request, said) = match Request::read(skill, &self.approvals, &self.places) {
            Err(error) => (None, Err(error.to_string())),
            Ok(None) => (None, Err("policy.yaml is gone; nothing was approved".to_owned())),
            Ok(Some(now)) if !now.asks_for_the_same(shown) => {
                let said = "policy.yaml has changed meanwhile; nothing was approved: look again";
                (Some(now), Err(said.to_owned()))
            }
            Ok(Some(mut now)) => {
                let said = keep(&mut now, &self.approvals);
                (Some(now), Ok(said))
            }
        };
        Action::Approved { skill: skill.to_owned(), request: request.map(Box::new), said }
    }

    /// Put the default in force again.
    pub(super) fn revoke(&self, skill: &Path) -> Action {
        let said = self.approvals.revoke(&skill.join(policy::FILE_NAME));
        Action::Approved {
            skill: skill.to_owned(),
            request: self.request(skill),
            said: said
                .map(|_| "the default policy is in force for this skill".to_owned())
                .map_err(|error| format!("the approval cannot be taken back: {error}")),
        }
    }

    /// Approve what the user has just had written into the file.
    fn approve_own(&self, skill: &Path) -> Option<Box<Request>> {
        let mut request = self.request(skill)?;
        keep(&mut request, &self.approvals);
        Some(request)
    }

    fn ignore_writes(&self, skill: &Skill) {
        let file = skill.path.join(policy::FILE_NAME);
        self.watch.ignore_write(replace::beside(&file));
        self.watch.ignore_write(file);
    }
}

/// The policy file was written, or not.
fn changed(skill: &Skill, request: Option<Box<Request>>, result: Result<PolicyDone, String>) -> Vec<Action> {
    // The watcher was told not to mind, so the skill is read again here.
    let again = Arc::new(skill::read(&skill.path, &skill.root));
    vec![
        Action::Workspace(WorkspaceNews::Skills(vec![again])),
        Action::Granted { skill: skill.path.clone(), request, result },
    ]
}

/// Approve for good, or until the workbench ends where that cannot be kept.
fn keep(request: &mut Request, approvals: &Approvals) -> String {
    match request.approve(approvals) {
        Ok(()) => "policy.yaml is in force for this skill, until it asks for something else".to_owned(),
        Err(error) => {
            request.approve_for_now(approvals);
            format!("policy.yaml is in force until you quit: the approval cannot be kept ({error})")
        }
    }
}

/// What the next run of the skill goes by, and how its own file stands.
fn review(skill: &Skill, approvals: &Approvals, places: &Places, changes: &[Change]) -> PolicyReview {
    let path = skill.path.join(policy::FILE_NAME);
    let file = match policy::text(&path) {
        Ok(text) => {
            let diagnostics = policy::diagnose(&text, &path, places);
            PolicyFile::Read { text: text.into(), diagnostics }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => PolicyFile::Missing,
        Err(error) => PolicyFile::Unreadable(error.to_string()),
    };
    let request = Request::read(&skill.path, approvals, places).ok().flatten();
    let standing = match &file {
        PolicyFile::Missing => FileStanding::Missing,
        PolicyFile::Unreadable(_) => FileStanding::Unreadable,
        PolicyFile::Read { diagnostics, .. } => FileStanding::of(diagnostics, request.as_ref()),
    };
    // What is approved is chosen, or the default: neither can fail.
    let chosen = policy::choose(skill, Source::Approved(approvals), places).unwrap_or_default();
    let lines = standing::lines(&chosen.policy, chosen.asked.as_ref());
    let session = session(&path, file.text().map_or("", |text| text), changes);
    PolicyReview { lines, file, standing, session }
}

/// What this session has made of a file.
fn session(file: &Path, now: &str, changes: &[Change]) -> Session {
    let own: Vec<&Change> = changes.iter().filter(|change| change.file == file).collect();
    let before = own.first().map_or(now, |first| first.before.as_deref().unwrap_or_default());
    let diff = policy::diff(before, now);
    let lines = diff.lines().filter(|line| !line.starts_with("@@")).map(str::to_owned).collect();
    Session { changes: own.len(), lines }
}

/// The text of a policy file, if there is one.
fn text(file: &Path) -> Result<Option<String>, String> {
    match policy::text(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}; nothing was changed", file.display())),
    }
}

/// Add a grant to the skill's own policy file. Says what was done.
fn grant(
    skill: &Skill,
    remedy: &Remedy,
    places: &Places,
    changes: &mut Vec<Change>,
) -> Result<PolicyDone, String> {
    let file = skill.path.join(policy::FILE_NAME);
    let before = text(&file)?;
    let text = before.as_deref().unwrap_or_default();
    let after = policy::add_grant(text, remedy, &file, places)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let what = format!("{}: {}", remedy.permission, remedy.add);
    if after == text {
        let said = format!("policy.yaml, which asks for {what}, is now in force for this skill");
        return Ok(PolicyDone { said, back: Some(Command::Approve) });
    }
    replace::replace(&file, &after)
        .map_err(|error| format!("{}: {error}; nothing was granted", file.display()))?;
    let said = format!("granted {what} in policy.yaml, which is now in force for this skill");
    changes.push(Change { file, before, after, what });
    Ok(PolicyDone { said, back: Some(Command::TakeBack) })
}

/// Write what was offered. Says what was done.
fn agree(offer: &Offer, changes: &mut Vec<Change>) -> Result<PolicyDone, String> {
    let Offer { proposal, what, .. } = offer;
    if proposal.is_empty() {
        let said = "policy.yaml, which asks for it, is now in force for this skill".to_owned();
        return Ok(PolicyDone { said, back: Some(Command::Approve) });
    }
    proposal.write().map_err(|error| error.to_string())?;
    let Proposal { file, before, after } = proposal.clone();
    changes.push(Change { file, before, after, what: what.clone() });
    Ok(PolicyDone { said: format!("policy.yaml was changed by {what}"), back: Some(Command::TakeBack) })
}

/// Undo the last change of a skill's policy file, unless the file was changed since.
fn take_back(skill: &Skill, changes: &mut Vec<Change>) -> Result<PolicyDone, String> {
    let file = skill.path.join(policy::FILE_NAME);
    let Some(at) = changes.iter().rposition(|change| change.file == file) else {
        return Err("no change of this session is left to take back".to_owned());
    };
    let Change { before, after, what, .. } = changes.remove(at);
    if policy::text(&file).ok().as_deref() != Some(&after) {
        return Err(format!("policy.yaml was changed since; take {what} back by hand, in the editor"));
    }
    let undone = match before {
        Some(text) => replace::replace(&file, &text),
        None => std::fs::remove_file(&file),
    };
    undone.map_err(|error| format!("{}: {error}; nothing was taken back", file.display()))?;
    Ok(PolicyDone { said: format!("took back {what}"), back: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill_in(dir: &Path) -> Skill {
        std::fs::write(dir.join("SKILL.md"), "---\nname: x\ndescription: Does.\n---\n").unwrap();
        skill::read(dir, dir)
    }

    #[test]
    fn a_grant_is_taken_back_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let skill = skill_in(dir.path());
        let (file, places) = (dir.path().join("policy.yaml"), Places::new(dir.path()));
        let mut changes = Vec::new();
        let grant = |add: &str, changes: &mut Vec<Change>| {
            let remedy = Remedy { permission: "read".into(), add: add.into() };
            grant(&skill, &remedy, &places, changes).unwrap();
            std::fs::read_to_string(&file).unwrap()
        };
        let first = grant("./a", &mut changes);
        assert_ne!(first, grant("./b", &mut changes));
        take_back(&skill, &mut changes).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
        take_back(&skill, &mut changes).unwrap();
        assert!(!file.exists(), "the first grant made the file");
        assert!(take_back(&skill, &mut changes).unwrap_err().contains("no change"));

        grant("./a", &mut changes);
        std::fs::write(&file, "# mine\n").unwrap();
        assert!(take_back(&skill, &mut changes).unwrap_err().contains("was changed since"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "# mine\n");
    }

    #[test]
    fn a_removal_is_made_as_shown_and_taken_back_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let skill = skill_in(dir.path());
        let places = Places::new(dir.path());
        let approvals = Approvals::at(dir.path().join("approvals"));
        let mut desk = PolicyDesk { places, watch: Watch::default(), approvals, changes: Vec::new() };
        let file = dir.path().join("policy.yaml");
        let before = "# mine\npermissions:\n  env: [A, B] # why\n";
        std::fs::write(&file, before).unwrap();
        let after = "# mine\npermissions:\n  env: [A] # why\n";
        let proposal = Proposal { file: file.clone(), before: Some(before.into()), after: after.into() };
        let offer = Offer::removal("env: B", None, proposal);
        let said = |actions: Vec<Action>| match actions.into_iter().last() {
            Some(Action::Granted { request, result, .. }) => (result, request.map(|one| one.approved)),
            other => panic!("{other:?}"),
        };
        let read = || std::fs::read_to_string(&file).unwrap();
        // Not approved before, not approved after.
        let (result, approved) = said(desk.agree(&skill, &offer));
        assert!(result.unwrap().said.contains("the removal of env: B"));
        assert_eq!((read().as_str(), approved), (after, Some(false)));
        let (result, _) = said(desk.take_back(&skill));
        assert_eq!(
            (result.unwrap().said.as_str(), read().as_str()),
            ("took back the removal of env: B", before)
        );
        // What was in force stays so, before and after.
        desk.approve_own(dir.path()).unwrap();
        assert_eq!(said(desk.agree(&skill, &offer)).1, Some(true));
        let Action::PolicyReviewed { review, .. } = desk.review(&skill) else { panic!("no review") };
        assert_eq!(review.session.changes, 1);
        let diff = [" # mine", " permissions:", "-  env: [A, B] # why", "+  env: [A] # why"];
        assert_eq!(review.session.lines, diff);
        assert_eq!(said(desk.take_back(&skill)).1, Some(true));
        // Somebody else was faster.
        std::fs::write(&file, "# other\n").unwrap();
        let (result, _) = said(desk.agree(&skill, &offer));
        assert!(result.unwrap_err().contains("changed meanwhile"));
        assert_eq!(read(), "# other\n");
    }

    #[test]
    fn a_pipe_in_place_of_the_policy_blocks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let skill = skill_in(dir.path());
        let file = dir.path().join("policy.yaml");
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let (places, mut changes) = (Places::new(dir.path()), Vec::new());
        let remedy = Remedy { permission: "read".into(), add: "./a".into() };
        let problem = grant(&skill, &remedy, &places, &mut changes).unwrap_err();
        assert!(problem.contains("not a regular file"), "{problem}");
        changes.push(Change { file, before: None, after: "x".into(), what: "x".into() });
        assert!(take_back(&skill, &mut changes).unwrap_err().contains("was changed since"));
        let review = review(&skill, &Approvals::default(), &places, &[]);
        assert_eq!(review.standing, FileStanding::Unreadable);
    }

    #[test]
    fn how_a_file_stands_and_what_is_in_force() {
        let dir = tempfile::tempdir().unwrap();
        let skill = skill_in(dir.path());
        let places = Places::new(dir.path());
        let approvals = Approvals::at(dir.path().join("approvals"));
        let write = |text: &str| std::fs::write(dir.path().join("policy.yaml"), text).unwrap();
        let own = |standing: standing::Standing| {
            let review = review(&skill, &approvals, &places, &[]);
            let own = review.lines.iter().filter(|line| line.origin != policy::Origin::Default);
            (review.standing, own.filter(|line| line.standing == standing).count())
        };
        let (in_force, asked) = (standing::Standing::InForce, standing::Standing::Asked);
        assert_eq!(own(in_force), (FileStanding::Missing, 0));
        write("permissions:\n  env: [TOKEN]\n");
        assert_eq!(own(asked), (FileStanding::Asks, 1));
        let mut request = Request::read(dir.path(), &approvals, &places).unwrap().unwrap();
        request.approve(&approvals).unwrap();
        assert_eq!(own(in_force), (FileStanding::Approved, 1));
        write("permissions:\n  env: [TOKEN, OTHER]\n");
        assert_eq!((own(asked), own(in_force).1), ((FileStanding::Changed, 2), 0));
        write("permissions:\n  env: [TOKEN]\n  read: 5\n");
        assert_eq!((own(asked).0, own(in_force).1), (FileStanding::Broken(1), 0));
        write("# nothing yet\n");
        assert_eq!(own(asked), (FileStanding::AsksNothing, 0));
    }
}
