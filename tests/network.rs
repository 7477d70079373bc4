//! Network grants: what is granted is reached by ordinary programs, what is not is refused at once and told.
//!
//! Servers run on this machine's own loopback, which the sandbox keeps apart from its own. Names are pinned to it by a
//! hosts file of the test's own, in a mount namespace of the test's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Skill, User, as_everybody, found, skip};
use skilldeck::run::report::Report;
use skilldeck::sandbox::event::{Layer, NetworkAttempt, Verdict};

/// The name that the test's hosts file pins to 127.0.0.1.
const NAME: &str = "files.internal";

/// Prints what came of each action, its error number when it failed, and never how long it took unless that was long.
const PRELUDE: &str = "import ctypes, os, select, socket, subprocess, sys, threading, time, urllib.request\n\
    libc = ctypes.CDLL(None, use_errno=True)\n\
    def attempt(action):\n  begun = time.monotonic()\n  try: said = action()\n  \
    except OSError as error: said = f'errno {getattr(getattr(error, \"reason\", error), \"errno\", error)}'\n  \
    if time.monotonic() - begun > 1: said = f'{said} after {time.monotonic() - begun:.1f} s'\n  \
    print(said, flush=True)\n\
    def fetch(url): return urllib.request.urlopen(url, timeout=5).read().decode()\n\
    def udp(family=socket.AF_INET):\n  s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(5); return s\n";

