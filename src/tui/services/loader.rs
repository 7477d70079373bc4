//! Finds and reads the skills on a thread of its own; the list fills as they come.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Loader, Mailbox};
use crate::skill::{Resolver, Skill};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::state::Level;
use crate::workspace::{self, Bounds, Discovery, Found};

/// Skills are handed over together when they come faster than this.
const TOGETHER: Duration = Duration::from_millis(8);

/// Reads the skills of a workspace and of further folders.
#[derive(Debug)]
pub struct DiskLoader {
    pub workspace: PathBuf,
    pub further: Vec<PathBuf>,
}

impl Loader for DiskLoader {
    fn start(&mut self, mailbox: Mailbox) {
        let (workspace, further) = (self.workspace.clone(), self.further.clone());
        spawn("loader", move || {
            read_all(&workspace, &further, &mailbox);
        });
    }
}

/// A named thread. Failing to start one is a broken machine; the rest of the workbench lives on.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(work);
}

fn read_all(workspace: &std::path::Path, further: &[PathBuf], mailbox: &Mailbox) {
    let roots = workspace::roots(workspace, further);
    let mut waiting: Vec<Arc<Skill>> = Vec::new();
    let mut since = Instant::now();
    let resolver = Resolver::from_env();
    Discovery::new(workspace, &roots, Bounds::default()).run(&resolver, &mut |found| match found {
        Found::Skill(skill) => {
            waiting.push(skill);
            if since.elapsed() >= TOGETHER {
                mailbox.send(Action::Workspace(WorkspaceNews::Skills(std::mem::take(&mut waiting))));
                since = Instant::now();
            }
        }
        Found::Notice(notice) => {
            mailbox.send(Action::Notice(Level::Warning, format!("{}; {}", notice.message, notice.help)));
        }
    });
    if !waiting.is_empty() {
        mailbox.send(Action::Workspace(WorkspaceNews::Skills(waiting)));
    }
    mailbox.send(Action::Workspace(WorkspaceNews::Complete));
}
