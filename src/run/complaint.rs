//! Source lines out of what interpreters themselves say on stderr, for those whose stack cannot be read from outside.
//!
//! A shell complains with the line (`digest.sh: 46: wc: Permission denied`), Node prints the stack of an error nobody
//! caught. Such a line blames nobody by itself: it is used only for a refusal that the sandbox reported and whose
//! target it names, and only when it points into the skill.

use std::path::{Path, PathBuf};

use super::missing::MissingModules;
use super::source;
use crate::sandbox::event::Frame;
use crate::skill::Language;

/// Longest line, most complaints, and most lines of a stack that are looked at.
const MAX_LINE: usize = 2048;
const MAX_COMPLAINTS: usize = 256;
const MAX_FRAMES: usize = 16;

/// Reads one run's stderr.
#[derive(Debug, Clone)]
pub(super) struct Complaints {
    language: Language,
    skill: PathBuf,
    cwd: PathBuf,
    line: Vec<u8>,
    found: Vec<Complaint>,
    /// The last complaint is a Node error whose stack is still coming.
    in_stack: bool,
    missing: MissingModules,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Complaint {
    message: String,
    /// Innermost first, all in the skill.
    frames: Vec<Frame>,
}

impl Complaints {
    pub(super) fn new(language: Language, skill: &Path, cwd: &Path) -> Self {
        let (skill, cwd) = (skill.to_owned(), cwd.to_owned());
        let missing = MissingModules::default();
        Self { language, skill, cwd, line: Vec::new(), found: Vec::new(), in_stack: false, missing }
    }

    /// Modules that were not found.
    pub(super) fn missing(&self) -> &MissingModules {
        &self.missing
    }

    /// Take a piece of stderr. Returns from which complaint on there is something new to ask for.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.found.len().saturating_sub(1);
        let mut new = false;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                new |= self.take(String::from_utf8_lossy(&line).trim_end());
            }
        }
        new.then_some(before)
    }

    fn take(&mut self, line: &str) -> bool {
        let own = |file: &str, number, function: &str| own(&self.skill, &self.cwd, file, number, function);
        self.missing.take(line, &own);
        match self.language {
            Language::Node => self.node(line),
            Language::Sh | Language::Bash => {
                let frame =
                    shell(line).and_then(|(file, number, message)| Some((message, own(file, number, "")?)));
                frame.is_some_and(|(message, frame)| self.add(message, vec![frame]))
            }
            _ => false,
        }
    }

    fn add(&mut self, message: &str, frames: Vec<Frame>) -> bool {
        let room = self.found.len() < MAX_COMPLAINTS;
        if room {
            self.found.push(Complaint { message: message.to_owned(), frames });
        }
        room
    }

    /// `Error: EACCES: permission denied, open '/etc/shadow'`, then `    at main (file:///…/a.mjs:3:14)`.
    fn node(&mut self, line: &str) -> bool {
        if line.contains("Error: ") {
            self.in_stack = self.add(line, Vec::new());
            return false;
        }
        if !self.in_stack || !line.trim_start().starts_with("at ") {
            self.in_stack = false;
            return false;
        }
        let frame = node_frame(line)
            .and_then(|(file, number, function)| own(&self.skill, &self.cwd, file, number, function));
        let Some(frame) = frame else { return false };
        let Some(last) = self.found.last_mut().filter(|last| last.frames.len() < MAX_FRAMES) else {
            return false;
        };
        last.frames.push(frame);
        true
    }

    /// The stack of the first complaint, from `first` on, that names `target`: whole, relative to where the run started, or, for a
    /// program, by its name.
    pub(super) fn about(&self, first: usize, target: &str, program: bool) -> Option<&[Frame]> {
        let relative = Path::new(target).strip_prefix(&self.cwd).ok().and_then(Path::to_str);
        let name = if program { target.rsplit('/').next() } else { None };
        let names: Vec<&str> = [Some(target), relative, name].into_iter().flatten().collect();
        let found = self.found.iter().skip(first).filter(|complaint| !complaint.frames.is_empty());
        found.filter(|c| names.iter().any(|name| mentions(&c.message, name))).map(|c| &*c.frames).next()
    }
}

