//! Calls about paths: the kernel decides, this foretells and tells.

use super::super::calls;
use super::super::judge::{Judged, Refusal};
use super::super::notify::Call;
use super::super::place::Caller;
use super::super::tracee::{self, Ids};
use super::{Answer, Supervisor};

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
        self.quick.watch_descriptors(call, &uses);
        let caller = Caller { tid: call.tid, inside: Some(ids.inside) };
        let judged = self.judge.judge_all(&uses, caller);
        let refused = judged.iter().find_map(|judged| judged.refusal.map(|refusal| (judged, refusal)));
        let refused = refused.or_else(|| match (call.number, judged.first()) {
            (libc::SYS_link | libc::SYS_linkat, Some(source)) => Some((source, self.judge.link(source)?)),
            _ => None,
        });
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
