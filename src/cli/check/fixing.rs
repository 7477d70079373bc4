//! `--fix`: what the diagnostics offer, made in place or shown as a diff.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use similar::{Algorithm, TextDiff};

use super::text::display_path;
use crate::policy::{self, Places};
use crate::skill::fix::Fixed;
use crate::skill::secret::mask;
use crate::skill::text::{printable, printable_source};
use crate::skill::{self, Skill};
use crate::workspace::replace;

/// Fix all files of the skills. Returns what to tell: the diffs of a dry run, else a line for each fix. A file that cannot
/// be written, or that somebody has changed since it was read, is told and left alone.
pub(super) fn fix(skills: &[Arc<Skill>], places: &Places, dry_run: bool) -> anyhow::Result<String> {
    let mut told = String::new();
    for skill in skills {
        for (file, before, fixed) in of_skill(skill, places) {
            if fixed.text == before {
                continue;
            }
            let shown = display_path(&file);
            if dry_run {
                // Not the default, which gets the line numbers of some hunks wrong.
                let diff =
                    TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(&before, &fixed.text);
                let diff = diff.unified_diff().header(&shown, &shown).to_string();
                // The lines around a change may hold a secret.
                told.push_str(&printable_source(&mask(&diff)));
                continue;
            }
            match replace::exchange(&skill.path, &file, &before, &fixed.text) {
                Ok(()) => {
                    for (code, title) in &fixed.done {
                        writeln!(told, "fixed[{code}]: {shown}: {}", printable(title))?;
                    }
                }
                Err(reason) => writeln!(told, "not fixed: {shown}: {reason}")?,
            }
        }
    }
    if told.is_empty() {
        told.push_str("nothing to fix\n");
    }
    Ok(told)
}

/// Each file of a skill that has fixes: path, text as it was read, text after them.
fn of_skill(skill: &Skill, places: &Places) -> Vec<(PathBuf, String, Fixed)> {
    let offers =
        |file: &Path| skill.diagnostics.iter().any(|found| found.file == file && found.fix.is_some());
    let (manifest, policy) = (skill.manifest_path(), skill.path.join(policy::FILE_NAME));
    let mut fixed = Vec::new();
    if offers(&manifest) {
        let done = policy::fixed(skill, &manifest, &skill.source, places);
        fixed.push((manifest, skill.source.clone(), done));
    }
    if offers(&policy) {
        let text = skill::source(&policy);
        let done = policy::fixed(skill, &policy, &text, places);
        fixed.push((policy, text, done));
    }
    fixed
}
