//! Granted connections: the supervisor makes them in the host's network and hands the socket over.
//!
//! The sandbox's own network stays empty, so nothing but the broker leads out of it. Its address argument is copied
//! once, judged, and used from the copy; the kernel never looks at the caller's memory again. In a run with network
//! grants *every* `connect` and `listen` is carried out here, also one to the sandbox's own loopback or to a Unix socket: to let
//! one go on in the caller would allow another thread to exchange its descriptor for a handed-over socket, and its
//! address for a forbidden one, after the judgement.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self, sockopt};

use super::judge::Judge;
use super::launcher::Identity;
use super::notify::{Call, Listener};
use super::{sys, tracee};

/// Connections under way at once; more are refused with EAGAIN.
const MOST: usize = 64;
/// As long as a program that waits for its connection is kept waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a connection is to lead.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// Carry it out as it stands, on the caller's own socket: own loopback, Unix sockets.
    Own,
    /// Out of the sandbox, to a granted host. `close`: granted by its own name or address, not by a wildcard.
    Host { name: Option<String>, address: SocketAddr, close: bool },
}

#[derive(Debug)]
pub(super) struct Broker {
    listener: Arc<Listener>,
    judge: Arc<Judge>,
    under_way: Arc<AtomicUsize>,
    /// Inode numbers of the sockets that were handed over. They belong to the host's network, so they must never
    /// be connected as if they were the sandbox's own. A number is never taken off: an own socket that happens to
    /// get it later is refused, which is the safe side.
    handed_over: Arc<Mutex<HashSet<u64>>>,
}

impl Broker {
    pub(super) fn new(listener: Arc<Listener>, judge: Arc<Judge>) -> Self {
        Self { listener, judge, under_way: Arc::default(), handed_over: Arc::default() }
    }

