//! Checks an input against a JSON Schema (draft 2020-12) and says everything that does not fit, each with its place.
//!
//! Schemas come from skills, so they are foreign text: references are followed within the schema only, and depth,
//! steps and the number of mismatches are bounded. Keywords that are not checked are known by
//! [`unchecked`](super::unchecked()).

use std::collections::HashMap;

use regex::Regex;
use serde::Serialize;
use serde_json::{Map, Value};

use super::words::{self, counted, described, is_integer};
use crate::skill::text::did_you_mean;

/// Most mismatches that are told of one input.
pub const MAX_MISMATCHES: usize = 100;
/// Deepest nesting of schemas, references included.
const MAX_DEPTH: usize = 200;
/// Most subschemas that are applied to one input, besides [`STEPS_PER_VALUE`] for each of its values.
const MAX_STEPS: usize = 200_000;
const STEPS_PER_VALUE: usize = 20;

/// One thing about an input that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Where in the input: a JSON pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    pub found: String,
    pub expected: String,
}

impl Mismatch {
    pub(super) fn new(pointer: &str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), found: found.into(), expected: expected.into() }
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.pointer.is_empty() { "the input" } else { &self.pointer };
        write!(f, "{place}: found {}, expected {}", self.found, self.expected)
    }
}

/// `pointer` and one more key.
pub(super) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Everything that does not fit, at most [`MAX_MISMATCHES`]; none when the input is valid.
pub fn validate(schema: &Value, input: &Value) -> Vec<Mismatch> {
    let steps = MAX_STEPS.saturating_add(values(input).saturating_mul(STEPS_PER_VALUE));
    let mut validator = Validator { root: schema, steps, exhausted: false, found: Vec::new() };
    validator.check(schema, input, "", 0);
    if validator.exhausted {
        validator.tell("", "more than can be checked", "a smaller input, or a schema that is nested less");
    }
    validator.found.truncate(MAX_MISMATCHES);
    validator.found
}

/// How many values a value is made of.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

struct Validator<'s> {
    root: &'s Value,
    /// How many may still be done.
    steps: usize,
    /// A bound was reached.
    exhausted: bool,
    found: Vec<Mismatch>,
}

impl<'s> Validator<'s> {
    fn tell(&mut self, pointer: &str, found: impl Into<String>, expected: impl Into<String>) {
        if self.found.len() < MAX_MISMATCHES {
            self.found.push(Mismatch::new(pointer, found, expected));
        }
    }

    /// What does not fit `schema`, without telling it.
    fn probe(&mut self, schema: &'s Value, value: &Value, at: &str, depth: usize) -> Vec<Mismatch> {
        let before = std::mem::take(&mut self.found);
        self.check(schema, value, at, depth + 1);
        std::mem::replace(&mut self.found, before)
    }

