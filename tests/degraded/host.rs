//! Things outside that no skill may get at, and whether one did.

use std::fs;
use std::net::UdpSocket;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{self, NOBODY, User, serve};

/// Things of the host that a skill must not get at: of the same user where that is possible.
pub(crate) struct Host {
    folder: tempfile::TempDir,
    tcp: u16,
    udp: UdpSocket,
    unix: Arc<AtomicBool>,
    abstract_name: String,
    victim: Child,
}

pub(crate) fn uid_of(user: User) -> u32 {
    // Root's runs are made as nobody too.
    if user == User::Nobody || nix::unistd::geteuid().is_root() {
        NOBODY
    } else {
        nix::unistd::geteuid().as_raw()
    }
}

impl Host {
    pub(crate) fn new(user: User) -> Self {
        let folder = common::open_folder();
        let uid = uid_of(user);
        let give = |path: &Path| {
            if nix::unistd::geteuid().is_root() {
                std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
            }
        };
        fs::create_dir(folder.path().join("mine")).unwrap();
        for name in ["mine/secret", "mine/precious"] {
            let path = folder.path().join(name);
            fs::write(&path, "secret").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            give(&path);
        }
        give(&folder.path().join("mine"));
        let unix = Arc::new(AtomicBool::new(false));
        let path = folder.path().join("mine/socket");
        let abstract_name =
            format!("skilldeck-test-{}-{user:?}", folder.path().file_name().unwrap().to_string_lossy());
        let abstract_address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        for listener in
            [UnixListener::bind(&path).unwrap(), UnixListener::bind_addr(&abstract_address).unwrap()]
        {
            let reached = Arc::clone(&unix);
            std::thread::spawn(move || {
                while listener.accept().is_ok() {
                    reached.store(true, Ordering::SeqCst);
                }
            });
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        let mut victim = Command::new("sleep");
        victim.arg("600").stdin(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            victim.uid(uid).gid(uid);
        }
        let victim = victim.spawn().unwrap();
        Self { folder, tcp: serve("reached"), udp, unix, abstract_name, victim }
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        let mine = self.folder.path().join("mine").to_string_lossy().into_owned();
        let udp = self.udp.local_addr().unwrap().port();
        vec![
            mine,
            self.tcp.to_string(),
            udp.to_string(),
            self.abstract_name.clone(),
            self.victim.id().to_string(),
        ]
    }

    pub(crate) fn assert_untouched(&mut self, how: &str) {
        use std::os::unix::fs::MetadataExt;
        let mine = self.folder.path().join("mine");
        let data = fs::metadata(mine.join("precious")).unwrap();
        assert_eq!(data.mode() & 0o7777, 0o644, "{how}: mode");
        assert!(data.mtime() > 1_000_000_000, "{how}: times");
        assert_eq!(fs::read_to_string(mine.join("precious")).unwrap(), "secret", "{how}: content");
        let mut names: Vec<_> =
            fs::read_dir(&mine).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["precious", "secret", "socket"], "{how}: names");
        assert!(self.udp.recv(&mut [0; 16]).is_err(), "{how}: a datagram has arrived");
        assert!(!self.unix.load(Ordering::SeqCst), "{how}: a local service was reached");
        assert!(self.victim.try_wait().unwrap().is_none(), "{how}: the victim has ended");
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.victim.id())).unwrap();
        let cpu = limits.lines().find(|line| line.starts_with("Max cpu time")).unwrap();
        assert!(cpu.contains("unlimited"), "{how}: {cpu}");
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.victim.id())).unwrap();
        let nice = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().to_owned();
        assert_eq!(nice, "0", "{how}: nice");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}
