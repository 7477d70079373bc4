//! System calls in words, for people who read a denial.

use super::notify::Call;
use super::{network, tracee};
use crate::sandbox::syscalls;

/// The call in words: `openat(AT_FDCWD, "/etc/shadow", O_RDONLY|O_CLOEXEC)`.
pub(super) fn call(call: &Call) -> String {
    let args = call.args;
    let mut shown: Vec<String> =
        shape(call.number).iter().zip(args).map(|(kind, value)| kind.show(call.tid, value)).collect();
    if matches!(call.number, libc::SYS_connect | libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg) {
        shown[0] = network::describe_socket(call);
        let destinations = network::describe_destinations(call);
        if call.number != libc::SYS_connect && !destinations.is_empty() {
            shown.push(destinations);
        }
    }
    if shown.iter().any(|text| text.starts_with("O_RD") || text.starts_with("O_WR"))
        && !shown.iter().any(|text| text.contains("O_CREAT"))
        && shape(call.number).len() > 2
        && matches!(shape(call.number).last(), Some(Shown::Octal))
    {
        // Without O_CREAT there is no mode: what stands in its register is left over.
        shown.pop();
    }
    format!("{}({})", syscalls::name(call.number), shown.join(", "))
}

/// How an argument is shown.
#[derive(Clone, Copy)]
enum Shown {
    Directory,
    Path,
    OpenFlags,
    Number,
    Hex,
    Octal,
    Names(&'static [(u64, &'static str)]),
    Flags(&'static [(u64, &'static str)]),
    Address,
}

fn shape(number: i64) -> &'static [Shown] {
    use Shown::{Address, Directory, Flags, Hex, Names, Number, Octal, OpenFlags, Path};
    match number {
        libc::SYS_open => &[Path, OpenFlags, Octal],
        libc::SYS_openat => &[Directory, Path, OpenFlags, Octal],
        libc::SYS_creat | libc::SYS_mkdir | libc::SYS_chmod | libc::SYS_mknod => &[Path, Octal],
        libc::SYS_mkdirat | libc::SYS_fchmodat | libc::SYS_fchmodat2 | libc::SYS_mknodat => {
            &[Directory, Path, Octal]
        }
        libc::SYS_fchmod => &[Number, Octal],
        libc::SYS_stat
        | libc::SYS_lstat
        | libc::SYS_readlink
        | libc::SYS_chdir
        | libc::SYS_rmdir
        | libc::SYS_unlink
        | libc::SYS_chroot
        | libc::SYS_umount2
        | libc::SYS_statfs => &[Path],
        libc::SYS_execve => &[Path],
        libc::SYS_execveat | libc::SYS_newfstatat | libc::SYS_statx | libc::SYS_readlinkat => {
            &[Directory, Path]
        }
        libc::SYS_unlinkat | libc::SYS_faccessat | libc::SYS_faccessat2 => &[Directory, Path, Hex],
        libc::SYS_access => &[Path, Number],
        libc::SYS_truncate => &[Path, Number],
        libc::SYS_chown | libc::SYS_lchown => &[Path, Number, Number],
        libc::SYS_rename | libc::SYS_link | libc::SYS_symlink | libc::SYS_pivot_root => &[Path, Path],
        libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => &[Directory, Path, Directory, Path],
        libc::SYS_symlinkat => &[Path, Directory, Path],
        libc::SYS_setxattr | libc::SYS_lsetxattr | libc::SYS_utimes | libc::SYS_utime => &[Path],
        libc::SYS_utimensat | libc::SYS_fchownat => &[Directory, Path],
        libc::SYS_mount => &[Path, Path, Path, Hex],
        libc::SYS_connect | libc::SYS_bind => &[Number, Address],
        libc::SYS_sendto => &[Number, Hex, Number, Hex],
        libc::SYS_sendmsg | libc::SYS_sendmmsg => &[Number, Hex],
        libc::SYS_socket => &[Names(FAMILIES), Names(SOCKETS), Number],
        libc::SYS_clone | libc::SYS_unshare => &[Flags(NAMESPACES)],
        libc::SYS_setns => &[Number, Flags(NAMESPACES)],
        libc::SYS_ioctl => &[Number, Names(IOCTLS), Hex],
        libc::SYS_prctl => &[Names(PRCTLS), Hex, Hex],
        libc::SYS_ptrace => &[Names(PTRACES), Number, Hex, Hex],
        libc::SYS_keyctl => &[Names(KEYCTLS), Hex, Hex],
        libc::SYS_add_key | libc::SYS_request_key => &[Path, Path],
        libc::SYS_kill | libc::SYS_tkill => &[Number, Names(SIGNALS)],
        libc::SYS_mmap => &[Hex, Number, Hex, Hex],
        libc::SYS_bpf | libc::SYS_io_uring_setup | libc::SYS_userfaultfd | libc::SYS_personality => {
            &[Number, Hex]
        }
        libc::SYS_process_vm_readv | libc::SYS_process_vm_writev | libc::SYS_pidfd_getfd => {
            &[Number, Hex, Hex]
        }
        libc::SYS_fork | libc::SYS_vfork => &[],
        _ => &[Hex, Hex, Hex],
    }
}

