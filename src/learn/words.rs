//! What was learned, in plain words; the command line and the workbench say the same.

use std::path::Path;

use super::rounds::{Learned, Lesson};
use crate::policy::Remedy;
use crate::run::report::Denial;
use crate::sandbox::event::{Frame, Operation};

/// `read: [./data]`, as it stands in a policy file.
pub fn grant(remedy: &Remedy) -> String {
    format!("{}: [{}]", remedy.permission, remedy.add)
}

/// `scripts/main.py:12 reads /w/notes.txt`.
pub fn why(denial: &Denial, skill: &Path) -> String {
    let verb = match denial.operation {
        Operation::Read => "reads",
        Operation::Write => "writes",
        Operation::Create => "makes",
        Operation::Delete => "deletes",
        Operation::Execute => "starts",
        Operation::Connect => "connects to",
        Operation::Listen => "waits for connections at",
        Operation::Signal => "signals",
        Operation::Spawn | Operation::Syscall => "calls",
        Operation::Env => "looks at the variable",
    };
    let who = place(denial, skill).unwrap_or_else(|| format!("{} (line not known)", denial.program));
    format!("{who} {verb} {}", short(Path::new(&denial.target), skill))
}

/// The innermost line of the skill's own, or of what it uses.
pub fn place(denial: &Denial, skill: &Path) -> Option<String> {
    frame(denial, skill).map(|frame| frame.place(&short(&frame.file, skill)))
}

pub fn frame<'a>(denial: &'a Denial, skill: &Path) -> Option<&'a Frame> {
    denial.blame.iter().find(|frame| frame.file.starts_with(skill)).or_else(|| denial.blame.first())
}

fn short(path: &Path, skill: &Path) -> String {
    match path.strip_prefix(skill) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

/// Why a grant opens more than what was refused.
pub fn wide(lesson: &Lesson) -> Option<String> {
    const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "python3", "python", "node", "perl"];
    let (denial, add) = (&lesson.denial, &lesson.remedy.add);
    let target = Path::new(&denial.target);
    match denial.operation {
        Operation::Write | Operation::Create | Operation::Delete => {
            let name = target.file_name()?.to_str()?;
            (!add.ends_with(name))
                .then(|| format!("opens the whole folder: `{name}` is made or replaced in it"))
        }
        Operation::Read => target.is_dir().then(|| "opens everything in the folder".to_owned()),
        Operation::Execute if SHELLS.contains(&add.as_str()) => {
            Some("runs any code that it is given, under this policy".to_owned())
        }
        Operation::Connect => {
            let host = denial.target.rsplit_once(':').map_or("", |(host, _)| host);
            let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
            is_address.then(|| "an address: names change hands less often".to_owned())
        }
        _ => None,
    }
}

/// What is left for the user, in one line; `None` when nothing is.
pub fn left(learned: &Learned) -> Option<String> {
    let held = learned.lessons.iter().filter(|lesson| lesson.held.is_some()).count();
    let parts = [
        (learned.undecided.len(), "for you to decide"),
        (held, "not tried"),
        (learned.refused.len(), "that nothing can allow"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
