//! Random inputs that a JSON Schema allows.

use serde_json::{Map, Value, json};

/// splitmix64: a seed means the same for ever.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Texts that a command line could trip over.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "plain",
    "two words",
    "-",
    "--",
    "-x",
    "-5",
    "-0.25",
    "-1e5",
    "--long",
    "--long=1",
    "-a b",
    "a=b",
    "=",
    "@file",
    "%s",
    "*",
    "$HOME",
    "`id`",
    "'single'",
    "\"double\"",
    "back\\slash",
    "line\nbreak",
    "-line\nbreak",
    "tab\t",
    "ünï",
    "日本語",
    "-日本",
    "😀",
    "\u{202e}",
    "null",
    "true",
    "0",
    "add",
    "show",
    "run",
];

pub(crate) fn input(schema: &Value, random: &mut Random) -> Value {
    if let Some(choices) = schema["enum"].as_array() {
        return random.one_of(choices).clone();
    }
    if let Some(several) = schema["anyOf"].as_array() {
        return input(random.one_of(several), random);
    }
    let kind = match &schema["type"] {
        Value::Array(names) => random.one_of(names).clone(),
        other => other.clone(),
    };
    match kind.as_str() {
        Some("object") => object(schema, random),
        Some("array") => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let most = schema["maxItems"].as_u64().unwrap_or(least + 3);
            let count = least + random.below(usize::try_from(most - least + 1).unwrap()) as u64;
            (0..count).map(|_| input(&schema["items"], random)).collect()
        }
        Some("string") => text(random).into(),
        Some("integer") => integer(schema, random),
        Some("number") => number(random),
        Some("boolean") => (random.below(2) == 0).into(),
        Some("null") => Value::Null,
        _ => match random.below(6) {
            0 => Value::Null,
            1 => json!({ "key": [1, "two", null] }),
            2 => json!([]),
            3 => json!(-7),
            4 => true.into(),
            _ => text(random).into(),
        },
    }
}

fn object(schema: &Value, random: &mut Random) -> Value {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let mut object = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        // Not given, or null, which means the same.
        match random.below(8) {
            0..4 if !required(name) => {}
            4 if !required(name) && property["type"].is_string() => {
                object.insert(name.clone(), Value::Null);
            }
            _ => {
                object.insert(name.clone(), input(property, random));
            }
        }
    }
    Value::Object(object)
}

fn text(random: &mut Random) -> String {
    match random.below(12) {
        0 => format!("{}{}", random.one_of(TEXTS), random.one_of(TEXTS)),
        1 => "long ".repeat(1000),
        // Most texts are harmless: else hardly a list would be without one that is not.
        2..6 => "word".to_owned(),
        _ => (*random.one_of(TEXTS)).to_owned(),
    }
}

fn integer(schema: &Value, random: &mut Random) -> Value {
    let least = schema["minimum"].as_i64();
    let most = schema["maximum"].as_i64();
    if let (Some(least), Some(most)) = (least, most) {
        let count = usize::try_from(most - least + 1).unwrap().min(6);
        return (least + i64::try_from(random.below(count)).unwrap()).into();
    }
    let whole = [
        json!(0),
        json!(7),
        json!(-1),
        json!(-40),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(3.0),
        json!(-2e3),
    ];
    random.one_of(&whole).clone()
}

fn number(random: &mut Random) -> Value {
    let numbers = [
        json!(0),
        json!(-3),
        json!(2.5),
        json!(-0.125),
        json!(1e300),
        json!(-1e-7),
        json!(0.1),
        json!(-1e22),
        json!(123_456.789_012_345_67),
        json!(5e-324),
    ];
    random.one_of(&numbers).clone()
}
