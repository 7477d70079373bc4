//! What observation costs a program: every path-taking call looked at, beside the bare program, beside a supervisor that
//! does nothing but read the path and let the call through (the floor for anything of this kind), and beside strace.
//!
//! `cargo bench --bench observe`. Workloads are timed by themselves, so that the start of a run, which `start` measures,
//! does not count; medians of rounds in turns.
#![allow(
    unsafe_code,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops when it cannot; its workloads and its peer are plain system calls"
)]

mod supervisor;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["open", count, path] => return time(|| open_and_close(count.parse().unwrap(), path)),
        ["getpid", count] => return time(|| get_pids(count.parse().unwrap())),
        ["supervise", ..] => return supervisor::supervise(&words[2..]),
        _ => {}
    }
    let desk = Desk::new();
    println!("median of {ROUNDS} rounds in turns; the workload's own clock, × the bare program; 2 cores\n");
    desk.rows();
    desk.other_processor();
    desk.memory();
}

/// Print the time of a workload in milliseconds, which is all that is measured.
fn time(work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    println!("{:.3}", begun.elapsed().as_secs_f64() * 1000.0);
}

fn open_and_close(count: u64, path: &str) {
    let path = std::ffi::CString::new(path).unwrap();
    for _ in 0..count {
        // SAFETY: a valid path; the descriptor is closed at once.
        unsafe {
            let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            assert!(fd >= 0);
            libc::close(fd);
        }
    }
}

fn get_pids(count: u64) {
    for _ in 0..count {
        // SAFETY: takes and touches nothing.
        unsafe { libc::syscall(libc::SYS_getpid) };
    }
}

/// Thirty modules of the standard library, of those that draw in many others.
const IMPORTS: &str = "\
import time
begun = time.perf_counter()
import argparse, ast, asyncio, base64, bz2, calendar, cmd, concurrent.futures, configparser, csv, ctypes, dataclasses
import decimal, difflib, email.message, fractions, gzip, html.parser, http.client, inspect, json, logging, lzma
import multiprocessing, pathlib, sqlite3, ssl, tarfile, unittest, urllib.request, xml.etree.ElementTree, zipfile
print((time.perf_counter() - begun) * 1000)
";

const FIND: &str = "\
import os, time
begun = time.perf_counter()
count = sum(len(files) for _, _, files in os.walk('/usr/include'))
print((time.perf_counter() - begun) * 1000)
";

struct Desk {
    folder: tempfile::TempDir,
    skill: PathBuf,
}

