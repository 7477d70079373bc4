//! Names of numbers among the arguments of system calls, as the manual pages write them.

/// Values, or bits, with their names.
pub(super) type Names = &'static [(u64, &'static str)];

pub(super) const FAMILIES: Names = &[
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
    (libc::AF_KEY as u64, "AF_KEY"),
    (libc::AF_NFC as u64, "AF_NFC"),
];
pub(super) const SOCKETS: Names = &[
    (libc::SOCK_STREAM as u64, "SOCK_STREAM"),
    (libc::SOCK_DGRAM as u64, "SOCK_DGRAM"),
    (libc::SOCK_RAW as u64, "SOCK_RAW"),
    (libc::SOCK_SEQPACKET as u64, "SOCK_SEQPACKET"),
    (libc::SOCK_RDM as u64, "SOCK_RDM"),
];
pub(super) const SOCKET_FLAGS: Names =
    &[(libc::SOCK_CLOEXEC as u64, "SOCK_CLOEXEC"), (libc::SOCK_NONBLOCK as u64, "SOCK_NONBLOCK")];
pub(super) const CLONES: Names = &[
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
    (libc::CLONE_SIGHAND as u64, "CLONE_SIGHAND"),
    (libc::CLONE_PTRACE as u64, "CLONE_PTRACE"),
    (libc::CLONE_VFORK as u64, "CLONE_VFORK"),
    (libc::CLONE_PARENT as u64, "CLONE_PARENT"),
    (libc::CLONE_THREAD as u64, "CLONE_THREAD"),
    (libc::CLONE_SYSVSEM as u64, "CLONE_SYSVSEM"),
    (libc::CLONE_SETTLS as u64, "CLONE_SETTLS"),
    (libc::CLONE_PARENT_SETTID as u64, "CLONE_PARENT_SETTID"),
    (libc::CLONE_CHILD_CLEARTID as u64, "CLONE_CHILD_CLEARTID"),
    (libc::CLONE_DETACHED as u64, "CLONE_DETACHED"),
    (libc::CLONE_UNTRACED as u64, "CLONE_UNTRACED"),
    (libc::CLONE_CHILD_SETTID as u64, "CLONE_CHILD_SETTID"),
    (libc::CLONE_IO as u64, "CLONE_IO"),
    (libc::CLONE_PIDFD as u64, "CLONE_PIDFD"),
];
pub(super) const IOCTLS: Names = &[
    (libc::TIOCSTI, "TIOCSTI"),
    (0x541c, "TIOCLINUX"),
    (libc::TIOCSCTTY, "TIOCSCTTY"),
    (libc::TIOCNOTTY, "TIOCNOTTY"),
    (libc::TIOCSWINSZ, "TIOCSWINSZ"),
    (libc::TIOCSPGRP, "TIOCSPGRP"),
    (libc::TIOCCONS, "TIOCCONS"),
    (libc::TCSETS, "TCSETS"),
    (libc::TCSETSW, "TCSETSW"),
    (libc::TCSETSF, "TCSETSF"),
    (libc::SIOCGIFCONF, "SIOCGIFCONF"),
    (libc::SIOCGIFFLAGS, "SIOCGIFFLAGS"),
    (libc::SIOCGIFADDR, "SIOCGIFADDR"),
    (libc::SIOCGIFHWADDR, "SIOCGIFHWADDR"),
    (libc::SIOCGIFINDEX, "SIOCGIFINDEX"),
    (libc::SIOCSIFADDR, "SIOCSIFADDR"),
    (libc::SIOCSIFFLAGS, "SIOCSIFFLAGS"),
];
pub(super) const PRCTLS: Names = &[
    (libc::PR_SET_SECCOMP as u64, "PR_SET_SECCOMP"),
    (libc::PR_SET_MM as u64, "PR_SET_MM"),
    (libc::PR_SET_PTRACER as u64, "PR_SET_PTRACER"),
    (libc::PR_CAP_AMBIENT as u64, "PR_CAP_AMBIENT"),
    (libc::PR_SET_SECUREBITS as u64, "PR_SET_SECUREBITS"),
    (libc::PR_SET_DUMPABLE as u64, "PR_SET_DUMPABLE"),
    (libc::PR_SET_PDEATHSIG as u64, "PR_SET_PDEATHSIG"),
    (libc::PR_SET_NO_NEW_PRIVS as u64, "PR_SET_NO_NEW_PRIVS"),
    (libc::PR_SET_NAME as u64, "PR_SET_NAME"),
    (libc::PR_CAPBSET_DROP as u64, "PR_CAPBSET_DROP"),
    (libc::PR_CAP_AMBIENT as u64, "PR_CAP_AMBIENT"),
    (libc::PR_SET_CHILD_SUBREAPER as u64, "PR_SET_CHILD_SUBREAPER"),
    (libc::PR_SET_KEEPCAPS as u64, "PR_SET_KEEPCAPS"),
    (libc::PR_SET_SECUREBITS as u64, "PR_SET_SECUREBITS"),
    (libc::PR_SET_TIMERSLACK as u64, "PR_SET_TIMERSLACK"),
    (libc::PR_SET_THP_DISABLE as u64, "PR_SET_THP_DISABLE"),
];
pub(super) const PTRACES: Names = &[
    (libc::PTRACE_TRACEME as u64, "PTRACE_TRACEME"),
    (libc::PTRACE_ATTACH as u64, "PTRACE_ATTACH"),
    (libc::PTRACE_SEIZE as u64, "PTRACE_SEIZE"),
    (libc::PTRACE_PEEKTEXT as u64, "PTRACE_PEEKTEXT"),
    (libc::PTRACE_PEEKDATA as u64, "PTRACE_PEEKDATA"),
    (libc::PTRACE_POKETEXT as u64, "PTRACE_POKETEXT"),
    (libc::PTRACE_POKEDATA as u64, "PTRACE_POKEDATA"),
    (libc::PTRACE_GETREGS as u64, "PTRACE_GETREGS"),
    (libc::PTRACE_SETREGS as u64, "PTRACE_SETREGS"),
    (libc::PTRACE_CONT as u64, "PTRACE_CONT"),
    (libc::PTRACE_DETACH as u64, "PTRACE_DETACH"),
    (libc::PTRACE_INTERRUPT as u64, "PTRACE_INTERRUPT"),
];
pub(super) const KEYCTLS: Names = &[
    (0, "KEYCTL_GET_KEYRING_ID"),
    (1, "KEYCTL_JOIN_SESSION_KEYRING"),
    (2, "KEYCTL_UPDATE"),
    (3, "KEYCTL_REVOKE"),
    (6, "KEYCTL_DESCRIBE"),
    (8, "KEYCTL_LINK"),
    (10, "KEYCTL_SEARCH"),
    (11, "KEYCTL_READ"),
];
pub(super) const SIGNALS: Names = &[
    (0, "0"),
    (libc::SIGHUP as u64, "SIGHUP"),
    (libc::SIGINT as u64, "SIGINT"),
    (libc::SIGQUIT as u64, "SIGQUIT"),
    (libc::SIGILL as u64, "SIGILL"),
    (libc::SIGTRAP as u64, "SIGTRAP"),
    (libc::SIGABRT as u64, "SIGABRT"),
    (libc::SIGBUS as u64, "SIGBUS"),
    (libc::SIGFPE as u64, "SIGFPE"),
    (libc::SIGKILL as u64, "SIGKILL"),
    (libc::SIGUSR1 as u64, "SIGUSR1"),
    (libc::SIGSEGV as u64, "SIGSEGV"),
    (libc::SIGUSR2 as u64, "SIGUSR2"),
    (libc::SIGPIPE as u64, "SIGPIPE"),
    (libc::SIGALRM as u64, "SIGALRM"),
    (libc::SIGTERM as u64, "SIGTERM"),
    (libc::SIGSTKFLT as u64, "SIGSTKFLT"),
    (libc::SIGCHLD as u64, "SIGCHLD"),
    (libc::SIGCONT as u64, "SIGCONT"),
    (libc::SIGSTOP as u64, "SIGSTOP"),
    (libc::SIGTSTP as u64, "SIGTSTP"),
    (libc::SIGTTIN as u64, "SIGTTIN"),
    (libc::SIGTTOU as u64, "SIGTTOU"),
    (libc::SIGURG as u64, "SIGURG"),
    (libc::SIGXCPU as u64, "SIGXCPU"),
    (libc::SIGXFSZ as u64, "SIGXFSZ"),
    (libc::SIGVTALRM as u64, "SIGVTALRM"),
    (libc::SIGPROF as u64, "SIGPROF"),
    (libc::SIGWINCH as u64, "SIGWINCH"),
    (libc::SIGIO as u64, "SIGIO"),
    (libc::SIGPWR as u64, "SIGPWR"),
    (libc::SIGSYS as u64, "SIGSYS"),
];
/// `O_TMPFILE` holds `O_DIRECTORY` and `O_SYNC` holds `O_DSYNC`: they come first.
pub(super) const OPEN_FLAGS: Names = &[
    (libc::O_TMPFILE as u64, "O_TMPFILE"),
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
    (libc::O_NOATIME as u64, "O_NOATIME"),
    (libc::O_SYNC as u64, "O_SYNC"),
    (libc::O_DSYNC as u64, "O_DSYNC"),
    (libc::O_DIRECT as u64, "O_DIRECT"),
    (libc::O_ASYNC as u64, "O_ASYNC"),
];
pub(super) const AT_FLAGS: Names = &[
    (libc::AT_SYMLINK_NOFOLLOW as u64, "AT_SYMLINK_NOFOLLOW"),
    (libc::AT_SYMLINK_FOLLOW as u64, "AT_SYMLINK_FOLLOW"),
    (libc::AT_EMPTY_PATH as u64, "AT_EMPTY_PATH"),
    (libc::AT_NO_AUTOMOUNT as u64, "AT_NO_AUTOMOUNT"),
    (libc::AT_STATX_FORCE_SYNC as u64, "AT_STATX_FORCE_SYNC"),
    (libc::AT_STATX_DONT_SYNC as u64, "AT_STATX_DONT_SYNC"),
];
/// The same bits mean something else to `unlinkat` and `faccessat2`.
pub(super) const UNLINK_FLAGS: Names = &[(libc::AT_REMOVEDIR as u64, "AT_REMOVEDIR")];
pub(super) const ACCESS_FLAGS: Names = &[
    (libc::AT_EACCESS as u64, "AT_EACCESS"),
    (libc::AT_SYMLINK_NOFOLLOW as u64, "AT_SYMLINK_NOFOLLOW"),
    (libc::AT_EMPTY_PATH as u64, "AT_EMPTY_PATH"),
];
pub(super) const ACCESS: Names =
    &[(libc::R_OK as u64, "R_OK"), (libc::W_OK as u64, "W_OK"), (libc::X_OK as u64, "X_OK")];
