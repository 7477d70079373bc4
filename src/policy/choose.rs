//! Which policy is in force for a run: the built-in default, the skill's own file, or a file of the user's.
//!
//! A skill's own file is a request. Unless the user approves it or puts it in force it is only remembered, so that a
//! refusal can say "asked, not approved".

use std::path::{Path, PathBuf};

use super::approvals::Approvals;
use super::hints::hints;
use super::load::{FILE_NAME, Loaded, Places, load, text};
use super::model::Policy;
use super::review::diagnose;
use crate::skill::rules;
use crate::skill::{Diagnostic, Severity, Skill, Span};

/// Where the policy of a run comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    Default,
    /// The skill's own `policy.yaml` when what it asks for was approved, else the default.
    Approved(&'a Approvals),
    /// The skill's own `policy.yaml`.
    Own,
    File(&'a Path),
}

/// The answer of [`choose`].
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    pub policy: Policy,
    /// What the skill's own file asks for, when that is not in force.
    pub asked: Option<Policy>,
    /// Warnings about the file in force; all findings about a file that only asks.
    pub diagnostics: Vec<Diagnostic>,
}

/// No policy can be put in force; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    #[error("{}: {error}; give the path of a readable policy file", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} has errors and is not put in force:{}", path.display(), lines(diagnostics))]
    Broken { path: PathBuf, diagnostics: Vec<Diagnostic> },
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).take(20);
    errors.fold(String::new(), |text, d| {
        format!("{text}\n  {}:{}: {}; {}", d.span.line, d.span.column, d.message, d.help)
    })
}

/// Work out the policy in force for a run of `skill`.
pub fn choose(skill: &Skill, source: Source<'_>, places: &Places) -> Result<Chosen, ChooseError> {
    let own = skill.path.join(FILE_NAME);
    let mut chosen = match source {
        Source::Own if own.symlink_metadata().is_err() => Chosen::default(),
        Source::Own => in_force(&own, places)?,
        Source::File(file) => {
            let file = std::path::absolute(file)
                .map_err(|error| ChooseError::Unreadable { path: file.to_owned(), error })?;
            let mut chosen = in_force(&file, places)?;
            if file != own {
                ask(&own, places, &mut chosen);
            }
            chosen
        }
        Source::Default => asked_only(&own, places),
        Source::Approved(approvals) => {
            let asked = asked_only(&own, places);
            let has_errors = asked.diagnostics.iter().any(|found| found.severity == Severity::Error);
            match asked.asked {
                Some(policy) if !has_errors && approvals.cover(&own, &policy) => {
                    Chosen { policy, asked: None, ..asked }
                }
                asking => Chosen { asked: asking, ..asked },
            }
        }
    };
    // What other formats say comes last: of two that ask for the same, the policy file is named.
    chosen.asked = Some(chosen.asked.unwrap_or_default().merged(hints(skill, places)));
    Ok(chosen)
}

/// What is wrong with the skill's own policy file, and what it asks for in vain.
pub fn check(skill: &Skill, places: &Places) -> Vec<Diagnostic> {
    let file = skill.path.join(FILE_NAME);
    match text(&file) {
        Ok(text) => diagnose(&text, &file, places),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => vec![Diagnostic {
            severity: rules::POLICY_UNREADABLE.severity,
            code: rules::POLICY_UNREADABLE.code,
            file,
            span: Span { line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 },
            message: format!("the policy file cannot be read: {error}"),
            help: "make it a readable text file in UTF-8, or remove it".to_owned(),
            fix: None,
        }],
    }
}

fn in_force(file: &Path, places: &Places) -> Result<Chosen, ChooseError> {
    let loaded =
        load(file, places).map_err(|error| ChooseError::Unreadable { path: file.to_owned(), error })?;
    if loaded.has_errors() {
        return Err(ChooseError::Broken { path: file.to_owned(), diagnostics: loaded.diagnostics });
    }
    let Loaded { policy, diagnostics } = loaded;
    Ok(Chosen { policy, asked: None, diagnostics })
}

fn asked_only(file: &Path, places: &Places) -> Chosen {
    let mut chosen = Chosen::default();
    ask(file, places, &mut chosen);
    chosen
}

/// Remember what a file asks for. One that cannot be read asks for nothing.
fn ask(file: &Path, places: &Places, chosen: &mut Chosen) {
    if let Ok(Loaded { policy, diagnostics }) = load(file, places) {
        chosen.asked = Some(policy);
        chosen.diagnostics.extend(diagnostics);
    }
}
