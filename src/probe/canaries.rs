//! What lies outside and must stay untouched: files with tokens, listeners, a process, shared memory. The judge asks
//! [`Canaries::effects`] after each attack, and believes nothing that the attack says about them.
#![allow(unsafe_code, reason = "shared memory of the kind that is attacked has no safe wrapper")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::copy::write_skill;
use super::facts::Facts;
use super::payload;
use super::service::Service;
use crate::run::report::Report;

/// The variable whose value no run may see: set before the launcher starts.
pub(super) const VARIABLE: &str = "SKILLDECK_PROBE_SECRET";

/// A variable that the useful actions are granted.
pub(super) const GRANTED_VARIABLE: &str = "SKILLDECK_PROBE_GRANTED";

/// Everything outside that is watched.
#[derive(Debug)]
pub(super) struct Canaries {
    pub root: PathBuf,
    pub facts: Facts,
    tokens: Vec<(&'static str, String)>,
    tcp: Vec<TcpListener>,
    udp: UdpSocket,
    unix: Vec<UnixListener>,
    /// For local datagrams.
    local: UnixDatagram,
    /// Behind `granted_port`: connections to it are as they should be.
    _service: Service,
    victim: Child,
    memory: i32,
    before: BTreeMap<String, String>,
    /// The lines of the host's `/etc/passwd`, and its name.
    users: BTreeSet<String>,
    host: String,
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '.')
}

