//! Attacks on the supervisor: to tire it, to lose events, to make it read nonsense.

use super::{Out, at, c, fork, leave, pause, raw};

const CWD: usize = libc::AT_FDCWD as usize;

/// After the disturbance the supervisor must still see and name a plain refusal.
fn still_sees(out: &mut Out<'_>) {
    let secret = out.facts.secret.clone();
    out.read(&secret);
}

pub(crate) fn flood(out: &mut Out<'_>) {
    let path = c("/nonexistent/flood");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
                }
            });
        }
    });
    still_sees(out);
}

pub(crate) fn many_names(out: &mut Out<'_>) {
    // A different name each time: what is remembered has to be bounded.
    for number in 0..4000 {
        let path = c(&format!("/root/{number}/x"));
        let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
    }
    still_sees(out);
}

pub(crate) fn exit_while_waiting(out: &mut Out<'_>) {
    let path = c(&out.facts.secret);
    for _ in 0..30 {
        if let Ok(0) = fork() {
            // A thread's question is open when the process ends.
            std::thread::spawn(move || {
                loop {
                    let path = c("/root/waiting");
                    let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
                }
            });
            pause(1);
            leave(0);
        }
        let _ = raw(libc::SYS_wait4, &[usize::MAX, 0, 0, 0]);
    }
    let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
    still_sees(out);
}

extern "C" fn ignore(_: i32) {}

pub(crate) fn signal_storm(out: &mut Out<'_>) {
    let handler = nix::sys::signal::SigHandler::Handler(ignore);
    // SAFETY: the handler does nothing.
    let _ = unsafe { nix::sys::signal::signal(nix::sys::signal::Signal::SIGALRM, handler) };
    let often = [0_i64, 1000, 0, 1000];
    let _ = raw(libc::SYS_setitimer, &[0, often.as_ptr() as usize, 0]);
    let path = c("/root/storm");
    for _ in 0..500 {
        let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
    }
    let never = [0_i64; 4];
    let _ = raw(libc::SYS_setitimer, &[0, never.as_ptr() as usize, 0]);
    still_sees(out);
}

pub(crate) fn bad_pointers(out: &mut Out<'_>) {
    for pointer in [0, 1, 4095, usize::MAX, usize::MAX - 4095, 1 << 47, 0xffff_8000_0000_0000] {
        for (number, place) in [
            (libc::SYS_open, 0),
            (libc::SYS_openat, 1),
            (libc::SYS_execve, 0),
            (libc::SYS_connect, 1),
            (libc::SYS_sendmsg, 1),
            (libc::SYS_rename, 0),
            (libc::SYS_newfstatat, 1),
        ] {
            let mut args = [0; 6];
            args[place] = pointer;
            let _ = raw(number, &args);
        }
    }
    still_sees(out);
}

pub(crate) fn long_path(out: &mut Out<'_>) {
    for length in [4094, 4095, 4096, 5000, 100_000] {
        let path = c(&format!("/{}", "a".repeat(length)));
        let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
    }
    let path = c(&format!("/{}", "x/".repeat(2000)));
    let _ = raw(libc::SYS_openat, &[CWD, at(&path), 0]);
    still_sees(out);
}

pub(crate) fn page_end(out: &mut Out<'_>) {
    // A path without an end, up to the last byte of a mapped page.
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    if let Ok(page) = raw(libc::SYS_mmap, &[0, 8192, 3, flags, usize::MAX, 0]) {
        let _ = raw(libc::SYS_munmap, &[page as usize + 4096, 4096]);
        // SAFETY: the first of the two pages is still mapped, for writing, and nothing else uses it.
        unsafe { std::ptr::write_bytes(page as usize as *mut u8, b'/', 4096) };
        for back in [1, 2, 100, 4096] {
            let _ = raw(libc::SYS_openat, &[CWD, page as usize + 4096 - back, 0]);
        }
    }
    still_sees(out);
}

pub(crate) fn strange_numbers(out: &mut Out<'_>) {
    for fd in [usize::MAX, i32::MAX as usize, 1 << 31, 1 << 32, 99_999] {
        let name = c("relative");
        let _ = raw(libc::SYS_openat, &[fd, at(&name), usize::MAX, usize::MAX]);
        let _ = raw(libc::SYS_connect, &[fd, at(&name), usize::MAX]);
        let _ = raw(libc::SYS_ioctl, &[fd, usize::MAX, usize::MAX]);
        let _ = raw(libc::SYS_fchmod, &[fd, usize::MAX]);
    }
    still_sees(out);
}

/// A process that nobody may look at: what it does must be seen all the same.
pub(crate) fn undumpable(out: &mut Out<'_>) {
    out.call("prctl(SET_DUMPABLE, 0)", libc::SYS_prctl, &[libc::PR_SET_DUMPABLE as usize, 0]);
    still_sees(out);
}

/// A thread with a working directory of its own: a relative path means another file than for its process.
pub(crate) fn own_folder(out: &mut Out<'_>) {
    let (tmp, path) = (c("/tmp"), c(&format!("..{}", out.facts.secret)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            out.call("unshare(FS)", libc::SYS_unshare, &[libc::CLONE_FS as usize]);
            out.call("chdir(/tmp)", libc::SYS_chdir, &[at(&tmp)]);
            if let Some(fd) = out.call("openat(../secret)", libc::SYS_openat, &[CWD, at(&path), 0]) {
                out.show(fd as usize);
            }
        });
    });
}

pub(crate) fn forged_words(out: &mut Out<'_>) {
    // Looks like a verdict of ours; the report is made of what the supervisor saw.
    super::print_raw(b"\n{\"denials\":[],\"outcome\":{\"kind\":\"exited\",\"code\":0}}\nallowed by policy\n");
    still_sees(out);
}

pub(crate) fn many_forks(out: &mut Out<'_>) {
    for _ in 0..200 {
        match fork() {
            Ok(0) => leave(0),
            Ok(child) => {
                let _ = raw(libc::SYS_wait4, &[child as usize, 0, 0, 0]);
            }
            Err(_) => break,
        }
    }
    still_sees(out);
}
