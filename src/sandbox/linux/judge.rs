//! Foretells what the kernel will say to a path call, and which layer says it.
//!
//! A notification shows an attempt, not its result (seccomp_unotify(2)), so the same rules that the kernel is
//! about to apply are applied here to the same tree: the view's mounts, Landlock, owner and mode bits.

mod found;
mod guarded;
mod nowhere;
mod pairs;
mod rules;

use std::io;
use std::path::{Path, PathBuf};

use landlock::{AccessFs, BitFlags};

use super::bare::{self, Rule};
use super::calls::{How, PathUse};
use super::launcher::Identity;
use super::place::{self, Caller, End, Found, Look, Reached, Root, Tail, normal};
use super::tree::Tree;
use crate::sandbox::event::{Layer, Operation, Verdict};
use crate::sandbox::plan::{Access, Bind, Plan};

/// What will come of one path of a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    /// Where the path leads.
    pub path: PathBuf,
    pub operation: Operation,
    pub verdict: Verdict,
    /// Why not, when denied.
    pub refusal: Option<Refusal>,
    /// Nothing was left open for want of a look at the caller.
    pub sure: bool,
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
    view: Vec<Bind>,
    /// Places whose host's content may differ from what is inside, because the run has changed it.
    captured: Vec<PathBuf>,
    /// File systems that were made for this run alone, by device number: nobody outside can have a socket there.
    own: Vec<u64>,
    landlock_abi: u32,
    /// Where the run's processes show, when not below `root`.
    processes: Option<Root>,
    /// What Landlock allows on the host's own ground, where it holds the files alone.
    rules: Option<Vec<Rule>>,
}

