//! Findings for programs: JSON, SARIF, annotations of GitHub; and the page of all rules.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::text::display_path;
use crate::skill::{Diagnostic, Severity, Skill, clients, rules};

/// The stable form of `skilldeck check --format json`: each skill is written as soon as it is judged, so that the
/// report of many skills is never in memory as a whole.
#[derive(Serialize)]
pub(super) struct Checked<'a> {
    version: u32,
    #[serde(serialize_with = "each_skill")]
    skills: &'a [Arc<Skill>],
    notices: &'a [Diagnostic],
}

#[derive(Serialize)]
struct CheckedSkill<'a> {
    path: Cow<'a, str>,
    name: &'a str,
    description: Option<&'a str>,
    diagnostics: &'a [Diagnostic],
    clients: Map<String, Value>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(skills: &'a [Arc<Skill>], notices: &'a [Diagnostic]) -> Self {
        Self { version: 1, skills, notices }
    }
}

fn each_skill<S: Serializer>(skills: &[Arc<Skill>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(skills.iter().map(|skill| {
        let verdicts = clients::verdicts(skill).into_iter();
        CheckedSkill {
            path: skill.path.to_string_lossy(),
            name: &skill.name,
            description: skill.manifest.description.as_ref().map(|field| field.value.as_str()),
            diagnostics: &skill.diagnostics,
            clients: verdicts.map(|(client, verdict)| (client.id().to_owned(), json!(verdict))).collect(),
        }
    }))
}

fn all<'a>(skills: &'a [Arc<Skill>], notices: &'a [Diagnostic]) -> impl Iterator<Item = &'a Diagnostic> {
    skills.iter().flat_map(|skill| &skill.diagnostics).chain(notices)
}

/// SARIF 2.1.0 (OASIS, 2020): one run, the rule table, a result for each finding. Columns count characters
/// (`columnKind`), offsets of fixes bytes.
pub(super) fn sarif(skills: &[Arc<Skill>], notices: &[Diagnostic]) -> String {
    let level = |severity| match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let rule = |rule: &rules::Rule| {
        json!({
            "id": rule.code,
            "shortDescription": { "text": rule.explanation },
            "defaultConfiguration": { "level": level(rule.severity) },
        })
    };
    let file = |path: &Path| json!({ "uri": uri(&display_path(path)) });
    let result = |found: &Diagnostic| {
        let span = found.span;
        let mut result = json!({
            "ruleId": found.code,
            "level": level(found.severity),
            "message": { "text": format!("{}: {}", found.message, found.help) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": file(&found.file),
                "region": {
                    "startLine": span.line.max(1),
                    "startColumn": span.column.max(1),
                    "endLine": span.end_line.max(span.line).max(1),
                    "endColumn": span.end_column.max(1),
                },
            } }],
        });
        if let Some(fix) = &found.fix {
            let replacement = |edit: &crate::skill::Edit| {
                json!({
                    "deletedRegion": { "byteOffset": edit.start, "byteLength": edit.end - edit.start },
                    "insertedContent": { "text": edit.text },
                })
            };
            let replacements: Vec<_> = fix.edits.iter().map(replacement).collect();
            result["fixes"] = json!([{
                "description": { "text": fix.title },
                "artifactChanges": [{ "artifactLocation": file(&found.file), "replacements": replacements }],
            }]);
        }
        result
    };
    let (rules, results): (Vec<Value>, Vec<Value>) =
        (rules::ALL.iter().map(rule).collect(), all(skills, notices).map(result).collect());
    let driver = json!({ "name": "skilldeck", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    });
    format!("{log:#}\n")
}

/// A path as part of a URI: RFC 3986.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().fold(String::new(), |mut uri, byte| {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}

/// Workflow commands: one line each, `%`, line ends and, in properties, `:` and `,` escaped.
pub(super) fn github(skills: &[Arc<Skill>], notices: &[Diagnostic]) -> String {
    let message = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
    all(skills, notices).fold(String::new(), |mut text, found| {
        let command = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let _ = writeln!(
            text,
            "::{command} file={},line={},col={},endLine={},endColumn={},title={}::{}",
            property(&display_path(&found.file)),
            found.span.line.max(1),
            found.span.column.max(1),
            found.span.end_line.max(found.span.line).max(1),
            found.span.end_column.max(1),
            property(found.code),
            message(&format!("{}; {}", found.message, found.help)),
        );
        text
    })
}

/// All rules as a page: `assets/rules.md` is this.
pub(super) fn rules_page() -> String {
    let mut page = String::from(
        "# Rules\n\nEvery diagnostic of `skilldeck check`, by its stable code. Errors keep a skill from loading in some client, from \
         being what its\nauthor means, or its policy from being put in force; they set the exit status. Made from the rule table by \
         `skilldeck check --rules`.\n\n| code | severity | why |\n| --- | --- | --- |\n",
    );
    for rule in rules::ALL {
        let severity = match rule.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let _ = writeln!(page, "| `{}` | {severity} | {} |", rule.code, rule.explanation.replace('|', "\\|"));
    }
    page
}
