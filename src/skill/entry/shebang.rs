//! The first line of a script: the language it asks for, the arguments, and what a line for uv says about packages. Read
//! for entries, and again by whoever prepares a run or its packages.

use std::path::Path;

use crate::skill::model::Language;

/// What the first line of a script asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shebang {
    pub(crate) language: Language,
    pub(crate) command: String,
    pub(super) arguments: Vec<String>,
}

/// What a `uv run …` line asks for besides the script.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UvOptions {
    /// `--python 3.12` as the name of a program.
    pub(super) python: Option<String>,
    /// `--with PACKAGE`, as written.
    pub(crate) with: Vec<String>,
}

impl Shebang {
    pub(crate) fn uv(&self) -> UvOptions {
        let mut options = UvOptions::default();
        let mut words = self.arguments.iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            let mut value = || value.or_else(|| words.next().map(String::as_str)).map(str::to_owned);
            match name {
                "--with" => {
                    for part in value().unwrap_or_default().split(',') {
                        match options.with.last_mut() {
                            // `rich>=13,<14`: the comma belongs to the version.
                            Some(last) if part.trim().starts_with(['<', '>', '=', '!', '~']) => {
                                last.extend([",", part.trim()]);
                            }
                            _ => options.with.push(part.trim().to_owned()),
                        }
                    }
                }
                "-p" | "--python" => {
                    let version = |v: &String| v.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                    options.python = value().filter(version).map(|version| format!("python{version}"));
                }
                _ => {}
            }
        }
        options.with.retain(|package| !package.is_empty());
        options
    }
}

/// The words behind `env`, its own options and assignments taken out. env(1)
fn behind_env(rest: &str) -> Vec<String> {
    // The kernel hands over all that follows as one word, so `-S` stands first or not at all.
    let split = ["--split-string=", "--split-string", "-vS", "-S"];
    let rest = split.iter().find_map(|option| rest.strip_prefix(option)).unwrap_or(rest);
    let words = shlex::split(rest);
    let words = words.unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next_if(|word| word.starts_with('-') || word.contains('=')) {
        if matches!(word.as_str(), "-u" | "--unset" | "-C" | "--chdir") {
            words.next();
        }
    }
    words.collect()
}

/// Read `#!…`: `/usr/bin/env NAME`, `env -S` with arguments and assignments, or a path.
pub(crate) fn shebang(text: &[u8]) -> Option<Shebang> {
    let line = text.strip_prefix(b"#!")?;
    let line = line.split(|b| *b == b'\n').next()?;
    let line = std::str::from_utf8(&line[..line.len().min(512)]).ok()?.trim();
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let is_env = Path::new(command).file_name().is_some_and(|name| name == "env");
    let mut words = if is_env {
        behind_env(rest.trim_start())
    } else {
        line.split_whitespace().map(str::to_owned).collect()
    }
    .into_iter();
    let command = words.next()?;
    let arguments: Vec<String> = words.collect();
    let name = Path::new(&command).file_name()?.to_str()?;
    let language = match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "python" | "pypy" => Language::Python,
        "sh" | "dash" | "ash" => Language::Sh,
        "bash" => Language::Bash,
        "node" | "nodejs" => Language::Node,
        "deno" => Language::Deno,
        "ruby" => Language::Ruby,
        "perl" => Language::Perl,
        "uv" => Language::Uv,
        _ => Language::Other,
    };
    Some(Shebang { language, command, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shebangs() {
        let read =
            |text: &str| shebang(text.as_bytes()).map(|s| (s.language, s.command, s.arguments.join(" ")));
        let table = [
            ("#!/usr/bin/env python3\n", Language::Python, "python3", ""),
            ("#!/usr/bin/python3.12 -I\r\n", Language::Python, "/usr/bin/python3.12", "-I"),
            ("#!/usr/bin/env -S uv run --script\n", Language::Uv, "uv", "run --script"),
            ("#!/usr/bin/env -S A=1 deno run --allow-net\n", Language::Deno, "deno", "run --allow-net"),
            ("#!/usr/bin/env -Spython3 -u\n", Language::Python, "python3", "-u"),
            (
                "#!/usr/bin/env -S -u HOME 'A=1 2' node --no-warnings\n",
                Language::Node,
                "node",
                "--no-warnings",
            ),
            ("#!/usr/bin/env --split-string=bash -e\n", Language::Bash, "bash", "-e"),
            ("#! /bin/sh", Language::Sh, "/bin/sh", ""),
            ("#!/usr/bin/awk -f\n", Language::Other, "/usr/bin/awk", "-f"),
        ];
        for (text, language, command, arguments) in table {
            assert_eq!(read(text), Some((language, command.to_owned(), arguments.to_owned())), "{text}");
        }
        assert_eq!(read("#!\n"), None);
        assert_eq!(read("print(1)"), None);
        assert_eq!(read("#!/usr/bin/env"), None);
    }

    #[test]
    fn uv_lines_name_packages_and_a_python() {
        let uv = |text: &str| shebang(text.as_bytes()).unwrap().uv();
        let found = uv("#!/usr/bin/env -S uv run -p 3.12 --with 'rich>=13,<14,attrs' --with=httpx --script");
        assert_eq!(found.python.as_deref(), Some("python3.12"));
        assert_eq!(found.with, ["rich>=13,<14", "attrs", "httpx"]);
        assert_eq!(uv("#!/usr/bin/env -S uv run --python ../x --script"), UvOptions::default());
    }
}
