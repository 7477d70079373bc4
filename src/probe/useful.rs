//! The control group: what a skill needs, and what must work in spite of all that is refused.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::canaries::{GRANTED_VARIABLE, token};
use super::payload::{Out, at, c, fork, leave, pause, raw};
use super::{Findings, PROGRAM, Probe, Useful, judge};
use crate::policy::{self, Places, Source};
use crate::run::report::Report;

/// One action, done by the payload inside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    pub name: &'static str,
    pub action: fn(&mut Out<'_>) -> Result<String, String>,
}

pub(super) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

type Done = Result<String, String>;

#[rustfmt::skip]
const ACTIONS: &[Action] = &[
    Action { name: "useful/read-own-skill", action: read_own },
    Action { name: "useful/write-scratch", action: |_| write_back("/scratch/file") },
    Action { name: "useful/write-tmp", action: |_| write_back("/tmp/file") },
    Action { name: "useful/write-home", action: |_| write_back("/home/skill/file") },
    Action { name: "useful/write-granted-folder", action: |out| write_back(&format!("{}/made", out.facts.granted)) },
    Action { name: "useful/write-granted-file", action: |out| write_back(&format!("{}.txt", out.facts.granted)) },
    Action { name: "useful/read-granted-file", action: |out| some(std::fs::read_to_string(format!("{}/../readable", out.facts.granted))) },
    Action { name: "useful/run-granted-program", action: |_| start("true", &[]) },
    Action { name: "useful/run-granted-shell", action: |_| start("sh", &["-c", "exit 0"]) },
    Action { name: "useful/threads", action: threads },
    Action { name: "useful/fork-and-wait", action: |_| child(7, 7) },
    Action { name: "useful/signal-own-child", action: signal_child },
    Action { name: "useful/pipe", action: pipe },
    Action { name: "useful/socket-pair", action: socket_pair },
    Action { name: "useful/tcp-among-own", action: |_| tcp() },
    Action { name: "useful/udp-among-own", action: |_| udp() },
    Action { name: "useful/unix-among-own", action: |_| unix() },
    Action { name: "useful/granted-host", action: granted_host },
    Action { name: "useful/granted-variable", action: |_| some(std::env::var(GRANTED_VARIABLE)) },
    Action { name: "useful/timer", action: |_| { let begun = std::time::Instant::now(); pause(20); proved(begun.elapsed().as_millis() >= 20, "slept") } },
    Action { name: "useful/map-file", action: map_file },
    Action { name: "useful/allocate-32-mib", action: |_| { let held = vec![1_u8; 32 << 20]; proved(std::hint::black_box(&held)[1 << 20] == 1, "32 MiB") } },
    Action { name: "useful/clock", action: |_| proved(std::time::SystemTime::now().elapsed().is_ok(), "the clock runs") },
    Action { name: "useful/random", action: random },
    Action { name: "useful/rename-in-scratch", action: |_| links() },
    Action { name: "useful/stat-system", action: |_| some(std::fs::metadata("/usr/bin").map(|data| data.is_dir())) },
    Action { name: "useful/own-status", action: |_| some(std::fs::read_to_string("/proc/self/status").map(|text| text.len())) },
    Action { name: "useful/poll-and-events", action: events },
    Action { name: "useful/list-folder", action: |_| some(std::fs::read_dir("/usr/lib").map(Iterator::count)) },
    Action { name: "useful/exit-status", action: |_| Ok("ends with 7".into()) },
    Action { name: "useful/standard-input", action: |_| { let mut text = String::new(); some(std::io::stdin().read_to_string(&mut text).map(|_| text)) } },
    Action { name: "useful/output-1-mib", action: |_| { super::payload::print_raw(&vec![b'y'; 1 << 20]); Ok("1 MiB".into()) } },
];

fn some<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> Done {
    result.map(|value| format!("{value:?}").chars().take(60).collect()).map_err(|error| error.to_string())
}

fn proved(holds: bool, what: &str) -> Done {
    if holds { Ok(what.into()) } else { Err(format!("not so: {what}")) }
}

