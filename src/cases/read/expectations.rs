//! The `expect` of a case.

use std::path::{Path, PathBuf};

use regex::RegexBuilder;
use serde_json_path::JsonPath;

use super::{Reader, article, relative};
use crate::cases::expect::{Check, Denials, Ending, Expect, FileChecks, Matcher};
use crate::cases::{Case, SKILL, WORKSPACE};
use crate::run::WorkingDirectory;
use crate::sandbox::event::Operation;
use crate::skill::{Field, Span};
use crate::yaml::Node;

const EXPECT: [&str; 5] = ["exit", "stdout", "stderr", "files", "denials"];
const TEXT: [&str; 4] = ["equals", "contains", "regex", "json"];
const FILE: [&str; 5] = ["exists", "equals", "contains", "regex", "json"];

/// Memory that a compiled expression may take; one that needs more is no expectation.
const MAX_REGEX: usize = 1 << 20;

impl Expect {
    /// What holds when nothing is written.
    pub(super) fn usual(span: Span) -> Self {
        Self {
            ending: Field { value: Ending::Code(0), span },
            stdout: Vec::new(),
            stderr: Vec::new(),
            files: Vec::new(),
            denials: Field { value: Denials::Exactly(Vec::new()), span },
        }
    }
}

impl Reader<'_> {
    pub(super) fn expect(&mut self, node: &Node, case: &Case) -> Expect {
        let mut expect = Expect::usual(case.span);
        for (key, value) in self.pairs(node, "`expect`", &EXPECT) {
            match key {
                "exit" => {
                    if let Some(ending) = value.text().and_then(Ending::parse) {
                        expect.ending = Field { value: ending, span: value.span };
                    } else {
                        let help = "write a status from 0 to 255, a signal such as SIGKILL, or a limit such as memory";
                        self.bad(value.span, "`exit` is no way to end", help);
                    }
                }
                "stdout" => expect.stdout = self.checks(value, "`stdout`", &TEXT),
                "stderr" => expect.stderr = self.checks(value, "`stderr`", &TEXT),
                "files" => expect.files = self.expected_files(value, case.cwd),
                _ => expect.denials = Field { value: self.denials(value), span: value.span },
            }
        }
        expect
    }

    /// A text stands for `equals`.
    fn checks(&mut self, node: &Node, what: &str, known: &[&'static str]) -> Vec<Check> {
        if node.as_mapping().is_none() {
            let text = self.scalar(node, what);
            let equals = text.map(|text| Check { matcher: Matcher::Equals(text), span: node.span });
            return equals.into_iter().collect();
        }
        let mut checks = Vec::new();
        for (key, value) in self.pairs(node, what, known) {
            match key {
                "equals" => {
                    let text = self.scalar(value, "`equals`");
                    checks
                        .extend(text.map(|text| Check { matcher: Matcher::Equals(text), span: value.span }));
                }
                "contains" => {
                    let parts = self.scalars(value, "`contains`").into_iter();
                    checks.extend(parts.map(|(text, span)| Check { matcher: Matcher::Contains(text), span }));
                }
                "regex" => {
                    for (text, span) in self.scalars(value, "`regex`") {
                        match RegexBuilder::new(&text).multi_line(true).size_limit(MAX_REGEX).build() {
                            Ok(regex) => checks.push(Check { matcher: Matcher::Regex(regex), span }),
                            Err(error) => {
                                let why = error.to_string();
                                let why =
                                    why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                                self.bad(
                                    span,
                                    format!("`{text}` is no regular expression: {why}"),
                                    "the syntax is that of the Rust crate regex; quote it with '…'",
                                );
                            }
                        }
                    }
                }
                "exists" => match value.to_json().as_bool() {
                    Some(there) => checks.push(Check { matcher: Matcher::Exists(there), span: value.span }),
                    None => self.bad(value.span, "`exists` must be true or false", "write `exists: true`"),
                },
                _ => checks.extend(self.json(value)),
            }
        }
        checks
    }

    /// `json: {"$.total": 3}`
    fn json(&mut self, node: &Node) -> Vec<Check> {
        let Some(pairs) = node.as_mapping() else {
            let text = format!("`json` must be a mapping, not {}", article(node.kind()));
            self.bad(node.span, text, "write paths with their values: `json: {\"$.total\": 3}`");
            return Vec::new();
        };
        let mut checks = Vec::new();
        for (key, value) in pairs {
            let text = key.text().unwrap_or_default();
            match JsonPath::parse(text) {
                Ok(path) => {
                    let matcher = Matcher::Json(path, value.to_json());
                    checks.push(Check { matcher, span: key.span });
                }
                Err(error) => {
                    let text = format!("`{text}` is no JSON path: {}", error.message());
                    self.bad(key.span, text, "write it by RFC 9535, such as \"$.items[0].name\"");
                }
            }
        }
        checks
    }

    fn expected_files(&mut self, node: &Node, cwd: WorkingDirectory) -> Vec<FileChecks> {
        let Some(pairs) = node.as_mapping() else {
            self.bad(node.span, "`files` must be a mapping", "write `files: {out.txt: {contains: done}}`");
            return Vec::new();
        };
        let mut files = Vec::new();
        for (key, value) in pairs {
            let name = key.text().unwrap_or_default();
            let Some((root, path)) = placed(name, cwd) else {
                let help = "write a path relative to the working directory, or below ${skill} or ${workspace}; what lies in scratch vanishes with the run";
                self.bad(key.span, format!("`{name}` is not a path that can be looked at"), help);
                continue;
            };
            let checks = self.checks(value, "a file", &FILE);
            files.push(FileChecks { name: name.to_owned(), root, path, checks });
        }
        files
    }

    fn denials(&mut self, node: &Node) -> Denials {
        match (node.text(), node.as_sequence()) {
            (Some("none"), _) => Denials::Exactly(Vec::new()),
            (Some("any"), _) => Denials::Any,
            (_, Some(items)) => {
                let mut lines: Vec<String> = items.iter().filter_map(|item| self.denial(item)).collect();
                lines.sort();
                lines.dedup();
                Denials::Exactly(lines)
            }
            _ => {
                let help =
                    "write `none`, `any`, or a list such as `[read /etc/shadow, connect example.org:443]`";
                self.bad(node.span, "`denials` is none of none, any and a list", help);
                Denials::Any
            }
        }
    }

    /// `read ${workspace}/notes.txt`
    fn denial(&mut self, node: &Node) -> Option<String> {
        let text = self.scalar(node, "a denial")?;
        let known = text.split_once(' ').filter(|(operation, target)| {
            let json = serde_json::Value::String((*operation).to_owned());
            !target.trim().is_empty() && serde_json::from_value::<Operation>(json).is_ok()
        });
        if let Some((operation, target)) = known {
            return Some(format!("{operation} {}", target.trim()));
        }
        let help = "write an operation (read, write, create, delete, execute, connect, listen, signal, spawn, env, syscall), a space and the target";
        self.bad(node.span, format!("`{text}` is no denial"), help);
        None
    }
}

/// The folder that a path is in, and the path within it.
fn placed(text: &str, cwd: WorkingDirectory) -> Option<(WorkingDirectory, PathBuf)> {
    for (name, root) in [(SKILL, WorkingDirectory::Skill), (WORKSPACE, WorkingDirectory::Workspace)] {
        if let Some(rest) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')) {
            return Some((root, relative(rest)?));
        }
    }
    let path = relative(text).filter(|_| !Path::new(text).starts_with("${"))?;
    (cwd != WorkingDirectory::Scratch).then_some((cwd, path))
}
