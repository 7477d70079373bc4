//! The rules about scripts: what must not stand in them, and whether anything runs them.

use std::borrow::Cow;
use std::path::Path;

use super::diagnostic::Diagnostic;
use super::entry::{Scripts, Source};
use super::findings::{Findings, MAX_FINDINGS};
use super::model::{Entry, Language};
use super::rules::{self, Rule};
use super::scan;

/// Add what is wrong with the scripts of the skill in `folder`.
pub(super) fn check(folder: &Path, scripts: &Scripts, diagnostics: &mut Vec<Diagnostic>) {
    for source in &scripts.sources {
        diagnostics.extend(contents(folder, source));
    }
    for file in &scripts.unmarked {
        let message = format!("nothing says what runs `{}`", file.display());
        let help =
            "begin it with a line such as `#!/usr/bin/env bash`, or give it an extension such as .py or .sh";
        diagnostics.push(about(folder, file, "", rules::NO_INTERPRETER, message, help.to_owned()));
    }
    let missing: Vec<&Entry> =
        scripts.entries.iter().filter(|entry| entry.interpreter.program.is_none()).collect();
    for (at, entry) in missing.iter().enumerate() {
        let same = |other: &&&Entry| other.interpreter.language == entry.interpreter.language;
        // Once for all that want the same; of other programs only the script itself knows which.
        let other = entry.interpreter.language == Language::Other;
        if !other && missing[..at].iter().any(|other| same(&other)) {
            continue;
        }
        diagnostics.push(not_found(folder, entry, scripts, missing.iter().filter(same).count()));
    }
    diagnostics.truncate(MAX_FINDINGS);
}

/// Secrets, homes and unpinned packages in the text of a script.
fn contents(folder: &Path, source: &Source) -> Vec<Diagnostic> {
    let text = String::from_utf8_lossy(&source.text);
    // Most scripts hold nothing: the table of lines is made for the others only.
    if scan::hits(&text).next().is_none() {
        return Vec::new();
    }
    let utf8 = matches!(text, Cow::Borrowed(_));
    let mut findings = Findings::new(&folder.join(&source.file), &text, utf8);
    // What a path in a script is relative to is only known when it runs.
    scan::report(&text, |_| true, None, &mut findings);
    findings.finish()
}

fn not_found(folder: &Path, entry: &Entry, scripts: &Scripts, same: usize) -> Diagnostic {
    let text = scripts.source(&entry.file).map(|source| String::from_utf8_lossy(&source.text));
    let shebang = text.as_deref().and_then(|text| text.lines().next()).filter(|line| line.starts_with("#!"));
    let (message, help) = match entry.interpreter.language {
        Language::Other => (
            "the program of this `#!` line is not found on this machine".to_owned(),
            "install it, or run the skill where it is".to_owned(),
        ),
        language => {
            let more = if same > 1 { format!(", as {} more scripts do", same - 1) } else { String::new() };
            let more = if same == 2 { ", as one more script does" } else { &more };
            let name = language.name();
            (
                format!("this script needs {name}{more}; {name} is not found on this machine"),
                format!("install {name}, or run the skill where it is"),
            )
        }
    };
    let first = shebang.unwrap_or_default();
    about(folder, &entry.file, first, rules::INTERPRETER_NOT_FOUND, message, help)
}

/// A finding about a whole script; it stands at the script's first line.
fn about(folder: &Path, file: &Path, first: &str, rule: Rule, message: String, help: String) -> Diagnostic {
    let findings = Findings::new(&folder.join(file), first, false);
    let span = findings.lines().line_span(1);
    let file = folder.join(file);
    Diagnostic { severity: rule.severity, code: rule.code, file, span, message, help, fix: None }
}
