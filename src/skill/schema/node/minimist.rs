//! minimist: lists of names by type.

use super::super::{How, Kind, Parameter};
use super::{MAX_OPTIONS, Reader, kind_of, usage};

impl Reader<'_> {
    pub(super) fn minimist(&self) -> Option<Vec<Parameter>> {
        let call = ["minimist", "mri", "parseArgv"].iter().find_map(|name| self.calls(name).next());
        let call = call.filter(|_| self.imports("minimist") || self.imports("mri"))?;
        let settings = self.object(*Self::arguments(call).get(1)?)?;
        let line = |node: tree_sitter::Node<'_>| node.start_position().row + 1;
        let default = self.property(settings, "default").and_then(|default| self.object(default));
        let default = |name: &str| default.and_then(|default| self.setting(default, &[name]));
        let mut parameters: Vec<Parameter> = Vec::new();
        for (key, kind) in [("string", Kind::Text), ("boolean", Kind::Boolean)] {
            let Some(names) = self.property(settings, key) else { continue };
            for name in self.texts(names).into_iter().take(MAX_OPTIONS) {
                let option = if name.len() == 1 { format!("-{name}") } else { format!("--{name}") };
                let value = default(&name);
                let how = match kind {
                    Kind::Boolean if value == Some(true.into()) => How::OnOff(option, format!("--no-{name}")),
                    Kind::Boolean => How::Flag(option, true),
                    _ => How::Option(option),
                };
                let off = matches!(how, How::Flag(..)).then(|| false.into());
                let help = usage::help(self.text, how.option().unwrap_or_default());
                let one = usage::rest(&name, line(names));
                parameters.push(Parameter { kind, how, help, default: value.or(off), many: None, ..one });
            }
        }
        // Options of no type that have a default.
        if let Some(defaults) = self.property(settings, "default").and_then(|default| self.object(default)) {
            for (name, pair, value) in self.pairs(defaults).into_iter().take(MAX_OPTIONS) {
                let Some(value) = self.literal(value).filter(|_| parameters.iter().all(|p| p.name != name))
                else {
                    continue;
                };
                let how = How::Option(if name.len() == 1 { format!("-{name}") } else { format!("--{name}") });
                let one = usage::rest(&name, line(pair));
                parameters.push(Parameter {
                    kind: kind_of(&value),
                    how,
                    default: Some(value),
                    many: None,
                    ..one
                });
            }
        }
        let behind = self
            .nodes
            .iter()
            .find(|node| node.kind() == "member_expression" && self.of(**node).ends_with("._"));
        parameters.extend(behind.map(|node| usage::rest("args", line(*node))));
        (!parameters.is_empty()).then_some(parameters)
    }
}
