//! Attacks on other processes: signals, memory, identity.

use super::{Out, at, c, raw};

/// One signal, by each way there is, to the process on the host that the facts name.
fn host(out: &Out<'_>) -> usize {
    out.facts.victim as usize
}

const TERM: usize = libc::SIGTERM as usize;

pub(crate) fn kill_host(out: &mut Out<'_>) {
    let victim = host(out);
    out.call("kill(host process)", libc::SYS_kill, &[victim, TERM]);
    out.absent_on(&[libc::ESRCH], "no process has that number inside");
}

pub(crate) fn kill_all(out: &mut Out<'_>) {
    // What is ours must live on: the signal is ignored here.
    ignore_term();
    out.call("kill(-1)", libc::SYS_kill, &[usize::MAX, TERM]);
    out.absent_on(&[libc::ESRCH], "there is no other process inside that could be signalled");
    if out.evidence.absent.is_none() {
        out.evidence.absent = Some("the signal went to the processes of the sandbox alone".into());
    }
}

pub(super) fn ignore_term() {
    let ignore = nix::sys::signal::SigHandler::SigIgn;
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { nix::sys::signal::signal(nix::sys::signal::Signal::SIGTERM, ignore) };
}

pub(crate) fn kill_first(out: &mut Out<'_>) {
    out.refused("kill(1, SIGKILL)", libc::SYS_kill, &[1, libc::SIGKILL as usize]);
}

pub(crate) fn kill_group(out: &mut Out<'_>) {
    let group = -i64::from(out.facts.victim);
    out.call("kill(host group)", libc::SYS_kill, &[group as usize, TERM]);
    out.absent_on(&[libc::ESRCH], "no process group has that number inside");
}

pub(crate) fn tgkill(out: &mut Out<'_>) {
    let victim = host(out);
    out.call("tgkill(host process)", libc::SYS_tgkill, &[victim, victim, TERM]);
    out.call("tkill(host process)", libc::SYS_tkill, &[victim, TERM]);
    out.absent_on(&[libc::ESRCH], "no process has that number inside");
}

