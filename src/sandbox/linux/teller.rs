//! Tells what was refused, with the source lines behind it. Used by the supervisor, and by the threads of the broker
//! when a refusal shows only on the way out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::blame::Blame;
use super::describe;
use super::notify::Call;
use super::shared::Shared;
use super::tracee::{self, Ids};
use crate::sandbox::event::{Denied, EventKind, Layer, Operation};
use crate::sandbox::syscalls;

/// What a refusal looks like to the program and to the reader.
pub(super) struct Answer<'a> {
    pub operation: Operation,
    pub target: &'a str,
    pub errno: i32,
    pub layer: Layer,
}

#[derive(Debug)]
pub(super) struct Teller {
    shared: Arc<Shared>,
    blame: Mutex<Blame>,
}

impl Teller {
    pub(super) fn new(shared: Arc<Shared>, blame: Blame) -> Self {
        Self { shared, blame: Mutex::new(blame) }
    }

    pub(super) fn blame(&self) -> MutexGuard<'_, Blame> {
        self.blame.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tell a refusal while its caller still waits: its arguments and its stack can only be read now.
    pub(super) fn tell(&self, call: &Call, ids: &Ids, answer: &Answer<'_>, exists_outside: bool) {
        let arguments = describe::call(call);
        let arguments = match answer.operation {
            // A name's own address is of no use to the reader.
            Operation::Connect => self.shared.names().spell_out(&arguments),
            _ => arguments,
        };
        let blamed = self.blame().stack(call.tid, ids);
        let denied = Denied {
            pid: ids.process,
            program: tracee::program_name(ids.process),
            operation: answer.operation,
            target: answer.target.to_owned(),
            syscall: syscalls::name(call.number),
            arguments,
            errno: errno_name(answer.errno),
            layer: answer.layer,
            exists_outside,
            blame: blamed.lines.frames,
            unread: blamed.unread,
            image: blamed.image,
            programs: blamed.lines.programs,
            count: 1,
        };
        self.shared.add(EventKind::Denied(denied));
    }
}

/// `EACCES` for 13.
pub(super) fn errno_name(errno: i32) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno))
}
