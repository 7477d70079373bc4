//! Operators on known values.

use serde_json::{Number, Value as Json};
use tree_sitter::Node;

use super::eval::{MAX_ITEMS, MAX_TEXT, children};
use super::interpret::Interpreter;
use super::value::Value;

impl<'t> Interpreter<'t> {
    pub(super) fn negation(&mut self, node: Node<'t>) -> Value<'t> {
        let value = self.side(node, "argument");
        let sign = node.child_by_field_name("operator").map_or("", |sign| sign.kind());
        match value {
            Value::Json(Json::Number(number)) if sign == "-" => {
                let negative = number.as_i64().and_then(i64::checked_neg).map(Number::from);
                let negative = negative.or_else(|| number.as_f64().and_then(|n| Number::from_f64(-n)));
                negative.map_or(Value::Unknown, |number| Value::Json(Json::Number(number)))
            }
            Value::Json(Json::Number(number)) if sign == "+" => Value::Json(Json::Number(number)),
            _ => Value::Unknown,
        }
    }

    /// Sums of texts and of lists, products, paths joined by `/`, formatting by `%`, unions by `|`.
    pub(super) fn binary(&mut self, operator: &str, left: &Value<'t>, right: &Value<'t>) -> Value<'t> {
        match (operator, left, right) {
            ("+" | "|", Value::List(known), Value::List(more)) => {
                self.spend(known.items.len() + more.items.len());
                let mut items = known.items.clone();
                items.extend(more.items.iter().cloned());
                items.truncate(MAX_ITEMS);
                Value::list(items)
            }
            ("|", Value::Dict(known), Value::Dict(more)) => {
                self.spend(known.pairs.len() + more.pairs.len());
                Value::dict(known.pairs.iter().chain(&more.pairs).cloned().collect())
            }
            ("%", Value::Json(Json::String(text)), _) => super::text::percent(text, right),
            (_, Value::Json(left), Value::Json(right)) => arithmetic(operator, left, right),
            _ => Value::Unknown,
        }
    }

    pub(super) fn comparison(&mut self, node: Node<'t>) -> Value<'t> {
        let mut cursor = node.walk();
        let operators: Vec<&str> =
            node.children_by_field_name("operators", &mut cursor).map(|operator| operator.kind()).collect();
        let values: Vec<Value<'t>> = children(node).into_iter().map(|part| self.eval(part)).collect();
        let [left, right] = &values[..] else { return Value::Unknown };
        let same = || Some(left.to_json()? == right.to_json()?);
        let within = || {
            if let (Some(part), Some(whole)) = (left.as_str(), right.as_str()) {
                return Some(whole.contains(part));
            }
            let wanted = left.to_json()?;
            let items = self.items(right)?;
            let items: Option<Vec<Json>> = items.iter().map(Value::to_json).collect();
            Some(items?.contains(&wanted))
        };
        let order = || left.to_json()?.as_f64()?.partial_cmp(&right.to_json()?.as_f64()?);
        let known = |value: &Value<'_>| !matches!(value, Value::Unknown | Value::Name(_) | Value::Stdin);
        let is = || (known(left) && known(right)).then(|| left.is_none() == right.is_none());
        let truth = match operators.join(" ").as_str() {
            "==" => same(),
            "!=" | "<>" => same().map(|same| !same),
            "is" if right.is_none() => is(),
            "is not" if right.is_none() => is().map(|is| !is),
            "in" => within(),
            "not in" => within().map(|within| !within),
            "<" => order().map(std::cmp::Ordering::is_lt),
            "<=" => order().map(std::cmp::Ordering::is_le),
            ">" => order().map(std::cmp::Ordering::is_gt),
            ">=" => order().map(std::cmp::Ordering::is_ge),
            _ => None,
        };
        truth.map_or(Value::Unknown, |truth| Value::Json(truth.into()))
    }
}

pub(super) fn number(value: Option<f64>) -> Value<'static> {
    value.and_then(Number::from_f64).map_or(Value::Unknown, |number| Value::Json(Json::Number(number)))
}

pub(super) fn integer(text: &str) -> Value<'static> {
    let lower = text.to_lowercase();
    let parsed = match lower.get(..2) {
        Some("0x") => i64::from_str_radix(&lower[2..], 16),
        Some("0o") => i64::from_str_radix(&lower[2..], 8),
        Some("0b") => i64::from_str_radix(&lower[2..], 2),
        _ => lower.parse(),
    };
    parsed.map_or(Value::Unknown, |number| Value::Json(Json::from(number)))
}

fn arithmetic(operator: &str, left: &Json, right: &Json) -> Value<'static> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        let short = left.len() + right.len() <= MAX_TEXT;
        return match operator {
            "+" if short => Value::text(format!("{left}{right}")),
            // Paths.
            "/" if short && right.starts_with('/') => Value::text(right),
            "/" if short => Value::text(format!("{}/{right}", left.trim_end_matches('/'))),
            _ => Value::Unknown,
        };
    }
    if let (Some(text), Some(times), "*") = (left.as_str(), right.as_u64(), operator) {
        let times = times as usize;
        return if text.len().saturating_mul(times) <= MAX_TEXT {
            Value::text(text.repeat(times))
        } else {
            Value::Unknown
        };
    }
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        let result = match operator {
            "+" => left.checked_add(right),
            "-" => left.checked_sub(right),
            "*" => left.checked_mul(right),
            "**" => u32::try_from(right).ok().and_then(|power| left.checked_pow(power)),
            "<<" => u32::try_from(right).ok().filter(|by| *by < 62).and_then(|by| left.checked_mul(1 << by)),
            "//" if right != 0 => left.checked_div_euclid(right),
            "%" if right > 0 => left.checked_rem_euclid(right),
            "/" if right != 0 => return number(Some(left as f64 / right as f64)),
            _ => None,
        };
        return result.map_or(Value::Unknown, |number| Value::Json(Json::from(number)));
    }
    let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else { return Value::Unknown };
    number(match operator {
        "+" => Some(left + right),
        "-" => Some(left - right),
        "*" => Some(left * right),
        "/" if right != 0.0 => Some(left / right),
        _ => None,
    })
}
