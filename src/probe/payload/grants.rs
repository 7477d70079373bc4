//! Attacks on what a policy grants: past its border, or with its holder's rights.

use std::sync::atomic::{AtomicU8, Ordering};

use super::files::race;
use super::network::{connect, send, socket, v4};
use super::{Out, at, c, fork, leave, raw};

const CWD: usize = libc::AT_FDCWD as usize;

/// A folder may be read, one file in it not.
pub(crate) fn denied_file(out: &mut Out<'_>) {
    let closed = format!("{}/closed", out.facts.shown);
    out.read(&closed);
    out.read(&format!("/proc/self/root{closed}"));
    out.read(&format!("{}/../shown/./closed", out.facts.shown));
    let (from, to) = (c(&closed), c("/tmp/linked"));
    if out.call("link", libc::SYS_link, &[at(&from), at(&to)]).is_some() {
        out.read("/tmp/linked");
    }
}

/// A folder may be written, one file in it not even be read: the folder between is moved, and the file by itself.
pub(crate) fn denied_moved(out: &mut Out<'_>) {
    let granted = out.facts.granted.clone();
    let (closed, secret) = (format!("{granted}/closed"), format!("{granted}/closed/secret"));
    for (from, to) in [(&closed, format!("{granted}/moved")), (&secret, format!("{granted}/seen"))] {
        let (from, to) = (c(from), c(&to));
        out.call("rename", libc::SYS_rename, &[at(&from), at(&to)]);
    }
    for path in [format!("{granted}/moved/secret"), format!("{granted}/seen"), secret] {
        out.read(&path);
    }
}

/// The skill's folder may be written: its policy must not be.
pub(crate) fn own_policy(out: &mut Out<'_>) {
    let policy = format!("{}/policy.yaml", out.facts.skill);
    out.write(&policy, libc::O_TRUNC, "permissions: {net: [\"*\"]}\n");
    let (name, moved) = (c(&policy), c(&format!("{}/scripts/moved", out.facts.skill)));
    for (from, to) in [(&name, &moved), (&moved, &name)] {
        out.call("rename(policy.yaml)", libc::SYS_rename, &[at(from), at(to)]);
    }
    out.call("unlink(policy.yaml)", libc::SYS_unlink, &[at(&name)]);
}

/// A project may be read: nothing is put where its owner's tools would run it.
pub(crate) fn hooks(out: &mut Out<'_>) {
    let project = out.facts.project.clone();
    for file in [".git/hooks/pre-commit", ".envrc", ".vscode/tasks.json", ".mcp.json"] {
        out.write(&format!("{project}/{file}"), libc::O_CREAT, "planted\n");
    }
    out.write(&format!("{project}/.git/config"), libc::O_APPEND, "fsmonitor = /tmp/x\n");
}

/// A folder may be written: no file with its owner's rights is left in it, by whichever call.
pub(crate) fn owners_rights(out: &mut Out<'_>) {
    let name = |file: &str| c(&format!("{}/{file}", out.facts.granted));
    let (plain, opened, made, folder, node) =
        (name("plain"), name("opened"), name("made"), name("folder"), name("node"));
    let flags = (libc::O_CREAT | libc::O_WRONLY) as usize;
    let fd = out.call("openat(0644)", libc::SYS_openat, &[CWD, at(&plain), flags, 0o644]).unwrap_or(99);
    out.refused("openat(4755)", libc::SYS_openat, &[CWD, at(&opened), flags, 0o4755]);
    out.refused("creat(2755)", libc::SYS_creat, &[at(&made), 0o2755]);
    out.refused("mkdir(2755)", libc::SYS_mkdir, &[at(&folder), 0o2755]);
    let file = (libc::S_IFREG | 0o4755) as usize;
    out.refused("mknod(4755)", libc::SYS_mknod, &[at(&node), file, 0]);
    out.refused("chmod(6755)", libc::SYS_chmod, &[at(&plain), 0o6755]);
    out.refused("fchmod(4755)", libc::SYS_fchmod, &[fd as usize, 0o4755]);
}

/// A pipe where the host's collector looks: nobody may wait for its other end.
pub(crate) fn pipe_left(out: &mut Out<'_>) {
    let path = c(&format!("{}/pipe", out.facts.granted));
    let mode = (libc::S_IFIFO | 0o666) as usize;
    out.call("mknod(FIFO)", libc::SYS_mknod, &[at(&path), mode, 0]);
}

