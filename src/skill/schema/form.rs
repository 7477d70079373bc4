//! Tools in the forms that their users take: JSON Schema, those of model providers, MCP.

use serde_json::{Map, Value, json};

use super::{How, Input, Kind, Many, Parameter, Tool};

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

fn one(tool: &Tool, form: Form) -> Value {
    let schema = tool.schema();
    match form {
        Form::OpenAi => json!({
            "type": "function",
            "function": { "name": tool.name, "description": tool.description, "parameters": schema },
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
            "input": if matches!(tool.input, Input::Arguments { .. }) { "arguments" } else { "stdin" },
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
    let Input::Arguments { parameters, .. } = &tool.input else { return json!({}) };
    let place = |p: &Parameter| (p.name.clone(), format!("{}:{}", tool.entry.display(), p.line).into());
    Value::Object(parameters.iter().map(place).collect())
}

impl Tool {
    /// The JSON Schema of the input object.
    pub fn schema(&self) -> Value {
        match &self.input {
            Input::Arguments { schema: Some(schema), .. } | Input::Stdin(schema) => object(schema.clone()),
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
        Value::Object(mut map) if map.get("type").is_none_or(|kind| kind == "object") => {
            map.entry("type").or_insert_with(|| "object".into());
            Value::Object(map)
        }
        other => json!({ "type": "object", "properties": { "input": other } }),
    }
}

fn arguments(parameters: &[Parameter]) -> Value {
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
        item.insert("minimum".into(), 0.into());
    }
    if !parameter.choices.is_empty() {
        item.insert("enum".into(), parameter.choices.clone().into());
    }
    if let How::RepeatedList(_, many) = parameter.how {
        item = list_of(item, many);
    }
    let mut out = match parameter.many {
        Some(many) => list_of(item, many),
        None => item,
    };
    let help = described(parameter, all);
    if !help.is_empty() {
        out.insert("description".into(), help.into());
    }
    if let Some(default) = &parameter.default {
        out.insert("default".into(), default.clone());
    }
    Value::Object(out)
}

fn list_of(item: Map<String, Value>, many: Many) -> Map<String, Value> {
    let mut list = Map::from_iter([("type".into(), "array".into()), ("items".into(), Value::Object(item))]);
    if many.least > 0 {
        list.insert("minItems".into(), many.least.into());
    }
    if let Some(most) = many.most {
        list.insert("maxItems".into(), most.into());
    }
    list
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
