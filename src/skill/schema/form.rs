//! Tools in the forms that their users take: JSON Schema, those of model providers, MCP.

use serde_json::{Map, Value, json};

use super::strict::{Refusal, strict};
use super::{How, Input, Kind, Many, Parameter, Tool, commands};

/// Longest description of a function that OpenAI takes, in characters.
const MAX_OPENAI_DESCRIPTION: usize = 1024;
/// Most that a flag can be repeated.
const MAX_COUNT: u32 = 100;
/// The key of the object around a schema that is not one of an object.
pub(super) const WRAPPED: &str = "input";

/// A way to write tools down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    OpenAi,
    Anthropic,
    Mcp,
    /// Our own: schema, source, entry, and where each property comes from.
    Json,
    /// The bare JSON Schema of each tool.
    JsonSchema,
}

/// A JSON list of tools.
pub fn render(tools: &[Tool], form: Form) -> Value {
    Value::Array(tools.iter().map(|tool| one(tool, form)).collect())
}

/// The list in OpenAI's form, each tool in strict mode where its schema allows that. For each of the others its name,
/// and why.
pub fn render_strict(tools: &[Tool]) -> (Value, Vec<(String, Vec<Refusal>)>) {
    let mut refused = Vec::new();
    let rendered = tools.iter().map(|tool| {
        let mut rendered = one(tool, Form::OpenAi);
        match strict(&tool.schema()) {
            Ok(schema) => {
                rendered["function"]["parameters"] = schema;
                rendered["function"]["strict"] = true.into();
            }
            Err(reasons) => {
                rendered["function"]["strict"] = false.into();
                refused.push((tool.name.clone(), reasons));
            }
        }
        rendered
    });
    (rendered.collect(), refused)
}

fn one(tool: &Tool, form: Form) -> Value {
    let schema = tool.schema();
    match form {
        Form::OpenAi => json!({
            "type": "function",
            "function": {
                "name": tool.name,
                "description": shortened(&tool.description, MAX_OPENAI_DESCRIPTION),
                "parameters": schema,
            },
        }),
        Form::Anthropic => {
            json!({ "name": tool.name, "description": tool.description, "input_schema": schema })
        }
        Form::Mcp => json!({ "name": tool.name, "description": tool.description, "inputSchema": schema }),
        Form::Json => json!({
            "name": tool.name,
            "description": tool.description,
            "entry": tool.entry.to_string_lossy(),
            "subcommand": tool.subcommand,
            "source": tool.source.code(),
            "input": if matches!(tool.input, Input::Stdin(_) | Input::Free) { "stdin" } else { "arguments" },
            "schema": schema,
            "places": places(tool),
        }),
        Form::JsonSchema => {
            let mut out = Map::new();
            out.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
            out.insert("title".into(), tool.name.clone().into());
            out.insert("description".into(), tool.description.clone().into());
            if let Value::Object(schema) = schema {
                out.extend(schema.into_iter().filter(|(key, _)| key != "$schema" && key != "title"));
            }
            Value::Object(out)
        }
    }
}

