//! A SKILL.md of arbitrary bytes: what is wrong with it, what is offered to fix it, and what each client makes of it.

use std::path::Path;

use skilldeck::skill::clients::{Client, Outcome, Subject};
use skilldeck::skill::{apply, diagnose};

pub(crate) fn check(data: &[u8]) {
    let subject = Subject::of_bytes(data, "demo");
    for client in Client::ALL {
        let verdict = client.verdict(&subject);
        assert_eq!(verdict.reasons.is_empty(), verdict.outcome == Outcome::Loads, "{client:?}: {verdict:?}");
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for found in diagnose(text, Path::new("/nowhere/demo")) {
        let span = found.span;
        assert!(text.get(span.start..span.end).is_some(), "{found:?}");
        assert!((span.line, span.column) <= (span.end_line, span.end_column), "{found:?}");
        if let Some(fix) = &found.fix {
            assert!(apply(text, &fix.edits).is_some_and(|fixed| fixed != text), "{found:?}");
        }
    }
}
