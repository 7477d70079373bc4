//! Small jobs on a worker thread: reading files, exploring a skill, writing a grant, laying out samples.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use serde_json::Value;

use super::highlight::{self, Highlighter};
use super::loader::{Watch, spawn};
use super::{Desk, Mailbox};
use crate::cases::{self, Saving};
use crate::policy::{self, Approvals, Places, Request};
use crate::run::report::Remedy;
use crate::run::source;
use crate::skill::{self, Skill, schema};
use crate::tui::action::{Action, CaseNews, WorkspaceNews};
use crate::tui::effect::{Effect, SaveCase};
use crate::tui::state::{FileItem, Parameter, Tool};
use crate::workspace::{replace, samples};

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
        let (workspace, watch) = (self.workspace.clone(), self.watch.clone());
        let approvals = self.approvals.clone();
        let queue = self.queue.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel::<Effect>();
            let mailbox = mailbox.clone();
            spawn("desk", move || {
                let mut granted = Vec::new();
                while let Ok(effect) = receiver.recv() {
                    for action in answer(effect, &workspace, &watch, &approvals, &mut granted) {
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

fn answer(
    effect: Effect,
    workspace: &Path,
    watch: &Watch,
    approvals: &Approvals,
    granted: &mut Vec<Granted>,
) -> Vec<Action> {
    let places = Places::new(workspace);
    match effect {
        Effect::ReadFile { skill, path } => {
            let text = source::read(&skill, &path).map(Arc::from);
            let text = text.map_err(|error| format!("{}: {error}", path.display()));
            vec![Action::FileRead(path, text)]
        }
        Effect::Explore(skill) => {
            let (tools, files) = (tools(&skill), files(&skill.path));
            let request = own_request(&skill.path, approvals, &places);
            vec![Action::Explored { tools, files, request, skill: skill.path.clone() }]
        }
        Effect::LoadCases(skill) => {
            let loaded = cases::load(&skill);
            vec![Action::Cases(CaseNews::Loaded { skill: skill.path.clone(), loaded })]
        }
        Effect::SaveCase(saving) => vec![Action::Cases(CaseNews::Saved(save_case(&saving, workspace)))],
        Effect::Grant { skill, remedy } => {
            ignore_writes(&skill, watch);
            let result = grant(&skill, &remedy, &places, granted);
            let request = if result.is_ok() { approve_own(&skill.path, approvals, &places) } else { None };
            changed(&skill, request, result)
        }
        Effect::TakeBack(skill) => {
            ignore_writes(&skill, watch);
            let result = take_back(&skill, granted);
            let request = own_request(&skill.path, approvals, &places);
            changed(&skill, request, result)
        }
        Effect::Approve { skill, shown } => vec![approve(&skill.path, &shown, approvals, &places)],
        Effect::Revoke(skill) => {
            let said = approvals.revoke(&skill.path.join(policy::FILE_NAME));
            vec![Action::Approved {
                skill: skill.path.clone(),
                request: own_request(&skill.path, approvals, &places),
                said: said
                    .map(|_| "the default policy is in force for this skill".to_owned())
                    .map_err(|error| format!("the approval cannot be taken back: {error}")),
            }]
        }
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

fn ignore_writes(skill: &Skill, watch: &Watch) {
    let file = skill.path.join(policy::FILE_NAME);
    watch.ignore_write(replace::beside(&file));
    watch.ignore_write(file);
}

/// The policy file was written, or not.
fn changed(skill: &Skill, request: Option<Box<Request>>, result: Result<String, String>) -> Vec<Action> {
    // The watcher was told not to mind, so the skill is read again here.
    let again = Arc::new(skill::read(&skill.path, &skill.root));
    vec![
        Action::Workspace(WorkspaceNews::Skills(vec![again])),
        Action::Granted { skill: skill.path.clone(), request, result },
    ]
}

/// Put the request in force that was shown, unless the file asks for something else by now.
fn approve(skill: &Path, shown: &Request, approvals: &Approvals, places: &Places) -> Action {
    let (request, said) = match Request::read(skill, approvals, places) {
        Err(error) => (None, Err(error.to_string())),
        Ok(None) => (None, Err("policy.yaml is gone; nothing was approved".to_owned())),
        Ok(Some(now)) if !now.asks_for_the_same(shown) => {
            (Some(now), Err("policy.yaml has changed meanwhile; nothing was approved: look again".to_owned()))
        }
        Ok(Some(mut now)) => {
            let said = keep(&mut now, approvals);
            (Some(now), Ok(said))
        }
    };
    Action::Approved { skill: skill.to_owned(), request: request.map(Box::new), said }
}

fn own_request(skill: &Path, approvals: &Approvals, places: &Places) -> Option<Box<Request>> {
    Request::read(skill, approvals, places).ok().flatten().map(Box::new)
}

/// Approve what the user has just had written into the file.
fn approve_own(skill: &Path, approvals: &Approvals, places: &Places) -> Option<Box<Request>> {
    let mut request = own_request(skill, approvals, places)?;
    keep(&mut request, approvals);
    Some(request)
}

/// Approve for good, or until the workbench ends where that cannot be kept.
fn keep(request: &mut Request, approvals: &Approvals) -> String {
    match request.approve(approvals) {
        Ok(()) => "policy.yaml is in force for this skill, until it asks for something else".to_owned(),
        Err(error) => {
            request.approve_for_now(approvals);
            format!("policy.yaml is in force until you quit: the approval cannot be kept ({error})")
        }
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

/// A grant that was added, for taking it back.
#[derive(Debug)]
struct Granted {
    file: PathBuf,
    /// The text before, when there was a file.
    before: Option<String>,
    after: String,
    what: String,
}

/// Add a grant to the skill's own policy file. Says what was done.
fn grant(
    skill: &Skill,
    remedy: &Remedy,
    places: &Places,
    granted: &mut Vec<Granted>,
) -> Result<String, String> {
    let file = skill.path.join(policy::FILE_NAME);
    let before = match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{}: {error}; nothing was granted", file.display())),
    };
    let text = before.as_deref().unwrap_or_default();
    let after = policy::add_grant(text, remedy, &file, places)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let what = format!("{}: {}", remedy.permission, remedy.add);
    if after == text {
        return Ok(format!(
            "policy.yaml, which asks for {what}, is now in force for this skill; t takes it back"
        ));
    }
    replace::replace(&file, &after)
        .map_err(|error| format!("{}: {error}; nothing was granted", file.display()))?;
    granted.push(Granted { file, before, after, what: what.clone() });
    Ok(format!("granted {what} in policy.yaml, which is now in force for this skill; u takes it back"))
}

/// Undo the last grant of a skill, unless the file was changed since.
fn take_back(skill: &Skill, granted: &mut Vec<Granted>) -> Result<String, String> {
    let file = skill.path.join(policy::FILE_NAME);
    let Some(at) = granted.iter().rposition(|grant| grant.file == file) else {
        return Err("no grant of this session is left to take back".to_owned());
    };
    let Granted { before, after, what, .. } = granted.remove(at);
    if std::fs::read_to_string(&file).ok().as_deref() != Some(&after) {
        return Err(format!("policy.yaml was changed since; take {what} back by hand, with e"));
    }
    let undone = match before {
        Some(text) => replace::replace(&file, &text),
        None => std::fs::remove_file(&file),
    };
    undone.map_err(|error| format!("{}: {error}; nothing was taken back", file.display()))?;
    Ok(format!("took back {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_taken_back_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("SKILL.md"), "---\nname: x\ndescription: Does.\n---\n").unwrap();
        let skill = skill::read(dir.path(), dir.path());
        let (file, places) = (dir.path().join("policy.yaml"), Places::new(dir.path()));
        let mut granted = Vec::new();
        let grant = |add: &str, granted: &mut Vec<Granted>| {
            let remedy = Remedy { permission: "read".into(), add: add.into() };
            grant(&skill, &remedy, &places, granted).unwrap();
            std::fs::read_to_string(&file).unwrap()
        };
        let first = grant("./a", &mut granted);
        assert_ne!(first, grant("./b", &mut granted));
        take_back(&skill, &mut granted).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
        take_back(&skill, &mut granted).unwrap();
        assert!(!file.exists(), "the first grant made the file");
        assert!(take_back(&skill, &mut granted).unwrap_err().contains("no grant"));

        grant("./a", &mut granted);
        std::fs::write(&file, "# mine\n").unwrap();
        assert!(take_back(&skill, &mut granted).unwrap_err().contains("was changed since"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "# mine\n");
    }

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
