//! A run as it was written down.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::frame::{self, Kind};
use super::{End, Start};
use crate::policy::open_plain;
use crate::run::report::Report;
use crate::sandbox::event::{Stream, UsageSample};

/// Longest record that is read: no writer makes one so long.
const LONGEST: u64 = 128 << 20;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Ended,
    /// Whoever wrote it down went away: the run ended with it.
    Interrupted,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    pub start: Start,
    pub state: State,
    /// Empty of output, which stands in `chunks`; `None` when the run was interrupted early.
    pub report: Option<Report>,
    pub chunks: Vec<Chunk>,
    pub usage: Vec<(Duration, UsageSample)>,
    /// Bytes of output that were not kept.
    pub left_out: u64,
    /// Bytes at the end of the record that make no sense: a crash cut them off, or somebody damaged it.
    pub unread: u64,
}

/// Output as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub at: Duration,
    pub stream: Stream,
    pub bytes: Vec<u8>,
}

impl Record {
    pub(super) fn read(path: &Path, id: &str) -> io::Result<Self> {
        let mut file = open_plain(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(LONGEST).read_to_end(&mut bytes)?;
        let mut frames = frame::frames(&bytes).ok_or_else(damaged)?;
        let (start, first) = match frames.next() {
            Some((Kind::Start, _, json)) => {
                (serde_json::from_slice(json).map_err(|_| damaged())?, json.len())
            }
            _ => return Err(damaged()),
        };
        let mut record = Self {
            id: id.to_owned(),
            start,
            state: State::Interrupted,
            report: None,
            chunks: Vec::new(),
            usage: Vec::new(),
            left_out: 0,
            unread: 0,
        };
        let mut read = frame::HEAD.len() + frame::HEADER + first;
        for (kind, at, content) in frames {
            read += frame::HEADER + content.len();
            record.take(kind, at, content);
        }
        record.unread = (bytes.len() - read) as u64;
        if record.state != State::Ended && is_locked(&file) {
            record.state = State::Running;
        }
        Ok(record)
    }

    fn take(&mut self, kind: Kind, at: Duration, content: &[u8]) {
        let output = |stream| Chunk { at, stream, bytes: content.to_vec() };
        match kind {
            Kind::Stdout => self.chunks.push(output(Stream::Stdout)),
            Kind::Stderr => self.chunks.push(output(Stream::Stderr)),
            Kind::Usage => self.usage.extend(serde_json::from_slice(content).ok().map(|sample| (at, sample))),
            Kind::Report => self.report = serde_json::from_slice(content).ok().or(self.report.take()),
            Kind::End => {
                self.state = State::Ended;
                self.left_out = serde_json::from_slice(content).map_or(0, |end: End| end.left_out);
            }
            Kind::Start => {}
        }
    }

    /// Time from the start to the last that was written down.
    pub fn length(&self) -> Duration {
        let report = self.report.as_ref().map(|report| report.duration_ms.clamp(0.0, 1e12) / 1000.0);
        let chunks = self.chunks.last().map(|chunk| chunk.at);
        let usage = self.usage.last().map(|(at, _)| *at);
        let ended = report.map(Duration::from_secs_f64).filter(|_| self.state == State::Ended);
        ended.max(chunks).max(usage).unwrap_or_default()
    }

    /// All that was printed to one stream.
    pub fn output(&self, stream: Stream) -> Vec<u8> {
        self.chunks
            .iter()
            .filter(|chunk| chunk.stream == stream)
            .flat_map(|chunk| chunk.bytes.clone())
            .collect()
    }

    /// The report with the output in it, as `skilldeck run --format json` prints it.
    pub fn full_report(&self) -> Option<Report> {
        let text = |stream| String::from_utf8_lossy(&self.output(stream)).into_owned();
        let report = self.report.clone()?;
        let truncated = self.left_out > 0;
        Some(Report {
            stdout: text(Stream::Stdout),
            stderr: text(Stream::Stderr),
            stdout_truncated: report.stdout_truncated || truncated,
            stderr_truncated: report.stderr_truncated || truncated,
            ..report
        })
    }
}

pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not the record of a run")
}

/// Whether the writer still holds the record.
pub(super) fn is_locked(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockShared).is_err()
}

/// Make a record's file, locked, readable by its user alone.
pub(super) fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = fs::OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}
