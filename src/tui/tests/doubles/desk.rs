//! The double of the desk, which reads and writes files: what it says of the skills, and what of a test's wishes it keeps.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::Log;
use super::case_file::{CASES, cases};
use crate::policy::Places;
use crate::run::report::Remedy;
use crate::skill::clients::{self, Client};
use crate::skill::{Skill, cost, schema};
use crate::tui::action::{Action, CaseNews, LearnNews, PolicyDone};
use crate::tui::effect::{DraftFix, Effect, SaveCase};
use crate::tui::services::{Desk, Mailbox, fix, highlight};
use crate::tui::state::{FileItem, Learned, Parameter, Tool};
use crate::tui::tests::policies::{self, approved, request, review, uses};
use crate::tui::tests::{form, learn};

const SCRIPT: &str = "\
import json
import sys


def load(path):
    # The list of cities.
    with open(path) as stream:
        return json.load(stream)


def main():
    print(load(sys.argv[1]))
";

pub(super) struct Clerk {
    pub log: Arc<Mutex<Log>>,
}

impl Desk for Clerk {
    fn perform(&mut self, effect: Effect, mailbox: &Mailbox) {
        match effect {
            Effect::Highlight { key, name, text } => {
                mailbox.try_send(Action::Highlighted(key, Arc::new(highlight::highlight(&name, &text))));
            }
            Effect::Render { key, text } => {
                highlight::render(key, &text, |action| {
                    mailbox.try_send(action);
                    true
                });
            }
            Effect::ReadFile { path, .. } => mailbox.try_send(Action::FileRead(path, Ok(SCRIPT.into()))),
            Effect::Explore(skill) => {
                let files = ["SKILL.md", "scripts/report.py", "scripts/sync.sh"];
                let files = files.iter().map(|path| FileItem { path: path.into(), bytes: 420 }).collect();
                let request = skill.policy_file.as_deref().map(|file| Box::new(request(file)));
                let (path, tools) = (skill.path.clone(), vec![tool()]);
                let learned = Box::new(learned(&skill));
                mailbox.try_send(Action::Explored { skill: path, tools, files, learned, request });
            }
            Effect::ReviewPolicy(skill) => {
                let text = skill.policy_file.is_some().then_some(policies::NOW);
                let review = Box::new(review(text, self.log.lock().unwrap().approved));
                mailbox.try_send(Action::PolicyReviewed { skill: skill.path.clone(), review });
            }
            Effect::CountUses { skill, text } => {
                let (skill, uses) = (skill.path.clone(), uses(&text));
                mailbox.try_send(Action::GrantsCounted { skill, text, uses });
            }
            Effect::LoadCases(skill) => {
                let text = if skill.name == "weather" { CASES } else { "[]" };
                let loaded = cases(text, &skill);
                let news = CaseNews::Loaded { skill: skill.path.clone(), loaded };
                mailbox.try_send(Action::Cases(news));
            }
            Effect::SaveCase(saving) => self.save_case(&saving, mailbox),
            Effect::DraftFix(wanted) => {
                let DraftFix { skill, file, wanted } = *wanted;
                let places = Places::new(Path::new("/home/ada/project"));
                let draft = fix::draft_of(&skill, &file, &skill.source, &wanted, &places);
                mailbox.try_send(Action::FixDrafted(draft.map(Box::new).ok_or("changed: look again".into())));
            }
            Effect::ApplyFix { skill, draft } => {
                self.log.lock().unwrap().fixed.push(draft.after.to_string());
                let (skill, result) = (skill.path.clone(), Ok(format!("fixed {}", draft.titles.join(", "))));
                mailbox.try_send(Action::Fixed { skill, undoable: 1, result });
            }
            Effect::UndoFix(skill) => {
                self.log.lock().unwrap().fixed.pop();
                let (skill, result) = (skill.path.clone(), Ok("took it back".into()));
                mailbox.try_send(Action::Fixed { skill, undoable: 0, result });
            }
            Effect::CompletePath { form, text, .. } => {
                let all = ["cities.csv", "cities.json", "data/", "notes.md"];
                let candidates = all.iter().filter(|path| path.starts_with(&text));
                let candidates = candidates.map(|path| (*path).to_owned()).collect();
                mailbox.try_send(Action::PathsFound { form, text, candidates, more: false });
            }
            Effect::Grant { skill, remedy } => {
                let said = done(format!("granted {}: {}", remedy.permission, remedy.add));
                let mut log = self.log.lock().unwrap();
                log.granted.push(remedy);
                log.approved = true;
                drop(log);
                let request = Some(approved(request(&skill.path.join("policy.yaml"))));
                mailbox.try_send(Action::Granted { skill: skill.path.clone(), request, result: Ok(said) });
            }
            Effect::TakeBack(skill) => {
                let taken = self.log.lock().unwrap().granted.pop();
                let taken = taken.map(|remedy| done(format!("took back {}", remedy.add)));
                let result = taken.ok_or("nothing".into());
                mailbox.try_send(Action::Granted { skill: skill.path.clone(), request: None, result });
            }
            Effect::Tighten(skill) => {
                let result = Ok(Box::new(learn::tightened(&skill.path)));
                mailbox.try_send(Action::Learn(LearnNews::Tightened { skill, result }));
            }
            Effect::WritePolicy { skill, offer } => {
                let said = done(format!("policy.yaml was changed by {}", offer.what));
                let mut log = self.log.lock().unwrap();
                log.agreed.push(*offer);
                log.granted.push(Remedy { permission: "read".into(), add: "~/cities.json".into() });
                let request = Some(approved(request(&skill.path.join("policy.yaml"))));
                mailbox.try_send(Action::Granted { skill: skill.path.clone(), request, result: Ok(said) });
            }
            Effect::Approve { skill, shown } => {
                self.log.lock().unwrap().approved = true;
                let (skill, request) = (skill.path.clone(), Some(approved(*shown)));
                mailbox.try_send(Action::Approved { skill, request, said: Ok("in force".into()) });
            }
            Effect::Revoke(skill) => {
                self.log.lock().unwrap().approved = false;
                let request = skill.policy_file.as_deref().map(|file| Box::new(request(file)));
                let (skill, said) = (skill.path.clone(), Ok("the default is in force".into()));
                mailbox.try_send(Action::Approved { skill, request, said });
            }
            _ => {}
        }
    }
}

