//! What a run of the workbench is made of: what was entered, under the policy that is in force by now. For the runner and
//! for learning, which both look at everything.

use std::sync::Arc;

use crate::policy::{self, Approvals, Places, Source};
use crate::run::{RunRequest, WorkingDirectory};
use crate::sandbox::plan::Observe;
use crate::tui::effect::StartRun;

pub(super) fn of(run: &StartRun, approvals: &Approvals) -> Result<RunRequest, String> {
    let places = Places::new(&run.workspace);
    let chosen = policy::choose(&run.skill, Source::Approved(approvals), &places)
        .map_err(|error| error.to_string())?;
    Ok(RunRequest {
        skill: Arc::clone(&run.skill),
        entry: run.entry.clone(),
        args: run.arguments.clone(),
        input: run.stdin.clone(),
        cwd: WorkingDirectory::default(),
        workspace: run.workspace.clone(),
        policy: chosen.policy,
        asked: chosen.asked,
        observe: Observe::Full,
        require_full: false,
    })
}
