//! Attacks over the network and over sockets of this machine.

use super::{Out, at, c};

/// struct sockaddr_in, port and address in the order of the wire.
pub(super) fn v4(address: [u8; 4], port: u16) -> Vec<u8> {
    let mut bytes = (libc::AF_INET as u16).to_ne_bytes().to_vec();
    bytes.extend(port.to_be_bytes());
    bytes.extend(address);
    bytes.resize(16, 0);
    bytes
}

fn v6(address: [u8; 16], port: u16) -> Vec<u8> {
    let mut bytes = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
    bytes.extend(port.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(address);
    bytes.resize(28, 0);
    bytes
}

fn unix(name: &[u8]) -> Vec<u8> {
    let mut bytes = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    bytes.extend(name);
    bytes
}

pub(super) fn socket(out: &mut Out<'_>, what: &str, family: i32, kind: i32, protocol: i32) -> Option<usize> {
    let args = [family as usize, kind as usize, protocol as usize];
    out.call(&format!("socket({what})"), libc::SYS_socket, &args).map(|fd| fd as usize)
}

pub(super) fn connect(
    out: &mut Out<'_>,
    what: &str,
    family: i32,
    kind: i32,
    protocol: i32,
    address: &[u8],
) -> Option<usize> {
    let fd = socket(out, what, family, kind | libc::SOCK_NONBLOCK, protocol)?;
    let args = [fd, address.as_ptr() as usize, address.len()];
    let connected = out.call(&format!("connect({what})"), libc::SYS_connect, &args).is_some();
    (connected || out.errno == libc::EINPROGRESS).then_some(fd)
}

/// Send the nonce: the listener outside tells whether it arrived.
pub(super) fn send(out: &mut Out<'_>, fd: usize, what: &str, flags: i32, address: &[u8]) -> bool {
    let word = out.evidence.nonce.clone();
    let args =
        [fd, word.as_ptr() as usize, word.len(), flags as usize, address.as_ptr() as usize, address.len()];
    out.call(&format!("sendto({what})"), libc::SYS_sendto, &args).is_some()
}

const NOBODY: &str = "the datagram went to the sandbox's own loopback, where nobody listens";

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

pub(crate) fn tcp_loopback(out: &mut Out<'_>) {
    let address = v4(LOOPBACK, out.facts.tcp4);
    connect(out, "tcp 127.0.0.1", libc::AF_INET, libc::SOCK_STREAM, 0, &address);
}

pub(crate) fn tcp_loopback6(out: &mut Out<'_>) {
    let mut one = [0; 16];
    one[15] = 1;
    let address = v6(one, out.facts.tcp6);
    connect(out, "tcp ::1", libc::AF_INET6, libc::SOCK_STREAM, 0, &address);
}

pub(crate) fn tcp_mapped(out: &mut Out<'_>) {
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[255, 255, 127, 0, 0, 1]);
    let address = v6(mapped, out.facts.tcp4);
    connect(out, "tcp ::ffff:127.0.0.1", libc::AF_INET6, libc::SOCK_STREAM, 0, &address);
}

pub(crate) fn tcp_any(out: &mut Out<'_>) {
    let address = v4([0, 0, 0, 0], out.facts.tcp4);
    connect(out, "tcp 0.0.0.0", libc::AF_INET, libc::SOCK_STREAM, 0, &address);
}

pub(crate) fn metadata(out: &mut Out<'_>) {
    let address = v4([169, 254, 169, 254], 80);
    if connect(out, "169.254.169.254:80", libc::AF_INET, libc::SOCK_STREAM, 0, &address).is_some() {
        out.gain("a connection to the metadata service is under way");
    }
}

pub(crate) fn internet(out: &mut Out<'_>) {
    let address = v4([192, 0, 2, 80], 443);
    if connect(out, "192.0.2.80:443", libc::AF_INET, libc::SOCK_STREAM, 0, &address).is_some() {
        out.gain("a connection to the internet is under way");
    }
}

#[expect(clippy::collapsible_if, reason = "a call, then what its success means")]
pub(crate) fn udp_loopback(out: &mut Out<'_>) {
    let address = v4(LOOPBACK, out.facts.udp);
    if let Some(fd) = socket(out, "udp", libc::AF_INET, libc::SOCK_DGRAM, 0) {
        if send(out, fd, "udp 127.0.0.1", 0, &address) {
            out.evidence.absent = Some(NOBODY.into());
        }
    }
}

