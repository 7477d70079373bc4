//! Variables that a skill seems to use, that are set outside, and that were not passed.
//!
//! No system call shows that a program looked for a variable, so the source is read instead: `os.environ["X"]`,
//! `process.env.X`, `$X`. A find is worded as what it is: the variable was withheld, and here it is mentioned.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::prepare::RunRequest;
use crate::policy::open_plain;
use crate::sandbox::event::Frame;
use crate::skill::Language;

/// One such variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    pub name: String,
    /// Lines that mention it; empty when only the skill's policy file asks for it.
    pub mentions: Vec<Frame>,
}

/// Longest source that is read.
const MAX_SOURCE: u64 = 1024 * 1024;
/// Most lines named for one variable.
const MAX_MENTIONS: usize = 4;

pub(super) fn find(request: &RunRequest, caller: &BTreeMap<String, String>) -> Vec<Withheld> {
    let file = request.skill.path.join(&request.entry.file);
    let passed = |name: &str| {
        request.policy.env.iter().any(|grant| grant.value == name)
            || matches!(name, "PATH" | "HOME" | "TMPDIR" | "LANG" | "LC_ALL" | "TERM" | "USER")
    };
    let mut found: BTreeMap<String, Vec<Frame>> = BTreeMap::new();
    let asked = request.asked.iter().flat_map(|asked| &asked.env).map(|grant| grant.value.clone());
    for name in asked.filter(|name| caller.contains_key(name) && !passed(name)) {
        found.insert(name, Vec::new());
    }
    for (name, line) in mentioned(&source(&file), request.entry.interpreter.language) {
        if caller.contains_key(name) && !passed(name) {
            let mentions = found.entry(name.to_owned()).or_default();
            if mentions.len() < MAX_MENTIONS {
                mentions.push(frame(&file, line));
            }
        }
    }
    found.into_iter().map(|(name, mentions)| Withheld { name, mentions }).collect()
}

fn frame(file: &Path, line: u32) -> Frame {
    Frame { file: PathBuf::from(file), line, function: String::new() }
}

fn source(file: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = open_plain(file) {
        let _ = file.take(MAX_SOURCE).read_to_end(&mut bytes);
    }
    if bytes.contains(&0) { String::new() } else { String::from_utf8_lossy(&bytes).into_owned() }
}

/// Variables that a source mentions, each with its line (1-based).
fn mentioned(source: &str, language: Language) -> Vec<(&str, u32)> {
    let shell = matches!(language, Language::Sh | Language::Bash);
    let openers: &[&str] = match language {
        Language::Python | Language::Uv => {
            &["environ[", "environ.get(", "environ.pop(", "environ.setdefault(", "getenv("]
        }
        Language::Node | Language::Deno => &["process.env.", "process.env[", "Deno.env.get("],
        Language::Sh | Language::Bash => &["${", "$"],
        Language::Ruby => &["ENV[", "ENV.fetch("],
        Language::Perl => &["$ENV{"],
        Language::Native | Language::Other => &[],
    };
    let mut found = Vec::new();
    for (line, text) in (1..).zip(source.lines()) {
        if text.trim_start().starts_with(['#', '*']) || text.trim_start().starts_with("//") {
            continue;
        }
        for opener in openers {
            for (at, _) in text.match_indices(opener) {
                let rest = text[at + opener.len()..].trim_start_matches([' ', '"', '\'']);
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let name = &rest[..end];
                let own = shell && assigned(source, name);
                if !(name.is_empty() || own || found.contains(&(name, line))) {
                    found.push((name, line));
                }
            }
        }
    }
    found
}

/// A shell script's own variable looks like an exported one; setting it tells them apart.
fn assigned(source: &str, name: &str) -> bool {
    source.match_indices(name).any(|(at, _)| {
        let before = source[..at].chars().next_back();
        let starts = before.is_none_or(|c| c.is_whitespace() || c == ';');
        let after = &source[at + name.len()..];
        starts && (after.starts_with('=') || source[..at].trim_end().ends_with("for"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_in_each_language() {
        let python = "import os\n# os.environ['NO']\nx = os.environ.get(\"TOKEN\") or os.environ['A']\n";
        assert_eq!(mentioned(python, Language::Python), [("A", 3), ("TOKEN", 3)]);
        let node = "const t = process.env.TOKEN ?? process.env['B'];";
        assert_eq!(mentioned(node, Language::Node), [("TOKEN", 1), ("B", 1)]);
        let shell = "count=1\nfor f in *; do echo \"$f\"; done\necho \"$count ${TOKEN:-none}\" $1\n";
        assert_eq!(mentioned(shell, Language::Sh), [("TOKEN", 3), ("1", 3)]);
    }
}
