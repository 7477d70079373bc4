//! Entries: the scripts of a skill that can be run.
//!
//! A file in `scripts/` or at the skill's root is an entry when it has a shebang, is a native program, or has the
//! extension of a known language. Not entries: tests, `__init__.py`, type declarations and configuration, and files
//! without shebang and main guard that another script of the skill imports. The executable bit says nothing: half
//! of the published scripts lack it.
//!
//! The texts that are read for this are kept until the skill is read: the rules about scripts look at them too.

mod imported;
mod shebang;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::folder::{Folder, read_bounded};
use super::interpreter::Resolver;
use super::model::{Entry, Interpreter, Language};
use super::typescript;
use imported::is_module;
pub(crate) use shebang::{Shebang, shebang};

/// Bounds of the search below `scripts/`, and most of a file that is read to see whether it is imported.
const MAX_DEPTH: usize = 4;
const MAX_FILES: usize = 1000;
pub const MAX_READ: u64 = 256 * 1024;
/// Of a file without a known extension, before its first line says that it is a script.
const MAX_HEAD: u64 = 4096;

/// The scripts of a skill.
#[derive(Debug, Default)]
pub struct Scripts {
    /// In the order of their paths, those in `scripts/` first.
    pub entries: Vec<Entry>,
    /// Entries and what they import, native programs left out.
    pub sources: Vec<Source>,
    /// Executable files in `scripts/` that nothing says an interpreter for.
    pub unmarked: Vec<PathBuf>,
}

/// The text of a script, its first [`MAX_READ`] bytes.
#[derive(Debug)]
pub struct Source {
    /// Relative to the skill.
    pub file: PathBuf,
    pub text: Vec<u8>,
}

impl Scripts {
    pub fn source(&self, file: &Path) -> Option<&Source> {
        self.sources.iter().find(|source| source.file == file)
    }
}

/// A file that may be an entry.
struct Candidate {
    /// Relative to the skill.
    file: PathBuf,
    text: Vec<u8>,
    shebang: Option<Shebang>,
    language: Option<Language>,
}

/// Find the scripts of a skill.
pub fn find(folder: &Folder, resolver: &Resolver) -> Scripts {
    let path = folder.path.as_path();
    let mut files = Vec::new();
    if folder.has("scripts")
        && let Ok(scripts) = Folder::list(path.join("scripts"), String::new())
    {
        collect(&scripts, Path::new("scripts"), MAX_DEPTH, &mut files);
    }
    collect(folder, Path::new(""), 0, &mut files);
    let candidates: Vec<Candidate> = files.into_iter().filter_map(|file| candidate(path, file)).collect();
    let (marked, unmarked): (Vec<Candidate>, Vec<Candidate>) =
        candidates.into_iter().partition(|candidate| candidate.language.is_some());
    let entries = marked.iter().filter(|candidate| !is_module(candidate, &marked));
    let mut entries: Vec<Entry> = entries.map(|candidate| entry(path, candidate, resolver)).collect();
    entries.shrink_to_fit();
    let sources = marked.into_iter().filter(|candidate| candidate.language != Some(Language::Native));
    Scripts {
        entries,
        sources: sources.map(|candidate| Source { file: candidate.file, text: candidate.text }).collect(),
        unmarked: unmarked.into_iter().map(|candidate| candidate.file).collect(),
    }
}

/// Files of a listed folder that may be entries; `at` is its path within the skill.
fn collect(folder: &Folder, at: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for (name, kind) in &folder.items {
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if files.len() >= MAX_FILES {
            return;
        }
        if !kind.is_dir() {
            if !is_support(name) {
                files.push(at.join(name));
            }
        } else if depth > 0
            && !is_support_folder(name)
            && let Ok(inner) = Folder::list(folder.path.join(name), String::new())
        {
            collect(&inner, &at.join(name), depth - 1, files);
        }
    }
}

fn is_support_folder(name: &str) -> bool {
    matches!(
        name,
        "node_modules"
            | "__pycache__"
            | "venv"
            | "tests"
            | "test"
            | "__tests__"
            | "target"
            | "dist"
            | "site-packages"
    )
}

/// Tests, package markers, type declarations, configuration.
fn is_support(name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let test = ["test_", "test-"].iter().any(|start| stem.starts_with(start))
        || ["_test", ".test", "-test", ".spec", "_spec"].iter().any(|end| stem.ends_with(end));
    let python = extension == "py" && matches!(stem, "__init__" | "conftest" | "setup");
    let script = matches!(extension, "js" | "mjs" | "cjs" | "ts" | "mts" | "cts");
    let support =
        stem.rsplit('.').next().is_some_and(|last| last == "config" || last == "d") || stem.ends_with("rc");
    test || python || (script && support)
}

fn candidate(skill: &Path, file: PathBuf) -> Option<Candidate> {
    let path = skill.join(&file);
    let by_name = by_extension(&file);
    let text_file = file
        .extension()
        .is_some_and(|e| matches!(e.to_str(), Some("md" | "json" | "yaml" | "yml" | "txt" | "toml" | "csv")));
    // Following a link out of the skill is left to the sandbox, which does not show what lies there.
    if text_file {
        return None;
    }
    // A file without such an extension is no script unless its first line says so.
    let first = if by_name.is_some() { MAX_READ } else { MAX_HEAD };
    let (mut text, more) = read_bounded(&path, first).ok()?;
    let shebang = shebang(&text);
    if more && shebang.is_some() && first < MAX_READ {
        text = read_bounded(&path, MAX_READ).ok()?.0;
    }
    let native = text.starts_with(b"\x7fELF") && !file.extension().is_some_and(|e| e == "so" || e == "o");
    let language = match &shebang {
        Some(shebang) => Some(shebang.language),
        None if native => Some(Language::Native),
        None => by_name,
    };
    let executable = || fs::metadata(&path).is_ok_and(|data| data.permissions().mode() & 0o111 != 0);
    let kept = language.is_some() || (is_unmarked(&file, &text) && executable());
    kept.then_some(Candidate { file, text, shebang, language })
}

