//! For the tests of the readers: what was read, one line for each parameter.

use serde_json::Value;

use super::{How, Parameter, Script};

/// `words: name kind option … required default choices many line`
pub(super) fn summary(script: &Script) -> Vec<String> {
    let commands = script.commands.iter();
    commands
        .flat_map(|command| {
            let words = command.words.join(" ");
            let lines = command.parameters.iter().map(one);
            lines.map(move |line| if words.is_empty() { line } else { format!("{words}: {line}") })
        })
        .collect()
}

fn one(parameter: &Parameter) -> String {
    let how = match &parameter.how {
        How::Positional => "positional".to_owned(),
        How::Rest => "rest".to_owned(),
        How::Option(option) => option.clone(),
        How::Repeated(option) => format!("{option}*"),
        How::RepeatedList(option, many) => format!("{option}*{}", many.least),
        How::Flag(option, on) => format!("{option}={on}"),
        How::OnOff(on, off) => format!("{on}/{off}"),
        How::Count(option) => format!("{option}+"),
    };
    let mut parts = vec![format!("{} {how} {:?}", parameter.name, parameter.kind).to_lowercase()];
    if parameter.required {
        parts.push("required".to_owned());
    }
    if let Some(many) = parameter.many {
        parts.push(format!("{}..{}", many.least, many.most.map_or(String::new(), |most| most.to_string())));
    }
    if let Some(default) = &parameter.default {
        parts.push(format!("={default}"));
    }
    if !parameter.choices.is_empty() {
        parts.push(Value::from(parameter.choices.clone()).to_string());
    }
    if !parameter.help.is_empty() {
        parts.push(format!("| {}", parameter.help));
    }
    parts.push(format!("@{}", parameter.line));
    parts.join(" ")
}
