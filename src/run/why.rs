//! Whether a run could do something, answered from its plan and its policy, without a run: `skilldeck why`.
//!
//! The plan says what the kernel would be told, so the verdict is read from it; [`crate::policy::decide`] says which
//! line decided and what would allow it, as it does for a refusal that happened. `place` looks at paths with the eyes
//! of the sandbox, `closest` finds the grant that comes nearest.

mod closest;
mod place;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::place::{Place, Seen};
use super::prepare::Prepared;
use crate::policy::decide::{Call, Scope};
use crate::policy::{self, Host, NetRule, Origin, Permission, Remedy, Ruling, programs};
use crate::sandbox::event::{Layer, Operation};
use crate::sandbox::plan::{Access, Bind, NetEntry, Plan};

/// One question, its target as it was typed; paths are absolute and without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub permission: Permission,
    pub target: String,
}

/// The answer; the JSON of `skilldeck why` holds these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub permission: &'static str,
    /// What was asked about: the path with its links resolved, `host:port`, the program's file, the variable.
    pub target: String,
    pub allowed: bool,
    /// The line that decides, in words.
    pub rule: String,
    /// Where that line is (`/…/policy.yaml:4`), or `default`.
    pub origin: String,
    /// The grant that comes nearest, when the answer is no.
    pub closest: Option<Closest>,
    pub remedy: Option<Remedy>,
    pub alternatives: Vec<Remedy>,
    /// The skill asks for it and nobody approved it: where.
    pub asked: Option<String>,
    /// What else there is to know, one sentence each.
    pub notes: Vec<String>,
}

/// A grant that does not cover the question, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closest {
    pub permission: &'static str,
    pub written: String,
    pub origin: String,
    pub reason: String,
}

/// A question that has no meaning; says what to write instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AskError(String);

/// Answer one question about a prepared run.
pub fn answer(prepared: &Prepared, question: &Question) -> Result<Answer, AskError> {
    let request = &prepared.request;
    let scope = Scope {
        policy: &request.policy,
        asked: request.asked.as_ref(),
        skill: &request.skill.path,
        places: &prepared.places,
        own: &prepared.own,
    };
    let asker = Asker { plan: &prepared.plan, scope };
    let target = &question.target;
    let mut answer = match question.permission {
        Permission::Read => asker.read(Path::new(target)),
        Permission::Write => asker.write(Path::new(target)),
        Permission::Net => asker.net(&policy::destination(target).map_err(AskError)?),
        Permission::Env => asker.env(&policy::variable_name(target).map_err(AskError)?),
        Permission::Run => asker.run(target)?,
    };
    if !answer.allowed {
        answer.closest = closest::find(&asker.scope, question.permission, &answer.target);
    }
    Ok(answer)
}

struct Asker<'a> {
    plan: &'a Plan,
    scope: Scope<'a>,
}

