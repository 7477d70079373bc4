//! Themes of the real program: following the terminal, the user's own, the command.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)] // other tests use more of it
mod pty;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pty::{Terminal, skilldeck};
use tempfile::TempDir;

/// Backgrounds of the themes dark and light, as they are written to the terminal.
const DARK: &str = "48;2;21;24;30";
const LIGHT: &str = "48;2;251;250;247";

fn workspace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let skill = dir.path().join(".skills/greet");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    fs::write(
        skill.join("SKILL.md"),
        "---\nname: greet\ndescription: Greets. Use when somebody arrives.\n---\n",
    )
    .unwrap();
    fs::write(skill.join("scripts/greet.sh"), "#!/bin/sh\necho it ran\n").unwrap();
    dir
}

fn open(command: Command) -> Terminal {
    let terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("greet");
    terminal.wait_for("? help");
    terminal
}

/// How often something was written to the terminal.
fn count(terminal: &Terminal, text: &str) -> usize {
    String::from_utf8_lossy(&terminal.raw()).matches(text).count()
}

/// Wait until what is drawn from now on has that colour.
#[track_caller]
fn wait_ground(terminal: &Terminal, ground: &str, before: usize) {
    terminal.wait(ground, |_| count(terminal, ground) > before);
}

#[test]
fn the_theme_follows_what_the_terminal_says() {
    let dir = workspace();
    let mut terminal = open(skilldeck(dir.path()));
    assert!(count(&terminal, DARK) > 0 && count(&terminal, LIGHT) == 0);
    terminal.wait("the question", |_| count(&terminal, "\x1b]11;?\x1b\\") == 1);
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    let (frame, question) = (raw.find("skilldeck").unwrap(), raw.find("\x1b[?2031h").unwrap());
    assert!(frame < question, "the terminal was asked before the first frame");
    // The answer comes in two pieces.
    terminal.keys("\x1b]11;rgb:fa");
    terminal.keys("fa/fafa/fafa\x1b\\");
    wait_ground(&terminal, LIGHT, 0);
    // Later the terminal says by itself that it is dark now, and light again.
    let before = count(&terminal, DARK);
    terminal.keys("\x1b[?997;1n");
    wait_ground(&terminal, DARK, before);
    let before = count(&terminal, LIGHT);
    terminal.keys("\x1b[?997;2n");
    wait_ground(&terminal, LIGHT, before);
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
    assert_eq!(count(&terminal, "\x1b[?2031l"), 1, "told to say no more");
}

