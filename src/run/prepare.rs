//! Works out the plan of a run. Pure: looks at the file system, changes nothing, starts nothing.

use std::path::PathBuf;
use std::sync::Arc;

use crate::policy::Policy;
use crate::sandbox::plan::{Observe, Plan};
use crate::skill::{Entry, Skill};

/// What somebody wants to run, and under which policy.
#[derive(Debug, Clone)]
pub struct RunRequest {
    pub skill: Arc<Skill>,
    pub entry: Entry,
    pub args: Vec<String>,
    /// Standard input.
    pub input: Vec<u8>,
    pub cwd: WorkingDirectory,
    /// The folder that holds `.skills/`.
    pub workspace: PathBuf,
    /// The policy in force.
    pub policy: Policy,
    /// What the skill's own file asks for beyond it; shown, not granted.
    pub asked: Option<Policy>,
    pub observe: Observe,
    pub require_full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum WorkingDirectory {
    #[default]
    Skill,
    Workspace,
    Scratch,
}

/// A request with its plan.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub request: RunRequest,
    pub plan: Plan,
}

/// Why a run cannot be planned; each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("interpreter not found: {0} is needed to run {1}; install it or put it on PATH")]
    InterpreterMissing(&'static str, String),
    #[error("{0}")]
    Path(String),
}

/// Work out the plan.
pub fn prepare(request: RunRequest) -> Result<Prepared, PrepareError> {
    Err(PrepareError::Path(format!("{}: not built yet", request.skill.name)))
}
