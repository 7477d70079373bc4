//! Small jobs on a worker thread: reading files, exploring a skill, laying out samples; those about policies are next door.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use serde_json::Value;

use super::highlight::{self, Highlighter};
use super::loader::{Watch, spawn};
use super::policy::PolicyDesk;
use super::{Desk, Mailbox};
use crate::cases::{self, Saving};
use crate::policy::Approvals;
use crate::run::source;
use crate::skill::{Skill, schema};
use crate::tui::action::{Action, CaseNews};
use crate::tui::effect::{Effect, SaveCase};
use crate::tui::state::{FileItem, Parameter, Tool};
use crate::workspace::samples;

/// Files of a skill that are listed, and how deep.
const MAX_FILES: usize = 2000;
const MAX_DEPTH: usize = 8;

/// The real worker.
#[derive(Debug)]
pub struct DiskDesk {
    workspace: PathBuf,
    watch: Watch,
    approvals: Approvals,
    highlighter: Highlighter,
    queue: Option<mpsc::Sender<Effect>>,
}

impl DiskDesk {
    pub fn new(workspace: PathBuf, watch: Watch, approvals: Approvals) -> Self {
        Self { workspace, watch, approvals, highlighter: Highlighter::default(), queue: None }
    }
}

impl Desk for DiskDesk {
    fn perform(&mut self, effect: Effect, mailbox: &Mailbox) {
        if let Effect::Highlight { key, name, text } = effect {
            self.highlighter.ask(highlight::Request { key, name, text }, mailbox);
            return;
        }
        let queue = self.queue.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel::<Effect>();
            let workspace = self.workspace.clone();
            let mut policies = PolicyDesk::new(&workspace, self.watch.clone(), self.approvals.clone());
            let mailbox = mailbox.clone();
            spawn("desk", move || {
                while let Ok(effect) = receiver.recv() {
                    for action in answer(effect, &workspace, &mut policies) {
                        if !mailbox.send(action) {
                            return;
                        }
                    }
                }
            });
            sender
        });
        let _ = queue.send(effect);
    }
}

fn answer(effect: Effect, workspace: &Path, policies: &mut PolicyDesk) -> Vec<Action> {
    match effect {
        Effect::ReadFile { skill, path } => {
            let text = source::read(&skill, &path).map(Arc::from);
            let text = text.map_err(|error| format!("{}: {error}", path.display()));
            vec![Action::FileRead(path, text)]
        }
        Effect::Explore(skill) => {
            let (tools, files) = (tools(&skill), files(&skill.path));
            let request = policies.request(&skill.path);
            vec![Action::Explored { tools, files, request, skill: skill.path.clone() }]
        }
        Effect::LoadCases(skill) => {
            let loaded = cases::load(&skill);
            vec![Action::Cases(CaseNews::Loaded { skill: skill.path.clone(), loaded })]
        }
        Effect::SaveCase(saving) => vec![Action::Cases(CaseNews::Saved(save_case(&saving, workspace)))],
        Effect::ReviewPolicy(skill) => vec![policies.review(&skill)],
        Effect::Grant { skill, remedy } => policies.grant(&skill, &remedy),
        Effect::TakeBack(skill) => policies.take_back(&skill),
        Effect::Approve { skill, shown } => vec![policies.approve(&skill.path, &shown)],
        Effect::Revoke(skill) => vec![policies.revoke(&skill.path)],
        Effect::WriteSamples => {
            let folder = workspace.join(".skills");
            let written = samples::write_to(&folder);
            vec![Action::SamplesWritten(match written {
                Ok(_) => Ok(folder),
                Err(error) => Err(format!("samples not written to {}: {error}", folder.display())),
            })]
        }
        _ => Vec::new(),
    }
}

/// Write a run down as a case. Says what was done.
fn save_case(saving: &SaveCase, workspace: &Path) -> Result<String, String> {
    let (file, notes) = cases::save(Saving {
        name: &saving.name,
        skill: &saving.skill,
        workspace,
        report: &saving.report,
        args: &saving.arguments,
        stdin: &[],
        force: false,
    })
    .map_err(|error| error.to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok([format!("saved as cases/{name}")].into_iter().chain(notes).collect::<Vec<_>>().join("; "))
}

/// Files of a skill, sorted, without what tools leave behind.
fn files(folder: &Path) -> Vec<FileItem> {
    const LEFT_OUT: [&str; 6] = [".git", "node_modules", "__pycache__", "target", ".venv", "venv"];
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((dir, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten().take(MAX_FILES) {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            let left_out = path.file_name().is_some_and(|name| LEFT_OUT.iter().any(|out| name == *out));
            if kind.is_dir() && depth < MAX_DEPTH && !left_out {
                folders.push((path, depth + 1));
            } else if !kind.is_dir() && found.len() < MAX_FILES {
                let bytes = entry.metadata().map_or(0, |data| data.len());
                found.push(FileItem { path: path.strip_prefix(folder).unwrap_or(&path).to_owned(), bytes });
            }
        }
    }
    // SKILL.md first, then by folder.
    found.sort_by(|a, b| {
        let first = |item: &FileItem| item.path.as_os_str() != "SKILL.md";
        (first(a), &a.path).cmp(&(first(b), &b.path))
    });
    found
}

/// The tools of a skill, as the screen shows them.
fn tools(skill: &Skill) -> Vec<Tool> {
    schema::tools(skill)
        .iter()
        .map(|tool| {
            let json = tool.schema();
            let entry = [tool.entry.display().to_string()].into_iter().chain(tool.subcommand.iter().cloned());
            Tool {
                name: tool.name.clone(),
                entry: entry.collect::<Vec<_>>().join(" "),
                source: tool.source.text().to_owned(),
                parameters: parameters(&json),
                json: format!("{json:#}"),
            }
        })
        .collect()
}

fn parameters(schema: &Value) -> Vec<Parameter> {
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let kind = property["type"].as_str().unwrap_or("any");
            let item = property["items"]["type"].as_str().filter(|_| kind == "array");
            let mut notes = vec![property["description"].as_str().unwrap_or_default().to_owned()];
            let choices = property["enum"].as_array().or_else(|| property["items"]["enum"].as_array());
            if let Some(choices) = choices {
                notes.push(format!("one of {}", choices.iter().map(text).collect::<Vec<_>>().join(", ")));
            }
            // Many help texts name the default themselves.
            let said = notes[0].contains("default");
            if let Some(default) = property.get("default").filter(|_| !said) {
                notes.push(format!("default {}", text(default)));
            }
            notes.retain(|note| !note.is_empty());
            Parameter {
                name: name.clone(),
                kind: item.map_or_else(|| kind.to_owned(), |item| format!("list of {item}")),
                required: required(name),
                description: notes.join("; "),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_with_the_manifest_first() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["scripts/b.py", "a.txt", "SKILL.md", "node_modules/x.js"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "12345").unwrap();
        }
        let found: Vec<_> = files(dir.path()).iter().map(|f| f.path.display().to_string()).collect();
        assert_eq!(found, ["SKILL.md", "a.txt", "scripts/b.py"]);
    }
}
