//! System calls in words, for people who read a denial.

mod words;

use std::path::Path;

use super::notify::Call;
use super::{network, tracee};
use crate::sandbox::syscalls;
use words::Names;

/// Longest text of one argument, in characters.
const LONGEST: usize = 300;

/// The call in words: `openat(AT_FDCWD, "/etc/shadow", O_RDONLY|O_CLOEXEC)`. Descriptors are told with what they stand
/// for, like `3</usr/bin>`; what cannot be read, because the process lets nobody look into its memory, as `unreadable`.
pub(super) fn call(call: &Call) -> String {
    let mut shown: Vec<String> =
        shape(call).iter().zip(call.args).map(|(kind, value)| kind.show(call.tid, value)).collect();
    if matches!(call.number, libc::SYS_connect | libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg) {
        shown[0] = network::describe_socket(call);
        let destinations = network::describe_destinations(call);
        if call.number != libc::SYS_connect && !destinations.is_empty() {
            shown.push(destinations);
        }
    }
    format!("{}({})", syscalls::name(call.number), shown.join(", "))
}

/// How an argument is shown.
#[derive(Clone, Copy)]
enum Shown {
    Directory,
    Descriptor,
    Path,
    OpenFlags,
    Number,
    Hex,
    Octal,
    Names(Names),
    Flags(Names),
    SocketType,
    CloneFlags,
    /// The clock's values of utimensat(2).
    Times,
    Address,
}

fn shape(call: &Call) -> &'static [Shown] {
    use Shown::{Directory, Octal, OpenFlags, Path};
    let creates = |flags: u64| flags as i32 & (libc::O_CREAT | super::calls::TMPFILE) != 0;
    match call.number {
        // Without O_CREAT there is no mode: what stands in its register is left over.
        libc::SYS_open if creates(call.args[1]) => &[Path, OpenFlags, Octal],
        libc::SYS_open => &[Path, OpenFlags],
        libc::SYS_openat if creates(call.args[2]) => &[Directory, Path, OpenFlags, Octal],
        libc::SYS_openat => &[Directory, Path, OpenFlags],
        number => shape_of_path_call(number).or_else(|| shape_of_value_call(number)).unwrap_or(OTHER),
    }
}

const OTHER: &[Shown] = &[Shown::Hex, Shown::Hex, Shown::Hex];

