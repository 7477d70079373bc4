//! The checker of inputs, keyword by keyword.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skilldeck::skill::schema::unchecked;
use skilldeck::skill::schema::validate::{MAX_MISMATCHES, validate};

fn told(schema: &Value, input: &Value) -> Vec<String> {
    validate(schema, input).iter().map(ToString::to_string).collect()
}

#[test]
fn every_keyword_accepts_and_refuses() {
    let table = [
        (json!({"type": "string"}), json!("x"), json!(1)),
        (json!({"type": "integer"}), json!(3.0), json!(3.5)),
        (json!({"type": "integer"}), json!(1e20), json!("3")),
        (json!({"type": "number"}), json!(3), json!(null)),
        (json!({"type": ["null", "boolean"]}), json!(null), json!(0)),
        (json!({"enum": [1, "a", {"x": 1.0}]}), json!({"x": 1}), json!(2)),
        (json!({"const": [1]}), json!([1.0]), json!([1, 2])),
        (json!({"minimum": 1, "maximum": 3}), json!(1), json!(0.9)),
        (json!({"minimum": 1, "maximum": 3}), json!("text is no number"), json!(3.1)),
        (json!({"exclusiveMinimum": 1}), json!(1.1), json!(1)),
        (json!({"exclusiveMaximum": 1}), json!(0), json!(1)),
        (json!({"multipleOf": 0.1}), json!(0.3), json!(0.35)),
        (json!({"minLength": 2}), json!("日本"), json!("日")),
        (json!({"maxLength": 2}), json!("日本"), json!("abc")),
        (json!({"pattern": "^a+$"}), json!("aa"), json!("ab")),
        (json!({"items": {"type": "integer"}}), json!([1, 2]), json!([1, "2"])),
        (json!({"prefixItems": [{"type": "string"}], "items": false}), json!(["a"]), json!(["a", 1])),
        (json!({"minItems": 1, "maxItems": 2}), json!([1]), json!([])),
        (json!({"uniqueItems": true}), json!([1, "1", [1]]), json!([1, 1.0])),
        (json!({"contains": {"const": 5}}), json!([1, 5]), json!([1])),
        (json!({"required": ["a"]}), json!({"a": null}), json!({})),
        (json!({"properties": {"a": {"type": "string"}}}), json!({"b": 1}), json!({"a": 1})),
        (json!({"properties": {"a": {}}, "additionalProperties": false}), json!({"a": 1}), json!({"b": 1})),
        (json!({"additionalProperties": {"type": "integer"}}), json!({"b": 1}), json!({"b": "1"})),
        (
            json!({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false}),
            json!({"x1": 1}),
            json!({"x": "a"}),
        ),
        (json!({"propertyNames": {"maxLength": 1}}), json!({"a": 1}), json!({"ab": 1})),
        (json!({"minProperties": 1, "maxProperties": 1}), json!({"a": 1}), json!({})),
        (json!({"dependentRequired": {"a": ["b"]}}), json!({"b": 1}), json!({"a": 1})),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), json!(2), json!(3)),
        (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), json!(2), json!(2.5)),
        (json!({"oneOf": [{"minimum": 1}, {"maximum": 2}]}), json!(3), json!(1.5)),
        (json!({"not": {"type": "null"}}), json!(0), json!(null)),
        (
            json!({"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"type": "integer"}}),
            json!(1),
            json!(""),
        ),
        (
            json!({"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}),
            json!({"x": ""}),
            json!({"x": 1}),
        ),
        (json!(true), json!(1), json!(1)),
        (json!(false), json!(1), json!(1)),
    ];
    let always = [json!(true), json!(false)];
    for (schema, good, bad) in table {
        if always.contains(&schema) {
            assert_eq!(validate(&schema, &good).is_empty(), schema == true);
            continue;
        }
        assert_eq!(told(&schema, &good), Vec::<String>::new(), "{schema}");
        assert_eq!(told(&schema, &bad).len(), 1, "{schema} {bad}: {:?}", told(&schema, &bad));
        assert_eq!(unchecked(&schema), Vec::<String>::new());
    }
}

#[test]
fn every_mistake_has_its_place_and_what_was_expected() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a/b": {"type": "object", "properties": {"~": {"type": "array", "items": {"type": "integer"}}}},
            "kind": {"enum": ["one", "two"]},
            "value": {"anyOf": [{"type": "object", "required": ["x"]}, {"type": "integer"}]},
        },
        "required": ["kind", "other"],
        "additionalProperties": false,
    });
    let input = json!({"a/b": {"~": [1, "2", null]}, "knid": "one", "value": {}, "other": 1});
    assert_eq!(
        told(&schema, &input),
        [
            "/kind: found nothing, expected one of \"one\", \"two\" (required)",
            "/a~1b/~0/1: found the text \"2\", expected a whole number",
            "/a~1b/~0/2: found null, expected a whole number",
            "/knid: found an unknown key, expected one of a/b, kind, value; did you mean `kind`?",
            "/value/x: found nothing, expected a value (required)",
            "/other: found an unknown key, expected one of a/b, kind, value",
        ]
    );
    for mismatch in validate(&schema, &input).iter().filter(|one| one.found != "nothing") {
        assert!(input.pointer(&mismatch.pointer).is_some(), "{mismatch}");
    }
    let long = told(&json!({"type": "integer"}), &json!("x".repeat(1_000_000)));
    assert!(long[0].len() < 200, "{}", long[0].len());
}

#[test]
fn what_is_not_checked_is_known() {
    let schema = json!({
        "properties": {
            "a": {"unevaluatedItems": false, "pattern": "(?=x)", "default": {"unknown": 1}},
            "b": {"$ref": "https://example.org/schema"},
        },
        "patternProperties": {"(?<!x)": {}},
        "allOf": [{"minContains": 2, "nullable": true}],
    });
    let mut found = unchecked(&schema);
    found.sort();
    let wanted = [
        "/allOf/0/minContains",
        "/allOf/0/nullable",
        "/patternProperties/(?<!x)",
        "/properties/a/pattern",
        "/properties/a/unevaluatedItems",
        "/properties/b/$ref",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn hostile_schemas_and_inputs_end() {
    let doubling: Vec<Value> = (0..20).map(|_| json!({"$ref": "#"})).collect();
    let schemas = [
        json!({"$ref": "#"}),
        json!({"anyOf": doubling}),
        json!({"not": {"$ref": "#"}}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
        json!({"pattern": "(a{1000}){1000}"}),
        json!({"properties": {"x": 1, "y": []}, "required": 7, "enum": {}, "minimum": "a", "items": 3, "anyOf": {}}),
    ];
    let many = json!({"list": (0..100_000).collect::<Vec<_>>()});
    for schema in &schemas {
        for input in [&json!({"x": [1]}), &json!("aaaa"), &many] {
            let begun = Instant::now();
            let wrong = validate(schema, input);
            assert!(begun.elapsed() < Duration::from_secs(20), "{schema:.80}");
            if schema["$ref"] == "#" || schema.get("not").is_some() {
                assert!(wrong.iter().any(|one| one.found == "more than can be checked"), "a bound is told");
            }
        }
    }
    let list = json!({"properties": {"list": {"items": {"type": "string"}}}});
    assert_eq!(validate(&list, &many).len(), MAX_MISMATCHES);
    let unique = json!({"properties": {"list": {"uniqueItems": true, "items": {"type": "integer"}}}});
    assert_eq!(told(&unique, &many), Vec::<String>::new(), "a long input is no reason to stop");
}