/// A server of web pages that says its word, and counts who came.
fn pages(at: &str, word: &'static str) -> Option<(u16, Arc<AtomicUsize>)> {
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
fn echo(at: &str, word: &'static str) -> Option<(u16, Arc<AtomicUsize>)> {
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
struct Case {
    skill: Skill,
    policy: PathBuf,
    hosts: PathBuf,
}

impl Case {
    fn new(script: &str, source: &str, policy: &str) -> Self {
        let skill = Skill::new(script, source);
        let (file, hosts) = (skill.path.join("net.yaml"), skill.path.join("hosts"));
        fs::write(&file, policy).unwrap();
        fs::write(&hosts, format!("127.0.0.1 localhost {NAME}\n")).unwrap();
        Self { skill, policy: file, hosts }
    }

    fn python(source: &str, policy: &str) -> Self {
        Self::new("main.py", &format!("{PRELUDE}{source}"), policy)
    }

    fn run(&self, user: User) -> Report {
        let mut command = self.skill.command(user, &["--policy", self.policy.to_str().unwrap()]);
        if nix::unistd::geteuid().is_root() {
            command = self.with_hosts(&command);
        }
        let output = command.output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The command in a mount namespace where the hosts file is the test's.
    fn with_hosts(&self, command: &Command) -> Command {
        let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
        let mut wrapped = Command::new("unshare");
        wrapped.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(&self.hosts);
        wrapped.arg(command.get_program()).args(command.get_args()).current_dir("/");
        wrapped.env("HOME", "/nonexistent").stdin(std::process::Stdio::null());
        wrapped
    }
}

/// Whether names can be pinned here.
fn can_pin() -> bool {
    let can = nix::unistd::geteuid().is_root();
    if !can {
        skip("needs root: the hosts file of a mount namespace");
    }
    can
}

fn lines(report: &Report) -> Vec<&str> {
    report.stdout.lines().collect()
}

fn attempt<'a>(report: &'a Report, host: &str, port: u16, protocol: &str) -> &'a NetworkAttempt {
    let is = |one: &&NetworkAttempt| {
        let name = one.host.as_deref().or(one.address.as_deref());
        (name, one.port, one.protocol.as_str()) == (Some(host), port, protocol)
    };
    report.network.iter().find(is).unwrap_or_else(|| panic!("no {host}:{port} in {:#?}", report.network))
}

fn assert_denied(report: &Report, target: &str, errno: &str, remedies: &[&str]) {
    let denial = report.denials.iter().find(|denial| denial.target == target);
    let denial = denial.unwrap_or_else(|| panic!("no {target} in {:#?}", report.denials));
    assert_eq!((denial.errno.as_str(), denial.layer), (errno, Layer::Network), "{target}");
    let offered = denial.remedy.iter().chain(&denial.alternatives).map(|remedy| remedy.add.as_str());
    assert_eq!(offered.collect::<Vec<_>>(), remedies, "{target}");
}

#[test]
fn granted_pages_are_fetched_by_unmodified_clients() {
    if !(found("python3") && found("curl") && found("node") && can_pin()) {
        return;
    }
    let (port, _) = pages("127.0.0.1", "page").unwrap();
    let policy = format!("permissions:\n  net: [\"127.0.0.1:{port}\", \"{NAME}:{port}\"]\n  run: [curl]\n");
    let urls = [format!("http://127.0.0.1:{port}/"), format!("http://{NAME}:{port}/")];
    let python = Case::python(
        &format!(
            "for url in {urls:?}:\n  attempt(lambda: fetch(url))\n  \
             attempt(lambda: subprocess.run(['curl', '-sS', url], capture_output=True, text=True).stdout)\n\
             import asyncio\nasync def ask():\n  reader, writer = await asyncio.open_connection('{NAME}', {port})\n  \
             writer.write(b'GET / HTTP/1.0\\r\\n\\r\\n'); return (await reader.read())[-4:].decode()\n\
             attempt(lambda: asyncio.run(ask()))\n",
        ),
        &policy,
    );
    let node = Case::new(
        "main.mjs",
        &format!("for (const url of {urls:?}) console.log(await (await fetch(url)).text());\n"),
        &policy,
    );
    as_everybody(|user| {
        let report = python.run(user);
        assert_eq!(lines(&report), ["page"; 5], "{user:?}: {}", report.stderr);
        assert!(report.denials.is_empty(), "{user:?}: {:#?}", report.denials);
        let by_name = attempt(&report, NAME, port, "tcp");
        assert_eq!((by_name.verdict, by_name.address.as_deref()), (Verdict::Allowed, Some("127.0.0.1")));
        let report = node.run(user);
        assert_eq!(lines(&report), ["page"; 2], "{user:?}: {}", report.stderr);
        assert!(report.denials.is_empty(), "{user:?}: {:#?}", report.denials);
    });
}

#[test]
fn every_other_destination_is_refused_and_told_with_host_and_port() {
    if !(found("python3") && can_pin()) {
        return;
    }
    let ((port, _), (other, count)) =
        (pages("127.0.0.1", "page").unwrap(), pages("127.0.0.1", "other").unwrap());
    let six = pages("::1", "six").map_or_else(
        || {
            skip("no IPv6 here");
            None
        },
        |(port, _)| Some(port),
    );
    let (v6, nobody) =
        (six.unwrap_or(1), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let case = Case::python(
        &format!(
            "for url in ['127.0.0.1:{other}', '{NAME}:{other}', '192.0.2.1', 'api.example.org', '[::1]:{v6}', '127.0.0.1:{nobody}']:\n  \
             attempt(lambda: fetch('http://' + url + '/'))\n",
        ),
        &format!("permissions:\n  net: [\"{NAME}:{port},1\"]\n"),
    );
    as_everybody(|user| {
        let report = case.run(user);
        assert_eq!(
            lines(&report),
            ["errno 111", "errno 13", "errno 13", "errno 13", "errno 111", "errno 111"]
        );
        for (host, port, errno) in [
            ("127.0.0.1", other, "ECONNREFUSED"),
            (NAME, other, "EACCES"),
            ("192.0.2.1", 80, "EACCES"),
            ("api.example.org", 80, "EACCES"),
        ] {
            let target = format!("{host}:{port}");
            assert_denied(&report, &target, errno, &[&target, host]);
            assert_eq!(attempt(&report, host, port, "tcp").verdict, Verdict::Denied);
        }
        if six.is_some() {
            assert_denied(&report, &format!("[::1]:{v6}"), "ECONNREFUSED", &[&format!("[::1]:{v6}"), "::1"]);
        }
        // Nothing is there that could have been meant: no refusal, but told.
        assert_eq!(attempt(&report, "127.0.0.1", nobody, "tcp").verdict, Verdict::Missing);
        assert_eq!(report.denials.len(), 4 + usize::from(six.is_some()), "{:#?}", report.denials);
    });
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn datagrams_reach_what_is_granted_and_answers_come_back() {
    if !(found("python3") && can_pin()) {
        return;
    }
    let ((port, _), (another, _)) =
        (echo("127.0.0.1", "echo ").unwrap(), echo("127.0.0.1", "echo ").unwrap());
    let (v6, _) = echo("::1", "six ").unwrap_or_else(|| {
        skip("no IPv6 here");
        echo("127.0.0.1", "six ").unwrap()
    });
    let case = Case::python(
        &format!(
            "there, named = ('127.0.0.1', {port}), ('{NAME}', {port})\n\
             def loose(to, word):\n  s = udp(); s.sendto(word, to); return s.recvfrom(99)\n\
             def tied(to, word):\n  s = udp(); s.connect(to); s.send(word); return s.recv(99), s.getpeername()[1]\n\
             def message(to, word):\n  s = udp(); s.sendmsg([word[:1], word[1:]], [], 0, to); return s.recvfrom(99)\n\
             def same_port(to, word):\n  s = udp(); s.bind(('', to[1])); s.sendto(word, to); return s.recvfrom(99)[0]\n\
             def both(to):\n  a, b = udp(), udp(); a.sendto(b'a', to); b.sendto(b'b', to); return a.recv(9), b.recv(9)\n\
             def large(to):\n  s = udp(); s.sendto(b'x' * 60000, to); return len(s.recv(65536))\n\
             placed = socket.gethostbyname('{NAME}')\n\
             attempt(lambda: loose(there, b'1') == (b'echo 1', there))\n\
             attempt(lambda: loose(named, b'2') == (b'echo 2', (placed, {port})))\n\
             attempt(lambda: tied(there, b'3'))\nattempt(lambda: tied(named, b'4'))\n\
             attempt(lambda: message(named, b'56')[0])\nattempt(lambda: same_port(('{NAME}', {another}), b'7'))\n\
             attempt(lambda: both(named))\nattempt(lambda: large(named))\n\
             def six():\n  s = udp(socket.AF_INET6); s.sendto(b'8', ('::1', {v6})); return s.recvfrom(99)[0]\n\
             attempt(six)\n",
        ),
        &format!("permissions:\n  net: [\"127.0.0.1:{port}\", \"[::1]:{v6}\", {NAME}]\n"),
    );
    as_everybody(|user| {
        let report = case.run(user);
        let expected = [
            "True".into(),
            "True".into(),
            format!("(b'echo 3', {port})"),
            format!("(b'echo 4', {port})"),
            "b'echo 56'".into(),
            "b'echo 7'".into(),
            "(b'echo a', b'echo b')".into(),
            "60005".into(),
        ];
        assert_eq!(lines(&report)[..8], expected, "{user:?}: {}", report.stderr);
        if TcpListener::bind("[::1]:0").is_ok() {
            assert_eq!(lines(&report)[8], "b'six 8'", "{user:?}: {}", report.stderr);
        }
        assert!(report.denials.is_empty(), "{user:?}: {:#?}", report.denials);
        for host in ["127.0.0.1", NAME] {
            let sent = attempt(&report, host, port, "udp");
            assert_eq!((sent.verdict, sent.address.as_deref()), (Verdict::Allowed, Some("127.0.0.1")));
        }
    });
}

/// A question for `example.org`, type TXT.
const QUESTION: &str =
    "b'\\x07\\x07\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x07example\\x03org\\0\\0\\x10\\0\\x01'";

#[test]
fn other_datagrams_are_denied_at_once() {
    if !found("python3") {
        return;
    }
    let (other, count) = echo("127.0.0.1", "other").unwrap();
    let source = format!(
        "question = {QUESTION}\n\
         attempt(lambda: udp().sendto(question, ('8.8.8.8', 53)))\n\
         attempt(lambda: udp().connect(('8.8.4.4', 53)))\n\
         attempt(lambda: udp().sendmsg([question], [], 0, ('9.9.9.9', 53)))\n\
         attempt(lambda: udp().sendto(b'x', ('127.0.0.1', {other})))\n\
         attempt(lambda: udp().sendto(b'x', ('time.example.org', 123)))\n\
         # Through the resolver of the sandbox: answered at once, and nothing leaves.\n\
         def resolver():\n  s = udp(); s.sendto(question, ('127.0.0.1', 53)); return s.recv(512)[:8].hex()\n\
         attempt(resolver)\nattempt(lambda: socket.gethostbyname('secret.tunnel.example') != '')\n",
    );
    for net in ["", "permissions:\n  net: [\"192.0.2.1:443\"]\n"] {
        let case = Case::python(&source, net);
        as_everybody(|user| {
            let report = case.run(user);
            let answer = "0707818000010000";
            let expected = ["errno 13", "errno 13", "errno 13", "errno 111", "errno 13", answer, "True"];
            assert_eq!(lines(&report), expected, "{user:?} {net}: {}", report.stderr);
            for (target, errno) in [
                ("8.8.8.8:53", "EACCES"),
                ("8.8.4.4:53", "EACCES"),
                ("9.9.9.9:53", "EACCES"),
                ("time.example.org:123", "EACCES"),
                (&format!("127.0.0.1:{other}"), "ECONNREFUSED"),
            ] {
                let (host, port) = target.rsplit_once(':').unwrap();
                assert_denied(&report, target, errno, &[target, host]);
                let port = port.parse().unwrap();
                assert_eq!(attempt(&report, host, port, "udp").verdict, Verdict::Denied, "{net}");
                let denial = report.denials.iter().find(|denial| denial.target == target).unwrap();
                assert!(
                    denial.arguments.contains("(udp)") && denial.arguments.contains(target),
                    "{denial:?}"
                );
            }
            assert_eq!(report.denials.len(), 5, "{user:?}: {:#?}", report.denials);
            // What it only asked for is told as well.
            for name in ["example.org", "secret.tunnel.example"] {
                assert_eq!(attempt(&report, name, 53, "dns").verdict, Verdict::Denied);
            }
        });
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn own_loopback_always_works_and_is_no_denial() {
    if !found("python3") {
        return;
    }
    let source = "free = socket.socket(); free.bind(('127.0.0.1', 0)); at = free.getsockname(); free.close()\n\
        # Not there yet: that is no refusal.\n\
        attempt(lambda: socket.create_connection(at))\n\
        def stream(family, at):\n  s = socket.socket(family); s.bind(at); s.listen(); c = socket.socket(family); c.connect(s.getsockname())\n  \
        c.send(b'own'); return s.accept()[0].recv(9)\n\
        attempt(lambda: stream(socket.AF_INET, at))\n\
        if socket.has_ipv6 and os.path.exists('/proc/net/if_inet6'): attempt(lambda: stream(socket.AF_INET6, ('::1', 0)))\n\
        else: print(b'own')\n\
        attempt(lambda: stream(socket.AF_UNIX, '/tmp/own'))\nattempt(lambda: stream(socket.AF_UNIX, '\\0own'))\n\
        def datagram():\n  a, b = udp(), udp(); a.bind(('127.0.0.1', 0)); b.connect(a.getsockname()); b.send(b'own'); return a.recv(9)\n\
        attempt(datagram)\n\
        def forked():\n  s = socket.socket(); s.bind(('', 0)); s.listen()\n  if os.fork() == 0: s.accept()[0].send(b'own'); os._exit(0)\n  \
        return socket.create_connection(('localhost', s.getsockname()[1])).recv(9)\n\
        attempt(forked)\n";
    for net in ["", "permissions:\n  net: [\"192.0.2.1:443\", \"198.51.100.0/24\", \"*.example.org\"]\n"] {
        let case = Case::python(source, net);
        as_everybody(|user| {
            let report = case.run(user);
            let own = "b'own'";
            assert_eq!(
                lines(&report),
                ["errno 111", own, own, own, own, own, own],
                "{net}: {}",
                report.stderr
            );
            assert!(report.denials.is_empty(), "{user:?} {net}: {:#?}", report.denials);
        });
    }
}

/// A listener whose queue is full: who connects waits.
fn slow() -> (u16, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let at = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&at, Duration::from_millis(300)).ok();
    let kept = std::iter::from_fn(connect).take(16).collect();
    (at.port(), listener, kept)
}

#[test]
fn connections_behave_as_outside() {
    if !found("python3") {
        return;
    }
    let (port, _) = pages("127.0.0.1", "page").unwrap();
    let (slow, _listener, _kept) = slow();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let case = Case::python(
        &format!(
            "at, closed, slow = ('127.0.0.1', {port}), ('127.0.0.1', {closed}), ('127.0.0.1', {slow})\n\
             attempt(lambda: socket.create_connection(closed))\n\
             def later(to):\n  s = socket.socket(); s.setblocking(False); said = s.connect_ex(to)\n  \
             select.select([], [s], [], 5); return said, s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.connect_ex(to)\n\
             attempt(lambda: later(at))\nattempt(lambda: later(closed)[:2])\n\
             # A host that does not answer keeps nobody else waiting.\n\
             def wait():\n  s = socket.socket(); s.connect(slow)\n\
             threading.Thread(target=wait, daemon=True).start()\n\
             def others():\n  for _ in range(200): open('/etc/hosts').close()\n  return fetch('http://127.0.0.1:{port}/')\n\
             attempt(others)\n\
             def bounded():\n  s = socket.socket(); s.settimeout(0.2); s.connect(slow)\nattempt(lambda: bounded())\n\
             # Options stay, and who watched the descriptor before goes on to watch it.\n\
             def watched():\n  s = socket.socket(); e = select.epoll(); e.register(s, select.EPOLLOUT); s.setblocking(False)\n  \
             names = [(1, 8), (1, 9), (6, 1), (6, 4), (6, 18), (0, 1)]\n  for name in names: s.setsockopt(*name, 16384 if name[1] == 8 else 8)\n  \
             had = [s.getsockopt(*name) for name in names]; s.connect_ex(at)\n  \
             return had == [s.getsockopt(*name) for name in names], e.poll(5) == [(s.fileno(), select.EPOLLOUT)]\n\
             attempt(watched)\n\
             got = []\nall = [threading.Thread(target=lambda: got.append(fetch('http://127.0.0.1:{port}/'))) for _ in range(50)]\n\
             [t.start() for t in all]\n[t.join() for t in all]\nprint(got.count('page'))\n\
             # The family that the program asked for.\n\
             def mapped():\n  s = socket.socket(socket.AF_INET6); s.connect(('::ffff:127.0.0.1', {port})); return s.getpeername()[0]\n\
             if os.path.exists('/proc/net/if_inet6'): attempt(mapped)\nelse: print('::ffff:127.0.0.1')\n",
        ),
        &format!("permissions:\n  net: [\"127.0.0.1:{port},{closed},{slow}\"]\n"),
    );
    as_everybody(|user| {
        let report = case.run(user);
        let expected = [
            "errno 111",
            "(115, 0, 106)",
            "(115, 111)",
            "page",
            "errno None",
            "(True, True)",
            "50",
            "::ffff:127.0.0.1",
        ];
        assert_eq!(lines(&report), expected, "{user:?}: {}", report.stderr);
        assert!(report.denials.is_empty(), "{user:?}: {:#?}", report.denials);
    });
}

#[test]
fn denials_beat_grants_wherever_a_name_leads() {
    if !(found("python3") && can_pin()) {
        return;
    }
    let ((open, _), (denied, count)) =
        (pages("127.0.0.1", "page").unwrap(), pages("127.0.0.1", "denied").unwrap());
    let case = Case::python(
        &format!(
            "for port in ({open}, {denied}):\n  for host in ('127.0.0.1', '{NAME}'): attempt(lambda: fetch(f'http://{{host}}:{{port}}/'))\n\
             attempt(lambda: udp().sendto(b'x', ('{NAME}', {denied})))\n\
             attempt(lambda: fetch('http://192.0.2.9/'))\nattempt(lambda: fetch('http://a.example.org/'))\n",
        ),
        &format!(
            "permissions:\n  net: [\"127.0.0.1\", {NAME}, 192.0.2.0/24, \"*.example.org\"]\n\
             deny:\n  net: [\"127.0.0.0/8:{denied}\", 192.0.2.9, a.example.org]\n",
        ),
    );
    as_everybody(|user| {
        let report = case.run(user);
        let refused = "errno 13";
        let expected = ["page", "page", "errno 111", refused, refused, refused, refused];
        assert_eq!(lines(&report), expected, "{user:?}: {}", report.stderr);
        for target in [&format!("127.0.0.1:{denied}"), "192.0.2.9:80", "a.example.org:80"] {
            let denial = report.denials.iter().find(|denial| denial.target == target);
            let denial = denial.unwrap_or_else(|| panic!("no {target} in {:#?}", report.denials));
            assert!(denial.rule.contains("net.yaml:4 denies net"), "{target}: {}", denial.rule);
            assert!(denial.remedy.is_none(), "{target}");
        }
        // Refused only where the name leads: with the name beside the address.
        let led = report.network.iter().find(|one| one.host.as_deref() == Some(NAME) && one.port == denied);
        let led = led.unwrap_or_else(|| panic!("{:#?}", report.network));
        assert_eq!((led.verdict, led.address.as_deref()), (Verdict::Denied, Some("127.0.0.1")));
    });
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Threads that exchange the address in a buffer and the descriptor while calls with both are under way.
const EXCHANGE: &str = "def packed(port): return (2).to_bytes(2, 'little') + port.to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8)\n\
    good, bad = packed(GOOD), packed(BAD)\naddress = ctypes.create_string_buffer(good, 16)\nover = time.monotonic() + 2\n\
    def turn():\n  while time.monotonic() < over:\n    for one in (bad, good): ctypes.memmove(address, one, 16)\n\
    streams, datagrams, spot = [], [], os.dup(0)\n\
    failed = socket.socket(); failed.setblocking(False); failed.connect_ex(('127.0.0.1', CLOSED)); select.select([], [failed], [], 5)\n\
    def refill():\n  s = socket.socket(); s.connect(('127.0.0.1', GOOD)); streams.append(s)\n  \
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.connect(('127.0.0.1', GOOD)); datagrams.append(d)\n  \
    datagrams.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)); streams.append(socket.socket())\nrefill()\n\
    def exchange():\n  while time.monotonic() < over:\n    for one in [failed] + streams[-2:] + datagrams[-2:]: os.dup2(one.fileno(), spot)\n\
    class Message(ctypes.Structure): _fields_ = [('name', ctypes.c_void_p), ('length', ctypes.c_uint32), ('vectors', ctypes.c_void_p), ('count', ctypes.c_size_t), ('rest', ctypes.c_uint64 * 4)]\n\
    data = ctypes.create_string_buffer(b'x'); vector = (ctypes.c_uint64 * 2)(ctypes.addressof(data), 1)\n\
    message = Message(ctypes.addressof(address), 16, ctypes.addressof(vector), 1)\n\
    def aim():\n  while time.monotonic() < over:\n    libc.sendto(spot, data, 1, 0x40, address, 16); libc.sendmsg(spot, ctypes.byref(message), 0x40)\n    \
    libc.sendmmsg(spot, ctypes.byref(message), 1, 0x40); libc.connect(spot, address, 16); libc.send(spot, data, 1, 0x40)\n\
    all = [threading.Thread(target=one) for one in (turn, exchange, aim, aim, aim)]\n\
    [t.start() for t in all]\n[t.join() for t in all]\nprint('done')\n";

#[test]
fn no_exchange_of_address_or_descriptor_leads_elsewhere() {
    if !found("python3") {
        return;
    }
    let (listener, good) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    // One number for both protocols, granted and reached; beside it another that must stay untouched.
    let port = good.local_addr().unwrap().port();
    let Ok(streams) = TcpListener::bind(("127.0.0.1", port)) else {
        return skip("no port that is free for streams and datagrams");
    };
    let bad = listener.local_addr().unwrap().port();
    let Ok(datagrams) = UdpSocket::bind(("127.0.0.1", bad)) else {
        return skip("no port that is free for streams and datagrams");
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for socket in [&listener, &streams] {
        socket.set_nonblocking(true).unwrap();
    }
    for socket in [&datagrams, &good] {
        socket.set_nonblocking(true).unwrap();
    }
    let source = EXCHANGE.replace("GOOD", &port.to_string()).replace("BAD", &bad.to_string());
    let source = source.replace("CLOSED", &closed.to_string());
    let case = Case::python(&source, &format!("permissions:\n  net: [\"127.0.0.1:{port},{closed}\"]\n"));
    as_everybody(|user| {
        let report = case.run(user);
        assert_eq!(lines(&report), ["done"], "{user:?}: {}", report.stderr);
        assert!(streams.accept().is_ok() && good.recv(&mut [0; 9]).is_ok(), "{user:?}: nothing came at all");
        assert!(listener.accept().is_err(), "{user:?}: a connection was aimed elsewhere");
        assert!(datagrams.recv(&mut [0; 9]).is_err(), "{user:?}: a datagram was aimed elsewhere");
        while streams.accept().is_ok() || good.recv(&mut [0; 9]).is_ok() {}
    });
}

#[test]
fn a_connection_is_not_sent_by_way_of_somebody_else() {
    if !found("python3") {
        return;
    }
    let (port, _) = pages("127.0.0.1", "page").unwrap();
    let case = Case::python(
        &format!(
            "s = socket.create_connection(('127.0.0.1', {port}))\n\
             for level, name in ((1, 25), (1, 62), (0, 4), (41, 6), (41, 54), (41, 55), (41, 57), (41, 59)):\n  \
             attempt(lambda: s.setsockopt(level, name, bytes([131, 7, 4, 192, 0, 2, 1, 1])))\n\
             attempt(lambda: s.setsockopt(6, 1, 1))\nattempt(lambda: s.sendmsg([b'x'], [], socket.MSG_FASTOPEN, ('127.0.0.1', {port})))\n",
        ),
        &format!("permissions:\n  net: [\"127.0.0.1:{port}\"]\n"),
    );
    as_everybody(|user| {
        let report = case.run(user);
        let mut expected = vec!["errno 1"; 8];
        expected.extend(["None", "errno 1"]);
        assert_eq!(lines(&report), expected, "{user:?}: {}", report.stderr);
    });
}
