//! Whether somebody waits at an address, inside or on the machine itself: who is meant by a connection to a loopback.
//!
//! Asked of the kernel in its own terms, through a socket in the network in question: sock_diag(7). It looks for the one
//! socket that would get a packet, as it does for a packet.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

use super::network::Destination;

/// A socket to ask about the network that the caller is in.
pub(super) fn asker() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag)?)
}

/// Whom to ask.
#[derive(Debug)]
pub(super) struct Waiting {
    inside: Option<OwnedFd>,
    outside: Option<OwnedFd>,
}

impl Waiting {
    /// `inside`: made there by [`asker`].
    pub(super) fn new(inside: Option<OwnedFd>) -> Self {
        Self { inside, outside: asker().ok() }
    }

    /// Whether a process inside waits at that port of the sandbox's loopback. `tid`: a thread inside.
    pub(super) fn inside(&self, tid: i32, to: &Destination) -> bool {
        let answer = self.inside.as_ref().and_then(|asker| ask(asker, to).ok());
        answer.unwrap_or_else(|| stands_in(&Path::new("/proc").join(tid.to_string()).join("net"), to))
    }

    /// Whether a program of this machine waits there: the sandbox keeps the two apart.
    pub(super) fn outside(&self, to: &Destination) -> bool {
        let answer = self.outside.as_ref().and_then(|asker| ask(asker, to).ok());
        answer.unwrap_or_else(|| stands_in(Path::new("/proc/self/net"), to))
    }
}

/// An error when the kernel cannot say: it may lack this kind of question.
fn ask(asker: &OwnedFd, to: &Destination) -> io::Result<bool> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const HEADER: u32 = 16;
    let body = question(to);
    let mut message = (HEADER + body.len() as u32).to_ne_bytes().to_vec();
    message.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend_from_slice(&(libc::NLM_F_REQUEST as u16).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&body);
    sendto(asker.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let length = recv(asker.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let answer = &answer[..length];
    let kind = answer.get(4..6).and_then(|raw| raw.try_into().ok()).map(u16::from_ne_bytes);
    if kind == Some(SOCK_DIAG_BY_FAMILY) {
        return Ok(true);
    }
    // struct nlmsgerr behind the header: a negative errno.
    match answer.get(16..20).and_then(|raw| raw.try_into().ok()).map(i32::from_ne_bytes) {
        Some(error) if -error == libc::ENOENT => Ok(false),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// struct inet_diag_req_v2: linux/inet_diag.h.
fn question(to: &Destination) -> Vec<u8> {
    let is_datagram = to.protocol == "udp";
    let loopback: IpAddr = match to.address.ip() {
        IpAddr::V4(four) if four.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(six) if six.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    let (family, mut address) = match loopback {
        IpAddr::V4(four) => (libc::AF_INET, four.octets().to_vec()),
        IpAddr::V6(six) => (libc::AF_INET6, six.octets().to_vec()),
    };
    address.resize(16, 0);
    let protocol = if is_datagram { libc::IPPROTO_UDP } else { libc::IPPROTO_TCP };
    let mut body = vec![family as u8, protocol as u8, 0, 0];
    body.extend_from_slice(&u32::MAX.to_ne_bytes());
    let (local, nobody) = ((to.address.port().to_be_bytes(), address), ([0; 2], vec![0; 16]));
    // Ports, then addresses. For datagrams the kernel takes the second end for the local one.
    let (first, second) = if is_datagram { (&nobody, &local) } else { (&local, &nobody) };
    body.extend_from_slice(&first.0);
    body.extend_from_slice(&second.0);
    body.extend_from_slice(&first.1);
    body.extend_from_slice(&second.1);
    // Any interface; no cookie.
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&[0xff; 8]);
    body
}

/// The same from the tables of `/proc/PID/net`, which take the kernel milliseconds to make: proc_pid_net(5).
fn stands_in(tables: &Path, to: &Destination) -> bool {
    const LISTEN: &str = "0A";
    const UNCONNECTED: &str = "07";
    let (names, wanted) =
        if to.protocol == "udp" { (["udp", "udp6"], UNCONNECTED) } else { (["tcp", "tcp6"], LISTEN) };
    names.iter().any(|name| {
        let table = fs::read_to_string(tables.join(name)).unwrap_or_default();
        table.lines().skip(1).any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().and_then(parse_local);
            fields.nth(1) == Some(wanted) && local.is_some_and(|local| takes(local, to.address))
        })
    })
}

/// Whether a socket that is bound to `local` gets what is sent to `to`.
fn takes(local: SocketAddr, to: SocketAddr) -> bool {
    // "Any" of IPv6 takes IPv4 as well, and this machine itself means its loopback.
    let any = local.ip().is_unspecified() && (local.is_ipv6() || to.is_ipv4());
    local.port() == to.port()
        && (any || local.ip() == to.ip() || to.ip().is_unspecified() && local.ip().is_loopback())
}

/// An address as the tables have it: words of four bytes in the machine's order, then the port.
fn parse_local(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.rsplit_once(':')?;
    if !matches!(address.len(), 8 | 32) {
        return None;
    }
    let words = address.as_bytes().chunks(8).map(|word| {
        let number = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(number.to_ne_bytes())
    });
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn the_kernel_and_its_tables_say_who_waits() {
        let asker = asker().unwrap();
        let check = |address: SocketAddr, protocol, waits: bool| {
            let to = Destination { address, protocol };
            if let Ok(said) = ask(&asker, &to) {
                assert_eq!(said, waits, "{to:?}");
            }
            assert_eq!(stands_in(Path::new("/proc/self/net"), &to), waits, "{to:?}");
        };
        for bound in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let (Ok(stream), Ok(datagram)) = (TcpListener::bind(bound), UdpSocket::bind(bound)) else {
                continue;
            };
            let (tcp, udp) = (stream.local_addr().unwrap(), datagram.local_addr().unwrap());
            check(tcp, "tcp", true);
            check(udp, "udp", true);
            drop((stream, datagram));
            check(tcp, "tcp", false);
            check(udp, "udp", false);
        }
    }

    #[test]
    fn sockets_of_the_tables_take_what_is_sent_to_them() {
        let local = |text: &str| parse_local(text).unwrap();
        let to = |text: &str| text.parse::<SocketAddr>().unwrap();
        let cases = [
            ("0100007F:1F90", "127.0.0.1:8080", true),
            ("0100007F:1F90", "127.0.0.2:8080", false),
            ("0100007F:1F90", "127.0.0.1:8081", false),
            ("0100007F:1F90", "0.0.0.0:8080", true),
            ("00000000:1F90", "127.0.0.2:8080", true),
            ("00000000:1F90", "[::1]:8080", false),
            ("00000000000000000000000000000000:1F90", "127.0.0.1:8080", true),
            ("00000000000000000000000001000000:1F90", "[::1]:8080", true),
            ("0000000000000000FFFF00000100007F:1F90", "127.0.0.1:8080", true),
        ];
        for (text, destination, taken) in cases {
            assert_eq!(takes(local(text), to(destination)), taken, "{text} {destination}");
        }
        assert_eq!(parse_local("0100007F"), None);
        assert_eq!(parse_local("01:1F90"), None);
    }
}