impl Asker<'_> {
    fn read(&self, path: &Path) -> Answer {
        let place = place::locate(self.plan, path);
        let mut answer = match place.seen {
            Seen::Bound(Bind { access: Access::Deny, .. }) => self.refused(Operation::Read, &place.path),
            Seen::Bound(bind) => self.shown(bind, &place.path),
            Seen::Outside if !place.path.exists() => self.absent(&place.path),
            Seen::Outside => self.refused(Operation::Read, &place.path),
            Seen::Shell => {
                let mut answer = self.refused(Operation::Read, &place.path);
                answer
                    .notes
                    .push("inside, this folder holds only the way to what is granted below it".to_owned());
                answer
            }
            _ => self.made_inside(Operation::Read, &place),
        };
        Self::say_links(&mut answer, path, &place);
        answer
    }

    /// Readable because a bind shows it.
    fn shown(&self, bind: &Bind, path: &Path) -> Answer {
        let skill = self.scope.skill;
        let target = path.to_string_lossy();
        let mut answer = match self.scope.granted(Operation::Read, &target) {
            Some(found) if !bind.system => Answer::yes(Permission::Read, &target, found),
            _ if bind.system => Answer::yes_by_default(
                Permission::Read,
                &target,
                "the system and the interpreter can be read",
            ),
            _ if path.starts_with(skill) => {
                Answer::yes_by_default(Permission::Read, &target, "a skill's own folder can be read")
            }
            _ => Answer::yes_by_default(Permission::Read, &target, "what the run itself needs can be read"),
        };
        if is_made(bind, path) {
            answer.notes.push(MADE.to_owned());
        } else if path.symlink_metadata().is_err() {
            answer.notes.push("nothing is there now: this holds for when it exists".to_owned());
        } else {
            Self::say_mode(&mut answer, bind, path, 4);
        }
        answer
    }

    /// Neither in view nor on the machine.
    fn absent(&self, path: &Path) -> Answer {
        let target = path.to_string_lossy();
        let mut answer = match self.scope.granted(Operation::Read, &target) {
            Some(found) => Answer::yes(Permission::Read, &target, found),
            None => self.refused(Operation::Read, path),
        };
        let note = if answer.allowed {
            "nothing is there now: it can be read when it exists before the run starts"
        } else {
            "nothing is there: the program would be told that there is no such file"
        };
        answer.notes.push(note.to_owned());
        answer
    }

    fn write(&self, path: &Path) -> Answer {
        let place = place::locate(self.plan, path);
        let target = place.path.to_string_lossy().into_owned();
        let mut answer = match place.seen {
            Seen::Bound(bind @ Bind { access: Access::Write, .. }) => {
                let found = self.scope.granted(Operation::Write, &target);
                let found = found.unwrap_or_else(|| ("a write grant".to_owned(), Origin::Default));
                let mut answer = Answer::yes(Permission::Write, &target, found);
                Self::say_write(&mut answer, bind, &place.path);
                answer
            }
            Seen::Bound(_) | Seen::Outside | Seen::Shell | Seen::Etc => {
                self.refused(Operation::Write, &place.path)
            }
            _ => self.made_inside(Operation::Write, &place),
        };
        Self::say_links(&mut answer, path, &place);
        answer
    }

    fn say_write(answer: &mut Answer, bind: &Bind, path: &Path) {
        if bind.path == path && path.is_file() {
            let folder = path.parent().unwrap_or(path).display();
            answer.notes.push(format!(
                "the file can be written in place only: a program that saves under another name and renames cannot replace it, and needs write {folder}"
            ));
        }
        if is_made(bind, path) {
            answer.notes.push(MADE.to_owned());
        } else if path.symlink_metadata().is_ok() {
            Self::say_mode(answer, bind, path, 2);
        }
    }

    /// Places that every run has for itself.
    fn made_inside(&self, operation: Operation, place: &Place<'_>) -> Answer {
        if place.seen == Seen::Private && place::is_meant_outside(self.plan, &place.path) {
            let mut answer = self.refused(operation, &place.path);
            let note = "a run has a private folder of its own in this place, where this is not";
            answer.notes.push(note.to_owned());
            return answer;
        }
        let target = place.path.to_string_lossy();
        let permission = if operation == Operation::Read { Permission::Read } else { Permission::Write };
        let (rule, note) = match place.seen {
            Seen::Private => (
                "/tmp, HOME and the scratch folder are the run's own",
                "it is the run's own private folder, not this machine's: empty at the start, gone at the end",
            ),
            Seen::Etc => {
                ("a few files of /etc are made for the run", "it describes the sandbox, not this machine")
            }
            Seen::Device => ("the harmless devices are there", "all that is written there is gone"),
            Seen::Proc if operation == Operation::Read => {
                ("/proc shows the run's own processes", "it is the run's own /proc, not this machine's")
            }
            _ => return self.refused(operation, &place.path),
        };
        let mut answer = Answer::yes_by_default(permission, &target, rule);
        if !(place.seen == Seen::Device && operation == Operation::Read) {
            answer.notes.push(note.to_owned());
        }
        answer
    }

    fn net(&self, rule: &NetRule) -> Answer {
        let target = rule.to_string();
        let port = rule.ports.first().copied().unwrap_or_default();
        let (name, address) = match &rule.host {
            Host::Name(name) => (Some(name.as_str()), None),
            Host::Net(address, _) => (None, Some(*address)),
        };
        // As the supervisor decides: see `sandbox::linux::supervisor`.
        let own =
            name == Some("localhost") || address.is_some_and(|ip| ip.is_loopback() || ip.is_unspecified());
        let called = if own { Some("localhost") } else { name };
        let address = if name == Some("localhost") { Some(IpAddr::from([127, 0, 0, 1])) } else { address };
        let entries: Vec<&NetEntry> =
            self.plan.net.iter().filter(|entry| entry.covers(called, address, port)).collect();
        let close = entries.iter().any(|entry| entry.allow && entry.is_close());
        let allowed = !entries.is_empty() && entries.iter().all(|entry| entry.allow) && (close || !own);
        let mut answer = if allowed {
            let granted = self.scope.granted(Operation::Connect, &target);
            let granted =
                granted.or_else(|| self.scope.granted(Operation::Connect, &format!("localhost:{port}")));
            let granted =
                granted.or_else(|| self.scope.granted(Operation::Connect, &format!("127.0.0.1:{port}")));
            let found = granted.unwrap_or_else(|| ("a net grant".to_owned(), Origin::Default));
            Answer::yes(Permission::Net, &target, found)
        } else {
            self.refused(Operation::Connect, Path::new(&target))
        };
        if own && !allowed {
            answer.notes.push(
                "a run has a loopback of its own: programs of the run reach each other there".to_owned(),
            );
        } else if allowed {
            answer.notes.push("TCP only; the supervisor makes the connection".to_owned());
        }
        answer
    }

    fn env(&self, name: &str) -> Answer {
        let granted = self.scope.granted(Operation::Env, name);
        let passed = self.plan.env.iter().any(|(have, _)| have == name);
        let denied = || self.scope.policy.deny.env.iter().any(|deny| deny.value == name);
        match granted {
            Some(found) if !denied() => {
                let mut answer = Answer::yes(Permission::Env, name, found);
                if !passed {
                    answer.notes.push("it is not set here, so the run would not have it".to_owned());
                } else if let Some(danger) = policy::dangerous_variable(name) {
                    answer.notes.push(danger.to_owned());
                }
                answer
            }
            _ if passed => {
                let rule = "a fixed, safe set of variables is there";
                let mut answer = Answer::yes_by_default(Permission::Env, name, rule);
                answer.notes.push("its value is the sandbox's own, not yours".to_owned());
                answer
            }
            _ => self.refused(Operation::Env, Path::new(name)),
        }
    }

    fn run(&self, given: &str) -> Result<Answer, AskError> {
        if let Some(group) = given.strip_prefix('@') {
            return self.group(group);
        }
        if given.is_empty() || !given.contains('/') && given.contains(char::is_whitespace) {
            return Err(AskError(format!(
                "`{given}` is not a program; write its name or path, without arguments"
            )));
        }
        if given.contains('/') {
            return Ok(self.program(Path::new(given)));
        }
        let path =
            self.plan.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, path)| path.as_str());
        let outside = std::env::var("PATH").unwrap_or_default();
        let found = programs::find(given, path).or_else(|| programs::find(given, &outside));
        if let Some(file) = found {
            return Ok(self.program(&file));
        }
        let mut answer = self.refused(Operation::Execute, Path::new(given));
        answer.notes.push(format!("no program called {given} is installed here"));
        Ok(answer)
    }

    fn group(&self, group: &str) -> Result<Answer, AskError> {
        let members = programs::group(group).ok_or_else(|| {
            AskError(format!("no group of programs is called `@{group}`; there is @coreutils"))
        })?;
        let files = members.iter().filter_map(|name| programs::find(name, programs::SEARCH_PATH));
        let answers: Vec<Answer> = files.map(|file| self.program(&file)).collect();
        let refused: Vec<&Answer> = answers.iter().filter(|answer| !answer.allowed).collect();
        let decisive = refused.first().copied().or(answers.first());
        let Some(decisive) = decisive else {
            return Err(AskError(format!("no program of @{group} is installed here")));
        };
        let mut answer = decisive.clone();
        answer.target = format!("@{group}");
        answer.notes.clear();
        answer.alternatives.clear();
        if !refused.is_empty() {
            let first = Path::new(&decisive.target).file_name().unwrap_or_default().to_string_lossy();
            answer.notes.push(format!(
                "{} of {} programs of the group are refused, {first} first",
                refused.len(),
                answers.len()
            ));
            let denied = decisive.remedy.is_none();
            answer.remedy = (!denied).then(|| Remedy::new(Permission::Run, format!("@{group}")));
        }
        Ok(answer)
    }

    fn program(&self, file: &Path) -> Answer {
        let place = place::locate(self.plan, file);
        let real = &place.path;
        let listed = self.plan.execute.iter().any(|started| real.starts_with(started))
            && !self.plan.loaders.contains(real);
        let visible = matches!(place.seen, Seen::Bound(bind) if bind.access != Access::Deny);
        let target = real.to_string_lossy();
        if !(self.plan.may_execute && listed && visible && real.is_file()) {
            // By the path that was asked about: its name is what a grant would be written with.
            let mut answer = self.refused(Operation::Execute, file);
            if real == &self.plan.program {
                let note = "the run itself is started with this program, but starts no second one";
                answer.notes.push(note.to_owned());
            }
            if self.plan.loaders.contains(real) {
                let note =
                    "a loader: the kernel opens it to start what is granted, by itself it starts nothing";
                answer.notes.push(note.to_owned());
            }
            Self::say_links(&mut answer, file, &place);
            return answer;
        }
        let by_grant = self.scope.granted(Operation::Execute, &file.to_string_lossy());
        let by_grant = by_grant.or_else(|| self.scope.granted(Operation::Execute, &target));
        let mut answer = match by_grant {
            Some(found) => Answer::yes(Permission::Run, &target, found),
            None if *real == self.plan.program => Answer::yes_by_default(
                Permission::Run,
                &target,
                "where programs are granted, the entry's own can be started too",
            ),
            None => Answer::yes_by_default(
                Permission::Run,
                &target,
                "the kernel opens this loader or interpreter to start what is granted",
            ),
        };
        answer.target = target.into_owned();
        Self::say_links(&mut answer, file, &place);
        if let Some(names) = programs::many_names(real) {
            answer.notes.push(names);
        }
        answer
    }

    fn refused(&self, operation: Operation, target: &Path) -> Answer {
        let (permission, layer) = match operation {
            Operation::Read => (Permission::Read, Layer::Mount),
            Operation::Execute => (Permission::Run, Layer::Seccomp),
            Operation::Connect => (Permission::Net, Layer::Network),
            Operation::Env => (Permission::Env, Layer::Environment),
            _ => (Permission::Write, Layer::Mount),
        };
        let target = target.to_string_lossy();
        let call = Call { operation, target: &target, syscall: "", layer };
        let Ruling { rule, origin, remedy, alternatives, asked } = self.scope.rule(&call);
        Answer {
            permission: permission.name(),
            target: target.into_owned(),
            allowed: false,
            rule,
            origin: origin.to_string(),
            closest: None,
            remedy,
            alternatives,
            asked,
            notes: Vec::new(),
        }
    }

    fn say_links(answer: &mut Answer, given: &Path, place: &Place<'_>) {
        if place.path != given {
            answer
                .notes
                .insert(0, format!("{} leads to {} through a link", given.display(), place.path.display()));
        } else if !answer.allowed
            && let Ok(real) = given.canonicalize()
            && real != given
        {
            answer.notes.insert(0, format!("{} is a way to {}", given.display(), real.display()));
        }
    }

    /// The policy is not the last word: owner and mode of a file hold inside as well.
    fn say_mode(answer: &mut Answer, bind: &Bind, path: &Path, wanted: u32) {
        if place::mode_refuses(bind, path, wanted) {
            answer.notes.push("the policy allows it, but the file's owner and mode refuse it".to_owned());
        }
    }
}

impl Answer {
    fn yes(permission: Permission, target: &str, (rule, origin): (String, Origin)) -> Self {
        Self {
            permission: permission.name(),
            target: target.to_owned(),
            allowed: true,
            rule,
            origin: origin.to_string(),
            closest: None,
            remedy: None,
            alternatives: Vec::new(),
            asked: None,
            notes: Vec::new(),
        }
    }

    fn yes_by_default(permission: Permission, target: &str, rule: &str) -> Self {
        Self::yes(permission, target, (format!("default: {rule}"), Origin::Default))
    }
}

/// What a write grant names is made before the start.
fn is_made(bind: &Bind, path: &Path) -> bool {
    bind.access == Access::Write && bind.path == path && path.symlink_metadata().is_err()
}

const MADE: &str = "it is not there yet: it is made before the run starts";

/// A path as somebody types it: relative to the current folder, `~` for HOME, without `.` and `..`.
pub fn typed_path(text: &str, here: &Path, home: Option<&Path>) -> PathBuf {
    let below_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (below_home, home) {
        (Some(rest), Some(home)) => policy::normalise(&home.join(rest.trim_start_matches('/'))),
        // `..` behind a link is the link's business: it is taken out where links are followed.
        _ => here.join(text),
    }
}
