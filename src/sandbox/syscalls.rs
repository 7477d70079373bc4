//! Which system call falls into which class. One table, from which the filter and the supervisor are made.
//!
//! What is not named here is refused: the filter is an allow-list.

use std::sync::LazyLock;

use syscalls::Sysno;
use syscalls::Sysno as S;

/// How a call is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Allowed by the filter itself: costs nothing.
    Free,
    /// Looked at by the supervisor, bounded by the kernel (mounts, Landlock, empty network, modes).
    Path,
    /// As [`Class::Path`], but only asks about a path (`stat`, `access`, `readlink`).
    Query,
    /// Decided by values of its arguments, never by what a pointer points at.
    Value,
    /// Refused by its number with this errno, and reported.
    Refused(i32),
    /// Answered ENOSYS without a report: libraries fall back to an older call.
    Absent,
}

/// Calls that touch nothing outside the process, or only what is open already.
#[rustfmt::skip]
const FREE: &[Sysno] = &[
    S::read, S::write, S::readv, S::writev, S::pread64, S::pwrite64, S::preadv, S::pwritev, S::preadv2,
    S::pwritev2, S::close, S::close_range, S::lseek, S::fstat, S::fstatfs, S::mprotect, S::munmap,
    S::mremap, S::brk, S::madvise, S::msync, S::mincore, S::mlock, S::mlock2, S::munlock, S::mlockall,
    S::munlockall, S::futex, S::futex_waitv, S::nanosleep, S::clock_nanosleep, S::clock_gettime,
    S::clock_getres, S::gettimeofday, S::time, S::times, S::getpid, S::gettid, S::getppid, S::getuid,
    S::geteuid, S::getgid, S::getegid, S::getresuid, S::getresgid, S::getgroups, S::getpgid, S::getpgrp,
    S::getsid, S::setpgid, S::setsid, S::getrandom, S::poll, S::ppoll, S::select, S::pselect6,
    S::epoll_create, S::epoll_create1, S::epoll_ctl, S::epoll_wait, S::epoll_pwait, S::epoll_pwait2,
    S::eventfd, S::eventfd2, S::timerfd_create, S::timerfd_settime, S::timerfd_gettime, S::signalfd,
    S::signalfd4, S::rt_sigprocmask, S::rt_sigpending, S::rt_sigtimedwait,
    S::rt_sigsuspend, S::rt_sigreturn, S::sigaltstack,
    S::sched_yield, S::sched_getaffinity, S::sched_setaffinity, S::sched_getparam, S::sched_getscheduler,
    S::sched_get_priority_max, S::sched_get_priority_min, S::sched_getattr, S::sched_rr_get_interval,
    S::getpriority, S::ioprio_get, S::fcntl, S::dup2, S::dup3, S::pipe, S::pipe2,
    S::flock, S::fsync, S::fdatasync, S::sync_file_range, S::syncfs,
    S::getdents, S::getdents64, S::getcwd, S::umask, S::fadvise64,
    S::readahead, S::sendfile, S::splice, S::tee, S::vmsplice, S::copy_file_range, S::arch_prctl,
    S::set_tid_address, S::set_robust_list, S::get_robust_list, S::rseq, S::getrlimit,
    S::getrusage, S::sysinfo, S::uname, S::wait4, S::waitid, S::exit, S::exit_group, S::restart_syscall,
    S::membarrier, S::shutdown, S::getsockname, S::getpeername,
    S::getsockopt, S::recvfrom, S::recvmsg, S::recvmmsg, S::accept, S::accept4,
    S::pause, S::alarm, S::getitimer, S::setitimer, S::timer_create, S::timer_settime, S::timer_gettime,
    S::timer_getoverrun, S::timer_delete, S::getcpu, S::capget, S::setuid, S::setgid,
    S::setreuid, S::setregid, S::setresuid, S::setresgid, S::setfsuid, S::setfsgid,
    S::flistxattr, S::inotify_init, S::inotify_init1, S::inotify_rm_watch,
    S::get_mempolicy, S::pkey_alloc, S::pkey_free, S::pkey_mprotect,
    S::pidfd_open, S::landlock_create_ruleset, S::landlock_add_rule,
    S::landlock_restrict_self, S::sync,
];

