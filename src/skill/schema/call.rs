//! From an input, one JSON value, to the command line and standard input of a script.
//!
//! Used by `skilldeck call`, `run --input` and `schema --check`. Everything that the schema says is checked first, so
//! that all mistakes are named before anything starts.

use serde_json::{Map, Value};

use super::validate::{Mismatch, below, validate};
use super::{Input, Tool, argv, commands, form};

/// How a script is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// Arguments behind the script.
    pub argv: Vec<String>,
    pub stdin: Vec<u8>,
}

/// Work out how to start the tool's entry with `input`, or everything that does not fit.
///
/// An optional property that is null counts as not given, for strict schemas have every property required
/// ([`super::strict`]).
pub fn invocation(tool: &Tool, input: &Value) -> Result<Invocation, Vec<Mismatch>> {
    match &tool.input {
        Input::Commands(tools) => {
            let object = input.as_object().ok_or_else(|| validate(&tool.schema(), input))?;
            let (tool, rest) = commands::choose(tools, object).map_err(|wrong| vec![wrong])?;
            invocation(tool, &Value::Object(rest))
        }
        Input::Arguments { parameters, schema } => {
            let own = form::arguments(parameters);
            let input = without_nulls(&own, input);
            let mut wrong = schema.as_ref().map(|schema| validate(schema, &input)).unwrap_or_default();
            for other in validate(&own, &input) {
                if !wrong.iter().any(|known| known.pointer == other.pointer) {
                    wrong.push(other);
                }
            }
            let Value::Object(object) = &input else { return Err(wrong) };
            let argv = argv::command_line(parameters, &tool.subcommand, object, wrong)?;
            Ok(Invocation { argv, stdin: Vec::new() })
        }
        Input::Stdin(schema) => {
            let inner = input.get(form::WRAPPED).filter(|_| !form::is_object(schema));
            let value = without_nulls(schema, inner.unwrap_or(input));
            fitting(schema, &value).map_err(|mut wrong| {
                for one in wrong.iter_mut().filter(|_| inner.is_some()) {
                    one.pointer.insert_str(0, &below("", form::WRAPPED));
                }
                wrong
            })?;
            Ok(Invocation { argv: Vec::new(), stdin: value.to_string().into_bytes() })
        }
        Input::Free => {
            let Value::Object(object) = input else {
                // Standard input takes any JSON.
                return Ok(Invocation { argv: Vec::new(), stdin: input.to_string().into_bytes() });
            };
            fitting(&tool.schema(), input)?;
            Ok(free(object))
        }
    }
}

fn fitting(schema: &Value, value: &Value) -> Result<(), Vec<Mismatch>> {
    let wrong = validate(schema, value);
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// `args` on the command line, other keys as JSON on standard input.
fn free(object: &Map<String, Value>) -> Invocation {
    let mut rest = object.clone();
    let given = rest.shift_remove("args");
    let items = given.as_ref().and_then(Value::as_array).into_iter().flatten();
    let argv = items.filter_map(Value::as_str).map(str::to_owned).collect();
    let stdin = if rest.is_empty() { Vec::new() } else { Value::Object(rest).to_string().into_bytes() };
    Invocation { argv, stdin }
}

/// The value without optional properties that are null where null does not fit.
fn without_nulls(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let required = |key: &str| {
                schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == key))
            };
            let kept = map.iter().filter_map(|(key, value)| {
                let Some(schema) = schema["properties"].get(key) else {
                    return Some((key.clone(), value.clone()));
                };
                let absent = value.is_null() && !required(key) && !validate(schema, value).is_empty();
                (!absent).then(|| (key.clone(), without_nulls(schema, value)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => items.iter().map(|item| without_nulls(&schema["items"], item)).collect(),
        other => other.clone(),
    }
}
