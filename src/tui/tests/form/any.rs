//! Any keys on any schema, and text from outside in every part of one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{buffer, hostile, resized};
use super::{form, paste, stdin};
use crate::skill::schema;
use crate::tui::action::Action;
use crate::tui::key::{Mouse, MouseKind};
use crate::tui::state::form::Mode;

const NASTY: &str =
    "a\u{1b}]52;c;aGk=\u{7}b\u{9b}31m\u{202e}c\u{200b}\r\n\t\u{7f}漢\u{301}\u{301}\u{301}\u{2028}";

#[test]
fn nothing_in_a_schema_steers_the_terminal() {
    let properties = json!({
        NASTY: { "type": "string", "description": NASTY, "default": NASTY },
        "pick": { "enum": [NASTY, 1], "description": NASTY },
        "list": { "type": "array", "items": { "enum": [NASTY] }, "default": [NASTY] },
        "any": { "description": NASTY.repeat(50), "pattern": NASTY },
    });
    let schema = json!({ "type": "object", "properties": properties, "required": [NASTY] });
    let mut bench = form(80, 24, &[stdin(schema)]);
    paste(&mut bench, NASTY);
    for keys in [
        "", "<enter>", "<down>", "<right>", "<down>", "x", "<down>", "<ctrl-t>", "<ctrl-t>", "<enter>",
        "<f5>", "?",
    ] {
        bench.keys(keys);
        paste(&mut bench, NASTY);
        hostile::check(&bench);
    }
}

/// Any schema of a property.
fn property() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "string", "minLength": 2, "pattern": "^[a-z]*$" })),
        Just(json!({ "type": "integer", "minimum": 0, "maximum": 9 })),
        Just(json!({ "type": ["number", "null"], "default": 1.5 })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "enum": ["a", 1, null, true] })),
        Just(json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 2 })),
        Just(json!({ "type": "array", "items": { "type": "object" } })),
        Just(json!({ "type": "object", "required": ["x"] })),
        Just(json!({ "anyOf": [{ "type": "string", "minLength": 3 }, { "type": "integer" }] })),
        Just(json!({ "type": "string", "description": "a file" })),
        Just(json!({})),
    ]
}

fn schemas() -> impl Strategy<Value = Value> {
    (proptest::collection::vec(property(), 0..5), any::<[bool; 5]>(), any::<bool>()).prop_map(|(list, required, open)| {
        let names = ["city", "days", "api_key", "x/y~z", "file"];
        let required: Vec<&str> = names.iter().zip(&required).take(list.len()).filter(|(_, on)| **on).map(|(name, _)| *name).collect();
        let properties: serde_json::Map<String, Value> = names.iter().map(|name| (*name).to_owned()).zip(list).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": open })
    })
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let keys = [
        "<tab>",
        "<shift-tab>",
        "<up>",
        "<down>",
        "<left>",
        "<right>",
        "<home>",
        "<end>",
        "<pageup>",
        "<pagedown>",
        "<backspace>",
        "<delete>",
        "<space>",
        "<enter>",
        "<f5>",
        "<ctrl-t>",
        "<f2>",
        "<ctrl-r>",
        "<ctrl-n>",
        "<ctrl-x>",
        "<ctrl-y>",
        "<ctrl-u>",
        "<ctrl-w>",
        "<ctrl-k>",
        "<alt-b>",
        "1",
        "9",
        "a",
        "b",
        ",",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ":",
        "-",
        "漢",
        "ctiy",
        "\"x\": 1",
        "{\"city\": \"abc\"}",
        "PASTE a\n1\nb",
        "PASTE {\"days\": 3,\n\"x/y~z\": [1]}",
        "WHEEL",
    ];
    proptest::collection::vec(proptest::sample::select(keys.to_vec()).prop_map(str::to_owned), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_a_valid_form_fits_its_schema(schema in schemas(), keys in keys(), size in (1u16..120, 1u16..40)) {
        let mut bench = form(80, 24, &[stdin(schema.clone())]);
        resized(&mut bench.driver.state, size.0, size.1);
        for key in &keys {
            if bench.state().form().is_none() {
                bench.keys("i");
            }
            match key.as_str() {
                "WHEEL" => {
                    let (column, row) = (size.0 / 2, size.1 / 2);
                    bench.tell(Action::Mouse(Mouse { kind: MouseKind::WheelDown, column, row }));
                    bench.tell(Action::Mouse(Mouse { kind: MouseKind::Press, column, row }));
                }
                key => match key.strip_prefix("PASTE ") {
                    Some(text) => paste(&mut bench, text),
                    None => { bench.keys(key); }
                },
            }
            buffer(&bench.driver);
            let Some(form) = bench.state().form() else { continue };
            if let Ok(input) = &form.judged && form.mode != Mode::Arguments {
                let given: Value = serde_json::from_slice(&input.stdin).unwrap();
                let wrong = schema::validate::validate(&schema, &given);
                prop_assert!(wrong.is_empty(), "{given} is said to be valid: {wrong:?}");
            }
        }
        for given in bench.log.lock().unwrap().stdin.iter().filter(|text| !text.is_empty()) {
            let given: Value = serde_json::from_str(given).unwrap();
            prop_assert!(schema::validate::validate(&schema, &given).is_empty());
        }
    }
}
