//! What lies outside and must stay untouched: files with tokens, listeners, a process, shared memory. The judge asks
//! [`Canaries::effects`] after each attack, and believes nothing that the attack says about them.
#![allow(unsafe_code, reason = "shared memory of the kind that is attacked has no safe wrapper")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::payload;
use crate::run::report::Report;

/// The variable whose value no run may see: set before the launcher starts.
pub(super) const VARIABLE: &str = "SKILLDECK_PROBE_SECRET";

/// A variable that the useful actions are granted.
pub(super) const GRANTED_VARIABLE: &str = "SKILLDECK_PROBE_GRANTED";

/// What a payload has to know to attack. No token is among it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    pub namespaces: Vec<String>,
    pub bare: bool,
    /// Exit status that the payload is to have.
    pub status: u8,
    pub skill: String,
    pub secret: String,
    pub ssh_key: String,
    pub overwrite: String,
    pub folder: String,
    pub granted: String,
    /// A folder of which an attack may be granted to read all but one file.
    pub shown: String,
    /// A project with its hooks.
    pub project: String,
    pub tcp4: u16,
    pub tcp6: u16,
    pub udp: u16,
    pub granted_port: u16,
    /// Where nobody listens, and the probe knocks during some attacks.
    pub free_port: u16,
    pub socket: String,
    pub abstract_socket: String,
    pub victim: i32,
    pub shared_memory: i32,
}

impl Facts {
    /// The text with these facts in the place of their names in braces.
    pub(super) fn put(&self, text: &str) -> String {
        let process = |file: &str| format!("/proc/{}/{file}", self.victim);
        let words = [
            ("{secret}", self.secret.clone()),
            ("{ssh_key}", self.ssh_key.clone()),
            ("{overwrite}", self.overwrite.clone()),
            ("{folder}", self.folder.clone()),
            ("{skill}", self.skill.clone()),
            ("{granted}", self.granted.clone()),
            ("{shown}", self.shown.clone()),
            ("{project}", self.project.clone()),
            ("{socket}", self.socket.clone()),
            ("{variable}", VARIABLE.to_owned()),
            ("{environ}", process("environ")),
            ("{cmdline}", process("cmdline")),
            ("{tcp4}", self.tcp4.to_string()),
            ("{tcp6}", self.tcp6.to_string()),
            ("{udp}", self.udp.to_string()),
            ("{granted_port}", self.granted_port.to_string()),
        ];
        words.iter().fold(text.to_owned(), |text, (word, fact)| text.replace(word, fact))
    }
}

/// Everything outside that is watched.
#[derive(Debug)]
pub(super) struct Canaries {
    pub root: PathBuf,
    pub facts: Facts,
    tokens: Vec<(&'static str, String)>,
    tcp: Vec<TcpListener>,
    udp: UdpSocket,
    unix: Vec<UnixListener>,
    /// Behind `granted_port`: connections to it are as they should be.
    _service: TcpListener,
    victim: Child,
    memory: i32,
    before: BTreeMap<String, String>,
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
        let service = TcpListener::bind("127.0.0.1:0")?;
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let socket = root.join("socket");
        let abstract_socket = format!("skilldeck-probe-{}", token());
        let unix = vec![
            UnixListener::bind(&socket)?,
            UnixListener::bind(root.join("shown/socket"))?,
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_socket)?)?,
        ];
        for listener in &unix {
            listener.set_nonblocking(true)?;
        }
        for socket in [&socket, &root.join("shown/socket")] {
            fs::set_permissions(socket, fs::Permissions::from_mode(0o777))?;
        }
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
            granted_port: service.local_addr()?.port(),
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
            _service: service,
            victim,
            memory,
            before: BTreeMap::new(),
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

/// The temporary skill: this program as its native entry.
fn write_skill(folder: &Path) -> anyhow::Result<()> {
    let about = "---\nname: skill\ndescription: Holds the probe's own program.\n---\n";
    fs::write(folder.join("SKILL.md"), about)?;
    fs::write(folder.join("policy.yaml"), format!("permissions: {{env: [{VARIABLE}]}}\n"))?;
    let program = folder.join("scripts/probe");
    let mut image = fs::read("/proc/self/exe").context("the program cannot copy itself into its skill")?;
    without_sections(&mut image);
    fs::write(&program, image)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Take the table of sections out of the image, and what follows the last loaded byte: elf(5). Lines of this program's own
/// source are nothing to report, and reading them would take longer than the attacks.
fn without_sections(image: &mut Vec<u8>) {
    let number = |image: &[u8], at: usize, size: usize| {
        let bytes = image.get(at..at + size).unwrap_or_default();
        bytes.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    if image.get(..6) != Some(b"\x7fELF\x02\x01") {
        return;
    }
    let (table, size, count) = (number(image, 32, 8), number(image, 54, 2), number(image, 56, 2));
    let end = |at: usize| number(image, at + 8, 8).saturating_add(number(image, at + 32, 8));
    let last = (0..count).map(|one| end(table + one * size)).max().unwrap_or(image.len());
    image[40..48].fill(0);
    image[60..64].fill(0);
    image.truncate(last.max(table + count * size));
}

/// Whether the text report of this run could do anything to a terminal.
pub(super) fn harms_a_terminal(report: &Report, skill: &Path) -> bool {
    use crate::report::text::{Style, summary, writes};
    let style = Style { colour: false };
    let text = summary(report, skill, style) + &writes(report, skill, style);
    text.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'))
}
