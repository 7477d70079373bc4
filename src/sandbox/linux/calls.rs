//! What a system call wants: its paths, with what is to happen to them. [`super::describe`] puts it in words.

use std::path::PathBuf;

use super::notify::Call;
use super::tracee;
use crate::sandbox::event::Operation;

/// One path that a call is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PathUse {
    /// Absolute; links and `..` not yet resolved.
    pub path: PathBuf,
    pub operation: Operation,
    /// The last part is followed when it is a link.
    pub follow: bool,
    pub how: How,
}

/// Details that decide which errno a refusal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// Looks only: `stat`, `access`, `readlink`.
    Query,
    Open {
        truncate: bool,
        create: bool,
        exclusive: bool,
        write: bool,
    },
    /// Enters a folder.
    Enter,
    /// Adds or removes a name in a folder; `replaces`: what has that name already gives way.
    Name {
        replaces: bool,
    },
    /// Changes an inode's data or attributes; needs the right to write, or ownership.
    Change {
        owner_only: bool,
    },
    Execute,
}

/// Where the arguments of a path call stand: `at` is the descriptor's place (`None`: relative to the working
/// directory), `path` the path's.
struct Form {
    at: Option<usize>,
    path: usize,
    operation: Operation,
    how: How,
    /// The argument that holds AT_ flags, and whether the call follows links without any.
    flags: Option<usize>,
    follow: bool,
}

const fn form(at: Option<usize>, path: usize, operation: Operation, how: How, follow: bool) -> Form {
    Form { at, path, operation, how, flags: None, follow }
}

const fn with_flags(mut form: Form, flags: usize) -> Form {
    form.flags = Some(flags);
    form
}