pub(crate) fn sigqueue(out: &mut Out<'_>) {
    let (victim, info) = (
        host(out),
        [0_i32, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    out.call(
        "rt_sigqueueinfo(host process)",
        libc::SYS_rt_sigqueueinfo,
        &[victim, TERM, info.as_ptr() as usize],
    );
    out.absent_on(&[libc::ESRCH], "no process has that number inside");
}

pub(crate) fn pidfd_signal(out: &mut Out<'_>) {
    let victim = host(out);
    if let Some(fd) = out.call("pidfd_open(host process)", libc::SYS_pidfd_open, &[victim, 0]) {
        out.call("pidfd_send_signal", libc::SYS_pidfd_send_signal, &[fd as usize, TERM, 0, 0]);
    }
    out.absent_on(&[libc::ESRCH], "no process has that number inside");
}

pub(crate) fn pidfd_first(out: &mut Out<'_>) {
    if let Some(fd) = out.call("pidfd_open(1)", libc::SYS_pidfd_open, &[1, 0]) {
        out.refused("pidfd_getfd(1)", libc::SYS_pidfd_getfd, &[fd as usize, 0, 0]);
        out.refused("setns(pidfd of 1)", libc::SYS_setns, &[fd as usize, libc::CLONE_NEWNS as usize]);
    }
}

pub(crate) fn ptrace_me(out: &mut Out<'_>) {
    out.refused("ptrace(TRACEME)", libc::SYS_ptrace, &[0, 0, 0, 0]);
}

pub(crate) fn ptrace_first(out: &mut Out<'_>) {
    out.refused("ptrace(ATTACH, 1)", libc::SYS_ptrace, &[16, 1, 0, 0]);
    out.refused("ptrace(SEIZE, 1)", libc::SYS_ptrace, &[0x4206, 1, 0, 0x20_0000]);
}

pub(crate) fn foreign_memory(out: &mut Out<'_>) {
    let mut buffer = [0_u8; 8];
    let (local, remote) = ([buffer.as_mut_ptr() as usize, 8], [buffer.as_ptr() as usize, 8]);
    let (local, remote) = (local.as_ptr() as usize, remote.as_ptr() as usize);
    out.refused("process_vm_readv(1)", libc::SYS_process_vm_readv, &[1, local, 1, remote, 1, 0]);
    out.refused("process_vm_writev(1)", libc::SYS_process_vm_writev, &[1, local, 1, remote, 1, 0]);
}

pub(crate) fn first_memory(out: &mut Out<'_>) {
    if out.open("/proc/1/mem", libc::O_RDWR).is_some() {
        out.gain("opened the memory of process 1");
    }
}

pub(crate) fn first_environment(out: &mut Out<'_>) {
    out.read("/proc/1/environ");
    out.absent_on(&[libc::ENOENT], "process 1 is not shown inside");
}

pub(crate) fn host_environment(out: &mut Out<'_>) {
    let path = format!("/proc/{}/environ", out.facts.victim);
    out.read(&path);
    out.absent_on(&[libc::ENOENT], "no process has that number inside");
}

pub(crate) fn list_host(out: &mut Out<'_>) {
    let path = format!("/proc/{}/cmdline", out.facts.victim);
    out.read(&path);
    out.absent_on(&[libc::ENOENT], "no process has that number inside");
}

pub(crate) fn kcmp(out: &mut Out<'_>) {
    let own = std::process::id() as usize;
    out.refused("kcmp(self, 1)", libc::SYS_kcmp, &[own, 1, 1, 0, 0]);
}

pub(crate) fn setuid_root(out: &mut Out<'_>) {
    out.refused("setuid(0)", libc::SYS_setuid, &[0]);
    out.refused("setresgid(0, 0, 0)", libc::SYS_setresgid, &[0, 0, 0]);
    out.absent_on(&[libc::EINVAL], "there is no user 0 inside");
}

pub(crate) fn groups(out: &mut Out<'_>) {
    let mut groups = [0_u32; 64];
    let count = out.call("getgroups", libc::SYS_getgroups, &[64, groups.as_mut_ptr() as usize]).unwrap_or(0);
    for group in &groups[..count.max(0) as usize] {
        out.say(format!("group {group}"));
    }
    out.refused("setgroups(0)", libc::SYS_setgroups, &[1, groups.as_ptr() as usize]);
}

pub(crate) fn capset(out: &mut Out<'_>) {
    let header = [0x2008_0522_u32, 0];
    let all = [u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX];
    out.refused("capset(all)", libc::SYS_capset, &[header.as_ptr() as usize, all.as_ptr() as usize]);
}

pub(crate) fn user_map(out: &mut Out<'_>) {
    for file in ["uid_map", "gid_map", "setgroups"] {
        let text = if file == "setgroups" { "allow" } else { "0 0 4294967295" };
        out.write_gains(&format!("/proc/self/{file}"), text);
    }
}

/// Signals to the sandbox's first process, by every call that sends one.
pub(crate) fn signal_first(out: &mut Out<'_>) {
    let kill = libc::SIGKILL as usize;
    out.refused("tgkill(1, 1)", libc::SYS_tgkill, &[1, 1, kill]);
    out.refused("tkill(1)", libc::SYS_tkill, &[1, kill]);
    let info =
        [0_i32, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    out.refused("rt_sigqueueinfo(1)", libc::SYS_rt_sigqueueinfo, &[1, TERM, info.as_ptr() as usize]);
    if let Some(fd) = out.call("pidfd_open(1)", libc::SYS_pidfd_open, &[1, 0]) {
        out.refused("pidfd_send_signal(1)", libc::SYS_pidfd_send_signal, &[fd as usize, kill, 0, 0]);
    }
}

/// What the first process has open, where it stands and what it maps.
pub(crate) fn first_places(out: &mut Out<'_>) {
    for file in ["fd", "root", "cwd", "maps", "exe", "ns/net", "stack"] {
        if out.open(&format!("/proc/1/{file}"), 0).is_some() {
            out.gain(&format!("opened /proc/1/{file}"));
        }
    }
}

/// Capabilities by other ways than capset.
pub(crate) fn ambient(out: &mut Out<'_>) {
    const RAISE: usize = 2;
    const SYS_ADMIN: usize = 21;
    out.refused(
        "prctl(CAP_AMBIENT, RAISE)",
        libc::SYS_prctl,
        &[libc::PR_CAP_AMBIENT as usize, RAISE, SYS_ADMIN],
    );
    out.refused("prctl(SET_SECUREBITS)", libc::SYS_prctl, &[libc::PR_SET_SECUREBITS as usize, 0]);
}

/// A crash hands memory to a program of the host's, where core_pattern names one: core(5).
pub(crate) fn core_dump(out: &mut Out<'_>) {
    const CORE: usize = 4;
    const DUMPED: i32 = 0x80;
    let huge = [u64::MAX, u64::MAX];
    out.refused(
        "prlimit64(self, CORE, infinity)",
        libc::SYS_prlimit64,
        &[0, CORE, huge.as_ptr() as usize, 0],
    );
    let Ok(child) = super::fork() else { return };
    if child == 0 {
        let _ = raw(libc::SYS_kill, &[std::process::id() as usize, libc::SIGSEGV as usize]);
        super::pause(500);
        super::leave(0);
    }
    let mut status = 0_i32;
    let _ = raw(libc::SYS_wait4, &[child as usize, (&raw mut status) as usize, 0, 0]);
    out.say(format!("a child crashed: status {status:#x}"));
    if status & DUMPED != 0 {
        out.gain("a core was dumped");
    }
}

pub(crate) fn oom_score(out: &mut Out<'_>) {
    out.write_gains("/proc/self/oom_score_adj", "-1000");
}

pub(crate) fn real_time(out: &mut Out<'_>) {
    let priority = [1_i32];
    out.refused(
        "sched_setscheduler(FIFO)",
        libc::SYS_sched_setscheduler,
        &[0, 1, priority.as_ptr() as usize],
    );
}

pub(crate) fn nice(out: &mut Out<'_>) {
    out.refused("setpriority(-20)", libc::SYS_setpriority, &[0, 0, -20_isize as usize]);
}

pub(crate) fn environment(out: &mut Out<'_>) {
    out.read("/proc/self/environ");
    for (name, value) in std::env::vars() {
        if name.contains("PROBE") {
            out.say(format!("{name}={value}"));
        }
    }
}

pub(crate) fn tracer(out: &mut Out<'_>) {
    out.refused("prctl(SET_PTRACER, any)", libc::SYS_prctl, &[0x5961_6d61, usize::MAX]);
}

pub(crate) fn move_memory(out: &mut Out<'_>) {
    out.refused("prctl(SET_MM)", libc::SYS_prctl, &[35, 1, 0x1000, 0, 0]);
}

pub(crate) fn limits_of_first(out: &mut Out<'_>) {
    let huge = [u64::MAX, u64::MAX];
    out.refused("prlimit64(self, NOFILE, infinity)", libc::SYS_prlimit64, &[0, 7, huge.as_ptr() as usize, 0]);
}

pub(crate) fn stay(out: &mut Out<'_>) {
    // Twice forked and in a session of its own: it must not outlive the run.
    if let Ok(0) = super::fork() {
        let _ = raw(libc::SYS_setsid, &[]);
        if let Ok(0) = super::fork() {
            ignore_term();
            let null = c("/dev/null");
            if let Ok(fd) = raw(libc::SYS_openat, &[libc::AT_FDCWD as usize, at(&null), 2]) {
                for stream in 0..3 {
                    let _ = raw(libc::SYS_dup2, &[fd as usize, stream]);
                }
            }
            super::pause(4000);
        }
        super::leave(0);
    }
    super::pause(50);
    out.say("a process in a session of its own was left behind".into());
}
