//! What the readers share: help from the usage text, and the arguments of which nothing more is known.

use super::{How, Kind, Many, Parameter};

/// What stands behind an option in the usage text: `  -n, --count N   lines to print`.
pub(super) fn help(text: &str, option: &str) -> String {
    for line in text.lines().filter(|line| line.len() < 400) {
        let line = line.trim_start_matches([' ', '\t', '#', '*', '/']);
        let line = ["echo ", "printf "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
        let line = line.trim_start_matches(['"', '\'', '`', ' ']);
        if !line.starts_with('-') {
            continue;
        }
        let Some((names, help)) = line.split_once("  ") else { continue };
        let mut words = names.split([' ', ',', '=', '|']);
        if words.any(|word| word == option) {
            let help = help.trim().trim_end_matches(['"', '\'', '`', ';', '\\']);
            return help.strip_suffix("\\n").unwrap_or(help).to_owned();
        }
    }
    String::new()
}

/// The comment at the top of a script, without the shebang.
pub(super) fn first_comment(text: &str, marker: char) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("#!") || line.trim().is_empty());
    let comment = lines.take_while(|line| line.starts_with(marker)).take(10);
    let words = comment.map(|line| line.trim_start_matches([marker, '!', ' ']).trim());
    words.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// All the other arguments, of which nothing more is known.
pub(super) fn rest(name: &str, line: usize) -> Parameter {
    Parameter {
        name: name.to_owned(),
        help: String::new(),
        kind: Kind::Text,
        choices: Vec::new(),
        default: None,
        required: false,
        how: How::Positional,
        many: Some(Many { least: 0, most: None }),
        exclusive: None,
        depth: 0,
        line,
    }
}
