//! The summary of a run for people, as `skilldeck run` prints it on stderr after the skill's own output.

use std::fmt::Write;
use std::path::Path;

use super::terminal::one_line;
use crate::policy::summary::size;
use crate::run::report::{ChangeKind, Denial, Report};
use crate::run::source;
use crate::sandbox::event::{Frame, Layer, Level, Operation, OutcomeKind, Resource};

/// Most denials that are written out; the rest are counted.
const MAX_DENIALS: usize = 40;
/// Longest piece of foreign text on one line.
const MAX_TEXT: usize = 160;
/// Lines of diffs that are written out.
const MAX_DIFF_LINES: usize = 400;

/// Colour or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    pub(crate) fn quiet(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// The summary of a finished run. `skill` is the skill's folder: paths in it are shown relative.
pub fn summary(report: &Report, skill: &Path, style: Style) -> String {
    let mut text = Summary { text: String::new(), skill, style };
    text.outcome(report);
    text.denials(report);
    text.missing_modules(report);
    text.limits(report);
    text.changes(report);
    text.usage(report);
    text.isolation(report);
    text.text
}

/// What became of captured changes; empty after a direct run.
pub fn writes(report: &Report, skill: &Path, style: Style) -> String {
    let mut text = Summary { text: String::new(), skill, style };
    text.writes(report);
    text.text
}

struct Summary<'a> {
    text: String,
    skill: &'a Path,
    style: Style,
}

