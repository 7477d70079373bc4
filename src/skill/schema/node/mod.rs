//! Arguments of a Node script: `parseArgs` of `node:util`, commander, yargs, minimist; and JSON on standard input.

mod commander;
mod literal;
mod minimist;
mod parse_args;
mod written;
mod yargs;

use tree_sitter::Node;

use super::{Command, Kind, Parameter, Script, Source};
use super::{syntax, usage};

/// Most options that are kept.
const MAX_OPTIONS: usize = 500;

/// What can be learned from the text of a script.
pub(super) fn read(text: &str) -> Script {
    let Some(tree) = syntax::parse(&tree_sitter_javascript::LANGUAGE.into(), text) else {
        return Script::default();
    };
    let nodes = syntax::all_nodes(tree.root_node());
    let reader = Reader::new(text, &nodes);
    let mut script = Script { description: usage::first_comment(text, '/'), ..Script::default() };
    if let Some((source, description, commands)) = reader.command_lines() {
        script.source = Some(source);
        script.commands = commands;
        if !description.is_empty() {
            script.description = description;
        }
    } else if reader.reads_json() {
        let input = reader.input();
        script.stdin = input.schema();
        script.stdin_lines = input.lines();
    }
    script
}

struct Reader<'t> {
    text: &'t str,
    nodes: &'t [Node<'t>],
    /// Constants: name and value, in order of the name.
    constants: Vec<(&'t str, Node<'t>)>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, nodes: &'t [Node<'t>]) -> Self {
        let mut reader = Self { text, nodes, constants: Vec::new() };
        let declarators = nodes.iter().filter(|node| node.kind() == "variable_declarator");
        let pair = |node: &Node<'t>| {
            let name = reader.of(node.child_by_field_name("name")?);
            Some((name, node.child_by_field_name("value")?))
        };
        let mut constants: Vec<(&'t str, Node<'t>)> = declarators.filter_map(pair).collect();
        constants.sort_by_key(|(name, _)| *name);
        reader.constants = constants;
        reader
    }

    fn command_lines(&self) -> Option<(Source, String, Vec<Command>)> {
        if let Some(parameters) = self.parse_args() {
            return Some((Source::ParseArgs, String::new(), vec![plain(parameters)]));
        }
        if self.imports("commander") {
            let (description, commands) = self.commander()?;
            return Some((Source::Commander, description, commands));
        }
        if self.imports("yargs") {
            return Some((Source::Yargs, String::new(), self.yargs()?));
        }
        Some((Source::Yargs, String::new(), vec![plain(self.minimist()?)]))
    }

    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Whether a module is imported, whatever of it.
    fn imports(&self, module: &str) -> bool {
        self.nodes.iter().filter(|node| node.kind() == "string").any(|string| {
            let named = unquoted(self.of(*string));
            let named = named.strip_prefix("npm:").unwrap_or(named);
            let own = named.strip_prefix(module);
            own.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
        })
    }

    /// Calls of a function by its last name.
    fn calls<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Node<'t>> + 's {
        self.nodes.iter().copied().filter(move |node| {
            node.kind() == "call_expression" && self.callee(*node).is_some_and(|(_, callee)| callee == name)
        })
    }

    /// Object and last name of what is called.
    fn callee(&self, call: Node<'t>) -> Option<(Option<Node<'t>>, &'t str)> {
        let function = call.child_by_field_name("function")?;
        if function.kind() == "member_expression" {
            let name = self.of(function.child_by_field_name("property")?);
            return Some((function.child_by_field_name("object"), name));
        }
        Some((None, self.of(function)))
    }

    fn arguments(call: Node<'t>) -> Vec<Node<'t>> {
        let Some(arguments) = call.child_by_field_name("arguments") else { return Vec::new() };
        let mut cursor = arguments.walk();
        arguments.named_children(&mut cursor).filter(|node| node.kind() != "comment").take(64).collect()
    }

    /// `JSON.parse(…)` in a script that reads its standard input.
    fn reads_json(&self) -> bool {
        let mut parse = self.calls("parse").filter(|call| {
            call.child_by_field_name("function").is_some_and(|callee| self.of(callee) == "JSON.parse")
        });
        let mut member = self.nodes.iter().filter(|node| node.kind() == "member_expression");
        let mut read = self.calls("readFileSync").chain(self.calls("readFile"));
        let standard = |node: Node<'t>| {
            let first = Self::arguments(node).first().copied();
            first.is_some_and(|first| {
                matches!(unquoted(self.of(first)), "0" | "/dev/stdin" | "process.stdin.fd")
            })
        };
        parse.next().is_some() && (member.any(|node| self.of(*node) == "process.stdin") || read.any(standard))
    }

    /// Keys of the parsed input: `data.name`, `data.name ?? 3`, `const { name, size = 3 } = JSON.parse(…)`.
    fn input(&self) -> super::stdin::Input {
        let mut input = super::stdin::Input::default();
        input.read();
        let parses = |node: &Node<'t>| self.of(*node).contains("JSON.parse(");
        let declarators = self.nodes.iter().filter(|node| node.kind() == "variable_declarator");
        let mut names = Vec::new();
        for declarator in declarators {
            let parts = (declarator.child_by_field_name("name"), declarator.child_by_field_name("value"));
            let (Some(name), Some(value)) = parts else { continue };
            // `const { name } = data` reads from what was parsed before.
            if !parses(&value) && !names.contains(&self.of(value)) {
                continue;
            }
            if name.kind() == "identifier" {
                names.push(self.of(name));
            } else {
                self.pattern_keys(name, &mut input);
            }
        }
        for node in self.nodes.iter().filter(|node| node.kind() == "member_expression") {
            let parts = (node.child_by_field_name("object"), node.child_by_field_name("property"));
            let (Some(object), Some(property)) = parts else { continue };
            if !names.contains(&self.of(object)) {
                continue;
            }
            let around = node.parent().filter(|around| around.kind() == "binary_expression");
            let operator = around.and_then(|around| around.child_by_field_name("operator"));
            let otherwise = operator.is_some_and(|sign| matches!(self.of(sign), "??" | "||"));
            let default = around.filter(|_| otherwise).and_then(|around| around.child_by_field_name("right"));
            let default = default.and_then(|default| self.literal(default));
            let called = node.parent().is_some_and(|around| around.kind() == "call_expression");
            if !called {
                let key = self.of(property);
                input.key(key, default, !otherwise, node.start_position().row + 1);
            }
        }
        input
    }

    fn pattern_keys(&self, pattern: Node<'t>, input: &mut super::stdin::Input) {
        let mut cursor = pattern.walk();
        for part in pattern.named_children(&mut cursor) {
            let line = part.start_position().row + 1;
            match part.kind() {
                "shorthand_property_identifier_pattern" => input.key(self.of(part), None, true, line),
                "pair_pattern" => {
                    if let Some(key) = part.child_by_field_name("key") {
                        input.key(unquoted(self.of(key)), None, true, line);
                    }
                }
                "object_assignment_pattern" => {
                    let parts = (part.child_by_field_name("left"), part.child_by_field_name("right"));
                    if let (Some(key), Some(default)) = parts {
                        input.key(self.of(key), self.literal(default), false, line);
                    }
                }
                _ => {}
            }
        }
    }
}

fn plain(parameters: Vec<Parameter>) -> Command {
    Command { parameters, ..Command::default() }
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '`'])
}

/// The kind of a number, or of a text.
fn kind_of(value: &serde_json::Value) -> Kind {
    match value {
        serde_json::Value::Number(number) if number.is_f64() => Kind::Number,
        serde_json::Value::Number(_) => Kind::Integer,
        serde_json::Value::Bool(_) => Kind::Boolean,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests;
