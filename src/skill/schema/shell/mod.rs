//! Arguments of a shell script: `getopts`, a loop with `case "$1" in`, and `$1`, `$2`, `$@`.

mod checks;
mod options;
mod positionals;

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use super::{Command, Script, Source};
use super::{syntax, usage};

/// What can be learned from the text of a script.
pub(super) fn read(text: &str) -> Script {
    let Some(tree) = syntax::parse(&tree_sitter_bash::LANGUAGE.into(), text) else {
        return Script::default();
    };
    let nodes = syntax::all_nodes(tree.root_node());
    let reader = Reader::new(text, &nodes);
    let (mut parameters, loops) = reader.options();
    parameters.extend(reader.positionals(&loops));
    let description = usage::first_comment(text, '#');
    // Any arguments at all: that is what is said of a script of which nothing is known.
    let says_nothing =
        parameters.iter().all(|parameter| parameter.name == "args" && parameter.many.is_some());
    if says_nothing {
        return Script { description, ..Script::default() };
    }
    let command = Command { parameters, ..Command::default() };
    Script { source: Some(Source::Shell), description, commands: vec![command], ..Script::default() }
}

struct Reader<'t> {
    text: &'t str,
    nodes: &'t [Node<'t>],
    /// The nodes of each kind, in order.
    kinds: HashMap<&'static str, Vec<Node<'t>>>,
    /// Bodies of functions, which have arguments of their own; not that of `main "$@"`.
    functions: Vec<Range<usize>>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, nodes: &'t [Node<'t>]) -> Self {
        let mut kinds: HashMap<&'static str, Vec<Node<'t>>> = HashMap::new();
        for node in nodes {
            kinds.entry(node.kind()).or_default().push(*node);
        }
        let mut reader = Self { text, nodes, kinds, functions: Vec::new() };
        let passed = reader.commands().filter(|node| reader.of(*node).ends_with("\"$@\""));
        let passed: Vec<&str> = passed.filter_map(|node| reader.command_name(node)).collect();
        let own = |node: &&Node<'t>| {
            let name = node.child_by_field_name("name").map_or("", |name| reader.of(name));
            node.kind() == "function_definition" && !(is_main(name) && passed.contains(&name))
        };
        // The outermost ones, in order.
        let ranges: Vec<Range<usize>> = nodes.iter().filter(own).map(Node::byte_range).collect();
        for range in ranges {
            if reader.functions.last().is_none_or(|last| last.end <= range.start) {
                reader.functions.push(range);
            }
        }
        reader
    }

    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn commands(&self) -> impl Iterator<Item = Node<'t>> {
        self.of_kind("command")
    }

    fn command_name(&self, command: Node<'t>) -> Option<&'t str> {
        command.child_by_field_name("name").map(|name| self.of(name))
    }

    fn within_function(&self, node: Node<'_>) -> bool {
        let at = node.start_byte();
        let next = self.functions.partition_point(|range| range.start <= at);
        next > 0 && self.functions[next - 1].contains(&at)
    }
}

/// Functions that get the script's own arguments, by convention.
fn is_main(name: &str) -> bool {
    matches!(name, "main" | "run" | "parse_args" | "parse_arguments" | "parse_params" | "parse_options")
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

/// What an expansion refers to and how: `${1:-x}` is `1`, `:-x`.
fn expansion(text: &str) -> (&str, &str) {
    let inner = text.trim_start_matches('$');
    let inner = inner.strip_prefix('{').map_or(inner, |inner| inner.strip_suffix('}').unwrap_or(inner));
    let end = match inner.chars().next() {
        Some('@' | '*' | '#' | '?' | '!') => 1,
        _ => inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len()),
    };
    inner.split_at(end)
}

#[cfg(test)]
mod tests;
