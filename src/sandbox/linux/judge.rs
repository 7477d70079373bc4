//! Foretells what the kernel will say to a path call, and which layer says it.
//!
//! A notification shows an attempt, not its result (seccomp_unotify(2)), so the same rules that the kernel is
//! about to apply are applied here to the same tree: the view's mounts, Landlock, owner and mode bits.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{AccessFs, BitFlags};

use super::bare::{self, Rule};
use super::calls::{How, PathUse};
use super::launcher::Identity;
use super::place::{Found, Place, Root, hidden_outside, normal};
use super::tree::Tree;
use crate::sandbox::event::{Layer, Operation, Verdict};
use crate::sandbox::plan::{Access, Plan};

/// What will come of one path of a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    /// Where the path leads.
    pub path: PathBuf,
    pub operation: Operation,
    pub verdict: Verdict,
    /// Why not, when denied.
    pub refusal: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub errno: i32,
    pub layer: Layer,
    pub exists_outside: bool,
}

/// Everything a verdict depends on.
#[derive(Debug)]
pub(super) struct Judge {
    root: Root,
    identity: Identity,
    denied: Vec<PathBuf>,
    execute: Vec<PathBuf>,
    /// Read-only parts of the system: opening them for reading is never refused.
    system: Vec<PathBuf>,
    landlock_abi: u32,
    /// Where the run's processes show, when not below `root`.
    processes: Option<Root>,
    /// What Landlock allows on the host's own ground, where it holds the files alone.
    rules: Option<Vec<Rule>>,
}

const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;

impl Judge {
    pub(super) fn new(root: Root, plan: &Plan, identity: Identity, landlock_abi: u32) -> Self {
        let of = |wanted: fn(&crate::sandbox::plan::Bind) -> bool| {
            plan.view.iter().filter(|bind| wanted(bind)).map(|bind| bind.path.clone()).collect()
        };
        Self {
            root,
            identity,
            denied: of(|bind| bind.access == Access::Deny),
            execute: plan.execute.clone(),
            system: of(|bind| bind.system && bind.access == Access::Read),
            landlock_abi,
            processes: None,
            rules: None,
        }
    }

    /// The sandbox has no `/proc`: its processes are looked for in the host's.
    pub(super) fn look_from_outside(&mut self, tree: Tree) -> io::Result<()> {
        self.processes = Some(Root::of_host(tree)?);
        Ok(())
    }

    /// There is no view: Landlock alone says what may be used. `program`: process number of the run's program.
    pub(super) fn stand_on_the_host(&mut self, mut rules: Vec<Rule>, program: i32) {
        rules.push(bare::own_proc(program));
        self.rules = Some(rules);
    }

    /// Where the run's processes show.
    pub(super) fn processes(&self) -> &Root {
        self.processes.as_ref().unwrap_or(&self.root)
    }

