//! Commands that fetch a package and run it at once: `npx`, `uvx` and their like. Without a version the code that runs
//! is whatever was published last.

use std::ops::Range;

/// How far behind the command its package is looked for, and how far before it the beginning of its line.
const MAX_LINE: usize = 300;

/// A command that fetches and runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: &'static str,
    /// Of npm's registry; else of Python's.
    npm: bool,
}

const fn npm(words: &'static str) -> Command {
    Command { words, npm: true }
}

const fn python(words: &'static str) -> Command {
    Command { words, npm: false }
}

pub(super) const COMMANDS: [Command; 7] = [
    npm("npx"),
    npm("bunx"),
    npm("pnpm dlx"),
    npm("yarn dlx"),
    python("uvx"),
    python("uv tool run"),
    python("pipx run"),
];

/// A package without a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) command: &'static Command,
    /// Its name as written.
    pub(super) range: Range<usize>,
}

impl Package {
    pub(super) fn help(&self, word: &str) -> String {
        // A tag such as `@latest` gives way to the version.
        let name = word.rfind('@').filter(|at| *at > 0).map_or(word, |at| &word[..at]);
        match (self.command.words, self.command.npm) {
            ("pipx run", _) => format!("name the version: `pipx run --spec {name}==VERSION {name}`"),
            (command, _) => format!("name the version: `{command} {name}@VERSION`"),
        }
    }
}

/// The package without a version that the command at `at` fetches. Only where the command is certainly one, and not a
/// word in a sentence.
pub(super) fn unpinned(text: &str, at: usize, command: &'static Command) -> Option<Package> {
    let place = place(text, at)?;
    let start = at + command.words.len();
    let next = text[start..].chars().next()?;
    if !(next == ' ' || next == '\t' || (place == Place::Quoted && "\"'".contains(next))) {
        return None;
    }
    let listed = next != ' ' && next != '\t';
    let rest = arguments(text, start, listed);
    let mut certain = place == Place::Command || listed;
    let mut words = words(rest, start, listed);
    while let Some((word, from)) = words.next() {
        let (option, value) =
            word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        match option {
            "-p" | "--package" if command.npm => {}
            "--from" | "--spec" if !command.npm => {}
            "-y" | "--yes" | "-q" | "--quiet" | "-s" | "--silent" | "--bun" | "--prefer-offline"
                if command.npm =>
            {
                certain |= matches!(option, "-y" | "--yes");
                continue;
            }
            "-q" | "--quiet" | "--isolated" | "--no-cache" | "--refresh" if !command.npm => continue,
            "--with" | "--python" | "-p" if !command.npm => {
                if value.is_none() {
                    words.next();
                }
                continue;
            }
            // Of an unknown option it is not known whether a value follows.
            _ if word.starts_with('-') => return None,
            _ => {
                certain |= word.starts_with('@');
                return (certain && floats(word, command.npm))
                    .then(|| Package { command, range: from..from + word.len() });
            }
        }
        let (word, from) = match value {
            Some(value) => (value, from + option.len() + 1),
            None => words.next()?,
        };
        return floats(word, command.npm).then(|| Package { command, range: from..from + word.len() });
    }
    None
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where a shell expects the name of a program.
    Command,
    /// At the beginning of a quoted text: a program's argument list, or a sentence.
    Quoted,
}

fn place(text: &str, at: usize) -> Option<Place> {
    let window = text.floor_char_boundary(at.saturating_sub(MAX_LINE));
    let line = match text[window..at].rfind('\n') {
        Some(end) => window + end + 1,
        None if window == 0 => 0,
        None => return None,
    };
    let before = text[line..at].trim_end_matches([' ', '\t']);
    let spaced = before.len() < at - line;
    if before.trim_start().is_empty() {
        return Some(Place::Command);
    }
    if !spaced && before.ends_with(['"', '\'', '`']) {
        // In Markdown a backquote begins code; a second quote in front of it would be an empty text.
        return Some(if before.ends_with('`') { Place::Command } else { Place::Quoted });
    }
    let word = before.rsplit([' ', '\t']).next().unwrap_or_default();
    let operator = ["&&", "||", "|", ";", "$("].iter().any(|operator| before.ends_with(operator));
    let first =
        spaced && matches!(word, "$" | ">" | "%" | "sudo" | "exec" | "then" | "do" | "else" | "!" | "run:");
    // In a quoted text that an odd number of quotes opens, it is the text's author who speaks.
    let open = ['"', '\''].iter().any(|quote| before.matches(*quote).count() % 2 == 1);
    ((operator || first) && !open).then_some(Place::Command)
}

