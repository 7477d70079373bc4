//! Where a path leads, seen with the sandbox's eyes: inside the view, absent, or hidden outside.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, fstat};
use nix::sys::statvfs::{FsFlags, fstatvfs};

use super::tree::Tree;

/// What is at a path inside.
#[derive(Debug)]
pub(super) enum Place {
    Here(Found),
    /// Nothing there. The folder it would be in, when that exists inside.
    Absent {
        /// Links followed as far as they lead, `..` resolved.
        path: PathBuf,
        parent: Option<Found>,
        /// The host has something at that path.
        outside: bool,
    },
    /// Cannot be looked at (too many links, no search permission on the way, …).
    Unknown {
        errno: i32,
    },
}

#[derive(Debug)]
pub(super) struct Found {
    /// Links resolved.
    pub path: PathBuf,
    pub stat: FileStat,
    /// The mount it is on is read-only.
    pub read_only: bool,
}

impl Found {
    fn new(fd: &OwnedFd) -> nix::Result<Self> {
        let stat = fstat(fd)?;
        let read_only = fstatvfs(fd)?.flags().contains(FsFlags::ST_RDONLY);
        let path = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default();
        Ok(Self { path, stat, read_only })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.stat.st_mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Owner and mode bits: `wanted` is 4 to read, 2 to write, 1 to execute or search. path_resolution(7).
    pub(super) fn permits(&self, uid: u32, gid: u32, wanted: u32) -> bool {
        let shift = if self.stat.st_uid == uid {
            6
        } else if self.stat.st_gid == gid {
            3
        } else {
            0
        };
        (self.stat.st_mode >> shift) & wanted == wanted
    }
}

/// The root of a sandbox's view, held by a descriptor.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    /// The run's processes among all that `/proc` below this root shows.
    tree: Option<Tree>,
}

/// As the kernel: path_resolution(7).
const MOST_LINKS: usize = 40;

impl Root {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { fd, tree: None }
    }

    /// The host's own root, where a run's processes are those of the tree.
    pub(super) fn of_host(tree: Tree) -> std::io::Result<Self> {
        Ok(Self { fd: fs::File::open("/")?.into(), tree: Some(tree) })
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

    /// Length of a file, when there is one.
    pub(super) fn length(&self, path: &Path) -> Option<u64> {
        let found = self.look(path, true).ok()?;
        let is_file = found.stat.st_mode & libc::S_IFMT == libc::S_IFREG;
        is_file.then_some(found.stat.st_size as u64)
    }

    /// Look at an absolute path. `follow`: the last part, when it is a link, is followed too.
    pub(super) fn locate(&self, path: &Path, follow: bool) -> Place {
        match self.look(path, follow) {
            Ok(found) => Place::Here(found),
            Err(nix::Error::ENOENT | nix::Error::ENOTDIR) => self.absent(path, follow),
            Err(errno) => Place::Unknown { errno: errno as i32 },
        }
    }

    fn look(&self, path: &Path, follow: bool) -> nix::Result<Found> {
        let mut flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        if !follow {
            flags |= OFlag::O_NOFOLLOW;
        }
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        Found::new(&openat2(self.fd.as_fd(), path, how)?)
    }

    fn absent(&self, path: &Path, follow: bool) -> Place {
        let mut path = normal(path);
        for _ in 0..MOST_LINKS {
            let parent = path.parent().and_then(|parent| self.look(parent, true).ok());
            // Where the folder really is, so that the host is asked about the same place.
            if let (Some(parent), Some(name)) = (&parent, path.file_name()) {
                path = parent.path.join(name);
            }
            let link = if follow && parent.is_some() { self.read_link(&path) } else { None };
            let Some(target) = link else {
                let outside = hidden_outside(&path);
                return Place::Absent { path, parent, outside };
            };
            path = normal(&path.parent().unwrap_or(Path::new("/")).join(target));
        }
        Place::Unknown { errno: libc::ELOOP }
    }

    /// Target of the link at `path`, when there is a link.
    fn read_link(&self, path: &Path) -> Option<PathBuf> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        let fd = openat2(self.fd.as_fd(), path, how).ok()?;
        nix::fcntl::readlinkat(&fd, "").ok().map(PathBuf::from)
    }
}

/// Whether the host has something there. What the supervisor itself may not look at counts: it is not nothing.
pub(super) fn hidden_outside(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
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
        Root::new(OwnedFd::from(fs::File::open("/").unwrap()))
    }

    #[test]
    fn dots_are_taken_out() {
        assert_eq!(normal(Path::new("/a/./b/../../../c")), Path::new("/c"));
    }

    #[test]
    fn a_dangling_link_is_followed_to_the_place_that_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere/else", &link).unwrap();
        let Place::Absent { path, outside, .. } = host().locate(&link, true) else { panic!("not absent") };
        assert_eq!(path, folder.path().join("nowhere/else"));
        assert!(!outside);
    }

    #[test]
    fn a_link_in_circles_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(matches!(host().locate(&link, true), Place::Unknown { errno: libc::ELOOP }));
    }
}
