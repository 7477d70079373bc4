//! The fixes that are offered for a file of a skill, made in its text. Used by `check --fix` and the workbench.

use std::path::Path;

use super::load::Places;
use super::review::diagnose;
use crate::skill::fix::{Fixed, fix};
use crate::skill::{self, Skill};

/// All fixes of `file`, which has this text: the skill's SKILL.md, or its policy file.
pub fn fixed(skill: &Skill, file: &Path, text: &str, places: &Places) -> Fixed {
    if file == skill.manifest_path() {
        fix(file, text, |text| skill::diagnose(text, &skill.path))
    } else {
        fix(file, text, |text| diagnose(text, file, places))
    }
}