/// What stands behind the command: to the end of its line, of a list to its closing bracket.
fn arguments(text: &str, start: usize, listed: bool) -> &str {
    let rest = &text[start..];
    let stop: &[char] =
        if listed { &[']', '}', ';'] } else { &['\n', '\r', ';', '|', '&', '#', '`', '"', '\''] };
    let rest = &rest[..rest.floor_char_boundary(MAX_LINE)];
    rest.find(stop).map_or(rest, |end| &rest[..end])
}

/// Words with their places. Of a list also without the name of its key (`"args": [`).
fn words(rest: &str, start: usize, listed: bool) -> impl Iterator<Item = (&str, usize)> {
    let separator = move |c: char| c.is_whitespace() || (listed && "\"',:[(".contains(c));
    let words = rest.split(separator).filter(|word| !word.is_empty());
    words
        .map(move |word| (word, start + (word.as_ptr() as usize - rest.as_ptr() as usize)))
        .filter(move |(word, _)| !(listed && matches!(*word, "args" | "arguments")))
}

/// Whether a word is the name of a package of the registry, without a version or with a tag that moves.
fn floats(word: &str, npm: bool) -> bool {
    const ANY: [&str; 9] =
        ["package", "package-name", "pkg", "your-package", "some-package", "command", "tool", "cmd", "name"];
    let (scope, rest) = match word.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, rest)) if npm => (Some(scope), rest),
        _ => (None, word),
    };
    let (name, version) = match rest.find(['@', '=', '<', '>', '~', '!']) {
        Some(at) => (&rest[..at], Some(&rest[at..])),
        None => (rest, None),
    };
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    let plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let moves = version.is_none_or(|version| {
        let tag = version.strip_prefix('@');
        tag.is_some_and(|tag| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphabetic()))
    });
    plain(name)
        && scope.is_none_or(plain)
        && moves
        && (scope.is_some() || !ANY.contains(&name))
        && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::super::scan::{Hit, hits};

    fn found(text: &str) -> Vec<&str> {
        let word = |hit| if let Hit::Package(package) = hit { Some(&text[package.range]) } else { None };
        hits(text).filter_map(word).collect()
    }

    #[test]
    fn packages_without_a_version() {
        let table = [
            ("npx -y prettier --write .", "prettier"),
            ("cd x && npx @scope/tool@latest run", "@scope/tool@latest"),
            ("`npx cowsay`", "cowsay"),
            ("$ bunx --bun vite", "vite"),
            ("pnpm dlx create-app x", "create-app"),
            ("npx -p typescript tsc", "typescript"),
            ("npx --package=typescript tsc", "typescript"),
            ("uvx ruff check", "ruff"),
            ("uvx --with rich --from httpie http x", "httpie"),
            ("x=$(uvx black --version)", "black"),
            ("pipx run --spec build[uv] pyproject-build", "build[uv]"),
            ("subprocess.run([\"npx\", \"-y\", \"@scope/server\"])", "@scope/server"),
            ("{\"command\": \"npx\",\n \"args\": [\"-y\", \"some-mcp\", \"/x\"]}", "some-mcp"),
            ("execSync('npx -y tsx x.ts')", "tsx"),
        ];
        for (text, package) in table {
            assert_eq!(found(text), [package], "{text}");
        }
    }

    #[test]
    fn versions_and_sentences_are_no_finding() {
        let texts = [
            "npx -y prettier@3.3.3 --write .",
            "npx @scope/tool@^1.2 run",
            "npx --no-install tsc",
            "npx ./local-tool",
            "npx $PACKAGE",
            "npx <package>",
            "npx package-name",
            "npx github:owner/repo",
            "npx --unknown value tool",
            "uvx ruff@0.6.1 check",
            "uvx --from httpie==3.2.4 http",
            "uvx --from git+https://x.org/y tool",
            "pipx run --spec black==24.1 black",
            "command -v npx >/dev/null",
            "echo \"npx not found\"",
            "echo \"install node && npx is there\"",
            "raise SystemExit('npx is needed')",
            "shutil.which(\"npx\")",
            "Use npx to run it",
            "# npx cowsay",
            "runpx tool",
            "npx",
            "npx ...",
        ];
        for text in texts {
            assert_eq!(found(text), [] as [&str; 0], "{text}");
        }
    }
}
