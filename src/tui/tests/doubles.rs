//! Doubles of the services: they answer at once, always the same.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::archive::{self, NEWEST};
use super::policies::{self, approved, request, review, uses};
use super::reports::{exited, limited, missing, reduced, report};
use crate::cases::{self, Mismatch, Verdict};
use crate::environment::{Declaration, Kind};
use crate::learn::Offer;
use crate::policy::Places;
use crate::run::report::{Remedy, Report};
use crate::sandbox::event::{Outcome, OutcomeKind, Stream, UsageSample};
use crate::sandbox::plan::Limits;
use crate::skill::clients::{self, Client};
use crate::skill::schema;
use crate::skill::{Diagnostic, Entry, Interpreter, Language, Manifest, Severity, Skill, Span, cost};
use crate::tui::action::{Action, CaseNews, LearnNews, PackageNews, PolicyDone, RunNews, WorkspaceNews};
use crate::tui::drive::Driver;
use crate::tui::effect::{DraftFix, Effect, HistoryAsk, Packages, RunCases, StartRun, Wanted};
use crate::tui::services::{Desk, Loader, Mailbox, Runner, Services, fix, highlight, mailbox};
use crate::tui::state::{FileItem, Learned, Options, Parameter, Place, RunId, State, Tool};

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

struct Actor {
    plot: Plot,
    log: Arc<Mutex<Log>>,
    mailbox: Option<Mailbox>,
    /// Cases under way: skill and name.
    cases: Vec<(PathBuf, String)>,
}

impl Runner for Actor {
    fn start(&mut self, run: StartRun, mailbox: Mailbox) {
        let mut log = self.log.lock().unwrap();
        log.started.push((run.id, run.arguments.clone()));
        log.stdin.push(String::from_utf8_lossy(&run.stdin).into_owned());
        let allowed = !log.granted.is_empty();
        drop(log);
        let tell = |news| mailbox.try_send(Action::Run(run.id, news));
        if self.plot == Plot::Refused {
            tell(RunNews::Refused("policy.yaml has errors and is not put in force".into()));
            return;
        }
        tell(RunNews::Started { limits: Limits::default(), record: Some(NEWEST.to_owned()) });
        tell(RunNews::Output(
            Duration::from_millis(20),
            vec![
                (Stream::Stdout, b"\x1b[32mok\x1b[0m reading cities\n".to_vec()),
                (Stream::Stderr, b"warning: no cache\n".to_vec()),
            ],
        ));
        let usage = UsageSample { cpu_ms: 31, memory_bytes: 12 << 20, processes: 1, descriptors: 5 };
        tell(RunNews::Usage(Duration::from_millis(40), usage));
        match self.plot {
            Plot::Endless => {
                tell(RunNews::Report(Arc::new(Report { outcome: None, ..report(run.skill.path.as_path()) })));
                self.mailbox = Some(mailbox);
                return;
            }
            Plot::Denied if allowed => {
                let report = report(&run.skill.path);
                let outcome = Some(exited(0));
                tell(RunNews::Report(Arc::new(Report { denials: Vec::new(), outcome, ..report })));
            }
            Plot::Limit => tell(RunNews::Report(Arc::new(limited(&run.skill.path)))),
            Plot::Missing => tell(RunNews::Report(Arc::new(missing(&run.skill.path)))),
            Plot::Reduced => tell(RunNews::Report(Arc::new(reduced(&run.skill.path)))),
            _ => tell(RunNews::Report(Arc::new(report(&run.skill.path)))),
        }
        tell(RunNews::Ended);
    }

    fn run_cases(&mut self, batch: RunCases, mailbox: Mailbox) {
        if self.plot == Plot::Endless {
            self.cases.extend(batch.cases.iter().map(|case| (batch.skill.path.clone(), case.name.clone())));
            self.mailbox = Some(mailbox);
            return;
        }
        for case in &batch.cases {
            self.log.lock().unwrap().cases.push(case.name.clone());
            let outcome = ended(ending(&case.name));
            let news = CaseNews::Ended { skill: batch.skill.path.clone(), name: case.name.clone(), outcome };
            mailbox.try_send(Action::Cases(news));
        }
    }