fn shape_of_path_call(number: i64) -> Option<&'static [Shown]> {
    use Shown::{Descriptor, Directory, Flags, Hex, Number, Octal, Path, Times};
    const AT: Shown = Flags(words::AT_FLAGS);
    const RIGHTS: Shown = Flags(words::ACCESS);
    Some(match number {
        libc::SYS_creat | libc::SYS_mkdir | libc::SYS_chmod | libc::SYS_mknod => &[Path, Octal],
        libc::SYS_mkdirat | libc::SYS_fchmodat | libc::SYS_mknodat => &[Directory, Path, Octal],
        libc::SYS_fchmodat2 => &[Directory, Path, Octal, AT],
        libc::SYS_fchmod => &[Descriptor, Octal],
        libc::SYS_fchown => &[Descriptor, Number, Number],
        libc::SYS_fchdir => &[Descriptor],
        libc::SYS_ftruncate => &[Descriptor, Number],
        libc::SYS_stat
        | libc::SYS_lstat
        | libc::SYS_readlink
        | libc::SYS_chdir
        | libc::SYS_rmdir
        | libc::SYS_unlink
        | libc::SYS_chroot
        | libc::SYS_statfs
        | libc::SYS_listxattr
        | libc::SYS_llistxattr
        | libc::SYS_execve
        | libc::SYS_utime
        | libc::SYS_utimes
        | libc::SYS_acct
        | libc::SYS_swapon
        | libc::SYS_swapoff => &[Path],
        libc::SYS_umount2 => &[Path, Flags(words::UMOUNT_FLAGS)],
        libc::SYS_readlinkat | libc::SYS_futimesat => &[Directory, Path],
        libc::SYS_execveat => &[Directory, Path, Hex, Hex, AT],
        libc::SYS_newfstatat => &[Directory, Path, Hex, AT],
        libc::SYS_statx => &[Directory, Path, AT, Flags(words::STATX_MASK)],
        libc::SYS_unlinkat => &[Directory, Path, Flags(words::UNLINK_FLAGS)],
        libc::SYS_faccessat => &[Directory, Path, RIGHTS],
        libc::SYS_faccessat2 => &[Directory, Path, RIGHTS, Flags(words::ACCESS_FLAGS)],
        libc::SYS_access => &[Path, RIGHTS],
        libc::SYS_truncate => &[Path, Number],
        libc::SYS_chown | libc::SYS_lchown => &[Path, Number, Number],
        libc::SYS_fchownat => &[Directory, Path, Number, Number, AT],
        libc::SYS_rename | libc::SYS_link | libc::SYS_symlink | libc::SYS_pivot_root => &[Path, Path],
        libc::SYS_renameat => &[Directory, Path, Directory, Path],
        libc::SYS_renameat2 => &[Directory, Path, Directory, Path, Flags(words::RENAME_FLAGS)],
        libc::SYS_linkat => &[Directory, Path, Directory, Path, AT],
        libc::SYS_symlinkat => &[Path, Directory, Path],
        libc::SYS_setxattr | libc::SYS_lsetxattr => &[Path, Path, Hex, Number, Flags(words::XATTR_FLAGS)],
        libc::SYS_fsetxattr => &[Descriptor, Path, Hex, Number, Flags(words::XATTR_FLAGS)],
        libc::SYS_getxattr | libc::SYS_lgetxattr | libc::SYS_removexattr | libc::SYS_lremovexattr => {
            &[Path, Path]
        }
        libc::SYS_fgetxattr | libc::SYS_fremovexattr => &[Descriptor, Path],
        libc::SYS_utimensat => &[Directory, Path, Times, AT],
        libc::SYS_inotify_add_watch => &[Descriptor, Path, Flags(words::NOTIFY_MASK)],
        libc::SYS_mount => &[Path, Path, Path, Flags(words::MOUNT_FLAGS)],
        _ => return None,
    })
}

fn shape_of_value_call(number: i64) -> Option<&'static [Shown]> {
    use Shown::{Address, CloneFlags, Descriptor, Flags, Hex, Names, Number, Path, SocketType};
    const SIGNAL: Shown = Names(words::SIGNALS);
    Some(match number {
        libc::SYS_connect | libc::SYS_bind => &[Descriptor, Address],
        libc::SYS_sendto => &[Descriptor, Hex, Number, Hex],
        libc::SYS_sendmsg | libc::SYS_sendmmsg => &[Descriptor, Hex],
        libc::SYS_listen => &[Descriptor, Number],
        libc::SYS_setsockopt => &[Descriptor, Names(words::LEVELS), Names(words::OPTIONS), Hex],
        libc::SYS_socket => &[Names(words::FAMILIES), SocketType, Number],
        libc::SYS_socketpair => &[Names(words::FAMILIES), SocketType, Number, Hex],
        libc::SYS_clone => &[CloneFlags],
        libc::SYS_unshare => &[Flags(words::CLONES)],
        libc::SYS_setns => &[Descriptor, Flags(words::CLONES)],
        libc::SYS_ioctl => &[Descriptor, Names(words::IOCTLS), Hex],
        libc::SYS_fcntl => &[Descriptor, Names(words::FCNTLS), Hex],
        libc::SYS_prctl => &[Names(words::PRCTLS), Hex, Hex],
        libc::SYS_ptrace => &[Names(words::PTRACES), Number, Hex, Hex],
        libc::SYS_keyctl => &[Names(words::KEYCTLS), Hex, Hex],
        libc::SYS_add_key | libc::SYS_request_key => &[Path, Path],
        libc::SYS_memfd_create => &[Path, Flags(words::MEMFD_FLAGS)],
        libc::SYS_kill | libc::SYS_tkill | libc::SYS_rt_sigqueueinfo => &[Number, SIGNAL],
        libc::SYS_tgkill | libc::SYS_rt_tgsigqueueinfo => &[Number, Number, SIGNAL],
        libc::SYS_pidfd_send_signal => &[Descriptor, SIGNAL],
        libc::SYS_mmap => &[Hex, Number, Flags(words::PROTECTIONS), Flags(words::MAP_FLAGS), Descriptor],
        libc::SYS_personality => &[Flags(words::PERSONALITIES)],
        libc::SYS_bpf | libc::SYS_io_uring_setup | libc::SYS_userfaultfd => &[Number, Hex],
        libc::SYS_process_vm_readv | libc::SYS_process_vm_writev | libc::SYS_pidfd_getfd => {
            &[Number, Hex, Hex]
        }
        libc::SYS_fork | libc::SYS_vfork => &[],
        _ => return None,
    })
}