    fn check(&mut self, schema: &'s Value, value: &Value, at: &str, depth: usize) {
        if depth > MAX_DEPTH || self.steps == 0 {
            self.exhausted = true;
        }
        if self.exhausted || self.found.len() >= MAX_MISMATCHES {
            return;
        }
        self.steps -= 1;
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return self.tell(at, described(value), "nothing: no value is valid here"),
            _ => return,
        };
        if let Some(target) = keywords.get("$ref").and_then(|target| resolve(self.root, target)) {
            self.check(target, value, at, depth + 1);
        }
        if !has_type(keywords, value) {
            // What else would be said follows from the wrong type.
            return self.tell(at, described(value), words::expected(schema));
        }
        let constant = keywords.get("const").is_some_and(|wanted| !equal(wanted, value));
        let choices = keywords.get("enum").and_then(Value::as_array);
        if constant || choices.is_some_and(|choices| !choices.iter().any(|choice| equal(choice, value))) {
            self.tell(at, described(value), words::expected(schema));
        }
        match value {
            Value::Object(object) => self.object(keywords, object, at, depth),
            Value::Array(items) => self.array(keywords, items, at, depth),
            Value::String(text) => self.text(keywords, text, at),
            Value::Number(_) => self.number(keywords, value, at),
            _ => {}
        }
        self.combined(keywords, value, at, depth);
    }

    fn object(
        &mut self,
        keywords: &'s Map<String, Value>,
        object: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) {
        let properties = keywords.get("properties").and_then(Value::as_object);
        for key in names(keywords.get("required")).filter(|key| !object.contains_key(*key)) {
            let schema = properties.and_then(|properties| properties.get(key)).unwrap_or(&Value::Null);
            self.tell(&below(at, key), "nothing", format!("{} (required)", words::expected(schema)));
        }
        let dependent = keywords.get("dependentRequired").and_then(Value::as_object);
        for (given, needed) in dependent.into_iter().flatten().filter(|(key, _)| object.contains_key(*key)) {
            for key in names(Some(needed)).filter(|key| !object.contains_key(*key)) {
                self.tell(&below(at, key), "nothing", format!("a value, because `{given}` is given"));
            }
        }
        self.count(keywords, ("minProperties", "maxProperties"), object.len(), "key", at);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let patterns: Vec<(Regex, &Value)> = patterns
            .into_iter()
            .flatten()
            .filter_map(|(pattern, schema)| Some((Regex::new(pattern).ok()?, schema)))
            .collect();
        for (key, value) in object {
            let place = below(at, key);
            let mut known = false;
            if let Some(schema) = properties.and_then(|properties| properties.get(key)) {
                known = true;
                self.check(schema, value, &place, depth + 1);
            }
            for (_, schema) in patterns.iter().filter(|(pattern, _)| pattern.is_match(key)) {
                known = true;
                self.check(schema, value, &place, depth + 1);
            }
            if let Some(schema) = keywords.get("propertyNames")
                && let Some(wrong) = self.probe(schema, &Value::from(key.as_str()), at, depth).pop()
            {
                self.tell(
                    &place,
                    format!("the key {}", described(&Value::from(key.as_str()))),
                    wrong.expected,
                );
            }
            match keywords.get("additionalProperties") {
                Some(Value::Bool(false)) if !known => {
                    let keys = properties.into_iter().flat_map(Map::keys).map(String::as_str);
                    self.tell(&place, "an unknown key", known_keys(key, &keys.collect::<Vec<_>>()));
                }
                Some(schema) if !known => self.check(schema, value, &place, depth + 1),
                _ => {}
            }
        }
    }

    fn array(&mut self, keywords: &'s Map<String, Value>, items: &[Value], at: &str, depth: usize) {
        self.count(keywords, ("minItems", "maxItems"), items.len(), "value", at);
        let first = keywords.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let schema = first.and_then(|first| first.get(index)).or_else(|| keywords.get("items"));
            if let Some(schema) = schema {
                self.check(schema, item, &format!("{at}/{index}"), depth + 1);
            }
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                if let Some(same) = seen.insert(canonical(item), index) {
                    let wanted = format!("a value that is not in the list yet; it is at {at}/{same}");
                    self.tell(&format!("{at}/{index}"), described(item), wanted);
                }
            }
        }
        if let Some(schema) = keywords.get("contains")
            && !items.iter().any(|item| self.probe(schema, item, at, depth).is_empty())
        {
            let wanted = format!("at least one item that is {}", words::expected(schema));
            self.tell(at, counted(items.len(), "value"), wanted);
        }
    }

    fn text(&mut self, keywords: &Map<String, Value>, text: &str, at: &str) {
        self.count(keywords, ("minLength", "maxLength"), text.chars().count(), "character", at);
        if let Some(pattern) = keywords.get("pattern").and_then(Value::as_str)
            && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
        {
            self.tell(at, described(&Value::from(text)), format!("text that matches {pattern}"));
        }
    }

    fn number(&mut self, keywords: &Map<String, Value>, value: &Value, at: &str) {
        let number = value.as_f64().unwrap_or_default();
        let bounds = [
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("exclusiveMinimum", "more than"),
            ("exclusiveMaximum", "less than"),
        ];
        for (keyword, text) in bounds {
            let Some(bound) = keywords.get(keyword) else { continue };
            let holds = |bound: f64| match keyword {
                "minimum" => number >= bound,
                "maximum" => number <= bound,
                "exclusiveMinimum" => number > bound,
                _ => number < bound,
            };
            if bound.as_f64().is_some_and(|bound| !holds(bound)) {
                self.tell(at, described(value), format!("{text} {bound}"));
            }
        }
        if let Some(step) = keywords.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0) {
            let times = number / step;
            if (times - times.round()).abs() > times.abs().max(1.0) * 1e-12 {
                self.tell(at, described(value), format!("a multiple of {step}"));
            }
        }
    }

    /// Bounds of a number of keys, items or characters.
    fn count(
        &mut self,
        keywords: &Map<String, Value>,
        (least, most): (&str, &str),
        number: usize,
        what: &str,
        at: &str,
    ) {
        let bound = |key: &str| keywords.get(key).and_then(Value::as_f64);
        let (least, most) = (bound(least), bound(most));
        #[expect(clippy::cast_precision_loss, reason = "no input has 2^52 items")]
        let count = number as f64;
        if least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most) {
            let wanted = match (least, most) {
                (Some(least), Some(most)) if least.total_cmp(&most).is_eq() => format!("exactly {least}"),
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, most) => format!("at most {}", most.unwrap_or_default()),
            };
            self.tell(at, counted(number, what), wanted);
        }
    }

    /// Schemas that are made of others.
    fn combined(&mut self, keywords: &'s Map<String, Value>, value: &Value, at: &str, depth: usize) {
        let list = |keyword: &str| keywords.get(keyword).and_then(Value::as_array).map(Vec::as_slice);
        for schema in list("allOf").into_iter().flatten() {
            self.check(schema, value, at, depth + 1);
        }
        for (keyword, only) in [("anyOf", false), ("oneOf", true)] {
            let Some(schemas) = list(keyword) else { continue };
            let results: Vec<Vec<Mismatch>> =
                schemas.iter().map(|schema| self.probe(schema, value, at, depth)).collect();
            match results.iter().filter(|wrong| wrong.is_empty()).count() {
                0 => self.no_alternative(schemas, results, value, at),
                1 => {}
                fitting if only => {
                    let found = format!("{} that fits {fitting} alternatives", described(value));
                    self.tell(at, found, "a value that fits exactly one");
                }
                _ => {}
            }
        }
        if let Some(schema) = keywords.get("not")
            && self.probe(schema, value, at, depth).is_empty()
        {
            self.tell(at, described(value), format!("anything but {}", words::expected(schema)));
        }
        if let Some(condition) = keywords.get("if") {
            let holds = self.probe(condition, value, at, depth).is_empty();
            if let Some(schema) = keywords.get(if holds { "then" } else { "else" }) {
                self.check(schema, value, at, depth + 1);
            }
        }
    }

    /// The one alternative that can have been meant is told in detail, else what the alternatives are.
    fn no_alternative(&mut self, schemas: &'s [Value], results: Vec<Vec<Mismatch>>, value: &Value, at: &str) {
        let mut meant = results.into_iter().filter(|wrong| !wrong.iter().any(|one| one.pointer == at));
        if let (Some(wrong), None) = (meant.next(), meant.next()) {
            return self.found.extend(wrong);
        }
        let mut wanted: Vec<String> = schemas.iter().map(words::expected).collect();
        wanted.dedup();
        self.tell(at, described(value), wanted.join(", or "));
    }
}

/// The schema that a reference within the schema points to.
fn resolve<'s>(root: &'s Value, reference: &Value) -> Option<&'s Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What is expected instead of an unknown key.
pub(super) fn known_keys(key: &str, known: &[&str]) -> String {
    let meant = did_you_mean(key, known.iter().copied());
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    match known {
        [] => "no keys at all".to_owned(),
        known => format!("one of {}{meant}", known.join(", ")),
    }
}

fn has_type(keywords: &Map<String, Value>, value: &Value) -> bool {
    let is = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => is_integer(value),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    };
    match keywords.get("type") {
        Some(Value::String(name)) => is(name),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// Equal as JSON Schema means it: 1 is 1.0, the order of keys does not count.
fn equal(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

/// The same value with every whole number written as one.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64() && is_integer(value)) {
            #[expect(clippy::cast_possible_truncation, reason = "bounded right before")]
            Some(whole) if whole.abs() < 9e18 => (whole as i64).into(),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), canonical(value))).collect(),
        other => other.clone(),
    }
}
