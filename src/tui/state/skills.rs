//! The list of skills: sorted by root, then by name; filled as they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Scroll;
use crate::run::log::contains;
use crate::skill::Skill;

/// Where a skill stands in the list.
type Key = (usize, String, PathBuf);

#[derive(Debug, Default)]
pub struct Skills {
    /// Roots in the order in which they were found.
    roots: Vec<PathBuf>,
    sorted: BTreeMap<Key, Arc<Skill>>,
    keys: BTreeMap<PathBuf, Key>,
    rows: Vec<Row>,
    /// Only what fits is shown; empty for all.
    filter: String,
    /// How many skills are shown.
    shown: usize,
    /// The skill to choose as soon as it is there, until the user chooses.
    pub wanted: Option<PathBuf>,
    /// The cursor is an index into `rows`.
    pub scroll: Scroll,
    /// Changed on disk since they were last looked at.
    pub changed: BTreeSet<PathBuf>,
    /// The user chose a row: from then on a skill that arrives above does not move the choice.
    pub touched: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Root(PathBuf, usize),
    Skill(PathBuf),
}

/// What the diagnostics of a skill come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Error,
    Warning,
    Fine,
}

impl Mark {
    pub fn of(skill: &Skill) -> Self {
        if skill.errors() > 0 {
            Self::Error
        } else if skill.warnings() > 0 {
            Self::Warning
        } else {
            Self::Fine
        }
    }
}

impl Skills {
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many skills fit the filter.
    pub fn shown(&self) -> usize {
        self.shown
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Show only what fits: every word in the name or the description, every `:word` its standing.
    pub fn set_filter(&mut self, text: &str) {
        if self.filter != text {
            text.clone_into(&mut self.filter);
            self.touched = true;
            self.rebuild();
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Skill>> {
        self.sorted.values()
    }

    pub fn get(&self, path: &Path) -> Option<&Arc<Skill>> {
        self.sorted.get(self.keys.get(path)?)
    }

    pub fn chosen(&self) -> Option<&Arc<Skill>> {
        match self.rows.get(self.scroll.cursor)? {
            Row::Skill(path) => self.get(path),
            Row::Root(..) => None,
        }
    }

    /// Take skills in: new ones, and new readings of known ones.
    pub fn put(&mut self, skills: Vec<Arc<Skill>>) {
        for skill in skills {
            let root = self.root_index(&skill.root);
            let key = (root, skill.name.clone(), skill.path.clone());
            if let Some(old) = self.keys.insert(skill.path.clone(), key.clone()) {
                self.sorted.remove(&old);
            }
            self.sorted.insert(key, skill);
        }
        self.rebuild();
    }

    pub fn remove(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if let Some(key) = self.keys.remove(path) {
                self.sorted.remove(&key);
            }
            self.changed.remove(path);
        }
        self.rebuild();
    }

    fn root_index(&mut self, root: &Path) -> usize {
        self.roots.iter().position(|known| known == root).unwrap_or_else(|| {
            self.roots.push(root.to_owned());
            self.roots.len() - 1
        })
    }

    /// Make the rows anew; the chosen skill stays chosen where it still is.
    fn rebuild(&mut self) {
        let chosen = match self.rows.get(self.scroll.cursor) {
            Some(Row::Skill(path)) if self.touched => Some(path.clone()),
            _ => self.wanted.clone(),
        };
        self.rows.clear();
        let mut current = None;
        self.shown = 0;
        for ((root, _, path), skill) in &self.sorted {
            if !fits(&self.filter, skill, &self.changed) {
                continue;
            }
            self.shown += 1;
            if current != Some(*root) {
                current = Some(*root);
                self.rows.push(Row::Root(self.roots[*root].clone(), 0));
            }
            self.rows.push(Row::Skill(path.clone()));
        }
        let mut count = 0;
        for row in self.rows.iter_mut().rev() {
            match row {
                Row::Skill(_) => count += 1,
                Row::Root(_, size) => *size = std::mem::take(&mut count),
            }
        }
        let place = chosen.and_then(|path| self.place_of(&path));
        self.scroll.cursor = place.unwrap_or(if self.touched { self.scroll.cursor } else { 0 });
        self.settle(1);
    }

    pub fn place_of(&self, path: &Path) -> Option<usize> {
        self.rows.iter().position(|row| matches!(row, Row::Skill(p) if p == path))
    }

    /// Step off a root's row in the direction of the last movement, or back when there is nothing.
    pub fn settle(&mut self, direction: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.scroll.cursor = self.scroll.cursor.min(last);
        for step in [direction, -direction] {
            let mut at = self.scroll.cursor;
            loop {
                if matches!(self.rows.get(at), Some(Row::Skill(_))) {
                    self.scroll.cursor = at;
                    return;
                }
                match at.checked_add_signed(step.signum()) {
                    Some(next) if next <= last => at = next,
                    _ => break,
                }
            }
        }
    }

    /// Numbers of skills with errors and with warnings only.
    pub fn tally(&self) -> (usize, usize) {
        self.all().fold((0, 0), |(errors, warnings), skill| match Mark::of(skill) {
            Mark::Error => (errors + 1, warnings),
            Mark::Warning => (errors, warnings + 1),
            Mark::Fine => (errors, warnings),
        })
    }
}

/// Whether a skill is shown under a filter.
fn fits(filter: &str, skill: &Skill, changed: &BTreeSet<PathBuf>) -> bool {
    filter.split_whitespace().all(|word| {
        if let Some(standing) = word.strip_prefix(':') {
            return stands(skill, changed.contains(&skill.path), standing);
        }
        let description = skill.manifest.description.as_ref().map(|text| text.value.as_str());
        contains(&skill.name, word) || description.is_some_and(|text| contains(text, word))
    })
}

/// Whether a skill stands as a word says, from its first letter on.
fn stands(skill: &Skill, changed: bool, word: &str) -> bool {
    let mark = match Mark::of(skill) {
        Mark::Error => "error",
        Mark::Warning => "warning",
        Mark::Fine => "ok",
    };
    mark.starts_with(word) || changed && "changed".starts_with(word)
}