/// A text in `scripts/` without an extension. `Makefile` and its like are read by a program that knows their name.
fn is_unmarked(file: &Path, text: &[u8]) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    file.starts_with("scripts")
        && file.extension().is_none()
        && !name.starts_with(|c: char| c.is_uppercase())
        && !text.is_empty()
        && !text.starts_with(b"#!")
        && !text[..text.len().min(1024)].contains(&0)
}

fn by_extension(file: &Path) -> Option<Language> {
    Some(match file.extension()?.to_str()? {
        "py" => Language::Python,
        "sh" => Language::Sh,
        "bash" => Language::Bash,
        "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" => Language::Node,
        "rb" => Language::Ruby,
        "pl" => Language::Perl,
        _ => return None,
    })
}

fn entry(skill: &Path, candidate: &Candidate, resolver: &Resolver) -> Entry {
    let language = candidate.language.unwrap_or(Language::Other);
    if language == Language::Native {
        let program = fs::canonicalize(skill.join(&candidate.file)).ok();
        let interpreter = Interpreter { language, program, arguments: Vec::new(), prefix: Vec::new() };
        return Entry { file: candidate.file.clone(), interpreter };
    }
    let (command, mut arguments) = match &candidate.shebang {
        // uv would start a Python and fetch packages, neither of which a run can do: its Python is started at once.
        Some(shebang) if language == Language::Uv => (shebang.uv().python, Vec::new()),
        Some(shebang) => (Some(shebang.command.clone()), shebang.arguments.clone()),
        None => (None, Vec::new()),
    };
    if matches!(language, Language::Python | Language::Uv) {
        // Python holds output back when it goes into a pipe; -u sends each line at once.
        arguments.insert(0, "-u".to_owned());
    }
    let command = command.as_deref();
    let mut interpreter = resolver.interpreter(language, command, arguments, skill);
    if language == Language::Node
        && typescript::is_typescript(&candidate.file)
        && interpreter.program.as_deref().map(typescript::support) == Some(typescript::Support::WithFlag)
    {
        interpreter.arguments.insert(0, typescript::FLAG.to_owned());
    }
    Entry { file: candidate.file.clone(), interpreter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uv_scripts_are_started_by_their_python() {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().canonicalize().unwrap().join("bin");
        for name in ["python3", "python3.12"] {
            let program = bin.join(name);
            fs::create_dir_all(&bin).unwrap();
            fs::write(&program, b"\x7fELF").unwrap();
            fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        fs::write(dir.path().join("a"), "#!/usr/bin/env -S uv run --script\n").unwrap();
        fs::write(dir.path().join("b"), "#!/usr/bin/env -S uv run --python 3.12 --script\n").unwrap();
        let resolver = Resolver::new([bin.clone()], None, super::super::shims::Managers::default());
        let entries = find(&Folder::open(dir.path()).unwrap(), &resolver).entries;
        let interpreters: Vec<&Interpreter> = entries.iter().map(|entry| &entry.interpreter).collect();
        assert_eq!(interpreters[0].program, Some(bin.join("python3")));
        assert_eq!(interpreters[1].program, Some(bin.join("python3.12")));
        assert!(interpreters.iter().all(|one| one.language == Language::Uv && one.arguments == ["-u"]));
    }

    #[test]
    fn which_files_are_entries() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("scripts/main.py", "import util\nfrom lib.deep import x\n"),
            ("scripts/util.py", "def f(): pass\n"),
            ("scripts/lib/deep.py", "x = 1\n"),
            ("scripts/lib/__init__.py", ""),
            ("scripts/tool.py", "if __name__ == '__main__':\n    pass\n"),
            ("scripts/use_tool.py", "import tool\n"),
            ("scripts/run.sh", ". ./common.sh\n"),
            ("scripts/common.sh", "x=1\n"),
            ("scripts/test_main.py", "import main\n"),
            ("scripts/plain", "#!/bin/bash\n"),
            ("scripts/data.json", "{}"),
            ("scripts/web.mjs", "import {x} from './help.mjs'\n"),
            ("scripts/help.mjs", "export const x = 1\n"),
            ("scripts/node_modules/m/index.js", ""),
            ("scripts/types.d.ts", ""),
            ("top.rb", ""),
            ("README", "text"),
            ("SKILL.md", "---\n"),
        ];
        for (file, text) in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tool = dir.path().join("scripts/unmarked");
        fs::write(&tool, "echo hello\n").unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        let scripts = find(&Folder::open(dir.path()).unwrap(), &Resolver::from_env());
        assert_eq!(scripts.unmarked, [Path::new("scripts/unmarked")]);
        assert!(scripts.source(Path::new("scripts/util.py")).is_some(), "what is imported is kept too");
        let names: Vec<String> = scripts.entries.iter().map(|e| e.file.display().to_string()).collect();
        assert_eq!(
            names,
            [
                "scripts/main.py",
                "scripts/plain",
                "scripts/run.sh",
                "scripts/tool.py",
                "scripts/use_tool.py",
                "scripts/web.mjs",
                "top.rb"
            ]
        );
    }
}
