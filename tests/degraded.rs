//! Machines that lack a layer, made by taking it away from this one: what is left still holds, is told, and `--require
//! full` refuses. Each payload attacks from inside; what counts is the effect on the host.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![allow(unsafe_code, reason = "the machine is taken apart between fork and exec")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{NOBODY, Skill, User, as_everybody, found, serve, skip};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{Layer, Level, Operation, OutcomeKind};

/// What is taken away before the program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// A filter such as Docker's: no clone3, no new user namespaces.
    UserNamespaces,
    /// The same by `user.max_user_namespaces`.
    UserNamespacesBySysctl,
    /// Namespaces come without rights inside, as AppArmor does it.
    Mounts,
    /// Mounts, but not the calls that came with Linux 5.2 and 5.12.
    NewMounts,
    Landlock,
    Proc,
    Listener,
}

/// A filter that answers a call with `errno`, when the argument has the flags; always without.
fn refusing(call: i64, flags: Option<(u8, u64)>, errno: i32) -> BpfProgram {
    let rules = flags.map_or_else(Vec::new, |(argument, flags)| {
        let op = SeccompCmpOp::MaskedEq(flags);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, flags).unwrap();
        vec![SeccompRule::new(vec![condition]).unwrap()]
    });
    let rules = BTreeMap::from([(call, rules)]);
    let (allow, refuse) = (SeccompAction::Allow, SeccompAction::Errno(errno as u32));
    let arch = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(rules, allow, refuse, arch).unwrap().try_into().unwrap()
}

fn filters(without: &[Without]) -> Vec<BpfProgram> {
    let mut filters = Vec::new();
    for one in without {
        match one {
            Without::UserNamespaces => {
                const NEWUSER: u64 = libc::CLONE_NEWUSER as u64;
                filters.push(refusing(libc::SYS_clone3, None, libc::ENOSYS));
                filters.push(refusing(libc::SYS_clone, Some((0, NEWUSER)), libc::EPERM));
                filters.push(refusing(libc::SYS_unshare, Some((0, NEWUSER)), libc::EPERM));
            }
            Without::Mounts => filters.push(refusing(libc::SYS_mount, None, libc::EACCES)),
            Without::NewMounts => filters.push(refusing(libc::SYS_open_tree, None, libc::ENOSYS)),
            Without::Landlock => {
                filters.push(refusing(libc::SYS_landlock_create_ruleset, None, libc::EOPNOTSUPP));
            }
            Without::UserNamespacesBySysctl | Without::Proc | Without::Listener => {}
        }
    }
    filters
}

/// Take it away from the program that the command starts.
fn take(command: &mut Command, user: User, without: &[Without]) {
    let filters = filters(without);
    let has = |one| without.contains(&one);
    let (sysctl, proc, listener) =
        (has(Without::UserNamespacesBySysctl), has(Without::Proc), has(Without::Listener));
    // SAFETY: plain system calls on data that was made before; the test's other threads hold no lock that these need.
    unsafe {
        command.pre_exec(move || {
            if proc {
                mask_proc()?;
            }
            if sysctl {
                if user == User::Nobody {
                    nix::unistd::setgroups(&[])?;
                    nix::unistd::setgid(NOBODY.into())?;
                    nix::unistd::setuid(NOBODY.into())?;
                    // Owner of its own files in /proc again.
                    nix::sys::prctl::set_dumpable(true)?;
                }
                forbid_user_namespaces()?;
            }
            for filter in &filters {
                seccompiler::apply_filter(filter).map_err(io::Error::other)?;
            }
            if listener {
                listen_for_nothing()?;
            }
            Ok(())
        });
    }
}

/// As a container does: something over a part of /proc, in a mount namespace of its own.
fn mask_proc() -> io::Result<()> {
    use nix::mount::{MsFlags, mount};
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some("tmpfs"), "/proc/fs", Some("tmpfs"), MsFlags::MS_RDONLY, None::<&str>)?;
    Ok(())
}

/// In a user namespace in which there may be no further ones.
fn forbid_user_namespaces() -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0")
}

/// Take the one place that there is for a listener. It is left open over the start, and nobody answers: nothing is asked.
fn listen_for_nothing() -> io::Result<()> {
    let mut all = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 }];
    let program = libc::sock_fprog { len: 1, filter: all.as_mut_ptr() };
    // SAFETY: a complete program; the kernel copies it.
    let listener = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: our own descriptor; a closed listener would free the place.
    unsafe { libc::fcntl(listener as i32, libc::F_SETFD, 0) };
    Ok(())
}

fn command(skill: &Skill, user: User, without: &[Without], args: &[&str]) -> Command {
    let mut command = skill.command(starter(user, without), args);
    take(&mut command, user, without);
    // Without namespaces root's own interpreters, in its private folder, are out of reach for the program.
    command.env("PATH", "/usr/bin:/bin");
    command
}

