//! Where a path leads, seen with the sandbox's eyes: inside the view, absent, or hidden outside.
//!
//! The kernel is asked wherever it can be: as the program's user it looks the path up in the sandbox's own root, and says
//! what that user may do with what it finds. Only where it gives one number for several reasons is the way walked part by
//! part ([`Root::walk`]).

mod walk;

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, fstat};
use nix::sys::statvfs::{FsFlags, fstatvfs};

use super::launcher::Identity;
use super::sys;
use super::tree::Tree;
use walk::{Walk, parts};

/// What is at a path inside.
#[derive(Debug)]
pub(super) struct Found {
    /// Links resolved.
    pub path: PathBuf,
    /// Kind and permissions: inode(7).
    pub mode: u32,
    pub owner: u32,
    /// Device and number: which file it is.
    pub file: (u64, u64),
    pub fd: OwnedFd,
}

impl Found {
    /// `path`: where it is, when that is known already.
    fn new(fd: OwnedFd, path: Option<PathBuf>) -> nix::Result<Self> {
        let stat = fstat(&fd)?;
        let path = path.unwrap_or_else(|| {
            fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default()
        });
        Ok(Self { path, mode: stat.st_mode, owner: stat.st_uid, file: (stat.st_dev, stat.st_ino), fd })
    }

    pub(super) fn kind(&self) -> u32 {
        self.mode & libc::S_IFMT
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind() == libc::S_IFDIR
    }

    /// The mount it is on is read-only.
    pub(super) fn read_only(&self) -> bool {
        fstatvfs(&self.fd).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_RDONLY))
    }

    /// Number of the mount it is on: statx(2).
    pub(super) fn mount(&self) -> Option<u64> {
        sys::mount_number(self.fd.as_fd()).ok()
    }
}

/// How a look-up ends.
#[derive(Debug)]
pub(super) enum End {
    Here(Found),
    /// Nothing there, in the folder that is [`Reached::parent`] when there is one.
    Absent,
    /// Not let through, too many links, a file where a folder should be, …
    Fails(i32),
    /// Depends on what nobody here can see.
    Unsure,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Reached {
    /// Links followed as far as they lead, `..` resolved.
    pub path: PathBuf,
    /// The folder that holds, or would hold, the last part.
    pub parent: Option<Found>,
    pub end: End,
    /// The first part of the way that is missing, when one is.
    pub stopped: Option<PathBuf>,
}

impl Reached {
    pub(super) fn new(path: PathBuf, parent: Option<Found>, end: End) -> Self {
        Self { path, parent, end, stopped: None }
    }

    /// Whether the host has what is missing: the thing itself, or else the folder in which it would be made.
    pub(super) fn is_hidden(&self, folder: bool) -> bool {
        let path = if folder { self.path.parent().unwrap_or(&self.path) } else { &self.path };
        hidden_outside(path)
            && self.stopped.as_ref().is_none_or(|stopped| stopped == path || hidden_outside(stopped))
    }
}

/// What follows the last name of a path: path_resolution(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tail {
    /// Nothing.
    Name,
    /// A slash: only a folder will do.
    Slash,
    /// The path ends in `.`.
    Dot,
    /// The path ends in `..`.
    DotDot,
    /// There is no name at all.
    Root,
}

impl Tail {
    pub(super) fn of(path: &Path) -> Self {
        let text = path.as_os_str().as_bytes();
        let trimmed = text.iter().rposition(|byte| *byte != b'/').map_or(&text[..0], |at| &text[..=at]);
        let last = trimmed.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        match last {
            b"" => Self::Root,
            b"." => Self::Dot,
            b".." => Self::DotDot,
            _ if trimmed.len() < text.len() => Self::Slash,
            _ => Self::Name,
        }
    }
}

/// How to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The last part, when it is a link, is followed too; a slash behind it does so as well.
    pub follow: bool,
    /// The call acts on the name itself: a slash behind a link does not follow it.
    pub name: bool,
}

/// The process that asks: where `/proc/self` and descriptors lead depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub tid: i32,
    /// Its process number as it sees it itself, when that was found out.
    pub inside: Option<i32>,
}

/// The root of a sandbox's view, held by a descriptor.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    /// The program's user and group, when the supervisor is root and has to ask as somebody else.
    user: Option<(u32, u32)>,
    /// The run's processes among all that `/proc` below this root shows.
    tree: Option<Tree>,
}

/// This thread asks the kernel as the program's user until this is dropped: setfsuid(2).
#[derive(Debug)]
struct AsProgram(bool);

impl AsProgram {
    fn new(user: Option<(u32, u32)>) -> Self {
        thread_local! {
            static GROUPS_LEFT: Cell<bool> = const { Cell::new(false) };
        }
        let Some((uid, gid)) = user else { return Self(false) };
        // The groups stay: with user 0 back in place they make no difference.
        if !GROUPS_LEFT.replace(true) {
            sys::leave_groups_of_thread(gid);
        }
        sys::set_file_user_of_thread(uid);
        Self(true)
    }
}

impl Drop for AsProgram {
    fn drop(&mut self) {
        if self.0 {
            sys::set_file_user_of_thread(0);
        }
    }
}

impl Root {
    pub(super) fn new(fd: OwnedFd, identity: Identity) -> Self {
        Self { fd, user: identity.privileged.then_some((identity.uid, identity.gid)), tree: None }
    }

    /// The host's own root, where a run's processes are those of the tree.
    pub(super) fn of_host(tree: Tree) -> io::Result<Self> {
        Ok(Self { fd: fs::File::open("/")?.into(), user: None, tree: Some(tree) })
    }

