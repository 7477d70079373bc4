//! Values and schemas in words, for the messages about an input.

use serde_json::Value;

/// Most characters of a value that are shown.
const MAX_SHOWN: usize = 60;
/// Most choices that are listed.
const MAX_CHOICES: usize = 40;

/// A value with its type: `the text "3"`, `the number 3.5`, `a list of 2 values`.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => format!("the text {}", shown(value)),
        Value::Array(items) => format!("a list of {}", counted(items.len(), "value")),
        Value::Object(map) => format!("an object with {}", counted(map.len(), "key")),
    }
}

pub(super) fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// A value as JSON, of bounded length.
fn shown(value: &Value) -> String {
    let text = match value {
        // Only as much of a long text as can be shown is written at all.
        Value::String(text) => Value::from(text.chars().take(MAX_SHOWN + 1).collect::<String>()).to_string(),
        value => value.to_string(),
    };
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What a schema wants: `a whole number`, `one of "text", "json"`.
pub(super) fn expected(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let listed: Vec<String> = choices.iter().take(MAX_CHOICES).map(shown).collect();
        let more = if choices.len() > MAX_CHOICES { ", …" } else { "" };
        return match listed.as_slice() {
            [only] => only.clone(),
            several => format!("one of {}{more}", several.join(", ")),
        };
    }
    if let Some(constant) = schema.get("const") {
        return shown(constant);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![in_words(name)],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(in_words).collect(),
        _ => Vec::new(),
    };
    match (types.as_slice(), schema["anyOf"].as_array().or(schema["oneOf"].as_array())) {
        (["a list"], _) if schema["items"]["type"].is_string() => {
            format!("a list, each item {}", expected(&schema["items"]))
        }
        ([], Some(several)) => several.iter().take(8).map(expected).collect::<Vec<_>>().join(", or "),
        ([], None) => "a value".to_owned(),
        (types, _) => types.join(" or "),
    }
}

fn in_words(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

/// A whole number, however it is written: 3, 3.0 and 3e0 are one value.
pub(super) fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}
