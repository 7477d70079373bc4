//! The Timeline section: what happened, when, and what to look at.

use ratatui::text::Span;

use super::canvas::Canvas;
use super::{Sign, format};
use crate::run::report::Report;
use crate::sandbox::event::{Stream, Verdict};
use crate::tui::state::timeline::{self, Entry, Happening};
use crate::tui::state::{Place, RunView};
use crate::tui::theme::Role;

/// ` 34 ms  ✗ DENIED read /etc/shadow EACCES`
pub(super) fn row(canvas: &Canvas<'_>, run: &RunView, place: &Place, index: usize) -> Vec<Span<'static>> {
    let (Some(report), Some(entry)) = (run.report.as_deref(), run.trace.timeline.entries().get(index)) else {
        return Vec::new();
    };
    let look = canvas.look;
    let (role, sign) = looks(report, entry);
    vec![
        look.span(Role::Faint, format!(" {:>9}  ", format::millis(entry.at_ms))),
        look.mark(role, sign),
        look.span(role, format!(" {}", timeline::text(report, entry, place))),
    ]
}

fn looks(report: &Report, entry: &Entry) -> (Role, Sign) {
    let verdict = |verdict: Option<Verdict>| match verdict {
        Some(Verdict::Denied) => (Role::Denied, Sign::Denied),
        Some(Verdict::Allowed) => (Role::Text, Sign::Allowed),
        _ => (Role::Faint, Sign::Dot),
    };
    match &entry.what {
        Happening::Started => (Role::Strong, Sign::Running),
        Happening::Process(_) => (Role::Text, Sign::Running),
        Happening::Exited(at) => match report.processes.get(*at).and_then(|process| process.exit) {
            Some(0) => (Role::Muted, Sign::Stopped),
            _ => (Role::Warning, Sign::Stopped),
        },
        Happening::Files(group) => {
            let (role, sign) = verdict(report.files.get(group.first).map(|file| file.verdict));
            (if role == Role::Text { Role::Muted } else { role }, sign)
        }
        Happening::Output(burst) if burst.stream == Stream::Stderr => (Role::Warning, Sign::Bar),
        Happening::Output(_) => (Role::Text, Sign::Bar),
        Happening::Network(at) => verdict(report.network.get(*at).map(|attempt| attempt.verdict)),
        Happening::Denial(_) => (Role::Denied, Sign::Denied),
        Happening::Limit(_) => (Role::Limit, Sign::Limit),
        Happening::Ended => {
            let good = report.outcome.as_ref().is_some_and(|outcome| outcome.code == Some(0));
            (if good { Role::Ok } else { Role::Error }, Sign::Stopped)
        }
    }
}
