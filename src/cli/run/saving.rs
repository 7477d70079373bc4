//! `run --save-case`: the run written down as a case.

use crate::cases::{self, Saving};
use crate::report::terminal;
use crate::run::Prepared;
use crate::run::report::Report;

#[expect(clippy::print_stderr, reason = "what somebody should know about the case")]
pub(super) fn save(name: &str, force: bool, prepared: &Prepared, report: &Report) -> anyhow::Result<()> {
    let request = &prepared.request;
    let (file, notes) = cases::save(Saving {
        name,
        skill: &request.skill,
        workspace: &request.workspace,
        report,
        args: &request.args,
        stdin: &request.input,
        force,
    })?;
    let skill = &request.skill.name;
    let said = format!("saved as a case: {}; `skilldeck test {skill}` runs it", file.display());
    for line in [said].iter().chain(&notes) {
        eprintln!("note: {}", terminal::one_line(line, 600));
    }
    Ok(())
}
