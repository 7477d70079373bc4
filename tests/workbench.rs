//! The real program in a real terminal.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "workbench/demo.rs"]
mod demo;
#[path = "workbench/form.rs"]
mod form;
#[path = "workbench/greet.rs"]
mod greet;
#[path = "workbench/hands.rs"]
mod hands;
mod pty;
#[path = "workbench/tmux.rs"]
mod tmux;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use greet::{is_running, open, open_skill, script_of, workspace};
use nix::sys::signal::Signal;
use pty::{Terminal, skilldeck};

#[test]
fn it_starts_and_leaves_the_terminal_as_it_was() {
    let dir = workspace("echo hi");
    let mut terminal = open(dir.path());
    assert_ne!(terminal.modes(), terminal.before, "raw mode");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn signals_that_end_it_restore_the_terminal() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGINT, 130)] {
        let dir = workspace("echo hi");
        let mut terminal = open(dir.path());
        terminal.signal(signal);
        assert_eq!(terminal.wait_end().code(), Some(code), "{signal}");
        terminal.assert_restored();
    }
}

#[test]
fn it_ends_when_its_terminal_is_gone() {
    let dir = workspace("echo hi");
    let status = pty::hang_up(skilldeck(dir.path()), "greet");
    assert_eq!(status.code(), Some(129));
}

