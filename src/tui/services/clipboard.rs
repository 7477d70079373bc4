//! The clipboard of this machine, beside that of the terminal: for terminals that do not take OSC 52.
//!
//! The program that keeps the clipboard is started on a thread of its own and gets two seconds: nobody waits for it,
//! and one that hangs is ended. Over ssh the clipboard of this machine is not the one that the user has. tmux takes OSC 52
//! from programs only where it is configured so, but a text that it is given goes on to the terminal around it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::loader::spawn;
use crate::policy::programs;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program that takes a text on its standard input, and its arguments.
type Tool = (PathBuf, &'static [&'static str]);

/// Put a text into the clipboards that there are.
pub fn copy(text: &str) {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    multiplexer(&variable).into_iter().chain(tool(&variable)).for_each(|tool| give(tool, text.to_owned()));
}

fn give((program, arguments): Tool, text: String) {
    spawn("clipboard", move || {
        let mut command = Command::new(program);
        command.args(arguments).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return };
        // Its own thread: a program that does not read would be waited for.
        if let Some(mut input) = child.stdin.take() {
            spawn("clipboard-text", move || {
                let _ = input.write_all(text.as_bytes());
            });
        }
        let until = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                // Not reaped yet, so the number is still its own.
                let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
                let _ = child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

/// tmux, when the workbench runs in it: its own buffer, and with `-w` the clipboard of its terminal.
fn multiplexer(variable: &dyn Fn(&str) -> Option<String>) -> Option<Tool> {
    variable("TMUX")?;
    Some((programs::find("tmux", &variable("PATH")?)?, &["load-buffer", "-w", "-"]))
}

/// The program for the display that there is.
fn tool(variable: &dyn Fn(&str) -> Option<String>) -> Option<Tool> {
    if variable("SSH_CONNECTION").is_some() || variable("SSH_TTY").is_some() {
        return None;
    }
    let path = variable("PATH")?;
    let known: [(bool, &str, &[&str]); 5] = [
        (cfg!(target_os = "macos"), "pbcopy", &[]),
        (variable("WAYLAND_DISPLAY").is_some(), "wl-copy", &[]),
        (variable("DISPLAY").is_some(), "xclip", &["-selection", "clipboard"]),
        (variable("DISPLAY").is_some(), "xsel", &["--input", "--clipboard"]),
        (variable("WSL_DISTRO_NAME").is_some(), "clip.exe", &[]),
    ];
    let there = known.into_iter().filter(|(fits, ..)| *fits);
    there.into_iter().find_map(|(_, name, arguments)| Some((programs::find(name, &path)?, arguments)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_program_fits_the_display() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["wl-copy", "xsel"] {
            let file = dir.path().join(name);
            std::fs::write(&file, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = dir.path().display().to_string();
        let found = |set: &[&str]| {
            let value = |name: &str| {
                if name == "PATH" { Some(path.clone()) } else { set.contains(&name).then(|| "1".to_owned()) }
            };
            tool(&value).map(|(program, _)| program.file_name().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(found(&["WAYLAND_DISPLAY", "DISPLAY"]).as_deref(), Some("wl-copy"));
        assert_eq!(found(&["DISPLAY"]).as_deref(), Some("xsel"), "there is no xclip");
        assert_eq!(found(&[]), None);
        assert_eq!(found(&["DISPLAY", "SSH_CONNECTION"]), None);
    }
}
