//! Types of scalars: the rules of YAML 1.1 as PyYAML 6 has them. [`super::scalar`] has those of YAML 1.2.

use serde_json::Number;

/// Type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Null,
    Bool,
    Int,
    Float,
    Date,
    /// `<<` and `=`, which have a meaning as keys only.
    Special,
}

/// The type of a scalar without tag and quotes: the implicit resolvers of PyYAML 6.
pub(super) fn implicit(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "<<" | "=" => Kind::Special,
        _ if is_boolean(text) => Kind::Bool,
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c)) => Kind::Text,
        _ if is_float(text) => Kind::Float,
        _ if is_int(text) => Kind::Int,
        _ if looks_like_date(text) => Kind::Date,
        _ => Kind::Text,
    }
}

fn is_boolean(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut letters = text.chars().skip(1);
    let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
    let cased =
        letters.clone().all(|c| c.is_ascii_lowercase()) || capital && letters.all(|c| c.is_ascii_uppercase());
    cased && boolean(&lower).is_some()
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(|byte| byte == b'_' || allowed(byte))
}

/// Parts behind colons: `[0-5]?[0-9]`.
fn sixtieths<'a>(mut parts: impl Iterator<Item = &'a str>) -> bool {
    parts.all(|part| match part.as_bytes() {
        [unit] => unit.is_ascii_digit(),
        [ten, unit] => (b'0'..=b'5').contains(ten) && unit.is_ascii_digit(),
        _ => false,
    })
}

fn is_int(text: &str) -> bool {
    let digits = unsigned(text);
    if let Some(digits) = digits.strip_prefix("0b") {
        return !digits.is_empty() && all(digits, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(digits) = digits.strip_prefix("0x") {
        return !digits.is_empty() && all(digits, |byte| byte.is_ascii_hexdigit());
    }
    if let Some(digits) = digits.strip_prefix('0') {
        return all(digits, |byte| (b'0'..=b'7').contains(&byte));
    }
    let mut parts = digits.split(':');
    let whole = parts.next().unwrap_or_default();
    whole.starts_with(|c: char| c.is_ascii_digit())
        && all(whole, |byte| byte.is_ascii_digit())
        && sixtieths(parts)
}

fn is_float(text: &str) -> bool {
    let (digits, signed) = (unsigned(text), text.starts_with(['-', '+']));
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, rest)) = digits.split_once('.') else { return false };
    let number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit()) && all(text, |byte| byte.is_ascii_digit())
    };
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    // The exponent has a sign, always.
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let fraction_fits = all(fraction, |byte| byte.is_ascii_digit());
    if whole.is_empty() {
        return !signed && number(fraction) && exponent_fits;
    }
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let sexagesimal = whole.contains(':');
    number(first)
        && sixtieths(parts)
        && fraction_fits
        && exponent_fits
        && !(sexagesimal && exponent.is_some())
}

pub(super) fn int(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    let negative = plain.starts_with('-');
    let digits = unsigned(&plain);
    let number = if digits == "0" {
        0.0.into()
    } else if let Some(digits) = digits.strip_prefix("0b") {
        Whole::radix(digits, 2)?
    } else if let Some(digits) = digits.strip_prefix("0x") {
        Whole::radix(digits, 16)?
    } else if let Some(rest) = digits.strip_prefix('0') {
        Whole::radix(rest.strip_prefix(['o', 'O']).unwrap_or(rest), 8)?
    } else {
        let parts = digits.split(':').map(|part| Whole::radix(part, 10));
        parts.reduce(|sum, part| Some(sum?.times(60).plus(part?)))??
    };
    number.signed(negative)
}

/// A whole number: exact up to 127 bits, behind that the nearest that JSON readers have.
#[derive(Debug, Clone, Copy)]
struct Whole {
    exact: Option<u128>,
    near: f64,
}

impl From<f64> for Whole {
    fn from(near: f64) -> Self {
        Self { exact: Some(near as u128), near }
    }
}

