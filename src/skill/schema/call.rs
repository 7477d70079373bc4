//! From an input, one JSON object, to the command line and standard input of a script.
//!
//! Used by `run --input` and by the run form of the workbench. Everything that the schema says is checked first, so
//! that a mistake is named before anything starts.

use serde_json::{Map, Value};

use super::{COMMAND, How, Input, Kind, Parameter, Tool, entry_tools, explicit};
use crate::skill::model::{Entry, Skill};
use crate::skill::text::did_you_mean;

/// How a script is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// Arguments behind the script.
    pub argv: Vec<String>,
    pub stdin: Vec<u8>,
}

/// Why an input does not fit; each says the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    #[error("the input is {0}, not an object; write {{\"name\": value}}")]
    NotObject(&'static str),
    #[error("unknown key `{key}`{}; known keys: {known}", meant.as_ref().map(|m| format!(", did you mean `{m}`")).unwrap_or_default())]
    UnknownKey { key: String, meant: Option<String>, known: String },
    #[error("`{0}` is missing; it is required")]
    Missing(String),
    #[error("`{key}` is {found}, but {wanted} is needed")]
    Type { key: String, found: String, wanted: String },
    #[error("`{key}` is {found}; choose one of {choices}")]
    Choice { key: String, found: String, choices: String },
    #[error("`{key}` has {found} values, but {wanted} needed")]
    Length { key: String, found: usize, wanted: String },
    #[error("`{0}` and `{1}` exclude each other; give one of them")]
    Exclusive(String, String),
    #[error("one of {0} is required")]
    OneOf(String),
    #[error("`{COMMAND}` must name a subcommand: {0}")]
    Command(String),
    #[error("`{0}` holds a NUL character, which no argument can")]
    Nul(String),
}

