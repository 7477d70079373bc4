//! What a system call wants: its paths, with what is to happen to them. [`super::describe`] puts it in words.

mod forms;

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::notify::Call;
use super::place::Tail;
use super::{network, tracee};
use crate::sandbox::event::Operation;
use forms::{Form, forms, of_descriptor};

/// One path that a call is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PathUse {
    /// Absolute; links and `..` not yet resolved.
    pub path: PathBuf,
    /// What the text ends in: paths that differ in nothing else are equal as paths.
    pub tail: Tail,
    /// The descriptor that the path starts from, and the rest of it as it was written.
    pub from: Option<(i32, PathBuf)>,
    pub operation: Operation,
    /// The last part is followed when it is a link.
    pub follow: bool,
    pub how: How,
}

/// Details that decide whether a call is refused, and with which errno.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// Looks only: `stat`.
    Query,
    ReadLink,
    /// Needs these rights to the file itself, or asks for them: `access`, `inotify_add_watch`.
    Rights(i32),
    /// Talks to whoever listens at a socket.
    Connect,
    Open {
        read: bool,
        write: bool,
        truncate: bool,
        create: bool,
        exclusive: bool,
        /// Without a name: `O_TMPFILE`.
        unnamed: bool,
        keeps_time: bool,
        /// A link in the last place is an error: `O_NOFOLLOW`.
        no_link: bool,
        folder: bool,
    },
    /// Enters a folder.
    Enter,
    /// Makes a name; `folder`: of a folder, so that a slash behind it is fine.
    Make {
        folder: bool,
    },
    Unlink,
    RemoveFolder,
    /// Either path of a `rename`.
    Rename {
        exchanges: bool,
        keeps: bool,
    },
    /// What `link` makes another name for.
    Link,
    /// The permissions to be given.
    Mode(u32),
    /// The ids to be given; the highest number leaves what is there.
    Owner {
        uid: u32,
        gid: u32,
    },
    /// `now`: the present time, which everybody may set who may write.
    Times {
        now: bool,
    },
    Length,
    Attribute {
        write: bool,
        space: Space,
    },
    Execute,
}

/// Whose rules extended attributes follow: xattr(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Space {
    User,
    Trusted,
    Security,
    System,
    Other,
}

/// Flags of open(2) that the kernel refuses with EINVAL before it looks at the path.
fn opens_nothing(call: &Call) -> bool {
    let flags = match call.number {
        libc::SYS_open => call.args[1],
        libc::SYS_openat => call.args[2],
        _ => return false,
    } as i32;
    let has = |flag| flags & flag == flag;
    if has(libc::O_PATH) {
        return false;
    }
    let unnamed = flags & TMPFILE != 0;
    let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
    (has(libc::O_CREAT) && has(libc::O_DIRECTORY))
        || unnamed && (!has(libc::O_DIRECTORY) || !writes || has(libc::O_CREAT))
}

/// The paths of a call. Calls whose pointers cannot be read have none: the kernel refuses them with EFAULT. Nor have those
/// whose other arguments it refuses before it looks at any path.
pub(super) fn paths(call: &Call) -> Vec<PathUse> {
    if let Some((operation, how)) = of_descriptor(call.number, &call.args) {
        return descriptor_use(call, operation, how).into_iter().collect();
    }
    if takes_address(call.number) {
        let address = network::raw_address(call);
        return address.and_then(|address| socket_path(call, &address)).into_iter().collect();
    }
    let forms = forms(call.number, &call.args);
    if forms.is_empty() || opens_nothing(call) || other_arguments_fail(call) {
        return Vec::new();
    }
    let uses: Vec<Option<PathUse>> = forms.iter().map(|form| path_use(call, form)).collect();
    match &uses[..] {
        [None, Some(_)] => Vec::new(),
        // The first path is followed before anything is found out about the second.
        _ => uses.into_iter().flatten().collect(),
    }
}

/// Calls whose path stands in an address.
fn takes_address(number: i64) -> bool {
    matches!(
        number,
        libc::SYS_connect | libc::SYS_bind | libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg
    )
}

