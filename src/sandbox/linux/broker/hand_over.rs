//! A connection made in the host's network, given to the program in place of its own socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::super::notify::Call;
use super::super::{sockets, tracee};
use super::{Inner, epoll, inode};

/// As long as a program that waits for its connection is kept waiting.
const PATIENCE: Duration = Duration::from_secs(30);
/// As long as one address of a host is waited for while there is another to try and the program does not wait.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connect to the first destination that answers and hand the socket over. Returns where it leads.
pub(super) fn connect_out(
    inner: &Inner,
    call: &Call,
    process: i32,
    destinations: &[SocketAddr],
) -> io::Result<SocketAddr> {
    let fd = call.args[0] as i32;
    let theirs = tracee::copy_descriptor(process, fd)?;
    if inner.is_handed_over(&theirs)? {
        under_way_already(theirs.as_fd())?;
    }
    let waits = !OFlag::from_bits_truncate(fcntl(&theirs, FcntlArg::F_GETFL)?).contains(OFlag::O_NONBLOCK);
    let mut error = io::Error::from_raw_os_error(libc::EHOSTUNREACH);
    for (index, destination) in destinations.iter().enumerate() {
        let patience = match (waits, index + 1 == destinations.len()) {
            (true, _) => patience_of(theirs.as_fd()),
            (false, false) => HEAD_START,
            (false, true) => Duration::ZERO,
        };
        match connect_to(&theirs, *destination, patience) {
            Ok((_, Err(late))) if waits && late.raw_os_error() == Some(libc::EINPROGRESS) => {
                error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
            }
            Ok((ours, outcome)) => {
                if waits {
                    fcntl(&ours, FcntlArg::F_SETFL(OFlag::empty()))?;
                }
                let info = tracee::descriptor_flags(process, fd);
                let watchers = epoll::watchers(process, fd);
                inner.remember(inode(&ours)?);
                inner.listener.replace_descriptor(call, fd, ours.as_fd(), info & libc::O_CLOEXEC != 0)?;
                // The program's own socket is to be gone when its watchers look again.
                drop(theirs);
                epoll::watch_again(&watchers, fd, &ours);
                return outcome.map(|()| *destination);
            }
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

/// What connect(2) says of a socket that was handed over already: on its way, arrived, or failed. Then it may try anew.
fn under_way_already(socket: BorrowedFd<'_>) -> io::Result<()> {
    const SYN_SENT: u8 = 2;
    const CLOSED: u8 = 7;
    // struct tcp_info begins with the state: tcp(7).
    let state = sockets::option(socket, libc::IPPROTO_TCP, libc::TCP_INFO)?.first().copied();
    let errno = match state {
        Some(CLOSED) => sockets::number(socket, libc::SOL_SOCKET, libc::SO_ERROR)?,
        Some(SYN_SENT) => libc::EALREADY,
        _ => libc::EISCONN,
    };
    if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
}

/// `SO_SNDTIMEO` bounds a connect that waits: socket(7).
fn patience_of(socket: BorrowedFd<'_>) -> Duration {
    let raw = sockets::option(socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO).unwrap_or_default();
    let number = |at: usize| {
        let bytes = raw.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, i64::from_ne_bytes).max(0) as u64
    };
    let wanted = Duration::from_secs(number(0)) + Duration::from_micros(number(8));
    if wanted.is_zero() { PATIENCE } else { wanted.min(PATIENCE) }
}

/// A socket on its way to `destination`. The outcome is EINPROGRESS when it has not arrived within `patience`.
fn connect_to(
    theirs: &OwnedFd,
    destination: SocketAddr,
    patience: Duration,
) -> io::Result<(OwnedFd, io::Result<()>)> {
    let (socket, destination) = like(theirs, destination)?;
    copy_options(theirs.as_fd(), socket.as_fd());
    let in_progress = |error: &io::Error| error.raw_os_error() == Some(libc::EINPROGRESS);
    match sockets::connect(socket.as_fd(), &sockets::encode(destination)) {
        Err(error) if in_progress(&error) && patience.is_zero() => Ok((socket, Err(error))),
        Err(error) if in_progress(&error) => match wait_until_connected(socket.as_fd(), patience) {
            Err(late) if !in_progress(&late) => Err(late),
            outcome => Ok((socket, outcome)),
        },
        Err(error) => Err(error),
        Ok(()) => Ok((socket, Ok(()))),
    }
}

/// A socket of the family that the program's own has, where that can lead there: it looks at addresses of that family.
fn like(theirs: &OwnedFd, destination: SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let family = sockets::number(theirs.as_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN)?;
    if let (libc::AF_INET6, IpAddr::V4(four)) = (family, destination.ip())
        && let Ok(socket) = sockets::open(libc::AF_INET6, libc::SOCK_STREAM)
        && sockets::set_number(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0).is_ok()
    {
        return Ok((socket, SocketAddr::new(four.to_ipv6_mapped().into(), destination.port())));
    }
    let family = if destination.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    Ok((sockets::open(family, libc::SOCK_STREAM)?, destination))
}

fn wait_until_connected(socket: BorrowedFd<'_>, patience: Duration) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(socket, PollFlags::POLLOUT)], timeout) {
            Ok(0) => return Err(io::Error::from_raw_os_error(libc::EINPROGRESS)),
            Ok(_) => break,
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match sockets::number(socket, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Options that programs set before they connect and that would be missed: socket(7), tcp(7), ip(7), ipv6(7).
const OPTIONS: [(i32, i32); 18] = [
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_OOBINLINE),
    (libc::SOL_SOCKET, libc::SO_PRIORITY),
    (libc::SOL_SOCKET, libc::SO_RCVLOWAT),
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_CORK),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_SYNCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_TCP, libc::TCP_MAXSEG),
    (libc::IPPROTO_IP, libc::IP_TOS),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
];

fn copy_options(from: BorrowedFd<'_>, to: BorrowedFd<'_>) {
    for (level, name) in OPTIONS {
        if let (Ok(wanted), Ok(have)) = (sockets::option(from, level, name), sockets::option(to, level, name))
            && wanted != have
        {
            let _ = sockets::set_option(to, level, name, &wanted);
        }
    }
    for buffer in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        if let (Ok(wanted), Ok(have)) =
            (sockets::number(from, libc::SOL_SOCKET, buffer), sockets::number(to, libc::SOL_SOCKET, buffer))
            && wanted != have
        {
            // The kernel doubles what it is told: socket(7).
            let _ = sockets::set_number(to, libc::SOL_SOCKET, buffer, wanted / 2);
        }
    }
}
