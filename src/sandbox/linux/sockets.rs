//! Socket calls of which neither address nor value has a fixed type: bytes in, bytes out. For [`super::broker`] and
//! [`super::relay`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::sys;

/// A socket that does not block. `family`, `kind`: as in socket(2).
pub(super) fn open(family: libc::c_int, kind: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain numbers; the result is a new descriptor that we own.
    unsafe { Ok(OwnedFd::from_raw_fd(sys::check(libc::socket(family, kind, 0).into())? as i32)) }
}

/// struct sockaddr_in and sockaddr_in6: ip(7), ipv6(7).
pub(super) fn encode(address: SocketAddr) -> Vec<u8> {
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

/// connect(2).
pub(super) fn connect(socket: BorrowedFd<'_>, address: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `address.len()` bytes; alignment does not matter to it.
    let result = unsafe {
        libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), address.len() as libc::socklen_t)
    };
    sys::check(result.into()).map(drop)
}

/// bind(2).
pub(super) fn bind(socket: BorrowedFd<'_>, address: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `address.len()` bytes; alignment does not matter to it.
    let result =
        unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr().cast(), address.len() as libc::socklen_t) };
    sys::check(result.into()).map(drop)
}

/// listen(2).
pub(super) fn listen(socket: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    sys::check(unsafe { libc::listen(socket.as_raw_fd(), backlog) }.into()).map(drop)
}

/// getsockopt(2): the value as bytes, at most 16 of them.
pub(super) fn option(socket: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<Vec<u8>> {
    let mut value = vec![0_u8; 16];
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, and then how many it wrote.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length)
    };
    sys::check(result.into())?;
    value.truncate(length as usize);
    Ok(value)
}

/// [`option`], when its value is a plain number.
pub(super) fn number(socket: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<i32> {
    let value = option(socket, level, name)?;
    value.try_into().map(i32::from_ne_bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// setsockopt(2).
pub(super) fn set_option(socket: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `value.len()` bytes.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    sys::check(result.into()).map(drop)
}

pub(super) fn set_number(socket: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    set_option(socket, level, name, &value.to_ne_bytes())
}
