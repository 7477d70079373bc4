//! The table of path calls: where the arguments of each stand, what it does, and which flags the kernel knows there.
//! `calls` reads the paths by it.

use super::{How, Space};
use crate::sandbox::event::Operation;

/// Where the arguments of a path call stand: `at` is the descriptor's place (`None`: relative to the working
/// directory), `path` the path's.
pub(super) struct Form {
    pub at: Option<usize>,
    pub path: usize,
    pub operation: Operation,
    pub how: How,
    /// The argument that holds AT_ flags, and which of them the kernel knows there.
    pub flags: Option<(usize, i32)>,
    pub follow: bool,
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
pub(super) fn forms(number: i64, args: &[u64; 6]) -> Vec<Form> {
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

/// What a call does to an open file that it names by its descriptor alone.
pub(super) fn of_descriptor(number: i64, args: &[u64; 6]) -> Option<(Operation, How)> {
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