    pub(super) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Open a folder or file of the view for reading.
    pub(super) fn open(&self, path: &Path) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        openat2(self.fd.as_fd(), path, how)
    }

    /// A descriptor that stands for what is at the path, without opening it: open(2), `O_PATH`.
    pub(super) fn pin(&self, path: &Path) -> nix::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        openat2(self.fd.as_fd(), path, OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT))
    }

    /// Device number of the file system that is at a path.
    pub(super) fn device(&self, path: &Path) -> Option<u64> {
        Some(fstat(self.pin(path).ok()?).ok()?.st_dev)
    }

    /// Length of a file, when there is one.
    pub(super) fn length(&self, path: &Path) -> Option<u64> {
        let stat = fstat(self.pin(path).ok()?).ok()?;
        (stat.st_mode & libc::S_IFMT == libc::S_IFREG).then_some(stat.st_size as u64)
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.pin(path).is_ok()
    }

    /// Whether the program's user may do this with it: 4 to read, 2 to write, 1 to execute or search. The kernel's own
    /// answer, mounts and file systems that are read-only included: access(2).
    pub(super) fn permits(&self, found: &Found, wanted: i32) -> Result<(), i32> {
        let _user = AsProgram::new(self.user);
        sys::may(found.fd.as_fd(), wanted).map_err(|error| error.raw_os_error().unwrap_or(libc::EACCES))
    }

    /// What comes of writing to a file that lies on a read-only mount: mostly that, but a program that runs is told first.
    /// Nothing can come of the attempt itself.
    pub(super) fn refusal_to_write(&self, found: &Found) -> i32 {
        let path = format!("/proc/self/fd/{}", found.fd.as_raw_fd());
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let _user = AsProgram::new(self.user);
        nix::fcntl::open(path.as_str(), flags, Mode::empty()).map_or_else(|errno| errno as i32, |_| 0)
    }

    /// Look at an absolute path with one call: what is there, when the kernel finds something without a link that only the
    /// caller could follow.
    pub(super) fn look(&self, path: &Path, follow: bool) -> nix::Result<Found> {
        let mut flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        if !follow {
            flags |= OFlag::O_NOFOLLOW;
        }
        let how = OpenHow::new().flags(flags);
        let dots = path.components().any(|part| part == Component::ParentDir);
        let _user = AsProgram::new(self.user);
        // Most paths lead through no link, and then are where they say.
        if !dots {
            let plain = how.resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS);
            match openat2(self.fd.as_fd(), path, plain) {
                Err(nix::Error::ELOOP) => {}
                fd => return Found::new(fd?, Some(normal(path))),
            }
        }
        Found::new(openat2(self.fd.as_fd(), path, how.resolve(ResolveFlag::RESOLVE_IN_ROOT))?, None)
    }

    /// Follow a path part by part, from the root or from a descriptor of the caller (`AT_FDCWD` among them).
    pub(super) fn walk(&self, path: &Path, from: Option<i32>, look: Look, caller: Option<Caller>) -> Reached {
        let start = match from {
            Some(fd) => caller.and_then(|caller| descriptor(caller, fd)),
            None => self.start(),
        };
        let Some(start) = start else {
            return Reached::new(path.to_owned(), None, End::Unsure);
        };
        Walk { root: self, caller, look, links: 0, parent: None, at: start, todo: parts(path) }.run(path)
    }

    fn start(&self) -> Option<Found> {
        Found::new(self.fd.try_clone().ok()?, Some(PathBuf::from("/"))).ok()
    }
}

/// What a descriptor of the caller, or its working directory, stands for.
pub(super) fn descriptor(caller: Caller, fd: i32) -> Option<Found> {
    let name = if fd == libc::AT_FDCWD { "cwd".into() } else { format!("fd/{fd}") };
    magic(caller.tid, &name)
}

/// What `/proc/TID/fd/N`, `cwd` and the like stand for.
fn magic(tid: i32, name: &str) -> Option<Found> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let path = PathBuf::from(format!("/proc/{tid}/{name}"));
    Found::new(nix::fcntl::open(&path, flags, Mode::empty()).ok()?, None).ok()
}

/// Whether the host has something there. What the supervisor itself may not look at counts: it is not nothing.
pub(super) fn hidden_outside(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

/// Without `.` and `..`, by the text alone.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                result.pop();
            }
            Component::Normal(name) => result.push(name),
            _ => {}
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Root {
        Root::new(
            OwnedFd::from(fs::File::open("/").unwrap()),
            Identity { privileged: false, ..Identity::current() },
        )
    }

    const FOLLOW: Look = Look { follow: true, name: false };

    #[test]
    fn dots_are_taken_out() {
        assert_eq!(normal(Path::new("/a/./b/../../../c")), Path::new("/c"));
    }

    #[test]
    fn the_tail_of_a_path_is_told_from_its_text() {
        for (text, tail) in [
            ("/", Tail::Root),
            ("//", Tail::Root),
            ("/a", Tail::Name),
            ("/a//", Tail::Slash),
            ("/a/.", Tail::Dot),
            ("/a/./", Tail::Dot),
            ("/a/..", Tail::DotDot),
        ] {
            assert_eq!(Tail::of(Path::new(text)), tail, "{text}");
        }
    }

    #[test]
    fn a_dangling_link_is_followed_to_the_place_that_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere/else", &link).unwrap();
        let reached = host().walk(&link, None, FOLLOW, None);
        assert!(matches!(reached.end, End::Absent));
        assert!(reached.parent.is_none());
        assert_eq!(reached.path, folder.path().join("nowhere/else"));
        assert!(!hidden_outside(&reached.path));
    }

    #[test]
    fn a_link_in_circles_fails() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(matches!(host().walk(&link, None, FOLLOW, None).end, End::Fails(libc::ELOOP)));
    }
}
