//! The probe: attacks on the sandbox from inside, each judged by what it does outside and by what the report says.
//!
//! [`crate::cli`] runs it as `skilldeck probe`. Every attack in [`battery`] is one run of the real engine: the program
//! is a copy of this one, whose hidden first word makes it a [`payload`]; [`canaries`] lie outside; [`judge`] reads the
//! report of the run as a user would. [`useful`] is the control group: what must keep working.

mod battery;
mod canaries;
mod compare;
mod copy;
mod facts;
pub mod judge;
pub mod payload;
mod python;
mod report;
mod service;
mod useful;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

pub use canaries::begin;
pub use compare::Compare;
pub use report::text;

use crate::policy::{self, Places, Policy, Source};
use crate::run::report::Report;
use crate::run::{Recorder, RunRequest, WorkingDirectory, materialise_write_grants, prepare};
use crate::sandbox::Launcher;
use crate::sandbox::event::Isolation;
use crate::sandbox::plan::Observe;
use crate::skill::{self, Skill};
use battery::Attack;
use canaries::Canaries;
use judge::Verdict;

pub const VERSION: u32 = 1;

/// What the probe found: the JSON form.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    pub version: u32,
    pub isolation: Isolation,
    pub attacks: Vec<Verdict>,
    pub useful: Vec<Useful>,
    pub totals: Totals,
    /// What was left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One useful action.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Useful {
    pub name: String,
    pub ok: bool,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub attacks: usize,
    pub ran: usize,
    pub blocked: usize,
    /// Of those that were blocked.
    pub reported: usize,
    pub impossible: usize,
    pub granted: usize,
    pub useful: usize,
    pub useful_ok: usize,
}

impl Totals {
    fn of(attacks: &[Verdict], useful: &[Useful]) -> Self {
        let count = |test: &dyn Fn(&Verdict) -> bool| attacks.iter().filter(|one| test(one)).count();
        Self {
            attacks: attacks.len(),
            ran: count(&|one| one.ran),
            blocked: count(&Verdict::blocked),
            reported: count(&|one| one.blocked() && one.reported),
            impossible: count(&|one| one.impossible),
            granted: count(&|one| one.granted),
            useful: useful.len(),
            useful_ok: useful.iter().filter(|one| one.ok).count(),
        }
    }
}

impl Findings {
    /// Whether everything is blocked, named and, what is useful, works.
    pub fn hold(&self) -> bool {
        self.attacks.iter().all(Verdict::holds) && self.useful.iter().all(|one| one.ok)
    }
}

/// What is wanted.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    pub policy: Option<&'a Path>,
    pub only: Option<&'a str>,
    pub compare: Option<Compare>,
}

/// Limits below what the resource attacks ask for, and short.
const LIMITS: &str = "limits: {wall: 3s, cpu: 500ms, memory: 64MiB, file_size: 8MiB, scratch: 32MiB, \
                      open_files: 64, processes: 48, output: 4MiB}\n";

/// The machinery of one probe.
struct Probe<'a> {
    launcher: &'a Launcher,
    canaries: Canaries,
    skill: Arc<Skill>,
    /// The policy of the attacks: the user's or none but limits.
    policy: Policy,
    limits_only: Policy,
    /// What the skill asks for in vain: the secret variable.
    asked: Option<Policy>,
}