pub(super) const RENAME_FLAGS: Names = &[
    (libc::RENAME_NOREPLACE as u64, "RENAME_NOREPLACE"),
    (libc::RENAME_EXCHANGE as u64, "RENAME_EXCHANGE"),
    (libc::RENAME_WHITEOUT as u64, "RENAME_WHITEOUT"),
];
pub(super) const MOUNT_FLAGS: Names = &[
    (libc::MS_RDONLY, "MS_RDONLY"),
    (libc::MS_NOSUID, "MS_NOSUID"),
    (libc::MS_NODEV, "MS_NODEV"),
    (libc::MS_NOEXEC, "MS_NOEXEC"),
    (libc::MS_REMOUNT, "MS_REMOUNT"),
    (libc::MS_BIND, "MS_BIND"),
    (libc::MS_MOVE, "MS_MOVE"),
    (libc::MS_REC, "MS_REC"),
    (libc::MS_PRIVATE, "MS_PRIVATE"),
    (libc::MS_SLAVE, "MS_SLAVE"),
    (libc::MS_SHARED, "MS_SHARED"),
    (libc::MS_NOATIME, "MS_NOATIME"),
];
pub(super) const UMOUNT_FLAGS: Names = &[
    (libc::MNT_FORCE as u64, "MNT_FORCE"),
    (libc::MNT_DETACH as u64, "MNT_DETACH"),
    (libc::MNT_EXPIRE as u64, "MNT_EXPIRE"),
    (libc::UMOUNT_NOFOLLOW as u64, "UMOUNT_NOFOLLOW"),
];
pub(super) const PROTECTIONS: Names = &[
    (libc::PROT_READ as u64, "PROT_READ"),
    (libc::PROT_WRITE as u64, "PROT_WRITE"),
    (libc::PROT_EXEC as u64, "PROT_EXEC"),
];
pub(super) const MAP_FLAGS: Names = &[
    (libc::MAP_SHARED as u64, "MAP_SHARED"),
    (libc::MAP_PRIVATE as u64, "MAP_PRIVATE"),
    (libc::MAP_FIXED as u64, "MAP_FIXED"),
    (libc::MAP_ANONYMOUS as u64, "MAP_ANONYMOUS"),
    (libc::MAP_NORESERVE as u64, "MAP_NORESERVE"),
    (libc::MAP_POPULATE as u64, "MAP_POPULATE"),
    (libc::MAP_STACK as u64, "MAP_STACK"),
    (libc::MAP_GROWSDOWN as u64, "MAP_GROWSDOWN"),
    (libc::MAP_HUGETLB as u64, "MAP_HUGETLB"),
    (libc::MAP_LOCKED as u64, "MAP_LOCKED"),
];
pub(super) const XATTR_FLAGS: Names =
    &[(libc::XATTR_CREATE as u64, "XATTR_CREATE"), (libc::XATTR_REPLACE as u64, "XATTR_REPLACE")];
