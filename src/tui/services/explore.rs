//! What is worked out of a skill when it is looked at: its files, tools, cost, and what clients make of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::policy::{self, Places};
use crate::run::source;
use crate::skill::{self, Skill, schema};
use crate::tui::state::{FileItem, Learned, Parameter, Tool};

/// Files of a skill that are listed, and how deep.
const MAX_FILES: usize = 2000;
const MAX_DEPTH: usize = 8;

/// The text of a file of the skill, or why it is not shown.
pub(super) fn read_file(skill: &Path, path: &Path) -> Result<String, String> {
    let text = source::read(skill, path).map_err(|error| format!("{}: {error}", path.display()))?;
    if text.contains('\0') {
        return Err(format!("{}: a binary file, not shown", path.display()));
    }
    Ok(text)
}

/// Verdicts, cost, and what is wrong with the policy file.
pub(super) fn learned(skill: &Skill, files: &[FileItem], places: &Places) -> Learned {
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    Learned {
        verdicts: skill::clients::verdicts(skill),
        cost: skill::cost::of(skill, &paths, |path| source::read(&skill.path, path).ok()),
        policy: policy::check(skill, places),
    }
}

/// Files of a skill, sorted, without what tools leave behind.
pub(super) fn files(folder: &Path) -> Vec<FileItem> {
    const LEFT_OUT: [&str; 6] = [".git", "node_modules", "__pycache__", "target", ".venv", "venv"];
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((dir, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten().take(MAX_FILES) {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            let left_out = path.file_name().is_some_and(|name| LEFT_OUT.iter().any(|out| name == *out));
            if kind.is_dir() && depth < MAX_DEPTH && !left_out {
                folders.push((path, depth + 1));
            } else if !kind.is_dir() && found.len() < MAX_FILES {
                let bytes = entry.metadata().map_or(0, |data| data.len());
                found.push(FileItem { path: path.strip_prefix(folder).unwrap_or(&path).to_owned(), bytes });
            }
        }
    }
    // SKILL.md first, then by folder.
    found.sort_by(|a, b| {
        let first = |item: &FileItem| item.path.as_os_str() != "SKILL.md";
        (first(a), &a.path).cmp(&(first(b), &b.path))
    });
    found
}

/// The tools of a skill, as the screen shows them.
pub(super) fn tools(skill: &Skill) -> Vec<Tool> {
    schema::tools(skill)
        .iter()
        .map(|tool| {
            let json = tool.schema();
            let entry = [tool.entry.display().to_string()].into_iter().chain(tool.subcommand.iter().cloned());
            Tool {
                name: tool.name.clone(),
                entry: entry.collect::<Vec<_>>().join(" "),
                source: tool.source.text().to_owned(),
                parameters: parameters(&json),
                json: format!("{json:#}"),
                spec: Some(Arc::new(tool.clone())),
            }
        })
        .collect()
}

fn parameters(schema: &Value) -> Vec<Parameter> {
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let kind = property["type"].as_str().unwrap_or("any");
            let item = property["items"]["type"].as_str().filter(|_| kind == "array");
            let mut notes = vec![property["description"].as_str().unwrap_or_default().to_owned()];
            let choices = property["enum"].as_array().or_else(|| property["items"]["enum"].as_array());
            if let Some(choices) = choices {
                notes.push(format!("one of {}", choices.iter().map(text).collect::<Vec<_>>().join(", ")));
            }
            // Many help texts name the default themselves.
            let said = notes[0].contains("default");
            if let Some(default) = property.get("default").filter(|_| !said) {
                notes.push(format!("default {}", text(default)));
            }
            notes.retain(|note| !note.is_empty());
            Parameter {
                name: name.clone(),
                kind: item.map_or_else(|| kind.to_owned(), |item| format!("list of {item}")),
                required: required(name),
                description: notes.join("; "),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_with_the_manifest_first() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["scripts/b.py", "a.txt", "SKILL.md", "node_modules/x.js"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "12345").unwrap();
        }
        let found: Vec<_> = files(dir.path()).iter().map(|f| f.path.display().to_string()).collect();
        assert_eq!(found, ["SKILL.md", "a.txt", "scripts/b.py"]);
    }

    #[test]
    fn binary_files_are_told_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap();
        std::fs::write(folder.join("a.bin"), b"\x7fELF\0\0").unwrap();
        std::fs::write(folder.join("b.txt"), b"caf\xe9\n").unwrap();
        let problem = read_file(&folder, &folder.join("a.bin")).unwrap_err();
        assert!(problem.contains("a binary file, not shown"), "{problem}");
        assert_eq!(read_file(&folder, &folder.join("b.txt")).unwrap(), "caf\u{fffd}\n");
        assert!(read_file(&folder, Path::new("/etc/passwd")).is_err());
    }
}
