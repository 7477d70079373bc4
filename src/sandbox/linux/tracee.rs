//! Looking at a process that waits in a system call: its memory, its working directory, its descriptors.
//!
//! What is read here explains; it never decides. Memory can change after it was read, so callers check that the
//! call still waits ([`super::notify::Listener::is_waiting`]) before they believe it.

use std::ffi::OsString;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{fs, io::ErrorKind};

use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

/// The kernel's longest path, its NUL included.
const PATH_MAX: usize = 4096;
const PAGE: usize = 4096;

/// Read `length` bytes at `address`; fewer when the memory ends before.
pub(super) fn read_memory(tid: i32, address: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; length];
    let remote = [RemoteIoVec { base: address as usize, len: length }];
    let count = process_vm_readv(Pid::from_raw(tid), &mut [IoSliceMut::new(&mut buffer)], &remote)?;
    buffer.truncate(count);
    Ok(buffer)
}

/// Whether the process lets nobody look into its memory: prctl(2), `PR_SET_DUMPABLE`. That is asked before any address.
pub(super) fn is_unreadable(tid: i32) -> bool {
    read_memory(tid, 0, 1).is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
}

/// The hard limit of a process: prlimit(2).
pub(super) fn hard_limit(tid: i32, resource: u32) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: nothing is set; the kernel writes one rlimit.
    let result = unsafe { libc::prlimit(tid, resource, std::ptr::null(), &raw mut limit) };
    (result == 0).then_some(limit.rlim_max)
}

/// Read one 64-bit number.
pub(super) fn read_number(tid: i32, address: u64) -> Option<u64> {
    read_memory(tid, address, 8).ok()?.try_into().ok().map(u64::from_ne_bytes)
}

/// Write one 64-bit number.
pub(super) fn write_number(tid: i32, address: u64, number: u64) -> io::Result<()> {
    let bytes = number.to_ne_bytes();
    let remote = [RemoteIoVec { base: address as usize, len: bytes.len() }];
    process_vm_writev(Pid::from_raw(tid), &[io::IoSlice::new(&bytes)], &remote)?;
    Ok(())
}

/// Read a NUL-terminated string of at most `limit` bytes. Page by page, because the next page may not exist, and little at
/// first, because most strings are short.
pub(super) fn read_string(tid: i32, address: u64, limit: usize) -> io::Result<Vec<u8>> {
    const FIRST: usize = 256;
    let mut text = Vec::new();
    while text.len() < limit {
        let at = address.wrapping_add(text.len() as u64);
        let most = if text.is_empty() { FIRST } else { limit };
        let chunk = (PAGE - at as usize % PAGE).min(limit - text.len()).min(most);
        let bytes = read_memory(tid, at, chunk)?;
        if bytes.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&bytes[..end]);
            break;
        }
        text.extend_from_slice(&bytes);
    }
    Ok(text)
}

/// Read a path argument.
pub(super) fn read_path(tid: i32, address: u64) -> io::Result<PathBuf> {
    Ok(PathBuf::from(OsString::from_vec(read_string(tid, address, PATH_MAX)?)))
}

/// Read an argument vector (`execve`), bounded in number and length: it is kept for the report.
pub(super) fn read_strings(tid: i32, address: u64) -> Vec<String> {
    const MOST: usize = 64;
    const LONGEST: usize = 1024;
    let mut strings = Vec::new();
    while strings.len() < MOST {
        let Some(pointer) =
            read_number(tid, address.wrapping_add(8 * strings.len() as u64)).filter(|pointer| *pointer != 0)
        else {
            break;
        };
        let Ok(text) = read_string(tid, pointer, LONGEST) else { break };
        strings.push(String::from_utf8_lossy(&text).into_owned());
    }
    strings
}

/// What a directory descriptor argument stands for, as the process sees it.
pub(super) fn directory(tid: i32, dirfd: i32) -> io::Result<PathBuf> {
    if dirfd == libc::AT_FDCWD {
        fs::read_link(format!("/proc/{tid}/cwd"))
    } else {
        fs::read_link(format!("/proc/{tid}/fd/{dirfd}"))
    }
}

/// A path argument made absolute; links and `..` are left as they are.
pub(super) fn absolute(tid: i32, dirfd: i32, path: &Path) -> io::Result<PathBuf> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let base = directory(tid, dirfd)?;
    Ok(if path.as_os_str().is_empty() { base } else { base.join(path) })
}

/// Name of the calling thread's program.
pub(super) fn program_name(tid: i32) -> String {
    fs::read_to_string(format!("/proc/{tid}/comm"))
        .map_or_else(|_| "?".into(), |name| name.trim_end().to_owned())
}

/// Numbers of a thread's process, and its own inside the sandbox's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ids {
    pub process: i32,
    pub parent: i32,
    pub inside: i32,
    pub inside_thread: i32,
}

pub(super) fn ids(tid: i32) -> Option<Ids> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let last = |name: &str| field(name)?.split_whitespace().last()?.parse().ok();
    Some(Ids {
        process: last("Tgid")?,
        parent: last("PPid")?,
        inside: last("NStgid")?,
        inside_thread: last("NSpid")?,
    })
}

/// Status flags of a descriptor, `O_CLOEXEC` among them: proc_pid_fdinfo(5), in octal.
pub(super) fn descriptor_flags(process: i32, fd: i32) -> i32 {
    let info = fs::read_to_string(format!("/proc/{process}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("0");
    i32::from_str_radix(flags.trim(), 8).unwrap_or(0)
}

/// Number of the process that a pidfd stands for: pidfd_open(2), proc_pid_fdinfo(5).
pub(super) fn pidfd_number(pidfd: &OwnedFd) -> Option<i32> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
}

/// Number inside of the process that a descriptor of the caller stands for: proc_pid_fdinfo(5).
pub(super) fn process_of_pidfd(tid: i32, fd: i32) -> Option<i32> {
    let info = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).ok()?;
    info.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().last()?.parse().ok()
}

/// Whether a descriptor only stands for a place: open(2), `O_PATH`.
pub(super) fn stands_for_place(tid: i32, fd: i32) -> bool {
    let info = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_PATH != 0)
}

/// Descriptors a process has open.
pub(super) fn open_descriptors(tid: i32) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let folder = format!("/proc/{tid}/fd");
    // Since Linux 6.2 the folder's size is that number; before, it is 0 and the entries must be counted.
    match fs::metadata(&folder).map(|meta| meta.size()) {
        Ok(0) => fs::read_dir(folder).map_or(0, |entries| entries.count() as u64),
        Ok(count) => count,
        Err(_) => 0,
    }
}

/// A copy of a descriptor of the process: pidfd_getfd(2).
pub(super) fn copy_descriptor(process: i32, fd: i32) -> io::Result<OwnedFd> {
    // The caller's register, so any number; the library takes none below zero for a descriptor.
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    let pid = rustix::process::Pid::from_raw(process).ok_or(ErrorKind::InvalidInput)?;
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?;
    let flags = rustix::process::PidfdGetfdFlags::empty();
    Ok(rustix::process::pidfd_getfd(pidfd.as_fd(), fd, flags)?)
}
