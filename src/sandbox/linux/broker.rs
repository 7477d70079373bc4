//! Granted connections: the supervisor makes them in the host's network and hands the socket over.
//!
//! The sandbox's own network stays empty, so nothing but the broker leads out of it. Its address argument is copied
//! once, judged, and used from the copy; the kernel never looks at the caller's memory again. *Every* `connect` is carried
//! out here, also one to the sandbox's own loopback or to a Unix socket: to let one go on in the caller would allow another
//! thread to exchange its descriptor for a handed-over socket, or its address for a forbidden one, after the judgement. With
//! network grants the same goes for `listen`.
//!
//! Of Unix sockets with a path only those are reached that lie on a file system of the run's own: nothing else in the kernel
//! keeps a program from the sockets in a folder that it may read, since neither read-only mounts nor Landlock have a say
//! about them.
//!
//! That holds for streams, which keep to one connection. Datagrams do not, and nothing is handed over for them: they
//! stay inside and are taken up there by the [`super::relay`].

mod epoll;
mod hand_over;
mod way_out;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::calls::{self, PathUse};
use super::judge::Judge;
use super::launcher::Identity;
use super::notify::{Call, Listener};
use super::place::Caller;
use super::relay::{self, Relay};
use super::shared::Shared;
use super::teller::{Answer, Teller};
use super::tracee::Ids;
use super::{sockets, sys, tracee};
use crate::sandbox::event::{Layer, NetworkAttempt, Operation, Verdict};
use way_out::NoWay;
pub(super) use way_out::Wanted;

/// Connections under way at once; more are refused with EAGAIN.
const MOST: usize = 128;

/// Where a connection is to lead.
#[derive(Debug)]
pub(super) enum Route {
    /// Carry it out as it stands, on the caller's own socket: own loopback, Unix sockets.
    Own,
    /// Out of the sandbox, to a granted host.
    Host(Wanted),
    /// As it stands, to where the relay takes up datagrams for a granted host.
    Relay(Wanted),
}

#[derive(Debug)]
pub(super) struct Broker {
    inner: Arc<Inner>,
    under_way: Arc<AtomicUsize>,
}

/// What the threads work with.
#[derive(Debug)]
struct Inner {
    listener: Arc<Listener>,
    judge: Arc<Judge>,
    shared: Arc<Shared>,
    teller: Arc<Teller>,
    relay: Relay,
    /// Inode numbers of the sockets that were handed over. They belong to the host's network, so they must never
    /// be connected as if they were the sandbox's own. A number is never taken off: an own socket that happens to
    /// get it later is refused, which is the safe side.
    handed_over: Mutex<HashSet<u64>>,
}

impl Broker {
    pub(super) fn new(
        listener: Arc<Listener>,
        judge: Arc<Judge>,
        shared: Arc<Shared>,
        teller: Arc<Teller>,
        relay: Relay,
    ) -> Self {
        let inner = Inner { listener, judge, shared, teller, relay, handed_over: Mutex::default() };
        Self { inner: Arc::new(inner), under_way: Arc::default() }
    }

    /// Carry out a `listen`: a handed-over socket whose connection failed would listen in the host's network.
    pub(super) fn listen(&self, call: &Call, process: i32) {
        let result = self.inner.own_socket(call, process, libc::EINVAL);
        let result = result.and_then(|socket| sockets::listen(socket.as_fd(), call.args[1] as i32));
        self.inner.listener.done(call, result);
    }

    /// Carry out a `bind` to an address of a network; for the same reason. Others, which are paths, can go on in the
    /// caller: without `listen` a handed-over socket that was bound by a trick is of no use, and its port is its own.
    pub(super) fn bind(&self, call: &Call, process: i32, address: &[u8]) {
        let result = self.inner.own_socket(call, process, libc::EINVAL);
        let result = result.and_then(|socket| match sockets::bind(socket.as_fd(), address) {
            // The relay has that port of a granted host: the program may have it of every other address.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && self.inner.relay.shares(address) => {
                sockets::set_number(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
                sockets::bind(socket.as_fd(), address)
            }
            outcome => outcome,
        });
        self.inner.listener.done(call, result);
    }