impl Clerk {
    fn save_case(&self, saving: &SaveCase, mailbox: &Mailbox) {
        let mut log = self.log.lock().unwrap();
        log.saved.push((saving.name.clone(), saving.arguments.clone()));
        log.saved_stdin.push(String::from_utf8_lossy(&saving.stdin).into_owned());
        drop(log);
        let said = format!("saved as cases/{}.yaml", saving.name);
        mailbox.try_send(Action::Cases(CaseNews::Saved(Ok(said))));
    }
}

/// What clients make of it, judged by its text alone, and what it costs.
fn learned(skill: &Skill) -> Learned {
    let subject = clients::Subject::of_bytes(skill.source.as_bytes(), &skill.folder);
    let verdicts = Client::ALL.into_iter().map(|client| (client, client.verdict(&subject))).collect();
    let files = ["scripts/report.py".into(), "cities.json".into()];
    let cost = cost::of(skill, &files, |path| path.ends_with("report.py").then(|| SCRIPT.to_owned()));
    Learned { verdicts, cost, policy: Vec::new() }
}

fn done(said: String) -> PolicyDone {
    PolicyDone { said, back: None }
}

fn tool() -> Tool {
    let parameter = |name: &str, kind: &str, required, description: &str| Parameter {
        name: name.into(),
        kind: kind.into(),
        required,
        description: description.into(),
    };
    Tool {
        name: "weather_report".into(),
        entry: "scripts/report.py".into(),
        source: "argparse, read from the script".into(),
        parameters: vec![
            parameter("city", "string", false, "Name of the city"),
            parameter("days", "integer", false, "How many days ahead"),
        ],
        json: "{\n  \"type\": \"object\"\n}".into(),
        spec: Some(form::arguments(
            "weather_report",
            &[],
            vec![
                form::parameter("city", schema::Kind::Text, "Name of the city"),
                form::parameter("days", schema::Kind::Integer, "How many days ahead"),
            ],
        )),
    }
}
