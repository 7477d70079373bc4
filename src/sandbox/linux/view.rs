//! The mount view: a small tmpfs that holds only what the plan lists, in place of the host's root.
//!
//! Told in order: copy the listed trees while the old root is still there, put an empty tmpfs in place of the
//! root, attach the copies at the places they came from, add `/proc`, `/dev`, the few files of `/etc` that the
//! sandbox writes itself and the private file system behind `/tmp`, HOME and the scratch directory, let go of
//! the old root, make the new one read-only. mount(2), pivot_root(2), open_tree(2), mount_setattr(2).

use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::fstat;
use serde::{Deserialize, Serialize};

use super::capture::{self, Stage};
use super::launcher::{Identity, Idmaps};
use super::sys;
use super::wire::{Failure, Step};
use crate::sandbox::plan::{Access, Bind, Plan};

/// A thing to be put into the view, taken from the host before the host's root goes away.
#[derive(Debug)]
pub(super) struct Source {
    pub target: PathBuf,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A detached copy of the mounts at that path.
    Tree { tree: OwnedFd, directory: bool },
    /// `/bin -> usr/bin`: shown as the link that it is.
    Link(PathBuf),
    /// Nothing to copy: a cover that makes the path unusable.
    Cover { directory: bool },
    /// What lies beneath a captured folder. Not in view itself.
    Beneath { capture: usize, tree: OwnedFd },
    /// A captured folder, or a part of it.
    Captured { capture: usize, below: PathBuf },
}

/// A source on its way from the launcher to a sandbox; the trees' descriptors travel beside the list, in order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Packed {
    target: PathBuf,
    kind: PackedKind,
}

#[derive(Debug, Serialize, Deserialize)]
enum PackedKind {
    Tree { directory: bool },
    Link(PathBuf),
    Cover { directory: bool },
    Beneath { capture: usize },
    Captured { capture: usize, below: PathBuf },
}

pub(super) fn pack(sources: Vec<Source>) -> (Vec<Packed>, Vec<OwnedFd>) {
    let mut trees = Vec::new();
    let mut pack_one = |source: Source| {
        let kind = match source.kind {
            Kind::Tree { tree, directory } => {
                trees.push(tree);
                PackedKind::Tree { directory }
            }
            Kind::Link(to) => PackedKind::Link(to),
            Kind::Cover { directory } => PackedKind::Cover { directory },
            Kind::Beneath { capture, tree } => {
                trees.push(tree);
                PackedKind::Beneath { capture }
            }
            Kind::Captured { capture, below } => PackedKind::Captured { capture, below },
        };
        Packed { target: source.target, kind }
    };
    let packed = sources.into_iter().map(&mut pack_one).collect();
    (packed, trees)
}

/// `None` when a descriptor is missing.
pub(super) fn unpack(packed: Vec<Packed>, trees: impl IntoIterator<Item = OwnedFd>) -> Option<Vec<Source>> {
    let mut trees = trees.into_iter();
    let mut unpack_one = |packed: Packed| {
        let kind = match packed.kind {
            PackedKind::Tree { directory } => Kind::Tree { tree: trees.next()?, directory },
            PackedKind::Link(to) => Kind::Link(to),
            PackedKind::Cover { directory } => Kind::Cover { directory },
            PackedKind::Beneath { capture } => Kind::Beneath { capture, tree: trees.next()? },
            PackedKind::Captured { capture, below } => Kind::Captured { capture, below },
        };
        Some(Source { target: packed.target, kind })
    };
    packed.into_iter().map(&mut unpack_one).collect()
}

