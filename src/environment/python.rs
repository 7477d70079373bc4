//! What a Python script needs: the skill's own virtual environment, a PEP 723 block in the script
//! (<https://packaging.python.org/en/latest/specifications/inline-script-metadata/>), or the nearest `requirements.txt`
//! upwards from the script, in the skill.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item};

use super::requirements::{self, CONSTRAINTS, Place, Requirements};
use super::{Declaration, Declared, Kind, Problem};
use crate::run::source;
use crate::skill::entry::shebang;
use crate::skill::{Entry, Interpreter, Language, Resolver, Skill};

/// The interpreter of a virtual environment, relative to it.
pub(super) const PROGRAM: &str = "bin/python";

/// What the installer is given.
pub(super) const REQUIREMENTS: &str = "requirements.txt";

/// Settings of uv in a block that change which packages are meant.
const WHERE_FROM: [&str; 5] = ["sources", "index", "index-url", "extra-index-url", "find-links"];

pub(super) fn declared(skill: &Skill, entry: &Entry) -> Result<Declared, Problem> {
    // A script that is a link out of the skill declares nothing.
    let script = source::read(&skill.path, &entry.file).unwrap_or_default();
    if let Some(declared) = in_script(&skill.path, &entry.file, &script)? {
        return Ok(declared);
    }
    if let Some((folder, interpreter)) = own_environment(&skill.path, entry) {
        return Ok(Declared::Own { folder, interpreter: Some(interpreter) });
    }
    let folders = entry.file.ancestors().skip(1);
    let file = folders.map(|folder| folder.join("requirements.txt")).find(|file| exists(&skill.path, file));
    match file {
        Some(file) => Ok(packages(file.clone(), requirements::read(&skill.path, &file)?, None)),
        None => Ok(Declared::Nothing),
    }
}

fn exists(skill: &Path, file: &Path) -> bool {
    skill.join(file).symlink_metadata().is_ok()
}

fn packages(file: PathBuf, found: Requirements, requires: Option<String>) -> Declared {
    if found.names.is_empty() && found.locals.is_empty() && found.sources.is_empty() {
        return Declared::Nothing;
    }
    let mut files = vec![(PathBuf::from(REQUIREMENTS), found.text.into_bytes())];
    if !found.constraints.is_empty() {
        files.push((PathBuf::from(CONSTRAINTS), found.constraints.into_bytes()));
    }
    Declared::Packages(Declaration {
        kind: Kind::Python,
        file,
        names: found.names,
        sources: found.sources,
        builds: found.builds,
        requires,
        files,
        locals: found.locals,
    })
}

/// What the script itself says, in its block and in the line that starts uv. Then nothing else counts, as with uv.
fn in_script(skill: &Path, file: &Path, script: &str) -> Result<Option<Declared>, Problem> {
    let place = |line| Place { skill, file, line };
    let mut found = Requirements::default();
    let uv = shebang(script.as_bytes()).filter(|line| line.language == Language::Uv);
    let block = block(script).map_err(|(line, message)| place(line).problem(message))?;
    if uv.is_none() && block.is_none() {
        return Ok(None);
    }
    let mut requires = None;
    let mut add = |line, text: &str| -> Result<(), Problem> {
        if text.contains("${") || text.contains('\n') || text.trim_start().starts_with('-') {
            return Err(place(line).problem(format!("`{text}` is not a requirement; write NAME==VERSION")));
        }
        let text = found.requirement(place(line), text.trim(), false)?;
        found.text.extend([text.as_str(), "\n"]);
        Ok(())
    };
    for package in uv.map(|line| line.uv().with).unwrap_or_default() {
        add(1, &package)?;
    }
    if let Some((line, text)) = block {
        let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            place(line).problem(format!("the block is not TOML: {}", error.message()))
        })?;
        requires = document.get("requires-python").and_then(Item::as_str).map(str::to_owned);
        let uv = document.get("tool").and_then(|tool| tool.get("uv"));
        if let Some(key) = WHERE_FROM.into_iter().find(|key| uv.is_some_and(|uv| uv.get(key).is_some())) {
            let text = format!("`tool.uv.{key}` is known to uv alone; write the address as `NAME @ URL`");
            return Err(place(line).problem(text));
        }
        match document.get("dependencies") {
            None => {}
            Some(list) => {
                let list = list
                    .as_array()
                    .ok_or_else(|| place(line).problem("`dependencies` is not a list; write [\"NAME\"]"))?;
                for item in list {
                    let item = item.as_str();
                    add(line, item.ok_or_else(|| place(line).problem("a dependency is not a text"))?)?;
                }
            }
        }
    }
    Ok(Some(packages(file.to_owned(), found, requires)))
}

/// The text of the `script` block and the line it starts in.
fn block(script: &str) -> Result<Option<(usize, String)>, (usize, String)> {
    let lines: Vec<&str> = script.lines().map(str::trim_end).collect();
    let mut starts = lines.iter().enumerate().filter(|(_, line)| **line == "# /// script");
    let Some((start, _)) = starts.next() else { return Ok(None) };
    let comments = lines[start + 1..].iter().take_while(|line| **line == "#" || line.starts_with("# "));
    let comments: Vec<&str> = comments.copied().collect();
    let Some(end) = comments.iter().rposition(|line| *line == "# ///") else {
        return Err((start + 1, "the block is not closed; end it with `# ///`".to_owned()));
    };
    if let Some((second, _)) = starts.find(|(at, _)| *at > start + 1 + end) {
        return Err((second + 1, "a second `script` block; write one".to_owned()));
    }
    let text: Vec<&str> =
        comments[..end].iter().map(|line| line.strip_prefix("# ").unwrap_or_default()).collect();
    Ok(Some((start + 1, text.join("\n"))))
}

