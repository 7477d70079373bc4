//! Schemas for OpenAI's strict mode, in which a model cannot help but give an input that fits.
//!
//! The mode takes a subset of JSON Schema: every object closed, every property required. A property that may be left
//! out becomes one that may be null, which a call takes for not given. What merely describes, and bounds that the mode
//! does not know, go into the description: an input is checked once more before it is used. A schema that means
//! something the mode cannot say is refused, with reasons. Rules and limits are those of OpenAI's guide to structured
//! outputs (October 2026).

use serde_json::{Map, Value, json};

use super::validate::below;

/// Deepest nesting of objects.
const MAX_NESTING: usize = 10;
const MAX_PROPERTIES: usize = 5000;
const MAX_CHOICES: usize = 1000;
/// Characters of all names, choices and constants together.
const MAX_TEXT: usize = 120_000;
/// Choices of one property beyond which their text is bounded too.
const MANY_CHOICES: usize = 250;
const MAX_CHOICES_TEXT: usize = 15_000;

/// Why a schema cannot be strict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where in the schema: a JSON pointer.
    pub pointer: String,
    pub reason: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.pointer.is_empty() { "the schema" } else { &self.pointer };
        write!(f, "{place} {}", self.reason)
    }
}

/// The same schema for strict mode, or every reason why not.
pub fn strict(schema: &Value) -> Result<Value, Vec<Refusal>> {
    let mut converter = Converter::default();
    if schema["type"] != "object" || schema.get("anyOf").is_some() {
        converter.refuse("", "is not one object");
    }
    let strict = converter.schema(schema, "", 0);
    converter.limits();
    if converter.refused.is_empty() { Ok(strict) } else { Err(converter.refused) }
}

/// Keywords that strict mode knows and that are taken over as they are.
const KEPT: [&str; 13] = [
    "type",
    "enum",
    "const",
    "$ref",
    "title",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];
/// Values of `format` that it knows.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
/// Bounds that it does not know: told in words instead.
const TOLD: [(&str, &str); 7] = [
    ("default", "default"),
    ("minLength", "fewest characters"),
    ("maxLength", "most characters"),
    ("uniqueItems", "no value twice"),
    ("minProperties", "fewest keys"),
    ("maxProperties", "most keys"),
    ("format", "format"),
];
/// Keywords without which a schema means the same.
const DROPPED: [&str; 8] =
    ["$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly", "definitions"];

#[derive(Default)]
struct Converter {
    refused: Vec<Refusal>,
    properties: usize,
    choices: usize,
    text: usize,
}

impl Converter {
    fn refuse(&mut self, at: &str, reason: impl Into<String>) {
        // A handful says enough.
        if self.refused.len() < 20 {
            self.refused.push(Refusal { pointer: at.to_owned(), reason: reason.into() });
        }
    }

    fn schema(&mut self, schema: &Value, at: &str, nesting: usize) -> Value {
        let Value::Object(keywords) = schema else {
            self.refuse(at, "takes any value");
            return schema.clone();
        };
        let says =
            ["type", "enum", "const", "$ref", "anyOf"].iter().any(|keyword| keywords.contains_key(*keyword));
        if !says {
            self.refuse(at, "takes any value");
        }
        let is = |name: &str| match &keywords.get("type") {
            Some(Value::Array(names)) => names.iter().any(|known| known == name),
            Some(kind) => *kind == name,
            None => false,
        };
        let mut out = Map::new();
        let mut told = Vec::new();
        for (keyword, value) in keywords {
            match keyword.as_str() {
                "format" if FORMATS.iter().any(|known| value == known) => {
                    out.insert(keyword.clone(), value.clone());
                }
                keyword if KEPT.contains(&keyword) => {
                    out.insert(keyword.to_owned(), value.clone());
                }
                "anyOf" => {
                    let several = value.as_array().into_iter().flatten().enumerate();
                    let several =
                        several.map(|(i, one)| self.schema(one, &format!("{at}/anyOf/{i}"), nesting));
                    out.insert("anyOf".into(), several.collect());
                }
                "$defs" => {
                    let all = value.as_object().into_iter().flatten();
                    let place = |name: &str| below(&format!("{at}/$defs"), name);
                    let all = all.map(|(name, one)| (name.clone(), self.schema(one, &place(name), nesting)));
                    out.insert("$defs".into(), Value::Object(all.collect()));
                }
                "items" if is("array") => {
                    out.insert("items".into(), self.schema(value, &format!("{at}/items"), nesting));
                }
                "properties" | "required" | "additionalProperties" | "items" | "description" => {}
                keyword => match TOLD.iter().find(|(known, _)| *known == keyword) {
                    Some((_, words)) => {
                        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        told.push(format!("{words}: {value}"));
                    }
                    None if DROPPED.contains(&keyword) => {}
                    None => self.refuse(at, format!("has `{keyword}`, which strict mode does not know")),
                },
            }
        }
        let choices: Vec<&Value> = [keywords.get("const")]
            .into_iter()
            .flatten()
            .chain(keywords.get("enum").and_then(Value::as_array).into_iter().flatten())
            .collect();
        self.count_choices(&choices, at);
        if is("array") && !keywords.contains_key("items") {
            self.refuse(at, "is a list of any values");
        }
        if is("object") {
            self.object(keywords, &mut out, at, nesting + 1);
        }
        let help = keywords.get("description").and_then(Value::as_str).unwrap_or_default();
        // A default that the help already tells is not told twice.
        told.retain(|note| !help.contains(note.as_str()));
        let notes = if told.is_empty() { String::new() } else { format!("({})", told.join(", ")) };
        let description =
            [help, &notes].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        if !description.is_empty() {
            out.insert("description".into(), description.into());
        }
        Value::Object(out)
    }