const FAMILIES: &[(u64, &str)] = &[
    (libc::AF_UNIX as u64, "AF_UNIX"),
    (libc::AF_INET as u64, "AF_INET"),
    (libc::AF_INET6 as u64, "AF_INET6"),
    (libc::AF_NETLINK as u64, "AF_NETLINK"),
    (libc::AF_PACKET as u64, "AF_PACKET"),
    (libc::AF_ALG as u64, "AF_ALG"),
    (libc::AF_VSOCK as u64, "AF_VSOCK"),
    (libc::AF_XDP as u64, "AF_XDP"),
    (libc::AF_BLUETOOTH as u64, "AF_BLUETOOTH"),
    (libc::AF_CAN as u64, "AF_CAN"),
    (libc::AF_TIPC as u64, "AF_TIPC"),
];
const SOCKETS: &[(u64, &str)] = &[
    (libc::SOCK_STREAM as u64, "SOCK_STREAM"),
    (libc::SOCK_DGRAM as u64, "SOCK_DGRAM"),
    (libc::SOCK_RAW as u64, "SOCK_RAW"),
    (libc::SOCK_SEQPACKET as u64, "SOCK_SEQPACKET"),
    ((libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as u64, "SOCK_STREAM|SOCK_CLOEXEC"),
    ((libc::SOCK_DGRAM | libc::SOCK_CLOEXEC) as u64, "SOCK_DGRAM|SOCK_CLOEXEC"),
    ((libc::SOCK_RAW | libc::SOCK_CLOEXEC) as u64, "SOCK_RAW|SOCK_CLOEXEC"),
];
const NAMESPACES: &[(u64, &str)] = &[
    (libc::CLONE_NEWUSER as u64, "CLONE_NEWUSER"),
    (libc::CLONE_NEWNS as u64, "CLONE_NEWNS"),
    (libc::CLONE_NEWPID as u64, "CLONE_NEWPID"),
    (libc::CLONE_NEWNET as u64, "CLONE_NEWNET"),
    (libc::CLONE_NEWIPC as u64, "CLONE_NEWIPC"),
    (libc::CLONE_NEWUTS as u64, "CLONE_NEWUTS"),
    (libc::CLONE_NEWCGROUP as u64, "CLONE_NEWCGROUP"),
    (libc::CLONE_VM as u64, "CLONE_VM"),
    (libc::CLONE_FS as u64, "CLONE_FS"),
    (libc::CLONE_FILES as u64, "CLONE_FILES"),
    (libc::CLONE_THREAD as u64, "CLONE_THREAD"),
    (libc::CLONE_VFORK as u64, "CLONE_VFORK"),
    (libc::SIGCHLD as u64, "SIGCHLD"),
];
const IOCTLS: &[(u64, &str)] = &[
    (libc::TIOCSTI, "TIOCSTI"),
    (0x541c, "TIOCLINUX"),
    (libc::TIOCSCTTY, "TIOCSCTTY"),
    (libc::TIOCNOTTY, "TIOCNOTTY"),
    (libc::TCSETS, "TCSETS"),
];
const PRCTLS: &[(u64, &str)] = &[
    (libc::PR_SET_SECCOMP as u64, "PR_SET_SECCOMP"),
    (libc::PR_SET_MM as u64, "PR_SET_MM"),
    (libc::PR_SET_PTRACER as u64, "PR_SET_PTRACER"),
    (libc::PR_SET_DUMPABLE as u64, "PR_SET_DUMPABLE"),
];
const PTRACES: &[(u64, &str)] = &[
    (libc::PTRACE_TRACEME as u64, "PTRACE_TRACEME"),
    (libc::PTRACE_ATTACH as u64, "PTRACE_ATTACH"),
    (libc::PTRACE_SEIZE as u64, "PTRACE_SEIZE"),
    (libc::PTRACE_PEEKDATA as u64, "PTRACE_PEEKDATA"),
];
const KEYCTLS: &[(u64, &str)] = &[
    (0, "KEYCTL_GET_KEYRING_ID"),
    (1, "KEYCTL_JOIN_SESSION_KEYRING"),
    (6, "KEYCTL_DESCRIBE"),
    (10, "KEYCTL_SEARCH"),
    (11, "KEYCTL_READ"),
];
const SIGNALS: &[(u64, &str)] = &[
    (0, "0"),
    (libc::SIGHUP as u64, "SIGHUP"),
    (libc::SIGINT as u64, "SIGINT"),
    (libc::SIGKILL as u64, "SIGKILL"),
    (libc::SIGTERM as u64, "SIGTERM"),
    (libc::SIGSTOP as u64, "SIGSTOP"),
    (libc::SIGUSR1 as u64, "SIGUSR1"),
];
const OPEN_FLAGS: &[(u64, &str)] = &[
    (libc::O_CREAT as u64, "O_CREAT"),
    (libc::O_EXCL as u64, "O_EXCL"),
    (libc::O_TRUNC as u64, "O_TRUNC"),
    (libc::O_APPEND as u64, "O_APPEND"),
    (libc::O_NONBLOCK as u64, "O_NONBLOCK"),
    (libc::O_DIRECTORY as u64, "O_DIRECTORY"),
    (libc::O_NOFOLLOW as u64, "O_NOFOLLOW"),
    (libc::O_CLOEXEC as u64, "O_CLOEXEC"),
    (libc::O_PATH as u64, "O_PATH"),
    (libc::O_NOCTTY as u64, "O_NOCTTY"),
];

/// Names of the bits set in `value`, the rest in hexadecimal.
fn flags(value: u64, names: &[(u64, &'static str)]) -> String {
    let mut rest = value;
    let mut parts = Vec::new();
    for (bits, name) in names {
        if *bits != 0 && rest & bits == *bits {
            parts.push((*name).to_owned());
            rest &= !bits;
        }
    }
    if rest != 0 || parts.is_empty() {
        parts.push(format!("{rest:#x}"));
    }
    parts.join("|")
}

impl Shown {
    fn show(self, tid: i32, value: u64) -> String {
        match self {
            Shown::Directory if value as i32 == libc::AT_FDCWD => "AT_FDCWD".into(),
            Shown::Directory | Shown::Number => (value as i64).to_string(),
            Shown::Path if value == 0 => "NULL".into(),
            Shown::Path => tracee::read_path(tid, value)
                .map_or_else(|_| format!("{value:#x}"), |path| format!("{:?}", path.to_string_lossy())),
            Shown::OpenFlags => {
                let access = match value as i32 & libc::O_ACCMODE {
                    libc::O_WRONLY => "O_WRONLY",
                    libc::O_RDWR => "O_RDWR",
                    _ => "O_RDONLY",
                };
                let rest = value & !(libc::O_ACCMODE as u64) & 0xffff_ffff;
                if rest == 0 { access.into() } else { format!("{access}|{}", flags(rest, OPEN_FLAGS)) }
            }
            Shown::Hex => format!("{value:#x}"),
            Shown::Octal => format!("{:#o}", value & 0o177_777),
            Shown::Names(names) => {
                // The kernel looks at the low 32 bits.
                let low = value & 0xffff_ffff;
                names
                    .iter()
                    .find(|(number, _)| *number == low)
                    .map_or_else(|| format!("{low:#x}"), |(_, name)| (*name).into())
            }
            Shown::Flags(names) => flags(value, names),
            Shown::Address => network::describe_address(tid, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_and_the_rest_is_kept() {
        assert_eq!(flags((libc::O_CREAT | libc::O_TRUNC) as u64, OPEN_FLAGS), "O_CREAT|O_TRUNC");
        assert_eq!(flags(0, OPEN_FLAGS), "0x0");
        assert_eq!(flags(libc::O_CREAT as u64 | 1 << 40, OPEN_FLAGS), "O_CREAT|0x10000000000");
    }
}
