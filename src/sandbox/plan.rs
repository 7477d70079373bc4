//! Everything the launcher needs, worked out before the start. Pure data: a plan can be printed,
//! compared and tested without starting anything.
//!
//! Made by [`crate::run::prepare`] from a skill and a policy; carried out by [`crate::sandbox::linux`].
//! Paths are absolute host paths, and mean the same inside: the view shows things where they really are.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One execution, described completely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The real executable to start: never a script, never a version manager's shim.
    pub program: PathBuf,
    /// `argv[0]` included.
    pub argv: Vec<String>,
    /// The whole environment: nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Working directory, as seen from inside.
    pub cwd: PathBuf,
    /// Written to the program's standard input, which is then closed. Empty means `/dev/null`.
    pub stdin: Vec<u8>,
    /// What the program can see besides the base view (`/proc`, `/dev`, private `/tmp` and HOME).
    /// Later entries cover earlier ones, so a narrower bind follows a wider one.
    pub view: Vec<Bind>,
    /// Files that `execve` may start, the program and its loader included. Directories grant all below them.
    pub execute: Vec<PathBuf>,
    /// Whether `execve` is possible at all after the start. False refuses the call by its number.
    pub may_execute: bool,
    pub limits: Limits,
    pub observe: Observe,
    /// Refuse to start when a layer is missing on this machine.
    pub require_full: bool,
}

/// One path of the host made visible inside, at the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub path: PathBuf,
    pub access: Access,
    /// Part of the operating system or of an interpreter: accesses below it are folded in reports.
    pub system: bool,
}

/// What a bind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Read,
    Write,
    /// Visible as a name, but neither readable nor writable: a `deny` inside a granted tree.
    Deny,
}

/// Hard bounds of a run, over its whole process tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time, all processes together.
    pub cpu: Duration,
    /// Resident memory in bytes, all processes together.
    pub memory: u64,
    /// Longest file in bytes (`RLIMIT_FSIZE`).
    pub file_size: u64,
    /// Size in bytes of the private file system behind `/tmp`, HOME and the scratch directory.
    pub scratch: u64,
    /// Open descriptors of each process (`RLIMIT_NOFILE`).
    pub open_files: u64,
    /// Processes alive at once; threads do not count.
    pub processes: u64,
    /// Bytes on stdout and stderr together.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            memory: 256 * MIB,
            file_size: 10 * MIB,
            scratch: 64 * MIB,
            open_files: 256,
            processes: 32,
            output: 16 * MIB,
        }
    }
}

/// How much of what the program does is looked at. Enforcement is the same in all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Observe {
    /// Every path-taking call, allowed ones too.
    #[default]
    Full,
    /// What is refused, and program starts.
    Denials,
    /// Nothing: no supervisor in the way of any call; refusals show only as the program's own errors.
    Off,
}

impl Plan {
    /// Where the private HOME is, inside.
    pub const HOME: &'static str = "/home/skill";
    /// Where the scratch directory is, inside.
    pub const SCRATCH: &'static str = "/scratch";
}
