//! An `input_schema` that the author wrote: in front matter, under `metadata`, or in the YAML block of a
//! `## Runtime` section.
//!
//! The schema is a mapping, or JSON as text, since `metadata` holds text only. `entry_point` beside it names the
//! script that it is meant for.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Place;
use crate::skill::findings::Findings;
use crate::skill::frontmatter;
use crate::skill::model::{Entry, Skill};
use crate::yaml::{self, Node, Start};

/// Longest `## Runtime` block that is read.
const MAX_BLOCK: usize = 64 * 1024;
const KEY: &str = "input_schema";

/// The schema and the entry it is meant for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Explicit {
    pub(super) schema: Value,
    pub(super) places: Vec<Place>,
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
    read(&holder(skill)?).ok()
}

/// Why a schema that is there is not used, and where it stands.
pub(super) fn unused(skill: &Skill) -> Option<String> {
    let holder = holder(skill)?;
    let reason = match read(&holder) {
        Err(reason) => reason,
        Ok(found) if !skill.entries.iter().any(|entry| found.applies_to(entry, skill)) => {
            "is for no script of the skill; name one with `entry_point`".to_owned()
        }
        Ok(_) => return None,
    };
    let line = holder.get_pair(KEY).map_or(1, |(key, _)| key.span.line);
    Some(format!("SKILL.md:{line}: `{KEY}` {reason}"))
}

/// The mapping that holds `input_schema` and `entry_point`.
fn holder(skill: &Skill) -> Option<Node> {
    if !skill.source.contains(KEY) {
        return None;
    }
    let holds = |node: &Node| node.get(KEY).is_some();
    let front = front_matter(skill);
    let metadata = front.as_ref().and_then(|root| root.get("metadata")).filter(|node| holds(node)).cloned();
    front.filter(holds).or(metadata).or_else(|| runtime_block(skill).filter(holds))
}

fn front_matter(skill: &Skill) -> Option<Node> {
    let mut findings = Findings::new(&skill.manifest_path(), &skill.source, true);
    let range = frontmatter::split(&skill.source, &mut findings).yaml?;
    let start = Start { line: findings.lines().line(range.start), offset: range.start };
    yaml::parse_at(&skill.source[range], start).ok()?.root
}

fn read(holder: &Node) -> Result<Explicit, String> {
    let not_a_schema = || "is not a schema; write a mapping, or a JSON object as text".to_owned();
    let (key, node) = holder.get_pair(KEY).ok_or_else(not_a_schema)?;
    let schema = match node.to_json() {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| format!("is not JSON: {error}"))?
        }
        schema => schema,
    };
    let properties =
        schema.as_object().ok_or_else(not_a_schema)?.get("properties").and_then(Value::as_object);
    // Within a text there are no places but its own.
    let written = node.get("properties");
    let line =
        |name: &str| written.and_then(|all| all.get_pair(name)).map_or(key.span, |(key, _)| key.span).line;
    let place = |name: &String| Place { property: name.clone(), file: "SKILL.md".into(), line: line(name) };
    let places = properties.into_iter().flat_map(|all| all.keys()).map(place).collect();
    let entry_point = holder.get("entry_point").and_then(Node::text);
    let entry_point = entry_point.map(|text| Path::new(text.trim_start_matches("./")).to_path_buf());
    Ok(Explicit { schema, places, entry_point })
}

/// The first fenced block below the heading `## Runtime`.
fn runtime_block(skill: &Skill) -> Option<Node> {
    let (mut section, mut fence) = (false, None);
    let mut offset = 0;
    for (number, line) in skill.source.split_inclusive('\n').enumerate() {
        let text = line.trim();
        match &mut fence {
            None if text.starts_with("```") || text.starts_with("~~~") => {
                fence = Some((&text[..3], section, Start { line: number + 2, offset: offset + line.len() }));
            }
            None if text.starts_with("## ") || text.starts_with("# ") => section = text == "## Runtime",
            Some((mark, inside, start)) if text.starts_with(*mark) => {
                if *inside {
                    let block = &skill.source[start.offset..offset];
                    return yaml::parse_at(block, *start).ok().filter(|_| block.len() <= MAX_BLOCK)?.root;
                }
                fence = None;
            }
            _ => {}
        }
        offset += line.len();
    }
    None
}
