//! What the filter refuses in addition when the program stands on the host's own ground, without namespaces.
//!
//! Landlock holds what is read and written there, but not attributes, System V objects, sockets with paths, watches,
//! other processes' limits and, before ABI 6, signals: landlock(7), "Current limitations". An empty network, a process
//! namespace and read-only mounts hold these otherwise. With a supervisor the calls removed here are sent to it
//! (`supervisor::host`), which refuses by number and value, or carries them out itself.

use std::io;

use seccompiler::{SeccompCmpArgLen as Length, SeccompCmpOp as Op};

use super::{Rules, SOCKET_TYPE, none_of, one_of, rule};
use crate::sandbox::syscalls;

/// `fcntl` commands that name a process to be sent signals: fcntl(2).
const OWNERS: [u64; 2] = [libc::F_SETOWN as u64, F_SETOWN_EX];
const F_SETOWN_EX: u64 = 15;

/// `ioctl` requests beyond terminals and pipes that change nothing of a file that is only readable: ioctl_list(2).
/// FICLONE and FICLONERANGE ask for a descriptor that may be written.
pub(in crate::sandbox::linux) const HARMLESS_IOCTLS: [u64; 11] = [
    libc::TCGETS,
    libc::TCSETS,
    libc::TIOCGWINSZ,
    libc::TIOCGPGRP,
    libc::FIONREAD,
    libc::FIONBIO,
    libc::FIOCLEX,
    libc::FIONCLEX,
    0x4004_9409,
    0x4020_940d,
    0x8008_6601,
];

/// Kinds of socket pairs: a datagram socket could send to any path.
const PAIRS: [i32; 2] = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET];

/// Take away what reaches beyond the program; leave the forms of it that only concern itself.
pub(super) fn narrow(rules: &mut Rules, landlock_abi: u32) -> io::Result<()> {
    for number in syscalls::reaching(landlock_abi) {
        rules.remove(&number);
    }
    let own = |argument| rule(&[(argument, Length::Dword, Op::Eq, 0)]);
    let pairs = PAIRS.map(|kind| {
        rule(&[
            (0, Length::Dword, Op::Eq, libc::AF_UNIX as u64),
            (1, Length::Dword, Op::MaskedEq(SOCKET_TYPE), kind as u64),
        ])
    });
    let priority =
        rule(&[(0, Length::Dword, Op::Ne, u64::from(libc::PRIO_USER)), (1, Length::Dword, Op::Eq, 0)])?;
    rules.extend([
        (libc::SYS_socketpair, pairs.into_iter().collect::<io::Result<_>>()?),
        (libc::SYS_prlimit64, vec![own(0)?]),
        (libc::SYS_sched_setaffinity, vec![own(0)?]),
        (libc::SYS_setpriority, vec![priority]),
        (libc::SYS_fcntl, vec![none_of(1, &OWNERS)?]),
        (libc::SYS_ioctl, one_of(1, &HARMLESS_IOCTLS)?),
    ]);
    Ok(())
}

/// As [`narrow`], where nobody is there to judge the rest.
///
/// Call in the process that becomes the program: it may send signals to itself.
pub(super) fn narrow_alone(rules: &mut Rules, landlock_abi: u32) -> io::Result<()> {
    narrow(rules, landlock_abi)?;
    if landlock_abi < 6 {
        let myself = u64::from(std::process::id());
        for number in [libc::SYS_kill, libc::SYS_tgkill] {
            rules.insert(number, one_of(0, &[myself])?);
        }
    }
    if landlock_abi < 3 {
        // Opening may cut a file short without opening it to write: only the latter is mediated.
        for (number, flags) in [(libc::SYS_open, 1), (libc::SYS_openat, 2)] {
            rules.insert(number, cutting_only_what_is_written(flags)?);
        }
    }
    Ok(())
}

/// Forms of open(2) that create nothing with its owner's rights and cut nothing short that is opened to read.
fn cutting_only_what_is_written(flags: u8) -> io::Result<Vec<seccompiler::SeccompRule>> {
    let creating = (libc::O_CREAT | super::super::calls::TMPFILE) as u64;
    let creates_nothing = (flags, Length::Dword, Op::MaskedEq(creating), 0);
    let cuts_nothing = (flags, Length::Dword, Op::MaskedEq(libc::O_TRUNC as u64), 0);
    let mut all = Vec::new();
    for bounded in [creates_nothing, super::without_set_ids(flags + 1)] {
        all.push(rule(&[bounded.clone(), cuts_nothing.clone()])?);
        for access in [libc::O_WRONLY, libc::O_RDWR] {
            let writes = (flags, Length::Dword, Op::MaskedEq(libc::O_ACCMODE as u64), access as u64);
            all.push(rule(&[bounded.clone(), writes])?);
        }
    }
    Ok(all)
}
