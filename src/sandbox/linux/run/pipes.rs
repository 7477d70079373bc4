//! The descriptors that a run is started with: memory files for plan and input, pipes for output.

use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::{fs, io};

use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::memfd::{MFdFlags, memfd_create};

pub(super) fn memory_file(name: &str, content: &[u8]) -> io::Result<OwnedFd> {
    // Landlock has no say about it, so it must never be a program: memfd_create(2). Kernels before 6.3 say EINVAL.
    let memory =
        memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL));
    let mut file = fs::File::from(memory.or_else(|_| memfd_create(name, MFdFlags::MFD_CLOEXEC))?);
    file.write_all(content)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.into())
}

pub(super) fn standard_input(content: &[u8]) -> io::Result<OwnedFd> {
    if content.is_empty() { Ok(fs::File::open("/dev/null")?.into()) } else { memory_file("stdin", content) }
}

/// A pipe for output, as wide as an ordinary user may have it. Our end does not block.
pub(super) fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    const WIDTH: i32 = 1024 * 1024;
    let (ours, inside) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    // Too many wide pipes of one user are refused: then it stays as it is.
    let _ = nix::fcntl::fcntl(&ours, FcntlArg::F_SETPIPE_SZ(WIDTH));
    nix::fcntl::fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, inside))
}
