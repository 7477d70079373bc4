//! Messages between supervisor, launcher and sandbox: one datagram each, JSON with descriptors beside it.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::held::Held;

/// A set-up step that failed, inside or in the launcher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub step: String,
    pub errno: i32,
    pub message: String,
}

impl Failure {
    pub(super) fn new(step: impl Into<String>, error: &io::Error) -> Self {
        Self { step: step.into(), errno: error.raw_os_error().unwrap_or(0), message: error.to_string() }
    }

    /// The step, and the kernel's word for what became of it.
    pub(super) fn in_words(&self) -> String {
        match self.errno {
            0 => format!("{}: {}", self.step, self.message),
            errno => format!("{}: {}", self.step, nix::errno::Errno::from_raw(errno).desc().to_lowercase()),
        }
    }
}

/// Attach the name of the step to an error.
pub(super) trait Step<T> {
    fn step(self, name: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, name: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(name, &error.into()))
    }
}

/// What comes out of the launcher and the sandbox's PID 1 during a run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// From the launcher. Descriptors: pidfd of the sandbox's PID 1 and, when it is in one of its own, its cgroup, whose name
    /// this is.
    Created { cgroup: Option<String> },
    /// From PID 1. Descriptors: pidfd of the program's process, root of the view and, in namespaces, socket of the name
    /// server, one to ask about sockets, what is captured when the plan captures anything, that many for the relay of
    /// datagrams, and the mount namespace where it could be opened.
    Ready {
        held: Held,
        /// The folder on disk behind HOME, TMPDIR and scratch, when there is no view of its own.
        private: Option<PathBuf>,
        relays: usize,
    },
    /// From PID 1: the plan demands more than can be had here.
    TooLittle(Held),
    /// From anybody: the run is over before it began.
    Failed(Failure),
    /// From PID 1: wait status of the program (wait(2)), the time of all processes that were waited for, and whether the
    /// program has left others behind, which end now.
    Exited { status: i32, cpu_ms: u64, left_behind: bool },
}

const LARGEST_MESSAGE: usize = 64 * 1024;
/// The kernel's own bound is 253 (SCM_MAX_FD).
const MOST_DESCRIPTORS: usize = 250;

/// A connected pair of datagram sockets that keep message borders and order.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

pub(super) fn send<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let control = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &control[..0] } else { &control[..] };
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&text)], control, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// The next message and its descriptors; `None` when the other side is gone.
pub(super) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut buffer = vec![0; LARGEST_MESSAGE];
    let mut control = nix::cmsg_space!([RawFd; MOST_DESCRIPTORS]);
    let mut vectors = [IoSliceMut::new(&mut buffer)];
    let message = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut vectors, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC)
        {
            Err(nix::Error::EINTR) => {}
            other => break other?,
        }
    };
    let mut fds = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = part {
            // SAFETY: the kernel has just made these descriptors for us; nobody else knows their numbers.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let length = message.bytes;
    if length == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&buffer[..length])?, fds)))
}
