//! What a sandbox tells while it runs. The supervisor makes these; nothing here knows of skills or policies.
//!
//! The same types are part of the run report (see [`crate::run::report`]), so their serialised form is stable.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing the sandbox saw, `at` after the program's start; what is told in a batch with a count, at its first time.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: Duration,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The program is about to take its first instruction.
    Started {
        isolation: Isolation,
        startup: Duration,
    },
    /// Raw bytes of the program: hostile, never to be written to a terminal as they are.
    Output {
        stream: Stream,
        bytes: Vec<u8>,
    },
    /// A path was touched. Sent once per (path, operation, verdict) in a batch, with how often.
    File {
        path: PathBuf,
        operation: Operation,
        verdict: Verdict,
        count: u64,
    },
    /// A call was refused.
    Denied(Denied),
    /// A connection or datagram was attempted.
    Network(NetworkAttempt),
    ProcessStarted {
        pid: i32,
        /// The process whose program started it: forks in between are none of their own.
        parent: i32,
        program: PathBuf,
        argv: Vec<String>,
    },
    ProcessExited {
        pid: i32,
        exit: Option<i32>,
    },
    LimitHit(LimitHit),
    /// A sample for live gauges, at most ten a second.
    Usage(UsageSample),
    /// Events that had to be dropped since the last such message.
    Lost(u64),
    /// The last event of a run.
    Finished(Box<Finished>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What a call wanted to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Execute,
    Connect,
    Listen,
    Signal,
    Spawn,
    Env,
    Syscall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allowed,
    Denied,
    /// Exists neither inside nor on the host: programs probe hundreds of such paths at start. Of a port on the own
    /// loopback: nobody waits there, inside or outside.
    Missing,
    /// Let through, bounded by the kernel as ever, without being read: the process lets nobody look into its memory.
    Unknown,
}

/// Who enforced a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Outside the view, or on a read-only mount.
    Mount,
    Landlock,
    Seccomp,
    Network,
    Limit,
    /// Ordinary owner and mode bits of a file that is in view.
    Permissions,
    /// The cleared environment: a variable that is set outside was not passed in.
    Environment,
}

/// A refused call as the supervisor saw it. Which rule of which policy decided is added by the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Denied {
    pub pid: i32,
    /// Name of the calling program (`/proc/PID/comm`).
    pub program: String,
    pub operation: Operation,
    /// Path, `host:port`, signal target or call name: what the operation was aimed at.
    pub target: String,
    /// Name of the system call (`openat`).
    pub syscall: String,
    /// The decoded call, flags by name: `openat(AT_FDCWD, "/etc/shadow", O_RDONLY|O_CLOEXEC)`.
    pub arguments: String,
    /// What the program got (`EACCES`).
    pub errno: String,
    pub layer: Layer,
    /// The path exists on the host although not inside.
    pub exists_outside: bool,
    /// The source lines at the moment of the call, innermost first; behind them those from which the program was
    /// started.
    pub blame: Vec<Frame>,
    /// Why the stack could not be read, when there was one to read.
    pub unread: Option<String>,
    /// The process that started the calling program: the caller itself, or the one that it was forked from.
    pub image: i32,
    /// How many of the lines belong to the calling program, to the one that started it, and so on.
    pub programs: Vec<usize>,
    pub count: u64,
}

/// One line of source code on the stack of a call. Line 0: only the function is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    pub file: PathBuf,
    pub line: u32,
    pub function: String,
}

impl Frame {
    /// `file:line`, or just the file where the line is not known; `file` is how the file is to be shown.
    pub fn place(&self, file: &str) -> String {
        if self.line == 0 { file.to_owned() } else { format!("{file}:{}", self.line) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkAttempt {
    /// Numeric address, `null` when the name was never resolved (nothing is asked outside for a refused host).
    pub address: Option<String>,
    /// The name the program asked for, when it did.
    pub host: Option<String>,
    pub port: u16,
    /// `tcp` or `udp`; `dns` for a name that was asked for without a connection behind it (nothing is ever asked outside
    /// for a host that is not granted).
    pub protocol: String,
    pub verdict: Verdict,
    pub count: u64,
    /// When it happened first, after the program's start; `None` in reports that did not tell yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    Cpu,
    Wall,
    Memory,
    FileSize,
    Scratch,
    OpenFiles,
    Processes,
    Output,
}

/// A limit that was reached. Units: milliseconds for times, bytes for sizes, else a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitHit {
    pub resource: Resource,
    pub limit: u64,
    pub observed: u64,
    /// `kernel` (rlimit, file system size), `cgroup` or `supervisor`.
    pub enforced_by: String,
    pub at_ms: u64,
    /// What the program saw: `killed`, `ENOMEM`, `EFBIG`, …
    pub effect: String,
}

impl LimitHit {
    /// Effect of a limit for which the whole run is ended.
    pub const KILLED: &'static str = "killed";

    /// Whether the run ended by it, and not only a call failed.
    pub fn ends_the_run(&self) -> bool {
        self.effect == Self::KILLED
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageSample {
    pub cpu_ms: u64,
    pub memory_bytes: u64,
    pub processes: u64,
    pub descriptors: u64,
}

/// The layers in force for a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Isolation {
    pub level: Level,
    pub layers: Layers,
    /// One sentence for each thing that this machine lacks: what follows, and what would enable it. With the level `full`
    /// another layer holds what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    Full,
    Reduced,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "one field for each layer of the report")]
pub struct Layers {
    pub user: bool,
    pub mount: bool,
    pub pid: bool,
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
    pub cgroup: bool,
    /// 0 when the kernel has no Landlock.
    pub landlock_abi: u32,
    pub seccomp: bool,
    /// `cgroup` or `supervisor`.
    pub memory: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub kind: OutcomeKind,
    /// Exit status of the program, when it exited.
    pub code: Option<i32>,
    /// Name of the signal that ended it (`SIGSEGV`).
    pub signal: Option<String>,
    /// The limit that ended it.
    pub limit: Option<Resource>,
    /// One sentence for people.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    Exited,
    Signaled,
    /// Ended by a limit other than the clock.
    Limit,
    /// Ended by the wall limit.
    Timeout,
    Cancelled,
    /// The sandbox could not be set up: the program never ran.
    Failed,
}

/// What is known only at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    pub outcome: Outcome,
    pub duration: Duration,
    pub usage: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    pub cpu_ms: u64,
    pub peak_memory_bytes: u64,
    pub peak_processes: u64,
    /// Open descriptors, all processes together.
    #[serde(default)]
    pub peak_descriptors: u64,
    pub output_bytes: u64,
}
