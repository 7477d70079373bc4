//! One folder held by a descriptor, and everything below it reached without a link: openat2(2).

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::super::changes::Mark;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    File,
    Folder,
    /// With where it leads.
    Link(PathBuf),
    /// `fifo`, `socket` or `device`.
    Other(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub thing: Thing,
    /// 0 for folders.
    pub bytes: u64,
    /// Permission bits and the sticky bit.
    pub mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) links: u64,
    pub(super) mark: Mark,
}

#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
    /// Made by a run and for nobody else: rights in it may be changed to read it.
    of_a_run: bool,
}

const CLEARLY: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);
const WITHIN: ResolveFlags = CLEARLY.union(ResolveFlags::BENEATH).union(ResolveFlags::NO_XDEV);

impl Tree {
    /// A folder of the host by its real path.
    pub(super) fn open_real(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat2(CWD, path, flags, Mode::empty(), CLEARLY)?;
        Ok(Self { root, of_a_run: false })
    }

    pub(super) fn of_a_run(root: OwnedFd) -> Self {
        Self { root, of_a_run: true }
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        File::from(self.root.try_clone()?).metadata()
    }

    /// Open what is at `below`. Nothing that a program has put there can keep it waiting or lead it elsewhere.
    fn open(&self, below: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        let safe = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let safe = if flags.contains(OFlags::PATH) { OFlags::NOFOLLOW | OFlags::CLOEXEC } else { safe };
        let open = || openat2(&self.root, below, flags | safe, Mode::empty(), WITHIN);
        match open() {
            Err(Errno::ACCESS) if self.of_a_run && !flags.contains(OFlags::PATH) => {
                let place = self.pin(below)?;
                let mode = place.metadata()?.permissions().mode() | 0o700;
                set_mode(&place, mode)?;
                Ok(open()?)
            }
            other => Ok(other?),
        }
    }

    /// A descriptor of a folder for calls that take one: openat(2).
    pub(super) fn folder(&self, below: &Path) -> io::Result<OwnedFd> {
        self.open(below, OFlags::PATH | OFlags::DIRECTORY)
    }

    /// A descriptor that stands for what is there.
    pub(super) fn pin(&self, below: &Path) -> io::Result<File> {
        Ok(File::from(self.open(below, OFlags::PATH)?))
    }

    /// What is there; `None` when nothing is.
    pub(super) fn state(&self, below: &Path) -> io::Result<Option<State>> {
        let place = match self.open(below, OFlags::PATH) {
            Ok(place) => File::from(place),
            // What is behind a link is not below this folder.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP)) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let data = place.metadata()?;
        let kind = data.file_type();
        let thing = if kind.is_file() {
            Thing::File
        } else if kind.is_dir() {
            Thing::Folder
        } else if kind.is_symlink() {
            let target = rustix::fs::readlinkat(&place, "", Vec::new())?;
            Thing::Link(OsString::from_vec(target.into_bytes()).into())
        } else if kind.is_char_device() && data.rdev() == 0 && self.of_a_run {
            // How overlayfs notes that a name of the folder beneath is gone. No program can make one.
            return Ok(Some(State { thing: Thing::Other(GONE), ..state(Thing::File, &data) }));
        } else if kind.is_fifo() {
            Thing::Other("fifo")
        } else if kind.is_socket() {
            Thing::Other("socket")
        } else {
            Thing::Other("device")
        };
        Ok(Some(state(thing, &data)))
    }

    /// Whether a path ends in this folder, followed by whatever links there are; also when nothing is there yet.
    pub(super) fn leads_inside(&self, below: &Path) -> bool {
        if below.as_os_str().is_empty() {
            return true;
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        matches!(
            openat2(&self.root, below, flags, Mode::empty(), within),
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR)
        )
    }

    /// Names in a folder, in order; at most as many as given, and whether those are all.
    pub(super) fn names(&self, below: &Path, most: usize) -> io::Result<(Vec<OsString>, bool)> {
        let folder = self.open(below, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if names.len() >= most {
                return Ok((names, false));
            }
            names.push(std::ffi::OsStr::from_bytes(name).to_owned());
        }
        names.sort();
        Ok((names, true))
    }

    /// A regular file, for reading.
    pub(super) fn file(&self, below: &Path) -> io::Result<File> {
        let file = File::from(self.open(below, OFlags::RDONLY)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
    }

    /// A regular file, for writing.
    pub(super) fn file_to_write(&self, below: &Path) -> io::Result<File> {
        let file = File::from(self.open(below, OFlags::WRONLY)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
    }

    /// Whether overlayfs shows nothing of the folder beneath: it was taken away and made anew.
    pub(super) fn is_new(&self, below: &Path) -> io::Result<bool> {
        let folder = self.open(below, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut value = [0; 1];
        Ok(matches!(rustix::fs::fgetxattr(&folder, c"user.overlay.opaque", &mut value[..]), Ok(1))
            && value == *b"y")
    }
}

/// A [`Thing::Other`] of an upper layer: the name is gone.
pub(super) const GONE: &str = "gone";

fn state(thing: Thing, data: &Metadata) -> State {
    let bytes = if data.is_dir() { 0 } else { data.len() };
    let owner = (data.uid(), data.gid());
    State { thing, bytes, mode: data.mode() & 0o1777, owner, links: data.nlink(), mark: Mark::of(data) }
}

/// chmod(2) through a descriptor that only stands for the file.
pub(super) fn set_mode(place: &File, mode: u32) -> io::Result<()> {
    fs::set_permissions(format!("/proc/self/fd/{}", place.as_raw_fd()), fs::Permissions::from_mode(mode))
}
