//! What `skilldeck schema` prints, in the forms that model providers take.

use std::collections::HashSet;

use serde_json::{Value, json};
use skilldeck::skill::schema::{self, Form, Input, Tool, render, render_strict, strict::strict};

use crate::inputs::{Random, input};
use crate::openai::problems;
use crate::{parsers, samples, skill_of, skill_with};

fn all_tools() -> Vec<Tool> {
    let parsers = parsers().into_iter().flat_map(|script| {
        let found = skill_of(&script);
        [schema::tools(&found.skill), schema::tools_by_entry(&found.skill)].concat()
    });
    let samples = samples()
        .into_iter()
        .flat_map(|skill| [schema::tools(&skill), schema::tools_by_entry(&skill)].concat());
    samples.chain(parsers).collect()
}

#[test]
fn openai_takes_the_tools_of_every_sample() {
    let skills = samples();
    assert_eq!(skills.len(), 9);
    let mut all = Vec::new();
    for skill in &skills {
        for tools in [schema::tools(skill), schema::tools_by_entry(skill)] {
            assert!(!tools.is_empty(), "{}", skill.name);
            assert_eq!(problems(&render(&tools, Form::OpenAi)), Vec::<String>::new());
            let (rendered, refused) = render_strict(&tools);
            assert_eq!(problems(&rendered), Vec::<String>::new());
            assert_eq!(refused, [], "{}", skill.name);
            assert!(rendered.as_array().unwrap().iter().all(|tool| tool["function"]["strict"] == true));
            all.extend(tools);
        }
    }
    let all = schema::distinct(all);
    assert_eq!(problems(&render(&all, Form::OpenAi)), Vec::<String>::new(), "over all skills");
    let names: HashSet<&str> = all.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let tool = |name: &str, parameters: Value| json!([{"type": "function", "function": {"name": name, "description": "d", "parameters": parameters, "strict": true}}]);
    let good = json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"], "additionalProperties": false});
    assert_eq!(problems(&tool("a", good.clone())), Vec::<String>::new());
    assert_eq!(problems(&tool("a b", good.clone())).len(), 1);
    let changed = |pointer: &str, value: Value| {
        let mut schema = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        schema.pointer_mut(parent).unwrap()[key] = value;
        problems(&tool("a", schema)).len()
    };
    assert_eq!(changed("/additionalProperties", json!(true)), 1);
    assert_eq!(changed("/required", json!([])), 1);
    assert_eq!(changed("/properties/a/default", json!("x")), 1);
    assert_eq!(changed("/properties/a/enum", json!([1])), 1);
    assert_eq!(changed("/properties/a", json!({})), 1);
    assert_eq!(changed("/properties/a", json!({"type": "array"})), 1);
}

#[test]
fn a_strict_schema_asks_for_less_and_means_the_same() {
    let mut strict_tools = 0;
    // A subcommand's keys do not go with another subcommand, which no strict schema can say.
    let alone = |tool: &Tool| !matches!(tool.input, Input::Commands(_));
    for tool in all_tools().into_iter().filter(alone) {
        let Ok(strict) = strict(&tool.schema()) else { continue };
        strict_tools += 1;
        let mut random = Random(7);
        for _ in 0..50 {
            let input = input(&strict, &mut random);
            // What a model writes in strict mode fits, but for what no schema can say.
            if let Err(wrong) = schema::invocation(&tool, &input) {
                let about_schema = wrong.iter().find(|one| {
                    ["text", "a whole number", "true or false", "one of \"", "an unknown key"]
                        .iter()
                        .any(|start| one.expected.starts_with(start) || one.found.starts_with(start))
                });
                assert_eq!(about_schema, None, "{} {input}", tool.name);
            }
        }
    }
    assert!(strict_tools > 20, "{strict_tools}");
}

#[test]
fn why_a_schema_cannot_be_strict_is_said() {
    let refused = |schema: Value| -> Vec<String> {
        strict(&schema).unwrap_err().iter().map(ToString::to_string).collect()
    };
    assert_eq!(refused(json!({"type": "object"})), ["the schema takes keys of any name"]);
    assert_eq!(
        refused(
            json!({"type": "object", "properties": {"a/b": {}, "l": {"type": "array"}, "o": {"oneOf": [], "type": "string"}}})
        ),
        [
            "/properties/a~1b takes any value",
            "/properties/l is a list of any values",
            "/properties/o has `oneOf`, which strict mode does not know"
        ]
    );
    let mut deep = json!({"type": "string"});
    for _ in 0..11 {
        deep = json!({"type": "object", "properties": {"x": deep}});
    }
    assert!(refused(deep)[0].ends_with("is nested more than 10 levels deep"));
    let choices: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let many = json!({"type": "object", "properties": {"c": {"enum": choices}}});
    assert_eq!(refused(many), ["the schema has 1001 choices; 1000 are allowed"]);
}

#[test]
fn a_strict_schema_in_detail() {
    let schema = json!({
        "type": "object",
        "properties": {
            "q": {"type": "string", "minLength": 2, "description": "what to look for"},
            "n": {"type": "integer", "default": 5, "minimum": 1},
            "form": {"enum": ["a", "b"], "default": "a", "description": "form (default: a)"},
            "at": {"type": "string", "format": "date"},
            "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "inner": {"type": "object", "properties": {"x": {"type": "boolean"}}},
        },
        "required": ["q"],
    });
    let wanted = json!({
        "type": "object",
        "properties": {
            "q": {"type": "string", "description": "what to look for (fewest characters: 2)"},
            "n": {"type": ["integer", "null"], "minimum": 1, "description": "(default: 5)"},
            "form": {"enum": ["a", "b", null], "description": "form (default: a)"},
            "at": {"type": ["string", "null"], "format": "date"},
            "either": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            "inner": {
                "type": ["object", "null"],
                "properties": {"x": {"type": ["boolean", "null"]}},
                "required": ["x"],
                "additionalProperties": false
            },
        },
        "required": ["q", "n", "form", "at", "either", "inner"],
        "additionalProperties": false,
    });
    assert_eq!(strict(&schema).unwrap(), wanted);
}

#[test]
fn names_are_plain_and_differ_over_several_skills() {
    let long = "an-extremely-long-name-for-a-skill-that-somebody-gave-to-it-on-purpose";
    let script = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--größe')\np.add_argument('--gr_e')\np.parse_args()\n";
    let skills = ["名前", "名前", long, "a b"].map(|name| skill_with(name, "main.py", script));
    let tools: Vec<Tool> = skills.iter().flat_map(|found| schema::tools(&found.skill)).collect();
    let tools = schema::distinct(tools);
    assert_eq!(problems(&render(&tools, Form::OpenAi)), Vec::<String>::new());
    for tool in &tools {
        let properties = tool.schema()["properties"].as_object().unwrap().clone();
        assert_eq!(properties.len(), 2);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(properties.keys().all(|name| name.chars().all(plain)), "{properties:?}");
        let call = schema::invocation(tool, &json!({ properties.keys().next().unwrap(): "x" })).unwrap();
        assert_eq!(call.argv, ["--größe", "x"]);
    }
}