/// One program may be started: while it is, another thread writes the name of a second one.
pub(crate) fn other_program(out: &mut Out<'_>) {
    const NOT_STARTED: i32 = 77;
    let (granted, other) = (b"/usr/bin/true\0\0", b"/usr/bin/false\0");
    let buffer: Vec<AtomicU8> = granted.iter().map(|byte| (*byte).into()).collect();
    let started = std::cell::Cell::new(0);
    let start = |path: usize| {
        let (argv, nothing) = ([path, 0], [0_usize]);
        let Ok(child) = fork() else { return 0 };
        if child == 0 {
            let _ = raw(libc::SYS_execve, &[path, argv.as_ptr() as usize, nothing.as_ptr() as usize]);
            leave(NOT_STARTED as usize);
        }
        let mut status = 0_i32;
        let _ = raw(libc::SYS_wait4, &[child as usize, (&raw mut status) as usize, 0, 0]);
        status >> 8
    };
    race(
        || {
            for text in [granted, other] {
                for (place, byte) in buffer.iter().zip(text) {
                    place.store(*byte, Ordering::Relaxed);
                }
            }
        },
        || started.set(started.get() + i32::from(start(buffer.as_ptr() as usize) == 1)),
    );
    let plain = start(other.as_ptr() as usize);
    out.say(format!("without a race: status {plain}; with one started {} times", started.get()));
    if plain == 1 || started.get() > 0 {
        out.gain("a program that was not granted");
    }
}

fn host(out: &Out<'_>, port: u16) -> Vec<u8> {
    debug_assert_ne!(out.facts.granted_port, out.facts.tcp4);
    v4([127, 0, 0, 1], port)
}

/// One port of a host is granted, the one beside it is not.
pub(crate) fn other_port(out: &mut Out<'_>) {
    let address = host(out, out.facts.tcp4);
    connect(out, "127.0.0.1, another port", libc::AF_INET, libc::SOCK_STREAM, 0, &address);
    let address = host(out, out.facts.udp);
    if let Some(fd) = socket(out, "udp", libc::AF_INET, libc::SOCK_DGRAM, 0) {
        send(out, fd, "127.0.0.1, udp", 0, &address);
    }
}

/// The address is exchanged by a second thread while the supervisor connects.
pub(crate) fn swapped_address(out: &mut Out<'_>) {
    let (granted, other) = (host(out, out.facts.granted_port), host(out, out.facts.tcp4));
    let buffer: Vec<AtomicU8> = granted.iter().map(|byte| (*byte).into()).collect();
    race(
        || {
            for text in [&granted, &other] {
                for (place, byte) in buffer.iter().zip(text).skip(2).take(2) {
                    place.store(*byte, Ordering::Relaxed);
                }
            }
        },
        || {
            if let Ok(fd) = raw(libc::SYS_socket, &[libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0]) {
                let _ = raw(libc::SYS_connect, &[fd as usize, buffer.as_ptr() as usize, granted.len()]);
                let _ = raw(libc::SYS_close, &[fd as usize]);
            }
        },
    );
    other_port(out);
}

/// A socket that was handed over belongs to the host's network: it must lead nowhere else, nor serve.
pub(crate) fn handed_over(out: &mut Out<'_>) {
    let (granted, other) = (host(out, out.facts.granted_port), host(out, out.facts.tcp4));
    let Some(fd) = connect(out, "the granted port", libc::AF_INET, libc::SOCK_STREAM, 0, &granted) else {
        return out.gain("the granted port could not be reached, so nothing was tried");
    };
    super::pause(20);
    let nowhere = [0_u8; 16];
    out.call("connect(AF_UNSPEC)", libc::SYS_connect, &[fd, nowhere.as_ptr() as usize, 16]);
    out.call("connect(another port)", libc::SYS_connect, &[fd, other.as_ptr() as usize, other.len()]);
    if out.call("listen", libc::SYS_listen, &[fd, 1]).is_some() {
        out.gain("a socket of the host's network listens");
    }
    other_port(out);
}

/// A folder may be read: a service that listens in it was not granted.
pub(crate) fn socket_in_folder(out: &mut Out<'_>) {
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend(format!("{}/socket\0", out.facts.shown).bytes());
    connect(out, "unix socket in a granted folder", libc::AF_UNIX, libc::SOCK_STREAM, 0, &address);
}

/// A datagram names its receiver with every call, whatever its socket is connected to.
pub(crate) fn datagram_in_folder(out: &mut Out<'_>) {
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend(format!("{}/datagrams\0", out.facts.shown).bytes());
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    if let Some(fd) = socket(out, "unix datagrams", libc::AF_UNIX, kind, 0) {
        send(out, fd, "unix datagram into a granted folder", 0, &address);
    }
    for (what, kind) in [("datagrams", kind), ("raw", libc::SOCK_RAW)] {
        let mut pair = [0_i32; 2];
        let args = [libc::AF_UNIX as usize, kind as usize, 0, pair.as_mut_ptr() as usize];
        if out.call(&format!("socketpair(unix {what})"), libc::SYS_socketpair, &args).is_some() {
            send(out, pair[0] as usize, "unix datagram by a pair", 0, &address);
        }
    }
}
