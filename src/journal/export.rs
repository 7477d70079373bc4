//! A record for other programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::Record;
use crate::report::terminal::Harmless;
use crate::sandbox::event::Stream;

/// The report as `skilldeck run --format json` prints it. `None` when the run was interrupted before there was one.
pub fn report(record: &Record) -> Option<String> {
    let report = record.full_report()?;
    serde_json::to_string_pretty(&report).ok().map(|json| json + "\n")
}

/// The output as a terminal showed it, in asciicast v2 (<https://docs.asciinema.org/manual/asciicast/v2/>): what is
/// hostile stays out.
pub fn asciicast(record: &Record) -> String {
    let title = format!("{} {}", record.start.skill, record.start.entry.display());
    let started = record.start.started_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    let head = json!({ "version": 2, "width": 100, "height": 30, "timestamp": started, "title": title });
    let mut text = format!("{head}\n");
    let mut filters = [Harmless::default(), Harmless::default()];
    for chunk in &record.chunks {
        let filter = &mut filters[usize::from(chunk.stream == Stream::Stderr)];
        let shown = String::from_utf8_lossy(&filter.filter(&chunk.bytes)).replace('\n', "\r\n");
        let _ = writeln!(text, "{}", json!([seconds(chunk.at), "o", shown]));
    }
    text
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}
