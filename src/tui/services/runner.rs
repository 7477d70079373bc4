//! Real runs: plan, sandbox, recorder, on a thread for each. Only one runs at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cases::CaseRunner;
use super::environment::Preparer;
use super::learn::Teacher;
use super::loader::{Watch, spawn};
use super::pulse::Pulse;
use super::{Mailbox, Runner, request};
use crate::journal::Journal;
use crate::policy::Approvals;
use crate::run::{self, Prepared, Recorder};
use crate::sandbox::event::{Event, EventKind, Stream, UsageSample};
use crate::sandbox::linux::Canceller;
use crate::sandbox::{Launcher, RunHandle};
use crate::skill::Skill;
use crate::tui::action::{Action, RunNews};
use crate::tui::effect::{Packages, RunCases, StartRun};
use crate::tui::state::{Cause, Level, RunId};
use crate::workspace::watch::Quiet;

/// Reports are sent at most this often while the run goes on.
const REPORT_EVERY: Duration = Duration::from_millis(80);

/// Bytes of each stream that the report keeps, for a case made of the run. The screen keeps the output itself, as raw bytes.
const KEEP_OUTPUT: usize = 64 * 1024;

/// How long the end of runs is waited for when the workbench ends.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// A cancellation that may come before there is anything to cancel.
#[derive(Debug, Default)]
enum Wish {
    #[default]
    None,
    Cancelled,
    Running(Canceller),
}

type Shared = Arc<Mutex<Wish>>;

/// Runs skills in the sandbox.
#[derive(Debug)]
pub struct SandboxRunner {
    launcher: Arc<Launcher>,
    watch: Watch,
    approvals: Approvals,
    journal: Journal,
    runs: HashMap<u64, Shared>,
    cases: CaseRunner,
    packages: Preparer,
    teacher: Teacher,
}

impl SandboxRunner {
    pub fn new(launcher: Arc<Launcher>, watch: Watch, approvals: Approvals, journal: Journal) -> Self {
        let cases = CaseRunner::new(Arc::clone(&launcher));
        let teacher = Teacher::new(Arc::clone(&launcher), approvals.clone());
        Self {
            launcher,
            watch,
            approvals,
            journal,
            runs: HashMap::new(),
            cases,
            packages: Preparer::default(),
            teacher,
        }
    }
}

impl Runner for SandboxRunner {
    fn start(&mut self, run: StartRun, mailbox: Mailbox) {
        self.runs.retain(|_, wish| Arc::strong_count(wish) > 1);
        let wish = Shared::default();
        self.runs.insert(run.id.0, Arc::clone(&wish));
        let launcher = Arc::clone(&self.launcher);
        let (watch, approvals) = (self.watch.clone(), self.approvals.clone());
        let journal = self.journal.clone();
        spawn("run", move || {
            let id = run.id;
            let slow = Pulse::start(&mailbox, move |time| Action::Run(id, RunNews::Starting(time)));
            let begun = begin(&run, &launcher, &watch, &approvals, &mailbox);
            slow.stop();
            let last = match begun {
                Ok(begun) => {
                    take_wish(&wish, &begun.handle);
                    follow(id, begun, run.cause.clone(), &journal, &mailbox);
                    RunNews::Ended
                }
                Err(problem) => RunNews::Refused(problem),
            };
            mailbox.send(Action::Run(id, last));
        });
    }

    fn cancel(&mut self, id: RunId) {
        if let Some(wish) = self.runs.get(&id.0) {
            cancel(wish);
        }
    }

    fn run_cases(&mut self, batch: RunCases, mailbox: Mailbox) {
        self.cases.run(batch, &mailbox);
    }

    fn cancel_cases(&mut self) {
        self.cases.cancel();
    }

    fn look_up_packages(&mut self, skill: Arc<Skill>, mailbox: Mailbox) {
        Preparer::look_up(skill, mailbox);
    }

    fn prepare_packages(&mut self, packages: Packages, mailbox: Mailbox) {
        self.packages.prepare(packages, mailbox);
    }

    fn cancel_packages(&mut self) {
        self.packages.cancel();
    }

    fn learn(&mut self, run: StartRun, mailbox: Mailbox) {
        self.teacher.learn(run, mailbox);
    }

    fn cancel_learning(&mut self) {
        self.teacher.cancel();
    }

