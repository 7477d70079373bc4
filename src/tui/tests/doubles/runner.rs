//! The double of what runs skills, their cases and their packages: each plot has its own end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::case_file::{ended, ending};
use super::skills::skills;
use super::{Log, Plot};
use crate::cases::Verdict;
use crate::environment::{Declaration, Kind};
use crate::run::report::Report;
use crate::sandbox::event::{Outcome, OutcomeKind, Stream, UsageSample};
use crate::sandbox::plan::Limits;
use crate::skill::Skill;
use crate::tui::action::{Action, CaseNews, LearnNews, PackageNews, RunNews};
use crate::tui::effect::{Packages, RunCases, StartRun, Wanted};
use crate::tui::services::{Mailbox, Runner};
use crate::tui::state::RunId;
use crate::tui::tests::archive::NEWEST;
use crate::tui::tests::learn;
use crate::tui::tests::reports::{exited, limited, missing, reduced, report};

pub(super) struct Actor {
    pub plot: Plot,
    pub log: Arc<Mutex<Log>>,
    pub mailbox: Option<Mailbox>,
    /// Cases under way: skill and name.
    pub cases: Vec<(PathBuf, String)>,
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
        let result = Ok(Box::new(learn::learned(&run.skill.path)));
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
