//! Reads `policy.yaml`. Unknown keys and bad values are diagnostics with their place, never ignored: a policy
//! with an error is not put in force.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::model::{Grant, NetRule, Origin, Policy, RunRule};
use super::values::{self, Bad};
pub(crate) use crate::skill::folder::open_plain;
use crate::skill::rules::{self, Rule};
use crate::skill::text::distance;
use crate::skill::{Diagnostic, Edit, Fix, Severity, Span};
use crate::yaml::{self, Node};

/// The name of a skill's own policy file.
pub const FILE_NAME: &str = "policy.yaml";

/// What `${workspace}` and `~` stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub workspace: PathBuf,
    pub home: Option<PathBuf>,
}

impl Places {
    /// With the caller's HOME.
    pub fn new(workspace: impl Into<PathBuf>) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        Self { workspace: workspace.into(), home }
    }
}

/// A policy file as read: what it grants, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Holds what could be understood, for display. Use [`Loaded::in_force`] to run under it.
    pub policy: Policy,
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// The policy, unless the file has an error.
    pub fn in_force(self) -> Result<Policy, Vec<Diagnostic>> {
        if self.has_errors() { Err(self.diagnostics) } else { Ok(self.policy) }
    }
}

/// Read a policy file.
pub fn load(file: &Path, places: &Places) -> io::Result<Loaded> {
    Ok(parse(&text(file)?, file, places))
}

