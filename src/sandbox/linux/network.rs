//! Attempts to reach a network: where to, and whether that leads out of the sandbox.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use super::notify::Call;
use super::relay::Relay;
use super::waiting::Waiting;
use super::{sockets, tracee};

/// What the supervisor holds of the sandbox's network.
#[derive(Debug)]
pub(super) struct Network {
    pub relay: Relay,
    pub waiting: Waiting,
}

/// Whom a call wants to talk to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Destination {
    pub address: SocketAddr,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
}

/// The address argument of a `connect` or `bind`, copied once.
pub(super) fn address_argument(call: &Call) -> std::io::Result<Vec<u8>> {
    const LARGEST: usize = 128;
    tracee::read_memory(call.tid, call.args[1], (call.args[2] as u32 as usize).min(LARGEST))
}

/// Whether the bytes are an address of a network, not a path.
pub(super) fn is_address(raw: &[u8]) -> bool {
    parse_address(raw).is_some()
}

/// The destination in an address that was copied.
pub(super) fn destination_of(call: &Call, address: &[u8]) -> Option<Destination> {
    let protocol = if is_datagram(call) { "udp" } else { "tcp" };
    Some(Destination { address: parse_address(address)?, protocol })
}

/// `MSG_FASTOPEN` connects and sends in one call: an address would be looked at twice.
pub(super) fn opens_fast(call: &Call) -> bool {
    let flags = match call.number {
        libc::SYS_sendto | libc::SYS_sendmmsg => call.args[3],
        libc::SYS_sendmsg => call.args[2],
        _ => return false,
    };
    flags as i32 & libc::MSG_FASTOPEN != 0
}

/// The network addresses in a call, each once. Unix sockets have paths, and those are bounded by the view.
pub(super) fn destinations(call: &Call) -> Vec<Destination> {
    let connects = call.number == libc::SYS_connect;
    let mut found: Vec<Destination> = Vec::new();
    for (pointer, length) in pointers(call) {
        let raw = tracee::read_memory(call.tid, pointer, (length as usize).min(128)).ok();
        let Some(address) = raw.and_then(|raw| parse_address(&raw)) else { continue };
        if !found.iter().any(|found| found.address == address) {
            let protocol = if connects && !is_datagram(call) { "tcp" } else { "udp" };
            found.push(Destination { address, protocol });
        }
    }
    found
}

/// Pointers to addresses in a call, each with the length beside it; null ones are left out.
fn pointers(call: &Call) -> Vec<(u64, u64)> {
    // struct msghdr begins with the name and its length; struct mmsghdr is a msghdr and a number.
    const HEADER: u64 = size_of::<libc::mmsghdr>() as u64;
    /// As many messages as the kernel takes at once (UIO_MAXIOV).
    const MOST: u64 = 1024;
    let of_message = |index: u64| {
        let header = tracee::read_memory(call.tid, call.args[1].wrapping_add(index * HEADER), 12).ok()?;
        let name = u64::from_ne_bytes(header.get(..8)?.try_into().ok()?);
        Some((name, u32::from_ne_bytes(header.get(8..12)?.try_into().ok()?).into()))
    };
    let mut pointers: Vec<(u64, u64)> = match call.number {
        libc::SYS_connect => vec![(call.args[1], call.args[2])],
        libc::SYS_sendto => vec![(call.args[4], call.args[5])],
        libc::SYS_sendmsg => of_message(0).into_iter().collect(),
        libc::SYS_sendmmsg => (0..(call.args[2] & 0xffff_ffff).min(MOST)).map_while(of_message).collect(),
        _ => Vec::new(),
    };
    pointers.retain(|(pointer, _)| *pointer != 0);
    pointers
}

/// The destinations of a call in words, for its description.
pub(super) fn describe_destinations(call: &Call) -> String {
    let found = destinations(call);
    found.iter().map(|to| to.address.to_string()).collect::<Vec<_>>().join(", ")
}

