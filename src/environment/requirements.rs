//! `requirements.txt`, as pip reads it: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>.
//!
//! The file is a stranger's and the installer runs outside the sandbox. So it is read here, bounded; what it includes
//! or names on disk must lie in the skill, variables are not expanded, and the installer gets one flat text in which
//! every local path is absolute. Hashes and versions are passed on as they are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Problem;
use crate::policy::normalise;
use crate::run::source;

/// Files that include each other, and bytes of all of them.
const MAX_FILES: usize = 32;
const MAX_BYTES: usize = 1024 * 1024;

/// What the installer is given for constraints (`-c`), beside the requirements.
pub(super) const CONSTRAINTS: &str = "constraints.txt";

/// All that a file and its includes say.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    /// For the installer.
    pub text: String,
    pub constraints: String,
    pub names: Vec<String>,
    pub sources: Vec<String>,
    pub builds: Vec<String>,
    pub locals: Vec<PathBuf>,
    seen: Vec<PathBuf>,
    bytes: usize,
}

/// Where a piece of text stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub skill: &'a Path,
    /// Relative to the skill.
    pub file: &'a Path,
    pub line: usize,
}

impl Place<'_> {
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { file: self.file.to_owned(), line: self.line, message: message.into() }
    }
}

/// Read `file`, relative to the folder `skill`.
pub(super) fn read(skill: &Path, file: &Path) -> Result<Requirements, Problem> {
    let mut found = Requirements::default();
    found.file(Place { skill, file, line: 0 }, file, false)?;
    if !found.constraints.is_empty() {
        let _ = writeln!(found.text, "-c {CONSTRAINTS}");
    }
    Ok(found)
}

impl Requirements {
    /// Take in `file`, which `from` names; relative to the skill.
    fn file(&mut self, from: Place<'_>, file: &Path, constraints: bool) -> Result<(), Problem> {
        let whole = normalise(&from.skill.join(file));
        let Ok(file) = whole.strip_prefix(from.skill).map(Path::to_owned) else {
            return Err(from.problem(format!("{} lies outside the skill; copy it into it", file.display())));
        };
        if self.seen.contains(&file) {
            return Ok(());
        }
        if self.seen.len() >= MAX_FILES {
            return Err(from.problem(format!("includes more than {MAX_FILES} files; write them into one")));
        }
        self.seen.push(file.clone());
        let text = source::read(from.skill, &file)
            .map_err(|error| from.problem(format!("{} cannot be read: {error}", file.display())))?;
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            return Err(from.problem("more than 1 MiB of requirements; shorten them"));
        }
        for (line, text) in logical_lines(&text) {
            self.line(Place { file: &file, line, ..from }, &text, constraints)?;
        }
        Ok(())
    }

    fn line(&mut self, place: Place<'_>, line: &str, constraints: bool) -> Result<(), Problem> {
        if line.contains("${") {
            return Err(place.problem("variables are not passed to the installer; write the value itself"));
        }
        let Some(option) = line.strip_prefix('-').map(|_| line) else {
            let line = self.requirement(place, line, constraints)?;
            let text = if constraints { &mut self.constraints } else { &mut self.text };
            text.push_str(&line);
            text.push('\n');
            return Ok(());
        };
        let at = option.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(option.len());
        // `-rother.txt` is `-r other.txt`.
        let short = option.char_indices().nth(2).map_or(option.len(), |(at, _)| at);
        let at = if option.starts_with("--") { at } else { at.min(short) };
        let (name, value) = option.split_at(at);
        let value = value.trim_start_matches(|c: char| c == '=' || c.is_whitespace()).trim_end();
        let beside = |value: &str| place.file.parent().unwrap_or(Path::new("")).join(value);
        match name {
            "-r" | "--requirement" | "-c" | "--constraint" => {
                if value.contains("://") {
                    return Err(place.problem("includes a file from the network; copy it into the skill"));
                }
                return self.file(place, &beside(value), constraints || name.contains("-c"));
            }
            "-e" | "--editable" => {
                let line = self.requirement(place, value, constraints)?;
                let _ = writeln!(self.text, "-e {line}");
                return Ok(());
            }
            "-f" | "--find-links" if !value.contains("://") => {
                let path = local(place, value)?;
                let _ = writeln!(self.text, "{name} {}", path.display());
                self.locals.push(path);
                return Ok(());
            }
            "-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links" => {
                self.sources.push(value.to_owned());
            }
            "--no-binary" => self.builds.push(described(place, line)),
            "--no-index" | "--pre" | "--prefer-binary" | "--require-hashes" | "--only-binary" => {}
            "--trusted-host" => self.sources.push(format!("{value} (not verified)")),
            _ => return Err(place.problem(format!("`{name}` is not passed to the installer; leave it out"))),
        }
        self.text.push_str(line);
        self.text.push('\n');
        Ok(())
    }

    /// One requirement; returned in the form for the installer.
    pub(super) fn requirement(
        &mut self,
        place: Place<'_>,
        line: &str,
        constraint: bool,
    ) -> Result<String, Problem> {
        let (spec, rest) = match line.find([';', ' ']).map(|_| split_rest(line)) {
            Some((spec, rest)) => (spec, rest),
            None => (line, ""),
        };
        if rest.split_whitespace().any(|word| word.starts_with("--") && !word.starts_with("--hash=")) {
            return Err(place.problem(format!("only --hash is passed on: `{rest}`; leave the others out")));
        }
        let (name, target) = match spec.split_once('@') {
            Some((name, target)) if is_name(name.trim()) => (Some(name.trim()), target.trim()),
            _ => (None, spec.trim()),
        };
        let is_url = target.contains("://") && !target.starts_with("file:");
        let is_path = target.starts_with("file:")
            || !is_url && (target.starts_with('.') || target.contains('/') || is_archive(target));
        let file_name =
            || target.rsplit('/').next().unwrap_or_default().split('#').next().unwrap_or_default();
        let implied = || if is_archive(target) { file_name().split(['-', '@']).next() } else { None };
        let egg = || target.split_once("#egg=").map(|(_, egg)| egg.split('&').next().unwrap_or(egg));
        if !is_url && !is_path {
            let end = target.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
            let name = &target[..end.unwrap_or(target.len())];
            if name.is_empty() {
                return Err(place.problem(format!("`{line}` is not a requirement; write NAME==VERSION")));
            }
            if !constraint {
                self.names.push(normal(name));
            }
            return Ok(line.to_owned());
        }
        if let Some(name) = name.or_else(egg).or_else(implied).filter(|_| !constraint) {
            self.names.push(normal(name));
        }
        if Path::new(file_name()).extension().is_none_or(|ending| ending != "whl") {
            self.builds.push(described(place, line));
        }
        if is_url {
            self.sources.push(target.to_owned());
            return Ok(line.to_owned());
        }
        let target = target.strip_prefix("file:").unwrap_or(target);
        let target = target.strip_prefix("//").unwrap_or(target);
        let (target, extras) = target.find('[').map_or((target, ""), |at| target.split_at(at));
        let path = local(place, target.split('#').next().unwrap_or(target))?;
        let url = format!("file://{}{extras}", percent(&path));
        self.locals.push(path);
        let name = name.map(|name| format!("{name} @ ")).unwrap_or_default();
        // A marker directly behind an address would be a part of it.
        let gap = if rest.is_empty() { "" } else { " " };
        Ok(format!("{name}{url}{gap}{}", rest.trim_start()))
    }
}

