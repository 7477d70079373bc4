//! The subcommands of an entry as one tool: a key of the input names the subcommand.

use serde_json::{Map, Value, json};

use super::validate::below;
use super::words::described;
use super::{Input, Mismatch, Tool};

/// One tool for all; `name` is for a tool that was made of several.
pub(super) fn merged(mut tools: Vec<Tool>, name: String) -> Tool {
    if tools.len() == 1 && tools[0].subcommand.is_empty() {
        return tools.remove(0);
    }
    let mut places = Vec::new();
    for place in tools.iter().flat_map(|tool| &tool.places) {
        if !places.contains(place) {
            places.push(place.clone());
        }
    }
    Tool {
        name,
        description: description(&tools),
        subcommand: Vec::new(),
        places,
        entry: tools[0].entry.clone(),
        source: tools[0].source,
        input: Input::Commands(tools),
    }
}

/// What each subcommand does, since the one tool has only one description.
fn description(tools: &[Tool]) -> String {
    let lines = tools.iter().map(|tool| format!("{}: {}", command(tool), tool.description));
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of a subcommand, as the key has them.
pub fn command(tool: &Tool) -> String {
    tool.subcommand.join(" ")
}

/// The key that names the subcommand: `command`, unless a subcommand has a parameter of that name.
pub fn key(tools: &[Tool]) -> String {
    let taken = |key: &str| tools.iter().any(|tool| tool.schema()["properties"].get(key).is_some());
    let mut key = "command".to_owned();
    while taken(&key) {
        key.push('_');
    }
    key
}

/// All properties of all subcommands; only what every one of them requires is required.
pub(super) fn schema(tools: &[Tool]) -> Value {
    let key = key(tools);
    let schemas: Vec<(String, Value)> = tools.iter().map(|tool| (command(tool), tool.schema())).collect();
    let commands: Vec<&String> = schemas.iter().map(|(command, _)| command).collect();
    let mut properties = Map::new();
    properties.insert(key.clone(), json!({ "type": "string", "enum": commands }));
    for (name, _) in
        schemas.iter().flat_map(|(_, schema)| schema["properties"].as_object().into_iter().flatten())
    {
        if !properties.contains_key(name) {
            properties.insert(name.clone(), property(name, &schemas));
        }
    }
    let all = |name: &str| {
        let has = |schema: &Value| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
        };
        schemas.iter().all(|(_, schema)| has(schema))
    };
    let required: Vec<&String> = properties.keys().filter(|name| **name == key || all(name)).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": schemas.iter().any(|(_, schema)| schema["additionalProperties"] != false),
    })
}

/// A property of some subcommands, and of which. Where they mean different things by it, one of several schemas.
fn property(name: &str, schemas: &[(String, Value)]) -> Value {
    let having: Vec<(&String, &Value)> = schemas
        .iter()
        .filter_map(|(command, schema)| Some((command, schema["properties"].get(name)?)))
        .collect();
    let mut variants: Vec<Value> = Vec::new();
    let mut help: Vec<&str> = Vec::new();
    for (_, schema) in &having {
        let mut variant = (*schema).clone();
        if let Value::Object(map) = &mut variant {
            map.shift_remove("description");
            map.shift_remove("default");
        }
        if !variants.contains(&variant) {
            variants.push(variant);
        }
        let text = schema["description"].as_str().unwrap_or_default();
        if !text.is_empty() && !help.contains(&text) {
            help.push(text);
        }
    }
    let mut property = match variants.len() {
        1 => variants.remove(0),
        _ => json!({ "anyOf": variants }),
    };
    if let Some(default) = having[0].1.get("default")
        && having.iter().all(|(_, schema)| schema.get("default") == Some(default))
    {
        property["default"] = default.clone();
    }
    let mut text = help.join("; ");
    if having.len() < schemas.len() {
        let commands: Vec<&str> = having.iter().map(|(command, _)| command.as_str()).collect();
        text = format!("{text} (only for {})", commands.join(", "));
    }
    let text = text.trim();
    if !text.is_empty()
        && let Value::Object(map) = &mut property
    {
        map.insert("description".into(), text.into());
    }
    property
}

/// The subcommand that an input names, and the rest of the input. Keys that are null and belong to other
/// subcommands are left out: that is what a model writes that has to give every key.
pub(super) fn choose<'t>(
    tools: &'t [Tool],
    object: &Map<String, Value>,
) -> Result<(&'t Tool, Map<String, Value>), Mismatch> {
    let key = key(tools);
    let given = object.get(&key).unwrap_or(&Value::Null);
    let Some(tool) = tools.iter().find(|tool| given.as_str() == Some(&command(tool))) else {
        let commands: Vec<String> = tools.iter().map(command).collect();
        let found = if given.is_null() { "nothing".to_owned() } else { described(given) };
        let wanted = format!("the name of a subcommand: one of {}", commands.join(", "));
        return Err(Mismatch::new(&below("", &key), found, wanted));
    };
    let own = tool.schema();
    let others = |name: &str| {
        own["properties"].get(name).is_none()
            && tools.iter().any(|tool| tool.schema()["properties"].get(name).is_some())
    };
    let mut rest = object.clone();
    rest.shift_remove(&key);
    rest.retain(|name, value| !(value.is_null() && others(name)));
    Ok((tool, rest))
}
