//! Command lines that the body of a skill shows: what is known of a script that tells nothing itself.
//!
//! An example shows what can be given, not everything that can: so all other arguments stay possible, and nothing but a
//! positional that no example leaves out is required.

use std::path::Path;

use super::usage;
use super::{Command, How, Kind, Parameter, Script, Source};

/// Most command lines, and most words of one, that are looked at.
const MAX_LINES: usize = 100;
const MAX_WORDS: usize = 100;

/// What the examples in a text show of a script.
pub(super) fn read(text: &str, script: &Path) -> Option<Script> {
    let examples = examples(text, script);
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut shown = Vec::new();
    for (line, words) in &examples {
        let mut number = 0;
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let plain = word.trim_matches(['[', ']']);
            if let Some((option, _)) = plain.split_once('=').filter(|_| plain.starts_with("--")) {
                add(&mut parameters, named(option, How::Option(option.to_owned()), *line));
            } else if is_option(plain) {
                let takes = takes_value(plain, &examples);
                if takes {
                    words.next();
                }
                let how =
                    if takes { How::Option(plain.to_owned()) } else { How::Flag(plain.to_owned(), true) };
                add(&mut parameters, named(plain, how, *line));
            } else {
                number += 1;
                let position = shown.len();
                let marked = placeholder(word);
                let name = marked.clone().unwrap_or_else(|| format!("arg{number}"));
                if number > position && position < MAX_WORDS {
                    shown.push((
                        Parameter { many: None, ..usage::rest(&name, *line) },
                        word.starts_with('['),
                        0,
                    ));
                }
                if let Some((parameter, optional, count)) = shown.get_mut(number - 1) {
                    *count += 1;
                    *optional |= word.starts_with('[');
                    // The first example that names it gives the name.
                    if let Some(name) = marked.filter(|_| parameter.name == format!("arg{number}")) {
                        parameter.name = name;
                    }
                }
            }
        }
    }
    for (mut parameter, optional, count) in shown {
        parameter.required = !optional && count == examples.len();
        // Two of one name are one.
        if parameters.iter().all(|known| known.name != parameter.name) {
            parameters.push(parameter);
        }
    }
    if parameters.is_empty() {
        return None;
    }
    let line = examples.first().map_or(1, |(line, _)| *line);
    let rest =
        Parameter { how: How::Rest, help: "further arguments".to_owned(), ..usage::rest("args", line) };
    parameters.push(rest);
    let command = Command { parameters, ..Command::default() };
    Some(Script { source: Some(Source::Body), commands: vec![command], ..Script::default() })
}

/// Lines in code blocks that start the script: their number, and the words behind it.
fn examples(text: &str, script: &Path) -> Vec<(usize, Vec<String>)> {
    let Some(file) = script.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut fenced = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        if !fenced || !line.contains(file) || line.len() > 4096 {
            continue;
        }
        let mut whole = line.to_owned();
        while whole.ends_with('\\') && whole.len() < 4096 {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next);
        }
        let Some(words) = shlex::split(&joined_placeholders(&whole)) else { continue };
        let names_it = |word: &String| Path::new(word).file_name().is_some_and(|name| name == file);
        let Some(at) = words.iter().position(names_it) else { continue };
        // `vim scripts/x.py` and `chmod +x scripts/x.py` do not run it.
        let before = words[..at].last().map_or("", |word| word.rsplit('/').next().unwrap_or_default());
        let tools =
            ["cat", "vim", "nano", "less", "cp", "mv", "rm", "ls", "+x", "755", "edit", "touch", "head"];
        if tools.contains(&before) {
            continue;
        }
        let ends = |word: &&String| {
            let sign = matches!(word.as_str(), "|" | "||" | "&&" | "&" | ";" | ">" | ">>" | "<" | "2>&1");
            !sign && !word.starts_with('#') && !word.starts_with("2>")
        };
        let words = words[at + 1..].iter().take_while(ends).take(MAX_WORDS);
        let words = words.map(|word| word.trim_end_matches(';').to_owned()).collect();
        found.push((number + 1, words));
        if found.len() >= MAX_LINES {
            break;
        }
    }
    found
}

/// `<input file>` as one word.
fn joined_placeholders(line: &str) -> String {
    let mut within = false;
    let one = |c: char| {
        within = match c {
            '<' => true,
            '>' => false,
            _ => within,
        };
        if c == ' ' && within { '_' } else { c }
    };
    // `cat <in >out` is no placeholder.
    if line.matches('<').count() == line.matches('>').count() {
        line.chars().map(one).collect()
    } else {
        line.to_owned()
    }
}

/// Whether a value follows an option wherever it is shown.
fn takes_value(option: &str, examples: &[(usize, Vec<String>)]) -> bool {
    let mut seen = false;
    for (_, words) in examples {
        for (at, word) in words.iter().enumerate() {
            let plain = word.trim_matches(['[', ']']);
            if plain != option {
                continue;
            }
            // `[--verbose]` is whole.
            let alone = word.ends_with(']');
            let follows = words.get(at + 1).is_some_and(|next| !is_option(next.trim_matches(['[', ']'])));
            if alone || !follows {
                return false;
            }
            seen = true;
        }
    }
    seen
}

fn is_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    word.starts_with('-') && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The name in `<file>`, `[file]`, `{file}` or `FILE`.
fn placeholder(word: &str) -> Option<String> {
    let inner = word.trim_matches(['<', '>', '[', ']', '{', '}', '.']);
    let marked = inner.len() < word.len() && (word.starts_with(['<', '[', '{']));
    let capitals = inner.len() > 1 && inner.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let plain = inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
    let name = inner.to_lowercase().replace([' ', '-'], "_");
    ((marked || capitals) && plain && !name.is_empty() && name.len() < 40).then_some(name)
}

fn named(option: &str, how: How, line: usize) -> Parameter {
    let flag = matches!(how, How::Flag(..));
    Parameter {
        kind: if flag { Kind::Boolean } else { Kind::Text },
        default: flag.then(|| false.into()),
        many: None,
        how,
        ..usage::rest(&option.trim_start_matches('-').replace('-', "_"), line)
    }
}

fn add(parameters: &mut Vec<Parameter>, parameter: Parameter) {
    if parameters.len() < MAX_WORDS && parameters.iter().all(|known| known.name != parameter.name) {
        parameters.push(parameter);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::summary::summary;
    use super::read;

    #[test]
    fn examples_show_what_a_script_takes() {
        let body = "# X\n\nRun `scripts/x.py --not-this`.\n\n```bash\npython3 scripts/x.py <input file> --out report.md --verbose\n\
            chmod +x scripts/x.py --no\npython scripts/x.py data.csv [OUTPUT] --level=3 \\\n  --verbose | tee log # --nor-this\n\
            python scripts/other.py --else\n```\n";
        let read = read(body, Path::new("scripts/x.py")).unwrap();
        assert_eq!(
            summary(&read),
            [
                "out --out text @6",
                "verbose --verbose=true boolean =false @6",
                "level --level text @8",
                "input_file positional text required @6",
                "output positional text @8",
                "args rest text 0.. | further arguments @6",
            ]
        );
    }

    #[test]
    fn a_body_without_examples_shows_nothing() {
        for body in ["", "```\npython scripts/x.py\n```", "```\nls\n", "```\nx.py 'open\n```"] {
            assert!(read(body, Path::new("scripts/x.py")).is_none(), "{body}");
        }
    }
}
