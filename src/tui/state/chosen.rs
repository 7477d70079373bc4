//! What is chosen, worked out from the state: the skill under the cursor with what is known of it, its entry, its form
//! and the denial being looked at. Keys and views all mean this one.

use std::sync::Arc;

use super::{Facts, Form, Layer, RunView, State, packages};
use crate::policy::Request;
use crate::skill::Skill;

impl State {
    pub fn skill(&self) -> Option<&Arc<Skill>> {
        self.skills.chosen()
    }

    /// Facts of the chosen skill.
    pub fn chosen_facts(&self) -> Option<&Facts> {
        self.facts.get(&self.skill()?.path)
    }

    /// The newest run of the chosen skill.
    pub fn run(&self) -> Option<&RunView> {
        self.runs.get(&self.skill()?.path)
    }

    /// The entry that `r` runs: the chosen one, or the only one. Never a guess.
    pub fn entry(&self) -> Option<&crate::skill::Entry> {
        let skill = self.skill()?;
        let chosen = self.chosen_facts().and_then(|facts| facts.entry.as_ref());
        match (
            chosen.and_then(|file| skill.entries.iter().find(|entry| entry.file == *file)),
            &skill.entries[..],
        ) {
            (Some(entry), _) | (None, [entry]) => Some(entry),
            _ => None,
        }
    }

    /// The run form that is open.
    pub fn form(&self) -> Option<&Form> {
        let Some(Layer::Form(key)) = self.layers.last() else { return None };
        self.facts.get(&key.skill)?.forms.get(&key.entry)
    }

    pub fn form_mut(&mut self) -> Option<&mut Form> {
        let Some(Layer::Form(key)) = self.layers.last() else { return None };
        self.facts.get_mut(&key.skill)?.forms.get_mut(&key.entry)
    }

    /// What was entered for the entry that `r` runs; `None` when nothing was.
    pub fn entered(&self) -> Option<&Form> {
        self.chosen_facts()?.forms.get(&self.entry()?.file).filter(|form| !form.is_untouched())
    }

    /// The entry that `r` runs does not work without input, as far as its schema tells.
    pub fn needs_input(&self) -> bool {
        let Some((facts, entry)) = self.chosen_facts().zip(self.entry()) else { return false };
        Form::new(&facts.tools_of(&entry.file)).judged.is_err()
    }

    /// The denial under the cursor of the findings.
    pub fn denial(&self) -> Option<&crate::run::report::Denial> {
        self.shown_run()?.report.as_ref()?.denials.get(self.run_tab.findings.cursor)
    }

    /// The line to show for a denial: the innermost one of the skill's own code, not of a library's.
    pub fn blamed<'a>(
        &self,
        denial: &'a crate::run::report::Denial,
    ) -> Option<&'a crate::sandbox::event::Frame> {
        let own = |frame: &&crate::sandbox::event::Frame| {
            self.skill().is_some_and(|skill| frame.file.starts_with(&skill.path))
        };
        denial.blame.iter().find(own).or_else(|| denial.blame.first())
    }

    /// The preparation of the chosen skill's packages.
    pub fn preparation(&self) -> Option<&packages::Preparation> {
        let skill = self.skill()?;
        self.preparation.as_ref().filter(|preparation| preparation.skill == skill.path)
    }

    /// What the chosen skill's own policy file asks for.
    pub fn request(&self) -> Option<&Request> {
        self.chosen_facts()?.request.as_deref()
    }

    /// The skill's own policy file is in force for its runs.
    pub fn is_approved(&self) -> bool {
        self.request().is_some_and(|request| request.approved)
    }
}
