//! What a process costs: it is started by a helper process of its own, which has no other child, so that the kernel's
//! count of the children's use is that of this one.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::print_stdout, reason = "a module of benchmarks")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use skilldeck::workspace::Workspace;

mod table;

pub use table::{head, median, ms, row};

const RUN: &str = "measure-run";
const LOAD: &str = "measure-load";

/// Use of one process.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub wall: Duration,
    /// User and system time of all threads.
    pub cpu: Duration,
    /// Most memory that was resident, in MB.
    pub memory: u64,
}

/// Whether this process was started to measure.
pub fn is_helper() -> bool {
    std::env::args().nth(1).is_some_and(|word| word == RUN || word == LOAD)
}

/// Be the helper: start the command, and print what it took; or load a workspace.
pub fn helper() {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words[0] == LOAD {
        assert!(!Workspace::load(Path::new(&words[1]), &[]).skills.is_empty());
        return;
    }
    let begin = Instant::now();
    let mut command = Command::new(&words[1]);
    command.args(&words[2..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap();
    let wall = begin.elapsed();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    println!(
        "{} {} {}",
        wall.as_micros(),
        micros(used.user_time()) + micros(used.system_time()),
        used.max_rss()
    );
}

/// Run a command to its end, its output thrown away.
pub fn run(command: &[&OsStr]) -> Measured {
    let mut helper = Command::new(std::env::current_exe().unwrap());
    let output = helper.arg(RUN).args(command).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    Measured {
        wall: Duration::from_micros(numbers[0]),
        cpu: Duration::from_micros(numbers[1]),
        memory: numbers[2] / 1000,
    }
}

/// A process that reads a workspace and ends.
pub fn load(workspace: &Path) -> Measured {
    let own = std::env::current_exe().unwrap();
    run(&[own.as_os_str(), LOAD.as_ref(), workspace.as_os_str()])
}

/// Rows for the best of several runs: what else the machine does meanwhile is not the program's.
pub fn many(what: &str, runs: &[Measured], target: &str, memory: u64) {
    let best = runs.iter().min_by_key(|run| run.wall).unwrap();
    let cpu = format!("{} of processor time", ms(best.cpu));
    row(what, &ms(best.wall), target, &cpu);
    let target = if memory == 0 { String::new() } else { format!("{memory} MB") };
    row("  most memory", &format!("{} MB", best.memory), &target, "");
}
