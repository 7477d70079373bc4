//! Names of tools and properties: as all model providers take them, and no two alike.

use std::collections::HashSet;

use super::{Parameter, Tool};
use crate::skill::model::{Entry, Skill};

/// Longest name that all providers take.
const MAX_NAME: usize = 64;

/// `skill`, or `skill__script` when the skill has several entries.
pub(super) fn base(skill: &Skill, entry: &Entry) -> String {
    if skill.entries.len() == 1 {
        return skill.name.clone();
    }
    let stem = entry.file.file_stem().unwrap_or_default().to_string_lossy();
    format!("{}__{stem}", skill.name)
}

/// Give every tool a name that no other one has.
pub fn distinct(mut tools: Vec<Tool>) -> Vec<Tool> {
    let mut names = HashSet::new();
    for tool in &mut tools {
        tool.name = unique(&tool.name, &mut names);
    }
    tools
}

/// Names of properties that all providers take (`^[A-Za-z0-9_-]{1,64}$`).
pub(super) fn plain(parameters: &[Parameter]) -> Vec<Parameter> {
    let mut names = HashSet::new();
    let renamed =
        |parameter: &Parameter| Parameter { name: unique(&parameter.name, &mut names), ..parameter.clone() };
    parameters.iter().map(renamed).collect()
}

/// A name that all providers take and that no other tool has.
pub(super) fn unique(wanted: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut name: String = wanted.chars().map(plain).collect();
    if name.len() > MAX_NAME || !wanted.is_ascii() || name.is_empty() {
        // What was cut or replaced still tells tools apart, and a name stays the same from run to run.
        let digest = blake3::hash(wanted.as_bytes()).to_hex();
        name.truncate(MAX_NAME - 9);
        name = format!("{name}_{}", &digest[..8]);
    }
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        let suffix = format!("_{number}");
        let keep = name.len().min(MAX_NAME - suffix.len());
        candidate = format!("{}{suffix}", &name[..keep]);
        number += 1;
    }
    candidate
}
