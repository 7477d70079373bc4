//! A policy file without what no run has needed, as a proposal.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::proposal::Proposal;
use super::unused::{GrantUse, Standing, by_journal};
use crate::journal::Journal;
use crate::policy::{
    self, EditError, FILE_NAME, Origin, Permission, Places, Policy, Spot, remove_grant, replace_grant,
};
use crate::skill::{Diagnostic, Severity, Skill};

/// What runs say about a skill's own policy file, and the file as it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Tightening {
    /// In the order of the permissions and of the file.
    pub grants: Vec<GrantUse>,
    pub proposal: Proposal,
    /// Grants that could not be taken out, as written, and why.
    pub unwritable: Vec<(String, String)>,
    /// Entries that no run started which could have shown what they need.
    pub not_run: Vec<PathBuf>,
}

/// Nothing can be said; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum TightenError {
    #[error("{} asks for nothing: it has no {FILE_NAME}", .0)]
    NoFile(String),
    #[error("{}: {error}; make it a readable text file", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{}:{}:{}: {}; {}", .0.file.display(), .0.span.line, .0.span.column, .0.message, .0.help)]
    Broken(Box<Diagnostic>),
}

/// Look at the runs of a skill that the journal has.
pub fn tighten(skill: &Skill, places: &Places, journal: &Journal) -> Result<Tightening, TightenError> {
    let file = skill.path.join(FILE_NAME);
    let text = match policy::text(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(TightenError::NoFile(skill.name.clone()));
        }
        Err(error) => return Err(TightenError::Unreadable { path: file, error }),
    };
    let loaded = policy::parse(&text, &file, places);
    if let Some(error) = loaded.diagnostics.iter().find(|found| found.severity == Severity::Error) {
        return Err(TightenError::Broken(Box::new(error.clone())));
    }
    let grants = by_journal(&loaded.policy, &skill.path, journal);
    let (mut after, mut unwritable) = (text.clone(), Vec::new());
    for grant in &grants {
        let edited = match &grant.standing {
            Standing::Unneeded => {
                edit(&after, grant, &file, places, |spot| remove_grant(&after, spot, &file, places))
            }
            Standing::PartlyNeeded(narrower) => edit(&after, grant, &file, places, |spot| {
                replace_grant(&after, spot, narrower, &file, places)
            }),
            _ => continue,
        };
        match edited {
            Ok(text) => after = text,
            Err(error) => unwritable.push((grant.written.clone(), error.to_string())),
        }
    }
    let run: BTreeSet<&str> = grants.iter().flat_map(|grant| &grant.entries).map(String::as_str).collect();
    let not_run = skill.entries.iter().map(|entry| entry.file.clone());
    let not_run = not_run.filter(|file| !run.contains(&*file.to_string_lossy())).collect();
    Ok(Tightening { grants, proposal: Proposal { file, before: Some(text), after }, unwritable, not_run })
}

/// Edit the text at the grant, wherever earlier edits have moved it.
fn edit(
    text: &str,
    grant: &GrantUse,
    file: &std::path::Path,
    places: &Places,
    edit: impl FnOnce(Spot) -> Result<String, EditError>,
) -> Result<String, EditError> {
    let policy = policy::parse(text, file, places).policy;
    let line = if let Origin::File { line, .. } = grant.origin { line } else { 0 };
    let spot = find(&policy, grant).ok_or(EditError::Gone(line, grant.permission.name()))?;
    edit(spot)
}

fn find(policy: &Policy, grant: &GrantUse) -> Option<Spot> {
    fn of<T>(list: &[policy::Grant<T>], written: &str) -> Option<Origin> {
        list.iter().find(|grant| grant.written == written).map(|grant| grant.origin.clone())
    }
    let (permission, written) = (grant.permission, &grant.written);
    let origin = match permission {
        Permission::Read => of(&policy.read, written),
        Permission::Write => of(&policy.write, written),
        Permission::Net => of(&policy.net, written),
        Permission::Run => of(&policy.run, written),
        Permission::Env => of(&policy.env, written),
    };
    match origin? {
        Origin::File { line, column, .. } => Some(Spot { permission, line, column }),
        _ => None,
    }
}
