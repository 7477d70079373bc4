//! Turns the events of a run into its report, live. Adds what the sandbox cannot know: rule and remedy.
//!
//! Used by `skilldeck run` and by the workbench, so that both show the same. Everything is bounded: what goes
//! beyond is counted in `lost_events`.

mod blame;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::changes::Snapshot;
use super::complaint::Complaints;
use super::missing;
use super::output::OutputText;
use super::prepare::Prepared;
use super::report::{Denial, FileAccess, PolicySummary, Process, Report, VERSION};
use super::shell::Scripts;
use crate::environment::Needs;
use crate::policy::decide::{Call, Scope};
use crate::policy::{Places, Policy};
use crate::sandbox::event::{
    Denied, Event, EventKind, Finished, Frame, Layer, LimitHit, NetworkAttempt, Operation, Outcome,
    OutcomeKind, Stream, Usage, Verdict,
};
use crate::sandbox::plan::Access;

const MAX_FILES: usize = 10_000;
const MAX_DENIALS: usize = 2_000;
/// Denials of one operation in one folder: a flood of made-up names must leave room for the others.
const MAX_DENIALS_OF_FOLDER: usize = 200;
/// The same for all that lies below a folder, however deep.
const MAX_DENIALS_BELOW: usize = 800;
const MAX_NETWORK: usize = 2_000;
const MAX_PROCESSES: usize = 2_000;
/// Words of a process's command line, the length of each, and of all processes together, that are kept.
const MAX_ARGV: usize = 64;
const MAX_ARGUMENT: usize = 1024;
const MAX_ARGUMENTS: usize = 8 * 1024 * 1024;

type DenialKey = (Operation, String, String, Option<Frame>);

/// See the module.
#[derive(Debug, Clone)]
pub struct Recorder {
    report: Report,
    policy: Policy,
    asked: Option<Policy>,
    skill: PathBuf,
    /// Where the program started: scripts named by a relative path are relative to it.
    cwd: PathBuf,
    places: Places,
    stdout: OutputText,
    stderr: OutputText,
    denials: HashMap<DenialKey, usize>,
    /// How many denials an operation has in a folder, and the last of them.
    folders: HashMap<(Operation, String), (usize, usize)>,
    files: HashMap<(PathBuf, Operation, Verdict), usize>,
    processes: HashMap<i32, usize>,
    /// By place in the report: the process that started this one.
    starters: Vec<Option<usize>>,
    scripts: Scripts,
    /// Lines of shell scripts that have been looked for.
    lines: HashMap<blame::LineKey, Option<Frame>>,
    /// Bytes that the command lines of all of them take.
    arguments: usize,
    before: Snapshot,
    complaints: Complaints,
    needs: Needs,
    own: Vec<PathBuf>,
}

impl Recorder {
    /// The report of a run that is about to start. `keep_output`: how many bytes of each stream the report keeps
    /// (the rest sets `stdout_truncated` / `stderr_truncated`). Make it after
    /// [`super::materialise_write_grants`], so that those do not count as changes.
    pub fn new(prepared: &Prepared, keep_output: usize) -> Self {
        let request = &prepared.request;
        // Where changes are captured nothing on the host is the run's: see `super::capture`.
        let direct = prepared.plan.captures.is_none();
        let writable = prepared.plan.view.iter().filter(|bind| direct && bind.access == Access::Write);
        let roots = outermost(writable.map(|bind| bind.path.clone()).collect());
        let mut recorder = Self {
            report: empty(prepared),
            policy: request.policy.clone(),
            asked: request.asked.clone(),
            skill: request.skill.path.clone(),
            cwd: prepared.plan.cwd.clone(),
            places: prepared.places.clone(),
            stdout: OutputText::new(keep_output),
            stderr: OutputText::new(keep_output),
            denials: HashMap::new(),
            folders: HashMap::new(),
            files: HashMap::new(),
            processes: HashMap::new(),
            starters: Vec::new(),
            scripts: Scripts::new(&request.skill.path, &prepared.plan.cwd),
            lines: HashMap::new(),
            arguments: 0,
            before: Snapshot::take(roots).with_texts(),
            complaints: Complaints::new(
                request.entry.interpreter.language,
                &request.skill.path,
                &prepared.plan.cwd,
            ),
            needs: prepared.needs.clone(),
            own: prepared.own.clone(),
        };
        for withheld in &prepared.withheld {
            recorder.withheld(&withheld.name, &withheld.mentions, &recorder.report.entry.clone());
        }
        recorder
    }

