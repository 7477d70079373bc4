//! Findings for people: code, message, place, the line with a caret, help.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::super::list::counted;
use super::clients::Judged;
use crate::skill::secret::mask;
use crate::skill::text::{printable, printable_source};
use crate::skill::{self, Diagnostic, Severity};

/// Lines longer than this (in bytes) are not shown.
const LONGEST_SHOWN: usize = 1000;

pub(super) fn as_text(judged: &[Judged], notices: &[Diagnostic]) -> String {
    let renderer = if has_colour() { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for judged in judged {
        let skill = judged.skill;
        for diagnostic in &skill.diagnostics {
            let source = if diagnostic.file == skill.manifest_path() {
                Cow::Borrowed(skill.source.as_str())
            } else {
                Cow::Owned(skill::source(&diagnostic.file))
            };
            text += &render(diagnostic, &source, &renderer);
            text += "\n\n";
        }
        if let Some(line) = judged.line() {
            text += &line;
            text += "\n\n";
        }
    }
    text += &of_workspace(notices);
    let errors: usize = judged.iter().map(|judged| judged.skill.errors()).sum();
    let warnings: usize = judged.iter().map(|judged| judged.skill.warnings()).sum::<usize>() + notices.len();
    let (skills, errors, warnings) =
        (counted(judged.len(), "skill"), counted(errors, "error"), counted(warnings, "warning"));
    text + &format!("{skills} checked: {errors}, {warnings}\n")
}

/// Findings that are about no skill, such as a folder that cannot be read.
pub(super) fn of_workspace(notices: &[Diagnostic]) -> String {
    let renderer = if has_colour() { Renderer::styled() } else { Renderer::plain() };
    notices.iter().map(|notice| render(notice, "", &renderer) + "\n\n").collect()
}

/// Whether standard output shows colours.
pub(super) fn has_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One finding as a compiler shows it: code, message, place, the line with a caret, help.
fn render(diagnostic: &Diagnostic, source: &str, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let path = display_path(&diagnostic.file);
    let message = printable(&diagnostic.message);
    let help = printable(&diagnostic.help);
    let title = level.primary_title(&*message).id(diagnostic.code);
    let Some((lines, start)) = excerpt(diagnostic, source) else {
        let group = title.element(annotate_snippets::Origin::path(&*path).line(diagnostic.span.line));
        return renderer.render(&[group.element(Level::HELP.message(&*help))]);
    };
    let from = diagnostic.span.start - start;
    let to = (diagnostic.span.end.max(diagnostic.span.start) - start).min(lines.len());
    let snippet = Snippet::source(&*lines).line_start(diagnostic.span.line).path(&*path);
    let snippet = snippet.annotation(AnnotationKind::Primary.span(from.min(to)..to));
    renderer.render(&[title.element(snippet).element(Level::HELP.message(&*help))])
}

/// The lines of a finding, at most four, and the byte offset of the first.
fn excerpt(diagnostic: &Diagnostic, source: &str) -> Option<(String, usize)> {
    let at = diagnostic.span.start;
    let start = source.get(..at)?.rfind(['\n', '\r']).map_or(0, |found| found + 1);
    let wanted = (diagnostic.span.end_line - diagnostic.span.line).min(3) + 1;
    let mut end = start;
    for line in source[start..].split_inclusive('\n').take(wanted) {
        if line.len() > LONGEST_SHOWN {
            return None;
        }
        end += line.len();
    }
    let lines = source[start..end].trim_end_matches(['\n', '\r']);
    // Every secret in them, also one that another finding stands beside: what is printed ends up in logs.
    let shown = || printable_source(&mask(lines)).into_owned();
    (!lines.is_empty() && at - start <= lines.len()).then(|| (shown(), start))
}

/// Relative to the current folder where that is shorter.
pub(super) fn display_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path).display().to_string();
    printable(&shown).into_owned()
}
