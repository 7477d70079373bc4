//! The seccomp filter: an allow-list compiled by seccompiler, with everything else handed to the supervisor.
//!
//! seccompiler 0.5 has no user notification, so the filter is compiled with `Trace` as its mismatch action and
//! that return constant is exchanged afterwards (`SECCOMP_RET_USER_NOTIF`, seccomp(2)). Numbers with the x32 bit
//! match no rule and are refused like every unknown number; a foreign architecture is killed.

mod host;
mod index;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::sys;
use crate::sandbox::plan::Observe;
use crate::sandbox::syscalls::{self, Class};
use index::Verdict;

/// Compiled and ready to be loaded.
#[derive(Debug)]
pub(super) struct Filter {
    program: BpfProgram,
    /// Loaded as well when there is no supervisor: calls answered ENOSYS rather than EPERM.
    absent: Option<BpfProgram>,
}

/// Where the program stands, and so what its filter has to hold alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// In namespaces of its own.
    Own,
    /// Among everything else on the machine, held by Landlock of that version.
    Host { landlock_abi: u32 },
}

/// Random numbers that stand in the fifth and sixth argument of a call that has none there.
pub(super) type Token = [u64; 2];

/// Allocations below this are never looked at one by one.
pub(super) const LARGE_MAPPING: u64 = 64 * 1024 * 1024;

/// Files that are made no longer than this by one call are never looked at one by one.
pub(super) const LONG_FILE: u64 = 64 * 1024;
/// Processes up to this number are taken for those of the run itself: their signals are not looked at.
const NEAR_PROCESSES: u64 = 4096;

/// Every flag of clone(2) and unshare(2) that asks for a new namespace.
pub(super) const NEW_NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64
    | CLONE_NEWTIME;
const CLONE_NEWTIME: u64 = 0x80;

/// A mode without the set-user-ID and set-group-ID bits.
fn without_set_ids(argument: u8) -> (u8, Length, Op, u64) {
    (argument, Length::Dword, Op::MaskedEq(u64::from(libc::S_ISUID | libc::S_ISGID)), 0)
}

/// Options, by level, with which a handed-over socket would choose among the host's interfaces, or send what belongs to
/// its connection by way of somebody else (source routes): socket(7), ip(7), ipv6(7).
const FORBIDDEN_OPTIONS: [(i32, &[i32]); 3] = [
    (libc::SOL_SOCKET, &[libc::SO_BINDTODEVICE, SO_BINDTOIFINDEX]),
    (libc::IPPROTO_IP, &[libc::IP_OPTIONS]),
    (
        libc::IPPROTO_IPV6,
        &[
            IPV6_2292PKTOPTIONS,
            libc::IPV6_HOPOPTS,
            libc::IPV6_RTHDRDSTOPTS,
            libc::IPV6_RTHDR,
            libc::IPV6_DSTOPTS,
        ],
    ),
];
const SO_BINDTOIFINDEX: i32 = 62;
const IPV6_2292PKTOPTIONS: i32 = 6;

/// setsockopt(2) without [`FORBIDDEN_OPTIONS`].
fn harmless_options() -> io::Result<Vec<SeccompRule>> {
    let differs = |argument, value: &i32| (argument, Length::Dword, Op::Ne, *value as u64);
    let other_levels: Vec<_> = FORBIDDEN_OPTIONS.iter().map(|(level, _)| differs(1, level)).collect();
    let mut rules = vec![rule(&other_levels)?];
    for (level, names) in FORBIDDEN_OPTIONS {
        let mut conditions = vec![(1, Length::Dword, Op::Eq, level as u64)];
        conditions.extend(names.iter().map(|name| differs(2, name)));
        rules.push(rule(&conditions)?);
    }
    Ok(rules)
}