impl Shown {
    fn show(self, tid: i32, value: u64) -> String {
        // The kernel looks at the low 32 bits of what is an int or unsigned there.
        let low = value & 0xffff_ffff;
        match self {
            Shown::Directory if value as i32 == libc::AT_FDCWD => "AT_FDCWD".into(),
            Shown::Directory | Shown::Descriptor => descriptor(tid, value as i32),
            Shown::Number if value >> 32 == 0 => (value as i32).to_string(),
            Shown::Number => (value as i64).to_string(),
            Shown::Path if value == 0 => "NULL".into(),
            Shown::Path => {
                tracee::read_path(tid, value).map_or_else(|error| unread(&error, value), |path| quoted(&path))
            }
            Shown::OpenFlags => {
                let access = match value as i32 & libc::O_ACCMODE {
                    libc::O_WRONLY => "O_WRONLY",
                    libc::O_RDWR => "O_RDWR",
                    _ => "O_RDONLY",
                };
                let rest = low & !(libc::O_ACCMODE as u64);
                if rest == 0 { access.into() } else { format!("{access}|{}", flags(rest, words::OPEN_FLAGS)) }
            }
            Shown::Hex => format!("{value:#x}"),
            Shown::Octal => format!("{:#o}", value & 0o177_777),
            Shown::Names(names) => name(low, names),
            Shown::Flags(names) => flags(low, names),
            Shown::SocketType => {
                let kind = name(low & 0xf, words::SOCKETS);
                let rest = low & !0xf;
                if rest == 0 { kind } else { format!("{kind}|{}", flags(rest, words::SOCKET_FLAGS)) }
            }
            Shown::CloneFlags => {
                // The lowest byte is the signal for the parent.
                let signal = name(value & 0xff, words::SIGNALS);
                let rest = value & !0xff;
                if rest == 0 { signal } else { format!("{}|{signal}", flags(rest, words::CLONES)) }
            }
            Shown::Times if value == 0 => "NULL".into(),
            Shown::Times => times(tid, value),
            Shown::Address => network::describe_address(tid, value),
        }
    }
}

/// `3</usr/bin>`: a descriptor with what it stands for, when that can be seen.
fn descriptor(tid: i32, fd: i32) -> String {
    match tracee::directory(tid, fd) {
        Ok(path) if fd >= 0 => {
            let text = quoted(&path);
            format!("{fd}<{}>", text.trim_matches('"'))
        }
        _ => fd.to_string(),
    }
}

/// Text of the program in quotes, everything escaped that would do something to a terminal, and not too much of it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A pointer that leads nowhere is shown itself; memory that may not be looked into has to be told as such.
fn unread(error: &std::io::Error, value: u64) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => "unreadable".into(),
        _ => format!("{value:#x}"),
    }
}

fn times(tid: i32, address: u64) -> String {
    let one = |at: u64| {
        let (seconds, part) = (
            tracee::read_number(tid, address.wrapping_add(at))?,
            tracee::read_number(tid, address.wrapping_add(at + 8))?,
        );
        Some(match part as i64 {
            libc::UTIME_NOW => "UTIME_NOW".to_owned(),
            libc::UTIME_OMIT => "UTIME_OMIT".to_owned(),
            part => format!("{}.{part:09}", seconds as i64),
        })
    };
    match (one(0), one(16)) {
        (Some(accessed), Some(modified)) => format!("[{accessed}, {modified}]"),
        _ => format!("{address:#x}"),
    }
}

