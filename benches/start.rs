//! How long a run takes from the shell's point of view: `skilldeck run` beside the bare program and beside `bwrap`
//! with the same view, measured in turns in the same run.
//!
//! `cargo bench --bench start`; needs bwrap for the comparison and says so when it is missing.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops when it cannot"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 60;
const STAGES: [&str; 4] =
    ["skilldeck's own start (--version)", "sandbox, until the program starts", "program", "end and report"];

struct Launcher {
    name: &'static str,
    command: Box<dyn Fn() -> Command>,
    times: Vec<Duration>,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let skill = folder.path().join("bench");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    fs::write(
        skill.join("SKILL.md"),
        "---\nname: bench\ndescription: Starts programs that do nothing.\n---\n",
    )
    .unwrap();
    fs::copy("/usr/bin/true", skill.join("scripts/true")).unwrap();
    fs::write(skill.join("scripts/pass.py"), "#!/usr/bin/python3\npass\n").unwrap();

    println!(
        "{ROUNDS} rounds in turns, wall time in ms; target: native 0.7 × bwrap, python3 1.0 × (floor in C 0.57)"
    );
    measure("native true", &skill, "scripts/true", vec![skill.join("scripts/true")]);
    let python = PathBuf::from("/usr/bin/python3");
    if python.exists() {
        measure("python3 -c pass", &skill, "scripts/pass.py", vec![python, skill.join("scripts/pass.py")]);
    } else {
        println!("python3: skipped, /usr/bin/python3 is not there");
    }
}

fn measure(title: &str, skill: &Path, entry: &'static str, bare: Vec<PathBuf>) {
    let mut launchers = vec![Launcher::new("bare", {
        let bare = bare.clone();
        move || program(&bare)
    })];
    if Command::new("bwrap").arg("--version").output().is_ok() {
        let skill = skill.to_owned();
        launchers.push(Launcher::new("bwrap", move || bwrap(&skill, &bare)));
    } else {
        println!("bwrap: skipped, not installed");
    }
    for (name, observe) in [("skilldeck, observing all", "full"), ("skilldeck, observing off", "off")] {
        let skill = skill.to_owned();
        launchers.push(Launcher::new(name, move || run(&skill, entry, observe)));
    }
    for round in 0..ROUNDS + 3 {
        for launcher in &mut launchers {
            let time = launcher.once();
            // The first rounds warm the caches.
            if round >= 3 {
                launcher.times.push(time);
            }
        }
    }
    println!("\n{title}");
    println!("  {:<26} {:>7} {:>7} {:>7} {:>8} {:>8}", "", "min", "median", "p90", "× bare", "× bwrap");
    let median_of = |name: &str| launchers.iter().find(|l| l.name == name).map(|l| l.quantile(0.5));
    let (bare, peer) = (median_of("bare"), median_of("bwrap"));
    for launcher in &launchers {
        let ratio = |to: Option<f64>| {
            to.map_or_else(|| "-".into(), |to| format!("{:.2}", launcher.quantile(0.5) / to))
        };
        println!(
            "  {:<26} {:>7.2} {:>7.2} {:>7.2} {:>8} {:>8}",
            launcher.name,
            launcher.quantile(0.0),
            launcher.quantile(0.5),
            launcher.quantile(0.9),
            ratio(bare),
            ratio(peer)
        );
    }
    break_down(skill, entry);
}

/// Where the time of an observed run goes, by the report's own clocks: what a miss of the target consists of.
fn break_down(skill: &Path, entry: &str) {
    let mut stages: [Vec<Duration>; STAGES.len()] = Default::default();
    let version = Launcher::new("--version", || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skilldeck"));
        command.arg("--version");
        command
    });
    for _ in 0..ROUNDS {
        let own = version.once();
        let begun = Instant::now();
        let output = run(skill, entry, "full").args(["--format", "json"]).output().unwrap();
        let whole = begun.elapsed();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stage = |name: &str| Duration::from_secs_f64(report[name].as_f64().unwrap() / 1000.0);
        let (startup, program) = (stage("startup_ms"), stage("duration_ms"));
        let rest = whole.saturating_sub(own + startup + program);
        for (times, time) in stages.iter_mut().zip([own, startup, program, rest]) {
            times.push(time);
        }
    }
    println!("  of which, observing all, medians:");
    for (name, times) in STAGES.iter().zip(&stages) {
        println!("    {name:<34} {:>7.2}", quantile(times, 0.5));
    }
}

fn run(skill: &Path, entry: &str, observe: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skilldeck"));
    command.arg("run").arg(skill).args(["--entry", entry, "--observe", observe]);
    command.env("PATH", "/usr/bin:/bin");
    command
}

impl Launcher {
    fn new(name: &'static str, command: impl Fn() -> Command + 'static) -> Self {
        Self { name, command: Box::new(command), times: Vec::new() }
    }

    /// Time of one start. A start that fails would be fast and mean nothing, so it stops the benchmark.
    fn once(&self) -> Duration {
        let mut command = (self.command)();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let status = command.status().unwrap();
        let time = begun.elapsed();
        assert!(status.success(), "{}: {status}", self.name);
        time
    }

    fn quantile(&self, part: f64) -> f64 {
        quantile(&self.times, part)
    }
}

/// In milliseconds.
fn quantile(times: &[Duration], part: f64) -> f64 {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * part).round() as usize]
}

fn program(words: &[PathBuf]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// The same view and the same namespaces as a run has, without the parts that bwrap lacks: Landlock, an allow-list of
/// calls, limits, an observer.
fn bwrap(skill: &Path, words: &[PathBuf]) -> Command {
    let mut command = Command::new("bwrap");
    command.args([
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--hostname",
        "skilldeck",
    ]);
    command.args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    for name in ["bin", "sbin", "lib", "lib64"] {
        let path = Path::new("/").join(name);
        if let Ok(target) = fs::read_link(&path) {
            command.arg("--symlink").arg(target).arg(path);
        }
    }
    for path in ["/etc/ld.so.cache", "/etc/ssl/certs", "/etc/localtime", "/etc/alternatives"] {
        command.args(["--ro-bind-try", path, path]);
    }
    command.args(["--tmpfs", "/home", "--tmpfs", "/scratch"]);
    command.arg("--ro-bind").arg(skill).arg(skill).arg("--chdir").arg(skill).args(words);
    command
}
