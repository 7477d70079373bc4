//! Network grants: what is granted is reached by ordinary programs, what is not is refused at once and told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use common::net::{Case, NAME, assert_denied, attempt, can_pin, echo, lines, pages};
use common::{as_everybody, found, skip};
use skilldeck::sandbox::event::Verdict;

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
        def datagram():\n  a, b = udp(), udp(); a.bind(('127.0.0.1', 0)); b.connect(a.getsockname()); b.send(b'own'); return a.recv(9)\n\
        attempt(datagram)\n\
        def forked():\n  s = socket.socket(); s.bind(('', 0)); s.listen()\n  if os.fork() == 0: s.accept()[0].send(b'own'); os._exit(0)\n  \
        return socket.create_connection(('localhost', s.getsockname()[1])).recv(9)\n\
        attempt(forked)\n\
        attempt(lambda: stream(socket.AF_UNIX, '/tmp/own'))\nattempt(lambda: stream(socket.AF_UNIX, '\\0own'))\n";
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
            let unwatched =
                case.skill.run(user, &["--policy", case.policy.to_str().unwrap(), "--observe", "off"]);
            // Nobody is there to say which local sockets are the skill's own.
            let expected = ["errno 111", own, own, own, own, "errno 1", "errno 1"];
            assert_eq!(lines(&unwatched), expected, "{user:?} {net}: {}", unwatched.stderr);
        });
    }
}