    /// Carry out a `listen`: a handed-over socket whose connection failed would listen in the host's network.
    pub(super) fn listen(&self, call: &Call, process: i32) {
        let result = tracee::copy_descriptor(process, call.args[0] as i32).and_then(|socket| {
            if lock(&self.handed_over).contains(&inode(&socket)?) {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            // SAFETY: plain numbers.
            sys::check(unsafe { libc::listen(socket.as_raw_fd(), call.args[1] as i32) }.into()).map(drop)
        });
        self.listener.done(call, result);
    }

    /// Carry out a `bind` to an address of a network; for the same reason. Others, which are paths, can go on in the
    /// caller: without `listen` a handed-over socket that was bound by a trick is of no use, and its port is its own.
    pub(super) fn bind(&self, call: &Call, process: i32, address: &[u8]) {
        let result = tracee::copy_descriptor(process, call.args[0] as i32).and_then(|socket| {
            if lock(&self.handed_over).contains(&inode(&socket)?) {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            // SAFETY: the kernel reads `address.len()` bytes.
            let result = unsafe {
                libc::bind(socket.as_raw_fd(), address.as_ptr().cast(), address.len() as libc::socklen_t)
            };
            sys::check(result.into()).map(drop)
        });
        self.listener.done(call, result);
    }

    /// Carry out a `connect`, on a thread of its own: other calls must not wait for a slow host.
    ///
    /// `address`: the caller's address argument, as it was judged.
    pub(super) fn connect(&self, call: &Call, process: i32, address: Vec<u8>, route: Route) {
        let (listener, judge, under_way) =
            (Arc::clone(&self.listener), Arc::clone(&self.judge), Arc::clone(&self.under_way));
        if under_way.fetch_add(1, Ordering::Relaxed) >= MOST {
            under_way.fetch_sub(1, Ordering::Relaxed);
            return self.listener.refuse(call, libc::EAGAIN);
        }
        let call = *call;
        let handed_over = Arc::clone(&self.handed_over);
        let counter = Arc::clone(&under_way);
        let spawned = thread::Builder::new().name("connect".into()).spawn(move || {
            let result = match route {
                Route::Own => connect_own(&judge, &call, process, &address, &handed_over),
                Route::Host { name, address, close } => {
                    let destinations = destinations(name.as_deref(), address, close);
                    connect_out(&listener, &call, process, &destinations, &handed_over)
                }
            };
            listener.done(&call, result);
            counter.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            under_way.fetch_sub(1, Ordering::Relaxed);
            self.listener.refuse(&call, libc::EAGAIN);
        }
    }
}

/// Connect the caller's own socket, which belongs to the sandbox's network whoever calls.
fn connect_own(
    judge: &Judge,
    call: &Call,
    process: i32,
    address: &[u8],
    handed_over: &Mutex<HashSet<u64>>,
) -> io::Result<()> {
    let socket = tracee::copy_descriptor(process, call.args[0] as i32)?;
    if lock(handed_over).contains(&inode(&socket)?) {
        return Err(io::Error::from_raw_os_error(libc::EISCONN));
    }
    let family = address.get(..2).and_then(|raw| raw.try_into().ok()).map_or(0, u16::from_ne_bytes);
    match i32::from(family) {
        libc::AF_UNIX => connect_unix(judge, call, &socket, &address[2..]),
        // Dissolving an association would make a handed-over socket free for another destination.
        libc::AF_UNSPEC => Err(io::Error::from_raw_os_error(libc::EACCES)),
        _ => raw_connect(socket.as_fd(), address),
    }
}

/// A path is looked up inside the view, and the socket found there is reached through our descriptor of it: with the
/// rights of the program, and seen by the other side as the program's user (`SO_PEERCRED`, unix(7)).
fn connect_unix(judge: &Judge, call: &Call, socket: &OwnedFd, path: &[u8]) -> io::Result<()> {
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    if path.first().is_none_or(|byte| *byte == 0) {
        // An abstract name belongs to the socket's own network: unix(7).
        address.extend_from_slice(path);
        become_the_program()?;
        return raw_connect(socket.as_fd(), &address);
    }
    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    let path = Path::new(std::ffi::OsStr::from_bytes(&path[..end]));
    let path = tracee::absolute(call.tid, libc::AT_FDCWD, path)?;
    become_the_program()?;
    let place = judge.root().pin(&path)?;
    address.extend_from_slice(format!("/proc/self/fd/{}\0", place.as_raw_fd()).as_bytes());
    raw_connect(socket.as_fd(), &address)
}

/// Take on the program's user, for good, in this thread alone: the raw calls, unlike the library's, leave the other
/// threads as they are. With the last identity of root go all capabilities: capabilities(7).
fn become_the_program() -> io::Result<()> {
    let Identity { uid, gid, privileged } = Identity::current();
    if !privileged {
        return Ok(());
    }
    // SAFETY: plain numbers; an empty list of groups.
    unsafe {
        sys::check(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()))?;
        sys::check(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
        sys::check(libc::syscall(libc::SYS_setresuid, uid, uid, uid))?;
    }
    Ok(())
}

/// Connect a socket of the host's network and hand it over.
fn connect_out(
    listener: &Listener,
    call: &Call,
    process: i32,
    destinations: &[SocketAddr],
    handed_over: &Mutex<HashSet<u64>>,
) -> io::Result<()> {
    let fd = call.args[0] as i32;
    let theirs = tracee::copy_descriptor(process, fd)?;
    let waits = !OFlag::from_bits_truncate(fcntl(&theirs, FcntlArg::F_GETFL)?).contains(OFlag::O_NONBLOCK);
    let mut error = io::Error::from_raw_os_error(libc::EHOSTUNREACH);
    for destination in destinations {
        match connect_to(*destination, waits) {
            Ok((ours, outcome)) => {
                copy_options(&theirs, &ours);
                if waits {
                    fcntl(&ours, FcntlArg::F_SETFL(OFlag::empty()))?;
                }
                let close_on_exec = descriptor_closes(process, fd);
                lock(handed_over).insert(inode(&ours)?);
                listener.replace_descriptor(call, fd, ours.as_fd(), close_on_exec)?;
                return outcome;
            }
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

fn lock(handed_over: &Mutex<HashSet<u64>>) -> MutexGuard<'_, HashSet<u64>> {
    handed_over.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inode(socket: &OwnedFd) -> io::Result<u64> {
    Ok(nix::sys::stat::fstat(socket)?.st_ino)
}

/// Addresses to try. A name that the resolver leads back to this machine or to the link is only believed when that very
/// name was granted and the machine's own hosts file says so: a foreign name server must not open the way to local
/// services.
fn destinations(name: Option<&str>, address: SocketAddr, close: bool) -> Vec<SocketAddr> {
    let Some(name) = name else { return vec![address] };
    let Ok(found) = (name, address.port()).to_socket_addrs() else { return Vec::new() };
    let pinned = close && is_pinned(name);
    let mut found: Vec<SocketAddr> = found.filter(|found| pinned || !is_local(found.ip())).collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.dedup();
    found
}

fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => four.is_loopback() || four.is_link_local() || four.is_unspecified(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unicast_link_local() || six.is_unspecified(),
    }
}

fn is_pinned(name: &str) -> bool {
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    name == "localhost"
        || hosts.lines().any(|line| {
            let line = line.split('#').next().unwrap_or_default();
            line.split_whitespace().skip(1).any(|known| known.eq_ignore_ascii_case(name))
        })
}

/// A socket on its way to `destination`. With `waits` it has arrived; else the outcome may be EINPROGRESS.
fn connect_to(destination: SocketAddr, waits: bool) -> io::Result<(OwnedFd, io::Result<()>)> {
    let family = if destination.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain numbers; the result is a new descriptor that we own.
    let socket = unsafe { OwnedFd::from_raw_fd(sys::check(libc::socket(family, kind, 0).into())? as i32) };
    let outcome = raw_connect(socket.as_fd(), &encode(destination));
    match outcome {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) && waits => {
            wait_until_connected(socket.as_fd())?;
            Ok((socket, Ok(())))
        }
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        outcome => Ok((socket, outcome)),
    }
}

fn wait_until_connected(socket: BorrowedFd<'_>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(socket, PollFlags::POLLOUT)], timeout) {
            Ok(0) => return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
            Ok(_) => break,
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match socket::getsockopt(&socket, sockopt::SocketError)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Options that programs set before they connect and that would be missed.
fn copy_options(from: &OwnedFd, to: &OwnedFd) {
    macro_rules! copy {
        ($($option:ident),*) => {
            $(if let Ok(value) = socket::getsockopt(from, sockopt::$option) {
                let _ = socket::setsockopt(to, sockopt::$option, &value);
            })*
        };
    }
    copy!(KeepAlive, TcpNoDelay, ReceiveTimeout, SendTimeout);
}

/// Whether the caller's descriptor goes away at its next `execve`: proc_pid_fdinfo(5), flags in octal.
fn descriptor_closes(process: i32, fd: i32) -> bool {
    let info = fs::read_to_string(format!("/proc/{process}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("0");
    i32::from_str_radix(flags.trim(), 8).is_ok_and(|flags| flags & libc::O_CLOEXEC != 0)
}

/// struct sockaddr_in and sockaddr_in6: ip(7), ipv6(7).
fn encode(address: SocketAddr) -> Vec<u8> {
    let family = if address.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    let mut raw = (family as u16).to_ne_bytes().to_vec();
    raw.extend_from_slice(&address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(four) => {
            raw.extend_from_slice(&four.octets());
            raw.resize(size_of::<libc::sockaddr_in>(), 0);
        }
        IpAddr::V6(six) => {
            raw.extend_from_slice(&[0; 4]);
            raw.extend_from_slice(&six.octets());
            raw.resize(size_of::<libc::sockaddr_in6>(), 0);
        }
    }
    raw
}

/// connect(2) with the address as bytes.
fn raw_connect(socket: BorrowedFd<'_>, address: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `address.len()` bytes; alignment does not matter to it.
    let result = unsafe {
        libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), address.len() as libc::socklen_t)
    };
    sys::check(result.into()).map(drop)
}
