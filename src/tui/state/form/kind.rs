//! What kind of field a schema asks for, and how text becomes the JSON of that kind and back.

use serde_json::Value;

/// References within a schema that are followed.
const MAX_REFERENCES: usize = 8;

/// What is entered into a field, and how it becomes JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Text,
    Integer,
    Number,
    /// Values to step through: `true` and `false`, as far as the schema allows them.
    Boolean(Vec<Value>),
    Choice(Vec<Value>),
    /// Items, each on a line.
    List(Box<Kind>),
    /// JSON as text.
    Json,
    /// JSON as text; what is not JSON is a text.
    Any,
}

/// A value as people write it: texts without quotes.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let mut schema = schema;
    for _ in 0..MAX_REFERENCES {
        let target = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

pub(super) fn kind_of(schema: &Value, root: &Value) -> Kind {
    if let Some(constant) = schema.get("const") {
        return Kind::Choice(vec![constant.clone()]);
    }
    if let Some(options) = schema["enum"].as_array().filter(|options| !options.is_empty()) {
        let all = options.iter().all(Value::is_boolean);
        return if all { Kind::Boolean(options.clone()) } else { Kind::Choice(options.clone()) };
    }
    match type_of(schema) {
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean(vec![Value::Bool(true), Value::Bool(false)]),
        Some("object") => Kind::Json,
        Some("array") if schema.get("prefixItems").is_some() => Kind::Json,
        Some("array") => Kind::List(Box::new(item_kind(resolve(&schema["items"], root)))),
        _ => Kind::Any,
    }
}

/// Items are typed, whatever they are.
fn item_kind(schema: &Value) -> Kind {
    match type_of(schema) {
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("object" | "array" | "boolean") => Kind::Json,
        _ => match schema["enum"].as_array() {
            Some(options) if !options.is_empty() && options.iter().all(Value::is_string) => Kind::Text,
            _ => Kind::Any,
        },
    }
}

/// The one type of a schema besides null.
fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.next().filter(|_| names.next().is_none())
        }
        _ => None,
    }
}

/// The JSON that a text means.
pub(super) fn read(kind: &Kind, text: &str) -> Result<Value, String> {
    let json = || serde_json::from_str::<Value>(text);
    match kind {
        // What is no number stays a text: the schema says what it wants instead.
        Kind::Integer | Kind::Number => {
            Ok(json().ok().filter(Value::is_number).unwrap_or_else(|| text.into()))
        }
        Kind::Json => json().map_err(|error| format!("not JSON: {error}")),
        Kind::Any => match json() {
            Ok(value) => Ok(value),
            Err(error) if text.trim_start().starts_with(['{', '[', '"']) => Err(format!("not JSON: {error}")),
            Err(_) => Ok(text.into()),
        },
        _ => Ok(text.into()),
    }
}

/// The text that means `value`, if there is one.
pub(super) fn written(kind: &Kind, value: &Value) -> Option<String> {
    let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let candidates = [plain, value.to_string()];
    candidates.into_iter().find(|text| read(kind, text).is_ok_and(|read| read == *value))
}

/// What the schema says about the size of a value.
pub(super) fn bounds(schema: &Value, kind: &Kind) -> String {
    let number = |key: &str| schema.get(key).filter(|value| value.is_number());
    let (least, most) = match kind {
        Kind::Integer | Kind::Number => ("minimum", "maximum"),
        Kind::List(_) => ("minItems", "maxItems"),
        _ => return String::new(),
    };
    let range = match (number(least), number(most)) {
        (Some(least), Some(most)) if least == most => format!("exactly {least}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => String::new(),
    };
    let options = schema["items"]["enum"].as_array().filter(|_| matches!(kind, Kind::List(_)));
    let options = options.map(|all| all.iter().map(shown).collect::<Vec<_>>().join(", "));
    let options = options.map(|all| format!("of {all}")).unwrap_or_default();
    [range, options].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The words of a name: `api_key`, `apiKey` and `api-key` are two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

pub(super) fn is_secret(name: &str, schema: &Value) -> bool {
    const SECRET: [&str; 9] =
        ["password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "credentials", "pin"];
    const KEYS: [&str; 6] = ["api", "access", "private", "secret", "signing", "auth"];
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    let key = last == "key" && words.iter().rev().nth(1).is_some_and(|word| KEYS.contains(&word.as_str()));
    key || SECRET.contains(&last) || schema["format"] == "password" || schema["writeOnly"] == true
}

pub(super) fn is_path(name: &str, help: &str, schema: &Value) -> bool {
    const PATH: [&str; 14] = [
        "path",
        "paths",
        "file",
        "files",
        "filename",
        "dir",
        "directory",
        "folder",
        "root",
        "input",
        "output",
        "src",
        "dest",
        "destination",
    ];
    let named =
        |text: &str, many: usize| words(text).iter().take(many).any(|word| PATH.contains(&word.as_str()));
    let format = schema["format"].as_str().is_some_and(|format| format.contains("path"));
    let last = words(name).pop().unwrap_or_default();
    format || PATH.contains(&last.as_str()) || named(help, 6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_tell_secrets_and_paths() {
        for (name, secret) in [
            ("api_key", true),
            ("accessKey", true),
            ("PASSWORD", true),
            ("max_tokens", false),
            ("key", false),
        ] {
            assert_eq!(is_secret(name, &json!({})), secret, "{name}");
        }
        assert!(is_path("file", "", &json!({})) && is_path("x", "CSV or TSV file", &json!({})));
        assert!(!is_path("city", "Name of the city", &json!({})));
    }
}
