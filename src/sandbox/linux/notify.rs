//! The listener of a seccomp filter: seccomp_unotify(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{doctor, sys};

/// A system call that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub id: u64,
    /// Thread that called, as the supervisor's process numbers go.
    pub tid: i32,
    pub number: i64,
    pub args: [u64; 6],
}

#[derive(Debug)]
pub(super) struct Listener {
    fd: OwnedFd,
    /// The kernel ends a waiting RECV when nobody is left who could call. Before Linux 6.11 it never does, and every
    /// RECV has to be preceded by a poll(2).
    recv_ends: bool,
}

impl Listener {
    pub(super) fn new(fd: OwnedFd) -> Self {
        // Hand over on the caller's CPU: 5 µs a call instead of 48 (Linux 6.6; older kernels say EINVAL).
        const SYNC_WAKE_UP: u64 = 1;
        // SAFETY: the flag is passed by value.
        unsafe { libc::ioctl(fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        Self { fd, recv_ends: doctor::kernel_version() >= (6, 11) }
    }

    /// Wait for the next call; `None` when nobody is left who could call.
    pub(super) fn next(&self) -> io::Result<Option<Call>> {
        loop {
            if !self.recv_ends && !self.poll()? {
                return Ok(None);
            }
            // SAFETY: the kernel demands a zeroed structure of its own size.
            let received = unsafe {
                let mut raw: libc::seccomp_notif = std::mem::zeroed();
                sys::check(
                    libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut raw).into(),
                )
                .map(|_| raw)
            };
            match received {
                Ok(raw) => {
                    return Ok(Some(Call {
                        id: raw.id,
                        tid: raw.pid as i32,
                        number: raw.data.nr.into(),
                        args: raw.data.args,
                    }));
                }
                // Nobody is left (Linux 6.11), or the caller was killed before its call could be taken.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                    if self.recv_ends && !self.poll()? {
                        return Ok(None);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Wait for a call with poll(2); false when nobody is left who could call.
    fn poll(&self) -> io::Result<bool> {
        loop {
            let mut waiting = libc::pollfd { fd: self.fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid pollfd.
            match sys::check(unsafe { libc::poll(&raw mut waiting, 1, -1) }.into()) {
                Ok(_) => return Ok(waiting.revents & libc::POLLIN != 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the call still waits: what was read from its caller before was really its own.
    pub(super) fn is_waiting(&self, call: &Call) -> bool {
        let mut id = call.id;
        // SAFETY: the kernel reads one u64.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw mut id) == 0 }
    }

    /// Let the kernel carry the call out, bounded by mounts, Landlock, the empty network and modes.
    pub(super) fn let_through(&self, call: &Call) {
        self.answer(call, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32);
    }

    pub(super) fn refuse(&self, call: &Call, errno: i32) {
        self.answer(call, -errno, 0);
    }

    /// Put a descriptor of ours in place of the caller's `fd`: what it had there is closed.
    pub(super) fn replace_descriptor(
        &self,
        call: &Call,
        fd: i32,
        ours: BorrowedFd<'_>,
        close_on_exec: bool,
    ) -> io::Result<()> {
        let request = libc::seccomp_notif_addfd {
            id: call.id,
            flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
            srcfd: ours.as_raw_fd() as u32,
            newfd: fd as u32,
            newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
        };
        // SAFETY: a complete request; the kernel takes its own reference to the file.
        let result =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const request) };
        sys::check(result.into()).map(drop)
    }

    /// The call has been carried out by us.
    pub(super) fn done(&self, call: &Call, result: io::Result<()>) {
        let error = result.err().map_or(0, |error| -error.raw_os_error().unwrap_or(libc::EIO));
        self.answer(call, error, 0);
    }

    fn answer(&self, call: &Call, error: i32, flags: u32) {
        let mut answer = libc::seccomp_notif_resp { id: call.id, val: 0, error, flags };
        // A caller that was killed meanwhile needs no answer (ENOENT).
        // SAFETY: a complete response structure.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    }
}
