//! Options and arguments as commander's calls write them: `-p, --port <number>`, `[files...]`.

use tree_sitter::Node;

use super::super::{Many, Parameter};
use super::usage;

/// An option's flags: `-p, --port <number>`.
pub(super) struct Flags<'f> {
    pub(super) written: &'f str,
    pub(super) name: String,
    /// `<…>` or `[…]`
    pub(super) value: bool,
    pub(super) variadic: bool,
    pub(super) negative: bool,
}

pub(super) fn flags(written: &str) -> Option<Flags<'_>> {
    let mut words = written.split([' ', ',', '|']).filter(|word| !word.is_empty());
    let names: Vec<&str> = words.clone().filter(|word| word.starts_with('-')).collect();
    let option = names.iter().find(|name| name.starts_with("--")).or(names.first()).copied()?;
    let option = option.split(['=', '[', '<']).next().unwrap_or(option);
    let bare = option.trim_start_matches('-');
    let informs = |name: &&str| matches!(*name, "--help" | "--version" | "-V");
    if bare.is_empty() || names.iter().any(informs) {
        return None;
    }
    let negative = bare.starts_with("no-") && option.starts_with("--");
    let name = if negative { &bare[3..] } else { bare };
    let value = words.any(|word| word.starts_with(['<', '['])) || written.contains("=<");
    Some(Flags {
        written: option,
        name: camel(name),
        value,
        variadic: written.contains("..."),
        negative: negative && !value,
    })
}

/// `dry-run` is `dryRun`.
fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut chars = part.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(chars.as_str());
        name
    })
}

/// Where the name stands: a chain of calls begins with its first line.
pub(super) fn line_of(call: Node<'_>) -> usize {
    call.child_by_field_name("arguments").unwrap_or(call).start_position().row + 1
}

/// `<file>`, `[file]`, `<files...>`
pub(super) fn argument(written: &str, help: String, call: Node<'_>) -> Option<Parameter> {
    let required = !written.starts_with('[');
    let inner = written.trim_matches(['<', '>', '[', ']']);
    let (name, variadic) = inner.strip_suffix("...").map_or((inner, false), |name| (name, true));
    if name.is_empty() {
        return None;
    }
    let many = variadic.then_some(Many { least: usize::from(required), most: None });
    Some(Parameter { help, required, many, ..usage::rest(&camel(name), line_of(call)) })
}
