//! What stands for the next run, line by line: what every run gets, what a policy grants, denies and limits, and what is
//! merely asked for. Each line says in plain words what it is and where it came from. Used by the workbench.

use std::path::Path;

use super::model::{Origin, Permission, Policy};
use super::summary::{Sentence, limit_words};
use super::{FILE_NAME, load};

/// One line of what stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `None` for a limit.
    pub permission: Option<Permission>,
    /// A refusal that beats the grants.
    pub deny: bool,
    /// In plain words.
    pub text: String,
    /// A grant or denial as it is written in its file.
    pub written: String,
    pub origin: Origin,
    pub standing: Standing,
}

/// Whether a line counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    InForce,
    /// The skill's own policy file asks for it, and that is not approved.
    Asked,
    /// A file of another format says that the skill needs it: no policy grants it by that.
    Hinted,
}

/// The order of the lines: a permission each, limits last.
pub const GROUPS: [Option<Permission>; 6] = [
    Some(Permission::Read),
    Some(Permission::Write),
    Some(Permission::Run),
    Some(Permission::Net),
    Some(Permission::Env),
    None,
];

impl Line {
    /// A grant, as opposed to a denial, a limit or what every run gets.
    pub fn is_grant(&self) -> bool {
        self.permission.is_some() && !self.deny && self.origin != Origin::Default
    }

    /// Line and column of a grant that stands in `file`.
    pub fn own_place(&self, file: &Path) -> Option<(usize, usize)> {
        match &self.origin {
            Origin::File { path, line, column } if path == file && self.is_grant() => Some((*line, *column)),
            _ => None,
        }
    }
}

/// Everything that stands, by group: the default, what `policy` says, what is `asked` beyond it.
pub fn lines(policy: &Policy, asked: Option<&Policy>) -> Vec<Line> {
    let said = policy.describe();
    let asked = asked.map(Policy::describe).unwrap_or_default();
    GROUPS.into_iter().flat_map(|group| of_group(group, policy, &said, &asked)).collect()
}

fn of_group(group: Option<Permission>, policy: &Policy, said: &[Sentence], asked: &[Sentence]) -> Vec<Line> {
    let of = |sentence: &Sentence, standing| Line {
        permission: group,
        deny: sentence.deny,
        text: sentence.text.clone(),
        written: sentence.written.clone(),
        origin: sentence.origin.clone(),
        standing,
    };
    let mut lines = match group {
        Some(permission) => {
            let text = default_words(permission, policy.grants_any(permission)).to_owned();
            let (permission, origin) = (group, Origin::Default);
            let (written, standing) = (String::new(), Standing::InForce);
            let default = Line { permission, deny: false, text, written, origin, standing };
            let own = said.iter().filter(|sentence| sentence.permission == group);
            std::iter::once(default).chain(own.map(|own| of(own, Standing::InForce))).collect()
        }
        None => limits(policy),
    };
    for sentence in asked.iter().filter(|sentence| sentence.permission == group) {
        let same = |line: &Line| line.deny == sentence.deny && line.text == sentence.text;
        if !lines.iter().any(same) {
            lines.push(of(sentence, standing_of(&sentence.origin)));
        }
    }
    lines
}

fn standing_of(origin: &Origin) -> Standing {
    match origin {
        Origin::File { path, .. } if path.ends_with(FILE_NAME) => Standing::Asked,
        _ => Standing::Hinted,
    }
}

/// All limits: each is in force, wherever it came from.
fn limits(policy: &Policy) -> Vec<Line> {
    let line = |name: &&'static str| {
        let set = policy.limit_origins.iter().find(|(limit, _)| limit == name);
        let origin = set.map_or(Origin::Default, |(_, origin)| origin.clone());
        let text = limit_words(name, &policy.limits);
        let (written, standing) = (String::new(), Standing::InForce);
        Line { permission: None, deny: false, text, written, origin, standing }
    };
    load::LIMITS.iter().map(line).collect()
}

/// What every run gets of a permission, in few words; `more` when a policy grants some.
fn default_words(permission: Permission, more: bool) -> &'static str {
    match (permission, more) {
        (Permission::Read, _) => "the system and the skill's folder",
        (Permission::Write, _) => "private /tmp, HOME and /scratch",
        (Permission::Run, false) => "nothing but the entry itself",
        (Permission::Run, true) => "the entry itself",
        (Permission::Net, false) => "nothing",
        (Permission::Net, true) => "nothing else",
        (Permission::Env, _) => "PATH, LANG and other harmless ones",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Places, parse};

    const FILE: &str = "/w/.skills/demo/policy.yaml";

    fn policy(text: &str, file: &str) -> Policy {
        parse(text, Path::new(file), &Places { workspace: "/w".into(), home: None }).policy
    }

    /// `permission text @origin standing`, without what every run gets.
    fn told(policy: &Policy, asked: Option<&Policy>) -> Vec<String> {
        let lines = lines(policy, asked);
        let own = lines.iter().filter(|line| line.origin != Origin::Default);
        own.map(|line| {
            let group = line.permission.map_or("limits", Permission::name);
            format!("{group}: {} @{} {:?}", line.text, line.origin, line.standing)
        })
        .collect()
    }

    #[test]
    fn the_default_says_what_every_run_gets() {
        let lines = lines(&Policy::default(), None);
        assert_eq!(lines.len(), 5 + load::LIMITS.len());
        assert!(lines.iter().all(|line| line.origin == Origin::Default && !line.is_grant()));
        assert_eq!(lines[3].text, "nothing");
        assert_eq!(lines[5].text, "run for up to 30s");
    }

    #[test]
    fn grants_denials_and_limits_come_with_their_place() {
        let text = "permissions:\n  net: [\"example.org:443\"]\n  read: [/data]\n\
                    deny:\n  read: [/data/secret]\nlimits:\n  wall: 60s\n  cpu: 10s\n";
        let policy = policy(text, FILE);
        assert_eq!(
            told(&policy, None),
            [
                format!("read: never read /data/secret @{FILE}:5 InForce"),
                format!("read: read /data @{FILE}:3 InForce"),
                format!("net: connect to example.org, port 443 @{FILE}:2 InForce"),
                format!("limits: run for up to 1m @{FILE}:7 InForce"),
                // The same as the default, but somebody wrote it down.
                format!("limits: use up to 10s of processor time @{FILE}:8 InForce"),
            ]
        );
        assert!(lines(&policy, None).iter().any(|line| line.text == "nothing else"));
    }

    #[test]
    fn what_is_asked_is_told_once_and_apart_from_hints() {
        let asked = policy("permissions:\n  env: [TOKEN]\n  run: [git]\n", FILE);
        let hinted = policy("permissions:\n  env: [TOKEN]\n  run: [jq]\n", "/w/.skills/demo/SKILL.md");
        let asked = asked.merged(hinted);
        assert_eq!(
            told(&Policy::default(), Some(&asked)),
            [
                format!("run: start git @{FILE}:3 Asked"),
                "run: start jq @/w/.skills/demo/SKILL.md:3 Hinted".to_owned(),
                format!("env: see the variable TOKEN @{FILE}:2 Asked"),
            ]
        );
        // What is in force is not asked for any more.
        let granted = policy("permissions:\n  run: [jq, git]\n", FILE);
        assert_eq!(told(&granted, Some(&asked)).len(), 3);
    }
}