pub(crate) fn udp_connected(out: &mut Out<'_>) {
    let address = v4(LOOPBACK, out.facts.udp);
    if let Some(fd) = connect(out, "udp 127.0.0.1", libc::AF_INET, libc::SOCK_DGRAM, 0, &address) {
        send(out, fd, "connected udp", 0, &[]);
        out.evidence.absent = Some(NOBODY.into());
    }
}

pub(crate) fn udp_message(out: &mut Out<'_>) {
    // sendmsg and sendmmsg hold the address behind two pointers.
    let (address, word) = (v4(LOOPBACK, out.facts.udp), out.evidence.nonce.clone());
    let Some(fd) = socket(out, "udp", libc::AF_INET, libc::SOCK_DGRAM, 0) else { return };
    let part = [word.as_ptr() as usize, word.len()];
    let message = [address.as_ptr() as usize, address.len(), part.as_ptr() as usize, 1, 0, 0, 0, 0];
    out.call("sendmsg(udp)", libc::SYS_sendmsg, &[fd, message.as_ptr() as usize, 0]);
    if out.call("sendmmsg(udp)", libc::SYS_sendmmsg, &[fd, message.as_ptr() as usize, 1, 0]).is_some() {
        out.evidence.absent = Some(NOBODY.into());
    }
}

pub(crate) fn dns(out: &mut Out<'_>) {
    let address = v4([192, 0, 2, 53], 53);
    if let Some(fd) = socket(out, "udp", libc::AF_INET, libc::SOCK_DGRAM, 0)
        && send(out, fd, "192.0.2.53:53", 0, &address)
    {
        out.gain("a datagram left for a name server");
    }
}

pub(crate) fn raw_ip(out: &mut Out<'_>) {
    if socket(out, "raw icmp", libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP).is_some() {
        out.gain("a raw socket");
    }
}

pub(crate) fn ping(out: &mut Out<'_>) {
    let address = v4(LOOPBACK, 0);
    let Some(fd) = socket(out, "ping", libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP) else { return };
    let packet = [8_u8, 0, 0, 0, 0, 0, 0, 1];
    let args = [fd, packet.as_ptr() as usize, 8, 0, address.as_ptr() as usize, 16];
    out.refused("sendto(ping)", libc::SYS_sendto, &args);
}

pub(crate) fn unix_path(out: &mut Out<'_>) {
    let mut name = out.facts.socket.clone().into_bytes();
    name.push(0);
    connect(out, "unix path", libc::AF_UNIX, libc::SOCK_STREAM, 0, &unix(&name));
}

pub(crate) fn unix_abstract(out: &mut Out<'_>) {
    let mut name = vec![0];
    name.extend(out.facts.abstract_socket.as_bytes());
    connect(out, "unix abstract", libc::AF_UNIX, libc::SOCK_STREAM, 0, &unix(&name));
    out.absent_on(&[libc::ECONNREFUSED], "no socket has that abstract name inside");
}

fn family(out: &mut Out<'_>, what: &str, number: i32, kind: i32, protocol: i32) {
    if socket(out, what, number, kind, protocol).is_some() {
        out.gain(&format!("a socket of family {what}"));
    }
}

pub(crate) fn netlink(out: &mut Out<'_>) {
    // Libraries list interfaces by it: those of the sandbox, which are its own.
    if socket(out, "AF_NETLINK route", libc::AF_NETLINK, libc::SOCK_RAW, 0).is_some() {
        out.evidence.absent = Some("it shows the sandbox's own empty network".into());
    }
}

pub(crate) fn netfilter(out: &mut Out<'_>) {
    family(out, "AF_NETLINK netfilter", libc::AF_NETLINK, libc::SOCK_RAW, 12);
}

pub(crate) fn packet(out: &mut Out<'_>) {
    family(out, "AF_PACKET", libc::AF_PACKET, libc::SOCK_RAW, 0x300);
}

pub(crate) fn vsock(out: &mut Out<'_>) {
    family(out, "AF_VSOCK", libc::AF_VSOCK, libc::SOCK_STREAM, 0);
}

pub(crate) fn crypto(out: &mut Out<'_>) {
    family(out, "AF_ALG", libc::AF_ALG, libc::SOCK_SEQPACKET, 0);
}

pub(crate) fn bluetooth(out: &mut Out<'_>) {
    family(out, "AF_BLUETOOTH", libc::AF_BLUETOOTH, libc::SOCK_RAW, 1);
}