    /// The report so far; complete once `outcome` is set.
    pub fn report(&self) -> &Report {
        &self.report
    }

    pub fn into_report(self) -> Report {
        self.report
    }

    /// Take one event in. Returns whether the report (not counting output) changed.
    pub fn apply(&mut self, event: &Event) -> bool {
        self.report.duration_ms = self.report.duration_ms.max(millis(event.at));
        match &event.kind {
            EventKind::Started { isolation, startup } => {
                self.report.isolation = isolation.clone();
                self.report.startup_ms = millis(*startup);
            }
            EventKind::Output { stream, bytes } => {
                self.output(*stream, bytes);
                let heard = if *stream == Stream::Stderr { self.complaints.feed(bytes) } else { None };
                return heard.is_some_and(|first| self.blame_late(first));
            }
            EventKind::File { path, operation, verdict, count } => {
                self.file(path, *operation, *verdict, *count, event.at);
            }
            EventKind::Denied(denied) => self.denied(denied, event.at),
            EventKind::Network(attempt) => self.network(attempt, event.at),
            EventKind::ProcessStarted { pid, parent, program, argv } => {
                self.process(*pid, *parent, program, argv, event.at);
            }
            EventKind::ProcessExited { pid, exit } => {
                if let Some(index) = self.processes.remove(pid) {
                    let process = &mut self.report.processes[index];
                    (process.exit, process.ended_ms) = (*exit, Some(whole_millis(event.at)));
                }
            }
            EventKind::LimitHit(hit) => self.limit(hit),
            EventKind::Usage(sample) => {
                let usage = &mut self.report.usage;
                usage.cpu_ms = usage.cpu_ms.max(sample.cpu_ms);
                usage.peak_memory_bytes = usage.peak_memory_bytes.max(sample.memory_bytes);
                usage.peak_processes = usage.peak_processes.max(sample.processes);
                usage.peak_descriptors = usage.peak_descriptors.max(sample.descriptors);
            }
            EventKind::Lost(count) => self.report.lost_events += count,
            EventKind::Finished(finished) => self.finish(finished),
        }
        true
    }

    /// The events ended without a last one: say so instead of leaving the run open for ever.
    pub fn close(&mut self) {
        if self.report.outcome.is_none() {
            let message = "the sandbox ended without saying how the run ended; run it again".to_owned();
            let outcome =
                Outcome { kind: OutcomeKind::Failed, code: None, signal: None, limit: None, message };
            let duration = Duration::from_secs_f64(self.report.duration_ms / 1000.0);
            self.finish(&Finished { outcome, duration, usage: self.report.usage });
        }
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) {
        let report = &mut self.report;
        report.usage.output_bytes += bytes.len() as u64;
        match stream {
            Stream::Stdout => report.stdout_truncated |= self.stdout.push(bytes, &mut report.stdout),
            Stream::Stderr => report.stderr_truncated |= self.stderr.push(bytes, &mut report.stderr),
        }
    }

    fn file(&mut self, path: &Path, operation: Operation, verdict: Verdict, count: u64, at: Duration) {
        let files = &mut self.report.files;
        match self.files.get(&(path.to_owned(), operation, verdict)) {
            Some(index) => files[*index].count += count,
            None if files.len() >= MAX_FILES => self.report.lost_events += count,
            None => {
                self.files.insert((path.to_owned(), operation, verdict), files.len());
                let at_ms = Some(whole_millis(at));
                files.push(FileAccess { path: path.to_owned(), operation, verdict, count, at_ms });
            }
        }
    }

