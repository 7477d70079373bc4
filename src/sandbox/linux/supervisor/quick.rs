//! Calls about paths that the kernel will not refuse: by far the most of all. They are answered before anything else is
//! done with them, because their caller waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::calls::{self, PathUse};
use super::super::judge::{Judge, Judged};
use super::super::notify::{Call, Listener};
use super::super::place::Caller;
use super::super::shared::Shared;
use super::super::tracee;
use crate::sandbox::event::{LimitHit, Resource};
use crate::sandbox::plan::{Observe, Plan};
use crate::sandbox::syscalls::{self, Class};

#[derive(Debug)]
pub(super) struct Quick {
    listener: Arc<Listener>,
    judge: Arc<Judge>,
    shared: Arc<Shared>,
    /// Whether uses that come to nothing special are told as well.
    tells_all: bool,
    open_files: u64,
    /// Opens a thread may still make before its descriptors have to be counted again.
    opens_left: Mutex<HashMap<i32, u64>>,
}

impl Quick {
    pub(super) fn new(listener: Arc<Listener>, judge: Arc<Judge>, plan: &Plan, shared: Arc<Shared>) -> Self {
        shared.set_judge(&judge);
        Self {
            listener,
            judge,
            shared,
            tells_all: plan.observe == Observe::Full,
            open_files: plan.limits.open_files,
            opens_left: Mutex::default(),
        }
    }

    /// Let a call through that is surely not refused, and remember it. False when it needs a closer look.
    pub(super) fn answer(&self, call: &Call) -> bool {
        if !is_about_paths(call) || calls::sets_ids(call) || super::makes_device(call) {
            return false;
        }
        let paths = calls::paths(call);
        let [used] = &paths[..] else { return false };
        if is_of_processes(used) {
            return false;
        }
        self.watch_descriptors(call, &paths);
        let harmless = self.judge.is_harmless(used);
        if harmless && !self.tells_all {
            self.listener.let_through(call);
            return true;
        }
        let known = self.shared.looks().knows(used);
        if known || harmless && self.shared.looks().learn(used, None) {
            self.listener.let_through(call);
            return true;
        }
        let judged = self.judge.judge(used, Some(Caller { tid: call.tid, inside: None }));
        // A link of the system that leads out of the view is no news: it is kept with the files, like what is missing.
        let refused = judged.refusal.is_some() && !self.judge.looks_at_system(used) || !judged.sure;
        if refused || !self.listener.is_waiting(call) {
            return false;
        }
        self.listener.let_through(call);
        self.remember(used, judged);
        true
    }

    fn remember(&self, used: &PathUse, judged: Judged) {
        if self.judge.lasts(used, &judged) && self.shared.looks().learn(used, Some(&judged)) {
            return;
        }
        self.shared.add_file(judged.path, judged.operation, judged.verdict);
    }

    /// A call that would open one descriptor too many is told as a limit hit; the kernel refuses it by itself.
    pub(super) fn watch_descriptors(&self, call: &Call, uses: &[PathUse]) {
        let opens = matches!(uses, [PathUse { how: calls::How::Open { .. }, .. }]);
        if !opens && !matches!(call.number, libc::SYS_socket | libc::SYS_dup) {
            return;
        }
        // Threads share their process's table; counting it once for each of them only counts too often.
        let limit = self.open_files;
        let mut opens_left = self.opens_left.lock().unwrap_or_else(PoisonError::into_inner);
        // Of those that have ended nobody says so: now and then all are counted anew.
        const MOST: usize = 4096;
        if opens_left.len() >= MOST {
            opens_left.clear();
        }
        let left = opens_left.entry(call.tid).or_insert(limit / 2);
        *left = left.saturating_sub(1);
        // Copies are made a few at a time by honest programs, and without end by others.
        if *left > 0 && call.number != libc::SYS_dup {
            return;
        }
        let open = tracee::open_descriptors(call.tid);
        *left = limit.saturating_sub(open).max(1);
        if open >= limit {
            self.shared.add_limit(LimitHit {
                resource: Resource::OpenFiles,
                limit,
                observed: open + 1,
                enforced_by: "kernel".into(),
                at_ms: self.shared.now().as_millis() as u64,
                effect: "EMFILE".into(),
            });
        }
    }
}

fn is_about_paths(call: &Call) -> bool {
    let kind = matches!(syscalls::class(call.number), Class::Path | Class::Query);
    kind && !matches!(
        call.number,
        libc::SYS_execve
            | libc::SYS_execveat
            | libc::SYS_connect
            | libc::SYS_bind
            | libc::SYS_sendto
            | libc::SYS_sendmsg
            | libc::SYS_sendmmsg
            // A file may grow by it to its limit.
            | libc::SYS_truncate
    )
}

/// Where a path below these leads depends on who asks.
fn is_of_processes(used: &PathUse) -> bool {
    ["/proc", "/dev"].iter().any(|folder| used.path.starts_with(folder))
        || used.path.components().any(|part| part == std::path::Component::ParentDir)
}
