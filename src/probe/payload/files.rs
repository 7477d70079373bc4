//! Attacks on files: reading what is not shown, changing what is not granted.

use super::{Out, at, c, fork, leave, raw};

const CWD: usize = libc::AT_FDCWD as usize;

pub(crate) fn read_secret(out: &mut Out<'_>) {
    let path = out.facts.secret.clone();
    out.read(&path);
}

pub(crate) fn read_passwd_hashes(out: &mut Out<'_>) {
    out.read_gains("/etc/shadow");
}

pub(crate) fn read_ssh_key(out: &mut Out<'_>) {
    let path = out.facts.ssh_key.clone();
    out.read(&path);
}

pub(crate) fn read_by_dots(out: &mut Out<'_>) {
    let path = format!("{}/../../../../../../../../..{}", out.facts.skill, out.facts.secret);
    out.read(&path);
}

pub(crate) fn read_by_symlink(out: &mut Out<'_>) {
    let (target, link) = (c(&out.facts.secret), c("/tmp/link"));
    out.call("symlink", libc::SYS_symlink, &[at(&target), at(&link)]);
    out.read("/tmp/link");
}

pub(crate) fn hardlink_secret(out: &mut Out<'_>) {
    let (target, link) = (c(&out.facts.secret), c("/scratch/hard"));
    if out.call("link", libc::SYS_link, &[at(&target), at(&link)]).is_some() {
        out.read("/scratch/hard");
    }
}

pub(crate) fn overwrite(out: &mut Out<'_>) {
    let path = out.facts.overwrite.clone();
    out.write(&path, libc::O_TRUNC, "overwritten");
}

pub(crate) fn create_outside(out: &mut Out<'_>) {
    let path = format!("{}/planted", out.facts.folder);
    out.write(&path, libc::O_CREAT, "planted");
}

pub(crate) fn delete_outside(out: &mut Out<'_>) {
    let path = c(&out.facts.overwrite);
    out.call("unlink", libc::SYS_unlink, &[at(&path)]);
}

pub(crate) fn rename_outside(out: &mut Out<'_>) {
    let (from, to) = (c(&out.facts.overwrite), c(&format!("{}/moved", out.facts.folder)));
    out.call("rename", libc::SYS_rename, &[at(&from), at(&to)]);
}

pub(crate) fn truncate_outside(out: &mut Out<'_>) {
    let path = c(&out.facts.overwrite);
    out.call("truncate", libc::SYS_truncate, &[at(&path), 0]);
}

pub(crate) fn own_manifest(out: &mut Out<'_>) {
    let path = format!("{}/SKILL.md", out.facts.skill);
    out.write(&path, libc::O_APPEND, "changed\n");
}

pub(crate) fn own_policy(out: &mut Out<'_>) {
    let path = format!("{}/policy.yaml", out.facts.skill);
    out.write(&path, libc::O_TRUNC, "permissions: {net: [\"*\"]}\n");
}

pub(crate) fn own_program(out: &mut Out<'_>) {
    out.write_gains("/proc/self/exe", "");
    let path = c(&format!("{}/scripts/probe", out.facts.skill));
    out.call("chmod(own program)", libc::SYS_chmod, &[at(&path), 0o777]);
    out.call("unlink(own program)", libc::SYS_unlink, &[at(&path)]);
}

pub(crate) fn plant_in_skill(out: &mut Out<'_>) {
    let path = format!("{}/.envrc", out.facts.skill);
    out.write(&path, libc::O_CREAT, "planted");
}

pub(crate) fn write_system(out: &mut Out<'_>) {
    let path = "/usr/bin/skilldeck-probe-planted";
    if out.write(path, libc::O_CREAT | libc::O_EXCL, "x") {
        out.gain("created a file in /usr/bin");
        let name = c(path);
        let _ = raw(libc::SYS_unlink, &[at(&name)]);
    }
}

pub(crate) fn write_etc(out: &mut Out<'_>) {
    // Opened for appending and nothing is written: harmless should it work.
    if out.open("/etc/passwd", libc::O_WRONLY | libc::O_APPEND).is_some() {
        out.gain("opened /etc/passwd for writing");
    }
}

pub(crate) fn remount(out: &mut Out<'_>) {
    let target = c("/usr");
    let flags = (libc::MS_REMOUNT | libc::MS_BIND) as usize;
    out.refused("mount(/usr, remount rw)", libc::SYS_mount, &[0, at(&target), 0, flags, 0]);
}

pub(crate) fn umount(out: &mut Out<'_>) {
    let target = c("/usr");
    out.refused("umount2(/usr)", libc::SYS_umount2, &[at(&target), libc::MNT_DETACH as usize]);
}

pub(crate) fn bind_mount(out: &mut Out<'_>) {
    let (from, to) = (c("/proc"), c("/tmp"));
    out.refused("mount(bind)", libc::SYS_mount, &[at(&from), at(&to), 0, libc::MS_BIND as usize, 0]);
}