    /// Carry out a `connect`. `address`: the caller's address argument, as it was judged.
    pub(super) fn connect(&self, call: &Call, ids: &Ids, address: Vec<u8>, route: Route) {
        let target = match &route {
            Route::Own => None,
            Route::Host(wanted) | Route::Relay(wanted) => Some(wanted.target()),
        };
        let (copy, copied_ids) = (*call, *ids);
        self.on_a_thread(call, ids, target, move |inner| {
            let ids = copied_ids;
            let result = match route {
                Route::Own => inner.connect_own(&copy, &ids, &address),
                Route::Host(wanted) => inner.connect_host(&copy, &ids, &wanted),
                Route::Relay(wanted) => inner
                    .take_up(&copy, &ids, &wanted)
                    .and_then(|()| inner.connect_own(&copy, &ids, &address)),
            };
            inner.listener.done(&copy, result);
        });
    }

    /// Let a call that sends datagrams go on once the relay takes them up. The kernel carries them from there, so it does
    /// not matter what the caller's memory says by then.
    pub(super) fn send(&self, call: &Call, ids: &Ids, wanted: Vec<Wanted>) {
        let (copy, copied_ids) = (*call, *ids);
        let target = wanted.first().map(Wanted::target);
        self.on_a_thread(call, ids, target, move |inner| {
            let ids = copied_ids;
            let ready = wanted.iter().try_for_each(|wanted| inner.take_up(&copy, &ids, wanted));
            match ready {
                Ok(()) => inner.listener.let_through(&copy),
                failed => inner.listener.done(&copy, failed),
            }
        });
    }

    /// Whether the relay takes up datagrams to that destination already; the attempt is told.
    pub(super) fn relays(&self, wanted: &Wanted) -> bool {
        let to = self.inner.relay.serves(wanted.at);
        if to.is_some() {
            self.inner.attempt(wanted, to, Verdict::Allowed);
        }
        to.is_some()
    }

    /// Other calls must not wait for a slow host. `target`: of what leads out.
    fn on_a_thread(
        &self,
        call: &Call,
        ids: &Ids,
        target: Option<String>,
        action: impl FnOnce(&Inner) + Send + 'static,
    ) {
        let (inner, under_way) = (Arc::clone(&self.inner), Arc::clone(&self.under_way));
        if under_way.fetch_add(1, Ordering::Relaxed) >= MOST {
            under_way.fetch_sub(1, Ordering::Relaxed);
            if let Some(target) = target {
                inner.tell(call, ids, &target, libc::EAGAIN, Layer::Limit);
            }
            return inner.listener.refuse(call, libc::EAGAIN);
        }
        let spawned = thread::Builder::new().name("connect".into()).spawn(move || {
            action(&inner);
            under_way.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            self.inner.listener.refuse(call, libc::EAGAIN);
        }
    }
}

impl Inner {
    fn is_handed_over(&self, socket: &OwnedFd) -> io::Result<bool> {
        let number = inode(socket)?;
        Ok(self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).contains(&number))
    }

