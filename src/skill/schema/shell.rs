//! Options of a shell script: the specification of `getopts`, or a loop with `case "$1" in`.

use std::collections::HashSet;

use tree_sitter::{Node, Parser};

use super::usage;
use super::{Command, How, Kind, Parameter, Script, Source};

/// Most options that are kept.
const MAX_OPTIONS: usize = 200;

/// What can be learned from the text of a script.
pub(super) fn read(text: &str) -> Script {
    let mut parser = Parser::new();
    if parser.set_language(&tree_sitter_bash::LANGUAGE.into()).is_err() {
        return Script::default();
    }
    let Some(tree) = parser.parse(text, None) else { return Script::default() };
    let nodes = usage::all_nodes(tree.root_node());
    let reader = Reader { text };
    let mut parameters = reader.getopts(&nodes);
    if parameters.is_empty() {
        parameters = reader.case_loop(&nodes);
    }
    let description = usage::first_comment(text, '#');
    if parameters.is_empty() {
        return Script { description, ..Script::default() };
    }
    parameters.push(usage::positionals());
    let command = Command { parameters, ..Command::default() };
    Script { source: Some(Source::Shell), description, commands: vec![command], ..Script::default() }
}

struct Reader<'t> {
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// `getopts n:eh option`: a letter, and a colon when it takes a value.
    fn getopts(&self, nodes: &[Node<'_>]) -> Vec<Parameter> {
        let call = nodes.iter().find(|node| {
            node.kind() == "command"
                && node.child_by_field_name("name").is_some_and(|n| self.of(n) == "getopts")
        });
        let Some((call, spec)) = call.and_then(|call| Some((call, call.child_by_field_name("argument")?)))
        else {
            return Vec::new();
        };
        let items: Vec<Node<'_>> = nodes.iter().filter(|node| node.kind() == "case_item").copied().collect();
        let spec = unquoted(self.of(spec)).trim_start_matches(':');
        let mut letters = spec.chars().peekable();
        let mut parameters = Vec::new();
        while let Some(letter) = letters.next() {
            let value = letters.next_if_eq(&':').is_some();
            if !letter.is_ascii_alphanumeric() || letter == 'h' || parameters.len() >= MAX_OPTIONS {
                continue;
            }
            let item =
                items.iter().find(|item| self.patterns(**item).iter().any(|p| *p == letter.to_string()));
            // The variable that the script puts it into is its best name.
            let variable = item.and_then(|item| self.assigned(*item));
            let name = variable.unwrap_or_else(|| letter.to_string());
            let line = item.unwrap_or(call).start_position().row + 1;
            parameters.push(self.option(name, format!("-{letter}"), value, line));
        }
        parameters
    }

    /// `while …; do case "$1" in --out) out=$2; shift 2 ;; esac done`
    fn case_loop(&self, nodes: &[Node<'_>]) -> Vec<Parameter> {
        let on_first = |node: &&Node<'_>| {
            let value = node.child_by_field_name("value").map_or("", |value| self.of(value));
            node.kind() == "case_statement"
                && matches!(unquoted(value), "$1" | "${1}" | "${1:-}" | "$arg" | "$key")
        };
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut seen = HashSet::new();
        for statement in nodes.iter().filter(on_first) {
            let mut cursor = statement.walk();
            for item in statement.named_children(&mut cursor).filter(|node| node.kind() == "case_item") {
                let patterns = self.patterns(item);
                let options = patterns.iter().filter(|pattern| pattern.starts_with('-') && pattern.len() > 1);
                let options: Vec<&str> = options.map(|pattern| pattern.trim_end_matches("=*")).collect();
                let long =
                    options.iter().find(|option| option.starts_with("--")).or(options.first()).copied();
                let Some(option) = long.filter(|option| is_option(option)) else { continue };
                let name = option.trim_start_matches('-').replace('-', "_");
                if matches!(name.as_str(), "help" | "h" | "version" | "V") || !seen.insert(name.clone()) {
                    continue;
                }
                let body = self.of(item);
                let value = ["$2", "${2", "shift 2", "${1#"].iter().any(|sign| body.contains(sign));
                if parameters.len() < MAX_OPTIONS {
                    let line = item.start_position().row + 1;
                    parameters.push(self.option(name, option.to_owned(), value, line));
                }
            }
        }
        parameters
    }

    fn option(&self, name: String, option: String, value: bool, line: usize) -> Parameter {
        Parameter {
            help: usage::help(self.text, &option),
            name,
            kind: if value { Kind::Text } else { Kind::Boolean },
            choices: Vec::new(),
            default: (!value).then(|| false.into()),
            required: false,
            how: if value { How::Option(option) } else { How::Flag(option, true) },
            many: None,
            exclusive: None,
            global: false,
            line,
        }
    }

    /// The alternatives of a case item, without quotes.
    fn patterns(&self, item: Node<'_>) -> Vec<&'t str> {
        let mut cursor = item.walk();
        item.children_by_field_name("value", &mut cursor).map(|value| unquoted(self.of(value))).collect()
    }

    /// The first variable that a case item sets.
    fn assigned(&self, item: Node<'_>) -> Option<String> {
        let nodes = usage::all_nodes(item);
        let assignment = nodes.into_iter().find(|node| node.kind() == "variable_assignment")?;
        let name = self.of(assignment.child_by_field_name("name")?).to_lowercase();
        Some(name).filter(|name| !name.is_empty() && name != "optind")
    }
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

fn is_option(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !text.trim_matches('-').is_empty()
}
