//! Reads `cases/*.yaml`. Unknown keys and bad values are errors with their place, never ignored: a case that says
//! something else than its author thinks passes for the wrong reason.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::{Case, PolicyChoice, expect::Expect};
use crate::policy::{self, Policy};
use crate::run::WorkingDirectory;
use crate::skill::text::{did_you_mean, printable};
use crate::skill::{Diagnostic, Field, Severity, Skill, Span};
use crate::yaml::{self, Node};

mod expectations;
mod inputs;

/// The folder of a skill that holds its cases.
pub const FOLDER: &str = "cases";

/// Most files of one skill that are read, and longest name of a case.
const MAX_FILES: usize = 500;
const MAX_NAME: usize = 100;

/// The cases of a skill, and what is wrong with the files. A file with an error gives no cases.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub cases: Vec<Case>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Read all cases of a skill, in the order of file names.
pub fn load(skill: &Skill) -> Loaded {
    let mut loaded = Loaded::default();
    let Ok(listed) = std::fs::read_dir(skill.path.join(FOLDER)) else { return loaded };
    let is_case = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
    let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).filter(is_case).collect();
    files.sort();
    for file in &files[..files.len().min(MAX_FILES)] {
        let read = match text(file) {
            Ok(text) => parse(&text, file, skill),
            Err(error) => {
                let mut reader = Reader::new(file, skill);
                let help = "make it a plain text file in UTF-8, or remove it";
                reader.error("case-unreadable", Span::default(), format!("it cannot be read: {error}"), help);
                reader.loaded
            }
        };
        loaded.cases.extend(read.cases);
        loaded.diagnostics.extend(read.diagnostics);
    }
    if files.len() > MAX_FILES {
        let mut reader = Reader::new(&files[MAX_FILES], skill);
        let text = format!("more than {MAX_FILES} files of cases; this and those behind it are not read");
        reader.error("case-too-many", Span::default(), text, "put several cases into one file, as a list");
        loaded.diagnostics.extend(reader.loaded.diagnostics);
    }
    twice(&mut loaded);
    loaded
}

/// A link is not followed: what lies elsewhere is no case of this skill.
fn text(file: &Path) -> std::io::Result<String> {
    if !file.symlink_metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a plain file"));
    }
    let mut bytes = Vec::new();
    policy::open_plain(file)?.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not text in UTF-8"))
}

/// A name says which case is meant, so no two may have it.
fn twice(loaded: &mut Loaded) {
    let mut seen: BTreeMap<String, (PathBuf, usize)> = BTreeMap::new();
    for case in &loaded.cases {
        if let Some((file, line)) = seen.get(&case.name) {
            let other = file.file_name().unwrap_or_default().to_string_lossy();
            loaded.diagnostics.push(Diagnostic {
                severity: Severity::Error,
                code: "case-name-twice",
                file: case.file.clone(),
                span: case.span,
                message: format!("a case named `{}` is also in {other}:{line}", case.name),
                help: "give each case of a skill a name of its own".to_owned(),
                fix: None,
            });
        }
        seen.insert(case.name.clone(), (case.file.clone(), case.span.line));
    }
}

/// Read the text of one file: a case, or a list of cases.
pub fn parse(text: &str, file: &Path, skill: &Skill) -> Loaded {
    let mut reader = Reader::new(file, skill);
    match yaml::parse(text) {
        Ok(document) => match &document.root {
            None => reader.error(
                "case-value",
                Span::default(),
                "the file is empty",
                "write a case: `expect: {exit: 0}`",
            ),
            Some(root) => match root.as_sequence() {
                Some(items) => items.iter().for_each(|item| reader.case(item, true)),
                None => reader.case(root, false),
            },
        },
        Err(error) => {
            let help = error.help.clone();
            reader.error("case-syntax", error.span(), error.message.clone(), help);
        }
    }
    // Half a file would be less than its author counts on.
    if !reader.loaded.diagnostics.is_empty() {
        reader.loaded.cases.clear();
    }
    reader.loaded
}

struct Reader<'a> {
    file: &'a Path,
    skill: &'a Skill,
    loaded: Loaded,
}

const CASE: [&str; 11] =
    ["name", "entry", "args", "input", "stdin", "cwd", "policy", "env", "files", "limits", "expect"];

/// Words of other test formats, and ours.
const ALIASES: [(&str, &str); 12] = [
    ("arguments", "args"),
    ("argv", "args"),
    ("script", "entry"),
    ("command", "entry"),
    ("workdir", "cwd"),
    ("working_directory", "cwd"),
    ("environment", "env"),
    ("expected", "expect"),
    ("status", "exit"),
    ("exit_code", "exit"),
    ("matches", "regex"),
    ("jsonpath", "json"),
];

impl<'a> Reader<'a> {
    fn new(file: &'a Path, skill: &'a Skill) -> Self {
        Self { file, skill, loaded: Loaded::default() }
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        // What could not be read has no place of its own.
        let span = if span.line == 0 {
            Span { line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 }
        } else {
            span
        };
        self.loaded.diagnostics.push(Diagnostic {
            severity: Severity::Error,
            code,
            file: self.file.to_owned(),
            span,
            message: printable(&message.into()).into_owned(),
            help: help.into(),
            fix: None,
        });
    }

