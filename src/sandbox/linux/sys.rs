//! The few system calls that no crate in the tree wraps. Each function says which manual page it is.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

/// Turn the -1 of a system call into the error behind it.
pub(super) fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(super) fn c_path(path: &Path) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "path holds a NUL byte"))
}

/// What [`clone_into`] gives back.
pub(super) enum Cloned {
    Parent { pid: i32, pidfd: OwnedFd },
    Child,
}

/// A fork into the given namespaces and, from Linux 5.7 on, into a cgroup, with a pidfd and copied memory: `clone3(2)`, or
/// `clone(2)` where a container's filter knows only that (it can look at flags in a register, not behind a pointer) and
/// no cgroup is asked for.
///
/// Sound only in a single-threaded process, as any fork that goes on to allocate.
pub(super) fn clone_into(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    match clone3(namespaces, cgroup) {
        Err(error)
            if cgroup.is_none() && matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) =>
        {
            clone(namespaces)
        }
        other => other,
    }
}

fn clone3(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut pidfd: RawFd = -1;
    // SAFETY: all-zero is a valid clone_args; the kernel writes the pidfd through a pointer that outlives
    // the call; without CLONE_VM the child has its own copy of everything.
    unsafe {
        let mut args: libc::clone_args = std::mem::zeroed();
        args.flags = namespaces | libc::CLONE_PIDFD as u64;
        args.pidfd = std::ptr::addr_of_mut!(pidfd) as u64;
        args.exit_signal = libc::SIGCHLD as u64;
        if let Some(cgroup) = cgroup {
            args.flags |= CLONE_INTO_CGROUP;
            args.cgroup = cgroup.as_raw_fd() as u64;
        }
        let pid = check(libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()))?;
        Ok(cloned(pid, pidfd))
    }
}

fn clone(namespaces: u64) -> io::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    let flags = namespaces | (libc::CLONE_PIDFD | libc::SIGCHLD) as u64;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: as above; no stack of its own: the child goes on where it is, on its copy.
    unsafe {
        let pid = check(libc::syscall(libc::SYS_clone, flags, none, &raw mut pidfd, none, none))?;
        Ok(cloned(pid, pidfd))
    }
}

/// # Safety
///
/// `pidfd` is a new descriptor when `pid` is not 0.
unsafe fn cloned(pid: libc::c_long, pidfd: RawFd) -> Cloned {
    if pid == 0 {
        return Cloned::Child;
    }
    // SAFETY: the caller's promise.
    Cloned::Parent { pid: pid as i32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }
}

/// `open_tree(2)`: a detached copy of the mounts at and below what `place` stands for.
pub(super) fn open_tree(place: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const OPEN_TREE_CLONE: libc::c_int = 1;
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC | libc::AT_RECURSIVE | libc::AT_EMPTY_PATH;
    // SAFETY: the path is a valid C string; the result is a new descriptor that we own.
    unsafe {
        let fd = check(libc::syscall(libc::SYS_open_tree, place.as_raw_fd(), c"".as_ptr(), flags))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// `move_mount(2)`: attach a detached tree at `target`.
pub(super) fn move_mount(tree: BorrowedFd<'_>, target: &Path) -> io::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_long = 4;
    let target = c_path(target)?;
    // SAFETY: both paths are valid C strings.
    unsafe {
        check(libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        ))?;
    }
    Ok(())
}

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

pub(super) const ATTR_RDONLY: u64 = 0x1;
pub(super) const ATTR_NOSUID: u64 = 0x2;
pub(super) const ATTR_NODEV: u64 = 0x4;
const ATTR_IDMAP: u64 = 0x0010_0000;

fn mount_setattr(tree: BorrowedFd<'_>, recursive: bool, attr: &MountAttr) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: `attr` has the layout of struct mount_attr (version 0) and its size is passed with it.
    unsafe {
        check(libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        ))?;
    }
    Ok(())
}

/// `mount_setattr(2)`: add attributes to a tree of mounts, all below it too.
pub(super) fn restrict_mount(tree: BorrowedFd<'_>, attributes: u64) -> io::Result<()> {
    mount_setattr(tree, true, &MountAttr { set: attributes, clear: 0, propagation: 0, userns_fd: 0 })
}

/// `mount_setattr(2)` with `MOUNT_ATTR_IDMAP`: owners on this mount are shown as `userns` maps them.
pub(super) fn idmap_mount(tree: BorrowedFd<'_>, userns: BorrowedFd<'_>) -> io::Result<()> {
    let attr = MountAttr { set: ATTR_IDMAP, clear: 0, propagation: 0, userns_fd: userns.as_raw_fd() as u64 };
    mount_setattr(tree, false, &attr)
}

/// `faccessat2(2)` of what a descriptor stands for, as the user whose files this thread reaches.
pub(super) fn may(fd: BorrowedFd<'_>, wanted: libc::c_int) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_EACCESS;
    // SAFETY: the path is a valid C string; everything else is a number.
    unsafe { check(libc::syscall(libc::SYS_faccessat2, fd.as_raw_fd(), c"".as_ptr(), wanted, flags)) }
        .map(drop)
}

