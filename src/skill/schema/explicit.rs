//! An `input_schema` that the author wrote: in front matter, under `metadata`, or in the YAML block of a
//! `## Runtime` section.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::skill::model::{Entry, Skill};
use crate::yaml;

/// Longest `## Runtime` block that is read.
const MAX_BLOCK: usize = 64 * 1024;

/// The schema and the entry it is meant for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Explicit {
    pub(super) schema: Value,
    entry_point: Option<PathBuf>,
}

impl Explicit {
    /// With an `entry_point` that entry, else the only one, else `scripts/main.*`.
    pub(super) fn applies_to(&self, entry: &Entry, skill: &Skill) -> bool {
        match &self.entry_point {
            Some(file) => skill.entry(file).is_some_and(|wanted| wanted.file == entry.file),
            None => skill.entries.len() == 1 || entry.file.file_stem().is_some_and(|stem| stem == "main"),
        }
    }
}

/// Find it; front matter comes first.
pub(super) fn find(skill: &Skill) -> Option<Explicit> {
    let field =
        |name: &str| skill.manifest.fields.iter().find(|(key, _)| key.value == name).map(|(_, v)| &v.value);
    let metadata = field("metadata");
    let within = |name: &str| field(name).or_else(|| metadata.and_then(|metadata| metadata.get(name)));
    if let Some(schema) = within("input_schema").and_then(as_schema) {
        return Some(Explicit { schema, entry_point: within("entry_point").and_then(as_path) });
    }
    let block = runtime_block(skill)?;
    let root = yaml::parse(block).ok()?.root?.to_json();
    let schema = root.get("input_schema").and_then(as_schema)?;
    Some(Explicit { schema, entry_point: root.get("entry_point").and_then(as_path) })
}

/// A mapping, or JSON written as text (`metadata` holds text only).
fn as_schema(value: &Value) -> Option<Value> {
    match value {
        Value::Object(_) => Some(value.clone()),
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        _ => None,
    }
}

fn as_path(value: &Value) -> Option<PathBuf> {
    value.as_str().map(|text| Path::new(text.trim_start_matches("./")).to_path_buf())
}

/// The first fenced block below the heading `## Runtime`.
fn runtime_block(skill: &Skill) -> Option<&str> {
    let at = skill.source.find("\n## Runtime")?;
    let section = &skill.source[at + 1..];
    let section = section.find("\n## ").map_or(section, |end| &section[..end]);
    let fence = section.find("```")?;
    let start = fence + section[fence..].find('\n')? + 1;
    let end = start + section[start..].find("\n```")?;
    Some(&section[start..end]).filter(|block| block.len() <= MAX_BLOCK)
}
