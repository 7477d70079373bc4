//! What a list of runs says of each: read from the two ends of its record, without what lies between.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::frame::{self, HEAD, HEADER, Kind};
use super::record::{State, damaged, is_locked};
use super::{End, Start};
use crate::policy::open_plain;
use crate::run::report::Report;
use crate::sandbox::event::Outcome;

/// Longest start of a record: the arguments of a program are at most 2 MiB (execve(2)), and JSON may write six bytes for one.
const LONGEST_START: usize = 16 << 20;
/// The end of a record is looked for in its last bytes.
const TAIL: u64 = 4096;

/// How a run ended, in short.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    pub outcome: Option<Outcome>,
    pub duration_ms: f64,
    pub denials: usize,
}

impl Summary {
    pub fn of(report: &Report) -> Self {
        Self {
            outcome: report.outcome.clone(),
            duration_ms: report.duration_ms,
            denials: report.denials.len(),
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub id: String,
    pub start: Start,
    pub state: State,
    /// `None` when no report was written down before the run was interrupted.
    pub summary: Option<Summary>,
    /// Length of the record.
    pub bytes: u64,
}

impl Head {
    pub(super) fn read(path: &Path, id: &str) -> io::Result<Self> {
        let file = open_plain(path)?;
        let bytes = file.metadata()?.len();
        let start = start(&file)?;
        if let Some(End { summary: Some(summary), .. }) = end(&file, bytes) {
            return Ok(Self { id: id.to_owned(), start, state: State::Ended, summary: Some(summary), bytes });
        }
        // It goes on, was interrupted, or is from a version that wrote no summary.
        let (ended, summary) = walk(&file, bytes)?;
        let state = match ended {
            true => State::Ended,
            false if is_locked(&file) => State::Running,
            false => State::Interrupted,
        };
        Ok(Self { id: id.to_owned(), start, state, summary, bytes })
    }
}

/// What a record begins with, without reading the rest.
pub(super) fn start_of(path: &Path) -> io::Result<Start> {
    start(&open_plain(path)?)
}

/// The first frame.
fn start(file: &File) -> io::Result<Start> {
    let mut first = [0; HEAD.len() + HEADER];
    file.read_exact_at(&mut first, 0).map_err(|_| damaged())?;
    let (head, header) = first.split_at(HEAD.len());
    match frame::header(header).filter(|_| head == HEAD) {
        Some((Kind::Start, _, length)) if length <= LONGEST_START => {
            let mut json = vec![0; length];
            file.read_exact_at(&mut json, first.len() as u64).map_err(|_| damaged())?;
            serde_json::from_slice(&json).map_err(|_| damaged())
        }
        _ => Err(damaged()),
    }
}

/// The last frame, when it is the end: the one that reaches to the end of the file and holds what an end holds. Its JSON
/// has no control characters, so that nothing else is taken for its first byte.
fn end(file: &File, bytes: u64) -> Option<End> {
    let from = bytes.saturating_sub(TAIL).max(HEAD.len() as u64);
    let mut tail = vec![0; usize::try_from(bytes.checked_sub(from)?).ok()?];
    file.read_exact_at(&mut tail, from).ok()?;
    (0..tail.len().saturating_sub(HEADER)).rev().find_map(|at| {
        let (header, content) = tail[at..].split_at(HEADER);
        let (kind, _, length) = frame::header(header)?;
        let fits = kind == Kind::End && length == content.len();
        fits.then(|| serde_json::from_slice(content).ok()).flatten()
    })
}

/// Go over all frames without reading what was printed: whether there is an end, and what the last report comes to.
fn walk(file: &File, bytes: u64) -> io::Result<(bool, Option<Summary>)> {
    #[derive(Deserialize)]
    struct Part {
        outcome: Option<Outcome>,
        duration_ms: f64,
        denials: Vec<IgnoredAny>,
    }
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut at = HEAD.len() as u64;
    reader.seek(SeekFrom::Start(at))?;
    let (mut ended, mut report, mut last) = (false, None, Duration::ZERO);
    let mut header = [0; HEADER];
    while reader.read_exact(&mut header).is_ok() {
        let Some((kind, time, length)) = frame::header(&header) else { break };
        at += HEADER as u64 + length as u64;
        if at > bytes {
            break;
        }
        last = last.max(time);
        match kind {
            Kind::Report => report = Some((at - length as u64, length)),
            Kind::End => ended = true,
            _ => {}
        }
        reader.seek_relative(length as i64)?;
    }
    let summary = report.and_then(|(from, length)| {
        let mut json = vec![0; length];
        file.read_exact_at(&mut json, from).ok()?;
        let part: Part = serde_json::from_slice(&json).ok()?;
        let lasted = if ended { part.duration_ms } else { last.as_secs_f64() * 1000.0 };
        Some(Summary { outcome: part.outcome, duration_ms: lasted, denials: part.denials.len() })
    });
    Ok((ended, summary))
}
