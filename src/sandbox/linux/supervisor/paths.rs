//! Calls about paths: the kernel decides, this foretells and tells.

use super::super::calls::{self, PathUse};
use super::super::judge::{Judged, Refusal};
use super::super::notify::Call;
use super::super::tracee::{self, Ids};
use super::{Answer, Supervisor};
use crate::sandbox::event::Resource;
use crate::sandbox::plan::Observe;

impl Supervisor {
    pub(super) fn path(&mut self, call: &Call) {
        let uses = calls::paths(call);
        if !self.listener.is_waiting(call) {
            return;
        }
        self.watch_descriptors(call, &uses);
        if uses.iter().all(|used| self.judge.is_harmless(used)) {
            self.listener.let_through(call);
            self.record_files(&uses);
            return;
        }
        let Some(ids) = tracee::ids(call.tid) else { return self.listener.let_through(call) };
        let judged: Vec<Judged> = uses.iter().map(|used| self.judge.judge(used, ids.inside)).collect();
        // Only refusals are worth reading a stack for; they are told before the program goes on.
        let refused = judged.iter().find_map(|judged| judged.refusal.map(|refusal| (judged, refusal)));
        let refused = refused.or_else(|| match (call.number, judged.first()) {
            (libc::SYS_link | libc::SYS_linkat, Some(source)) => Some((source, self.judge.link(source)?)),
            _ => None,
        });
        if let Some((judged, refusal)) = refused {
            self.report_path(call, &ids, judged, refusal);
        }
        self.listener.let_through(call);
        for judged in judged {
            self.shared.add_file(judged.path, judged.operation, judged.verdict);
        }
    }

    /// After the call was let through: looks into the system's own files, existing or not.
    pub(super) fn record_files(&self, uses: &[PathUse]) {
        if self.plan.observe != Observe::Full {
            return;
        }
        for used in uses {
            // Nothing of the system leads back to the caller's own /proc: its number does not matter.
            let judged = self.judge.judge(used, 0);
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

    /// A call that would open one descriptor too many is told as a limit hit; the kernel refuses it by itself.
    pub(super) fn watch_descriptors(&mut self, call: &Call, uses: &[PathUse]) {
        let opens = matches!(uses, [PathUse { how: calls::How::Open { .. }, .. }]);
        if !opens && call.number != libc::SYS_socket {
            return;
        }
        // Threads share their process's table; counting it once for each of them only counts too often.
        let left = self.opens_left.entry(call.tid).or_insert(self.plan.limits.open_files / 2);
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        let open = tracee::open_descriptors(call.tid);
        let limit = self.plan.limits.open_files;
        self.opens_left.insert(call.tid, limit.saturating_sub(open).max(1));
        if open >= limit {
            self.limit_hit(Resource::OpenFiles, limit, open + 1, "kernel", "EMFILE");
        }
    }
}