/// The name of a value, or the value in hexadecimal.
fn name(value: u64, names: Names) -> String {
    let known = names.iter().find(|(number, _)| *number == value);
    known.map_or_else(|| format!("{value:#x}"), |(_, name)| (*name).to_owned())
}

/// Names of the bits set in `value`, the rest in hexadecimal.
fn flags(value: u64, names: Names) -> String {
    let mut rest = value;
    let mut parts = Vec::new();
    for (bits, name) in names {
        if *bits != 0 && rest & bits == *bits {
            parts.push((*name).to_owned());
            rest &= !bits;
        }
    }
    if rest != 0 || parts.is_empty() {
        parts.push(if rest == 0 { "0".to_owned() } else { format!("{rest:#x}") });
    }
    parts.join("|")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own(number: i64, args: [u64; 6]) -> String {
        call(&Call { id: 0, tid: std::process::id() as i32, number, args })
    }

    #[test]
    fn flags_are_named_and_the_rest_is_kept() {
        assert_eq!(flags((libc::O_CREAT | libc::O_TRUNC) as u64, words::OPEN_FLAGS), "O_CREAT|O_TRUNC");
        assert_eq!(flags(0, words::OPEN_FLAGS), "0");
        assert_eq!(flags(libc::O_CREAT as u64 | 1 << 40, words::OPEN_FLAGS), "O_CREAT|0x10000000000");
    }

    #[test]
    fn calls_are_told_with_names_and_descriptors_with_what_they_stand_for() {
        use std::os::fd::AsRawFd;
        let folder = std::fs::File::open("/usr").unwrap();
        let fd = folder.as_raw_fd();
        let here = libc::AT_FDCWD as u32;
        let (name, other) = (c"old\n".as_ptr() as u64, c"/new".as_ptr() as u64);
        let cases: [(i64, [u64; 6], String); 7] = [
            (
                libc::SYS_renameat2,
                [fd as u64, name, here.into(), other, libc::RENAME_EXCHANGE.into(), 0],
                format!(r#"renameat2({fd}</usr>, "old\n", AT_FDCWD, "/new", RENAME_EXCHANGE)"#),
            ),
            (
                libc::SYS_unlinkat,
                [here.into(), other, libc::AT_REMOVEDIR as u64, 0, 0, 0],
                r#"unlinkat(AT_FDCWD, "/new", AT_REMOVEDIR)"#.into(),
            ),
            (libc::SYS_access, [other, 6, 0, 0, 0, 0], r#"access("/new", R_OK|W_OK)"#.into()),
            (libc::SYS_open, [other, 0, 0o644, 0, 0, 0], r#"open("/new", O_RDONLY)"#.into()),
            (
                libc::SYS_socket,
                [2, (libc::SOCK_RAW | libc::SOCK_CLOEXEC) as u64, 0, 0, 0, 0],
                "socket(AF_INET, SOCK_RAW|SOCK_CLOEXEC, 0)".into(),
            ),
            (
                libc::SYS_clone,
                [(libc::CLONE_NEWNET | libc::SIGCHLD) as u64, 0, 0, 0, 0, 0],
                "clone(CLONE_NEWNET|SIGCHLD)".into(),
            ),
            (libc::SYS_tgkill, [1, 1, 9, 0, 0, 0], "tgkill(1, 1, SIGKILL)".into()),
        ];
        for (number, args, told) in cases {
            assert_eq!(own(number, args), told);
        }
    }

    #[test]
    fn text_of_the_program_is_escaped_and_bounded() {
        let long = std::ffi::CString::new("\u{1b}]52;x".repeat(500)).unwrap();
        let told = own(libc::SYS_stat, [long.as_ptr() as u64, 0, 0, 0, 0, 0]);
        assert!(told.starts_with(r#"stat("\u{1b}]52;x"#) && told.len() < 5000, "{told}");
        assert!(!told.contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn any_call_is_told_in_bounded_and_printable_text(number in 0_i64..512, args in any::<[u64; 6]>()) {
            let told = own(number, args);
            prop_assert!(told.len() < 4096 && !told.chars().any(char::is_control), "{told}");
        }
    }
}