    /// The same refusal at the same line of the skill is one denial that happened several times.
    fn denied(&mut self, denied: &Denied, at: Duration) {
        let blame = self.own_frames(&denied.blame);
        let blame = self.shell_frames(denied, blame);
        let key = (denied.operation, denied.target.clone(), denied.errno.clone(), blame.first().cloned());
        if let Some(index) = self.denials.get(&key) {
            self.report.denials[*index].count += denied.count;
            return;
        }
        // A flood of refusals in one place must not hide the one that matters.
        let folders: Vec<(Operation, String)> =
            folders_of(&denied.target).map(|folder| (denied.operation, folder.to_owned())).collect();
        let most = [MAX_DENIALS_OF_FOLDER].into_iter().chain(std::iter::repeat(MAX_DENIALS_BELOW));
        let full = folders.iter().zip(most).find_map(|(folder, most)| {
            self.folders.get(folder).filter(|(count, _)| *count >= most).map(|(_, last)| *last)
        });
        if let Some(last) = full {
            self.report.denials[last].count += denied.count;
            return;
        }
        if self.report.denials.len() >= MAX_DENIALS {
            self.report.lost_events += denied.count;
            return;
        }
        let scope = Scope {
            policy: &self.policy,
            asked: self.asked.as_ref(),
            skill: &self.skill,
            places: &self.places,
            own: &self.own,
        };
        let mut ruling = scope.rule(&Call {
            operation: denied.operation,
            target: &denied.target,
            syscall: &denied.syscall,
            layer: denied.layer,
        });
        // No grant changes these: every grant, and every private folder, is a mount of its own.
        if matches!(denied.errno.as_str(), "EXDEV" | "EBUSY") && ruling.rule.starts_with("default") {
            ruling.rule = String::from(
                "not the policy: names are moved and linked within one granted or private folder, never across",
            );
            (ruling.remedy, ruling.alternatives, ruling.asked) = (None, Vec::new(), None);
        }
        let blame = if blame.is_empty() {
            let program = denied.operation == Operation::Execute;
            self.complaints.about(0, &denied.target, program).map_or(blame, <[Frame]>::to_vec)
        } else {
            blame
        };
        self.denials.insert(key, self.report.denials.len());
        for folder in folders {
            let of_folder = self.folders.entry(folder).or_default();
            *of_folder = (of_folder.0 + 1, self.report.denials.len());
        }
        self.report.denials.push(Denial {
            id: self.report.denials.len() as u64 + 1,
            at_ms: whole_millis(at),
            count: denied.count,
            pid: denied.pid,
            program: denied.program.clone(),
            operation: denied.operation,
            target: denied.target.clone(),
            syscall: denied.syscall.clone(),
            arguments: denied.arguments.clone(),
            errno: denied.errno.clone(),
            layer: denied.layer,
            rule: ruling.rule,
            asked: ruling.asked,
            unread: denied.unread.clone().filter(|_| blame.is_empty()),
            blame,
            remedy: ruling.remedy,
            alternatives: ruling.alternatives,
        });
    }

    /// A variable that was not passed: known before the start.
    fn withheld(&mut self, name: &str, mentions: &[Frame], entry: &str) {
        let denied = Denied {
            pid: 0,
            program: entry.to_owned(),
            operation: Operation::Env,
            target: name.to_owned(),
            syscall: String::new(),
            arguments: format!("{name} is set outside and was not passed"),
            errno: String::new(),
            layer: Layer::Environment,
            exists_outside: true,
            blame: mentions.iter().take(1).cloned().collect(),
            unread: None,
            image: 0,
            programs: Vec::new(),
            count: mentions.len().max(1) as u64,
        };
        self.denied(&denied, Duration::ZERO);
    }

    fn network(&mut self, attempt: &NetworkAttempt, at: Duration) {
        let network = &mut self.report.network;
        let same = |have: &&mut NetworkAttempt| {
            have.address == attempt.address
                && have.host == attempt.host
                && have.port == attempt.port
                && have.protocol == attempt.protocol
                && have.verdict == attempt.verdict
        };
        if let Some(have) = network.iter_mut().find(same) {
            have.count += attempt.count;
        } else if network.len() < MAX_NETWORK {
            network.push(NetworkAttempt { at_ms: Some(whole_millis(at)), ..attempt.clone() });
        } else {
            self.report.lost_events += attempt.count;
        }
    }

