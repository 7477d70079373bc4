//! What other formats say that a skill needs: requests in other words, never grants.
//!
//! Read are `agents/openai.yaml` (`permissions`), `metadata.openclaw.requires` with its older names, and
//! `Bash(git:*)` in `allowed-tools`. A refusal that one of them explains says so, with the line; to grant it, it has
//! to be written into `policy.yaml`. Prose is not read.

use std::io::Read;
use std::path::Path;

use serde_json::Value as Json;

use super::load::{Places, open_plain};
use super::model::{Grant, Host, NetRule, Origin, Policy, RunRule};
use super::values;
use crate::skill::Skill;
use crate::yaml::{self, Node};

/// Most hints of one kind that are kept.
const MOST: usize = 200;
/// The names under which this metadata goes.
const VENDORS: [&str; 4] = ["openclaw", "clawdbot", "clawdis", "moltbot"];

/// Everything that the skill's other files ask for, as a policy that nobody puts in force.
pub fn hints(skill: &Skill, places: &Places) -> Policy {
    let mut found = Hints { policy: Policy::default(), skill: &skill.path, places };
    found.metadata(skill);
    found.allowed_tools(skill);
    found.sidecar();
    found.policy
}

struct Hints<'a> {
    policy: Policy,
    skill: &'a Path,
    places: &'a Places,
}

impl Hints<'_> {
    fn metadata(&mut self, skill: &Skill) {
        let Some((_, metadata)) = skill.manifest.fields.iter().find(|(key, _)| key.value == "metadata")
        else {
            return;
        };
        let origin = manifest_origin(skill, metadata.span);
        for vendor in VENDORS.iter().filter_map(|vendor| metadata.value.get(vendor)) {
            let requires = vendor.get("requires");
            for name in texts(requires.and_then(|r| r.get("env"))).chain(texts(vendor.get("primaryEnv"))) {
                self.env(name, &origin);
            }
            for variable in vendor.get("envVars").and_then(Json::as_array).into_iter().flatten() {
                self.env(variable.get("name").and_then(Json::as_str).unwrap_or_default(), &origin);
            }
            for kind in ["bins", "anyBins"] {
                for name in texts(requires.and_then(|r| r.get(kind))) {
                    self.run(name, &origin);
                }
            }
        }
    }

    /// `Bash(git:*)`, `Bash(git status)`: the first word is the program.
    fn allowed_tools(&mut self, skill: &Skill) {
        let Some(tools) = &skill.manifest.allowed_tools else { return };
        let origin = manifest_origin(skill, tools.span);
        for tool in &tools.value {
            let Some(command) = tool.trim().strip_prefix("Bash(").and_then(|rest| rest.strip_suffix(')'))
            else {
                continue;
            };
            let name = command.split([':', ' ']).next().unwrap_or_default();
            self.run(name, &origin);
        }
    }

    fn sidecar(&mut self) {
        let file = self.skill.join("agents/openai.yaml");
        let mut text = String::new();
        let Ok(opened) = open_plain(&file) else { return };
        if opened.take(64 * 1024).read_to_string(&mut text).is_err() {
            return;
        }
        let Some(root) = yaml::parse(&text).ok().and_then(|document| document.root) else { return };
        let Some(permissions) = root.get("permissions") else { return };
        let at =
            |node: &Node| Origin::File { path: file.clone(), line: node.span.line, column: node.span.column };
        if let Some(network) = permissions.get("network").filter(|node| node.to_json() == Json::Bool(true)) {
            let value = NetRule { host: Host::Name("*".to_owned()), ports: Vec::new() };
            self.policy.net.push(Grant { value, written: "*".to_owned(), origin: at(network) });
        }
        for access in ["read", "write"] {
            let list = permissions.get("file_system").and_then(|files| files.get(access));
            for item in list.and_then(Node::as_sequence).into_iter().flatten().take(MOST) {
                let Some(text) = item.as_str() else { continue };
                // Relative to the skill, as that format has it.
                if let Ok(value) = values::path(text, self.skill, self.places) {
                    let grant = Grant { value, written: text.to_owned(), origin: at(item) };
                    let to = if access == "read" { &mut self.policy.read } else { &mut self.policy.write };
                    to.push(grant);
                }
            }
        }
    }

    fn env(&mut self, name: &str, origin: &Origin) {
        let known = self.policy.env.iter().any(|have| have.value == name);
        if let Ok(value) = values::variable(name)
            && !known
            && self.policy.env.len() < MOST
        {
            self.policy.env.push(Grant { value, written: name.to_owned(), origin: origin.clone() });
        }
    }

    fn run(&mut self, name: &str, origin: &Origin) {
        let Ok(value @ RunRule::Program(_)) = values::run(name, self.skill, self.places) else { return };
        let known = self.policy.run.iter().any(|have| have.value == value);
        if !known && self.policy.run.len() < MOST {
            self.policy.run.push(Grant { value, written: name.to_owned(), origin: origin.clone() });
        }
    }
}

fn manifest_origin(skill: &Skill, span: crate::skill::Span) -> Origin {
    Origin::File { path: skill.manifest_path(), line: span.line, column: span.column }
}

/// A string, or a list of strings.
fn texts(value: Option<&Json>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Json::as_str);
    let several = value.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    one.into_iter().chain(several).take(MOST)
}
