//! A run written down as a case: what it was given, and what came of it.
//!
//! The same run gives the same text. Values of variables are never written: where some were passed, what the script
//! printed may hold them, so output and files are then not compared. What the run read in the workspace is laid out with the
//! case, since a case sees nothing else of it.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::expect::Ending;
use super::{FOLDER, Places, parse, run};
use crate::policy::FILE_NAME;
use crate::run::report::{ChangeKind, Report};
use crate::run::source;
use crate::sandbox::event::{Operation, Verdict};
use crate::sandbox::plan::Plan;
use crate::skill::Skill;
use crate::skill::text::is_printable;
use crate::workspace::replace::replace;
use yaml::{inline, scalar};

mod yaml;

/// Longest text that is compared as a whole, and what is laid out at most.
const MAX_TEXT: usize = 64 * 1024;
const MAX_FILES: usize = 64;
/// Most files of which it is said that they were written.
const MAX_CHANGES: usize = 100;

/// What is to be saved.
#[derive(Debug, Clone, Copy)]
pub struct Saving<'a> {
    pub name: &'a str,
    pub skill: &'a Skill,
    pub workspace: &'a Path,
    pub report: &'a Report,
    /// Arguments of the script.
    pub args: &'a [String],
    pub stdin: &'a [u8],
    /// Replace a file of that name.
    pub force: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("the name of a case has 1 to 100 plain characters, with a letter or digit among them")]
    Name,
    #[error("{} is there already; choose another name, or replace it with --force", .0.display())]
    Exists(PathBuf),
    #[error("{0}")]
    Run(String),
    #[error("{}: {error}; the case is not saved", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// The file name of a case: its name in lower case, everything else as hyphens.
pub fn file_name(name: &str) -> Option<String> {
    if name.chars().count() > 100 || !name.chars().all(is_printable) {
        return None;
    }
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let stem = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    (!stem.is_empty()).then(|| format!("{stem}.yaml"))
}

/// The file that a case of this name is saved to.
pub fn can_save(skill: &Skill, name: &str, force: bool) -> Result<PathBuf, SaveError> {
    let folder = skill.path.join(FOLDER);
    if folder.is_symlink() {
        return Err(SaveError::Run(format!(
            "{} is a link; a case is saved in the skill itself",
            folder.display()
        )));
    }
    let file = folder.join(file_name(name).ok_or(SaveError::Name)?);
    if !force && file.symlink_metadata().is_ok() {
        return Err(SaveError::Exists(file));
    }
    Ok(file)
}

/// Write the case into the skill. Gives its file, and what somebody should know about it: one sentence each.
pub fn save(saving: Saving<'_>) -> Result<(PathBuf, Vec<String>), SaveError> {
    let file = can_save(saving.skill, saving.name, saving.force)?;
    let mut draft = Draft {
        places: Places { skill: saving.skill.path.clone(), workspace: real(saving.workspace) },
        saving,
        text: String::new(),
        notes: Vec::new(),
    };
    draft.write()?;
    let Draft { text, notes, .. } = draft;
    let read = parse(&text, &file, saving.skill);
    if let Some(problem) = read.diagnostics.first() {
        return Err(SaveError::Run(format!("this run makes no case: {}; {}", problem.message, problem.help)));
    }
    fs::create_dir_all(saving.skill.path.join(FOLDER))
        .and_then(|()| replace(&file, &text))
        .map_err(|error| SaveError::Io { path: file.clone(), error })?;
    Ok((file, notes))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

struct Draft<'a> {
    saving: Saving<'a>,
    places: Places,
    text: String,
    notes: Vec<String>,
}

