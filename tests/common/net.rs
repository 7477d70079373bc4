//! Servers on this machine's own loopback, which the sandbox keeps apart from its own, and skills that ask for them. Names
//! are pinned by a hosts file of the test's own, in a mount namespace of the test's own.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{Layer, NetworkAttempt};

use super::{Skill, User, skip};

/// The name that the test's hosts file pins to 127.0.0.1.
pub const NAME: &str = "files.internal";

/// Prints what came of each action, its error number when it failed, and never how long it took unless that was long.
pub const PRELUDE: &str = "import ctypes, os, select, socket, subprocess, sys, threading, time, urllib.request\n\
    libc = ctypes.CDLL(None, use_errno=True)\n\
    def attempt(action):\n  begun = time.monotonic()\n  try: said = action()\n  \
    except OSError as error: said = f'errno {getattr(getattr(error, \"reason\", error), \"errno\", error)}'\n  \
    if time.monotonic() - begun > 1: said = f'{said} after {time.monotonic() - begun:.1f} s'\n  \
    print(said, flush=True)\n\
    def fetch(url): return urllib.request.urlopen(url, timeout=5).read().decode()\n\
    def udp(family=socket.AF_INET):\n  s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(5); return s\n";

/// A server of web pages that says its word, and counts who came.
pub fn pages(at: &str, word: &'static str) -> Option<(u16, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind((at, 0)).ok()?;
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let mut connection = connection.unwrap();
                let _ = connection.read(&mut [0; 4096]);
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", word.len());
                let _ = connection
                    .write_all(head.as_bytes())
                    .and_then(|()| connection.write_all(word.as_bytes()));
            });
        }
    });
    Some((port, count))
}

/// A server that sends every datagram back behind its word, and counts them.
pub fn echo(at: &str, word: &'static str) -> Option<(u16, Arc<AtomicUsize>)> {
    let socket = UdpSocket::bind((at, 0)).ok()?;
    let port = socket.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            counted.fetch_add(1, Ordering::SeqCst);
            socket.send_to(&[word.as_bytes(), &buffer[..length]].concat(), from).unwrap();
        }
    });
    Some((port, count))
}

/// A skill with its policy, and a hosts file for whoever may use one.
pub struct Case {
    pub skill: Skill,
    pub policy: PathBuf,
    pub hosts: PathBuf,
}

impl Case {
    pub fn new(script: &str, source: &str, policy: &str) -> Self {
        let skill = Skill::new(script, source);
        let (file, hosts) = (skill.path.join("net.yaml"), skill.path.join("hosts"));
        fs::write(&file, policy).unwrap();
        fs::write(&hosts, format!("127.0.0.1 localhost {NAME}\n")).unwrap();
        Self { skill, policy: file, hosts }
    }

    pub fn python(source: &str, policy: &str) -> Self {
        Self::new("main.py", &format!("{PRELUDE}{source}"), policy)
    }

    pub fn run(&self, user: User) -> Report {
        if !nix::unistd::geteuid().is_root() {
            return report_of(self.command(user));
        }
        let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
        self.run_in(user, &[], script, &[])
    }

    /// Run below a shell script in namespaces of its own, always with one for mounts. Its arguments are the hosts file,
    /// `args`, and the command.
    pub fn run_in(&self, user: User, namespaces: &[&str], script: &str, args: &[&str]) -> Report {
        let command = self.command(user);
        let mut wrapped = Command::new("unshare");
        wrapped.args(namespaces).args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
        wrapped.arg(&self.hosts).args(args).arg(command.get_program()).args(command.get_args());
        wrapped.current_dir("/").env("HOME", "/nonexistent").stdin(Stdio::null());
        report_of(wrapped)
    }

    fn command(&self, user: User) -> Command {
        self.skill.command(user, &["--policy", self.policy.to_str().unwrap()])
    }
}

fn report_of(mut command: Command) -> Report {
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Whether names can be pinned here.
pub fn can_pin() -> bool {
    let can = nix::unistd::geteuid().is_root();
    if !can {
        skip("needs root: the hosts file of a mount namespace");
    }
    can
}

pub fn lines(report: &Report) -> Vec<&str> {
    report.stdout.lines().collect()
}

pub fn attempt<'a>(report: &'a Report, host: &str, port: u16, protocol: &str) -> &'a NetworkAttempt {
    let is = |one: &&NetworkAttempt| {
        let name = one.host.as_deref().or(one.address.as_deref());
        (name, one.port, one.protocol.as_str()) == (Some(host), port, protocol)
    };
    report.network.iter().find(is).unwrap_or_else(|| panic!("no {host}:{port} in {:#?}", report.network))
}

pub fn assert_denied(report: &Report, target: &str, errno: &str, remedies: &[&str]) {
    let denial = report.denials.iter().find(|denial| denial.target == target);
    let denial = denial.unwrap_or_else(|| panic!("no {target} in {:#?}", report.denials));
    assert_eq!((denial.errno.as_str(), denial.layer), (errno, Layer::Network), "{target}");
    let offered = denial.remedy.iter().chain(&denial.alternatives).map(|remedy| remedy.add.as_str());
    assert_eq!(offered.collect::<Vec<_>>(), remedies, "{target}");
}