pub(crate) fn rare_families(out: &mut Out<'_>) {
    for (what, number, kind) in [
        ("AF_CAN", libc::AF_CAN, libc::SOCK_RAW),
        ("AF_TIPC", libc::AF_TIPC, libc::SOCK_DGRAM),
        ("AF_XDP", libc::AF_XDP, libc::SOCK_RAW),
        ("AF_RDS", 21, libc::SOCK_SEQPACKET),
        ("AF_KCM", 41, libc::SOCK_DGRAM),
        ("AF_QIPCRTR", 42, libc::SOCK_DGRAM),
        ("AF_SMC", 43, libc::SOCK_STREAM),
        ("AF_MCTP", 45, libc::SOCK_DGRAM),
        ("AF_KEY", 15, libc::SOCK_RAW),
    ] {
        family(out, what, number, kind, 0);
    }
}

pub(crate) fn multipath(out: &mut Out<'_>) {
    let address = v4(LOOPBACK, out.facts.tcp4);
    connect(out, "mptcp 127.0.0.1", libc::AF_INET, libc::SOCK_STREAM, 262, &address);
}

pub(crate) fn fast_open(out: &mut Out<'_>) {
    // Connects without connect(2).
    let address = v4(LOOPBACK, out.facts.tcp4);
    if let Some(fd) = socket(out, "tcp", libc::AF_INET, libc::SOCK_STREAM, 0) {
        send(out, fd, "tcp with MSG_FASTOPEN", libc::MSG_FASTOPEN, &address);
    }
}

/// Each asks the kernel to load the module that serves it.
pub(crate) fn rare_protocols(out: &mut Out<'_>) {
    let (stream, packets, datagram) = (libc::SOCK_STREAM, libc::SOCK_SEQPACKET, libc::SOCK_DGRAM);
    for (what, kind, protocol) in [
        ("SCTP", stream, 132),
        ("SCTP packets", packets, 132),
        ("DCCP", libc::SOCK_DCCP, 33),
        ("UDP-Lite", datagram, 136),
        ("L2TP", datagram, 115),
        ("SMC", stream, 256),
    ] {
        let args = [libc::AF_INET as usize, kind as usize, protocol];
        out.refused(&format!("socket({what})"), libc::SYS_socket, &args);
    }
}

/// Serve where somebody of the host knocks.
pub(crate) fn serve(out: &mut Out<'_>) {
    let address = v4([0; 4], out.facts.free_port);
    let Some(fd) = socket(out, "tcp", libc::AF_INET, libc::SOCK_STREAM, 0) else { return };
    out.call("bind(0.0.0.0)", libc::SYS_bind, &[fd, address.as_ptr() as usize, address.len()]);
    if out.call("listen", libc::SYS_listen, &[fd, 8]).is_some() {
        super::pause(200);
        out.evidence.absent =
            Some("the port is one of the sandbox's own network: the host's is not there".into());
    }
}

/// The second of two messages in one call is for somebody else than the first.
pub(crate) fn second_message(out: &mut Out<'_>) {
    let (own, other) = (v4(LOOPBACK, out.facts.udp), v4([192, 0, 2, 80], 443));
    let word = out.evidence.nonce.clone();
    let Some(fd) = socket(out, "udp", libc::AF_INET, libc::SOCK_DGRAM, 0) else { return };
    let part = [word.as_ptr() as usize, word.len()];
    let message = |to: &[u8]| [to.as_ptr() as usize, to.len(), part.as_ptr() as usize, 1, 0, 0, 0, 0];
    let both = [message(&own), message(&other)].concat();
    match out.call("sendmmsg(two)", libc::SYS_sendmmsg, &[fd, both.as_ptr() as usize, 2, 0]) {
        Some(2) => out.gain("a second datagram left"),
        _ => out.say("the second was not sent".into()),
    }
}

pub(crate) fn bind_device(out: &mut Out<'_>) {
    let name = c("lo");
    if let Some(fd) = socket(out, "udp", libc::AF_INET, libc::SOCK_DGRAM, 0) {
        out.refused(
            "setsockopt(SO_BINDTODEVICE)",
            libc::SYS_setsockopt,
            &[fd, libc::SOL_SOCKET as usize, libc::SO_BINDTODEVICE as usize, at(&name), 3],
        );
    }
}

pub(crate) fn control_sockets(out: &mut Out<'_>) {
    for path in ["/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/notify"] {
        let mut name = path.as_bytes().to_vec();
        name.push(0);
        if connect(out, path, libc::AF_UNIX, libc::SOCK_STREAM, 0, &unix(&name)).is_some() {
            out.gain(path);
        }
    }
    out.absent_on(&[libc::ENOENT], "no such socket inside");
}