/// socketpair(2) without local datagrams, which are sent wherever each call says, connected or not: unix(7).
fn connected_pairs() -> io::Result<Vec<SeccompRule>> {
    [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
        .into_iter()
        .map(|kind| rule(&[(1, Length::Dword, Op::MaskedEq(SOCKET_TYPE), kind as u64)]))
        .collect()
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// One rule: all conditions hold. Each is (argument, 32 or 64 bits, comparison, value).
fn rule(conditions: &[(u8, Length, Op, u64)]) -> io::Result<SeccompRule> {
    let conditions = conditions
        .iter()
        .map(|(argument, length, op, value)| {
            SeccompCondition::new(*argument, length.clone(), op.clone(), *value)
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(other)?;
    SeccompRule::new(conditions).map_err(other)
}

/// Allow a call when its argument equals one of these. 32 bits: what the kernel itself looks at.
fn one_of(argument: u8, values: &[u64]) -> io::Result<Vec<SeccompRule>> {
    values.iter().map(|value| rule(&[(argument, Length::Dword, Op::Eq, *value)])).collect()
}

/// Allow a call when its argument is none of these.
fn none_of(argument: u8, values: &[u64]) -> io::Result<SeccompRule> {
    rule(&values.iter().map(|value| (argument, Length::Dword, Op::Ne, *value)).collect::<Vec<_>>())
}

fn with_supervisor(observe: Observe, ground: Ground) -> io::Result<Filter> {
    let mut rules: Rules = syscalls::of_class(Class::Free).map(|number| (number, vec![])).collect();
    if observe == Observe::Denials {
        rules.extend(syscalls::of_class(Class::Query).map(|number| (number, vec![])));
    }
    // The common harmless forms of calls that are decided by value: never worth a question.
    //
    // Fork is one of them although processes are counted: a signal that comes before the supervisor has taken the
    // question ends the call with EINTR, which fork(2) never returns and shells with a SIGCHLD handler give up on.
    rules.insert(libc::SYS_clone, vec![rule(&[(0, Length::Qword, Op::MaskedEq(NEW_NAMESPACES), 0)])?]);
    #[cfg(target_arch = "x86_64")]
    rules.extend([(libc::SYS_fork, vec![]), (libc::SYS_vfork, vec![])]);
    // See `Supervisor::set_handler` for why the handler of one signal is looked at.
    let sigchld = libc::SIGCHLD as u64;
    rules.insert(
        libc::SYS_rt_sigaction,
        vec![rule(&[(0, Length::Dword, Op::Ne, sigchld)])?, rule(&[(1, Length::Qword, Op::Eq, 0)])?],
    );
    rules.insert(
        libc::SYS_mmap,
        vec![
            rule(&[(1, Length::Qword, Op::Lt, LARGE_MAPPING)])?,
            rule(&[(2, Length::Dword, Op::MaskedEq(libc::PROT_WRITE as u64), 0)])?,
        ],
    );
    // Past a limit these fail and leave nothing behind that would show it.
    rules.insert(libc::SYS_ftruncate, vec![rule(&[(1, Length::Qword, Op::Lt, LONG_FILE)])?]);
    rules.insert(
        libc::SYS_fallocate,
        vec![rule(&[(2, Length::Qword, Op::Lt, LONG_FILE), (3, Length::Qword, Op::Lt, LONG_FILE)])?],
    );
    rules.insert(
        libc::SYS_ioctl,
        one_of(
            1,
            &[
                libc::TCGETS,
                libc::TIOCGWINSZ,
                libc::TIOCGPGRP,
                libc::FIONREAD,
                libc::FIONBIO,
                libc::FIOCLEX,
                libc::FIONCLEX,
            ],
        )?,
    );
    rules.insert(
        libc::SYS_prctl,
        one_of(
            0,
            &[
                libc::PR_SET_NAME as u64,
                libc::PR_GET_NAME as u64,
                libc::PR_GET_DUMPABLE as u64,
                libc::PR_CAPBSET_READ as u64,
                libc::PR_SET_VMA as u64,
            ],
        )?,
    );
    // Threads and programs signal themselves all the time, and have low numbers in a namespace of their own.
    for number in [libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo]
    {
        let near = [(0, Length::Dword, Op::Gt, 1), (0, Length::Dword, Op::Le, NEAR_PROCESSES)];
        rules.insert(number, vec![rule(&near)?]);
    }
    // Only more than is there needs a right, and that is asked for by few.
    rules.insert(libc::SYS_setpriority, vec![rule(&[(2, Length::Dword, Op::Le, 19)])?]);
    rules.insert(libc::SYS_prlimit64, vec![rule(&[(2, Length::Qword, Op::Eq, 0)])?]);
    rules.insert(libc::SYS_setsockopt, harmless_options()?);
    rules.insert(libc::SYS_socketpair, connected_pairs()?);
    rules.insert(libc::SYS_sendto, vec![rule(&[(4, Length::Qword, Op::Eq, 0)])?]);
    if let Ground::Host { landlock_abi } = ground {
        host::narrow(&mut rules, landlock_abi)?;
    }

    const MARK: u32 = 0x5a5a;
    let mut program = build(rules, SeccompAction::Trace(MARK), SeccompAction::Allow)?;
    const RETURN: u16 = 0x06;
    const RET_TRACE: u32 = 0x7ff0_0000;
    const RET_USER_NOTIF: u32 = 0x7fc0_0000;
    for instruction in &mut program {
        if instruction.code == RETURN && instruction.k == RET_TRACE | MARK {
            instruction.k = RET_USER_NOTIF;
        }
    }
    Ok(Filter { program, absent: None })
}

fn without_supervisor(ground: Ground, only_start: Option<Token>) -> io::Result<Filter> {
    // The absent calls are allowed here because the other filter refuses them: the stricter verdict holds.
    let mut rules: Rules = [Class::Free, Class::Path, Class::Query, Class::Value, Class::Absent]
        .into_iter()
        .flat_map(syscalls::of_class)
        .map(|number| (number, vec![]))
        .collect();
    let no_namespaces = (0, Length::Qword, Op::MaskedEq(NEW_NAMESPACES), 0);
    rules.insert(libc::SYS_clone, vec![rule(std::slice::from_ref(&no_namespaces))?]);
    rules.insert(libc::SYS_unshare, vec![rule(&[no_namespaces])?]);
    rules.insert(libc::SYS_personality, one_of(0, &[0, 0xffff_ffff])?);
    // Raw sockets are refused whatever the family. Local ones would reach every socket in a folder that may be read, and
    // nobody is there to look at the path; connected pairs stay.
    let mut sockets = Vec::new();
    for family in SOCKET_FAMILIES.into_iter().filter(|family| *family != libc::AF_UNIX) {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
            let plain = [
                (0, Length::Dword, Op::Eq, family as u64),
                (1, Length::Dword, Op::MaskedEq(SOCKET_TYPE), kind as u64),
            ];
            for protocol in PROTOCOLS {
                let protocol = (2, Length::Dword, Op::Eq, protocol as u64);
                sockets.push(rule(&[&plain[..], &[protocol]].concat())?);
            }
        }
    }
    rules.insert(libc::SYS_socket, sockets);
    rules.insert(libc::SYS_ioctl, vec![none_of(1, &FORBIDDEN_IOCTLS)?]);
    rules.insert(libc::SYS_prctl, vec![none_of(0, &FORBIDDEN_PRCTLS)?]);
    rules.insert(libc::SYS_setsockopt, harmless_options()?);
    rules.insert(libc::SYS_socketpair, connected_pairs()?);
    for (number, mode) in [
        (libc::SYS_creat, 1),
        (libc::SYS_chmod, 1),
        (libc::SYS_fchmod, 1),
        (libc::SYS_mkdir, 1),
        (libc::SYS_fchmodat, 2),
        (libc::SYS_fchmodat2, 2),
        (libc::SYS_mkdirat, 2),
    ] {
        rules.insert(number, vec![rule(&[without_set_ids(mode)])?]);
    }
    for (number, mode) in [(libc::SYS_mknod, 1), (libc::SYS_mknodat, 2)] {
        // FIFOs, sockets and files; no devices.
        let kinds = [libc::S_IFIFO, libc::S_IFSOCK, libc::S_IFREG, 0].map(|kind| {
            rule(&[
                without_set_ids(mode),
                (mode, Length::Dword, Op::MaskedEq(libc::S_IFMT.into()), kind.into()),
            ])
        });
        rules.insert(number, kinds.into_iter().collect::<io::Result<_>>()?);
    }
    for (number, flags) in [(libc::SYS_open, 1), (libc::SYS_openat, 2)] {
        let creating = (libc::O_CREAT | super::calls::TMPFILE) as u64;
        let opens = rule(&[(flags, Length::Dword, Op::MaskedEq(creating), 0)])?;
        rules.insert(number, vec![opens, rule(&[without_set_ids(flags + 1)])?]);
    }
    if let Ground::Host { landlock_abi } = ground {
        host::narrow_alone(&mut rules, landlock_abi)?;
    }
    if let Some([first, second]) = only_start {
        rules.remove(&libc::SYS_execveat);
        let knows = [(4, Length::Qword, Op::Eq, first), (5, Length::Qword, Op::Eq, second)];
        rules.insert(libc::SYS_execve, vec![rule(&knows)?]);
    }
    let absent: Rules = syscalls::of_class(Class::Absent).map(|number| (number, vec![])).collect();
    Ok(Filter {
        program: build(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?,
        absent: Some(build(absent, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?),
    })
}

/// Socket families a program may use: its own processes, and an empty network.
pub(super) const SOCKET_FAMILIES: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
/// What streams and datagrams of a network may speak: the default, TCP, UDP, TCP over several ways. Others are seldom
/// used parts of the kernel, some of which it would load for the asking.
pub(super) const PROTOCOLS: [i32; 4] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_MPTCP];
/// The bits of a socket's type that are not flags: socket(2).
pub(super) const SOCKET_TYPE: u64 = 0xf;
/// Put words into a terminal's input: ioctl_tty(2), CVE-2017-5226 and CVE-2023-1523.
pub(super) const FORBIDDEN_IOCTLS: [u64; 2] = [libc::TIOCSTI, TIOCLINUX];
const TIOCLINUX: u64 = 0x541c;
/// Own filters would hide calls from the supervisor; the next two rearrange or open the process's memory; the last two are
/// for holders of capabilities, whom there are none of inside.
pub(super) const FORBIDDEN_PRCTLS: [u64; 5] = [
    libc::PR_SET_SECCOMP as u64,
    libc::PR_SET_MM as u64,
    libc::PR_SET_PTRACER as u64,
    libc::PR_CAP_AMBIENT as u64,
    libc::PR_SET_SECUREBITS as u64,
];

/// Rules about arguments are seccompiler's; calls that are told apart by their numbers alone are found by the index.
fn build(rules: Rules, mismatch: SeccompAction, matched: SeccompAction) -> io::Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(other)?;
    let by_number = Verdict::Return(matched.clone().into());
    let otherwise = Verdict::Return(mismatch.clone().into());
    let verdict = |rules: &Vec<SeccompRule>| if rules.is_empty() { by_number } else { Verdict::Ask };
    let numbers =
        rules.iter().filter_map(|(number, rules)| Some((u32::try_from(*number).ok()?, verdict(rules))));
    let verdicts = numbers.collect();
    let by_arguments = rules.into_iter().filter(|(_, rules)| !rules.is_empty()).collect();
    let program: BpfProgram = SeccompFilter::new(by_arguments, mismatch, matched, arch)
        .and_then(BpfProgram::try_from)
        .map_err(other)?;
    // It begins with loading the architecture and comparing it.
    let architecture = program.get(1).map_or(0, |comparison| comparison.k);
    index::before(program, architecture, &verdicts, otherwise)
}

impl Filter {
    pub(super) fn compile(observe: Observe, ground: Ground) -> io::Result<Self> {
        if observe == Observe::Off {
            without_supervisor(ground, None)
        } else {
            with_supervisor(observe, ground)
        }
    }

    /// Without a supervisor, and with one program start only: the one that passes the token in `execve`'s unused
    /// registers. The program that is started has no trace of it in its memory.
    pub(super) fn for_one_start(ground: Ground, token: Token) -> io::Result<Self> {
        without_supervisor(ground, Some(token))
    }

    /// Load it into the calling thread: seccomp(2). Returns the listener, when there is a supervisor to have it.
    pub(super) fn install(&self) -> io::Result<Option<RawFd>> {
        if let Some(absent) = &self.absent {
            load(absent, 0)?;
            // Last, because it refuses the loading of further filters.
            load(&self.program, 0)?;
            return Ok(None);
        }
        const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        match load(&self.program, listener | WAIT_KILLABLE_RECV) {
            // Before Linux 5.19: a signal may then interrupt a waiting call, as it may any slow one.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                load(&self.program, listener).map(Some)
            }
            other => other.map(Some),
        }
    }
}

/// Install a listener on this process, to see whether that is possible. It never hears of anything: its filter
/// allows every call, since nobody is there to answer.
pub(super) fn try_listener() -> io::Result<()> {
    let all = build(Rules::new(), SeccompAction::Allow, SeccompAction::Trap)?;
    load(&all, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER).map(drop)
}

fn load(program: &BpfProgram, flags: libc::c_ulong) -> io::Result<RawFd> {
    let description = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(other)?,
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: seccompiler's sock_filter has the kernel's layout (repr(C), same fields) and the program outlives
    // the call; the kernel copies it.
    unsafe {
        sys::check(libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const description,
        ))
    }
    .map(|listener| listener as RawFd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_with_a_supervisor_asks_and_never_traces() {
        let filter = with_supervisor(Observe::Full, Ground::Own).unwrap();
        let returns: Vec<u32> = filter.program.iter().filter(|i| i.code == 0x06).map(|i| i.k).collect();
        assert!(returns.contains(&0x7fc0_0000));
        assert!(!returns.iter().any(|k| k & 0xffff_0000 == 0x7ff0_0000));
    }

    #[test]
    fn the_filter_without_a_supervisor_compiles() {
        for ground in [Ground::Own, Ground::Host { landlock_abi: 1 }, Ground::Host { landlock_abi: 6 }] {
            assert!(without_supervisor(ground, Some([1, 2])).unwrap().absent.is_some());
        }
    }
}
