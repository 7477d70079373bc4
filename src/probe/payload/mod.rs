//! What an attack does inside: raw system calls, no interpreter, one file for each group.
//!
//! [`begin`] is called by `main` for the hidden first word, in the copy of this program that the probe's skill holds.
//! A payload says its nonce first, so that a run that is ended half-way still proves that it ran, and its evidence last.
//! It refuses to do anything unless its namespaces differ from those that its arguments name.
#![allow(unsafe_code, reason = "attacks are system calls with arguments that no safe wrapper would pass")]
#![allow(clippy::print_stdout, reason = "standard output is how a payload tells what it saw")]

pub(super) mod files;
pub(super) mod grants;
pub(super) mod kernel;
pub(super) mod network;
pub(super) mod processes;
pub(super) mod resources;
pub(super) mod supervisor;
pub(super) mod terminal;

use std::ffi::CString;
use std::io::Write as _;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::sandbox::syscalls;

/// What a payload says at its end: one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Evidence {
    pub nonce: String,
    /// Each call with its result.
    pub calls: Vec<String>,
    /// Names of calls that had to be refused and were, each time.
    #[serde(default)]
    pub refused: Vec<String>,
    /// What was gained, where only the payload can tell: a namespace, a ring, a limit passed.
    pub gained: Vec<String>,
    /// What is attacked does not exist inside: why the payload thinks so.
    pub absent: Option<String>,
    /// Whether the payload came to its end.
    pub finished: bool,
}

/// What a payload works with.
#[derive(Debug)]
pub(super) struct Out<'a> {
    pub facts: &'a Facts,
    pub evidence: Evidence,
    /// The process may have ended already for a parent's evidence: children say nothing.
    pub errno: i32,
}

/// A call with as many arguments as are given, the others zero.
pub(super) fn raw(number: i64, args: &[usize]) -> Result<i64, i32> {
    let mut all = [0; 6];
    for (have, given) in all.iter_mut().zip(args) {
        *have = *given;
    }
    // SAFETY: pointers among the arguments are to buffers that the payload holds across the call, or on purpose to
    // nothing, which the kernel refuses; what the call changes is this process, which is made to be attacked with.
    let result = unsafe { libc::syscall(number, all[0], all[1], all[2], all[3], all[4], all[5]) };
    if result == -1 { Err(nix::errno::Errno::last_raw()) } else { Ok(result) }
}

pub(super) fn c(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

pub(super) fn at(text: &std::ffi::CStr) -> usize {
    text.as_ptr() as usize
}

/// End without running anything of the parent's.
pub(super) fn leave(code: usize) -> ! {
    loop {
        let _ = raw(libc::SYS_exit_group, &[code]);
    }
}

/// A child, by the call itself: nothing of libc's runs in between.
pub(super) fn fork() -> Result<i64, i32> {
    raw(libc::SYS_clone, &[libc::SIGCHLD as usize])
}

pub(super) fn pause(milliseconds: i64) {
    let time = [milliseconds / 1000, milliseconds % 1000 * 1_000_000];
    let _ = raw(libc::SYS_nanosleep, &[time.as_ptr() as usize, 0]);
}

impl Out<'_> {
    /// Make the call and note what came of it.
    pub(super) fn call(&mut self, what: &str, number: i64, args: &[usize]) -> Option<i64> {
        let result = raw(number, args);
        self.note(what, result)
    }

    pub(super) fn note(&mut self, what: &str, result: Result<i64, i32>) -> Option<i64> {
        match result {
            Ok(value) => {
                self.say(format!("{what} = {value}"));
                Some(value)
            }
            Err(errno) => {
                self.errno = errno;
                self.say(format!("{what} = {:?}", nix::errno::Errno::from_raw(errno)));
                None
            }
        }
    }

    pub(super) fn say(&mut self, what: String) {
        if self.evidence.calls.len() < 24 {
            self.evidence.calls.push(what);
        }
    }

    pub(super) fn gain(&mut self, what: &str) {
        self.evidence.gained.push(what.to_owned());
    }

    /// The call must fail; that it did not is an effect.
    pub(super) fn refused(&mut self, what: &str, number: i64, args: &[usize]) {
        if self.call(what, number, args).is_some() {
            self.gain(what);
        } else {
            self.evidence.refused.push(syscalls::name(number));
        }
    }

    /// What is attacked is not there, when the last error was this one.
    pub(super) fn absent_on(&mut self, errnos: &[i32], why: &str) {
        if errnos.contains(&self.errno) && self.evidence.gained.is_empty() {
            let error = nix::errno::Errno::from_raw(self.errno);
            self.evidence.absent = Some(format!("{why} ({error:?})"));
        }
    }

    pub(super) fn open(&mut self, path: &str, flags: i32) -> Option<usize> {
        let name = c(path);
        self.call(
            &format!("openat({path:?}, {flags:#o})"),
            libc::SYS_openat,
            &[libc::AT_FDCWD as usize, at(&name), flags as usize, 0o644],
        )
        .map(|fd| fd as usize)
    }

    /// What is read goes to standard output, where the judge looks for the tokens.
    pub(super) fn show(&mut self, fd: usize) -> usize {
        let mut buffer = vec![0_u8; 4096];
        let got = raw(libc::SYS_read, &[fd, buffer.as_mut_ptr() as usize, buffer.len()]);
        let length = self.note(&format!("read({fd})"), got).unwrap_or(0).max(0) as usize;
        print_raw(&buffer[..length]);
        length
    }

    pub(super) fn read(&mut self, path: &str) -> usize {
        match self.open(path, libc::O_RDONLY) {
            Some(fd) => self.show(fd),
            None => 0,
        }
    }

    /// Open for writing and write; worked only when bytes went.
    pub(super) fn write(&mut self, path: &str, flags: i32, text: &str) -> bool {
        let Some(fd) = self.open(path, libc::O_WRONLY | flags) else { return false };
        self.call(&format!("write({path:?})"), libc::SYS_write, &[fd, text.as_ptr() as usize, text.len()])
            .is_some()
    }

    pub(super) fn write_gains(&mut self, path: &str, text: &str) {
        if self.write(path, 0, text) {
            self.gain(&format!("wrote {path}"));
        }
    }

    pub(super) fn read_gains(&mut self, path: &str) {
        if self.read(path) > 0 {
            self.gain(&format!("read {path}"));
        }
    }
}