/// How a workload is started: a name, and the words in front of its own.
type Observer = (&'static str, Vec<String>);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let skill = folder.path().join("bench");
        let scripts = skill.join("scripts");
        fs::create_dir_all(&scripts).unwrap();
        let text = "---\nname: bench\ndescription: Works, for a benchmark.\n---\n";
        fs::write(skill.join("SKILL.md"), text).unwrap();
        fs::copy(std::env::current_exe().unwrap(), scripts.join("work")).unwrap();
        fs::write(scripts.join("imports.py"), IMPORTS).unwrap();
        fs::write(scripts.join("walk.py"), FIND).unwrap();
        fs::write(skill.join("wide.yaml"), "limits:\n  cpu: 120s\n  wall: 120s\n").unwrap();
        Self { folder, skill }
    }

    fn script(&self, name: &str) -> String {
        self.skill.join("scripts").join(name).display().to_string()
    }

    fn run(&self, script: &str, observe: &str) -> Vec<String> {
        let skill = self.skill.display().to_string();
        let policy = self.skill.join("wide.yaml").display().to_string();
        let entry = format!("scripts/{script}");
        let words = [env!("CARGO_BIN_EXE_skilldeck"), "run", &skill, "--entry", &entry, "--policy", &policy];
        words.iter().copied().chain(["--observe", observe, "--"]).map(str::to_owned).collect()
    }

    /// Everybody who can watch this script, the bare program first.
    fn observers(&self, script: &str, interpreter: &[&str]) -> Vec<Observer> {
        let plain: Vec<String> =
            interpreter.iter().map(|word| (*word).to_owned()).chain([self.script(script)]).collect();
        let behind = |front: &[&str]| -> Vec<String> {
            front.iter().map(|word| (*word).to_owned()).chain(plain.iter().cloned()).collect()
        };
        let this = std::env::current_exe().unwrap().display().to_string();
        let mut observers = vec![
            ("bare", plain.clone()),
            ("skilldeck, observing all", self.run(script, "full")),
            ("skilldeck, observing off", self.run(script, "off")),
            ("minimal supervisor", behind(&[&this, "supervise"])),
        ];
        if Command::new("strace").arg("-V").output().is_ok() {
            let all = ["strace", "-f", "--seccomp-bpf", "-e", "trace=%file", "-o", "/dev/null"];
            observers.push(("strace --seccomp-bpf", behind(&all)));
        } else {
            println!("strace: skipped, not installed");
        }
        observers
    }

    fn rows(&self) {
        let file = self.skill.join("SKILL.md").display().to_string();
        let python = "/usr/bin/python3";
        self.row("open and close, 200,000 times", 4.0, "work", &[], &["open", "200000", &file]);
        self.row("getpid, 5,000,000 times", 1.02, "work", &[], &["getpid", "5000000"]);
        if Path::new(python).exists() {
            self.row("30 imports of Python's library", 1.25, "imports.py", &[python], &[]);
            self.row("a walk through /usr/include", 4.0, "walk.py", &[python], &[]);
        } else {
            println!("python: skipped, {python} is not there");
        }
    }

    fn row(&self, title: &str, target: f64, script: &str, interpreter: &[&str], words: &[&str]) {
        let observers = self.observers(script, interpreter);
        let mut times = vec![Vec::new(); observers.len()];
        for _ in 0..ROUNDS {
            for ((name, front), times) in observers.iter().zip(&mut times) {
                times.push(once(name, front, words));
            }
        }
        println!("{title}; target × {target:.2}");
        let bare = median(&times[0]);
        for ((name, _), times) in observers.iter().zip(&times) {
            println!("  {name:<26} {:>9.1} ms  × {:>5.2}", median(times), median(times) / bare);
        }
        println!();
    }

    /// On one processor a call is handed over without waking anybody elsewhere. Left to themselves, supervisor and program
    /// should come near that.
    fn other_processor(&self) {
        let python = "/usr/bin/python3";
        if !Path::new(python).exists() || Command::new("taskset").arg("-V").output().is_err() {
            return println!("supervisor on another processor: skipped, needs taskset and {python}");
        }
        println!("supervisor and program free to be on different processors; target × 1.50 of both on one");
        for script in ["imports.py", "walk.py"] {
            let free = self.run(script, "full");
            let bound: Vec<String> =
                ["taskset", "-c", "0"].map(str::to_owned).into_iter().chain(free.clone()).collect();
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..ROUNDS {
                times[0].push(once("bound", &bound, &[]));
                times[1].push(once("free", &free, &[]));
            }
            let [bound, free] = times.map(|times| median(&times));
            println!("  {script:<12} on one {bound:>7.1} ms, free {free:>7.1} ms  × {:.2}", free / bound);
        }
        println!();
    }

    /// Highest resident memory of the supervisor during a run, from proc_pid_status(5).
    fn memory(&self) {
        fs::write(self.skill.join("scripts/wait.py"), "import time\ntime.sleep(2)\n").unwrap();
        let words = self.run("wait.py", "full");
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("PATH", "/usr/bin:/bin").stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = command.spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        let status = fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
        };
        let (peak, own) = (field("VmHWM:"), field("RssAnon:"));
        println!("memory of the supervisor for one run; target 10 MiB");
        println!(
            "  resident at most {peak:.1} MiB, of which {own:.1} MiB its own, the rest pages of the program file"
        );
        assert!(run.wait().unwrap().success());
        let _ = self.folder.path();
    }
}

/// What the workload says its time was. One that fails would be fast and mean nothing, so it stops the benchmark.
fn once(name: &str, front: &[String], words: &[&str]) -> f64 {
    let mut command = Command::new(&front[0]);
    command.args(&front[1..]).args(words).env("PATH", "/usr/bin:/bin").env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = || format!("{name}: {} {text} {}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", failed());
    let parsed = text.trim().parse();
    assert!(parsed.is_ok(), "{}", failed());
    parsed.unwrap()
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
