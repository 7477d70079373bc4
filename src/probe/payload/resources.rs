//! Attacks on what the machine has: each asks for more than its limit allows, and for no more than the machine can lose.

use std::time::{Duration, Instant};

use super::{Out, at, c, fork, leave, pause, print_raw, raw};

/// Children of a bomb at most, and how long each lives.
const CHILDREN: usize = 200;
const LIFE: i64 = 1500;

/// The limits that the probe's policy sets, below what the payloads ask for.
pub(crate) const PROCESSES: usize = 48;
/// Threads are bounded by the kernel, with room for programs that have many: see `sandbox::linux::confine`.
const THREADS: usize = PROCESSES + 512;
const MIB: usize = 1 << 20;
pub(crate) const MEMORY: usize = 64 * MIB;

pub(crate) fn fork_bomb(out: &mut Out<'_>) {
    let mut made = 0;
    for _ in 0..CHILDREN {
        match fork() {
            Ok(0) => {
                pause(LIFE);
                leave(0);
            }
            Ok(_) => made += 1,
            Err(errno) => {
                out.note("clone", Err(errno));
                break;
            }
        }
    }
    out.say(format!("{made} children"));
    // The run may be ended for it from outside, a moment later.
    pause(700);
    if made > PROCESSES {
        out.gain("more processes than the limit");
    }
}

pub(crate) fn thread_bomb(out: &mut Out<'_>) {
    let mut threads = Vec::new();
    for _ in 0..THREADS + 100 {
        let thread = std::thread::Builder::new().stack_size(16 * 1024).spawn(|| pause(1200));
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                out.say(format!("thread {}: {error}", threads.len()));
                break;
            }
        }
    }
    pause(700);
    if threads.len() > THREADS {
        out.gain("more threads than the limit");
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Touch pages, up to four times the limit, and stay a moment.
fn touch(most: usize) -> usize {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut sum = 0;
    while sum < most {
        let mut block = Vec::new();
        if block.try_reserve_exact(4 * MIB).is_err() {
            break;
        }
        block.resize(4 * MIB, 1_u8);
        sum += std::hint::black_box(&block).len();
        held.push(block);
        pause(2);
    }
    pause(200);
    sum
}

pub(crate) fn memory(out: &mut Out<'_>) {
    let sum = touch(4 * MEMORY);
    out.say(format!("touched {} MiB", sum / MIB));
    if sum >= 4 * MEMORY {
        out.gain("more memory than the limit");
    }
}

pub(crate) fn memory_of_children(out: &mut Out<'_>) {
    for _ in 0..4 {
        if let Ok(0) = fork() {
            // Each stays below the limit, together they are twice over it.
            let sum = touch(MEMORY / 2);
            pause(800);
            leave(usize::from(sum < MEMORY / 2));
        }
    }
    let mut whole = 0;
    for _ in 0..4 {
        let mut status = 0_i32;
        let _ = raw(libc::SYS_wait4, &[usize::MAX, (&raw mut status) as usize, 0, 0]);
        whole += usize::from(status == 0);
    }
    out.say(format!("{whole} of 4 children had their half"));
    if whole == 4 {
        out.gain("twice the limit, by children");
    }
}

/// Memory that is shared among processes, which limits of a single one do not count.
pub(crate) fn shared_memory(out: &mut Out<'_>) {
    let flags = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as usize;
    let mut sum = 0;
    while sum < 4 * MEMORY {
        let Ok(block) = raw(libc::SYS_mmap, &[0, 4 * MIB, 3, flags, usize::MAX, 0]) else { break };
        // SAFETY: the kernel has just mapped these bytes for this process.
        unsafe { std::ptr::write_bytes(block as usize as *mut u8, 1, 4 * MIB) };
        sum += 4 * MIB;
        pause(2);
    }
    pause(200);
    out.say(format!("touched {} MiB", sum / MIB));
    if sum >= 4 * MEMORY {
        out.gain("more memory than the limit");
    }
}

/// Each child stays below the limit of time, together they do not.
pub(crate) fn spin_of_children(out: &mut Out<'_>) {
    const CHILDREN: usize = 4;
    /// Of processor time, below the probe's limit; and for how long at most, on a machine that is busy.
    const EACH: Duration = Duration::from_millis(400);
    const LONGEST: Duration = Duration::from_millis(2500);
    for _ in 0..CHILDREN {
        if let Ok(0) = fork() {
            let begun = Instant::now();
            while processor_time() < EACH {
                if begun.elapsed() > LONGEST {
                    leave(1);
                }
            }
            leave(0);
        }
    }
    let mut whole = 0;
    for _ in 0..CHILDREN {
        let mut status = 1_i32;
        let _ = raw(libc::SYS_wait4, &[usize::MAX, (&raw mut status) as usize, 0, 0]);
        whole += usize::from(status == 0);
    }
    out.say(format!("{whole} of {CHILDREN} children had {} ms of processor time", EACH.as_millis()));
    if whole > 1 {
        out.gain("more processor time than the limit, by children");
    }
}

/// Of this process: clock_gettime(2).
fn processor_time() -> Duration {
    let mut time = [0_u64; 2];
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID as usize;
    let _ = raw(libc::SYS_clock_gettime, &[clock, time.as_mut_ptr() as usize]);
    Duration::new(time[0], time[1] as u32)
}

/// Fill a file up to a bound well above the limit of the place.
fn fill(out: &mut Out<'_>, path: &str, most: usize, chunk: usize) -> usize {
    let Some(fd) = out.open(path, libc::O_CREAT | libc::O_WRONLY) else { return 0 };
    let block = vec![7_u8; chunk];
    let mut sum = 0;
    while sum < most {
        match raw(libc::SYS_write, &[fd, block.as_ptr() as usize, block.len()]) {
            Ok(length) if length > 0 => sum += length as usize,
            result => {
                out.note(&format!("write({path}) after {} MiB", sum / MIB), result);
                break;
            }
        }
    }
    sum
}

pub(crate) fn ignore_file_size() {
    let ignore = nix::sys::signal::SigHandler::SigIgn;
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { nix::sys::signal::signal(nix::sys::signal::Signal::SIGXFSZ, ignore) };
}

pub(crate) fn file_size(out: &mut Out<'_>) {
    ignore_file_size();
    if fill(out, "/scratch/long", 12 * MIB, MIB) > 8 * MIB {
        out.gain("a file longer than the limit");
    }
}

pub(crate) fn scratch(out: &mut Out<'_>) {
    let mut sum = 0;
    for number in 0..24 {
        sum += fill(out, &format!("/scratch/{number}"), 4 * MIB, MIB);
    }
    if sum > 40 * MIB {
        out.gain("more in scratch than the limit");
    }
}

pub(crate) fn inodes(out: &mut Out<'_>) {
    let mut made = 0;
    for number in 0..100_000 {
        let path = c(&format!("/scratch/{number}"));
        match raw(libc::SYS_mknod, &[at(&path), (libc::S_IFREG | 0o600) as usize, 0]) {
            Ok(_) => made += 1,
            result => {
                out.note(&format!("mknod after {made}"), result);
                break;
            }
        }
    }
    if made == 100_000 {
        out.gain("a hundred thousand files");
    }
}

pub(crate) fn descriptors(out: &mut Out<'_>) {
    let mut made = 0;
    for _ in 0..2000 {
        match raw(libc::SYS_dup, &[0]) {
            Ok(_) => made += 1,
            result => {
                out.note(&format!("dup after {made}"), result);
                break;
            }
        }
    }
    // Something that the report can name: the next file is refused for the same reason.
    out.open("/proc/self/status", 0);
    if made == 2000 {
        out.gain("two thousand descriptors");
    }
}

pub(crate) fn spin(out: &mut Out<'_>) {
    until(Duration::from_secs(4), || {
        std::hint::black_box(0);
    });
    out.gain("four seconds of processor time");
}

fn until(time: Duration, mut act: impl FnMut()) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        act();
    }
}