const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Open everything the plan shows, below the host's `root`. Paths that do not exist are left out: the plan lists system
/// folders that not every machine has.
///
/// `owners`: run by root, so that files of each source's owner must appear as the program's own.
pub(super) fn open_sources(
    plan: &Plan,
    root: BorrowedFd<'_>,
    mut owners: Option<(Identity, &mut Idmaps)>,
) -> Result<Vec<Source>, Failure> {
    let mut sources = capture::open_beneath(plan, root, owners.as_mut())?;
    for bind in &plan.view {
        if let Some(source) = capture::shown(plan, bind) {
            sources.push(source);
            continue;
        }
        let owners = owners.as_mut().map(|(identity, idmaps)| (*identity, &mut **idmaps));
        if let Some(source) = open_source(bind, root, owners).step(format!("open {}", bind.path.display()))? {
            capture::check_direct(plan, bind, &source).step(format!("open {}", bind.path.display()))?;
            sources.push(source);
        }
    }
    for name in DEVICES {
        let target = Path::new("/dev").join(name);
        let tree = pin(root, &target).and_then(|place| sys::open_tree(place.as_fd()));
        let tree = tree.step(format!("open {}", target.display()))?;
        sources.push(Source { target, kind: Kind::Tree { tree, directory: false } });
    }
    Ok(sources)
}

/// A descriptor that stands for a path below `root`; a link at its end is not followed. openat2(2).
pub(super) fn pin(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat2(root, path, OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT))?)
}

/// Whether trees can be copied at all: a container's filter may allow namespaces and not these newer calls.
pub(super) fn try_copies(root: BorrowedFd<'_>) -> Result<(), Failure> {
    let place = pin(root, Path::new("/dev/null")).step("open /dev/null")?;
    let tree = sys::open_tree(place.as_fd()).step("copy a mount (open_tree)")?;
    sys::restrict_mount(tree.as_fd(), sys::ATTR_NOSUID).step("restrict a mount (mount_setattr)")
}

/// The first steps of a view, to see whether they are possible. Call in a mount namespace of its own.
pub(super) fn try_view() -> Result<(), Failure> {
    enter_new_root()?;
    try_copies(old_root()?.as_fd())
}

fn open_source(
    bind: &Bind,
    root: BorrowedFd<'_>,
    owners: Option<(Identity, &mut Idmaps)>,
) -> io::Result<Option<Source>> {
    let place = match pin(root, &bind.path) {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let stat = fstat(&place)?;
    let directory = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let source = |kind| Some(Source { target: bind.path.clone(), kind });
    if stat.st_mode & libc::S_IFMT == libc::S_IFLNK {
        return Ok(source(Kind::Link(readlinkat(&place, "")?.into())));
    }
    if bind.access == Access::Deny {
        return Ok(source(Kind::Cover { directory }));
    }
    let owners = owners.filter(|_| !bind.system);
    let tree = copy_tree(place.as_fd(), (stat.st_uid, stat.st_gid), owners, bind.access == Access::Read)?;
    Ok(source(Kind::Tree { tree, directory }))
}

/// A copy of the mounts at `place`. `owner`: whose files are to appear as the program's own, when there are `owners`.
pub(super) fn copy_tree(
    place: BorrowedFd<'_>,
    owner: (u32, u32),
    owners: Option<(Identity, &mut Idmaps)>,
    read_only: bool,
) -> io::Result<OwnedFd> {
    let tree = sys::open_tree(place)?;
    if let Some((identity, idmaps)) = owners {
        let userns = idmaps.for_owner(owner, identity)?;
        // File systems without id maps keep their owners: readable and writable as their modes say.
        match sys::idmap_mount(tree.as_fd(), userns) {
            Err(error) if error.raw_os_error() != Some(libc::EINVAL) => return Err(error),
            _ => {}
        }
    }
    let attributes = sys::ATTR_NOSUID | sys::ATTR_NODEV | if read_only { sys::ATTR_RDONLY } else { 0 };
    sys::restrict_mount(tree.as_fd(), attributes)?;
    Ok(tree)
}

/// Put an empty root in place of the host's. The old one stays reachable at `/old` until [`leave_old_root`].
pub(super) fn enter_new_root() -> Result<(), Failure> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .step("make mounts private")?;
    // Any folder that surely exists will do as the place of the new root.
    let place = "/proc";
    mount(
        Some("tmpfs"),
        place,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some("mode=755,size=4m,nr_inodes=16k"),
    )
    .step("mount the new root")?;
    nix::unistd::chdir(place).step("enter the new root")?;
    fs::create_dir("old").step("create /old")?;
    nix::unistd::pivot_root(".", "old").step("pivot_root")?;
    nix::unistd::chdir("/").step("enter the new root")
}

