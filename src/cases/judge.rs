//! What came of a run beside what was expected: one [`Mismatch`] for each expectation that does not hold, with a diff
//! that can be read. Pure.

use serde::Serialize;
use serde_json::Value;

use super::expect::{Check, Denials, Ending, Expect, Matcher};
use crate::run::capture::{Diff, unified};

/// Lines and bytes of a text that are shown where it is not compared line by line.
const MAX_LINES: usize = 12;
const MAX_BYTES: usize = 2000;

/// Most values that a path may come to look at.
const MAX_STEPS: f64 = 1e8;

/// What a run came to, with folders written by name.
#[derive(Debug, Clone)]
pub struct Seen {
    pub ending: Ending,
    pub stdout: String,
    pub stderr: String,
    /// Each as `operation target`, in order, once.
    pub denials: Vec<String>,
    /// Texts of the files that are asked for, in the order of [`Expect::files`], or why one cannot be read.
    pub files: Vec<Result<String, String>>,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What was looked at, such as `stdout contains`.
    pub check: String,
    /// Line of the case file.
    pub line: usize,
    /// Lines that begin with `-` were expected, those with `+` came.
    pub diff: String,
}

/// Compare.
pub fn judge(expect: &Expect, seen: &Seen) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if seen.ending != expect.ending.value {
        let diff = pair(&expect.ending.value.to_string(), &seen.ending.to_string());
        found.push(Mismatch { check: "exit".to_owned(), line: expect.ending.span.line, diff });
    }
    for (name, checks, text) in
        [("stdout", &expect.stdout, &seen.stdout), ("stderr", &expect.stderr, &seen.stderr)]
    {
        found.extend(checks.iter().filter_map(|check| mismatch(name, check, Ok(text))));
    }
    for (file, text) in expect.files.iter().zip(&seen.files) {
        let text = text.as_ref().map(String::as_str).map_err(String::as_str);
        found.extend(file.checks.iter().filter_map(|check| mismatch(&file.name, check, text)));
    }
    if let Denials::Exactly(wanted) = &expect.denials.value
        && *wanted != seen.denials
    {
        let lines = |list: &[String]| list.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        let diff = lines_diff(&lines(wanted), &lines(&seen.denials));
        found.push(Mismatch { check: "denials".to_owned(), line: expect.denials.span.line, diff });
    }
    found
}

fn mismatch(name: &str, check: &Check, text: Result<&str, &str>) -> Option<Mismatch> {
    let diff = match (&check.matcher, text) {
        (Matcher::Exists(wanted), found) => {
            let word = |there| if there { "is there" } else { "is not there" };
            (*wanted != found.is_ok()).then(|| pair(word(*wanted), found.err().unwrap_or("is there")))
        }
        (matcher, Err(why)) => Some(pair(&wanted(matcher), why)),
        (Matcher::Equals(wanted), Ok(text)) => (wanted != text).then(|| lines_diff(wanted, text)),
        (Matcher::Contains(part), Ok(text)) => (!text.contains(part)).then(|| pair(part, &excerpt(text))),
        (Matcher::Regex(regex), Ok(text)) => {
            (!regex.is_match(text)).then(|| pair(regex.as_str(), &excerpt(text)))
        }
        (Matcher::Json(path, wanted), Ok(text)) => json(path, wanted, text),
    }?;
    Some(Mismatch { check: format!("{name} {}", label(&check.matcher)), line: check.span.line, diff })
}

fn label(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Json(path, _) => format!("json {path}"),
        other => other.key().to_owned(),
    }
}

fn wanted(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Equals(text) | Matcher::Contains(text) => excerpt(text),
        Matcher::Regex(regex) => regex.as_str().to_owned(),
        Matcher::Json(_, value) => format!("{value:#}"),
        Matcher::Exists(_) => String::new(),
    }
}

/// A path that selects one value stands for that value, one that selects several for their list.
fn json(path: &serde_json_path::JsonPath, wanted: &Value, text: &str) -> Option<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            return Some(pair(&format!("{wanted:#}"), &format!("not JSON: {error}\n{}", excerpt(text))));
        }
    };
    if steps(path, &value) > MAX_STEPS {
        let why = "too much to look through: name more of the path, with fewer `..` and `?`";
        return Some(pair(&format!("{wanted:#}"), why));
    }
    let found: Vec<Value> = path.query(&value).into_iter().cloned().collect();
    if matches!(&found[..], [one] if one == wanted) {
        return None;
    }
    let several = Value::Array(found);
    if several == *wanted {
        return None;
    }
    let shown = match several {
        Value::Array(list) if list.is_empty() => "nothing\n".to_owned(),
        Value::Array(list) if list.len() == 1 => format!("{:#}\n", list[0]),
        list => format!("{list:#}\n"),
    };
    Some(lines_diff(&format!("{wanted:#}\n"), &shown))
}

/// How many values a path can come to look at, at most: each search and each filter goes through all of them, for every
/// value that led to it. A path is foreign text, and can be made to take for ever.
fn steps(path: &serde_json_path::JsonPath, value: &Value) -> f64 {
    fn count(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
            _ => 1,
        }
    }
    let text = path.to_string();
    let searches = text.matches("..").count() + text.matches('?').count();
    (count(value) as f64).powi(searches as i32)
}

/// Expected and got, one behind the other.
fn pair(wanted: &str, got: &str) -> String {
    let marked = |mark: &'static str, text: &str| -> String {
        let lines: Vec<&str> = if text.is_empty() { vec![""] } else { text.lines().collect() };
        lines.iter().flat_map(|line| [mark, line, "\n"]).collect()
    };
    marked("-", wanted) + &marked("+", if got.is_empty() { "(nothing)" } else { got })
}

/// Line by line; without the heads of hunks, which say nothing when there is one that begins at the start.
fn lines_diff(wanted: &str, got: &str) -> String {
    match unified(wanted, got) {
        Diff::Text(text, cut) => {
            let rest = text
                .split_once('\n')
                .filter(|(head, _)| head.starts_with("@@ -1") || head.starts_with("@@ -0"));
            let one = text.matches("\n@@ ").count() == 0;
            let body = rest.filter(|_| one).map_or(text.as_str(), |(_, body)| body);
            format!("{body}{}", if cut { "(cut)\n" } else { "" })
        }
        _ => pair(&excerpt(wanted), &excerpt(got)),
    }
}

/// The beginning of a text.
fn excerpt(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_BYTES);
    let mut lines = text[..end].lines();
    let mut shown: Vec<&str> = lines.by_ref().take(MAX_LINES).collect();
    if lines.next().is_some() || end < text.len() {
        shown.push("…");
    }
    shown.join("\n")
}
