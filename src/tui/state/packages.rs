//! The packages of a skill being prepared: what the installer says, and how it ended.

use std::path::PathBuf;
use std::time::Duration;

use crate::run::log::OutputLog;

/// Bytes and lines of an installer's output that are kept.
const CAPACITY: usize = 256 * 1024;
const MAX_LINES: usize = 2000;

#[derive(Debug, Clone)]
pub struct Preparation {
    pub skill: PathBuf,
    /// The step under way, in words.
    pub step: String,
    pub elapsed: Duration,
    /// Everything that the installer said.
    pub log: OutputLog,
    /// Why it failed, once it has.
    pub failed: Option<String>,
}

impl super::State {
    /// Packages are being installed.
    pub fn prepares(&self) -> bool {
        self.preparation.as_ref().is_some_and(Preparation::is_under_way)
    }
}

impl Preparation {
    pub fn new(skill: PathBuf) -> Self {
        Self {
            skill,
            step: "starting".to_owned(),
            elapsed: Duration::ZERO,
            log: OutputLog::with_capacity(CAPACITY, MAX_LINES),
            failed: None,
        }
    }

    pub fn is_under_way(&self) -> bool {
        self.failed.is_none()
    }

    pub fn add(&mut self, line: &str) {
        self.log.push(line.as_bytes());
        self.log.push(b"\n");
    }
}