impl Summary<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn outcome(&mut self, report: &Report) {
        let Some(outcome) = &report.outcome else { return };
        let time = report.duration_ms / 1000.0;
        let message = one_line(&outcome.message, 400);
        // What the end brought with it: processes that were left behind.
        let more = message.find("; ").map_or("", |at| &message[at..]);
        let line = match outcome.kind {
            OutcomeKind::Exited if outcome.code == Some(0) => {
                self.style.good(&format!("✓ exited with 0 after {time:.2} s{more}"))
            }
            OutcomeKind::Exited => {
                let code = outcome.code.unwrap_or_default();
                self.style.bad(&format!("✗ exited with {code} after {time:.2} s{more}"))
            }
            OutcomeKind::Signaled => {
                let signal = outcome.signal.as_deref().unwrap_or("a signal");
                self.style.bad(&format!("✗ ended by {signal} after {time:.2} s{more}"))
            }
            OutcomeKind::Limit | OutcomeKind::Timeout => {
                self.style.bad(&format!("! LIMIT after {time:.2} s: {message}"))
            }
            OutcomeKind::Cancelled => self.style.warning(&format!("cancelled after {time:.2} s")),
            OutcomeKind::Failed => self.style.bad(&format!("✗ the sandbox failed: {message}")),
        };
        self.line(&line);
    }

    fn denials(&mut self, report: &Report) {
        // Those with a line of the skill first: they are what somebody can act on.
        let mut denials: Vec<&Denial> = report.denials.iter().collect();
        denials.sort_by_key(|denial| denial.blame.is_empty());
        for denial in denials.iter().take(MAX_DENIALS) {
            self.denial(denial);
        }
        if denials.len() > MAX_DENIALS {
            let more = denials.len() - MAX_DENIALS;
            let line = format!("  … and {more} more; --format json has them all");
            self.line(&self.style.quiet(&line));
        }
    }

    fn missing_modules(&mut self, report: &Report) {
        for missing in &report.missing_modules {
            let head = format!("✗ MISSING import {}", one_line(&missing.module, MAX_TEXT));
            self.line(&self.style.bad(&head));
            if let Some((frame, callers)) = missing.blame.split_first() {
                self.blame(frame, callers);
            }
            self.line(&format!("    why    {}", one_line(&missing.reason, 300)));
            if let Some(command) = &missing.command {
                self.line(&format!("    next   {}", self.style.good(&one_line(command, 300))));
            }
        }
    }

    fn denial(&mut self, denial: &Denial) {
        let is_path = !matches!(
            denial.operation,
            Operation::Connect | Operation::Env | Operation::Syscall | Operation::Signal | Operation::Listen
        );
        let target = if is_path { self.short(Path::new(&denial.target)) } else { denial.target.clone() };
        let mut head = format!("✗ DENIED {} {}", operation(denial.operation), one_line(&target, MAX_TEXT));
        if denial.count > 1 {
            let _ = write!(head, " ×{}", denial.count);
        }
        let mut how = layer(denial.layer).to_owned();
        if !denial.errno.is_empty() {
            how = format!("{} · {how}", one_line(&denial.errno, 20));
        }
        self.line(&format!("{}  {}", self.style.bad(&head), self.style.quiet(&how)));
        if let Some(frame) = denial.blame.first() {
            self.blame(frame, &denial.blame[1..]);
        } else if let Some(why) = &denial.unread {
            self.line(&format!("    at     {}", self.style.quiet(&one_line(why, 300))));
        }
        self.line(&format!("    rule   {}", one_line(&denial.rule, 300)));
        if let Some(asked) = &denial.asked {
            self.line(&format!("    asked  {}", self.style.warning(&one_line(asked, 300))));
        }
        if let Some(remedy) = &denial.remedy {
            let mut line = self.style.good(&format!("{}: [{}]", remedy.permission, list_item(&remedy.add)));
            for wider in &denial.alternatives {
                let _ = write!(line, "  {}", self.style.quiet(&format!("or [{}]", list_item(&wider.add))));
            }
            self.line(&format!("    allow  {line}"));
        }
    }

    /// Where in the skill, and the line itself.
    fn blame(&mut self, frame: &Frame, callers: &[Frame]) {
        let mut place = frame.place(&self.short(&frame.file));
        if !frame.function.is_empty() {
            let _ = write!(place, " in {}", frame.function);
        }
        for caller in callers.iter().take(3) {
            let _ = write!(place, " ← {}", caller.place(&self.short(&caller.file)));
        }
        self.line(&format!("    at     {}", one_line(&place, 300)));
        if let Some(source) = source::line(self.skill, frame) {
            self.line(&self.style.quiet(&format!(
                "    {:>6} │ {}",
                frame.line,
                one_line(source.trim_end(), MAX_TEXT)
            )));
        }
    }

    fn short(&self, path: &Path) -> String {
        match path.strip_prefix(self.skill) {
            Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
            Ok(rest) => rest.display().to_string(),
            Err(_) => path.display().to_string(),
        }
    }

    fn limits(&mut self, report: &Report) {
        for hit in &report.limits {
            let value = |n: u64| match hit.resource {
                Resource::Cpu | Resource::Wall => format!("{:.2} s", n as f64 / 1000.0),
                Resource::Memory | Resource::FileSize | Resource::Scratch | Resource::Output => size(n),
                Resource::OpenFiles | Resource::Processes => n.to_string(),
            };
            let line = format!(
                "! LIMIT {}: {} of {} ({}, by the {})",
                resource(hit.resource),
                value(hit.observed),
                value(hit.limit),
                one_line(&hit.effect, 40),
                one_line(&hit.enforced_by, 40),
            );
            self.line(&self.style.warning(&line));
        }
    }

    fn changes(&mut self, report: &Report) {
        // What is to be decided upon is shown.
        let most = if report.writes.is_some() { 200 } else { 10 };
        let mut lines = MAX_DIFF_LINES;
        for change in report.changes.iter().take(most) {
            let mark = match change.kind {
                ChangeKind::Added => "+",
                ChangeKind::Modified | ChangeKind::TypeChanged | ChangeKind::ModeChanged => "~",
                ChangeKind::Deleted => "-",
            };
            let path = one_line(&self.short(&change.path), MAX_TEXT);
            let mut what = match change.before_bytes {
                Some(before) if before != change.bytes => {
                    format!("{} → {}", size(before), size(change.bytes))
                }
                _ => size(change.bytes),
            };
            if let Some(detail) = &change.detail {
                let _ = write!(what, "  {}", one_line(detail, MAX_TEXT));
            }
            self.line(&format!("{mark} {path}  {}", self.style.quiet(&what)));
            if report.writes.is_some() {
                self.diff(change.diff.as_deref().unwrap_or_default(), &mut lines);
            }
        }
        if report.changes_truncated {
            let text = "! not everything could be compared: changes of this run may be missing here";
            self.line(&self.style.warning(text));
        }
        if report.changes.len() > most {
            self.line(&self.style.quiet(&format!("  … and {} more changes", report.changes.len() - most)));
        }
    }

    /// Set in, so that no line of it looks like one of ours.
    fn diff(&mut self, diff: &str, room: &mut usize) {
        let count = diff.lines().count();
        for line in diff.lines().take(*room) {
            let shown = one_line(&line.replace('\t', "    "), MAX_TEXT);
            let shown = match line.as_bytes().first() {
                Some(b'+') => self.style.paint("32", &shown),
                Some(b'-') => self.style.paint("31", &shown),
                _ => self.style.quiet(&shown),
            };
            self.line(&format!("    {shown}"));
        }
        if count > *room {
            self.line(&self.style.quiet("    … the rest of the diffs is in --format json"));
        }
        *room = room.saturating_sub(count);
    }

    fn writes(&mut self, report: &Report) {
        let Some(writes) = &report.writes else { return };
        let changes = |count: u64| format!("{count} {}", if count == 1 { "change" } else { "changes" });
        for conflict in writes.conflicts.iter().take(MAX_DENIALS) {
            let path = one_line(&self.short(&conflict.path), MAX_TEXT);
            let line = format!("! not kept: {path}: {}", one_line(&conflict.reason, MAX_TEXT));
            self.line(&self.style.warning(&line));
        }
        if writes.conflicts.len() > MAX_DENIALS {
            let more = writes.conflicts.len() - MAX_DENIALS;
            self.line(&self.style.quiet(&format!("  … and {more} more; --format json has them all")));
        }
        if writes.kept > 0 {
            self.line(&self.style.good(&format!("kept {}", changes(writes.kept))));
        }
        match (&writes.reason, writes.dropped) {
            (Some(reason), dropped) => {
                self.line(&self.style.warning(&format!(
                    "dropped {}: {}",
                    changes(dropped),
                    one_line(reason, 300)
                )));
            }
            (None, 0) if writes.kept == 0 => self.line(&self.style.quiet("nothing was changed")),
            (None, 0) => {}
            (None, dropped) => self.line(&self.style.warning(&format!("dropped {}", changes(dropped)))),
        }
    }

    fn usage(&mut self, report: &Report) {
        let usage = report.usage;
        if report.outcome.as_ref().is_some_and(|outcome| outcome.kind == OutcomeKind::Failed) {
            return;
        }
        let mut line = format!(
            "cpu {:.2} s · memory {} · processes {} · output {} · start {:.1} ms",
            usage.cpu_ms as f64 / 1000.0,
            size(usage.peak_memory_bytes),
            usage.peak_processes,
            size(usage.output_bytes),
            report.startup_ms,
        );
        if report.lost_events > 0 {
            let _ = write!(line, " · {} events not recorded", report.lost_events);
        }
        self.line(&self.style.quiet(&line));
    }

    fn isolation(&mut self, report: &Report) {
        if report.isolation.level == Level::Reduced {
            self.line(&self.style.warning("! REDUCED sandbox on this machine; `skilldeck doctor` says more"));
            for missing in &report.isolation.missing {
                self.line(&self.style.warning(&format!("  {}", one_line(missing, 300))));
            }
        }
    }
}