    fn end_all(&mut self) {
        let packages = self.packages.end();
        let (case_runs, rounds) = (self.cases.end(), self.teacher.end());
        self.runs.values().for_each(cancel);
        let until = Instant::now() + LAST_WAIT;
        // Each thread holds its wish as long as its run lives.
        let run = || self.runs.values().any(|wish| Arc::strong_count(wish) > 1);
        while (run() || case_runs() || packages() || rounds()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn cancel(wish: &Shared) {
    let mut wish = wish.lock().unwrap_or_else(PoisonError::into_inner);
    match &*wish {
        Wish::Running(canceller) => canceller.cancel(),
        _ => *wish = Wish::Cancelled,
    }
}

fn take_wish(wish: &Shared, handle: &RunHandle) {
    let mut wish = wish.lock().unwrap_or_else(PoisonError::into_inner);
    let canceller = handle.canceller();
    if matches!(*wish, Wish::Cancelled) {
        canceller.cancel();
    }
    *wish = Wish::Running(canceller);
}

/// A run that was started.
struct Begun {
    prepared: Prepared,
    recorder: Recorder,
    handle: RunHandle,
    /// What the run writes where it may is no reason to run it again.
    quiet: Option<Quiet>,
}

/// Plan the run and start it.
fn begin(
    run: &StartRun,
    launcher: &Launcher,
    watch: &Watch,
    approvals: &Approvals,
    mailbox: &Mailbox,
) -> Result<Begun, String> {
    let prepared = run::prepare(request::of(run, approvals)?).map_err(|error| error.to_string())?;
    let quiet = watch.quiet(prepared.request.policy.write.iter().map(|grant| grant.value.clone()));
    run::materialise_write_grants(&prepared).map_err(|error| error.to_string())?;
    if let Some(note) = prepared.notes.first() {
        mailbox.send(Action::Notice(Level::Info, note.clone()));
    }
    let recorder = Recorder::new(&prepared, KEEP_OUTPUT);
    let handle = launcher.run(&prepared.plan).map_err(|error| error.to_string())?;
    Ok(Begun { prepared, recorder, handle, quiet })
}

/// Pass everything on until the run has ended.
fn follow(id: RunId, begun: Begun, cause: Option<Cause>, journal: &Journal, mailbox: &Mailbox) {
    let mut writer = journal.begin(&begun.prepared, cause).unwrap_or_else(|error| {
        mailbox.send(Action::Notice(Level::Warning, not_written_down(&error)));
        None
    });
    let Begun { prepared, mut recorder, mut handle, quiet } = begun;
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
        handle.cancel();
        return;
    };
    runtime.block_on(async {
        let limits = prepared.plan.limits;
        let record = writer.as_ref().map(|writer| writer.id().to_owned());
        mailbox.send_async(Action::Run(id, RunNews::Started { limits, record })).await;
        let mut due: Option<Instant> = None;
        let mut last = Instant::now().checked_sub(REPORT_EVERY).unwrap_or_else(Instant::now);
        loop {
            let pause = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = pause => {
                    due = None;
                    last = Instant::now();
                    if let Some(writer) = &mut writer {
                        writer.changed(recorder.report());
                    }
                    report(id, &recorder, mailbox).await;
                }
                batch = handle.events.recv() => {
                    let Some(batch) = batch else { break };
                    if let Some(writer) = &mut writer {
                        writer.apply(&batch);
                    }
                    if take(id, &mut recorder, batch, mailbox).await && due.is_none() {
                        due = Some((last + REPORT_EVERY).max(Instant::now()));
                    }
                }
            }
        }
        recorder.close();
        if let Some(Err(error)) = writer.map(|writer| writer.end(recorder.report())) {
            mailbox.send_async(Action::Notice(Level::Warning, not_written_down(&error))).await;
        }
        report(id, &recorder, mailbox).await;
    });
    journal.tidy();
    drop(quiet);
}

fn not_written_down(error: &std::io::Error) -> String {
    format!("this run is not in the journal: {error}")
}

async fn report(id: RunId, recorder: &Recorder, mailbox: &Mailbox) {
    mailbox.send_async(Action::Run(id, RunNews::Report(Arc::new(recorder.report().clone())))).await;
}

/// Take a batch in; whether the report changed.
async fn take(id: RunId, recorder: &mut Recorder, batch: Vec<Event>, mailbox: &Mailbox) -> bool {
    let mut output: Vec<(Stream, Vec<u8>)> = Vec::new();
    let mut printed = Duration::ZERO;
    let mut usage: Option<(Duration, UsageSample)> = None;
    let mut changed = false;
    for event in batch {
        changed |= recorder.apply(&event);
        match event.kind {
            EventKind::Output { stream, bytes } => {
                printed = event.at;
                match output.last_mut() {
                    Some((last, text)) if *last == stream => text.extend_from_slice(&bytes),
                    _ => output.push((stream, bytes)),
                }
            }
            EventKind::Usage(sample) => usage = Some((event.at, sample)),
            _ => {}
        }
    }
    if !output.is_empty() {
        mailbox.send_async(Action::Run(id, RunNews::Output(printed, output))).await;
    }
    if let Some((at, sample)) = usage {
        mailbox.send_async(Action::Run(id, RunNews::Usage(at, sample))).await;
    }
    changed
}
