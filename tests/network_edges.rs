//! Network grants at their edges: sockets that behave as they do outside, names that lead where they must not, threads that
//! exchange what is judged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::net::{Case, NAME, can_pin, lines, pages};
use common::{User, as_everybody, found, skip};
use skilldeck::sandbox::event::Verdict;

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
             def told(to):\n  s = udp(); s.connect(to); s.send(b'x'); return s.recv(9)\n\
             attempt(lambda: told(closed))\n\
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
            "errno 111",
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
    listener.set_nonblocking(true).unwrap();
    // Taken up at once: connections that nobody takes up make those behind them wait.
    let arrived = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&arrived);
    std::thread::spawn(move || {
        while streams.accept().is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    for socket in [&datagrams, &good] {
        socket.set_nonblocking(true).unwrap();
    }
    let source = EXCHANGE.replace("GOOD", &port.to_string()).replace("BAD", &bad.to_string());
    let source = source.replace("CLOSED", &closed.to_string());
    let case = Case::python(&source, &format!("permissions:\n  net: [\"127.0.0.1:{port},{closed}\"]\n"));
    as_everybody(|user| {
        let report = case.run(user);
        assert_eq!(lines(&report), ["done"], "{user:?}: {:?} {}", report.outcome, report.stderr);
        assert!(
            arrived.swap(0, Ordering::SeqCst) > 0 && good.recv(&mut [0; 9]).is_ok(),
            "{user:?}: nothing arrived at all"
        );
        assert!(listener.accept().is_err(), "{user:?}: a connection was aimed elsewhere");
        assert!(datagrams.recv(&mut [0; 9]).is_err(), "{user:?}: a datagram was aimed elsewhere");
        while good.recv(&mut [0; 9]).is_ok() {}
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

/// Makes addresses in a network namespace of its own, with servers that echo on them, and runs the command there.
const OWN_NETWORK: &str = "set -e\nip link set lo up\nip addr add 10.9.8.7/32 dev lo\nip addr add 10.7.7.7/32 dev lo\n\
    ip addr add 2001:db8::7/128 dev lo nodad 2>/dev/null || true\nmount --bind \"$1\" /etc/hosts\nshift\n\
    mkfifo \"$1\"\npython3 -c \"$2\" > \"$1\" &\nserver=$!\nread -r ready < \"$1\"\nshift 2\n\"$@\" || true\nkill $server\n";

const ECHOES: &str = "import select, socket\nall = []\n\
    for family, ip in ((2, '10.9.8.7'), (2, '10.7.7.7'), (10, '2001:db8::7'), (2, '127.0.0.1')):\n  \
    try: s = socket.socket(family, socket.SOCK_DGRAM); s.bind((ip, 7)); all.append(s)\n  except OSError: pass\n\
    print('ready', flush=True)\n\
    while True:\n  for s in select.select(all, [], [])[0]: data, to = s.recvfrom(99); s.sendto(b'echo ' + data, to)\n";

#[test]
fn networks_and_wildcards_are_reached_and_lead_nowhere_local() {
    if !(found("python3") && can_pin()) {
        return;
    }
    if !std::process::Command::new("ip").arg("-V").output().is_ok_and(|output| output.status.success()) {
        return skip("iproute2 is not installed");
    }
    let case = Case::python(
        "def ask(host, port=7, family=socket.AF_INET):\n  s = udp(family); s.sendto(b'x', (host, port)); data, back = s.recvfrom(99)\n  \
         return data.decode(), back[0] == socket.getaddrinfo(host, port, family)[0][4][0]\n\
         attempt(lambda: ask('10.9.8.7'))\nattempt(lambda: ask('10.7.7.7'))\nattempt(lambda: ask('a.wild.test'))\n\
         attempt(lambda: ask('10.9.8.7', 8))\nattempt(lambda: ask('10.9.9.7'))\nattempt(lambda: ask('local.wild.test'))\n\
         attempt(lambda: socket.create_connection(('local.wild.test', 7)))\nattempt(lambda: ask('wild.test'))\n\
         attempt(lambda: ask('2001:db9::7', 7, socket.AF_INET6))\nattempt(lambda: ask('2001:db8::7', 7, socket.AF_INET6))\n",
        "permissions:\n  net: [\"10.9.8.0/24:7,9\", 10.7.7.7, \"*.wild.test\", \"[2001:db8::/32]:7\"]\n",
    );
    fs::write(&case.hosts, "127.0.0.1 localhost local.wild.test\n10.9.8.7 a.wild.test\n").unwrap();
    as_everybody(|user| {
        let pipe = case.skill.path.join(format!("ready-{user:?}"));
        let report = case.run_in(user, &["--net"], OWN_NETWORK, &[pipe.to_str().unwrap(), ECHOES]);
        let (reached, refused) = ("('echo x', True)", "errno 13");
        let mut expected = vec![reached; 3];
        expected.extend([refused; 6]);
        assert_eq!(lines(&report)[..9], expected, "{user:?}: {}", report.stderr);
        if std::path::Path::new("/proc/net/if_inet6").exists() {
            assert_eq!(lines(&report)[9], reached, "{user:?}: {}", report.stderr);
        }
        // Where the name leads was refused, and granting just that would do.
        let denial = report.denials.iter().find(|denial| denial.target == "127.0.0.1:7").unwrap();
        assert!(denial.arguments.contains("local.wild.test:7"), "{denial:?}");
        assert_eq!(denial.remedy.as_ref().unwrap().add, "127.0.0.1:7");
    });
}

#[test]
fn more_destinations_than_there_are_sockets_for_is_told() {
    if !found("python3") {
        return;
    }
    let case = Case::python(
        "said = set()\nfor port in range(20000, 20100):\n  try: udp().sendto(b'x', ('192.0.2.1', port)); said.add(0)\n  \
         except OSError as error: said.add(error.errno)\nprint(sorted(said))\n",
        "permissions:\n  net: [192.0.2.1]\n",
    );
    let report = case.run(User::Caller);
    assert_eq!(lines(&report), ["[0, 105]"], "{}", report.stderr);
    let denial = report.denials.first().unwrap();
    assert_eq!(
        (denial.errno.as_str(), denial.target.starts_with("192.0.2.1:20")),
        ("ENOBUFS", true),
        "{denial:?}"
    );
    assert!(denial.rule.contains("few destinations get datagrams") && denial.remedy.is_none(), "{denial:?}");
}
