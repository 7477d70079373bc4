//! The published rules of OpenAI's function calling and structured outputs, as a checker of its own: a list of tools that
//! passes is one that the service takes.

use serde_json::Value;

/// Deepest nesting of objects that every model takes; newer ones take 10.
const MAX_NESTING: usize = 5;
/// Properties that every model takes; newer ones take 5000.
const MAX_PROPERTIES: usize = 100;
const MAX_CHOICES: usize = 500;
const MAX_TEXT: usize = 15_000;

const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];
/// All that strict mode may meet.
const STRICT: [&str; 21] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "$ref",
    "$defs",
    "description",
    "title",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "exclusiveMinimum",
    "exclusiveMaximum",
];

/// What breaks a rule, each with the tool and the place.
pub(crate) fn problems(tools: &Value) -> Vec<String> {
    let mut checker = Checker::default();
    let mut names = Vec::new();
    for tool in tools.as_array().unwrap() {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        name.clone_into(&mut checker.tool);
        checker.must(tool["type"] == "function", "type is function");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        checker.must(
            (1..=64).contains(&name.len()) && name.chars().all(plain),
            "a plain name of up to 64 characters",
        );
        checker.must(!names.contains(&name), "a name of its own");
        names.push(name);
        let description = function["description"].as_str().unwrap_or_default().chars().count();
        checker.must((1..=1024).contains(&description), "a description of up to 1024 characters");
        let parameters = &function["parameters"];
        checker.must(parameters["type"] == "object", "an object at the root");
        checker.must(parameters["properties"].is_object(), "properties at the root");
        checker.strict = function["strict"] == true;
        (checker.properties, checker.choices, checker.text) = (0, 0, 0);
        checker.schema(parameters, "", 0);
        checker.must(checker.properties <= MAX_PROPERTIES, "few enough properties");
        checker.must(checker.choices <= MAX_CHOICES, "few enough choices");
        checker.must(checker.text <= MAX_TEXT, "little enough text in names and choices");
    }
    checker.problems
}

#[derive(Default)]
struct Checker {
    tool: String,
    strict: bool,
    properties: usize,
    choices: usize,
    text: usize,
    problems: Vec<String>,
}

impl Checker {
    fn must(&mut self, holds: bool, rule: &str) {
        if !holds {
            self.problems.push(format!("{}: {rule}", self.tool));
        }
    }

    fn schema(&mut self, schema: &Value, at: &str, nesting: usize) {
        let Some(keywords) = schema.as_object() else {
            return self.must(!self.strict, &format!("{at}: a schema that is an object"));
        };
        if self.strict {
            for keyword in keywords.keys() {
                self.must(STRICT.contains(&keyword.as_str()), &format!("{at}: no `{keyword}`"));
            }
            let says = ["type", "enum", "const", "anyOf", "$ref"]
                .iter()
                .any(|keyword| keywords.contains_key(*keyword));
            self.must(says, &format!("{at}: a type"));
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        self.must(types.iter().all(|name| TYPES.contains(name)), &format!("{at}: known types"));
        for choice in schema["enum"].as_array().into_iter().flatten() {
            self.choices += 1;
            self.text += choice.as_str().map_or(0, str::len);
            let fits = match choice {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::String(_) => "string",
                Value::Number(number) if number.is_f64() => "number",
                Value::Number(_) => "integer",
                _ => "object",
            };
            self.must(types.is_empty() || types.contains(&fits), &format!("{at}: choices of the type"));
        }
        if types.contains(&"array") {
            self.must(schema["items"].is_object() || !self.strict, &format!("{at}: items of a list"));
        }
        if let Some(items) = keywords.get("items") {
            self.schema(items, &format!("{at}/items"), nesting);
        }
        for (index, one) in schema["anyOf"].as_array().into_iter().flatten().enumerate() {
            self.must(!at.is_empty() || !self.strict, "no anyOf at the root");
            self.schema(one, &format!("{at}/anyOf/{index}"), nesting);
        }
        for (name, one) in schema["$defs"].as_object().into_iter().flatten() {
            self.schema(one, &format!("{at}/$defs/{name}"), nesting);
        }
        if types.contains(&"object") {
            self.object(schema, at, nesting + 1);
        }
    }

    fn object(&mut self, schema: &Value, at: &str, nesting: usize) {
        let empty = serde_json::Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.must(nesting <= MAX_NESTING || !self.strict, &format!("{at}: nested too deep"));
        let known = required.iter().all(|name| properties.contains_key(*name));
        self.must(known, &format!("{at}: only properties are required"));
        if self.strict {
            self.must(schema["additionalProperties"] == false, &format!("{at}: a closed object"));
            let all = properties.keys().all(|name| required.contains(&name.as_str()));
            self.must(all, &format!("{at}: every property required"));
        }
        for (name, property) in properties {
            self.properties += 1;
            self.text += name.len();
            self.schema(property, &format!("{at}/properties/{name}"), nesting);
        }
    }
}