/// The forms of a call, one for each path it takes.
fn forms(number: i64, args: &[u64; 6]) -> Vec<Form> {
    use Operation::{Create, Delete, Execute, Read, Write};
    const QUERY: How = How::Query;
    const NAME: How = How::Name { replaces: false };
    const REPLACE: How = How::Name { replaces: true };
    let change = |owner_only| How::Change { owner_only };
    let one = |form| vec![form];
    match number {
        libc::SYS_stat | libc::SYS_statfs | libc::SYS_getxattr | libc::SYS_listxattr | libc::SYS_access => {
            one(form(None, 0, Read, QUERY, true))
        }
        libc::SYS_lstat | libc::SYS_readlink | libc::SYS_lgetxattr | libc::SYS_llistxattr => {
            one(form(None, 0, Read, QUERY, false))
        }
        libc::SYS_newfstatat => one(with_flags(form(Some(0), 1, Read, QUERY, true), 3)),
        libc::SYS_statx => one(with_flags(form(Some(0), 1, Read, QUERY, true), 2)),
        libc::SYS_faccessat => one(form(Some(0), 1, Read, QUERY, true)),
        libc::SYS_faccessat2 => one(with_flags(form(Some(0), 1, Read, QUERY, true), 3)),
        libc::SYS_readlinkat => one(form(Some(0), 1, Read, QUERY, false)),
        libc::SYS_inotify_add_watch => one(form(None, 1, Read, QUERY, true)),
        libc::SYS_chdir => one(form(None, 0, Read, How::Enter, true)),
        libc::SYS_open => one(opening(None, 0, args[1])),
        libc::SYS_openat => one(opening(Some(0), 1, args[2])),
        libc::SYS_creat => one(opening(None, 0, (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64)),
        libc::SYS_execve => one(form(None, 0, Execute, How::Execute, true)),
        libc::SYS_execveat => one(with_flags(form(Some(0), 1, Execute, How::Execute, true), 4)),
        libc::SYS_mkdir | libc::SYS_mknod => one(form(None, 0, Create, NAME, false)),
        libc::SYS_mkdirat | libc::SYS_mknodat => one(form(Some(0), 1, Create, NAME, false)),
        libc::SYS_rmdir | libc::SYS_unlink => one(form(None, 0, Delete, NAME, false)),
        libc::SYS_unlinkat => one(form(Some(0), 1, Delete, NAME, false)),
        libc::SYS_rename => vec![form(None, 0, Delete, NAME, false), form(None, 1, Create, REPLACE, false)],
        libc::SYS_renameat | libc::SYS_renameat2 => {
            vec![form(Some(0), 1, Delete, NAME, false), form(Some(2), 3, Create, REPLACE, false)]
        }
        libc::SYS_link => vec![form(None, 0, Read, QUERY, false), form(None, 1, Create, NAME, false)],
        libc::SYS_linkat => vec![form(Some(0), 1, Read, QUERY, false), form(Some(2), 3, Create, NAME, false)],
        libc::SYS_symlink => one(form(None, 1, Create, NAME, false)),
        libc::SYS_symlinkat => one(form(Some(1), 2, Create, NAME, false)),
        libc::SYS_chmod | libc::SYS_chown => one(form(None, 0, Write, change(true), true)),
        libc::SYS_lchown => one(form(None, 0, Write, change(true), false)),
        libc::SYS_fchmodat => one(form(Some(0), 1, Write, change(true), true)),
        libc::SYS_fchmodat2 => one(with_flags(form(Some(0), 1, Write, change(true), true), 3)),
        libc::SYS_fchownat => one(with_flags(form(Some(0), 1, Write, change(true), true), 4)),
        libc::SYS_truncate => one(form(None, 0, Write, change(false), true)),
        libc::SYS_utime | libc::SYS_utimes => one(form(None, 0, Write, change(true), true)),
        libc::SYS_utimensat => one(with_flags(form(Some(0), 1, Write, change(true), true), 3)),
        libc::SYS_futimesat => one(form(Some(0), 1, Write, change(true), true)),
        libc::SYS_setxattr | libc::SYS_removexattr => one(form(None, 0, Write, change(true), true)),
        libc::SYS_lsetxattr | libc::SYS_lremovexattr => one(form(None, 0, Write, change(true), false)),
        _ => Vec::new(),
    }
}

fn opening(at: Option<usize>, path: usize, flags: u64) -> Form {
    let flags = flags as i32;
    let has = |flag| flags & flag == flag;
    let write = matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR) || has(libc::O_TRUNC);
    let new_only = has(libc::O_CREAT) && has(libc::O_EXCL);
    let follow = !has(libc::O_NOFOLLOW) && !new_only;
    if has(libc::O_PATH) {
        return form(at, path, Operation::Read, How::Query, follow);
    }
    let create = has(libc::O_CREAT) || has(libc::O_TMPFILE);
    let how = How::Open { truncate: has(libc::O_TRUNC), create, exclusive: has(libc::O_EXCL), write };
    let operation = if write || create { Operation::Write } else { Operation::Read };
    form(at, path, operation, how, follow)
}

/// The paths of a call. Calls whose pointers cannot be read have none: the kernel refuses them with EFAULT.
pub(super) fn paths(call: &Call) -> Vec<PathUse> {
    forms(call.number, &call.args).iter().filter_map(|form| path_use(call.tid, &call.args, form)).collect()
}

fn path_use(tid: i32, args: &[u64; 6], form: &Form) -> Option<PathUse> {
    let dirfd = form.at.map_or(libc::AT_FDCWD, |at| args[at] as i32);
    let at_flags = form.flags.map_or(0, |at| args[at] as i32);
    // Since Linux 6.11 a null path together with AT_EMPTY_PATH means the descriptor itself.
    let text =
        if args[form.path] == 0 { PathBuf::new() } else { tracee::read_path(tid, args[form.path]).ok()? };
    if text.as_os_str().is_empty() && at_flags & libc::AT_EMPTY_PATH == 0 {
        return None;
    }
    let path = tracee::absolute(tid, dirfd, &text).ok()?;
    // Pipes, sockets and anonymous files (`pipe:[12]`) are not paths.
    if !path.is_absolute() {
        return None;
    }
    let follow = form.follow && at_flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    Some(PathUse { path, operation: form.operation, follow, how: form.how })
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
        let network =
            [libc::SYS_connect, libc::SYS_bind, libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg];
        for number in of_class(Class::Path).chain(of_class(Class::Query)) {
            let known = network.contains(&number);
            assert!(known || !forms(number, &[0; 6]).is_empty(), "{}", syscalls::name(number));
        }
    }
}
