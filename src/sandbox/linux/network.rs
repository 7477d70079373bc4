//! Attempts to reach a network: where to, and whether that leads out of the sandbox.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::notify::Call;
use super::tracee;

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

/// The network address in a call, when it has one. Unix sockets have paths, and those are bounded by the view.
pub(super) fn destination(call: &Call) -> Option<Destination> {
    let (address, length) = match call.number {
        libc::SYS_connect => (call.args[1], call.args[2]),
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
    let address = parse_address(&tracee::read_memory(call.tid, address, (length as usize).min(128)).ok()?)?;
    let protocol = if call.number == libc::SYS_connect && !is_datagram(call) { "tcp" } else { "udp" };
    Some(Destination { address, protocol })
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
    let Some(ids) = tracee::ids(call.tid) else { return false };
    let kind = tracee::copy_descriptor(ids.process, call.args[0] as i32)
        .and_then(|socket| Ok(nix::sys::socket::getsockopt(&socket, nix::sys::socket::sockopt::SockType)?));
    matches!(kind, Ok(nix::sys::socket::SockType::Datagram))
}

/// Stays inside: the sandbox's own loopback.
pub(super) fn is_own_loopback(address: &SocketAddr) -> bool {
    address.ip().is_loopback() || address.ip().is_unspecified()
}

/// Whether a process inside listens on that port of the sandbox's loopback: proc_pid_net(5).
pub(super) fn somebody_listens(tid: i32, port: u16) -> bool {
    const LISTEN: &str = "0A";
    ["tcp", "tcp6"].iter().any(|table| {
        let table = fs::read_to_string(Path::new("/proc").join(tid.to_string()).join("net").join(table));
        table.is_ok_and(|table| {
            table.lines().skip(1).any(|line| {
                let mut fields = line.split_whitespace().skip(1);
                let local = fields.next().and_then(|local| local.rsplit_once(':')).map(|(_, port)| port);
                let state = fields.nth(1);
                state == Some(LISTEN) && local.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(port)
            })
        })
    })
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