#[test]
fn answers_that_are_late_broken_or_not_asked_for_do_nothing() {
    let dir = workspace();
    let mut terminal = open(skilldeck(dir.path()));
    terminal.wait_quiet(Duration::from_millis(300));
    let before = terminal.text();
    // Each holds letters that are keys: r runs, q quits, 2 shows the runs.
    for answer in [
        "\x1b]11;rgb:rrrr/qqqq/2222\x1b\\",
        "\x1b]11;rgb:22/22\x07",
        "\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
        "\x1b[?997;3n",
        "\x1b[?2031;2$y",
        "\x1b[?62;22c",
        "\x1bP>|qr 2\x1b\\",
        "\x1b_Gi=31;rq\x1b\\",
        "\x1b[5;2R",
    ] {
        terminal.keys(answer);
    }
    terminal.keys(&format!("\x1b]11;{}\x1b\\", "rq2".repeat(4000)));
    terminal.wait_quiet(Duration::from_millis(400));
    assert_eq!(terminal.text(), before);
    // One that never ends is given up, and keys work again.
    terminal.keys("\x1b]11;rgb:22");
    std::thread::sleep(Duration::from_millis(700));
    terminal.keys("2");
    terminal.wait("the tab Run", |screen| screen != before);
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn a_theme_that_was_named_asks_nothing_and_stays() {
    let dir = workspace();
    let mut command = skilldeck(dir.path());
    command.args(["--theme", "dark"]);
    let mut terminal = open(command);
    terminal.keys("\x1b[?997;2n");
    terminal.wait_quiet(Duration::from_millis(300));
    assert_eq!(count(&terminal, LIGHT), 0);
    terminal.keys("q");
    terminal.wait_end();
    for question in ["\x1b[?2031", "\x1b[?996", "\x1b]11"] {
        assert_eq!(count(&terminal, question), 0, "{question:?}");
    }
}

#[test]
fn an_answer_that_is_still_on_its_way_does_not_reach_the_shell() {
    let dir = workspace();
    let mut terminal = open(skilldeck(dir.path()));
    terminal.wait("the question", |_| count(&terminal, "\x1b]11;?\x1b\\") == 1);
    terminal.keys("q");
    std::thread::sleep(Duration::from_millis(20));
    terminal.keys("\x1b[?997;1n\x1b]11;rgb:0000/0000/0000\x1b\\");
    assert_eq!(terminal.wait_end().code(), Some(0));
    assert_eq!(count(&terminal, "rgb:0000"), 0, "the shell's terminal has echoed it");
}

#[test]
fn signals_end_the_reports_too() {
    let dir = workspace();
    let mut terminal = open(skilldeck(dir.path()));
    terminal.wait("the question", |_| count(&terminal, "\x1b[?2031h") == 1);
    terminal.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(terminal.wait_end().code(), Some(143));
    assert_eq!(count(&terminal, "\x1b[?2031l"), 1);
}

/// A theme in the user's folder, which the test's home holds.
fn write_theme(home: &Path, ground: &str) {
    let folder = home.join(".config/skilldeck/themes");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("name = 'mine'\nkind = 'dark'\ninherits = 'dark'\n[palette]\nbase00 = {ground}\n");
    fs::write(folder.join("mine.toml"), text).unwrap();
}

#[test]
fn a_theme_of_one_s_own_is_seen_while_it_is_written() {
    let dir = workspace();
    write_theme(dir.path(), "'#010203'");
    let mut command = skilldeck(dir.path());
    command.args(["--theme", "mine"]);
    let mut terminal = open(command);
    assert!(count(&terminal, "48;2;1;2;3") > 0);
    // The watch comes after the first frame; it reads once more when it is in place.
    write_theme(dir.path(), "'#040506'");
    wait_ground(&terminal, "48;2;4;5;6", 0);
    write_theme(dir.path(), "'#0405'");
    terminal.wait_for("mine.toml:5:10: base00: `#0405` is not a colour");
    write_theme(dir.path(), "'#070809'");
    wait_ground(&terminal, "48;2;7;8;9", 0);
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
}

#[test]
fn the_settings_name_a_theme_and_their_mistakes_are_told() {
    let dir = workspace();
    let folder = dir.path().join(".config/skilldeck");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "theme = 'light'\nascii = true\n").unwrap();
    let mut terminal = open(skilldeck(dir.path()));
    assert!(count(&terminal, LIGHT) > 0 && count(&terminal, DARK) == 0);
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    terminal.keys("q");
    terminal.wait_end();

    fs::write(folder.join("config.toml"), "theme = 'lihgt'\n").unwrap();
    let mut terminal = Terminal::start(skilldeck(dir.path()), 100, 30);
    terminal.wait_for("theme lihgt: no such theme");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
}

#[test]
fn a_terminal_that_shows_no_screens_is_not_taken() {
    let dir = workspace();
    let mut command = skilldeck(dir.path());
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("TERM is dumb");
    assert_eq!(terminal.wait_end().code(), Some(2));
    assert!(!terminal.raw().contains(&0x1b));
}

fn themes(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = skilldeck(home).arg("themes").args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_command_lists_shows_and_checks() {
    let dir = workspace();
    write_theme(dir.path(), "'#010203'");
    let (code, list) = themes(dir.path(), &[]);
    assert_eq!(code, Some(0));
    for name in ["high-contrast", "tritanopia-light", "terminal", "mine"] {
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {list}");
    }
    let file = dir.path().join(".config/skilldeck/themes/mine.toml");
    let (code, told) = themes(dir.path(), &["--check", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("0 errors, 0 warnings"), "{told}");
    write_theme(dir.path(), "'#999999'");
    let (code, told) = themes(dir.path(), &["--check", file.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(told.contains("text has a contrast of "), "{told}");
    write_theme(dir.path(), "'#01'");
    let (code, told) = themes(dir.path(), &["--check", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(told.contains("mine.toml:5:10") && told.contains("theme-colour"), "{told}");
    // Into a pipe without colours, forced with.
    let (code, sample) = themes(dir.path(), &["--show", "tritanopia"]);
    assert_eq!(code, Some(0));
    assert!(sample.contains("syntax-keyword") && !sample.contains('\x1b'), "{sample}");
    let output =
        skilldeck(dir.path()).args(["themes", "--show", "dark"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\x1b[38;2;"));
    assert_eq!(themes(dir.path(), &["--show", "nonsense"]).0, Some(2));
}
