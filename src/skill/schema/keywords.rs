//! Which keywords of JSON Schema the checker of inputs knows. What it does not know is told, not passed over.

use regex::Regex;
use serde_json::Value;

use super::validate::{MAX_MISMATCHES, below};

/// Keywords that are checked, and those that only describe.
const KNOWN: &str = "type enum const required properties additionalProperties patternProperties propertyNames \
    minProperties maxProperties dependentRequired items prefixItems minItems maxItems uniqueItems contains minLength \
    maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf anyOf oneOf allOf not if then else \
    $ref $defs definitions title description default examples format deprecated readOnly writeOnly $schema $id \
    $comment contentMediaType contentEncoding";

/// What of a schema is not checked: pointers into it, such as `/properties/x/unevaluatedItems`.
pub fn unchecked(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), schema)];
    while let Some((at, schema)) = left.pop() {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            let place = below(&at, keyword);
            let unusable = match keyword.as_str() {
                "$ref" => !value.as_str().is_some_and(|target| target.starts_with('#')),
                "pattern" => value.as_str().is_none_or(|pattern| Regex::new(pattern).is_err()),
                keyword => !KNOWN.split_whitespace().any(|known| known == keyword),
            };
            if unusable && found.len() < MAX_MISMATCHES {
                found.push(place);
                continue;
            }
            match (keyword.as_str(), value) {
                ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(map)) => {
                    if keyword == "patternProperties" {
                        found.extend(
                            map.keys().filter(|key| Regex::new(key).is_err()).map(|k| below(&place, k)),
                        );
                    }
                    left.extend(map.iter().map(|(key, schema)| (below(&place, key), schema)));
                }
                ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                    let numbered = list.iter().enumerate();
                    left.extend(numbered.map(|(index, schema)| (format!("{place}/{index}"), schema)));
                }
                ("const" | "default" | "enum" | "examples" | "dependentRequired", _) => {}
                (_, Value::Object(_)) => left.push((place, value)),
                _ => {}
            }
        }
    }
    found
}
