//! Options of a Node script: the call of `parseArgs` from `node:util`.

use serde_json::{Value as Json, json};
use tree_sitter::{Node, Parser};

use super::usage;
use super::{Command, How, Kind, Many, Parameter, Script, Source};

/// Most options that are kept.
const MAX_OPTIONS: usize = 200;

/// What can be learned from the text of a script.
pub(super) fn read(text: &str) -> Script {
    let mut parser = Parser::new();
    if parser.set_language(&tree_sitter_javascript::LANGUAGE.into()).is_err() {
        return Script::default();
    }
    let Some(tree) = parser.parse(text, None) else { return Script::default() };
    let nodes = usage::all_nodes(tree.root_node());
    let reader = Reader { text, nodes: &nodes };
    let description = usage::first_comment(text, '/');
    let mut script = Script { description, ..Script::default() };
    if let Some(parameters) = reader.parse_args() {
        script.source = Some(Source::ParseArgs);
        script.commands = vec![Command { parameters, ..Command::default() }];
    } else if reader.reads_json() {
        script.stdin = Some(json!({ "type": "object" }));
    }
    script
}

struct Reader<'t> {
    text: &'t str,
    nodes: &'t [Node<'t>],
}

impl<'t> Reader<'t> {
    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Calls of a function by its last name.
    fn calls<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Node<'t>> + 's {
        self.nodes.iter().copied().filter(move |node| {
            let callee = node.child_by_field_name("function").map_or("", |callee| self.of(callee));
            node.kind() == "call_expression" && callee.rsplit('.').next() == Some(name)
        })
    }

    fn parse_args(&self) -> Option<Vec<Parameter>> {
        let call = self.calls("parseArgs").next()?;
        let config = self.object(call.child_by_field_name("arguments")?.named_child(0)?)?;
        let mut parameters = Vec::new();
        if let Some(options) = self.property(config, "options").and_then(|options| self.object(options)) {
            for (name, pair, value) in self.pairs(options).into_iter().take(MAX_OPTIONS) {
                if name != "help" && name != "version" {
                    parameters.push(self.option(&name, pair, value));
                }
            }
        }
        let positionals =
            self.property(config, "allowPositionals").is_some_and(|value| self.of(value) == "true");
        if positionals {
            parameters.push(usage::rest("args", call.start_position().row + 1));
        }
        Some(parameters)
    }

    fn option(&self, name: &str, pair: Node<'t>, value: Node<'t>) -> Parameter {
        let settings = self.object(value);
        let setting = |key: &str| settings.and_then(|settings| self.property(settings, key));
        let is_text = setting("type").is_some_and(|kind| unquoted(self.of(kind)) == "string");
        let multiple = setting("multiple").is_some_and(|value| self.of(value) == "true");
        let option = format!("--{name}");
        let how = match (is_text, multiple) {
            (true, false) => How::Option(option.clone()),
            (true, true) => How::Repeated(option.clone()),
            (false, true) => How::Count(option.clone()),
            (false, false) => How::Flag(option.clone(), true),
        };
        let default = setting("default").and_then(|value| self.literal(value));
        Parameter {
            // Keys with hyphens stay as they are: that is how the script reads them.
            name: name.to_owned(),
            help: usage::help(self.text, &option),
            kind: match how {
                How::Count(_) => Kind::Integer,
                _ if is_text => Kind::Text,
                _ => Kind::Boolean,
            },
            choices: Vec::new(),
            default,
            required: false,
            many: matches!(how, How::Repeated(_)).then_some(Many { least: 0, most: None }),
            how,
            exclusive: None,
            global: false,
            line: pair.start_position().row + 1,
        }
    }

    /// An object literal, or the constant that holds one.
    fn object(&self, node: Node<'t>) -> Option<Node<'t>> {
        if node.kind() == "object" {
            return Some(node);
        }
        if !matches!(node.kind(), "identifier" | "shorthand_property_identifier") {
            return None;
        }
        let name = self.of(node);
        let declared =
            self.nodes.iter().filter(|node| node.kind() == "variable_declarator").find(|node| {
                node.child_by_field_name("name").is_some_and(|declared| self.of(declared) == name)
            })?;
        declared.child_by_field_name("value").filter(|value| value.kind() == "object")
    }

    /// Keys and values of an object; a shorthand is its own value.
    fn pairs(&self, object: Node<'t>) -> Vec<(String, Node<'t>, Node<'t>)> {
        let mut cursor = object.walk();
        let children: Vec<Node<'t>> = object.named_children(&mut cursor).collect();
        let pair = |node: Node<'t>| match node.kind() {
            "pair" => {
                let key = unquoted(self.of(node.child_by_field_name("key")?)).to_owned();
                Some((key, node, node.child_by_field_name("value")?))
            }
            "shorthand_property_identifier" => Some((self.of(node).to_owned(), node, node)),
            _ => None,
        };
        children.into_iter().filter_map(pair).collect()
    }

    fn property(&self, object: Node<'t>, key: &str) -> Option<Node<'t>> {
        self.pairs(object).into_iter().find(|(name, _, _)| name == key).map(|(_, _, value)| value)
    }

    /// The value of a text, number, boolean or list of them.
    fn literal(&self, node: Node<'t>) -> Option<Json> {
        match node.kind() {
            "string" => Some(unquoted(self.of(node)).into()),
            "number" | "true" | "false" => serde_json::from_str(self.of(node)).ok(),
            "array" => {
                let mut cursor = node.walk();
                let items: Vec<Node<'t>> = node.named_children(&mut cursor).take(100).collect();
                // One level is all that a default can be.
                let simple = items.iter().all(|item| item.kind() != "array");
                simple
                    .then(|| items.into_iter().map(|item| self.literal(item)).collect::<Option<Vec<_>>>())?
                    .map(Json::Array)
            }
            _ => None,
        }
    }

    /// `JSON.parse(…)` in a script that reads its standard input.
    fn reads_json(&self) -> bool {
        let mut parse = self.nodes.iter().filter(|node| node.kind() == "call_expression").filter(|node| {
            node.child_by_field_name("function").is_some_and(|callee| self.of(callee) == "JSON.parse")
        });
        let mut member = self.nodes.iter().filter(|node| node.kind() == "member_expression");
        let mut read = self.calls("readFileSync");
        let standard = |node: Node<'t>| {
            let first = node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
            first.is_some_and(|first| matches!(unquoted(self.of(first)), "0" | "/dev/stdin"))
        };
        parse.next().is_some() && (member.any(|node| self.of(*node) == "process.stdin") || read.any(standard))
    }
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '`'])
}
