//! Routes inside the sandbox: what has to stay local so that the [`super::relay`] can take it up.
//!
//! The network inside has nothing but its loopback. A datagram to a granted host would end with "network is
//! unreachable"; with a local route to the host's addresses it arrives on the loopback instead, at a socket of the
//! supervisor. Told to the kernel by the sandbox's first process while it still may: rtnetlink(7).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::os::fd::{AsRawFd, OwnedFd};

use super::names;
use crate::sandbox::plan::{NetEntry, NetHost};

/// More grants than this need no route each: the whole network becomes local.
const MOST: usize = 256;

/// Make the addresses of everything granted local ones. One that the kernel does not take (it may lack IPv6) stays out of
/// reach: datagrams to it then fail, which the program sees.
pub(super) fn make_local(net: &[NetEntry]) -> io::Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let kernel = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    for (address, length) in blocks(net) {
        let _ = add(&kernel, address, length);
    }
    Ok(())
}

/// Every granted network once; the block of the names when one of these is granted.
fn blocks(net: &[NetEntry]) -> Vec<(IpAddr, u8)> {
    let mut blocks: Vec<(IpAddr, u8)> = net
        .iter()
        .filter(|entry| entry.allow)
        .map(|entry| match entry.host {
            NetHost::Name(_) => (IpAddr::V4(names::BLOCK.0), names::BLOCK.1),
            NetHost::Net(address, length) => (address, length),
        })
        .filter(|(address, _)| !address.is_loopback())
        .collect();
    blocks.sort();
    blocks.dedup();
    if blocks.len() > MOST {
        return vec![(Ipv4Addr::UNSPECIFIED.into(), 0), (Ipv6Addr::UNSPECIFIED.into(), 0)];
    }
    blocks
}

/// `ip route add local ADDRESS/LENGTH dev lo src LOOPBACK`. The source matters: without it a datagram would seem to
/// come from the very address that it is sent to, and the answer would not find back.
fn add(kernel: &OwnedFd, address: IpAddr, length: u8) -> io::Result<()> {
    /// lo is the first interface of every network namespace.
    const LOOPBACK: u32 = 1;
    let (family, address, source) = match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            let net = u32::from(four) & mask;
            (libc::AF_INET, net.to_be_bytes().to_vec(), Ipv4Addr::LOCALHOST.octets().to_vec())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            let net = u128::from(six) & mask;
            (libc::AF_INET6, net.to_be_bytes().to_vec(), Ipv6Addr::LOCALHOST.octets().to_vec())
        }
    };
    // struct rtmsg: family, lengths of destination and source, type of service, table, protocol, scope, type, flags.
    const STATIC: u8 = 4;
    let table = libc::RT_TABLE_LOCAL;
    let mut body = vec![family as u8, length, 0, 0, table, STATIC, libc::RT_SCOPE_HOST, libc::RTN_LOCAL];
    body.extend_from_slice(&[0; 4]);
    if length > 0 {
        attribute(&mut body, libc::RTA_DST, &address);
    }
    attribute(&mut body, libc::RTA_PREFSRC, &source);
    attribute(&mut body, libc::RTA_OIF, &LOOPBACK.to_ne_bytes());
    ask(kernel, &body)
}

/// struct rtattr; all values here are multiples of four bytes, so nothing has to be padded.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
}

/// Send one request and read the kernel's answer: netlink(7).
fn ask(kernel: &OwnedFd, body: &[u8]) -> io::Result<()> {
    const HEADER: u32 = 16;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE) as u16;
    let mut message = (HEADER + body.len() as u32).to_ne_bytes().to_vec();
    message.extend_from_slice(&libc::RTM_NEWROUTE.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(body);
    sendto(kernel.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    // struct nlmsgerr behind the header: a negative errno, or zero.
    let mut answer = [0; 512];
    let length = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let error = answer[..length].get(16..20).and_then(|raw| raw.try_into().ok()).map(i32::from_ne_bytes);
    match error {
        Some(0) => Ok(()),
        Some(error) if -error == libc::EEXIST => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_granted_block_is_there_once_and_loopback_never() {
        let entry = |host| NetEntry { host, ports: Vec::new(), allow: true };
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let net = [
            entry(NetHost::Name("a.example".into())),
            entry(NetHost::Name("b.example".into())),
            entry(NetHost::Net(address("127.0.0.1"), 32)),
            entry(NetHost::Net(address("::1"), 128)),
            entry(NetHost::Net(address("10.0.0.0"), 8)),
            entry(NetHost::Net(address("10.0.0.0"), 8)),
        ];
        assert_eq!(blocks(&net), [(address("10.0.0.0"), 8), (address("198.18.0.0"), 15)]);
        let many: Vec<NetEntry> =
            (0..=MOST as u32).map(|n| entry(NetHost::Net(Ipv4Addr::from(n << 8 | 1).into(), 32))).collect();
        assert_eq!(blocks(&many).len(), 2);
    }
}