/// The host's root, as long as it is there.
pub(super) fn old_root() -> Result<OwnedFd, Failure> {
    Ok(fs::File::open("/old").step("open the old root")?.into())
}

/// Attach every source at its place.
pub(super) fn attach(sources: &[Source], stage: Option<&Stage>) -> Result<(), Failure> {
    for source in sources {
        attach_one(source, stage).step(format!("mount {}", source.target.display()))?;
    }
    Ok(())
}

/// Make the links that the host does not have.
pub(super) fn link(links: &[(PathBuf, PathBuf)]) -> Result<(), Failure> {
    links.iter().try_for_each(|(path, target)| symlink(target, path).step(format!("link {}", path.display())))
}

fn attach_one(source: &Source, stage: Option<&Stage>) -> io::Result<()> {
    let target = &source.target;
    match &source.kind {
        Kind::Link(to) => {
            if let Some(parent) = target.parent() {
                make_directories(parent)?;
            }
            match symlink(to, target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            }
        }
        Kind::Tree { tree, directory } => {
            make_place(target, *directory)?;
            let with_places = stage.and_then(|stage| stage.with_places(target));
            sys::move_mount(with_places.unwrap_or(tree.as_fd()), target)
        }
        Kind::Cover { directory } => cover(target, *directory),
        Kind::Beneath { .. } => Ok(()),
        Kind::Captured { capture, below } => {
            let stage = stage.ok_or_else(|| io::Error::other("nothing is captured"))?;
            let (tree, directory) = stage.part(*capture, below)?;
            make_place(target, directory)?;
            sys::move_mount(tree.as_fd(), target)
        }
    }
}

/// Hide what is at `target` behind something that nobody may open.
fn cover(target: &Path, directory: bool) -> io::Result<()> {
    if fs::symlink_metadata(target).is_err() {
        // Not in view at all: nothing to hide.
        return Ok(());
    }
    if directory {
        mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::MS_RDONLY, Some("mode=000,size=4k"))?;
        return Ok(());
    }
    let blank = Path::new("/.covered");
    if fs::symlink_metadata(blank).is_err() {
        fs::File::create(blank)?.set_permissions(fs::Permissions::from_mode(0o000))?;
    }
    mount(Some(blank), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    // Its owner could else give itself the right to open it.
    let flags =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>)?;
    Ok(())
}

/// A folder or an empty file to mount on. Below a tree that is already in view it exists there already.
fn make_place(target: &Path, directory: bool) -> io::Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        return Ok(());
    }
    if directory {
        return make_directories(target);
    }
    if let Some(parent) = target.parent() {
        make_directories(parent)?;
    }
    fs::File::create(target).map(drop)
}

pub(super) fn make_directories(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// `/proc`, `/dev`, `/tmp`, HOME, scratch. Returns whether `/proc` could be mounted.
pub(super) fn add_private_places() -> Result<bool, Failure> {
    let private = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    make_directories(Path::new("/staging")).step("create /staging")?;
    mount(Some("tmpfs"), "/staging", Some("tmpfs"), private, Some("mode=700,size=4k,nr_inodes=64k"))
        .step("mount the scratch file system")?;
    for (name, target) in
        [("tmp", "/tmp"), ("home", Plan::HOME), ("scratch", Plan::SCRATCH), ("shm", "/dev/shm")]
    {
        let staged = Path::new("/staging").join(name);
        fs::create_dir(&staged).step(format!("create {}", staged.display()))?;
        make_directories(Path::new(target)).step(format!("create {target}"))?;
        mount(Some(&staged), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .step(format!("mount {target}"))?;
    }
    umount2("/staging", MntFlags::MNT_DETACH).step("unmount /staging")?;
    fs::remove_dir("/staging").step("remove /staging")?;
    for (link, to) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, link).step(format!("create {link}"))?;
    }
    make_directories(Path::new("/proc")).step("create /proc")?;
    // Read-only: nothing inside has business with the kernel's settings. A machine that hides parts of its own
    // /proc (containers do) does not allow a fresh one; the report then says so.
    let flags = private | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    Ok(mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>).is_ok())
}

