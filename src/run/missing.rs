//! Modules that a program imported and did not find, out of what Python and Node say on stderr; the explanation comes
//! from [`crate::environment::modules`].

use std::path::Path;

use super::complaint::node_frame;
use super::report::MissingModule;
use super::source;
use crate::environment::{Kind, Needs, modules};
use crate::sandbox::event::Frame;
use crate::skill::text::{is_printable, printable};

/// Most modules, and most lines of a stack, that are kept.
const MAX_MODULES: usize = 16;
const MAX_FRAMES: usize = 32;
/// Longest name.
const MAX_NAME: usize = 200;

/// What was not found so far.
#[derive(Debug, Clone, Default)]
pub(super) struct MissingModules {
    found: Vec<Missing>,
    /// The stack of a Python error that is still coming, outermost first.
    stack: Vec<Frame>,
    /// The last one's Node stack is still coming.
    in_stack: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Missing {
    kind: Kind,
    module: String,
    /// Innermost first, all in the skill.
    blame: Vec<Frame>,
    /// The file that imports it, when that is all that is said.
    importer: Option<String>,
}

impl MissingModules {
    /// Take a line. `own`: the frame of a file, line and function in the skill.
    pub(super) fn take(&mut self, line: &str, own: &dyn Fn(&str, u32, &str) -> Option<Frame>) {
        if line == "Traceback (most recent call last):" {
            self.stack.clear();
        } else if let Some(call) = line.strip_prefix("  File \"") {
            let frame = python_frame(call).and_then(|(file, number, function)| own(file, number, function));
            if self.stack.len() < MAX_FRAMES {
                self.stack.extend(frame);
            }
        } else if let Some(rest) = line.strip_prefix("ModuleNotFoundError: No module named ") {
            let blame = std::mem::take(&mut self.stack).into_iter().rev().collect();
            self.add(Kind::Python, quoted(rest), blame, None);
        } else if let Some((_, rest)) =
            line.split_once("Cannot find module ").filter(|(start, _)| start.ends_with("Error: "))
        {
            self.in_stack = self.add(Kind::Node, quoted(rest), Vec::new(), None);
        } else if let Some((_, rest)) =
            line.split_once("Cannot find package ").filter(|(start, _)| start.contains("Error"))
        {
            let importer = rest.split_once(" imported from ").map(|(_, file)| file.trim().to_owned());
            self.add(Kind::Node, quoted(rest), Vec::new(), importer);
        } else if self.in_stack && line.trim_start().starts_with("at ") {
            let frame = node_frame(line).and_then(|(file, number, function)| own(file, number, function));
            if let Some(last) = self.found.last_mut().filter(|last| last.blame.len() < MAX_FRAMES) {
                last.blame.extend(frame);
            }
        }
    }

    fn add(&mut self, kind: Kind, module: Option<&str>, blame: Vec<Frame>, importer: Option<String>) -> bool {
        let Some(module) = module.filter(|module| module.len() <= MAX_NAME) else { return false };
        // A path is a file that is not there, not a package.
        let is_path = module.starts_with(['.', '/']) || module.starts_with("file:");
        let printable = module.chars().all(is_printable);
        let known = self.found.iter().any(|have| have.module == module);
        if is_path || known || !printable || self.found.len() >= MAX_MODULES {
            return false;
        }
        self.found.push(Missing { kind, module: module.to_owned(), blame, importer });
        true
    }
}

/// The text between the quotes at the beginning.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split(quote).next().filter(|name| !name.is_empty())
}

/// `/…/a.py", line 3, in main`.
fn python_frame(call: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = call.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some((file, number.parse().ok()?, function))
}

/// Why each of them was not found by the skill called `name` in `folder`.
pub(super) fn explained(
    missing: &MissingModules,
    needs: &Needs,
    name: &str,
    folder: &Path,
) -> Vec<MissingModule> {
    let explain = |missing: &Missing| {
        let found = modules::explain(needs, missing.kind, name, folder, &missing.module);
        let mut blame = missing.blame.clone();
        if let Some(importer) = missing.importer.as_deref().filter(|_| blame.is_empty()) {
            blame.extend(import_line(folder, importer, &missing.module));
        }
        let reason = printable(&found.reason).into_owned();
        MissingModule { module: missing.module.clone(), blame, reason, command: found.command }
    };
    missing.found.iter().map(explain).collect()
}