/// File and line of each property.
fn places(tool: &Tool) -> Value {
    let place = |place: &super::Place| (place.property.clone(), place.to_string().into());
    Value::Object(tool.places.iter().map(place).collect())
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

impl Tool {
    /// The JSON Schema of the input object.
    pub fn schema(&self) -> Value {
        match &self.input {
            Input::Arguments { schema: Some(schema), .. } | Input::Stdin(schema) => object(schema.clone()),
            Input::Commands(tools) => commands::schema(tools),
            Input::Arguments { parameters, schema: None } => arguments(parameters),
            Input::Free => json!({
                "type": "object",
                "properties": {
                    "args": {
                        "type": "array",
                        "items": { "type": "string" },
                        "description": "arguments on the command line; all other keys go to standard input as JSON",
                    },
                },
                "additionalProperties": true,
            }),
        }
    }
}

/// Model providers insist on an object at the top.
fn object(schema: Value) -> Value {
    match schema {
        Value::Object(mut map) if is_object(&Value::Object(map.clone())) => {
            map.entry("type").or_insert_with(|| "object".into());
            Value::Object(map)
        }
        other => json!({
            "type": "object",
            "properties": { WRAPPED: other },
            "required": [WRAPPED],
            "additionalProperties": false,
        }),
    }
}

pub(super) fn is_object(schema: &Value) -> bool {
    schema.as_object().is_some_and(|map| map.get("type").is_none_or(|kind| kind == "object"))
}

/// The schema of a command line.
pub(super) fn arguments(parameters: &[Parameter]) -> Value {
    let properties: Map<String, Value> =
        parameters.iter().map(|p| (p.name.clone(), property(p, parameters))).collect();
    let required: Vec<&str> = parameters.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["additionalProperties"] = Value::Bool(false);
    schema
}

impl Parameter {
    /// What a repeated flag is added to.
    pub(super) fn counts_from(&self) -> u32 {
        self.default.as_ref().and_then(Value::as_u64).and_then(|from| from.try_into().ok()).unwrap_or(0)
    }

    /// The values that can be said, when they are known.
    fn choices(&self) -> Vec<Value> {
        match &self.how {
            // Nothing on the command line sets it back.
            How::Flag(_, meaning) if self.required || self.default == Some(Value::Bool(*meaning)) => {
                vec![Value::Bool(*meaning)]
            }
            _ if self.kind == Kind::Text => {
                let text = |choice: &Value| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned);
                self.choices.iter().map(text).map(Value::from).collect()
            }
            _ => self.choices.clone(),
        }
    }

    /// Fewest values of a list. An empty list is not on the command line, and leaves the default in force.
    fn least(&self, many: Many) -> usize {
        let absent_when_empty = matches!(self.how, How::Repeated(_) | How::Positional | How::Rest);
        let default = self.default.as_ref().and_then(Value::as_array).is_some_and(|items| !items.is_empty());
        if absent_when_empty && (self.required || default) { many.least.max(1) } else { many.least }
    }
}

fn property(parameter: &Parameter, all: &[Parameter]) -> Value {
    let mut item = Map::new();
    let name = match parameter.kind {
        Kind::Text => Some("string"),
        Kind::Integer => Some("integer"),
        Kind::Number => Some("number"),
        Kind::Boolean => Some("boolean"),
        Kind::Json => None,
    };
    if let Some(name) = name {
        item.insert("type".into(), name.into());
    }
    if matches!(parameter.how, How::Count(_)) {
        let from = parameter.counts_from();
        item.insert("minimum".into(), (from + u32::from(parameter.required)).into());
        item.insert("maximum".into(), from.saturating_add(MAX_COUNT).into());
    }
    let choices = parameter.choices();
    if !choices.is_empty() {
        item.insert("enum".into(), choices.into());
    }
    let mut out = item;
    if let Some(many) = parameter.many {
        let mut list =
            Map::from_iter([("type".into(), "array".into()), ("items".into(), Value::Object(out))]);
        let least = parameter.least(many);
        if least > 0 {
            list.insert("minItems".into(), least.into());
        }
        if let Some(most) = many.most {
            list.insert("maxItems".into(), most.into());
        }
        out = list;
    }
    let help = described(parameter, all);
    if !help.is_empty() {
        out.insert("description".into(), help.into());
    }
    if let Some(default) = &parameter.default {
        out.insert("default".into(), default.clone());
    }
    Value::Object(out)
}

/// Help, and what a flat object cannot say otherwise: mutually exclusive groups.
fn described(parameter: &Parameter, all: &[Parameter]) -> String {
    let Some((group, required)) = parameter.exclusive else { return parameter.help.clone() };
    let others =
        all.iter().filter(|p| p.name != parameter.name && p.exclusive.is_some_and(|(g, _)| g == group));
    let others: Vec<&str> = others.map(|p| p.name.as_str()).collect();
    if others.is_empty() {
        return parameter.help.clone();
    }
    let needed = if required { "; one of them is required" } else { "" };
    let note = format!("(not together with {}{needed})", others.join(", "));
    format!("{} {note}", parameter.help).trim().to_owned()
}
