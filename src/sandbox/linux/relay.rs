//! Granted datagrams: the supervisor takes them up inside and passes them on outside, and their answers back.
//!
//! A connected stream can be handed over for good; a UDP socket cannot. `sendto` with an address leads a UDP socket
//! anywhere, connected or not, and that address lies in memory which can change after any look at it. So nothing of
//! the host's network is ever inside. Granted addresses are local ones in the sandbox ([`super::routes`]), and the
//! supervisor has a socket bound to the very address and port that the program sends to: the kernel itself carries the
//! datagram there, and nowhere else, whatever the program does with its descriptors and its memory meanwhile. What
//! arrives there was granted, since the socket was bound for a granted destination. Answers leave from the same socket,
//! so that they come from where the program expects them.
//!
//! Sockets are bound when the first datagram is about to be sent, so a grant without a port covers every port, and one
//! of this machine's own loopback takes no port from the program before it is used. They come from a stock that the
//! sandbox's first process made: nobody outside can make a socket in its network, but whoever owns its user namespace
//! may bind one there (user_namespaces(7)).
//!
//! What is lost on this way: ICMP errors but one ([`refusal`], and that only for IPv4), and fields of the IP header.

mod refusal;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt};

use super::sockets;

/// Destinations that one run may have, by address and port.
const MOST_GATES: (usize, usize) = (48, 16);
/// Sockets of the program, times destinations, that are served at once; the one that rested longest makes room.
const MOST_FLOWS: usize = 128;
/// Datagrams taken from one socket before the others have their turn.
const BATCH: usize = 32;
const LARGEST_DATAGRAM: usize = 64 * 1024;

/// The stock, made inside: sockets for IPv4, for IPv6 where the kernel has it, and one for [`refusal`].
pub(super) fn stock() -> io::Result<Vec<OwnedFd>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let make = |family| socket(family, SockType::Datagram, flags, None);
    let mut stock = (0..MOST_GATES.0).map(|_| make(AddressFamily::Inet)).collect::<Result<Vec<_>, _>>()?;
    stock.extend((0..MOST_GATES.1).map_while(|_| make(AddressFamily::Inet6).ok()));
    stock.extend(socket(AddressFamily::Inet, SockType::Raw, flags, SockProtocol::Icmp));
    Ok(stock)
}

/// The supervisor's end.
#[derive(Debug)]
pub(super) struct Relay {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    stock: Vec<UdpSocket>,
    /// Brings refusals, once the thread has it.
    teller: Option<OwnedFd>,
    /// Bound so far, as the program addresses them.
    open: HashMap<SocketAddr, SocketAddr>,
    /// On their way to the thread.
    fresh: Vec<Gate>,
    thread: Option<Arc<EventFd>>,
    ended: bool,
}

