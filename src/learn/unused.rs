//! Which grants of a policy were needed by runs, as their reports tell. [`by_journal`] takes the reports of old runs; the
//! rest is a function of policy and reports, but for links and names of programs, which are looked up once.
//!
//! ```text
//! let mut tally = Tally::new(&policy, &skill.path);
//! reports.for_each(|report| tally.take(&report));
//! for grant in tally.finish() { grant.standing, grant.sentence(now), grant.origin … }
//! ```
//!
//! A run says something about a grant only if its policy had it. That a grant is not needed is said only on account of runs
//! that were observed from their beginning to an end of their own; whatever leaves a doubt is [`Standing::Unknown`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::narrow::{self, Parts};
use crate::journal::Journal;
use crate::policy::{Grant, NetRule, Origin, Permission, Policy, Remedy, RunRule, programs};
use crate::run::report::{FileAccess, Report};
use crate::sandbox::event::{NetworkAttempt, Operation, OutcomeKind, Verdict};
use crate::sandbox::plan::Observe;
use crate::skill::interpreter::is_system;

/// Runs of one skill that are looked at.
pub const MOST_RUNS: usize = 200;

/// What runs say about one grant.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantUse {
    pub permission: Permission,
    /// As in the file.
    pub written: String,
    pub origin: Origin,
    pub standing: Standing,
    /// Runs whose policy had it.
    pub runs: usize,
    /// Those of them that were observed to an end of their own.
    pub whole_runs: usize,
    pub needed_by: usize,
    /// When the oldest and the newest of `runs` began, and the newest that needed it: RFC 3339.
    pub oldest: Option<String>,
    pub newest: Option<String>,
    pub last_needed: Option<String>,
    /// The entries that `whole_runs` started.
    pub entries: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Needed,
    /// What runs did with it needs only these grants instead.
    PartlyNeeded(Vec<Remedy>),
    Unneeded,
    Unknown(Unknown),
}

/// Why nobody can say whether a grant is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// No run had it.
    NoRuns,
    /// Runs were made with `--observe denials` or `off`, which does not tell what is allowed.
    NotObserved,
    /// There was more than a report holds, or a process let nobody look.
    Cut,
    /// No run came to an end of its own.
    EndedEarly,
    /// No system call shows that a program looks at a variable.
    Variable,
}

impl Unknown {
    pub fn text(self) -> &'static str {
        match self {
            Self::NoRuns => "no run had it yet",
            Self::NotObserved => "the runs that had it were not observed in full",
            Self::Cut => "the reports of the runs that had it are not complete",
            Self::EndedEarly => "no run that had it came to an end of its own",
            Self::Variable => "no run can show which variables a program looks at",
        }
    }
}

impl GrantUse {
    /// In plain words, such as `none of 7 runs in the last 3 days needed it`.
    pub fn sentence(&self, now: jiff::Timestamp) -> String {
        let since = self.oldest.as_deref().and_then(|oldest| age(oldest, now));
        let within = since.map(|age| format!(" in the last {age}")).unwrap_or_default();
        let of = |count: usize| match count {
            1 => "the only run".to_owned(),
            count => format!("{count} runs"),
        };
        match &self.standing {
            Standing::Unknown(why) => why.text().to_owned(),
            Standing::Unneeded if self.whole_runs == 1 => format!("the only run{within} did not need it"),
            Standing::Unneeded => format!("none of {}{within} needed it", of(self.whole_runs)),
            Standing::Needed if self.runs == 1 => format!("{}{within} needed it", of(1)),
            Standing::Needed => format!("{} of {}{within} needed it", self.needed_by, of(self.runs)),
            Standing::PartlyNeeded(_) if self.runs == 1 => {
                format!("{}{within} needed only a part of it", of(1))
            }
            Standing::PartlyNeeded(_) => {
                format!("{} of {}{within} needed only a part of it", self.needed_by, of(self.runs))
            }
        }
    }
}

/// What the runs of a skill that are in the journal say about the grants of `policy`; at most the newest [`MOST_RUNS`].
pub fn by_journal(policy: &Policy, skill: &Path, journal: &Journal) -> Vec<GrantUse> {
    let mut tally = Tally::new(policy, skill);
    let reports = journal.of_skill(skill).take(MOST_RUNS).filter_map(|record| record.report);
    reports.for_each(|report| tally.take(&report));
    tally.finish()
}

/// How long ago a time is, as the smallest whole number of days, hours or minutes that reaches it.
pub fn age(time: &str, now: jiff::Timestamp) -> Option<String> {
    let then: jiff::Timestamp = time.parse().ok()?;
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    let (unit, name) = match seconds {
        0..7_200 => (60, "minute"),
        7_200..172_800 => (3_600, "hour"),
        _ => (86_400, "day"),
    };
    let count = (seconds + unit - 1) / unit;
    Some(if count <= 1 { name.to_owned() } else { format!("{count} {name}s") })
}

