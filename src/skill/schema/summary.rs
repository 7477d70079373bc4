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
    let mut text = format!("{} {how} {:?}", parameter.name, parameter.kind).to_lowercase();
    if parameter.required {
        text.push_str(" required");
    }
    if let Some(many) = parameter.many {
        text.push_str(&format!(
            " {}..{}",
            many.least,
            many.most.map_or(String::new(), |most| most.to_string())
        ));
    }
    if let Some(default) = &parameter.default {
        text.push_str(&format!(" ={default}"));
    }
    if !parameter.choices.is_empty() {
        text.push_str(&format!(" {}", Value::from(parameter.choices.clone())));
    }
    if !parameter.help.is_empty() {
        text.push_str(&format!(" | {}", parameter.help));
    }
    format!("{text} @{}", parameter.line)
}
