//! Whether all options of a script's parser are certainly known. Everything that could add one out of sight makes the
//! answer no: a finding must not be a guess.

use std::collections::HashSet;

use crate::skill::schema::Source;

/// More parsers, or more mentions of one, than a script has; of such a script nothing is said.
const MAX_PARSERS: usize = 64;
const MAX_MENTIONS: usize = 1000;

/// `text` is the whole script, `source` what its schema was read from.
pub(super) fn is_whole(source: Source, text: &str) -> bool {
    match source {
        Source::Argparse => argparse(text),
        Source::Shell => shell(text),
        Source::ParseArgs => parse_args(text),
        _ => false,
    }
}

/// Words with which a Python script takes arguments that its parser does not know, or names options as it runs.
const OPEN: [&str; 17] = [
    "parse_known",
    "parse_intermixed",
    "REMAINDER",
    "argparse.PARSER",
    "prefix_chars",
    "add_argument(*",
    "f\"-",
    "f'-",
    "\"--\"",
    "'--'",
    "\"--{",
    "'--{",
    "\"--%",
    "'--%",
    "add_arguments(",
    "exec(",
    "eval(",
];

fn argparse(text: &str) -> bool {
    if OPEN.iter().any(|open| text.contains(open)) {
        return false;
    }
    // The program's name and all of the arguments are what a parser gets.
    let by_hand =
        |at: usize| !["sys.argv[0]", "sys.argv[1:]"].iter().any(|whole| text[at..].starts_with(whole));
    if text.match_indices("sys.argv[").any(|(at, _)| by_hand(at)) {
        return false;
    }
    let named = |at: usize, call: &str| text[at + call.len()..].trim_start().starts_with(['"', '\'']);
    let call = "add_argument(";
    text.match_indices(call).all(|(at, _)| named(at, call)) && stays_inside(text)
}

/// Whether no parser is handed to a function of another module, and none comes from there.
fn stays_inside(text: &str) -> bool {
    const MAKERS: [&str; 5] = [
        "ArgumentParser(",
        "add_parser(",
        "add_argument_group(",
        "add_mutually_exclusive_group(",
        "add_subparsers(",
    ];
    let mut parsers = HashSet::new();
    for maker in MAKERS {
        for (at, _) in text.match_indices(maker) {
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            if let Some((variable, _)) = text[line..at].split_once('=') {
                parsers.insert(variable.split(':').next().unwrap_or_default().trim());
            }
        }
    }
    for method in [".add_argument(", ".parse_args("] {
        for (at, _) in text.match_indices(method) {
            let start = text[..at].rfind(|c: char| !is_word(c)).map_or(0, |end| end + 1);
            parsers.insert(text.get(start..at).unwrap_or_default());
        }
    }
    // Functions of the script's own may take one.
    let own = text.match_indices("def ").map(|(at, def)| {
        let rest = &text[at + def.len()..];
        &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())]
    });
    let own: HashSet<&str> = own.chain(parsers.iter().copied()).collect();
    parsers.len() <= MAX_PARSERS
        && parsers.iter().all(|parser| stays(text, parser, &own))
        && parents_known(text, &parsers)
}

/// Part of a dotted name.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// `own`: names of what the script itself defines.
fn stays(text: &str, parser: &str, own: &HashSet<&str>) -> bool {
    if text.match_indices(parser).nth(MAX_MENTIONS).is_some() {
        return false;
    }
    text.match_indices(parser).all(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + parser.len()..]);
        if parser.is_empty()
            || before.ends_with(is_word)
            || after.starts_with(|c: char| is_word(c) && c != '.')
        {
            return true;
        }
        // `parser.…` and the like; an argument ends in a comma or a bracket.
        if !after.trim_start().starts_with([',', ')']) {
            return true;
        }
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        if line.trim_start().starts_with("def ") {
            return true;
        }
        let before = before.trim_end();
        let Some(call) = before.strip_suffix('(') else { return !before.ends_with([',', '=']) };
        let start = call.rfind(|c: char| !is_word(c)).map_or(0, |end| end + 1);
        let callee = call[start..].rsplit('.').next().unwrap_or_default();
        callee.is_empty() || own.contains(callee)
    })
}