    fn bad(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.error("case-value", span, message, help);
    }

    /// The known keys of a mapping with their values; everything else is an error.
    fn pairs<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&'static str],
    ) -> Vec<(&'static str, &'n Node)> {
        let Some(pairs) = node.as_mapping() else {
            let text = format!("{what} must be a mapping, not {}", article(node.kind()));
            self.bad(node.span, text, format!("write keys such as `{}:`", known[0]));
            return Vec::new();
        };
        let mut found: Vec<(&'static str, &Node)> = Vec::new();
        for (key, value) in pairs {
            let name = key.text().unwrap_or_default();
            match known.iter().find(|one| **one == name) {
                Some(one) if found.iter().any(|(have, _)| have == one) => {
                    self.error(
                        "case-key-twice",
                        key.span,
                        format!("`{name}` is there twice"),
                        "keep one of the two",
                    );
                }
                Some(one) => found.push((*one, value)),
                None => {
                    let meant = ALIASES.iter().find(|(alias, ours)| *alias == name && known.contains(ours));
                    let near =
                        meant.map(|(_, ours)| *ours).or_else(|| did_you_mean(name, known.iter().copied()));
                    let help = near.map_or_else(
                        || format!("known here: {}", known.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let name: String = name.chars().take(60).collect();
                    self.error("case-unknown-key", key.span, format!("unknown key `{name}` in {what}"), help);
                }
            }
        }
        found
    }

    /// A scalar as it is written, numbers and booleans too.
    fn scalar(&mut self, node: &Node, what: &str) -> Option<String> {
        if let Some(text) = node.text().filter(|_| !node.is_null()) {
            return Some(text.to_owned());
        }
        let text = format!("{what} must be text, not {}", article(node.kind()));
        self.bad(node.span, text, "quote it if it is meant as text");
        None
    }

    /// One scalar or a list of them.
    fn scalars(&mut self, node: &Node, what: &str) -> Vec<(String, Span)> {
        let items = node.as_sequence().unwrap_or(std::slice::from_ref(node));
        items.iter().filter_map(|item| Some((self.scalar(item, what)?, item.span))).collect()
    }

    fn case(&mut self, node: &Node, in_list: bool) {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut case = Case {
            name: if in_list { String::new() } else { stem },
            file: self.file.to_owned(),
            span: node.span,
            entry: None,
            args: Vec::new(),
            input: None,
            stdin: None,
            cwd: WorkingDirectory::Skill,
            policy: PolicyChoice::default(),
            env: BTreeMap::new(),
            files: Vec::new(),
            limits: Policy::default(),
            expect: Expect::usual(node.span),
        };
        let pairs = self.pairs(node, "a case", &CASE);
        let at = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, node)| *node);
        // What expectations mean depends on where the script starts.
        if let Some(node) = at("files") {
            case.cwd = WorkingDirectory::Workspace;
            case.files = self.layout(node);
        }
        if let Some(node) = at("cwd") {
            case.cwd = self.cwd(node).unwrap_or_default();
        }
        for (key, node) in &pairs {
            match *key {
                "name" => case.name = self.scalar(node, "`name`").unwrap_or_default(),
                "entry" => case.entry = self.entry(node),
                "args" => case.args = self.args(node),
                "input" => case.input = Some(Field { value: node.to_json(), span: node.span }),
                "stdin" => case.stdin = self.scalar(node, "`stdin`"),
                "policy" => case.policy = self.policy(node),
                "env" => case.env = self.env(node),
                "limits" => case.limits = self.limits(node),
                "expect" => case.expect = self.expect(node, &case),
                _ => {}
            }
        }
        if let (Some(input), Some(_)) = (at("input"), at("stdin")) {
            self.bad(
                input.span,
                "`input` and `stdin` exclude each other",
                "keep one: `input` goes by the tool schema, `stdin` as it is",
            );
        }
        let name = case.name.trim().to_owned();
        if name.is_empty() {
            self.bad(node.span, "a case in a list needs a name", "write `name: what it shows`");
        } else if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            self.bad(
                node.span,
                "the name is too long or holds control characters",
                format!("write at most {MAX_NAME} plain characters"),
            );
        }
        case.name = name;
        self.loaded.cases.push(case);
    }

    /// In the words of a policy.
    fn limits(&mut self, node: &Node) -> Policy {
        let policy::Loaded { policy, diagnostics } = policy::limits(node, self.file);
        self.loaded.diagnostics.extend(diagnostics);
        policy
    }
}

/// A relative path without `.` and `..`.
fn relative(text: &str) -> Option<PathBuf> {
    let path = Path::new(text.strip_prefix("./").unwrap_or(text));
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !path.as_os_str().is_empty() && !text.contains('\0')).then(|| path.components().collect())
}

fn article(kind: &str) -> String {
    match kind {
        "nothing" | "text" => kind.to_owned(),
        kind => format!("a {kind}"),
    }
}
