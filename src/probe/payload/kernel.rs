//! Attacks on the kernel's surface: the filter, namespaces, files of /proc and /sys, calls for administrators.

use super::{Out, at, c, fork, leave, raw};

pub(crate) fn foreign_architecture(out: &mut Out<'_>) {
    #[cfg(target_arch = "x86_64")]
    {
        let result: i64;
        // SAFETY: getpid by its 32-bit number takes no pointers; rbx is put back.
        unsafe {
            std::arch::asm!("push rbx", "int 0x80", "pop rbx", inlateout("rax") 20_i64 => result, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
        }
        out.say(format!("int 0x80 (getpid) = {result}"));
        if result > 0 {
            out.gain("a 32-bit call went past the filter");
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        out.evidence.absent = Some("this processor has no second way into the kernel".into());
    }
}

pub(crate) fn x32(out: &mut Out<'_>) {
    out.refused("x32 getpid", 0x4000_0000 + 39, &[]);
    out.refused("x32 ptrace", 0x4000_0000 + 521, &[]);
}

pub(crate) fn unknown_numbers(out: &mut Out<'_>) {
    // Numbers that no kernel of today has: all must be refused.
    for number in 480..1024 {
        if raw(number, &[usize::MAX; 6]) != Err(libc::ENOSYS) {
            out.say(format!("call {number} is not ENOSYS"));
            if number > 511 {
                out.gain("an unknown number is let through");
            }
        }
    }
    out.say("480..1024 swept".into());
}

pub(crate) fn io_uring(out: &mut Out<'_>) {
    let parameters = [0_u32; 30];
    out.refused("io_uring_setup", libc::SYS_io_uring_setup, &[4, parameters.as_ptr() as usize]);
}

pub(crate) fn clone3(out: &mut Out<'_>) {
    let mut arguments = [0_u64; 11];
    arguments[0] = libc::CLONE_NEWUSER as u64;
    arguments[4] = libc::SIGCHLD as u64;
    match raw(libc::SYS_clone3, &[arguments.as_ptr() as usize, 88]) {
        Ok(0) => leave(0),
        Ok(_) => out.gain("clone3(NEWUSER)"),
        result => {
            out.note("clone3(NEWUSER)", result);
        }
    }
    // What a library does next.
    clone_new(out, "clone(NEWUSER)", libc::CLONE_NEWUSER);
}

fn clone_new(out: &mut Out<'_>, what: &str, flags: i32) {
    match raw(libc::SYS_clone, &[(flags | libc::SIGCHLD) as usize]) {
        Ok(0) => leave(0),
        Ok(_) => out.gain(what),
        result => {
            out.note(what, result);
        }
    }
}

pub(crate) fn clone_user(out: &mut Out<'_>) {
    clone_new(out, "clone(NEWUSER)", libc::CLONE_NEWUSER);
}

pub(crate) fn clone_network(out: &mut Out<'_>) {
    clone_new(out, "clone(NEWUSER|NEWNET)", libc::CLONE_NEWUSER | libc::CLONE_NEWNET);
}

pub(crate) fn unshare_user(out: &mut Out<'_>) {
    out.refused("unshare(NEWUSER)", libc::SYS_unshare, &[libc::CLONE_NEWUSER as usize]);
}

pub(crate) fn unshare_mount(out: &mut Out<'_>) {
    out.refused("unshare(NEWNS)", libc::SYS_unshare, &[libc::CLONE_NEWNS as usize]);
}

pub(crate) fn nested_proc(out: &mut Out<'_>) {
    let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS;
    if out.call("unshare(NEWUSER|NEWPID|NEWNS)", libc::SYS_unshare, &[flags as usize]).is_some() {
        out.gain("namespaces of its own");
    }
    let (kind, target) = (c("proc"), c("/tmp"));
    out.refused("mount(proc)", libc::SYS_mount, &[at(&kind), at(&target), at(&kind), 0, 0]);
}

pub(crate) fn setns(out: &mut Out<'_>) {
    let fd = out.open("/proc/1/ns/mnt", 0).unwrap_or(0);
    out.refused("setns(mnt of 1)", libc::SYS_setns, &[fd, libc::CLONE_NEWNS as usize]);
}

pub(crate) fn openat2(out: &mut Out<'_>) {
    let (path, how) = (c(&out.facts.secret), [0_u64; 3]);
    let args = [libc::AT_FDCWD as usize, at(&path), how.as_ptr() as usize, 24];
    if let Some(fd) = out.call("openat2(secret)", libc::SYS_openat2, &args) {
        out.show(fd as usize);
    }
    let path = out.facts.secret.clone();
    out.read(&path);
}

/// A filter of one instruction: the same answer to every call.
fn filter(out: &mut Out<'_>, what: &str, answer: u32, flags: usize) {
    let code: [u64; 1] = [0x06 | u64::from(answer) << 32];
    let program = [1_usize, code.as_ptr() as usize];
    out.refused(what, libc::SYS_seccomp, &[1, flags, program.as_ptr() as usize]);
}

pub(crate) fn own_listener(out: &mut Out<'_>) {
    filter(out, "seccomp(NEW_LISTENER)", 0x7fff_0000, 8);
}

pub(crate) fn own_filter(out: &mut Out<'_>) {
    // Allows all: one that refuses would outrank the supervisor's, but also end this payload.
    filter(out, "seccomp(filter)", 0x7fff_0000, 0);
}

pub(crate) fn filter_by_prctl(out: &mut Out<'_>) {
    let code: [u64; 1] = [0x7fff_0000_0000_0006];
    let program = [1_usize, code.as_ptr() as usize];
    out.refused("prctl(SET_SECCOMP)", libc::SYS_prctl, &[22, 2, program.as_ptr() as usize]);
}

pub(crate) fn core_pattern(out: &mut Out<'_>) {
    same_back(out, "/proc/sys/kernel/core_pattern");
}

/// Writes what was there: should it work, nothing has changed.
fn same_back(out: &mut Out<'_>, path: &str) {
    let was = std::fs::read_to_string(path).unwrap_or_default();
    if out.open(path, libc::O_WRONLY).is_some_and(|fd| {
        was.is_empty() || raw(libc::SYS_write, &[fd, was.as_ptr() as usize, was.len()]).is_ok()
    }) {
        out.gain(&format!("wrote {path}"));
    }
}

pub(crate) fn sysctl(out: &mut Out<'_>) {
    same_back(out, "/proc/sys/kernel/modprobe");
    same_back(out, "/proc/sys/vm/overcommit_memory");
}

pub(crate) fn sysrq(out: &mut Out<'_>) {
    // Opened and not written.
    if out.open("/proc/sysrq-trigger", libc::O_WRONLY).is_some() {
        out.gain("opened sysrq-trigger for writing");
    }
    out.absent_on(&[libc::ENOENT], "the file is not there");
}

pub(crate) fn kcore(out: &mut Out<'_>) {
    out.read_gains("/proc/kcore");
    out.absent_on(&[libc::ENOENT], "the file is not there");
}

pub(crate) fn kallsyms(out: &mut Out<'_>) {
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    if text
        .lines()
        .any(|line| line.split(' ').next().is_some_and(|address| address.bytes().any(|b| b != b'0')))
    {
        out.gain("addresses of the kernel");
    } else {
        out.evidence.absent = Some("every address is shown as zero, or the file is not there".into());
    }
}

pub(crate) fn kernel_log(out: &mut Out<'_>) {
    let mut buffer = [0_u8; 64];
    out.refused("syslog(READ_ALL)", libc::SYS_syslog, &[3, buffer.as_mut_ptr() as usize, 64]);
}

pub(crate) fn release_agent(out: &mut Out<'_>) {
    let roots = ["", "unified/", "memory/", "pids/", "cpu/", "devices/", "freezer/", "blkio/"];
    let groups = roots.iter().flat_map(|root| {
        ["release_agent", "cgroup.procs"].map(|file| format!("/sys/fs/cgroup/{root}{file}"))
    });
    for path in groups.chain(["/sys/kernel/uevent_helper".to_owned()]) {
        if out.open(&path, libc::O_WRONLY).is_some() {
            out.gain(&format!("opened {path} for writing"));
        }
    }
    out.absent_on(&[libc::ENOENT], "the file is not there");
}

pub(crate) fn sys_files(out: &mut Out<'_>) {
    for path in ["/sys/power/state", "/sys/kernel/debug", "/sys/kernel/security", "/sys/module"] {
        if out.open(path, 0).is_some() {
            out.gain(&format!("opened {path}"));
        }
    }
}

pub(crate) fn perf(out: &mut Out<'_>) {
    let mut attributes = [0_u32; 32];
    (attributes[0], attributes[1]) = (1, 128);
    let args = [attributes.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0];
    out.refused("perf_event_open", libc::SYS_perf_event_open, &args);
}

pub(crate) fn bpf(out: &mut Out<'_>) {
    let attributes = [2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    out.refused("bpf(MAP_CREATE)", libc::SYS_bpf, &[0, attributes.as_ptr() as usize, 72]);
}

pub(crate) fn userfaultfd(out: &mut Out<'_>) {
    out.refused("userfaultfd", libc::SYS_userfaultfd, &[1]);
}

pub(crate) fn kexec(out: &mut Out<'_>) {
    // No segments: at worst what was loaded is unloaded.
    out.refused("kexec_load(nothing)", libc::SYS_kexec_load, &[0, 0, 0, 0]);
}

pub(crate) fn modules(out: &mut Out<'_>) {
    let (empty, name) = (c(""), c("skilldeck_probe_no_such_module"));
    out.refused("init_module(nothing)", libc::SYS_init_module, &[0, 0, at(&empty)]);
    out.refused("delete_module", libc::SYS_delete_module, &[at(&name), 0]);
}

pub(crate) fn clock(out: &mut Out<'_>) {
    // A pointer to nothing: the clock cannot be set even if the call is let through, but the errno tells.
    if out.call("settimeofday(bad)", libc::SYS_settimeofday, &[8, 0]).is_none() && out.errno == libc::EFAULT {
        out.gain("settimeofday reached its arguments");
    }
    if out.call("clock_settime(bad)", libc::SYS_clock_settime, &[0, 8]).is_none() && out.errno == libc::EFAULT
    {
        out.gain("clock_settime reached its arguments");
    }
}

pub(crate) fn ports(out: &mut Out<'_>) {
    out.refused("iopl(3)", libc::SYS_iopl, &[3]);
    out.refused("ioperm(0x80)", libc::SYS_ioperm, &[0x80, 1, 1]);
}

pub(crate) fn personality(out: &mut Out<'_>) {
    out.refused("personality(ADDR_NO_RANDOMIZE)", libc::SYS_personality, &[0x004_0000]);
}

pub(crate) fn modify_ldt(out: &mut Out<'_>) {
    let entry = [0_u32; 4];
    out.refused("modify_ldt", libc::SYS_modify_ldt, &[1, entry.as_ptr() as usize, 16]);
}

pub(crate) fn keyring(out: &mut Out<'_>) {
    // The ID of the session keyring, and what it shows: keyctl(2).
    out.refused("keyctl(GET_KEYRING_ID)", libc::SYS_keyctl, &[0, -3_isize as usize, 0]);
}

pub(crate) fn add_key(out: &mut Out<'_>) {
    let (kind, name) = (c("user"), c("skilldeck-probe"));
    let args = [at(&kind), at(&name), at(&name), 4, -2_isize as usize];
    out.refused("add_key", libc::SYS_add_key, &args);
    out.refused("request_key", libc::SYS_request_key, &[at(&kind), at(&name), 0, 0]);
}

pub(crate) fn shared_memory(out: &mut Out<'_>) {
    let key = out.facts.shared_memory as usize;
    if let Some(id) = out.call("shmget(host's)", libc::SYS_shmget, &[key, 0, 0])
        && let Some(address) = out.call("shmat", libc::SYS_shmat, &[id as usize, 0, 0o10000])
    {
        // SAFETY: the kernel has just mapped a page there.
        let bytes = unsafe { std::slice::from_raw_parts(address as usize as *const u8, 64) };
        super::print_raw(bytes);
    }
}

pub(crate) fn message_queue(out: &mut Out<'_>) {
    out.refused("msgget(host's)", libc::SYS_msgget, &[out.facts.shared_memory as usize, 0]);
    let name = c("skilldeck-probe");
    out.refused("mq_open", libc::SYS_mq_open, &[at(&name), 0o102, 0o600, 0]);
}

pub(crate) fn hostname(out: &mut Out<'_>) {
    let name = "skilldeck-probe-changed";
    out.call("sethostname", libc::SYS_sethostname, &[name.as_ptr() as usize, name.len()]);
    out.call("setdomainname", libc::SYS_setdomainname, &[name.as_ptr() as usize, name.len()]);
}

pub(crate) fn reboot(out: &mut Out<'_>) {
    // Wrong magic numbers: refused by every kernel. EINVAL says that the call was let through.
    out.call("reboot(wrong magic)", libc::SYS_reboot, &[1, 2, 0, 0]);
    if out.errno == libc::EINVAL {
        out.gain("reboot reached its arguments");
    }
}

pub(crate) fn swap_and_account(out: &mut Out<'_>) {
    let path = c("/tmp/nothing");
    out.refused("swapon", libc::SYS_swapon, &[at(&path), 0]);
    out.refused("acct", libc::SYS_acct, &[at(&path)]);
    out.refused("quotactl", libc::SYS_quotactl, &[0x80_0001_usize << 8, 0, 0, 0]);
}

pub(crate) fn fanotify(out: &mut Out<'_>) {
    out.refused("fanotify_init", libc::SYS_fanotify_init, &[0x200, 0]);
}

pub(crate) fn secret_memory(out: &mut Out<'_>) {
    out.refused("memfd_secret", libc::SYS_memfd_secret, &[0]);
}

pub(crate) fn crash(out: &mut Out<'_>) {
    // The end by a signal is told, and no core is left: core_pattern may name a program of the host's.
    if let Ok(0) = fork() {
        let _ = raw(libc::SYS_exit_group, &[0]);
    }
    out.say("waits for a signal of its own making".into());
    let own = std::process::id() as usize;
    let _ = raw(libc::SYS_kill, &[own, libc::SIGABRT as usize]);
    super::pause(100);
    out.gain("went on after SIGABRT");
}
