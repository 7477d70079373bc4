//! Front matters, generated with every quirk of YAML, read by this program and by PyYAML: the values must be equal, and
//! so must be what is refused. `PYYAML_COUNT` and `PYYAML_SEED` take other numbers, `PYYAML_PYTHON` another python.
//! Without PyYAML (`pip install pyyaml`) the test is left out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../benches/corpus/mod.rs"]
mod corpus;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value as Json};
use skilldeck::skill::{self, Diagnostic, rules};

use corpus::Random;

const COUNT: usize = 20_000;
/// Differences that are shown.
const SHOWN: usize = 12;

/// What a reader makes of a front matter.
#[derive(Debug, PartialEq)]
enum Reading {
    Fields(Json),
    Refused(String),
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn python() -> Option<String> {
    let python = std::env::var("PYYAML_PYTHON").unwrap_or_else(|_| "python3".into());
    let import = Command::new(&python).args(["-c", "import yaml"]).output();
    import.is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
fn front_matters_are_read_as_pyyaml_reads_them() {
    let Some(python) = python() else {
        eprintln!("left out: python3 with PyYAML is missing (pip install pyyaml)");
        return;
    };
    let mut random = Random::new(number("PYYAML_SEED", 1) as u64);
    let blocks: Vec<String> =
        (0..number("PYYAML_COUNT", COUNT)).map(|_| corpus::yaml::front_matter(&mut random)).collect();
    let theirs = by_pyyaml(&python, &blocks);
    assert_eq!(theirs.len(), blocks.len());
    let (mut equal, mut refused, mut doubled, mut known) = (0, 0, 0, 0);
    let mut differences = Vec::new();
    for (block, theirs) in blocks.iter().zip(theirs) {
        let (ours, duplicates) = by_us(block);
        refused += usize::from(matches!(theirs, Reading::Refused(_)));
        match (&ours, &theirs) {
            (Reading::Refused(_), Reading::Refused(_)) => equal += 1,
            (ours, theirs) if ours == theirs => equal += 1,
            _ if duplicates => doubled += 1,
            (ours, _) if is_known(block, ours) => known += 1,
            _ => differences.push((block, ours, theirs)),
        }
    }
    let total = blocks.len();
    println!(
        "{equal} of {total} equal ({refused} refused by PyYAML); {doubled} differ in duplicate keys, {known} as is known"
    );
    assert!(known * 1000 <= total, "{known} of {total} differ in what is known to");
    for (block, ours, theirs) in differences.iter().take(number("PYYAML_SHOWN", SHOWN)) {
        println!("--- {block:?}\n{block}\n  here:   {ours:?}\n  PyYAML: {theirs:?}");
    }
    assert!(differences.is_empty(), "{} of {total} differ", differences.len());
}

/// Differences that the parser beneath leaves: each is seldom, and comes of a slip.
fn is_known(block: &str, ours: &Reading) -> bool {
    // A colon right before a bracket within brackets: `{a:[b]}`.
    let colon = matches!(ours, Reading::Refused(why) if why.contains("may not precede any of"));
    // A value that begins with an anchor or a line break of YAML 1.1 where a key should be.
    let key = matches!(ours, Reading::Refused(why) if why.contains("simple key expected") || why.contains("never closed"));
    // A line break of YAML 1.1 in a plain value within brackets.
    colon || key || block.contains(['\u{85}', '\u{2028}', '\u{2029}']) && block.contains(['[', '{'])
}

fn by_pyyaml(python: &str, blocks: &[String]) -> Vec<Reading> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pyyaml/load.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = blocks.join("\0");
    // In a thread of its own: both pipes fill.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let reading = |line: &str| {
        let Ok(answer) = serde_json::from_str::<Json>(line) else {
            // Half a surrogate pair, which is no text.
            return Reading::Refused(format!("no JSON: {line}"));
        };
        match answer.get("error") {
            Some(error) => Reading::Refused(error.to_string()),
            None => match &answer["value"] {
                read @ (Json::Object(_) | Json::Null) => Reading::Fields(read.clone()),
                other => Reading::Refused(format!("no mapping: {other}")),
            },
        }
    };
    lines.lines().map(reading).collect()
}

/// The fields, and whether a key is there twice.
fn by_us(block: &str) -> (Reading, bool) {
    let text = format!("---\n{block}---\n\nBody.\n");
    let (manifest, found) = skill::manifest_of(&text, Path::new("/nowhere/skill"));
    let has = |code: &str| found.iter().any(|found| found.code == code);
    let duplicates = has(rules::DUPLICATE_KEY.code)
        || manifest.fields.iter().any(|(_, field)| one_to_python(&field.value));
    let syntax = |found: &&Diagnostic| {
        found.code.starts_with("yaml-") && found.code != rules::ANCHOR.code
            || found.code == rules::NOT_MAPPING.code
    };
    if let Some(error) = found.iter().find(syntax) {
        return (
            Reading::Refused(format!("{}:{} {}", error.span.line, error.code, error.message)),
            duplicates,
        );
    }
    let fields: Map<String, Json> =
        manifest.fields.into_iter().map(|(key, value)| (key.value, value.value)).collect();
    let read = if fields.is_empty() { Json::Null } else { Json::Object(fields) };
    (Reading::Fields(read), duplicates)
}

/// Whether two keys are one to Python, which takes `False` and 0 for equal, and `True` and 1.
fn one_to_python(value: &Json) -> bool {
    match value {
        Json::Object(map) => {
            let has = |key: &str| map.contains_key(key);
            has("false") && (has("0") || has("0.0"))
                || has("true") && (has("1") || has("1.0"))
                || map.values().any(one_to_python)
        }
        Json::Array(items) => items.iter().any(one_to_python),
        _ => false,
    }
}
