//! Texts as Python writes, reads and formats them.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::eval::{MAX_TEXT, children};
use super::interpret::Interpreter;
use super::value::Value;

impl<'t> Interpreter<'t> {
    /// One string, or several side by side.
    pub(super) fn string_literal(&mut self, node: Node<'t>) -> Value<'t> {
        if node.kind() == "string" {
            return Value::text(self.string(node));
        }
        let mut text = String::new();
        for part in children(node) {
            text.push_str(&self.string(part));
            if text.len() > MAX_TEXT {
                break;
            }
        }
        Value::text(text)
    }

    /// The characters of a string; what f-strings put in is worked out where it is known, else left as written.
    fn string(&mut self, node: Node<'t>) -> String {
        let start = node.child(0).map_or("", |start| self.text(start)).to_lowercase();
        let (raw, formatted) = (start.contains('r'), start.contains('f'));
        let mut out = String::new();
        for part in children(node) {
            match part.kind() {
                "string_content" => {
                    let text = self.text(part);
                    let text = if raw { text.to_owned() } else { unescaped(text) };
                    // `{{` in an f-string is a brace.
                    out.push_str(&if formatted { text.replace("{{", "{").replace("}}", "}") } else { text });
                }
                "interpolation" => out.push_str(&self.interpolation(part)),
                _ => {}
            }
            if out.len() > MAX_TEXT {
                break;
            }
        }
        out
    }

    fn interpolation(&mut self, node: Node<'t>) -> String {
        let value = node.child_by_field_name("expression").map(|inner| self.eval(inner)).unwrap_or_default();
        let parts = children(node);
        let find = |kind: &str| parts.iter().find(|part| part.kind() == kind).map(|part| self.text(*part));
        let spec = find("format_specifier").unwrap_or_default().trim_start_matches(':');
        let shown = match find("type_conversion") {
            Some("!r") => repr(&value).map(Value::text),
            _ => Some(value),
        };
        shown.and_then(|value| format(&value, spec)).unwrap_or_else(|| self.text(node).to_owned())
    }
}

/// `str(value)`
pub(super) fn display(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Json(Json::String(text)) => Some(text.clone()),
        other => repr(other),
    }
}

/// `repr(value)`
pub(super) fn repr(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Json(json) => Some(json_repr(json)),
        Value::Member(member) => Some(json_repr(&member.value)),
        Value::List(list) => {
            let items: Option<Vec<String>> = list.items.iter().map(repr).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        _ => None,
    }
}