/// One destination: a socket inside, bound to the address that the program sends to, and where that leads.
#[derive(Debug)]
struct Gate {
    inside: UdpSocket,
    at: SocketAddr,
    to: SocketAddr,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    /// `made`: the [`stock`].
    pub(super) fn new(made: impl IntoIterator<Item = OwnedFd>) -> Self {
        let is_raw = |socket: &OwnedFd| {
            sockets::number(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE)
                .is_ok_and(|kind| kind == libc::SOCK_RAW)
        };
        let (mut raw, stock): (Vec<_>, Vec<_>) = made.into_iter().partition(is_raw);
        let mut state = State { stock: stock.into_iter().map(UdpSocket::from).collect(), ..State::default() };
        state.teller = raw.pop();
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Where datagrams to that address go, when they are taken up already.
    pub(super) fn serves(&self, at: SocketAddr) -> Option<SocketAddr> {
        lock(&self.state).open.get(&at).copied()
    }

    /// Whether something is taken up at the port of that address, encoded as for bind(2).
    pub(super) fn shares(&self, address: &[u8]) -> bool {
        let port = address.get(2..4).and_then(|raw| raw.try_into().ok()).map(u16::from_be_bytes);
        lock(&self.state).open.keys().any(|at| Some(at.port()) == port)
    }

    /// Take up what the program sends to `at`, and pass it on to `to`.
    ///
    /// `caller`: the program's own socket. One that is bound to the same port on every address would be in the way; it is
    /// made to share the port, and still gets everything but what is sent to `at`.
    pub(super) fn open(&self, at: SocketAddr, to: SocketAddr, caller: &OwnedFd) -> io::Result<()> {
        let mut state = lock(&self.state);
        if state.open.contains_key(&at) {
            return Ok(());
        }
        let full = || io::Error::from_raw_os_error(libc::ENOBUFS);
        let fits = |socket: &UdpSocket| socket.local_addr().is_ok_and(|have| have.is_ipv4() == at.is_ipv4());
        let index = state.stock.iter().position(fits).ok_or_else(full)?;
        match bind(&state.stock[index], at, caller) {
            // Somebody inside has that address on the loopback: the datagrams are theirs.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && at.ip().is_loopback() => return Ok(()),
            outcome => outcome?,
        }
        let inside = state.stock.swap_remove(index);
        let wake = match &state.thread {
            Some(wake) => Arc::clone(wake),
            None => self.start(&mut state)?,
        };
        state.open.insert(at, to);
        state.fresh.push(Gate { inside, at, to });
        let _ = wake.write(1);
        Ok(())
    }

    fn start(&self, state: &mut State) -> io::Result<Arc<EventFd>> {
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let (shared, woken) = (Arc::clone(&self.state), Arc::clone(&wake));
        let work = Work { teller: state.teller.take(), ..Work::default() };
        thread::Builder::new().name("relay".into()).spawn(move || work.serve(&shared, &woken))?;
        state.thread = Some(Arc::clone(&wake));
        Ok(wake)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.ended = true;
        if let Some(wake) = &state.thread {
            let _ = wake.write(1);
        }
    }
}

fn bind(socket: &UdpSocket, at: SocketAddr, caller: &OwnedFd) -> io::Result<()> {
    setsockopt(socket, sockopt::ReuseAddr, &true)?;
    if at.is_ipv6() {
        // Local by its route, but no address of an interface: ipv6(7).
        const IPV6_FREEBIND: libc::c_int = 78;
        sockets::set_number(socket.as_fd(), libc::IPPROTO_IPV6, IPV6_FREEBIND, 1)?;
        sockets::set_number(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    match sockets::bind(socket.as_fd(), &sockets::encode(at)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !at.ip().is_loopback() => {
            setsockopt(caller, sockopt::ReuseAddr, &true)?;
            sockets::bind(socket.as_fd(), &sockets::encode(at))
        }
        outcome => outcome,
    }
}

/// A socket outside that does not block. It is connected, so that only the granted host can answer.
fn outside(to: SocketAddr) -> io::Result<UdpSocket> {
    let family = if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let socket = sockets::open(family, libc::SOCK_DGRAM)?;
    sockets::connect(socket.as_fd(), &sockets::encode(to))?;
    Ok(UdpSocket::from(socket))
}

/// The first of these that this machine knows a way to; with datagrams there is no second try.
pub(super) fn first_reachable(destinations: &[SocketAddr]) -> Option<SocketAddr> {
    destinations.iter().copied().find(|to| outside(*to).is_ok())
}

/// One socket of the program that talks through a gate.
struct Flow {
    gate: usize,
    from: SocketAddr,
    outside: UdpSocket,
    used: Instant,
}

/// What the thread works on.
#[derive(Default)]
struct Work {
    gates: Vec<Gate>,
    flows: Vec<Flow>,
    teller: Option<OwnedFd>,
}

impl Work {
    /// Pass on, until the run is over.
    fn serve(mut self, state: &Mutex<State>, wake: &EventFd) {
        let mut buffer = vec![0; LARGEST_DATAGRAM];
        loop {
            let Ok(ready) = self.wait(wake) else { return };
            let _ = wake.read();
            let (gates, flows) = ready[1..].split_at(self.gates.len());
            // Answers first: a datagram to somebody new may take the place of a flow.
            for (index, _) in flows.iter().enumerate().filter(|(_, ready)| **ready) {
                self.answer(index, &mut buffer);
            }
            for (index, _) in gates.iter().enumerate().filter(|(_, ready)| **ready) {
                self.pass_on(index, &mut buffer);
            }
            let mut state = lock(state);
            if state.ended {
                return;
            }
            self.gates.append(&mut state.fresh);
        }
    }

    /// Sleep until something can be read; which of all descriptors, in order: the wake-up, gates, flows.
    fn wait(&self, wake: &EventFd) -> io::Result<Vec<bool>> {
        let gates = self.gates.iter().map(|gate| gate.inside.as_fd());
        let flows = self.flows.iter().map(|flow| flow.outside.as_fd());
        let all = std::iter::once(wake.as_fd()).chain(gates).chain(flows);
        let mut fds: Vec<PollFd<'_>> =
            all.map(|fd: BorrowedFd<'_>| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut fds, PollTimeout::NONE) {
            Err(error) if error != nix::Error::EINTR => return Err(error.into()),
            _ => {}
        }
        Ok(fds.iter().map(|fd| fd.any().unwrap_or(false)).collect())
    }

    /// From the program to the host.
    fn pass_on(&mut self, gate: usize, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Ok((length, from)) = self.gates[gate].inside.recv_from(buffer) else { return };
            // Answers to a program that shares the port may end here: passed on, they would come back for ever.
            if self.gates.iter().any(|gate| gate.at == from) {
                continue;
            }
            // A host that cannot be reached, or does not keep up: datagrams get lost on every network.
            if let Some(flow) = self.flow(gate, from) {
                let _ = self.flows[flow].outside.send(&buffer[..length]);
            }
        }
    }

    /// From the host to the program.
    fn answer(&mut self, index: usize, buffer: &mut [u8]) {
        let flow = &mut self.flows[index];
        for _ in 0..BATCH {
            match flow.outside.recv(buffer) {
                Ok(length) => {
                    flow.used = Instant::now();
                    let _ = self.gates[flow.gate].inside.send_to(&buffer[..length], flow.from);
                }
                // An earlier datagram was refused (ICMP): said once, then over.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    if let Some(teller) = &self.teller {
                        refusal::tell(teller, self.gates[flow.gate].at, flow.from);
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn flow(&mut self, gate: usize, from: SocketAddr) -> Option<usize> {
        let known = self.flows.iter().position(|flow| flow.gate == gate && flow.from == from);
        if let Some(known) = known {
            self.flows[known].used = Instant::now();
            return Some(known);
        }
        let outside = outside(self.gates[gate].to).ok()?;
        if self.flows.len() >= MOST_FLOWS {
            let rested = self.flows.iter().enumerate().min_by_key(|(_, flow)| flow.used)?.0;
            self.flows.swap_remove(rested);
        }
        self.flows.push(Flow { gate, from, outside, used: Instant::now() });
        Some(self.flows.len() - 1)
    }
}