/// Calls that take a path and do or prepare something with it.
#[rustfmt::skip]
const PATH: &[Sysno] = &[
    S::open, S::openat, S::creat, S::execve, S::execveat, S::mkdir, S::mkdirat, S::rmdir,
    S::unlink, S::unlinkat, S::rename, S::renameat, S::renameat2, S::link, S::linkat, S::symlink,
    S::symlinkat, S::chmod, S::fchmodat, S::fchmodat2, S::chown, S::lchown, S::fchownat, S::truncate,
    S::utime, S::utimes, S::utimensat, S::futimesat, S::mknod, S::mknodat, S::setxattr, S::lsetxattr,
    S::removexattr, S::lremovexattr, S::chdir, S::connect, S::bind, S::sendto, S::sendmsg, S::sendmmsg,
    S::inotify_add_watch, S::fchdir, S::fchmod, S::fchown, S::fsetxattr, S::fremovexattr,
];

/// Calls that only ask about a path.
#[rustfmt::skip]
const QUERY: &[Sysno] = &[
    S::stat, S::lstat, S::newfstatat, S::statx, S::access, S::faccessat, S::faccessat2, S::readlink,
    S::readlinkat, S::statfs, S::getxattr, S::lgetxattr, S::fgetxattr, S::listxattr, S::llistxattr,
];

/// Calls decided by plain numbers among their arguments.
#[rustfmt::skip]
const VALUE: &[Sysno] = &[
    S::rt_sigaction, S::setsockopt, S::socket, S::socketpair, S::ioctl, S::prctl, S::clone, S::fork, S::vfork, S::mmap, S::unshare, S::kill,
    S::listen, S::personality, S::ftruncate, S::fallocate, S::tkill, S::tgkill, S::rt_sigqueueinfo, S::rt_tgsigqueueinfo,
    S::pidfd_send_signal, S::setpriority, S::prlimit64, S::setrlimit, S::dup,
];

/// Newer calls that libraries try first and do without: they keep what has to be judged behind a pointer.
const ABSENT: &[Sysno] = &[S::clone3, S::openat2, S::mbind, S::set_mempolicy];

/// Calls that make memory which no limit counts (memfd, System V segments, semaphores and queues: a set of semaphores takes
/// two MiB of the kernel's) and from which programs could be started,
/// change the kernel's view, reach into other processes, or open up large parts of the kernel.
#[rustfmt::skip]
const REFUSED: &[Sysno] = &[
    S::memfd_create, S::shmget, S::shmat, S::shmdt, S::shmctl,
    S::semget, S::semop, S::semtimedop, S::semctl, S::msgget, S::msgsnd, S::msgrcv, S::msgctl, S::ptrace, S::process_vm_readv, S::process_vm_writev, S::process_madvise, S::process_mrelease,
    S::kcmp, S::pidfd_getfd, S::mount, S::umount2, S::pivot_root, S::chroot, S::move_mount, S::open_tree,
    S::fsopen, S::fsconfig, S::fsmount, S::fspick, S::mount_setattr, S::setns, S::setgroups,
    S::sethostname, S::setdomainname, S::keyctl, S::add_key, S::request_key, S::bpf, S::perf_event_open,
    S::userfaultfd, S::io_uring_setup, S::io_uring_enter, S::io_uring_register, S::kexec_load,
    S::kexec_file_load, S::init_module, S::finit_module, S::delete_module, S::open_by_handle_at,
    S::name_to_handle_at, S::iopl, S::ioperm, S::reboot, S::swapon, S::swapoff, S::acct, S::quotactl,
    S::quotactl_fd, S::syslog, S::settimeofday, S::clock_settime, S::adjtimex, S::clock_adjtime,
    S::modify_ldt, S::fanotify_init, S::fanotify_mark, S::migrate_pages, S::move_pages,
    S::seccomp, S::sched_setscheduler, S::sched_setparam, S::sched_setattr,
    S::ioprio_set, S::vhangup, S::capset, S::mq_open, S::mq_unlink, S::lookup_dcookie, S::nfsservctl,
    S::uselib, S::ustat, S::sysfs, S::memfd_secret,
];