/// Random hexadecimal digits.
pub(super) fn token() -> String {
    let mut bytes = [0_u8; 12];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_err() {
        bytes[..4].copy_from_slice(&std::process::id().to_ne_bytes());
    }
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What has to be there before the launcher is forked: a secret variable and an open descriptor. Called by `main` when
/// the command is `probe`.
pub fn begin() {
    if !std::env::args_os().skip(1).any(|word| word == "probe") {
        return;
    }
    // SAFETY: main has started no thread yet.
    unsafe {
        std::env::set_var(VARIABLE, token());
        std::env::set_var(GRANTED_VARIABLE, "granted");
    }
    let flags = nix::sys::memfd::MFdFlags::empty();
    if let Ok(file) = nix::sys::memfd::memfd_create(c"probe", flags) {
        let _ = nix::unistd::write(&file, std::env::var(VARIABLE).unwrap_or_default().as_bytes());
        // Left open on purpose, for every child to inherit.
        let _ = std::os::fd::IntoRawFd::into_raw_fd(file);
    }
}

impl Canaries {
    pub(super) fn new() -> anyhow::Result<Self> {
        let root = std::env::temp_dir().join(format!("skilldeck-probe-{}", token()));
        fs::create_dir(&root).with_context(|| format!("{}: cannot be made; set TMPDIR", root.display()))?;
        let secret = token();
        let text = |name: &str| root.join(name).display().to_string();
        let below = ["folder", "home/.ssh", "granted/closed", "shown", "skill/scripts"];
        for folder in below.into_iter().chain(["project/.git/hooks", "project/.vscode"]) {
            fs::create_dir_all(root.join(folder))?;
        }
        fs::write(root.join("secret"), format!("token {secret}\n"))?;
        fs::write(root.join("home/.ssh/id_rsa"), format!("key {secret}\n"))?;
        fs::write(root.join("shown/closed"), format!("token {secret}\n"))?;
        fs::write(root.join("granted/closed/secret"), format!("token {secret}\n"))?;
        fs::write(root.join("project/.git/config"), "[core]\n")?;
        fs::write(root.join("overwrite"), "as it was\n")?;
        // Open to all: the file's own rights must not be what protects it.
        for (name, mode) in [
            ("secret", 0o666),
            ("overwrite", 0o666),
            ("folder", 0o777),
            ("granted", 0o777),
            ("granted/closed", 0o777),
            ("project", 0o777),
            ("project/.git", 0o777),
            ("project/.git/hooks", 0o777),
            ("project/.git/config", 0o666),
            ("project/.vscode", 0o777),
        ] {
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode))?;
        }
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777))?;
        write_skill(&root.join("skill"))?;

        let listen = |at: &str| -> std::io::Result<TcpListener> {
            let listener = TcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let mut tcp = vec![listen("127.0.0.1:0")?];
        // A machine may have no IPv6.
        tcp.extend(listen("[::1]:0"));
        let port = |at: usize| tcp.get(at).and_then(|one| one.local_addr().ok()).map_or(9, |one| one.port());
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        udp.set_nonblocking(true)?;
        let service = Service::start()?;
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let socket = root.join("socket");
        let abstract_socket = format!("skilldeck-probe-{}", token());
        let unix = vec![
            listen_at(&socket)?,
            listen_at(&root.join("shown/socket"))?,
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_socket)?)?,
        ];
        unix.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        let local = receive_at(&root.join("shown/datagrams"))?;
        let victim = victim()?;
        let key = 0x5344_0000 | i32::from(u16::try_from(std::process::id() & 0xffff)?);
        let memory = shared_memory(key, &secret);
        let facts = Facts {
            namespaces: payload::namespaces(),
            skill: text("skill"),
            secret: text("secret"),
            ssh_key: text("home/.ssh/id_rsa"),
            overwrite: text("overwrite"),
            folder: text("folder"),
            granted: text("granted"),
            shown: text("shown"),
            project: text("project"),
            granted_port: service.port,
            free_port: free,
            tcp4: port(0),
            tcp6: port(1),
            udp: udp.local_addr()?.port(),
            socket: socket.display().to_string(),
            abstract_socket,
            victim: victim.id() as i32,
            shared_memory: key,
            ..Facts::default()
        };
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default().lines().map(String::from).collect();
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        let variable = std::env::var(VARIABLE).unwrap_or_else(|_| token());
        let tokens =
            vec![("the secret file, key or memory", secret), ("the secret variable or descriptor", variable)];
        let mut canaries = Self {
            root,
            facts,
            tokens,
            tcp,
            udp,
            unix,
            local,
            _service: service,
            victim,
            memory,
            before: BTreeMap::new(),
            users,
            host,
        };
        canaries.before = canaries.state();
        Ok(canaries)
    }

    /// Everything that can be compared.
    fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        let mut put = |name: &str, value: String| state.insert(name.to_owned(), value);
        for name in ["secret", "overwrite", "skill/SKILL.md", "skill/policy.yaml", "project/.git/config"] {
            put(&format!("the file {name}"), fs::read_to_string(self.root.join(name)).unwrap_or_default());
        }
        for name in [
            "folder",
            "skill",
            "skill/scripts",
            "home/.ssh",
            "project",
            "project/.git/hooks",
            "project/.vscode",
        ] {
            let entries = fs::read_dir(self.root.join(name)).into_iter().flatten().flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name().display().to_string()).collect();
            names.sort();
            put(&format!("the folder {name}"), names.join(" "));
        }
        for name in ["skill/scripts/probe", "skill/SKILL.md"] {
            let data = fs::metadata(self.root.join(name));
            let data =
                data.map(|data| format!("{} {:o} {} {}", data.len(), data.mode(), data.uid(), data.mtime()));
            put(&format!("size, mode, owner or time of {name}"), data.unwrap_or_default());
        }
        for path in [
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/hostname",
            "/proc/sys/kernel/domainname",
            "/proc/sys/kernel/modprobe",
            "/proc/self/mountinfo",
        ] {
            put(path, fs::read_to_string(path).unwrap_or_default());
        }
        state
    }

    /// What is there now is how it should be: after the probe itself has changed something.
    pub(super) fn settle(&mut self) {
        self.before = self.state();
    }

    /// Act, and knock at `free_port` meanwhile when the attack is to serve there. Whether somebody answered.
    pub(super) fn visit<T>(&self, attack: &str, act: impl FnOnce() -> T) -> (T, bool) {
        if !VISITED.contains(&attack) {
            return (act(), false);
        }
        let (over, answered) = (AtomicBool::new(false), AtomicBool::new(false));
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if TcpStream::connect(("127.0.0.1", self.facts.free_port)).is_ok() {
                        answered.store(true, Ordering::Relaxed);
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let result = act();
            over.store(true, Ordering::Relaxed);
            result
        });
        (result, answered.into_inner())
    }

    /// What only the host could have shown, and a file that only its `/tmp` could hold.
    fn shown_of_host(&self, output: &str, nonce: &str) -> Vec<String> {
        let mut effects = Vec::new();
        if output.lines().any(|line| self.users.contains(line)) {
            effects.push("a user of the host was shown".to_owned());
        }
        if self.host.len() > 3 && output.split(|c: char| !is_of_name(c)).any(|word| word == self.host) {
            effects.push("the name of the host was shown".to_owned());
        }
        let planted = Path::new("/tmp").join(nonce);
        if planted.exists() {
            let _ = fs::remove_file(&planted);
            effects.push(format!("{} was made", planted.display()));
        }
        effects
    }

    /// Files with their owner's rights in the granted folder, which is then made as it was: what is written there is
    /// granted, but that is not.
    fn left_in_grant(&self) -> Option<String> {
        let granted = self.root.join("granted");
        let mut found = None;
        for entry in fs::read_dir(&granted).ok()?.flatten() {
            let mode = entry.metadata().map_or(0, |data| data.mode());
            if mode & 0o6000 != 0 {
                found = Some(format!("{} has mode {mode:o}", entry.path().display()));
            }
            if entry.file_name() != "closed" {
                let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
            }
        }
        found
    }

    /// What an attack did out here. Whatever was done is put back, so that the next one is judged for itself.
    pub(super) fn effects(&mut self, output: &str, nonce: &str) -> Vec<String> {
        let mut effects = Vec::new();
        for (what, token) in &self.tokens {
            if output.contains(token.as_str()) {
                effects.push(format!("{what} was read"));
            }
        }
        effects.extend(self.shown_of_host(output, nonce));
        let now = self.state();
        for (name, was) in &self.before {
            if now.get(name) != Some(was) {
                effects.push(format!("{name} has changed"));
            }
        }
        self.before = now;
        for listener in &self.tcp {
            if listener.accept().is_ok() {
                effects.push("a TCP connection arrived".into());
            }
        }
        let mut datagram = [0; 256];
        while let Ok((length, _)) = self.udp.recv_from(&mut datagram) {
            effects.push(format!("a datagram of {length} bytes arrived"));
        }
        while let Ok(length) = self.local.recv(&mut datagram) {
            effects.push(format!("a datagram of {length} bytes arrived at a unix socket"));
        }
        for listener in &self.unix {
            if listener.accept().is_ok() {
                effects.push("a connection to a unix socket arrived".into());
            }
        }
        if !matches!(self.victim.try_wait(), Ok(None)) {
            effects.push("a signal reached a process of the host".into());
            if let Ok(next) = victim() {
                self.victim = next;
                self.facts.victim = self.victim.id() as i32;
            }
        }
        effects.extend(self.left_in_grant());
        effects.extend(survivors(nonce));
        effects
    }
}

