//! What a skill's own policy file asks for, and what the user has said to it. Made for showing, at the command line and in
//! the workbench: what is shown and what is approved is one reading of the file.

use std::io;
use std::path::{Path, PathBuf};

use similar::{Algorithm, TextDiff};

use super::approvals::Approvals;
use super::choose::ChooseError;
use super::load::{self, FILE_NAME, Loaded, Places};
use super::model::{Origin, Policy};

/// A policy file without errors, as a request.
#[derive(Debug, Clone)]
pub struct Request {
    pub file: PathBuf,
    pub policy: Policy,
    pub approved: bool,
    text: String,
    /// What was approved last, when that was something else.
    before: Option<String>,
}

impl Request {
    /// The request in a skill's folder; `None` when it has no policy file.
    pub fn read(skill: &Path, approvals: &Approvals, places: &Places) -> Result<Option<Self>, ChooseError> {
        let file = skill.join(FILE_NAME);
        if file.symlink_metadata().is_err() {
            return Ok(None);
        }
        let text = match load::text(&file) {
            Ok(text) => text,
            Err(error) => return Err(ChooseError::Unreadable { path: file, error }),
        };
        let loaded = load::parse(&text, &file, places);
        if loaded.has_errors() {
            return Err(ChooseError::Broken { path: file, diagnostics: loaded.diagnostics });
        }
        let Loaded { policy, .. } = loaded;
        let approved = approvals.cover(&file, &policy);
        let before = approvals.latest(&file).filter(|_| !approved);
        Ok(Some(Self { file, policy, approved, text, before }))
    }

    /// One that stands in no file.
    #[cfg(test)]
    pub(crate) fn written(text: &str, file: &Path, before: Option<&str>) -> Self {
        let policy = load::parse(text, file, &Places { workspace: "/w".into(), home: None }).policy;
        let (file, before) = (file.to_owned(), before.map(str::to_owned));
        Self { file, policy, approved: false, text: text.to_owned(), before }
    }

    /// The policy file as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether both ask for the same.
    pub fn asks_for_the_same(&self, other: &Self) -> bool {
        self.file == other.file && self.policy.digest() == other.policy.digest()
    }

    /// Put it in force until it asks for something else.
    pub fn approve(&mut self, approvals: &Approvals) -> io::Result<()> {
        approvals.approve(&self.file, &self.policy, &self.text)?;
        (self.approved, self.before) = (true, None);
        Ok(())
    }

    /// The same until the program ends, where it cannot be kept.
    pub fn approve_for_now(&mut self, approvals: &Approvals) {
        approvals.approve_for_now(&self.file, &self.policy);
        (self.approved, self.before) = (true, None);
    }

    /// Each thing that it asks for beyond the default, in plain words, with its place in the file.
    pub fn sentences(&self) -> Vec<(String, String)> {
        let place = |origin: &Origin| match origin {
            Origin::File { line, .. } => format!("{FILE_NAME}:{line}"),
            other => other.to_string(),
        };
        self.policy.describe().into_iter().map(|said| (said.text, place(&said.origin))).collect()
    }

    /// How the text differs from what was approved last, as a unified diff.
    pub fn changes(&self) -> Option<String> {
        let before = self.before.as_deref()?;
        let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before, &self.text);
        Some(diff.unified_diff().header("approved", FILE_NAME).to_string())
    }
}