    /// A process that starts another program keeps its number: the new program is an entry of its own.
    fn process(&mut self, pid: i32, parent: i32, program: &Path, argv: &[String], at: Duration) {
        if self.report.processes.len() >= MAX_PROCESSES {
            self.report.lost_events += 1;
            return;
        }
        let argv: Vec<String> = if self.arguments < MAX_ARGUMENTS {
            argv.iter().take(MAX_ARGV).map(|arg| arg.chars().take(MAX_ARGUMENT).collect()).collect()
        } else {
            vec!["…".into()]
        };
        self.arguments += argv.iter().map(|arg| size_of::<String>() + arg.len()).sum::<usize>();
        let starter = self.processes.get(&pid).or_else(|| self.processes.get(&parent)).copied();
        self.starters.push(starter);
        self.processes.insert(pid, self.report.processes.len());
        let (program, at_ms) = (program.to_owned(), Some(whole_millis(at)));
        self.report.processes.push(Process { pid, parent, program, argv, exit: None, at_ms, ended_ms: None });
    }

    fn limit(&mut self, hit: &LimitHit) {
        match self.report.limits.iter_mut().find(|have| have.resource == hit.resource) {
            // The end says more than the first refusal.
            Some(have) if hit.ends_the_run() => *have = LimitHit { at_ms: have.at_ms, ..hit.clone() },
            Some(have) => have.observed = have.observed.max(hit.observed),
            None => self.report.limits.push(hit.clone()),
        }
    }

    fn finish(&mut self, finished: &Finished) {
        let report = &mut self.report;
        self.stdout.finish(&mut report.stdout);
        self.stderr.finish(&mut report.stderr);
        report.outcome = Some(finished.outcome.clone());
        report.duration_ms = millis(finished.duration);
        let (last, seen) = (finished.usage, report.usage);
        report.usage = Usage {
            cpu_ms: last.cpu_ms.max(seen.cpu_ms),
            peak_memory_bytes: last.peak_memory_bytes.max(seen.peak_memory_bytes),
            peak_processes: last.peak_processes.max(seen.peak_processes),
            peak_descriptors: last.peak_descriptors.max(seen.peak_descriptors),
            output_bytes: last.output_bytes.max(seen.output_bytes),
        };
        (report.changes, report.changes_truncated) = self.before.changes();
        if finished.outcome.code != Some(0) {
            report.missing_modules =
                missing::explained(self.complaints.missing(), &self.needs, &report.skill, &self.skill);
        }
    }
}

fn empty(prepared: &Prepared) -> Report {
    let (request, plan) = (&prepared.request, &prepared.plan);
    Report {
        version: VERSION,
        skill: request.skill.name.clone(),
        entry: request.entry.file.display().to_string(),
        argv: plan.argv.clone(),
        cwd: plan.cwd.clone(),
        policy: PolicySummary {
            digest: request.policy.digest(),
            sources: request.policy.sources.iter().map(|source| source.display().to_string()).collect(),
            permissions: request.policy.permissions_json(),
            limits: request.policy.limits_json(),
        },
        observe: Some(request.observe),
        started_at: format!("{:.3}", jiff::Timestamp::now()),
        ..Report::default()
    }
}

/// The folders that a path lies in, the nearest first and the top of the tree left out. What is no path has one, without a
/// name.
fn folders_of(target: &str) -> impl Iterator<Item = &str> {
    const MOST: usize = 16;
    let nearest = target.rsplit_once('/').map_or("", |(folder, _)| folder);
    std::iter::successors(Some(nearest), |folder| {
        folder.rsplit_once('/').map(|(outer, _)| outer).filter(|outer| !outer.is_empty())
    })
    .take(MOST)
}

/// The paths that lie in no other of them.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|other| path != other && path.starts_with(other)));
    paths
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds with three digits: a microsecond is as fine as anybody measures here.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