/// Memory that the kernel needs for a file that is empty: files count as much for the scratch file system.
pub(super) const FILE_COST: u64 = 1024;

/// The private places belong to the program's user, although somebody else has made them.
pub(super) fn give_private_places(identity: Identity) -> Result<(), Failure> {
    for place in ["/tmp", Plan::HOME, Plan::SCRATCH, "/dev/shm"] {
        std::os::unix::fs::chown(place, Some(identity.uid), Some(identity.gid))
            .step(format!("give {place}"))?;
    }
    Ok(())
}

/// Give the scratch file system its size, which is only known with the plan.
pub(super) fn size_scratch(bytes: u64) -> Result<(), Failure> {
    // Its own folders need some.
    const FEWEST_FILES: u64 = 64;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let size = format!("size={bytes},nr_inodes={}", (bytes / FILE_COST).max(FEWEST_FILES));
    mount(None::<&str>, Plan::SCRATCH, None::<&str>, flags, Some(size.as_str()))
        .step("size the scratch file system")
}

/// The files of `/etc` that describe the sandbox rather than the host.
pub(super) fn write_etc(identity: Identity) -> Result<(), Failure> {
    let Identity { uid, gid, .. } = identity;
    make_directories(Path::new("/etc")).step("create /etc")?;
    let home = Plan::HOME;
    for (name, text) in [
        ("passwd", format!("skill:x:{uid}:{gid}:skill:{home}:/bin/sh\n")),
        ("group", format!("skill:x:{gid}:\n")),
        ("hostname", "skilldeck\n".into()),
        ("host.conf", "multi on\n".into()),
        ("gai.conf", String::new()),
        ("protocols", "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n".into()),
        ("hosts", "127.0.0.1 localhost skilldeck\n::1 ip6-localhost ip6-loopback\n".into()),
        // The supervisor answers there: see the `names` module.
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n".into()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".into()),
    ] {
        fs::write(Path::new("/etc").join(name), text).step(format!("write /etc/{name}"))?;
    }
    Ok(())
}

/// Add the hosts that were granted by name to `/etc/hosts`: see the `names` module.
pub(super) fn pin_names(pinned: &[(String, Ipv4Addr)]) -> Result<(), Failure> {
    let add = || {
        let mut hosts = io::BufWriter::new(fs::OpenOptions::new().append(true).open("/etc/hosts")?);
        pinned.iter().try_for_each(|(name, address)| writeln!(hosts, "{address} {name}"))?;
        hosts.flush()
    };
    if pinned.is_empty() { Ok(()) } else { add().step("write /etc/hosts") }
}

/// Let go of the host's root for good, and make the new root unchangeable.
pub(super) fn leave_old_root() -> Result<OwnedFd, Failure> {
    umount2("/old", MntFlags::MNT_DETACH).step("unmount the old root")?;
    fs::remove_dir("/old").step("remove /old")?;
    let flags =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).step("make the root read-only")?;
    let root = nix::fcntl::open(
        "/",
        nix::fcntl::OFlag::O_PATH | nix::fcntl::OFlag::O_DIRECTORY | nix::fcntl::OFlag::O_CLOEXEC,
        nix::sys::stat::Mode::empty(),
    );
    root.step("open the new root")
}