    /// Closed, and every property required.
    fn object(
        &mut self,
        keywords: &Map<String, Value>,
        out: &mut Map<String, Value>,
        at: &str,
        nesting: usize,
    ) {
        if nesting > MAX_NESTING {
            self.refuse(at, format!("is nested more than {MAX_NESTING} levels deep"));
            return;
        }
        let open = match keywords.get("additionalProperties") {
            Some(Value::Bool(false)) => false,
            None => !keywords.contains_key("properties"),
            Some(_) => true,
        };
        if open {
            self.refuse(at, "takes keys of any name");
        }
        let required = |name: &str| {
            let names = keywords.get("required").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|known| known == name))
        };
        let mut properties = Map::new();
        for (name, property) in keywords.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.properties += 1;
            self.text += name.chars().count();
            let converted = self.schema(property, &below(&format!("{at}/properties"), name), nesting);
            properties.insert(name.clone(), if required(name) { converted } else { nullable(converted) });
        }
        out.insert("required".into(), properties.keys().cloned().collect());
        out.insert("properties".into(), Value::Object(properties));
        out.insert("additionalProperties".into(), false.into());
    }

    fn count_choices(&mut self, choices: &[&Value], at: &str) {
        let text = choices
            .iter()
            .filter_map(|choice| choice.as_str())
            .map(|text| text.chars().count())
            .sum::<usize>();
        self.choices += choices.len();
        self.text += text;
        if choices.len() > MANY_CHOICES && text > MAX_CHOICES_TEXT {
            self.refuse(at, format!("has choices of {text} characters; {MAX_CHOICES_TEXT} are allowed"));
        }
    }

    fn limits(&mut self) {
        let counts = [
            (self.properties, MAX_PROPERTIES, "properties"),
            (self.choices, MAX_CHOICES, "choices"),
            (self.text, MAX_TEXT, "characters in names and choices"),
        ];
        for (count, most, what) in counts {
            if count > most {
                self.refuse("", format!("has {count} {what}; {most} are allowed"));
            }
        }
    }
}

/// The schema with null for not given.
fn nullable(mut schema: Value) -> Value {
    let Value::Object(map) = &mut schema else { return schema };
    if let Some(choices) = map.get_mut("enum").and_then(Value::as_array_mut)
        && !choices.contains(&Value::Null)
    {
        choices.push(Value::Null);
    }
    let choice = map.contains_key("enum");
    match map.get_mut("type") {
        Some(Value::Array(names)) => {
            if !names.iter().any(|name| name == "null") {
                names.push("null".into());
            }
        }
        Some(name) => *name = json!([name.clone(), "null"]),
        None if choice => {}
        None => {
            let description = map.shift_remove("description");
            let several = match map.shift_remove("anyOf") {
                Some(Value::Array(several)) if map.is_empty() => several,
                Some(several) => {
                    map.insert("anyOf".into(), several);
                    vec![Value::Object(std::mem::take(map))]
                }
                None => vec![Value::Object(std::mem::take(map))],
            };
            map.insert("anyOf".into(), several.into_iter().chain([json!({ "type": "null" })]).collect());
            map.extend(description.map(|text| ("description".to_owned(), text)));
        }
    }
    schema
}
