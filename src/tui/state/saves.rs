//! What the last save of a skill changed: the reading before it is kept, and compared with what is known now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{Cause, Facts, Tool};
use crate::skill::changes::{self, SchemaChange};
use crate::skill::{Diagnostic, Skill};

#[derive(Debug, Default)]
pub struct Saves {
    /// Skills read again, whose change was not told yet.
    replaced: BTreeMap<PathBuf, Before>,
    last: BTreeMap<PathBuf, Saved>,
}

/// What was known of a skill.
#[derive(Debug, Clone)]
struct Before {
    skill: Arc<Skill>,
    /// Worked out only for skills that were looked at.
    tools: Option<Vec<Tool>>,
    policy: Option<Vec<Diagnostic>>,
}

/// The last save of a skill.
#[derive(Debug)]
pub struct Saved {
    pub cause: Cause,
    before: Before,
    pub new: Vec<Diagnostic>,
    pub gone: Vec<Diagnostic>,
    pub schema: SchemaChanges,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaChanges {
    /// The schema is being worked out.
    Waiting,
    /// The skill was not looked at before the save.
    Unknown,
    Known(Vec<SchemaChange>),
}

impl Saves {
    /// A skill is read again: keep what it was.
    pub fn replaced(&mut self, skill: &Arc<Skill>, facts: Option<&Facts>) {
        // Facts that are still being worked out are of an earlier reading; they stay the ones to compare with.
        let explored = facts.filter(|facts| facts.explored);
        let older = self.replaced.remove(&skill.path).or_else(|| {
            let last = self.last.get(&skill.path)?;
            (last.schema == SchemaChanges::Waiting).then(|| last.before.clone())
        });
        let (tools, policy) = match (explored, older) {
            (Some(facts), _) => (facts.tools.clone(), facts.learned.as_ref().map(|l| l.policy.clone())),
            (None, Some(older)) => (older.tools, older.policy),
            (None, None) => (None, None),
        };
        self.replaced.insert(skill.path.clone(), Before { skill: Arc::clone(skill), tools, policy });
    }

    /// It was a save, for this reason.
    pub fn told(&mut self, path: &Path, cause: Cause, skill: Option<&Arc<Skill>>, facts: Option<&Facts>) {
        let (Some(before), Some(skill)) = (self.replaced.remove(path), skill) else { return };
        let schema = if before.tools.is_some() { SchemaChanges::Waiting } else { SchemaChanges::Unknown };
        let saved = Saved { cause, before, new: Vec::new(), gone: Vec::new(), schema };
        let saved = match self.last.entry(path.to_owned()) {
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                slot.insert(saved);
                slot.into_mut()
            }
            std::collections::btree_map::Entry::Vacant(slot) => slot.insert(saved),
        };
        saved.compare(skill, facts.filter(|facts| facts.explored));
    }

    /// The facts of the new reading are there.
    pub fn explored(&mut self, skill: &Arc<Skill>, facts: &Facts) {
        if let Some(saved) = self.last.get_mut(&skill.path) {
            saved.compare(skill, Some(facts));
        }
    }

    pub fn remove(&mut self, path: &Path) {
        self.replaced.remove(path);
        self.last.remove(path);
    }

    pub fn last(&self, path: &Path) -> Option<&Saved> {
        self.last.get(path)
    }
}

impl Saved {
    fn compare(&mut self, skill: &Skill, facts: Option<&Facts>) {
        let mut before = self.before.skill.diagnostics.clone();
        let mut after = skill.diagnostics.clone();
        let policy = facts.and_then(|facts| facts.learned.as_ref()).map(|learned| &learned.policy);
        if let (Some(old), Some(new)) = (&self.before.policy, policy) {
            before.extend(old.iter().cloned());
            after.extend(new.iter().cloned());
        }
        (self.new, self.gone) = changes::diagnostics(&before, &after);
        let tools = facts.and_then(|facts| facts.tools.as_ref());
        if let (Some(old), Some(new)) = (&self.before.tools, tools) {
            let (old, new) = (schemas(old), schemas(new));
            self.schema = SchemaChanges::Known(changes::schemas(&named(&old), &named(&new)));
        }
    }
}

fn schemas(tools: &[Tool]) -> Vec<(&str, Value)> {
    let schema = |tool: &Tool| serde_json::from_str(&tool.json).unwrap_or(Value::Null);
    tools.iter().map(|tool| (tool.name.as_str(), schema(tool))).collect()
}

fn named<'a>(schemas: &'a [(&'a str, Value)]) -> Vec<changes::Named<'a>> {
    schemas.iter().map(|(name, schema)| (*name, schema)).collect()
}