impl Draft<'_> {
    fn write(&mut self) -> Result<(), SaveError> {
        let Saving { name, report, args, stdin, skill, .. } = self.saving;
        if report.outcome.is_none() {
            return Err(SaveError::Run("the run has not ended; save it afterwards".to_owned()));
        }
        let ending = Ending::of(report.outcome.as_ref());
        if let Ending::Other(words) = &ending {
            return Err(SaveError::Run(format!("this run makes no case: {words}")));
        }
        self.line(0, "name", &scalar(name, 0));
        if skill.entries.len() > 1 {
            self.line(0, "entry", &scalar(&report.entry, 0));
        }
        if !args.is_empty() {
            let items: Vec<String> = args.iter().map(|arg| inline(&self.places.name(arg))).collect();
            self.line(0, "args", &format!("[{}]", items.join(", ")));
        }
        if !stdin.is_empty() {
            let text = std::str::from_utf8(stdin).ok().filter(|text| text.len() <= MAX_TEXT);
            let text = text.ok_or_else(|| {
                SaveError::Run(
                    "the input is too long for a case, or no text; write the case by hand".to_owned(),
                )
            })?;
            let text = self.places.name(text);
            self.line(0, "stdin", &scalar(&text, 0));
        }
        let cwd = if report.cwd == self.places.workspace {
            "workspace"
        } else if report.cwd == Path::new(Plan::SCRATCH) {
            "scratch"
        } else {
            "skill"
        };
        self.line(0, "cwd", cwd);
        let policy = self.policy()?;
        self.line(0, "policy", &policy);
        let secret = self.variables();
        self.files();
        self.line(0, "expect", "");
        self.line(1, "exit", &ending.to_string());
        self.output(secret);
        self.changes(cwd, secret);
        // Which variables are set outside is not the run's doing; a case sets its own.
        let mut denials = run::denials(&report.denials, &self.places);
        denials.retain(|denial| !denial.starts_with("env "));
        if denials.is_empty() {
            self.line(1, "denials", "none");
        } else {
            self.line(1, "denials", "");
            for denial in denials {
                let _ = writeln!(self.text, "    - {}", inline(&denial));
            }
        }
        Ok(())
    }

    fn line(&mut self, depth: usize, key: &str, value: &str) {
        let gap = if value.is_empty() { "" } else { " " };
        let _ = writeln!(self.text, "{}{key}:{gap}{value}", "  ".repeat(depth));
    }

    fn policy(&self) -> Result<String, SaveError> {
        let Some(file) = self.saving.report.policy.sources.first() else { return Ok("default".to_owned()) };
        let skill = &self.saving.skill.path;
        match real(Path::new(file)).strip_prefix(skill) {
            Ok(inside) if inside == Path::new(FILE_NAME) => Ok("own".to_owned()),
            Ok(inside) => Ok(inline(&format!("../{}", inside.display()))),
            Err(_) => Err(SaveError::Run(format!(
                "{file} is not in the skill, so a case cannot name it; put it into {}",
                skill.join(FOLDER).display()
            ))),
        }
    }

    /// Names of the variables that were passed. Whether there are any.
    fn variables(&mut self) -> bool {
        let granted = self.saving.report.policy.permissions["env"].as_array();
        let names: Vec<String> =
            granted.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
        let set: Vec<&String> = names.iter().filter(|name| std::env::var_os(name).is_some()).collect();
        if set.is_empty() {
            return false;
        }
        self.text.push_str("env:\n");
        for name in &set {
            let _ = writeln!(self.text, "  {name}: placeholder");
        }
        let names = set.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        self.notes.push(format!(
            "{names} was passed to the run: its value is not saved, and output and files, which may hold it, are not compared; set a value for tests under `env`"
        ));
        true
    }

    /// What the run read in the workspace.
    fn files(&mut self) {
        let (report, workspace) = (self.saving.report, &self.places.workspace);
        let written = |path: &Path| report.changes.iter().any(|change| change.path == path);
        let mut paths: Vec<&Path> = report
            .files
            .iter()
            .filter(|file| file.operation == Operation::Read && file.verdict == Verdict::Allowed)
            .map(|file| file.path.as_path())
            .filter(|path| {
                path.starts_with(workspace) && !path.starts_with(&self.places.skill) && path.is_file()
            })
            .collect();
        paths.sort_unstable();
        paths.dedup();
        let (mut laid, mut left) = (Vec::new(), 0_usize);
        for path in paths {
            let text =
                if written(path) || laid.len() >= MAX_FILES { None } else { small_text(workspace, path) };
            match (text, path.strip_prefix(workspace)) {
                (Some(text), Ok(below)) => laid.push((below.display().to_string(), text)),
                _ => left += 1,
            }
        }
        if left > 0 {
            self.notes.push(format!(
                "{left} files that the run read are not laid out (changed by the run, too many, too long, or no text); put them under `files`"
            ));
        }
        if laid.is_empty() {
            return;
        }
        let names = laid.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        self.notes.push(format!("laid out with the case, because the run read it: {names}"));
        self.text.push_str("files:\n");
        for (name, text) in laid {
            self.line(1, &inline(&name), &scalar(&text, 1));
        }
    }

    fn output(&mut self, secret: bool) {
        let report = self.saving.report;
        if secret {
            return;
        }
        if report.stdout_truncated || report.stdout.len() > MAX_TEXT {
            self.notes
                .push("stdout is too long to be compared as a whole; add `contains` or `regex`".to_owned());
            return;
        }
        let text = self.places.name(&report.stdout);
        self.line(1, "stdout", "");
        self.line(2, "equals", &scalar(&text, 2));
    }

    /// Files that came or changed.
    fn changes(&mut self, cwd: &str, secret: bool) {
        let mut lines = Vec::new();
        for change in &self.saving.report.changes {
            let root = if change.path.starts_with(&self.places.skill) {
                ("skill", &self.places.skill)
            } else {
                ("workspace", &self.places.workspace)
            };
            let Ok(below) = change.path.strip_prefix(root.1) else { continue };
            // A folder, or what was captured and not kept, has no content here.
            let text = small_text(root.1, &change.path).filter(|_| change.kept != Some(false) && !secret);
            let below = below.display().to_string();
            let name = if root.0 == cwd { below } else { format!("${{{}}}/{below}", root.0) };
            let deleted = change.kind == ChangeKind::Deleted;
            if !deleted && change.kept != Some(false) && !change.path.is_file() {
                continue;
            }
            let expected = match text {
                _ if deleted => "{exists: false}".to_owned(),
                Some(text) => scalar(&self.places.name(&text), 2),
                None => "{exists: true}".to_owned(),
            };
            lines.push((name, expected));
        }
        if lines.is_empty() {
            return;
        }
        if lines.len() > MAX_CHANGES {
            self.notes
                .push(format!("the run changed {} files; the first {MAX_CHANGES} are compared", lines.len()));
        }
        self.line(1, "files", "");
        for (name, expected) in lines.into_iter().take(MAX_CHANGES) {
            self.line(2, &inline(&name), &expected);
        }
    }
}

/// The text of a file, through no link; `None` when it is long or no text.
fn small_text(root: &Path, path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    source::open(root, path).ok()?.take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (text.len() <= MAX_TEXT && !text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_file_names() {
        assert_eq!(file_name("Counts the notes!"), Some("counts-the-notes.yaml".to_owned()));
        assert_eq!(file_name("../../etc"), Some("etc.yaml".to_owned()));
        for wrong in ["", "  ", "..", "a\nb", &"x".repeat(101)] {
            assert_eq!(file_name(wrong), None, "{wrong}");
        }
    }
}
