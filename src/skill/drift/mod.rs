//! Drift: the body shows a command line that the script does not take (any more).
//!
//! Only what is certain is reported: the command calls an entry of the skill, the option stands nowhere in the script's
//! text (or belongs to another subcommand), and the script's own parser is known as a whole ([`whole`]). The parser is
//! read only when an option is in doubt, so that reading many skills stays fast.

mod whole;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use super::diagnostic::Edit;
use super::entry::{MAX_READ, Scripts};
use super::findings::{Findings, MAX_FINDINGS};
use super::manifest::shown;
use super::model::{Entry, Language};
use super::rules;
use super::schema::{self, Command, How, Source};
use super::text::{did_you_mean, distance};
use words::Word;

/// Most parsers of one skill that are read, and most commands and options that are looked at.
const MAX_PARSERS: usize = 8;
const MAX_LOOKS: usize = 5000;
/// A parser with more parameters in all its subcommands is not looked at.
const MAX_PARAMETERS: usize = 5000;

/// Compare the command lines in the `code` of `text` with the parsers of the scripts of the skill in `folder`.
pub(super) fn check(
    text: &str,
    code: &[Range<usize>],
    folder: &Path,
    scripts: &Scripts,
    findings: &mut Findings,
) {
    if scripts.entries.is_empty() {
        return;
    }
    let mut parsers: Vec<(&Path, Option<Parser<'_>>)> = Vec::new();
    let mut left = MAX_LOOKS;
    let files: Vec<&str> = scripts.entries.iter().filter_map(|entry| entry.file.to_str()).collect();
    // Most code names no script.
    for range in code.iter().filter(|range| files.iter().any(|file| text[(*range).clone()].contains(file))) {
        for words in words::commands(&text[range.clone()], range.start) {
            left = left.saturating_sub(1);
            if left == 0 || findings.count() >= MAX_FINDINGS {
                return;
            }
            let Some((entry, arguments)) = invocation(&words, folder, scripts) else { continue };
            let options: Vec<Shown<'_>> = options(arguments).collect();
            left = left.saturating_sub(options.len());
            let Some(source) = scripts.source(&entry.file).filter(|s| (s.text.len() as u64) < MAX_READ)
            else {
                continue;
            };
            let script = String::from_utf8_lossy(&source.text);
            let node = entry.interpreter.language == Language::Node;
            let seen = |option: &Shown<'_>| {
                stands_in(&script, option.name) || (node && is_key(&script, option.name))
            };
            let unseen = !options.iter().all(seen);
            // Nothing is in doubt, unless a subcommand is given an option of another.
            let in_doubt = || unseen || calls_subcommand(&script, arguments);
            if options.is_empty() || !in_doubt() {
                continue;
            }
            let known = parsers.iter().position(|(file, _)| *file == entry.file);
            if known.is_none() && parsers.len() >= MAX_PARSERS {
                continue;
            }
            let at = known.unwrap_or_else(|| {
                parsers.push((&entry.file, Parser::read(folder, entry, script)));
                parsers.len() - 1
            });
            let Some(parser) = &parsers[at].1 else { continue };
            for option in options {
                parser.judge(&option, arguments, &entry.file, findings);
            }
        }
    }
}

/// Whether a script has subcommands and one of the words may be the name of one: then it stands quoted in the script.
fn calls_subcommand(script: &str, arguments: &[Word<'_>]) -> bool {
    let quoted = |word: &str| {
        script.match_indices(word).any(|(at, _)| {
            let (before, after) =
                (script[..at].chars().next_back(), script[at + word.len()..].chars().next());
            before == after && matches!(before, Some('"' | '\''))
        })
    };
    let is_name = |word: &&str| !word.is_empty() && !word.starts_with('-');
    script.contains("add_subparsers") && arguments.iter().map(|word| word.plain()).filter(is_name).any(quoted)
}

/// The entry that a command calls, and the words behind it.
fn invocation<'a, 'w, 't>(
    words: &'w [Word<'t>],
    folder: &Path,
    scripts: &'a Scripts,
) -> Option<(&'a Entry, &'w [Word<'t>])> {
    let prompt = |word: &&Word<'_>| {
        let text = word.text;
        let assignment = text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        assignment || matches!(text, "$" | ">" | "%" | "sudo" | "time" | "exec" | "env")
    };
    let mut at = words.iter().take_while(prompt).count();
    let mut through_interpreter = false;
    loop {
        let word = words.get(at)?;
        if let Some(entry) = entry_named(word.plain(), folder, &scripts.entries) {
            return Some((entry, &words[at + 1..]));
        }
        match word.text {
            "-c" | "-m" | "-e" | "-p" if through_interpreter => return None,
            "--with" | "--python" | "--project" | "--directory" if through_interpreter => at += 2,
            "run" if through_interpreter => at += 1,
            option if through_interpreter && option.starts_with('-') => at += 1,
            program if is_interpreter(program) => {
                through_interpreter = true;
                at += 1;
            }
            _ => return None,
        }
    }
}