impl Whole {
    fn radix(digits: &str, radix: u32) -> Option<Self> {
        if digits.is_empty() {
            return None;
        }
        if radix == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self { exact: digits.parse().ok(), near: digits.parse().ok()? });
        }
        let start = Some(Self::from(0.0));
        digits.chars().fold(start, |sum, digit| {
            let digit = Self::from(f64::from(digit.to_digit(radix)?));
            Some(sum?.times(u128::from(radix)).plus(digit))
        })
    }

    fn times(self, factor: u128) -> Self {
        let exact = self.exact.and_then(|exact| exact.checked_mul(factor));
        Self { exact, near: self.near * factor as f64 }
    }

    fn plus(self, other: Self) -> Self {
        let exact = self.exact.zip(other.exact).and_then(|(a, b)| a.checked_add(b));
        Self { exact, near: self.near + other.near }
    }

    fn signed(self, negative: bool) -> Option<Number> {
        let exact = self.exact.and_then(|exact| i128::try_from(exact).ok());
        match exact.map(|exact| if negative { -exact } else { exact }) {
            Some(exact) if i64::try_from(exact).is_ok() => Some(Number::from(exact as i64)),
            Some(exact) if u64::try_from(exact).is_ok() => Some(Number::from(exact as u64)),
            _ => Number::from_f64(if negative { -self.near } else { self.near }),
        }
    }
}

pub(super) fn float(text: &str) -> Option<f64> {
    let plain = text.replace('_', "").to_lowercase();
    let negative = plain.starts_with('-');
    let digits = unsigned(&plain);
    let number = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => digits
            .split(':')
            .map(|part| part.trim().parse::<f64>().ok())
            .reduce(|sum, part| Some(sum? * 60.0 + part?))??,
    };
    Some(if negative { -number } else { number })
}

/// `2001-12-14`, `2001-12-14t21:59:43.10-05:00`, `2001-12-14 21:59:43.10 -5`: parts, without their values.
struct Date<'a> {
    day: [&'a str; 3],
    time: Option<[&'a str; 3]>,
    zone: Option<(&'a str, &'a str)>,
}

impl<'a> Date<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (year, rest) = digits(text, 4, 4)?;
        let (month, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
        let (day, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
        let day = [year, month, day];
        if rest.is_empty() {
            return Some(Self { day, time: None, zone: None });
        }
        let rest = match rest.strip_prefix(['t', 'T']) {
            Some(rest) => rest,
            None => rest.strip_prefix([' ', '\t'])?.trim_start_matches([' ', '\t']),
        };
        let (hour, rest) = digits(rest, 1, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
        let (second, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
        let time = Some([hour, minute, second]);
        let rest =
            rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        let zone = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() || zone == "Z" {
            return Some(Self { day, time, zone: None });
        }
        let (hours, rest) = digits(zone.strip_prefix(['-', '+'])?, 1, 2)?;
        let minutes = match rest.strip_prefix(':') {
            Some(rest) => digits(rest, 2, 2).filter(|(_, rest)| rest.is_empty())?.0,
            None if rest.is_empty() => "0",
            None => return None,
        };
        Some(Self { day, time, zone: Some((hours, minutes)) })
    }

    /// Whether there is such a day and time.
    fn exists(&self) -> bool {
        let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        let [year, month, day] = self.day.map(number);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        let time = self.time.is_none_or(|[h, m, s]| number(h) < 24 && number(m) < 60 && number(s) < 60);
        let zone = self.zone.is_none_or(|(hours, minutes)| number(hours) * 60 + number(minutes) < 24 * 60);
        year > 0 && (1..=days).contains(&day) && time && zone
    }
}

/// Digits at the beginning of a text, and what is behind them.
fn digits(text: &str, least: usize, most: usize) -> Option<(&str, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (count >= least).then(|| text.split_at(count))
}

fn looks_like_date(text: &str) -> bool {
    // A day alone is written with two digits each.
    Date::parse(text)
        .is_some_and(|date| date.time.is_some() || date.day.iter().map(|part| part.len()).sum::<usize>() == 8)
}

pub(super) fn is_date(text: &str) -> bool {
    Date::parse(text).is_some_and(|date| date.exists())
}