/// Calls that are free in namespaces of their own and bounded by mounts, and that reach the rest of the machine without
/// them: Landlock mediates none of these. See `filter::host` for what becomes of each.
#[rustfmt::skip]
const REACHING: &[Sysno] = &[
    S::semget, S::semop, S::semtimedop, S::semctl, S::msgget, S::msgsnd, S::msgrcv, S::msgctl, S::inotify_init,
    S::inotify_init1, S::inotify_add_watch, S::setxattr, S::lsetxattr, S::fsetxattr, S::removexattr,
    S::lremovexattr, S::fremovexattr, S::getxattr, S::lgetxattr, S::listxattr, S::llistxattr, S::chmod, S::fchmod,
    S::fchmodat, S::fchmodat2, S::chown, S::lchown, S::fchown, S::fchownat, S::utime, S::utimes, S::utimensat,
    S::futimesat, S::socketpair, S::prlimit64, S::setpriority, S::sched_setaffinity, S::fcntl, S::connect, S::bind,
    S::listen, S::socket, S::ioctl,
];

/// Calls that send signals: Landlock holds them from ABI 6 on.
const SIGNALLING: &[Sysno] =
    &[S::kill, S::tkill, S::tgkill, S::rt_sigqueueinfo, S::rt_tgsigqueueinfo, S::pidfd_send_signal];

/// Numbers above this are not system calls of any kernel this program knows.
const HIGHEST: usize = 511;

/// Class of a call by its number. Numbers nobody knows, and calls nobody has judged, are refused with ENOSYS:
/// treated as calls this kernel does not have.
pub fn class(number: i64) -> Class {
    static TABLE: LazyLock<[Class; HIGHEST + 1]> = LazyLock::new(|| {
        let mut table = [Class::Refused(libc::ENOSYS); HIGHEST + 1];
        for class in
            [Class::Free, Class::Path, Class::Query, Class::Value, Class::Absent, Class::Refused(libc::EPERM)]
        {
            for number in of_class(class) {
                table[number as usize] = class;
            }
        }
        table
    });
    usize::try_from(number)
        .ok()
        .and_then(|number| TABLE.get(number).copied())
        .unwrap_or(Class::Refused(libc::ENOSYS))
}

/// Every call of a class, by number.
pub fn of_class(wanted: Class) -> impl Iterator<Item = i64> {
    let list = match wanted {
        Class::Free => FREE,
        Class::Path => PATH,
        Class::Query => QUERY,
        Class::Value => VALUE,
        Class::Absent => ABSENT,
        Class::Refused(_) => REFUSED,
    };
    list.iter().map(|call| i64::from(call.id()))
}

/// The calls that need closer rules when the program stands on the host's own ground, without namespaces.
pub fn reaching(landlock_abi: u32) -> impl Iterator<Item = i64> {
    let signals = if landlock_abi < 6 { SIGNALLING } else { &[] };
    // Landlock knows of truncate(2) from ABI 3 on.
    let truncate: &[Sysno] = if landlock_abi < 3 { &[S::truncate] } else { &[] };
    [REACHING, signals, truncate].into_iter().flatten().map(|call| i64::from(call.id()))
}

/// Name of a call, `syscall 1234` when it has none.
pub fn name(number: i64) -> String {
    usize::try_from(number)
        .ok()
        .and_then(Sysno::new)
        .map_or_else(|| format!("syscall {number}"), |call| call.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_in_two_classes() {
        let mut all: Vec<&Sysno> =
            [FREE, PATH, QUERY, VALUE, ABSENT, REFUSED].concat().leak().iter().collect();
        let count = all.len();
        all.sort_by_key(|call| call.id());
        all.dedup();
        assert_eq!(count, all.len());
    }

    #[test]
    fn numbers_nobody_knows_are_refused() {
        for number in [-1, 9_999, 0x4000_0000 + 39, i64::MAX] {
            assert_eq!(class(number), Class::Refused(libc::ENOSYS), "{number}");
        }
    }
}
