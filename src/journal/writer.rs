//! Writes down one run while it goes on.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use super::frame::{self, Kind};
use super::{End, Start, Summary};
use crate::run::report::Report;
use crate::sandbox::event::{Event, EventKind, Stream};

/// Bytes of output that one record keeps.
const KEPT_OUTPUT: u64 = 16 << 20;
/// A report is written down while the run goes on at most this often: it is what is left after a crash.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// And only while all of them together are not longer than this.
const REPORTS: usize = 8 << 20;

/// See the module. A write that fails ends the record and not the run.
#[derive(Debug)]
pub struct Writer {
    /// Name of the record.
    id: String,
    /// Locked as long as the run goes on. `None` once a write has failed.
    file: Option<File>,
    frames: Vec<u8>,
    output: u64,
    left_out: u64,
    reports: usize,
    /// `None` until the first: what is refused at once is not lost.
    last_report: Option<Instant>,
    at: Duration,
    failure: Option<io::Error>,
}

impl Writer {
    pub(super) fn begin(file: File, id: String, start: &Start) -> io::Result<Self> {
        let mut frames = frame::HEAD.to_vec();
        frame::put(&mut frames, Kind::Start, Duration::ZERO, &serde_json::to_vec(start)?);
        let mut writer = Self {
            id,
            file: Some(file),
            frames,
            output: 0,
            left_out: 0,
            reports: 0,
            last_report: None,
            at: Duration::ZERO,
            failure: None,
        };
        writer.flush();
        writer.failure.take().map_or(Ok(writer), Err)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Take events in: what was printed and used is on disk when this returns.
    pub fn apply(&mut self, events: &[Event]) {
        for event in events {
            self.at = self.at.max(event.at);
            match &event.kind {
                EventKind::Output { stream, bytes } => self.print(*stream, event.at, bytes),
                EventKind::Usage(sample) => {
                    if let Ok(json) = serde_json::to_vec(sample) {
                        frame::put(&mut self.frames, Kind::Usage, event.at, &json);
                    }
                }
                _ => {}
            }
        }
        self.flush();
    }

    fn print(&mut self, stream: Stream, at: Duration, bytes: &[u8]) {
        let room = usize::try_from(KEPT_OUTPUT - self.output).unwrap_or(usize::MAX).min(bytes.len());
        let (kept, rest) = bytes.split_at(room);
        self.output += kept.len() as u64;
        self.left_out += rest.len() as u64;
        let kind = match stream {
            Stream::Stdout => Kind::Stdout,
            Stream::Stderr => Kind::Stderr,
        };
        if !kept.is_empty() {
            frame::put(&mut self.frames, kind, at, kept);
        }
    }

    /// The report has changed.
    pub fn changed(&mut self, report: &Report) {
        let due = self.last_report.is_none_or(|last| last.elapsed() >= REPORT_EVERY);
        if self.reports < REPORTS && due {
            self.report(report);
            self.last_report = Some(Instant::now());
        }
    }

    /// The run has ended with this report. Gives the error that kept the record from being whole.
    pub fn end(mut self, report: &Report) -> io::Result<()> {
        self.report(report);
        let end = serde_json::to_vec(&End { left_out: self.left_out, summary: Some(Summary::of(report)) })?;
        frame::put(&mut self.frames, Kind::End, self.at, &end);
        self.flush();
        self.failure.map_or(Ok(()), Err)
    }

    /// Write the report down as it is now.
    pub fn report(&mut self, report: &Report) {
        // The output stands in frames of its own.
        let report = Report { stdout: String::new(), stderr: String::new(), ..report.clone() };
        if let Ok(json) = serde_json::to_vec(&report) {
            self.reports += json.len();
            frame::put(&mut self.frames, Kind::Report, self.at, &json);
            self.flush();
        }
    }

    fn flush(&mut self) {
        let written = self.file.as_mut().map(|file| file.write_all(&self.frames));
        self.frames.clear();
        if let Some(Err(error)) = written {
            self.failure = Some(error);
            self.file = None;
        }
    }
}
