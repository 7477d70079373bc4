//! A schema that the author wrote, in each place where one can stand, and what comes of it in a call.

use std::fs;

use serde_json::{Value, json};
use skilldeck::skill;
use skilldeck::skill::schema::{self, Invocation, Mismatch, Source, Tool};

use crate::OnDisk;
use crate::common::open_folder;

const SCRIPT: &str = "import sys\nprint(sys.stdin.read())\n";

fn with(front: &str, body: &str, script: &str) -> (OnDisk, Tool) {
    let folder = open_folder();
    let path = folder.path().join("demo");
    fs::create_dir_all(path.join("scripts")).unwrap();
    fs::write(path.join("SKILL.md"), format!("---\nname: demo\ndescription: A demo.\n{front}---\n{body}"))
        .unwrap();
    fs::write(path.join("scripts/main.py"), script).unwrap();
    let skill = skill::read(&path, folder.path());
    let tool = schema::tools(&skill).remove(0);
    (OnDisk { _folder: folder, skill }, tool)
}

fn wrong(tool: &Tool, input: &Value) -> Vec<String> {
    schema::invocation(tool, input).unwrap_err().iter().map(Mismatch::to_string).collect()
}

const BLOCK: &str = "# Demo\n\n```yaml\n## Runtime\ninput_schema: {type: string}\n```\n\n## Runtime\n\nText.\n\n```yaml\nlanguage: python\ninput_schema:\n  type: object\n  properties:\n    city: {type: string, minLength: 2}\n    days:\n      type: integer\n      maximum: 7\n  required: [city]\n```\n\n## After\n";

#[test]
fn it_stands_in_front_matter_in_metadata_or_in_the_runtime_block() {
    let front =
        "input_schema:\n  type: object\n  properties:\n    city: {type: string}\n    days: {type: integer}\n";
    let metadata =
        "metadata:\n  input_schema: '{\"properties\": {\"city\": {\"type\": \"string\"}, \"days\": {}}}'\n";
    let cases = [
        (front, "", [7, 8]),
        // JSON as text has no lines of its own.
        (metadata, "", [5, 5]),
        ("", BLOCK, [21, 22]),
        // Front matter comes first.
        (front, BLOCK, [7, 8]),
    ];
    for (front, body, lines) in cases {
        let (_skill, tool) = with(front, body, SCRIPT);
        assert_eq!(tool.source, Source::Explicit, "{front}{body}");
        assert_eq!(tool.schema()["type"], "object");
        let places: Vec<String> = tool.places.iter().map(ToString::to_string).collect();
        assert_eq!(places, lines.map(|line| format!("SKILL.md:{line}")), "{front}{body}");
    }
    let (_skill, tool) = with(
        "",
        "## Runtime\n\nNo block.\n\n## Other\n\n```yaml\ninput_schema: {type: object}\n```\n",
        SCRIPT,
    );
    assert_eq!(tool.source, Source::Free);
}

#[test]
fn what_fits_goes_to_standard_input() {
    let (_skill, tool) = with("", BLOCK, SCRIPT);
    let call = schema::invocation(&tool, &json!({"city": "Bonn", "days": null, "more": [1]})).unwrap();
    let stdin = br#"{"city":"Bonn","more":[1]}"#.to_vec();
    assert_eq!(call, Invocation { argv: Vec::new(), stdin }, "null is not given");
    assert_eq!(
        wrong(&tool, &json!({"city": "B", "days": 8})),
        ["/city: found 1 character, expected at least 2", "/days: found the number 8, expected at most 7"]
    );
    assert_eq!(wrong(&tool, &json!({})), ["/city: found nothing, expected text (required)"]);
    assert_eq!(wrong(&tool, &json!([])), ["the input: found a list of 0 values, expected an object"]);
}

#[test]
fn a_schema_of_a_list_is_called_with_one_key_or_as_it_is() {
    let front = "input_schema: '{\"type\": \"array\", \"items\": {\"type\": \"integer\"}}'\n";
    let (_skill, tool) = with(front, "", SCRIPT);
    assert_eq!(tool.schema()["required"], json!(["input"]));
    for input in [json!({"input": [1, 2]}), json!([1, 2])] {
        assert_eq!(schema::invocation(&tool, &input).unwrap().stdin, b"[1,2]");
    }
    assert_eq!(
        wrong(&tool, &json!({"input": ["a"]})),
        ["/input/0: found the text \"a\", expected a whole number"]
    );
}

#[test]
fn with_a_parser_it_is_checked_and_the_parser_is_called() {
    let front =
        "input_schema:\n  properties:\n    n: {type: integer, minimum: 1}\n    other: {type: string}\n";
    let script =
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int)\np.parse_args()\n";
    let (_skill, tool) = with(front, "", script);
    assert_eq!(schema::invocation(&tool, &json!({"n": 2})).unwrap().argv, ["--n", "2"]);
    assert_eq!(
        wrong(&tool, &json!({"n": 0, "other": "x"})),
        ["/n: found the number 0, expected at least 1", "/other: found an unknown key, expected one of n"]
    );
}

#[test]
fn one_that_is_not_used_is_told() {
    let told = |front: &str| {
        let (found, tool) = with(front, "", SCRIPT);
        assert_eq!(tool.source, Source::Free);
        schema::unused_schema(&found.skill).unwrap_or_default()
    };
    assert!(told("input_schema: '{\"a\": }'\n").starts_with("SKILL.md:4: `input_schema` is not JSON: "));
    let not_a_schema =
        "SKILL.md:5: `input_schema` is not a schema; write a mapping, or a JSON object as text";
    assert_eq!(told("metadata:\n  input_schema: [1]\n"), not_a_schema);
    let elsewhere = "SKILL.md:4: `input_schema` is for no script of the skill; name one with `entry_point`";
    assert_eq!(told("input_schema: {type: object}\nentry_point: scripts/no.py\n"), elsewhere);
    assert_eq!(told(""), "");
}
