//! What was learned, as a change of a policy file, and that change carried out.

use std::io;
use std::path::{Path, PathBuf};

use similar::{Algorithm, TextDiff};

use super::rounds::{Lesson, order};
use crate::policy::{self, Approvals, Permission, Places, Policy, Remedy, Request, add_grant};
use crate::workspace::replace::replace;

/// A policy file as it is and as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub file: PathBuf,
    /// `None` where there is no file yet.
    pub before: Option<String>,
    pub after: String,
}

/// One wider grant in place of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wider {
    pub remedy: Remedy,
    pub instead_of: Vec<Remedy>,
}

/// Why a proposal was not written; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{} has changed meanwhile; nothing was written: try again", .0.display())]
    Changed(PathBuf),
    #[error("{}: {error}; nothing was written", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl Proposal {
    /// The file with the grants of these lessons, and those of them that it cannot be given, each with the reason.
    pub fn of(
        file: &Path,
        before: Option<String>,
        lessons: &[Lesson],
        places: &Places,
    ) -> (Self, Vec<(Remedy, String)>) {
        let mut left = Vec::new();
        let mut after = before.clone().unwrap_or_default();
        for lesson in lessons {
            match add_grant(&after, &lesson.remedy, file, places) {
                Ok(text) => after = text,
                Err(error) => left.push((lesson.remedy.clone(), error.to_string())),
            }
        }
        (Self { file: file.to_owned(), before, after }, left)
    }

    pub fn is_empty(&self) -> bool {
        self.before.as_deref().unwrap_or_default() == self.after
    }

    /// The change as a unified diff; empty when there is none.
    pub fn diff(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let before = self.before.as_deref().unwrap_or_default();
        let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before, &self.after);
        let from = if self.before.is_some() { name.as_ref() } else { "/dev/null" };
        diff.unified_diff().context_radius(2).header(from, &name).to_string()
    }

    /// Write it, unless the file is not what it was.
    pub fn write(&self) -> Result<(), ApplyError> {
        let failed = |error| ApplyError::Io { path: self.file.clone(), error };
        match policy::text(&self.file) {
            Ok(now) if self.before.as_deref() == Some(&now) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.before.is_none() => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => return Err(ApplyError::Changed(self.file.clone())),
        }
        replace(&self.file, &self.after).map_err(failed)
    }
}

/// Put a skill's own file in force as it is now. Says whether that holds for good.
pub fn approve(skill: &Path, approvals: &Approvals, places: &Places) -> io::Result<()> {
    match Request::read(skill, approvals, places) {
        Ok(Some(mut request)) => request.approve(approvals),
        Ok(None) => Ok(()),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

/// What a file asks for beyond these lessons, as `read: [./data]`: agreeing puts the whole file in force. Nothing when it is
/// in force already.
pub fn also_asked(
    file: &Path,
    text: &str,
    lessons: &[Lesson],
    in_force: &Policy,
    places: &Places,
) -> Vec<Remedy> {
    if in_force.sources.iter().any(|source| source == file) {
        return Vec::new();
    }
    let asked = policy::parse(text, file, places).policy;
    let written = |permission: Permission| -> Vec<&str> {
        match permission {
            Permission::Read => asked.read.iter().map(|grant| grant.written.as_str()).collect(),
            Permission::Write => asked.write.iter().map(|grant| grant.written.as_str()).collect(),
            Permission::Net => asked.net.iter().map(|grant| grant.written.as_str()).collect(),
            Permission::Run => asked.run.iter().map(|grant| grant.written.as_str()).collect(),
            Permission::Env => asked.env.iter().map(|grant| grant.written.as_str()).collect(),
        }
    };
    let all = Permission::ALL.into_iter().flat_map(|permission| {
        written(permission).into_iter().map(move |written| Remedy::new(permission, written))
    });
    all.filter(|asked| !lessons.iter().any(|lesson| lesson.remedy == *asked)).collect()
}

/// Grants that could stand for several of these: the folder of three files, a host for its ports.
pub fn wider(lessons: &[Lesson]) -> Vec<Wider> {
    let mut found: Vec<Wider> = Vec::new();
    for lesson in lessons {
        for remedy in lesson.denial.alternatives.iter().filter(|wide| **wide != lesson.remedy) {
            let own = lesson.remedy.clone();
            match found.iter_mut().find(|wide| wide.remedy == *remedy) {
                Some(wide) => wide.instead_of.push(own),
                None => found.push(Wider { remedy: remedy.clone(), instead_of: vec![own] }),
            }
        }
    }
    let enough = |wide: &Wider| {
        let least = if wide.remedy.permission == Permission::Net.name() { 2 } else { 3 };
        wide.instead_of.len() >= least
    };
    found.retain(enough);
    // Of two that stand for the same the narrower one comes first in each denial.
    let mut seen: Vec<Vec<Remedy>> = Vec::new();
    found.retain(|wide| {
        let new = !seen.contains(&wide.instead_of);
        seen.push(wide.instead_of.clone());
        new
    });
    found.sort_by(|a, b| order(&a.remedy).cmp(&order(&b.remedy)));
    found
}