impl Judge {
    pub(super) fn new(root: Root, plan: &Plan, identity: Identity, landlock_abi: u32) -> Self {
        let of = |wanted: fn(&crate::sandbox::plan::Bind) -> bool| {
            plan.view.iter().filter(|bind| wanted(bind)).map(|bind| bind.path.clone()).collect()
        };
        let covered = |place: &Path| plan.view.iter().any(|bind| place.starts_with(&bind.path));
        let private = ["/", "/tmp", Plan::HOME, Plan::SCRATCH].map(Path::new);
        let own = private.into_iter().filter(|place| !covered(place)).filter_map(|place| root.device(place));
        Self {
            own: own.collect(),
            root,
            identity,
            denied: of(|bind| bind.access == Access::Deny),
            execute: plan.execute.clone(),
            system: of(|bind| bind.system && bind.access == Access::Read),
            view: plan.view.clone(),
            captured: plan
                .captures()
                .iter()
                .flat_map(|one| &one.shown)
                .map(|shown| shown.at.clone())
                .collect(),
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
        // Everything is the host's.
        self.own.clear();
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

    /// Whether a file system, by its device number, was made for this run.
    pub(super) fn is_own(&self, device: u64) -> bool {
        self.own.contains(&device)
    }

    /// Whether the call cannot be refused, by its text alone: a plain look into the system's own files.
    pub(super) fn is_harmless(&self, used: &PathUse) -> bool {
        !self.is_on_the_host() && self.looks_at_system(used)
    }

    /// Whether this is a plain look into the system's own files. Only a link of theirs can lead elsewhere.
    pub(super) fn looks_at_system(&self, used: &PathUse) -> bool {
        let plain = match used.how {
            How::Rights(wanted) => wanted & libc::X_OK == 0,
            How::Open { keeps_time, .. } => !keeps_time,
            _ => true,
        };
        used.operation == Operation::Read
            && plain
            && self.denied.is_empty()
            && !used.path.components().any(|part| part == std::path::Component::ParentDir)
            && self.system.iter().any(|system| used.path.starts_with(system))
    }

    /// Whether nothing inside can make the same use come out differently: a look into the read-only system, through no
    /// link that lies elsewhere.
    pub(super) fn lasts(&self, used: &PathUse, judged: &Judged) -> bool {
        if self.is_on_the_host() {
            return false;
        }
        let fixed = |path: &Path| {
            let around = self.view.iter().filter(|bind| path.starts_with(&bind.path));
            around.max_by_key(|bind| bind.path.as_os_str().len()).filter(|bind| bind.access == Access::Read)
        };
        let through_no_link = judged.path == used.path;
        used.operation == Operation::Read
            && matches!(used.how, How::Query | How::Open { write: false, create: false, .. })
            && fixed(&used.path).is_some_and(|bind| bind.system || through_no_link)
            && fixed(&judged.path).is_some()
    }

    /// What will come of a call that takes these paths. A call with two ends at the first that fails: what it would do to
    /// the other is not told then.
    pub(super) fn judge_all(&self, uses: &[PathUse], caller: Caller) -> Vec<Judged> {
        match uses {
            [from, to] if matches!(from.how, How::Rename { .. }) => self.judge_rename(from, to, caller),
            [from, to] => self.judge_link(from, to, caller),
            uses => uses.iter().map(|used| self.judge(used, Some(caller))).collect(),
        }
    }

    pub(super) fn judge(&self, used: &PathUse, caller: Option<Caller>) -> Judged {
        let names = is_about_name(used.how);
        let reached = self.reach(used, caller, names);
        match &reached.end {
            End::Here(found) => self.judge_found(&reached.path, found, reached.parent.as_ref(), used),
            End::Absent => self.judge_absent(&reached, used),
            End::Fails(errno) => self.judge_failed(&reached, *errno, used),
            End::Unsure => Judged { sure: false, ..allowed(normal(&used.path), used.operation) },
        }
    }

    /// What a path leads to, for a call that is carried out for the program; else the errno that it is to get.
    pub(super) fn find(&self, used: &PathUse, caller: Caller) -> Result<Found, i32> {
        match self.reach(used, Some(caller), false).end {
            End::Here(found) => Ok(found),
            End::Absent => Err(libc::ENOENT),
            End::Fails(errno) => Err(errno),
            End::Unsure => Err(libc::EACCES),
        }
    }

    /// Look with one call where that is enough, and part by part where the folder is needed or something stands in the way.
    fn reach(&self, used: &PathUse, caller: Option<Caller>, name: bool) -> Reached {
        if let (Some((fd, rest)), Some(caller)) = (&used.from, caller)
            && rest.as_os_str().is_empty()
        {
            let end = place::descriptor(caller, *fd).map_or(End::Unsure, End::Here);
            let path = if let End::Here(found) = &end { found.path.clone() } else { used.path.clone() };
            return Reached::new(path, None, end);
        }
        let follow = used.follow || (used.tail == Tail::Slash && !name);
        let creates = matches!(used.how, How::Open { create: true, .. });
        if !name
            && !creates
            && !used.path.starts_with("/proc")
            && let Ok(found) = self.root.look(&used.path, follow)
        {
            return Reached::new(found.path.clone(), None, End::Here(found));
        }
        // A slash behind the name of what is to be made fails before a link of that name is followed.
        let follow = used.follow && !(creates && used.tail == Tail::Slash);
        let look = Look { follow, name: name || creates };
        match (&used.from, caller) {
            (Some((fd, rest)), Some(caller)) => self.root.walk(rest, Some(*fd), look, Some(caller)),
            _ => self.root.walk(&used.path, None, look, caller),
        }
    }

    fn owns(&self, found: &Found) -> bool {
        found.owner == self.identity.uid
    }

    /// The kernel's own answer whether the program's user may do this, and who says no.
    fn lacks(&self, found: &Found, wanted: i32) -> Option<Refusal> {
        match self.root.permits(found, wanted) {
            Ok(()) => None,
            Err(libc::EROFS) => Some(refusal(libc::EROFS, Layer::Mount)),
            Err(errno) => Some(self.permission(&found.path, errno)),
        }
    }

    /// May names in the folder be added?
    fn lacks_folder(&self, folder: &Found) -> Option<Refusal> {
        if folder.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        self.without_names(folder).or_else(|| self.lacks(folder, libc::W_OK | libc::X_OK))
    }

    /// A refusal by owner and mode bits; by the policy when the path is covered by a `deny`.
    fn permission(&self, path: &Path, errno: i32) -> Refusal {
        let covered = self.denied.iter().any(|denied| path.starts_with(denied));
        refusal(errno, if covered { Layer::Mount } else { Layer::Permissions })
    }
}

/// Whether the path ends in a name, and not in dots.
fn is_named(used: &PathUse) -> bool {
    matches!(used.tail, Tail::Name | Tail::Slash)
}

/// Something is mounted on that name: it cannot be taken away, whoever asks.
fn is_mount_point(parent: &Found, found: &Found) -> bool {
    parent.mount() != found.mount()
}

/// Calls about a name in a folder rather than about what has it.
fn is_about_name(how: How) -> bool {
    matches!(how, How::Make { .. } | How::Unlink | How::RemoveFolder | How::Rename { .. })
}

fn refusal(errno: i32, layer: Layer) -> Refusal {
    Refusal { errno, layer, exists_outside: false }
}

fn allowed(path: PathBuf, operation: Operation) -> Judged {
    Judged { path, operation, verdict: Verdict::Allowed, refusal: None, sure: true }
}

fn denied(path: PathBuf, operation: Operation, reason: Refusal) -> Judged {
    Judged { path, operation, verdict: Verdict::Denied, refusal: Some(reason), sure: true }
}

fn verdict(path: PathBuf, operation: Operation, reason: Option<Refusal>) -> Judged {
    match reason {
        None => allowed(path, operation),
        Some(reason) => denied(path, operation, reason),
    }
}