fn read_own(out: &mut Out<'_>) -> Done {
    let text = std::fs::read_to_string(format!("{}/SKILL.md", out.facts.skill)).map_err(|e| e.to_string())?;
    proved(text.contains("name: skill"), "SKILL.md")
}

fn write_back(path: &str) -> Done {
    std::fs::write(path, "words").map_err(|error| format!("{path}: {error}"))?;
    let read = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    proved(read == "words", path)
}

fn start(program: &str, args: &[&str]) -> Done {
    let status = std::process::Command::new(program).args(args).status().map_err(|e| e.to_string())?;
    proved(status.success(), program)
}

fn threads(_: &mut Out<'_>) -> Done {
    let all: Vec<_> = (0..8).map(|number| std::thread::spawn(move || number * 2)).collect();
    let sum: i32 = all.into_iter().filter_map(|thread| thread.join().ok()).sum();
    proved(sum == 56, "8 threads")
}

fn child(code: usize, wanted: i32) -> Done {
    let pid = fork().map_err(|errno| format!("fork: {errno}"))?;
    if pid == 0 {
        leave(code);
    }
    let mut status = 0_i32;
    let _ = raw(libc::SYS_wait4, &[pid as usize, (&raw mut status) as usize, 0, 0]);
    proved(status == wanted << 8, "the child's status")
}

fn signal_child(_: &mut Out<'_>) -> Done {
    let pid = fork().map_err(|errno| format!("fork: {errno}"))?;
    if pid == 0 {
        pause(1500);
        leave(0);
    }
    raw(libc::SYS_kill, &[pid as usize, libc::SIGTERM as usize]).map_err(|errno| format!("kill: {errno}"))?;
    let mut status = 0_i32;
    let _ = raw(libc::SYS_wait4, &[pid as usize, (&raw mut status) as usize, 0, 0]);
    proved(status == libc::SIGTERM, "the child was ended by its signal")
}

fn pipe(_: &mut Out<'_>) -> Done {
    let (mut reader, mut writer) = std::io::pipe().map_err(|e| e.to_string())?;
    writer.write_all(b"through").map_err(|e| e.to_string())?;
    drop(writer);
    let mut text = String::new();
    some(reader.read_to_string(&mut text).map(|_| text))
}

fn socket_pair(_: &mut Out<'_>) -> Done {
    let (mut one, mut other) = std::os::unix::net::UnixStream::pair().map_err(|e| e.to_string())?;
    let mut byte = [0];
    some(one.write_all(b"x").and_then(|()| other.read_exact(&mut byte)).map(|()| byte))
}

fn tcp() -> Done {
    let talk = || -> std::io::Result<[u8; 1]> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(b"x")?;
        let mut byte = [0];
        listener.accept()?.0.read_exact(&mut byte)?;
        Ok(byte)
    };
    some(talk())
}

fn udp() -> Done {
    let talk = || -> std::io::Result<usize> {
        let (one, other) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        one.send_to(b"x", other.local_addr()?)?;
        other.set_read_timeout(Some(Duration::from_secs(1)))?;
        other.recv(&mut [0; 8])
    };
    some(talk())
}

fn unix() -> Done {
    let talk = || -> std::io::Result<()> {
        let listener = std::os::unix::net::UnixListener::bind("/tmp/own.sock")?;
        let mut client = std::os::unix::net::UnixStream::connect("/tmp/own.sock")?;
        client.write_all(b"x")?;
        listener.accept()?.0.read_exact(&mut [0])
    };
    some(talk())
}

fn granted_host(out: &mut Out<'_>) -> Done {
    some(TcpStream::connect(("127.0.0.1", out.facts.granted_port)).map(|_| "connected"))
}

fn map_file(out: &mut Out<'_>) -> Done {
    let path = format!("{}/SKILL.md", out.facts.skill);
    let fd = out.open(&path, 0).ok_or("the file cannot be opened")?;
    let mapped = raw(libc::SYS_mmap, &[0, 4096, libc::PROT_READ as usize, libc::MAP_PRIVATE as usize, fd, 0]);
    mapped.map(|_| "mapped".into()).map_err(|errno| format!("mmap: {errno}"))
}

