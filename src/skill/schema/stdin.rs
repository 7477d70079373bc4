//! JSON on standard input: the keys that a script reads from it.

use serde_json::{Map, Value as Json, json};

/// Most keys that are kept.
const MAX_KEYS: usize = 200;

/// What is known of the input; `None` when it is not read.
#[derive(Debug, Default)]
pub(super) struct Input {
    keys: Option<Vec<(String, Key)>>,
}

#[derive(Debug)]
struct Key {
    default: Option<Json>,
    required: bool,
    line: usize,
}

impl Input {
    /// The script reads JSON from standard input.
    pub(super) fn read(&mut self) {
        self.keys.get_or_insert_with(Vec::new);
    }

    pub(super) fn is_read(&self) -> bool {
        self.keys.is_some()
    }

    /// A key of that JSON. Reading it without a default makes it required.
    pub(super) fn key(&mut self, key: &str, default: Option<Json>, required: bool, line: usize) {
        let keys = self.keys.get_or_insert_with(Vec::new);
        if let Some((_, known)) = keys.iter_mut().find(|(known, _)| known == key) {
            known.default = known.default.take().or(default);
        } else if keys.len() < MAX_KEYS {
            keys.push((key.to_owned(), Key { default, required, line }));
        }
    }

    /// Where each key is read: name and line.
    pub(super) fn lines(&self) -> Vec<(String, usize)> {
        self.keys.iter().flatten().map(|(name, key)| (name.clone(), key.line)).collect()
    }

    /// Its JSON Schema.
    pub(super) fn schema(&self) -> Option<Json> {
        let keys = self.keys.as_ref()?;
        let property = |key: &Key| {
            let mut property = Map::new();
            let kind = match &key.default {
                Some(Json::Bool(_)) => Some("boolean"),
                Some(Json::Number(number)) if number.is_f64() => Some("number"),
                Some(Json::Number(_)) => Some("integer"),
                Some(Json::String(_)) => Some("string"),
                Some(Json::Array(_)) => Some("array"),
                Some(Json::Object(_)) => Some("object"),
                _ => None,
            };
            if let Some(kind) = kind {
                property.insert("type".into(), kind.into());
            }
            property.insert("description".into(), format!("read on line {}", key.line).into());
            if let Some(default) = key.default.clone().filter(|default| !default.is_null()) {
                property.insert("default".into(), default);
            }
            Json::Object(property)
        };
        let properties: Map<String, Json> =
            keys.iter().map(|(name, key)| (name.clone(), property(key))).collect();
        let required: Vec<&String> =
            keys.iter().filter(|(_, key)| key.required).map(|(name, _)| name).collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        Some(schema)
    }
}