/// A line of the skill's own code.
fn own(skill: &Path, cwd: &Path, file: &str, line: u32, function: &str) -> Option<Frame> {
    let file = source::own(skill, &cwd.join(file))?;
    Some(Frame { file, line, function: function.to_owned() })
}

/// File, line and function of `    at main (file:///…/a.mjs:3:14)`.
pub(super) fn node_frame(line: &str) -> Option<(&str, u32, &str)> {
    let call = line.trim_start().strip_prefix("at ")?;
    let (function, place) = match call.split_once(" (") {
        Some((function, place)) => (function, place.trim_end_matches(')')),
        None => ("", call),
    };
    let place = place.strip_prefix("file://").unwrap_or(place);
    let mut parts = place.rsplitn(3, ':');
    let (_column, number, file) = (parts.next(), parts.next()?, parts.next()?);
    Some((file, number.parse().ok()?, function))
}

/// `FILE: 46: MESSAGE` of dash, `FILE: line 46: MESSAGE` of bash.
fn shell(line: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = line.split_once(": ")?;
    let (number, message) = rest.strip_prefix("line ").unwrap_or(rest).split_once(": ")?;
    Some((file, number.parse().ok()?, message))
}

/// Whether `text` holds `name` and not just as a part of a longer word or path.
fn mentions(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
            !before.is_some_and(part) && !after.is_some_and(|c| part(c) && c != '.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(language: Language, text: &str) -> (tempfile::TempDir, Complaints) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        let mut complaints = Complaints::new(language, folder.path(), folder.path());
        let text = text.replace("DIR", &folder.path().display().to_string());
        for byte in text.as_bytes() {
            complaints.feed(&[*byte]);
        }
        (folder, complaints)
    }

    fn line(complaints: &Complaints, target: &str, program: bool) -> Option<u32> {
        complaints.about(0, target, program).map(|frames| frames[0].line)
    }

    #[test]
    fn shells_name_their_line() {
        let text = "noise\nDIR/a: 46: wc: Permission denied\nDIR/a: line 7: /usr/bin/git: Permission denied\n/else/a: 9: ls: no\nDIR/a: 12: cannot create out/x: Read-only file system\n";
        let (folder, found) = complaints(Language::Sh, text);
        assert_eq!(line(&found, "/usr/bin/wc", true), Some(46));
        assert_eq!(line(&found, "/usr/bin/git", true), Some(7));
        assert_eq!(line(&found, "/usr/bin/ls", true), None, "not a file of the skill");
        assert_eq!(line(&found, "/usr/bin/c", true), None, "a part of a word is no mention");
        let target = folder.path().join("out/x").display().to_string();
        assert_eq!(line(&found, &target, false), Some(12));
    }

    #[test]
    fn node_prints_the_stack() {
        let text = "node:fs:1\nError: EACCES: permission denied, open '/etc/shadow'\n    at openSync (node:fs:601:3)\n    at main (file://DIR/a:3:14)\n    at file://DIR/a:9:1 {\n  errno: -13\n";
        let (_folder, found) = complaints(Language::Node, text);
        let frames = found.about(0, "/etc/shadow", false).unwrap();
        assert_eq!((frames[0].line, frames[0].function.as_str()), (3, "main"));
        assert_eq!(line(&found, "/etc/shado", false), None);
    }

    #[test]
    fn floods_are_bounded() {
        let long = "x".repeat(100_000);
        let text = format!("{long}\n{}", "DIR/a: 1: wc: no\n".repeat(1000));
        let (_folder, found) = complaints(Language::Bash, &text);
        assert_eq!((found.found.len(), found.line.len()), (MAX_COMPLAINTS, 0));
        assert_eq!(complaints(Language::Python, "DIR/a: 1: wc: no\n").1.found, []);
    }
}
