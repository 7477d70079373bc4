//! How fast the workbench answers, in a terminal, beside programs that people know: less, htop, tmux.
//!
//! `cargo bench --bench workbench`, or only some of it: `-- first-frame save idle frame flood`. `FLOOD_LINES` takes another number than 10,000,000. A peer that is not installed is
//! left out, and its place says so.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a benchmark prints its figures and stops when it cannot"
)]

#[path = "workbench/flood.rs"]
mod flood;
#[path = "workbench/frame.rs"]
mod frame;
#[path = "measure/table.rs"]
mod table;
#[path = "workbench/terminal.rs"]
mod terminal;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use skilldeck::workspace::samples;
use table::{median, ms, row};
use terminal::{Terminal, wake_ups};

const FEW: usize = 50;
const MANY: usize = 10_000;
const STARTS: usize = 40;
const SAVES: usize = 30;
const IDLE: Duration = Duration::from_secs(5);

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let parts: [(&str, fn()); 5] = [
        ("first-frame", first_frame),
        ("save", save_to_screen),
        ("idle", idle),
        ("frame", frame::rows),
        ("flood", flood::rows),
    ];
    table::head();
    for (name, rows) in parts {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            rows();
        }
    }
}

/// The workbench on a folder, with a clean environment.
fn workbench(workspace: &Path) -> Command {
    let mut command = clean(Path::new(env!("CARGO_BIN_EXE_skilldeck")), workspace);
    command.env("COLORTERM", "truecolor").env("EDITOR", "true");
    command
}

/// A program with nothing of this user's in its environment.
fn clean(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("TERM", "xterm-256color").env("HOME", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C.UTF-8");
    command
}

fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The figure of a peer, or that there is none.
fn beside(name: &str, figure: impl FnOnce(&Path) -> String) -> String {
    peer(name)
        .map_or_else(|| format!("{name}: not installed"), |program| format!("{name}: {}", figure(&program)))
}

/// A workspace of `count` skills named `skill-00000` and so on, each with a script.
fn skills(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let skill = folder.path().join(format!(".skills/skill-{number:05}"));
        fs::create_dir_all(skill.join("scripts")).unwrap();
        fs::write(skill.join("SKILL.md"), manifest(&format!("skill-{number:05}"))).unwrap();
        fs::write(skill.join("scripts/run.sh"), "#!/bin/sh\necho done\n").unwrap();
    }
    folder
}

fn manifest(name: &str) -> String {
    format!(
        "---\nname: {name}\ndescription: Counts words in files. Use when asked how long a text is.\n---\n\n# Words\n\n\
         Run `scripts/run.sh FILE`.\n"
    )
}

fn first_frame() {
    let folder = skills(FEW);
    let manifest = folder.path().join(".skills/skill-00000/SKILL.md");
    let times = |start: &dyn Fn() -> Duration| {
        let mut times: Vec<Duration> = (0..STARTS).map(|_| start()).collect();
        median(&mut times)
    };
    let own = |folder: &Path, text: &str| Terminal::start(workbench(folder), 80, 24).shows(text);
    let less = beside("less", |program| {
        ms(times(&|| {
            let mut command = clean(program, folder.path());
            command.arg(&manifest);
            Terminal::start(command, 80, 24).shows("Counts words")
        }))
    });
    let htop = beside("htop", |program| {
        ms(times(&|| Terminal::start(clean(program, folder.path()), 80, 24).shows("Quit")))
    });
    let servers = Cell::new(0);
    let tmux = beside("tmux", |program| {
        ms(times(&|| {
            // A server of its own each time: the one before may still be ending.
            let socket = folder.path().join(format!("tmux-{}", servers.replace(servers.get() + 1)));
            let mut command = clean(program, folder.path());
            command.arg("-S").arg(&socket).args(["-f", "/dev/null", "new-session", "cat"]);
            let terminal = Terminal::start(command, 80, 24);
            let time = terminal.shows("[0]");
            clean(program, folder.path()).arg("-S").arg(&socket).arg("kill-server").status().unwrap();
            time
        }))
    });
    let figure = ms(times(&|| own(folder.path(), "skilldeck")));
    row("first frame, 50 skills", &figure, "10 ms", &format!("{less}, {htop}, {tmux}"));
    row("  first skill read and shown", &ms(times(&|| own(folder.path(), "Counts words"))), "", "");
    let folder = skills(MANY);
    // The first fills the page cache.
    let _ = own(folder.path(), "Counts words");
    let mut first: Vec<_> = (0..5).map(|_| own(folder.path(), "Counts words")).collect();
    row("first frame with skills, 10,000 skills", &ms(median(&mut first)), "100 ms", "");
    let mut all: Vec<_> = (0..3).map(|_| own(folder.path(), "10,000 skills")).collect();
    row("  all of them read", &ms(median(&mut all)), "", "");
}

fn save_to_screen() {
    let folder = skills(FEW);
    let mut terminal = Terminal::start(workbench(folder.path()), 120, 40);
    terminal.wait_for("50 skills");
    // The watches are placed when all is read.
    terminal.settle(Duration::from_millis(500));
    let file = folder.path().join(".skills/skill-00000/SKILL.md");
    let mut times: Vec<Duration> = (0..SAVES)
        .map(|number| {
            let name = format!("other-{number:02}");
            terminal.settle(Duration::from_millis(200));
            let begin = Instant::now();
            fs::write(&file, manifest(&name)).unwrap();
            terminal.wait_for(&format!("the name `{name}`"));
            begin.elapsed()
        })
        .collect();
    row("save to diagnostics on screen", &ms(median(&mut times)), "60 ms", "");
}

fn idle() {
    let folder = tempfile::tempdir().unwrap();
    samples::write_to(&folder.path().join(".skills")).unwrap();
    let quiet = |command: Command, text: &str| {
        let mut terminal = Terminal::start(command, 120, 40);
        terminal.wait_for(text);
        terminal.settle(Duration::from_secs(1));
        let (written, woken) = (terminal.written, wake_ups(terminal.pid()));
        terminal.pass(IDLE);
        let woken = wake_ups(terminal.pid()) - woken;
        (terminal.written - written, woken as f64 / IDLE.as_secs_f64())
    };
    let (bytes, woken) = quiet(workbench(folder.path()), "red-team");
    let htop = beside("htop", |program| {
        let (bytes, woken) = quiet(clean(program, folder.path()), "Quit");
        format!("{bytes} B, {woken:.1}/s")
    });
    row("idle for 5 s, bytes written", &format!("{bytes} B"), "0 B", &htop);
    row("  wake-ups", &format!("{woken:.1}/s"), "2/s", "");
}
