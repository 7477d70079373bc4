//! Program starts: the first is the run's own, what may follow is the policy's.

use landlock::AccessFs;

use super::super::calls;
use super::super::judge::Judged;
use super::super::notify::Call;
use super::super::place::Caller;
use super::super::tracee::{self, Ids};
use super::{Answer, Supervisor};
use crate::sandbox::event::{EventKind, Layer, Operation, Verdict};

impl Supervisor {
    pub(super) fn execute(&mut self, call: &Call) {
        if !self.program_started {
            // The launcher's own call, made before any line of the skill has run.
            return self.begin(call);
        }
        let Some(ids) = tracee::ids(call.tid) else {
            // Nothing can be said of the caller; the refusal never depended on it.
            return if self.plan.may_execute {
                self.listener.let_through(call);
            } else {
                self.listener.refuse(call, libc::EACCES);
            };
        };
        let uses = calls::paths(call);
        let argv =
            tracee::read_strings(call.tid, call.args[if call.number == libc::SYS_execve { 1 } else { 2 }]);
        if !self.listener.is_waiting(call) {
            return;
        }
        let [path] = &uses[..] else { return self.execute_unnamed(call, &ids) };
        let judged = self.judge.judge(path, Some(Caller { tid: call.tid, inside: Some(ids.inside) }));
        if !self.plan.may_execute {
            return self.refuse_execute(call, &ids, &judged);
        }
        match judged.refusal {
            Some(refusal) => self.report_path(call, &ids, &judged, refusal),
            None if judged.verdict == Verdict::Allowed => {
                let parent = self.teller.blame().start(call.tid, &ids);
                self.shared.add(EventKind::ProcessStarted {
                    pid: ids.process,
                    parent,
                    program: judged.path.clone(),
                    argv,
                });
            }
            None => {}
        }
        self.listener.let_through(call);
        self.shared.add_file(judged.path, Operation::Execute, judged.verdict);
    }

    pub(super) fn begin(&mut self, call: &Call) {
        self.program_started = true;
        let startup = self.shared.mark_started();
        self.listener.let_through(call);
        self.shared.add(EventKind::Started { isolation: self.isolation.clone(), startup });
        if let Some(ids) = tracee::ids(call.tid) {
            self.teller.blame().begin(ids.process);
            self.shared.add(EventKind::ProcessStarted {
                pid: ids.process,
                parent: ids.parent,
                program: self.plan.program.clone(),
                argv: self.plan.argv.clone(),
            });
        }
    }

    /// No program may be started: refused by the call's number. What the path says only chooses the errno, so that
    /// a search along PATH goes on to the place where the program really is.
    pub(super) fn refuse_execute(&mut self, call: &Call, ids: &Ids, judged: &Judged) {
        let target = judged.path.to_string_lossy();
        match (judged.verdict, judged.refusal) {
            (Verdict::Missing, _) => {
                // On the host's ground the supervisor may see more than the program, which must not show.
                let may_know = self.judge.has_rule(&judged.path, AccessFs::ReadFile.into());
                self.listener.refuse(call, if may_know { libc::ENOENT } else { libc::EACCES });
            }
            (_, Some(refusal)) if refusal.exists_outside => {
                self.report_path(call, ids, judged, refusal);
                self.listener.refuse(call, libc::ENOENT);
            }
            _ => {
                let answer = Answer {
                    operation: Operation::Execute,
                    target: &target,
                    errno: libc::EACCES,
                    layer: Layer::Seccomp,
                };
                self.report(call, ids, &answer, false);
                self.listener.refuse(call, libc::EACCES);
            }
        }
        let verdict = if judged.verdict == Verdict::Missing { Verdict::Missing } else { Verdict::Denied };
        self.shared.add_file(judged.path.clone(), Operation::Execute, verdict);
    }

    /// A program without a path: a memory file, or a pointer that cannot be read.
    pub(super) fn execute_unnamed(&mut self, call: &Call, ids: &Ids) {
        let answer = Answer {
            operation: Operation::Execute,
            target: "a program without a path",
            errno: libc::EACCES,
            layer: if self.plan.may_execute { Layer::Landlock } else { Layer::Seccomp },
        };
        self.report(call, ids, &answer, false);
        self.listener.refuse(call, libc::EACCES);
    }
}
