//! Skills made for a test, run by the real binary as different users.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several test programs, not all of which use everything"
)]

pub mod host;
pub mod marks;
pub mod net;
pub mod packages;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use skilldeck::run::report::Report;

pub const NOBODY: u32 = 65534;

/// A copy of the program that every user may start, wherever the build lies.
static PROGRAM: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = open_folder();
    let program = folder.path().join("skilldeck");
    copy_program(&program);
    (folder, program)
});

/// Another copy of the program. Made by a process of its own: a descriptor open for writing would be in every process that
/// another test starts meanwhile, for a moment, and a file that somebody has open for writing cannot be started (ETXTBSY).
pub fn copy_program(to: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_skilldeck")).arg(to).status().unwrap();
    assert!(copied.success(), "{}", to.display());
}

pub fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Said past the test runner's capture: a test that was left out must not look like one that passed.
#[expect(clippy::explicit_write, reason = "the test runner captures what eprintln! writes")]
pub fn skip(reason: &str) {
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    writeln!(std::io::stderr(), "skipped: {name}: {reason}").unwrap();
}

pub fn found(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        skip(&format!("{program} is not installed"));
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    Caller,
    Nobody,
}

/// Run the check as every user this machine lets us be.
pub fn as_everybody(check: impl Fn(User)) {
    check(User::Caller);
    if nix::unistd::geteuid().is_root() {
        check(User::Nobody);
    } else {
        skip("only as an ordinary user: root is needed to be two");
    }
}

/// The program as a user, without arguments. Its runs are not written into anybody's journal.
pub fn program(user: User) -> Command {
    let mut command = bare_program(user);
    command.env("SKILLDECK_JOURNAL", "off");
    command
}

fn bare_program(user: User) -> Command {
    match user {
        User::Caller => Command::new(&PROGRAM.1),
        User::Nobody => {
            let mut command = Command::new("setpriv");
            let id = NOBODY.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(&PROGRAM.1);
            command
        }
    }
}

pub struct Skill {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Skill {
    pub fn new(script: &str, source: &str) -> Self {
        Self::within(open_folder(), script, source)
    }

    /// In a folder of the test's own choice.
    pub fn within(folder: tempfile::TempDir, script: &str, source: &str) -> Self {
        let path = folder.path().join("demo");
        fs::create_dir_all(path.join("scripts")).unwrap();
        fs::write(path.join("SKILL.md"), "---\nname: demo\ndescription: A skill to test with.\n---\n")
            .unwrap();
        fs::write(path.join("scripts").join(script), source).unwrap();
        Self { _folder: folder, path }
    }

    pub fn python(source: &str) -> Self {
        Self::new("main.py", source)
    }

    pub fn command(&self, user: User, args: &[&str]) -> Command {
        let mut command = self.plain_command(user);
        command.args(["--format", "json"]).args(args);
        command
    }

    /// For people, with output while it runs.
    pub fn plain_command(&self, user: User) -> Command {
        let mut command = program(user);
        command.arg("run").arg(&self.path);
        command.current_dir("/").env("HOME", "/nonexistent").stdin(Stdio::null());
        command
    }

    pub fn run(&self, user: User, args: &[&str]) -> Report {
        let output = self.command(user, args).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{user:?}: {error}: {}", String::from_utf8_lossy(&output.stderr));
        })
    }
}

/// A server on this machine's own loopback that answers every connection with a word.
pub fn serve(word: &'static str) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            connection.unwrap().write_all(word.as_bytes()).unwrap();
        }
    });
    port
}

/// Wait for a state, for ten seconds at most.
pub fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !reached() {
        assert!(begun.elapsed().as_secs() < 10, "waited in vain until {what}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// The process of a run's interpreter: its script and the word stand among its arguments. The launcher, which may still
/// show its supervisor's arguments, has no script there.
pub fn interpreter(script: &std::path::Path, word: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    processes.into_iter().find(|process| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        let has = |wanted: &[u8]| line.split(|byte| *byte == 0).any(|one| one == wanted);
        has(word.as_bytes()) && has(script.as_os_str().as_bytes())
    })
}
