//! `parseArgs` of `node:util`.

use super::super::{How, Kind, Many, Parameter};
use super::{MAX_OPTIONS, Reader, unquoted, usage};
use tree_sitter::Node;

impl<'t> Reader<'t> {
    pub(super) fn parse_args(&self) -> Option<Vec<Parameter>> {
        let call = self.calls("parseArgs").next()?;
        let config = self.object(*Self::arguments(call).first()?)?;
        let mut parameters = Vec::new();
        if let Some(options) = self.property(config, "options").and_then(|options| self.object(options)) {
            let negative = self.truth(config, "allowNegative");
            for (name, pair, value) in self.pairs(options).into_iter().take(MAX_OPTIONS) {
                if name != "help" && name != "version" {
                    parameters.push(self.parse_args_option(&name, pair, value, negative));
                }
            }
        }
        if self.truth(config, "allowPositionals") {
            let line = self.property(config, "allowPositionals").unwrap_or(call).start_position().row + 1;
            parameters.extend(self.positionals(line));
        }
        Some(parameters)
    }

    fn truth(&self, object: Node<'t>, key: &str) -> bool {
        self.property(object, key).is_some_and(|value| self.of(value) == "true")
    }

    fn parse_args_option(&self, name: &str, pair: Node<'t>, value: Node<'t>, negative: bool) -> Parameter {
        let settings = self.object(value);
        let setting = |key: &str| settings.and_then(|settings| self.property(settings, key));
        let is_text = setting("type").is_some_and(|kind| unquoted(self.of(kind)) == "string");
        let multiple = setting("multiple").is_some_and(|value| self.of(value) == "true");
        let option = format!("--{name}");
        let how = match (is_text, multiple) {
            (true, false) => How::Option(option.clone()),
            (true, true) => How::Repeated(option.clone()),
            (false, true) => How::Count(option.clone()),
            (false, false) if negative => How::OnOff(option.clone(), format!("--no-{name}")),
            (false, false) => How::Flag(option.clone(), true),
        };
        let default = setting("default").and_then(|value| self.literal(value));
        let fallback = || matches!(how, How::Flag(..) | How::OnOff(..)).then(|| false.into());
        Parameter {
            // Keys with hyphens stay as they are: that is how the script reads them.
            name: name.to_owned(),
            help: usage::help(self.text, &option),
            kind: match how {
                How::Flag(..) | How::OnOff(..) => Kind::Boolean,
                How::Count(_) => Kind::Integer,
                _ => Kind::Text,
            },
            choices: Vec::new(),
            default: default.filter(|_| !matches!(how, How::Count(_))).or_else(fallback),
            required: false,
            many: matches!(how, How::Repeated(_)).then_some(Many { least: 0, most: None }),
            how,
            exclusive: None,
            depth: 0,
            line: pair.start_position().row + 1,
        }
    }

    /// `const [input, output = "-"] = positionals`, else all of them without names.
    fn positionals(&self, line: usize) -> Vec<Parameter> {
        let named = self.nodes.iter().filter(|node| node.kind() == "variable_declarator").find(|node| {
            let value = node.child_by_field_name("value").map_or("", |value| self.of(value));
            let pattern = node.child_by_field_name("name").is_some_and(|name| name.kind() == "array_pattern");
            pattern && value.rsplit('.').next() == Some("positionals")
        });
        let Some(pattern) = named.and_then(|node| node.child_by_field_name("name")) else {
            return vec![usage::rest("args", line)];
        };
        let mut cursor = pattern.walk();
        let mut parameters = Vec::new();
        for part in pattern.named_children(&mut cursor).take(32) {
            let line = part.start_position().row + 1;
            let (name, default) = match part.kind() {
                "assignment_pattern" => {
                    let name = part.child_by_field_name("left").map_or("", |left| self.of(left));
                    (name, part.child_by_field_name("right").and_then(|right| self.literal(right)))
                }
                "rest_pattern" => {
                    let name = part.named_child(0).map_or("args", |name| self.of(name));
                    parameters.push(usage::rest(name, line));
                    continue;
                }
                _ => (self.of(part), None),
            };
            let one = usage::rest(name, line);
            parameters.push(Parameter { many: None, default, ..one });
        }
        parameters
    }
}