fn parents_known(text: &str, parsers: &HashSet<&str>) -> bool {
    text.match_indices("parents=").all(|(at, found)| {
        let rest = &text[at + found.len()..];
        let list = rest[..rest.floor_char_boundary(400)].trim_start();
        let inside = list.strip_prefix('[').and_then(|list| list.split_once(']'));
        inside.is_some_and(|(items, _)| {
            items.split(',').map(str::trim).all(|item| item.is_empty() || parsers.contains(item))
        })
    })
}

/// Every arm of a shell script that takes all other options ends the script.
fn shell(text: &str) -> bool {
    const ENDS: [&str; 7] = ["exit", "die", "usage", "fail", "error", "return 1", "return 2"];
    let is_rest =
        |line: &str| ["*)", "-*)", "--*)", "\\?)", "?)", "-*|*)"].iter().any(|arm| line.starts_with(arm));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut arms = lines.iter().enumerate().filter(|(_, line)| is_rest(line)).map(|(at, _)| {
        let arm = &lines[at..lines.len().min(at + 8)];
        let last = arm.iter().position(|line| line.contains(";;") || *line == "esac");
        &arm[..last.map_or(arm.len(), |last| last + 1)]
    });
    let ends = |arm: &[&str]| arm.iter().any(|line| ENDS.iter().any(|end| line.contains(end)));
    arms.next().is_some_and(ends) && arms.all(ends)
}

/// `parseArgs` refuses what it does not know, unless it is told not to; a spread brings options from elsewhere.
fn parse_args(text: &str) -> bool {
    let spread = text.match_indices("...").any(|(at, _)| {
        let before = text[..at].trim_end();
        before.ends_with(['{', ','])
    });
    let loose = text.split_whitespace().collect::<String>().contains("strict:false");
    !spread && !loose && !text.contains("process.argv[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_parsers_that_others_add_to_are_not_whole() {
        let whole = "p = argparse.ArgumentParser()\np.add_argument('--a')\ndef more(x, p):\n  p.add_argument(\n    '--b')\nmore(1)\nadd(p) if 0 else None\ndef add(p): pass\nrun(p.parse_args())\n";
        assert!(is_whole(Source::Argparse, whole));
        for open in [
            "common.add_options(p)",
            "register(1, p)",
            "register(parser=p)",
            "args, rest = p.parse_known_args()",
            "p.add_argument(name)",
            "p.add_argument(f'--{name}')",
            "q = argparse.ArgumentParser(parents=[common.parser])",
            "print(sys.argv[1])",
        ] {
            assert!(!is_whole(Source::Argparse, &format!("{whole}{open}\n")), "{open}");
        }
    }

    #[test]
    fn shell_scripts_that_pass_the_rest_on_are_not_whole() {
        let with = |arm: &str| {
            format!("while [ $# -gt 0 ]; do\ncase \"$1\" in\n--a) a=1 ;;\n{arm}\nesac\nshift\ndone\n")
        };
        assert!(is_whole(Source::Shell, &with("*) echo \"unknown: $1\"\n   exit 2 ;;")));
        assert!(!is_whole(Source::Shell, &with("*) rest+=(\"$1\") ;;")));
        assert!(!is_whole(Source::Shell, &with("")));
    }

    #[test]
    fn node_scripts() {
        assert!(is_whole(Source::ParseArgs, "parseArgs({ options: { a: { type: 'string' } } }); f([...x])"));
        assert!(!is_whole(Source::ParseArgs, "parseArgs({ strict: false, options: {} })"));
        assert!(!is_whole(Source::ParseArgs, "parseArgs({ options: { ...common } })"));
        assert!(!is_whole(Source::Free, ""));
    }
}