/// A local socket that everybody may connect to.
fn listen_at(path: &Path) -> std::io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    Ok(listener)
}

/// A local socket that everybody may send datagrams to.
fn receive_at(path: &Path) -> std::io::Result<UnixDatagram> {
    let receiver = UnixDatagram::bind(path)?;
    receiver.set_nonblocking(true)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    Ok(receiver)
}

/// Attacks during which somebody of the host knocks at `free_port`.
const VISITED: [&str; 2] = ["network/serve", "python/socket_listen"];

/// Processes of the run that live on.
fn survivors(nonce: &str) -> Option<String> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut left = processes.filter(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        process.file_name().to_string_lossy() != own
            && line.split(|byte| *byte == 0).any(|word| word == nonce.as_bytes())
    });
    left.next().map(|process| format!("process {} outlived the run", process.file_name().display()))
}

impl Drop for Canaries {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
        if self.memory >= 0 {
            // SAFETY: removes the segment that `shared_memory` made; IPC_RMID takes no pointer.
            let _ = unsafe { libc::shmctl(self.memory, libc::IPC_RMID, std::ptr::null_mut()) };
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A process that lives until its input ends, and dies of any signal.
fn victim() -> anyhow::Result<Child> {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().context("cat: cannot be started, and a process is needed to aim at")
}

/// A page with the token under a key that the payload is told; below zero where the kernel has none.
fn shared_memory(key: i32, token: &str) -> i32 {
    // SAFETY: a fresh segment of one page is attached, written within its bounds, and detached.
    unsafe {
        let id = libc::shmget(key, 4096, libc::IPC_CREAT | libc::IPC_EXCL | 0o666);
        if id >= 0 {
            let page = libc::shmat(id, std::ptr::null(), 0);
            if page.addr() != usize::MAX {
                std::ptr::copy_nonoverlapping(token.as_ptr(), page.cast::<u8>(), token.len().min(4096));
                libc::shmdt(page);
            }
        }
        id
    }
}

/// Whether the text report of this run could do anything to a terminal.
pub(super) fn harms_a_terminal(report: &Report, skill: &Path) -> bool {
    use crate::report::text::{Style, summary, writes};
    let style = Style { colour: false };
    let text = summary(report, skill, style) + &writes(report, skill, style);
    text.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'))
}
