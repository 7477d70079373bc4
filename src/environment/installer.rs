//! Starts installers: in a process group of their own, with few variables, their output line by line.
//!
//! An installer runs as the user, outside the sandbox, on a list that a stranger wrote. So it starts in a folder of ours
//! (uv and npm take settings from the folder they start in), and gets only the variables that say where things are:
//! requirements must not be able to send secrets to a server of their choice.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::io::{self, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::build::Progress;

/// Longest line that is passed on, lines that are kept for telling why it failed, and bytes of an answer.
const MAX_LINE: u64 = 4096;
const KEPT_LINES: usize = 40;
const MAX_ANSWER: u64 = 64 * 1024;

/// How often a cancelled build is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// Variables that are passed on, beside those with a prefix below: where things are, and how the network is reached.
const VARIABLES: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// The installers' own settings, which the user made.
const PREFIXES: [&str; 3] = ["PIP_", "UV_", "NPM_CONFIG_"];

/// How a command ended.
pub(super) enum Ended {
    Well,
    Badly { status: ExitStatus, last_lines: Vec<String> },
    Cancelled,
}

/// A command in `folder`, with the variables of `caller` that an installer needs.
pub(super) fn command(program: &Path, folder: &Path, caller: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).env_clear();
    command.envs(caller.iter().filter(|(name, _)| {
        let upper = name.to_uppercase();
        VARIABLES.contains(&upper.as_str()) || PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
    }));
    command
}

/// Run to the end, passing on each line.
pub(super) fn run(
    mut command: Command,
    progress: &mut dyn FnMut(Progress<'_>),
    cancelled: &AtomicBool,
) -> io::Result<Ended> {
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = command.spawn()?;
    // Its ends of the pipe: else the reader would wait for us.
    drop(command);
    let (tell, told) = mpsc::sync_channel(64);
    let reading = std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        while let Some(line) = next_line(&mut reader) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    let mut last_lines = VecDeque::new();
    let mut stop = false;
    loop {
        match told.recv_timeout(LOOK) {
            Ok(line) => {
                progress(Progress::Line(&line));
                if last_lines.len() == KEPT_LINES {
                    last_lines.pop_front();
                }
                last_lines.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !stop && cancelled.load(Ordering::Relaxed) {
            // Not reaped yet, so the number is still its own.
            stop = true;
            let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
        }
    }
    let status = child.wait()?;
    let _ = reading.join();
    Ok(match status {
        _ if stop => Ended::Cancelled,
        status if status.success() => Ended::Well,
        status => Ended::Badly { status, last_lines: last_lines.into() },
    })
}

/// The next line, its end cut off when it is too long; `None` at the end.
fn next_line(reader: &mut BufReader<io::PipeReader>) -> Option<String> {
    use std::io::BufRead;
    let mut line = Vec::new();
    let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
    if length as u64 == MAX_LINE && !line.ends_with(b"\n") {
        let mut rest = Vec::new();
        while reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut rest).ok()? > 0 && !rest.ends_with(b"\n")
        {
            rest.clear();
        }
    }
    (length > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// What a short command says on its standard output: the version of a program.
pub(super) fn ask(mut command: Command, arguments: &[impl AsRef<OsStr>]) -> Option<String> {
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut text = String::new();
    let read = child.stdout.take()?.take(MAX_ANSWER).read_to_string(&mut text);
    let status = child.wait().ok()?;
    (read.is_ok() && status.success()).then(|| text.trim().to_owned())
}