fn other_arguments_fail(call: &Call) -> bool {
    let text = |at: usize| tracee::read_path(call.tid, call.args[at]).ok();
    match call.number {
        libc::SYS_symlink | libc::SYS_symlinkat => text(0).is_none_or(|to| to.as_os_str().is_empty()),
        libc::SYS_truncate => (call.args[1] as i64) < 0,
        libc::SYS_inotify_add_watch => {
            let fd = tracee::directory(call.tid, call.args[0] as i32);
            call.args[2] as u32 & libc::IN_ALL_EVENTS == 0
                || fd.map_or(true, |fd| fd.as_os_str() != "anon_inode:inotify")
        }
        libc::SYS_access => call.args[1] as i32 & !7 != 0,
        libc::SYS_faccessat | libc::SYS_faccessat2 => call.args[2] as i32 & !7 != 0,
        libc::SYS_renameat2 => {
            let flags = call.args[4] as u32;
            let other = flags & !(libc::RENAME_NOREPLACE | libc::RENAME_EXCHANGE);
            other != 0 && other != libc::RENAME_WHITEOUT
                || flags & libc::RENAME_EXCHANGE != 0 && flags != libc::RENAME_EXCHANGE
        }
        libc::SYS_setxattr | libc::SYS_lsetxattr | libc::SYS_fsetxattr => {
            const LARGEST: u64 = 65_536;
            call.args[4] as i32 & !(libc::XATTR_CREATE | libc::XATTR_REPLACE) != 0 || call.args[3] > LARGEST
        }
        _ => false,
    }
}

fn path_use(call: &Call, form: &Form) -> Option<PathUse> {
    let (tid, args) = (call.tid, &call.args);
    let dirfd = form.at.map_or(libc::AT_FDCWD, |at| args[at] as i32);
    let at_flags = form.flags.map_or(0, |(at, _)| args[at] as i32);
    if form.flags.is_some_and(|(_, known)| at_flags & !known != 0) {
        return None;
    }
    let how = complete(call, form.how)?;
    // Since Linux 6.11 a null path together with AT_EMPTY_PATH means the descriptor itself; utimensat(2) always took it so.
    let text = if args[form.path] == 0 {
        let futimens = call.number == libc::SYS_utimensat && dirfd != libc::AT_FDCWD;
        if !futimens && at_flags & libc::AT_EMPTY_PATH == 0 {
            return None;
        }
        if futimens {
            return if at_flags == 0 { descriptor_use_of(call, dirfd, form.operation, how) } else { None };
        }
        PathBuf::new()
    } else {
        tracee::read_path(tid, args[form.path]).ok()?
    };
    if text.as_os_str().len() >= libc::PATH_MAX as usize
        || text.as_os_str().is_empty() && at_flags & libc::AT_EMPTY_PATH == 0
    {
        return None;
    }
    let path = tracee::absolute(tid, dirfd, &text).ok()?;
    // Pipes, sockets and anonymous files (`pipe:[12]`) are not paths.
    if !path.is_absolute() {
        return None;
    }
    let follow = form.follow && at_flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    let tail = Tail::of(if text.as_os_str().is_empty() { &path } else { &text });
    let from = (!text.is_absolute()).then_some((dirfd, text));
    Some(PathUse { path, tail, from, operation: form.operation, follow, how })
}

fn descriptor_use(call: &Call, operation: Operation, how: How) -> Option<PathUse> {
    if other_arguments_fail(call) {
        return None;
    }
    descriptor_use_of(call, call.args[0] as i32, operation, complete(call, how)?)
}

/// The file behind a descriptor; one that only stands for a place (`O_PATH`) is good for entering it and nothing else.
fn descriptor_use_of(call: &Call, fd: i32, operation: Operation, how: How) -> Option<PathUse> {
    let path = tracee::directory(call.tid, fd).ok()?;
    if fd < 0 || how != How::Enter && tracee::stands_for_place(call.tid, fd) {
        return None;
    }
    let tail = Tail::of(&path);
    Some(PathUse { path, tail, from: Some((fd, PathBuf::new())), operation, follow: true, how })
}

/// What stands behind further pointers; `None` when the kernel refuses these before anything else.
fn complete(call: &Call, how: How) -> Option<How> {
    match how {
        How::Attribute { write, .. } => {
            const LONGEST: usize = 255;
            let name = tracee::read_string(call.tid, call.args[1], LONGEST + 1).ok()?;
            let space = match name.split(|byte| *byte == b'.').next()? {
                _ if name.is_empty() || name.len() > LONGEST => return None,
                b"user" => Space::User,
                b"trusted" => Space::Trusted,
                b"security" => Space::Security,
                b"system" => Space::System,
                _ => Space::Other,
            };
            Some(How::Attribute { write, space })
        }
        How::Times { .. } => times(call),
        how => Some(how),
    }
}

