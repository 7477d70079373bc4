//! The same payloads elsewhere, judged by their effect alone: under bubblewrap, or without any sandbox.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::battery::Attack;
use super::{PROGRAM, Probe, canaries, judge};

/// Elsewhere to run the same payloads, for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compare {
    /// Under bubblewrap with the same view
    Bwrap,
    /// Without any sandbox; only attacks that touch nothing but the probe's own things
    Bare,
}

impl Probe<'_> {
    /// The same payload elsewhere: what it did there.
    pub(super) fn compare(
        &mut self,
        attack: &Attack,
        how: Compare,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Option<(String, String)>> {
        let (name, mut command) = match how {
            // Nothing bounds what a resource attack takes there.
            Compare::Bwrap if attack.group() == "resources" => return Ok(None),
            Compare::Bare if !attack.harmless => return Ok(None),
            // Grants are a thing of this program's.
            _ if !attack.grants.is_empty() => return Ok(None),
            Compare::Bwrap => ("bwrap", bwrap(&self.skill.path)),
            Compare::Bare => ("bare", Command::new(self.skill.path.join(PROGRAM))),
        };
        let nonce = canaries::token();
        self.canaries.facts.bare = how == Compare::Bare;
        let words = self.words(attack.name, &nonce);
        self.canaries.facts.bare = false;
        let words = words?;
        let said = self.canaries.root.join("said");
        command.args(words);
        let (ended, visited) = self.canaries.visit(attack.name, || bounded(&mut command, &said));
        if let Err(error) = ended {
            let note = format!("{name}: left out, it cannot be started: {error}");
            if !notes.contains(&note) {
                notes.push(note);
            }
            return Ok(None);
        }
        let stdout = String::from_utf8_lossy(&std::fs::read(&said)?).into_owned();
        let mut effects = self.canaries.effects(&stdout, &nonce);
        let Some(said) = judge::evidence(&stdout, &nonce) else {
            return Ok(Some((name.into(), "did not run".into())));
        };
        effects.extend(said.gained.iter().map(|what| format!("inside: {what}")));
        effects.extend(visited.then(|| "a connection from the host was answered".to_owned()));
        let effect = if effects.is_empty() { "none".into() } else { effects.join("; ") };
        Ok(Some((name.into(), effect)))
    }
}

/// Run to the end, but no longer than a payload may take: one that stops the other sandbox's first process would wait
/// for ever. What it prints goes to the file.
fn bounded(command: &mut Command, said: &Path) -> std::io::Result<()> {
    const LONGEST: Duration = Duration::from_secs(6);
    command.stdin(Stdio::null()).stdout(std::fs::File::create(said)?).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > LONGEST {
            child.kill()?;
            child.wait()?;
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// The view of a run under bubblewrap.
fn bwrap(skill: &Path) -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]);
    // What an attack changes of the kernel's settings would be the host's: bwrap leaves /proc/sys writable to root.
    command.args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]);
    command.args(["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/scratch"]);
    for name in ["bin", "sbin", "lib", "lib64"] {
        let path = PathBuf::from("/").join(name);
        if let Ok(target) = std::fs::read_link(&path) {
            command.arg("--symlink").arg(target).arg(path);
        }
    }
    command.args(["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]);
    command.arg("--ro-bind").arg(skill).arg(skill).arg("--chdir").arg(skill);
    command.arg("--").arg(skill.join(PROGRAM));
    command
}