fn random(_: &mut Out<'_>) -> Done {
    let mut bytes = [0_u8; 16];
    let got = raw(libc::SYS_getrandom, &[bytes.as_mut_ptr() as usize, 16, 0]);
    proved(got == Ok(16) && bytes != [0; 16], "16 bytes")
}

fn links() -> Done {
    let act = || -> std::io::Result<String> {
        std::fs::write("/scratch/one", "1")?;
        std::fs::rename("/scratch/one", "/scratch/two")?;
        std::os::unix::fs::symlink("two", "/scratch/soft")?;
        std::fs::hard_link("/scratch/two", "/scratch/hard")?;
        std::fs::remove_file("/scratch/two")?;
        std::fs::read_to_string("/scratch/hard")
    };
    some(act())
}

fn events(_: &mut Out<'_>) -> Done {
    let fd = raw(libc::SYS_eventfd2, &[1, 0]).map_err(|errno| format!("eventfd2: {errno}"))?;
    let poll = [fd as u32, 1];
    let ready = raw(libc::SYS_poll, &[poll.as_ptr() as usize, 1, 100]);
    raw(libc::SYS_epoll_create1, &[0]).map_err(|errno| format!("epoll_create1: {errno}"))?;
    let watch = raw(libc::SYS_inotify_init1, &[0]).map_err(|errno| format!("inotify_init1: {errno}"))?;
    let path = c("/tmp");
    raw(libc::SYS_inotify_add_watch, &[watch as usize, at(&path), 0x100])
        .map_err(|errno| format!("inotify_add_watch: {errno}"))?;
    proved(ready == Ok(1), "poll, epoll, eventfd and inotify")
}

/// Run them all under a policy that grants what they need.
pub(super) fn all(
    probe: &mut Probe<'_>,
    chosen: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let root = probe.canaries.root.clone();
    std::fs::write(root.join("readable"), "to be read\n")?;
    let grants = format!(
        "permissions:\n  read: [{0}/readable]\n  write: [{0}/granted, {0}/granted.txt]\n  run: [\"true\", sh]\n  \
         net: [\"127.0.0.1:{1}\"]\n  env: [{GRANTED_VARIABLE}]\n{LIMITS}",
        root.display(),
        probe.canaries.facts.granted_port,
        LIMITS = super::LIMITS
    );
    let file = root.join("useful.yaml");
    std::fs::write(&file, grants)?;
    let places = Places::new(&root);
    let granted = policy::choose(&probe.skill, Source::File(&file), &places)?.policy;
    for action in ACTIONS.iter().filter(|action| chosen(action.name)) {
        let nonce = token();
        probe.canaries.facts.status = if action.name.ends_with("exit-status") { 7 } else { 0 };
        let words = probe.words(action.name, &nonce)?;
        probe.canaries.facts.status = 0;
        let report = probe.run(&granted, None, PROGRAM, words, b"given words".to_vec())?;
        findings.isolation.clone_from(&report.isolation);
        findings.useful.push(assess(action.name, &report, &nonce));
    }
    super::python::useful(probe, chosen, findings)
}

fn assess(name: &str, report: &Report, nonce: &str) -> Useful {
    let said = judge::evidence(&report.stdout, nonce);
    let code = report.outcome.as_ref().and_then(|outcome| outcome.code);
    let wanted = if name.ends_with("exit-status") { 7 } else { 0 };
    let mut detail = match &said {
        Some(said) => said.calls.last().cloned().unwrap_or_default(),
        None => report.outcome.as_ref().map_or_else(String::new, |outcome| outcome.message.clone()),
    };
    let mut ok = code == Some(wanted) && said.is_some_and(|said| said.finished && said.gained.is_empty());
    if name.ends_with("standard-input") && !detail.contains("given words") {
        ok = false;
    }
    if name.ends_with("output-1-mib") {
        let length = report.stdout.bytes().filter(|byte| *byte == b'y').count();
        ok &= length >= 1 << 20 && !report.stdout_truncated;
    }
    if !ok {
        for denial in report.denials.iter().take(3) {
            detail = format!("{detail}; {} = {}", denial.arguments, denial.errno);
        }
    }
    Useful { name: name.to_owned(), ok, detail }
}

/// A program that may be there.
pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
