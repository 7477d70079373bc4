//! What each client makes of a skill: it loads it, loads it otherwise than written, or refuses it, and why.
//!
//! Half of the published skills fail the strictest client and work in theirs, so one verdict would not do. [`verdicts`]
//! asks all clients about what lies in a skill's folder ([`Subject`]); `skilldeck check` prints them. There is a module
//! for each client, which names the version and the date of what its rules were taken from.

mod claude_code;
mod codex;
mod javascript;
mod python;
mod serde;
mod skilllite;
mod skills_cli;
mod skills_ref;
mod strict_yaml;
mod subject;
mod vscode;

use ::serde::Serialize;

pub use subject::{Subject, Trouble};

use super::model::Skill;

/// A program that loads skills, or judges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    SkillsRef,
    ClaudeCode,
    Codex,
    VsCode,
    SkillsCli,
    SkillLite,
}

impl Client {
    pub const ALL: [Client; 6] = [
        Client::SkillsRef,
        Client::ClaudeCode,
        Client::Codex,
        Client::VsCode,
        Client::SkillsCli,
        Client::SkillLite,
    ];

    /// The stable name, as in JSON and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Client::SkillsRef => "skills-ref",
            Client::ClaudeCode => "claude-code",
            Client::Codex => "codex",
            Client::VsCode => "vscode",
            Client::SkillsCli => "skills-cli",
            Client::SkillLite => "skilllite",
        }
    }

    /// What its rules were taken from, and when: a client can have changed since.
    pub fn basis(self) -> &'static str {
        match self {
            Client::SkillsRef => skills_ref::BASIS,
            Client::ClaudeCode => claude_code::BASIS,
            Client::Codex => codex::BASIS,
            Client::VsCode => vscode::BASIS,
            Client::SkillsCli => skills_cli::BASIS,
            Client::SkillLite => skilllite::BASIS,
        }
    }

    pub fn verdict(self, subject: &Subject) -> Verdict {
        match self {
            Client::SkillsRef => skills_ref::verdict(subject),
            Client::ClaudeCode => claude_code::verdict(subject),
            Client::Codex => codex::verdict(subject),
            Client::VsCode => vscode::verdict(subject),
            Client::SkillsCli => skills_cli::verdict(subject),
            Client::SkillLite => skilllite::verdict(subject),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it is written.
    Loads,
    /// It loads, but something in it is cut off, replaced or left out.
    Changed,
    Refuses,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Loads => "loads it",
            Outcome::Changed => "changes it",
            Outcome::Refuses => "refuses it",
        }
    }
}

/// What a client does with a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    #[serde(rename = "verdict")]
    pub outcome: Outcome,
    /// The client's own messages where it has any; foreign text may stand in them.
    pub reasons: Vec<String>,
}

impl Verdict {
    fn loads() -> Self {
        Self { outcome: Outcome::Loads, reasons: Vec::new() }
    }

    fn changed(reasons: impl IntoIterator<Item = String>) -> Self {
        Self { outcome: Outcome::Changed, reasons: reasons.into_iter().collect() }
    }

    fn refuses(reasons: impl IntoIterator<Item = String>) -> Self {
        Self { outcome: Outcome::Refuses, reasons: reasons.into_iter().collect() }
    }

    /// Its front matter is beyond what is read here; which bounds the client has is not known.
    fn not_judged(why: &str) -> Self {
        Self::changed([format!("cannot be judged: {why}")])
    }

    /// It loads, with these changes if there are any.
    fn with(changes: Vec<String>) -> Self {
        if changes.is_empty() { Self::loads() } else { Self::changed(changes) }
    }
}

/// The verdict of each client on a skill, whose folder is read anew.
pub fn verdicts(skill: &Skill) -> Vec<(Client, Verdict)> {
    let subject = Subject::open(&skill.path, &skill.folder);
    Client::ALL.into_iter().map(|client| (client, client.verdict(&subject))).collect()
}