/// How Python shows JSON values.
pub(super) fn json_repr(json: &Json) -> String {
    match json {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float_repr(float),
            _ => number.to_string(),
        },
        Json::String(text) => {
            let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
            let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
            let text = if quote == '\'' { text.replace('\'', "\\'") } else { text };
            format!("{quote}{text}{quote}")
        }
        Json::Array(items) => format!("[{}]", items.iter().map(json_repr).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| {
                format!("{}: {}", json_repr(&Json::String(key.clone())), json_repr(value))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

fn float_repr(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let Some((digits, power)) = text.split_once('e') else { return text };
        let sign = if power.starts_with('-') { '-' } else { '+' };
        return format!("{digits}e{sign}{:0>2}", power.trim_start_matches('-'));
    }
    format!("{value:?}")
}

/// A value by a format specification: width, precision and the kinds `s`, `d`, `f`, `,`, `%`; `None` for others.
pub(super) fn format(value: &Value<'_>, spec: &str) -> Option<String> {
    if spec.is_empty() {
        return display(value);
    }
    let kind = spec.chars().last().filter(char::is_ascii_alphabetic);
    let rest = spec.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%' || c == ',');
    let (align, rest) = match rest.chars().next() {
        Some(sign @ ('<' | '>' | '^')) => (Some(sign), &rest[1..]),
        _ => (None, rest),
    };
    let (width, precision) = rest.split_once('.').unwrap_or((rest, ""));
    let zeros = width.starts_with('0') && width.len() > 1;
    let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
    let precision: Option<usize> = if precision.is_empty() { None } else { Some(precision.parse().ok()?) };
    if width > 200 || precision.is_some_and(|precision| precision > 30) {
        return None;
    }
    let json = value.to_json()?;
    let body = match (kind, &json) {
        (_, Json::Number(number)) if spec.ends_with('%') => {
            format!("{:.*}%", precision.unwrap_or(6), number.as_f64()? * 100.0)
        }
        (_, Json::Number(number)) if spec.ends_with(',') => grouped(&number.to_string()),
        (Some('f' | 'F'), json) => format!("{:.*}", precision.unwrap_or(6), json.as_f64()?),
        (Some('d' | 'i'), json) => json.as_i64().or_else(|| json.as_f64().map(|n| n as i64))?.to_string(),
        (Some('x'), json) => format!("{:x}", json.as_i64()?),
        (Some('g'), json) => json_repr(json).trim_end_matches(".0").to_owned(),
        (Some('s') | None, _) => {
            let text = display(value)?;
            precision.map_or(text.clone(), |most| text.chars().take(most).collect())
        }
        _ => return None,
    };
    let right = matches!(json, Json::Number(_));
    Some(match align.unwrap_or(if right { '>' } else { '<' }) {
        '>' if zeros => format!("{body:0>width$}"),
        '>' => format!("{body:>width$}"),
        '^' => format!("{body:^width$}"),
        _ => format!("{body:<width$}"),
    })
}

fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').map_or((digits, String::new()), |(w, r)| (w, format!(".{r}")));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{rest}")
}

/// `text % value`
pub(super) fn percent<'t>(text: &str, value: &Value<'t>) -> Value<'t> {
    let values = match value {
        Value::List(list) => list.items.clone(),
        other => vec![other.clone()],
    };
    let mut values = values.into_iter();
    let lookup = |name: &str| match value {
        Value::Dict(_) => value.at(&Value::text(name)),
        _ => Value::Unknown,
    };
    let mut next = |name: Option<&str>| match name {
        Some(name) => Some(lookup(name)),
        None => values.next(),
    };
    substituted(text, &mut |name| next(name)).map_or(Value::Unknown, Value::text)
}

/// Fill in `%s`, `%(name)d`, `%%` and their like; `None` when a value is not known.
pub(super) fn substituted<'t>(
    text: &str,
    value: &mut dyn FnMut(Option<&str>) -> Option<Value<'t>>,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let name = match rest.strip_prefix('(') {
            Some(after) => {
                let (name, after) = after.split_once(')')?;
                rest = after;
                Some(name)
            }
            None => None,
        };
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (spec, kind) = (&rest[..end], rest.as_bytes()[end]);
        let left = if spec.starts_with('-') { "<" } else { ">" };
        let spec = spec.trim_start_matches(['-', '+', ' ', '#']);
        let shown = value(name)?;
        let shown = match kind {
            b'r' => Value::text(repr(&shown)?),
            b's' => Value::text(display(&shown)?),
            _ => shown,
        };
        let letter = if kind == b'r' { 's' } else { char::from(kind) };
        let spec = if spec.is_empty() { letter.to_string() } else { format!("{left}{spec}{letter}") };
        out.push_str(&format(&shown, &spec)?);
        rest = &rest[end + 1..];
        if out.len() > MAX_TEXT {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Python's escapes in texts.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('\n') | None => {}
            Some(quote @ ('\\' | '\'' | '"')) => out.push(quote),
            Some(first @ '0'..='7') => {
                let mut code = first.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = chars.clone().next().and_then(|next| next.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.extend(char::from_u32(code));
            }
            Some(letter @ ('x' | 'u' | 'U')) => {
                let count = match letter {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = chars.clone().take(count).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                if let Some(code) = code.filter(|_| digits.len() == count) {
                    out.push(code);
                    chars.nth(count - 1);
                }
            }
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}