/// The text of a policy file.
pub(crate) fn text(file: &Path) -> io::Result<String> {
    String::from_utf8(read(file)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8"))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(file)?.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Read the text of the policy file `file`; relative paths are relative to its folder.
pub fn parse(text: &str, file: &Path, places: &Places) -> Loaded {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let policy = Policy { sources: vec![file.to_owned()], ..Policy::default() };
    let mut reader = Reader { file, folder, places, loaded: Loaded { policy, diagnostics: Vec::new() } };
    match yaml::parse(text) {
        Ok(document) => {
            if let Some(root) = document.root {
                reader.root(&root);
            }
        }
        Err(error) => {
            reader.error(rules::POLICY_SYNTAX, error.span(), error.message.clone(), error.help.clone());
        }
    }
    reader.loaded
}

/// Read the `limits` of another file, in the words of a policy: a case has some too.
pub(crate) fn limits(node: &Node, file: &Path) -> Loaded {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let places = Places { workspace: folder.to_owned(), home: None };
    let mut reader = Reader { file, folder, places: &places, loaded: Loaded::default() };
    reader.limits(node);
    reader.loaded
}

struct Reader<'a> {
    file: &'a Path,
    folder: &'a Path,
    places: &'a Places,
    loaded: Loaded,
}

const TOP: [&str; 3] = ["permissions", "deny", "limits"];
const LISTS: [&str; 5] = ["read", "write", "net", "run", "env"];
pub(super) const LIMITS: [&str; 8] =
    ["wall", "cpu", "memory", "file_size", "scratch", "open_files", "processes", "output"];

/// Words of other formats, and ours for the same thing.
const ALIASES: [(&str, &str); 26] = [
    ("allow", "permissions"),
    ("grants", "permissions"),
    ("permission", "permissions"),
    ("denied", "deny"),
    ("limit", "limits"),
    ("resources", "limits"),
    ("network", "net"),
    ("hosts", "net"),
    ("filesystem", "read` and `write"),
    ("file_system", "read` and `write"),
    ("files", "read` and `write"),
    ("exec", "run"),
    ("execute", "run"),
    ("commands", "run"),
    ("shell", "run"),
    ("programs", "run"),
    ("environment", "env"),
    ("variables", "env"),
    ("timeout", "wall"),
    ("time", "wall"),
    ("mem", "memory"),
    ("ram", "memory"),
    ("procs", "processes"),
    ("files_open", "open_files"),
    ("nofile", "open_files"),
    ("tmp", "scratch"),
];

impl Reader<'_> {
    fn root(&mut self, root: &Node) {
        for (key, value) in self.pairs(root, "the policy", &TOP) {
            match key {
                "permissions" => {
                    for (name, list) in self.pairs(value, "permissions", &LISTS) {
                        self.list(name, list, false);
                    }
                }
                "deny" => {
                    for (name, list) in self.pairs(value, "deny", &LISTS) {
                        self.list(name, list, true);
                    }
                }
                _ => self.limits(value),
            }
        }
    }

    fn limits(&mut self, node: &Node) {
        for (name, limit) in self.pairs(node, "limits", &LIMITS) {
            self.limit(name, limit);
        }
    }

    /// The known keys of a mapping with their values; everything else becomes a diagnostic.
    fn pairs<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&'static str],
    ) -> Vec<(&'static str, &'n Node)> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(pairs) = node.as_mapping() else {
            let message = format!("{what} must be a mapping, not {}", article(node.kind()));
            self.error(
                rules::POLICY_VALUE,
                node.span,
                message,
                format!("write keys such as `{}:`", known[0]),
            );
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (key, value) in pairs {
            let name = key.text().unwrap_or_default();
            match known.iter().find(|k| **k == name) {
                Some(_) if !seen.insert(name) => {
                    let message = format!("`{name}` is there twice");
                    self.error(
                        rules::POLICY_DUPLICATE_KEY,
                        key.span,
                        message,
                        "put both into one".to_owned(),
                    );
                }
                Some(k) => found.push((*k, value)),
                None => self.unknown_key(key, name, what, known),
            }
        }
        found
    }

    fn unknown_key(&mut self, key: &Node, name: &str, what: &str, known: &[&'static str]) {
        let lower = name.to_ascii_lowercase().replace('-', "_");
        let meant = ALIASES.iter().find(|(alias, _)| *alias == lower).map(|(_, ours)| *ours);
        let meant = meant.filter(|ours| known.iter().any(|k| ours.starts_with(k)));
        let near = meant.or_else(|| known.iter().copied().find(|k| distance(&lower, k) <= 1 + k.len() / 5));
        let elsewhere = [("permissions", &LISTS[..]), ("limits", &LIMITS[..])]
            .into_iter()
            .find(|(_, keys)| what == "the policy" && keys.contains(&lower.as_str()));
        let help = match (near, elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some((parent, _))) => format!("put it below `{parent}:`"),
            (None, None) => format!("known here: {}", known.join(", ")),
        };
        let fix = near.filter(|near| known.contains(near)).map(|near| Fix {
            title: format!("rename to `{near}`"),
            edits: vec![Edit { start: key.span.start, end: key.span.end, text: near.to_owned() }],
        });
        let message = format!("unknown key `{}` in {what}", shorten(name));
        self.push(rules::POLICY_UNKNOWN_KEY, key.span, message, help, fix);
    }

    fn list(&mut self, name: &'static str, node: &Node, deny: bool) {
        if node.is_null() {
            let help = format!("write values such as `{name}: [{}]`, or remove the line", example(name));
            self.push(rules::POLICY_EMPTY, node.span, format!("`{name}` is empty"), help, None);
            return;
        }
        let Some(items) = node.as_sequence() else {
            let message = format!("`{name}` must be a list, not {}", article(node.kind()));
            let help = format!("write `{name}: [{}]`", node.text().map_or_else(|| example(name), shorten));
            self.error(rules::POLICY_VALUE, node.span, message, help);
            return;
        };
        for item in items {
            let Some(text) = item.as_str().filter(|text| !text.is_empty()) else {
                let message = format!("an item of `{name}` must be text, not {}", article(item.kind()));
                let help = format!("write a value such as {}; quote it if it is a number", example(name));
                self.error(rules::POLICY_VALUE, item.span, message, help);
                continue;
            };
            if let Err(Bad { message, help }) = self.item(name, text, item.span, deny) {
                self.error(rules::POLICY_VALUE, item.span, message, help);
            }
        }
    }

    /// Take one list item into the policy.
    fn item(&mut self, name: &str, text: &str, span: Span, deny: bool) -> Result<(), Bad> {
        if text.len() > 4096 || text.chars().any(char::is_control) {
            let message = format!("`{}` is too long or holds control characters", shorten(text));
            return Err(Bad { message, help: "write it in plain characters".to_owned() });
        }
        let (written, origin) = (text.to_owned(), self.origin(span));
        match name {
            "read" | "write" => {
                let value = values::path(text, self.folder, self.places)?;
                let grant = Grant { value, written, origin };
                let policy = &mut self.loaded.policy;
                match (name, deny) {
                    ("read", false) => policy.read.push(grant),
                    ("read", true) => policy.deny.read.push(grant),
                    (_, false) => policy.write.push(grant),
                    (_, true) => policy.deny.write.push(grant),
                }
            }
            "net" => {
                let value = values::net(text)?;
                let list: &mut Vec<Grant<NetRule>> =
                    if deny { &mut self.loaded.policy.deny.net } else { &mut self.loaded.policy.net };
                list.push(Grant { value, written, origin });
                if !deny && text.starts_with('*') && !text.starts_with("*.") {
                    let message = "every host is granted".to_owned();
                    let help = "name the hosts that are needed, such as api.github.com:443".to_owned();
                    self.push(rules::POLICY_WIDE, span, message, help, None);
                }
            }
            "run" => {
                let value = values::run(text, self.folder, self.places)?;
                let list: &mut Vec<Grant<RunRule>> =
                    if deny { &mut self.loaded.policy.deny.run } else { &mut self.loaded.policy.run };
                list.push(Grant { value, written, origin });
            }
            _ => {
                let value = values::variable(text)?;
                let list = if deny { &mut self.loaded.policy.deny.env } else { &mut self.loaded.policy.env };
                list.push(Grant { value, written, origin });
            }
        }
        Ok(())
    }

    fn limit(&mut self, name: &'static str, node: &Node) {
        let Some(text) = node.text().filter(|text| !text.is_empty()) else {
            let message = format!("`{name}` must be a value, not {}", article(node.kind()));
            self.error(rules::POLICY_VALUE, node.span, message, format!("write `{name}: {}`", example(name)));
            return;
        };
        let limits = &mut self.loaded.policy.limits;
        let result = match name {
            "wall" => values::duration(text).map(|time| limits.wall = time),
            "cpu" => values::duration(text).map(|time| limits.cpu = time),
            "memory" => values::size(text).map(|size| limits.memory = size),
            "file_size" => values::size(text).map(|size| limits.file_size = size),
            "scratch" => values::size(text).map(|size| limits.scratch = size),
            "output" => values::size(text).map(|size| limits.output = size),
            "open_files" => values::number(text).map(|number| limits.open_files = number),
            _ => values::number(text).map(|number| limits.processes = number),
        };
        match result {
            Ok(()) => {
                let origin = self.origin(node.span);
                self.loaded.policy.limit_origins.push((name, origin));
            }
            Err(Bad { message, help }) => {
                self.error(rules::POLICY_VALUE, node.span, format!("{name}: {message}"), help);
            }
        }
    }

    fn origin(&self, span: Span) -> Origin {
        Origin::File { path: self.file.to_owned(), line: span.line, column: span.column }
    }

    fn error(&mut self, rule: Rule, span: Span, message: String, help: String) {
        self.push(rule, span, message, help, None);
    }

    fn push(&mut self, rule: Rule, span: Span, message: String, help: String, fix: Option<Fix>) {
        let (severity, code, file) = (rule.severity, rule.code, self.file.to_owned());
        self.loaded.diagnostics.push(Diagnostic { severity, code, file, span, message, help, fix });
    }
}

fn article(kind: &str) -> String {
    match kind {
        "nothing" | "text" => kind.to_owned(),
        kind => format!("a {kind}"),
    }
}

fn example(key: &str) -> String {
    let text = match key {
        "read" => "\"${workspace}\"",
        "write" => "./out",
        "net" => "\"api.github.com:443\"",
        "run" => "git",
        "env" => "GITHUB_TOKEN",
        "wall" | "cpu" => "30s",
        "open_files" | "processes" => "32",
        _ => "64MiB",
    };
    text.to_owned()
}

/// Foreign text in a message: one line, not too long.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
