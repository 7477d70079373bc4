//! Foretells what the kernel will say to a path call, and which layer says it.
//!
//! A notification shows an attempt, not its result (seccomp_unotify(2)), so the same rules that the kernel is
//! about to apply are applied here to the same tree: the view's mounts, Landlock, owner and mode bits.

mod pairs;

use std::io;
use std::path::{Path, PathBuf};

use landlock::{AccessFs, BitFlags};

use super::bare::{self, Rule};
use super::calls::{How, PathUse, Space};
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

    fn judge_found(&self, path: &Path, found: &Found, parent: Option<&Found>, used: &PathUse) -> Judged {
        if let Some(reason) = self.is_on_the_host().then(|| self.without_rule(found, used)).flatten() {
            return denied(path.to_owned(), used.operation, reason);
        }
        let reason = match used.how {
            How::Query | How::Make { .. } => None,
            How::ReadLink => (!self.is_on_the_host() && is_guarded_link(path))
                .then(|| refusal(libc::EACCES, Layer::Landlock)),
            How::Rights(wanted) => self.lacks(found, wanted),
            // A mount that is read-only does not matter to sockets; a file system that is does, to everything else.
            How::Connect => {
                let lacks = self.lacks(found, libc::W_OK).filter(|reason| {
                    reason.errno != libc::EROFS
                        || path.starts_with("/proc")
                        || self.denied.contains(&found.path)
                });
                let is_closed = found.kind() == libc::S_IFSOCK && !self.is_own(found.file.0);
                lacks.or_else(|| is_closed.then(|| refusal(libc::EACCES, Layer::Network)))
            }
            How::Enter if !found.is_directory() => None,
            How::Enter => self.lacks(found, libc::X_OK),
            How::Open { .. } => self.opening(found, used),
            How::Unlink | How::RemoveFolder => self.removal(found, parent, used),
            How::Execute if found.kind() == libc::S_IFLNK => None,
            How::Execute if found.kind() != libc::S_IFREG => Some(self.permission(path, libc::EACCES)),
            How::Execute => self.lacks(found, libc::X_OK).or_else(|| {
                // Landlock has no say about files that are on no mount; without it nothing tells programs in view apart.
                let listed = path.starts_with("/memfd:stdin (deleted)")
                    || self.execute.iter().any(|allowed| found.path.starts_with(allowed));
                let held = !listed && self.landlock_abi > 0;
                held.then(|| refusal(libc::EACCES, Layer::Landlock))
            }),
            // Only with the other path: `judge_rename`, `judge_link`.
            How::Rename { .. } | How::Link => None,
            How::Mode(_) | How::Owner { .. } | How::Times { .. } | How::Length | How::Attribute { .. } => {
                self.change(found, used.how)
            }
        };
        verdict(path.to_owned(), used.operation, reason)
    }

    /// open(2) of what is there, in the order in which the kernel asks.
    fn opening(&self, found: &Found, used: &PathUse) -> Option<Refusal> {
        let How::Open { read, write, truncate, create, exclusive, unnamed, keeps_time, no_link, folder } =
            used.how
        else {
            return None;
        };
        let (is_folder, is_link) = (found.is_directory(), found.kind() == libc::S_IFLNK);
        if unnamed {
            return if is_folder { self.lacks_folder(found) } else { None };
        }
        let exists = create && (exclusive || is_folder || used.tail != Tail::Name);
        if exists || no_link && is_link || (folder || used.tail == Tail::Slash) && !is_folder {
            return None;
        }
        if truncate && found.kind() == libc::S_IFREG && found.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        if is_folder && (write || truncate) {
            return None;
        }
        let wanted = if read { libc::R_OK } else { 0 } | if write || truncate { libc::W_OK } else { 0 };
        if let Some(reason) = self.lacks(found, wanted) {
            let runs = reason.errno == libc::EROFS
                && found.kind() == libc::S_IFREG
                && self.root.refusal_to_write(found) == libc::ETXTBSY;
            return (!runs).then_some(reason);
        }
        if keeps_time && !self.owns(found) {
            return Some(self.permission(&found.path, libc::EPERM));
        }
        is_guarded_file(&found.path).then(|| refusal(libc::EACCES, Layer::Landlock))
    }

    /// unlink(2), rmdir(2).
    fn removal(&self, found: &Found, parent: Option<&Found>, used: &PathUse) -> Option<Refusal> {
        let folder = used.how == How::RemoveFolder;
        match used.tail {
            Tail::Root if folder => return Some(refusal(libc::EBUSY, Layer::Mount)),
            Tail::Dot | Tail::DotDot | Tail::Root => return None,
            Tail::Name | Tail::Slash => {}
        }
        let parent = parent?;
        if parent.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        if used.tail == Tail::Slash && !folder {
            return None;
        }
        match self.may_delete(parent, found, folder) {
            Err(reason) => reason,
            Ok(()) => is_mount_point(parent, found).then(|| refusal(libc::EBUSY, Layer::Mount)),
        }
    }

    /// Whether a name can be taken away, mounts left aside: `Err(None)` when that fails for no reason worth telling.
    fn may_delete(&self, parent: &Found, found: &Found, folder: bool) -> Result<(), Option<Refusal>> {
        if let Some(reason) = self.lacks(parent, libc::W_OK | libc::X_OK) {
            return Err(Some(reason));
        }
        let sticky = parent.mode & libc::S_ISVTX != 0;
        if sticky && !self.owns(found) && !self.owns(parent) {
            return Err(Some(self.permission(&found.path, libc::EPERM)));
        }
        if folder == found.is_directory() { Ok(()) } else { Err(None) }
    }

    /// Changes of what is there: chmod(2), chown(2), utimensat(2), truncate(2), setxattr(2).
    fn change(&self, found: &Found, how: How) -> Option<Refusal> {
        let own = self.owns(found);
        let plain = matches!(found.kind(), libc::S_IFREG | libc::S_IFDIR);
        let not_mine = || Some(self.permission(&found.path, libc::EPERM));
        if let How::Attribute { write: false, space } = how {
            let asks = space == Space::Other || space == Space::User && plain;
            return if asks { self.lacks(found, libc::R_OK) } else { None };
        }
        if how == How::Length && found.kind() != libc::S_IFREG {
            return None;
        }
        // Since Linux 6.14 the file's mode is asked before the mount.
        let mode_first = how == How::Length && super::doctor::kernel_version() >= (6, 14);
        if !mode_first && found.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        // Neither mode nor owner of what has no name at all can be changed, whoever asks.
        let nameless = found.path.to_string_lossy().starts_with("anon_inode:");
        match how {
            How::Mode(_)
            | How::Owner { .. }
            | How::Times { now: false }
            | How::Attribute { space: Space::Security, .. }
                if nameless =>
            {
                None
            }
            // The run's own input is sealed against becoming a program: memfd_create(2).
            How::Mode(mode) if mode & 0o111 != 0 && found.path.starts_with("/memfd:stdin (deleted)") => {
                not_mine()
            }
            How::Mode(_) if found.kind() == libc::S_IFLNK || own => None,
            How::Owner { uid, gid } => {
                let known = |id: u32, own: u32| id == u32::MAX || id == own;
                let sets = uid != u32::MAX || gid != u32::MAX;
                let exist = known(uid, self.identity.uid) && known(gid, self.identity.gid);
                if !exist || !sets || own { None } else { not_mine() }
            }
            How::Times { .. } if own => None,
            How::Times { now: true } | How::Length => self.lacks(found, libc::W_OK),
            How::Mode(_) | How::Times { .. } => not_mine(),
            How::Attribute { space: Space::System, .. } => None,
            How::Attribute { space: Space::Trusted | Space::Security, .. } => not_mine(),
            How::Attribute { space: Space::User, .. } => {
                let sticky = found.is_directory() && found.mode & libc::S_ISVTX != 0;
                if !plain || sticky && !own { not_mine() } else { self.lacks(found, libc::W_OK) }
            }
            _ => self.lacks(found, libc::W_OK),
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

    /// What Landlock says on the host's own ground. It does not mediate looks at a path, nor entering.
    fn without_rule(&self, found: &Found, used: &PathUse) -> Option<Refusal> {
        let has = |access| self.has_rule(&found.path, access);
        let allowed = match used.how {
            How::Open { create: true, exclusive: true, .. } => true,
            How::Open { write: false, truncate: false, .. } if found.is_directory() => {
                has(AccessFs::ReadDir.into())
            }
            How::Open { .. } if found.is_directory() => true,
            How::Open { read, write, truncate, .. } => {
                let mut wanted = BitFlags::<AccessFs>::empty();
                if read {
                    wanted |= AccessFs::ReadFile;
                }
                if write {
                    wanted |= AccessFs::WriteFile;
                }
                if truncate && self.landlock_abi >= 3 {
                    wanted |= AccessFs::Truncate;
                }
                has(wanted)
            }
            How::Unlink | How::RemoveFolder => {
                let folder = found.path.parent().unwrap_or(&found.path);
                self.has_rule(folder, AccessFs::MakeReg | AccessFs::RemoveFile)
            }
            // The supervisor carries these out where the program may write.
            How::Mode(_) | How::Owner { .. } | How::Times { .. } | How::Length => {
                has(AccessFs::WriteFile.into())
            }
            How::Attribute { write: true, .. } => has(AccessFs::WriteFile.into()),
            How::Execute => has(AccessFs::Execute.into()),
            _ => true,
        };
        (!allowed).then(|| refusal(libc::EACCES, Layer::Landlock))
    }

    /// A file that comes to be where more may be done with it: refused by Landlock where it stands alone.
    fn without_refer(&self, source: &Found, folder: &Found) -> Option<Refusal> {
        let moves = source.path.parent() != Some(&folder.path);
        let refers = |path: &Path| self.has_rule(path, AccessFs::Refer.into());
        (moves && !(refers(&source.path) && refers(&folder.path)))
            .then(|| refusal(libc::EXDEV, Layer::Landlock))
    }

    /// May names in the folder be added?
    fn lacks_folder(&self, folder: &Found) -> Option<Refusal> {
        if folder.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        self.without_names(folder).or_else(|| self.lacks(folder, libc::W_OK | libc::X_OK))
    }

    /// What Landlock says on the host's own ground to names that come into a folder or leave it. It is asked before the
    /// folder's mode.
    fn without_names(&self, folder: &Found) -> Option<Refusal> {
        let names = AccessFs::MakeReg | AccessFs::RemoveFile;
        (!self.has_rule(&folder.path, names)).then(|| refusal(libc::EACCES, Layer::Landlock))
    }

    fn judge_absent(&self, reached: &Reached, used: &PathUse) -> Judged {
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

    fn judge_failed(&self, reached: &Reached, errno: i32, used: &PathUse) -> Judged {
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

    fn missing(&self, reached: &Reached, operation: Operation) -> Judged {
        let own = self.is_of_own_process(&reached.path) || self.is_captured(&reached.path);
        let outside = reached.is_hidden(false) && !own;
        absent(reached.path.clone(), operation, outside)
    }

    /// What comes of a path as far as leading somewhere goes; `None` when it leads to something.
    fn ended(&self, reached: &Reached, used: &PathUse) -> Option<Judged> {
        match reached.end {
            End::Here(_) => None,
            End::Absent => Some(self.missing(reached, used.operation)),
            End::Fails(errno) => Some(self.judge_failed(reached, errno, used)),
            End::Unsure => Some(Judged { sure: false, ..allowed(normal(&used.path), used.operation) }),
        }
    }

    /// What the run itself has taken away is absent, not hidden, although the host still has it.
    fn is_captured(&self, path: &Path) -> bool {
        self.captured.iter().any(|captured| path.starts_with(captured))
    }

    /// Below `/proc/N` of a process inside: process N of the host is another one.
    fn is_of_own_process(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix("/proc") else { return false };
        let Some(number) = below.iter().next() else { return false };
        self.root.exists(&Path::new("/proc").join(number))
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

/// What is left of a path in the folder of the sandbox's own first process, which nothing inside may trace:
/// proc(5), "ptrace access mode".
fn of_first_process(path: &Path) -> Option<&Path> {
    path.strip_prefix("/proc/1").ok()
}

/// Files that say who may open them only when they are opened.
fn is_guarded_file(path: &Path) -> bool {
    const GUARDED: [&str; 7] = ["maps", "smaps", "smaps_rollup", "numa_maps", "mem", "environ", "auxv"];
    of_first_process(path).is_some_and(|rest| GUARDED.iter().any(|name| rest.ends_with(name)))
}

fn is_guarded_link(path: &Path) -> bool {
    let Some(rest) = of_first_process(path) else { return false };
    let folder = rest.iter().rev().nth(1);
    folder.is_some_and(|folder| folder == "fd" || folder == "ns" || folder == "map_files")
        || ["cwd", "root", "exe"].iter().any(|name| rest.ends_with(name))
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

/// Not in view. Hidden when the host has it; else missing everywhere.
fn absent(path: PathBuf, operation: Operation, outside: bool) -> Judged {
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