/// Collects what reports say. One at a time: reports are large, and there are many.
#[derive(Debug)]
pub struct Tally {
    grants: Vec<Counted>,
    /// The skill's folder, which every run may read.
    skill: PathBuf,
}

/// One grant while reports are counted.
#[derive(Debug)]
struct Counted {
    told: GrantUse,
    what: What,
    /// As the report's policy names it.
    named: String,
    not_observed: usize,
    cut: usize,
    parts: Parts,
    /// Taken in by the report that is being looked at.
    now: Now,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Now {
    /// Its policy does not have the grant.
    #[default]
    Without,
    Unused,
    Used,
}

/// What a grant opens.
#[derive(Debug)]
enum What {
    /// As written, and where links lead.
    Path(PathBuf, PathBuf),
    Net(NetRule),
    /// The files that may be started.
    Programs(Vec<PathBuf>),
    Variable,
}

impl Tally {
    /// For the grants of a policy of the skill in this folder.
    pub fn new(policy: &Policy, skill: &Path) -> Self {
        let resolved = policy.permissions_json();
        let named = |permission: Permission, at: usize| {
            resolved[permission.name()][at].as_str().unwrap_or_default().to_owned()
        };
        let mut grants = Vec::new();
        let mut add = |permission, at, written: &str, origin: &Origin, what| {
            grants.push(Counted::new(permission, written, origin, what, named(permission, at)));
        };
        for (permission, list) in [(Permission::Read, &policy.read), (Permission::Write, &policy.write)] {
            for (at, Grant { value, written, origin }) in list.iter().enumerate() {
                add(permission, at, written, origin, What::Path(value.clone(), real(value)));
            }
        }
        for (at, Grant { value, written, origin }) in policy.net.iter().enumerate() {
            add(Permission::Net, at, written, origin, What::Net(value.clone()));
        }
        for (at, Grant { value, written, origin }) in policy.run.iter().enumerate() {
            add(Permission::Run, at, written, origin, What::Programs(programs_of(value)));
        }
        for (at, Grant { written, origin, .. }) in policy.env.iter().enumerate() {
            add(Permission::Env, at, written, origin, What::Variable);
        }
        Self { grants, skill: real(skill) }
    }

    /// Take one run in. A run that never began says nothing.
    pub fn take(&mut self, report: &Report) {
        let kind = report.outcome.as_ref().map(|outcome| outcome.kind);
        if matches!(kind, None | Some(OutcomeKind::Failed)) {
            return;
        }
        for grant in &mut self.grants {
            let had = report.policy.permissions[grant.told.permission.name()].as_array();
            let has = had.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(&grant.named)));
            grant.now = if has { Now::Unused } else { Now::Without };
        }
        for file in report.files.iter().filter(|file| file.verdict == Verdict::Allowed) {
            self.file(file);
        }
        for attempt in report.network.iter().filter(|attempt| attempt.verdict != Verdict::Denied) {
            self.connection(attempt);
        }
        for grant in self.grants.iter_mut().filter(|grant| grant.now != Now::Without) {
            grant.ended(report, kind == Some(OutcomeKind::Exited));
        }
    }

    fn file(&mut self, file: &FileAccess) {
        let path = file.path.as_path();
        let found = match file.operation {
            Operation::Read if path.starts_with(&self.skill) || is_system(path) => None,
            Operation::Read => {
                self.narrowest(Permission::Read, path).or_else(|| self.narrowest(Permission::Write, path))
            }
            Operation::Write | Operation::Create | Operation::Delete => {
                self.narrowest(Permission::Write, path)
            }
            Operation::Execute => self.grants.iter().position(|grant| grant.starts(path)),
            _ => None,
        };
        if let Some(grant) = found.map(|at| &mut self.grants[at]) {
            grant.now = Now::Used;
            match &grant.what {
                What::Path(value, real) => {
                    let rest = path.strip_prefix(value).or_else(|_| path.strip_prefix(real));
                    grant.parts.path(rest.unwrap_or(Path::new("")), file.operation);
                }
                _ => grant.parts.program(path),
            }
        }
    }

    /// Of several grants that hold a path the narrowest says most.
    fn narrowest(&self, permission: Permission, path: &Path) -> Option<usize> {
        let holds = |grant: &Counted| match &grant.what {
            What::Path(value, real) => (path.starts_with(value) || path.starts_with(real))
                .then(|| value.components().count())
                .filter(|_| grant.told.permission == permission && grant.now != Now::Without),
            _ => None,
        };
        let held = self.grants.iter().enumerate().filter_map(|(at, grant)| Some((holds(grant)?, at)));
        held.rev().max_by_key(|(depth, _)| *depth).map(|(_, at)| at)
    }

    fn connection(&mut self, attempt: &NetworkAttempt) {
        // Port 0: only the name was asked for.
        let port = Some(attempt.port).filter(|port| *port != 0 && attempt.protocol != "dns");
        let covers = |rule: &NetRule, host: &str| match port {
            None => rule.covers(host, rule.ports.first().copied()),
            port => rule.covers(host, port),
        };
        let names = [attempt.host.as_deref(), attempt.address.as_deref()];
        let found = self.grants.iter().enumerate().filter(|(_, grant)| grant.now != Now::Without);
        let found = found.filter_map(|(at, grant)| match &grant.what {
            What::Net(rule) => {
                let host = names.into_iter().flatten().find(|host| covers(rule, host))?;
                Some((narrow::width(rule), at, host))
            }
            _ => None,
        });
        if let Some((_, at, host)) = found.min_by_key(|(width, at, _)| (*width, *at)) {
            self.grants[at].now = Now::Used;
            self.grants[at].parts.host(host, port);
        }
    }

    /// What the runs say, in the order of the policy.
    pub fn finish(self) -> Vec<GrantUse> {
        self.grants.into_iter().map(Counted::finish).collect()
    }
}

