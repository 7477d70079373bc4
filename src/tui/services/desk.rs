//! Small jobs on a worker thread: reading files, exploring a skill, laying out samples; those about policies are next door.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use super::complete;
use super::explore::{files, learned, read_file, tools};
use super::fix::Fixer;
use super::highlight::{self, Highlighter};
use super::loader::{Watch, spawn};
use super::policy::PolicyDesk;
use super::pulse::Pulse;
use super::uses::GrantCounter;
use super::{Desk, Mailbox, learn};
use crate::cases::{self, Saving};
use crate::journal::Journal;
use crate::policy::{Approvals, Places};
use crate::tui::action::{Action, CaseNews};
use crate::tui::effect::{Effect, SaveCase};
use crate::workspace::samples;

/// The real worker.
#[derive(Debug)]
pub struct DiskDesk {
    workspace: PathBuf,
    watch: Watch,
    approvals: Approvals,
    highlighter: Highlighter,
    uses: GrantCounter,
    queue: Option<mpsc::Sender<Effect>>,
}

impl DiskDesk {
    pub fn new(workspace: PathBuf, watch: Watch, approvals: Approvals, journal: Journal) -> Self {
        let uses = GrantCounter::new(journal, &workspace);
        Self { workspace, watch, approvals, highlighter: Highlighter::default(), uses, queue: None }
    }
}

impl Desk for DiskDesk {
    fn perform(&mut self, effect: Effect, mailbox: &Mailbox) {
        let effect = match effect {
            Effect::Highlight { key, name, text } => {
                let request = highlight::Request { key, name, text };
                return self.highlighter.ask(highlight::Job::Colour(request), mailbox);
            }
            Effect::Render { key, text } => {
                return self.highlighter.ask(highlight::Job::Render { key, text }, mailbox);
            }
            Effect::CountUses { skill, text } => {
                return self.uses.ask(skill, text, mailbox);
            }
            Effect::CompletePath { form, folder, text } => {
                return complete::ask(form, folder, text, mailbox);
            }
            other => other,
        };
        let queue = self.queue.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel::<Effect>();
            let workspace = self.workspace.clone();
            let mut policies = PolicyDesk::new(&workspace, self.watch.clone(), self.approvals.clone());
            let (mut fixer, watch) = (Fixer::default(), self.watch.clone());
            let mailbox = mailbox.clone();
            spawn("desk", move || {
                while let Ok(effect) = receiver.recv() {
                    let what = job(&effect);
                    let slow = Pulse::start(&mailbox, move |time| Action::Working(Some((what, time))));
                    let answers = match fixer.answer(&effect, &watch, &workspace) {
                        Some(action) => vec![action],
                        None => answer(effect, &workspace, &mut policies),
                    };
                    let done = slow.stop().then_some(Action::Working(None));
                    for action in answers.into_iter().chain(done) {
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

/// What is told of a job that takes long.
fn job(effect: &Effect) -> &'static str {
    match effect {
        Effect::ReadFile { .. } => "reading a file",
        Effect::Explore(_) => "looking at the skill",
        Effect::LoadCases(_) => "reading cases",
        Effect::SaveCase(_) => "saving the case",
        Effect::WriteSamples => "writing samples",
        _ => "writing the policy",
    }
}

fn answer(effect: Effect, workspace: &Path, policies: &mut PolicyDesk) -> Vec<Action> {
    match effect {
        Effect::ReadFile { skill, path } => {
            let text = read_file(&skill, &path).map(Arc::from);
            vec![Action::FileRead(path, text)]
        }
        Effect::Explore(skill) => {
            let (tools, files) = (tools(&skill), files(&skill.path));
            let request = policies.request(&skill.path);
            let learned = Box::new(learned(&skill, &files, &Places::new(workspace)));
            vec![Action::Explored { tools, files, learned, request, skill: skill.path.clone() }]
        }
        Effect::LoadCases(skill) => {
            let loaded = cases::load(&skill);
            vec![Action::Cases(CaseNews::Loaded { skill: skill.path.clone(), loaded })]
        }
        Effect::SaveCase(saving) => vec![Action::Cases(CaseNews::Saved(save_case(&saving, workspace)))],
        Effect::ReviewPolicy(skill) => vec![policies.review(&skill)],
        Effect::WritePolicy { skill, offer } => policies.agree(&skill, &offer),
        Effect::Tighten(skill) => vec![learn::look_for_unneeded(&skill, workspace)],
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
        stdin: &saving.stdin,
        force: false,
    })
    .map_err(|error| error.to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok([format!("saved as cases/{name}")].into_iter().chain(notes).collect::<Vec<_>>().join("; "))
}