/// Run the battery, or the one that is wanted.
pub fn probe(launcher: &Launcher, wanted: &Wanted<'_>) -> anyhow::Result<Findings> {
    let mut probe = Probe::new(launcher, wanted.policy)?;
    let mut findings = Findings {
        version: VERSION,
        isolation: Isolation::default(),
        attacks: Vec::new(),
        useful: Vec::new(),
        totals: Totals::default(),
        notes: Vec::new(),
    };
    let chosen = |name: &str| wanted.only.is_none_or(|only| only == name);
    for attack in battery::all().filter(|attack| chosen(attack.name)) {
        let mut verdict = probe.attack(attack, &mut findings)?;
        if let Some(compare) = wanted.compare {
            verdict.compared.extend(probe.compare(attack, compare, &mut findings.notes)?);
        }
        findings.attacks.push(verdict);
    }
    python::attacks(&mut probe, &chosen, &mut findings)?;
    useful::all(&mut probe, &chosen, &mut findings)?;
    if findings.attacks.is_empty() && findings.useful.is_empty() {
        let name = wanted.only.unwrap_or_default();
        bail!("nothing of the name {name:?}; `skilldeck probe --format json` lists the names");
    }
    if !findings.isolation.layers.mount {
        findings.notes.push(
            "the attacks start only where namespaces keep them from the host, and this machine has none to give; \
             `skilldeck doctor` says how to get them"
                .into(),
        );
    }
    findings.totals = Totals::of(&findings.attacks, &findings.useful);
    Ok(findings)
}

impl<'a> Probe<'a> {
    fn new(launcher: &'a Launcher, file: Option<&Path>) -> anyhow::Result<Self> {
        let canaries = Canaries::new()?;
        let folder = canaries.root.join("skill");
        let skill = Arc::new(skill::read(&folder, &folder));
        let own = canaries.root.join("limits.yaml");
        std::fs::write(&own, LIMITS)?;
        let places = Places::new(&canaries.root);
        let chosen = policy::choose(&skill, Source::File(&own), &places)?;
        let (limits_only, asked) = (chosen.policy, chosen.asked);
        let mut policy = limits_only.clone();
        if let Some(file) = file {
            policy = policy::choose(&skill, Source::File(file), &places)?.policy;
            // The limits stay the probe's: the attacks are made to their measure.
            policy.limits = limits_only.limits;
        }
        Ok(Self { launcher, canaries, skill, policy, limits_only, asked })
    }

    /// One run in the engine.
    fn run(
        &self,
        policy: &Policy,
        asked: Option<&Policy>,
        entry: &str,
        args: Vec<String>,
        input: Vec<u8>,
    ) -> anyhow::Result<Report> {
        let found = self.skill.entries.iter().find(|one| one.file == Path::new(entry));
        let entry = found.with_context(|| format!("{entry}: the probe's skill has no such entry"))?;
        let prepared = prepare(RunRequest {
            skill: Arc::clone(&self.skill),
            entry: entry.clone(),
            args,
            input,
            cwd: WorkingDirectory::Skill,
            workspace: self.canaries.root.clone(),
            policy: policy.clone(),
            asked: asked.cloned(),
            observe: Observe::Full,
            require_full: false,
        })?;
        materialise_write_grants(&prepared)?;
        let mut recorder = Recorder::new(&prepared, KEEP_OUTPUT);
        let mut handle = self.launcher.run(&prepared.plan)?;
        while let Some(batch) = handle.events.blocking_recv() {
            for event in &batch {
                recorder.apply(event);
            }
        }
        recorder.close();
        Ok(recorder.into_report())
    }

    /// A further entry of the skill.
    fn add_script(&mut self, file: &str, source: &str) -> anyhow::Result<()> {
        let folder = self.canaries.root.join("skill");
        std::fs::write(folder.join(file), source)?;
        self.skill = Arc::new(skill::read(&folder, &folder));
        self.canaries.settle();
        Ok(())
    }

    fn words(&self, name: &str, nonce: &str) -> anyhow::Result<Vec<String>> {
        let facts = serde_json::to_string(&self.canaries.facts)?;
        Ok(vec![payload::WORD.into(), name.into(), nonce.into(), facts])
    }

    fn attack(&mut self, attack: &Attack, findings: &mut Findings) -> anyhow::Result<Verdict> {
        self.attack_under_each(&mut |probe, policy| {
            let policy = policy.clone().merged(probe.grants(attack)?);
            let nonce = canaries::token();
            let words = probe.words(attack.name, &nonce)?;
            probe.attempt(&policy, PROGRAM, words, (attack.name, &nonce, attack.named), findings)
        })
    }