impl Counted {
    fn new(permission: Permission, written: &str, origin: &Origin, what: What, named: String) -> Self {
        let told = GrantUse {
            permission,
            written: written.to_owned(),
            origin: origin.clone(),
            standing: Standing::Unknown(Unknown::NoRuns),
            runs: 0,
            whole_runs: 0,
            needed_by: 0,
            oldest: None,
            newest: None,
            last_needed: None,
            entries: BTreeSet::new(),
        };
        Self { told, what, named, not_observed: 0, cut: 0, parts: Parts::default(), now: Now::Without }
    }

    fn starts(&self, path: &Path) -> bool {
        match &self.what {
            What::Programs(files) => {
                self.now != Now::Without && files.iter().any(|file| path.starts_with(file))
            }
            _ => false,
        }
    }

    /// The report has been looked at.
    fn ended(&mut self, report: &Report, by_itself: bool) {
        let observed = match self.told.permission {
            Permission::Read | Permission::Write => report.observe == Some(Observe::Full),
            _ => report.observe.is_some_and(|observe| observe != Observe::Off),
        };
        let hidden = report.files.iter().any(|file| file.verdict == Verdict::Unknown);
        let told = &mut self.told;
        told.runs += 1;
        if !observed {
            self.not_observed += 1;
        } else if report.lost_events > 0 || hidden {
            self.cut += 1;
        } else if by_itself {
            told.whole_runs += 1;
            told.entries.insert(report.entry.clone());
        }
        let began = &report.started_at;
        if told.oldest.as_ref().is_none_or(|oldest| began < oldest) {
            told.oldest = Some(began.clone());
        }
        if told.newest.as_ref().is_none_or(|newest| began > newest) {
            told.newest = Some(began.clone());
        }
        if self.now == Now::Used {
            told.needed_by += 1;
            if told.last_needed.as_ref().is_none_or(|last| began > last) {
                told.last_needed = Some(began.clone());
            }
        }
    }

    fn finish(mut self) -> GrantUse {
        let seen_whole = self.told.whole_runs > 0 && self.not_observed == 0 && self.cut == 0;
        self.told.standing = match &self.told {
            told if told.permission == Permission::Env => Standing::Unknown(Unknown::Variable),
            told if told.needed_by > 0 => {
                let narrower = match &self.what {
                    What::Path(..) => self.parts.paths(told.permission, &told.written),
                    What::Net(rule) => self.parts.hosts(rule),
                    What::Programs(files) => self.parts.programs(files, &told.written),
                    What::Variable => None,
                };
                narrower.filter(|_| seen_whole).map_or(Standing::Needed, Standing::PartlyNeeded)
            }
            told if told.whole_runs > 0 => Standing::Unneeded,
            told if told.runs == 0 => Standing::Unknown(Unknown::NoRuns),
            _ if self.not_observed > 0 => Standing::Unknown(Unknown::NotObserved),
            _ if self.cut > 0 => Standing::Unknown(Unknown::Cut),
            _ => Standing::Unknown(Unknown::EndedEarly),
        };
        self.told
    }
}

/// Where links lead; the path itself when it is not there.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The files that a grant lets be started, as they may be named in a report.
fn programs_of(rule: &RunRule) -> Vec<PathBuf> {
    let named = |name: &str| programs::find(name, programs::SEARCH_PATH);
    let found: Vec<PathBuf> = match rule {
        RunRule::Program(name) => named(name).into_iter().collect(),
        RunRule::Path(path) => vec![path.clone()],
        RunRule::Group(group) => {
            let members = programs::group(group.trim_start_matches('@')).unwrap_or_default();
            members.iter().filter_map(|name| named(name)).collect()
        }
    };
    found.into_iter().flat_map(|file| [real(&file), file]).collect()
}

#[cfg(test)]
mod tests;