    fn remember(&self, number: u64) {
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    /// The caller's socket, which belongs to the sandbox's network; else `errno`.
    fn own_socket(&self, call: &Call, process: i32, errno: i32) -> io::Result<OwnedFd> {
        let socket = tracee::copy_descriptor(process, call.args[0] as i32)?;
        if self.is_handed_over(&socket)? {
            return Err(io::Error::from_raw_os_error(errno));
        }
        Ok(socket)
    }

    /// Connect the caller's own socket, which belongs to the sandbox's network whoever calls.
    fn connect_own(&self, call: &Call, ids: &Ids, address: &[u8]) -> io::Result<()> {
        let socket = self.own_socket(call, ids.process, libc::EISCONN)?;
        let Some(path) = calls::socket_path(call, address) else {
            // An abstract name belongs to the socket's own network: unix(7).
            if is_local(address) {
                become_the_program()?;
            }
            return sockets::connect(socket.as_fd(), address);
        };
        let caller = Caller { tid: call.tid, inside: Some(ids.inside) };
        connect_unix(&self.judge, &socket, &path, caller)
    }

    fn connect_host(&self, call: &Call, ids: &Ids, wanted: &Wanted) -> io::Result<()> {
        let destinations = self.destinations(call, ids, wanted)?;
        let result = hand_over::connect_out(self, call, ids.process, &destinations);
        let there = result.as_ref().ok().or(destinations.first());
        self.attempt(wanted, there.copied(), Verdict::Allowed);
        result.map(drop)
    }

    /// Have the relay take up what is sent to a granted host.
    fn take_up(&self, call: &Call, ids: &Ids, wanted: &Wanted) -> io::Result<()> {
        if self.relay.serves(wanted.at).is_some() {
            return Ok(());
        }
        let destinations = self.destinations(call, ids, wanted)?;
        let caller = tracee::copy_descriptor(ids.process, call.args[0] as i32)?;
        let unreachable = || io::Error::from_raw_os_error(libc::EHOSTUNREACH);
        let to = relay::first_reachable(&destinations);
        self.attempt(wanted, to.or(destinations.first().copied()), Verdict::Allowed);
        let to = to.ok_or_else(unreachable)?;
        let opened = self.relay.open(wanted.at, to, &caller);
        if let Err(error) = &opened
            && error.raw_os_error() == Some(libc::ENOBUFS)
        {
            self.tell(call, ids, &wanted.target(), libc::ENOBUFS, Layer::Limit);
        }
        opened
    }

    /// Where a granted host really is. That it may not be there shows only now.
    fn destinations(&self, call: &Call, ids: &Ids, wanted: &Wanted) -> io::Result<Vec<SocketAddr>> {
        match wanted.destinations() {
            Ok(destinations) => Ok(destinations),
            Err(NoWay::Unknown) => {
                self.attempt(wanted, None, Verdict::Allowed);
                Err(io::Error::from_raw_os_error(libc::EHOSTUNREACH))
            }
            Err(NoWay::Closed(address)) => {
                self.attempt(wanted, Some(address), Verdict::Denied);
                self.tell(call, ids, &address.to_string(), libc::EACCES, Layer::Network);
                Err(io::Error::from_raw_os_error(libc::EACCES))
            }
        }
    }

    fn tell(&self, call: &Call, ids: &Ids, target: &str, errno: i32, layer: Layer) {
        self.teller.tell(call, ids, &Answer { operation: Operation::Connect, target, errno, layer }, false);
    }

    fn attempt(&self, wanted: &Wanted, address: Option<SocketAddr>, verdict: Verdict) {
        self.shared.add_network(NetworkAttempt {
            address: address.map(|address| address.ip().to_canonical().to_string()),
            host: wanted.name.clone(),
            port: wanted.at.port(),
            protocol: wanted.protocol.into(),
            verdict,
            count: 1,
            at_ms: None,
        });
    }
}

fn inode(socket: &OwnedFd) -> io::Result<u64> {
    Ok(nix::sys::stat::fstat(socket)?.st_ino)
}

fn is_local(address: &[u8]) -> bool {
    address.get(..2).is_some_and(|family| family == (libc::AF_UNIX as u16).to_ne_bytes())
}

/// A path is looked up inside the view, with the caller's eyes, and the socket found there is reached through our descriptor of it: with the
/// rights of the program, and seen by the other side as the program's user (`SO_PEERCRED`, unix(7)).
fn connect_unix(judge: &Judge, socket: &OwnedFd, path: &PathUse, caller: Caller) -> io::Result<()> {
    let found = judge.find(path, caller).map_err(io::Error::from_raw_os_error)?;
    if found.kind() == libc::S_IFSOCK && !judge.is_own(found.file.0) {
        return Err(io::Error::from_raw_os_error(libc::EACCES));
    }
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend_from_slice(format!("/proc/self/fd/{}\0", found.fd.as_raw_fd()).as_bytes());
    become_the_program()?;
    sockets::connect(socket.as_fd(), &address)
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
