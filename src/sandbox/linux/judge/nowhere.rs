//! What the kernel will say to a path that leads nowhere: a name to be made, a look-up that fails, or something that is
//! absent, which is told apart from what only the sandbox hides.

use std::path::{Path, PathBuf};

use super::super::calls::{How, PathUse};
use super::super::place::{End, Found, Reached, Tail, normal};
use super::guarded::is_guarded_link;
use super::{Judge, Judged, Refusal, allowed, denied, is_named, refusal, verdict};
use crate::sandbox::event::{Layer, Operation, Verdict};

impl Judge {
    pub(super) fn judge_absent(&self, reached: &Reached, used: &PathUse) -> Judged {
        let makes = match used.how {
            // The other path of the call fails first.
            How::Rename { .. } if reached.parent.is_some() => {
                return allowed(reached.path.clone(), used.operation);
            }
            How::Open { create: true, unnamed: false, .. } | How::Make { .. } => true,
            How::Unlink | How::RemoveFolder => false,
            _ => return self.missing(reached, used.operation),
        };
        let path = || reached.path.clone();
        let Some(parent) = &reached.parent else {
            // The folder itself is not in view: hidden, or nowhere.
            let hidden = makes && reached.is_hidden(is_named(used)) && !self.is_captured(&reached.path);
            return if makes {
                absent(path(), Operation::Create, hidden)
            } else {
                self.missing(reached, used.operation)
            };
        };
        match used.how {
            // Files whose name ends in a slash are never made.
            How::Open { .. } if used.tail == Tail::Slash => allowed(path(), used.operation),
            How::Make { folder: false } if used.tail == Tail::Slash => self.missing(reached, used.operation),
            How::Unlink | How::RemoveFolder if parent.read_only() => {
                denied(path(), used.operation, refusal(libc::EROFS, Layer::Mount))
            }
            How::Unlink | How::RemoveFolder => self.missing(reached, used.operation),
            // The kernel's own folders know no names but theirs.
            _ if parent.path.starts_with("/proc") => self.missing(reached, used.operation),
            _ => verdict(path(), Operation::Create, self.lacks_folder(parent)),
        }
    }

    pub(super) fn judge_failed(&self, reached: &Reached, errno: i32, used: &PathUse) -> Judged {
        let path = reached.path.clone();
        let removes = matches!(used.how, How::Unlink | How::RemoveFolder);
        if errno == libc::ENAMETOOLONG && removes && reached.parent.as_ref().is_some_and(Found::read_only) {
            return denied(path, used.operation, refusal(libc::EROFS, Layer::Mount));
        }
        if errno != libc::EACCES {
            return allowed(path, used.operation);
        }
        let guarded = !self.is_on_the_host() && is_guarded_link(&path);
        let reason = if guarded { refusal(errno, Layer::Landlock) } else { self.permission(&path, errno) };
        denied(path, used.operation, reason)
    }

    pub(super) fn missing(&self, reached: &Reached, operation: Operation) -> Judged {
        let own = self.is_of_own_process(&reached.path) || self.is_captured(&reached.path);
        let outside = reached.is_hidden(false) && !own;
        absent(reached.path.clone(), operation, outside)
    }

    /// What comes of a path as far as leading somewhere goes; `None` when it leads to something.
    pub(super) fn ended(&self, reached: &Reached, used: &PathUse) -> Option<Judged> {
        match reached.end {
            End::Here(_) => None,
            End::Absent => Some(self.missing(reached, used.operation)),
            End::Fails(errno) => Some(self.judge_failed(reached, errno, used)),
            End::Unsure => Some(Judged { sure: false, ..allowed(normal(&used.path), used.operation) }),
        }
    }

    /// What the run itself has taken away is absent, not hidden, although the host still has it.
    pub(super) fn is_captured(&self, path: &Path) -> bool {
        self.captured.iter().any(|captured| path.starts_with(captured))
    }

    /// Below `/proc/N` of a process inside: process N of the host is another one.
    fn is_of_own_process(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix("/proc") else { return false };
        let Some(number) = below.iter().next() else { return false };
        self.root.exists(&Path::new("/proc").join(number))
    }
}

/// Not in view. Hidden when the host has it; else missing everywhere.
pub(super) fn absent(path: PathBuf, operation: Operation, outside: bool) -> Judged {
    // Runtimes only look: who wants to change something there is no runtime.
    let probe = operation == Operation::Read && is_start_up_probe(&path);
    if outside && !probe {
        let reason = Refusal { errno: libc::ENOENT, layer: Layer::Mount, exists_outside: true };
        denied(path, operation, reason)
    } else {
        Judged { path, operation, verdict: Verdict::Missing, refusal: None, sure: true }
    }
}

/// Places that runtimes look into at every start and do well without: counted as missing, not as denied.
fn is_start_up_probe(path: &Path) -> bool {
    const PROBES: [&str; 11] = [
        "/run/nscd",
        "/var/run/nscd",
        "/sys/fs/cgroup",
        "/sys/devices/system",
        "/sys/kernel/mm",
        "/etc/ld.so.preload",
        "/etc/inputrc",
        "/etc/timezone",
        "/etc/terminfo",
        "/etc/python3",
        "/etc/ssl",
    ];
    PROBES.iter().any(|probe| path.starts_with(probe))
}
