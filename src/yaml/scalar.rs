//! Types of scalars: the core schema of YAML 1.2.2, section 10.3.

use serde_json::{Number, Value as Json};

use super::Style;

const CORE: &str = "tag:yaml.org,2002:";

/// The JSON value of a scalar. Infinity and "not a number" stay text: JSON has no form for them.
pub(super) fn resolve(text: &str, style: Style, tag: Option<&str>) -> Json {
    let tag = tag.and_then(|tag| tag.strip_prefix(CORE));
    if tag == Some("str") || (style != Style::Plain && tag.is_none()) {
        return Json::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => number(text).map_or_else(|| Json::String(text.to_owned()), Json::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let signed = text.strip_prefix('+').unwrap_or(text);
        if let Ok(value) = signed.parse::<i64>() {
            return Some(value.into());
        }
        if let Ok(value) = signed.parse::<u64>() {
            return Some(value.into());
        }
    }
    is_float(unsigned).then(|| text.parse().ok().and_then(Number::from_f64)).flatten()
}

fn radix(digits: &str, radix: u32) -> Option<Number> {
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    (plain && !digits.is_empty()).then(|| u64::from_str_radix(digits, radix).ok()).flatten().map(Number::from)
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => digits(mantissa) && !mantissa.is_empty(),
    };
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        digits(exponent) && !exponent.is_empty()
    });
    mantissa_ok && exponent_ok
}
