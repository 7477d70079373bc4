//! What a system call wants: its paths, with what is to happen to them. [`super::describe`] puts it in words.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::notify::Call;
use super::place::Tail;
use super::{network, tracee};
use crate::sandbox::event::Operation;

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

/// Where the arguments of a path call stand: `at` is the descriptor's place (`None`: relative to the working
/// directory), `path` the path's.
struct Form {
    at: Option<usize>,
    path: usize,
    operation: Operation,
    how: How,
    /// The argument that holds AT_ flags, and which of them the kernel knows there.
    flags: Option<(usize, i32)>,
    follow: bool,
}

const fn form(at: Option<usize>, path: usize, operation: Operation, how: How, follow: bool) -> Form {
    Form { at, path, operation, how, flags: None, follow }
}

const fn with_flags(mut form: Form, flags: usize, known: i32) -> Form {
    form.flags = Some((flags, known));
    form
}

const ANY_FLAGS: i32 = -1;
const LINK_OR_EMPTY: i32 = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;

/// The forms of a call, one for each path it takes.
fn forms(number: i64, args: &[u64; 6]) -> Vec<Form> {
    use Operation::{Create, Delete, Execute, Read, Write};
    const QUERY: How = How::Query;
    const NAME: How = How::Make { folder: false };
    const FOLDER: How = How::Make { folder: true };
    let one = |form| vec![form];
    let asked = |mode: u64| {
        let operation = if mode as i32 & libc::W_OK != 0 { Write } else { Read };
        (operation, if mode == 0 { QUERY } else { How::Rights(mode as i32) })
    };
    match number {
        libc::SYS_stat | libc::SYS_statfs | libc::SYS_listxattr => one(form(None, 0, Read, QUERY, true)),
        libc::SYS_readlink => one(form(None, 0, Read, How::ReadLink, false)),
        libc::SYS_lstat | libc::SYS_llistxattr => one(form(None, 0, Read, QUERY, false)),
        libc::SYS_access | libc::SYS_faccessat | libc::SYS_faccessat2 => {
            let at = (number != libc::SYS_access).then_some(0);
            let path = usize::from(at.is_some());
            let (operation, how) = asked(args[path + 1] & 0xffff_ffff);
            let form = form(at, path, operation, how, true);
            if number == libc::SYS_faccessat2 {
                return one(with_flags(form, 3, LINK_OR_EMPTY | libc::AT_EACCESS));
            }
            one(form)
        }
        libc::SYS_newfstatat => {
            one(with_flags(form(Some(0), 1, Read, QUERY, true), 3, LINK_OR_EMPTY | libc::AT_NO_AUTOMOUNT))
        }
        libc::SYS_statx => one(with_flags(form(Some(0), 1, Read, QUERY, true), 2, ANY_FLAGS)),
        libc::SYS_readlinkat => one(form(Some(0), 1, Read, How::ReadLink, false)),
        libc::SYS_inotify_add_watch => {
            let follow = args[2] & u64::from(libc::IN_DONT_FOLLOW) == 0;
            one(form(None, 1, Read, How::Rights(libc::R_OK), follow))
        }
        libc::SYS_chdir => one(form(None, 0, Read, How::Enter, true)),
        libc::SYS_open => one(opening(None, 0, args[1])),
        libc::SYS_openat => one(opening(Some(0), 1, args[2])),
        libc::SYS_creat => one(opening(None, 0, (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64)),
        libc::SYS_execve => one(form(None, 0, Execute, How::Execute, true)),
        libc::SYS_execveat => one(with_flags(form(Some(0), 1, Execute, How::Execute, true), 4, ANY_FLAGS)),
        libc::SYS_mkdir => one(form(None, 0, Create, FOLDER, false)),
        libc::SYS_mkdirat => one(form(Some(0), 1, Create, FOLDER, false)),
        libc::SYS_mknod => one(form(None, 0, Create, NAME, false)),
        libc::SYS_mknodat => one(form(Some(0), 1, Create, NAME, false)),
        libc::SYS_rmdir => one(form(None, 0, Delete, How::RemoveFolder, false)),
        libc::SYS_unlink => one(form(None, 0, Delete, How::Unlink, false)),
        libc::SYS_unlinkat => {
            let folder = args[2] as i32 & libc::AT_REMOVEDIR != 0;
            let how = if folder { How::RemoveFolder } else { How::Unlink };
            one(with_flags(form(Some(0), 1, Delete, how, false), 2, libc::AT_REMOVEDIR))
        }
        libc::SYS_rename => {
            let how = renaming(0);
            vec![form(None, 0, Delete, how, false), form(None, 1, Create, how, false)]
        }
        libc::SYS_renameat | libc::SYS_renameat2 => {
            let how = renaming(if number == libc::SYS_renameat { 0 } else { args[4] });
            vec![form(Some(0), 1, Delete, how, false), form(Some(2), 3, Create, how, false)]
        }
        libc::SYS_link => vec![form(None, 0, Read, How::Link, false), form(None, 1, Create, NAME, false)],
        libc::SYS_linkat => {
            let follow = args[4] as i32 & libc::AT_SYMLINK_FOLLOW != 0;
            let known = libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH;
            vec![
                with_flags(form(Some(0), 1, Read, How::Link, follow), 4, known),
                form(Some(2), 3, Create, NAME, false),
            ]
        }
        libc::SYS_symlink => one(form(None, 1, Create, NAME, false)),
        libc::SYS_symlinkat => one(form(Some(1), 2, Create, NAME, false)),
        _ => change_forms(number, args),
    }
}

fn renaming(flags: u64) -> How {
    let has = |flag: u32| flags as u32 & flag != 0;
    How::Rename { exchanges: has(libc::RENAME_EXCHANGE), keeps: has(libc::RENAME_NOREPLACE) }
}

/// Calls that change a file's attributes or length.
fn change_forms(number: i64, args: &[u64; 6]) -> Vec<Form> {
    use Operation::{Read, Write};
    let one = |form| vec![form];
    let attribute = |write| How::Attribute { write, space: Space::Other };
    let owner = |first: usize| How::Owner { uid: args[first] as u32, gid: args[first + 1] as u32 };
    let times = How::Times { now: false };
    match number {
        libc::SYS_chmod => one(form(None, 0, Write, How::Mode(args[1] as u32), true)),
        libc::SYS_chown => one(form(None, 0, Write, owner(1), true)),
        libc::SYS_lchown => one(form(None, 0, Write, owner(1), false)),
        libc::SYS_fchmodat => one(form(Some(0), 1, Write, How::Mode(args[2] as u32), true)),
        libc::SYS_fchmodat2 => {
            one(with_flags(form(Some(0), 1, Write, How::Mode(args[2] as u32), true), 3, LINK_OR_EMPTY))
        }
        libc::SYS_fchownat => one(with_flags(form(Some(0), 1, Write, owner(2), true), 4, LINK_OR_EMPTY)),
        libc::SYS_truncate => one(form(None, 0, Write, How::Length, true)),
        libc::SYS_utime | libc::SYS_utimes => one(form(None, 0, Write, times, true)),
        libc::SYS_utimensat => one(with_flags(form(Some(0), 1, Write, times, true), 3, LINK_OR_EMPTY)),
        libc::SYS_futimesat => one(form(Some(0), 1, Write, times, true)),
        libc::SYS_getxattr => one(form(None, 0, Read, attribute(false), true)),
        libc::SYS_lgetxattr => one(form(None, 0, Read, attribute(false), false)),
        libc::SYS_setxattr | libc::SYS_removexattr => one(form(None, 0, Write, attribute(true), true)),
        libc::SYS_lsetxattr | libc::SYS_lremovexattr => one(form(None, 0, Write, attribute(true), false)),
        _ => Vec::new(),
    }
}

/// What a call does to an open file that it names by its descriptor alone.
fn of_descriptor(number: i64, args: &[u64; 6]) -> Option<(Operation, How)> {
    let attribute = |write| How::Attribute { write, space: Space::Other };
    Some(match number {
        libc::SYS_fchmod => (Operation::Write, How::Mode(args[1] as u32)),
        libc::SYS_fchown => (Operation::Write, How::Owner { uid: args[1] as u32, gid: args[2] as u32 }),
        libc::SYS_fsetxattr | libc::SYS_fremovexattr => (Operation::Write, attribute(true)),
        libc::SYS_fgetxattr => (Operation::Read, attribute(false)),
        libc::SYS_fchdir => (Operation::Read, How::Enter),
        _ => return None,
    })
}

fn opening(at: Option<usize>, path: usize, flags: u64) -> Form {
    let flags = flags as i32;
    let has = |flag| flags & flag == flag;
    let new_only = has(libc::O_CREAT) && has(libc::O_EXCL);
    let follow = !has(libc::O_NOFOLLOW) && !new_only;
    if has(libc::O_PATH) {
        return form(at, path, Operation::Read, How::Query, !has(libc::O_NOFOLLOW));
    }
    let access = flags & libc::O_ACCMODE;
    let write = access != libc::O_RDONLY;
    let unnamed = has(libc::O_TMPFILE);
    let create = has(libc::O_CREAT) || unnamed;
    let how = How::Open {
        read: access != libc::O_WRONLY,
        write,
        truncate: has(libc::O_TRUNC),
        create,
        exclusive: has(libc::O_EXCL),
        unnamed,
        keeps_time: has(libc::O_NOATIME),
        no_link: !follow,
        folder: has(libc::O_DIRECTORY),
    };
    let changes = write || create || has(libc::O_TRUNC);
    form(at, path, if changes { Operation::Write } else { Operation::Read }, how, follow)
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
