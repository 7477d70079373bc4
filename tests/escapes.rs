//! Ways out that were found by attack, each kept shut: judged by its effect on the host.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use common::{Skill, User, as_everybody, found, serve, skip};
use skilldeck::sandbox::event::OutcomeKind;

/// Runs each attempt and prints how it went.
const ATTEMPT: &str = "import ctypes, os, socket, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n\
    def attempt(action):\n  try: print('worked', action())\n  except OSError as error: print('refused', error.errno)\n\
    def check(result):\n  if result < 0: raise OSError(ctypes.get_errno(), '')\n  return result\n";

#[test]
fn no_file_with_its_owners_rights_is_left_behind() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!(
        "{ATTEMPT}os.umask(0)\n\
         attempt(lambda: os.open('out/open', os.O_CREAT | os.O_WRONLY, 0o4755))\n\
         open('out/chmod', 'w'); attempt(lambda: os.chmod('out/chmod', 0o4755))\n\
         attempt(lambda: os.fchmod(os.open('out/chmod', os.O_RDWR), 0o2755))\n\
         attempt(lambda: os.mknod('out/mknod', 0o104755))\n\
         attempt(lambda: check(libc.syscall(437, -100, b'out/openat2', (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0), 24)))\n",
    ));
    fs::create_dir(skill.path.join("out")).unwrap();
    fs::set_permissions(skill.path.join("out"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(skill.path.join("policy.yaml"), "permissions:\n  write: [./out]\n").unwrap();
    for observe in ["full", "off"] {
        as_everybody(|user| {
            let report = skill.run(user, &["--trust", "--observe", observe]);
            let refusals = report.stdout.lines().filter(|line| line.starts_with("refused")).count();
            assert_eq!(refusals, 5, "{user:?} {observe}: {} {}", report.stdout, report.stderr);
            for file in fs::read_dir(skill.path.join("out")).unwrap() {
                let file = file.unwrap();
                let mode = file.metadata().unwrap().mode();
                assert_eq!(mode & 0o6000, 0, "{user:?} {observe}: {:?} {mode:o}", file.path());
                fs::remove_file(file.path()).unwrap();
            }
        });
    }
}

#[test]
fn a_network_grant_does_not_lend_the_supervisors_identity() {
    if !found("python3") {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        return skip("needs root: another user's socket has to be made");
    }
    let service = common::open_folder();
    let path = service.path().join("private.sock");
    let listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(&path, Some(1234), Some(1234)).unwrap();
    std::thread::spawn(move || {
        for one in listener.incoming() {
            one.unwrap().write_all(b"secret").unwrap();
        }
    });
    let skill = Skill::python(&format!(
        "{ATTEMPT}s = socket.socket(socket.AF_UNIX)\nattempt(lambda: (s.connect({path:?}), s.recv(9)))\n\
         own = socket.socket(socket.AF_UNIX); own.bind('/tmp/own'); own.listen()\n\
         c = socket.socket(socket.AF_UNIX); c.connect('/tmp/own')\n\
         import struct\nprint(struct.unpack('3i', own.accept()[0].getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])\n",
    ));
    let policy = skill.path.join("p.yaml");
    let grants =
        format!("permissions:\n  read: [{}]\n  net: [\"example.org:443\"]\n", service.path().display());
    fs::write(&policy, grants).unwrap();
    let report = skill.run(User::Caller, &["--policy", policy.to_str().unwrap()]);
    assert_eq!(report.stdout, "refused 13\n(65534, 65534)\n", "{}", report.stderr);
}

#[test]
fn programs_are_not_started_from_memory() {
    if !found("python3") {
        return;
    }
    let skill = Skill::python(&format!(
        "{ATTEMPT}attempt(lambda: os.memfd_create('x'))\n\
         open('/tmp/true', 'wb').write(open('/usr/bin/true', 'rb').read()); os.chmod('/tmp/true', 0o755)\n\
         attempt(lambda: os.execv('/tmp/true', ['true']))\n\
         fd = os.open('/tmp/true', os.O_RDONLY)\n\
         attempt(lambda: check(libc.syscall(322, fd, b'', (ctypes.c_char_p * 2)(b'true', None), None, 0x1000)))\n\
         attempt(lambda: os.execv(f'/proc/self/fd/{{fd}}', ['true']))\n",
    ));
    let policy = skill.path.join("p.yaml");
    fs::write(&policy, "permissions:\n  run: [ls]\n").unwrap();
    for args in [&["--observe", "full"][..], &["--observe", "off"], &["--policy", policy.to_str().unwrap()]] {
        as_everybody(|user| {
            let report = skill.run(user, args);
            let refused = report.stdout.lines().filter(|line| line.starts_with("refused")).count();
            assert_eq!(refused, 4, "{user:?} {args:?}: {} {}", report.stdout, report.stderr);
        });
    }
}

#[test]
fn a_wildcard_does_not_mean_this_machine() {
    if !found("python3") {
        return;
    }
    let port = serve("local");
    let skill = Skill::python(&format!(
        "{ATTEMPT}def ask(host):\n  with socket.create_connection((host, {port}), 5) as s: return s.recv(9)\n\
         attempt(lambda: ask('127.0.0.1'))\nattempt(lambda: ask('localhost'))\nattempt(lambda: ask(socket.gethostname()))\n\
         there = socket.gethostbyname('localhost.'); attempt(lambda: ask(there))\n",
    ));
    let policy = skill.path.join("p.yaml");
    fs::write(&policy, "permissions:\n  net: [\"*\", \"0.0.0.0/0\"]\n").unwrap();
    as_everybody(|user| {
        let report = skill.run(user, &["--policy", policy.to_str().unwrap()]);
        assert!(!report.stdout.contains("worked"), "{user:?}: {}", report.stdout);
        assert_eq!(report.stdout.lines().count(), 4, "{user:?}: {} {}", report.stdout, report.stderr);
    });
}

#[test]
fn a_program_that_only_looks_like_python_does_not_end_the_supervisor() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("main.c");
    fs::write(&source, "#include <fcntl.h>\n#include <unistd.h>\nint main() { open(\"/etc/shadow\", 0); write(1, \"ran\", 3); return 0; }\n").unwrap();
    let program = folder.path().join("python3");
    let compiled = std::process::Command::new("cc").arg("-o").arg(&program).arg(&source).status();
    if !compiled.is_ok_and(|status| status.success()) {
        return skip("no C compiler");
    }
    let mut image = Vec::new();
    fs::File::open(&program).unwrap().read_to_end(&mut image).unwrap();
    claim_huge_bss(&mut image);
    let skill = Skill::new("python3", "");
    let entry = skill.path.join("scripts/python3");
    fs::write(&entry, image).unwrap();
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o755)).unwrap();
    let report = skill.run(User::Caller, &[]);
    assert_eq!(report.outcome.as_ref().unwrap().kind, OutcomeKind::Exited, "{:?}", report.outcome);
    assert_eq!(report.stdout, "ran");
    assert!(report.denials.iter().any(|denial| denial.target == "/etc/shadow"), "{:#?}", report.denials);
}

/// Set the size of section `.bss` to 16 TiB: elf(5), 64-bit little-endian offsets.
fn claim_huge_bss(image: &mut [u8]) {
    let number = |image: &[u8], at: usize, size: usize| {
        image[at..at + size].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, entry, count, names) =
        (number(image, 40, 8), number(image, 58, 2), number(image, 60, 2), number(image, 62, 2));
    let strings = number(image, table + names * entry + 24, 8);
    for section in 0..count {
        let at = table + section * entry;
        let name = strings + number(image, at, 4);
        if image[name..].starts_with(b".bss\0") {
            image[at + 32..at + 40].copy_from_slice(&(16_u64 << 40).to_le_bytes());
            return;
        }
    }
    panic!("no .bss");
}
