//! What a case gives its run: arguments, folder, policy, variables, files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Reader, article, relative};
use crate::cases::{Content, PolicyChoice, WORKSPACE};
use crate::policy::{self, normalise};
use crate::run::{WorkingDirectory, source};
use crate::skill::text::printable;
use crate::skill::{Field, Span};
use crate::yaml::Node;

impl Reader<'_> {
    pub(super) fn args(&mut self, node: &Node) -> Vec<String> {
        if node.as_sequence().is_none() {
            let text = format!("`args` must be a list, not {}", article(node.kind()));
            self.bad(node.span, text, "write each argument as an item: `args: [--top, 5]`");
            return Vec::new();
        }
        self.scalars(node, "an argument").into_iter().map(|(text, _)| text).collect()
    }

    pub(super) fn cwd(&mut self, node: &Node) -> Option<WorkingDirectory> {
        let found = match node.text() {
            Some("skill") => WorkingDirectory::Skill,
            Some("workspace") => WorkingDirectory::Workspace,
            Some("scratch") => WorkingDirectory::Scratch,
            _ => {
                self.bad(
                    node.span,
                    "`cwd` is none of skill, workspace, scratch",
                    "choose one; with `files` it is workspace unless you say otherwise",
                );
                return None;
            }
        };
        Some(found)
    }

    pub(super) fn entry(&mut self, node: &Node) -> Option<Field<PathBuf>> {
        let text = self.scalar(node, "`entry`")?;
        if self.skill.entry(Path::new(&text)).is_none() {
            let names: Vec<String> =
                self.skill.entries.iter().map(|entry| entry.file.display().to_string()).collect();
            let help = if names.is_empty() {
                "put a script into scripts/".to_owned()
            } else {
                format!("there is {}", names.join(", "))
            };
            self.bad(node.span, format!("the skill has no entry `{text}`"), printable(&help));
        }
        Some(Field { value: text.into(), span: node.span })
    }

    pub(super) fn policy(&mut self, node: &Node) -> PolicyChoice {
        let Some(text) = self.scalar(node, "`policy`") else { return PolicyChoice::Own };
        match text.as_str() {
            "own" => PolicyChoice::Own,
            "default" => PolicyChoice::Default,
            file => self.own_file(file, node.span).map_or(PolicyChoice::Own, PolicyChoice::File),
        }
    }

    /// A file of the skill, named relative to the case; the answer is relative to the skill.
    fn own_file(&mut self, text: &str, span: Span) -> Option<PathBuf> {
        let path = normalise(&self.file.parent()?.join(text));
        let inside = path.strip_prefix(&self.skill.path).ok().map(Path::to_owned);
        match inside {
            Some(inside) if source::open(&self.skill.path, &path).is_ok() => Some(inside),
            Some(_) => {
                self.bad(
                    span,
                    format!("there is no plain file `{text}`"),
                    "paths are relative to the file of the case",
                );
                None
            }
            None => {
                self.bad(
                    span,
                    format!("`{text}` is not in the skill"),
                    "name a file of the skill, relative to this file",
                );
                None
            }
        }
    }

    pub(super) fn env(&mut self, node: &Node) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let Some(pairs) = node.as_mapping() else {
            self.bad(node.span, "`env` must be a mapping", "write `env: {NAME: value}`");
            return env;
        };
        for (key, value) in pairs {
            match policy::variable_name(key.text().unwrap_or_default()) {
                Ok(name) => {
                    if let Some(text) = self.scalar(value, "the value of a variable") {
                        env.insert(name, text);
                    }
                }
                Err(why) => self.bad(key.span, why, "write `env: {NAME: value}`"),
            }
        }
        env
    }

    pub(super) fn layout(&mut self, node: &Node) -> Vec<(PathBuf, Content)> {
        let Some(pairs) = node.as_mapping() else {
            self.bad(node.span, "`files` must be a mapping", "write `files: {notes.txt: \"its text\"}`");
            return Vec::new();
        };
        let mut files: Vec<(PathBuf, Content)> = Vec::new();
        for (key, value) in pairs {
            let text = key.text().unwrap_or_default();
            let inside = text.strip_prefix(WORKSPACE).map_or(text, |rest| rest.trim_start_matches('/'));
            let Some(path) = relative(inside) else {
                self.bad(
                    key.span,
                    format!("`{text}` is not a path in the workspace"),
                    "write a relative path without `..`",
                );
                continue;
            };
            if files.iter().any(|(have, _)| have.starts_with(&path) || path.starts_with(have)) {
                self.bad(
                    key.span,
                    format!("`{text}` is there twice, or is a folder of another"),
                    "give each file a path of its own",
                );
                continue;
            }
            let content = if value.as_mapping().is_some() {
                let from = self.pairs(value, "a file", &["from"]).first().map(|(_, node)| *node);
                let from = from.and_then(|node| Some((self.scalar(node, "`from`")?, node.span)));
                from.and_then(|(text, span)| self.own_file(&text, span)).map(Content::From)
            } else {
                self.scalar(value, "the text of a file").map(Content::Text)
            };
            files.extend(content.map(|content| (path, content)));
        }
        files
    }
}