/// utimensat(2) and its older forms.
fn times(call: &Call) -> Option<How> {
    let address = match call.number {
        libc::SYS_utime | libc::SYS_utimes => call.args[1],
        _ => call.args[2],
    };
    if address == 0 {
        return Some(How::Times { now: true });
    }
    let number =
        |at: u64| tracee::read_number(call.tid, address.wrapping_add(at)).map(|number| number as i64);
    match call.number {
        libc::SYS_utime => number(8)?,
        libc::SYS_utimensat => {
            let parts = [number(8)?, number(24)?];
            let special = [libc::UTIME_NOW, libc::UTIME_OMIT];
            let wrong = |part: &i64| !(0..1_000_000_000).contains(part) && !special.contains(part);
            if parts == [libc::UTIME_OMIT; 2] {
                return None;
            }
            if parts.iter().any(wrong) {
                // Found out behind the look at the path.
                return Some(How::Query);
            }
            return Some(How::Times { now: parts == [libc::UTIME_NOW; 2] });
        }
        _ => {
            let wrong = |part: i64| !(0..1_000_000).contains(&part);
            if wrong(number(8)?) || wrong(number(24)?) {
                return None;
            }
            0
        }
    };
    Some(How::Times { now: false })
}

/// The path in an address of a local socket, when there is one: unix(7).
pub(super) fn socket_path(call: &Call, raw: &[u8]) -> Option<PathUse> {
    let family = u16::from_ne_bytes(raw.get(..2)?.try_into().ok()?);
    let text = raw.get(2..).filter(|text| text.first().is_some_and(|first| *first != 0))?;
    // struct sockaddr_un has room for 108 bytes.
    if i32::from(family) != libc::AF_UNIX || text.len() > 108 {
        return None;
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = PathBuf::from(std::ffi::OsStr::from_bytes(&text[..end]));
    let path = tracee::absolute(call.tid, libc::AT_FDCWD, &text).ok()?;
    let (operation, how) = if call.number == libc::SYS_bind {
        (Operation::Create, How::Make { folder: false })
    } else {
        (Operation::Connect, How::Connect)
    };
    let tail = Tail::of(&text);
    let from = (!text.is_absolute()).then_some((libc::AT_FDCWD, text));
    Some(PathUse { path, tail, from, operation, follow: call.number != libc::SYS_bind, how })
}

/// Whether the call would leave a file that runs with its owner's rights. By plain numbers; inside, such bits are
/// without effect, but a granted folder lies on the host too.
pub(super) fn sets_ids(call: &Call) -> bool {
    const SET_IDS: u64 = (libc::S_ISUID | libc::S_ISGID) as u64;
    let creates = |flags: u64| flags as i32 & (libc::O_CREAT | TMPFILE) != 0;
    let mode = match call.number {
        libc::SYS_open if creates(call.args[1]) => call.args[2],
        libc::SYS_openat if creates(call.args[2]) => call.args[3],
        libc::SYS_creat | libc::SYS_chmod | libc::SYS_fchmod | libc::SYS_mknod => call.args[1],
        libc::SYS_mkdir => call.args[1],
        libc::SYS_fchmodat | libc::SYS_fchmodat2 | libc::SYS_mknodat | libc::SYS_mkdirat => call.args[2],
        _ => return false,
    };
    mode & SET_IDS != 0
}

/// The part of `O_TMPFILE` that is not `O_DIRECTORY`: open(2).
pub(super) const TMPFILE: i32 = libc::O_TMPFILE & !libc::O_DIRECTORY;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_call_has_a_form() {
        use crate::sandbox::syscalls::{self, Class, of_class};
        for number in of_class(Class::Path).chain(of_class(Class::Query)) {
            let known = takes_address(number) || of_descriptor(number, &[0; 6]).is_some();
            assert!(known || !forms(number, &[0; 6]).is_empty(), "{}", syscalls::name(number));
        }
    }
}