pub(crate) fn mount_setattr(out: &mut Out<'_>) {
    let (target, attributes) = (c("/usr"), [0_u64, 1, 0, 0]);
    let pointer = attributes.as_ptr() as usize;
    out.refused("mount_setattr(/usr)", libc::SYS_mount_setattr, &[CWD, at(&target), 0, pointer, 32]);
}

pub(crate) fn open_tree(out: &mut Out<'_>) {
    let target = c("/");
    out.refused("open_tree(clone)", libc::SYS_open_tree, &[CWD, at(&target), 1]);
}

pub(crate) fn fsopen(out: &mut Out<'_>) {
    let name = c("tmpfs");
    out.refused("fsopen(tmpfs)", libc::SYS_fsopen, &[at(&name), 0]);
}

pub(crate) fn pivot_root(out: &mut Out<'_>) {
    let here = c("/tmp");
    out.refused("pivot_root", libc::SYS_pivot_root, &[at(&here), at(&here)]);
}

pub(crate) fn chroot(out: &mut Out<'_>) {
    let here = c("/tmp");
    out.refused("chroot(/tmp)", libc::SYS_chroot, &[at(&here)]);
}

pub(crate) fn by_handle(out: &mut Out<'_>) {
    // The handle of a file system's inode 2: struct file_handle, open_by_handle_at(2).
    let handle = [8_u32, 1, 2, 0];
    let pointer = handle.as_ptr() as usize;
    out.refused("open_by_handle_at", libc::SYS_open_by_handle_at, &[CWD, pointer, 0]);
    let (path, mut wide, mut id) = (c("/usr"), [0_u32; 40], 0_i32);
    wide[0] = 128;
    let args = [CWD, at(&path), wide.as_mut_ptr() as usize, (&raw mut id) as usize, 0];
    out.refused("name_to_handle_at", libc::SYS_name_to_handle_at, &args);
}

pub(crate) fn leaked_descriptors(out: &mut Out<'_>) {
    for fd in 3..256 {
        let mut buffer = [0_u8; 256];
        if let Ok(length) = raw(libc::SYS_pread64, &[fd, buffer.as_mut_ptr() as usize, buffer.len(), 0]) {
            out.say(format!("pread64({fd}) = {length}"));
            super::print_raw(&buffer[..length.max(0) as usize]);
        } else if nix::errno::Errno::last_raw() != libc::EBADF {
            out.say(format!("descriptor {fd} is open"));
        }
    }
    // The directory shows them all, also those that cannot be read; one is of the listing itself.
    let count = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    out.say(format!("{count} entries in /proc/self/fd"));
    if out.evidence.calls.iter().all(|call| !call.contains("= ")) && count <= 4 {
        out.evidence.absent = Some("no descriptor but the standard streams is open (EBADF)".into());
    }
}

pub(crate) fn memfd_exec(out: &mut Out<'_>) {
    let name = c("anonymous");
    out.refused("memfd_create", libc::SYS_memfd_create, &[at(&name), 0]);
}

pub(crate) fn exec_copied(out: &mut Out<'_>) {
    let _ = std::fs::copy("/usr/bin/true", "/tmp/copied");
    exec_gains(out, "/tmp/copied");
}

pub(crate) fn exec_ungranted(out: &mut Out<'_>) {
    exec_gains(out, "/usr/bin/id");
}

pub(crate) fn exec_loader(out: &mut Out<'_>) {
    exec_gains(out, "/lib64/ld-linux-x86-64.so.2");
}

pub(crate) fn exec_setuid(out: &mut Out<'_>) {
    exec_gains(out, "/usr/bin/su");
}

/// Start a program in a child; worked when the child is no longer ours to end.
fn exec_gains(out: &mut Out<'_>, path: &str) {
    const NOT_STARTED: i32 = 77;
    let (program, flag) = (c(path), c("--help"));
    let argv = [at(&program), at(&flag), 0];
    let Ok(child) = fork() else { return };
    if child == 0 {
        let null = c("/dev/null");
        if let Ok(fd) = raw(libc::SYS_openat, &[CWD, at(&null), libc::O_RDWR as usize]) {
            let _ = raw(libc::SYS_dup2, &[fd as usize, 1]);
            let _ = raw(libc::SYS_dup2, &[fd as usize, 2]);
        }
        let nothing = [0_usize];
        let _ = raw(libc::SYS_execve, &[at(&program), argv.as_ptr() as usize, nothing.as_ptr() as usize]);
        leave(NOT_STARTED as usize);
    }
    let mut status = 0_i32;
    let _ = raw(libc::SYS_wait4, &[child as usize, (&raw mut status) as usize, 0, 0]);
    out.say(format!("execve({path:?}) in a child: status {status:#x}"));
    if status != NOT_STARTED << 8 {
        out.gain(&format!("started {path}"));
    }
}

pub(crate) fn devices(out: &mut Out<'_>) {
    for path in ["/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/loop-control"] {
        if out.open(path, libc::O_RDWR).is_some() {
            out.gain(&format!("opened {path}"));
        }
    }
    out.absent_on(&[libc::ENOENT], "the device is not there");
}