    pub(super) fn is_on_the_host(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether Landlock has a rule for that at the path, where it stands alone; true where it does not.
    pub(super) fn has_rule(&self, path: &Path, access: BitFlags<AccessFs>) -> bool {
        let Some(rules) = &self.rules else { return true };
        let around = rules.iter().filter(|rule| path.starts_with(&rule.path));
        around.fold(BitFlags::<AccessFs>::empty(), |sum, rule| sum | rule.access).contains(access)
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Whether the call cannot be refused, by its text alone: a plain look into the system's own files.
    pub(super) fn is_harmless(&self, used: &PathUse) -> bool {
        used.operation == Operation::Read
            && self.denied.is_empty()
            && !used.path.components().any(|part| part == std::path::Component::ParentDir)
            && self.system.iter().any(|system| used.path.starts_with(system))
    }

    /// `inside`: the caller's process number as it sees it itself.
    pub(super) fn judge(&self, used: &PathUse, inside: i32) -> Judged {
        let path = own_proc(&normal_unless_linked(&used.path), inside);
        if !self.is_on_the_host() && is_foreign_proc(&path, inside, used) {
            return denied(path, used.operation, refusal(libc::EACCES, self.guard_of_first()));
        }
        match self.root.locate(&path, used.follow) {
            Place::Here(found) => self.judge_found(found, used),
            Place::Absent { path, parent, outside } => self.judge_absent(path, parent, outside, used),
            Place::Unknown { errno: libc::EACCES } => {
                denied(path, used.operation, self.permission(&used.path, libc::EACCES))
            }
            Place::Unknown { .. } => allowed(path, used.operation),
        }
    }

    fn judge_found(&self, found: Found, used: &PathUse) -> Judged {
        let Identity { uid, gid, .. } = self.identity;
        if self.denied.iter().any(|denied| found.path.starts_with(denied) && found.path != *denied) {
            return denied(found.path, used.operation, refusal(libc::EACCES, Layer::Mount));
        }
        if self.is_on_the_host()
            && let Some(refusal) = self.without_rule(&found, used)
        {
            return denied(found.path, used.operation, refusal);
        }
        let may = |wanted| found.permits(uid, gid, wanted);
        let no_permission = || Some(self.permission(&found.path, libc::EACCES));
        let read_only = |errno| Some(refusal(errno, Layer::Mount));
        let reason = match used.how {
            How::Query => None,
            How::Enter => {
                if may(EXECUTE) {
                    None
                } else {
                    no_permission()
                }
            }
            How::Open { create: true, exclusive: true, .. } => None,
            How::Open { write: false, .. } => {
                if may(READ) {
                    None
                } else {
                    no_permission()
                }
            }
            How::Open { .. } if found.is_directory() => None,
            How::Open { truncate, .. } => match (found.read_only, may(WRITE)) {
                (false, true) => None,
                (false, false) => no_permission(),
                // The kernel asks the mount first when it truncates, the file's mode first when it does not.
                (true, false) if !truncate => read_only(libc::EACCES),
                (true, _) => read_only(libc::EROFS),
            },
            // Making a name that exists fails with EEXIST, which is no refusal; `rename` replaces it.
            How::Name { replaces: false } if used.operation == Operation::Create => None,
            How::Name { .. } => self.name_in_parent(&found.path),
            How::Change { owner_only } => {
                let mine = found.stat.st_uid == uid;
                if found.read_only {
                    read_only(libc::EROFS)
                } else if (owner_only && mine) || (!owner_only && may(WRITE)) {
                    None
                } else {
                    Some(self.permission(&found.path, if owner_only { libc::EPERM } else { libc::EACCES }))
                }
            }
            How::Execute if found.is_directory() || !may(EXECUTE) => no_permission(),
            How::Execute => {
                let listed = self.execute.iter().any(|allowed| found.path.starts_with(allowed));
                // Without Landlock nothing tells programs that are in view apart.
                if listed || self.landlock_abi == 0 {
                    None
                } else {
                    Some(refusal(libc::EACCES, Layer::Landlock))
                }
            }
        };
        match reason {
            None => allowed(found.path, used.operation),
            Some(reason) => denied(found.path, used.operation, reason),
        }
    }

    /// A file that is linked to where more may be done with it: refused by Landlock where it stands alone.
    pub(super) fn link(&self, source: &Judged) -> Option<Refusal> {
        (!self.has_rule(&source.path, AccessFs::Refer.into())).then(|| refusal(libc::EXDEV, Layer::Landlock))
    }

    /// May names in the folder of `path` be added or taken away?
    fn name_in_parent(&self, path: &Path) -> Option<Refusal> {
        match self.root.locate(path.parent()?, true) {
            Place::Here(parent) => self.change_names(&parent),
            _ => None,
        }
    }

    /// What Landlock says on the host's own ground to a path that is there. It does not mediate looks at it, nor entering.
    fn without_rule(&self, found: &Found, used: &PathUse) -> Option<Refusal> {
        let path = &found.path;
        let has = |access| self.has_rule(path, access);
        let allowed = match used.how {
            How::Query | How::Enter | How::Open { create: true, exclusive: true, .. } => true,
            How::Open { write: false, .. } if found.is_directory() => has(AccessFs::ReadDir.into()),
            How::Open { .. } if found.is_directory() => true,
            How::Open { write, truncate, .. } => {
                let reads = used.operation == Operation::Read && !write;
                let mut wanted = if reads { AccessFs::ReadFile.into() } else { AccessFs::WriteFile.into() };
                if truncate && self.landlock_abi >= 3 {
                    wanted |= AccessFs::Truncate;
                }
                has(wanted)
            }
            // A new name that exists already; `rename` over one is asked of its folder.
            How::Name { replaces: false } if used.operation == Operation::Create => true,
            How::Name { .. } => return self.name_in_parent(path),
            // The supervisor carries these out where the program may write.
            How::Change { .. } => has(AccessFs::WriteFile.into()),
            How::Execute => has(AccessFs::Execute.into()),
        };
        (!allowed).then(|| refusal(libc::EACCES, Layer::Landlock))
    }

    /// Who keeps programs inside from looking into the sandbox's own first process: Landlock, or else that it is
    /// undumpable.
    fn guard_of_first(&self) -> Layer {
        if self.landlock_abi > 0 { Layer::Landlock } else { Layer::Permissions }
    }

    fn change_names(&self, parent: &Found) -> Option<Refusal> {
        let Identity { uid, gid, .. } = self.identity;
        if !self.has_rule(&parent.path, AccessFs::MakeReg | AccessFs::RemoveFile) {
            return Some(refusal(libc::EACCES, Layer::Landlock));
        }
        if parent.read_only {
            Some(refusal(libc::EROFS, Layer::Mount))
        } else if !parent.permits(uid, gid, WRITE | EXECUTE) {
            Some(self.permission(&parent.path, libc::EACCES))
        } else {
            None
        }
    }

    fn judge_absent(&self, path: PathBuf, parent: Option<Found>, outside: bool, used: &PathUse) -> Judged {
        let creates = matches!(used.how, How::Open { create: true, .. })
            || (matches!(used.how, How::Name { .. }) && used.operation == Operation::Create);
        if !creates {
            let outside = outside && !self.is_of_own_process(&path);
            return absent(path, used.operation, outside);
        }
        let Some(parent) = parent else {
            // The folder itself is not in view: hidden, or nowhere.
            let hidden = path.parent().is_some_and(hidden_outside);
            return absent(path, Operation::Create, hidden);
        };
        match self.change_names(&parent) {
            None => allowed(path, Operation::Create),
            Some(reason) => denied(path, Operation::Create, reason),
        }
    }

    /// Below `/proc/N` of a process inside: process N of the host is another one.
    fn is_of_own_process(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix("/proc") else { return false };
        let Some(number) = below.iter().next() else { return false };
        matches!(self.root.locate(&Path::new("/proc").join(number), false), Place::Here(_))
    }

    /// A refusal by owner and mode bits; by the policy when the path is covered by a `deny`.
    fn permission(&self, path: &Path, errno: i32) -> Refusal {
        let covered = self.denied.iter().any(|denied| path.starts_with(denied));
        refusal(errno, if covered { Layer::Mount } else { Layer::Permissions })
    }
}

/// `..` behind a link means something else than in the text, so the text is only cleaned when there is no `..`.
fn normal_unless_linked(path: &Path) -> PathBuf {
    if path.components().any(|part| part == std::path::Component::ParentDir) {
        path.to_owned()
    } else {
        normal(path)
    }
}

/// `/proc/self` and the like lead elsewhere for the supervisor than for the caller.
fn own_proc(path: &Path, inside: i32) -> PathBuf {
    for name in ["/proc/self", "/proc/thread-self"] {
        if let Ok(rest) = path.strip_prefix(name) {
            return match rest.strip_prefix("root") {
                Ok(behind_root) => Path::new("/").join(behind_root),
                Err(_) => Path::new("/proc").join(inside.to_string()).join(rest),
            };
        }
    }
    for name in ["/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"] {
        if path.starts_with(name) {
            return PathBuf::from("/proc").join(inside.to_string());
        }
    }
    path.to_owned()
}

/// Files of `/proc/PID` that only a tracer may open: PROC(5), "ptrace access mode". Landlock keeps programs
/// inside from tracing the sandbox's own first process.
fn is_foreign_proc(path: &Path, inside: i32, used: &PathUse) -> bool {
    const GUARDED: [&str; 15] = [
        "environ",
        "mem",
        "maps",
        "smaps",
        "smaps_rollup",
        "auxv",
        "fd",
        "fdinfo",
        "root",
        "cwd",
        "exe",
        "map_files",
        "pagemap",
        "stack",
        "ns",
    ];
    let Ok(below) = path.strip_prefix("/proc") else { return false };
    let mut parts = below.iter().filter_map(|part| part.to_str());
    let (Some(process), Some(file)) = (parts.next(), parts.next()) else { return false };
    let looks_through = used.how != How::Query || matches!(file, "root" | "cwd" | "exe" | "fd");
    process == "1" && inside != 1 && GUARDED.contains(&file) && looks_through
}

fn refusal(errno: i32, layer: Layer) -> Refusal {
    Refusal { errno, layer, exists_outside: false }
}

fn allowed(path: PathBuf, operation: Operation) -> Judged {
    Judged { path, operation, verdict: Verdict::Allowed, refusal: None }
}

fn denied(path: PathBuf, operation: Operation, reason: Refusal) -> Judged {
    Judged { path, operation, verdict: Verdict::Denied, refusal: Some(reason) }
}

/// Not in view. Hidden when the host has it; else missing everywhere.
fn absent(path: PathBuf, operation: Operation, outside: bool) -> Judged {
    if outside && !is_start_up_probe(&path) {
        let reason = Refusal { errno: libc::ENOENT, layer: Layer::Mount, exists_outside: true };
        denied(path, operation, reason)
    } else {
        Judged { path, operation, verdict: Verdict::Missing, refusal: None }
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