pub(super) fn print_raw(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
    let _ = std::io::stdout().flush();
}

/// Mark of the lines that the judge reads.
pub(super) const MARK: &str = "\n@probe ";

/// The hidden word: `__payload NAME NONCE FACTS`.
pub const WORD: &str = "__payload";

/// Run the payload that the command line names; `None` when it names none.
pub fn begin() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next()? != WORD {
        return None;
    }
    let (name, nonce, facts) = (words.next()?, words.next()?, words.next()?);
    let Ok(facts) = serde_json::from_str::<Facts>(&facts) else { return Some(ExitCode::from(2)) };
    let evidence = Evidence { nonce, ..Evidence::default() };
    let mut out = Out { facts: &facts, evidence, errno: 0 };
    let attack = super::battery::find(&name);
    let useful = super::useful::find(&name);
    if attack.is_none() && useful.is_none() {
        return Some(ExitCode::from(2));
    }
    let may_be_bare = facts.bare && attack.is_some_and(|attack| attack.harmless);
    if !is_elsewhere(&facts) && !may_be_bare {
        print_raw(b"refused: this is no sandbox, its namespaces are the caller's\n");
        return Some(ExitCode::from(3));
    }
    print_raw(line(&out.evidence).as_bytes());
    if let Some(attack) = attack {
        (attack.payload)(&mut out);
    } else if let Some(useful) = useful {
        match (useful.action)(&mut out) {
            Ok(detail) => out.say(detail),
            Err(detail) => {
                out.say(detail);
                out.gain("failed");
            }
        }
    }
    out.evidence.finished = true;
    print_raw(line(&out.evidence).as_bytes());
    Some(ExitCode::from(facts.status))
}

fn line(evidence: &Evidence) -> String {
    format!("{MARK}{}\n", serde_json::to_string(evidence).unwrap_or_default())
}

/// Whether user, mount and process namespace all differ from the caller's.
fn is_elsewhere(facts: &Facts) -> bool {
    facts.namespaces.len() == NAMESPACES.len()
        && namespaces().iter().zip(&facts.namespaces).all(|(here, there)| here != there && !here.is_empty())
}

const NAMESPACES: [&str; 3] = ["user", "mnt", "pid"];

/// The namespaces of this process, as the kernel names them.
pub(super) fn namespaces() -> Vec<String> {
    let name = |kind: &&str| {
        let link = std::fs::read_link(format!("/proc/self/ns/{kind}"));
        link.map_or_else(|_| String::new(), |link| link.display().to_string())
    };
    NAMESPACES.iter().map(name).collect()
}
