//! The skills that the doubles find: one that works, one that is broken, one in another root.

use std::path::PathBuf;
use std::sync::Arc;

use crate::skill::{Diagnostic, Entry, Interpreter, Language, Manifest, Severity, Skill, Span};

pub(crate) fn skills() -> Vec<Arc<Skill>> {
    let weather = Skill {
        diagnostics: vec![diagnostic(
            Severity::Warning,
            "description-short",
            3,
            14,
            "the description does not say when to use the skill",
            "add a sentence that starts with `Use when`",
        )],
        ..skill("weather", WEATHER)
    };
    let broken = Skill {
        diagnostics: vec![
            diagnostic(
                Severity::Error,
                "duplicate-key",
                4,
                1,
                "`name` is given twice",
                "remove one of the two",
            ),
            diagnostic(Severity::Info, "long-body", 6, 1, "the body is long", ""),
        ],
        entries: Vec::new(),
        ..skill("notes", "---\nname: notes\ndescription: Keeps notes.\nname: notes\n---\n# Notes\n")
    };
    let mut weather = weather;
    weather.entries.truncate(1);
    let other =
        Skill { root: "/home/ada/project/skills".into(), ..skill("zebra", "---\nname: zebra\n---\n") };
    vec![Arc::new(weather), Arc::new(broken), Arc::new(other)]
}

const WEATHER: &str = "---
name: weather
description: Reports the weather of a city.
license: MIT
---
# Weather

Prints the forecast for a **city**:

    python scripts/report.py --city Bern

See [the list](cities.json) and `report.py`.
";

pub(crate) fn skill(name: &str, source: &str) -> Skill {
    let entry = |file: &str, language, program: Option<&str>| Entry {
        file: file.into(),
        interpreter: Interpreter {
            language,
            program: program.map(PathBuf::from),
            arguments: Vec::new(),
            prefix: Vec::new(),
        },
    };
    Skill {
        name: name.into(),
        path: format!("/home/ada/project/.skills/{name}").into(),
        folder: name.into(),
        root: "/home/ada/project/.skills".into(),
        source: source.into(),
        manifest: Manifest::default(),
        body_line: 6,
        entries: vec![
            entry("scripts/report.py", Language::Python, Some("/usr/bin/python3")),
            entry("scripts/sync.js", Language::Node, None),
        ],
        policy_file: None,
        diagnostics: Vec::new(),
    }
}

fn diagnostic(
    severity: Severity,
    code: &'static str,
    line: usize,
    column: usize,
    m: &str,
    help: &str,
) -> Diagnostic {
    let file = if code == "description-short" { "weather" } else { "notes" };
    Diagnostic {
        severity,
        code,
        file: format!("/home/ada/project/.skills/{file}/SKILL.md").into(),
        span: Span { line, column, end_line: line, end_column: column + 7, start: 0, end: 0 },
        message: m.into(),
        help: help.into(),
        fix: None,
    }
}