/// The value as an item of a flow list in YAML.
fn list_item(value: &str) -> String {
    let value = one_line(value, 300);
    if value.contains([':', '@', '$', ' ', ',', '#']) { format!("\"{value}\"") } else { value }
}

/// The word for an operation, as in the report.
pub fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "read",
        Operation::Write => "write",
        Operation::Create => "create",
        Operation::Delete => "delete",
        Operation::Execute => "execute",
        Operation::Connect => "connect",
        Operation::Listen => "listen",
        Operation::Signal => "signal",
        Operation::Spawn => "spawn",
        Operation::Env => "env",
        Operation::Syscall => "syscall",
    }
}

/// The word for a layer, as in the report.
pub fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Mount => "mount",
        Layer::Landlock => "landlock",
        Layer::Seccomp => "seccomp",
        Layer::Network => "network",
        Layer::Limit => "limit",
        Layer::Permissions => "permissions",
        Layer::Environment => "environment",
    }
}

/// The word for a limit, as in `policy.yaml`.
pub fn resource(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu",
        Resource::Wall => "wall",
        Resource::Memory => "memory",
        Resource::FileSize => "file_size",
        Resource::Scratch => "scratch",
        Resource::OpenFiles => "open_files",
        Resource::Processes => "processes",
        Resource::Output => "output",
    }
}
