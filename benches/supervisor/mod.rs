//! The least that a supervisor with paths can do: receive a call, copy its path, let it through. No sandbox, no verdict,
//! no report. What others cost on top of this is their own.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

/// The calls that strace counts as `%file`, of those that programs here make.
const WATCHED: &[(i64, usize)] = &[
    (libc::SYS_open, 0),
    (libc::SYS_openat, 1),
    (libc::SYS_stat, 0),
    (libc::SYS_lstat, 0),
    (libc::SYS_newfstatat, 1),
    (libc::SYS_statx, 1),
    (libc::SYS_access, 0),
    (libc::SYS_readlink, 0),
    (libc::SYS_readlinkat, 1),
    (libc::SYS_getcwd, 0),
];

/// Start a program under supervision and stay until it has ended, which the kernel tells since Linux 6.11.
pub(crate) fn supervise(words: &[String]) {
    let words: Vec<CString> =
        words.iter().map(|word| CString::new(std::ffi::OsStr::new(word).as_bytes()).unwrap()).collect();
    let mut argv: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
    argv.push(std::ptr::null());
    // SAFETY: a benchmark with one thread; the child only makes calls until it becomes the program, with memory that was
    // made before; the structures are the kernel's own.
    unsafe {
        let (mut pipe, mut taken) = ([0; 2], [0; 2]);
        for pipe in [&mut pipe, &mut taken] {
            assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        }
        let filter = filter();
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
        let child = libc::fork();
        if child == 0 {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
            let listener =
                libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
                    as i32;
            libc::write(pipe[1], (&raw const listener).cast(), 4);
            // It is closed by what comes next.
            libc::close(taken[1]);
            libc::read(taken[0], [0_u8].as_mut_ptr().cast(), 1);
            libc::execv(argv[0], argv.as_ptr());
            libc::_exit(127);
        }
        let mut listener = 0_i32;
        assert_eq!(libc::read(pipe[0], (&raw mut listener).cast(), 4), 4);
        let pidfd = libc::syscall(libc::SYS_pidfd_open, child, 0);
        let listener = libc::syscall(libc::SYS_pidfd_getfd, pidfd, listener, 0) as i32;
        assert!(listener >= 0);
        libc::close(taken[1]);
        // Hand over on one processor.
        libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1_u64);
        answer(listener);
        let mut status = 0;
        libc::waitpid(child, &raw mut status, 0);
        assert_eq!(status, 0);
    }
}

fn filter() -> Vec<libc::sock_filter> {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = vec![step(0x20, 0, 0, 0)];
    for (place, (number, _)) in WATCHED.iter().enumerate() {
        filter.push(step(0x15, (WATCHED.len() - place) as u8, 0, *number as u32));
    }
    filter.extend([step(0x06, 0, 0, 0x7fff_0000), step(0x06, 0, 0, 0x7fc0_0000)]);
    filter
}

/// # Safety
/// `listener` is the listener of a seccomp filter.
unsafe fn answer(listener: i32) {
    let mut path = [0_u8; 256];
    loop {
        // SAFETY: the kernel's structures, zeroed as it demands; copies stay within `path`.
        unsafe {
            let mut call: libc::seccomp_notif = std::mem::zeroed();
            if libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) < 0 {
                return;
            }
            let at = WATCHED.iter().find(|(number, _)| *number == i64::from(call.data.nr));
            let address = call.data.args[at.map_or(0, |(_, at)| *at)];
            let length = path.len().min(4096 - address as usize % 4096);
            let ours = libc::iovec { iov_base: path.as_mut_ptr().cast(), iov_len: length };
            let theirs = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: length };
            libc::process_vm_readv(call.pid as i32, &raw const ours, 1, &raw const theirs, 1, 0);
            let mut answer = libc::seccomp_notif_resp {
                id: call.id,
                val: 0,
                error: 0,
                flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            };
            libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer);
        }
    }
}