    fn look_up_packages(&mut self, skill: Arc<Skill>, mailbox: Mailbox) {
        let found = match skill.entries.first() {
            Some(entry) if self.plot == Plot::Missing => {
                let declaration = Declaration::named(Kind::Python, "requirements.txt", &["requests", "rich"]);
                Ok(Packages {
                    wanted: vec![Wanted { entry: entry.clone(), declaration }],
                    skill: Arc::clone(&skill),
                })
            }
            _ => Err("nothing to prepare".into()),
        };
        mailbox.try_send(Action::Packages(skill.path.clone(), PackageNews::Found(found)));
    }

    fn prepare_packages(&mut self, packages: Packages, mailbox: Mailbox) {
        let path = packages.skill.path.clone();
        self.log.lock().unwrap().prepared += 1;
        for news in [
            PackageNews::Step("virtual environment of Python 3.12.1".into()),
            PackageNews::Line("Collecting \u{1b}[31mrequests\u{1b}]0;x\u{7}".into()),
            PackageNews::Elapsed(Duration::from_millis(1500)),
        ] {
            mailbox.try_send(Action::Packages(path.clone(), news));
        }
    }

    fn cancel_packages(&mut self) {
        self.log.lock().unwrap().packages_cancelled += 1;
    }

    fn cancel_cases(&mut self) {
        let Some(mailbox) = self.mailbox.take() else { return };
        for (skill, name) in self.cases.drain(..) {
            mailbox.try_send(Action::Cases(CaseNews::Ended {
                skill,
                name,
                outcome: ended(Verdict::Cancelled),
            }));
        }
    }

    fn learn(&mut self, run: StartRun, mailbox: Mailbox) {
        let news = |news| mailbox.try_send(Action::Learn(news));
        news(LearnNews::Round { number: 1, grants: 1, undecided: 0 });
        if self.plot == Plot::Endless {
            self.mailbox = Some(mailbox);
            return;
        }
        let result = Ok(Box::new(super::learn::learned(&run.skill.path)));
        news(LearnNews::Learned { skill: run.skill, result });
    }

    fn cancel_learning(&mut self) {
        let Some(mailbox) = self.mailbox.take() else { return };
        let skill = skills().remove(0);
        let result = Err("learning was cancelled; nothing was changed".to_owned());
        mailbox.try_send(Action::Learn(LearnNews::Learned { skill, result }));
    }

    fn cancel(&mut self, id: RunId) {
        self.log.lock().unwrap().cancelled.push(id);
        let Some(mailbox) = self.mailbox.take() else { return };
        let outcome = Outcome { kind: OutcomeKind::Cancelled, code: None, ..exited(0) };
        let report =
            Report { outcome: Some(outcome), ..report(Path::new("/home/ada/project/.skills/weather")) };
        mailbox.try_send(Action::Run(id, RunNews::Report(Arc::new(report))));
        mailbox.try_send(Action::Run(id, RunNews::Ended));
    }
}

/// A case that ended so.
pub(crate) fn ended(verdict: Verdict) -> cases::Outcome {
    cases::Outcome {
        verdict,
        duration: Duration::from_millis(120),
        touched: [PathBuf::from("scripts/report.py")].into(),
        missing: Vec::new(),
    }
}

/// How the cases of the double end: the first passes, the second fails, the third cannot be run.
fn ending(name: &str) -> Verdict {
    match name {
        "a city" => Verdict::Passed,
        "no city" => {
            let diff = "-usage: report CITY\n+Traceback (most recent call last):\n".to_owned();
            Verdict::Failed(vec![
                Mismatch { check: "exit".into(), line: 9, diff: "-2\n+1\n".into() },
                Mismatch { check: "stderr equals".into(), line: 10, diff },
            ])
        }
        _ => Verdict::NotRun("policy.yaml:3 grants net api.weather.example:443, which reaches out of the case: it needs --trust (in the workbench: t)".into()),
    }
}