pub(super) const STATX_MASK: Names = &[
    (libc::STATX_BASIC_STATS as u64, "STATX_BASIC_STATS"),
    (libc::STATX_TYPE as u64, "STATX_TYPE"),
    (libc::STATX_MODE as u64, "STATX_MODE"),
    (libc::STATX_NLINK as u64, "STATX_NLINK"),
    (libc::STATX_UID as u64, "STATX_UID"),
    (libc::STATX_GID as u64, "STATX_GID"),
    (libc::STATX_ATIME as u64, "STATX_ATIME"),
    (libc::STATX_MTIME as u64, "STATX_MTIME"),
    (libc::STATX_CTIME as u64, "STATX_CTIME"),
    (libc::STATX_INO as u64, "STATX_INO"),
    (libc::STATX_SIZE as u64, "STATX_SIZE"),
    (libc::STATX_BLOCKS as u64, "STATX_BLOCKS"),
    (libc::STATX_BTIME as u64, "STATX_BTIME"),
    (libc::STATX_MNT_ID as u64, "STATX_MNT_ID"),
];
pub(super) const NOTIFY_MASK: Names = &[
    (libc::IN_ALL_EVENTS as u64, "IN_ALL_EVENTS"),
    (libc::IN_ACCESS as u64, "IN_ACCESS"),
    (libc::IN_MODIFY as u64, "IN_MODIFY"),
    (libc::IN_ATTRIB as u64, "IN_ATTRIB"),
    (libc::IN_CLOSE_WRITE as u64, "IN_CLOSE_WRITE"),
    (libc::IN_CLOSE_NOWRITE as u64, "IN_CLOSE_NOWRITE"),
    (libc::IN_OPEN as u64, "IN_OPEN"),
    (libc::IN_MOVED_FROM as u64, "IN_MOVED_FROM"),
    (libc::IN_MOVED_TO as u64, "IN_MOVED_TO"),
    (libc::IN_CREATE as u64, "IN_CREATE"),
    (libc::IN_DELETE as u64, "IN_DELETE"),
    (libc::IN_DELETE_SELF as u64, "IN_DELETE_SELF"),
    (libc::IN_MOVE_SELF as u64, "IN_MOVE_SELF"),
    (libc::IN_ONLYDIR as u64, "IN_ONLYDIR"),
    (libc::IN_DONT_FOLLOW as u64, "IN_DONT_FOLLOW"),
    (libc::IN_MASK_ADD as u64, "IN_MASK_ADD"),
    (libc::IN_ONESHOT as u64, "IN_ONESHOT"),
];
pub(super) const FCNTLS: Names = &[
    (libc::F_DUPFD as u64, "F_DUPFD"),
    (libc::F_GETFD as u64, "F_GETFD"),
    (libc::F_SETFD as u64, "F_SETFD"),
    (libc::F_GETFL as u64, "F_GETFL"),
    (libc::F_SETFL as u64, "F_SETFL"),
    (libc::F_GETLK as u64, "F_GETLK"),
    (libc::F_SETLK as u64, "F_SETLK"),
    (libc::F_SETLKW as u64, "F_SETLKW"),
    (libc::F_SETOWN as u64, "F_SETOWN"),
    (libc::F_GETOWN as u64, "F_GETOWN"),
    (libc::F_SETPIPE_SZ as u64, "F_SETPIPE_SZ"),
    (libc::F_ADD_SEALS as u64, "F_ADD_SEALS"),
    (libc::F_DUPFD_CLOEXEC as u64, "F_DUPFD_CLOEXEC"),
];
pub(super) const LEVELS: Names = &[
    (libc::SOL_SOCKET as u64, "SOL_SOCKET"),
    (libc::IPPROTO_IP as u64, "IPPROTO_IP"),
    (libc::IPPROTO_TCP as u64, "IPPROTO_TCP"),
    (libc::IPPROTO_IPV6 as u64, "IPPROTO_IPV6"),
];
pub(super) const OPTIONS: Names = &[
    (libc::SO_BINDTODEVICE as u64, "SO_BINDTODEVICE"),
    (libc::SO_REUSEADDR as u64, "SO_REUSEADDR"),
    (libc::SO_MARK as u64, "SO_MARK"),
    (libc::SO_ATTACH_FILTER as u64, "SO_ATTACH_FILTER"),
    (libc::SO_BROADCAST as u64, "SO_BROADCAST"),
];
pub(super) const PERSONALITIES: Names = &[
    (libc::ADDR_NO_RANDOMIZE as u64, "ADDR_NO_RANDOMIZE"),
    (libc::READ_IMPLIES_EXEC as u64, "READ_IMPLIES_EXEC"),
];
pub(super) const MEMFD_FLAGS: Names = &[
    (libc::MFD_CLOEXEC as u64, "MFD_CLOEXEC"),
    (libc::MFD_ALLOW_SEALING as u64, "MFD_ALLOW_SEALING"),
    (libc::MFD_HUGETLB as u64, "MFD_HUGETLB"),
    (libc::MFD_NOEXEC_SEAL as u64, "MFD_NOEXEC_SEAL"),
    (libc::MFD_EXEC as u64, "MFD_EXEC"),
];