/// A user namespace belongs to who makes it: the change of user comes before, and not by a program between.
fn starter(user: User, without: &[Without]) -> User {
    if without.contains(&Without::UserNamespacesBySysctl) { User::Caller } else { user }
}

fn run(skill: &Skill, user: User, without: &[Without], args: &[&str]) -> Report {
    let output = command(skill, user, without, args).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{user:?} {without:?}: {error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

fn doctor(user: User, without: &[Without]) -> (i32, serde_json::Value, String) {
    let skill = Skill::python("");
    let ask = |form: &[&str]| {
        let mut command = skill.program(starter(user, without));
        command.arg("doctor").args(form);
        take(&mut command, user, without);
        command.output().unwrap()
    };
    let json = ask(&["--format", "json"]);
    let text = ask(&[]);
    (
        json.status.code().unwrap(),
        serde_json::from_slice(&json.stdout).unwrap(),
        String::from_utf8(text.stdout).unwrap(),
    )
}

/// Things of the host that a skill must not get at: of the same user where that is possible.
struct Host {
    folder: tempfile::TempDir,
    tcp: u16,
    udp: UdpSocket,
    unix: Arc<AtomicBool>,
    abstract_name: String,
    victim: Child,
}

fn uid_of(user: User) -> u32 {
    // Root's runs are made as nobody too.
    if user == User::Nobody || nix::unistd::geteuid().is_root() {
        NOBODY
    } else {
        nix::unistd::geteuid().as_raw()
    }
}

impl Host {
    fn new(user: User) -> Self {
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

    fn arguments(&self) -> Vec<String> {
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

    fn assert_untouched(&mut self, how: &str) {
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

/// Tries everything that would touch the [`Host`]; prints what worked.
const ATTACK: &str = r#"
import ctypes, os, resource, socket, struct, sys
mine, tcp, udp, abstract, victim = sys.argv[1:6]
tcp, udp, victim = int(tcp), int(udp), int(victim)
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
  if result < 0: raise OSError(ctypes.get_errno(), '')
  return result
def attempt(name, action):
  try: result = action()
  except Exception as error: return print('refused', name, getattr(error, 'errno', error))
  print('WORKED', name, result)
secret, precious = mine + '/secret', mine + '/precious'
attempt('read', lambda: open(secret).read())
attempt('list', lambda: os.listdir(mine))
attempt('write', lambda: open(precious, 'w'))
attempt('cut', lambda: os.truncate(precious, 0))
attempt('cut by open', lambda: os.open(precious, os.O_RDONLY | os.O_TRUNC))
attempt('create', lambda: open(mine + '/new', 'w'))
attempt('unlink', lambda: os.unlink(precious))
attempt('rename', lambda: os.rename(precious, mine + '/moved'))
attempt('link', lambda: os.link(precious, os.environ['HOME'] + '/linked'))
attempt('steal', lambda: os.rename(precious, os.environ['HOME'] + '/stolen'))
attempt('mkdir', lambda: os.mkdir(mine + '/folder'))
attempt('symlink', lambda: os.symlink('/', mine + '/way'))
attempt('chmod', lambda: os.chmod(precious, 0o600))
attempt('utime', lambda: os.utime(precious, (1, 1)))
attempt('chown', lambda: os.chown(precious, os.getuid(), os.getgid()))
attempt('setxattr', lambda: os.setxattr(precious, 'user.x', b'y'))
link = os.environ['HOME'] + '/way'
os.symlink(precious, link)
attempt('chmod by link', lambda: os.chmod(link, 0o600))
attempt('read by link', lambda: open(link).read())
attempt('tcp', lambda: socket.create_connection(('127.0.0.1', tcp), 2).recv(9))
def datagram():
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: return s.sendto(b'out', ('127.0.0.1', udp))
try: datagram()
except OSError as error: print('refused udp', error.errno)
def local(address):
  with socket.socket(socket.AF_UNIX) as s: return s.connect(address)
attempt('unix', lambda: local(mine + '/socket'))
attempt('abstract', lambda: local(b'\0' + abstract.encode()))
attempt('signal', lambda: os.kill(victim, 9))
attempt('probe', lambda: os.kill(victim, 0))
attempt('queue', lambda: check(libc.syscall(129, victim, 9, (ctypes.c_char * 128)(9, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255))))
attempt('thread', lambda: check(libc.syscall(234, victim, victim, 9)))
attempt('limit', lambda: check(libc.prlimit(victim, 0, (ctypes.c_uint64 * 2)(0, 0), None)))
attempt('nice', lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
def owned():
  import fcntl
  a, b = socket.socketpair(); fcntl.fcntl(a, 10, 9); fcntl.fcntl(a, fcntl.F_SETOWN, victim)
  fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK); b.send(b'x')
  if fcntl.fcntl(a, fcntl.F_GETOWN) == victim: return 'owned'
  raise OSError(0, '')
attempt('owned', owned)
attempt('trace', lambda: check(libc.ptrace(16, victim, None, None)))
attempt('environ', lambda: open(f'/proc/{victim}/environ').read())
attempt('memory', lambda: open(f'/proc/{victim}/mem', 'rb'))
attempt('passwd', lambda: [n for n in open('/etc/passwd') if n.startswith('root:')][0])
attempt('shadow', lambda: open('/etc/shadow').read())
attempt('namespaces', lambda: check(libc.unshare(0x10000000)))

# What is the run's own works.
def works(name, action):
  try: action()
  except Exception as error: print('BROKEN', name, error)
for place in (os.environ['TMPDIR'], os.environ['HOME']):
  name = place + '/own'
  def keep(): open(name, 'w').write('x')
  works('write', keep)
  works('chmod', lambda: os.chmod(name, 0o600)); works('fchmod', lambda: os.fchmod(os.open(name, os.O_RDONLY), 0o640))
  works('utime', lambda: os.utime(name, (1, 2))); works('futime', lambda: os.utime(os.open(name, os.O_RDONLY)))
  works('utime now', lambda: os.utime(name))
  works('rename', lambda: os.rename(name, name + '2')); works('unlink', lambda: os.unlink(name + '2'))
works('signal', lambda: os.kill(os.getpid(), 0))
def child():
  pid = os.fork()
  if pid == 0:
    import time; time.sleep(60); os._exit(0)
  os.kill(pid, 15); assert os.waitpid(pid, 0)[1] == 15
works('child', child)
def pair():
  a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'
works('pair', pair)
import threading
t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()
works('maps', lambda: open('/proc/self/maps').read() if os.path.exists('/proc/self/maps') else None)
print('END')
"#;

/// Run the attack; the report, with what worked in it.
fn attack(user: User, without: &[Without], args: &[&str]) -> Report {
    let skill = Skill::python(ATTACK);
    let mut host = Host::new(user);
    let arguments = host.arguments();
    let all: Vec<&str> =
        args.iter().copied().chain(["--"]).chain(arguments.iter().map(String::as_str)).collect();
    let report = run(&skill, user, without, &all);
    let how = format!("{user:?} {without:?} {args:?}");
    assert!(
        report.stdout.ends_with("END\n"),
        "{how}: {} {} {:?}",
        report.stdout,
        report.stderr,
        report.outcome
    );
    assert!(!report.stdout.contains("WORKED"), "{how}: {}", report.stdout);
    // Without a supervisor nobody changes modes and times for the program where Landlock cannot.
    let alone = !report.isolation.layers.mount && report.isolation.missing.is_empty() | args.contains(&"off");
    assert!(alone || !report.stdout.contains("BROKEN"), "{how}: {}", report.stdout);
    host.assert_untouched(&how);
    report
}

#[test]
fn the_attack_is_refused_on_this_machine_as_it_is() {
    if !found("python3") {
        return;
    }
    as_everybody(|user| {
        let report = attack(user, &[], &[]);
        assert_eq!(report.isolation.level, Level::Full, "{user:?}: {:?}", report.isolation);
    });
}

const NO_NAMESPACES: [Without; 4] =
    [Without::UserNamespaces, Without::UserNamespacesBySysctl, Without::Mounts, Without::NewMounts];

#[test]
fn without_namespaces_landlock_and_the_filter_hold() {
    if !found("python3") {
        return;
    }
    for observe in ["full", "denials", "off"] {
        for without in NO_NAMESPACES {
            let t = Instant::now();
            let report = attack(User::Nobody, &[without], &["--observe", observe]);
            println!(
                "{observe} {without:?} {:?} start {} dur {}",
                t.elapsed(),
                report.startup_ms,
                report.duration_ms
            );
            assert_eq!(report.isolation.level, Level::Reduced);
        }
    }
}

#[test]
fn as_root() {
    for without in
        [Without::UserNamespaces, Without::Mounts, Without::Landlock, Without::Proc, Without::Listener]
    {
        for user in [User::Caller, User::Nobody] {
            let report = attack(user, &[without], &[]);
            println!(
                "{user:?} {without:?} {:#?} {:#?}",
                report.isolation,
                report
                    .denials
                    .iter()
                    .map(|d| format!("{:?} {} {} {:?} | {}", d.operation, d.target, d.errno, d.layer, d.rule))
                    .collect::<Vec<_>>()
            );
        }
    }
}