const CASES: &str = "\
- name: a city
  args: [--city, Bern]
- name: no city
  expect:
    exit: 2
    stderr: |
      usage: report CITY
- name: the real thing
  args: [--city, Paris]
";

pub(crate) fn cases(text: &str, skill: &Skill) -> cases::Loaded {
    cases::parse(text, &skill.path.join("cases/weather.yaml"), skill)
}

struct Clerk {
    log: Arc<Mutex<Log>>,
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
            Effect::SaveCase(saving) => {
                let mut log = self.log.lock().unwrap();
                log.saved.push((saving.name.clone(), saving.arguments.clone()));
                log.saved_stdin.push(String::from_utf8_lossy(&saving.stdin).into_owned());
                drop(log);
                let said = format!("saved as cases/{}.yaml", saving.name);
                mailbox.try_send(Action::Cases(CaseNews::Saved(Ok(said))));
            }
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
                let result = Ok(Box::new(super::learn::tightened(&skill.path)));
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
        spec: Some(super::form::arguments(
            "weather_report",
            &[],
            vec![
                super::form::parameter("city", schema::Kind::Text, "Name of the city"),
                super::form::parameter("days", schema::Kind::Integer, "How many days ahead"),
            ],
        )),
    }
}

pub(crate) fn skills() -> Vec<Arc<Skill>> {
    let weather = Skill {
        diagnostics: vec![diagnostic(
            Severity::Warning,
            "description-short",
            3,
            14,
            "the description does not say when to use the skill",
            "add a sentence that starts with `Use when`",
        )],
        ..skill("weather", WEATHER)
    };
    let broken = Skill {
        diagnostics: vec![
            diagnostic(
                Severity::Error,
                "duplicate-key",
                4,
                1,
                "`name` is given twice",
                "remove one of the two",
            ),
            diagnostic(Severity::Info, "long-body", 6, 1, "the body is long", ""),
        ],
        entries: Vec::new(),
        ..skill("notes", "---\nname: notes\ndescription: Keeps notes.\nname: notes\n---\n# Notes\n")
    };
    let mut weather = weather;
    weather.entries.truncate(1);
    let other =
        Skill { root: "/home/ada/project/skills".into(), ..skill("zebra", "---\nname: zebra\n---\n") };
    vec![Arc::new(weather), Arc::new(broken), Arc::new(other)]
}

const WEATHER: &str = "---
name: weather
description: Reports the weather of a city.
license: MIT
---
# Weather

Prints the forecast for a **city**:

    python scripts/report.py --city Bern

See [the list](cities.json) and `report.py`.
";

pub(crate) fn skill(name: &str, source: &str) -> Skill {
    let entry = |file: &str, language, program: Option<&str>| Entry {
        file: file.into(),
        interpreter: Interpreter {
            language,
            program: program.map(PathBuf::from),
            arguments: Vec::new(),
            prefix: Vec::new(),
        },
    };
    Skill {
        name: name.into(),
        path: format!("/home/ada/project/.skills/{name}").into(),
        folder: name.into(),
        root: "/home/ada/project/.skills".into(),
        source: source.into(),
        manifest: Manifest::default(),
        body_line: 6,
        entries: vec![
            entry("scripts/report.py", Language::Python, Some("/usr/bin/python3")),
            entry("scripts/sync.js", Language::Node, None),
        ],
        policy_file: None,
        diagnostics: Vec::new(),
    }
}

fn diagnostic(
    severity: Severity,
    code: &'static str,
    line: usize,
    column: usize,
    m: &str,
    help: &str,
) -> Diagnostic {
    let file = if code == "description-short" { "weather" } else { "notes" };
    Diagnostic {
        severity,
        code,
        file: format!("/home/ada/project/.skills/{file}/SKILL.md").into(),
        span: Span { line, column, end_line: line, end_column: column + 7, start: 0, end: 0 },
        message: m.into(),
        help: help.into(),
        fix: None,
    }
}