    /// Attack under the policy in force; when that lets something through, find out whether and by which line it
    /// grants it: what holds without the user's policy is what that policy grants.
    fn attack_under_each(
        &mut self,
        attack: &mut dyn FnMut(&mut Self, &Policy) -> anyhow::Result<Verdict>,
    ) -> anyhow::Result<Verdict> {
        let (policy, plain) = (self.policy.clone(), self.limits_only.clone());
        let mut verdict = attack(self, &policy)?;
        if verdict.holds() || policy.sources == plain.sources || !attack(self, &plain)?.holds() {
            return Ok(verdict);
        }
        verdict.granted = true;
        for (line, one) in single_grants(&policy) {
            if !attack(self, &Policy { deny: policy.deny.clone(), ..plain.clone().merged(one) })?.holds() {
                verdict.granted_by.push(line);
            }
        }
        Ok(verdict)
    }

    /// One run of an attack, with its verdict.
    fn attempt(
        &mut self,
        policy: &Policy,
        entry: &str,
        args: Vec<String>,
        (name, nonce, named): (&str, &str, &str),
        findings: &mut Findings,
    ) -> anyhow::Result<Verdict> {
        let asked = self.asked.clone();
        let (report, visited) =
            self.canaries.visit(name, || self.run(policy, asked.as_ref(), entry, args, Vec::new()));
        let report = report?;
        findings.isolation.clone_from(&report.isolation);
        let named = self.named(named);
        let mut verdict = self.verdict(name, &report, nonce, &named);
        if visited {
            verdict.happened("a connection from the host was answered");
        }
        Ok(verdict)
    }

    /// What an attack on grants is granted.
    fn grants(&self, attack: &Attack) -> anyhow::Result<Policy> {
        if attack.grants.is_empty() {
            return Ok(Policy::default());
        }
        let file = self.canaries.root.join("attack.yaml");
        std::fs::write(&file, self.canaries.facts.put(attack.grants))?;
        let places = Places::new(&self.canaries.root);
        Ok(policy::choose(&self.skill, Source::File(&file), &places)?.policy)
    }

    fn verdict(&mut self, name: &str, report: &Report, nonce: &str, named: &[String]) -> Verdict {
        let output = format!("{}\n{}", report.stdout, report.stderr);
        let mut effects = self.canaries.effects(&output, nonce);
        if canaries::harms_a_terminal(report, &self.skill.path) {
            effects.push("an escape sequence is in the text of the report".into());
        }
        let evidence = judge::evidence(&report.stdout, nonce);
        let mut verdict = judge::judge(report, evidence.as_ref(), effects, named);
        verdict.name = String::from(name);
        verdict.group = String::from(name.split('/').next().unwrap_or_default());
        verdict
    }

    /// The words with this probe's own facts in them.
    fn named(&self, words: &str) -> Vec<String> {
        let facts = &self.canaries.facts;
        words.split('|').filter(|word| !word.is_empty()).map(|word| facts.put(word)).collect()
    }
}

/// Each grant of a policy by itself, with the line that it stands on.
fn single_grants(policy: &Policy) -> Vec<(String, Policy)> {
    let mut found = Vec::new();
    macro_rules! each {
        ($($list:ident),*) => {$(
            for grant in &policy.$list {
                let line = format!("{} {} {}", grant.origin, stringify!($list), grant.written);
                found.push((line, Policy { $list: vec![grant.clone()], ..Policy::default() }));
            }
        )*};
    }
    each!(read, write, net, run, env);
    found.truncate(MOST_GRANTS);
    found
}

/// Grants that are tried by themselves: each costs a run.
const MOST_GRANTS: usize = 64;

/// The entry that is a copy of this program.
const PROGRAM: &str = "scripts/probe";

/// Bytes of each stream that are kept: more than any payload says that is read again.
const KEEP_OUTPUT: usize = 4 * 1024 * 1024;