/// The skill's own virtual environment, when a run can use it: its Python must be one that the caller would start
/// anyway, because what an environment's link leads to comes into view.
fn own_environment(skill: &Path, entry: &Entry) -> Option<(PathBuf, Interpreter)> {
    let folder = [".venv", "venv"].map(|name| skill.join(name)).into_iter().find(|folder| {
        folder.symlink_metadata().is_ok_and(|data| data.is_dir()) && folder.join("pyvenv.cfg").is_file()
    })?;
    let program = folder.join(PROGRAM);
    let real = program.canonicalize().ok()?;
    let base = &entry.interpreter;
    let known = |base: &Path| base.canonicalize().is_ok_and(|base| base == real);
    // Some environments hold a copy of their Python.
    let prefix = if base.program.as_deref().is_some_and(known) || real.starts_with(skill) {
        base.prefix.clone()
    } else {
        let found = Resolver::from_env().find(real.file_name()?.to_str()?, skill)?;
        known(&found.program).then_some(found.prefix)?
    };
    Some((folder, Interpreter { program: Some(program), prefix, ..base.clone() }))
}

/// Whether the version `3.11.7` meets `>=3.10,<4`; `None` when the text says more than releases.
/// <https://packaging.python.org/en/latest/specifications/version-specifiers/>
pub(super) fn satisfies(version: &str, specifiers: &str) -> Option<bool> {
    let release = |text: &str| -> Option<Vec<u64>> { text.split('.').map(|n| n.parse().ok()).collect() };
    let have = release(version)?;
    let mut all = true;
    for clause in specifiers.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        let at = clause.find(|c: char| c.is_ascii_digit())?;
        let (operator, wanted) = clause.split_at(at);
        let (wanted, any) = wanted.strip_suffix(".*").map_or((wanted, false), |wanted| (wanted, true));
        let want = release(wanted.trim())?;
        let width = have.len().max(want.len());
        let padded = |numbers: &[u64]| {
            let mut numbers = numbers.to_vec();
            numbers.resize(width, 0);
            numbers
        };
        let (a, b) = (padded(&have), padded(&want));
        let begins = |length: usize| a[..length] == b[..length];
        all &= match (operator.trim(), any) {
            ("==", true) => begins(want.len()),
            ("!=", true) => !begins(want.len()),
            ("==", false) => a == b,
            ("!=", false) => a != b,
            (">=", false) => a >= b,
            ("<=", false) => a <= b,
            (">", false) => a > b,
            ("<", false) => a < b,
            ("~=", false) if want.len() > 1 => a >= b && begins(want.len() - 1),
            _ => return None,
        };
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let text = "#!/usr/bin/env python3\n# /// script\r\n# requires-python = \">=3.10\"\n#\n# dependencies = [\n#   \"rich\",\n# ]\n# ///\n# more\n";
        let (line, found) = block(text).unwrap().unwrap();
        assert_eq!(
            (line, found.as_str()),
            (2, "requires-python = \">=3.10\"\n\ndependencies = [\n  \"rich\",\n]")
        );
        assert_eq!(block("# /// pyproject\n# ///\n"), Ok(None));
        assert!(matches!(block("# /// script\n# a = 1\nprint()\n"), Err((1, _))));
        assert!(matches!(block("# /// script\n# ///\nx\n# /// script\n# ///\n"), Err((4, _))));
    }

    fn script(text: &str) -> Result<Option<Declared>, Problem> {
        in_script(Path::new("/skill"), Path::new("a.py"), text)
    }

    #[test]
    fn scripts_declare_packages() {
        let Ok(Some(Declared::Packages(found))) = script(
            "#!/usr/bin/env -S uv run --with httpx --script\n# /// script\n# dependencies = ['rich>=13']\n# requires-python='>=3.9'\n# ///\n",
        ) else {
            panic!("packages")
        };
        assert_eq!(found.names, ["httpx", "rich"]);
        assert_eq!(found.files[0].1, b"httpx\nrich>=13\n");
        assert_eq!(found.requires.as_deref(), Some(">=3.9"));
        assert!(matches!(script("print(1)\n"), Ok(None)));
        assert!(matches!(script("# /// script\n# ///\n"), Ok(Some(Declared::Nothing))));
        for bad in [
            "dependencies = 1",
            "dependencies = [1]",
            "dependencies = ['--pre']",
            "= 1",
            "tool.uv.sources.a.path = 'a'",
        ] {
            let problem = script(&format!("# /// script\n# {bad}\n# ///\n")).err().unwrap();
            assert_eq!((problem.line, problem.file.as_path()), (1, Path::new("a.py")), "{problem}");
        }
    }

    #[test]
    fn versions() {
        let table = [
            (">=3.10", Some(true)),
            (">=3.12", Some(false)),
            (">=3.8,<3.11", Some(false)),
            ("~=3.10", Some(true)),
            ("~=3.11.8", Some(false)),
            ("==3.11.*, !=3.11.6", Some(true)),
            ("==3.11", Some(false)),
            ("", Some(true)),
            (">=3.10rc1", None),
            ("===3.11", None),
        ];
        for (specifiers, expected) in table {
            assert_eq!(satisfies("3.11.7", specifiers), expected, "{specifiers}");
        }
    }
}