pub(crate) fn sleep(out: &mut Out<'_>) {
    pause(6000);
    out.gain("slept past the wall limit");
}

pub(crate) fn ignore_signals(out: &mut Out<'_>) {
    super::processes::ignore_term();
    let all = [u64::MAX];
    let _ = raw(libc::SYS_rt_sigprocmask, &[0, all.as_ptr() as usize, 0, 8]);
    until(Duration::from_secs(6), || pause(10));
    out.gain("outlived the wall limit");
}

pub(crate) fn flood(out: &mut Out<'_>) {
    let block = vec![b'x'; MIB];
    for _ in 0..64 {
        print_raw(&block);
    }
    out.gain("64 MiB of output");
}

pub(crate) fn sparse(out: &mut Out<'_>) {
    ignore_file_size();
    let Some(fd) = out.open("/scratch/sparse", libc::O_CREAT | libc::O_RDWR) else { return };
    out.refused("ftruncate(8 EiB - 1)", libc::SYS_ftruncate, &[fd, i64::MAX as usize]);
    out.refused("fallocate(1 TiB)", libc::SYS_fallocate, &[fd, 0, 0, 1 << 40]);
}

pub(crate) fn huge_mapping(out: &mut Out<'_>) {
    // Reserved only, never touched.
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    let size = 1 << 40;
    let mapped = out.call("mmap(1 TiB)", libc::SYS_mmap, &[0, size, 3, flags, usize::MAX, 0]);
    if mapped.is_some() {
        out.gain("a mapping of 1 TiB");
    }
}