/// `statx(2)`: number of the mount that a descriptor's file is on.
pub(super) fn mount_number(fd: BorrowedFd<'_>) -> io::Result<u64> {
    // SAFETY: all-zero is a valid statx; the path is a valid C string; the kernel writes into a structure of its own size.
    unsafe {
        let mut stat: libc::statx = std::mem::zeroed();
        let result =
            libc::statx(fd.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_MNT_ID, &raw mut stat);
        check(result.into())?;
        Ok(stat.stx_mnt_id)
    }
}

/// `setfsuid(2)`: whose files this thread alone reaches. For another user than 0, root's rights over files rest meanwhile
/// (capabilities(7)).
pub(super) fn set_file_user_of_thread(uid: u32) {
    // SAFETY: numbers only; the raw call changes this thread and no other.
    unsafe { libc::syscall(libc::SYS_setfsuid, uid) };
}

/// `setgroups(2)` with none, and `setfsgid(2)`, for this thread alone (the C library would change all of them).
pub(super) fn leave_groups_of_thread(gid: u32) {
    // SAFETY: no list is read, because its length is 0.
    unsafe {
        libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>());
        libc::syscall(libc::SYS_setfsgid, gid);
    }
}

/// `prctl(2)` calls that take one number.
pub(super) fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    // SAFETY: only options whose argument is a plain number are passed.
    unsafe { check(libc::c_long::from(libc::prctl(option, argument, 0, 0, 0))) }.map(drop)
}

/// `close_range(2)`: close every descriptor from `first` on, whoever believes to own it: for a forked child that never
/// comes back to its owners.
pub(super) fn close_from(first: RawFd) {
    // SAFETY: the caller goes on to use none of them.
    unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
}

/// `close_range(2)` with `CLOSE_RANGE_CLOEXEC`: close every descriptor from `first` on at the next `execve`.
pub(super) fn close_from_at_exec(first: RawFd) -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: only marks descriptors.
    unsafe { check(libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC)) }
        .map(drop)
}

/// `close_range(2)`: close every descriptor from 3 on but these. For a forked child that goes on by itself, and never
/// drops what it has a copy of.
pub(super) fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<_> = kept.iter().map(|kept| kept.as_raw_fd() as libc::c_uint).collect();
    kept.sort_unstable();
    let mut first: libc::c_uint = 3;
    for kept in kept.into_iter().chain([libc::c_uint::MAX]) {
        if first < kept {
            let last = if kept == libc::c_uint::MAX { kept } else { kept - 1 };
            // SAFETY: nothing of this process uses them any more.
            unsafe { check(libc::syscall(libc::SYS_close_range, first, last, 0)) }?;
        }
        first = first.max(kept.saturating_add(1));
    }
    Ok(())
}

/// `keyctl(2)` `KEYCTL_JOIN_SESSION_KEYRING`: leave the caller's keys behind. Kernels without keyrings say ENOSYS.
pub(super) fn join_new_session_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: a null name asks for an anonymous keyring.
    match unsafe {
        check(libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()))
    } {
        Err(error) if error.raw_os_error() != Some(libc::ENOSYS) => Err(error),
        _ => Ok(()),
    }
}

/// Fork a single-threaded process. Returns the child's pid, or 0 in the child.
pub(super) fn fork() -> io::Result<i32> {
    // SAFETY: callers are single-threaded (the launcher, or a sandbox's PID 1).
    unsafe { check(libc::c_long::from(libc::fork())) }.map(|pid| pid as i32)
}

/// Leave at once, running no destructors and no exit handlers: for forked children.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

/// Overwrite this process's arguments and environment where the kernel reads them for
/// `/proc/PID/cmdline` and `/proc/PID/environ`, so that nothing inside a sandbox can find them there.
///
/// The kernel puts both on the stack in one piece, the arguments first (execve(2)); the C library says where that begins
/// (program_invocation_name(3)), and the environment's last string where it ends (environ(7)).
pub(super) fn wipe_arguments_and_environment() {
    unsafe extern "C" {
        static program_invocation_name: *mut libc::c_char;
        static environ: *const *mut libc::c_char;
    }
    // SAFETY: both are set before `main` and nothing here ever changes them; the strings lie in memory that is this process's
    // own to write to. Only the launcher calls this, which reads neither arguments nor environment again.
    unsafe {
        let start = program_invocation_name;
        if start.is_null() {
            return;
        }
        let mut end = start.add(libc::strlen(start));
        let mut variable = environ;
        while !variable.is_null() && !(*variable).is_null() {
            end = end.max((*variable).add(libc::strlen(*variable)));
            variable = variable.add(1);
        }
        // More than the kernel takes (execve(2)): the strings are not where they were.
        const MOST: usize = 8 * 1024 * 1024;
        let length = (end as usize).wrapping_sub(start as usize);
        if length <= MOST {
            std::ptr::write_bytes(start, 0, length);
        }
    }
}