/// The line of `file` that imports `module`, when only one can be it.
fn import_line(skill: &Path, file: &str, module: &str) -> Option<Frame> {
    let path = source::own(skill, Path::new(file))?;
    let text = source::read(skill, &path).ok()?;
    let names = ['\'', '"', '`'].map(|quote| format!("{quote}{module}"));
    let ends = |rest: &str| rest.starts_with(['\'', '"', '`', '/']);
    let imports = |line: &str| {
        names.iter().any(|name| line.match_indices(name).any(|(at, _)| ends(&line[at + name.len()..])))
    };
    let mut lines = text.lines().enumerate().filter(|(_, line)| imports(line));
    match (lines.next(), lines.next()) {
        (Some((index, _)), None) => {
            Some(Frame { file: path, line: index as u32 + 1, function: String::new() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> MissingModules {
        let mut found = MissingModules::default();
        let own = |file: &str, line, function: &str| {
            file.starts_with("/skill/").then(|| Frame { file: file.into(), line, function: function.into() })
        };
        text.lines().for_each(|line| found.take(line, &own));
        found
    }

    fn shown(found: &MissingModules) -> Vec<String> {
        let lines = |one: &Missing| one.blame.iter().map(|frame| frame.line.to_string()).collect::<Vec<_>>();
        found.found.iter().map(|one| format!("{} {}", one.module, lines(one).join(","))).collect()
    }

    #[test]
    fn python_names_module_and_stack() {
        let found = read(
            "Traceback (most recent call last):\n  File \"/skill/a.py\", line 9, in <module>\n    import b\n  File \"/skill/b.py\", line 2, in <module>\n    import requests\n  File \"/usr/lib/x.py\", line 1, in y\nModuleNotFoundError: No module named 'requests'\n",
        );
        assert_eq!(shown(&found), ["requests 2,9"]);
        assert_eq!(
            shown(&read("ModuleNotFoundError: No module named 'a.b'; 'a' is not a package\n")),
            ["a.b "]
        );
    }

    #[test]
    fn node_names_packages_and_not_paths() {
        let found = read(
            "Error: Cannot find module 'left-pad'\nRequire stack:\n- /skill/a.js\n    at Module._resolveFilename (node:internal:1:1)\n    at Object.<anonymous> (/skill/a.js:3:13)\n",
        );
        assert_eq!(shown(&found), ["left-pad 3"]);
        let found = read(
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@a/b' imported from /skill/a.mjs\nError: Cannot find module './x'\nError: Cannot find module '/skill/y'\n",
        );
        assert_eq!(shown(&found), ["@a/b "]);
        assert_eq!(found.found[0].importer.as_deref(), Some("/skill/a.mjs"));
    }

    #[test]
    fn floods_are_bounded() {
        let lines = (0..1000).map(|n| format!("ModuleNotFoundError: No module named 'm{n}'"));
        assert_eq!(read(&lines.collect::<Vec<_>>().join("\n")).found.len(), MAX_MODULES);
        assert!(read("ModuleNotFoundError: No module named 'a\u{1b}[2Jb'\n").found.is_empty());
        let stack = "  File \"/skill/a.py\", line 1, in f\n".repeat(1000);
        assert_eq!(read(&stack).stack.len(), MAX_FRAMES);
    }

    #[test]
    fn an_import_is_named_when_it_is_the_only_one() {
        let dir = tempfile::tempdir().unwrap();
        let skill = dir.path().canonicalize().unwrap();
        let file = skill.join("a.mjs");
        std::fs::write(&file, "import fs from 'fs';\nimport x from \"@a/b\";\nimport y from '@a/bc';\n")
            .unwrap();
        let line = |module| import_line(&skill, &file.display().to_string(), module).map(|frame| frame.line);
        assert_eq!(line("@a/b"), Some(2));
        assert_eq!(line("none"), None);
        std::fs::write(&file, "import x from '@a/b';\nimport y from '@a/b/c';\n").unwrap();
        assert_eq!(line("@a/b"), None);
        assert!(import_line(&skill, "/etc/hosts", "x").is_none());
    }
}
