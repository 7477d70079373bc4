//! What the clients make of the skills: a line for each skill that not all of them load, or one client's reasons.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::super::list::counted;
use super::text::{display_path, of_workspace};
use crate::skill::clients::{self, Client, Outcome, Subject, Verdict};
use crate::skill::text::printable;
use crate::skill::{Diagnostic, Skill};

/// Most lines of one reason that are shown.
const MOST_LINES: usize = 20;

/// A skill and what each client makes of it.
pub(super) struct Judged<'a> {
    pub(super) skill: &'a Skill,
    pub(super) verdicts: Vec<(Client, Verdict)>,
}

pub(super) fn judge(skills: &[Arc<Skill>]) -> Vec<Judged<'_>> {
    skills.iter().map(|skill| Judged { skill, verdicts: clients::verdicts(skill) }).collect()
}

/// Whether that client refuses the skill.
pub(super) fn refuses(client: Client, skill: &Skill) -> bool {
    client.verdict(&Subject::open(&skill.path, &skill.folder)).outcome == Outcome::Refuses
}

/// `--client`'s values.
pub(super) fn parser() -> impl TypedValueParser<Value = Client> {
    PossibleValuesParser::new(Client::ALL.map(Client::id))
        .map(|name| Client::ALL.into_iter().find(|client| client.id() == name).unwrap_or(Client::SkillsRef))
}

impl Judged<'_> {
    fn of(&self, client: Client) -> Option<&Verdict> {
        self.verdicts.iter().find(|(one, _)| *one == client).map(|(_, verdict)| verdict)
    }

    /// Who refuses, changes and loads it; nothing when all load it as it is.
    pub(super) fn line(&self) -> Option<String> {
        let by = |outcome: Outcome, told: &str| {
            let of = |wanted: &&(Client, Verdict)| wanted.1.outcome == outcome;
            let names: Vec<&str> = self.verdicts.iter().filter(of).map(|(client, _)| client.id()).collect();
            (!names.is_empty()).then(|| format!("{told} {}", names.join(", ")))
        };
        let (refused, changed) = (by(Outcome::Refuses, "refused by"), by(Outcome::Changed, "changed by"));
        if refused.is_none() && changed.is_none() {
            return None;
        }
        let loaded = by(Outcome::Loads, "loaded by");
        let parts: Vec<String> = [refused, changed, loaded].into_iter().flatten().collect();
        Some(format!("{}: {}", printable(&self.skill.name), parts.join("; ")))
    }
}

/// The reasons of one client, and how many skills it loads.
pub(super) fn reasons(judged: &[Judged], notices: &[Diagnostic], client: Client) -> String {
    let mut text = String::new();
    let mut count = [0_usize; 3];
    for one in judged {
        let Some(verdict) = one.of(client) else { continue };
        count[verdict.outcome as usize] += 1;
        if verdict.outcome == Outcome::Loads {
            continue;
        }
        let path = display_path(&one.skill.path);
        let _ = writeln!(text, "{path}: {} {}", client.id(), verdict.outcome.name());
        for reason in &verdict.reasons {
            let mut lines = reason.lines();
            let _ = writeln!(text, "  - {}", printable(lines.next().unwrap_or_default()));
            for line in lines.take(MOST_LINES) {
                let _ = writeln!(text, "    {}", printable(line));
            }
        }
        text.push('\n');
    }
    text += &of_workspace(notices);
    let [loads, changed, refuses] = count;
    let skills = counted(judged.len(), "skill");
    let name = client.id();
    text + &format!("{skills} checked for {name}: {refuses} refused, {changed} changed, {loads} loaded\n")
}