#[test]
fn a_run_does_not_outlive_the_workbench() {
    let dir = workspace("echo alive; while :; do :; done");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("alive");
    let script = script_of(dir.path());
    assert!(is_running(&script));
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    assert!(!is_running(&script));
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_restores_the_terminal_and_is_told() {
    let dir = workspace("echo hi");
    let mut command = skilldeck(dir.path());
    command.env("SKILLDECK_TEST_PANIC", "1");
    let mut terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("greet");
    terminal.keys("\x1b[24~");
    assert_eq!(terminal.wait_end().code(), Some(101));
    terminal.assert_restored();
    assert!(terminal.text().contains("failed on purpose"), "{}", terminal.text());
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let dir = workspace("echo hi");
    let output = skilldeck(dir.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("is not a terminal") && text.contains("skilldeck list"), "{text}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_theme_that_is_not_there_is_said_before_the_terminal_is_taken() {
    let dir = workspace("echo hi");
    let mut command = skilldeck(dir.path());
    command.args(["--theme", "nonsense"]);
    let mut terminal = Terminal::start(command, 100, 30);
    assert_eq!(terminal.wait_end().code(), Some(2));
    assert!(terminal.text().contains("no such theme"));
    assert!(!String::from_utf8_lossy(&terminal.raw()).contains("\x1b[?1049h"));
}

#[test]
fn it_lives_through_every_size() {
    let dir = workspace("echo hi");
    let mut terminal = open(dir.path());
    for (columns, rows) in [(1, 1), (3, 10), (10, 3), (400, 2), (24, 7), (80, 24), (2, 100), (1, 1)] {
        terminal.resize(columns, rows);
        terminal.keys("jk");
    }
    terminal.resize(100, 30);
    terminal.wait_for("? help");
    terminal.wait_for("SKILL.md");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn no_color_means_no_colour() {
    let dir = workspace("printf '\\033[31mred\\033[0m\\n'");
    let mut command = skilldeck(dir.path());
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("greet");
    terminal.keys("r");
    terminal.wait_for("exit 0");
    terminal.keys("q");
    terminal.wait_end();
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    for sequence in raw.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m')).map(|(start, _)| start)
    {
        let numbers = sequence.split(';').filter_map(|n| n.parse::<u32>().ok());
        if sequence.chars().all(|c| c.is_ascii_digit() || c == ';') {
            let colours: Vec<u32> =
                numbers.filter(|n| matches!(n, 30..=38 | 40..=48 | 90..=97 | 100..=107)).collect();
            assert!(colours.is_empty(), "ESC[{sequence}m");
        }
    }
}

#[test]
fn what_a_skill_prints_is_shown_and_never_obeyed() {
    let script = r"printf 'before \033]52;c;aGVsbG8=\007 \033]0;owned\007\033[?1049l\033[2J\033[?1000h after\n'
printf '\033]52;c;aGVsbG8=\n'
printf '\302\2335n\302\220q\n\033[6n\033c'";
    let dir = workspace(script);
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("exit 0");
    terminal.wait_for("before   after");
    terminal.wait_for("52;c;aGVsbG8=");
    let raw = terminal.raw();
    // But for what the workbench itself asks.
    let text = String::from_utf8_lossy(&raw).replace("\x1b]11;?\x1b\\", "");
    for sequence in ["\x1b]", "\x1bP", "\x1b[6n", "\x1b[5n", "\x1bc", "\u{9b}", "\u{90}", "\x07"] {
        assert!(!text.contains(sequence), "{sequence:?} reached the terminal");
    }
    assert_eq!(text.matches("\x1b[?1049l").count(), 0, "left the alternate screen");
    terminal.keys("q");
    terminal.wait_end();
    terminal.assert_restored();
}

#[test]
fn output_is_shown_while_the_skill_still_runs() {
    let dir = workspace("echo one; while :; do :; done; echo finished");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("one");
    terminal.wait_for("running");
    terminal.keys("c");
    terminal.wait_for("cancelled");
    assert!(!terminal.text().contains("finished"));
}

#[test]
fn a_denial_is_opened_and_edited_away() {
    let dir = workspace("cat /etc/shadow\necho done");
    let script = dir.path().join(".skills/greet/scripts/greet.sh");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait("a denial", |screen| screen.contains("1 denial") || screen.contains(" denials"));
    terminal.keys("\r");
    terminal.wait_for("Denial 1 of");
    terminal.wait_for("DENIED");
    // Saved in place, as an editor does: it runs again by itself, says why, and the denial is gone.
    fs::write(&script, "#!/bin/sh\necho done\n").unwrap();
    terminal.wait_for("re-run: scripts/greet.sh");
    terminal.wait_for("nothing was refused");
    terminal.wait_for("exit 0");
}

#[test]
fn a_denial_is_allowed_with_one_key() {
    let dir = workspace("while read line; do echo \"$line\"; done < ../../note.txt");
    fs::write(dir.path().join("note.txt"), "the note\n").unwrap();
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("1 denial");
    terminal.keys("a");
    terminal.wait_for("the note");
    terminal.wait_for("policy.yaml approved");
    terminal.wait_for("nothing was refused");
    let policy = fs::read_to_string(dir.path().join(".skills/greet/policy.yaml")).unwrap();
    assert!(policy.contains("note.txt"), "{policy}");
    // Its own writing is no reason to run again.
    terminal.wait_quiet(Duration::from_millis(600));
    assert!(!terminal.text().contains("re-run"), "{}", terminal.text());
}

#[test]
fn the_editor_gets_the_terminal_and_gives_it_back() {
    let dir = workspace("echo hi");
    let editor = dir.path().join("vi");
    fs::write(
        &editor,
        "#!/bin/sh\necho \"$@\" > \"$HOME/asked\"; stty -a > \"$HOME/modes\"; echo '# edited' >> \"$2\"\n",
    )
    .unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = skilldeck(dir.path());
    command.env("EDITOR", &editor);
    let mut terminal = Terminal::start(command, 100, 30);
    terminal.wait_for("greet");
    terminal.keys("\tjje");
    terminal.wait_for("# edited");
    let asked = fs::read_to_string(dir.path().join("asked")).unwrap();
    assert!(asked.starts_with("+3 ") && asked.trim().ends_with("SKILL.md"), "{asked}");
    let modes = fs::read_to_string(dir.path().join("modes")).unwrap();
    assert!(modes.contains(" icanon") && modes.contains(" echo"), "{modes}");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn a_case_is_saved_from_a_run_and_runs_again_on_save() {
    let dir = workspace("echo hi");
    let skill = dir.path().join(".skills/greet");
    let mut terminal = open(dir.path());
    terminal.keys("r");
    terminal.wait_for("exit 0");
    terminal.keys("Ssays hi\r");
    terminal.wait_for("saved as cases/says-hi.yaml");
    terminal.keys("4");
    terminal.wait_for("not run yet");
    terminal.keys("r");
    terminal.wait_for("1 passed");
    fs::write(skill.join("scripts/greet.sh"), "#!/bin/sh\necho hello\n").unwrap();
    terminal.wait_for("+hello");
    terminal.wait_for("-hi");
    // The case itself, corrected.
    let case = skill.join("cases/says-hi.yaml");
    let text = fs::read_to_string(&case).unwrap();
    fs::write(&case, text.replace("hi\\n", "hello\\n")).unwrap();
    terminal.wait_for("1 passed");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn a_fix_is_made_in_the_real_file_and_taken_back() {
    let dir = workspace("echo hi");
    let manifest = dir.path().join(".skills/greet/SKILL.md");
    let before = "---\nname: Greet\ndescription: Greets people. Use when somebody arrives.\n---\n# Greet\n\n\tkept  as it is \n";
    fs::write(&manifest, before).unwrap();
    let read = || fs::read_to_string(&manifest).unwrap();
    let mut terminal = open(dir.path());
    terminal.wait_for("name-characters");
    terminal.keys("F");
    terminal.wait_for("+ name: greet");
    assert_eq!(read(), before, "nothing is written before it is seen");
    terminal.keys("\r");
    terminal.wait_for("takes it back");
    assert_eq!(read(), before.replace("name: Greet", "name: greet"));
    terminal.wait("the diagnostic to go", |screen| !screen.contains("name-characters"));
    terminal.keys("u");
    terminal.wait_for("took back");
    assert_eq!(read(), before);
    terminal.wait_for("name-characters");
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn a_grant_that_no_run_needed_is_removed_and_taken_back_to_the_byte() {
    let dir = workspace("read -r line < ../../notes.txt && echo \"$line\"");
    for file in ["notes.txt", "other.txt"] {
        fs::write(dir.path().join(file), "hello from the notes\n").unwrap();
    }
    let policy = dir.path().join(".skills/greet/policy.yaml");
    let before = "# What greeting needs.\npermissions:\n  read:\n    # who comes\n    - \"${workspace}/notes.txt\"\n\
                  \x20   - \"${workspace}/other.txt\" # in vain\n  env: [GREETING] # kept\n";
    fs::write(&policy, before).unwrap();
    let mut terminal = open(dir.path());
    terminal.keys("3");
    terminal.wait_for("3 asked, not approved");
    terminal.keys("t");
    terminal.wait_for("What policy.yaml asks for");
    terminal.keys("\r");
    terminal.wait_for("policy.yaml is approved and in force");
    terminal.keys("r");
    terminal.wait_for("hello from the notes");
    terminal.wait_for("exit 0");
    terminal.keys("3");
    terminal.wait_for("1 unused");
    terminal.keys("gjjd");
    terminal.wait_for("no longer grants read: ${workspace}/other.txt");
    terminal.keys("\r");
    terminal.wait_for("the removal of read: ${workspace}/other.txt; u takes it back");
    let after = before.replace("    - \"${workspace}/other.txt\" # in vain\n", "");
    assert_eq!(fs::read_to_string(&policy).unwrap(), after);
    // It is in force without another question: less is granted than was approved.
    terminal.wait_for("1 change in this session");
    terminal.wait_for("policy.yaml is approved and in force");
    terminal.keys("u");
    terminal.wait_for("took back the removal of read: ${workspace}/other.txt");
    assert_eq!(fs::read_to_string(&policy).unwrap(), before);
    terminal.keys("q");
    assert_eq!(terminal.wait_end().code(), Some(0));
    terminal.assert_restored();
}

#[test]
fn copying_goes_to_the_clipboard_of_the_terminal() {
    let dir = workspace("echo hi");
    let mut terminal = open(dir.path());
    terminal.keys("\tjy");
    terminal.wait_for("copied the line");
    // base64 of `name: greet`
    assert!(String::from_utf8_lossy(&terminal.raw()).contains("\x1b]52;c;bmFtZTogZ3JlZXQ="));
}

#[test]
fn idle_writes_nothing_and_hardly_wakes() {
    let dir = workspace("echo hi");
    let terminal = open(dir.path());
    terminal.wait_quiet(Duration::from_millis(400));
    let (written, woken) = (terminal.raw().len(), wakeups(&terminal));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(terminal.raw().len(), written);
    let more = wakeups(&terminal) - woken;
    assert!(more <= 4, "{more} wake-ups in two seconds");
}

/// Voluntary context switches of all threads.
fn wakeups(terminal: &Terminal) -> u64 {
    let tasks = format!("/proc/{}/task", terminal.pid());
    let of = |task: &Path| -> Option<u64> {
        let status = fs::read_to_string(task.join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().last()?.parse().ok()
    };
    fs::read_dir(tasks).unwrap().flatten().filter_map(|task| of(&task.path())).sum()
}

#[test]
fn an_empty_folder_offers_the_samples() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(skilldeck(dir.path()), 100, 30);
    terminal.wait_for("No skills here yet");
    terminal.keys("o");
    terminal.wait_for("red-team");
    assert!(dir.path().join(".skills/red-team/SKILL.md").is_file());
}

#[test]
fn a_picture_is_made_of_the_real_screen() {
    let dir = workspace("echo hello from inside");
    let run = |keys: &str| {
        let output =
            skilldeck(dir.path()).args(["screenshot", "--size", "90x20", "--keys", keys]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("r").contains(">hello from inside</text>"));
    assert_eq!(run("<tab>j"), run("<tab>j"));
    let bad =
        Command::new(env!("CARGO_BIN_EXE_skilldeck")).args(["screenshot", "--size", "0x0"]).output().unwrap();
    assert_eq!(bad.status.code(), Some(2));
}
