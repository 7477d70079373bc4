//! The news that nobody waits at a port outside, brought to the program's socket inside: icmp(7), RFC 792.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::sys::socket::{MsgFlags, send};

use super::super::sockets;

/// Tell the socket at `from` that its datagram to `at` was refused. Only for IPv4, and nothing depends on it: without
/// the news a program waits for its answer in vain, as it would behind many a firewall.
pub(super) fn tell(teller: &OwnedFd, at: SocketAddr, from: SocketAddr) {
    if let (IpAddr::V4(there), IpAddr::V4(here)) = (at.ip(), from.ip()) {
        let message = unreachable((there, at.port()), (here, from.port()));
        let connected = sockets::connect(teller.as_fd(), &sockets::encode(SocketAddr::new(from.ip(), 0)));
        if connected.is_ok() {
            let _ = send(teller.as_raw_fd(), &message, MsgFlags::MSG_DONTWAIT);
        }
    }
}

/// "Port unreachable", followed by the headers of the datagram that it is about.
fn unreachable(at: (Ipv4Addr, u16), from: (Ipv4Addr, u16)) -> Vec<u8> {
    const DESTINATION_UNREACHABLE: u8 = 3;
    const PORT: u8 = 3;
    let mut message = vec![DESTINATION_UNREACHABLE, PORT, 0, 0, 0, 0, 0, 0];
    // Version and length, type of service, total length, number, fragment, time to live, protocol, no checksum.
    message.extend_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, libc::IPPROTO_UDP as u8, 0, 0]);
    message.extend_from_slice(&from.0.octets());
    message.extend_from_slice(&at.0.octets());
    message.extend_from_slice(&from.1.to_be_bytes());
    message.extend_from_slice(&at.1.to_be_bytes());
    message.extend_from_slice(&[0, 8, 0, 0]);
    let checksum = checksum(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// RFC 1071, over an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_its_checksum_sums_up_to_nothing() {
        let message = unreachable((Ipv4Addr::new(198, 18, 0, 1), 53), (Ipv4Addr::LOCALHOST, 40_000));
        assert_eq!((message.len(), checksum(&message)), (36, 0));
    }
}