/// The requirement, and the marker or the options behind it.
fn split_rest(line: &str) -> (&str, &str) {
    let ends = [" ;", "; ", ";", " --"].iter().filter_map(|end| line.find(end));
    line.split_at(ends.min().unwrap_or(line.len()))
}

/// Absolute path of something in the skill that `place` names.
fn local(place: Place<'_>, path: &str) -> Result<PathBuf, Problem> {
    let beside = place.skill.join(place.file.parent().unwrap_or(Path::new("")));
    let path = normalise(&beside.join(path));
    let real = path
        .canonicalize()
        .map_err(|error| place.problem(format!("{}: {error}; correct the path", path.display())))?;
    if !real.starts_with(place.skill) {
        let text = format!("{} lies outside the skill; copy it into the skill", path.display());
        return Err(place.problem(text));
    }
    Ok(real)
}

/// `requirements.txt:3 `-e .``.
fn described(place: Place<'_>, line: &str) -> String {
    format!("{}:{} `{line}`", place.file.display(), place.line)
}

fn is_name(text: &str) -> bool {
    let name = text.split('[').next().unwrap_or_default();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_archive(text: &str) -> bool {
    let text = text.split('#').next().unwrap_or_default();
    [".whl", ".tar.gz", ".zip", ".tgz"].iter().any(|ending| text.ends_with(ending))
}

/// The form in which names are compared: <https://packaging.python.org/en/latest/specifications/name-normalization/>.
pub(super) fn normal(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.split('[').next().unwrap_or_default().trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

fn percent(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~+".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Lines without comments, continuations joined, with the number of their first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut whole) = open.take().unwrap_or((index + 1, String::new()));
        let line = line.trim_end_matches('\r');
        if let Some(start) = line.strip_suffix('\\') {
            whole.push_str(start);
            open = Some((number, whole));
            continue;
        }
        whole.push_str(line);
        lines.push((number, whole));
    }
    lines.extend(open);
    let plain = lines.into_iter().map(|(number, line)| (number, without_comment(&line).trim().to_owned()));
    plain.filter(|(_, line)| !line.is_empty()).collect()
}

fn without_comment(line: &str) -> &str {
    let starts = line.match_indices('#').map(|(at, _)| at);
    let mut comments = starts.filter(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    comments.next().map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        for (name, text) in files {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        (dir, path)
    }

    fn problem(text: &str) -> String {
        let (_dir, path) = skill(&[("requirements.txt", text)]);
        read(&path, Path::new("requirements.txt")).unwrap_err().to_string()
    }

    #[test]
    fn names_pins_hashes_and_includes_are_kept() {
        let (_dir, path) = skill(&[
            (
                "requirements.txt",
                "# all\nRequests[socks]>=2,<3 # why\nruamel.yaml==0.18 ; python_version>'3' \\\n  --hash=sha256:ab\n-r more/r.txt\n-c pins.txt\n",
            ),
            ("more/r.txt", "Foo_Bar\n-r ../requirements.txt\n--pre\n"),
            ("pins.txt", "urllib3<3\n"),
        ]);
        let found = read(&path, Path::new("requirements.txt")).unwrap();
        assert_eq!(found.names, ["requests", "ruamel-yaml", "foo-bar"]);
        assert_eq!(
            found.text,
            "Requests[socks]>=2,<3\nruamel.yaml==0.18 ; python_version>'3'   --hash=sha256:ab\nFoo_Bar\n--pre\n-c constraints.txt\n"
        );
        assert_eq!(found.constraints, "urllib3<3\n");
        assert!(found.builds.is_empty() && found.sources.is_empty() && found.locals.is_empty());
    }

    #[test]
    fn local_paths_become_absolute_and_say_what_is_built() {
        let text = "./w/Some_Pkg-1.0-py3-none-any.whl\n-e ./src x\nother @ file:w/o.tar.gz; python_version>'3'\n-f w\ngit+https://example.org/x.git#egg=Egg\n";
        let text = text.replace("./src x", "./src");
        let (_dir, path) = skill(&[
            ("requirements.txt", &text),
            ("w/Some_Pkg-1.0-py3-none-any.whl", ""),
            ("w/o.tar.gz", ""),
            ("src/pyproject.toml", ""),
        ]);
        let found = read(&path, Path::new("requirements.txt")).unwrap();
        let root = path.display();
        assert_eq!(
            found.text,
            format!(
                "file://{root}/w/Some_Pkg-1.0-py3-none-any.whl\n-e file://{root}/src\nother @ file://{root}/w/o.tar.gz ; python_version>'3'\n-f {root}/w\ngit+https://example.org/x.git#egg=Egg\n"
            )
        );
        assert_eq!(found.names, ["some-pkg", "other", "egg"]);
        assert_eq!(found.builds.len(), 3, "{:?}", found.builds);
        assert_eq!(found.builds[0], "requirements.txt:2 `./src`");
        assert_eq!(found.sources, ["git+https://example.org/x.git#egg=Egg"]);
    }

    #[test]
    fn what_leads_out_of_the_skill_is_refused_with_its_line() {
        let table = [
            ("a\n-r ../other.txt\n", "requirements.txt:2: ../other.txt lies outside the skill"),
            ("-r https://example.org/r.txt\n", "requirements.txt:1: includes a file from the network"),
            ("/etc\n", "requirements.txt:1: /etc lies outside the skill"),
            ("x @ file:///etc/hosts\n", "requirements.txt:1: /etc/hosts lies outside the skill"),
            ("-f /usr\n", "requirements.txt:1: /usr lies outside the skill"),
            ("--index-url https://e/${TOKEN}\n", "requirements.txt:1: variables are not passed"),
            ("--python /bin/sh\n", "requirements.txt:1: `--python` is not passed"),
            ("a --config-settings x\n", "requirements.txt:1: only --hash is passed on"),
            ("==3\n", "requirements.txt:1: `==3` is not a requirement"),
        ];
        for (text, expected) in table {
            let found = problem(text);
            assert!(found.starts_with(expected), "{found}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([ -~é=@;#\\\\\n\\[\\]]|--?[a-z]|file:|\\./|://|\\.whl){0,60}") {
            let (_dir, path) = skill(&[("requirements.txt", &text)]);
            if let Ok(found) = read(&path, Path::new("requirements.txt")) {
                proptest::prop_assert!(found.locals.iter().all(|local| local.starts_with(&path)));
                let expands = found.text.contains("${");
                proptest::prop_assert!(!expands);
            }
        }
    }

    #[test]
    fn includes_are_bounded() {
        let files: Vec<(String, String)> =
            (0..40).map(|n| (format!("r{n}.txt"), format!("-r r{}.txt\n", n + 1))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let (_dir, path) = skill(&files);
        let found = read(&path, Path::new("r0.txt")).unwrap_err();
        assert!(found.message.contains("more than 32 files"), "{found}");
    }
}
