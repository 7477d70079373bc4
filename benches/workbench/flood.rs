//! A skill that prints without end: how long the workbench takes to swallow it, and how fast it answers keys meanwhile.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::table::{median, ms, row};
use super::terminal::{Terminal, peak_memory};
use super::{beside, clean, workbench};

/// Lines of 97 bytes.
const LINES: usize = 10_000_000;
/// What tmux is given: all of it would take minutes.
const TMUX_SHARE: usize = 20;
const KEYS: usize = 300;

const SCRIPT: &str = r#"#!/usr/bin/env python3
import sys
line = b"0123456789abcdef " * 5 + b"0123456789\n"
block = line * 1000
for _ in range(int(sys.argv[1]) // 1000):
    sys.stdout.buffer.write(block)
"#;

const POLICY: &str = "limits:\n  output: 100GB\n  wall: 10m\n  cpu: 10m\n";

pub fn rows() {
    let lines = std::env::var("FLOOD_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(LINES);
    let folder = tempfile::tempdir().unwrap();
    let skill = folder.path().join(".skills/flood");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    let script = skill.join("scripts/flood.py");
    fs::write(skill.join("SKILL.md"), super::manifest("flood")).unwrap();
    fs::write(&script, SCRIPT).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(skill.join("policy.yaml"), POLICY).unwrap();
    let mut approve = workbench(folder.path());
    assert!(approve.args(["approve", "flood", "--yes"]).stdout(Stdio::null()).status().unwrap().success());
    swallow(folder.path(), &script, lines);
    keys(folder.path());
}

fn swallow(folder: &Path, script: &Path, lines: usize) {
    let bare = plain_reader(script, lines);
    let tmux = beside("tmux", |program| {
        let share = lines / TMUX_SHARE;
        let mut command = clean(program, folder);
        let flood = format!("python3 {} {share}; echo THE END; cat", script.display());
        command.args(["-f", "/dev/null", "-L", "flood", "new-session", &flood]);
        let mut terminal = Terminal::start(command, 120, 40);
        let time = terminal.wait_for("THE END");
        clean(program, folder).args(["-L", "flood", "kill-server"]).status().unwrap();
        format!("{} for a {TMUX_SHARE}th of it", ms(time))
    });
    let mut terminal = started(folder, lines);
    let begin = Instant::now();
    terminal.keys("\r");
    terminal.wait_for("exit 0");
    let time = begin.elapsed();
    let memory = peak_memory(terminal.pid());
    let megabytes = lines * 97 / 1_000_000;
    let figure = format!("x {:.2}", time.as_secs_f64() / bare.as_secs_f64());
    let peer = format!("{} after {} to a plain reader; {tmux}", ms(time), ms(bare));
    row(&format!("{lines} lines ({megabytes} MB) from a skill"), &figure, "x 1.5", &peer);
    row("  most memory of the workbench", &format!("{memory} MiB"), "64 MiB", "");
}

/// The same script, its output read and thrown away.
fn plain_reader(script: &Path, lines: usize) -> Duration {
    let begin = Instant::now();
    let mut child =
        Command::new("python3").arg(script).arg(lines.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut bytes = vec![0; 64 * 1024];
    while output.read(&mut bytes).unwrap() > 0 {}
    assert!(child.wait().unwrap().success());
    begin.elapsed()
}

/// The workbench with the flood's argument typed in, its Run tab in front; Enter runs it.
fn started(folder: &Path, lines: usize) -> Terminal {
    let mut terminal = Terminal::start(workbench(folder), 120, 40);
    terminal.wait_for("1 skill");
    terminal.keys("2i");
    terminal.wait_for("input of");
    // What an earlier start has left goes.
    terminal.keys(&format!("\x15{lines}"));
    terminal.settle(Duration::from_millis(300));
    terminal
}

/// While it floods: the time from a key to what it changes on the screen.
fn keys(folder: &Path) {
    let mut terminal = started(folder, 1_000_000_000);
    terminal.keys("\r");
    terminal.wait_for("0123456789abcdef");
    terminal.pass(Duration::from_millis(300));
    // The list gets wider and narrower: its border moves.
    let border = |screen: &vt100::Screen| {
        (20..60).find(|column| screen.cell(5, *column).is_some_and(|cell| cell.contents() == "│"))
    };
    let mut times: Vec<Duration> = (0..KEYS)
        .map(|number| {
            terminal.pass(Duration::from_millis(7));
            let before = border(terminal.screen());
            assert!(before.is_some(), "the list has no border:\n{}", terminal.text());
            terminal.keys(if number % 2 == 0 { ">" } else { "<" });
            terminal.wait("a wider list", |screen| border(screen).is_some_and(|now| Some(now) != before))
        })
        .collect();
    terminal.keys("c");
    let tmux = beside("tmux", |program| tmux_keys(program, folder));
    row("key to screen while flooding, median", &ms(median(&mut times)), "", &tmux);
    row("  99 of 100", &ms(times[times.len() * 99 / 100]), "16 ms", "");
}

/// The same of tmux: a flood in one pane, an echo in the other.
fn tmux_keys(program: &Path, folder: &Path) -> String {
    let mut command = clean(program, folder);
    command.args(["-f", "/dev/null", "-L", "keys", "new-session", "yes 0123456789abcdef", ";"]);
    command.args(["split-window", "-h", "cat"]);
    let mut terminal = Terminal::start(command, 120, 40);
    terminal.wait_for("0123456789abcdef");
    terminal.pass(Duration::from_millis(500));
    let typed = |screen: &vt100::Screen| screen.contents().matches('@').count();
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            terminal.pass(Duration::from_millis(7));
            let before = typed(terminal.screen());
            terminal.keys("@");
            terminal.wait("an echo", |screen| typed(screen) > before)
        })
        .collect();
    clean(program, folder).args(["-L", "keys", "kill-server"]).status().unwrap();
    let middle = median(&mut times);
    format!("{}, 90 of 100 within {}", ms(middle), ms(times[times.len() * 9 / 10]))
}