/// A socket argument in words: `3 (udp)`.
pub(super) fn describe_socket(call: &Call) -> String {
    let number = call.args[0] as i32;
    if is_datagram(call) { format!("{number} (udp)") } else { number.to_string() }
}

/// The address in a call, whatever its family.
pub(super) fn raw_address(call: &Call) -> Option<Vec<u8>> {
    let (address, length) = match call.number {
        libc::SYS_connect | libc::SYS_bind => (call.args[1], call.args[2]),
        libc::SYS_sendto => (call.args[4], call.args[5]),
        // struct msghdr begins with the name and its length; struct mmsghdr begins with a msghdr.
        libc::SYS_sendmsg | libc::SYS_sendmmsg => {
            let header = tracee::read_memory(call.tid, call.args[1], 12).ok()?;
            let name = u64::from_ne_bytes(header.get(..8)?.try_into().ok()?);
            (name, u32::from_ne_bytes(header.get(8..12)?.try_into().ok()?).into())
        }
        _ => return None,
    };
    if address == 0 {
        return None;
    }
    tracee::read_memory(call.tid, address, (length as u32 as usize).min(128)).ok()
}

/// struct sockaddr_in and sockaddr_in6: ip(7), ipv6(7).
fn parse_address(raw: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(raw.get(..2)?.try_into().ok()?));
    let port = u16::from_be_bytes(raw.get(2..4)?.try_into().ok()?);
    let ip = match family {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(raw.get(4..8)?).ok()?)),
        libc::AF_INET6 => {
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(raw.get(8..24)?).ok()?)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn is_datagram(call: &Call) -> bool {
    kind(call) == Some(libc::SOCK_DGRAM)
}

/// A connected stream has no use for the address in a `sendto`: tcp(7).
pub(super) fn is_stream(call: &Call) -> bool {
    kind(call) == Some(libc::SOCK_STREAM)
}

fn kind(call: &Call) -> Option<i32> {
    let ids = tracee::ids(call.tid)?;
    let socket = tracee::copy_descriptor(ids.process, call.args[0] as i32).ok()?;
    sockets::number(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE).ok()
}

/// Stays inside: the sandbox's own loopback.
pub(super) fn is_own_loopback(address: &SocketAddr) -> bool {
    address.ip().is_loopback() || address.ip().is_unspecified()
}

/// An address argument in words.
pub(super) fn describe_address(tid: i32, pointer: u64) -> String {
    let Ok(raw) = tracee::read_memory(tid, pointer, 110) else { return format!("{pointer:#x}") };
    if let Some(address) = parse_address(&raw) {
        return address.to_string();
    }
    match raw.get(..2).and_then(|family| family.try_into().ok()).map(u16::from_ne_bytes) {
        Some(family) if i32::from(family) == libc::AF_UNIX => {
            let path = &raw[2..];
            // An abstract name begins with NUL: unix(7).
            let (mark, path) = if path.first() == Some(&0) { ("@", &path[1..]) } else { ("", path) };
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            // The caller's bytes: nothing that a terminal would obey.
            let name = String::from_utf8_lossy(&path[..end]);
            let shown: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            format!("unix:{mark}{shown}")
        }
        Some(family) => format!("family {family}"),
        None => format!("{pointer:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_their_bytes() {
        let mut four = (libc::AF_INET as u16).to_ne_bytes().to_vec();
        four.extend_from_slice(&[1, 187, 169, 254, 169, 254]);
        assert_eq!(parse_address(&four), Some("169.254.169.254:443".parse().unwrap()));

        let mut mapped = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
        mapped.extend_from_slice(&[0, 80, 0, 0, 0, 0]);
        mapped.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1]);
        let address = parse_address(&mapped).unwrap();
        assert!(is_own_loopback(&address), "{address}");
    }

    #[test]
    fn short_addresses_are_none() {
        assert_eq!(parse_address(&[2, 0, 1]), None);
        assert_eq!(parse_address(&[]), None);
    }
}
