//! Calls about paths: the kernel decides, this foretells and tells.

use super::super::calls;
use super::super::judge::{Judged, Refusal};
use super::super::notify::Call;
use super::super::place::Caller;
use super::super::tracee::{self, Ids};
use super::{Answer, Supervisor};
use crate::sandbox::event::{Operation, Verdict};

impl Supervisor {
    pub(super) fn path(&mut self, call: &Call) {
        if let Some(ids) = tracee::ids(call.tid) {
            self.explain_path(call, &ids);
        }
        self.listener.let_through(call);
    }

    /// Tell what the kernel will say, while the caller still waits: only then can its arguments and its stack be read.
    pub(super) fn explain_path(&mut self, call: &Call, ids: &Ids) {
        let uses = calls::paths(call);
        if !self.listener.is_waiting(call) {
            return;
        }
        if uses.is_empty() && tracee::is_unreadable(call.tid) {
            return self.tell_unreadable(ids);
        }
        self.quick.watch_descriptors(call, &uses);
        let caller = Caller { tid: call.tid, inside: Some(ids.inside) };
        let judged = self.judge.judge_all(&uses, caller);
        let refused = judged.iter().find_map(|judged| judged.refusal.map(|refusal| (judged, refusal)));
        if let Some((judged, refusal)) = refused {
            self.report_path(call, ids, judged, refusal);
        }
        if let (libc::SYS_truncate, None, [file]) = (call.number, refused, &judged[..])
            && let Some(now) = self.judge.root().length(&file.path)
        {
            self.lengthen(now, call.args[1]);
        }
        for judged in judged {
            self.shared.add_file(judged.path, judged.operation, judged.verdict);
        }
    }

    /// What a process did that cannot be read: one entry for each such process, with how often.
    fn tell_unreadable(&self, ids: &Ids) {
        let name = tracee::program_name(ids.process);
        let path = format!("unreadable: paths of process {} ({name})", ids.process);
        self.shared.add_file(path.into(), Operation::Read, Verdict::Unknown);
    }

    pub(super) fn report_path(&mut self, call: &Call, ids: &Ids, judged: &Judged, refusal: Refusal) {
        let target = judged.path.to_string_lossy();
        let answer = Answer {
            operation: judged.operation,
            target: &target,
            errno: refusal.errno,
            layer: refusal.layer,
        };
        self.report(call, ids, &answer, refusal.exists_outside);
    }
}