fn is_interpreter(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(name, "python" | "bash" | "sh" | "zsh" | "node" | "deno" | "bun" | "uv")
}

/// The entry that a word names: by its path in the skill, alone or behind something that stands for the skill's folder.
fn entry_named<'a>(word: &str, folder: &Path, entries: &'a [Entry]) -> Option<&'a Entry> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let word = word.strip_prefix("./").unwrap_or(word).replace('"', "");
    entries.iter().find(|entry| {
        let Some(before) = entry.file.to_str().and_then(|file| word.strip_suffix(file)) else { return false };
        let Some(place) = before.strip_suffix('/') else { return before.is_empty() };
        let last = place.rsplit('/').next().unwrap_or_default();
        last == name || last.contains(['$', '{', '<'])
    })
}

/// An option as the body shows it.
#[derive(Debug)]
struct Shown<'t> {
    /// `--name`, without a value.
    name: &'t str,
    at: usize,
}

/// The options among the arguments that can be judged: long ones, and single letters.
fn options<'a, 't: 'a>(arguments: &'a [Word<'t>]) -> impl Iterator<Item = Shown<'t>> + 'a {
    let shown = |word: &Word<'t>| {
        // `[--name VALUE]` in a usage line.
        let text = word.text.trim_start_matches(['[', '(', '{']);
        let at = word.at + (word.text.len() - text.len());
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let name = &text[..end.unwrap_or(text.len())];
        let rest = &text[name.len()..];
        let plain = rest.is_empty() || rest.starts_with(['=', ']', ')', '}', ',']);
        let long =
            name.strip_prefix("--").is_some_and(|long| long.starts_with(|c: char| c.is_ascii_alphabetic()));
        let short = name.len() == 2 && name.starts_with('-') && name.as_bytes()[1].is_ascii_alphabetic();
        // Known to every parser, or a stand-in.
        let any = matches!(
            name,
            "--help"
                | "-h"
                | "--version"
                | "-V"
                | "--option"
                | "--options"
                | "--flag"
                | "--flags"
                | "--args"
                | "--arg"
        );
        (plain && (long || short) && !any).then_some(Shown { name, at })
    };
    // Behind `--` and an ellipsis everything is somebody else's.
    let own = arguments.iter().take_while(|word| !matches!(word.text, "--" | "..." | "…" | "[--"));
    own.filter_map(shown)
}

/// Whether an option stands in a text as a word.
fn stands_in(text: &str, option: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(option)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + option.len()..].starts_with(is_part))
}

/// Whether an option is a key of an object in a text, as `parseArgs` has them.
fn is_key(text: &str, option: &str) -> bool {
    let name = option.trim_start_matches('-');
    ["", "'", "\""].iter().any(|quote| text.contains(&format!("{quote}{name}{quote}:")))
}

/// The parser of a script, known as a whole.
struct Parser<'t> {
    text: Cow<'t, str>,
    source: Source,
    commands: Vec<Options>,
}

/// A command line that the parser takes.
struct Options {
    /// The subcommand.
    words: Vec<String>,
    /// All names of its options.
    known: Vec<String>,
}