/// Work out how to start `entry` with `input`.
pub fn invocation(skill: &Skill, entry: &Entry, input: &Value) -> Result<Invocation, InputError> {
    let found = explicit::find(skill).filter(|found| found.applies_to(entry, skill));
    let tools = entry_tools(skill, entry, found.as_ref().map(|found| &found.schema));
    let on_stdin = |tool: &Tool| !matches!(tool.input, Input::Arguments { .. });
    let Some(object) = input.as_object() else {
        // Standard input takes any JSON; a command line needs names.
        if tools.iter().all(on_stdin) {
            return Ok(Invocation { argv: Vec::new(), stdin: input.to_string().into_bytes() });
        }
        return Err(InputError::NotObject(described(input)));
    };
    let has_commands = tools.iter().any(|tool| !tool.subcommand.is_empty());
    if !has_commands {
        return tools.first().map_or_else(|| Ok(free(object)), |tool| tool_invocation(tool, object));
    }
    let words: Vec<&str> = match object.get(COMMAND) {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let Some(tool) = tools.iter().find(|tool| tool.subcommand == words) else {
        let known = tools.iter().map(|tool| format!("`{}`", tool.subcommand.join(" ")));
        return Err(InputError::Command(known.collect::<Vec<_>>().join(", ")));
    };
    // `command` may also be the name of one of its own parameters.
    let own = matches!(&tool.input, Input::Arguments { parameters, .. } if parameters.iter().any(|p| p.name == COMMAND));
    let mut rest = object.clone();
    if !own {
        rest.shift_remove(COMMAND);
    }
    tool_invocation(tool, &rest)
}

/// The same for one tool.
pub fn tool_invocation(tool: &Tool, object: &Map<String, Value>) -> Result<Invocation, InputError> {
    match &tool.input {
        Input::Arguments { parameters, .. } => {
            let argv = to_argv(parameters, &tool.subcommand, object)?;
            Ok(Invocation { argv, stdin: Vec::new() })
        }
        Input::Stdin(schema) => {
            check_stdin(schema, object)?;
            Ok(Invocation { argv: Vec::new(), stdin: json_bytes(object) })
        }
        Input::Free => Ok(free(object)),
    }
}

fn json_bytes(object: &Map<String, Value>) -> Vec<u8> {
    Value::Object(object.clone()).to_string().into_bytes()
}

/// `args` on the command line, other keys as JSON on standard input.
fn free(object: &Map<String, Value>) -> Invocation {
    let mut rest = object.clone();
    let given = rest.shift_remove("args");
    let argv = given.as_ref().and_then(Value::as_array).map(|items| items.iter().map(argument).collect());
    let stdin = if rest.is_empty() { Vec::new() } else { json_bytes(&rest) };
    Invocation { argv: argv.unwrap_or_default(), stdin }
}

/// Required keys and unknown ones; the script itself checks the rest.
fn check_stdin(schema: &Value, object: &Map<String, Value>) -> Result<(), InputError> {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for key in required {
        if !object.contains_key(key) {
            return Err(InputError::Missing(key.to_owned()));
        }
    }
    if schema["additionalProperties"] == Value::Bool(false)
        && let Some(properties) = schema["properties"].as_object()
        && let Some(key) = object.keys().find(|key| !properties.contains_key(*key))
    {
        return Err(unknown(key, properties.keys().map(String::as_str)));
    }
    Ok(())
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> InputError {
    let meant = did_you_mean(key, known.clone()).map(str::to_owned);
    let known = known.collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "none".to_owned() } else { known };
    InputError::UnknownKey { key: key.to_owned(), meant, known }
}

/// Options of the main parser, subcommand, options, positionals. Positionals come before options when an option
/// takes several values and would swallow them; behind `--` when one begins with a hyphen.
pub fn to_argv(
    parameters: &[Parameter],
    words: &[String],
    object: &Map<String, Value>,
) -> Result<Vec<String>, InputError> {
    check(parameters, object)?;
    let part = |global: bool| -> Result<Vec<String>, InputError> {
        let (mut positional, mut options) = (Vec::new(), Vec::new());
        let mut swallows = false;
        for parameter in parameters.iter().filter(|parameter| parameter.global == global) {
            let Some(value) = object.get(&parameter.name).filter(|value| !value.is_null()) else { continue };
            let out = if parameter.how == How::Positional { &mut positional } else { &mut options };
            write(parameter, value, out)?;
            swallows |= matches!(parameter.how, How::Option(_)) && parameter.many.is_some();
        }
        if positional.iter().any(|value: &String| value.starts_with('-')) {
            options.push("--".to_owned());
            options.append(&mut positional);
            return Ok(options);
        }
        let (mut first, mut then) = if swallows { (positional, options) } else { (options, positional) };
        first.append(&mut then);
        Ok(first)
    };
    let mut argv = part(true)?;
    argv.extend(words.iter().cloned());
    argv.extend(part(false)?);
    Ok(argv)
}

fn check(parameters: &[Parameter], object: &Map<String, Value>) -> Result<(), InputError> {
    let names = parameters.iter().map(|parameter| parameter.name.as_str());
    if let Some(key) = object.keys().find(|key| !parameters.iter().any(|p| p.name == **key)) {
        return Err(unknown(key, names));
    }
    let given = |parameter: &Parameter| object.get(&parameter.name).is_some_and(|value| !value.is_null());
    for parameter in parameters {
        if parameter.required && !given(parameter) {
            return Err(InputError::Missing(parameter.name.clone()));
        }
    }
    let mut groups: Vec<(usize, bool)> =
        parameters.iter().filter_map(|parameter| parameter.exclusive).collect();
    groups.dedup();
    for (group, required) in groups {
        let members: Vec<&Parameter> =
            parameters.iter().filter(|p| p.exclusive.is_some_and(|(number, _)| number == group)).collect();
        // A flag that is false is not on the command line.
        let set =
            |p: &&&Parameter| given(p) && (!matches!(p.how, How::Flag(..)) || sets(p, &object[&p.name]));
        let chosen: Vec<&&Parameter> = members.iter().filter(set).collect();
        match chosen[..] {
            [first, second, ..] => {
                return Err(InputError::Exclusive(first.name.clone(), second.name.clone()));
            }
            [] if required => {
                let names: Vec<String> = members.iter().map(|p| format!("`{}`", p.name)).collect();
                return Err(InputError::OneOf(names.join(", ")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a flag with this value appears on the command line.
fn sets(parameter: &Parameter, value: &Value) -> bool {
    matches!(&parameter.how, How::Flag(_, meaning) if value.as_bool() == Some(*meaning))
}

fn write(parameter: &Parameter, value: &Value, out: &mut Vec<String>) -> Result<(), InputError> {
    let wrong = |wanted: &str| InputError::Type {
        key: parameter.name.clone(),
        found: described(value).to_owned(),
        wanted: wanted.to_owned(),
    };
    match &parameter.how {
        How::Flag(option, meaning) => {
            if value.as_bool().ok_or_else(|| wrong("true or false"))? == *meaning {
                out.push(option.clone());
            }
        }
        How::OnOff(on, off) => {
            let value = value.as_bool().ok_or_else(|| wrong("true or false"))?;
            out.push(if value { on.clone() } else { off.clone() });
        }
        How::Count(option) => {
            let count =
                value.as_u64().filter(|count| *count <= 100).ok_or_else(|| wrong("a number up to 100"))?;
            out.extend((0..count).map(|_| option.clone()));
        }
        How::Repeated(option) => {
            for item in items(value) {
                option_value(option, scalar(parameter, item)?, out);
            }
        }
        How::RepeatedList(option, many) => {
            for inner in items(value) {
                let values = list(parameter, inner, *many)?;
                out.push(option.clone());
                out.extend(values);
            }
        }
        How::Option(option) => match parameter.many {
            Some(many) => {
                let values = list(parameter, value, many)?;
                out.push(option.clone());
                out.extend(values);
            }
            None => option_value(option, scalar(parameter, value)?, out),
        },
        How::Positional => match parameter.many {
            Some(many) => out.extend(list(parameter, value, many)?),
            None => out.push(scalar(parameter, value)?),
        },
    }
    Ok(())
}

/// `--name value`; joined to the option when the value begins with a hyphen and would be taken for one.
fn option_value(option: &str, value: String, out: &mut Vec<String>) {
    if !value.starts_with('-') {
        out.extend([option.to_owned(), value]);
    } else if option.starts_with("--") {
        out.push(format!("{option}={value}"));
    } else {
        out.push(format!("{option}{value}"));
    }
}

fn items(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

fn list(parameter: &Parameter, value: &Value, many: super::Many) -> Result<Vec<String>, InputError> {
    let items = items(value);
    let most = many.most.unwrap_or(usize::MAX);
    if items.len() < many.least || items.len() > most {
        let wanted = match (many.least, many.most) {
            (least, Some(most)) if least == most => format!("{least} are"),
            (least, _) => format!("at least {least} are"),
        };
        return Err(InputError::Length { key: parameter.name.clone(), found: items.len(), wanted });
    }
    items.into_iter().map(|item| scalar(parameter, item)).collect()
}

/// One value as an argument, checked against kind and choices.
fn scalar(parameter: &Parameter, value: &Value) -> Result<String, InputError> {
    let (fits, wanted) = match parameter.kind {
        Kind::Integer => (value.is_i64() || value.is_u64(), "a whole number"),
        Kind::Number => (value.is_number(), "a number"),
        Kind::Boolean => (value.is_boolean(), "true or false"),
        Kind::Text => (value.is_string() || value.is_number() || value.is_boolean(), "text"),
        Kind::Json => (true, "JSON"),
    };
    let key = || parameter.name.clone();
    if !fits {
        return Err(InputError::Type {
            key: key(),
            found: described(value).to_owned(),
            wanted: wanted.to_owned(),
        });
    }
    let text = if parameter.kind == Kind::Json { value.to_string() } else { argument(value) };
    let chosen = parameter.choices.iter().any(|choice| argument(choice) == text);
    if !parameter.choices.is_empty() && !chosen {
        let choices = parameter.choices.iter().map(argument).collect::<Vec<_>>().join(", ");
        return Err(InputError::Choice { key: key(), found: format!("`{text}`"), choices });
    }
    if text.contains('\0') {
        return Err(InputError::Nul(key()));
    }
    Ok(text)
}

fn argument(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