pub(crate) fn mknod(out: &mut Out<'_>) {
    let path = c("/tmp/mem");
    let mode = (libc::S_IFCHR | 0o666) as usize;
    out.refused("mknod(c 1 1)", libc::SYS_mknod, &[at(&path), mode, 0x101]);
    out.refused("mknod(c 0 0)", libc::SYS_mknod, &[at(&path), mode, 0]);
}

pub(crate) fn setuid_bit(out: &mut Out<'_>) {
    let path = c("/tmp/setuid");
    out.write("/tmp/setuid", libc::O_CREAT, "x");
    out.refused("chmod(4755)", libc::SYS_chmod, &[at(&path), 0o4755]);
}

/// Attributes of a file that may only be read, through a descriptor that is open already: neither Landlock nor the mode of
/// opening stands in the way of these.
pub(crate) fn by_descriptor(out: &mut Out<'_>) {
    let path = format!("{}/SKILL.md", out.facts.skill);
    let Some(fd) = out.open(&path, libc::O_RDONLY) else { return };
    let (name, value, times) = (c("user.probe"), c("y"), [1_u64, 0, 1, 0]);
    let (own, group) = (nix::unistd::getuid().as_raw() as usize, nix::unistd::getgid().as_raw() as usize);
    out.refused("fchmod(0777)", libc::SYS_fchmod, &[fd, 0o777]);
    out.refused("fchown", libc::SYS_fchown, &[fd, own, group]);
    out.refused("utimensat(descriptor)", libc::SYS_utimensat, &[fd, 0, times.as_ptr() as usize, 0]);
    out.refused("fsetxattr", libc::SYS_fsetxattr, &[fd, at(&name), at(&value), 1, 0]);
}

pub(crate) fn trusted_attribute(out: &mut Out<'_>) {
    let (path, name, value) = (c("/tmp/x"), c("trusted.overlay.opaque"), c("y"));
    out.write("/tmp/x", libc::O_CREAT, "x");
    out.refused("setxattr(trusted.)", libc::SYS_setxattr, &[at(&path), at(&name), at(&value), 1, 0]);
    // Version 2 with every capability: capabilities(7).
    let (name, all) = (c("security.capability"), [0x0200_0001_u32, u32::MAX, 0, u32::MAX, 0]);
    let args = [at(&path), at(&name), all.as_ptr() as usize, 20, 0];
    out.refused("setxattr(security.capability)", libc::SYS_setxattr, &args);
}

pub(crate) fn swapped_link(out: &mut Out<'_>) {
    // A thread turns a link back and forth between a file of ours and the secret while we open it.
    let (secret, own) = (c(&out.facts.secret), c("/tmp/own"));
    let link = c("/tmp/swapped");
    out.write("/tmp/own", libc::O_CREAT, "mine");
    race(
        || {
            for target in [&own, &secret] {
                let next = c("/tmp/next");
                let _ = raw(libc::SYS_symlink, &[at(target), at(&next)]);
                let _ = raw(libc::SYS_rename, &[at(&next), at(&link)]);
            }
        },
        || open_and_print(at(&link)),
    );
    // The race is over: once more without one, so that the report has a name for it.
    out.read(&out.facts.secret.clone());
}

pub(crate) fn swapped_path(out: &mut Out<'_>) {
    // The text of a path is changed by a second thread between the check and the call.
    let secret = c(&out.facts.secret);
    let length = secret.as_bytes().len();
    let buffer: Vec<std::sync::atomic::AtomicU8> =
        secret.as_bytes_with_nul().iter().map(|byte| (*byte).into()).collect();
    let allowed = format!("/tmp/{:x<1$}", "", length.saturating_sub(5));
    out.write(&allowed, libc::O_CREAT, "mine");
    let put = |text: &[u8]| {
        for (place, byte) in buffer.iter().zip(text) {
            place.store(*byte, std::sync::atomic::Ordering::Relaxed);
        }
    };
    race(
        || {
            put(allowed.as_bytes());
            put(secret.as_bytes());
        },
        || open_and_print(buffer.as_ptr() as usize),
    );
    out.read(&out.facts.secret.clone());
}

fn open_and_print(path: usize) {
    if let Ok(fd) = raw(libc::SYS_openat, &[CWD, path, 0]) {
        let mut bytes = [0_u8; 128];
        let length = raw(libc::SYS_read, &[fd as usize, bytes.as_mut_ptr() as usize, 128]).unwrap_or(0);
        if &bytes[..4] != b"mine" {
            super::print_raw(&bytes[..length.max(0) as usize]);
        }
        let _ = raw(libc::SYS_close, &[fd as usize]);
    }
}

/// Two threads for a fifth of a second.
pub(super) fn race(disturb: impl Fn() + Sync, attempt: impl Fn()) {
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                disturb();
            }
        });
        let begun = std::time::Instant::now();
        while begun.elapsed().as_millis() < 200 {
            attempt();
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

pub(crate) fn magic_links(out: &mut Out<'_>) {
    let secret = out.facts.secret.clone();
    for root in
        ["/proc/self/root", "/proc/thread-self/root", "/proc/self/cwd/../../../../../..", "/proc/1/root"]
    {
        out.read(&format!("{root}{secret}"));
    }
}
