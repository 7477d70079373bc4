//! A file of cases of arbitrary text: mistakes have a place in it, and a file with one gives no case.

use std::path::Path;
use std::sync::OnceLock;

use skilldeck::cases;
use skilldeck::skill::{self, Skill};

pub(crate) fn check(data: &[u8]) {
    static SKILL: OnceLock<Skill> = OnceLock::new();
    let Ok(text) = std::str::from_utf8(data) else { return };
    let skill = SKILL.get_or_init(|| skill::read(Path::new("/nowhere/demo"), Path::new("/nowhere")));
    let loaded = cases::parse(text, Path::new("/nowhere/demo/cases/one.yaml"), skill);
    assert!(loaded.cases.is_empty() || loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    for found in &loaded.diagnostics {
        assert!(found.span.line >= 1 && found.span.column >= 1, "{found:?}");
        assert!(found.span.start <= found.span.end && found.span.end <= text.len(), "{found:?}");
        assert!(!found.message.chars().any(char::is_control), "{found:?}");
    }
    for case in &loaded.cases {
        assert!(!case.name.is_empty() && !case.name.chars().any(char::is_control), "{case:?}");
        assert!(case.span.end <= text.len());
    }
}