impl<'t> Parser<'t> {
    fn read(folder: &Path, entry: &Entry, text: Cow<'t, str>) -> Option<Self> {
        let path = folder.join(&entry.file);
        let (source, commands) = schema::command_lines(&path, entry.interpreter.language)?;
        let parameters: usize = commands.iter().map(|command| command.parameters.len()).sum();
        if parameters > MAX_PARAMETERS || !whole::is_whole(source, &text) {
            return None;
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let commands = commands
            .into_iter()
            .map(|command| Options { known: known(&command, source, &lines, &text), words: command.words });
        Some(Self { source, commands: commands.collect(), text })
    }

    fn judge(&self, option: &Shown<'_>, arguments: &[Word<'_>], file: &Path, findings: &mut Findings) {
        // The schema keeps no single letters of `parseArgs`.
        if self.source == Source::ParseArgs && !option.name.starts_with("--") {
            return;
        }
        let chosen = self.chosen(arguments);
        let all = || self.commands.iter().flat_map(|command| &command.known);
        let known: Vec<&str> = match chosen {
            Some(command) => command.known.iter().map(String::as_str).collect(),
            None => all().map(String::as_str).collect(),
        };
        // An option that stands in the script may be taken in a way that the schema does not show, unless it is seen to
        // be another subcommand's.
        let elsewhere = || all().any(|other| other == option.name);
        let accepted = known.iter().any(|known| accepts(known, option.name));
        if known.is_empty() || accepted || (self.mentions(option.name) && !elsewhere()) {
            return;
        }
        let script = match chosen.filter(|command| !command.words.is_empty()) {
            Some(command) => format!("{} {}", file.display(), command.words.join(" ")),
            None => file.display().to_string(),
        };
        let message = format!("`{}` is not an option of `{}`", option.name, shown(&script));
        let span = findings.lines().span(option.at..option.at + option.name.len());
        if let Some(meant) = meant(option.name, &known) {
            let edit = Edit { start: span.start, end: span.end, text: meant.to_owned() };
            let fix = (format!("write `{meant}`"), vec![edit]);
            return findings.add_fix(
                rules::UNKNOWN_FLAG,
                span,
                message,
                format!("did you mean `{meant}`?"),
                fix,
            );
        }
        let listed = known.iter().take(8).map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
        let more = if known.len() > 8 { ", …" } else { "" };
        let help = match did_you_mean(option.name, known.iter().copied()) {
            Some(near) => format!("is `{near}` meant? It takes {listed}{more}"),
            None => format!("it takes {listed}{more}"),
        };
        findings.add(rules::UNKNOWN_FLAG, span, message, help);
    }

    fn mentions(&self, option: &str) -> bool {
        stands_in(&self.text, option) || (self.source == Source::ParseArgs && is_key(&self.text, option))
    }

    /// The subcommand that the arguments name; `None` when there is none, or it is not clear which.
    fn chosen(&self, arguments: &[Word<'_>]) -> Option<&Options> {
        let named = |command: &&Options| {
            let mut words = arguments.iter().map(|word| word.plain());
            command.words.iter().all(|wanted| words.any(|word| word == wanted))
        };
        let mut fits = self.commands.iter().filter(named);
        fits.next().filter(|_| fits.next().is_none())
    }
}

/// All names of the options of a command.
fn known(command: &Command, source: Source, lines: &[&str], text: &str) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for parameter in &command.parameters {
        let Some(option) = parameter.how.option() else { continue };
        known.push(option.to_owned());
        if let How::OnOff(_, off) = &parameter.how {
            known.push(off.clone());
        }
        let line = lines.get(parameter.line.saturating_sub(1)).filter(|_| source == Source::Argparse);
        let names = line.into_iter().flat_map(|line| aliases(text, line));
        known.extend(names.filter(|alias| *alias != option).map(str::to_owned));
    }
    known
}

/// All names in the call of `add_argument` that begins on a line of the text: the schema keeps one of them.
fn aliases<'t>(text: &'t str, line: &'t str) -> impl Iterator<Item = &'t str> {
    let call = "add_argument(";
    let at = line.as_ptr() as usize - text.as_ptr() as usize;
    let mut rest = line.find(call).map_or("", |start| &text[at + start + call.len()..]);
    std::iter::from_fn(move || {
        let inside = rest.trim_start();
        let quote = inside.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (name, after) = inside[1..].split_once(quote)?;
        rest = after.trim_start().strip_prefix(',').unwrap_or_default();
        Some(name)
    })
}

/// Whether a parser that knows `known` takes `option`: argparse takes the beginning of a long option too.
fn accepts(known: &str, option: &str) -> bool {
    known == option || (option.starts_with("--") && known.starts_with(option))
}

/// The one option that differs by a letter or two.
fn meant<'k>(option: &str, known: &[&'k str]) -> Option<&'k str> {
    if !option.starts_with("--") {
        return None;
    }
    let most = if option.len() > 6 { 2 } else { 1 };
    let near = |known: &&&str| known.starts_with("--") && distance(option, known) <= most;
    let mut near = known.iter().filter(near);
    near.next().filter(|_| near.next().is_none()).copied()
}

#[cfg(test)]
mod tests;
