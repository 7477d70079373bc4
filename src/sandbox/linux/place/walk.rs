//! A path followed part by part, as path_resolution(7) says: for [`Root::walk`], where the kernel's own look-up gives one
//! number for several reasons.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use super::{AsProgram, Caller, End, Found, Look, Reached, Root, Tail, magic, normal};

/// As the kernel: path_resolution(7).
const MOST_LINKS: usize = 40;

pub(super) struct Walk<'a> {
    pub root: &'a Root,
    pub caller: Option<Caller>,
    pub look: Look,
    pub links: usize,
    pub parent: Option<Found>,
    pub at: Found,
    pub todo: Vec<OsString>,
}

impl Walk<'_> {
    pub(super) fn run(mut self, path: &Path) -> Reached {
        let slash = Tail::of(path) == Tail::Slash;
        let follow_last = self.look.follow || (slash && !self.look.name);
        while let Some(part) = self.todo.pop() {
            let last = self.todo.is_empty();
            if let Err(end) = self.step(&part, last, !last || follow_last) {
                return self.stop(&part, end);
            }
        }
        let path = self.at.path.clone();
        if slash && !self.at.is_directory() && !self.look.name {
            return Reached::new(path, self.parent, End::Fails(libc::ENOTDIR));
        }
        Reached::new(path, self.parent, End::Here(self.at))
    }

    /// Stopped at `part` of the folder that was reached.
    fn stop(self, part: &OsStr, end: End) -> Reached {
        let stopped = self.at.path.join(part);
        let last = self.todo.is_empty();
        let mut path = stopped.clone();
        path.extend(self.todo.into_iter().rev());
        // The folder counts only when the very last part is missing in it.
        let parent = if last { Some(self.at) } else { None };
        Reached { path: normal(&path), parent, end, stopped: Some(stopped) }
    }

    fn open(&self, part: &OsStr) -> Result<OwnedFd, End> {
        let _user = AsProgram::new(self.root.user);
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.at.fd, part, flags, Mode::empty()).map_err(|errno| match errno {
            nix::Error::ENOENT => End::Absent,
            errno => End::Fails(errno as i32),
        })
    }

    fn step(&mut self, part: &OsStr, last: bool, follow: bool) -> Result<(), End> {
        if !self.at.is_directory() {
            return Err(End::Fails(libc::ENOTDIR));
        }
        let own = if follow { self.own_name(part)? } else { None };
        let part = own.as_deref().unwrap_or(part);
        if follow && self.at.path.starts_with("/proc") && self.is_magic(part) {
            let found = self.magic(part)?;
            self.parent = Some(std::mem::replace(&mut self.at, found));
            return Ok(());
        }
        let fd = self.open(part)?;
        let path = match part.as_bytes() {
            b"." => self.at.path.clone(),
            b".." => self.at.path.parent().unwrap_or(Path::new("/")).to_owned(),
            _ => self.at.path.join(part),
        };
        let found = Found::new(fd, Some(path)).map_err(|errno| End::Fails(errno as i32))?;
        if follow && found.kind() == libc::S_IFLNK {
            return self.follow(&found, last);
        }
        self.parent = Some(std::mem::replace(&mut self.at, found));
        Ok(())
    }

    fn follow(&mut self, link: &Found, last: bool) -> Result<(), End> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(End::Fails(libc::ELOOP));
        }
        let target = readlinkat(&link.fd, "").map_err(|errno| End::Fails(errno as i32))?;
        let target = Path::new(&target);
        if last && Tail::of(target) == Tail::Slash {
            self.todo.push(".".into());
        }
        self.todo.extend(parts(target));
        if target.is_absolute() {
            self.at = self.root.start().ok_or(End::Unsure)?;
        }
        Ok(())
    }

    /// `/proc/self` and `/proc/thread-self` are the caller's own; the supervisor is in no such folder.
    fn own_name(&self, part: &OsStr) -> Result<Option<OsString>, End> {
        let (own, thread) = (part == "self", part == "thread-self");
        if self.at.path != Path::new("/proc") || !(own || thread) {
            return Ok(None);
        }
        let Some(inside) = self.caller.and_then(|caller| caller.inside) else { return Err(End::Unsure) };
        Ok(Some(inside.to_string().into()))
    }

    /// Whether the part is one of the links that lead to what a process has open.
    fn is_magic(&self, part: &OsStr) -> bool {
        let depth = self.at.path.components().count();
        let in_process = depth == 3 && matches!(part.as_bytes(), b"cwd" | b"root" | b"exe");
        let in_folder = ["fd", "ns"].iter().any(|folder| self.at.path.ends_with(folder));
        in_process || (depth == 4 && in_folder && part.as_bytes().iter().all(u8::is_ascii_alphanumeric))
    }

    fn magic(&self, part: &OsStr) -> Result<Found, End> {
        let process = self.at.path.iter().nth(2).and_then(|name| name.to_str()?.parse::<i32>().ok());
        if process == Some(1) {
            // There are no secrets in a name that does not exist.
            return self.open(part).and(Err(End::Fails(libc::EACCES)));
        }
        let Some(caller) = self.caller.filter(|caller| caller.inside.is_some() && caller.inside == process)
        else {
            return Err(End::Unsure);
        };
        let folder = ["fd", "ns"].into_iter().find(|folder| self.at.path.ends_with(folder));
        let name = if let Some(folder) = folder {
            format!("{folder}/{}", part.to_string_lossy())
        } else if part == "root" {
            return self.root.start().ok_or(End::Unsure);
        } else {
            part.to_string_lossy().into_owned()
        };
        magic(caller.tid, &name).ok_or(End::Absent)
    }
}

/// The parts of a path, last first; `.` is one, because only a folder that may be searched has it.
pub(super) fn parts(path: &Path) -> Vec<OsString> {
    let text = path.as_os_str().as_bytes();
    let parts = text.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    parts.rev().map(|part| OsStr::from_bytes(part).to_owned()).collect()
}
